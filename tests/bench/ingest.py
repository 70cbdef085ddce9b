"""`scripts/bench ingest`: how fast tables come in, and what memory that takes.

Each table is uploaded over HTTP to a freshly started daemon, by turns with pandas' C reader on the
same file. A timing never makes the bench fail; memory above the goal does.
"""
import argparse
import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from datetime import datetime
from pathlib import Path

import ingest_tables
import report
from daemon import Daemon

MIB = 1 << 20
GOAL_MEMORY = 64 * MIB
GOAL_LARGER = 400 * 10**6


def send(daemon, name, body, media, length=None):
    """POST /datasets: seconds from the first byte of the request to the last of the answer."""
    where = urllib.parse.urlsplit(daemon.url)
    link = http.client.HTTPConnection(where.hostname, where.port, timeout=600, blocksize=MIB)
    headers = {"Content-Type": media}
    if length is not None:
        headers["Content-Length"] = str(length)
    begin = time.perf_counter()
    link.request("POST", f"/datasets?name={name}", body, headers)
    answer = link.getresponse()
    text = answer.read()
    seconds = time.perf_counter() - begin
    link.close()
    if answer.status != 201:
        raise SystemExit(f"bench: the upload got {answer.status}: {text.decode()[:500]}")
    return json.loads(text), seconds


