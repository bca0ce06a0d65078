//! `pagebench curve`: the same counts as `run`, and what it refuses.

use super::harness::Sandbox;

#[test]
fn every_point_is_what_a_run_counts() {
    let sandbox = Sandbox::with_trace();
    let axes = "-m 1,16,17,40,100,300 --tau 1,30,500,9000";
    let policies = "lru,fifo,clock,clock:load-bit=0,opt,ws";
    sandbox
        .run(&format!("curve t.txt -p {policies} {axes} -o c"))
        .code(0)
        .out(&[
            "frames",
            "clock:load-bit=0",
            "window",
            "c/curve.csv",
            "c/t-curve.png",
        ]);
    sandbox
        .run(&format!(
            "run t.txt -p {policies} {axes} --tlb none --no-charts -o r"
        ))
        .code(0);
    let shown = [
        "policy",
        "params",
        "frames",
        "tau",
        "mean_resident",
        "refs",
        "faults",
        "fault_rate",
    ];
    let of = |file: &str| -> Vec<Vec<String>> {
        let key = |row: &std::collections::BTreeMap<String, String>| {
            shown.map(|name| row[name].clone()).to_vec()
        };
        sandbox.rows(file).iter().map(key).collect()
    };
    assert_eq!(of("c/curve.csv"), of("r/results.csv"));
    let known = sandbox.column("c/curve.csv", "write_backs");
    let replayed = sandbox.column("r/results.csv", "write_backs");
    let policies = sandbox.column("c/curve.csv", "policy");
    for ((known, replayed), policy) in known.iter().zip(&replayed).zip(&policies) {
        let expected = if policy == "opt" { "" } else { replayed };
        assert_eq!(known, expected, "{policy}");
    }
}

#[test]
fn the_points_are_chosen_or_all() {
    let sandbox = Sandbox::with_trace();
    sandbox.run("curve t.txt -o few").code(0);
    for policy in ["lru", "opt", "ws", "vmin", "fifo", "clock"] {
        let rows = sandbox.column("few/curve.csv", "policy");
        let count = rows.iter().filter(|name| *name == policy).count();
        assert!((30..=220).contains(&count), "{policy}: {count}");
    }
    sandbox
        .run("curve t.txt -p lru,opt --all-sizes -o all")
        .code(0);
    let pages: usize = sandbox.column("all/curve.csv", "distinct_pages")[0]
        .parse()
        .unwrap();
    assert_eq!(sandbox.rows("all/curve.csv").len(), 2 * pages);
    // More than a pass takes, and the same bytes for any number of threads.
    sandbox
        .run("curve t.txt -p fifo,clock -m 1..200:+1 -o one -j 1")
        .code(0);
    sandbox
        .run("curve t.txt -p fifo,clock -m 1..200:+1 -o two -j 2")
        .code(0);
    assert_eq!(sandbox.rows("one/curve.csv").len(), 400);
    assert_eq!(sandbox.read("one/curve.csv"), sandbox.read("two/curve.csv"));
    sandbox
        .run("curve t.txt -p lru -o one")
        .code(2)
        .err(&["one: holds"]);
    sandbox.run("curve t.txt -p lru -o one --force").code(0);
}

#[test]
fn estimates_say_that_they_are() {
    let sandbox = Sandbox::new();
    sandbox
        .run("gen zipf --pages 4000 --refs 60000 -o z.txt")
        .code(0);
    sandbox
        .run("curve z.txt --sample 0.1 -p lru -o c")
        .code(0)
        .out(&["lru (~", "±"]);
    let rows = sandbox.rows("c/curve.csv");
    let (exact, estimates): (Vec<_>, Vec<_>) =
        rows.iter().partition(|row| row["accuracy"] == "exact");
    assert!(!exact.is_empty() && estimates.len() > 50);
    assert!(
        exact
            .iter()
            .all(|row| row["error_bound"].is_empty() && row["sample_rate"].is_empty())
    );
    for row in estimates {
        let share: f64 = row["sample_rate"].parse().unwrap();
        assert!((0.08..0.12).contains(&share));
        assert!(row["error_bound"].parse::<f64>().unwrap() >= 0.0);
        assert_eq!(row["write_backs"], "");
    }
    // Only the estimate.
    sandbox
        .run("curve z.txt --sample 0.01 -o e")
        .code(0)
        .err(&["too few"]);
    let rows = sandbox.rows("e/curve.csv");
    let (full, rows) = rows.split_first().unwrap();
    assert!(rows.iter().all(|row| row["accuracy"] == "estimate"));
    // With all pages in memory nothing is left to estimate.
    assert_eq!(
        (&*full["accuracy"], &full["frames"]),
        ("exact", &full["distinct_pages"])
    );
}

