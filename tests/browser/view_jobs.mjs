// The list of jobs, and the page of a daemon that has none.
import assert from "node:assert/strict";
import { join } from "node:path";
import { everyWay, state } from "./help.mjs";

export default function tests(bench) {
  const { daemon, open, irisJob, shots } = bench;
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

    ...everyWay(bench, "jobs", async () => {
      await irisJob();
      return { jobs: ["#/jobs", "tr[data-job]"] };
    }),
  ];
}
