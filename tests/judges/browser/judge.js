// Uses the pages as a reader does, in Chromium, and lets axe judge them: node judge.js ADDRESS [SITE]
// with the token in DIPTYCH_TOKEN. Writes one JSON object to stdout; SHOTS names a folder for screenshots.
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const [address, site] = process.argv.slice(2);
const AXE = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const GRAVE = ["serious", "critical"];
const found = [];

async function visit(context, name, url, use, vendored = []) {
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    const target = new URL(request.url());
    if (!["data:", "blob:"].includes(target.protocol) && target.origin !== new URL(url).origin) complaints.push(`foreign: ${target}`);
  });
  const told = await page.goto(url, { waitUntil: "networkidle" });
  const did = told.status() === 200 ? await use(page) : `status ${told.status()}`;
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${name}.png` });
  // axe itself comes by the debugger, which no content policy concerns.
  await page.evaluate(AXE);
  const violations = await page.evaluate(() => axe.run({ resultTypes: ["violations"] }).then((run) => run.violations));
  const grave = violations.filter((each) => GRAVE.includes(each.impact));
  const [own, theirs] = [[], []];
  for (const { id, impact, nodes } of grave) {
    for (const node of nodes) {
      const where = node.target.flat().join(" ");
      const inside = await page.evaluate(([at, roots]) => {
        const element = document.querySelector(at);
        return Boolean(element && roots.some((root) => element.closest(root)));
      }, [node.target.flat().at(-1), vendored]);
      (inside ? theirs : own).push(`${impact} ${id}: ${where}`);
    }
  }
  found.push({ name, did, complaints, own, vendored: count(theirs) });
  await page.close();
}

function count(list) {
  const counts = {};
  for (const each of list) {
    const rule = each.split(":")[0];
    counts[rule] = (counts[rule] ?? 0) + 1;
  }
  return counts;
}

async function paste(page, text) {
  await page.evaluate((value) => {
    const data = new DataTransfer();
    data.setData("text", value);
    document.getElementById("token").dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
  }, text);
}

async function tryOrders(page) {
  await paste(page, process.env.DIPTYCH_TOKEN);
  await page.locator("#access-state.accepted").waitFor();
  await page.locator("#wanted").fill("listOrders");
  await page.locator("#list a:visible").first().click();
  await page.locator(".opblock.is-open .execute").click();
  const status = page.locator(".opblock.is-open .live-responses-table .response-col_status").last();
  await status.waitFor({ timeout: 60000 });
  return `listOrders answered ${(await status.textContent()).trim().slice(0, 3)}`;
}

async function ask(page) {
  await page.locator("#access-state.accepted").waitFor();
  await page.locator(".graphiql-execute-button").click();
  const result = page.locator(".result-window");
  await result.getByText("totalCount").waitFor({ timeout: 30000 });
  return (await result.textContent()).includes("errors") ? "the query failed" : "the query answered";
}

async function search(page) {
  await page.locator("input.md-search__input").fill("idempotency");
  await page.locator(".md-search-result__item").first().waitFor({ timeout: 15000 });
  const count = await page.locator(".md-search-result__item").count();
  await page.keyboard.press("Escape");
  return count > 0 ? "the search found pages" : "the search found nothing";
}

const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
// A tab that a page opens inherits what the tab has kept; here every page is a tab of its own.
await context.addInitScript(([origin, token]) => {
  if (location.origin === origin && location.pathname === "/graphql") sessionStorage.setItem("diptych.token", token);
}, [address, process.env.DIPTYCH_TOKEN]);
await visit(context, "reference", `${address}/docs`, tryOrders, [".swagger-ui"]);
await visit(context, "graphiql", `${address}/graphql`, ask, [".graphiql-container"]);
await visit(context, "problem", `${address}/problems/not-found`, async (page) => page.title());
if (site) {
  await visit(context, "site", `${site}/`, search);
  await visit(context, "quickstart", `${site}/quickstart/`, async (page) => page.title());
  await visit(context, "surfaces", `${site}/migration/`, async (page) => page.title());
}
await browser.close();
process.stdout.write(`${JSON.stringify(found, null, 1)}\n`);
