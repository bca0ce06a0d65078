//! `pagebench check`: a baseline that catches every change, and says when it cannot.

use super::harness::Sandbox;

/// With a baseline of four cells of `t`.
pub fn with_baseline() -> Sandbox {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run("check b.csv t.txt --accept -p lru,fifo -m 8,16")
        .code(0)
        .out(&["b.csv: 0 changed, 4 new, 0 as they were"]);
    sandbox
}

/// The baseline with so many faults more in its cell of LRU with 8 frames.
pub fn edited(text: &str, more: i64) -> String {
    let edit = |line: &str| {
        let mut fields: Vec<String> = line.split(',').map(str::to_owned).collect();
        if line.contains(",lru,") && fields[11] == "8" {
            fields[18] = (fields[18].parse::<i64>().unwrap() + more).to_string();
        }
        fields.join(",") + "\n"
    };
    text.lines().map(edit).collect()
}

/// With a baseline that expects so many faults more of LRU with 8 frames than there are.
pub fn with_edited(more: i64) -> Sandbox {
    let sandbox = with_baseline();
    sandbox.write("b.csv", edited(&sandbox.text("b.csv"), more));
    sandbox
}

const GREEN: &str =
    "4 cells compared (refs, faults, write-backs): 0 regressions, 0 improvements, 0 missing\n";

#[test]
fn what_was_accepted_passes() {
    let sandbox = with_baseline();
    assert_eq!(sandbox.files("."), ["b.csv", "t.txt"]);
    sandbox
        .run("check b.csv t.txt -q")
        .code(0)
        .no_message()
        .out(&[GREEN]);
    // The counts do not depend on how the trace is stored, nor on threads.
    sandbox.run("convert t.txt -o t.pbt").code(0);
    sandbox.run("check b.csv t.pbt -j1").code(0).out(&[GREEN]);
}

/// Counts of another model are not compared as if they were of this one.
#[test]
fn other_settings_of_the_model_are_no_regression() {
    let sandbox = with_baseline();
    for (options, piece) in [
        (
            "--allocation equal",
            "allocation is global in the baseline, equal in this run",
        ),
        (
            "--swap 1MiB",
            "swap_limit is unset in the baseline, 256 in this run",
        ),
        (
            "--accessed-bit walk",
            "accessed_bit is every in the baseline, walk:l1i=64x4,l1d=64x4,l2=1536x12 in this run",
        ),
    ] {
        let done = sandbox.run(&format!("check b.csv t.txt {options}"));
        done.code(7)
            .err(&["counted with different options: ", piece, "--accept"]);
    }
}

#[test]
fn a_regression_is_shown_and_is_exit_code_6() {
    let sandbox = with_baseline();
    let good = sandbox.text("b.csv");
    let text = edited(&good, -100);
    sandbox.write("b.csv", &text);
    let done = sandbox.run("check b.csv t.txt --junit j.xml --json j.json --chart c.png");
    done.code(6)
        .out(&[
            "  cell              count   expected   got  difference  percent  verdict\n",
            "  t, lru, 8 frames  faults      3209  3309        +100  +3.1162  regression\n",
            "4 cells compared (refs, faults, write-backs): 1 regression, 0 improvements, 0 missing",
        ])
        .err(&["b.csv.new: the baseline with the counts of today"]);
    assert_eq!(sandbox.text("b.csv"), text, "checking changes nothing");
    assert_eq!(sandbox.text("b.csv.new"), good, "what --accept would write");
    let xml = sandbox.text("j.xml");
    for piece in [
        "<testsuite name=\"t\" tests=\"4\" failures=\"1\" errors=\"0\">",
        "<testcase classname=\"t.lru\" name=\"8 frames\">\n",
        "message=\"faults 3309 &gt; baseline 3209 (+100, +3.1162 %)\">",
        "<testcase classname=\"t.lru\" name=\"16 frames\"/>",
    ] {
        assert!(xml.contains(piece), "{piece}\n{xml}");
    }
    let json: serde_json::Value = serde_json::from_slice(&sandbox.read("j.json")).unwrap();
    assert_eq!(json["result"], "regression");
    assert_eq!(json["changes"][0]["cell"], "t/lru/8");
    assert_eq!(json["changes"][0]["difference"], 100);
    assert!(sandbox.read("c.png").starts_with(b"\x89PNG"));
    assert_eq!(sandbox.column("c.csv", "got"), ["3309"]);
    // A reader that goes away does not hide it.
    sandbox
        .shell("{ \"$PAGEBENCH\" check b.csv t.txt -q 2>err; echo $? > code; } | true")
        .code(0);
    assert_eq!(sandbox.text("code").trim(), "6");
    sandbox
        .run("check b.csv t.txt --accept")
        .code(0)
        .out(&["b.csv: 1 changed, 0 new, 3 as they were"]);
    assert_eq!(sandbox.text("b.csv"), good);
    sandbox.run("check b.csv t.txt").code(0).out(&[GREEN]);
}

