//! Text traces of other tools, from the shell: small files in real layouts with the right reading, and
//! files that no format can read.

use super::harness::Sandbox;

/// The kinds and addresses that `head` prints.
fn read(sandbox: &Sandbox, args: &str) -> Vec<(String, String)> {
    let done = sandbox.run(&format!("head {args}")).code(0);
    let lines = done.out.lines().skip(1);
    let fields = lines.map(|line| line.split_whitespace().map(str::to_owned).collect());
    let pair = |fields: Vec<String>| (fields[2].clone(), fields[3].clone());
    fields.map(pair).collect()
}

#[test]
fn small_files_in_real_layouts_are_read_without_an_option() {
    let sandbox = Sandbox::new();
    for (content, format, expected) in [
        (
            "// a title\n0x1000 R\n; a note\n0x2000 W # why\n0x1000 R\n",
            "addr-rw",
            "R 0x1000 W 0x2000 R 0x1000",
        ),
        (
            "R 0x00401000\nW 0x00402abc\nR 0x7fff1234\n",
            "addr-rw",
            "R 0x401000 W 0x402abc R 0x7fff1234",
        ),
        (
            " L 0x50, 1\n S 0x60, 1\n L 0x50, 1\n",
            "lackey",
            "R 0x50 W 0x60 R 0x50",
        ),
        (
            "l 0x70000000\nl 0x00000000\ns 0x10000000\nl 0x70000010\n",
            "spec",
            "R 0x70000000 R 0x0 W 0x10000000 R 0x70000010",
        ),
        (
            "3 20734016\n1 20846400\n4 20734208\n0 20734144 20734016\n",
            "ramulator",
            "R 0x13c6040 R 0x13e1740 R 0x13c6100 R 0x13c60c0 W 0x13c6040",
        ),
        (
            "LD 0x1400c0\nST 0x1102c0\n",
            "ramulator2",
            "R 0x1400c0 W 0x1102c0",
        ),
        (
            "   10: T100   0x00007f7fe453152a  non-branch 5 byte(s)\n   \
             11: T100     read  1 byte(s) @ 0x00007f7fe3ec538c\n   \
             12: T100     write 8 byte(s) @ 0x00007f7fe454e90d\n",
            "drmemtrace-view",
            "I 0x7f7fe453152a R 0x7f7fe3ec538c W 0x7f7fe454e90d",
        ),
        (
            "8,16   1        1     1.427376394  5529  Q  WS 274432 + 8 [fio]\n\
             8,16   1        2     1.427384090  5529  G  WS 274432 + 8 [fio]\n",
            "blkparse",
            "W 0x8600000",
        ),
        (
            "7 0 1 2 0 3 0 4 2 3 0 3 2\n",
            "string",
            "R 0x7 R 0x0 R 0x1 R 0x2 R 0x0 R 0x3 R 0x0 R 0x4 R 0x2 R 0x3 R 0x0 R 0x3 R 0x2",
        ),
    ] {
        sandbox.write("t", content);
        let got = read(&sandbox, "t");
        let got: Vec<String> = got
            .into_iter()
            .map(|(kind, addr)| format!("{kind} {addr}"))
            .collect();
        assert_eq!(got.join(" "), expected, "{content}");
        let guessed = format!("format       {format} (guessed");
        sandbox.run("stat t").code(0).out(&[&guessed]);
    }
}

#[test]
fn requests_of_msr_with_a_header_are_split_into_pages() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "t",
        "Timestamp,Hostname,DiskNumber,Type,Offset,Size,ResponseTime\n\
         128166372003061629,hm,1,Read,383496192,32768,413\n\
         128166372016382155,hm,1,Write,310983680,20480,1963\n",
    );
    sandbox.run("stat t").code(0).out(&["pages        14 "]);
}

