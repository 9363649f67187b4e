"use strict";

// The token lives in this variable alone: it is never stored, and a reload forgets it.
let token = "";
const root = ReactDOM.createRoot(document.getElementById("graphiql"));
const state = document.getElementById("access-state");

async function send(request, options) {
  const headers = {
    Accept: "application/graphql-response+json, application/json;q=0.9",
    "Content-Type": "application/json",
    ...(token && { Authorization: `Bearer ${token}` }),
    ...options?.headers,
  };
  const response = await fetch(location.pathname, { method: "POST", headers, body: JSON.stringify(request) });
  return response.json();
}

function show() {
  // A new key makes GraphiQL read the schema again, as the new token sees it; the tabs are kept.
  root.render(React.createElement(GraphiQL, { key: token, fetcher: send, shouldPersistHeaders: false }));
}

document.getElementById("access").addEventListener("submit", (event) => {
  event.preventDefault();
  token = document.getElementById("token").value.trim();
  state.textContent = token ? "Requests carry this token." : "No token: the schema and data may stay hidden.";
  show();
});

show();
