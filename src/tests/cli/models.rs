//! Models of memory: the story of the texts with every number, what is refused, what is equal to paging,
//! names, and the commands that show a model by hand.

use crate::harness::Sandbox;
use std::collections::BTreeMap;
use std::path::Path;

type Row = BTreeMap<String, String>;

fn own(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    path.display().to_string()
}

/// The rows of a run, by model.
fn by_model(sandbox: &Sandbox, options: &str) -> BTreeMap<String, Row> {
    let run = format!("run {options} --no-charts --force -o out");
    sandbox.run(&run).code(0);
    let rows = sandbox.rows("out/results.csv");
    rows.into_iter()
        .map(|row| (row["model"].clone(), row))
        .collect()
}

fn fields(row: &Row, columns: &str) -> Vec<String> {
    columns
        .split_whitespace()
        .map(|column| row[column].clone())
        .collect()
}

/// `traces/examples/segments.trace` says why. Paging takes the frames of both holes.
#[test]
fn the_story_under_every_model() {
    let sandbox = Sandbox::new();
    let trace = own("traces/examples/segments.trace");
    let models = "paging,segmentation,segmented-paging,flat,base-limit,physical";
    let rows = by_model(
        &sandbox,
        &format!("{trace} -p lru -m 1GiB --model {models}"),
    );
    assert_eq!(rows.len(), 6);
    for model in ["paging", "segmented-paging", "flat"] {
        let got = fields(&rows[model], "fills faults evictions");
        assert_eq!(got, ["280576", "280576", "0"], "{model}");
    }
    for model in ["segmentation", "base-limit"] {
        let row = &rows[model];
        let got = fields(
            row,
            "faults fills compactions bytes_moved swap_bytes_out unfit fit relief",
        );
        assert_eq!(
            got,
            ["4", "4", "1", "268435456", "0", "1", "first", "compact"],
            "{model}"
        );
        assert_eq!(row["fragmentation_worst"], "0.500000000");
        assert_eq!(
            fields(row, "evictions mean_resident table_refs"),
            ["", "", "0"]
        );
    }
    assert_eq!(
        fields(&rows["physical"], "clobbers foreign_reads policy"),
        ["149504", "2", ""]
    );
    // Three segments at most: 24 bytes. Two references a miss of the TLBs.
    assert_eq!(rows["segmentation"]["table_bytes_peak"], "24");
    let misses: u64 = rows["segmented-paging"]["tlb_misses"].parse().unwrap();
    assert_eq!(
        rows["segmented-paging"]["table_refs"],
        (2 * misses).to_string()
    );
    assert_eq!(rows["paging"]["table_refs"], rows["paging"]["walk_refs"]);
}

/// 256 MiB to a disk and back: 2 x (8 ms + 65,535 x 0.05 ms) = 6.5695 s, and 1 us for the fault.
/// Moved in memory: 65,536 x 400 ns = 26.2 ms. A page from the disk: 8 ms.
#[test]
fn pauses_of_the_story() {
    let sandbox = Sandbox::new();
    let trace = own("traces/examples/segments.trace");
    for (relief, longest) in [("swap", "6569501000"), ("compact", "26215400")] {
        let run =
            format!("{trace} -p lru -m 1GiB --model segmentation --relief {relief} --device disk");
        by_model(&sandbox, &run);
        let lines = sandbox.rows("out/distributions.csv");
        let pause = lines.iter().find(|line| line["metric"] == "pause").unwrap();
        assert_eq!(pause["max"], longest, "{relief}");
        assert_eq!(pause["count"], "4");
    }
    sandbox.write(
        "p.trace",
        "# pagebench trace 1\nmap 1000 8192 rw-\nW 1000\nW 2000\nR 1000\n",
    );
    by_model(&sandbox, "p.trace -p lru -m 1 --model paging --device disk");
    let lines = sandbox.rows("out/distributions.csv");
    let pause = lines.iter().find(|line| line["metric"] == "pause").unwrap();
    assert_eq!(pause["max"], "16001000", "a read and a write, 8 ms each");
    assert_eq!(pause["count"], "3");
}

