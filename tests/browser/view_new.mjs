// A new job.
import assert from "node:assert/strict";
import { curveBeyond, everyWay, inked, jobIdIn, state } from "./help.mjs";

export default function tests(bench) {
  const { daemon, open, irisData, made } = bench;
  return [
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

    ...everyWay(bench, "new jobs", async () => {
      await irisData();
      return { new: ["#/new?dataset=iris", "textarea"] };
    }),
  ];
}
