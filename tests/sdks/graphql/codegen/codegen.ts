import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "schema.graphql",
  documents: ["operations.ts"],
  emitLegacyCommonJSImports: false,
  generates: {
    "generated/": {
      preset: "client",
      presetConfig: {
        fragmentMasking: { unmaskFunctionName: "shown" },
        // What `diptych` registers as trusted documents: every operation by the hash of its text.
        persistedDocuments: { hashAlgorithm: "sha256" },
      },
      config: {
        // What is selected is there, be it null; only inputs may be left out.
        avoidOptionals: { field: true },
        enumsAsTypes: true,
        strictScalars: true,
        useTypeImports: true,
        scalars: {
          BigInt: { input: "number | string", output: "number" },
          DateTime: "string",
          Decimal: { input: "number | string", output: "string" },
          JSON: "../json.js#Json",
          UUID: "string",
        },
      },
    },
    // What the cache knows of the schema.
    "generated/introspection.json": { plugins: ["introspection"], config: { minify: true } },
  },
};

export default config;
