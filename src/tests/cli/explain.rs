//! The textbook's table, worked by hand where it is given in full.

use super::harness::Sandbox;

const FAMILY: &str = include_str!("../data/family.trace");
const BELADY: &str = "1 2 3 4 1 2 5 1 2 3 4 5";
const SILBERSCHATZ: &str = "7 0 1 2 0 3 0 4 2 3 0 3 2 1 2 0 1 7 0 1";

fn explain(sandbox: &Sandbox, string: &str, args: &str) -> super::harness::Done {
    let fixed = ["explain", "--string", string];
    sandbox.run_args(fixed.into_iter().chain(args.split_whitespace()))
}

/// Belady's string. With three frames the oldest page leaves at each fault: 1 for 4, 2 for 1, 3 for
/// 2, 4 for 5; then 1 and 2 are there, 3 takes 1's place, 4 that of 2, and 5 is there: 9 faults. With
/// four, 1 and 2 are there at 4 and 5, and from then on each page has just left: 10 faults.
#[test]
fn beladys_anomaly() {
    let sandbox = Sandbox::new();
    let done = explain(&sandbox, BELADY, "-p fifo -m 3,4")
        .code(0)
        .no_message();
    let expected = "\
fifo, 3 frames
reference  0  1  2  3  4  5  6  7  8  9  10  11
page       1  2  3  4  1  2  5  1  2  3   4   5
frame 0    1  1  1  4  4  4  5  5  5  5   5   5
frame 1       2  2  2  1  1  1  1  1  3   3   3
frame 2          3  3  3  2  2  2  2  2   4   4
fault      F  F  F  F  F  F  F        F   F
left                1  2  3  4        1   2
     3  1 leaves: loaded first, at reference 0
     4  2 leaves: loaded first, at reference 1
     5  3 leaves: loaded first, at reference 2
     6  4 leaves: loaded first, at reference 3
     9  1 leaves: loaded first, at reference 4
    10  2 leaves: loaded first, at reference 5
12 references: 9 faults, 3 hits, fault rate 75.0 %

fifo, 4 frames
reference  0  1  2  3  4  5  6  7  8  9  10  11
page       1  2  3  4  1  2  5  1  2  3   4   5
frame 0    1  1  1  1  1  1  5  5  5  5   4   4
frame 1       2  2  2  2  2  2  1  1  1   1   5
frame 2          3  3  3  3  3  3  2  2   2   2
frame 3             4  4  4  4  4  4  3   3   3
fault      F  F  F  F        F  F  F  F   F   F
left                         1  2  3  4   5   1
     6  1 leaves: loaded first, at reference 0
     7  2 leaves: loaded first, at reference 1
     8  3 leaves: loaded first, at reference 2
     9  4 leaves: loaded first, at reference 3
    10  5 leaves: loaded first, at reference 6
    11  1 leaves: loaded first, at reference 7
12 references: 10 faults, 2 hits, fault rate 83.3 %

Belady's anomaly: fifo has more faults with 4 frames (10) than with 3 (9)
";
    assert_eq!(done.out, expected);
    // LRU has no such anomaly: 10 and 8 faults.
    let lru = explain(&sandbox, BELADY, "-p lru -m 3,4").code(0);
    let lru = lru.out(&["12 references: 10 faults", "12 references: 8 faults"]);
    assert!(!lru.out.contains("anomaly"), "{}", lru.out);
}

/// The book's figures: FIFO 15, OPT 9 and LRU 12 faults with three frames. OPT's victims: 7 (next at
/// 17, the others at 4 and 13), 1 (next at 13; 0 at 6, 2 at 8), 0 (10; 3 at 9, 2 at 8), 4 (never),
/// 3 (never), 2 (never).
#[test]
fn the_string_of_silberschatz() {
    let sandbox = Sandbox::new();
    let done = explain(&sandbox, SILBERSCHATZ, "-p fifo,opt,lru -m 3").code(0);
    let done = done.out(&[
        "20 references: 15 faults, 5 hits",
        "20 references: 9 faults, 11 hits",
        "20 references: 12 faults, 8 hits",
    ]);
    let opt = "\
opt, 3 frames
reference  0  1  2  3  4  5  6  7  8  9  10  11  12  13  14  15  16  17  18  19
page       7  0  1  2  0  3  0  4  2  3   0   3   2   1   2   0   1   7   0   1
frame 0    7  7  7  2  2  2  2  2  2  2   2   2   2   2   2   2   2   7   7   7
frame 1       0  0  0  0  0  0  4  4  4   0   0   0   0   0   0   0   0   0   0
frame 2          1  1  1  3  3  3  3  3   3   3   3   1   1   1   1   1   1   1
fault      F  F  F  F     F     F         F           F               F
left                7     1     0         4           3               2
     3  7 leaves: next used at reference 17, the farthest
     5  1 leaves: next used at reference 13, the farthest
     7  0 leaves: next used at reference 10, the farthest
    10  4 leaves: never used again
    13  3 leaves: never used again
    17  2 leaves: never used again
";
    assert!(done.out.contains(opt), "{}", done.out);
}

