//! A small sweep from end to end.

use super::harness::{Sandbox, redacted, snapshot};
use std::io::Write;
use std::process::{Command, Stdio};

const SWEEP: &str = "-p lru,fifo,clock:load-bit=0,opt,ws -m 8,64 --tau 100";

const FILES: [&str; 14] = [
    "cells.jsonl",
    "distributions.csv",
    "manifest.json",
    "plan.json",
    "results.csv",
    "t-fault-rate.csv",
    "t-fault-rate.png",
    "t-hit-rate.csv",
    "t-hit-rate.png",
    "t-lifetime.csv",
    "t-lifetime.png",
    "t-opt-ratio.csv",
    "t-opt-ratio.png",
    "timings.csv",
];

#[test]
fn a_sweep_from_end_to_end() {
    let sandbox = Sandbox::with_trace();
    let done = sandbox
        .run(&format!("run t.txt {SWEEP} -j2 -o out"))
        .code(0);
    snapshot("sweep.stdout", &done.out);
    snapshot("sweep.stderr", &redacted(&done.err));
    snapshot("sweep.results.csv", &sandbox.text("out/results.csv"));
    assert_eq!(sandbox.files("out"), FILES);
    assert_eq!(sandbox.files("."), ["out", "t.txt"]);
    for file in FILES.iter().filter(|file| file.ends_with(".png")) {
        let bytes = sandbox.read(&format!("out/{file}"));
        assert!(bytes.starts_with(b"\x89PNG\r\n\x1a\n") && bytes.len() > 1000);
        assert!(bytes.ends_with(b"IEND\xaeB`\x82"), "{file} is whole");
    }
    assert_eq!(sandbox.rows("out/timings.csv").len(), 9);
    assert!(
        sandbox.rows("out/timings.csv")[0]["wall_ns"]
            .parse::<u64>()
            .unwrap()
            > 0
    );

    let manifest: serde_json::Value =
        serde_json::from_slice(&sandbox.read("out/manifest.json")).unwrap();
    for key in [
        "schema", "tool", "command", "started", "ended", "host", "threads", "policies", "traces",
    ] {
        assert!(!manifest[key].is_null(), "{key}");
    }
    assert_eq!(manifest["cells"], 9);
    assert_eq!(manifest["cells_finished"], 9);
    assert_eq!(manifest["interrupted"], false);
    assert_eq!(manifest["traces"][0]["references"], 4000);
    assert_eq!(manifest["traces"][0]["skipped_records"], 0);
    assert_eq!(
        manifest["traces"][0]["digest"],
        sandbox.column("out/results.csv", "trace_digest")[0]
    );
}

#[test]
fn threads_change_no_byte() {
    let sandbox = Sandbox::with_trace();
    for threads in ["1", "2", "8"] {
        let done = sandbox.run(&format!(
            "run t.txt {SWEEP} --no-charts -j{threads} -o j{threads}"
        ));
        done.code(0);
        for file in ["results.csv", "distributions.csv"] {
            let bytes = sandbox.read(&format!("j{threads}/{file}"));
            assert!(
                bytes == sandbox.read(&format!("j1/{file}")),
                "{file} -j{threads}"
            );
        }
    }
}

#[test]
fn results_are_not_overwritten_unasked() {
    let sandbox = Sandbox::with_trace();
    let command = "run t.txt -p lru -m 8 --no-charts -o out";
    sandbox.run(command).code(0);
    sandbox.write("out/results.csv", "precious");
    sandbox
        .run(command)
        .code(2)
        .err(&["out: holds results already", "--force"]);
    // What pagebench did not write is not even replaced with --force; results are.
    sandbox
        .run(&format!("{command} --force"))
        .code(2)
        .err(&["out: holds results.csv, which pagebench did not write"]);
    assert_eq!(sandbox.read("out/results.csv"), b"precious");
    sandbox.write("out/results.csv", "schema,trace,of an earlier run\n");
    sandbox.run(&format!("{command} --force")).code(0);
    assert_eq!(sandbox.rows("out/results.csv").len(), 1);
}

#[test]
fn a_run_without_a_folder_makes_its_own() {
    let sandbox = Sandbox::with_trace();
    for _ in 0..2 {
        sandbox
            .run("run t.txt -p lru -m 8 --no-charts")
            .code(0)
            .out(&["reports/runs/2"]);
    }
    assert_eq!(sandbox.files("reports/runs").len(), 2);
}

#[test]
fn plot_draws_the_same_bytes_again() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run(&format!("run t.txt {SWEEP} -q -o out"))
        .code(0)
        .no_message();
    let done = sandbox.run("plot out/results.csv -o again").code(0);
    let drawn = sandbox.files("again");
    assert_eq!(drawn.len(), 8, "four charts, each with its numbers");
    for file in &drawn {
        assert!(done.out.contains(&format!("again/{file}\n")));
        assert!(
            sandbox.read(&format!("again/{file}")) == sandbox.read(&format!("out/{file}")),
            "{file}"
        );
    }
}

