// A model and its predictions.
import assert from "node:assert/strict";
import { join } from "node:path";
import { everyWay } from "./help.mjs";

export default function tests(bench) {
  const { daemon, open, irisJob, shots } = bench;
  return [
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

    ...everyWay(bench, "models", async () => {
      const { model_id: model } = await irisJob();
      return {
        models: ["#/models", "tr[data-model]"],
        model: [`#/models/${model}`, ".fields", async (page) => {
          await page.getByRole("button", { name: "Predict" }).click();
          await page.locator(".verdict").waitFor();
        }],
      };
    }),
  ];
}