/// Three frames, bits set on load. At 3 all bits are set: the hand clears 1, 2 and 3 and takes 1.
/// 2 is hit at 4: its bit is set again. At 5 the hand is at 2, spares it, and takes 3. At 6 it stands
/// at 4, whose bit is set, as that of 5 and then 2's is clear: it clears 4, takes 2.
#[test]
fn clock_with_its_hand_and_bits() {
    let sandbox = Sandbox::new();
    let done = explain(&sandbox, "1 2 3 4 2 5 6", "-p clock -m 3 --state");
    let expected = "\
clock, 3 frames
reference  0  1  2  3  4  5  6
page       1  2  3  4  2  5  6
frame 0    1  1  1  4  4  4  4
frame 1       2  2  2  2  2  6
frame 2          3  3  3  5  5
fault      F  F  F  F     F  F
left                1     3  2
     0  from the hand on: 1 (bit 1)
     1  from the hand on: 1 (bit 1) 2 (bit 1)
     2  from the hand on: 1 (bit 1) 2 (bit 1) 3 (bit 1)
     3  1 leaves: every reference bit was set: the hand cleared them all and came round to it
        from the hand on: 2 (bit 0) 3 (bit 0) 4 (bit 1)
     4  from the hand on: 2 (bit 1) 3 (bit 0) 4 (bit 1)
     5  3 leaves: reference bit 0 at the hand, after the bits of 1 other page were cleared
        from the hand on: 4 (bit 1) 2 (bit 0) 5 (bit 1)
     6  2 leaves: reference bit 0 at the hand, after the bits of 1 other page were cleared
        from the hand on: 5 (bit 1) 4 (bit 0) 6 (bit 1)
7 references: 6 faults, 1 hit, fault rate 85.7 %
";
    assert_eq!(done.code(0).no_message().out, expected);
}

/// A window of 2: page 1 was last used at 0, which at 2 lies two references back.
#[test]
fn a_window_and_writes() {
    let sandbox = Sandbox::new();
    let done = explain(&sandbox, "1w,2,3", "-p ws --tau 2 --state").code(0);
    done.out(&[
        "ws, a window of 2 references\n",
        "kind       W  R  R\n",
        "     2  1 leaves the working set, written back: outside the window of 2, last at reference 0\n",
        "        window of 2, references of the process ago: 3 (0) 2 (1)\n",
    ]);
}

/// The family of the tests of `vm`. At 5 the child's write copies a page that it may only read; the
/// page copied is the very victim. At 9 the child is killed: that reference is not shown, but counts. At
/// 10 its pages are freed, and the parent's page is its own again.
#[test]
fn processes_and_mappings() {
    let sandbox = Sandbox::new();
    sandbox.write("family.trace", FAMILY);
    let done = sandbox
        .run("explain family.trace -m 4 -q --pin-cow-source off")
        .code(0)
        .no_message();
    done.out(&[
        "        5  2:0x1000    W     cow-copy, minor   frame 1 r-- DA  frame 1 rw- DA  1:0x1000\n",
        "       10  1:0x2000    W     cow-reuse, minor  frame 2 r-- DA  frame 2 rw- DA  2:0x1000 2:0x7fe000\n",
        "       12  1:0x1000    R     refill, major     swap slot 0     frame 1 r-- -A\n",
        "     5  1:0x1000 leaves, written back: least recently used, last at reference 1\n",
        "    10  2:0x1000 is freed: no process maps it any more\n",
        "   end  1:0x1000 is freed: no process maps it any more\n",
        "12 references: 9 faults, 3 hits, fault rate 75.0 %\n",
    ]);
}

#[test]
fn every_form_tells_the_same() {
    let sandbox = Sandbox::new();
    let args = "-p fifo,lru -m 3 --out";
    let csv = explain(&sandbox, BELADY, &format!("{args} csv"))
        .code(0)
        .out;
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 1 + 2 * 12);
    assert_eq!(
        lines[4],
        "fifo,3,,3,4,R,fill,no,4 2 3,1,\"leaves: loaded first, at reference 0\",,-,frame 0 -A"
    );
    let markdown = explain(&sandbox, BELADY, &format!("{args} markdown")).code(0);
    markdown.out(&[
        "### fifo, 3 frames\n\n| reference | 0 |",
        "\n| fault | F | F | F | F | F | F | F |  |  | F | F |  |\n",
        "\n- 3: 1 leaves: loaded first, at reference 0\n",
    ]);
    // Narrow terminals get blocks, or lines.
    let narrow = sandbox.shell(&format!(
        "COLUMNS=50 $PAGEBENCH explain --string '{BELADY}' -m 3"
    ));
    let narrow = narrow.code(0);
    assert_eq!(narrow.out.matches("\nframe 2").count(), 2, "{}", narrow.out);
    assert!(
        narrow.out.lines().all(|line| line.len() <= 50),
        "{}",
        narrow.out
    );
}

