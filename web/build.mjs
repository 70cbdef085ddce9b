// Builds the page: node build.mjs OUTDIR
//
// Writes index.html, app.js, app.css and, for whoever chooses an example, examples.json; and beside
// each its gzip -9 form, which is what the daemon embeds. The same sources give the same bytes: names carry no hash, the gzip header no
// time. index.html.gz is written last and all outputs get one time stamp, so make can take it
// for all of them.
import { build } from "esbuild";
import { mkdir, readdir, readFile, rename, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2];
if (!out) {
  console.error("usage: node build.mjs OUTDIR");
  process.exit(2);
}

// Both libraries ask that their licence goes wherever they go.
async function licences() {
  const texts = [];
  for (const name of ["preact", "uplot"]) {
    const text = await readFile(join(here, "node_modules", name, "LICENSE"), "utf8");
    texts.push(`${name}\n${text.trim()}`);
  }
  return `/*! This file contains:\n${texts.join("\n\n").replace(/\*\//g, "* /")}\n*/`;
}

const result = await build({
  absWorkingDir: here,
  entryPoints: { app: "src/main.tsx" },
  bundle: true,
  minify: true,
  write: false,
  outdir: "out",
  format: "iife",
  target: ["es2021"],
  charset: "utf8",
  legalComments: "none",
  footer: { js: await licences() },
  jsx: "automatic",
  jsxImportSource: "preact",
  logLevel: "warning",
});

// The jobs of examples/ by their files' names, and the tables that they learn from.
async function examples() {
  const folder = join(here, "../examples");
  const jobs = {};
  const tables = {};
  for (const where of ["", "prepare/"])
    for (const name of (await readdir(join(folder, where))).sort())
      if (name.endsWith(".json"))
        jobs[where + name.replace(/\.json$/, "")] = JSON.parse(await readFile(join(folder, where, name), "utf8"));
  for (const { data } of Object.values(jobs))
    if (data.dataset) tables[data.dataset] = await readFile(join(folder, `data/${data.dataset}.csv`), "utf8");
  return JSON.stringify({ jobs, tables });
}

const files = new Map();
for (const file of result.outputFiles) files.set(file.path.replace(/^.*\//, ""), file.contents);
files.set("index.html", await readFile(join(here, "index.html")));
files.set("examples.json", Buffer.from(await examples()));

await mkdir(out, { recursive: true });
const written = [];
let total = 0;
// Written beside and renamed, so that a build cut off half way leaves no half file.
async function put(name, bytes) {
  const path = join(out, name);
  const part = `${path}.${process.pid}.part`;
  await writeFile(part, bytes);
  await rename(part, path);
  written.push(path);
}
for (const name of ["app.js", "app.css", "examples.json", "index.html"]) {
  const bytes = files.get(name);
  const gz = gzipSync(bytes, { level: 9 });
  gz.fill(0, 4, 8); // no time
  gz[9] = 255; // no operating system
  await put(name, bytes);
  await put(`${name}.gz`, gz);
  if (name !== "examples.json") total += gz.length; // the page does without
  console.log(`${name.padEnd(13)} ${String(bytes.length).padStart(7)} bytes, ${gz.length} gzipped`);
}
const now = new Date();
for (const path of written) await utimes(path, now, now);
console.log(`together ${total} bytes gzipped`);
const limit = 120 * 1024;
if (total > limit) {
  console.error(`the page is over its budget of ${limit} bytes`);
  process.exit(1);
}
