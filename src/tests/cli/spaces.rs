//! Address spaces on the command line: traces that contradict themselves, options that do not go
//! together, and the results of traces that can be followed by hand.

use super::harness::{Done, Sandbox};
use std::collections::BTreeMap;
use std::path::Path;

/// Runs a trace of these lines, the first of which is line 2 of `t`.
fn run(text: &str, options: &str) -> (Sandbox, Done) {
    let sandbox = Sandbox::new();
    sandbox.write("t", format!("# pagebench trace 1\n{text}"));
    let command = format!("run t --no-charts -o out {options}");
    let done = sandbox.run(&command);
    (sandbox, done)
}

#[test]
fn traces_that_contradict_themselves_are_refused() {
    for (text, pieces) in [
        (
            "map 1000 8192 rw-\nR 1000\nmap 2000 4096 rw-\n",
            &[
                "error: t: line 4, before position 1: the mapping of 0x2000 to 0x3000 overlaps that of 0x1000 to 0x3000",
                "help: a mapping that replaces what is there is marked `fixed`",
            ][..],
        ),
        (
            "R 1000\nfork 2\nfork 2\n",
            &["t: line 4, before position 1: process 2 already exists or existed"],
        ),
        (
            "R 1000\nexit\nfork 3\n",
            &["t: line 4, before position 1: process 0 has exited already"],
        ),
        (
            "R 1000\nexit\nR 1000\n",
            &["t: position 1: process 0 has exited"],
        ),
        (
            "R 1000\nexit\nexit\n",
            &[
                "t: line 4, before position 1: process 0 has exited already",
                "help: ",
            ],
        ),
        (
            "map fffffffffff000 8192 rw-\nR 1000\n",
            &[
                "t: line 2, before position 0: 8192 bytes from 0xfffffffffff000 on end beyond user space",
            ],
        ),
        // These do not come so far as to contradict anything.
        (
            "map 1000 4096 rwxp\nR 1000\n",
            &[
                "t:2: the protection `rwxp` is not rwx",
                "2 | map 1000 4096 rwxp",
            ],
        ),
        (
            "map 1000 4096\nR 1000\n",
            &["t:2: the protection is missing"],
        ),
        (
            "map ffffffffffffffff 2 rw-\nR 1000\n",
            &["t:2: the range runs past the end of the 64-bit address space"],
        ),
    ] {
        let (sandbox, done) = run(text, "-p lru -m 4");
        done.code(3).err(&["error: "]).err(pieces);
        assert!(!sandbox.exists("out"), "{text}");
    }
    // Other traces are run all the same.
    let sandbox = Sandbox::new();
    sandbox.write("bad", "# pagebench trace 1\nexit\nR 1000\n");
    sandbox.write("good", "# pagebench trace 1\nR 1000\n");
    sandbox
        .run("run bad good -p lru -m 4 --no-charts -o out")
        .code(3)
        .err(&["error: bad: position 0: process 0 has exited"]);
    assert_eq!(sandbox.column("out/results.csv", "trace"), ["good"]);
}

#[test]
fn what_has_no_effect_is_told() {
    let (sandbox, done) = run(
        "map 1000 4096 rw-\nW 1000\nunmap 5000 4096\n",
        "-p lru -m 4",
    );
    done.code(0)
        .err(&["note: t: 1 event had no effect: they name unmapped memory"]);
    assert_eq!(sandbox.column("out/results.csv", "status"), ["ok"]);
}

