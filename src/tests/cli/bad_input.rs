//! Bad input of every sort: a message that says where and what, the documented exit code, and
//! nothing half-written under a final name.

use super::harness::Sandbox;
use super::sweep::compressed;

/// Runs and converts a bad trace: the same code and message, and nothing left behind.
#[track_caller]
fn refused(sandbox: &Sandbox, trace: &str, options: &str, code: i32, pieces: &[&str]) {
    let before = sandbox.files(".");
    sandbox
        .run(&format!("run {trace} -p lru -m 8 -o none {options}"))
        .code(code)
        .err(&["error: "])
        .err(pieces);
    sandbox
        .run(&format!("convert {trace} -o none.pbt {options}"))
        .code(code)
        .err(&["error: "])
        .err(pieces);
    assert_eq!(sandbox.files("."), before, "nothing is left of {trace}");
}

#[test]
fn compressed_files_cut_short_or_damaged() {
    let sandbox = Sandbox::with_trace();
    for (codec, bytes) in compressed(&sandbox.read("t.txt")) {
        let name = format!("t.{codec}");
        for cut in [bytes.len() / 2, bytes.len() - 1] {
            sandbox.write(&name, &bytes[..cut]);
            refused(
                &sandbox,
                &name,
                "",
                3,
                &[&name, "cut short after", "help: "],
            );
        }
        let mut damaged = bytes.clone();
        for byte in &mut damaged[bytes.len() / 2..][..8] {
            *byte ^= 0x55;
        }
        sandbox.write(&name, &damaged);
        refused(&sandbox, &name, "", 3, &[&name, " stream is "]);
        std::fs::remove_file(sandbox.path(&name)).unwrap();
    }
}

#[test]
fn a_stored_trace_cut_short_or_damaged_anywhere() {
    let sandbox = Sandbox::with_trace();
    sandbox.run("convert t.txt -o t.pbt").code(0);
    let bytes = sandbox.read("t.pbt");
    for cut in [
        1,
        7,
        8,
        9,
        40,
        bytes.len() / 2,
        bytes.len() - 9,
        bytes.len() - 1,
    ] {
        sandbox.write("cut.pbt", &bytes[..cut]);
        refused(&sandbox, "cut.pbt", "", 3, &["cut.pbt", "help: "]);
        refused(&sandbox, "cut.pbt", "--format pbt", 3, &["cut.pbt: byte "]);
    }
    for at in (8..bytes.len()).step_by(bytes.len() / 60) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        sandbox.write("cut.pbt", &damaged);
        sandbox
            .run("run cut.pbt -p lru -m 8 -o none")
            .code(3)
            .err(&["error: cut.pbt"]);
    }
    assert!(!sandbox.exists("none"));
    refused(
        &sandbox,
        "t.txt",
        "--format pbt",
        3,
        &["t.txt: byte 0: this is no .pbt file", "found: # pageb"],
    );
    let mut newer = bytes;
    newer[8] = 200;
    sandbox.write("cut.pbt", newer);
    refused(
        &sandbox,
        "cut.pbt",
        "",
        3,
        &["version 200 of .pbt; this program reads version 1"],
    );
}

#[test]
fn a_bad_line_in_every_text_format() {
    let sandbox = Sandbox::new();
    let list = sandbox.run("formats").code(0).out;
    let mut text_formats = 0;
    for format in list
        .lines()
        .filter_map(|line| line.split_whitespace().next())
    {
        let layout = sandbox.run(&format!("formats {format}")).code(0).out;
        let example: String = layout
            .lines()
            .filter_map(|line| line.strip_prefix("    "))
            .map(|line| line.to_owned() + "\n")
            .collect();
        // In a reference string a word is bad, not a line (see `text_formats`).
        if example.is_empty() || format == "string" {
            continue;
        }
        text_formats += 1;
        sandbox.write("good", &example);
        sandbox
            .run(&format!(
                "run good -p lru -m 8 -q --no-charts --force -o out --format {format}"
            ))
            .code(0);
        let lines = example.lines().count();
        let bad = format!("{example} L 12345678901234567,8 oops\n");
        sandbox.write("bad", bad);
        let place = format!("bad:{}: ", lines + 1);
        let shown = format!("{} |  L 12345678901234567,8 oops", lines + 1);
        refused(
            &sandbox,
            "bad",
            &format!("--format {format}"),
            3,
            &[&place, &shown, "help: "],
        );
        let skipping =
            format!("run bad -p lru -m 8 --no-charts --force -o out --format {format} --skip-bad");
        sandbox
            .run(&skipping)
            .code(0)
            .err(&["warning: bad: 1 bad record skipped"]);
    }
    assert!(text_formats >= 9, "{text_formats}");
}

