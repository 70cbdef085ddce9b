// The page in a real browser against a real daemon.
//
//   MLPD=path/to/mlpd node tests/browser/run.mjs [WORD...]    only tests whose name has a WORD
//
// Each test gets a tab of its own; those of a file view_NAME.mjs share a daemon with one worker, in
// the order written. Two files run at a time.
// A script error, a line on the browser's console or a violation of the content security policy
// fails the test it happens in. There are no sleeps: what is waited for is always a condition.
// Screenshots of every view, light and dark, desk and phone, go to tests/browser/shots/.
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Daemon } from "./daemon.mjs";
import { bench, shots, top } from "./help.mjs";
import { unitTests } from "./units.mjs";

const web = join(top, "web");
const require = createRequire(join(web, "package.json"));
const { chromium } = require("playwright-core");
const esbuild = require("esbuild");

const program = process.env.MLPD;
if (!program) {
  console.error("set MLPD to the daemon to test, for example MLPD=b/mlpd");
  process.exit(2);
}
const words = process.argv.slice(2);
const wanted = (name) => words.length === 0 || words.some((word) => name.includes(word));

let passed = 0;
let failed = 0;
async function test(name, body, always = false) {
  if (!always && !wanted(name)) return;
  const begin = Date.now();
  try {
    await body();
    passed++;
    console.log(`ok      ${name} (${Date.now() - begin} ms)`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name} (${Date.now() - begin} ms)\n${String(error?.stack ?? error).replace(/^/gm, "        ")}`);
  }
}

const scratch = await mkdtemp(join(tmpdir(), "mlpd-page-"));
await mkdir(shots, { recursive: true });

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
  ],
});
// A tab that keeps account of everything the browser complains about.
async function tab(name, options, body) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, ...options.context });
  const complaints = [];
  // Reaches the page's console, and so `complaints`, in every document of the tab.
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (e) =>
      console.error(`content security policy: ${e.violatedDirective} ${e.blockedURI}`));
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30000);
  page.on("console", (message) => {
    if (message.type() !== "error" && message.type() !== "warning") return;
    complaints.push(`${message.text()} [${message.location().url}]`);
  });
  page.on("pageerror", (error) => complaints.push(`script error: ${error.message}`));
  try {
    await body(page, context);
  } catch (error) {
    await page.screenshot({ path: join(shots, `failed-${name.replace(/\W+/g, "-")}.png`), fullPage: true }).catch(() => {});
    throw error;
  } finally {
    await context.close();
  }
  const rest = complaints.filter((text) => !(options.expected ?? []).some((known) => known.test(text)));
  if (rest.length > 0) throw new Error(`the browser complained:\n${rest.join("\n")}`);
}

async function sources() {
  await test("the sources keep their types", async () => {
    const tsc = spawn(process.execPath, [join(web, "node_modules/typescript/bin/tsc"), "--noEmit"], { cwd: web });
    let said = "";
    tsc.stdout.on("data", (bytes) => (said += bytes));
    tsc.stderr.on("data", (bytes) => (said += bytes));
    const status = await new Promise((done) => tsc.on("close", done));
    if (status !== 0) throw new Error(said);
  });
  for (const [name, body] of await unitTests(esbuild, web, scratch)) await test(name, body);
}

async function view(file) {
  const { default: tests } = await import(`./${file}`);
  const daemon = new Daemon(resolve(program));
  for (const [name, options, body] of tests(bench(daemon))) {
    await test(name, async () => {
      if (!daemon.alive) await daemon.again(); // not begun yet, or a test that failed has left it dead
      await tab(name, options, body);
    });
  }
  if (daemon.alive) await test(`the daemon of ${file} ends well`, () => daemon.stop(), true);
}

// Two files at a time: much of a test is waiting for the next look that the page takes.
try {
  const files = (await readdir(join(top, "tests/browser"))).filter((name) => /^view_\w+\.mjs$/.test(name)).sort();
  const queue = [...files.map((file) => () => view(file)), sources];
  const lane = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) await next();
  };
  await Promise.all([lane(), lane()]);
} finally {
  await browser.close();
  await rm(scratch, { recursive: true, force: true });
}

const all = passed + failed;
const percent = all === 0 ? 0 : Math.floor((100 * passed) / all);
console.log(`${percent}%: Checks: ${all}, Failures: ${failed}, Errors: 0`);
process.exit(failed === 0 && all > 0 ? 0 : 1);