#[test]
fn mappings_are_refused_or_ignored() {
    let sandbox = Sandbox::new();
    let traces = concat!(env!("CARGO_MANIFEST_DIR"), "/traces/pipeline.pbt");
    sandbox
        .run(&format!("curve {traces} --limit 50000"))
        .code(2)
        .err(&[
            "pipeline: its mappings",
            &format!("pagebench run {traces} -m auto"),
            &format!("pagebench curve {traces} --ignore-events"),
        ]);
    sandbox
        .run(&format!(
            "curve {traces} --limit 50000 -p lru,vmin -m 10,200"
        ))
        .code(2)
        .err(&[
            &format!("pagebench run {traces} -p lru,vmin -m 10,200"),
            &format!("pagebench curve {traces} -p lru,vmin --ignore-events"),
        ]);
    sandbox
        .run(&format!(
            "curve {traces} --limit 50000 --ignore-events -o c"
        ))
        .code(0);
    let filters = sandbox.column("c/curve.csv", "filter");
    assert!(
        filters
            .iter()
            .all(|filter| filter == "limit=50000 events-ignored")
    );
}

/// Mappings that change no count are not ignored, so rows do not say so.
#[test]
fn private_mappings_are_not_ignored() {
    let sandbox = Sandbox::new();
    let text = "# pagebench trace 1\nmap 1000 8192 rw-\nR 1000\nW 2000\nR 1000\n";
    sandbox.write("t.txt", text);
    for (options, filter) in [("", ""), ("--ignore-events", "events-ignored")] {
        sandbox
            .run(&format!("curve t.txt -p lru -m 1,2 {options} --force -o c"))
            .code(0);
        let filters = sandbox.column("c/curve.csv", "filter");
        assert_eq!(filters, [filter, filter], "{options}");
    }
}

#[test]
fn a_sample_may_be_given_in_percent() {
    let sandbox = Sandbox::with_trace();
    let share = sandbox.run("curve t.txt --sample 0.4 -m 100,200").code(0);
    let percent = sandbox.run("curve t.txt --sample 40% -m 100,200").code(0);
    assert_eq!(share.out, percent.out);
    assert!(share.out.contains("lru"), "{}", share.out);
    sandbox
        .run("curve t.txt --sample 140%")
        .code(2)
        .err(&["above 0 and at most 1"]);
}

#[test]
fn bad_input_is_refused_with_reasons() {
    let sandbox = Sandbox::with_trace();
    for (args, why) in [
        ("-p lur", "did you mean \"lru\""),
        ("-p vmni", "did you mean \"vmin\""),
        ("-p ws:limit=4", "no curve of ws:limit=4"),
        ("--sample 0", "above 0 and at most 1"),
        ("--sample 1.5", "above 0 and at most 1"),
        ("--sample nan", "above 0 and at most 1"),
        ("-m 0", "at least 1"),
        ("-m 4 --all-sizes", "cannot be used with"),
        ("--tau 4KiB", "not of bytes"),
        ("-j 0", "--jobs 0: from 1 to 1024"),
        ("-j 5000", "--jobs 5000: from 1 to 1024"),
    ] {
        sandbox
            .run(&format!("curve t.txt {args}"))
            .code(2)
            .err(&[why]);
    }
    sandbox
        .run("curve t.txt --skip 4000")
        .code(4)
        .err(&["nothing selected"]);
    sandbox.run("curve absent.txt").code(1).err(&["absent.txt"]);
    sandbox
        .run("columns curve.csv")
        .code(0)
        .out(&["error_bound", "sample_rate", "accuracy"]);
}

/// Which references are legal is the only choice of memory that a curve can show: here a write that is not
/// allowed, and one beyond the end that the file has then. Without them the pages are 1 and 2.
#[test]
fn curves_are_of_the_references_that_are_legal() {
    let sandbox = Sandbox::new();
    let trace = "# pagebench trace 1\n# addressing: bytes\nmap 10000 4096 rw- shared file=1,0,0\n\
                 map 20000 4096 r-- name=a\nW 10000\nlength 1 4096\nW 10000\nR 20000\nW 20000\nR 10000\n";
    sandbox.write("t.trace", trace);
    let legal = "--beyond-eof fault --on-segfault skip";
    sandbox
        .run(&format!("curve t.trace -p lru -m 1,2 {legal} -o c"))
        .code(0);
    sandbox
        .run(&format!(
            "run t.trace -p lru -m 1,2 {legal} --no-charts -o r"
        ))
        .code(0);
    let rows = sandbox.rows("c/curve.csv");
    let seen: Vec<_> = rows
        .iter()
        .map(|row| ["frames", "refs", "faults", "filter"].map(|column| row[column].as_str()))
        .collect();
    let filter = "on-segfault=skip beyond-eof=fault";
    // Two fills and, in one frame, a refill.
    assert_eq!(seen, [["1", "3", "3", filter], ["2", "3", "2", filter]]);
    let faults: Vec<_> = sandbox.rows("r/results.csv");
    let faults: Vec<_> = faults.iter().map(|row| row["faults"].as_str()).collect();
    assert_eq!(faults, ["3", "2"]);
    // As zeros, the first page goes when the file gets its length.
    sandbox
        .run("curve t.trace -p lru -m 1,2 --on-segfault skip")
        .code(2)
        .err(&[
            "curves do not model that",
            "-p lru -m 1,2 --on-segfault skip\n",
        ]);
    sandbox
        .run("curve t.trace -p lru --ignore-events --beyond-eof fault")
        .code(2)
        .err(&["cannot be used with"]);
}
