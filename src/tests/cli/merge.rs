//! Parts of a plan and their joining.

use super::harness::Sandbox;

const SWEEP: &str = "run t.txt -p lru,fifo,opt,ws -m 8,16,64 --tau 50,100 -q";

/// The whole, and three parts of it.
fn with_parts(deal: &str) -> Sandbox {
    let sandbox = Sandbox::with_trace();
    sandbox.run(&format!("{SWEEP} -o whole")).code(0);
    for k in 1..=3 {
        sandbox
            .run(&format!(
                "{SWEEP} --no-charts --partition {deal}:{k}/3 -o p{k}"
            ))
            .code(0);
    }
    sandbox
}

fn assert_whole(sandbox: &Sandbox, folder: &str) {
    assert_eq!(sandbox.files(folder), sandbox.files("whole"));
    let varying = ["manifest.json", "timings.csv", "cells.jsonl"];
    for file in sandbox.files(folder) {
        let [there, here] = ["whole", folder].map(|f| sandbox.read(&format!("{f}/{file}")));
        assert!(varying.contains(&&*file) || there == here, "{file}");
    }
}

#[test]
fn parts_come_to_the_same_bytes_as_the_whole() {
    for deal in ["slice", "hash"] {
        let sandbox = with_parts(deal);
        let rows = |folder: &str| sandbox.rows(&format!("{folder}/results.csv")).len();
        assert_eq!(rows("p1") + rows("p2") + rows("p3"), rows("whole"));
        sandbox
            .run("merge p3 p1 p2 -o out")
            .code(0)
            .no_message()
            .out(&["11 cells of 3 folders, results and charts: out"]);
        assert_whole(&sandbox, "out");
        assert_eq!(sandbox.rows("out/timings.csv").len(), 11);
        // What others have twice does no harm, and a merged folder is a whole one.
        sandbox.run("merge p3 p1 out p1 p2 -o twice").code(0);
        assert_whole(&sandbox, "twice");
        sandbox
            .run("merge p1 p2 p3 -o out")
            .code(2)
            .err(&["out: holds results already"]);
        sandbox.run("merge p1 p2 p3 --force -o out").code(0);
        sandbox
            .run(&format!("{SWEEP} --resume -o out").replace(" -q", ""))
            .code(0)
            .err(&["going on: 11 of 11"]);
        assert_whole(&sandbox, "out");
    }
}

#[test]
fn holes_are_named_in_a_form_to_run_again() {
    let sandbox = Sandbox::with_trace();
    for k in [2, 4] {
        sandbox
            .run(&format!(
                "{SWEEP} --no-charts --partition slice:{k}/6 -o p{k}"
            ))
            .code(0);
    }
    let done = sandbox.run("merge p2 p4 -o out").code(5).err(&[
        "missing: 7 of 11 cells\n  t, fifo, 8 frames\n",
        "\n  and 2 more",
        "run parts 1,3,5-6 again",
    ]);
    assert_eq!(done.out, "1,3,5-6\n");
    assert!(!sandbox.exists("out"));
    // Without parts it is runs that have to go on.
    sandbox
        .run(&format!("{SWEEP} --no-charts -o whole"))
        .code(0);
    let text = sandbox.text("whole/cells.jsonl");
    let (_, rest) = text.split_once('\n').unwrap();
    sandbox.write("whole/cells.jsonl", rest);
    let done = sandbox
        .run("merge whole -o out")
        .code(5)
        .err(&["missing: 1 of 11 cells", "--resume"]);
    assert_eq!(done.out, "");
}

#[test]
fn a_part_without_cells_has_no_folder() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run(&format!("{SWEEP} --partition slice:12/12 -o p12"))
        .code(4)
        .err(&["slice:12/12 has none of the 11 cells"]);
    assert!(!sandbox.exists("p12"));
}

#[test]
fn contradictions_are_refused() {
    let sandbox = with_parts("slice");
    sandbox
        .run("run t.txt -p lru -m 8 --no-charts -o foreign")
        .code(0);
    sandbox
        .run("merge p1 foreign p2 p3 -o out")
        .code(2)
        .err(&["foreign: holds results of another plan", "frames: "]);
    sandbox
        .run("merge p1 nowhere -o out")
        .code(1)
        .err(&["nowhere: no folder of results"]);
    sandbox
        .run("merge p1 p2 p3 -o p2 --force")
        .code(2)
        .err(&["p2: is one of the parts"]);
    sandbox.write("torn/plan.json", "{\"schema\": 2,\n");
    sandbox
        .run("merge torn -o out")
        .code(1)
        .err(&["torn/plan.json:", "not a plan"]);

    // The same cell with other counts, as a broken machine may give it.
    sandbox.shell("cp -r p1 q1").code(0);
    let text = sandbox.text("q1/cells.jsonl");
    let (line, rest) = text.split_once('\n').unwrap();
    let (_, record) = line.split_once("\"record\":").unwrap();
    let record = record.strip_suffix('}').unwrap();
    let forged = record.replacen("\"fault_interval\"", "\"fault_intervals\"", 1);
    assert_ne!(record, forged);
    let sum = xxhash_rust::xxh3::xxh3_64(forged.as_bytes());
    let forged = format!("{{\"sum\":\"{sum:016x}\",\"record\":{forged}}}\n{rest}");
    sandbox.write("q1/cells.jsonl", forged);
    sandbox
        .run("merge p1 q1 p2 p3 -o out")
        .code(1)
        .err(&["p1 and q1 have different counts of one cell: t, "]);
    assert!(!sandbox.exists("out"));
}