#[test]
fn a_trace_is_the_same_from_anywhere() {
    let sandbox = Sandbox::with_trace();
    let run = |trace: &str, out: &str| {
        let line = format!("run {trace} {SWEEP} --no-charts -q -o {out}");
        sandbox.run(&line).code(0).no_message();
        sandbox.text(&format!("{out}/results.csv"))
    };
    let expected = run("t.txt", "text");
    sandbox.run("convert t.txt -o stored/t.pbt").code(1);
    std::fs::create_dir(sandbox.path("stored")).unwrap();
    sandbox
        .run("convert t.txt -o stored/t.pbt")
        .code(0)
        .out(&["4000 references, 295 pages"]);
    assert_eq!(sandbox.files("stored"), ["t.pbt"]);
    assert!(run("stored/t.pbt", "pbt") == expected);

    for (codec, bytes) in compressed(&sandbox.read("t.txt")) {
        sandbox.write(&format!("{codec}/t.txt.{codec}"), bytes);
        assert!(
            run(&format!("{codec}/t.txt.{codec}"), &format!("from-{codec}")) == expected,
            "{codec}"
        );
    }
    // A stored trace may be compressed once more, and its format may be named.
    for (codec, bytes) in compressed(&sandbox.read("stored/t.pbt")) {
        sandbox.write(&format!("{codec}/t.pbt"), bytes);
        assert!(
            run(
                &format!("{codec}/t.pbt --format pbt"),
                &format!("pbt-{codec}")
            ) == expected,
            "{codec}"
        );
    }
}

#[test]
fn standard_input_is_a_trace() {
    let sandbox = Sandbox::with_trace();
    let run = |trace: &str, out: &str, input: &[u8]| {
        let line = format!("run {trace} {SWEEP} --no-charts -q -o {out}");
        sandbox.run_stdin(&line, input).code(0).no_message();
        sandbox.text(&format!("{out}/results.csv"))
    };
    let text = sandbox.read("t.txt");
    let expected = run("t.txt", "text", b"").replace("2,t,", "2,stdin,");
    assert!(run("-", "piped", &text) == expected);
    for (codec, bytes) in compressed(&text) {
        assert!(run("-", codec, &bytes) == expected, "{codec}");
    }
    sandbox
        .shell("\"$PAGEBENCH\" convert - -o - < t.txt > t.pbt")
        .code(0);
    sandbox.run("convert t.txt -o u.pbt --name stdin").code(0);
    assert!(
        sandbox.read("t.pbt") == sandbox.read("u.pbt"),
        "the same file on standard output"
    );
    assert!(run("-", "pbt", &sandbox.read("t.pbt")) == expected);
    assert!(run("- --format PBT", "pbt2", &sandbox.read("t.pbt")) == expected);
}

/// The bytes under every codec for which there is an encoder.
pub fn compressed(bytes: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(bytes).unwrap();
    let mut bz2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    bz2.write_all(bytes).unwrap();
    let mut lz4 = lz4_flex::frame::FrameEncoder::new(Vec::new());
    lz4.write_all(bytes).unwrap();
    let mut all = vec![
        ("gz", gz.finish().unwrap()),
        ("bz2", bz2.finish().unwrap()),
        ("lz4", lz4.finish().unwrap()),
        ("zst", zstd::encode_all(bytes, 3).unwrap()),
    ];
    all.extend(xz(bytes).map(|bytes| ("xz", bytes)));
    all
}

/// By the xz program, where there is one.
fn xz(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut child = Command::new("xz")
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().ok()?;
    writer.join().unwrap().ok()?;
    Some(output.stdout)
}

/// The parts of the modelled time add up to the whole: each counter of the row times its cost in
/// the manifest, which has the device's, the machine's over the usual ones and `--cost` over all.
#[test]
fn the_costs_of_device_and_machine_are_echoed_and_add_up() {
    let sandbox = Sandbox::new();
    sandbox
        .run("gen zipf --pages 3000 --refs 50k --writes 30 -o z.pbt")
        .code(0);
    sandbox
        .run(
            "run z.pbt -p lru -p ws -m 100 --tau 1000 --no-charts -o out \
             --machine virtuoso --device disk --cost fault=3us",
        )
        .code(0);
    let manifest: serde_json::Value =
        serde_json::from_slice(&sandbox.read("out/manifest.json")).unwrap();
    let costs = &manifest["costs"];
    let echoed = |key: &str| costs[key].as_u64().unwrap();
    assert_eq!(echoed("tlb_l2_ns"), 5, "12 cycles at 2.25 GHz");
    assert_eq!(echoed("read_ns"), 8_000_000);
    assert_eq!(echoed("fault_ns"), 3_000, "--cost wins");
    let column = |name| -> Vec<u64> {
        let column = sandbox.column("out/results.csv", name);
        column.iter().map(|value| value.parse().unwrap()).collect()
    };
    let parts = [
        ("refs", "memory_ns"),
        ("tlb_hits_l2", "tlb_l2_ns"),
        ("walk_refs", "walk_ref_ns"),
        ("faults", "fault_ns"),
        ("cow_copies", "copy_ns"),
        ("major_faults", "read_ns"),
        // Without prefetches a fault waits for each dirty victim; expiries are nobody's wait.
        ("evictions_dirty", "write_ns"),
    ];
    for (row, total) in column("time_ns").into_iter().enumerate() {
        let sum: u64 = parts
            .iter()
            .map(|(counter, cost)| column(counter)[row] * echoed(cost))
            .sum();
        assert_eq!(sum, total, "row {row}");
    }
    let by_level = sandbox.column("out/results.csv", "walk_refs_by_level");
    let leaf_and_upper = column("walk_refs_leaf")
        .into_iter()
        .zip(column("walk_refs_upper"));
    for (levels, (leaf, upper)) in by_level.iter().zip(leaf_and_upper) {
        let levels: Vec<u64> = levels.split('/').map(|n| n.parse().unwrap()).collect();
        assert_eq!(levels.len(), 4);
        assert!(
            levels.is_sorted(),
            "caches of upper entries save more of them: {levels:?}"
        );
        assert_eq!((levels[3], levels[..3].iter().sum()), (leaf, upper));
    }
}
