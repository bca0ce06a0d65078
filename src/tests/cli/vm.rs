//! Memory at a position of a trace, and over time.

use super::harness::{Sandbox, snapshot};

const FAMILY: &str = include_str!("../data/family.trace");

fn family() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("family.trace", FAMILY);
    sandbox
}

/// Worked by hand. Four frames after the references of the parent: code, data, data, region. The
/// child is forked and inherits all four entries. It fetches (hit), then writes data at 0x1000:
/// the victim is the least recently used page, which is the very page to be copied. That is dirty
/// and goes to slot 0, the copy takes its frame, and the parent keeps the original alone.
#[test]
fn a_family_after_the_copy() {
    let sandbox = family();
    let done = sandbox
        .run("vm family.trace --at 8 -m 4 --entries -q --pin-cow-source off")
        .code(0)
        .no_message();
    snapshot("vm-at.stdout", &done.out);
}

#[test]
fn a_family_at_its_end() {
    let sandbox = family();
    let before = "--pin-cow-source off --page-cache drop";
    let end = sandbox.run(&format!("vm family.trace --at end -m 4 -q {before}"));
    let end = end.code(0);
    end.out(&[
        "after the last event, all 13 references, 12 of them legal",
        "process 1: exited\n",
        "process 2: killed\n",
        "0 slots in use, at most 1 so far\n",
        "      0  -      -    free\n",
        "0 segmentation faults, 1 protection fault; 0 later references dropped",
        "         9    2  W     0x10000  not allowed\n",
    ]);
    // The last reference is the parent's read; its exit follows.
    let last = sandbox.run("vm family.trace --at 100% -m 4 -q").code(0);
    last.out(&[
        "after 13 of 13 references, 12 of them legal",
        "process 1: alive",
    ]);
    // The child's write to its code is left out.
    let skip = "vm family.trace --at end -m 4 -q --on-segfault skip";
    sandbox.run(skip).code(0).out(&["process 2: alive"]);
    let abort = "vm family.trace --on-segfault abort";
    sandbox
        .run(abort)
        .code(3)
        .err(&["position 9", "protection fault"]);
}

#[test]
fn what_is_refused_is_listed() {
    let sandbox = family();
    // Five pages are promised to the parent; the child would have four of its own.
    let args = "vm family.trace --at end -q --overcommit strict --ram 28KiB --swap none";
    sandbox.run(args).code(0).out(&[
        "process 2: refused\n",
        "refused of the whole trace: 1 event\n  position 4, process 2: a fork: ",
    ]);
}

#[test]
fn traces_without_events_have_no_mappings() {
    let sandbox = Sandbox::with_trace();
    sandbox.run("vm t.txt").code(0).out(&[
        "t: permissive mappings, 1 process",
        "lru, 73 frames (292KiB): a quarter of the 295 pages, at least 1\n",
        "after 2000 of 4000 references\n",
        "no mappings; ",
    ]);
    let inferred = sandbox.run("vm t.txt --mappings infer -q").code(0);
    inferred.out(&["t: inferred mappings", "start", "anonymous", "total"]);
    // 73 frames are listed only if that is asked for.
    let plain = sandbox.run("vm t.txt -q").code(0);
    assert!(!plain.out.contains("\nframes, "), "{}", plain.out);
    let listed = sandbox.run("vm t.txt -q --list-frames").code(0);
    assert!(listed.out.contains("\n     72  "), "{}", listed.out);
}

#[test]
fn every_policy_and_allocation_can_be_looked_at() {
    let sandbox = family();
    for policy in pagebench::internals::policy::TABLE {
        sandbox
            .run(&format!("vm family.trace -q -p {}", policy.name))
            .code(0)
            .out(&[policy.name]);
    }
    let ws = sandbox
        .run("vm family.trace -q -p ws:limit=3 --tau 2")
        .code(0);
    ws.out(&["ws:limit=3, a window of 2 references\n"]);
    let equal = sandbox
        .run("vm family.trace -q -m 4 --allocation equal")
        .code(0);
    equal.out(&["; equal: 2 to process 1, 2 to process 2\n"]);
}

#[test]
fn full_swap_is_told() {
    let sandbox = family();
    let args = "family.trace -m 1 --swap 8KiB";
    let told = "swap was full ";
    sandbox
        .run(&format!("vm {args} --at end"))
        .code(0)
        .err(&[told]);
    sandbox
        .run(&format!("vm {args} -o out"))
        .code(0)
        .err(&[told]);
    assert!(sandbox.rows("out/states.csv").len() < 13);
}

