//! Experiments and the gate as one thing, what a gate must never do, and the script that shows it all.

use super::check::{edited, with_baseline, with_edited};
use super::harness::Sandbox;

const EXPERIMENT: &str = r#"schema = 1
frames = "8,16"
warmup = "10%"
swap = "1MiB"

[[trace]]
path = "../t.txt"
name = "numbers"

[[policy]]
name = "clock"
load-bit = [0, 1]

[[policy]]
name = "lru"

[[exclude]]
policy = "clock:load-bit=0"
frames = ">=16"

[check]
metric = "faults"

[[check.override]]
policy = "lru"
frames = 8
max-increase = 100
"#;

/// With an experiment and the baseline of its five cells.
fn with_experiment() -> Sandbox {
    let sandbox = Sandbox::with_trace();
    sandbox.write("sub/e.toml", EXPERIMENT);
    sandbox
        .run("check b.csv -f sub/e.toml --accept")
        .code(0)
        .out(&["b.csv: 0 changed, 5 new"]);
    sandbox
}

/// What `check -f` says is what it says of the results of `run -f`.
#[test]
fn an_experiment_is_checked_by_its_own_cells_and_limits() {
    let sandbox = with_experiment();
    let green = "5 cells compared (faults): 0 regressions, 0 improvements, 0 missing\n";
    sandbox
        .run("check b.csv -f sub/e.toml")
        .code(0)
        .out(&[green]);
    assert_eq!(sandbox.column("b.csv", "swap_limit"), ["256"; 5]);
    assert_eq!(sandbox.column("b.csv", "warmup_refs"), ["400"; 5]);
    sandbox.run("run -f sub/e.toml --no-charts -o out").code(0);
    sandbox
        .run("check b.csv out -f sub/e.toml")
        .code(0)
        .out(&[green]);

    let good = sandbox.text("b.csv");
    for (less, flags, code) in [
        (100, "", 0),
        (101, "", 6),
        (101, "--max-increase 101", 0),
        (1, "--max-increase 0", 6),
    ] {
        sandbox.write("b.csv", edited(&good, -less));
        for what in ["", "out "] {
            let done = sandbox.run(&format!("check b.csv {what}-f sub/e.toml {flags}"));
            done.code(code).out(&["numbers, lru, 8 frames  faults"]);
        }
    }
    sandbox.write("own.toml", "max-increase = 101");
    sandbox.write("b.csv", edited(&good, -101));
    sandbox
        .run("check b.csv -f sub/e.toml --limits own.toml")
        .code(0);
}

/// A cell that either side does not have is told, and one that only the baseline has is missing.
#[test]
fn an_experiment_and_a_baseline_of_other_cells() {
    let sandbox = with_experiment();
    sandbox
        .run("check b.csv -f sub/e.toml -m 8,32")
        .code(5)
        .out(&["missing: numbers, lru, 16 frames\n", "3 cells compared"])
        .err(&["note: 2 cells of the experiment are not in b.csv and not compared"]);
    sandbox
        .run("check b.csv -f sub/e.toml -m 8,32 --only */8")
        .code(0)
        .out(&["3 cells compared"]);
    sandbox
        .run("check b.csv -f sub/e.toml --warmup 5%")
        .code(7)
        .err(&[
            "b.csv:2: ",
            "a warm-up of 400 references in the baseline, of 200 in this run",
        ]);
    sandbox
        .run("check b.csv -f sub/e.toml --swap 2MiB")
        .code(7)
        .err(&[
            "b.csv:2: ",
            "swap_limit is 256 in the baseline, 512 in this run",
        ]);
    sandbox.write("u.txt", sandbox.text("t.txt") + "R 0\n");
    sandbox
        .run("check b.csv u.txt -f sub/e.toml")
        .code(5)
        .err(&["warning: b.csv: has no cell of trace u"]);
    sandbox.write("t.txt", sandbox.text("u.txt"));
    sandbox
        .run("check b.csv -f sub/e.toml")
        .code(7)
        .err(&["trace numbers has changed", "--accept"]);
}

