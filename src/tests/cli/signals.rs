//! Ctrl-C and its like.
#![cfg(unix)]

use super::harness::{Done, Sandbox, signal};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

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
    for (name, code) in [("HUP", 129), ("INT", 130), ("TERM", 143)] {
        let args =
            "run t.pbt -p lru,fifo,clock -m 100..10000:+10 --tlb none --no-charts -j2 -o out";
        let done = stopped(&sandbox, args, name, || {
            sandbox.exists("out/cells.jsonl") && !sandbox.read("out/cells.jsonl").is_empty()
        });
        done.code(code)
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
        sandbox.shell("rm -r out").code(0);
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
    assert!(!sandbox.exists("out"), "the folder was made for nothing");
    drop(stdin);
}

/// Waits until `there` says so.
fn wait_until(what: &str, there: impl Fn() -> bool) {
    let begun = Instant::now();
    while !there() {
        assert!(begun.elapsed() < Duration::from_secs(120), "no {what}");
        sleep(Duration::from_millis(1));
    }
}

fn hidden(sandbox: &Sandbox, folder: &str) -> Vec<String> {
    let mut files = match sandbox.exists(folder) {
        true => sandbox.files(folder),
        false => Vec::new(),
    };
    files.retain(|name| name.starts_with('.'));
    files
}

/// Starts a command, sends the signal once `there` says so, and waits for the end.
fn stopped(sandbox: &Sandbox, args: &str, name: &str, there: impl Fn() -> bool) -> Done {
    let child = sandbox.spawn(args);
    wait_until(args, there);
    signal(&child, name);
    Done::new(
        format!("{args}: SIG{name}"),
        child.wait_with_output().unwrap(),
    )
}

#[test]
fn a_file_that_is_being_written_goes() {
    let sandbox = Sandbox::new();
    for (name, code, said) in [
        ("HUP", 129, "hung up: nothing was written"),
        ("INT", 130, "interrupted: nothing was written"),
    ] {
        let args = "gen uniform --pages 20000 --refs 2G -o g.pbt";
        let done = stopped(&sandbox, args, name, || !hidden(&sandbox, ".").is_empty());
        done.code(code).err(&[said]);
        assert_eq!(sandbox.files("."), [""; 0]);
    }
}

#[test]
fn a_cache_that_is_being_written_goes() {
    let sandbox = Sandbox::new();
    let text = "# pagebench trace 1\n".to_owned() + &"R 1000\nW 2000\n".repeat(4_000_000);
    sandbox.write("big.txt", text);
    let args = "run big.txt -p lru -m 8 --cache kept -o out";
    let done = stopped(&sandbox, args, "TERM", || {
        !hidden(&sandbox, "kept").is_empty()
    });
    done.code(143).err(&["terminated: nothing was replayed"]);
    assert!(sandbox.files("kept").is_empty());
    assert!(!sandbox.exists("out"));
}

#[test]
fn charts_that_are_being_drawn_are_given_up() {
    let sandbox = Sandbox::with_trace();
    let cells =
        "-p lru,fifo,clock,opt,arc,2q,lfu,mru -m 8,16,32 --page-size 4KiB,8KiB,16KiB --windows";
    let run = format!("run t.txt {cells} --svg -j1 -q -o out");
    let done = stopped(&sandbox, &run, "HUP", || {
        sandbox.exists("out/manifest.json")
    });
    done.code(129)
        .err(&["hung up: all results are in out; pagebench plot out draws the charts"]);
    assert!(hidden(&sandbox, "out").is_empty());
    assert_eq!(sandbox.rows("out/results.csv").len(), 8 * 3 * 3);
    sandbox.run("plot out").code(0);
    let done = stopped(&sandbox, "merge out -o whole", "INT", || {
        sandbox.exists("whole/manifest.json")
    });
    done.code(130)
        .err(&["interrupted: all results are in whole;"]);
    assert!(hidden(&sandbox, "whole").is_empty());
    assert!(sandbox.read("whole/results.csv") == sandbox.read("out/results.csv"));
    let curve = "curve t.txt --page-size 4KiB,8KiB,16KiB,32KiB,64KiB -j1 -q -o curves";
    let done = stopped(&sandbox, curve, "TERM", || {
        sandbox.exists("curves/curve.csv")
    });
    done.code(143)
        .err(&["terminated: all curves are in curves;"]);
    assert!(hidden(&sandbox, "curves").is_empty());
    sandbox.run("plot curves -o drawn").code(0);
}

#[test]
fn nohup_keeps_its_promise() {
    let sandbox = Sandbox::new();
    let mut child =
        sandbox.spawn_shell("trap '' HUP; exec \"$PAGEBENCH\" gen uniform --refs 2G -o g.pbt");
    wait_until("file", || !hidden(&sandbox, ".").is_empty());
    signal(&child, "HUP");
    sleep(Duration::from_millis(300));
    assert!(child.try_wait().unwrap().is_none(), "it goes on");
    signal(&child, "TERM");
    Done::new("gen".into(), child.wait_with_output().unwrap()).code(143);
    assert_eq!(sandbox.files("."), [""; 0]);
}

/// Handlers themselves act where no thread can wait for signals.
#[test]
fn finished_cells_are_kept_without_a_thread_that_waits() {
    let sandbox = Sandbox::new();
    sandbox
        .run("gen uniform --pages 20000 --refs 1M -o t.pbt")
        .code(0);
    let run = "run t.pbt -p lru,fifo,clock -m 100..10000:+10 --tlb none --no-charts -o out";
    // A stack of this size cannot be mapped.
    let script = format!("RUST_MIN_STACK=1125899906842624 exec \"$PAGEBENCH\" {run}");
    let child = sandbox.spawn_shell(&script);
    wait_until("finished cell", || {
        sandbox.exists("out/cells.jsonl") && !sandbox.read("out/cells.jsonl").is_empty()
    });
    signal(&child, "HUP");
    let done = Done::new(script, child.wait_with_output().unwrap()).code(129);
    done.err(&["of 2973 cells are finished and kept"]);
}
