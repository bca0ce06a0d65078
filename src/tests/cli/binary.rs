//! Binary inputs from the shell: raw integers, snappy, a folder of drmemtrace's threads, and known files
//! that are no traces.

use super::harness::Sandbox;
use std::io::Write;

/// Records of drmemtrace: type, size, address.
fn records(list: &[(u16, u16, u64)]) -> Vec<u8> {
    let one = |&(kind, size, value): &(u16, u16, u64)| {
        let mut bytes = kind.to_le_bytes().to_vec();
        bytes.extend(size.to_le_bytes());
        bytes.extend(value.to_le_bytes());
        bytes
    };
    list.iter().flat_map(one).collect()
}

/// A thread of process 77: a time stamp, then reads of pages, again and again.
fn thread(pieces: &[(u64, &[u64])]) -> Vec<u8> {
    let mut list = vec![(25, 0, 6), (28, 12, 6), (22, 4, 1), (24, 4, 77)];
    for &(time, pages) in pieces {
        list.push((28, 2, time));
        list.extend(pages.iter().map(|page| (0, 8, page * 4096)));
    }
    records(&list)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn snappy(bytes: &[u8]) -> Vec<u8> {
    let mut out = snap::write::FrameEncoder::new(Vec::new());
    out.write_all(bytes).unwrap();
    out.into_inner().unwrap()
}

/// The pages that `head` lists, and the processes.
fn pages(sandbox: &Sandbox, trace: &str) -> Vec<(String, u64)> {
    let head = sandbox.run(&format!("head {trace} -n 1000")).code(0).out;
    let page = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let address = u64::from_str_radix(words[3].trim_start_matches("0x"), 16).unwrap();
        (words[1].to_owned(), address / 4096)
    };
    head.lines().skip(1).map(page).collect()
}

const DIR: &str = "drmemtrace.prog.77.0001.dir";

fn with_threads() -> Sandbox {
    let sandbox = Sandbox::new();
    let file = |name: &str| format!("{DIR}/trace/drmemtrace.prog.{name}");
    let main = thread(&[(10, &[1, 2]), (30, &[3]), (50, &[4])]);
    let second = thread(&[(20, &[11]), (40, &[12, 13])]);
    sandbox.write(&file("77.0001.trace.gz"), gzip(&main));
    sandbox.write(&file("78.0002.trace.sz"), snappy(&second));
    sandbox.write(&format!("{DIR}/trace/cpu_schedule.bin.zip"), "PK");
    sandbox.write(&format!("{DIR}/raw/modules.log"), "");
    sandbox
}

#[test]
fn a_folder_of_threads_is_one_trace() {
    let sandbox = with_threads();
    let expected: Vec<(String, u64)> = [1, 2, 11, 3, 12, 13, 4]
        .iter()
        .map(|&page| ("77".to_owned(), page))
        .collect();
    for folder in [DIR.to_owned(), format!("{DIR}/trace")] {
        assert_eq!(pages(&sandbox, &folder), expected, "{folder}");
        let done = sandbox
            .run(&format!(
                "run {folder} -p lru -m 2 --no-charts --force -o out"
            ))
            .code(0);
        done.err(&["drmemtrace", "2 threads merged by their time stamps"]);
        let row = &sandbox.rows("out/results.csv")[0];
        assert_eq!(row["trace"], "drmemtrace.prog.77.0001");
        assert_eq!((&*row["refs"], &*row["faults"]), ("7", "7"));
    }
    // Named with the format, converted, and beside another trace.
    sandbox
        .run(&format!("convert {DIR} --format drmemtrace -o whole.pbt"))
        .code(0);
    assert_eq!(pages(&sandbox, "whole.pbt").len(), 7);
    sandbox
        .run(&format!(
            "run {DIR} whole.pbt -p lru -m 2 --no-charts -q -o two"
        ))
        .code(0);
    assert_eq!(sandbox.rows("two/results.csv").len(), 2);
    // Each thread is a trace of its own by its name.
    let one = format!("{DIR}/trace/drmemtrace.prog.78.0002.trace.sz");
    assert_eq!(pages(&sandbox, &one).len(), 3);
}

#[test]
fn a_folder_that_may_be_meant_otherwise_is_asked_about() {
    let sandbox = with_threads();
    sandbox.write(
        &format!("{DIR}/trace/other.txt"),
        "# pagebench trace 1\nR 1000\n",
    );
    // What drmemtrace writes is certain; a folder of one's own is not.
    sandbox.run(&format!("stat {DIR}")).code(0);
    sandbox.shell(&format!(
        "mkdir mine && cp {DIR}/trace/*.trace.* {DIR}/trace/other.txt mine"
    ));
    sandbox.run("run mine -p lru -m 2 -q -o out").code(3).err(&[
        "2 files of drmemtrace",
        "beside others (mine/other.txt)",
        "folder of their own",
    ]);
    sandbox.shell("rm mine/other.txt");
    assert_eq!(pages(&sandbox, "mine").len(), 7);
    let process = records(&[(25, 0, 6), (28, 12, 6), (22, 4, 1), (24, 4, 78), (0, 8, 64)]);
    sandbox.write("mine/drmemtrace.other.1.1.trace", process);
    sandbox
        .run("stat mine")
        .code(3)
        .err(&["threads of several processes", "of process 78"]);
}