#[test]
fn options_that_do_not_go_together() {
    let text = "R 1000\nswitch 2\nR 1000\n";
    for (options, code, pieces) in [
        (
            "--allocation weights=1/2/3",
            1,
            &["error: cell t, lru, 4 frames", "3 weights for 2 processes"][..],
        ),
        (
            "--allocation equal -m 1",
            1,
            &[
                "error: cell t, lru, 1 frame",
                "1 frame for 2 processes: each needs one",
            ],
        ),
        (
            "--accessed-bit walk --tlb none",
            2,
            &["--accessed-bit walk: without TLBs no page walk sets accessed bits"],
        ),
        (
            "--overcommit strict --swap none",
            2,
            &["--overcommit strict needs --ram BYTES"],
        ),
        (
            "--overcommit strict --ram 1MiB",
            2,
            &["--overcommit strict needs a limited swap"],
        ),
        ("--ram 1MiB", 2, &["--ram needs --overcommit strict"]),
        (
            "--overcommit strict --ram much --swap none",
            2,
            &["--ram", "much"],
        ),
        (
            "--allocation equall",
            2,
            &["unknown allocation \"equall\"", "did you mean"],
        ),
        ("--allocation weights=1/0", 2, &["\"0\" is not a weight"]),
        (
            "--accessed-bit never",
            2,
            &["one of: every, walk, walk-flush"],
        ),
        ("--on-segfault die", 2, &["one of: kill, skip, abort"]),
        ("--mappings guess", 2, &["one of: permissive, infer"]),
        ("--overcommit never", 2, &["always, strict"]),
    ] {
        let frames = if options.contains("-m") { "" } else { "-m 4" };
        let (sandbox, done) = run(text, &format!("-p lru {frames} {options}"));
        done.code(code).err(pieces);
        assert_eq!(sandbox.exists("out"), code == 1, "{options}");
        if code == 1 {
            assert_eq!(sandbox.column("out/results.csv", "status"), ["error"]);
        }
    }
}

/// The values of these columns.
fn values(row: &BTreeMap<String, String>, columns: &str) -> String {
    let values = columns.split_whitespace().map(|column| {
        let value = row.get(column);
        format!("{column} {}", value.unwrap_or_else(|| panic!("{column}")))
    });
    values.collect::<Vec<_>>().join(", ")
}

const ILLEGAL: &str = "map 1000 8192 r--
R 1000
W 1000
R 2000
switch 2
map 1000 4096 rw-
R 9000
W 1000
";

#[test]
fn illegal_references_by_what_they_do() {
    let columns = "refs hits faults segfaults protection_faults refs_dropped on_segfault mappings";
    let (sandbox, done) = run(ILLEGAL, "-p lru -m 4");
    done.code(0).err(&[
        "warning: t: 1 segmentation fault and 1 protection fault: processes ended there, 2 later references were left out",
        "  position 1: W of the page at 0x1000 by process 0: not allowed",
        "  position 3: R of the page at 0x9000 by process 2: no mapping",
    ]);
    let row = &sandbox.rows("out/results.csv")[0];
    assert_eq!(
        values(row, columns),
        "refs 1, hits 0, faults 1, segfaults 1, protection_faults 1, refs_dropped 2, \
         on_segfault kill, mappings recorded"
    );
    // The page that was read is freed with its process.
    assert_eq!(values(row, "freed resident_end"), "freed 1, resident_end 0");

    let (sandbox, done) = run(ILLEGAL, "-p lru -m 4 --on-segfault skip");
    done.code(0)
        .err(&["1 protection fault: they were left out"]);
    assert_eq!(
        values(&sandbox.rows("out/results.csv")[0], columns),
        "refs 3, hits 0, faults 3, segfaults 1, protection_faults 1, refs_dropped 0, \
         on_segfault skip, mappings recorded"
    );

    let (_, done) = run("map 1000 4096 rw-\nR 9000\n", "-p lru -m 4");
    done.code(4)
        .err(&["error: nothing left to count: no trace has a legal reference"]);

    let (sandbox, done) = run(ILLEGAL, "-p lru -m 4 --on-segfault abort");
    done.code(3).err(&[
        "error: t: position 1: protection fault: W of page 0x1000 by process 0",
        "help: --on-segfault kill or skip goes on",
    ]);
    assert!(!sandbox.exists("out"));
}

