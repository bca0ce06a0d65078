//! `pagebench check`: a baseline that catches every change, and says when it cannot.

use super::harness::Sandbox;

/// With a baseline of four cells of `t`.
fn with_baseline() -> Sandbox {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run("check b.csv t.txt --accept -p lru,fifo -m 8,16")
        .code(0)
        .out(&["b.csv: 4 cells written, 0 counts changed"]);
    sandbox
}

/// The baseline with a thousand faults more in its cell of LRU with 8 frames.
fn edited(text: &str) -> String {
    let edit = |line: &str| {
        let mut fields: Vec<String> = line.split(',').map(str::to_owned).collect();
        if line.contains(",lru,") && fields[11] == "8" {
            fields[18] = (fields[18].parse::<u64>().unwrap() + 1000).to_string();
        }
        fields.join(",") + "\n"
    };
    text.lines().map(edit).collect()
}

#[test]
fn what_was_accepted_passes() {
    let sandbox = with_baseline();
    assert_eq!(sandbox.files("."), ["b.csv", "t.txt"]);
    let line = "4 cells compared (refs, faults, write-backs): 0 differences, 0 missing\n";
    sandbox
        .run("check b.csv t.txt -q")
        .code(0)
        .no_message()
        .out(&[line]);
    // The counts do not depend on how the trace is stored, nor on threads.
    sandbox.run("convert t.txt -o t.pbt").code(0);
    sandbox.run("check b.csv t.pbt -j1").code(0).out(&[line]);
}

/// Counts of another model are not compared as if they were of this one.
#[test]
fn other_settings_of_the_model_are_no_regression() {
    let sandbox = with_baseline();
    for (options, piece) in [
        ("--allocation equal", "allocation: global there, equal here"),
        ("--swap 1MiB", "swap_limit: nothing there, 256 here"),
        (
            "--accessed-bit walk",
            "accessed_bit: every there, walk here",
        ),
    ] {
        let done = sandbox.run(&format!("check b.csv t.txt {options}"));
        done.code(7)
            .err(&["counted with other options: ", piece, "--accept"]);
    }
}

#[test]
fn a_difference_is_shown_and_is_exit_code_6() {
    let sandbox = with_baseline();
    let text = edited(&sandbox.text("b.csv"));
    sandbox.write("b.csv", &text);
    let done = sandbox.run("check b.csv t.txt").code(6);
    done.out(&[
        "cell   count  expected   got  difference   percent",
        "t, lru, 8 frames  faults      4309  3309       -1000  -23.2072",
        "4 cells compared (refs, faults, write-backs): 1 difference, 0 missing",
    ]);
    // A reader that goes away does not hide it.
    sandbox
        .shell("{ \"$PAGEBENCH\" check b.csv t.txt -q; echo $? > code; } | true")
        .code(0)
        .no_message();
    assert_eq!(sandbox.text("code").trim(), "6");
    assert_eq!(sandbox.text("b.csv"), text, "checking changes nothing");
    sandbox
        .run("check b.csv t.txt --accept")
        .code(0)
        .out(&["4 cells written, 1 count changed"]);
    sandbox.run("check b.csv t.txt").code(0);
}

#[test]
fn no_usable_baseline_is_exit_code_7() {
    let sandbox = with_baseline();
    sandbox
        .run("check none.csv t.txt")
        .code(7)
        .err(&["none.csv: no baseline", "help: write one with --accept"]);
    let good = sandbox.text("b.csv");
    let header = good.lines().next().unwrap().to_owned() + "\n";
    for (text, pieces) in [
        (
            "hello\n".to_owned(),
            &["n.csv:1: no baseline of this version", "--accept"][..],
        ),
        (String::new(), &["n.csv:1: no baseline of this version"]),
        (header, &["n.csv: the baseline names no cell"]),
        (
            good.replacen("\n2,", "\n9,", 1),
            &["n.csv:2: schema 9: this program reads schema 2"],
        ),
        (
            good.replacen(",fifo,", ",lifo,", 1),
            &["n.csv: unknown policy \"lifo\"", "did you mean \"fifo\""],
        ),
        (
            good.replacen(",4000,", ",4x00,", 1),
            &["n.csv:2: column refs: not a whole number"],
        ),
        (
            good.clone() + "1,2\n",
            &["n.csv:6: 2 fields where the header has 20"],
        ),
        (
            good.clone() + good.lines().last().unwrap() + "\n",
            &["n.csv:6: the same cell as line 5"],
        ),
        (good.replacen(",4096,", ",100,", 1), &["page size \"100\""]),
    ] {
        sandbox.write("n.csv", &text);
        sandbox.run("check n.csv t.txt").code(7).err(pieces);
        // Nonsense is not overwritten either: it may be another file.
        sandbox
            .run("check n.csv t.txt --accept -p lru -m 8")
            .code(7)
            .err(pieces);
        assert_eq!(sandbox.text("n.csv"), text);
    }
    sandbox.write("n.csv", b"\xff\xfe,a\n1,2\n");
    sandbox
        .run("check n.csv t.txt")
        .code(7)
        .err(&["n.csv:1: not UTF-8 text"]);
    sandbox.run("check . t.txt").code(7).err(&["no baseline"]);
}

