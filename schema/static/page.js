"use strict";

const FIRST_QUERY = `# Ctrl-Enter runs this. Ctrl-Space completes, and the book on the left explains every field.
{
  products(first: 3, sort: [PRICE_CENTS_DESC]) {
    totalCount
    nodes { name priceCents currency brand { name } }
    pageInfo { hasNextPage endCursor }
  }
}
`;
const root = ReactDOM.createRoot(document.getElementById("graphiql"));

async function send(request, options) {
  const token = access.token();
  const headers = {
    Accept: "application/graphql-response+json, application/json;q=0.9",
    "Content-Type": "application/json",
    ...(token && { Authorization: `Bearer ${token}` }),
    ...options?.headers,
  };
  const response = await fetch(location.pathname, { method: "POST", headers, body: JSON.stringify(request) });
  return response.json();
}

function show(token) {
  // A new key makes GraphiQL read the schema again, as the new token sees it; the tabs are kept.
  root.render(
    React.createElement(GraphiQL, {
      key: token,
      fetcher: send,
      defaultQuery: FIRST_QUERY,
      shouldPersistHeaders: false,
    }),
  );
}

access.onChange(show);
show(access.token());
