"""`scripts/bench train`: the same networks in mlpd, scikit-learn and PyTorch, side by side.

Every number is of one run on one machine, in which the sides take turns: an epoch of one is
compared with an epoch of another that ran a few seconds before or after. A timing never makes
the bench fail; a training loss worse than the peers' does.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

import cases
import report
from daemon import Daemon, Refused, config

HERE = Path(__file__).parent


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


class Peer:
    """A process of peer.py, with as many threads as the case allows."""

    def __init__(self, name, threads):
        pools = ("OMP", "OPENBLAS", "MKL", "NUMEXPR")
        env = dict(os.environ, **{f"{p}_NUM_THREADS": str(threads) for p in pools})
        self.process = subprocess.Popen([sys.executable, HERE / "peer.py", name, str(threads)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=env)
        self.info = self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("bench: a peer ended; its reason stands above")
        return json.loads(line)

    def train(self, **task):
        print(json.dumps(task), file=self.process.stdin, flush=True)
        return self.answer()

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


class Bench:
    def __init__(self, options, work):
        self.options = options
        self.work = Path(work)
        self.peers = {}
        self.peaks = {}
        self.daemon = None
        self.start_daemon()

    def start_daemon(self):
        """A fresh process on the same state; its memory tells nothing of what was before."""
        if self.daemon:
            self.daemon.stop()
        self.daemon = Daemon(self.options.mlpd, str(self.work / "state"), os.cpu_count())

    def peer(self, name, threads):
        if (name, threads) not in self.peers:
            self.peers[name, threads] = Peer(name, threads)
        return self.peers[name, threads]

    def stop(self):
        self.daemon.stop()
        for peer in self.peers.values():
            peer.stop()

    def peak(self, threads):
        out = subprocess.run([self.options.peak, str(threads)], check=True, capture_output=True)
        self.peaks[threads] = max(self.peaks.get(threads, 0), float(out.stdout))

    def data(self, name):
        """The case as it is, its rows uploaded and laid out as files for the peers."""
        case, table = cases.make(name, cases.CASES[name], self.options.data)
        if self.options.quick:
            case = replace(case, epochs=max(1, case.epochs // 5))
        files = {"x": str(self.work / f"{name}-x.npy"), "y": str(self.work / f"{name}-y.npy")}
        np.save(files["x"], table.x)
        np.save(files["y"], table.y)
        self.daemon.upload(name, table.csv())
        return case, files

    # ---- A to E --------------------------------------------------------------------------

    def compare(self, name, threads_list):
        case, files = self.data(name)
        return [self.compare_at(name, case, files, threads) for threads in threads_list]

    def compare_at(self, name, case, files, threads):
        runs = {side: [] for side in ("mlpd", *self.options.peers)}
        refused = None
        for seed in range(1, self.options.runs + 1):
            say(f"case {name}, {threads} thread{'s' * (threads > 1)}, run {seed}")
            self.peak(threads)
            try:
                runs["mlpd"] += self.daemon.train([config(name, case, seed, threads)])
            except Refused as reason:
                refused = str(reason)
            for side in self.options.peers:
                runs[side].append(self.peer(side, threads).train(
                    **files, classes=case.classes, hidden=case.hidden, batch=case.batch,
                    epochs=case.epochs, learning_rate=case.learning_rate, seed=seed))
        sides = {side: summary(case, results) for side, results in runs.items() if results}
        row = {"case": name, "threads": threads, "what": str(case), "flops_per_sample": case.flops,
               "goal_ratio": case.ratio, "goal_share": case.share, "sides": sides,
               "refused": refused}
        if "mlpd" in sides:
            mine, peers = sides["mlpd"], [sides[s] for s in self.options.peers]
            if peers:
                row["ratio"] = mine["best"] / max(p["best"] for p in peers)
                # every peer estimates the same thing; the mean over the seeds is compared
                row["losses_good"] = all(mine["loss"] <= 1.02 * p["loss"] for p in peers)
        return row


def summary(case, results):
    """Of all rounds: samples/s of the best and the median epoch, the mean of the last losses."""
    seconds = [s for r in results for s in r["seconds"]]
    return {"best": case.rows / min(seconds), "median": case.rows / statistics.median(seconds),
            "loss": statistics.mean(r["losses"][-1] for r in results),
            "losses": [r["losses"][-1] for r in results],
            "variant": results[-1].get("variant")}


def machine():
    with open("/proc/cpuinfo") as info:
        lines = info.read().splitlines()
    cpu = next((x.split(":", 1)[1].strip() for x in lines if x.startswith("model name")), "?")
    flags = next((x for x in lines if x.startswith("flags")), "").split()
    best = next((f for f in ("avx512f", "avx2", "avx") if f in flags), "no AVX")
    more = [f for f in ("avx512_bf16", "amx_bf16") if f in flags]
    return {"cpu": cpu, "cores": os.cpu_count(), "vectors": " ".join([best, *more]),
            "system": platform.platform(terse=True)}


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench train", description=__doc__)
    parser.add_argument("--mlpd", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--peak", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--cases", default="A,B,C,D,E", type=lambda s: s.upper().split(","))
    parser.add_argument("--runs", default=3, type=int)
    parser.add_argument("--threads", default=[1, 2],
                        type=lambda s: [int(n) for n in s.split(",")])
    parser.add_argument("--peers", default=["sklearn", "torch"],
                        type=lambda s: [p for p in s.split(",") if p])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mlpd-bench-") as work:
        bench = Bench(options, work)
        try:
            result = {"machine": machine(), "mlpd": bench.daemon.version, "compared": []}
            for name in options.cases:
                result["compared"] += bench.compare(name, options.threads)
            result["peaks"] = bench.peaks
            result["peers"] = {side: peer.info for (side, _), peer in bench.peers.items()}
        finally:
            bench.stop()
    text = report.markdown(result)
    print(text, end="")
    if options.out:
        options.out.write_text(text)
        options.out.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    return 0 if all(row.get("losses_good", True) for row in result["compared"]) else 1


sys.exit(main())
