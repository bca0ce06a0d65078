//! `--tlb` of other shapes than the usual ones.

use super::harness::Sandbox;

/// The 1,000 addresses of the project "Designing a Virtual Memory Manager" of Silberschatz, Galvin
/// and Gagne, "Operating System Concepts", 10th edition, chapter 10: 16 bits, pages of 256 bytes, a
/// TLB of 16 entries, 256 frames or 128. As in many public solutions (`addresses.txt`; the first
/// address is 16916 in the book, and 16915, the same page, in some copies).
const ADDRESSES: &str = include_str!("../data/os-concepts-addresses.txt");

/// The book's program reports 244 faults and 54 hits of a FIFO TLB; solutions with an LRU TLB report
/// 55, and with 128 frames 538 faults of FIFO.
#[test]
fn the_virtual_memory_manager_of_the_textbook() {
    let sandbox = Sandbox::new();
    sandbox.write("addresses.txt", ADDRESSES);
    for (replacement, hits) in [(":fifo", 54), (":lru", 55), ("", 55)] {
        sandbox
            .run(&format!(
                "run addresses.txt --base dec --unit byte --page-size 256 -p fifo,lru -m 128,256 \
                 --tlb l1=16xfull{replacement},l2=none -q --no-charts -o out --force"
            ))
            .code(0);
        let rows = sandbox.rows("out/results.csv");
        assert_eq!(rows.len(), 4);
        for row in &rows {
            let cell = |name: &str| &*row[name];
            assert_eq!(cell("tlb_hits_l1d"), hits.to_string(), "{replacement}");
            let faults = match (cell("policy"), cell("frames")) {
                (_, "256") => "244",
                ("fifo", "128") => "538",
                // Counted here; no solution was found that states it.
                _ => "539",
            };
            assert_eq!(cell("faults"), faults);
        }
    }
}
