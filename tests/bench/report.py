"""The result of a bench as Markdown."""

from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/PERFORMANCE.md"


def write_into_page(bench, text):
    """Between the marks that the page has for this bench."""
    begin, end = f"<!-- bench {bench}: begin -->", f"<!-- bench {bench}: end -->"
    before, rest = PAGE.read_text().split(begin)
    PAGE.write_text(f"{before}{begin}\n{text}{end}{rest.split(end)[1]}")


def table(head, lines):
    yield "| " + " | ".join(head) + " |"
    yield "| " + " | ".join("---" for _ in head) + " |"
    for line in lines:
        yield "| " + " | ".join(line) + " |"
    yield ""


def rate(value):
    return f"{value / 1e6:.2f} M" if value >= 999500 else f"{value / 1e3:.1f} k"


def speed(side):
    return f"{rate(side['best'])} ({rate(side['median'])})" if side else "-"


def against(value, goal):
    """The value beside the least it should be."""
    if value is None:
        return "-"
    if not goal:
        return f"{value:.2f}"
    return f"{value:.2f} ({'goal' if value >= goal else 'misses'} {goal:g})"


def verdict(row):
    return {True: "ok", False: "**fails**", None: "-"}[row.get("losses_good")]


def comparison(result):
    if not result["compared"]:
        return
    names = {side: peer["name"] for side, peer in result["peers"].items()}
    lines = []
    for row in result["compared"]:
        sides = row["sides"]
        losses = " / ".join(f"{s['loss']:.4f}" for s in sides.values())
        lines.append([row["case"], str(row["threads"]), speed(sides.get("mlpd")),
                      *(speed(sides.get(side)) for side in names),
                      against(row.get("ratio"), row["goal_ratio"]),
                      against(row.get("share"), row["goal_share"]), losses, verdict(row)])
    yield from table(["case", "threads", "mlpd", *names.values(), "ratio to the best peer",
                      "share of peak", "final losses", ""], lines)
    yield ("Samples/s in the best epoch of all runs (median epoch in brackets). Final losses are "
           "the last epoch's, means over the runs, in the order of the columns; a case fails when "
           "mlpd's is more than 2 % above a peer's.")
    yield ""
    for case, what in {row["case"]: row["what"] for row in result["compared"]}.items():
        yield f"- {case}: {what}"
    yield ""


def refusals(result):
    rows = [(row["case"], row) for row in result["compared"]]
    rows += [("G", row) for row in result.get("precision", [])]
    said = {}
    for case, row in rows:
        if "refused" in row:
            said.setdefault(row["refused"], []).append(f"{case} ({row['threads']})")
    for reason, where in said.items():
        yield f"mlpd refused {', '.join(where)}: {reason}"
        yield ""


def alone(result):
    if "copies" in result:
        f = result["copies"]
        yield (f"F: {f['copies']} copies of C on {f['copies']} workers train {rate(f['all'])} "
               f"samples/s, one alone {rate(f['one'])} (median epochs of the best run): "
               f"{against(f['ratio'], f['goal_ratio'])} of {f['copies']} times one.")
        yield ""
    done = [row for row in result.get("precision", []) if "sides" in row]
    if done:
        lines = []
        for row in done:
            sides = row["sides"]
            points = " / ".join(f"{100 * a:.2f} %" for a in row.get("accuracy", {}).values())
            lines.append([str(row["threads"]), *(speed(s) for s in sides.values()),
                          against(row["ratio"], row["goal_ratio"]),
                          " / ".join(f"{s['loss']:.4f}" for s in sides.values()), verdict(row),
                          points or "-"])
        yield from table(["G: threads", "float32", "bfloat16", "ratio", "final losses", "",
                          "test accuracy on images (goal: within 0.2 points)"], lines)


def memory(result):
    done = [row for row in result.get("memory", []) if "measured" in row]
    if done:
        lines = [[row["case"], str(row["threads"]), f"{row['estimate'] / 1e6:.1f} MB",
                  f"{row['measured'] / 1e6:.1f} MB",
                  f"{100 * (row['measured'] / row['estimate'] - 1):+.1f} %"] for row in done]
        yield from table(["case", "threads", "memory by the dry run", "growth of the daemon at its "
                          "peak", "difference (goal: within 10 %)"], lines)


def rows(result):
    if "rows" in result:
        lines = [[f"{line['rows']:,}", rate(line["rows"] / line["seconds"]),
                  f"{1e9 * line['seconds'] / line['rows']:.0f} ns",
                  f"{1e6 * line['seconds']:.1f}"] for line in result["rows"]["table"]]
        yield from table(["rows (network of C)", "samples/s", "time per sample",
                          "microseconds per epoch (median)"], lines)
        growth = 100 * result["rows"]["growth"]
        yield (f"From 10,000 to 1,000,000 rows a sample takes {growth:+.1f} % of time "
               "(goal: at most 10 % more).")
        yield ""


def head(result):
    machine = result["machine"]
    yield (f"- {result['date']}, {machine['cpu']}, {machine['cores']} cores, "
           f"{', '.join(machine['flags'])}; {machine['system']}")
    yield f"- mlpd {result['mlpd']}"
    for peer in result["peers"].values():
        yield f"- {peer['name']} {peer['version']}, {peer['blas']}"
    for threads, peak in result["peaks"].items():
        yield (f"- peak of float32 multiply-adds on {threads} core{'s' * (int(threads) > 1)}: "
               f"{peak / 1e9:.0f} GFLOP/s")
    yield (f"- {result['runs']} run{'s' * (result['runs'] > 1)}; "
           f"{'real images in A, B and G' if result['images'] else 'synthetic rows'}")
    adams = {}
    for row in result["compared"]:
        for variant in row["variants"].values():
            adams.setdefault(variant, []).append(f"{row['case']} ({row['threads']})")
    for adam, where in adams.items():
        yield f"- PyTorch was fastest with {adam} in {', '.join(where)}"
    if result["others"] > 0.03:
        yield (f"- **other programs took {100 * result['others']:.0f} % of the machine meanwhile: "
               "speeds are too low, ratios uncertain**")
    yield ""


def markdown(result):
    parts = [head, comparison, refusals, alone, memory, rows]
    return "\n".join(line for part in parts for line in part(result))
