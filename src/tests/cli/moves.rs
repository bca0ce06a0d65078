//! Mappings that move: the example that can be followed by hand, and traces that Linux would refuse.

use super::harness::Sandbox;
use std::path::Path;

/// The example in three frames. LRU is said in its comments. The next to leave comes first, `'` is for
/// a dirty page, `*` for a reference bit.
///
/// ```text
///           LRU                   FIFO                  Clock                    OPT
///  0 W a    fill    a'            fill                  fill    a'*              fill    a'
///  1 W b    fill    a' b'         fill                  fill    a'* b'*          fill    a' b'
///  2 R a    hit     b' a'         hit     a' b'         hit                      hit
///  3 W c    fill    b' a' c'      fill    a' b' c'      fill    a'* b'* c'*      fill    a' b' c'
///  4 R b    hit     a' c' b'      hit                   hit                      hit
///  5 W d    copy    c' b' d' a:0  copy    b' c' d' a:0  copy    b' c' d'* a:0    copy    a' c' d'  b:0
///  6 W c    reuse   b' d' c'      reuse   b' c' d'      reuse   b' c'* d'*       reuse   a' c' d'
///  7 R a    refill  d' c' a  b:1  refill  c' d' a  b:1  refill  c'* d'* a*  b:1  hit
///  8 R a    hit     d' c' a       hit                   hit                      hit
///  9 W e    fill    c' a e'  d:2  fill    d' a e'  c:2  fill    d' a e'*  c:2    fill    c' d' e'  a:1
///    moves  a e'    c freed       slot 2 is free        slot 2 is free           d' e'     c freed
/// 10 R b    refill  a e' b        refill  a e' b   d    refill  a e'* b*   d     refill  d' e' b
/// ```
///
/// Under Clock the hand at 5 passes all three and takes a; at 9 it passes c, d and a and takes c. Under
/// OPT at 5 the next uses are c 6, a 7 and b 10; at 9 no page but b is used again, and of three such
/// the one that was there first leaves.
#[test]
fn the_example_followed_by_hand() {
    let sandbox = Sandbox::new();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces/examples/move.trace");
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.lines().count() <= 40, "it is to be read");
    sandbox.write("move.trace", text);
    sandbox
        .run("run move.trace -p lru,fifo,clock,opt -m 3 --no-charts -o out")
        .code(0);
    let columns = [
        "policy",
        "refs",
        "hits",
        "fills",
        "refills",
        "maps",
        "cow_copies",
        "cow_reuses",
        "evictions_dirty",
        "evictions_clean",
        "freed",
        "swap_reads",
        "swap_slots",
        "dirty_end",
        "distinct_pages",
        "status",
    ];
    let rows = sandbox.rows("out/results.csv");
    let rows: Vec<String> = rows
        .iter()
        .map(|row| columns.map(|column| &*row[column]).join(" "))
        .collect();
    let wanted = [
        "clock 11 3 4 2 0 1 1 4 0 0 2 3 1 5 ok",
        "fifo 11 3 4 2 0 1 1 4 0 0 2 3 1 5 ok",
        "lru 11 3 4 2 0 1 1 3 0 1 2 3 1 5 ok",
        "opt 11 4 4 1 0 1 1 2 0 1 1 2 2 5 ok",
    ];
    assert_eq!(rows, wanted);
}

/// With its position, and what would make sense.
#[test]
fn what_linux_refuses_is_refused() {
    for (line, pieces) in [
        (
            "move 10000 4096 20000 4096",
            &[
                "error: t: line 5, before position 1: the move to 0x20000 to 0x21000 overlaps the mapping of 0x20000 to 0x22000",
                "help: a move that replaces what is there is marked `fixed`",
            ][..],
        ),
        (
            "move 10000 8192 11000 8192",
            &["the move of 0x10000 to 0x12000 overlaps its new range, 0x11000 to 0x13000"],
        ),
        (
            "move 10010 4096 30000 4096",
            &["the move of 0x10010 does not begin at the start of a page of 4096 bytes"],
        ),
        (
            "move 11000 8192 30000 8192",
            &["is of a range that is not mapped from 0x12000 on"],
        ),
        (
            "move 10000 4096 30000 8192 keep",
            &["keeps the old range cannot change its length from 4096 to 8192 bytes"],
        ),
        ("move 10000 0 30000 4096", &["t:5: the length is 0"]),
        (
            "move 10000 4096 fffffffffff000 8192",
            &["ends beyond user space, 0x100000000000000"],
        ),
    ] {
        let sandbox = Sandbox::new();
        let text = format!(
            "# pagebench trace 1\nmap 10000 8192 rw-\nmap 20000 8192 rw-\nW 10000\n{line}\nW 11000\n"
        );
        sandbox.write("t", text);
        sandbox.run("run t -p lru -m 2").code(3).err(pieces);
    }
    // Of nothing: without effect, and said.
    let sandbox = Sandbox::new();
    sandbox.write(
        "t",
        "# pagebench trace 1\nmap 10000 8192 rw-\nmove 50000 4096 60000 4096\nW 10000\n",
    );
    let done = sandbox.run("run t -p lru -m 2 --no-charts -o out").code(0);
    done.err(&["1 event"]);
}

/// A growth that the commit limit refuses leaves the old mapping; what the program maps there later,
/// since it had moved when it was recorded, replaces it.
#[test]
fn a_refused_move_leaves_the_mapping() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "t",
        "# pagebench trace 1\nmap 10000 8192 rw-\nW 10000\nmove 10000 8192 40000 65536\nR 10000\n\
         map 10000 4096 rw-\nR 10000\nW 40000\n",
    );
    let done = sandbox.run(
        "run t -p lru -m 4 --overcommit strict --ram 16KiB --swap none --on-segfault skip \
         --no-charts -o out",
    );
    done.code(0).err(&["a move to 65536 bytes"]);
    let row = &sandbox.rows("out/results.csv")[0];
    assert_eq!(
        [
            &row["hits"],
            &row["fills"],
            &row["freed"],
            &row["segfaults"]
        ],
        ["1", "2", "1", "1"]
    );
}
