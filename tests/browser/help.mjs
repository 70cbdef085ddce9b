// What the tests of several views share: places, waiting, looking, and what they stand on.
//
// A file view_NAME.mjs is the tests of one view. It exports a function that gets what `bench`
// makes, about a daemon of its own, and returns [name, options of the tab, body(page, context)]
// in the order they run; `everyWay` makes the tests that look at views in every theme and size.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const top = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
export const shots = join(top, "tests/browser/shots");
const require = createRequire(join(top, "web/package.json"));
const axe = readFile(require.resolve("axe-core/axe.min.js"), "utf8");

export const DESK = { viewport: { width: 1280, height: 860 } };
export const PHONE = {
  viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true,
};
// Nothing ends this one but us.
export const ENDLESS = { epochs: 1000000, batch_size: 16, seed: 1, early_stopping: null };
export const REFUSED = [/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_SOCKET_NOT_CONNECTED|ERR_INVALID_HTTP_RESPONSE|ERR_INCOMPLETE/];
export const EVIL = "<script>window.owned=1</script>";
export const EVIL_IMAGE = "<img src=x onerror=window.owned=1>";

// What the tests of a file stand on, made by whichever of them comes first.
export function bench(daemon) {
  const made = {};
  const irisData = async () =>
    (made.dataset ??= await daemon.upload("iris", await readFile(join(top, "examples/data/iris.csv"))));
  const irisJob = async () => {
    await irisData();
    made.iris ??= (await daemon.train({ name: "iris", data: { dataset: "iris", target: "species" } })).id;
    return daemon.job(made.iris, ["succeeded"]);
  };
  const open = (page, hash = "") => page.goto(`${daemon.url}/${hash}`);
  return { daemon, open, irisData, irisJob, made, top, shots };
}

// Until the first chart goes beyond epoch `n`; which epoch it goes to then. (How many points it has
// says little: a long curve is thinned as it grows.)
export async function curveBeyond(page, n) {
  await page.waitForFunction(
    (epoch) => Number(document.querySelector(".plot")?.getAttribute("data-latest")) > epoch,
    n,
  );
  return page.locator(".plot").first().getAttribute("data-latest").then(Number);
}

// How many pixels of the first chart are near the colour of a CSS variable.
export function inked(page, variable) {
  return page.evaluate((name) => {
    const canvas = document.querySelector(".plot canvas");
    const context = (width, height) =>
      Object.assign(document.createElement("canvas"), { width, height }).getContext("2d", { willReadFrequently: true });
    const copy = context(canvas.width, canvas.height);
    copy.drawImage(canvas, 0, 0);
    const probe = context(1, 1);
    probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name);
    probe.fillRect(0, 0, 1, 1);
    const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
    const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
    let n = 0;
    for (let i = 0; i < data.length; i += 4)
      if (data[i + 3] > 200 && Math.abs(data[i] - r) + Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 40) n++;
    return n;
  }, variable);
}

// Until the chart has more than `n` pixels of that colour: it is drawn a frame after its data came.
export async function drawn(page, variable, n) {
  for (const end = Date.now() + 30000; ; await page.waitForTimeout(50)) {
    const now = await inked(page, variable);
    if (now > n) return now;
    assert.ok(Date.now() < end, `${variable} has ${now} pixels, not more than ${n}`);
  }
}

export const jobIdIn = (page) => Number(/#\/jobs\/(\d+)/.exec(page.url())?.[1]);
export const state = (page, word) => page.locator(`.title .state:has-text("${word}")`).waitFor();

// What `act` makes the browser download: { name, bytes, text }.
export async function saved(page, act) {
  const [download] = await Promise.all([page.waitForEvent("download"), act()]);
  const bytes = await readFile(await download.path());
  return { name: download.suggestedFilename(), bytes, text: bytes.toString("utf8") };
}

export async function noSidewaysScroll(page, what) {
  const over = await page.evaluate(() => {
    const root = document.documentElement;
    return Math.max(root.scrollWidth, document.body.scrollWidth) - root.clientWidth;
  });
  assert.ok(over <= 0, `${what} is ${over} pixels too wide`);
}

// No finding of axe that is serious or worse, by WCAG 2.1 A and AA.
export async function accessible(page, what) {
  // Not as a <script>, which the content security policy would refuse.
  await page.evaluate(await axe);
  const found = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], resultTypes: ["violations"],
    });
    return violations.map((v) => ({
      impact: v.impact,
      text: `${v.id}: ${v.help}\n${v.nodes.slice(0, 3).map((n) => `${n.html.slice(0, 300)} ${n.any[0]?.message ?? ""}`).join("\n")}`,
    }));
  });
  const serious = found.filter((v) => v.impact === "serious" || v.impact === "critical");
  assert.equal(serious.length, 0, `${what}:\n${serious.map((v) => v.text).join("\n")}`);
}

// Tests that look at views: light and dark, desk and phone. `views()` gives
// { name: [hash, selector to wait for, act(page) if there is something to do first] }. Each is
// held to the width and to axe, and leaves shots/NAME-light-desk.png and so on to be looked at.
export function everyWay({ open }, what, views, expected = []) {
  const ways = ["light", "dark"].flatMap((scheme) => [[scheme, "desk", DESK], [scheme, "phone", PHONE]]);
  return ways.map(([scheme, size, context]) => [
    `${what} fit: ${scheme}, ${size}`,
    { context: { ...context, colorScheme: scheme, reducedMotion: "reduce" }, expected },
    async (page) => {
      for (const [name, [hash, sign, act]] of Object.entries(await views())) {
        await page.goto("about:blank");
        await open(page, hash);
        await page.locator(sign).first().waitFor();
        if (act) await act(page);
        await noSidewaysScroll(page, name);
        // The theme is the desk's and the phone's alike; names and roles hardly depend on either.
        if ((scheme === "light") === (size === "desk")) await accessible(page, name);
        await page.screenshot({ path: join(shots, `${name}-${scheme}-${size}.png`), fullPage: true });
      }
    },
  ]);
}
