"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];
const list = document.getElementById("list");
const wanted = document.getElementById("wanted");
const darkness = matchMedia("(prefers-color-scheme: dark)");

function dim() {
  document.documentElement.classList.toggle("dark-mode", darkness.matches);
}

function* operations(document_) {
  for (const [path, item] of Object.entries(document_.paths)) {
    for (const method of METHODS) {
      if (item[method]) yield { path, method, ...item[method] };
    }
  }
}

function element(name, text, attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function entry(tag, operation) {
  const link = element("a", "", { href: `#/${tag}/${operation.operationId}` });
  const method = operation.method === "delete" ? "DEL" : operation.method.toUpperCase();
  link.append(element("b", method), element("span", operation.summary ?? operation.operationId));
  const row = element("li", "");
  row.append(link);
  row.dataset.words = `${operation.method} ${operation.path} ${operation.operationId} ${operation.summary}`.toLowerCase();
  return row;
}

function fill(document_) {
  const found = [...operations(document_)];
  for (const { name } of document_.tags) {
    const section = element("section", "");
    const rows = element("ul", "");
    rows.append(...found.filter((each) => each.tags?.[0] === name).map((each) => entry(name, each)));
    section.append(element("h2", name), rows);
    list.append(section);
  }
}

function narrow() {
  const words = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
  let count = 0;
  for (const row of list.querySelectorAll("li")) {
    row.hidden = !words.every((word) => row.dataset.words.includes(word));
    count += row.hidden ? 0 : 1;
  }
  for (const section of list.querySelectorAll("section")) {
    section.hidden = !section.querySelector("li:not([hidden])");
  }
  document.getElementById("found").textContent = `${count} operation${count === 1 ? "" : "s"}`;
}

function reveal() {
  const [, tag, operation] = decodeURIComponent(location.hash).split("/");
  // What was opened is drawn by then.
  setTimeout(() => document.getElementById(`operations-${tag}-${operation}`)?.scrollIntoView(), 100);

  for (const link of list.querySelectorAll("a")) {
    if (link.hash === location.hash) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

// Only this server gets the token, whatever the document or a reader names.
function carry(request) {
  const found = access.token();
  if (found && new URL(request.url, location).origin === location.origin) {
    request.headers = { ...request.headers, Authorization: `Bearer ${found}` };
  }
  return request;
}

const nothing = () => () => null;

async function show() {
  const response = await fetch("api/v1/openapi.json");
  const spec = await response.json();
  fill(spec);
  narrow();
  const page = SwaggerUIBundle({
    spec,
    dom_id: "#reference",
    deepLinking: true,
    docExpansion: "none",
    defaultModelsExpandDepth: -1,
    displayRequestDuration: true,
    showExtensions: true,
    tryItOutEnabled: true,
    validatorUrl: null,
    requestInterceptor: carry,
    onComplete: reveal,
    plugins: [
      {
        // The token at the top of the page is the only one, and this server the only server.
        wrapComponents: { authorizeBtn: nothing, authorizeOperationBtn: nothing, ServersContainer: nothing },
      },
    ],
  });
  addEventListener("hashchange", () => {
    page.layoutActions.parseDeepLinkHash(location.hash);
    reveal();
  });
}

dim();
darkness.addEventListener("change", dim);
wanted.addEventListener("input", narrow);
show().catch(() => {
  document.getElementById("reference").textContent = "The document could not be read; reload to try again.";
});