#[test]
fn a_lone_bad_line_far_inside() {
    let sandbox = Sandbox::new();
    let mut text = "# pagebench trace 1\n".to_owned() + &"R 1000\n".repeat(48_211);
    text += "R 0x41f7g0\n";
    text += &"W 2000\n".repeat(5);
    sandbox.write("t.txt", &text);
    let pieces = [
        "t.txt:48213: the address is not hexadecimal",
        "48213 | R 0x41f7g0",
        "--format",
        "--skip-bad",
        "plain was guessed",
    ];
    refused(&sandbox, "t.txt", "", 3, &pieces);
    for (codec, bytes) in compressed(text.as_bytes()) {
        let name = format!("t.txt.{codec}");
        sandbox.write(&name, bytes);
        let place = format!("{name}:48213: ");
        refused(
            &sandbox,
            &name,
            "",
            3,
            &[&place, "places are those in the decompressed file"],
        );
    }

    let done = sandbox
        .run("run t.txt -p lru -m 1 --no-charts -o out --skip-bad")
        .code(0);
    done.err(&["warning: t.txt: 1 bad record skipped"]);
    assert_eq!(sandbox.column("out/results.csv", "refs"), ["48216"]);
    let manifest: serde_json::Value =
        serde_json::from_slice(&sandbox.read("out/manifest.json")).unwrap();
    assert_eq!(manifest["traces"][0]["skipped_records"], 1);
    let done = sandbox.run("convert t.txt -o t.pbt --skip-bad").code(0);
    done.err(&["warning: t.txt: 1 bad record skipped"]);
    sandbox
        .run("run t.pbt -p lru -m 1 --no-charts -o out2")
        .code(0)
        .err(&["1 bad record skipped"]);
    sandbox.run("stat t.pbt").code(0).out(&["skipped      1"]);
}

#[test]
fn lines_that_are_wrong_say_why() {
    let sandbox = Sandbox::new();
    for (line, pieces) in [
        (
            "R 11112222333344445",
            &["t:3: address over 64 bits", "3 | R 11112222333344445"][..],
        ),
        (
            "R ffffffffffffffff 2",
            &["t:3: ", "past the end of the 64-bit address space"],
        ),
        ("X 1", &["t:3: ", "I, R, W, touch or switch"]),
        ("R", &["t:3: the address is missing"]),
        ("R 1 0", &["t:3: the size is 0"]),
        ("fork x", &["t:3: `fork` takes the number of the child"]),
        (
            "R \x01\x02",
            &["t:3: binary data in a text trace", "R \\x01\\x02"],
        ),
    ] {
        sandbox.write("t", format!("# pagebench trace 1\nR 1\n{line}\nR 2\n"));
        refused(&sandbox, "t", "", 3, pieces);
        sandbox.run("head t").code(3).err(&["error: "]).err(pieces);
        sandbox.run("stat t").code(3).err(pieces);
    }
    let long = "R ".to_owned() + &"1".repeat(3 << 20);
    sandbox.write("t", format!("# pagebench trace 1\nR 1\n{long}\nR 2\n"));
    let done = sandbox
        .run("run t -p lru -m 8 -o none")
        .code(3)
        .err(&["t:3: the line is longer than 1 MiB"]);
    assert!(done.err.len() < 1000, "not all of it is shown");
}

#[test]
fn line_ends_of_other_systems() {
    let sandbox = Sandbox::with_trace();
    let text = sandbox.text("t.txt");
    sandbox.write("w/t.txt", text.replace('\n', "\r\n"));
    sandbox.write("bom/t.txt", format!("\u{feff}{}", text.trim_end()));
    for (trace, out) in [("t.txt", "a"), ("w/t.txt", "b"), ("bom/t.txt", "c")] {
        sandbox
            .run(&format!("run {trace} -p lru -m 8 --no-charts -q -o {out}"))
            .code(0)
            .no_message();
        assert!(
            sandbox.read(&format!("{out}/results.csv")) == sandbox.read("a/results.csv"),
            "{trace}"
        );
    }
}