/// Silberschatz, Operating System Concepts: 100 MB at 50 MB a second take 2 s each way.
#[test]
fn a_process_of_100_mb_takes_two_seconds() {
    let sandbox = Sandbox::new();
    let text = "# pagebench trace 1\nswitch 1\nmap 0 100003840 rw-\ntouch 0 100003840\nswitch 2\n\
                map 0 100003840 rw-\nW 0\nswitch 1\nR 0\n";
    sandbox.write("t.trace", text);
    // What a page costs is left out: 100,003,840 bytes are one page and 99,999,744.
    let cost = "--cost read=0ns,write=0ns,fault=0ns,copy=0ns,bandwidth=50MB/s";
    let run = format!("t.trace -p lru -m 24415 --model base-limit {cost}");
    let row = by_model(&sandbox, &run).remove("base-limit").unwrap();
    assert_eq!(fields(&row, "swap_ins swap_outs"), ["1", "2"]);
    let lines = sandbox.rows("out/distributions.csv");
    let pause = lines.iter().find(|line| line["metric"] == "pause").unwrap();
    // 99,999,744 / 50,000,000 s out, and as long in again.
    assert_eq!(pause["max"], "3999989760");
}

/// Counts of flat are those of paging, and faults of segmented paging, on a recording.
#[test]
fn flat_is_paging() {
    let sandbox = Sandbox::new();
    for trace in ["cc1", "git", "pipeline", "python", "sort", "sqlite", "xz"] {
        let trace = own(&format!("traces/{trace}.pbt"));
        let models = "--model paging,flat,segmented-paging";
        let run =
            format!("run {trace} -p lru,clock,opt -m 64,256 {models} --no-charts --force -o out");
        sandbox.run(&run).code(0);
        let rows = sandbox.rows("out/results.csv");
        let of = |model: &str| -> Vec<Row> {
            let mut rows: Vec<Row> = rows
                .iter()
                .filter(|row| row["model"] == model)
                .cloned()
                .collect();
            for row in &mut rows {
                row.remove("model");
                row.remove("table_bytes_peak");
            }
            rows
        };
        assert_eq!(of("paging").len(), 6);
        assert_eq!(of("paging"), of("flat"));
        let faults = |rows: Vec<Row>| -> Vec<String> {
            rows.iter().map(|row| row["faults"].clone()).collect()
        };
        assert_eq!(faults(of("paging")), faults(of("segmented-paging")));
    }
}

/// Segments of one page each are pages: what the policies of units choose is what they choose of pages,
/// the one that sees the future included.
#[test]
fn segments_of_a_page_are_pages() {
    let sandbox = Sandbox::new();
    let mut lines = String::from("# pagebench trace 1\n");
    for page in 0..40 {
        // Neighbours would be one mapping.
        lines += &format!("map {:x} 4096 rw-\n", (16 + 2 * page) << 12);
    }
    let mut drawn: u64 = 20_261_130;
    for _ in 0..6000 {
        drawn = drawn
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let (page, hot, write) = (drawn >> 33, drawn >> 50 & 3, drawn >> 60 & 1);
        let page = if hot == 0 { page % 40 } else { page % 9 };
        let kind = ["R", "W"][write as usize];
        lines += &format!("{kind} {:x}\n", (16 + 2 * page) << 12);
    }
    sandbox.write("p.trace", lines);
    sandbox
        .run("run p.trace -p lru,fifo,clock,opt -m 3,7,20,39 --model paging,segmentation --relief evict --no-charts -o out")
        .code(0);
    let rows = sandbox.rows("out/results.csv");
    let of = |model: &str, columns: &str| -> Vec<Vec<String>> {
        let rows = rows.iter().filter(|row| row["model"] == model);
        rows.map(|row| fields(row, columns)).collect()
    };
    let paging = of("paging", "policy frames fills refills evictions");
    assert_eq!(paging.len(), 16);
    let segments = of("segmentation", "policy frames fills refills swap_outs");
    assert_eq!(paging, segments);
}

/// Without --model nothing is new but empty columns, and a table without them is still read.
#[test]
fn models_are_named_and_compared() {
    let sandbox = Sandbox::new();
    let trace = own("traces/examples/fork.trace");
    sandbox
        .run(&format!("run {trace} -p lru -m 2 --no-charts -o a"))
        .code(0);
    let row = &sandbox.rows("a/results.csv")[0];
    let empty = fields(
        row,
        "model segments fit swap_unit relief idle swap_ins fragmentation clobbers",
    );
    assert!(empty.iter().all(String::is_empty), "{empty:?}");
    let options = "--model segmentation --segments classic --fit best --relief evict --idle 100";
    let row = by_model(&sandbox, &format!("{trace} -p lru -m 64 {options}"));
    let row = &row["segmentation"];
    let named = fields(row, "segments fit swap_unit relief idle status");
    assert_eq!(named, ["classic", "best", "process", "evict", "100", "ok"]);
    assert!(!row["mean_idle_bytes"].is_empty());
    sandbox.write("e.toml", "schema = 1\nmodel = [\"paging\", \"segmentation\"]\nfit = \"worst\"\nframes = [16]\npolicy = [\"lru\"]\n");
    let shown = sandbox
        .run(&format!("run -f e.toml {trace} --show-config"))
        .code(0)
        .out;
    assert!(shown.contains("fit = \"worst\""), "{shown}");
    sandbox
        .run(&format!("run -f e.toml {trace} --no-charts -o e"))
        .code(0);
    assert_eq!(
        sandbox.column("e/results.csv", "model"),
        ["paging", "segmentation"]
    );
}

