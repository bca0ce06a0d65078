//! Runs that were killed or interrupted, and go on.
#![cfg(unix)]

use super::harness::{Done, Sandbox, signal};
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// 138 cells of some milliseconds.
const SWEEP: &str = "t.pbt -p lru,fifo,clock -m 100..1000:+20 --tlb none";

const COMPARED: [&str; 5] = [
    "results.csv",
    "distributions.csv",
    "plan.json",
    "t-fault-rate.png",
    "t-lifetime.png",
];

fn with_sweep() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox
        .run("gen uniform --pages 5000 --refs 200k -o t.pbt")
        .code(0);
    sandbox
}

fn lines(sandbox: &Sandbox) -> usize {
    let text = std::fs::read(sandbox.path("out/cells.jsonl")).unwrap_or_default();
    text.iter().filter(|&&byte| byte == b'\n').count()
}

/// Waits until so many cells are finished.
fn wait_for(sandbox: &Sandbox, child: &mut Child, cells: usize) {
    let start = Instant::now();
    while lines(sandbox) < cells {
        assert!(start.elapsed() < Duration::from_secs(120), "no progress");
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        sleep(Duration::from_millis(1));
    }
}

fn assert_same(sandbox: &Sandbox, expected: &str) {
    for file in COMPARED {
        assert!(
            sandbox.read(&format!("out/{file}")) == sandbox.read(&format!("{expected}/{file}")),
            "{file}"
        );
    }
}

#[test]
fn a_killed_run_goes_on_and_ends_with_the_same_bytes() {
    let sandbox = with_sweep();
    sandbox.run(&format!("run {SWEEP} -o whole")).code(0);
    for (round, cells) in [1, 20, 60].into_iter().enumerate() {
        let mut child = sandbox.spawn(&format!("run {SWEEP} -j1 --resume -o out"));
        wait_for(&sandbox, &mut child, cells);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!sandbox.exists("out/results.csv"));
        // The last line may have been cut anywhere, and files may have been under way.
        let mut bytes = sandbox.read("out/cells.jsonl");
        bytes.truncate(bytes.len() - [1, 40, 700][round]);
        sandbox.write("out/cells.jsonl", bytes);
        sandbox.write("out/.pagebench-1.tmp", "half");
    }
    sandbox.run(&format!("run {SWEEP} -o out")).code(2).err(&[
        "out: holds an unfinished run, ",
        " of 138 cells; go on with --resume",
    ]);
    sandbox
        .run(&format!("run {SWEEP} --resume -o out"))
        .code(0)
        .err(&["going on: ", "cut short or garbled, passed over"]);
    assert_same(&sandbox, "whole");
    assert_eq!(sandbox.files("out"), sandbox.files("whole"));
    // Once more, there is nothing left to do.
    sandbox
        .run(&format!("run {SWEEP} --resume -o out"))
        .code(0)
        .err(&["going on: 138 of 138 cells are finished already"]);
    assert_same(&sandbox, "whole");
}

#[test]
fn an_interrupted_run_says_how_to_go_on() {
    let sandbox = with_sweep();
    let mut child = sandbox.spawn(&format!("run {SWEEP} -j1 -o out"));
    wait_for(&sandbox, &mut child, 3);
    signal(&child, "INT");
    Done::new("SIGINT".into(), child.wait_with_output().unwrap())
        .code(130)
        .err(&["cells are finished and kept; the same command with -o out --resume goes on"]);
    let kept = sandbox.rows("out/results.csv").len();
    assert!((3..138).contains(&kept), "{kept}");
    sandbox.run(&format!("run {SWEEP} --resume -o out")).code(0);
    sandbox.run(&format!("run {SWEEP} -o whole")).code(0);
    assert_same(&sandbox, "whole");
}

