// Runs beside each other.
import assert from "node:assert/strict";
import { drawn, everyWay, PHONE, saved } from "./help.mjs";

export default function tests(bench) {
  const { daemon, open, irisData, made } = bench;
  // Six runs that differ in rate and layers, and one of another table.
  const runs = async () => {
    await irisData();
    if (made.runs) return made.runs;
    made.runs = [];
    for (const learning_rate of [0.001, 0.01, 0.1])
      for (const hidden of [[8], [16, 8]]) {
        const { id } = await daemon.train({
          name: "grid", data: { dataset: "iris", target: "species" }, architecture: { hidden },
          optimizer: { type: "adam", learning_rate }, training: { epochs: 12, seed: 3, early_stopping: null },
        });
        made.runs.push(id);
      }
    for (const id of made.runs) await daemon.job(id, ["succeeded"]);
    return made.runs;
  };

  return [
    ["two jobs picked in the list are compared", {}, async (page) => {
      const [first, second] = await runs();
      await open(page, "#/jobs");
      await page.getByLabel(`Compare job ${first}`).check();
      await page.getByLabel(`Compare job ${second}`).check();
      await page.getByRole("link", { name: "Compare", exact: true }).last().click();
      await page.waitForURL(new RegExp(`#/compare\\?runs=${first},${second}`.replace(",", "(,|%2C)")));
      await page.locator(".plot[data-points='12']").waitFor();
      await drawn(page, "--c1", 100);
      await drawn(page, "--c2", 100);
      const facts = await page.locator(".differences tbody th").allTextContents();
      assert.ok(facts.includes("hidden layers") && facts.includes("best validation loss"), `${facts}`);
      for (const same of ["learning rate", "seed", "batch size", "optimizer"]) assert.ok(!facts.includes(same), same);
      const row = page.locator(".differences tbody tr", { hasText: "hidden layers" });
      assert.deepEqual((await row.locator("td").allTextContents()), ["8 relu", "16 + 8 relu"]);

      // One of them is hidden, and the address says so.
      await page.getByLabel(`Show job ${second} grid`).uncheck();
      await page.waitForURL(/hide=/);
      await page.locator(".differences").waitFor({ state: "detached" });
      await page.waitForFunction(() => document.querySelectorAll(".curve .key").length === 1);
      await page.reload();
      await page.locator(".plot").waitFor();
      assert.equal(await page.locator(".curve .key").count(), 1);
      assert.equal(await page.getByLabel(`Show job ${second} grid`).isChecked(), false);
    }],

    ["a family is coloured by a hyperparameter, in all pictures", {}, async (page) => {
      const ids = await runs();
      await open(page, "#/compare");
      await page.getByLabel("Add").selectOption({ label: "all 6 of grid" });
      await page.waitForFunction(() => document.querySelectorAll(".runs li").length === 6);
      await page.getByLabel("Colour by").selectOption({ label: "learning rate" });
      await page.waitForURL(/color=optimizer.learning_rate/);
      const colours = await page.locator(".runs .swatch path").evaluateAll((all) => all.map((p) => p.getAttribute("stroke")));
      assert.equal(new Set(colours).size, 3, `${colours}`);
      assert.equal(await page.locator(".picture-run").count(), 6);
      assert.equal(await page.locator(".picture-dot").count(), 6);
      await page.getByLabel("Across").selectOption({ label: "learning rate" });
      await page.getByLabel("Result").first().selectOption({ label: "last accuracy" });
      await page.locator("h2", { hasText: "Last accuracy by learning rate" }).waitFor();
      const best = Math.min(...(await Promise.all(ids.map((id) => daemon.json(`/jobs/${id}`)))).map((job) => job.best.validation_loss));
      const cell = page.locator(".differences tr", { hasText: "best validation loss" }).locator(".best-of");
      assert.equal(Number(await cell.textContent()).toPrecision(3), best.toPrecision(3));

      const csv = await saved(page, () => page.getByRole("button", { name: "CSV of these curves" }).click());
      const lines = csv.text.trim().split("\n");
      assert.equal(lines.length, 13);
      assert.equal(lines[0].split(",").length, 7);
      assert.match(lines[0], /^epoch,\d+ grid/);
      // Taken out again, it is gone from everywhere.
      await page.getByRole("button", { name: `Take job ${ids[0]} grid out` }).click();
      await page.waitForFunction(() => document.querySelectorAll(".picture-run").length === 5);
    }],

    ["on a phone the axes' names are whole", { context: PHONE }, async (page) => {
      await open(page, `#/compare?runs=${(await runs()).join(",")}`);
      const titles = page.locator(".picture-ticks >> xpath=../*/*[contains(@class, 'picture-title')]");
      await titles.nth(2).waitFor();
      const edge = await page.getByRole("group", { name: "Parallel coordinates" }).evaluate((e) => e.getBoundingClientRect().right);
      const words = await titles.locator("tspan").allTextContents();
      assert.deepEqual(words.join(" "), "hidden layers learning rate best validation loss");
      const boxes = await titles.evaluateAll((all) => all.map((t) => t.getBoundingClientRect()).map(({ left, right }) => [left, right]));
      // One after the other, none over the next or the edge.
      boxes.forEach(([left, right], i) => assert.ok(left >= 0 && right <= (boxes[i + 1]?.[0] ?? edge + 1), JSON.stringify(boxes)));
    }],

    ["jobs that are not there are named", { expected: [/status of 404/] }, async (page) => {
      const [first] = await runs();
      await open(page, `#/compare?runs=${first},99999,x,-1`);
      await page.locator(".notice", { hasText: "Job 99999 is not there." }).waitFor();
      await page.locator(".plot[data-points='12']").waitFor();
    }],

    ...everyWay(bench, "comparisons", async () => ({
      compare: [`#/compare?runs=${(await runs()).join(",")}&color=optimizer.learning_rate`, ".picture-dot"],
      "compare-none": ["#/compare", ".panel"],
    })),
  ];
}
