//! What may be written over and what `--force` removes: the files of the earlier run, once the new one
//! can begin, and nobody else's.

use super::harness::Sandbox;

const RUN: &str = "run t.txt -p lru -m 8 --no-charts -q -o out";

fn with_results() -> Sandbox {
    let sandbox = Sandbox::with_trace();
    sandbox.run(RUN).code(0);
    sandbox
}

#[test]
fn results_stay_until_a_new_run_can_begin() {
    let sandbox = with_results();
    sandbox.run("curve t.txt -p lru -q -o c").code(0);
    sandbox.run("vm t.txt -q -o v").code(0);
    sandbox.write("bad.txt", "R zz 1\n");
    let before = ["out", "c", "v"].map(|folder| sandbox.files(folder));
    let results = sandbox.read("out/results.csv");
    for (args, code) in [
        ("nosuch -p lru -m 8", 1),
        ("bad.txt -p lru -m 8 --format plain", 3),
        ("t.txt -p lru -m 2^40", 2),
        ("t.txt -p lru -m 8 --skip 10k", 4),
        ("t.txt -p lur -m 8", 2),
        ("t.txt -p lru -m 8 --windows=0", 2),
        ("t.txt -p lru -m 8 --partition hash:7/40000", 4),
    ] {
        sandbox
            .run(&format!("run {args} --force -o out"))
            .code(code);
        assert_eq!(sandbox.files("out"), before[0], "{args}");
    }
    assert!(sandbox.read("out/results.csv") == results);
    sandbox.run("curve nosuch -p lru --force -o c").code(1);
    sandbox
        .run("curve t.txt -p lru -m 2^40 --force -o c")
        .code(2);
    sandbox.run("vm nosuch --force -o v").code(1);
    sandbox.run("vm t.txt -p lru -m 2^40 --force -o v").code(2);
    sandbox.run("merge nosuch --force -o out").code(1);
    assert_eq!(
        ["out", "c", "v"].map(|folder| sandbox.files(folder)),
        before
    );
}

/// One by one each file that a run writes, in a folder that is somebody's.
#[test]
fn nothing_is_written_over_without_force() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run("run t.txt -p lru,linux -m 8 --windows=1k --svg -q -o all")
        .code(0);
    let files = sandbox.files("all");
    assert!(files.len() > 18, "{files:?}");
    for file in &files {
        let foreign = format!("mine/{file}");
        sandbox.write(&foreign, "mine");
        for how in ["", "--resume"] {
            sandbox
                .run(&format!(
                    "run t.txt -p lru,linux -m 8 --windows=1k --svg -q -o mine {how}"
                ))
                .code(if how == "--resume" && file == "plan.json" {
                    1
                } else {
                    2
                })
                .err(&["mine"]);
            assert_eq!(sandbox.files("mine"), std::slice::from_ref(file), "{how}");
            assert_eq!(sandbox.read(&foreign), b"mine");
        }
        sandbox
            .run("merge all --svg -o mine")
            .code(2)
            .err(&["mine: holds"]);
        assert_eq!(sandbox.read(&foreign), b"mine");
        std::fs::remove_file(sandbox.path(&foreign)).unwrap();
    }
    for (command, file) in [
        ("curve t.txt -p lru", "curve.csv"),
        ("curve t.txt -p lru", "t-curve.png"),
        ("vm t.txt", "states.csv"),
        ("vm t.txt", "states.png"),
    ] {
        let foreign = format!("mine/{file}");
        sandbox.write(&foreign, "mine");
        sandbox
            .run(&format!("{command} -q -o mine"))
            .code(2)
            .err(&[&format!("mine: holds {file} already"), "--force"]);
        assert_eq!(sandbox.files("mine"), [file]);
        std::fs::remove_file(sandbox.path(&foreign)).unwrap();
    }
    // What a run does not write is no hindrance.
    sandbox.write("mine/notes.png", "mine");
    sandbox.write("mine/t-lifetime.png", "mine");
    sandbox
        .run("run t.txt -p lru -m 8 --no-charts -q -o mine")
        .code(0);
}

#[test]
fn force_removes_what_the_earlier_run_wrote_and_nothing_else() {
    let sandbox = Sandbox::with_trace();
    sandbox.write("u.txt", sandbox.read("t.txt"));
    let both = "run t.txt u.txt -p lru,linux -m 8 --windows=1k --svg -q -o out";
    sandbox.run(both).code(0);
    sandbox.run("curve t.txt -p lru -q -o out").code(0);
    let foreign = [
        "holiday-hit-rate.png",
        "half-lifetime.png",
        "half-lifetime.csv",
        "vacation-phases.png",
        "overview-12.png",
        "t-curve.png",
        "curve.csv",
    ];
    for name in &foreign[..5] {
        sandbox.write(&format!("out/{name}"), "mine");
    }
    sandbox
        .run("run u.txt -p lru -m 8 --counts faults --no-charts -q --force -o out")
        .code(0);
    let mut expected: Vec<&str> = foreign.to_vec();
    expected.extend([
        "results.csv",
        "timings.csv",
        "manifest.json",
        "plan.json",
        "cells.jsonl",
    ]);
    expected.sort_unstable();
    assert_eq!(sandbox.files("out"), expected);
    assert_eq!(sandbox.text("out/cells.jsonl").lines().count(), 1);
    // Nor are tables removed that no run wrote.
    sandbox.write("mine/vmstat.csv", "mine");
    sandbox.write("mine/t-hit-rate.svg", "mine");
    sandbox
        .run("run t.txt -p lru -m 8 --no-charts -q --force -o mine")
        .code(0);
    assert_eq!(sandbox.read("mine/vmstat.csv"), b"mine");
    assert_eq!(sandbox.read("mine/t-hit-rate.svg"), b"mine");

    sandbox.run("curve t.txt u.txt -p lru -q -o c").code(0);
    sandbox.write("c/mine-curve.png", "mine");
    sandbox.run("curve u.txt -p lru -q --force -o c").code(0);
    assert_eq!(
        sandbox.files("c"),
        ["curve.csv", "mine-curve.png", "u-curve.png"]
    );
}

#[test]
fn a_folder_of_results_is_no_standard_output() {
    let sandbox = with_results();
    for command in [
        "run t.txt -p lru -m 8",
        "curve t.txt -p lru",
        "vm t.txt",
        "merge out",
        "interleave t.txt t.txt",
    ] {
        sandbox
            .run(&format!("{command} -o -"))
            .code(2)
            .err(&["error: -o -: "]);
    }
    assert!(!sandbox.exists("-"));
}

/// A link stays one, whether or not there is a file behind it.
#[cfg(unix)]
#[test]
fn a_link_that_leads_nowhere_stays() {
    let sandbox = Sandbox::with_trace();
    sandbox.shell("mkdir d && ln -s d/out.pbt link.pbt").code(0);
    sandbox.run("convert t.txt -q -o link.pbt").code(0);
    assert!(sandbox.path("link.pbt").is_symlink());
    sandbox.run("stat d/out.pbt").code(0);
}