/// A file that cannot be written is told, and the regression is one all the same.
#[test]
fn nothing_hides_a_regression() {
    let sandbox = with_edited(-100);
    for option in [
        "--junit no/j.xml",
        "--json no/j.json",
        "--chart no/c.png",
        "--summary-md no/s",
    ] {
        let done = sandbox.run(&format!("check b.csv t.txt {option}"));
        done.code(6).err(&["error: no/", "cannot write"]);
    }
    sandbox.run("check b.csv t.txt gone.txt").code(6);
    sandbox.shell("rm b.csv.new && mkdir b.csv.new").code(0);
    sandbox
        .run("check b.csv t.txt")
        .code(6)
        .err(&["warning: b.csv.new: cannot write"]);
    // Without one the file is what failed.
    let good = with_baseline();
    good.run("check b.csv t.txt --junit no/j.xml").code(1);
    good.run("check b.csv t.txt --chart c.jpg")
        .code(2)
        .err(&["name it FILE.png"]);
}

#[test]
fn limits_of_each_kind() {
    let sandbox = with_edited(-100);
    sandbox.write("l.toml", "[check]\nmax-increase-pct = 4\n[plan]\nx = 1\n");
    sandbox.write(
        "one.toml",
        "[[override]]\npolicy = \"lru\"\nframes = 8\nmax-increase = 100\n",
    );
    sandbox.write(
        "other.toml",
        "[[override]]\npolicy = \"fifo\"\nmax-increase = 100\n",
    );
    for (options, code) in [
        ("--max-increase 100", 0),
        ("--max-increase 99", 6),
        ("--max-increase-pct 3.2", 0),
        ("--max-increase-pct 3.1", 6),
        ("--max-decrease 1000 --max-decrease-pct 50", 6),
        ("--metric write-backs,refs", 0),
        ("--metric faults", 6),
        ("--limits l.toml", 0),
        ("--limits l.toml --max-increase 7", 6),
        ("--limits one.toml", 0),
        ("--limits other.toml", 6),
        ("--only t/fifo/*", 0),
        ("--only t/lru/8", 6),
    ] {
        let done = sandbox.run(&format!("check b.csv t.txt {options}"));
        let done = done.code(code);
        let within =
            code == 0 && !options.starts_with("--metric") && !options.starts_with("--only");
        assert_eq!(
            done.out.contains("1 change within limits"),
            within,
            "{options}"
        );
    }
}

#[test]
fn wrong_limits_are_exit_code_2() {
    let sandbox = with_baseline();
    sandbox.write("l.toml", "[check]\nmax-incraese = 1\n");
    sandbox
        .run("check b.csv t.txt --limits l.toml")
        .code(2)
        .err(&[
            "l.toml:2:1: unknown field \"max-incraese\"",
            "did you mean \"max-increase\"?",
            " 2 | max-incraese = 1\n    | ^^^^",
        ]);
    sandbox.write("l.toml", b"\xff");
    sandbox
        .run("check b.csv t.txt --limits l.toml")
        .code(2)
        .err(&["not UTF-8"]);
    sandbox
        .run("check b.csv t.txt --limits no.toml")
        .code(1)
        .err(&["no.toml: cannot read"]);
    for (options, piece) in [
        ("--max-increase few", "--max-increase"),
        ("--max-increase-pct nan", "no percentage"),
        ("--improvement wran", "one of: warn, allow, fail"),
        ("--metric fautls", "did you mean \"faults\"?"),
        ("--only [", "is not a glob"),
        ("--with-digests", "--accept"),
        ("--accept --with-digests=0", "from 1 to 4096"),
        ("--annotations gitlab", "one of: auto, github, none"),
    ] {
        sandbox
            .run(&format!("check b.csv t.txt {options}"))
            .code(2)
            .err(&[piece]);
    }
}

#[test]
fn improvements_warn_pass_or_fail() {
    let sandbox = with_edited(100);
    let row = "t, lru, 8 frames  faults      3409  3309        -100  -2.9334  improvement";
    sandbox
        .run("check b.csv t.txt")
        .code(0)
        .out(&[row])
        .err(&["warning: 1 count is better than the baseline says"]);
    assert!(!sandbox.exists("b.csv.new"));
    let silent = sandbox.run("check b.csv t.txt -q --improvement allow");
    silent.code(0).no_message().out(&[row]);
    sandbox
        .run("check b.csv t.txt --improvement fail")
        .code(6)
        .out(&[row]);
    assert!(sandbox.exists("b.csv.new"));
    let expected = sandbox.run("check b.csv t.txt -q --improvement fail --max-decrease-pct 3");
    expected.code(0).no_message().out(&["within limits"]);
}