#[test]
fn files_that_are_no_traces() {
    let sandbox = Sandbox::new();
    sandbox.write("empty", "");
    refused(&sandbox, "empty", "", 3, &["empty: the file is empty"]);
    for format in ["pbt", "lackey", "plain"] {
        refused(
            &sandbox,
            "empty",
            &format!("--format {format}"),
            3,
            &["empty: ", "the file is empty"],
        );
    }
    sandbox.write("hollow", "# pagebench trace 1\n# nothing\n");
    refused(
        &sandbox,
        "hollow",
        "",
        3,
        &["hollow: the trace holds no reference"],
    );
    sandbox.write("letter", "dear reader,\nthis is no trace\n");
    let pieces = [
        "letter:1: not a trace of a known format",
        "1 | dear reader,",
        "pagebench formats",
    ];
    refused(&sandbox, "letter", "", 3, &pieces);
    let elf = std::fs::read(super::harness::PAGEBENCH).unwrap();
    sandbox.write("elf", &elf[..300_000]);
    refused(
        &sandbox,
        "elf",
        "",
        3,
        &["elf: this is an ELF program", "pagebench record PROGRAM"],
    );
    refused(&sandbox, "elf", "--format plain", 3, &["elf:1: "]);
    refused(&sandbox, "elf", "--format lackey", 3, &["elf"]);
    sandbox.write("zeros", [0; 100_007]);
    refused(&sandbox, "zeros", "", 3, &["zeros"]);
    // Two readings fit, and neither is chosen.
    sandbox.write("two", "0 4096\n1 8192\n");
    let pieces = [
        "two: the file can be read in 2 ways that give different pages",
        "--format dinero --base hex",
        "--format dinero --base dec",
    ];
    refused(&sandbox, "two", "", 3, &pieces);
    sandbox
        .run("run two --format dinero -m 2 --no-charts -q -o out")
        .code(0);
}

#[test]
fn binary_records_cut_short() {
    let sandbox = Sandbox::new();
    let mut bytes = Vec::new();
    for time in 0..40u32 {
        bytes.extend(time.to_le_bytes());
        bytes.extend(u64::from(time % 7).to_le_bytes());
        bytes.extend(4096u32.to_le_bytes());
        bytes.extend((-1i64).to_le_bytes());
    }
    sandbox.write("t.bin", &bytes);
    let run = "run t.bin --format oracleGeneral -p lru -m 8 --no-charts -q --force -o out";
    sandbox.run(run).code(0);
    assert_eq!(sandbox.column("out/results.csv", "refs"), ["40"]);
    sandbox.write("t.bin", &bytes[..24 * 39 + 7]);
    refused(
        &sandbox,
        "t.bin",
        "--format oracleGeneral",
        3,
        &["t.bin: byte 936: ", "cut short"],
    );
}

#[test]
fn traces_that_cannot_be_opened() {
    let sandbox = Sandbox::with_trace();
    sandbox.write("folder/notes.md", "nothing here");
    refused(
        &sandbox,
        "gone.txt",
        "",
        1,
        &["gone.txt: cannot open: No such file or directory"],
    );
    refused(
        &sandbox,
        "t.txt/x",
        "",
        1,
        &["t.txt/x: cannot open: Not a directory"],
    );
    sandbox
        .run("run folder -m 8 -o none")
        .code(4)
        .err(&["folder: no trace in this folder"]);
    sandbox
        .run("convert folder -o none.pbt")
        .code(1)
        .err(&["folder: cannot read: is a directory"]);
    assert_eq!(sandbox.files("."), ["folder", "t.txt"]);
}

#[test]
fn one_bad_trace_does_not_hide_the_others() {
    let sandbox = Sandbox::with_trace();
    sandbox.write("bad.txt", "# pagebench trace 1\nR 1\nR x\n");
    let done = sandbox
        .run("run bad.txt t.txt gone.txt -p lru -m 8 -o out")
        .code(1);
    done.err(&["error: bad.txt:3: ", "error: gone.txt: cannot open"])
        .out(&["t: 4000 references"]);
    sandbox
        .run("run bad.txt t.txt -p lru -m 8 --force -o out")
        .code(3);
    assert_eq!(sandbox.column("out/results.csv", "trace"), ["t"]);
    let manifest: serde_json::Value =
        serde_json::from_slice(&sandbox.read("out/manifest.json")).unwrap();
    let failed = manifest["failed_traces"].as_array().unwrap();
    assert!(failed.len() == 1 && failed[0].as_str().unwrap().starts_with("bad.txt:3: "));
    // In a folder, what is no trace at all is passed over, and what is a bad one is told.
    sandbox.write("in/t.txt", sandbox.read("t.txt"));
    sandbox.write("in/letter.txt", "dear reader,\n");
    sandbox.write("in/README.md", "# about\n");
    sandbox
        .run("run in -p lru -m 8 -o out2")
        .code(0)
        .err(&["in/letter.txt: passed over"]);
    sandbox.write("in/bad.txt", "# pagebench trace 1\nR 1\nR x\n");
    sandbox
        .run("run in -p lru -m 8 -o out3")
        .code(3)
        .err(&["error: in/bad.txt:3: "]);
    // A reader of the table that goes away changes no verdict.
    sandbox.shell("{ \"$PAGEBENCH\" run in -p lru -m 8 -q -o out4; echo $? > code; } | true");
    assert_eq!(sandbox.text("code").trim(), "3");
}

