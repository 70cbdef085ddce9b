// One job: its curve as it grows, what becomes of it, and the daemon going away meanwhile.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { ENDLESS, PHONE, REFUSED, curveBeyond, drawn, everyWay, inked, saved, state } from "./help.mjs";

export default function tests(bench) {
  const { daemon, open, irisData, irisJob, shots } = bench;
  return [
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
      await drawn(page, "--line-training", 100);

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
      await curveBeyond(page, await curveBeyond(page, second));
      await page.getByRole("button", { name: "Cancel" }).click();
      await state(page, "cancelled");
      // A finished curve is the daemon's, point for point, thinned as a screen wants it.
      const { points: kept } = await daemon.json(`/jobs/${long.id}/curve?max_points=4000`);
      await page.waitForFunction(
        (all) => Number(document.querySelector(".plot")?.getAttribute("data-points")) === all,
        kept.length,
      );
    }],

    ["a failed job says why", {}, async (page) => {
      await irisData();
      const wild = await daemon.train({
        name: "wild", preset: "simple", data: { dataset: "iris", target: "species" }, architecture: { hidden: [8], activation: "relu" },
        optimizer: { type: "sgd", learning_rate: 1e30 }, training: { seed: 1 },
      });
      await daemon.job(wild.id, ["failed"]);
      await open(page, `#/jobs/${wild.id}`);
      await page.locator(".notice-error", { hasText: "Failed: diverged." }).waitFor();
      await page.screenshot({ path: join(shots, "job-failed-light.png"), fullPage: true });
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
      await page.locator(".plot").first().waitFor();
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

    ["a curve is zoomed, smoothed and laid over time, by keys and by mouse, and the address says how", {}, async (page) => {
      const { id } = await irisJob();
      await open(page, `#/jobs/${id}`);
      const plot = page.locator(".curve .plot");
      await curveBeyond(page, 5);
      const { points } = await daemon.json(`/jobs/${id}/curve`);
      await plot.focus();
      await page.keyboard.press("Home");
      await page.locator(".curve .chart-epoch", { hasText: /^epoch 1$/ }).waitFor();
      await page.keyboard.press("ArrowRight");
      await page.locator(".curve .chart-epoch", { hasText: /^epoch 2$/ }).waitFor();
      const told = await page.locator(".curve .key b").first().textContent();
      assert.ok(Math.abs(Number(told) - points[1].training_loss) < 1e-3, told);
      await page.keyboard.press("+");
      await page.waitForURL(/zoom=1\.?\d*\.\.\d/);
      await page.reload();
      await page.getByRole("button", { name: "Show all of it" }).click();
      await page.waitForFunction(() => !location.hash.includes("zoom"));

      const box = await page.locator(".curve .u-over").boundingBox();
      await page.mouse.move(box.x + box.width * 0.25, box.y + 50);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.75, box.y + 60, { steps: 4 });
      await page.mouse.up();
      await page.waitForURL(/zoom=/);
      const [from, to] = /zoom=([\d.]+?)\.\.([\d.]+)/.exec(page.url()).slice(1).map(Number);
      assert.ok(from > 1 && to < points.length && from < to, `${from} to ${to}`);
      await plot.dblclick();
      await page.waitForFunction(() => !location.hash.includes("zoom"));

      const before = await drawn(page, "--line-training", 100);
      await page.getByLabel("Smoothing").focus();
      for (let i = 0; i < 3; i++) await page.keyboard.press("PageUp");
      await page.waitForURL(/smooth=0\.\d/);
      for (const end = Date.now() + 30000; (await inked(page, "--line-training")) === before; )
        assert.ok(Date.now() < end, "the line is smoothed");
      await page.getByRole("radio", { name: "time" }).check();
      await page.waitForURL(/x=time/);
      await page.locator(".curve h2", { hasText: "Loss by time" }).waitFor();
      await page.getByRole("radio", { name: "accuracy" }).check();
      await page.waitForURL(/y=accuracy/);
      await page.reload();
      await page.locator(".curve h2", { hasText: "Accuracy by time" }).waitFor();
    }],

    ["two fingers zoom a curve, one scrolls the page", { context: PHONE }, async (page, context) => {
      const { id } = await irisJob();
      await open(page, `#/jobs/${id}`);
      await curveBeyond(page, 5);
      const last = await page.locator(".curve .plot").getAttribute("data-latest").then(Number);
      const over = page.locator(".curve .u-over");
      await over.scrollIntoViewIfNeeded();
      const box = await over.boundingBox();
      const cdp = await context.newCDPSession(page);
      const touch = (type, ...shares) => cdp.send("Input.dispatchTouchEvent", {
        type, touchPoints: shares.map(([x, y], id) => ({ x: box.x + box.width * x, y: box.y + box.height * y, id })),
      });
      const zoom = async () => {
        await page.waitForURL(/zoom=/);
        return /zoom=([\d.]+?)\.\.([\d.]+)/.exec(page.url()).slice(1).map(Number);
      };
      // A fifth of it between the fingers, then three fifths: what lay under them stays there.
      const at = (share) => 1 + (last - 1) * share;
      await touch("touchStart", [0.4, 0.5], [0.6, 0.5]);
      for (const step of [0.1, 0.2]) await touch("touchMove", [0.4 - step, 0.5], [0.6 + step, 0.5]);
      assert.doesNotMatch(page.url(), /zoom=/, "the address follows when the fingers have gone");
      await touch("touchEnd");
      const [from, to] = await zoom();
      assert.ok(Math.abs(from - at(1 / 3)) < last * 0.02 && Math.abs(to - at(2 / 3)) < last * 0.02, `${from} to ${to} of ${last}`);
      // And back out, beyond all that there is.
      await touch("touchStart", [0.05, 0.5], [0.95, 0.5]);
      for (const step of [0.2, 0.4]) await touch("touchMove", [0.05 + step, 0.5], [0.95 - step, 0.5]);
      await touch("touchEnd");
      await page.waitForFunction(() => !location.hash.includes("zoom"));

      const before = await page.evaluate(() => window.scrollY);
      await touch("touchStart", [0.5, 0.9]);
      for (let y = 0.8; y > -0.8; y -= 0.2) await touch("touchMove", [0.5, y]);
      await touch("touchEnd");
      await page.waitForFunction((y) => window.scrollY > y + 100, before);
      assert.doesNotMatch(page.url(), /zoom=/);
    }],

    ["a curve is taken along as CSV and as PNG", {}, async (page) => {
      const { id } = await irisJob();
      await open(page, `#/jobs/${id}`);
      await curveBeyond(page, 5);
      const { points } = await daemon.json(`/jobs/${id}/curve`);
      const csv = await saved(page, () => page.getByRole("button", { name: "CSV" }).click());
      assert.equal(csv.name, `job-${id}-curve.csv`);
      assert.equal(csv.text.trim().split("\n").length, points.length + 1);
      assert.match(csv.text, /^epoch,/);
      const png = await saved(page, () => page.getByRole("button", { name: "PNG" }).click());
      assert.equal(png.name, `job-${id}-loss.png`);
      assert.deepEqual([...png.bytes.subarray(0, 4)], [0x89, 0x50, 0x4e, 0x47]);
      assert.ok(png.bytes.length > 5000);
    }],

    ["the job as curl is the job, whatever quotes are in it", {}, async (page) => {
      await daemon.upload("quotes", "it's,z,\"say \"\"y\"\"\"\n0,1,1\n1,2,0\n2,3,1\n3,4,0\n");
      const config = { data: { dataset: "quotes", target: 'say "y"', exclude: ["it's"] }, name: "q", training: { epochs: 1, seed: 1 } };
      const { id } = await daemon.train(config);
      await open(page, `#/jobs/${id}?config=curl`);
      const command = await page.locator(".command pre").textContent();
      const done = spawnSync("bash", ["-c", command.replace("curl", "curl -sS")], { encoding: "utf8" });
      const again = JSON.parse(done.stdout);
      assert.deepEqual((await daemon.json(`/jobs/${again.id}`)).config, config);
    }],

    ["learning rate and gradient norms are drawn beside the losses", {}, async (page) => {
      await irisData();
      const { id } = await daemon.train({
        name: "norms", data: { dataset: "iris", target: "species" }, architecture: { hidden: [8, 8] },
        schedule: { type: "cosine" }, training: { epochs: 30, seed: 1, record_gradient_norms: true, early_stopping: { patience: 4 } },
        optimizer: { type: "adam", learning_rate: 0.1 },
      });
      const { result } = await daemon.job(id, ["succeeded"]);
      await open(page, `#/jobs/${id}`);
      const norms = page.locator(".panel", { hasText: "Gradient norms" });
      await norms.locator(".key", { hasText: "output" }).waitFor();
      assert.equal(await norms.locator(".key").count(), 3);
      await page.locator(".panel", { hasText: "Learning rate" }).locator(".plot").waitFor();
      if (result.stopped_by === "patience") await page.getByText("stopped early").first().waitFor();
      await page.screenshot({ path: join(shots, "job-gradients-light.png"), fullPage: true });
    }],

    ...everyWay(bench, "job", async () => {
      const { id } = await irisJob();
      return {
        job: [`#/jobs/${id}`, ".metrics"],
        "job-resolved": [`#/jobs/${id}?scale=log&config=resolved`, ".plot canvas"],
        nowhere: ["#/jobs/999999", ".notice"],
      };
    }, [/status of 404/]),
  ];
}
