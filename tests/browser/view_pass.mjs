// See the pass: forward, backward, and the numbers are the daemon's.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { everyWay } from "./help.mjs";

const XOR = {
  name: "xor", preset: "simple", data: { x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [0, 1, 1, 0], features: ["a", "b"], target: "t" },
  architecture: { hidden: [3], activation: "tanh" }, training: { epochs: 30, seed: 1, batch_size: 4 },
};
// Full numbers stand in the titles of those that are shown.
const shown = (page, place) => page.locator(`${place} .n`).evaluateAll((all) => all.map((n) => Number(n.title)));
const has = (numbers, x) => assert.ok(numbers.some((n) => Math.abs(n - x) <= 1e-9 * Math.max(1, Math.abs(x))), `${x} is not among ${numbers}`);
const at = (page, n) => page.locator(`.pass[data-step="${n}"]`).waitFor();

export default function tests(bench) {
  const { daemon, open, irisData, made, top } = bench;
  const xor = async () => (made.xor ??= (await daemon.job((await daemon.train(XOR)).id, ["succeeded"])).model_id);
  const digits = async () => {
    if (!made.digits) {
      await daemon.upload("digits", await readFile(join(top, "examples/data/digits.csv")));
      const { id } = await daemon.train({
        preset: "simple", data: { dataset: "digits", target: "digit" }, architecture: { hidden: [128] }, training: { epochs: 2, seed: 1 },
      });
      made.digits = (await daemon.job(id, ["succeeded"])).model_id;
    }
    return made.digits;
  };
  const trace = (id, row, query = "") => daemon.json(`/models/${id}/trace${query}`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ instances: [row] }),
  });
  return [
    ["a row goes through and its loss comes back, number by number", {}, async (page) => {
      const id = await xor();
      const t = await trace(id, { a: 0, b: 1, t: 1 });
      const [hidden, output] = t.layers;
      await open(page, `#/models/${id}/pass?row=2&w=0.1.2`);
      await at(page, 0);
      assert.deepEqual((await shown(page, ".pass-words")).slice(0, 2), t.inputs.a);
      const next = page.getByRole("button", { name: "Next", exact: true });

      await next.click();
      await at(page, 1);
      await page.getByRole("heading", { name: "Forward: hidden 1" }).waitFor();
      const forward = await shown(page, ".pass-words");
      for (const x of [hidden.W[0][2], hidden.W[1][2], hidden.b[2], hidden.z[2], hidden.a[2]]) has(forward, x);
      assert.equal(await page.locator(".net-node", { hasText: "unit 3" }).locator(".net-value").nth(2).textContent(), "", "no delta yet");

      await next.click();
      await next.click();
      await at(page, 3);
      const loss = await shown(page, ".pass-words");
      for (const x of [t.output.z[0], t.output.p[0], t.loss.value]) has(loss, x);

      await next.click();
      await at(page, 4);
      has(await shown(page, ".pass-words"), output.delta[0]);
      await next.click();
      await at(page, 5);
      const backward = await shown(page, ".pass-words");
      for (const x of [output.W[2][0], output.delta[0], hidden.delta_a[2], hidden.derivative[2], hidden.delta[2]]) has(backward, x);
      assert.notEqual(await page.locator(".net-node", { hasText: "unit 3" }).locator(".net-value").nth(2).textContent(), "");
      const weight = await shown(page, ".pass-weight");
      for (const x of [hidden.W[1][2], t.inputs.a[1], hidden.delta[2], hidden.dW[1][2]]) has(weight, x);
      assert.ok(await next.isDisabled() || (await next.getAttribute("aria-disabled")) === "true");

      // What was looked at is in the URL.
      await page.reload();
      await at(page, 5);
      has(await shown(page, ".pass-weight"), hidden.dW[1][2]);
      await page.getByRole("button", { name: "Back", exact: true }).click();
      await at(page, 4);
    }],

    ["another row and another weight, by keyboard", {}, async (page) => {
      const id = await xor();
      await open(page, `#/models/${id}/pass?step=5`);
      await at(page, 5);
      await page.getByRole("button", { name: "Next row" }).focus();
      await page.keyboard.press("Enter");
      await page.waitForURL(/row=2/);
      await page.getByLabel("Layer", { exact: true }).selectOption("1");
      await page.getByLabel("From", { exact: true }).selectOption("0");
      await page.waitForURL(/w=1\.0\.0/);
      const t = await trace(id, { a: 0, b: 1, t: 1 });
      await page.waitForFunction(
        (x) => [...document.querySelectorAll(".pass-weight .math-final .n")].some((n) => Number(n.title) === x),
        t.layers[1].dW[0][0],
      );
      await page.getByRole("slider", { name: "Step" }).focus();
      await page.keyboard.press("ArrowLeft");
      await at(page, 4);
      await page.locator(".pass-net .net-hit").first().dispatchEvent("click");
      await page.waitForURL(/w=0\./);
    }],

    ["wide layers show the units that count", {}, async (page) => {
      const id = await digits();
      const row = (await daemon.json("/datasets/digits/rows?offset=0&limit=1"));
      const instance = Object.fromEntries(row.columns.map((name, i) => [name, row.rows[0][i]]));
      const t = await trace(id, instance, "?layer=0&unit=100");
      assert.equal(t.layers[0].W, null, "too wide to be sent whole");
      await open(page, `#/models/${id}/pass?step=1&w=0.20.100`);
      await at(page, 1);
      await page.locator(".net-node.net-chosen", { hasText: "unit 101" }).waitFor();
      await page.waitForFunction(
        (w) => [...document.querySelectorAll(".pass-weight .n")].some((n) => Number(n.title) === w),
        t.unit.W[0][20],
      );
      await page.getByText("118 more").waitFor();
      has(await shown(page, ".pass-words"), t.layers[0].z[100]);
    }],

    ...everyWay(bench, "passes", async () => {
      await irisData();
      const { id } = await daemon.train({
        preset: "simple", data: { dataset: "iris", target: "species" }, architecture: { hidden: [8] }, training: { epochs: 30, seed: 1 },
      });
      const { model_id: iris } = await daemon.job(id, ["succeeded"]);
      return {
        pass: [`#/models/${await xor()}/pass?row=2&step=5&w=0.1.2`, ".net svg"],
        "pass-forward": [`#/models/${await xor()}/pass?row=2&step=1`, ".net svg"],
        "pass-iris": [`#/models/${iris}/pass?row=60&step=4`, ".net svg"],
        "pass-wide": [`#/models/${await digits()}/pass?step=4`, ".net svg"],
      };
    }),
  ];
}
