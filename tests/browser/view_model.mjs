// A model: what it is, how good, its answers.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { everyWay, saved } from "./help.mjs";

export default function tests(bench) {
  const { daemon, open, made, top } = bench;
  const trained = async (name, target, config = {}) => {
    if (!made[name]) {
      await daemon.upload(name, await readFile(join(top, `examples/data/${name}.csv`)));
      const { id } = await daemon.train({
        name, preset: "simple", data: { dataset: name, target }, training: { epochs: 12, seed: 1 }, ...config,
      });
      made[name] = (await daemon.job(id, ["succeeded"])).model_id;
    }
    return made[name];
  };
  const iris = () => trained("iris", "species", { architecture: { hidden: [20, 6] }, training: { epochs: 60, seed: 1 } });
  const cancer = () => trained("breast_cancer", "diagnosis", { architecture: { hidden: [8, 4] } });
  const diabetes = () => trained("diabetes", "progression", { architecture: { hidden: [6] } });
  const digits = () => trained("digits", "digit", { training: { epochs: 4, seed: 1 } });
  return [
    ["a model is drawn, unit by unit", {}, async (page) => {
      const id = await iris();
      const model = await daemon.json(`/models/${id}`);
      await open(page, `#/models/${id}`);
      const net = page.locator(".net svg");
      await net.locator(".net-name", { hasText: "petal_width" }).waitFor();
      for (const label of model.classes) await net.locator(".net-name", { hasText: label }).waitFor();
      await net.getByText("20 relu").waitFor();
      await net.getByText("6 more").waitFor();
      // 4 inputs, 14 of 20, 6, and 3 outputs.
      assert.equal(await net.locator(".net-node").count(), 4 + 14 + 6 + 3);
      assert.equal(await net.locator(".net-link").count(), 4 * 14 + 14 * 6 + 6 * 3);
      await page.locator(".feature-name", { hasText: "petal_length" }).waitFor();
      const facts = page.locator(".facts");
      await facts.locator("dd", { hasText: new RegExp(`^${model.seed}$`) }).waitFor();
      await facts.getByText(model.weights_sha256.slice(0, 10)).waitFor();
      await facts.getByText(model.dataset.sha256.slice(0, 10)).waitFor();
    }],

    ["the drawing calls inputs what they are, and says what a layer has besides weights", {}, async (page) => {
      const rows = Array.from({ length: 40 }, (_, i) => `${["Oslo", "Rome", "Lyon"][i % 3]},${i % 7},${i % 5 ? i % 4 : ""},${(i % 3) * 2 + (i % 7)}`);
      await daemon.upload("places", `city,km,days,price\n${rows.join("\n")}\n`);
      const { id } = await daemon.train({
        preset: "simple", data: { dataset: "places", target: "price" }, training: { epochs: 2, seed: 1 },
        preprocess: { categorical: "embedding", missing_indicator: true },
        architecture: { hidden: [{ units: 6, activation: "maxout", pieces: 3, dropout: 0.25 }, { units: 4, batch_norm: true }, { units: 4, residual: true }] },
      });
      const { model_id: model } = await daemon.job(id, ["succeeded"]);
      const { inputs } = await daemon.json(`/models/${model}/trace`, {
        method: "POST", headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ instances: [(await daemon.json(`/models/${model}`)).example] }),
      });
      await open(page, `#/models/${model}`);
      await page.locator(".net-node").first().waitFor();
      const titles = await page.locator(".net-node title").allTextContents();
      assert.deepEqual(titles.slice(0, inputs.size).map((text) => text.split("\n")[0]), inputs.names);
      const words = await page.locator(".network .legend").first().textContent();
      for (const part of [
        `× 6 × 3 pieces weights, dropout 0.25`, "hidden 2: 6 × 4 weights, batch norm", "hidden 3: 4 × 4 weights, residual",
        `city: embedding of 4 × ${inputs.names.filter((name) => name.startsWith("city")).length}`,
      ]) assert.ok(words.includes(part), `${part} in ${words}`);
    }],

    ["all of it can be taken along in one file, also when its job is gone", { expected: [/status of 404/] }, async (page) => {
      const id = await iris();
      const all = async () => {
        const { name, text } = await saved(page, () => page.getByRole("button", { name: "Download" }).click());
        assert.equal(name, `iris-${id}.json`);
        return JSON.parse(text);
      };
      await open(page, `#/models/${id}`);
      const got = await all();
      assert.deepEqual(got.model, await daemon.json(`/models/${id}`));
      assert.deepEqual(got.weights, await daemon.json(`/models/${id}/weights`));
      assert.ok(got.model.features.length === 4 && got.job.resolved.optimizer.type && got.job.config.data.dataset);
      await page.route("**/jobs/*", (route) => route.fulfill({ status: 404, json: { detail: "gone" } }));
      assert.equal((await all()).job, null);
    }],

    ["how its weights and biases are spread is drawn", {}, async (page) => {
      const id = await iris();
      await open(page, `#/models/${id}`);
      const { layers } = await daemon.json(`/models/${id}/histograms`);
      const parts = page.locator(".part");
      await parts.first().waitFor();
      assert.equal(await parts.count(), 6);
      for (const [i, part] of layers.flatMap((layer) => layer.parts).entries()) {
        // The tallest bar has the height of the picture, the others their share of it.
        const most = Math.max(...part.counts);
        const heights = await parts.nth(i).locator("rect").evaluateAll((all) => all.map((r) => Number(r.getAttribute("height"))));
        assert.equal(heights.length, part.counts.length);
        part.counts.forEach((n, k) => assert.ok(Math.abs(heights[k] - (n === 0 ? 0 : Math.max(1, (n / most) * 54))) < 1e-6, `${i} ${k}`));
      }
      await parts.nth(2).getByText("20 × 6").waitFor();
    }],

    ["what a column is worth is drawn, with how far the repeats were apart", {}, async (page) => {
      const id = await iris();
      await open(page, `#/models/${id}`);
      const { features, loss } = await daemon.json(`/models/${id}/importance`);
      const rows = page.locator(".features-table tbody tr");
      await rows.locator(".importance").first().waitFor();
      assert.deepEqual(await rows.locator(".feature-name").allTextContents(), features.map((f) => f.name));
      const most = Math.max(...features.map((f) => f.loss_increase + f.loss_std));
      const boxes = await rows.locator(".importance").evaluateAll((all) =>
        all.map((cell) => [".meter", "i", "s"].map((part) => cell.querySelector(part).getBoundingClientRect().width)));
      features.forEach((f, i) => {
        const [all, bar, spread] = boxes[i];
        assert.ok(Math.abs(bar / all - Math.max(0, f.loss_increase) / most) < 0.02, `${f.name}: ${boxes[i]}`);
        const ends = [f.loss_increase - f.loss_std, f.loss_increase + f.loss_std].map((x) => Math.max(0, x) / most);
        assert.ok(Math.abs(spread / all - (ends[1] - ends[0])) < 0.05, `${f.name}: ${boxes[i]}`);
      });
      assert.equal(loss.name, "log_loss");
      await page.getByText("How much worse log loss on validation data gets").waitFor();
    }],

    ["what it took for what, split by split", {}, async (page) => {
      const id = await iris();
      await open(page, `#/models/${id}/evaluation`);
      for (const split of ["test", "training"]) {
        await page.getByRole("radio", { name: `${split} rows` }).check();
        const { confusion_matrix: matrix, per_class: classes } = await daemon.json(`/models/${id}/evaluation?split=${split}`);
        await page.locator(".metrics th", { hasText: split }).waitFor();
        await page.waitForFunction(
          (counts) => [...document.querySelectorAll(".matrix td b")].map((b) => b.textContent).join() === counts,
          matrix.flat().join(),
        );
        const row = page.locator(".classes tbody tr", { hasText: "virginica" });
        await row.locator("td", { hasText: `${(classes[2].recall * 100).toFixed(1)} %` }).first().waitFor();
        assert.deepEqual((await row.locator("td").allTextContents()).slice(0, 2), [classes[2].support, classes[2].predicted].map(String));
      }
      await page.waitForURL(/split=training/);
    }],

    ["a threshold moves along both curves", {}, async (page) => {
      const id = await cancer();
      await open(page, `#/models/${id}/evaluation`);
      const { thresholds } = await daemon.json(`/models/${id}/evaluation`);
      const slider = page.getByRole("slider");
      await slider.fill("4");
      const { tp, fp, tn, fn } = thresholds.points[4];
      const fact = (name) => page.locator(".quantiles div", { has: page.locator("dt", { hasText: name }) }).locator("dd");
      await fact("Found").getByText(`${tp} of ${thresholds.positives}`).waitFor();
      await fact("False alarms").getByText(`${fp} of ${thresholds.negatives}`).waitFor();
      await fact("Accuracy").getByText(`${((100 * (tp + tn)) / (tp + fp + tn + fn)).toFixed(1)} %`).waitFor();
      await page.waitForURL(/at=/);
      const mark = page.locator(".xy-mark").first();
      const before = await mark.getAttribute("cy");
      await slider.press("ArrowRight");
      await page.waitForFunction((y) => document.querySelector(".xy-mark").getAttribute("cy") !== y, before);
      const place = await slider.inputValue();
      await page.reload();
      await slider.waitFor();
      assert.equal(await slider.inputValue(), place, "the threshold is in the URL");
      await page.getByRole("button", { name: "The one in use" }).click();
      await page.locator(".quantiles", { hasText: "Threshold" }).getByText("0.5", { exact: true }).waitFor();
    }],

    ["numbers: predicted against true", {}, async (page) => {
      const id = await diabetes();
      await open(page, `#/models/${id}/evaluation`);
      const { targets: [target] } = await daemon.json(`/models/${id}/evaluation`);
      await page.locator(".xy-dot").first().waitFor();
      assert.equal(await page.locator(".xy-dot").count(), target.sample.length);
      assert.equal(await page.locator(".xy-bar").count(), target.residuals.counts.length);
    }],

    ["a model answers as one types", {}, async (page) => {
      const id = await iris();
      await open(page, `#/models/${id}/try`);
      await page.locator(".verdict b").waitFor(); // of the example, before anything is typed
      const row = { sepal_length: "5.1", sepal_width: "3.5", petal_length: "1.4", petal_width: "0.2" };
      for (const [name, value] of Object.entries(row)) await page.getByLabel(name, { exact: true }).fill(value);
      await page.locator(".verdict b", { hasText: "setosa" }).waitFor();
      assert.equal(await page.locator(".probabilities li").count(), 3);
      await page.getByRole("slider", { name: "petal_length, slider" }).fill("5.9");
      await page.getByRole("slider", { name: "petal_width, slider" }).fill("2.4");
      await page.locator(".verdict b", { hasText: "virginica" }).waitFor();
      assert.equal(await page.getByLabel("petal_length", { exact: true }).inputValue(), "5.9");

      // The question is in the URL.
      await page.reload();
      await page.locator(".verdict b", { hasText: "virginica" }).waitFor();
      assert.equal(await page.getByLabel("petal_length", { exact: true }).inputValue(), "5.9");
      await page.getByRole("button", { name: "Back to the example" }).click();
      assert.equal(await page.getByLabel("petal_length", { exact: true }).inputValue(), "");
      assert.doesNotMatch(page.url(), /in\./);

      await page.getByRole("radio", { name: "row", exact: true }).check();
      await page.getByLabel("One row").fill("5.1, 3.5, 1.4, 0.2");
      await page.locator(".verdict b", { hasText: "setosa" }).waitFor();
    }],

    ["one column is moved, and the answer drawn", {}, async (page) => {
      const id = await iris();
      await open(page, `#/models/${id}/try`);
      await page.getByLabel("Move").selectOption("petal_length");
      await page.waitForURL(/sweep=petal_length/);
      await page.locator(".sweep .xy-label", { hasText: "petal_length" }).waitFor();
      assert.equal(await page.locator(".xy-series").count(), 3);
      const before = await page.locator(".xy-series").first().getAttribute("d");
      await page.getByLabel("petal_width", { exact: true }).fill("2.4");
      await page.waitForFunction((d) => document.querySelector(".xy-series")?.getAttribute("d") !== d, before);
    }],

    ["a row that does not fit is refused in words", { expected: [/status of 4\d\d/] }, async (page) => {
      const id = await iris();
      await open(page, `#/models/${id}/try?form=row`);
      await page.getByLabel("One row").fill("5.1, long, 1.4");
      await page.locator(".prediction .notice-error li").first().waitFor();
    }],

    ...everyWay(bench, "models", async () => {
      const [flowers, two, number, wide] = [await iris(), await cancer(), await diabetes(), await digits()];
      return {
        models: ["#/models", "tr[data-model]"],
        model: [`#/models/${flowers}`, ".net svg"],
        "model-wide": [`#/models/${wide}`, ".net svg"],
        evaluation: [`#/models/${two}/evaluation?at=0.3`, ".xy-mark"],
        "evaluation-wide": [`#/models/${wide}/evaluation`, ".matrix"],
        "evaluation-numbers": [`#/models/${number}/evaluation`, ".xy-dot"],
        try: [`#/models/${flowers}/try?sweep=petal_length`, ".xy-series"],
        "try-numbers": [`#/models/${number}/try`, ".xy-series"],
      };
    }),
  ];
}
