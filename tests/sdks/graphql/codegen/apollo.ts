/** Tells the story by Apollo Client, whose normalised cache puts pages together. */
import assert from "node:assert/strict";

import { ApolloClient, HttpLink, InMemoryCache } from "@apollo/client";
import { relayStylePagination } from "@apollo/client/utilities";

import { Customers } from "./operations.js";
import { isMutation, tell } from "./story.js";

const { URL: server, TOKEN: token } = process.env;
const complaints: string[] = [];
console.warn = console.error = (...words: unknown[]) => void complaints.push(words.join(" "));

const client = new ApolloClient({
  link: new HttpLink({ uri: `${server}/graphql`, headers: { authorization: `Bearer ${token}` } }),
  cache: new InMemoryCache({
    typePolicies: { Query: { fields: { customers: relayStylePagination(["filter", "sort"]) } } },
  }),
});

await tell("apollo", {
  complaints,
  ask: async (document, variables) => {
    const { data } = isMutation(document)
      ? await client.mutate({ mutation: document, variables })
      : await client.query({ query: document, variables, fetchPolicy: "network-only" });
    assert.ok(data);
    return data;
  },
  page: async (variables) => {
    const watched = client.watchQuery({ query: Customers, variables });
    const subscription = watched.subscribe(() => {});
    let { data } = await watched.refetch();
    for (let pages = 1; ; pages += 1) {
      const found = data?.customers?.pageInfo;
      if (!found?.hasNextPage) {
        subscription.unsubscribe();
        return pages;
      }
      ({ data } = await watched.fetchMore({ variables: { after: found.endCursor } }));
    }
  },
  kept: async (variables) => {
    const data = client.readQuery({ query: Customers, variables });
    assert.ok(data);
    return data;
  },
});