#[test]
fn accepting_some_cells_leaves_the_lines_of_the_others() {
    let sandbox = with_baseline();
    let good = sandbox.text("b.csv");
    // All counts are wrong, and one line is written in another way.
    let wrong = good
        .replace(",4000,", ",4001,")
        .replacen("fifo", "\"fifo\"", 1);
    sandbox.write("b.csv", &wrong);
    sandbox
        .run("check b.csv t.txt --accept --only t/lru/8")
        .code(0)
        .out(&["b.csv: 1 changed, 0 new, 3 as they were"]);
    let now = sandbox.text("b.csv");
    for ((now, wrong), good) in now.lines().zip(wrong.lines()).zip(good.lines()) {
        let expected = if now.contains(",lru,,,,8,") {
            good
        } else {
            wrong
        };
        assert_eq!(now, expected);
    }
    for options in [
        "--only x*",
        "--accept --only x*",
        "--accept -p lru -m 4 --only t/lru/5",
    ] {
        let done = sandbox.run(&format!("check b.csv t.txt {options}"));
        done.code(4).err(&["--only"]);
    }
    assert_eq!(sandbox.text("b.csv"), now);
    // New cells are put where they belong.
    sandbox
        .run("check b.csv t.txt --accept -p lru -m 4,12 --only t/lru/1?")
        .code(0)
        .out(&["b.csv: 1 changed, 1 new, 3 as they were"]);
    assert_eq!(
        sandbox.column("b.csv", "frames"),
        ["8", "16", "8", "12", "16"]
    );
}

#[test]
fn finished_results_are_compared_as_replays_are() {
    let sandbox = with_edited(-100);
    sandbox
        .run("run t.txt -p lru,fifo,opt -m 8,16 --no-charts -o out")
        .code(0);
    for results in ["out", "out/results.csv"] {
        sandbox
            .run(&format!("check b.csv {results}"))
            .code(6)
            .out(&["t, lru, 8 frames  faults      3209  3309"]);
    }
    sandbox
        .run("check b.csv out t.txt")
        .code(2)
        .err(&["one or the other"]);
    sandbox
        .run("check b.csv out out/results.csv")
        .code(1)
        .err(&["two results for one cell"]);
    sandbox
        .run("check b.csv out --explain t/lru/8")
        .code(2)
        .err(&["need traces"]);
    let table = sandbox.text("out/results.csv");
    let header = table.lines().next().unwrap().to_owned() + "\n";
    sandbox.write("r.csv", header);
    sandbox
        .run("check b.csv r.csv")
        .code(4)
        .err(&["r.csv: no result"]);
    sandbox.write("r.csv", table.replace("\n2,", "\n1,"));
    sandbox
        .run("check b.csv r.csv")
        .code(1)
        .err(&["r.csv:2: schema 1", "help: "]);
    let some: String = table
        .lines()
        .filter(|line| !line.contains(",fifo,"))
        .map(|line| line.to_owned() + "\n")
        .collect();
    sandbox.write("r.csv", &some);
    sandbox
        .run("check b.csv r.csv --max-increase 100")
        .code(5)
        .out(&["missing: t, fifo, 8 frames"]);
    sandbox
        .run("check b.csv b.csv")
        .code(1)
        .err(&["b.csv:1: not a results table"]);
    sandbox
        .run("check b.csv out --accept")
        .code(0)
        .out(&["1 changed, 2 new, 3 as they were"]);
    sandbox
        .run("check b.csv t.txt")
        .code(0)
        .out(&["6 cells compared"]);
}

#[test]
fn github_gets_annotations_and_a_summary() {
    let sandbox = with_edited(-100);
    sandbox.write("sum.md", "before\n");
    let done = sandbox.shell(
        "GITHUB_ACTIONS=true GITHUB_STEP_SUMMARY=sum.md \"$PAGEBENCH\" check b.csv t.txt -q --json -",
    );
    let done = done.code(6).err(&[
        "::error file=b.csv,line=4,title=regression of faults::t, lru, 8 frames: faults 3309 > baseline 3209 (+100, +3.1162 %25)\n",
    ]);
    let json: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(json["exit_code"], 6);
    let summary = sandbox.text("sum.md");
    assert!(
        summary.starts_with("before\n### pagebench check b.csv\n"),
        "{summary}"
    );
    assert!(
        summary.contains(
            "| t, lru, 8 frames | faults | 3209 | 3309 | +100 | +3.1162 | **regression** |"
        )
    );
    let never = "GITHUB_ACTIONS=true \"$PAGEBENCH\" check b.csv t.txt -q --annotations none";
    assert!(!sandbox.shell(never).code(6).err.contains("::error"));
    sandbox
        .run("check b.csv t.txt --annotations github")
        .code(6)
        .err(&["::error file=b.csv"]);
    sandbox.run("check b.csv t.txt --summary-md s.md").code(6);
    assert!(summary.ends_with(&sandbox.text("s.md")));
}