#[test]
fn another_trace_of_that_name_is_exit_code_7() {
    let sandbox = with_baseline();
    let text = sandbox.text("t.txt");
    let half: String = text
        .lines()
        .take(1000)
        .map(|line| line.to_owned() + "\n")
        .collect();
    sandbox.write("t.txt", half);
    sandbox
        .run("check b.csv t.txt")
        .code(7)
        .err(&["b.csv: trace t is another one now", "help: "]);
    sandbox.write("t.txt", &text);
    sandbox.run("check b.csv t.txt --limit 100").code(7).err(&[
        "trace t: the baseline counts the whole of it, this command its part \"limit=100\"",
    ]);
}

#[test]
fn a_missing_trace_is_exit_code_5() {
    let sandbox = with_baseline();
    // The same references under another name are the trace that the baseline knows.
    sandbox.write("u.txt", sandbox.read("t.txt"));
    sandbox.run("check b.csv u.txt").code(0);
    sandbox.write("u.txt", sandbox.text("t.txt") + "R 0\n");
    sandbox
        .run("check b.csv u.txt")
        .code(5)
        .out(&[
            "missing: t, lru, 8 frames\n",
            "0 cells compared",
            "0 differences, 4 missing",
        ])
        .err(&["warning: b.csv: has no cell of trace u; it is not compared"]);
    sandbox
        .run("check b.csv gone.txt")
        .code(1)
        .err(&["gone.txt: cannot open"]);
}

#[test]
fn accepting_one_trace_keeps_the_lines_of_the_others() {
    let sandbox = Sandbox::with_trace();
    sandbox.run("gen loop --pages 5 --refs 25 -o u.pbt").code(0);
    sandbox
        .run("check b.csv t.txt u.pbt --accept -p lru,opt -m 3,4")
        .code(0);
    let before = sandbox.text("b.csv");
    assert_eq!(before.lines().count(), 9);
    sandbox.write("b.csv", before.replace(",25,", ",26,"));
    let changed = sandbox.text("b.csv");
    assert_ne!(changed, before);
    sandbox
        .run("check b.csv t.txt --accept")
        .code(0)
        .out(&["8 cells written, 0 counts changed"]);
    assert_eq!(
        sandbox.text("b.csv"),
        changed,
        "lines of the trace not given stay"
    );
    sandbox.run("check b.csv t.txt u.pbt").code(6);
    sandbox.run("check b.csv u.pbt --accept").code(0);
    assert_eq!(sandbox.text("b.csv"), before);
}

#[test]
fn a_baseline_that_could_not_be_read_is_not_written() {
    let sandbox = Sandbox::with_trace();
    sandbox.run("gen loop --pages 5 --refs 30 -o u.pbt").code(0);
    sandbox
        .run("check b.csv t.txt u.pbt --accept -p lru -m 8 --warmup 10%")
        .code(2)
        .err(&[
            "--warmup 10%: 400 references of trace t, but 3 of trace u",
            "help: ",
        ]);
    assert!(!sandbox.exists("b.csv"));
    sandbox
        .run("check b.csv t.txt u.pbt --accept -p lru -m 8 --warmup 3")
        .code(0);
    sandbox.run("check b.csv t.txt u.pbt").code(0);
}

#[test]
fn warm_up_and_page_sizes_are_part_of_a_baseline() {
    let sandbox = Sandbox::with_trace();
    sandbox.run("check b.csv t.txt --accept -p lru,ws -m 8 --tau 50 --page-size 4KiB,64KiB --warmup 10%").code(0);
    assert_eq!(sandbox.column("b.csv", "warmup_refs"), ["400"; 4]);
    sandbox
        .run("check b.csv t.txt")
        .code(0)
        .out(&["4 cells compared"]);
}