#[test]
fn what_is_promised_is_limited() {
    let text = "map 1000 8192 rw-\nW 1000\nfork 2\nW 2000\nswitch 2\nW 1000\n";
    let strict = "-p lru -m 8 --overcommit strict --ram 8KiB --swap 4KiB";
    let (sandbox, done) = run(text, strict);
    done.code(0).err(&[
        "warning: t: position 1, process 2: a fork: 16384 of 12288 bytes promised (refused)",
    ]);
    assert_eq!(
        values(
            &sandbox.rows("out/results.csv")[0],
            "commit_limit swap_limit refs refs_dropped cow_copies"
        ),
        "commit_limit 12288, swap_limit 1, refs 2, refs_dropped 1, cow_copies 0"
    );
    let (sandbox, done) = run(text, "-p lru -m 8");
    let done = done.code(0);
    assert!(!done.err.contains("warning"), "{}", done.err);
    assert_eq!(
        values(
            &sandbox.rows("out/results.csv")[0],
            "commit_limit swap_limit refs refs_dropped cow_copies"
        ),
        "commit_limit , swap_limit , refs 3, refs_dropped 0, cow_copies 1"
    );
}

#[test]
fn how_cells_were_made_is_in_their_rows() {
    let text = "R 1000\nW 2000\nswitch 2\nR 1000\n";
    let columns = "mappings on_segfault allocation accessed_bit commit_limit untouched_end";
    for (options, wanted) in [
        (
            "",
            "mappings permissive, on_segfault , allocation global, accessed_bit every, \
             commit_limit , untouched_end ",
        ),
        (
            "--mappings infer --allocation weights=2/1 --accessed-bit walk-flush",
            "mappings inferred, on_segfault kill, allocation weights=2/1, \
             accessed_bit walk-flush:l1i=64x4,l1d=64x4,l2=1536x12, commit_limit , untouched_end 0",
        ),
        (
            "--allocation proportional --accessed-bit walk",
            "mappings permissive, on_segfault , allocation proportional, accessed_bit walk:l1i=64x4,l1d=64x4,l2=1536x12, \
             commit_limit , untouched_end ",
        ),
    ] {
        let (sandbox, done) = run(text, &format!("-p clock -m 4 {options}"));
        done.code(0);
        let row = &sandbox.rows("out/results.csv")[0];
        assert_eq!(values(row, columns), wanted, "{options}");
    }
}

const EXAMPLE: &str = "traces/examples/fork.trace";

/// The rows of the example, by policy.
fn example(options: &str) -> BTreeMap<String, BTreeMap<String, String>> {
    let sandbox = Sandbox::new();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(EXAMPLE);
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.lines().count() <= 40, "it is to be read");
    sandbox.write("fork.trace", text);
    sandbox
        .run(&format!(
            "run fork.trace -p lru,fifo,clock,opt -m 3 --pin-cow-source off --no-charts -o out {options}"
        ))
        .code(0);
    let rows = sandbox.rows("out/results.csv").into_iter();
    rows.map(|row| (row["policy"].clone(), row)).collect()
}