#[test]
fn mistakes_in_the_limits_of_an_experiment_are_shown_where_they_stand() {
    let sandbox = with_experiment();
    for (from, to, pieces) in [
        (
            "max-increase = 100",
            "max-incraese = 100",
            [
                "sub/e.toml:27:1: unknown field",
                "did you mean \"max-increase\"?",
            ],
        ),
        (
            "metric = \"faults\"",
            "metric = \"fautls\"",
            [
                "sub/e.toml:22:10: no metric \"fautls\"",
                "\n  22 | metric = \"fautls\"\n",
            ],
        ),
        ("[check]", "check = 3\n[x]", ["sub/e.toml:21:1: ", "check"]),
        (
            "policy = \"lru\"",
            "policy = \"[lru\"",
            ["sub/e.toml:25:10: \"[lru\" is not a glob", "^^^^^^"],
        ),
    ] {
        sandbox.write("sub/e.toml", EXPERIMENT.replace(from, to));
        for command in ["check b.csv", "run -o out"] {
            let done = sandbox.run(&format!("{command} -f sub/e.toml"));
            done.code(2).err(&pieces);
        }
    }
}

/// What keeps a check from a verdict is told in every form, so that no file of an earlier check passes
/// for one of this.
#[test]
fn a_check_without_a_verdict_is_an_error_in_every_form() {
    const FORMS: &str = "--junit j.xml --json j.json --summary-md s.md --annotations github";
    let sandbox = with_baseline();
    sandbox.run(&format!("check b.csv t.txt {FORMS}")).code(0);
    for (what, code, name, piece) in [
        (
            "none.csv t.txt",
            7,
            "no-baseline",
            "none.csv: no baseline: ",
        ),
        (
            "b.csv t.txt --swap 1MiB",
            7,
            "no-baseline",
            "swap_limit is unset in the baseline, 256 in this run",
        ),
        ("b.csv gone.txt", 1, "failure", "an input or output error"),
        ("b.csv t.txt --only x*", 4, "nothing", "matches no cell"),
        (
            "b.csv t.txt --limits none.toml",
            1,
            "failure",
            "none.toml: cannot read",
        ),
    ] {
        let done = sandbox.run(&format!("check {what} {FORMS}")).code(code);
        assert!(done.err.contains("::error file="), "{}", done.err);
        let xml = sandbox.text("j.xml");
        let tally = "tests=\"1\" failures=\"0\" errors=\"1\"";
        assert!(xml.contains(tally) && xml.contains(piece), "{xml}");
        assert!(xml.contains(&format!("<error type=\"{name}\"")), "{xml}");
        let json: serde_json::Value = serde_json::from_slice(&sandbox.read("j.json")).unwrap();
        assert_eq!(
            (&json["result"], &json["exit_code"]),
            (&name.into(), &code.into())
        );
        assert!(json["error"].as_str().unwrap().contains(piece), "{json}");
        assert_eq!(json["cells_compared"], 0);
        assert!(
            sandbox
                .text("s.md")
                .contains(&format!("**Nothing compared** ({name})"))
        );
    }
    let done = sandbox.run("check none.csv t.txt --json -").code(7);
    assert!(serde_json::from_str::<serde_json::Value>(&done.out).is_ok());
    // Cells that are missing are cases with an error.
    sandbox
        .run("run t.txt -p lru -m 8 --no-charts -o out")
        .code(0);
    sandbox.run(&format!("check b.csv out {FORMS}")).code(5);
    let xml = sandbox.text("j.xml");
    assert_eq!(xml.matches("<error type=\"missing\"").count(), 3, "{xml}");
    let json: serde_json::Value = serde_json::from_slice(&sandbox.read("j.json")).unwrap();
    assert_eq!(json["missing"].as_array().unwrap().len(), 3);
    assert!(sandbox.text("s.md").contains("3 cells without a result:"));
}

