// How quick the page is: node tests/bench/page.mjs MLPD [--runs N] [--epochs N]
//
// Measured in Chromium without a screen, from the loopback: when the first words are painted, and
// every task of the page that takes longer than 50 ms while curves are drawn, pointed at, zoomed,
// smoothed and while 500 jobs are listed. It prints a table, and fails only if nothing is drawn.
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Daemon } from "../browser/daemon.mjs";

const top = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const { chromium } = createRequire(join(top, "web/package.json"))("playwright-core");

const [program, ...more] = process.argv.slice(2);
const option = (name, otherwise) => Number(more[more.indexOf(name) + 1] ?? otherwise) || otherwise;
const runs = more.includes("--runs") ? option("--runs", 20) : 20;
const epochs = more.includes("--epochs") ? option("--epochs", 10000) : 10000;

const daemon = await Daemon.start(resolve(program), { workers: 2, more: ["--ui-dir", join(top, "web/dist")] });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu"],
});
const rows = [];

async function view(hash) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 860 } });
  await context.addInitScript(() => {
    window.tasks = [];
    new PerformanceObserver((list) => {
      for (const task of list.getEntries()) window.tasks.push(task.duration);
    }).observe({ type: "longtask", buffered: true });
  });
  const page = await context.newPage();
  page.setDefaultTimeout(60000);
  await page.goto(`${daemon.url}/${hash}`);
  return page;
}

// The tasks since the last call.
async function told(page, what) {
  // Tasks are told a little after their end: two frames, and what is due then.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 100))));
  const tasks = await page.evaluate(() => window.tasks.splice(0));
  rows.push([what, `${tasks.length}`, tasks.length > 0 ? `${Math.max(...tasks).toFixed(0)} ms` : "none over 50 ms"]);
}

try {
  const ids = [];
  for (let i = 0; i < runs; i++) {
    const job = await daemon.train({
      name: "many", data: { x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [0.1, 0.9, 0.8, 0.2] },
      architecture: { hidden: [4 + (i % 5)] }, optimizer: { type: "adam", learning_rate: 0.001 * (1 + i) },
      training: { epochs, seed: i + 1, early_stopping: null, batch_size: 1 },
    });
    ids.push(job.id);
  }
  for (const id of ids) await daemon.job(id, ["succeeded"], 600000);
  const { points } = await daemon.json(`/jobs/${ids[0]}/curve`);

  const paints = [];
  for (let i = 0; i < 7; i++) {
    const page = await view("#/jobs");
    await page.locator("tr[data-job]").first().waitFor();
    paints.push(await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0].startTime));
    await page.context().close();
  }
  paints.sort((a, b) => a - b);

  const page = await view(`#/compare?runs=${ids.join(",")}`);
  await page.locator(".plot").waitFor();
  await page.waitForFunction((n) => document.querySelectorAll(".curve .key").length === n, ids.length);
  await page.locator(".picture-dot").first().waitFor();
  await told(page, `comparing ${runs} runs: from nothing to drawn`);
  const box = await page.locator(".curve .u-over").boundingBox();
  await page.mouse.move(box.x + 10, box.y + 50);
  await page.mouse.move(box.x + box.width - 10, box.y + 90, { steps: 60 });
  await told(page, "pointing along the curves");
  await page.getByRole("radio", { name: "log" }).check();
  await told(page, "a logarithmic scale");
  await page.mouse.move(box.x + 200, box.y + 50);
  await page.mouse.down();
  await page.mouse.move(box.x + 500, box.y + 60, { steps: 10 });
  await page.mouse.up();
  await page.waitForURL(/zoom=/);
  await told(page, "a zoom");
  await page.getByLabel("Smoothing").focus();
  for (let i = 0; i < 5; i++) await page.keyboard.press("ArrowRight");
  await told(page, "smoothing, five steps");
  await page.context().close();

  const one = await view(`#/jobs/${ids[0]}`);
  await one.locator(".plot").first().waitFor();
  await told(one, `one job's page, ${points.length} points kept of ${epochs} epochs`);
  await one.context().close();

  await daemon.json("/queue/pause", { method: "POST" });
  for (let i = 0; i < 500; i++)
    await daemon.train({ name: `n${i}`, data: { x: [[0], [1]], y: [0, 1] }, training: { epochs: 1 } });
  const list = await view("#/jobs?limit=500");
  await list.locator("tr[data-job]").nth(50).waitFor();
  await told(list, "500 jobs: from nothing to drawn");
  await list.getByLabel("Find jobs").fill("n4");
  await list.getByRole("button", { name: "Job", exact: true }).click();
  await told(list, "500 jobs: searching, and another order");
  await list.context().close();

  console.log(`| what | tasks over 50 ms | the longest |\n| --- | ---: | ---: |`);
  for (const row of rows) console.log(`| ${row.join(" | ")} |`);
  console.log(
    `\nFirst words painted after ${paints[3].toFixed(0)} ms (median of 7, ${paints[0].toFixed(0)} to ${paints[6].toFixed(0)}); ` +
      `${runs} runs of ${epochs} epochs.`,
  );
} finally {
  await browser.close();
  await daemon.stop();
}