#[test]
fn pictures_are_whole_or_not_there() {
    let sandbox = Sandbox::new();
    let args = "-p fifo -m 3,4 --out csv --png";
    explain(&sandbox, BELADY, &format!("{args} a.png")).code(0);
    explain(&sandbox, BELADY, &format!("{args} b.png")).code(0);
    assert!(sandbox.read("a.png").starts_with(b"\x89PNG"));
    assert_eq!(sandbox.read("a.png"), sandbox.read("b.png"));
    let long = "1 2 ".repeat(900);
    let args = "--count 1800 --png c.png";
    explain(&sandbox, &long, args)
        .code(1)
        .err(&["too many references for one picture"]);
    explain(&sandbox, BELADY, "--png no/such/a.png")
        .code(1)
        .err(&["no/such/a.png: cannot write"]);
    assert_eq!(sandbox.files("."), ["a.png", "b.png"]);
}

#[test]
fn long_traces_are_shown_in_part() {
    let sandbox = Sandbox::with_trace();
    let done = sandbox.run("explain t.txt").code(0);
    let done = done.err(&["shown: references 0 to 63 of 4000 (others by --from and --count)"]);
    done.out(&["4000 references: ", "; those shown are 64 references: "]);
    let end = sandbox.run("explain t.txt --from 3998 --out csv").code(0);
    assert_eq!(end.out.lines().count(), 3);
    // The whole counts are those of run.
    sandbox
        .run("run t.txt -p lru -m 3 --no-charts -q -o out")
        .code(0);
    let faults = &sandbox.column("out/results.csv", "faults")[0];
    let done = sandbox.run("explain t.txt -m 3 --count 1").code(0);
    done.out(&[&format!("4000 references: {faults} faults")]);
}

#[test]
fn what_cannot_be_shown_says_why() {
    let sandbox = Sandbox::with_trace();
    for (string, args, code, piece) in [
        (
            "1 2 x",
            "",
            2,
            "--string: \"x\" is no page number: write \"1 2 3w 4\"",
        ),
        ("1 -2", "", 2, "\"-2\" is no page number"),
        ("1 ww", "", 2, "\"ww\" is no page number"),
        (" , ", "", 4, "--string: no page in it"),
        (
            "1",
            "--from 1",
            2,
            "--from 1: beyond the end of the trace, whose last reference is 0",
        ),
        ("1", "--count 0", 2, "--count 0: from 1 to 10000"),
        ("1", "-p lur", 2, "did you mean \"lru\"?"),
        ("1", "-m 0", 2, "at least 1 is needed"),
        ("1", "-m 1..200:+1", 2, "200 tables: choose fewer policies"),
        (
            "1",
            "--out markdwon",
            2,
            "one of: text, markdown, csv; did you mean \"markdown\"?",
        ),
        ("1", "--out json", 2, "one of: text, markdown, csv"),
        (
            "1 2 3",
            "--tau 1KiB",
            2,
            "a window is a number of references",
        ),
    ] {
        explain(&sandbox, string, args).code(code).err(&[piece]);
    }
    sandbox
        .run("explain")
        .code(2)
        .err(&["name a trace, or give references: --string"]);
    sandbox
        .run("explain nowhere.txt")
        .code(1)
        .err(&["nowhere.txt"]);
    sandbox
        .run("explain .")
        .code(2)
        .err(&["a folder; explain looks at one trace"]);
    sandbox
        .run("explain t.txt --string 1")
        .code(2)
        .err(&["cannot be used with"]);
}

/// A mapping of a file, and private memory.
const MAPS: &str =
    "# pagebench trace 1\nmap 100000 65536 rw-\nmap 300000 32768 rw- shared file=2,0,32768\n";

