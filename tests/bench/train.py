"""`scripts/bench train`: the same networks in mlpd, scikit-learn and PyTorch, side by side.

Every number is of one run on one machine, in which the sides take turns: an epoch of one is
compared with an epoch of another that ran some seconds before or after. A timing never makes
the bench fail; a training loss worse than the peers' does.
"""
import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import alone
import cases
import report
from compare import Peer, compare
from daemon import Daemon


class Bench:
    """The daemon, the peers and the data, each made when first asked for."""

    def __init__(self, options, work):
        self.options = options
        self.work = Path(work)
        self.workers = len(os.sched_getaffinity(0))
        self.tables, self.uploaded, self.peers, self.peaks = {}, set(), {}, {}
        self.daemon = None
        self.start_daemon()

    def say(self, text):
        print(f"bench: {text}", file=sys.stderr, flush=True)

    def start_daemon(self):
        """A new process on the same state."""
        if self.daemon:
            self.daemon.stop()
        self.daemon = Daemon(self.options.mlpd, str(self.work / "state"), self.workers)

    def peer(self, name, threads):
        if (name, threads) not in self.peers:
            self.peers[name, threads] = Peer(name, threads)
        return self.peers[name, threads]

    def stop(self):
        self.daemon.stop()
        for peer in self.peers.values():
            peer.stop()

    def peak(self, threads):
        """Kept is the highest that the machine reached during the run."""
        out = subprocess.run([self.options.peak, str(threads)], check=True, capture_output=True)
        self.peaks[threads] = max(self.peaks.get(threads, 0), float(out.stdout))

    def upload(self, name, make):
        if name not in self.uploaded:
            self.daemon.upload(name, make().csv())
            self.uploaded.add(name)

    def data(self, name):
        """The case as it is, its rows uploaded and laid out as files for the peers."""
        if name not in self.tables:
            case, table = cases.make(name, cases.CASES[name], self.options.data)
            if self.options.quick:
                case = replace(case, epochs=max(2, case.epochs // 4))
            files = {axis: str(self.work / f"{name}-{axis}.npy") for axis in "xy"}
            np.save(files["x"], table.x)
            np.save(files["y"], table.y)
            self.upload(name, lambda: table)
            self.tables[name] = case, files
        return self.tables[name]


def machine():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    info = dict(line.split(":", 1) for line in lines if ":" in line)
    info = {key.strip(): value.strip() for key, value in info.items()}
    flags = info.get("flags", "").split()
    kinds = [f for f in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if f in flags]
    try:
        system = platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        system = platform.system()
    return {"cpu": info.get("model name", platform.machine()), "flags": kinds,
            "cores": len(os.sched_getaffinity(0)), "system": system}


def others_seconds():
    """Processor time since the machine started that went to neither us nor who ended under us."""
    user, nice, system, _idle, _wait, irq, softirq, steal, *_ = (
        int(n) / os.sysconf("SC_CLK_TCK")
        for n in Path("/proc/stat").read_text().split("\n")[0].split()[1:])
    return user + nice + system + irq + softirq + steal - sum(os.times()[:4])


def measure(bench):
    options = bench.options
    chosen = [c for c in options.cases if c in cases.CASES]
    result = {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "mlpd": bench.daemon.version,
              "runs": options.runs, "images": bool(options.data)}
    result["compared"] = [compare(bench, c, n) for c in chosen for n in options.threads]
    result["peers"] = {side: peer.info for (side, _), peer in bench.peers.items()}
    result["peaks"] = bench.peaks
    for row in result["compared"]:
        if "mlpd" in row["sides"]:
            speed = row["sides"]["mlpd"]["best"] * row["flops_per_sample"]
            row["share"] = speed / bench.peaks[row["threads"]]
    if "F" in options.cases:
        result["copies"] = alone.copies(bench)
    if "G" in options.cases:
        result["precision"] = [alone.precision(bench, n) for n in options.threads]
    if not options.quick:
        result["memory"] = [alone.memory(bench, c, n) for c in chosen if c in "AB"
                            for n in options.threads]
        result["rows"] = alone.rows(bench)
    return result


def main():
    def names(text):
        return [c for c in text.split(",") if c]

    parser = argparse.ArgumentParser(prog="scripts/bench train")
    parser.add_argument("--mlpd", required=True)
    parser.add_argument("--peak", required=True)
    parser.add_argument("--cases", type=lambda s: names(s.upper()), default=list("ABCDEFG"))
    parser.add_argument("--runs", type=int)
    parser.add_argument("--threads", type=lambda s: [int(n) for n in names(s)])
    parser.add_argument("--peers", type=names, default=["sklearn", "torch"])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    options.runs = options.runs or (1 if options.quick else 3)
    options.threads = options.threads or ([1] if options.quick else [1, 2])
    unknown = set(options.cases) - set("ABCDEFG") or set(options.peers) - {"sklearn", "torch"}
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    start, others = time.monotonic(), others_seconds()
    with tempfile.TemporaryDirectory(prefix="mlpd-bench-") as work:
        bench = Bench(options, work)
        try:
            result = measure(bench)
        finally:
            bench.stop()
    result["others"] = (others_seconds() - others) / (time.monotonic() - start) / os.cpu_count()
    text = report.markdown(result)
    print(text, end="")
    if options.out:
        options.out.write_text(text)
        options.out.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    if options.write:
        report.write_into_page("train", text)
    judged = result["compared"] + result.get("precision", [])
    return 0 if all(row.get("losses_good", True) for row in judged) else 1


sys.exit(main())