#[test]
fn a_proposal_goes_when_nothing_differs() {
    let sandbox = with_baseline();
    let good = sandbox.text("b.csv");
    sandbox.write("b.csv", edited(&good, -1));
    sandbox.run("check b.csv t.txt").code(6);
    // A part that passes says nothing of the rest.
    sandbox.run("check b.csv t.txt --only t/fifo/*").code(0);
    assert!(sandbox.exists("b.csv.new"));
    sandbox.write("b.csv", &good);
    sandbox
        .run("check b.csv t.txt")
        .code(0)
        .err(&["b.csv.new: removed"]);
    assert!(!sandbox.exists("b.csv.new"));
    sandbox.write("b.csv", edited(&good, -1));
    sandbox.run("check b.csv t.txt").code(6);
    sandbox.run("check b.csv t.txt --accept").code(0);
    assert!(!sandbox.exists("b.csv.new"));
}

/// A regression is one whatever else goes wrong; a check that compares nothing does not pass.
#[test]
fn a_regression_is_nothing_else_and_nothing_is_no_pass() {
    let sandbox = with_edited(-100);
    sandbox
        .run("check b.csv t.txt --explain t/lru/8 --junit j.xml")
        .code(6)
        .err(&["no digests of the faults of t, lru, 8 frames"]);
    assert!(
        sandbox
            .text("j.xml")
            .contains("<failure type=\"regression\"")
    );
    #[cfg(target_os = "linux")]
    sandbox
        .shell("\"$PAGEBENCH\" check b.csv t.txt > /dev/full")
        .code(6)
        .err(&["cannot write to standard output"]);

    sandbox
        .run("run t.txt -p lru -m 8 --no-charts -o out")
        .code(0);
    let results = sandbox.text("out/results.csv");
    let header = results.lines().next().unwrap();
    sandbox.write("headed/results.csv", format!("{header}\n"));
    sandbox.write("newer/results.csv", results.replace("\n2,", "\n3,"));
    sandbox.write("empty/results.csv", "");
    sandbox.write("empty.csv", "");
    sandbox
        .shell("cp -r out killed && rm killed/results.csv")
        .code(0);
    sandbox
        .shell("mkdir -p folder bare && cp b.csv file")
        .code(0);
    let twice = sandbox.text("b.csv").repeat(2);
    sandbox.write("twice.csv", twice);
    let line = sandbox.text("b.csv").lines().nth(1).unwrap().to_owned();
    sandbox.write("double.csv", sandbox.text("b.csv") + &line + "\n");
    sandbox.write("same/results.csv", &results);
    for (args, code, piece) in [
        (
            "b.csv headed",
            4,
            "headed/results.csv: no result in this table",
        ),
        (
            "b.csv newer",
            1,
            "newer/results.csv:2: schema 3: this program reads schema 2",
        ),
        ("b.csv empty", 1, "empty/results.csv:1: not a results table"),
        ("b.csv empty.csv", 3, "empty.csv"),
        (
            "b.csv killed",
            5,
            "killed: the run in this folder has not ended",
        ),
        ("b.csv bare", 4, "bare: no trace in this folder"),
        (
            "b.csv out same",
            1,
            "two results for one cell, t, lru, 8 frames",
        ),
        ("b.csv out t.txt", 2, "give one or the other"),
        (
            "empty.csv t.txt",
            7,
            "empty.csv:1: not a baseline of this version",
        ),
        ("folder t.txt", 7, "folder: no baseline: Is a directory"),
        ("b.csv/x t.txt", 7, "b.csv/x: no baseline: "),
        ("twice.csv t.txt", 7, "twice.csv:6: "),
        (
            "double.csv t.txt",
            7,
            "double.csv:6: the same cell as line 2",
        ),
        ("b.csv -f folder", 1, "folder: cannot read"),
        ("b.csv -f empty.csv", 2, "no schema: write schema = 1"),
        ("b.csv -f t.txt", 2, "t.txt:4:3: "),
    ] {
        sandbox
            .run(&format!("check {args}"))
            .code(code)
            .err(&[piece]);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_demo_is_as_it_should_be() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/gate_demo.sh");
    Sandbox::new()
        .shell(&format!("bash {script} 3 20k"))
        .code(0)
        .out(&[
            "killed: ",
            "slice: ",
            "hash: ",
            "gate_demo: every step passed",
        ]);
}