#[test]
fn what_does_not_fit_is_told() {
    let sandbox = Sandbox::new();
    let text = "# pagebench trace 1\nmap 400000 8192 rw-\nmap 7fff00000000 8192 rw-\nW 400000\n\
                W 7fff00000000\n";
    sandbox.write("t.trace", text);
    let rows = by_model(
        &sandbox,
        "t.trace -p lru -m 8 --model segmentation,base-limit,physical",
    );
    assert_eq!(fields(&rows["segmentation"], "status refs"), ["ok", "2"]);
    let row = &rows["base-limit"];
    assert_eq!(fields(row, "status refs"), ["does-not-fit", "0"]);
    assert!(
        row["error"].contains("--model segmentation"),
        "{}",
        row["error"]
    );
    let row = &rows["physical"];
    assert_eq!(row["status"], "does-not-fit");
    assert!(row["error"].contains("0x400000"), "{}", row["error"]);
    // `auto` ends where all segments alive at once fit: 4 pages.
    sandbox
        .run("run t.trace -p lru --model segmentation --no-charts --force -o out")
        .code(0);
    let frames = sandbox.column("out/results.csv", "frames");
    assert_eq!(frames.last().map(String::as_str), Some("4"));
}

#[test]
fn what_makes_no_sense_is_refused_before_work() {
    let sandbox = Sandbox::new();
    let trace = own("traces/examples/fork.trace");
    sandbox.write("bare.trace", "# pagebench trace 1\nW 1000\n");
    for (options, why) in [
        (
            format!("{trace} --fit best"),
            "--fit needs --model segmentation",
        ),
        (
            format!("{trace} --model paging --relief swap"),
            "--relief needs --model",
        ),
        (
            format!("{trace} --model base-limit --segments classic"),
            "--segments needs",
        ),
        (
            format!("{trace} -p ws --model segmentation"),
            "lru, fifo, clock, random, opt",
        ),
        (
            format!("{trace} -p lru --model segmentation --page-size 64KiB"),
            "at most 4 KiB",
        ),
        (
            format!("{trace} -p lru --model segmentation --allocation equal"),
            "--allocation",
        ),
        (
            format!("{trace} -p lru --model base-limit --accessed-bit walk"),
            "--accessed-bit",
        ),
        (
            format!("{trace} -p lru --model physical --file-io count"),
            "--file-io count",
        ),
        (
            format!("{trace} -p lru --model segmentation --idle 0"),
            "--idle 0",
        ),
        (
            "bare.trace -p lru --model segmentation".into(),
            "--mappings infer",
        ),
        (
            format!("{trace} --model segmentations"),
            "did you mean \"segmentation\"",
        ),
    ] {
        let done = sandbox.run(&format!("run {options} -m 4 --no-charts -o none"));
        let err = done.code(2).err;
        assert!(err.contains(why), "{options}: {err}");
        assert!(!sandbox.exists("none/results.csv"), "{options}");
    }
    sandbox.run("run bare.trace -p lru -m 4 --model segmentation --mappings infer --no-charts -o inferred").code(0);
}

#[test]
fn addresses_by_hand() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "s.state",
        "segment 0 base=1400 limit=1000\nsegment 2 base=4300 limit=400 rw-\n",
    );
    let of = |address: &str| {
        let run = format!("translate --model segmentation --state s.state {address}");
        sandbox.run(&run).code(0).out
    };
    assert!(of("2:53").contains("physical address 4300 + 53 = 4353"));
    assert!(of("0:1222").contains("segmentation fault"));
    assert!(of("0:999").contains("= 2399") && of("0:1000").contains("segmentation fault"));
    let flat = sandbox
        .run("translate --model flat --layout two-level 0x23:0x8048123")
        .code(0)
        .out;
    for part in ["index 4", "linear address 0x8048123", "PDE    index 0x20"] {
        assert!(flat.contains(part), "{flat}");
    }
    sandbox.write("p.state", "page 256\nsegment 2 limit=600 r--\npte 2:0 7\n");
    let paged = sandbox
        .run("translate --model segmented-paging --state p.state 2:53 2:300")
        .code(0)
        .out;
    assert!(paged.contains("frame 7, physical address 1845") && paged.contains("page fault"));
    sandbox.write("wrong.state", "segment 0 base=1 limit=0\n");
    for (run, why) in [
        (
            "--model segmentation --state s.state 5:1",
            "there is no segment 5",
        ),
        ("--model segmentation --state s.state 53", "SEGMENT:OFFSET"),
        (
            "--model segmentation --state wrong.state 0:0",
            "wrong.state:1: segment 0: limit=0",
        ),
        ("--model segmentation 0:0", "needs --state"),
    ] {
        let err = sandbox.run(&format!("translate {run}")).code(2).err;
        assert!(err.contains(why), "{run}: {err}");
    }
}

