// Copies what the pages vendor from node_modules into the packages that serve them:
// `npm install --no-package-lock --ignore-scripts && npm run vendor` in this folder; git tells whether anything changed.
import { readFileSync, writeFileSync } from "node:fs";

const REFERENCE = "../../../diptych/static/";
const GRAPHIQL = "../../../schema/static/";

function read(name) {
  return readFileSync(`node_modules/${name}`, "utf8");
}

// Without the comment that leads to a source map, which is not vendored.
function withoutMap(text) {
  return text.replace(/\n*(\/\*#|\/\/#) sourceMappingURL=.*\s*$/, "\n");
}

// The fonts are those of the reader's system.
function withoutFonts(text) {
  return text.replace(/@font-face\{[^}]*\}/g, "");
}

for (const name of ["swagger-ui-bundle.js", "swagger-ui.css"]) {
  writeFileSync(REFERENCE + name, withoutMap(read(`swagger-ui-dist/${name}`)));
}
writeFileSync(`${GRAPHIQL}graphiql.min.js`, withoutMap(read("graphiql/graphiql.min.js")));
writeFileSync(`${GRAPHIQL}graphiql.min.css`, withoutFonts(read("graphiql/graphiql.min.css")));
for (const name of ["react", "react-dom"]) {
  writeFileSync(`${GRAPHIQL}${name}.production.min.js`, read(`${name}/umd/${name}.production.min.js`));
}

const { version } = JSON.parse(read("swagger-ui-dist/package.json"));
const line = "-".repeat(100);
writeFileSync(
  `${REFERENCE}LICENSES.txt`,
  `Third-party software in this folder
===================================

swagger-ui-bundle.js, swagger-ui.css     swagger-ui-dist ${version} from npm; the source map comments are removed,
                                         nothing else is changed (tests/judges/browser/vendor.js copies them)

${line}
swagger-ui
Licence: Apache-2.0

${read("swagger-ui-dist/NOTICE").trim()}

${read("swagger-ui-dist/LICENSE").trim()}

${line}
What swagger-ui-bundle.js bundles

${read("swagger-ui-dist/swagger-ui-bundle.js.LICENSE.txt").trim()}
`,
);
