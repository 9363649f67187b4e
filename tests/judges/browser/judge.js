// Uses the pages as a reader does, in Chromium, and lets axe judge them: node judge.js ADDRESS [SITE]
// with the token in DIPTYCH_TOKEN. Writes one JSON object to stdout; SHOTS names a folder for screenshots.
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const [address, site] = process.argv.slice(2);
const AXE = readFileSync(new URL("node_modules/axe-core/axe.min.js", import.meta.url), "utf8");
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const GRAVE = ["serious", "critical"];
// The dialog of the search, which the theme of the site brings along.
const THEME = [".md-search"];
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
  if (told.status() !== 200) throw new Error(`${url} answered ${told.status()}`);
  const did = await use(page);
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

async function tryToken(page) {
  await paste(page, process.env.DIPTYCH_TOKEN);
  await page.locator("#access-state.accepted").waitFor();
  await page.locator("#wanted").fill("getCurrentToken");
  await page.locator("#list li:not([hidden]) a").first().click();
  await page.locator(".opblock.is-open .execute").click();
  const status = page.locator(".opblock.is-open .live-responses-table .response-col_status").last();
  await status.waitFor({ timeout: 60000 });
  const answered = (await status.textContent()).trim().slice(0, 3);
  if (answered !== "200") throw new Error(`getCurrentToken answered ${answered}`);
  return "an operation answered";
}

async function open(page) {
  await page.locator(".opblock.is-open .execute").waitFor({ timeout: 60000 });
  return "an operation was opened by its link";
}

async function ask(page) {
  await page.locator("#access-state.accepted").waitFor();
  await page.locator(".graphiql-execute-button").click();
  const result = page.locator(".result-window");
  await result.getByText("totalCount").waitFor({ timeout: 30000 });
  if ((await result.textContent()).includes("errors")) throw new Error("the query failed");
  return "the query answered";
}

async function search(page) {
  await page.locator("input.md-search__input").click();
  await page.keyboard.type("idempotency", { delay: 30 });
  await page.locator(".md-search-result__item").first().waitFor({ timeout: 15000 });
  await page.keyboard.press("Escape");
  return "the search found pages";
}

const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
// A tab that a page opens inherits what the tab has kept; here every page is a tab of its own.
await context.addInitScript(([origin, token]) => {
  if (location.origin === origin && location.pathname === "/graphql") sessionStorage.setItem("diptych.token", token);
}, [address, process.env.DIPTYCH_TOKEN]);
await visit(context, "reference", `${address}/docs`, tryToken, [".swagger-ui"]);
await visit(context, "graphiql", `${address}/graphql`, ask, [".graphiql-container"]);
await visit(context, "problem", `${address}/problems/not-found`, async (page) => page.title());
if (site) {
  await visit(context, "site", `${site}/`, search, THEME);
  await visit(context, "quickstart", `${site}/quickstart/`, async (page) => page.title(), THEME);
  await visit(context, "surfaces", `${site}/migration/`, async (page) => page.title(), THEME);
}
// In the dark the colours are others.
const dark = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: "dark" });
await visit(dark, "reference in the dark", `${address}/docs#/commerce/createOrder`, open, [".swagger-ui"]);
if (site) await visit(dark, "quickstart in the dark", `${site}/quickstart/`, async (page) => page.title(), THEME);
await browser.close();
process.stdout.write(`${JSON.stringify(found, null, 1)}\n`);
