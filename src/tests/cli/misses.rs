//! `run --write-misses`: the miss stream of each cell, against a naive one and against the counts.

use super::harness::Sandbox;
use std::collections::{BTreeMap, BTreeSet};

/// A reference of a trace: process, page, whether it writes.
type Reference = (u32, u64, bool);

/// Some references with no pattern, of two processes.
fn references(length: u64, pages: u64) -> Vec<Reference> {
    let mut state = 7u64;
    let mut draw = |below: u64| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) % below
    };
    let one = |draw: &mut dyn FnMut(u64) -> u64| {
        let page = draw(pages).min(draw(pages));
        (1 + (draw(5) == 0) as u32, page, draw(3) == 0)
    };
    (0..length).map(|_| one(&mut draw)).collect()
}

/// As our text format has them, each at the beginning of its page.
fn text(references: &[Reference]) -> String {
    let mut out = "# pagebench trace 1\n".to_owned();
    let mut process = 0;
    for &(pid, page, write) in references {
        if pid != process {
            out += &format!("switch {pid}\n");
            process = pid;
        }
        out += &format!("{} {:x}\n", if write { 'W' } else { 'R' }, page * 4096);
    }
    out
}

/// What the level behind memory sees, straight from the definition: a page that is not there is asked
/// for; the one that makes room is written first if it was written to.
fn naive(references: &[Reference], frames: usize, lru: bool) -> Vec<Reference> {
    let mut resident: Vec<(u32, u64, bool)> = Vec::new();
    let mut out = Vec::new();
    for &(pid, page, write) in references {
        if let Some(at) = resident
            .iter()
            .position(|one| (one.0, one.1) == (pid, page))
        {
            resident[at].2 |= write;
            if lru {
                let one = resident.remove(at);
                resident.push(one);
            }
            continue;
        }
        if resident.len() == frames {
            let (pid, page, dirty) = resident.remove(0);
            if dirty {
                out.push((pid, page, true));
            }
        }
        out.push((pid, page, write));
        resident.push((pid, page, write));
    }
    out
}

/// The references of a stored trace, as `head` lists them.
fn read(sandbox: &Sandbox, file: &str) -> Vec<Reference> {
    let head = sandbox.run(&format!("head {file} -n 1000000")).code(0).out;
    let one = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let address = words[3].strip_prefix("0x").expect("an address");
        let page = u64::from_str_radix(address, 16).unwrap() / 4096;
        (words[1].parse().unwrap(), page, words[2] == "W")
    };
    head.lines().skip(1).map(one).collect()
}

#[test]
fn the_stream_is_that_of_the_definition() {
    let sandbox = Sandbox::new();
    let references = references(3000, 60);
    sandbox.write("t.txt", text(&references));
    for engine in ["auto", "plain"] {
        let run = "run t.txt -p lru,fifo -m 1,7,30,200 --no-charts --force -q";
        sandbox
            .run(&format!(
                "{run} --engine {engine} -o out --write-misses misses"
            ))
            .code(0);
        for (policy, lru) in [("lru", true), ("fifo", false)] {
            for frames in [1, 7, 30, 200] {
                let got = read(&sandbox, &format!("misses/t-{policy}-{frames}.pbt"));
                assert!(
                    got == naive(&references, frames, lru),
                    "{policy}, {frames} frames"
                );
            }
        }
    }
    let stat = sandbox.run("stat misses/t-lru-7.pbt").code(0);
    stat.out(&["kind         faults-only", "name         t-lru-7"]);
    // The next level reads it.
    sandbox
        .run("run misses/t-lru-7.pbt -p fifo -m 30 --no-charts -q -o next")
        .code(0);
    let naive = naive(&naive(&references, 7, true), 30, false);
    let writes = sandbox.column("next/results.csv", "write_backs");
    let faults = sandbox.column("next/results.csv", "faults");
    let sum = |column: &[String]| column[0].parse::<usize>().unwrap();
    assert_eq!(sum(&faults) + sum(&writes), naive.len());
}

/// Each file has as many references as its cell has faults and write-backs: any policy, seeds, windows,
/// warm-up, swap that fills up, walks, and address spaces with forks, shared files and advice.
#[test]
fn every_fault_and_write_back_is_there_once() {
    let sandbox = Sandbox::new();
    sandbox.write("t.txt", text(&references(3000, 60)));
    let fork = include_str!("../../../traces/examples/fork.trace");
    sandbox.write("fork.trace", fork);
    for (options, cells) in [
        ("t.txt -p all -m 1,9,40 --tau 5,300 --seed 1,2", 100),
        ("t.txt -p lru,ws,clock,opt -m 9 --tau 30 --warmup 1000", 4),
        ("t.txt -p lru,ws -m 9 --tau 30 --swap 100KiB", 2),
        ("t.txt -p lru,clock -m 9,20 --accessed-bit walk-flush", 4),
        ("t.txt -p lru,clock -m 9,20 --allocation equal", 4),
        ("t.txt -p lru,clock -m 4,9 --page-size 4KiB,16KiB", 8),
        ("fork.trace -p lru,fifo,clock,opt,ws -m 1,3,5 --tau 1,4", 14),
        ("t.txt -p lru,fifo -m 9,20 --counts faults,write_backs", 4),
    ] {
        sandbox
            .run(&format!(
                "run {options} -o out --force --no-charts -q --write-misses m"
            ))
            .code(0);
        let rows = sandbox.rows("out/results.csv");
        assert!(rows.len() >= cells, "{options}: {}", rows.len());
        let files = sandbox.files("m");
        assert_eq!(files.len(), rows.len(), "{options}");
        let number = |row: &BTreeMap<String, String>, name: &str| row[name].parse().unwrap_or(0u64);
        let mut wanted: Vec<u64> = Vec::new();
        for row in &rows {
            wanted.push(number(row, "faults") + number(row, "write_backs"));
        }
        let mut got: Vec<u64> = Vec::new();
        for file in &files {
            let stat = sandbox.run(&format!("stat m/{file}")).code(0).out;
            let line = stat
                .lines()
                .find(|line| line.starts_with("references"))
                .unwrap();
            got.push(line.split_whitespace().nth(1).unwrap().parse().unwrap());
        }
        wanted.sort_unstable();
        got.sort_unstable();
        assert_eq!(got, wanted, "{options}");
        std::fs::remove_dir_all(sandbox.path("m")).unwrap();
    }
}

