// A real daemon for the browser tests: its own state folder, a port of its own, killed for sure.
import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const READY_MS = 20000;
const running = new Set();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export class Daemon {
  static async start(program, options) {
    const daemon = new Daemon(program, options);
    await daemon.again();
    return daemon;
  }

  constructor(program, { workers = 1, more = [] } = {}) {
    this.program = program;
    this.workers = workers;
    this.more = more; // further arguments
    this.log = "";
  }

  // Listens on `address`; ready when it has said so.
  async up(address) {
    const args = ["--listen", address, "--state", this.state, "--workers", String(this.workers), ...this.more];
    const child = spawn(this.program, args, { stdio: ["ignore", "pipe", "pipe"] });
    running.add(child);
    this.child = child;
    this.ended = new Promise((resolve) => {
      child.on("exit", (code, signal) => {
        running.delete(child);
        resolve({ code, signal });
      });
    });
    child.stderr.on("data", (bytes) => (this.log += bytes));
    this.url = await new Promise((resolve, reject) => {
      let text = "";
      const late = setTimeout(() => reject(new Error(`the daemon is not ready; it said:\n${this.log}`)), READY_MS);
      child.on("error", reject);
      child.on("exit", (code) => reject(new Error(`the daemon ended with ${code}:\n${this.log}`)));
      child.stdout.on("data", (bytes) => {
        text += bytes;
        const found = /listening on (http:\S+)/.exec(text);
        if (!found) return;
        clearTimeout(late);
        resolve(found[1]);
      });
    });
  }

  get alive() {
    return running.has(this.child);
  }

  get address() {
    return this.url.replace("http://", "");
  }

  async kill(signal = "SIGKILL") {
    this.child.kill(signal);
    return this.ended;
  }

  // The same state on the same port; the first time, new ones.
  async again() {
    this.state ??= await mkdtemp(join(tmpdir(), "mlpd-browser-"));
    await this.up(this.url ? this.address : "127.0.0.1:0");
  }

  async stop() {
    const { code, signal } = await this.kill("SIGTERM");
    await rm(this.state, { recursive: true, force: true });
    if (code !== 0) throw new Error(`the daemon ended with ${signal ?? code}:\n${this.log}`);
  }

  async json(path, init) {
    const response = await fetch(this.url + path, init);
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  }

  // `mlpd token` and these words; what it prints.
  token(...words) {
    const done = spawnSync(this.program, ["token", ...words, "--state", this.state], { encoding: "utf8" });
    if (done.status !== 0) throw new Error(`mlpd token ${words[0]}: ${done.stderr}`);
    return done.stdout.trim();
  }

  train(config) {
    return this.json("/train", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(config),
    });
  }

  upload(name, csv) {
    return this.json(`/datasets?name=${name}`, {
      method: "POST",
      headers: { "Content-Type": "text/csv" },
      body: csv,
    });
  }

  // Asks until the job is in one of the states. Each question is a round trip; there is no
  // event to wait for in HTTP.
  async job(id, states, limit_ms = 60000) {
    const end = Date.now() + limit_ms;
    for (;;) {
      const job = await this.json(`/jobs/${id}`);
      if (states.includes(job.state)) return job;
      if (Date.now() > end) throw new Error(`job ${id} is ${job.state}, not ${states.join(" or ")}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
