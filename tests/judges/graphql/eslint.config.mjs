// The recommended rules for schemas and Relay's, each as an error, with the exceptions that are justified here.
import graphql from "@graphql-eslint/eslint-plugin";

const { rules } = graphql.configs["flat/schema-recommended"];
const recommended = Object.entries({ ...rules, ...graphql.configs["flat/schema-relay"].rules });
const strict = recommended.map(([name, level]) => [name, ["error", ...[level].flat().slice(1)]]);

const accepted = new Map([
  // `token_prefix` over REST, where the requirements name it so; a plain `prefix` would be another word for it.
  ["@graphql-eslint/no-typename-prefix", 'Field "tokenPrefix" starts with the name of the parent type "Token"'],
]);
const exceptions = {
  preprocess: (text, name) => [{ text, filename: name }],
  postprocess: (found) => found.flat().filter(({ ruleId, message }) => accepted.get(ruleId) !== message),
};

export default [
  {
    files: ["**/*.graphql"],
    languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: "docs/schema.graphql" } } },
    plugins: { "@graphql-eslint": graphql },
    processor: exceptions,
    rules: {
      ...Object.fromEntries(strict),
      "@graphql-eslint/strict-id-in-types": [
        "error",
        {
          // `id` is for nodes alone, by which Relay's store knows them; what tells of a row otherwise calls it `rowId`.
          acceptedIdNames: ["id", "rowId"],
          exceptions: {
            // Parts of an answer, which clients keep within it. Whatever is a row has an id.
            suffixes: ["Connection", "Edge", "Payload", "Result"],
            types: [
              // An amount, named by its feature within the summary.
              "EntitlementSummaryEntitlements",
              // What was wrong with one field, within a problem.
              "FieldError",
              // What Relay's specification describes without an id.
              "PageInfo",
              // The object of RFC 9457; one arises with each refusal.
              "Problem",
              // There is one, which is whoever calls.
              "Viewer",
              "ViewerRateLimit",
              // Counts of one request.
              "WriteSummary",
            ],
          },
        },
      ],
      // `nodes` is the usual shortcut beside `edges`, and lists of a small length (results of a bulk request,
      // scopes, sessions) have no pages.
      "@graphql-eslint/relay-edge-types": [
        "error",
        { withEdgeSuffix: true, shouldImplementNode: true, listTypeCanWrapOnlyEdgeType: false },
      ],
    },
  },
];
