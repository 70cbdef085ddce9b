// The list of jobs, and the page of a daemon that has none.
import assert from "node:assert/strict";
import { join } from "node:path";
import { Daemon } from "./daemon.mjs";
import { everyWay } from "./help.mjs";

export default function tests(bench) {
  const { daemon, open, irisData, irisJob, made, shots } = bench;
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

    ["a finished job is deleted in two steps", {}, async (page) => {
      await irisJob();
      const doomed = await daemon.train({ name: "doomed", preset: "simple", data: { dataset: "iris", target: "species" } });
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

    ["what has not changed is not sent again", {}, async (page) => {
      await irisJob();
      await open(page, "#/jobs");
      await page.locator("tr[data-job]").first().waitFor();
      const spared = await page.waitForResponse(
        (response) => response.url().includes("/jobs?") && response.status() === 304,
      );
      assert.equal(spared.request().headers()["if-none-match"] !== undefined, true);
    }],

    ["the list is filtered and put in order, and the address says how", {}, async (page) => {
      await irisData();
      const rates = { slow: 0.0001, quick: 0.02 };
      for (const [name, learning_rate] of Object.entries(rates)) {
        const { id } = await daemon.train({
          name, data: { dataset: "iris", target: "species" }, optimizer: { type: "adam", learning_rate },
          training: { epochs: 5, seed: 1 },
        });
        made[name] = id;
        await daemon.job(id, ["succeeded"]);
      }
      const names = () => page.locator("tr[data-job] .row-link").allTextContents();
      const order = async (first, second) => {
        const all = (await names()).join("|");
        assert.ok(all.indexOf(first) >= 0 && all.indexOf(first) < all.indexOf(second), `${first} before ${second}: ${all}`);
      };
      await open(page, "#/jobs");
      await page.locator(`tr[data-job="${made.quick}"]`).waitFor();
      await order("quick", "slow");
      await page.getByRole("button", { name: "Loss" }).click();
      await page.waitForURL(/sort=loss/);
      await order("quick", "slow");
      assert.equal(await page.getByRole("columnheader", { name: "Loss" }).getAttribute("aria-sort"), "ascending");
      await page.getByRole("button", { name: "Loss" }).click();
      await page.waitForURL(/sort=-loss/);
      await order("slow", "quick");
      await page.getByLabel("Find jobs").fill("QUICK");
      await page.waitForFunction(() => document.querySelectorAll("tr[data-job]").length === 1);
      await page.reload();
      await page.locator("tr[data-job]").first().waitFor();
      assert.deepEqual((await names()).map((n) => n.replace(/\s+/g, " ").trim()), [`${made.quick} quick`]);
      await page.getByLabel("Find jobs").fill("no such words");
      await page.getByText("No job here has these words").waitFor();
      await page.getByLabel("Find jobs").fill("");
      await page.getByLabel(/^State/).selectOption("failed");
      await page.waitForURL(/state=failed/);
      await page.getByText("No job is failed.").waitFor();
      await page.getByLabel(/^State/).selectOption("succeeded");
      // What a job is, without opening it.
      const row = page.locator(`tr[data-job="${made.quick}"]`);
      await row.locator(".cell-network", { hasText: "adam 0.02, batch 16" }).waitFor();
      await row.locator(".spark path").first().waitFor();
      await row.getByRole("link", { name: "Clone" }).click();
      await page.waitForURL(new RegExp(`#/new\\?from=${made.quick}`));
    }],

    ["the list says why a job failed", {}, async (page) => {
      await irisData();
      const { id } = await daemon.train({
        name: "wild", data: { dataset: "iris", target: "species" }, training: { seed: 1 },
        optimizer: { type: "sgd", learning_rate: 1e30 },
      });
      const { error } = await daemon.job(id, ["failed"]);
      await open(page, "#/jobs");
      await page.locator(`tr[data-job="${id}"] .problem`, { hasText: error.detail }).waitFor();
    }],

    ["five hundred jobs are listed, found and scrolled, and older ones are a page away", {}, async (page) => {
      const crowd = await Daemon.start(daemon.program);
      try {
        await crowd.json("/queue/pause", { method: "POST" });
        await crowd.upload("four", "x,y\n0,0\n1,1\n2,0\n3,1\n");
        for (let i = 0; i < 520; i += 20)
          await Promise.all(Array.from({ length: 20 }, (_, j) =>
            crowd.train({ name: `n${i + j}`, data: { dataset: "four", target: "y" }, training: { epochs: 1 } })));
        await page.goto(`${crowd.url}/#/jobs?limit=500`);
        await page.locator("tr[data-job]").first().waitFor();
        await page.locator(".tile", { hasText: "In the queue" }).getByText("520").waitFor();
        await page.waitForFunction(() => {
          window.scrollTo(0, document.body.scrollHeight);
          return document.querySelectorAll("tr[data-job]").length === 500;
        });
        await page.getByText("The newest 500 jobs.").waitFor();
        await page.getByRole("button", { name: "Older ones" }).click();
        await page.getByText("20 jobs of an older page.").waitFor();
        assert.deepEqual(
          (await page.locator("tr[data-job]").evaluateAll((all) => all.map((row) => Number(row.dataset.job)))),
          Array.from({ length: 20 }, (_, i) => 20 - i),
        );
        await page.reload();
        await page.waitForFunction(() => document.querySelectorAll("tr[data-job]").length === 20);
        await page.getByRole("button", { name: "The newest" }).click();
        await page.waitForFunction(() => document.querySelectorAll("tr[data-job]").length > 20);
        await page.getByLabel("Find jobs").fill("n499");
        await page.waitForFunction(() => document.querySelectorAll("tr[data-job]").length === 1);
        await page.getByRole("button", { name: /Cancel/ }).click();
        await page.locator(".state-cancelled").waitFor();
      } finally {
        await crowd.stop();
      }
    }],

    ...everyWay(bench, "jobs", async () => {
      await irisJob();
      return { jobs: ["#/jobs", "tr[data-job]"] };
    }),
  ];
}
