// Copies what the pages vendor from node_modules, without the comments that lead to source maps:
// `npm install --no-package-lock --ignore-scripts && npm run vendor` in this folder.
import { readFileSync, writeFileSync } from "node:fs";

const SWAGGER_UI = "node_modules/swagger-ui-dist/";
const STATIC = "../../../diptych/static/";

function read(name) {
  return readFileSync(SWAGGER_UI + name, "utf8");
}

function withoutMap(text) {
  return text.replace(/\n*(\/\*#|\/\/#) sourceMappingURL=.*\s*$/, "\n");
}

for (const name of ["swagger-ui-bundle.js", "swagger-ui.css"]) {
  writeFileSync(STATIC + name, withoutMap(read(name)));
}

const { version } = JSON.parse(read("package.json"));
const line = "-".repeat(100);
writeFileSync(
  `${STATIC}LICENSES.txt`,
  `Third-party software in this folder
===================================

swagger-ui-bundle.js, swagger-ui.css     swagger-ui-dist ${version} from npm; the source map comments are removed,
                                         nothing else is changed (tests/judges/browser/vendor.js copies them)

${line}
swagger-ui
Licence: Apache-2.0

${read("NOTICE").trim()}

${read("LICENSE").trim()}

${line}
What swagger-ui-bundle.js bundles

${read("swagger-ui-bundle.js.LICENSE.txt").trim()}
`,
);
