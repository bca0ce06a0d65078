//! Which part of a trace is taken, and which cells are made of it.

use super::harness::Sandbox;

/// Process 0 touches the pages 1, 2 and 3, process 7 the pages 2 and 5.
const TRACE: &str = "# pagebench trace 1\n# kind: full\nI 1000\nR 2000\nW 3000\nR 1000\n\
                     switch 7\nR 2000\nW 5000\nswitch 0\nR 2000\nI 1000\n";

/// One column of the results of LRU with ample memory.
fn column(options: &str, column: &str) -> Vec<String> {
    let sandbox = Sandbox::new();
    sandbox.write("t.txt", TRACE);
    let line = format!("run t.txt -p lru -m 10 --no-charts -q -o out {options}");
    sandbox.run(&line).code(0);
    sandbox.column("out/results.csv", column)
}

#[test]
fn parts_of_a_trace() {
    for (options, filter, refs, faults) in [
        ("", "", "8", "5"),
        ("--data-only", "data-only", "6", "5"),
        ("--pid 7", "pid=7", "2", "2"),
        ("--pid 0", "pid=0", "6", "3"),
        ("--pid 0,7", "pid=0 pid=7", "8", "5"),
        ("--skip 3", "skip=3", "5", "4"),
        ("--limit 3", "limit=3", "3", "3"),
        ("--skip 2 --limit 4", "skip=2 limit=4", "4", "4"),
        (
            "--pid 0 --data-only --limit 3",
            "data-only pid=0 limit=3",
            "3",
            "3",
        ),
    ] {
        assert_eq!(column(options, "filter"), [filter], "{options}");
        assert_eq!(column(options, "refs"), [refs], "{options}");
        assert_eq!(column(options, "faults"), [faults], "{options}");
    }
}

#[test]
fn a_stored_trace_takes_the_same_parts() {
    let sandbox = Sandbox::new();
    sandbox.write("t.txt", TRACE);
    sandbox.run("convert t.txt -o t.pbt").code(0);
    for options in [
        "--data-only",
        "--pid 7",
        "--skip 3",
        "--limit 3",
        "--page-size 64KiB",
        "--warmup 4",
    ] {
        for trace in ["t.txt", "t.pbt"] {
            let line = format!(
                "run {trace} -p all -m 2,10 --tau 3 --no-charts -q --force -o {trace}.out {options}"
            );
            sandbox.run(&line).code(0);
        }
        assert!(
            sandbox.read("t.txt.out/results.csv") == sandbox.read("t.pbt.out/results.csv"),
            "{options}"
        );
    }
}

#[test]
fn warm_up_is_replayed_but_not_counted() {
    for options in ["--warmup 4", "--warmup 50%"] {
        assert_eq!(column(options, "warmup_refs"), ["4"]);
        assert_eq!(column(options, "refs"), ["4"]);
        assert_eq!(column(options, "faults"), ["2"]);
    }
    assert_eq!(column("--warmup 10%", "warmup_refs"), ["0"]);
}

#[test]
fn page_sizes_are_cells() {
    let sizes = "--page-size 4KiB,64KiB";
    assert_eq!(column(sizes, "page_size"), ["4096", "65536"]);
    assert_eq!(column(sizes, "faults"), ["5", "2"]);
    assert_eq!(column("--page-size 64KiB,4K,4096", "faults"), ["5", "2"]);
    assert_eq!(column("--page-size 64KiB --limit 3", "refs"), ["3"]);
}

#[test]
fn show_chooses_the_column_of_the_table() {
    let sandbox = Sandbox::with_trace();
    let line = "run t.txt -p lru -m 64 --no-charts -q -o out --show faults";
    let out = sandbox.run(line).code(0).out(&["faults"]).out;
    let faults = &sandbox.column("out/results.csv", "faults")[0];
    let cells = out
        .lines()
        .find(|line| line.trim_start().starts_with("64 "))
        .unwrap();
    assert!(cells.ends_with(&format!(" {faults}")), "{out}");
}

