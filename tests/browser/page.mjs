// The tests of the page: [name, options of the tab, body(page)], in the order they run.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Daemon } from "./daemon.mjs";

const PHONE = { width: 390, height: 844 };
// Nothing ends this one but us.
const ENDLESS = { epochs: 1000000, batch_size: 16, seed: 1, early_stopping: null };
const REFUSED = [/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_SOCKET_NOT_CONNECTED|ERR_INVALID_HTTP_RESPONSE|ERR_INCOMPLETE/];
const EVIL = "<script>window.owned=1</script>";
const EVIL_IMAGE = "<img src=x onerror=window.owned=1>";

const points = (page) => page.locator(".plot").getAttribute("data-points").then(Number);

// Until the curve has more than `n` points.
async function curveBeyond(page, n) {
  await page.waitForFunction(
    (least) => Number(document.querySelector(".plot")?.getAttribute("data-points")) > least,
    n,
  );
  return points(page);
}

// How many pixels of the chart are near the colour of a CSS variable.
function inked(page, variable) {
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

async function noSidewaysScroll(page, what) {
  const over = await page.evaluate(() => {
    const root = document.documentElement;
    return Math.max(root.scrollWidth, document.body.scrollWidth) - root.clientWidth;
  });
  assert.ok(over <= 0, `${what} is ${over} pixels too wide`);
}

const jobIdIn = (page) => Number(/#\/jobs\/(\d+)/.exec(page.url())?.[1]);
const state = (page, word) => page.locator(`.title .state:has-text("${word}")`).waitFor();

export function pageTests({ daemon, top, shots }) {
  const open = (page, hash = "") => page.goto(`${daemon.url}/${hash}`);
  // What several tests stand on, made by whichever of them comes first.
  const made = {};
  const irisData = async () =>
    (made.dataset ??= await daemon.upload("iris", await readFile(join(top, "examples/data/iris.csv"))));
  const irisJob = async () => {
    await irisData();
    made.iris ??= (await daemon.train({ name: "iris", data: { dataset: "iris", target: "species" } })).id;
    return daemon.job(made.iris, ["succeeded"]);
  };

  return [
    ["an empty daemon shows how to begin", {}, async (page) => {
      const response = await open(page);
      assert.equal(
        response.headers()["content-security-policy"],
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      );
      await page.getByRole("heading", { name: "Nothing has been trained here yet" }).waitFor();
      const command = await page.locator(".command pre").first().textContent();
      assert.match(command, /curl --json/);
      assert.ok(command.includes(`${daemon.url}/train`), "the command names this daemon");
      await page.locator("footer", { hasText: "mlpd 0." }).waitFor();
      await page.screenshot({ path: join(shots, "empty-light.png") });
      await page.getByRole("link", { name: "Models" }).click();
      await page.getByRole("heading", { name: "No models yet" }).waitFor();
    }],

    ["the command shown on the empty page trains", {}, async (page) => {
      await open(page);
      const command = await page.locator(".command pre").first().textContent();
      const body = /--json '([^']*)'/.exec(command)[1];
      const { resolved } = await daemon.json("/train?dry_run=1", {
        method: "POST", headers: { "Content-Type": "application/json" }, body,
      });
      assert.ok(resolved);
    }],

    ["a CSV file chosen in the page becomes a dataset", {}, async (page) => {
      await open(page, "#/datasets");
      await page.getByLabel("CSV file").setInputFiles(join(top, "examples/data/iris.csv"));
      assert.equal(await page.getByLabel("Name").inputValue(), "iris");
      await page.getByRole("button", { name: "Upload" }).click();
      await page.locator(".notice-good", { hasText: "iris is here: 150 rows, 5 columns." }).waitFor();
      await page.getByRole("link", { name: /iris$/ }).first().click();
      await page.locator("tr", { hasText: "species" }).getByText("setosa, versicolor, virginica").waitFor();
      await page.getByRole("heading", { name: "First rows" }).waitFor();
    }],

    ["a bad upload says what and where", { expected: [/status of 4\d\d/] }, async (page) => {
      await open(page, "#/datasets");
      await page.getByLabel("CSV file").setInputFiles({
        name: "bad.csv", mimeType: "text/csv", buffer: Buffer.from("a,b\n1,2\n3,4,5\n"),
      });
      await page.getByRole("button", { name: "Upload" }).click();
      await page.locator(".notice-error").waitFor();
      assert.match(await page.locator(".notice-error").textContent(), /2|3/);
    }],

    ["a job from the form: dry run, training, result", {}, async (page) => {
      await open(page, "#/jobs");
      await irisData();
      const before = (await daemon.json("/jobs")).jobs.length;
      await page.getByRole("link", { name: "New job" }).click();
      await page.getByLabel("Start from").selectOption("iris");
      const box = page.getByLabel("The job as JSON");
      await page.waitForFunction(() => document.querySelector("textarea")?.value.includes("species"));
      assert.deepEqual(JSON.parse(await box.inputValue()), { data: { dataset: "iris", target: "species" } });
      await page.getByRole("button", { name: "Dry run" }).click();
      await page.locator(".dry-facts", { hasText: "parameters" }).waitFor();
      assert.equal((await daemon.json("/jobs")).jobs.length, before, "a dry run makes no job");

      await page.getByRole("button", { name: "Train" }).click();
      await page.waitForURL(/#\/jobs\/\d+/);
      made.iris = jobIdIn(page);
      await state(page, "succeeded");
      const n = await curveBeyond(page, 5);
      const curve = await daemon.json(`/jobs/${made.iris}/curve`);
      await page.waitForFunction(
        (all) => Number(document.querySelector(".plot")?.getAttribute("data-points")) === all,
        curve.points.length,
      );
      assert.ok(n <= curve.points.length);
      assert.ok((await inked(page, "--line-training")) > 200, "the training line is drawn");
      assert.ok((await inked(page, "--line-validation")) > 200, "the validation line is drawn");
      await page.locator(".metrics tr", { hasText: "accuracy" }).first().waitFor();
      await page.locator(".events li").nth(1).waitFor();
      await page.getByRole("radio", { name: "resolved" }).check();
      await page.waitForURL(/config=resolved/);
      await page.locator("pre.json", { hasText: "learning_rate" }).waitFor();
    }],

    ["a metric without a number says why, and the reasons are no metric", {}, async (page) => {
      const job = await daemon.train({
        name: "below_zero", data: { x: [[0], [1], [2], [3]], y: [-2.5, 0.25, 2, 4] },
        metrics: ["rmsle"], training: { epochs: 2, seed: 1 },
      });
      await daemon.job(job.id, ["succeeded"]);
      for (const hash of [`#/models/${job.model_id}`, `#/jobs/${job.id}`]) {
        await open(page, hash);
        const row = page.locator(".metrics tbody tr", { hasText: "rmsle" });
        const { notes } = (await daemon.json(`/models/${job.model_id}`)).metrics.training;
        assert.ok(notes.rmsle);
        await row.locator(".reason", { hasText: notes.rmsle }).waitFor();
        assert.equal(await row.locator("td").textContent(), "–");
        assert.equal(await row.locator("td").getAttribute("title"), notes.rmsle);
        assert.equal(await page.locator(".metrics .reason").count(), 1);
        assert.equal(await page.locator(".metrics tbody tr", { hasText: /^notes/ }).count(), 0);
      }
    }],

    ["every mistake is shown at its place", { expected: [/status of 4\d\d/] }, async (page) => {
      await open(page, "#/new");
      const box = page.getByLabel("The job as JSON");
      await page.waitForFunction(() => document.querySelector("textarea")?.value.includes("xor"));
      await box.fill('{\n  "data": {"dataset": "iris", "target": "species"},\n  "optimizer": {\n    "learning_rate": -1\n  },\n  "lose": 3\n}');
      await page.getByRole("button", { name: "Train" }).click();
      const problems = page.locator(".problems li");
      await problems.nth(1).waitFor();
      await problems.filter({ hasText: "/optimizer/learning_rate" }).getByRole("button", { name: "line 4" }).click();
      const chosen = await box.evaluate((area) => area.value.slice(area.selectionStart, area.selectionEnd));
      assert.equal(chosen, '"learning_rate": -1');
      assert.match(await problems.filter({ hasText: "/lose" }).textContent(), /loss.*line 6/);

      await box.fill("{ not json");
      await page.getByRole("button", { name: "Train" }).click();
      await page.locator(".notice-error", { hasText: /JSON/i }).waitFor();
    }],

    ["a model answers in the form", {}, async (page) => {
      const job = await irisJob();
      await open(page, `#/models/${job.model_id}`);
      const field = page.getByLabel("sepal_length");
      await field.waitFor();
      const { features } = await daemon.json(`/models/${job.model_id}`);
      const example = Number(await field.getAttribute("placeholder"));
      assert.ok(Math.abs(example - features[0].mean) < 0.001, "an empty field shows the training mean");
      const row = { sepal_length: "5.1", sepal_width: "3.5", petal_length: "1.4", petal_width: "0.2" };
      for (const [name, value] of Object.entries(row)) await page.getByLabel(name).fill(value);
      await page.getByRole("button", { name: "Predict" }).click();
      await page.locator(".verdict b", { hasText: "setosa" }).waitFor();
      assert.equal(await page.locator(".probabilities li").count(), 3);
      await page.screenshot({ path: join(shots, "model-light.png"), fullPage: true });

      // As you type, after the first answer.
      const other = { sepal_length: "6.7", sepal_width: "3.3", petal_length: "5.7", petal_width: "2.5" };
      for (const [name, value] of Object.entries(other)) await page.getByLabel(name).fill(value);
      await page.locator(".verdict b", { hasText: "virginica" }).waitFor();

      // The question is in the URL.
      await page.reload();
      await page.getByLabel("petal_length").waitFor();
      assert.equal(await page.getByLabel("petal_length").inputValue(), "5.7");

      await page.getByRole("radio", { name: "row" }).check();
      await page.getByLabel("One row").fill("5.1, 3.5, 1.4, 0.2");
      await page.getByRole("button", { name: "Predict" }).click();
      await page.locator(".verdict b", { hasText: "setosa" }).waitFor();
    }],

    ["a row that does not fit is refused in words", { expected: [/status of 4\d\d/] }, async (page) => {
      const job = await irisJob();
      await open(page, `#/models/${job.model_id}?form=row`);
      await page.getByLabel("One row").fill("5.1, long, 1.4");
      await page.getByRole("button", { name: "Predict" }).click();
      await page.locator(".predict .notice-error li").first().waitFor();
    }],

    ["a long job grows under the eye, through a reload, until it is cancelled", {}, async (page) => {
      await irisData();
      const long = await daemon.train({
        name: "long", data: { dataset: "iris", target: "species" },
        architecture: { hidden: [32] }, training: ENDLESS,
      });
      await open(page, `#/jobs/${long.id}`);
      await state(page, "running");
      const first = await curveBeyond(page, 2);
      const second = await curveBeyond(page, first);
      await page.getByRole("radio", { name: "log" }).check();
      await page.waitForURL(/scale=log/);
      assert.ok((await inked(page, "--line-training")) > 100);

      await page.reload();
      await curveBeyond(page, second);
      assert.ok(await page.getByRole("radio", { name: "log" }).isChecked(), "the scale is in the URL");
      await page.screenshot({ path: join(shots, "job-running-light.png"), fullPage: true });

      // One worker: the next job waits, and can be cancelled from the list.
      const waiting = await daemon.train({ name: "waiting", data: { dataset: "iris", target: "species" } });
      await page.getByRole("link", { name: "Jobs", exact: true }).first().click();
      const row = page.locator(`tr[data-job="${waiting.id}"]`);
      await row.getByText("number 1 in the queue").waitFor();
      await page.screenshot({ path: join(shots, "jobs-light.png"), fullPage: true });
      await row.getByRole("button", { name: "Cancel" }).click();
      await row.locator(".state-cancelled").waitFor();

      // Paused it gives the worker back and stands still; resumed it goes on.
      const running = page.locator(`tr[data-job="${long.id}"]`);
      await running.getByRole("button", { name: "Pause" }).click();
      await running.locator(".state-paused").waitFor();
      await daemon.json("/queue/pause", { method: "POST" });
      await running.getByRole("button", { name: "Resume" }).click();
      await running.locator(".state-queued").waitFor();
      await page.getByRole("button", { name: "Resume the queue" }).click();
      await running.locator(".state-running").waitFor();

      await page.locator(`tr[data-job="${long.id}"] a`).first().click();
      await page.getByText("goes on from epoch").waitFor();
      await curveBeyond(page, second);
      await page.getByRole("button", { name: "Cancel" }).click();
      await state(page, "cancelled");
      // A finished curve is the daemon's, point for point.
      const { points: kept } = await daemon.json(`/jobs/${long.id}/curve`);
      await page.waitForFunction(
        (all) => Number(document.querySelector(".plot")?.getAttribute("data-points")) === all,
        kept.length,
      );
    }],

    ["a finished job is deleted in two steps", {}, async (page) => {
      await irisJob();
      const doomed = await daemon.train({ name: "doomed", data: { dataset: "iris", target: "species" } });
      await daemon.job(doomed.id, ["succeeded"]);
      await open(page, "#/jobs");
      const row = page.locator(`tr[data-job="${doomed.id}"]`);
      await row.getByRole("button", { name: "Delete" }).click();
      await page.keyboard.press("Escape");
      await row.getByRole("button", { name: "Delete" }).waitFor();
      await row.getByRole("button", { name: "Delete" }).click();
      await row.getByRole("button", { name: "Really delete?" }).click();
      await row.waitFor({ state: "detached" });
    }],

    ["a failed job says why", {}, async (page) => {
      await irisData();
      const wild = await daemon.train({
        name: "wild", data: { dataset: "iris", target: "species" }, architecture: { hidden: [8], activation: "relu" },
        optimizer: { type: "sgd", learning_rate: 1e30 }, training: { seed: 1 },
      });
      await daemon.job(wild.id, ["failed"]);
      await open(page, `#/jobs/${wild.id}`);
      await page.locator(".notice-error", { hasText: "Failed: diverged." }).waitFor();
      await page.screenshot({ path: join(shots, "job-failed-light.png"), fullPage: true });
    }],

    ["text from data stays text", { expected: [/status of 404.*%3Cscript/] }, async (page) => {
      const lines = [`${EVIL},"${EVIL_IMAGE}",😀`];
      for (let i = 0; i < 60; i++)
        lines.push(`${i % 7},${i % 2 ? EVIL_IMAGE : "plain"},${i % 3 ? EVIL : "😀 label"}`);
      const dataset = await daemon.upload("hostile", `${lines.join("\n")}\n`);
      const hostile = await daemon.train({
        name: "hostile", data: { dataset: "hostile", target: "😀" }, training: { epochs: 3, seed: 1 },
      });
      await daemon.job(hostile.id, ["succeeded"]);

      await open(page, `#/datasets/${dataset.id}`);
      await page.getByRole("rowheader", { name: EVIL }).waitFor();
      await page.getByRole("cell", { name: EVIL_IMAGE }).first().waitFor();
      await open(page, `#/jobs/${hostile.id}`);
      await page.locator(".metrics").waitFor();
      await open(page, `#/models/${hostile.model_id}`);
      await page.getByLabel(EVIL).fill("3");
      await page.getByLabel(EVIL_IMAGE).selectOption("plain");
      await page.getByRole("button", { name: "Predict" }).click();
      await page.locator(".probabilities .label", { hasText: EVIL }).waitFor();
      await open(page, "#/new?dataset=hostile");
      await page.waitForFunction(() => document.querySelector("textarea")?.value.includes("😀"));
      assert.equal(await page.evaluate(() => window.owned), undefined);
      assert.equal(await page.locator("main script, main img").count(), 0);
      // Nonsense in the fragment is a word, too.
      await open(page, `#/jobs/${encodeURIComponent(EVIL)}`);
      await page.locator("main .notice").waitFor();
      assert.equal(await page.evaluate(() => window.owned), undefined);
    }],

    ["what has not changed is not sent again", {}, async (page) => {
      await irisJob();
      await open(page, "#/jobs");
      await page.locator("tr[data-job]").first().waitFor();
      const spared = await page.waitForResponse(
        (response) => response.url().includes("/jobs?") && response.status() === 304,
      );
      assert.equal(spared.request().headers()["if-none-match"] !== undefined, true);
    }],

    ["a daemon that is killed is missed, and found again", { expected: REFUSED }, async (page) => {
      await irisData();
      const survivor = await daemon.train({
        name: "survivor", data: { dataset: "iris", target: "species" },
        architecture: { hidden: [16] }, training: ENDLESS,
      });
      await open(page, `#/jobs/${survivor.id}`);
      await curveBeyond(page, 3);
      await daemon.kill("SIGKILL");
      await page.locator(".away", { hasText: "does not answer" }).waitFor();
      await page.locator(".plot").waitFor();
      await page.screenshot({ path: join(shots, "away-light.png") });
      await daemon.again();
      await page.locator(".away").waitFor({ state: "detached" });
      await state(page, "running"); // it was taken up again, and the page has kept its place
      await page.locator(".events li", { hasText: /recover|lost|restart|again|requeue|queued/i }).first().waitFor();
      const now = await daemon.job(survivor.id, ["running"]);
      assert.ok(now.attempt >= 2);
      await curveBeyond(page, 3);
      await page.getByRole("button", { name: "Cancel" }).click();
      await state(page, "cancelled");
    }],

    ["the keyboard reaches everything, visibly", {}, async (page) => {
      await irisJob();
      await open(page, "#/jobs");
      await page.locator("tr[data-job]").first().waitFor();
      const reached = [];
      for (let i = 0; i < 10; i++) {
        await page.keyboard.press("Tab");
        reached.push(await page.evaluate(() => {
          const at = document.activeElement;
          const style = getComputedStyle(at);
          const after = getComputedStyle(at, "::after");
          return {
            text: at.textContent.trim(),
            outlined: style.outlineStyle !== "none" || after.outlineStyle !== "none",
          };
        }));
      }
      assert.equal(reached[0].text, "Skip to the content");
      for (const word of ["Models", "Datasets", "New job"]) assert.ok(reached.some((r) => r.text === word), word);
      assert.ok(reached.every((r) => r.outlined), JSON.stringify(reached.filter((r) => !r.outlined)));
      await open(page, "#/new");
      const box = page.getByLabel("The job as JSON");
      await page.waitForFunction(() => document.querySelector("textarea")?.value.includes("xor"));
      await box.focus();
      await page.keyboard.press("Control+Enter");
      await page.waitForURL(/#\/jobs\/\d+/);
      await state(page, "succeeded");
    }],

    ["the XOR of the form is learnt", {}, async (page) => {
      await open(page, "#/new?example=xor");
      await page.waitForFunction(() => document.querySelector("textarea")?.value.includes("xor"));
      await page.getByRole("button", { name: "Train" }).click();
      await page.waitForURL(/#\/jobs\/\d+/);
      await state(page, "succeeded");
      const job = await daemon.json(`/jobs/${jobIdIn(page)}`);
      for (const [x1, x2, y] of [[0, 0, "0"], [0, 1, "1"], [1, 0, "1"], [1, 1, "0"]]) {
        await open(page, `#/models/${job.model_id}?in.x1=${x1}&in.x2=${x2}`);
        await page.reload();
        await page.getByRole("button", { name: "Predict" }).click();
        await page.locator(".verdict b", { hasText: new RegExp(`^${y}$`) }).waitFor();
      }
    }],

    ["a token is asked for, kept for the tab, and forgotten", { expected: [/status of 40[13]/] }, async (page, context) => {
      const strict = await Daemon.start(daemon.program, { more: ["--require-token"] });
      try {
        const reader = strict.token("create", "--scope", "read");
        const asks = page.getByRole("heading", { name: "This daemon asks for a token" });
        const field = page.getByLabel("Token");
        const use = async (text) => {
          await field.fill(text);
          await page.getByRole("button", { name: "Use it" }).click();
        };
        const sent = [];
        page.on("request", (request) => sent.push([request.url(), request.headers()]));
        await page.goto(`${strict.url}/#/new`);
        await asks.waitFor();
        await page.screenshot({ path: join(shots, "token.png") });

        // While it asks, it does not ask the daemon.
        const before = sent.length;
        await page.evaluate(() => window.dispatchEvent(new Event("online"))); // else the beginning of a turn
        assert.equal(sent.length, before, "nothing is polled while the page waits for a token");

        await use("two words");
        await page.locator(".token .problem", { hasText: "one word" }).waitFor();
        await use(`${reader.slice(0, -1)}${reader.endsWith("0") ? "1" : "0"}`);
        await page.locator(".token .problem", { hasText: "no token of this daemon" }).waitFor();
        assert.equal(await page.evaluate(() => sessionStorage.length), 0, "a wrong one is not kept");
        await use(` ${reader} `);
        await page.locator("footer", { hasText: "mlpd 0." }).waitFor();
        assert.equal(await asks.count(), 0);

        // The scope is too small, and the page says for what.
        const job = JSON.stringify({ data: { x: [[0], [1], [2], [3]], y: [0, 1, 0, 1] }, training: { epochs: 1 } });
        await page.locator("textarea").fill(job);
        await page.getByRole("button", { name: /train|start/i }).first().click();
        await page.getByText(/needs a token with the scope train/).waitFor();

        // It lasts for the tab, and is nowhere but in a header.
        await page.reload();
        await page.locator("footer", { hasText: "mlpd 0." }).waitFor();
        const secret = reader.slice(18);
        assert.ok(sent.some(([, headers]) => headers.authorization === `Bearer ${reader}`), "it is sent as a header");
        for (const [url, headers] of sent) {
          assert.ok(!url.includes(secret), "no address has it");
          assert.ok(!(headers.cookie ?? "").includes(secret) && !(headers.referer ?? "").includes(secret));
        }
        assert.equal((await context.cookies()).length, 0);
        assert.equal(await page.evaluate(() => localStorage.length), 0);
        const other = await context.newPage();
        await other.goto(strict.url);
        await other.getByRole("heading", { name: "This daemon asks for a token" }).waitFor();
        await other.close();

        // Forgotten by the user, and revoked by the operator; what was typed stays.
        await page.getByRole("button", { name: "Forget the token" }).click();
        await asks.waitFor();
        assert.equal(await page.evaluate(() => sessionStorage.length), 0);
        await use(reader);
        await page.locator("footer", { hasText: "mlpd 0." }).waitFor();
        await page.locator("textarea").fill('{"typed": true}');
        strict.token("revoke", reader.slice(5, 17));
        await page.locator(".token .problem", { hasText: "not good any more" }).waitFor();
        const admin = strict.token("create", "--scope", "admin");
        await use(admin);
        await page.locator("footer", { hasText: "mlpd 0." }).waitFor();
        assert.equal(await page.locator("textarea").inputValue(), '{"typed": true}');
      } finally {
        await strict.stop();
      }
    }],

    ...["light", "dark"].flatMap((scheme) =>
      [["desk", { viewport: { width: 1280, height: 860 } }], ["phone", { viewport: PHONE, deviceScaleFactor: 2, hasTouch: true, isMobile: true }]].map(
        ([size, context]) => [
          `every view fits: ${scheme}, ${size}`,
          { context: { ...context, colorScheme: scheme }, expected: [/status of 404/] },
          async (page) => {
            const { id, model_id: model } = await irisJob();
            const views = {
              jobs: ["#/jobs", "tr[data-job]"],
              job: [`#/jobs/${id}`, ".metrics"],
              "job-resolved": [`#/jobs/${id}?scale=log&config=resolved`, ".plot canvas"],
              models: ["#/models", "tr[data-model]"],
              model: [`#/models/${model}`, ".fields"],
              datasets: ["#/datasets", "tr[data-dataset]"],
              dataset: ["#/datasets/iris", ".rows-table"],
              new: ["#/new?dataset=iris", "textarea"],
              nowhere: ["#/jobs/999999", ".notice"],
            };
            for (const [name, [hash, sign]] of Object.entries(views)) {
              await open(page, hash);
              await page.locator(sign).first().waitFor();
              if (name === "model") {
                await page.getByRole("button", { name: "Predict" }).click();
                await page.locator(".verdict").waitFor();
              }
              await noSidewaysScroll(page, name);
              await page.screenshot({ path: join(shots, `${name}-${scheme}-${size}.png`), fullPage: true });
            }
          },
        ],
      ),
    ),
  ];
}
