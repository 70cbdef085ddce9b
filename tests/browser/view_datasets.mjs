// Datasets.
import assert from "node:assert/strict";
import { join } from "node:path";
import { everyWay } from "./help.mjs";

export default function tests(bench) {
  const { open, irisData, top } = bench;
  return [
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

    ...everyWay(bench, "datasets", async () => {
      await irisData();
      return { datasets: ["#/datasets", "tr[data-dataset]"], dataset: ["#/datasets/iris", ".rows-table"] };
    }),
  ];
}
