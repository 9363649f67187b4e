import { defineConfig } from 'orval';

export default defineConfig({
  client: {
    input: 'openapi.json',
    output: {
      target: 'generated/client.ts',
      client: 'fetch',
      mode: 'split',
      headers: true,
      baseUrl: { runtime: '`${process.env["URL"]}/api/v1`' },
    },
  },
  schemas: {
    input: 'openapi.json',
    output: {
      target: 'generated/zod.ts',
      client: 'zod',
      override: { zod: { generateReusableSchemas: true } },
    },
  },
});