#[test]
fn stories_and_tables() {
    let sandbox = Sandbox::new();
    let two = own("traces/examples/two-pages.trace");
    let run = format!("explain {two} -m 8KiB --model segmentation --relief evict");
    let told = sandbox.run(&run).code(0).out;
    let wanted = "\
reference 3: process 1 R 0x10000: fault, it had left
  out: 4KiB of process 1 at 0x20000
  in: 4KiB of process 1 at 0x10000, to 4096
  4KiB read from swap
  memory: 2: 4KiB | 1: 4KiB
";
    assert!(told.contains(wanted), "{told}");
    let shown = sandbox.run(&format!(
        "vm {two} -m 8KiB --model segmentation --relief evict --at end"
    ));
    let shown = shown.code(0).out;
    for part in [
        "0  0x10000  4096   4096  rw-   in memory",
        "in its file",
        "0 holes",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let run = format!("vm {two} -m 8KiB --model base-limit -o map --over-time 5");
    sandbox.run(&run).code(0);
    assert_eq!(sandbox.files("map"), ["memory.csv", "memory.png"]);
}

#[test]
fn a_touch_is_its_writes() {
    let sandbox = Sandbox::new();
    let long = 3 * (1 << 20) + 5;
    sandbox.write(
        "a.trace",
        format!("# pagebench trace 1\ntouch 1000 {long}\nR 5000 8\n"),
    );
    let mut lines = String::from("# pagebench trace 1\n");
    for (start, length) in [
        (0x1000, 1 << 20),
        (0x10_1000, 1 << 20),
        (0x20_1000, 1 << 20),
        (0x30_1000, 5),
    ] {
        lines += &format!("W {start:x} {length}\n");
    }
    sandbox.write("b.trace", lines + "R 5000 8\n");
    let digest = |name: &str| {
        sandbox
            .run(&format!(
                "run {name} -p lru -m 4 --no-charts --force -o out"
            ))
            .code(0);
        sandbox.column("out/results.csv", "trace_digest")
    };
    assert_eq!(digest("a.trace"), digest("b.trace"));
    for (line, why) in [
        ("touch 1000", "length of at least 1"),
        ("touch 1000 0", "length of at least 1"),
        ("touch ffffffffffffffff 2", "beyond 2^64"),
        ("touch 1000 5 7", "more on the line"),
    ] {
        sandbox.write("w.trace", format!("# pagebench trace 1\n{line}\n"));
        let err = sandbox.run("run w.trace -p lru -m 4 -o none").code(3).err;
        assert!(err.contains(why), "{line}: {err}");
    }
}

/// Charts of a run with models: one of what is swapped, a line a model.
#[test]
fn what_is_swapped_is_drawn() {
    let sandbox = Sandbox::new();
    sandbox
        .run("gen programs --programs 12 --alive 4 --refs 20k -o p.pbt")
        .code(0);
    let models = "--model paging,segmentation,base-limit";
    let run = format!("run p.pbt -p lru -m 500,1000,2000 {models} -o out");
    let shown = sandbox.run(&run).code(0).out;
    assert!(shown.contains("p, lru, ") && shown.contains("; segmentation (vma first compact)"));
    assert!(sandbox.exists("out/swapped-1.png"));
    // Over mean resident pages only what has frames is drawn: one group of three.
    let files = std::fs::read_dir(sandbox.path("out")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let lifetimes = names.filter(|name| name.ends_with("lifetime.png"));
    assert_eq!(lifetimes.count(), 1);
    assert!(!sandbox.exists("out/overview-1.png"));
    sandbox.run("plot swapped out -o s.svg").code(0);
    for label in ["paging lru", "segmentation lru", "base-limit lru"] {
        assert!(sandbox.text("s.svg").contains(label), "{label}");
    }
}