class Watch(threading.Thread):
    """Asks for the upload's progress, as a client would."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.api, self.seen, self.done = daemon.api, [], threading.Event()

    def run(self):
        while not self.done.wait(0.5):
            self.seen += [u["rows"] for u in self.api("GET", "/datasets")["uploads"]]

    def stop(self):
        self.done.set()
        self.join()
        return len(set(self.seen))


class Bench:
    def __init__(self, options, work):
        self.options, self.work = options, Path(work)
        self.version, self.pandas = None, None

    def say(self, text):
        print(f"bench: {text}", file=sys.stderr, flush=True)

    def daemon(self, *options):
        """A new one that has nothing yet."""
        shutil.rmtree(self.work / "state", ignore_errors=True)
        daemon = Daemon(self.options.mlpd, f"{self.work}/state", 1, *options)
        self.version = daemon.version
        return daemon

    def read_by_pandas(self, table):
        if not self.options.python or not table.pandas:
            return None
        script = Path(__file__).with_name("ingest_pandas.py")
        run = subprocess.run([self.options.python, "-B", script, table.path, "1"],
                             check=True, capture_output=True, text=True)
        found = json.loads(run.stdout)
        if found["rows"] != table.rows:
            raise SystemExit(f"bench: pandas read {found['rows']} of {table.rows} rows")
        self.pandas = found["version"]
        return found

    def upload(self, table):
        """Seconds, bytes of memory above the idle daemon, bytes of the dataset."""
        daemon = self.daemon()
        try:
            idle = daemon.memory("VmRSS")
            with open(table.path, "rb") as body:
                row, seconds = send(daemon, "table", body, table.media, table.path.stat().st_size)
            if row["rows"] != table.rows:
                raise SystemExit(f"bench: mlpd read {row['rows']} of {table.rows} rows")
            memory = daemon.memory("VmHWM") - idle
        finally:
            daemon.stop()
        return seconds, memory, row["bytes"]

    def run(self, name):
        table = ingest_tables.TABLES[name](self.work, name, self.options.megabytes * 10**6)
        ours, theirs = [], []
        for turn in range(self.options.runs):
            self.say(f"{name}, run {turn + 1}")
            ours.append(self.upload(table))
            found = self.read_by_pandas(table)
            if found:
                theirs.append(found)
        table.path.unlink()
        row = {"table": name, "what": table.what, "rows": table.rows, "columns": table.columns,
               "bytes": table.plain_bytes, "seconds": min(o[0] for o in ours),
               "median": statistics.median(o[0] for o in ours),
               "memory": max(o[1] for o in ours), "stored": ours[0][2]}
        if theirs:
            row["pandas_seconds"] = min(t["seconds"][0] for t in theirs)
            row["pandas_memory"] = max(t["memory"] for t in theirs)
            row["ratio"] = row["pandas_seconds"] / row["seconds"]
        return row

    def stream(self):
        """One upload that no memory would hold, made on the way."""
        total = int(self.options.stream * 10**9)
        self.say(f"one upload of {self.options.stream:g} GB")
        daemon = self.daemon()
        try:
            watch = Watch(daemon)
            idle = daemon.memory("VmRSS")
            watch.start()
            row, seconds = send(daemon, "endless", ingest_tables.endless(total), "text/csv")
            looks = watch.stop()
            memory = daemon.memory("VmHWM") - idle
        finally:
            daemon.stop()
        return {"bytes": total, "rows": row["rows"], "seconds": seconds, "memory": memory,
                "looks": looks, "stored": row["bytes"]}


    def larger(self):
        """A job over more rows than it may have in memory."""
        total = int(self.options.larger * 10**9)
        self.say(f"a job over {self.options.larger:g} GB")
        daemon = self.daemon("--memory-limit", "1G")
        try:
            body, length, rows = ingest_tables.wide_array(total, 101)
            row, upload = send(daemon, "larger", body, "application/x-npy", length)
            job = {"data": {"dataset": "larger", "target": "x101"}, "preset": "simple",
                   "architecture": {"hidden": [64, 32]},
                   "training": {"epochs": 2, "batch_size": 512, "early_stopping": None}}
            estimate = daemon.api("POST", "/train?dry_run=1", job)["estimate"]
            job = daemon.api("POST", "/train", job)
            most, marks = 0, {}
            while (now := daemon.api("GET", f"/jobs/{job['id']}"))["state"] in ("queued", "running"):
                memory = daemon.memory("RssAnon")
                most = max(most, memory)
                phase = (now.get("progress") or {}).get("phase", "-")
                marks[phase] = max(marks.get(phase, 0), memory)
                time.sleep(0.1)
            if now["state"] != "succeeded":
                raise SystemExit(f"bench: the job {now['state']}: {now['error']}")
            points = daemon.api("GET", f"/jobs/{job['id']}/curve")["points"]
        finally:
            daemon.stop()
        self.say(f"anonymous memory by phase, MiB: "
                 f"{ {k: v // MIB for k, v in marks.items()} }")
        took = [datetime.fromisoformat(now[key].replace("Z", "+00:00"))
                for key in ("started_at", "finished_at")]
        return {"bytes": length, "rows": rows, "stored": row["bytes"], "seconds": upload,
                "estimate": estimate["bytes"], "window": estimate["window"], "memory": most,
                "epochs": [p["seconds"] for p in points],
                "job_seconds": (took[1] - took[0]).total_seconds()}


# ---- the table ------------------------------------------------------------------------------

def megabytes_a_second(row, key="seconds"):
    return f"{row['bytes'] / row[key] / 1e6:.0f}"


def markdown(result):
    yield f"- {result['date']}, {result['machine']}; mlpd {result['mlpd']}"
    if result["pandas"]:
        yield f"- pandas {result['pandas']}, `read_csv(engine=\"c\")`"
    yield f"- {result['runs']} run{'s' * (result['runs'] > 1)} by turns, the best of each"
    yield ""
    lines = []
    for row in result["rows"]:
        line = [row["table"], f"{row['rows']:,} x {row['columns']:,}", f"{row['bytes'] / 1e6:.0f}",
                report.rate(row["rows"] / row["seconds"]), megabytes_a_second(row)]
        if "ratio" in row:
            line += [report.rate(row["rows"] / row["pandas_seconds"]),
                     megabytes_a_second(row, "pandas_seconds"), report.against(row["ratio"], 1)]
        else:
            line += ["-", "-", "-"]
        line += [f"{row['memory'] / MIB:.0f}",
                 f"{row['pandas_memory'] / MIB:.0f}" if "ratio" in row else "-",
                 f"{row['stored'] / 1e6:.1f}"]
        lines.append(line)
    yield from report.table(["table", "rows x columns", "MB", "rows/s", "MB/s", "pandas rows/s",
                             "MB/s", "ratio", "memory above idle, MiB", "pandas', MiB",
                             "MB as a dataset"], lines)
    for row in result["rows"]:
        yield f"- {row['table']}: {row['what']}"
    stream = result["stream"]
    if stream:
        good = "goal: under" if stream["memory"] < GOAL_MEMORY else "misses"
        yield ""
        yield (f"One upload of {stream['bytes'] / 1e9:g} GB, {stream['rows']:,} rows made while "
               f"they are sent: {stream['seconds']:.1f} s, {megabytes_a_second(stream)} MB/s, "
               f"{stream['memory'] / MIB:.0f} MiB above idle ({good} 64), "
               f"{stream['stored'] / 1e6:.0f} MB as a dataset. `GET /datasets` told "
               f"{stream['looks']} different numbers of rows meanwhile.")


def larger_markdown(row):
    good = "goal: under" if row["memory"] < GOAL_LARGER else "misses"
    yield ""
    yield (f"A job over {row['bytes'] / 1e9:.1f} GB ({row['rows']:,} x 101 float32, a .npy that is "
           f"uploaded at {megabytes_a_second(row)} MB/s), with `--memory-limit 1G`: "
           f"{row['memory'] / 1e6:.0f} MB of anonymous memory at most ({good} 400; the dry run said "
           f"{row['estimate'] / 1e6:.0f} for the job), `data.window` {row['window']}. Epochs of "
           f"{' and '.join(f'{s:.1f}' for s in row['epochs'])} s (100-64-32-1, batches of 512), "
           f"{row['job_seconds']:.0f} s in all: split, means, the validation rows after each epoch and "
           f"the metrics of all three parts.")


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo")
                  if line.startswith("model name")), "unknown processor")
    return f"{model}, {len(os.sched_getaffinity(0))} cores, shared by mlpd and its client"


def main():
    def names(text):
        return [c for c in text.split(",") if c]

    parser = argparse.ArgumentParser(prog="scripts/bench ingest")
    parser.add_argument("--mlpd", required=True)
    parser.add_argument("--python")
    parser.add_argument("--tables", type=names, default=list(ingest_tables.TABLES))
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--stream", type=float, default=2)
    parser.add_argument("--larger", type=float, default=4)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    unknown = set(options.tables) - set(ingest_tables.TABLES)
    if unknown:
        parser.error(f"no such table: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="mlpd-bench-") as work:
        bench = Bench(options, work)
        rows = [bench.run(name) for name in options.tables]
        stream = bench.stream() if options.stream > 0 else None
        larger = bench.larger() if options.larger > 0 else None
    result = {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "mlpd": bench.version,
              "pandas": bench.pandas, "runs": options.runs, "rows": rows, "stream": stream,
              "larger": larger}
    lines = [*markdown(result), *(larger_markdown(larger) if larger else [])]
    text = "".join(line + "\n" for line in lines)
    print(text, end="")
    if options.out:
        options.out.write_text(text)
        options.out.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    if options.write:
        report.write_into_page("ingest", text)
    sys.exit(1 if stream and stream["memory"] >= GOAL_MEMORY or
             larger and larger["memory"] >= GOAL_LARGER else 0)


main()