/// Pages brought in ahead: what comes and goes within one advice is shown, each page with its own
/// reason, and dirty victims are written back.
#[test]
fn pages_that_leave_for_an_advice() {
    let sandbox = Sandbox::new();
    let ahead = "W 100000\nR 101000\nR 101000\nW 102000\nadvise 300000 8192 willneed\nR 300000\n";
    sandbox.write("ahead.trace", format!("{MAPS}{ahead}"));
    sandbox.run("explain ahead.trace -p lru-k,opt-wb -m 3 -q --out markdown").code(0).out(&[
        "- 4: 0x100000 leaves for a page brought in ahead, written back: fewer than 2 references that count, last at reference 0\n",
        "- 4: 0x102000 leaves for a page brought in ahead, written back: fewer than 2 references that count, last at reference 3\n",
        "- 4: 0x101000 leaves for a page brought in ahead: clean, never used again\n",
    ]);
    let lost = "R 100000\nadvise 300000 16384 willneed\nR 300000\n";
    sandbox.write("lost.trace", format!("{MAPS}{lost}"));
    let done = sandbox
        .run("explain lost.trace -p lru -m 2 -q --out markdown")
        .code(0);
    assert_eq!(done.out.matches(" leaves").count(), 4, "{}", done.out);
    done.out(&["- 1: 0x301000 leaves for a page brought in ahead: least recently used, brought in ahead of reference 1, not referenced since\n"]);
}

/// A dirty page of a shared file is written when it is freed, private memory is not; what the last
/// events free is shown at the end.
#[test]
fn pages_that_are_freed() {
    let sandbox = Sandbox::new();
    let freed = "W 300000\nW 100000\nunmap 300000 32768\nR 101000\nexit\n";
    sandbox.write("freed.trace", format!("{MAPS}{freed}"));
    let done = sandbox.run("explain freed.trace -m 4 -q --out csv").code(0);
    done.out(&[
        "\nlru,4,,2,0x101000,R,fill,no,0x101000 0x100000 -,0x300000,\"is freed: no process maps it any more, written back\"",
        "\nlru,4,,end,,,,,,0x100000 0x101000,is freed: no process maps it any more | is freed: no process maps it any more,,,\n",
    ]);
}

/// References have the numbers that the warnings of `run` and `vm --at` give them.
#[test]
fn references_are_numbered_from_0_with_illegal_ones() {
    let sandbox = Sandbox::new();
    let text = "map 100000 8192 r--\nR 100000\nW 100000\nW 101000\nR 101000\nR 100000\n";
    sandbox.write("i.trace", format!("# pagebench trace 1\n{text}"));
    let skip = "--on-segfault skip -m 1";
    let done = sandbox.run(&format!("explain i.trace -p lru,opt {skip} --out csv"));
    // 1 and 2 are left out. At 3 the page of 0 leaves, which is used next at 4.
    done.code(0)
        .out(&[
            "\nlru,1,,0,0x100000,R,",
            "\nlru,1,,3,0x101000,R,fill,no,0x101000,0x100000,\"leaves: least recently used, last at reference 0\"",
            "\nlru,1,,4,0x100000,R,",
            "\"leaves: least recently used, last at reference 3\"",
            "\"leaves: next used at reference 4, the farthest\"",
        ])
        .err(&["position 1: W of the page at 0x100000", "position 2: W of the page at 0x101000"]);
    let done = sandbox.run(&format!(
        "explain i.trace {skip} --from 2 --count 2 --out csv"
    ));
    assert_eq!(done.code(0).out.lines().count(), 2);
    sandbox
        .run(&format!("explain i.trace {skip} --from 1 --count 2"))
        .code(2)
        .err(&["no reference from 1 to 2 is legal"]);
    sandbox
        .run(&format!("vm i.trace --at 3 {skip}"))
        .code(0)
        .out(&["after 3 of 5 references, 1 of them legal"]);
}

/// After a copy each frame has the name of a process that shows it.
#[test]
fn copies_have_names_of_their_own() {
    let sandbox = Sandbox::new();
    let fork = "switch 1\nmap 100000 4096 rw-\nW 100000\nfork 2\nswitch 2\nR 100000\nswitch 1\nW 100000\nswitch 2\nR 100000\n";
    sandbox.write("fork.trace", format!("# pagebench trace 1\n{fork}"));
    let done = sandbox.run("explain fork.trace -m 3 -q --out csv").code(0);
    done.out(&[",2:0x100000 1:0x100000,,"]);
}

/// A page whose window closed, and which swap cannot take, has not left.
#[test]
fn what_full_swap_keeps_has_not_left() {
    let sandbox = Sandbox::new();
    for (policy, string) in [("ws --tau 1", "1w 2w 3"), ("lru -m 2", "1w 2w 3")] {
        let args = format!("-p {policy} --swap none");
        let done = explain(&sandbox, string, &args).code(0);
        assert!(!done.out.contains(" leaves"), "{}", done.out);
        done.out(&["swap was full at reference 2"]);
    }
}