#[test]
fn states_over_time() {
    let sandbox = family();
    let command = "vm family.trace -q -m 2 -o out --over-time 5";
    let done = sandbox.run(command).code(0);
    assert_eq!(done.out, "out/states.csv\nout/states.png\n");
    assert_eq!(sandbox.files("out"), ["states.csv", "states.png"]);
    snapshot("vm-states.csv", &sandbox.text("out/states.csv"));
    let png = sandbox.read("out/states.png");
    assert!(png.starts_with(b"\x89PNG\r\n\x1a\n") && png.ends_with(b"IEND\xaeB`\x82"));

    let refused = sandbox.run(command).code(2);
    refused.err(&["out: holds states.csv already", "--force"]);
    sandbox.run(&format!("{command} --force")).code(0);
    assert!(png == sandbox.read("out/states.png"), "the same bytes");
    // As many positions as there are references, if more are asked for.
    sandbox.run("vm family.trace -q -o all").code(0);
    assert_eq!(sandbox.rows("all/states.csv").len(), 13);
}

#[test]
fn states_are_those_at_their_positions() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run("vm t.txt -q -m 64 --mappings infer -o out --over-time 3")
        .code(0);
    for row in sandbox.rows("out/states.csv") {
        let at = &row["position"];
        let done = sandbox.run(&format!("vm t.txt -q -m 64 --mappings infer --at {at}"));
        done.code(0).out(&[
            &format!("faults       {}: ", row["faults"]),
            &format!(
                "resident     {} pages, {} dirty\n",
                row["resident"], row["resident_dirty"]
            ),
        ]);
    }
}

#[test]
fn bad_arguments_say_why() {
    let sandbox = Sandbox::with_trace();
    for (args, piece) in [
        (
            "--at 4001",
            "beyond the end of the trace, which has 4000 references",
        ),
        (
            "--at half",
            "\"half\" is no position: write 1000, 20M, 50% or end",
        ),
        ("--at 101%", "is no position"),
        ("-p lru,fifo", "--policy lru,fifo: one policy at a time"),
        ("-p all", "one policy at a time"),
        ("-p lur", "did you mean \"lru\"?"),
        ("-m 8,16", "--frames 8,16: one value at a time, not 2"),
        ("-p ws -m 8", "--frames: ws has a window"),
        ("-p ws --tau 5,6", "--tau 5,6: one value at a time"),
        ("-p ws --tau 5MiB", "a window is a number of references"),
        ("--tau 5", "--tau: lru has no window"),
        ("--allocation weights=1/1", "2 weights for 1 process"),
        ("--ram 1MiB", "--ram needs --overcommit strict"),
        ("--over-time 5", "--output"),
        ("--over-time 0 -o out", "--over-time 0: from 2 to 10000"),
        ("--over-time 10001 -o out", "from 2 to 10000"),
        ("--entries -o out", "cannot be used with"),
        ("--at 5 -o out", "cannot be used with"),
    ] {
        sandbox
            .run(&format!("vm t.txt {args}"))
            .code(2)
            .err(&[piece]);
    }
    sandbox.run("vm .").code(2).err(&["a folder"]);
    sandbox.run("vm none.txt").code(1).err(&["none.txt"]);
    sandbox.run("vm none.txt -o out").code(1);
    assert_eq!(sandbox.files("."), ["t.txt"]);
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let sandbox = family();
    let script = "\"$PAGEBENCH\" vm family.trace -q | true";
    sandbox.shell(script).code(0).no_message();
    let stdin = sandbox.run_stdin("vm - --at 3 -q", FAMILY.as_bytes());
    stdin
        .code(0)
        .out(&["trace        stdin: recorded mappings"]);
}

/// Two pages under two tables of 1024 entries of 4 bytes; or, in the layout of 64 bits, under two tables of
/// pages, two directories (0 and 2 GiB to 3 GiB), and one table above them.
#[test]
fn page_tables_are_those_of_the_layout() {
    let sandbox = Sandbox::new();
    let trace = "# pagebench trace 1\n# addressing: bytes\nmap 8048000 4096 r-x name=text\nmap bfff0000 4096 rw- name=data\n\
                 I 8048000\nW bfff0000\n";
    sandbox.write("t.trace", trace);
    for (options, tables) in [
        (
            "",
            "page tables: 1 + 1 + 2 + 2 by level, 24KiB (four-level)",
        ),
        (
            "--layout i386",
            "page tables: 1 + 2 by level, 12KiB (two-level)",
        ),
    ] {
        sandbox
            .run(&format!("vm t.trace --at end -m 4 {options}"))
            .code(0)
            .out(&[tables]);
    }
}