/// A string is a pattern and no block trace: no warning about its kind.
#[test]
fn a_string_in_a_file_is_what_explain_reads() {
    let sandbox = Sandbox::new();
    let string = "7 0 1 2 0 3 0 4 2 3 0 3 2";
    sandbox.write("s", string);
    let done = sandbox
        .run("run s -p fifo,lru,opt -m 3 --no-charts -o out")
        .code(0);
    assert!(!done.err.contains("warning"), "{}", done.err);
    assert_eq!(
        sandbox.column("out/results.csv", "trace_kind"),
        ["synthetic"; 3]
    );
    let mut faults = sandbox.column("out/results.csv", "faults");
    faults.sort_by_key(|faults| faults.parse::<u64>().unwrap());
    // Silberschatz's string up to its 13th reference with 3 frames: OPT 7, LRU 9, FIFO 10.
    assert_eq!(faults, ["7", "9", "10"]);
    // Large numbers on one line are page numbers or addresses: both commands work.
    sandbox.write("large", "16912 62490 30190\n");
    let done = sandbox.run("stat large").code(3);
    done.err(&["one line of numbers", "--format string --unit byte"]);
    sandbox
        .run("stat large --format string")
        .code(0)
        .out(&["pages        3 "]);
    sandbox
        .run("stat large --format string --unit byte")
        .code(0)
        .out(&["pages        3 "]);
}

#[test]
fn what_no_format_can_read_is_refused_by_name() {
    let sandbox = Sandbox::new();
    for (content, name, advice) in [
        (
            "kdamond.0 1123 [000] 7.5: damon:damon_aggregated: target_id=0 nr_regions=2 4096-8192: 0 3\n",
            "DAMON's text",
            "pagebench record",
        ),
        (
            "R 0,0,2,1,733,16\nW 0,0,2,1,733,17\n",
            "DRAM coordinates",
            "--format ramulator2",
        ),
        (
            "==9== Lackey\n==9== Counted 1 call to main()\n",
            "without accesses",
            "--trace-mem=yes",
        ),
        (
            "execve(\"/bin/ls\", [\"ls\"], 0x7ff) = 0\n",
            "strace",
            "pagebench record",
        ),
    ] {
        sandbox.write("t", content);
        let done = sandbox.run("stat t").code(3);
        done.err(&["error: t: this is ", name, advice]);
    }
    // What is printed for fio's log works.
    sandbox.write(
        "io.log",
        "fio version 2 iolog\n/dev/sda add\n/dev/sda read 0 4096\n/dev/sda write 8192 512\n",
    );
    let done = sandbox.run("stat io.log").code(3);
    let script =
        "awk '$2 == \"read\" || $2 == \"write\" {print $3 \",\" $4 \",\" $2}' io.log > io.csv";
    assert!(done.err.contains(&script[..60]), "{}", done.err);
    sandbox.shell(script);
    let options = "--format csv --header no --col addr=1,size=2,rw=3";
    sandbox
        .run(&format!("stat io.csv {options}"))
        .code(0)
        .out(&["pages        2 "]);
}

#[test]
fn dropped_lines_are_counted_and_bad_ones_named() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "t",
        "8,0 0 1 0.5 7 Q R 8 + 8 [a]\n8,0 0 2 0.5 7 G R 8 + 8 [a]\n8,0 0 3 0.5 7 Q D 8 + 8 [a]\n",
    );
    let done = sandbox.run("stat t").code(0);
    done.err(&["1 event that is no Q and 1 discard dropped"]);
    sandbox.write("t", "l 0x10 1\nl 0x20 1\ns 0x30 1\nl 0x10 1\nl 0x20 1 9\n");
    let done = sandbox.run("stat t").code(3);
    done.err(&["t:5: 4 columns, but 3 on the first line"]);
    sandbox.write("t", "1 2 oops 3\n");
    let done = sandbox.run("stat t --format string").code(3);
    done.err(&["t:1: a word is no page number", "1 | oops", "1 2 3w 4"]);
    let done = sandbox.run("stat t --format string --skip-bad").code(0);
    done.out(&["skipped      1 bad record"]);
    for name in [
        "ramulator",
        "string",
        "blkparse",
        "fiu",
        "ftrace",
        "bpftrace",
        "drmemtrace-view",
    ] {
        sandbox.run(&format!("formats {name}")).code(0).out(&[name]);
    }
}
