// Prints what graphql-http finds of the server at URL, asked with TOKEN, as JSON.
import { auditServer } from "graphql-http";

const { URL: url, TOKEN: token } = process.env;
const results = await auditServer({
  url,
  fetchFn: (where, { headers, ...options } = {}) =>
    fetch(where, { ...options, headers: { ...headers, authorization: `Bearer ${token}` } }),
});
console.log(JSON.stringify(results.map(({ id, name, status, reason }) => ({ id, name, status, reason }))));
