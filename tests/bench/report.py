"""The result of a bench as Markdown."""


def rate(value):
    return f"{value / 1e6:.2f} M" if value >= 999500 else f"{value / 1e3:.1f} k"


def goal(value, wanted, form):
    if not value:
        return "-"
    return form.format(value) + (f" (goal {form.format(wanted)})" if wanted else "")


def side(found):
    return f"{rate(found['best'])} ({rate(found['median'])})" if found else "-"


def comparison(result):
    names = {k: v["name"] for k, v in result["peers"].items()}
    head = ["case", "threads", "mlpd", *names.values(), "ratio", "of peak", "final losses", ""]
    lines = [head, ["---"] * len(head)]
    for row in result["compared"]:
        sides = row["sides"]
        mine = sides.get("mlpd")
        share = mine and mine["best"] * row["flops_per_sample"] / result["peaks"][row["threads"]]
        verdict = {True: "ok", False: "**FAILS**", None: "-"}[row.get("losses_good")]
        lines.append([row["case"], str(row["threads"]), side(mine),
                      *[side(sides.get(n)) for n in names],
                      goal(row.get("ratio"), row["goal_ratio"], "{:.2f}"),
                      goal(share, row["goal_share"], "{:.2f}"),
                      " / ".join(f"{s['loss']:.4f}" for s in sides.values()), verdict])
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def notes(result):
    machine = result["machine"]
    yield (f"{machine['cpu']}, {machine['cores']} cores, {machine['vectors']}; "
           f"{machine['system']}.")
    for threads, peak in result["peaks"].items():
        yield f"Peak, {threads} thread{'s' * (threads > 1)}: {peak / 1e9:.0f} GFLOP/s in float32."
    yield f"mlpd {result['mlpd']}; " + "; ".join(
        f"{p['name']} {p['version']} ({p['blas']})" for p in result["peers"].values()) + "."


def markdown(result):
    lines = [*notes(result), "", *comparison(result), ""]
    seen = {}
    for row in result["compared"]:
        seen.setdefault(row["case"], row["what"])
    lines += [f"- {name}: {what}" for name, what in seen.items()]
    for row in result["compared"]:
        if row["refused"]:
            lines.append(f"- {row['case']} with {row['threads']} threads: mlpd refused: "
                         f"{row['refused']}")
    return "\n".join(lines) + "\n"
