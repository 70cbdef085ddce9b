// A new job.
import assert from "node:assert/strict";
import { curveBeyond, everyWay, drawn, jobIdIn, state } from "./help.mjs";

const box = (page) => page.getByLabel("The job as JSON");
const job = async (page) => JSON.parse(await box(page).inputValue());
const boxHas = (page, text) => page.waitForFunction((t) => document.querySelector("textarea")?.value.includes(t), text);
const tile = (page, label) => page.locator(".estimate .tile", { hasText: label }).locator(".tile-value");
const problem = { expected: [/status of 4\d\d/] };

export default function tests(bench) {
  const { daemon, open, irisData } = bench;
  return [
    ["two keys, chosen in the form, are a job that trains", {}, async (page) => {
      await open(page, "#/jobs");
      await irisData();
      await page.getByRole("link", { name: "New job" }).click();
      // Its columns come late, and with them what to predict: the daemon is not asked before.
      await page.route("**/datasets/iris", async (route) => {
        await page.waitForTimeout(600);
        await route.continue();
      });
      await page.getByLabel("Dataset").selectOption("iris");
      await page.getByLabel("To predict").selectOption("petal_width");
      await page.getByLabel("To predict").selectOption("species");
      assert.deepEqual(await job(page), { data: { dataset: "iris", target: "species" } });
      const asked = await daemon.json("/train?dry_run=1", {
        method: "POST", headers: { "Content-Type": "application/json" }, body: await box(page).inputValue(),
      });
      await tile(page, "Parameters").filter({ hasText: asked.estimate.parameters.toLocaleString("en") }).waitFor();
      assert.equal((await daemon.json("/jobs")).jobs.length, 0, "asking makes no job");

      await page.getByRole("button", { name: "Train" }).click();
      await page.waitForURL(/#\/jobs\/\d+/);
      const id = jobIdIn(page);
      await state(page, "succeeded");
      await curveBeyond(page, 5);
      const curve = await daemon.json(`/jobs/${id}/curve`);
      await page.waitForFunction(
        (all) => Number(document.querySelector(".plot")?.getAttribute("data-points")) === all,
        curve.points.length,
      );
      await drawn(page, "--line-training", 200);
      await drawn(page, "--line-validation", 200);
      await page.locator(".metrics tr", { hasText: "accuracy" }).first().waitFor();
      await page.locator(".events li").nth(1).waitFor();
      await page.getByRole("radio", { name: "resolved" }).check();
      await page.waitForURL(/config=resolved/);
      await page.locator("pre.json", { hasText: "learning_rate" }).waitFor();
    }],

    ["fields and JSON are one job, and a reload keeps it", {}, async (page) => {
      await irisData();
      await open(page, "#/new?dataset=iris");
      await boxHas(page, "species");
      await tile(page, "Parameters").waitFor();
      assert.equal(await page.getByLabel("Epochs").inputValue(), "");
      assert.match(await page.getByLabel("Epochs").getAttribute("placeholder"), /^\d+$/, "an empty field shows the default");
      await page.getByLabel("Preset").selectOption('"simple"');
      await page.locator('input[placeholder="0.001"]').waitFor();
      await page.getByLabel("Epochs").fill("7");
      await page.getByRole("spinbutton", { name: "Layer 2" }).fill("5");
      await page.getByRole("button", { name: "Take layer 1 away" }).click();
      await page.getByRole("button", { name: "Add a layer" }).click();
      await page.getByRole("spinbutton", { name: "Layer 2" }).fill("3");
      await page.getByLabel("Optimizer").selectOption("sgd");
      await page.getByLabel("Activation").selectOption("tanh");
      await page.getByText("Columns to learn from").click();
      await page.getByRole("checkbox", { name: "sepal_width" }).uncheck();
      assert.deepEqual(await job(page), {
        data: { dataset: "iris", target: "species", exclude: ["sepal_width"] },
        preset: "simple",
        training: { epochs: 7 },
        architecture: { hidden: [5, 3], activation: "tanh" },
        optimizer: { type: "sgd" },
      });
      // 3 inputs, 5, 3, 3 outputs.
      await tile(page, "Parameters").filter({ hasText: /^50$/ }).waitFor();

      await page.reload();
      await boxHas(page, "sepal_width");
      assert.equal(await page.getByLabel("Epochs").inputValue(), "7");
      assert.equal(await page.getByRole("spinbutton", { name: "Layer 2" }).inputValue(), "3");

      await box(page).fill('{"data": {"dataset": "iris", "target": "species"}, "optimizer": "lion", "training": {"epochs": 9}}');
      assert.equal(await page.getByLabel("Epochs").inputValue(), "9");
      assert.equal(await page.getByLabel("Optimizer").inputValue(), '"lion"');
      await page.getByLabel("Epochs").fill("");
      assert.deepEqual(await job(page), { data: { dataset: "iris", target: "species" }, optimizer: "lion" });
      await page.getByText("The same as curl").click();
      await page.locator(".command pre", { hasText: `'{"data":{"dataset":"iris","target":"species"},"optimizer":"lion"}' ${daemon.url}/train` }).waitFor();
    }],

    ["every mistake is shown at its field and in the JSON", problem, async (page) => {
      await irisData();
      await open(page, "#/new?example=xor");
      await boxHas(page, "xor");
      await box(page).fill('{\n  "data": {"dataset": "iris", "target": "species"},\n  "optimizer": {\n    "learning_rate": -1\n  },\n  "training": {"epochs": 0},\n  "lose": 3\n}');
      const field = page.locator(".field", { has: page.getByLabel("Learning rate") });
      await field.locator(".problem", { hasText: "must be > 0" }).waitFor();
      assert.equal(await page.getByLabel("Learning rate").getAttribute("aria-invalid"), "true");
      await page.locator(".field", { has: page.getByLabel("Epochs") }).locator(".problem").waitFor();
      await page.getByText("3 things to change").waitFor();
      await page.getByText('did you mean "loss"?').waitFor();
      const places = page.locator(".places li");
      await places.filter({ hasText: "/optimizer/learning_rate" }).getByRole("button", { name: "line 4" }).click();
      const chosen = await box(page).evaluate((area) => area.value.slice(area.selectionStart, area.selectionEnd));
      assert.equal(chosen, '"learning_rate": -1');
      await places.filter({ hasText: "/lose" }).getByRole("button", { name: "line 7" }).waitFor();

      await box(page).fill("{ not json");
      await page.locator(".notice-error", { hasText: /JSON/i }).waitFor();
      assert.ok(await page.getByLabel("Epochs").isDisabled(), "fields cannot change what is no job");
      await page.getByRole("button", { name: "Train" }).click();
      await page.locator(".notice-error", { hasText: /JSON/i }).waitFor();
    }],

    ["examples are a click away, with their tables", problem, async (page) => {
      await open(page, "#/new");
      await page.getByRole("link", { name: /^Diabetes/ }).click();
      await page.waitForURL(/example=diabetes/);
      await boxHas(page, "progression");
      await tile(page, "Parameters").waitFor();
      assert.equal((await daemon.json("/datasets/diabetes")).rows, 442);
      await page.getByRole("link", { name: /^A sine/ }).click();
      await boxHas(page, "angle");
      await page.getByLabel("Epochs").fill("3");
      // Again from its beginning.
      await page.getByRole("link", { name: /^A sine/ }).click();
      await page.waitForFunction(() => JSON.parse(document.querySelector("textarea").value).training.epochs === 2000);
      await page.getByText("What can be done with columns and rows").click();
      await page.getByRole("link", { name: /^Several labels/ }).click();
      await boxHas(page, "fog");
      await tile(page, "Parameters").waitFor();
      assert.equal((await daemon.json("/datasets/weather")).rows, 300);
      // What is offered is all there is, and the address opens it.
      const offered = await page.locator("a.example").evaluateAll((links) =>
        links.map((a) => decodeURIComponent(a.hash.replace("#/new?example=", ""))));
      const { jobs } = await daemon.json("/examples.json");
      assert.deepEqual(offered.sort(), Object.keys(jobs).sort());
      await open(page, "#/new?example=prepare%2Fsplit_time");
      await page.locator('a.example[aria-current="true"]', { hasText: "Split by time" }).waitFor();
    }],

    ["the XOR of the form is learnt", {}, async (page) => {
      await open(page, "#/new?example=xor");
      await boxHas(page, "xor");
      await page.getByRole("button", { name: "Train" }).click();
      await page.waitForURL(/#\/jobs\/\d+/);
      await state(page, "succeeded");
      const made = await daemon.json(`/jobs/${jobIdIn(page)}`);
      for (const [a, b, y] of [[0, 0, "0"], [0, 1, "1"], [1, 0, "1"], [1, 1, "0"]]) {
        await open(page, `#/models/${made.model_id}/try?in.a=${a}&in.b=${b}`);
        await page.reload();
        await page.locator(".verdict b", { hasText: new RegExp(`^${y}$`) }).waitFor();
      }
    }],

    ...everyWay(bench, "new jobs", async () => {
      await irisData();
      return {
        new: ["#/new?dataset=iris&more=1", ".tile"],
        "new-wrong": [
          `#/new?job=${encodeURIComponent('{"data":{"dataset":"iris","target":"species"},"training":{"epochs":0},"optimizer":{"learning_rate":-1}}')}`,
          ".field .problem",
        ],
      };
    }, [/status of 4\d\d/]),
  ];
}
