// What holds for every view: text stays text, the keyboard, tokens.
import assert from "node:assert/strict";
import { join } from "node:path";
import { Daemon } from "./daemon.mjs";
import { EVIL, EVIL_IMAGE, state } from "./help.mjs";

export default function tests(bench) {
  const { daemon, open, irisJob, shots } = bench;
  return [
    ["text from data stays text", { expected: [/status of 404.*%3Cscript/] }, async (page) => {
      const lines = [`${EVIL},"${EVIL_IMAGE}",😀`];
      for (let i = 0; i < 60; i++)
        lines.push(`${i % 7},${i % 2 ? EVIL_IMAGE : "plain"},${i % 3 ? EVIL : "😀 label"}`);
      const dataset = await daemon.upload("hostile", `${lines.join("\n")}\n`);
      const hostile = await daemon.train({
        name: "hostile", data: { dataset: "hostile", target: "😀" }, training: { epochs: 3, seed: 1 },
      });
      await daemon.job(hostile.id, ["succeeded"]);

      await open(page, `#/datasets/${dataset.id}`);
      await page.locator(".column-name", { hasText: EVIL }).waitFor();
      await page.getByRole("cell", { name: EVIL_IMAGE }).first().waitFor();
      await open(page, `#/jobs/${hostile.id}`);
      await page.locator(".metrics").waitFor();
      await open(page, `#/models/${hostile.model_id}`);
      await page.locator(".net-name", { hasText: "<script" }).first().waitFor();
      await open(page, `#/models/${hostile.model_id}/evaluation`);
      await page.locator(".matrix th", { hasText: EVIL }).first().waitFor();
      await open(page, `#/models/${hostile.model_id}/pass?step=2`);
      await page.locator(".row-truth dd").first().waitFor();
      await open(page, `#/models/${hostile.model_id}/try`);
      await page.getByLabel(EVIL, { exact: true }).fill("3");
      await page.getByLabel(EVIL_IMAGE, { exact: true }).selectOption("plain");
      await page.locator(".probabilities .label", { hasText: EVIL }).waitFor();
      await open(page, "#/new?dataset=hostile");
      await page.waitForFunction(() => document.querySelector("textarea")?.value.includes("😀"));
      assert.equal(await page.evaluate(() => window.owned), undefined);
      assert.equal(await page.locator("main script, main img").count(), 0);
      // Nonsense in the fragment is a word, too.
      await open(page, `#/jobs/${encodeURIComponent(EVIL)}`);
      await page.locator("main .notice").waitFor();
      assert.equal(await page.evaluate(() => window.owned), undefined);
    }],

    ["the keyboard reaches everything, visibly", {}, async (page) => {
      await irisJob();
      await open(page, "#/jobs");
      await page.locator("tr[data-job]").first().waitFor();
      const reached = [];
      for (let i = 0; i < 10; i++) {
        await page.keyboard.press("Tab");
        reached.push(await page.evaluate(() => {
          const at = document.activeElement;
          const style = getComputedStyle(at);
          const after = getComputedStyle(at, "::after");
          return {
            text: at.textContent.trim(),
            outlined: style.outlineStyle !== "none" || after.outlineStyle !== "none",
          };
        }));
      }
      assert.equal(reached[0].text, "Skip to the content");
      for (const word of ["Models", "Datasets", "New job"]) assert.ok(reached.some((r) => r.text === word), word);
      assert.ok(reached.every((r) => r.outlined), JSON.stringify(reached.filter((r) => !r.outlined)));
      await open(page, "#/new?example=xor");
      const box = page.getByLabel("The job as JSON");
      await page.waitForFunction(() => document.querySelector("textarea")?.value.includes("xor"));
      await box.focus();
      await page.keyboard.press("Control+Enter");
      await page.waitForURL(/#\/jobs\/\d+/);
      await state(page, "succeeded");
    }],

    ["colours follow the system until a switch says otherwise", { context: { colorScheme: "dark" } }, async (page) => {
      await irisJob();
      await open(page, "#/jobs");
      const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      const light = (text) => /rgb\((\d+)/.exec(text)[1] > 128;
      await page.locator("tr[data-job]").first().waitFor();
      assert.equal(light(await ground()), false);
      const button = page.getByRole("button", { name: /^Colours/ });
      await button.click();
      assert.equal(await button.textContent(), "Colours: light");
      assert.equal(light(await ground()), true);
      await page.reload();
      await button.waitFor();
      assert.equal(light(await ground()), true, "it is remembered");
      await button.click();
      assert.equal(light(await ground()), false);
      await page.emulateMedia({ colorScheme: "light" });
      assert.equal(light(await ground()), false, "dark was chosen");
      await button.click();
      assert.equal(light(await ground()), true, "as the system has it");
      assert.equal(await page.evaluate(() => localStorage.length), 0);
    }],

    ["a page that nobody looks at hardly asks", {}, async (page) => {
      await irisJob();
      await open(page, "#/jobs");
      await page.locator("tr[data-job]").first().waitFor();
      const hide = (hidden) =>
        page.evaluate((value) => {
          Object.defineProperty(document, "hidden", { configurable: true, get: () => value });
          document.dispatchEvent(new Event("visibilitychange"));
        }, hidden);
      const asked = () => page.waitForRequest(/\/jobs\?/);
      await asked();
      await hide(true);
      await asked(); // the turn that was already due; the next is far away
      let late = 0;
      page.on("request", (request) => (late += /\/jobs\?/.test(request.url()) ? 1 : 0));
      await new Promise((resolve) => setTimeout(resolve, 5000)); // more than the idle pause; that is what is tested
      assert.equal(late, 0);
      await Promise.all([asked(), hide(false)]);
    }],

    ["a token is asked for, kept for the tab, and forgotten", { expected: [/status of 40[13]/] }, async (page, context) => {
      const strict = await Daemon.start(daemon.program, { more: ["--require-token"] });
      try {
        const reader = strict.token("create", "--scope", "read");
        const asks = page.getByRole("heading", { name: "This daemon asks for a token" });
        const field = page.getByLabel("Token");
        const use = async (text) => {
          await field.fill(text);
          await page.getByRole("button", { name: "Use it" }).click();
        };
        const sent = [];
        page.on("request", (request) => sent.push([request.url(), request.headers()]));
        await page.goto(`${strict.url}/#/new`);
        await asks.waitFor();
        await page.screenshot({ path: join(shots, "token.png") });

        // While it asks, it does not ask the daemon.
        const before = sent.length;
        await page.evaluate(() => window.dispatchEvent(new Event("online"))); // else the beginning of a turn
        assert.equal(sent.length, before, "nothing is polled while the page waits for a token");

        await use("two words");
        await page.locator(".token .problem", { hasText: "one word" }).waitFor();
        await use(`${reader.slice(0, -1)}${reader.endsWith("0") ? "1" : "0"}`);
        await page.locator(".token .problem", { hasText: "no token of this daemon" }).waitFor();
        assert.equal(await page.evaluate(() => sessionStorage.length), 0, "a wrong one is not kept");
        await use(` ${reader} `);
        await page.locator("footer", { hasText: "mlpd 0." }).waitFor();
        assert.equal(await asks.count(), 0);

        // The scope is too small, and the page says for what.
        const job = JSON.stringify({ data: { x: [[0], [1], [2], [3]], y: [0, 1, 0, 1] }, training: { epochs: 1 } });
        await page.locator("textarea").fill(job);
        await page.getByRole("button", { name: /train|start/i }).first().click();
        await page.getByText(/needs a token with the scope train/).waitFor();

        // It lasts for the tab, and is nowhere but in a header.
        await page.reload();
        await page.locator("footer", { hasText: "mlpd 0." }).waitFor();
        const secret = reader.slice(18);
        assert.ok(sent.some(([, headers]) => headers.authorization === `Bearer ${reader}`), "it is sent as a header");
        for (const [url, headers] of sent) {
          assert.ok(!url.includes(secret), "no address has it");
          assert.ok(!(headers.cookie ?? "").includes(secret) && !(headers.referer ?? "").includes(secret));
        }
        assert.equal((await context.cookies()).length, 0);
        assert.equal(await page.evaluate(() => localStorage.length), 0);
        const other = await context.newPage();
        await other.goto(strict.url);
        await other.getByRole("heading", { name: "This daemon asks for a token" }).waitFor();
        await other.close();

        // Forgotten by the user, and revoked by the operator; what was typed stays.
        await page.getByRole("button", { name: "Forget the token" }).click();
        await asks.waitFor();
        assert.equal(await page.evaluate(() => sessionStorage.length), 0);
        await use(reader);
        await page.locator("footer", { hasText: "mlpd 0." }).waitFor();
        await page.locator("textarea").fill('{"typed": true}');
        strict.token("revoke", reader.slice(5, 17));
        await page.locator(".token .problem", { hasText: "not good any more" }).waitFor();
        const admin = strict.token("create", "--scope", "admin");
        await use(admin);
        await page.locator("footer", { hasText: "mlpd 0." }).waitFor();
        assert.equal(await page.locator("textarea").inputValue(), '{"typed": true}');
      } finally {
        await strict.stop();
      }
    }],
  ];
}