#[test]
fn nothing_selected() {
    let sandbox = Sandbox::with_trace();
    let pieces = ["nothing selected", "no reference is left"];
    for options in ["--pid 99", "--skip 4000", "--limit 0"] {
        refused(&sandbox, "t.txt", options, 4, &pieces);
        sandbox.run(&format!("stat t.txt {options}")).code(4);
    }
    let done = sandbox.run("run t.txt -m 8 -o none --warmup 4000").code(4);
    done.err(&["nothing left to count: the warm-up takes every reference"]);
    assert_eq!(sandbox.files("."), ["t.txt"]);
}

#[test]
fn page_sizes_that_cannot_be() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run("convert t.txt -o t64.pbt --page-size 64KiB")
        .code(0);
    let pieces = [
        "t64.pbt: stored with pages of 64KiB: pages of 4KiB cannot be told apart",
        "help: take its own with --page-size 64KiB, or convert",
    ];
    refused(&sandbox, "t64.pbt", "--page-size 4KiB", 3, &pieces);
    sandbox.write("ids", "# pagebench trace 1\n# addressing: ids\nR 1\nR 2\n");
    let pieces = [
        "ids: the trace holds page ids, not addresses: pages of 64KiB",
        "--page-size",
    ];
    refused(&sandbox, "ids", "--page-size 64KiB", 3, &pieces);
    refused(
        &sandbox,
        "t.txt",
        "--page-size 100",
        2,
        &["page size \"100\" is not a power of two"],
    );
}

#[test]
fn the_same_trace_twice_is_one_and_names_differ() {
    let sandbox = Sandbox::with_trace();
    sandbox.write("a/t.txt", sandbox.read("t.txt"));
    sandbox.run("convert t.txt -o t.pbt").code(0);
    let traces = |args: &str| {
        sandbox
            .run(&format!(
                "run {args} -p lru -m 8 --no-charts -q --force -o out"
            ))
            .code(0);
        sandbox.column("out/results.csv", "trace")
    };
    assert_eq!(traces("t.txt ./t.txt a/../t.txt"), ["t"]);
    assert_eq!(traces("t.txt a"), ["a/t", "t"]);
    assert_eq!(traces("t.txt t.pbt"), ["t.pbt", "t.txt"]);
}

#[cfg(unix)]
#[test]
fn a_name_that_is_no_unicode() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let sandbox = Sandbox::with_trace();
    let name = OsStr::from_bytes(b"t\xff.txt");
    std::fs::copy(sandbox.path("t.txt"), sandbox.path("").join(name)).unwrap();
    let args = ["run", "-p", "lru", "-m", "8", "-o", "out"].map(OsStr::new);
    sandbox.run_args(args.into_iter().chain([name])).code(0);
    assert_eq!(sandbox.column("out/results.csv", "trace"), ["t\u{fffd}"]);
}

#[test]
fn result_tables_that_cannot_be_drawn() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run("run t.txt -p lru -m 8 --no-charts -q -o out")
        .code(0);
    let good = sandbox.text("out/results.csv");
    for (text, code, piece) in [
        ("hello\n".to_owned(), 1, "r.csv:1: not a results table"),
        (String::new(), 1, "r.csv:1: not a results table"),
        (good.replacen("\n2,", "\n7,", 1), 1, "r.csv:2: schema 7"),
        (good.clone() + "1,2\n", 1, "r.csv:3: 2 fields"),
        (
            good.lines().next().unwrap().to_owned() + "\n",
            4,
            "r.csv: nothing to draw",
        ),
    ] {
        sandbox.write("r.csv", text);
        sandbox
            .run("plot r.csv -o charts")
            .code(code)
            .err(&["error: ", piece]);
        assert!(!sandbox.exists("charts"));
    }
    sandbox
        .run("plot gone.csv")
        .code(1)
        .err(&["gone.csv: cannot read"]);
    sandbox
        .run("plot out/results.csv -o r.csv/charts")
        .code(1)
        .err(&["r.csv/charts: cannot write"]);
}