#[test]
fn a_part_that_failed_is_mended_by_another() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "p.txt",
        "# pagebench trace 1\nR 1000\nswitch 1\nR 1000\nR 2000\n",
    );
    let run = "run p.txt -p lru -m 1,2 --allocation equal --no-charts -q";
    sandbox.run(&format!("{run} -o whole")).code(1);
    for k in [1, 2] {
        sandbox
            .run(&format!("{run} --partition slice:{k}/2 -o p{k}"))
            .code(if k == 1 { 1 } else { 0 });
    }
    sandbox
        .run("merge p1 p2 -o out --no-charts")
        .code(1)
        .err(&["error: 1 cell failed"]);
    assert!(sandbox.read("out/results.csv") == sandbox.read("whole/results.csv"));
}

/// Windows are joined where all parts have them, of one length.
#[test]
fn windows_are_joined_too() {
    let sandbox = Sandbox::with_trace();
    let run = |more: &str| sandbox.run(&format!("{SWEEP} {more}")).code(0);
    run("--windows -o whole");
    for k in 1..=3 {
        run(&format!(
            "--windows --no-charts --partition hash:{k}/3 -o p{k}"
        ));
    }
    sandbox.run("merge p3 p1 p2 -o out").code(0).no_message();
    assert_whole(&sandbox, "out");
    assert!(sandbox.exists("out/windows.csv") && sandbox.exists("out/t-phases.png"));

    sandbox
        .shell("cp -r p2 without && rm without/windows.csv")
        .code(0);
    sandbox
        .run("merge p1 without p3 -o none --no-charts")
        .code(0)
        .err(&["note: without: has no windows.csv, but other folders have"]);
    assert!(!sandbox.exists("none/windows.csv"));
    // A part that lacks it gets it without a replay of its cells.
    let done = sandbox.run(
        &format!("{SWEEP} --windows --no-charts --partition hash:2/3 -o without --resume")
            .replace(" -q", ""),
    );
    done.code(0).err(&["cells are finished already"]);
    assert!(sandbox.read("without/windows.csv") == sandbox.read("p2/windows.csv"));

    sandbox.shell("cp -r p2 other").code(0);
    run("--windows=500 --no-charts --partition hash:2/3 -o other --resume");
    sandbox
        .run("merge p1 other p3 -o none --no-charts --force")
        .code(0)
        .err(&["note: other: its windows have another length"]);
    assert!(!sandbox.exists("none/windows.csv"));
    sandbox.write("other/windows.csv", "");
    sandbox
        .run("merge p1 other p3 -o broken")
        .code(1)
        .err(&["other/windows.csv:1: not a table of windows"]);
    assert!(!sandbox.exists("broken"));
    let text = sandbox.text("p2/windows.csv");
    let line = text.lines().last().unwrap();
    let (rest, resident) = line.rsplit_once(',').unwrap();
    let more = resident.parse::<u64>().unwrap() + 1;
    sandbox.write(
        "other/windows.csv",
        text.replace(line, &format!("{rest},{more}")),
    );
    sandbox
        .run("merge p1 p2 other p3 -o broken")
        .code(1)
        .err(&["other/windows.csv: other windows of one cell"]);
}

#[test]
fn what_is_no_folder_of_results_is_told() {
    let sandbox = with_parts("slice");
    sandbox.write("empty/plan.json", "");
    sandbox.write("folder/plan.json/x", "");
    sandbox.write("file", "");
    sandbox
        .shell("cp -r p2 lost && : > lost/cells.jsonl")
        .code(0);
    let cells = sandbox
        .text("p2/cells.jsonl")
        .replacen("record", "rekord", 1);
    sandbox.write("garbled/cells.jsonl", cells + "\0\0\n");
    sandbox.write("garbled/plan.json", sandbox.read("p2/plan.json"));
    let plan = sandbox.text("p2/plan.json");
    sandbox.write("newer/plan.json", plan.replacen(": 2", ": 3", 1));
    for (args, code, piece) in [
        ("p1 file -o out", 1, "file"),
        ("p1 empty -o out", 1, "empty/plan.json"),
        ("p1 folder -o out", 1, "folder/plan.json"),
        (
            "p1 p2 p3 -o file",
            1,
            "file: cannot write to the output folder",
        ),
        ("p1 lost p3 -o out", 5, "run part 2 again"),
        (
            "p1 garbled p3 -o out",
            5,
            "garbled/cells.jsonl: 2 lines cut short or garbled",
        ),
        (
            "p1 newer p3 -o out",
            1,
            "newer/plan.json: schema 3: this program reads schema 2",
        ),
    ] {
        sandbox
            .run(&format!("merge {args}"))
            .code(code)
            .err(&[piece]);
        assert!(!sandbox.exists("out"), "{args}");
    }
}
