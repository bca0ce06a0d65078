//! Ctrl-C and its like.
#![cfg(unix)]

use super::harness::{Done, Sandbox, signal};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Child;
use std::thread::sleep;
use std::time::Duration;

/// Waits until the program has said that it read its trace, sends the signal, and waits for the
/// end.
fn interrupted(mut child: Child, name: &str) -> Done {
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("references") {
        assert!(err.read_line(&mut said).unwrap() > 0, "{said}");
    }
    sleep(Duration::from_millis(1500));
    signal(&child, name);
    err.read_to_string(&mut said).unwrap();
    let mut output = child.wait_with_output().unwrap();
    output.stderr = said.into_bytes();
    Done::new(format!("SIG{name}"), output)
}

#[test]
fn finished_cells_are_kept() {
    let sandbox = Sandbox::new();
    sandbox
        .run("gen uniform --pages 20000 --refs 1M -o t.pbt")
        .code(0);
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let child = sandbox.spawn("run t.pbt -p lru,fifo,clock -m 100..10000:+10 --tlb none --no-charts -j2 --force -o out");
        interrupted(child, name)
            .code(code)
            .err(&["interrupted: ", "of 2973 cells are finished and kept"]);
        let kept = sandbox.rows("out/results.csv").len();
        assert!((1..2973).contains(&kept), "{kept} cells");
        assert_eq!(
            sandbox.column("out/results.csv", "status"),
            vec!["ok"; kept]
        );
        assert_eq!(sandbox.rows("out/timings.csv").len(), kept);
        let manifest: serde_json::Value =
            serde_json::from_slice(&sandbox.read("out/manifest.json")).unwrap();
        assert_eq!(manifest["interrupted"], true);
        assert_eq!(manifest["cells_finished"], kept);
        let hidden: Vec<_> = sandbox
            .files("out")
            .into_iter()
            .filter(|f| f.starts_with('.'))
            .collect();
        assert!(hidden.is_empty(), "{hidden:?}");
    }
}

#[test]
fn finished_curves_are_kept() {
    let sandbox = Sandbox::new();
    sandbox
        .run("gen uniform --pages 20000 --refs 1M -o t.pbt")
        .code(0);
    // LRU is soon finished; the others have many sizes.
    let child =
        sandbox.spawn("curve t.pbt -p lru,fifo,clock,clock:load-bit=0 -m 100..20000:+3 -j1 -o out");
    interrupted(child, "INT")
        .code(130)
        .err(&["interrupted: ", "finished"]);
}

#[test]
fn check_compares_nothing_half_done() {
    let sandbox = Sandbox::new();
    sandbox
        .run("gen uniform --pages 20000 --refs 1M -o t.pbt")
        .code(0);
    let child = sandbox
        .spawn("check b.csv t.pbt --accept -p lru,fifo,clock -m 100..10000:+10 -j2 --engine plain");
    interrupted(child, "INT")
        .code(130)
        .err(&["error: interrupted: nothing was compared"]);
    assert_eq!(sandbox.files("."), ["t.pbt"]);
}

#[test]
fn an_interrupted_conversion_leaves_nothing() {
    let sandbox = Sandbox::with_trace();
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        // The rest of its standard input never comes.
        let mut child = sandbox.spawn("convert - -o u.pbt");
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&sandbox.read("t.txt")).unwrap();
        stdin.write_all(&b"R 1000\n".repeat(40_000)).unwrap();
        stdin.flush().unwrap();
        while sandbox.files(".").len() < 2 {
            sleep(Duration::from_millis(20));
        }
        signal(&child, name);
        let done = Done::new("convert -".into(), child.wait_with_output().unwrap());
        done.code(code).err(&["nothing was written"]);
        assert_eq!(sandbox.files("."), ["t.txt"]);
        drop(stdin);
    }
}

#[test]
fn a_signal_while_reading_ends_at_once() {
    let sandbox = Sandbox::new();
    let mut child = sandbox.spawn("run - -m 8 -o out");
    let stdin = child.stdin.take().unwrap();
    while !sandbox.exists("out") {
        sleep(Duration::from_millis(20));
    }
    sleep(Duration::from_millis(200));
    signal(&child, "INT");
    Done::new("run -".into(), child.wait_with_output().unwrap()).code(130);
    assert!(sandbox.files("out").is_empty());
    drop(stdin);
}