#[test]
fn policies_have_parameters() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run("run t.txt -p clock,CLOCK:load-bit=0,lru,lru -m 64 --no-charts -q -o out")
        .code(0);
    assert_eq!(
        sandbox.column("out/results.csv", "policy"),
        ["clock", "clock", "lru"]
    );
    assert_eq!(
        sandbox.column("out/results.csv", "params"),
        ["", "load-bit=0", ""]
    );
    sandbox
        .run("run t.txt -p ws:limit=8,ws --tau 50 --no-charts -q -o ws")
        .code(0);
    assert_eq!(sandbox.column("ws/results.csv", "params"), ["", "limit=8"]);
    for (policy, piece) in [
        (
            "clock:load-bit=2",
            "clock: load-bit=\"2\" is not a whole number from 0 to 1",
        ),
        ("clock:0", "key=value"),
        ("lru:k=2", "unknown parameter \"k\""),
        ("ws:limit=0", "limit=\"0\""),
    ] {
        sandbox
            .run(&format!("run t.txt -p {policy} -m 8"))
            .code(2)
            .err(&[piece]);
    }
}

#[test]
fn the_grammar_of_frames() {
    let sandbox = Sandbox::with_trace();
    for (frames, expected) in [
        ("64,128", "64 128"),
        ("16,16,4", "4 16"),
        ("2^2..2^5", "4 8 16 32"),
        ("10..45:x2", "10 20 40"),
        ("100..210:+50", "100 150 200"),
        ("10%,100%", "30 295"),
        ("256KiB", "64"),
        ("1k", "1000"),
        ("5,2^3,1MiB", "5 8 256"),
    ] {
        sandbox
            .run(&format!(
                "run t.txt -p lru -m {frames} --no-charts -q --force -o out"
            ))
            .code(0);
        assert_eq!(
            sandbox.column("out/results.csv", "frames").join(" "),
            expected,
            "{frames}"
        );
    }
    for (frames, piece) in [
        ("0", "at least 1 is needed"),
        ("2^4..2^1", "\"2^4..2^1\" is an empty range: 16 is above 2"),
        ("abc", "\"abc\" is not a count (4096, 2^14, 20M)"),
        ("64K", "write 64KiB for bytes, 64k for a count of thousands"),
        ("1MB", "write KiB, MiB, GiB or TiB"),
        ("0%", "above 0%, up to 100%"),
        ("101%", "above 0%, up to 100%"),
        ("1KiB", "gives 0 (with pages of 4KiB): at least 1 is needed"),
        ("99999999999", "at most 2147483647 is allowed"),
        ("1..1000000:+1", "more than 10000 values"),
        ("8,", ""),
        ("8..", ""),
        ("8..16:x1", ""),
        ("8..16:+0", ""),
    ] {
        sandbox
            .run(&format!("run t.txt -p lru -m {frames} -o none"))
            .code(2)
            .err(&["error: ", piece]);
        assert!(!sandbox.exists("none"), "{frames}");
    }
}

#[test]
fn other_options_are_checked_before_any_work() {
    let sandbox = Sandbox::with_trace();
    for (options, pieces) in [
        ("--warmup 100%", &["--warmup \"100%\"", "below 100%"][..]),
        ("--warmup many", &["\"many\" is not a count"]),
        (
            "--page-size 100",
            &["page size \"100\" is not a power of two"],
        ),
        ("--page-size 32", &["from 64 bytes to 1 GiB"]),
        ("-j 0", &["--jobs 0: from 1 to 1024"]),
        ("--tlb l1i=63x4", &["63"]),
        ("--tlb nonsense", &["nonsense"]),
        ("--cost read=fast", &["fast"]),
        ("--cost raed=1us", &["raed"]),
        (
            "--delimiter ::",
            &["--delimiter \"::\": one character, TAB or BLANKS"],
        ),
        ("--col addr", &["--col \"addr\": write addr=2,rw=3"]),
        ("--tau 0", &["at least 1 is needed"]),
        ("--pid x", &["'x'"]),
        ("--skip -1", &["-1"]),
    ] {
        sandbox
            .run(&format!("run t.txt -m 8 -o none {options}"))
            .code(2)
            .err(pieces);
        assert!(!sandbox.exists("none"), "{options}");
    }
}
