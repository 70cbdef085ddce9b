"""What concerns mlpd alone: copies on all workers, bfloat16, memory, 1 to 1,000,000 rows."""
import statistics
from dataclasses import replace

import cases
from compare import summary
from daemon import Refused, config


def copies(bench):
    """Case F: N copies of C on N workers against one copy."""
    case, _ = bench.data("C")
    case = replace(case, epochs=150)  # long enough that starting one after another is little
    medians = {1: [], bench.workers: []}
    for turn in range(bench.options.runs):
        bench.say(f"case F, run {turn + 1}")
        for n, found in medians.items():
            jobs = [config("C", case, 1 + turn * n + i) for i in range(n)]
            results = bench.daemon.train(jobs)
            found.append(statistics.median(s for r in results for s in r["seconds"]))
    one, each = (case.rows / min(found) for found in medians.values())
    return {"copies": bench.workers, "one": one, "all": bench.workers * each, "ratio": each / one,
            "goal_ratio": 0.95}


def accuracy(bench, result):
    return bench.daemon.api("GET", f"/models/{result['model_id']}")["metrics"]["test"]["accuracy"]


def precision(bench, threads):
    """Case G: B in bfloat16 against B in float32; with real images their accuracy too."""
    case, _ = bench.data("B")
    test = None
    if bench.options.data:
        test = "images"
        bench.upload(test, lambda: cases.image_table(bench.options.data, "t10k"))
    runs = {"float32": [], "bfloat16": []}
    row = {"threads": threads, "goal_ratio": 1.5}
    for turn in range(bench.options.runs):
        bench.say(f"case G, {threads} thread{'s' * (threads > 1)}, run {turn + 1}")
        try:
            for kind in runs:
                runs[kind] += bench.daemon.train([config("B", case, 1 + turn, threads, kind, test)])
        except Refused as reason:
            return row | {"refused": str(reason)}
    row["sides"] = {kind: summary(case.rows, results) for kind, results in runs.items()}
    wide, narrow = row["sides"].values()
    row["ratio"] = narrow["best"] / wide["best"]
    row["losses_good"] = narrow["loss"] <= 1.02 * wide["loss"]
    if test:
        row["accuracy"] = {kind: statistics.mean(accuracy(bench, r) for r in results)
                           for kind, results in runs.items()}
    return row


def memory(bench, name, threads):
    """How much a job makes the daemon grow, at its highest, against what its dry run said."""
    case, _ = bench.data(name)
    job = config(name, replace(case, epochs=1), 1, threads)
    row = {"case": name, "threads": threads}
    bench.say(f"memory of case {name}, {threads} thread{'s' * (threads > 1)}")
    bench.start_daemon()  # a fresh process has nothing left over from before
    try:
        row["estimate"] = bench.daemon.api("POST", "/train?dry_run=1", job)["estimate"]["bytes"]
        before = bench.daemon.memory("VmRSS")
        bench.daemon.train([job])
    except Refused as reason:
        return row | {"refused": str(reason)}
    row["measured"] = bench.daemon.memory("VmHWM") - before
    return row


def rows(bench):
    """The network of C on 1 to 1,000,000 rows."""
    found = {}
    sizes = [10 ** i for i in range(7)]
    for turn in range(bench.options.runs):
        for n in sizes:
            epochs = min(2000, max(3, 300000 // n))
            case = replace(cases.CASES["C"], rows=n, epochs=epochs)
            bench.upload(f"rows{n}", lambda: cases.make("C", case)[1])
            bench.say(f"{n} rows, run {turn + 1}")
            found.setdefault(n, []).extend(
                bench.daemon.train([config(f"rows{n}", case, 1 + turn)])[0]["seconds"])
    # the median: the best of a hundred short epochs would be compared with the best of nine long ones
    table = [{"rows": n, "seconds": statistics.median(s)} for n, s in found.items()]
    each = {line["rows"]: line["seconds"] / line["rows"] for line in table}
    return {"table": table, "growth": each[1000000] / each[10000] - 1, "goal_growth": 0.10}
