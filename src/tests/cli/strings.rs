//! `--string` of `run` and `curve`, and lists that were typed with blanks.

use super::harness::Sandbox;

/// Silberschatz's string: 15 faults of FIFO, 12 of LRU, 9 of OPT in 3 frames.
const STRING: &str = "7 0 1 2 0 3 0 4 2 3 0 3 2 1 2 0 1 7 0 1";

#[test]
fn a_string_of_the_command_line_is_replayed_at_every_size() {
    let sandbox = Sandbox::new();
    sandbox
        .shell(&format!(
            "$PAGEBENCH run --string '{STRING}' -p fifo,lru,opt -o out --show faults"
        ))
        .code(0)
        .out(&["string: 20 references", "6 pages"]);
    let faults = |policy: &str| {
        let rows = sandbox.rows("out/results.csv");
        let of = rows.into_iter().filter(|row| row["policy"] == policy);
        of.map(|row| (row["frames"].clone(), row["faults"].clone()))
            .collect::<Vec<_>>()
    };
    let expected = |faults: [u32; 6]| {
        let pairs = (1..).zip(faults);
        pairs
            .map(|(n, faults): (u32, u32)| (n.to_string(), faults.to_string()))
            .collect::<Vec<_>>()
    };
    assert_eq!(faults("fifo"), expected([20, 15, 15, 10, 9, 6]));
    assert_eq!(faults("lru"), expected([20, 17, 12, 8, 7, 6]));
    assert_eq!(faults("opt"), expected([20, 13, 9, 8, 7, 6]));
    assert!(sandbox.exists("out/string-fault-rate.png"));
    assert_eq!(
        sandbox.column("out/results.csv", "trace_kind")[0],
        "synthetic"
    );

    sandbox
        .shell(&format!(
            "$PAGEBENCH curve --string '{STRING}' -p fifo,lru,opt,clock -o c"
        ))
        .code(0);
    let rows = sandbox.rows("c/curve.csv");
    for policy in ["fifo", "lru", "opt", "clock"] {
        let of = rows.iter().filter(|row| row["policy"] == policy);
        let sizes: Vec<&str> = of.map(|row| &*row["frames"]).collect();
        assert_eq!(sizes, ["1", "2", "3", "4", "5", "6"], "{policy}");
    }
}

#[test]
fn a_string_is_no_file() {
    let sandbox = Sandbox::new();
    sandbox
        .shell("$PAGEBENCH run --string '1 2 x' -p lru")
        .code(2)
        .err(&["\"x\" is no page number"]);
    sandbox
        .shell("$PAGEBENCH curve --string ''")
        .code(4)
        .err(&["no page in it"]);
    sandbox
        .shell("$PAGEBENCH run --string '1 2' --limit 1")
        .code(2)
        .err(&["--string: the whole string is taken"]);
    sandbox
        .shell("$PAGEBENCH run t.txt --string '1 2'")
        .code(2)
        .err(&["cannot be used with"]);
    // Sizes that are asked for stay; one page has one size.
    sandbox
        .shell("$PAGEBENCH run --string '1 2 3w 1' -p lru -m 2 -o a --no-charts -q && \
                $PAGEBENCH run --string '5,5' -p lru -o b --no-charts -q && $PAGEBENCH plan --string '1 2'")
        .code(0);
    assert_eq!(sandbox.column("a/results.csv", "frames"), ["2"]);
    assert_eq!(sandbox.column("b/results.csv", "frames"), ["1"]);
    assert_eq!(sandbox.files("."), ["a", "b"]);
}

#[test]
fn blanks_in_place_of_commas_are_named() {
    let sandbox = Sandbox::with_trace();
    for (args, typed) in [
        ("run t.txt -p FIFO LRU OPT", "-p FIFO,LRU,OPT"),
        ("run -p FIFO LRU OPT t.txt", "-p FIFO,LRU,OPT"),
        (
            "run t.txt -p fifo, lru, 2q:kin=0.1 -m 4",
            "-p fifo,lru,2q:kin=0.1",
        ),
        ("curve t.txt --policy lru opt", "-p lru,opt"),
        ("explain t.txt -p lru fifo", "-p lru,fifo"),
        ("check b.csv t.txt -p lru clock", "-p lru,clock"),
    ] {
        let done = sandbox.run(args).code(2);
        done.err(&["write policies with commas", typed]);
    }
    assert_eq!(sandbox.files("."), ["t.txt"]);
    // A file of that name is a trace.
    sandbox.write("lru", sandbox.read("t.txt"));
    sandbox
        .run("run -p fifo lru -m 4 -o out --no-charts -q")
        .code(0);
}
