// Datasets: adding one, its columns and rows.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { Daemon } from "./daemon.mjs";
import { everyWay } from "./help.mjs";

const CITIES = ["Oslo", "Rome", "Lyon"];
const mixed = () => {
  const lines = ["when,city,member,km,note"];
  for (let i = 0; i < 60; i++)
    lines.push(`2026-0${1 + (i % 9)}-1${i % 10},${i % 7 ? CITIES[i % 3] : ""},${i % 2 ? "yes" : "no"},${i % 5 ? (i * 0.37).toFixed(2) : ""},a note that is not like any other ${i * 17}`);
  return `${lines.join("\n")}\n`;
};

export default function tests(bench) {
  const { daemon, open, irisData, made, top } = bench;
  const trips = async () => (made.trips ??= await daemon.upload("trips", mixed()));
  const problem = { expected: [/status of 4\d\d/] };
  return [
    ["a CSV file chosen in the page becomes a dataset", {}, async (page) => {
      await open(page, "#/datasets");
      await page.getByLabel("File", { exact: true }).setInputFiles(join(top, "examples/data/iris.csv"));
      assert.equal(await page.getByLabel("Name").inputValue(), "iris");
      await page.getByRole("button", { name: "Upload" }).click();
      await page.locator(".notice-good", { hasText: "iris is here: 150 rows, 5 columns." }).waitFor();
      await page.locator("tr[data-dataset] a", { hasText: "iris" }).first().click();
      await page.locator(".column", { hasText: "species" }).getByText("setosa, versicolor, virginica").waitFor();
      await page.getByRole("heading", { name: "Rows" }).waitFor();
    }],

    ["a file dropped on the page becomes one, whatever its format", {}, async (page) => {
      await open(page, "#/datasets");
      const drop = page.locator(".drop");
      await drop.waitFor();
      const data = await page.evaluateHandle(() => {
        const held = new DataTransfer();
        held.items.add(new File(['{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n'], "my rows (2).ndjson"));
        return held;
      });
      await drop.dispatchEvent("dragover", { dataTransfer: data });
      await page.locator(".drop-over").waitFor();
      await drop.dispatchEvent("drop", { dataTransfer: data });
      assert.equal(await page.getByLabel("Name").inputValue(), "my-rows-2");
      await page.getByLabel("Name").fill("1st");
      await page.getByText("It begins with a letter").waitFor();
      await page.getByLabel("Name").fill("dropped");
      await page.getByRole("button", { name: "Upload" }).click();
      await page.locator(".notice-good", { hasText: "dropped is here: 2 rows, 2 columns." }).waitFor();
      assert.equal((await daemon.json("/datasets/dropped")).rows, 2);
    }],

    ["a bad upload says what and where", problem, async (page) => {
      await open(page, "#/datasets");
      await page.getByLabel("File", { exact: true }).setInputFiles({
        name: "bad.csv", mimeType: "text/csv", buffer: Buffer.from("a,b\n1,2\n3,4,5\n"),
      });
      await page.getByRole("button", { name: "Upload" }).click();
      await page.locator(".notice-error").waitFor();
      assert.match(await page.locator(".notice-error").textContent(), /2|3/);
    }],

    ["a name that is taken can be moved to the new table", problem, async (page) => {
      await daemon.upload("taken", "a,b\n1,2\n");
      await open(page, "#/datasets");
      await page.getByLabel("File", { exact: true }).setInputFiles({
        name: "taken.csv", mimeType: "text/csv", buffer: Buffer.from("a,b\n3,4\n5,6\n"),
      });
      await page.getByRole("button", { name: "Upload" }).click();
      await page.getByRole("button", { name: "Let the name taken mean this table" }).click();
      await page.locator(".notice-good", { hasText: "taken is here: 2 rows" }).waitFor();
      assert.equal((await daemon.json("/datasets/taken")).rows, 2);
    }],

    ["a URL that the daemon may not fetch is refused in words", problem, async (page) => {
      await open(page, "#/datasets");
      await page.getByRole("radio", { name: "a URL" }).check();
      await page.waitForURL(/add=url/);
      await page.getByLabel("URL of a table").fill("https://data.example.org/tables/rain.csv.gz");
      assert.equal(await page.getByLabel("Name").inputValue(), "rain");
      await page.getByRole("button", { name: "Fetch" }).click();
      await page.locator(".notice-error", { hasText: "its operator has allowed no host" }).waitFor();
    }],

    ["a table is fetched from a URL, and how far it has come is seen", {}, async (page) => {
      let rest;
      const whole = new Promise((resolve) => (rest = resolve));
      const half = "x,y\n".padEnd(40000, "1,2\n");
      const server = createServer((_request, response) => {
        response.writeHead(200, { "Content-Type": "text/csv", "Content-Length": 2 * half.length - 4 });
        response.write(half);
        void whole.then(() => response.end(half.slice(4)));
      });
      await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
      const fetching = await Daemon.start(daemon.program, { more: ["--allow-private", "127.0.0.0/8", "--fetch-allow", "127.0.0.1"] });
      try {
        await page.goto(`${fetching.url}/#/datasets?add=url`);
        await page.getByLabel("URL of a table").fill(`http://127.0.0.1:${server.address().port}/tables/rain.csv`);
        await page.getByRole("button", { name: "Fetch" }).click();
        await page.locator(".fetching", { hasText: "40 kB of 80 kB" }).waitFor();
        rest();
        await page.locator(".fetching", { hasText: "made dataset" }).getByText("19,998 rows").waitFor();
        // It is in the list without a reload, and the link leads to it.
        await page.locator("tr[data-dataset]", { hasText: "rain" }).waitFor();
        await page.getByRole("link", { name: /^dataset \d+$/ }).click();
        await page.getByText("19,998 rows, 2 columns").waitFor();
        assert.equal((await fetching.json("/datasets/rain")).rows, 19998);
      } finally {
        rest();
        await fetching.stop();
        server.close();
      }
    }],

    ["a column opens and shows what the daemon knows of it", {}, async (page) => {
      const { id } = await trips();
      const dataset = await daemon.json(`/datasets/${id}`);
      await open(page, "#/datasets/trips");
      for (const column of dataset.columns)
        await page.locator(".column", { hasText: column.name }).locator(`.type-${column.type}`).waitFor();
      const km = dataset.columns.find((c) => c.name === "km");
      assert.equal(km.missing, 12);
      await page.locator(".column", { hasText: "km" }).getByText("20.0 % missing").waitFor();
      await page.getByRole("button", { name: "km" }).click();
      await page.waitForURL(/column=km/);
      await page.reload();
      const detail = page.locator(".column-detail");
      await detail.locator("div", { hasText: "median" }).locator("dd").filter({ hasText: String(Number(km.quantiles.p50.toPrecision(4))) }).first().waitFor();
      assert.equal(await detail.locator(".histogram rect").count(), km.histogram.counts.length);
      await page.getByText("Taken as numeric").waitFor();
    }],

    ["rows are looked at page by page, and the place is in the URL", {}, async (page) => {
      const { id } = await trips();
      await open(page, "#/datasets/trips");
      await page.getByRole("button", { name: "On", exact: true }).click();
      await page.waitForURL(/row=15/);
      await page.reload();
      await page.getByText("16 to 30 of 60").waitFor();
      const { rows } = await daemon.json(`/datasets/${id}/rows?offset=15&limit=1`);
      await page.getByRole("cell", { name: String(rows[0][4]) }).waitFor();
    }],

    ["rows added make a version, and each can be gone to", {}, async (page) => {
      const first = await daemon.upload("grows", "a,b\n1,x\n2,y\n");
      const more = await daemon.json("/datasets/grows/rows", {
        method: "POST", headers: { "Content-Type": "text/csv" }, body: "a,b\n3,x\n",
      });
      await open(page, "#/datasets/grows");
      await page.getByRole("heading", { name: "Versions" }).waitFor();
      await page.getByText(`${more.id}, this one`).waitFor();
      await page.getByRole("link", { name: String(first.id), exact: true }).click();
      await page.getByText("2 rows, 2 columns").waitFor();
    }],

    ...everyWay(bench, "datasets", async () => {
      await irisData();
      await trips();
      const digits = made.digits ??= await daemon.upload("digits", await readFile(join(top, "examples/data/digits.csv")));
      return {
        datasets: ["#/datasets", "tr[data-dataset]"],
        dataset: ["#/datasets/trips?column=km", ".histogram"],
        "dataset-wide": [`#/datasets/${digits.id}`, ".column"],
      };
    }),
  ];
}
