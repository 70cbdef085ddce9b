"""`scripts/bench accuracy`: how good the models are that a job of two keys gives, and one with options.

Every job goes over HTTP to a real daemon. Each score is the mean over seeds, measured on the test
part that the set is published with (else on 15 % of its rows), which no choice has seen: epochs,
temperature and threshold are chosen on the validation part. The seconds are of the whole job.
"""
import argparse
import json
import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import accuracy_sets
import report
from daemon import Daemon, Refused

COLUMNS = ("two-key", "options")


def merged(config, more):
    """`more` into `config`, member by member."""
    out = dict(config)
    for key, value in more.items():
        both = isinstance(value, dict) and isinstance(out.get(key), dict)
        out[key] = merged(out[key], value) if both else value
    return out


def job(name, which, n_tables, seed):
    config = {"data": {"dataset": name, "target": which.target}, "training": {"seed": seed}}
    if which.exclude:
        config["data"]["exclude"] = list(which.exclude)
    if which.split:
        config["data"]["split"] = dict(which.split)
    if n_tables > 1:
        config["data"]["split"] = {"test_dataset": f"{name}-test"}
    return merged(config, {"metrics": ["roc_auc"]}) if which.metric == "roc_auc" else config


def score(which, metrics):
    return 100 * (1 - metrics["accuracy"]) if which.metric == "error" else metrics[which.metric]


def seconds(done):
    times = [datetime.fromisoformat(done[key].replace("Z", "+00:00"))
             for key in ("started_at", "finished_at")]
    return (times[1] - times[0]).total_seconds()


class Bench:
    def __init__(self, options, work):
        self.options = options
        self.daemon = Daemon(options.mlpd, f"{work}/state", options.workers)

    def say(self, text):
        print(f"bench: {text}", file=sys.stderr, flush=True)

    def upload(self, name, which):
        tables = accuracy_sets.uploads(self.options.data or "/nonexistent", which)
        for suffix, (table, media) in zip(("", "-test"), tables):
            self.daemon.api("POST", f"/datasets?name={name}{suffix}", table, media)
        return len(tables)

    def train(self, configs):
        """In bfloat16 where that was asked for and the processor has it."""
        try:
            return self.daemon.train(configs)
        except Refused as refused:
            if "bfloat16 is not possible" not in str(refused):
                raise
        return self.daemon.train([merged(c, {"training": {"precision": "float32"}})
                                  for c in configs])

    def measure(self, name, which, column, n_tables):
        """The score of each seed, and the seconds."""
        more = which.options if column == "options" else {}
        configs = [merged(merged(job(name, which, n_tables, seed), more), self.options.add)
                   for seed in range(1, self.options.seeds + 1)]
        try:
            done = self.train(configs)
        except Refused as refused:
            self.say(f"{name}, {column}: refused: {refused}")
            return {"refused": str(refused)}
        scores, times, losses, chosen_by = [], [], [], []
        for run in done:
            model = self.daemon.api("GET", f"/models/{run['model_id']}")
            scores.append(score(which, model["metrics"]["test"]))
            chosen_by.append(score(which, model["metrics"]["validation"]))
            losses.append(model["metrics"]["test"].get("log_loss"))
            times.append(seconds(run["job"]))
        out = {"scores": scores, "mean": statistics.mean(scores), "seconds": statistics.mean(times),
               "std": statistics.stdev(scores) if len(scores) > 1 else 0.0,
               "validation": statistics.mean(chosen_by)}
        if None not in losses:
            out["log_loss"] = statistics.mean(losses)
        self.say(f"{name}, {column}: {shown(which, out['mean'])} +- {shown(which, out['std'])}, "
                 f"{out['seconds']:.1f} s, validation {shown(which, out['validation'])}"
                 + (f", log_loss {out['log_loss']:.4f}" if "log_loss" in out else ""))
        return out

    def run(self, name):
        which = accuracy_sets.SETS[name]
        try:
            n_tables = self.upload(name, which)
        except FileNotFoundError as missing:
            self.say(f"{name}: skipped, {missing}")
            return None
        columns = [c for c in self.options.columns if c == "two-key" or which.published]
        return {"set": name, "metric": which.metric, "goals": which.goals,
                **{c: self.measure(name, which, c, n_tables) for c in columns}}


# ---- the table ------------------------------------------------------------------------------

def shown(which, value):
    return f"{value:.2f}" if which.metric == "error" or value >= 10 else f"{value:.4f}"


def cells(which, row, column, goal):
    found = row.get(column)
    if not found:
        return ["-", "-"]
    if "refused" in found:
        return ["refused", "-"]
    text = shown(which, found["mean"])
    if len(found["scores"]) > 1:
        text += f" +- {shown(which, found['std'])}"
    if goal is not None:
        good = found["mean"] >= goal if which.higher else found["mean"] <= goal
        text += f" ({'goal' if good else 'misses'} {goal:g})"
    return [text, f"{found['seconds']:.1f}"]


def markdown(result):
    yield (f"- {result['date']}, mlpd {result['mlpd']}, {result['workers']} job"
           f"{'s' * (result['workers'] > 1)} at a time")
    yield ""
    yield "| set | test metric | seeds | two-key job | seconds | with options | seconds |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for row in result["rows"]:
        which = accuracy_sets.SETS[row["set"]]
        goals = which.goals or (None, None)
        line = [row["set"], "error %" if which.metric == "error" else which.metric,
                str(max(len(row.get(column, {}).get("scores", ())) for column in COLUMNS))]
        for column, goal in zip(COLUMNS, goals):
            line += cells(which, row, column, goal)
        yield "| " + " | ".join(line) + " |"
    options = [(r["set"], accuracy_sets.SETS[r["set"]].options) for r in result["rows"]
               if "options" in r]
    if options:
        yield ""
        yield "With options means, beside data and seed:"
        yield ""
        for name, more in options:
            yield f"- {name}: `{json.dumps(more)}`"


def earlier(path, measured):
    """Rows of another run, of sets that this one left out."""
    rows = json.loads(path.with_suffix(".json").read_text())["rows"] if path else []
    return [row for row in rows if row["set"] not in {m["set"] for m in measured}]


def main():
    def names(text):
        return [c for c in text.split(",") if c]

    published = [name for name, which in accuracy_sets.SETS.items() if which.published]
    parser = argparse.ArgumentParser(prog="scripts/bench accuracy")
    parser.add_argument("--mlpd", required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--sets", type=names, default=published)
    parser.add_argument("--columns", type=names, default=list(COLUMNS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--add", type=json.loads, default={})
    parser.add_argument("--with", dest="other", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.sets == ["all"]:
        options.sets = list(accuracy_sets.SETS)
    unknown = set(options.sets) - set(accuracy_sets.SETS) | set(options.columns) - set(COLUMNS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="mlpd-bench-") as work:
        bench = Bench(options, work)
        try:
            rows = [row for row in map(bench.run, options.sets) if row]
            rows += earlier(options.other, rows)
            rows.sort(key=lambda row: list(accuracy_sets.SETS).index(row["set"]))
            version = bench.daemon.version
        finally:
            bench.daemon.stop()
    result = {"date": time.strftime("%Y-%m-%d"), "mlpd": version, "seeds": options.seeds,
              "workers": options.workers, "add": options.add, "rows": rows}
    text = "".join(line + "\n" for line in markdown(result))
    print(text, end="")
    if options.out:
        options.out.write_text(text)
        options.out.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n")
    if options.write:
        report.write_into_page("accuracy", text)


main()