#[test]
fn one_run_at_a_time_writes_into_a_folder() {
    let sandbox = with_sweep();
    let mut child = sandbox.spawn(&format!("run {SWEEP} -j1 --no-charts -o out"));
    wait_for(&sandbox, &mut child, 1);
    for how in ["--resume", "--force"] {
        sandbox
            .run(&format!("run {SWEEP} {how} -o out"))
            .code(1)
            .err(&[&format!(
                "another run is writing into this folder, process {}",
                child.id()
            )]);
    }
    Done::new("first".into(), child.wait_with_output().unwrap()).code(0);
    assert_eq!(sandbox.rows("out/results.csv").len(), 138);
}

#[test]
fn another_plan_is_refused_and_says_what_differs() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run("run t.txt -p lru -m 8 --no-charts -o out")
        .code(0);
    let results = sandbox.read("out/results.csv");
    sandbox
        .run("gen loop --pages 9 --refs 99 -o other/t.pbt")
        .code(1);
    for (args, why) in [
        ("t.txt -p lru -m 9", "frames: \"8\" there, \"9\" here"),
        (
            "t.txt -p lru -m 8 --cost read=1us",
            "cost: not given there, \"read=1us\" here",
        ),
        (
            "t.txt -p lru -m 8 --limit 9",
            "limit: not given there, \"9\" here",
        ),
        (
            "t.txt -p lru -m 8 --limit 9",
            "limit: not given there, \"9\" here",
        ),
        (
            "t.txt -p lru -m 8 --partition hash:1/1",
            "partition: all of it there, hash:1/1 here",
        ),
    ] {
        sandbox
            .run(&format!("run {args} --no-charts --resume -o out"))
            .code(2)
            .err(&["out: holds results of another plan", why]);
    }
    sandbox.write("t.txt", sandbox.text("t.txt") + "R 1000\n");
    sandbox
        .run("run t.txt -p lru -m 8 --no-charts --resume -o out")
        .code(2)
        .err(&["trace t, pages of 4096: "]);
    assert!(sandbox.read("out/results.csv") == results);
    sandbox
        .run("run t.txt -p lru -m 9 --no-charts --force -o out")
        .code(0);
    assert_eq!(sandbox.column("out/results.csv", "frames"), ["9"]);
    assert_eq!(sandbox.text("out/cells.jsonl").lines().count(), 1);
    sandbox
        .run("run t.txt -p lru -m 8 --resume")
        .code(2)
        .err(&["--output"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_run() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .shell("mkdir out && ln -s /dev/full out/cells.jsonl")
        .code(0);
    sandbox
        .run("run t.txt -p lru -m 8,9 --no-charts --resume -o out")
        .code(1)
        .err(&["out/cells.jsonl: cannot write: "]);
    assert!(!sandbox.exists("out/results.csv"));
}

/// A cell that failed is replayed again, and fails again.
#[test]
fn failures_are_not_taken_over() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "p.txt",
        "# pagebench trace 1\nR 1000\nswitch 1\nR 1000\nR 2000\n",
    );
    let run = "run p.txt -p lru -m 1,2 --allocation equal --no-charts -o out";
    sandbox.run(run).code(1);
    assert_eq!(sandbox.column("out/results.csv", "status"), ["error", "ok"]);
    sandbox
        .run(&format!("{run} --resume"))
        .code(1)
        .err(&["going on: 1 of 2 cells", "2 processes: each needs one"]);
    assert_eq!(sandbox.column("out/results.csv", "status"), ["error", "ok"]);
}

/// A folder whose finished cells cannot be kept, since its device is full.
#[cfg(target_os = "linux")]
#[test]
fn a_failed_write_is_no_interrupt() {
    let sandbox = Sandbox::with_trace();
    std::fs::create_dir(sandbox.path("out")).unwrap();
    std::os::unix::fs::symlink("/dev/full", sandbox.path("out/cells.jsonl")).unwrap();
    let done = sandbox
        .run("run t.txt -p lru,fifo -m 4..64 -j1 --resume -o out")
        .code(1)
        .err(&["error: out/cells.jsonl: cannot write: ", " 1 of 10 cells"]);
    assert!(!done.err.contains("interrupt"), "{}", done.err);
}