/// Two processes that map one file fault on one page of memory.
#[test]
fn a_shared_page_is_one_page() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "s.trace",
        "# pagebench trace 1\nswitch 1\nmap 40000 4096 rw- shared file=1,0,4096 name=/f\nW 40000\n\
         switch 2\nmap 80000 4096 rw- shared file=1,0,4096 name=/f\nW 80000\n",
    );
    sandbox
        .run("run s.trace -p lru -m 4 --no-charts -q -o out --write-misses m")
        .code(0);
    let stat = sandbox.run("stat m/s-lru-4.pbt").code(0);
    // A fill and a map of the same page.
    stat.out(&["references   2", "pages        1"]);
}

#[test]
fn names_are_safe_and_never_the_same_twice() {
    let sandbox = Sandbox::new();
    sandbox.write("a/t b.txt", text(&references(300, 20)));
    sandbox.write("b/t_b.txt", text(&references(300, 30)));
    sandbox
        .shell(
            "$PAGEBENCH run 'a/t b.txt' b/t_b.txt -p clock:load-bit=0,ws:limit=9,2q:kin=0.1,2q -m 9 \
             --tau 4,8 --no-charts -q -o out --write-misses 'm m'",
        )
        .code(0);
    let files = sandbox.files("m m");
    assert_eq!(files.len(), 10, "{files:?}");
    let safe = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    assert!(files.iter().all(|name| name.chars().all(safe)), "{files:?}");
    let lower: BTreeSet<String> = files.iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(lower.len(), 10);
    assert!(
        files.contains(&"t_b-clock_load-bit_0-9.pbt".to_owned()),
        "{files:?}"
    );
}

#[test]
fn a_run_that_goes_on_writes_what_is_missing() {
    let sandbox = Sandbox::new();
    sandbox.write("t.txt", text(&references(3000, 60)));
    let run = "run t.txt -p lru,fifo,clock -m 5,10,20 --no-charts -q -o out --write-misses m";
    sandbox.run(&format!("{run} -j1")).code(0);
    let all: Vec<Vec<u8>> = sandbox
        .files("m")
        .iter()
        .map(|name| sandbox.read(&format!("m/{name}")))
        .collect();
    // Files that are there are not written over.
    sandbox
        .run(&run.replace("-o out", "-o other"))
        .code(2)
        .err(&["m: holds t-", "--force"]);
    std::fs::remove_file(sandbox.path("m/t-lru-10.pbt")).unwrap();
    std::fs::remove_file(sandbox.path("m/t-clock-5.pbt")).unwrap();
    sandbox.run(&format!("{run} -j2 --resume")).code(0);
    let again: Vec<Vec<u8>> = sandbox
        .files("m")
        .iter()
        .map(|name| sandbox.read(&format!("m/{name}")))
        .collect();
    assert!(again == all, "the same bytes with any number of threads");
    let manifest = sandbox.text("out/manifest.json");
    assert!(manifest.contains("\"cells_resumed\": 7"), "{manifest}");
}

/// A trace that stays in its file gives the streams of one in memory.
#[cfg(target_os = "linux")]
#[test]
fn a_long_trace_has_streams_too() {
    let sandbox = Sandbox::new();
    sandbox
        .run("gen zipf --pages 3000 --refs 1200k --writes 30 --alpha 1.1 -o z.pbt")
        .code(0);
    let run =
        "run z.pbt -p lru,clock,ws -m 16,500 --tau 700 --warmup 10k --tlb none --no-charts -q";
    sandbox
        .run(&format!("{run} -o a --write-misses a.m"))
        .code(0);
    sandbox
        .run(&format!("{run} -o b --write-misses b.m --mem-limit 1MiB"))
        .code(0)
        .no_message();
    let files = sandbox.files("a.m");
    assert_eq!(files.len(), 5);
    assert_eq!(files, sandbox.files("b.m"));
    for file in files {
        let [a, b] = ["a", "b"].map(|run| sandbox.read(&format!("{run}.m/{file}")));
        assert!(a == b, "{file}");
    }
}

#[test]
fn a_folder_that_cannot_be_written_ends_the_run_before_its_work() {
    let sandbox = Sandbox::new();
    sandbox.write("t.txt", text(&references(30, 6)));
    sandbox.write("file", "");
    sandbox
        .run("run t.txt -p lru -m 5 -q -o out --write-misses file/m")
        .code(1)
        .err(&["file/m: cannot write to the output folder"]);
    assert!(!sandbox.exists("out"));
    // Nothing is made for a plan that is only shown.
    sandbox
        .run("run t.txt -p lru -m 5 -q -o out --write-misses m --dry-run")
        .code(0);
    assert!(!sandbox.exists("m"));
}
