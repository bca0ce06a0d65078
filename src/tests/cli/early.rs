//! Cells that full swap ended: exact up to there in every column and table, and never set beside whole
//! ones without a word.

use super::harness::Sandbox;
use std::collections::BTreeMap;

/// References 1 (W 11000) cannot be served with one frame and no swap; two illegal references, a map
/// and a fork come later.
const EVENTS: &str = "# pagebench trace 1
map 10000 16384 rw-
W 10000
W 11000
R 90000
R 91000
R 12000
map 20000 40960 rw-
R 13000
fork 5
switch 5
R 10000
";

type Row = BTreeMap<String, String>;

fn only(sandbox: &Sandbox, command: &str) -> Row {
    sandbox
        .run(&format!(
            "run t --no-charts --on-segfault skip -q --force -o out {command}"
        ))
        .code(0);
    sandbox.rows("out/results.csv").remove(0)
}

/// All columns but those that say how a row came about.
fn counts(mut row: Row) -> Row {
    for asked in ["trace_digest", "filter", "swap_limit", "status", "error"] {
        row.remove(asked);
    }
    row
}

#[test]
fn a_cell_that_ended_is_the_cell_of_its_references() {
    let sandbox = Sandbox::new();
    sandbox.write("t", EVENTS);
    let ended = only(&sandbox, "-p lru -m 1 --swap none");
    assert_eq!(ended["status"], "swap-full");
    for (column, value) in [
        ("refs", "1"),
        ("segfaults", "0"),
        ("untouched_end", "3"),
        ("processes", "1"),
        ("distinct_pages", "1"),
        ("frames_frac", "1.000000000"),
    ] {
        assert_eq!(ended[column], value, "{column}");
    }
    let limited = only(&sandbox, "-p lru -m 1 --limit 1");
    assert_eq!(counts(ended), counts(limited));

    // Two frames: R 12000 is the reference that cannot be served, both illegal ones come before it.
    let ended = only(&sandbox, "-p lru -m 2 --swap none");
    assert_eq!((&*ended["refs"], &*ended["segfaults"]), ("2", "2"));
    let limited = only(&sandbox, "-p lru -m 2 --limit 4");
    assert_eq!(counts(ended), counts(limited));
    let whole = only(&sandbox, "-p lru -m 4 --swap none");
    assert_eq!(
        (
            &*whole["status"],
            &*whole["segfaults"],
            &*whole["processes"]
        ),
        ("ok", "2", "2")
    );

    // A page that was given up and cannot come in again is no third page.
    sandbox.write(
        "t",
        "# pagebench trace 1\nmap 10000 16384 rw-\nR 10000\nadvise 10000 4096 dontneed\nW 11000\n\
         R 10000\nR 12000\n",
    );
    let ended = only(&sandbox, "-p lru -m 1 --swap none");
    assert_eq!((&*ended["refs"], &*ended["distinct_pages"]), ("2", "2"));
    assert_eq!(
        counts(ended),
        counts(only(&sandbox, "-p lru -m 1 --limit 2"))
    );

    // It ended within the warm-up.
    sandbox.write("t", EVENTS);
    let warm = only(&sandbox, "-p lru -m 1 --swap none --warmup 3");
    assert_eq!((&*warm["warmup_refs"], &*warm["refs"]), ("1", "0"));
}

/// The same where nothing is mapped, by policies with a window too: their pages leave after a
/// reference.
#[test]
fn a_cell_without_events_that_ended_is_the_cell_of_its_references() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "t",
        "# pagebench trace 1\nW 1000\nR 1000\nW 2000\nR 3000\nR 3000\nR 3000\nR 4000\nR 5000\n",
    );
    for (policy, refs, pages) in [("lru -m 2", "3", "2"), ("ws --tau 3", "5", "3")] {
        let ended = only(&sandbox, &format!("-p {policy} --swap none"));
        assert_eq!(ended["status"], "swap-full", "{policy}");
        assert_eq!((&*ended["refs"], &*ended["distinct_pages"]), (refs, pages));
        let limited = only(&sandbox, &format!("-p {policy} --limit {refs}"));
        if policy.starts_with("lru") {
            assert_eq!(counts(ended), counts(limited));
        } else {
            // The page that could not leave after the last reference is there still.
            let of = |row: &Row| ["faults", "processes"].map(|name| row[name].clone());
            assert_eq!(of(&ended), of(&limited));
            assert_eq!((&*ended["expired"], &*limited["expired"]), ("0", "1"));
        }
    }
}