/// The example, followed by hand. Three frames, `'` for a dirty page; the first of each row is the
/// next to leave. A page that is being copied may make room for the copy. The objects are a, b (of the parent), f (of the file), c (the child's copy of a).
///
/// ```text
///           LRU                      FIFO                     Clock (* referenced)       OPT
///  0 W a    fill    a'               fill    a'               fill    a'*                fill    a'
///  1 W b    fill    a' b'            fill    a' b'            fill    a'* b'*            fill    a' b'
///  2 R f    fill M  a' b' f          fill M  a' b' f          fill M  a'* b'* f*         fill M  a' b' f
///  3 R a    hit     b' f a'          hit                      hit                        hit
///  4 W c    copy    f a' c'  b:0     copy    b' f c'  a:0     copy    b' f c'*  a:0      copy    a' f c'  b:0
///  5 W f    hit     a' c' f'         hit     b' f' c'         hit     b' f'* c'*         hit     a' f' c'
///  6 W a    reuse   c' f' a'         refill M f' c' a'  b:1   refill M f'* c'* a'*  b:1  reuse   a' f' c'
///  7 R b    refill M f' a' b  c:1    refill M c' a' b  file   refill M c' a' b*  file    refill M f' c' b  a:1
///  8 R b    map     f' a' b          map                      map                        map
///  9 R c    refill M a' b c  file    hit                      hit     c'* a' b*          hit
/// 10 R f    refill M b c f   a:2     refill M a' b f  c:2     refill M b* c' f*  a:0     hit
///    exit   b f      c freed         a' b f   c's slot freed  b* f*     c freed          f' b  c freed
/// 11 R a    refill M b f a           hit                      refill M b* f* a*          refill M f' b a
/// 12 W b    reuse   f a b'           reuse   a' b' f          reuse   b'* f* a*          reuse   f' b' a
/// ```
///
/// Under Clock the hand at 4 passes a, b and f, comes to a again and takes it; at 7 it passes f, c
/// and a and takes f; at 10 it passes c and takes a, which was written at 6 and goes to its slot
/// again. Under OPT at 4 the next uses are a 6, f 5 and b 7; at 7, a 11, c 9, f 10. 1 + 2 pages
/// are resident after the first references, 3 after each of the other 11: 36 / 13 on average.
#[test]
fn the_example_followed_by_hand() {
    let rows = example("");
    let faults = "hits faults fills refills maps cow_copies cow_reuses minor_faults major_faults";
    let pages = "evictions evictions_clean evictions_dirty freed freed_dirty write_backs dirty_end \
                 swapped_end dropped_end swap_slots swap_slots_peak swap_reads file_reads";
    for (policy, wanted_faults, wanted_pages) in [
        (
            "lru",
            [2, 11, 3, 4, 1, 1, 2, 6, 5],
            [4, 0, 4, 1, 0, 4, 1, 0, 0, 2, 3, 3, 2],
        ),
        (
            "fifo",
            [4, 9, 3, 3, 1, 1, 1, 5, 4],
            [4, 0, 4, 0, 0, 4, 2, 0, 0, 2, 3, 2, 2],
        ),
        (
            "clock",
            [3, 10, 3, 4, 1, 1, 1, 5, 5],
            [4, 0, 4, 1, 0, 4, 1, 0, 0, 2, 2, 3, 2],
        ),
        (
            "opt",
            [4, 9, 3, 2, 1, 1, 2, 6, 3],
            [2, 0, 2, 1, 0, 2, 2, 0, 0, 2, 2, 2, 1],
        ),
    ] {
        let row = &rows[policy];
        let said = |columns: &str, wanted: &[u64]| {
            let columns = columns.split_whitespace().zip(wanted);
            let all: Vec<String> = columns.map(|(c, n)| format!("{c} {n}")).collect();
            all.join(", ")
        };
        assert_eq!(
            values(row, faults),
            said(faults, &wanted_faults),
            "{policy}"
        );
        assert_eq!(values(row, pages), said(pages, &wanted_pages), "{policy}");
        // Of each of two mappings of the parent's a page was never touched.
        assert_eq!(
            values(
                row,
                "refs reads writes processes distinct_pages untouched_end status"
            ),
            "refs 13, reads 7, writes 6, processes 2, distinct_pages 4, untouched_end 2, status ok"
        );
        assert_eq!(row["mean_resident"], "2.769230769");
        assert_eq!(
            values(row, "peak_resident resident_end"),
            "peak_resident 3, resident_end 3"
        );
    }
}

/// LRU and FIFO need a third slot for the victim of reference 10; the others need two in all.
#[test]
fn the_example_with_two_slots() {
    let columns = "status refs hits faults evictions_dirty freed swap_slots";
    let rows = example("--swap 8KiB");
    for (policy, wanted) in [
        (
            "lru",
            "status swap-full, refs 10, hits 2, faults 8, evictions_dirty 3, freed 0, swap_slots 2",
        ),
        (
            "fifo",
            "status swap-full, refs 10, hits 3, faults 7, evictions_dirty 3, freed 0, swap_slots 2",
        ),
        (
            "clock",
            "status ok, refs 13, hits 3, faults 10, evictions_dirty 4, freed 1, swap_slots 2",
        ),
        (
            "opt",
            "status ok, refs 13, hits 4, faults 9, evictions_dirty 2, freed 1, swap_slots 2",
        ),
    ] {
        assert_eq!(values(&rows[policy], columns), wanted, "{policy}");
    }
    // With one slot LRU stops where c would need one, before position 7.
    assert_eq!(
        values(&example("--swap 4KiB")["lru"], "status refs"),
        "status swap-full, refs 7"
    );
}
