"""Cases A to E: mlpd and its peers by turns."""
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from daemon import Refused, config


class Peer:
    """A process of peer.py, with its pools of threads limited."""

    def __init__(self, name, threads):
        pools = ("OMP", "OPENBLAS", "MKL")
        env = dict(os.environ, **{f"{p}_NUM_THREADS": str(threads) for p in pools})
        self.process = subprocess.Popen(
            [sys.executable, "-B", Path(__file__).with_name("peer.py"), name, str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)
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


def summary(rows, results):
    """Of all trainings: samples/s in the best and the median epoch, the mean of the last losses."""
    seconds = [s for r in results for s in r["seconds"]]
    return {"best": rows / min(seconds), "median": rows / statistics.median(seconds),
            "loss": statistics.mean(r["losses"][-1] for r in results),
            "losses": [r["losses"][-1] for r in results]}


def train_side(bench, side, name, case, files, threads, seed):
    if side == "mlpd":
        return bench.daemon.train([config(name, case, seed, threads)])[0]
    return bench.peer(side, threads).train(
        **files, classes=case.classes, hidden=case.hidden, batch=case.batch, epochs=case.epochs,
        learning_rate=case.learning_rate, seed=seed)


def compare(bench, name, threads):
    """One line of the table."""
    case, files = bench.data(name)
    runs = {side: [] for side in ("mlpd", *bench.options.peers)}
    row = {"case": name, "what": str(case), "threads": threads, "flops_per_sample": case.flops,
           "goal_ratio": case.ratio, "goal_share": case.share}
    for turn in range(bench.options.runs):
        bench.say(f"case {name}, {threads} thread{'s' * (threads > 1)}, run {turn + 1}")
        bench.peak(threads)
        for side in runs:
            for seed in range(1 + turn * case.seeds, 1 + (turn + 1) * case.seeds):
                try:
                    runs[side].append(train_side(bench, side, name, case, files, threads, seed))
                except Refused as reason:
                    row["refused"] = str(reason)
    row["sides"] = {s: summary(case.rows, results) for s, results in runs.items() if results}
    row["variants"] = {s: results[-1]["variant"] for s, results in runs.items()
                       if results and "variant" in results[-1]}
    mine, peers = row["sides"].get("mlpd"), [row["sides"][s] for s in bench.options.peers]
    if mine and peers:
        row["ratio"] = mine["best"] / max(p["best"] for p in peers)
        row["losses_good"] = all(mine["loss"] <= 1.02 * p["loss"] for p in peers)
    return row
