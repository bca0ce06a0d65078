//! Numbers are compared as numbers and shown as they are.

use super::harness::Sandbox;

/// A sandbox with `seq.txt`, `count` references to a page each, and `base.csv`: LRU, 16 frames.
fn sequence(count: u64) -> Sandbox {
    let sandbox = Sandbox::new();
    let lines: Vec<String> = (0..count).map(|page| format!("{page}\n")).collect();
    sandbox.write("seq.txt", lines.concat());
    sandbox
        .run("check base.csv seq.txt --unit page --kind synthetic -p lru -m 16 --accept")
        .code(0);
    sandbox
}

/// 57 of 10,000 is 0.57 percent, though 0.57 as a binary fraction is less.
#[test]
fn a_change_at_its_percentage_is_within_it() {
    let sandbox = sequence(10_057);
    let good = sandbox.text("base.csv");
    let expected = good.replace(",10057,10057,0", ",10057,10000,0");
    assert_ne!(good, expected);
    sandbox.write("base.csv", expected);
    for (limit, code) in [
        ("0.57", 0),
        ("0.570000001", 0),
        ("57e-2", 0),
        ("0.56", 6),
        ("0.569999999999999", 6),
    ] {
        let check = "check base.csv seq.txt --unit page --kind synthetic";
        sandbox
            .run(&format!("{check} --max-increase-pct {limit}"))
            .code(code);
        sandbox.write("l.toml", format!("[check]\nmax-increase-pct = {limit}\n"));
        sandbox.run(&format!("{check} --limits l.toml")).code(code);
    }
}

/// From 1000 to 1010 faults of 10,000 references is 1 percent, in counts, rates and means.
#[test]
fn rates_fail_by_the_counts_behind_them() {
    let sandbox = Sandbox::new();
    let lines: Vec<String> = (0..1000)
        .map(|page| format!("{page}\n").repeat(10))
        .collect();
    sandbox.write("ten.txt", lines.concat());
    sandbox
        .run("run ten.txt --kind synthetic -p lru -m 16 --no-charts -o a")
        .code(0);
    let text = sandbox.text("a/results.csv");
    let mut more = text.replace(",9000,1000,", ",8990,1010,");
    more = more.replace(",0.100000000,0.900000000,", ",0.101000000,0.899000000,");
    assert_ne!(text, more);
    sandbox.write("b.csv", &more);
    for metric in ["faults", "fault_rate"] {
        for (limit, code) in [("1%", 0), ("0.999999999999%", 6)] {
            sandbox
                .run(&format!(
                    "compare a b.csv --metric {metric} --fail-on {limit}"
                ))
                .code(code)
                .out(&["worse in 1 of 1 cells"]);
        }
    }
    // Rates that nine decimals do not tell apart differ by their counts.
    sandbox.write("c.csv", text.replace(",9000,1000,", ",8999,1001,"));
    sandbox
        .run("compare a c.csv --metric fault_rate --fail-on any")
        .code(6)
        .out(&["worse"]);
}

/// Neither more nor less of some counts is better.
#[test]
fn some_counts_differ_only() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run("run t.txt -p lru -m 64 --tlb l1i=4,l1d=4,l2=16 --no-charts -o a")
        .code(0);
    sandbox
        .run("run t.txt -p lru -m 64 --tlb l1i=4,l1d=4,l2=32 --no-charts -o b")
        .code(0);
    let done = sandbox
        .run("compare a b --metric tlb_hits_l2,tlb_misses")
        .code(0);
    done.out(&["differs in 1 of 1 cells", "better in 1 of 1 cells"]);
}

#[test]
fn compare_says_what_it_cannot_compare() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run("run t.txt -p lru,fifo -m 8,16 --no-charts -o a")
        .code(0);
    let done = sandbox.run("compare a a --metric faults,seed").code(0);
    done.err(&["note: seed: it is empty in each cell that is here and there: not compared"]);
    sandbox
        .run("run t.txt -p lru,fifo -m 8,16 --counts faults --no-charts -o c")
        .code(0);
    sandbox
        .run("compare a c --metric faults,evictions")
        .code(0)
        .err(&["note: evictions: no cell has it here and there (see run --counts): not compared"]);
    // Cells that full swap ended are left out, and JSON has them, too.
    let text = sandbox.text("a/results.csv");
    let ended: Vec<String> = (text.lines().enumerate())
        .map(|(line, text)| match line {
            1 => text.replace(",ok,", ",swap-full,") + "\n",
            _ => format!("{text}\n"),
        })
        .collect();
    sandbox.write("e.csv", ended.concat());
    let done = sandbox
        .run("compare a e.csv --metric faults --out json")
        .code(0);
    let json: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(json["unfinished"].as_array().unwrap().len(), 1);
    assert_eq!(json["unfinished"][0]["in"], "e.csv");
    assert_eq!(json["unfinished"][0]["cell"], "t, fifo, 8 frames");
}

