"""What holds within a row by the definitions of the columns, and between commands that read rows."""

from fractions import Fraction

from . import rows
from .case import check
from .drawn import Drawn, again, replayed

# Sums that `columns` states: a column and the columns that add up to it.
SUMS = {"refs": ("reads", "writes", "ifetches"), "faults": ("fills", "refills", "maps", "cow_copies", "cow_reuses"),
        "evictions": ("evictions_clean", "evictions_dirty"), "walk_refs": ("walk_refs_leaf", "walk_refs_upper"),
        "write_backs": ("evictions_dirty", "expired_dirty", "freed_dirty")}
BOTH = {"refs": ("hits", "faults"), "faults": ("minor_faults", "major_faults")}
RATES = {"fault_rate": ("faults", "refs"), "hit_rate": ("hits", "refs"), "refs_per_fault": ("refs", "faults"),
         "eat_ns": ("time_ns", "refs"), "frames_frac": ("frames", "distinct_pages"), "ratio_to_opt": ("faults", "opt_faults")}


@check(weight=2)
def identities(case):
    """Sums and rates within a row are what `columns` says."""
    drawn = Drawn(case, policies=8)
    if not replayed(case, drawn.file, drawn.args, "run"):
        return
    for row in rows.results(case, "run"):
        for table in (SUMS, BOTH):
            for total, parts in table.items():
                if row[total] != "":
                    added = sum(rows.number(row[part]) for part in parts)
                    case.expect(int(row[total]) == added, f"{rows.label(row)}: {total} {row[total]}, {' + '.join(parts)} {added}")
        for name, (over, under) in RATES.items():
            if row[name] == "" or row[over] == "" or rows.number(row[under]) == 0:
                continue
            exact = Fraction(int(row[over]), int(row[under]))
            # Nine decimals, of a number with 53 bits.
            case.expect(abs(Fraction(row[name]) - exact) <= Fraction(1, 10**9) + exact / 2**50, f"{rows.label(row)}: {name} {row[name]}, {over} / {under} {float(exact)}")
        if row["walk_refs_by_level"]:
            added = sum(int(count) for count in row["walk_refs_by_level"].split("/"))
            case.expect(added == int(row["walk_refs"]), f"{rows.label(row)}: walk_refs {row['walk_refs']}, by level {added}")
        steals(case, row)
        asked = drawn.model.values.get("--swap", "unlimited")
        if asked.isdigit():
            slots = int(asked) // int(row["page_size"])
            case.expect(slots > 0, f"--swap {asked} is taken with pages of {row['page_size']}, and is no slot")
            case.expect(row["swap_limit"] == str(slots), f"--swap {asked}: swap_limit {row['swap_limit']}, not {slots}")
        if drawn.trace.ids:
            case.expect(row["accessed_bit"] == "every", f"{rows.label(row)}: accessed_bit {row['accessed_bit']}, though ids have no translation")
        if row["frames"] == "" and "limit" not in row["params"]:
            case.expect(row["allocation"] == "global", f"{rows.label(row)}: allocation {row['allocation']}, though there is nothing to divide")


def steals(case, row):
    """Pages that the policy says it stole are those that were evicted (vmstat.csv)."""
    if not case.exists("run/vmstat.csv") or row["prefetched"] != "0":
        return
    for line in rows.table(case.read("run/vmstat.csv")):
        pairs = {"pgsteal": "evictions", "pgfault": "faults", "pgmajfault": "major_faults", "pswpin": "swap_reads"}
        if rows.key(line) == rows.key(row) and line["counter"] in pairs:
            column = pairs[line["counter"]]
            case.expect(line["count"] == row[column], f"{rows.label(row)}: {line['counter']} {line['count']}, {column} {row[column]} ({row['status']})")


@check()
def compared(case):
    """`compare` of a run with itself finds no difference, and prints the counts of the rows."""
    drawn = Drawn(case)
    if not replayed(case, drawn.file, drawn.args, "run"):
        return
    table = rows.results(case, "run")
    if any(row["status"] != "ok" for row in table):
        return
    out = case.run("compare", "run", "run/results.csv", "--out", "csv", "--fail-on", "any").out
    said = rows.table(out)
    case.expect(len(said) > 0, "compare of a run with itself has no line")
    for line in said:
        for name, value in line.items():
            if name in ("difference",):
                case.expect(value in ("0", "0.000000000", ""), f"compare of a run with itself: difference {value}")
    metrics = {str(row["faults"]) for row in table}
    found = {value for line in said for value in line.values()}
    case.expect(metrics <= found, f"compare does not print faults {sorted(metrics - found)}")


@check()
def seeds(case):
    """Several seeds are the rows of separate runs, and the table shows each of them."""
    rng = case.rng
    drawn = Drawn(case, policies=1)
    drawing = [name for name, policy in case.program.policies.items() if policy.draws and policy.fixed]
    args = ["-p", f"{rng.choice(drawing)},lru" if drawing else "lru", "-m", drawn.cells[3]] + drawn.model.flags() + drawn.taken
    wanted = ["1", "2", "9"]
    result = case.call("run", drawn.file, *args, "--seed", ",".join(wanted), "-o", "all", "--no-charts", "-q", "--show", "faults")
    if result.code != 0:
        return
    apart = {}
    for seed in wanted:
        if again(case, drawn.file, args, f"seed-{seed}", "--seed", seed):
            apart.update(rows.by_cell(rows.results(case, f"seed-{seed}")))
    rows.compare(case, "seeds together and apart", rows.results(case, "all"), list(apart.values()))
    for row in rows.results(case, "all"):
        if row["seed"]:
            case.expect(f"seed {row['seed']}" in result.out, f"the table of run does not name seed {row['seed']}")
            break
    plan = case.run("plan", drawn.file, *args, "--seed", ",".join(wanted), "-q").out
    lines = [" ".join(line.split()[1:]) for line in plan.splitlines()[1:] if line and not line.startswith(("cell", "plan"))]
    case.expect(len(lines) == len(set(lines)), "plan lists cells that differ by nothing but their ids")


@check()
def shown(case):
    """The table of `run --show` has the values of results.csv, rounded."""
    rng = case.rng
    drawn = Drawn(case, policies=1)
    names = ["lru", "fifo", "clock", "opt"]
    columns = [name for name, (kind, _, _) in case.program.columns().items() if kind in ("count", "real")]
    column = rng.choice(["mean_resident", "refs_per_fault", "faults", "eat_ns", "ratio_to_opt"] + rng.sample(columns, 2))
    result = case.call("run", drawn.file, "-p", ",".join(names), "-m", "2,3,5", "--page-size", "4096", *drawn.model.flags(),
                       *drawn.taken, "-o", "run", "--no-charts", "-q", "--show", column)
    if result.code != 0:
        return
    head = next((line.split() for line in result.out.splitlines() if line.split()[:1] == ["frames"]), [])
    for row in rows.results(case, "run"):
        line = next((line.split() for line in result.out.splitlines() if line.split()[:1] == [row["frames"]]), None)
        if line is None or not row[column] or row["policy"] not in head or len(line) < len(names):
            continue
        order = [name for name in head if name in names]
        values = line[-len(order):]
        text = values[order.index(row["policy"])]
        try:
            shown_value = Fraction(text)
        except ValueError:
            continue
        places = len(text.partition(".")[2])
        if case.program.columns()[column][1].startswith("of "):
            continue
        exact = Fraction(row[column])
        case.expect(abs(shown_value - exact) <= Fraction(1, 2 * 10**places), f"{rows.label(row)}: {column} {row[column]} is shown as {text}")