#[test]
fn raw_integers_are_read_by_name_only() {
    let sandbox = Sandbox::new();
    let numbers = [1u32, 2, 3, 1, 2, 5000, 3];
    let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
    sandbox.write("t.raw", &bytes);
    sandbox
        .run("run t.raw -p lru -m 2 -q -o out")
        .code(3)
        .err(&["not a trace of a known format"]);
    let run = |more: &str| {
        sandbox
            .run(&format!(
                "run t.raw --format raw:u32le {more} -p lru -m 2 --no-charts --force -o out"
            ))
            .code(0)
            .err(&["raw:u32le"]);
        sandbox.column("out/results.csv", "distinct_pages")[0].clone()
    };
    assert_eq!(run(""), "4");
    assert_eq!(run("--unit page"), "4");
    // Addresses: 1, 2, 3 in page 0, 5000 in page 1.
    assert_eq!(run("--unit byte"), "2");
    assert_eq!(run("--unit 4KiB"), "4");
    sandbox.write("cut.raw", &bytes[..10]);
    sandbox
        .run("run cut.raw --format raw:u32le -p lru -m 2 -q -o out2")
        .code(3)
        .err(&["cut.raw: byte 8:", "2 of 4 bytes"]);
    let signed: Vec<u8> = [4i64, -1].iter().flat_map(|n| n.to_be_bytes()).collect();
    sandbox.write("signed.raw", signed);
    sandbox
        .run("run signed.raw --format raw:i64be -p lru -m 2 -q -o out2")
        .code(3)
        .err(&["signed.raw: byte 8:", "-1 is negative"]);
    sandbox
        .run("run t.raw --format raw:u16le")
        .code(2)
        .err(&["unknown format \"raw:u16le\""]);
    sandbox
        .run("run t.raw --format raw:u32le --base hex")
        .code(2)
        .err(&["--base hex does not apply"]);
}

#[test]
fn strangers_are_refused_by_name() {
    let sandbox = Sandbox::new();
    let mut tar = vec![0u8; 1024];
    tar[257..262].copy_from_slice(b"ustar");
    for (name, bytes, pieces) in [
        (
            "perf.data",
            b"PERFILE2\x68\0\0\0".to_vec(),
            &["perf.data", "perf script"][..],
        ),
        (
            "d.zlib",
            b"\x78\x9c\xed\xbd\x07".to_vec(),
            &["DAMON", "zlib"],
        ),
        (
            "d.json",
            b"[{\"kdamond_idx\": 0}]".to_vec(),
            &["a record of DAMON"],
        ),
        (
            "t.tar.gz",
            gzip(&tar),
            &["a tar archive", "its gzip stream", "unpack it"],
        ),
        ("t.parquet", b"PAR1\x15\x04".to_vec(), &["Parquet", "csv"]),
        (
            "t.sz",
            snappy(&[0x91, 0x92, 0x93]),
            &["not a trace of a known format", "its snappy stream"],
        ),
        (
            "u.sz",
            vec![0x91, 0x92, 0x93],
            &["the name says snappy", "unpack it"],
        ),
        (
            "a.champsim",
            vec![1; 64 * 3 + 5],
            &["byte 192", "3 records and 5 bytes", "cloudsuite"],
        ),
    ] {
        sandbox.write(name, bytes);
        let done = sandbox.run(&format!("stat {name}")).code(3);
        done.err(pieces).err(&[name]);
    }
    // A stream that is cut or damaged says so.
    let mut whole = snappy(&thread(&[(1, &[1, 2, 3])]));
    sandbox.write("t.trace.sz", &whole);
    sandbox
        .run("stat t.trace.sz")
        .code(0)
        .out(&["references   3"]);
    whole.pop();
    sandbox.write("cut.trace.sz", &whole);
    sandbox
        .run("stat cut.trace.sz")
        .code(3)
        .err(&["snappy stream is cut short"]);
    let last = whole.len() - 1;
    whole.push(0);
    whole[last] ^= 0x40;
    sandbox.write("bad.trace.sz", &whole);
    sandbox
        .run("stat bad.trace.sz")
        .code(3)
        .err(&["snappy stream is corrupt"]);
}
