// One job: its curve as it grows, what becomes of it, and the daemon going away meanwhile.
import assert from "node:assert/strict";
import { join } from "node:path";
import { ENDLESS, REFUSED, curveBeyond, everyWay, inked, state } from "./help.mjs";

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