/// The line of a curve through its points, at a size between two of them.
fn line(points: &[(f64, f64)], size: f64) -> f64 {
    let after = points.iter().position(|point| point.0 >= size).unwrap();
    let (x1, y1) = points[after];
    match after.checked_sub(1).map(|before| points[before]) {
        Some((x0, y0)) => y0 + (y1 - y0) * (size - x0) / (x1 - x0),
        None => y1,
    }
}

/// LRU has a loop at no size below its own, and is nowhere drawn below OPT.
#[test]
fn a_curve_is_drawn_with_the_last_size_before_each_fall() {
    let sandbox = Sandbox::new();
    sandbox
        .run("gen loop --pages 3000 --refs 30000 -o loop.pbt")
        .code(0);
    sandbox.run("curve loop.pbt -p lru,opt -o c").code(0);
    let rows = sandbox.rows("c/curve.csv");
    let points = |policy: &str| -> Vec<(f64, f64)> {
        let rows = rows.iter().filter(|row| row["policy"] == policy);
        rows.map(|row| {
            (
                row["frames"].parse().unwrap(),
                row["faults"].parse().unwrap(),
            )
        })
        .collect()
    };
    let (lru, opt) = (points("lru"), points("opt"));
    assert!(lru.contains(&(2999.0, 30_000.0)) && lru.contains(&(3000.0, 3000.0)));
    assert!((100..=420).contains(&opt.len()), "{}", opt.len());
    for size in (16..=3000).map(f64::from) {
        assert!(line(&lru, size) >= line(&opt, size), "{size}");
    }
    let drawn = sandbox.run("plot curve c -o d").code(0).out;
    assert!(drawn.contains("loop-curve.png"), "{drawn}");
    let drawn = sandbox.rows("d/loop-curve.csv");
    assert!(drawn.iter().any(|row| row["policy"] == "lru"
        && row["value"] == "1"
        && row["mean_resident"].parse::<f64>().unwrap() > 2840.0));
}

/// Names of files keep the ending that was asked for, and one thing has no plural.
#[test]
fn small_things_are_as_they_are_called() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run("explain --string 1 -p lru -m 1 --png x.SVG")
        .code(0);
    assert!(
        sandbox.text("x.SVG").starts_with("<svg") || sandbox.text("x.SVG").starts_with("<?xml")
    );
    sandbox
        .run("run t.txt -p lru,opt -m 1,300 --windows=1000 --counts faults,ratio_to_opt --no-charts -o a")
        .code(0);
    sandbox.run("plot faults a -o a.PNG").code(0);
    assert!(sandbox.exists("a.PNG") && !sandbox.exists("a.png"));
    sandbox
        .run("run t.txt -p lru,opt -m 300 --warmup 3999 --no-charts -o w")
        .code(0);
    assert_eq!(sandbox.column("w/results.csv", "opt_faults"), ["0", "0"]);
    sandbox
        .run("plot opt-ratio w -o out")
        .code(4)
        .err(&["OPT has no fault with as many frames"]);
    sandbox.write("u.txt", sandbox.text("t.txt") + "R 0\n");
    sandbox
        .run("run t.txt u.txt -p lru,fifo,opt -m 16 --no-charts -o two")
        .code(0);
    sandbox.run("plot heat two -o h.png").code(0);
    let means = sandbox.rows("h.csv");
    let means: Vec<_> = means
        .iter()
        .filter(|row| row["trace"] == "geometric mean")
        .collect();
    assert_eq!(means.len(), 2);
    let ratios = sandbox.rows("h.csv");
    let of = |trace: &str| -> f64 {
        let row = ratios
            .iter()
            .find(|row| row["trace"] == trace && row["policy"] == "lru");
        row.unwrap()["ratio"].parse().unwrap()
    };
    assert!((of("geometric mean") - (of("t") * of("u")).sqrt()).abs() < 1e-12);
}