/// The digests with the one of a block of LRU with 8 frames changed, as if faults had been others.
fn departed(text: &str, block: usize) -> String {
    let edit = |line: &str| {
        let mut line = line.to_owned() + "\n";
        if line.contains(",lru,,,,8,") {
            let start = line.rfind(',').unwrap() + 1 + 8 * block;
            line.replace_range(start..start + 8, "00000000");
        }
        line
    };
    text.lines().map(edit).collect()
}

#[test]
fn digests_narrow_a_departure_to_a_block() {
    let sandbox = with_baseline();
    sandbox
        .run("check b.csv t.txt --explain t/lru/8")
        .code(7)
        .err(&[
            "no digests of the faults of t, lru, 8 frames",
            "--with-digests",
        ]);
    sandbox
        .run("check b.csv t.txt --accept --with-digests")
        .code(0);
    let digests = sandbox.text("b.csv.faults.csv");
    assert_eq!(
        sandbox.column("b.csv.faults.csv", "faults_a_block"),
        ["64"; 4]
    );
    sandbox
        .run("check b.csv t.txt --explain t/lru/8")
        .code(0)
        .out(&[
            "1 cell compared",
            "t, lru, 8 frames: all 3309 faults are those of the baseline",
        ]);
    sandbox.write("b.csv.faults.csv", departed(&digests, 10));
    sandbox.run("check b.csv t.txt --explain t/lru/8").code(0).out(&[
        "the first 640 faults agree with the baseline; the first that does not is one of the faults 641 to 704",
        "after reference 772 and not after reference 846",
        "  =    640        772    0",
        "  ?    641        773    0",
    ]);
    sandbox
        .run("check b.csv t.txt --explain t/lru/9")
        .code(4)
        .err(&["did you mean \"t/lru/8\"?"]);
    // What is accepted has its digests made anew, and finer ones narrow it further.
    sandbox.run("check b.csv t.txt --accept").code(0);
    assert_eq!(sandbox.text("b.csv.faults.csv"), digests);
    sandbox
        .run("check b.csv t.txt --accept --with-digests=4096 --only t/lru/8")
        .code(0);
    let fine = sandbox.text("b.csv.faults.csv");
    sandbox.write("b.csv.faults.csv", departed(&fine, 700));
    sandbox
        .run("check b.csv t.txt --explain t/lru/8")
        .code(0)
        .out(&[
            "the first 700 faults agree with the baseline; fault 701 is the first that does not",
        ]);
    sandbox.write("b.csv.faults.csv", fine.replace(",3309,", ",33,"));
    sandbox
        .run("check b.csv t.txt --explain t/lru/8")
        .code(7)
        .err(&["b.csv.faults.csv:4: its digests do not fit"]);
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
            &["n.csv:1: not a baseline of this version", "--accept"][..],
        ),
        (String::new(), &["n.csv:1: not a baseline of this version"]),
        (header, &["n.csv: the baseline names no cell"]),
        (
            good.replacen("\n2,", "\n9,", 1),
            &[
                "n.csv:2: schema 9: this program reads schema 2",
                "a later pagebench wrote it",
            ],
        ),
        (
            good.replace("\n2,", "\n1,"),
            &[
                "n.csv:2: schema 1",
                "an earlier pagebench wrote it",
                "--accept",
            ],
        ),
        (
            good.replacen(",fifo,", ",lifo,", 1),
            &["n.csv:2: unknown policy \"lifo\"", "did you mean \"fifo\""],
        ),
        (
            good.replacen(",4000,", ",4x00,", 1),
            &["n.csv:2: column refs: not a whole number"],
        ),
        (
            good.clone() + "1,2\n",
            &["n.csv:6: 2 fields where the header has 28"],
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
        .err(&["b.csv:2: trace t has changed", "help: "]);
    sandbox.write("t.txt", &text);
    sandbox.run("check b.csv t.txt --limit 100").code(7).err(&[
        "trace t: the baseline counts all references, this run the selection \"limit=100\"",
    ]);
}

#[test]
fn two_files_of_the_same_references_keep_their_names() {
    let sandbox = with_baseline();
    sandbox.write("u.txt", sandbox.read("t.txt"));
    sandbox
        .run("check both.csv t.txt u.txt --accept -p lru -m 8,16")
        .code(0)
        .out(&["4 new"]);
    sandbox
        .run("check both.csv t.txt u.txt")
        .code(0)
        .out(&[GREEN]);
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
            "0 regressions, 0 improvements, 4 missing",
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
        .out(&["0 changed, 0 new, 8 as they were"]);
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
