/** Tells the story by urql, whose normalised cache puts pages together. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { Client, fetchExchange, type AnyVariables, type OperationResult } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { relayPagination } from "@urql/exchange-graphcache/extras";

import type { CustomersQuery } from "./generated/graphql.js";
import { Customers } from "./operations.js";
import { isMutation, tell } from "./story.js";

const { URL: server, TOKEN: token } = process.env;
const complaints: string[] = [];

const client = new Client({
  url: `${server}/graphql`,
  fetchOptions: { headers: { authorization: `Bearer ${token}` } },
  exchanges: [
    cacheExchange({
      schema: JSON.parse(readFileSync("generated/introspection.json", "utf8")),
      keys: { Problem: () => null, FieldError: () => null },
      resolvers: { Query: { customers: relayPagination() } },
      logger: (severity, message) => severity !== "debug" && complaints.push(message),
    }),
    fetchExchange,
  ],
});

function data<Data, Variables extends AnyVariables>({ data, error }: OperationResult<Data, Variables>): Data {
  assert.equal(error, undefined);
  assert.ok(data);
  return data;
}

await tell("urql", {
  complaints,
  ask: async (document, variables) =>
    data(
      isMutation(document)
        ? await client.mutation(document, variables)
        : await client.query(document, variables, { requestPolicy: "network-only" }),
    ),
  page: async (variables) => {
    let after: string | null = null;
    for (let pages = 1; ; pages += 1) {
      const { customers }: CustomersQuery = data(await client.query(Customers, { ...variables, after }));
      if (!customers?.pageInfo.hasNextPage) return pages;
      after = customers.pageInfo.endCursor;
    }
  },
  kept: async (variables) => data(await client.query(Customers, variables, { requestPolicy: "cache-only" })),
});
