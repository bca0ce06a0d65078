//! Results side by side.

use super::harness::Sandbox;

/// `a` and `b` hold LRU at 8 and 64 frames, `a` FIFO too, `b` LRU at 16.
fn two_runs() -> Sandbox {
    let sandbox = Sandbox::with_trace();
    let run = "run t.txt --no-charts -q";
    sandbox
        .run(&format!("{run} -p lru,fifo -m 8,64 -o a"))
        .code(0);
    sandbox
        .run(&format!("{run} -p lru -m 8,16,64 -o b"))
        .code(0);
    sandbox
}

/// Replaces the count of faults of LRU at 8 frames in a results.csv.
fn with_faults(sandbox: &Sandbox, from: &str, to: &str, change: i64) {
    let rows = sandbox.rows(from);
    let lru = rows
        .iter()
        .find(|row| row["policy"] == "lru" && row["frames"] == "8");
    let (hits, faults) = (&lru.unwrap()["hits"], &lru.unwrap()["faults"]);
    let other = faults.parse::<i64>().unwrap() + change;
    let text = sandbox.text(from);
    let line = format!(",{hits},{faults},");
    assert_eq!(text.matches(&line).count(), 1);
    sandbox.write(to, text.replace(&line, &format!(",{hits},{other},")));
}

#[test]
fn runs_are_joined_by_cell() {
    let sandbox = two_runs();
    let same = sandbox.run("compare a b/results.csv").code(0);
    same.out(&[
        "faults (faults)\n",
        "write_backs (pages)\n",
        "the same in 2 of 2 cells; in all as many faults\n",
    ])
    .err(&[
        "note: cells that not all have:",
        "t, fifo, 8 frames: only in a\n",
        "t, lru, 16 frames: only in b",
    ]);
    with_faults(&sandbox, "a/results.csv", "c.csv", 10);
    let worse = sandbox.run("compare a c.csv --metric faults").code(0);
    worse.no_message().out(&[
        "+10",
        "worse",
        "worse in 1, the same in 3 of 4 cells; in all 10 more faults",
    ]);
    let better = sandbox
        .run("compare a c.csv --metric faults --reference 2")
        .code(0);
    better.out(&[
        "-10",
        "better in 1, the same in 3 of 4 cells; in all 10 fewer faults",
    ]);
    let named = sandbox
        .run("compare a c.csv --metric faults --reference c.csv")
        .code(0);
    named.out(&["a against c.csv"]);
}

#[test]
fn policies_of_one_file_are_compared() {
    let sandbox = two_runs();
    let done = sandbox
        .run("compare a --by policy --reference lru --metric faults")
        .code(0);
    done.no_message()
        .out(&["t, 8 frames", "fifo against lru, faults: "]);
    sandbox
        .run("compare a --by policy --reference lur")
        .code(2)
        .err(&["did you mean \"lru\"?"]);
}

#[test]
fn it_fails_only_if_it_is_asked_to() {
    let sandbox = two_runs();
    with_faults(&sandbox, "a/results.csv", "c.csv", 1);
    for (args, code) in [
        ("a c.csv", 0),
        ("a c.csv --fail-on any", 6),
        ("a c.csv --fail-on 50%", 0),
        ("a c.csv --fail-on 0", 6),
        ("c.csv a --fail-on 0", 0),
        ("c.csv a --fail-on any", 6),
        ("a a --fail-on any", 0),
        ("a b --fail-on any", 6),
        ("a b --fail-on 0", 0),
    ] {
        sandbox
            .run(&format!("compare --metric faults {args}"))
            .code(code);
    }
}

#[test]
fn every_form_can_be_read_back() {
    let sandbox = two_runs();
    with_faults(&sandbox, "a/results.csv", "c.csv", 10);
    let run = |out: &str| {
        sandbox
            .run(&format!("compare a c.csv --metric faults --out {out}"))
            .code(0)
            .out
    };
    let csv = run("csv");
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let verdicts: Vec<String> = rows
        .records()
        .map(|row| row.unwrap()[8].to_owned())
        .collect();
    assert_eq!(verdicts, ["same", "same", "worse", "same"]);
    let json: serde_json::Value = serde_json::from_str(&run("json")).unwrap();
    assert_eq!(json["pairs"][2]["difference"], 10);
    assert_eq!(json["pairs"][2]["verdict"], "worse");
    assert!(
        run("markdown")
            .contains("\n| cell | a | beside it | faults | difference | ratio | verdict |\n|---|")
    );
}

#[test]
fn what_cannot_be_compared_says_why() {
    let sandbox = two_runs();
    let text = sandbox.text("a/results.csv");
    let digest = &sandbox.column("a/results.csv", "trace_digest")[0];
    sandbox.write(
        "other.csv",
        text.replace(digest.as_str(), "0123456789abcdef"),
    );
    sandbox.write("newer.csv", text.replace("\n2,", "\n3,"));
    sandbox.write("cut.csv", &text[..text.len() - 20]);
    sandbox.write("empty.csv", "");
    sandbox.write("noise.csv", [0xff, 0xfe, 0, 10, 34]);
    let lines: Vec<&str> = text.lines().collect();
    sandbox.write("twice.csv", format!("{text}{}\n", lines[1]));
    for (args, code, piece) in [
        ("a other.csv", 1, "t: 01234567 in other.csv; "),
        (
            "a newer.csv",
            1,
            "newer.csv:2: schema 3: this program reads schema 2",
        ),
        ("a cut.csv", 1, "cut.csv:5: "),
        ("a empty.csv", 1, "empty.csv:1: not a results table"),
        ("a noise.csv", 1, "noise.csv"),
        (
            "a twice.csv",
            1,
            "twice.csv: two rows of one cell: t, fifo, 8 frames",
        ),
        ("a nowhere", 1, "nowhere: cannot read"),
        ("a", 2, "name two, or compare inside it with --by policy"),
        ("b --by policy", 4, "there is only \"lru\""),
        (
            "a b --reference 3",
            2,
            "--reference \"3\" is not one of them",
        ),
        ("a b --metric status", 2, "\"status\" is no numeric column"),
        ("a b --metric fautls", 2, "did you mean \"faults\"?"),
        ("a b --fail-on much", 2, "write a number of percent"),
        ("a b --fail-on -1", 2, "unexpected argument '-1'"),
    ] {
        sandbox
            .run(&format!("compare {args}"))
            .code(code)
            .err(&[piece]);
    }
}