#[test]
fn kernels_count_no_theft_that_did_not_happen() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run("run t.txt -p linux,mglru,freebsd -m 8 --swap 100KiB --no-charts -q -o out")
        .code(0);
    let rows = sandbox.rows("out/results.csv");
    let counters = sandbox.rows("out/vmstat.csv");
    for row in &rows {
        assert_eq!(row["status"], "swap-full", "{}", row["policy"]);
        let steals = counters.iter().filter(|counter| {
            counter["policy"] == row["policy"] && counter["counter"] == "pgsteal"
        });
        let steals: Vec<&String> = steals.map(|counter| &counter["count"]).collect();
        assert_eq!(steals, [&row["evictions"]], "{}", row["policy"]);
    }
    assert_eq!(rows.len(), 3);
}

const WINDOWS: &str = "# pagebench trace 1\nW 1000\nR 2000\nR 3000\nR 4000\nR 1000\nR 2000\nR 3000\nR 4000\nR 1000\nR 2000\n";

#[test]
fn windows_keep_the_last_one_and_parts_join() {
    let sandbox = Sandbox::new();
    sandbox.write("t", WINDOWS);
    let run = "run t -p lru -m 1,2,8 --swap none --windows=4 -q";
    sandbox.run(&format!("{run} -o whole")).code(0);
    let windows: Vec<String> = sandbox
        .rows("whole/windows.csv")
        .iter()
        .map(|row| {
            let of = |column: &str| row[column].clone();
            ["frames", "status", "first", "last", "faults", "resident"]
                .map(of)
                .join(" ")
        })
        .collect();
    assert_eq!(
        windows,
        [
            "1 swap-full 0 0 1 1",
            "2 swap-full 0 1 2 2",
            "8 ok 0 3 4 4",
            "8 ok 4 7 0 4",
            "8 ok 8 9 0 4",
        ]
    );
    for part in 1..=3 {
        sandbox
            .run(&format!(
                "{run} --no-charts --partition slice:{part}/3 -o p{part}"
            ))
            .code(0);
    }
    sandbox.run("merge p1 p2 p3 -o out").code(0).no_message();
    assert_eq!(
        sandbox.text("out/windows.csv"),
        sandbox.text("whole/windows.csv")
    );
    // Other lengths are still told apart: the cell of part 3 is whole.
    let other = run.replace("=4", "=3");
    sandbox
        .run(&format!(
            "{other} --no-charts --partition slice:1/3 -o other"
        ))
        .code(0);
    sandbox.run("merge p2 p3 other -o joined").code(0);
    let longer = run.replace("=4", "=5");
    sandbox
        .run(&format!(
            "{longer} --no-charts --partition slice:3/3 -o longer"
        ))
        .code(0);
    sandbox
        .run("merge p1 p2 p3 longer -o apart")
        .code(0)
        .err(&["its windows have another length"]);
}

#[test]
fn the_table_says_what_its_sentence_leaves_out() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run("run t.txt -p lru,fifo -m 8,280,284,288,292 --swap 200KiB --no-charts -q -o out")
        .code(0)
        .out(&["full@", " that full swap ended)"]);
}

#[test]
fn explain_finds_no_anomaly_between_replays_that_ended() {
    let sandbox = Sandbox::new();
    let args = |more: &[&'static str]| {
        let base = [
            "explain",
            "--string",
            "1w 2w 3w 4w 5 6 7 8",
            "-p",
            "lru",
            "-m",
            "2,3",
        ];
        [&base[..], more].concat()
    };
    let ended = sandbox.run_args(args(&["--swap", "8KiB"])).code(0);
    assert!(!ended.out.contains("Belady"), "{}", ended.out);
    ended.out(&[
        "swap was full at reference 4",
        "swap was full at reference 5",
    ]);
    let belady = [
        "explain",
        "--string",
        "1 2 3 4 1 2 5 1 2 3 4 5",
        "-p",
        "fifo",
        "-m",
        "3,4",
    ];
    sandbox
        .run_args(belady)
        .code(0)
        .out(&["Belady's anomaly: fifo"]);
}
