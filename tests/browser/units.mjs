// What the page computes without a browser: words for numbers, and places in a JSON text.
import assert from "node:assert/strict";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

async function load(esbuild, web, name, scratch) {
  const outfile = join(scratch, `${name}.mjs`);
  await esbuild.build({
    absWorkingDir: web,
    entryPoints: [`src/${name}.ts`],
    bundle: true,
    format: "esm",
    outfile,
    logLevel: "warning",
  });
  return import(pathToFileURL(outfile).href);
}

export async function unitTests(esbuild, web, scratch) {
  const format = await load(esbuild, web, "format", scratch);
  const { locate, unescapePointer } = await load(esbuild, web, "pointer", scratch);

  const metrics = await load(esbuild, web, "metrics", scratch);
  const { logTicks } = await load(esbuild, web, "ticks", scratch);
  const { smooth, weightFrom } = await load(esbuild, web, "smooth", scratch);
  const config = await load(esbuild, web, "config", scratch);

  return [
    ["a log axis has a few round ticks, wherever it begins", () => {
      assert.deepEqual(logTicks(0.03, 1.2), [0.05, 0.1, 0.2, 0.5, 1]);
      assert.deepEqual(logTicks(0.31, 0.58), [0.4, 0.5]);
      assert.deepEqual(logTicks(0.41, 0.49), [0.42, 0.44, 0.46, 0.48]);
      assert.deepEqual(logTicks(9.75e-11 / 1.2, 5.1), [1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 0.01, 0.1, 1].filter((_, i) => i % 2 === 0));
      for (const [min, max] of [[5e-324, 1.7e308], [1e-12, 1e12], [1, 1], [2, 1]]) {
        const ticks = logTicks(min, max);
        assert.ok(ticks.length <= 10, `${ticks}`);
        assert.ok(ticks.every((t) => t >= min && t <= max));
      }
      for (const [min, max] of [[0, 1], [NaN, NaN], [-1, 1], [1, Infinity]]) logTicks(min, max);
    }],
    ["few ticks where there is little room", () => {
      assert.ok(logTicks(0.4, 3.2, 5).length <= 5);
      assert.ok(logTicks(1e-12, 1, 5).length <= 6);
    }],
    ["smoothing begins at the first value, keeps a constant and looks over gaps", () => {
      assert.deepEqual(smooth([3, null, 3, 3], 0.9).map((v) => v && Number(v.toFixed(12))), [3, null, 3, 3]);
      assert.deepEqual(smooth([1, 2, 3], 0), [1, 2, 3]);
      const [first, second] = smooth([1, 2], 0.5);
      assert.equal(first, 1);
      assert.ok(Math.abs(second - (0.5 * 2 + 0.25 * 1) / 0.75) < 1e-12);
      assert.equal(smooth([NaN, 1], 0.5)[0], null);
      for (const [text, weight] of [["0.6", 0.6], ["1", 0], ["-1", 0], ["x", 0], [null, 0], ["0.99", 0.99]])
        assert.equal(weightFrom(text), weight);
    }],
    ["a configuration is told by what was chosen", () => {
      const given = {
        name: "a", why: { x: "y" }, optimizer: { type: "adam", learning_rate: 0.01 }, data: { exclude: ["a", "b"] },
        architecture: { activation: "relu", hidden: [{ units: 8, dropout: 0.1 }, { units: 4, activation: "tanh", dropout: 0.1 }] },
      };
      assert.equal(config.layerWords(given), "8 + 4 relu, tanh");
      assert.equal(config.layerWords({ architecture: { hidden: [] } }), "no hidden layer");
      assert.equal(config.layerWords({}), null);
      const flat = config.flatten(given);
      assert.equal(flat.get("optimizer.learning_rate"), 0.01);
      assert.equal(flat.get("architecture.hidden"), "8 + 4 relu, tanh");
      assert.equal(flat.get("architecture.units"), 12);
      assert.equal(flat.get("architecture.hidden.dropout"), 0.1);
      assert.equal(flat.get("data.exclude"), "a, b");
      for (const path of ["name", "why.x"]) assert.equal(flat.has(path), false);
      assert.equal(config.pathName("optimizer.learning_rate"), "learning rate");
      assert.equal(config.pathName("data.split.test"), "data › split › test");
    }],
    ["metrics are numbers or null; what stands beside them is not one", () => {
      const part = {
        loss: 0.5, roc_auc: null, rmse: 2, notes: { roc_auc: "one class only", toString: 7 },
        targets: { a: { rmse: 1 } },
      };
      assert.deepEqual(metrics.names([part, null, { accuracy: 1, mcc: null, notes: {} }]), ["accuracy", "rmse", "roc_auc", "loss", "mcc"]);
      assert.deepEqual(metrics.names([undefined, null]), []);
      assert.equal(metrics.value(part, "rmse"), 2);
      for (const name of ["roc_auc", "notes", "targets", "absent"]) assert.equal(metrics.value(part, name), null);
      assert.equal(metrics.note(part, "roc_auc"), "one class only");
      for (const name of ["rmse", "toString", "constructor"]) assert.equal(metrics.note(part, name), null);
      assert.equal(metrics.note({ r2: null, notes: null }, "r2"), null);
      assert.equal(metrics.note(null, "r2"), null);
    }],
    ["losses have four digits and no surprises", () => {
      assert.equal(format.loss(0.110001), "0.1100");
      assert.equal(format.loss(1.23456), "1.235");
      assert.equal(format.loss(0.00001234), "1.23e\u22125");
      assert.equal(format.loss(12345.678), "12,345.7");
      assert.equal(format.loss(0), "0");
      assert.equal(format.loss(-0.5), "\u22120.5000");
      for (const none of [null, undefined, NaN, Infinity]) assert.equal(format.loss(none), format.NONE);
    }],
    ["numbers read well", () => {
      assert.equal(format.number(1234567), "1,234,567");
      assert.equal(format.number(0.30000000000000004), "0.3");
      assert.equal(format.number(214000.5, 6), "214,001");
      assert.equal(format.number(3), "3");
      assert.equal(format.percent(0.9995), ">99.9 %");
      assert.equal(format.percent(1), "100.0 %");
      assert.equal(format.percent(0.0001), "<0.1 %");
      assert.equal(format.percent(0), "0.0 %");
      assert.equal(Number(format.plain(5.843333333)), 5.843);
    }],
    ["times and sizes read well", () => {
      assert.equal(format.duration(0), "0 s");
      assert.equal(format.duration(0.0123), "12 ms");
      assert.equal(format.duration(3.14), "3.1 s");
      assert.equal(format.duration(59.7), "1 min 0 s");
      assert.equal(format.duration(3725), "1 h 2 min");
      assert.equal(format.duration(90000), "1 d 1 h");
      assert.equal(format.age("2026-01-01T00:00:00Z", Date.parse("2026-01-01T00:02:05Z")), "2 min ago");
      assert.equal(format.age("no time", 0), format.NONE);
      assert.equal(format.bytes(999), "999 bytes");
      assert.equal(format.bytes(1500), "1.5 kB");
      assert.equal(format.bytes(999999999), "1.0 GB");
    }],
    ["a pointer finds its place in the text", () => {
      const text = '{\n  "data": {"x": [[1, 2],\n    [3, 4]], "a/b": "}]"},\n  "loss": "mse"\n}';
      const at = (pointer) => {
        const place = locate(text, pointer);
        return place && [text.slice(place.start, place.end), place.line];
      };
      assert.deepEqual(at("/loss"), ['"loss": "mse"', 4]);
      assert.deepEqual(at("/data/x/1"), ["[3, 4]", 3]);
      assert.deepEqual(at("/data/x/1/0"), ["3", 3]);
      assert.deepEqual(at("/data/a~1b"), ['"a/b": "}]"', 3]);
      // What is not there is shown at the nearest thing that is.
      assert.deepEqual(at("/data/x/7")?.[1], 2);
      assert.equal(at("/nothing/here")?.[1], 1);
      assert.deepEqual(unescapePointer("/a~01/~1"), ["a~1", "/"]);
    }],
    ["a pointer into a broken text ends", () => {
      for (const text of ["", "{", '{"a"', '{"a":', '{"a": [1,', '{"a" 1}', "[[[", '"', '{"\\', "{]}[,"])
        for (const pointer of ["", "/a", "/a/0", "/0/0/0", "/b"]) locate(text, pointer);
    }],
  ];
}
