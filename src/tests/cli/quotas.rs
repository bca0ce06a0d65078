//! Frames divided among processes, and pages brought in ahead of use.

use crate::harness::Sandbox;
use std::fmt::Write;

/// Faults of each row of results.
fn faults(sandbox: &Sandbox, args: &str) -> Vec<u64> {
    sandbox
        .run(&format!("run {args} --no-charts -q -o out --force"))
        .code(0);
    let column = sandbox.column("out/results.csv", "faults");
    column.iter().map(|count| count.parse().unwrap()).collect()
}

/// Process 0 goes ten times over nine pages, process 7 over one.
fn nine_and_one() -> String {
    let mut text = "# pagebench trace 1\n".to_owned();
    for _ in 0..10 {
        text += "switch 0\n";
        (0..9).for_each(|page| writeln!(text, "R {:x}", 0x10_000 + page * 0x1000).unwrap());
        text += "switch 7\nR 50000\n";
    }
    text
}

#[test]
fn shares_are_in_proportion() {
    let sandbox = Sandbox::new();
    sandbox.write("t.txt", nine_and_one());
    for (how, frames, shares) in [
        ("proportional", 10, "9 to process 0, 1 to process 7"),
        ("weights=1/1", 9, "5 to process 0, 4 to process 7"),
        ("weights=1/99", 8, "1 to process 0, 7 to process 7"),
    ] {
        sandbox
            .run(&format!(
                "vm t.txt -q --at end -m {frames} --allocation {how}"
            ))
            .code(0)
            .out(&[shares]);
    }
    let global = faults(&sandbox, "t.txt -p lru -m 10");
    assert_eq!(global, [10]);
    let divided = faults(&sandbox, "t.txt -p lru -m 10 --allocation proportional");
    assert_eq!(divided, [10]);
}

/// Ten pages of each process are legal; process 7 asks for eighty more.
#[test]
fn pages_of_illegal_references_weigh_nothing() {
    let sandbox = Sandbox::new();
    let mut text = "# pagebench trace 1\n".to_owned();
    for process in [0, 7] {
        writeln!(text, "switch {process}\nmap 10000 40960 rw-").unwrap();
        (0..10).for_each(|page| writeln!(text, "R {:x}", 0x10_000 + page * 0x1000).unwrap());
    }
    (0..80).for_each(|page| writeln!(text, "R {:x}", 0x90_0000 + page * 0x1000).unwrap());
    sandbox.write("t.txt", text);
    for on_segfault in ["skip", "kill"] {
        sandbox
            .run(&format!(
                "vm t.txt -q --at end -m 20 --allocation proportional --on-segfault {on_segfault}"
            ))
            .code(0)
            .out(&["10 to process 0, 10 to process 7"]);
    }
}

/// What is left out has no frames, though its mappings are followed, unless advice brings pages in.
#[test]
fn processes_without_references_have_no_share() {
    let sandbox = Sandbox::new();
    let mut text = "# pagebench trace 1\n".to_owned();
    for process in 1..=3 {
        writeln!(text, "switch {process}\nmap 100000 65536 rw-").unwrap();
    }
    for _ in 0..4 {
        for process in 1..=3 {
            writeln!(text, "switch {process}").unwrap();
            (0..10).for_each(|page| writeln!(text, "R {:x}", 0x10_0000 + page * 0x1000).unwrap());
        }
    }
    sandbox.write("t.txt", &text);
    for how in ["global", "equal", "proportional", "weights=5"] {
        let args = format!("t.txt --pid 2 -p lru -m 12 --allocation {how}");
        assert_eq!(faults(&sandbox, &args), [10], "{how}");
        assert_eq!(sandbox.column("out/results.csv", "processes"), ["1"]);
    }
    faults(&sandbox, "t.txt -p lru -m 12 --allocation equal");
    assert_eq!(sandbox.column("out/results.csv", "processes"), ["3"]);
    sandbox
        .run("run t.txt --pid 2 -p lru -m 12 --allocation weights=1/1/1 --no-charts -o o")
        .code(1)
        .err(&["3 weights for 1 process: give one for each process that references a page"]);
    // Process 4 references nothing; its advice reads a file.
    text += "switch 4\nmap 100000 65536 r-- shared file=1,0,65536\nadvise 100000 4096 willneed\n";
    sandbox.write("t.txt", &text);
    sandbox
        .run("vm t.txt -q --at end -m 9 --allocation proportional")
        .code(0)
        .out(&["2 to process 1, 3 to process 2, 3 to process 3, 1 to process 4"]);
}

const HEAD: &str = "# pagebench trace 1\n# addressing: bytes\n";

/// WSClock with 2 frames for process 1, which refers mostly to a page that process 2 has loaded: its
/// time goes on all the same.
#[test]
fn references_to_pages_of_others_pass_time() {
    let sandbox = Sandbox::new();
    let file = "map 300000 4096 rw- shared file=2,0,4096\n";
    let head = format!("{HEAD}switch 1\nmap 100000 65536 rw-\n{file}switch 2\n{file}R 300000\n");
    let loads = "switch 1\nW 100000\nR 101000\nR 102000\n";
    let text = head + loads + &"R 300000\n".repeat(20) + "R 103000\n";
    sandbox.write("t.txt", text);
    // 102000 took the place of the clean 101000, and is clean itself, used 21 references ago with
    // its bit set; 100000 is dirty, its bit was cleared then.
    let told = sandbox
        .run("explain t.txt -q -p wsclock:tau=10 -m 3 --allocation weights=2/1")
        .code(0);
    told.out(&["24  1:0x100000 leaves, written back"]);
}

/// One process may load in four frames, the other in one: MGLRU's look at neighbours must not reach
/// pages that an unmapped entry had.
#[test]
fn unmapped_entries_are_forgotten_in_shares_too() {
    let sandbox = Sandbox::new();
    let file = "map 300000 32768 rw- shared file=2,0,32768\n";
    let mut text =
        format!("{HEAD}switch 1\n{file}map 100000 32768 rw-\nswitch 2\n{file}switch 1\n");
    for page in ["106", "304", "306", "303", "305", "100", "102", "300"] {
        writeln!(text, "R {page}000").unwrap();
    }
    text += "switch 2\nR 300000\nswitch 1\nR 106000\nunmap 300000 4096\n";
    text += "map 300000 4096 rw- shared file=2,0,32768\n";
    text += "R 300000\nR 306000\nW 307000\nW 302000\nR 105000\nR 306000\n";
    sandbox.write("t.txt", text);
    for options in ["-m 4", "-m 5 --allocation weights=1000000/1"] {
        let faults = faults(&sandbox, &format!("t.txt -p mglru,lru {options}"));
        assert_eq!(faults, [15, 15], "{options}");
    }
}

/// Pages that come in before one reference, and that reference, have one position: the first to come
/// in leaves first.
#[test]
fn what_has_one_position_leaves_in_order() {
    let sandbox = Sandbox::new();
    let maps = "map 100000 65536 rw-\nmap 300000 32768 rw- shared file=2,0,32768\n";
    let refs = "R 100000\nR 101000\nR 102000\nR 100000\n";
    sandbox.write(
        "t.txt",
        format!("{HEAD}switch 1\n{maps}advise 300000 8192 willneed\n{refs}"),
    );
    let policies = "lru,lfu,lru-k,lru-k:k=1,lrfu,lrfu:lambda=1";
    let faults = faults(&sandbox, &format!("t.txt -p {policies} -m 3"));
    assert_eq!(faults, [3; 6]);
}

/// Only 803000 is outside the window: clean, its bit clear, used at 3 of 4.
#[test]
fn wsclock_looks_at_all_that_is_old() {
    let sandbox = Sandbox::new();
    let maps = "map 100000 16384 rw-\nmap 800000 16384 rw- shared file=1,0,16384\n";
    let refs = "R 102000\nR 100000\nadvise 801000 4096 willneed\nR 800000\n\
                advise 803000 4096 willneed\nR 802000\nR 800000\n";
    sandbox.write("t.txt", format!("{HEAD}switch 1\n{maps}{refs}"));
    assert_eq!(faults(&sandbox, "t.txt -p wsclock:tau=0 -m 4"), [4]);
}

#[test]
fn gclock_with_one_bit_is_clock_where_pages_come_in_ahead() {
    let sandbox = Sandbox::new();
    let maps = "map 100000 65536 rw-\nmap 300000 32768 rw- shared file=2,0,32768\n";
    let refs = "R 100000\nadvise 300000 4096 willneed\nR 101000\nR 100000\n";
    sandbox.write("t.txt", format!("{HEAD}switch 1\n{maps}{refs}"));
    assert_eq!(
        faults(&sandbox, "t.txt -p clock,gclock:bits=1 -m 2"),
        [2, 2]
    );
}

/// SIEVE, CAR and CLOCK-Pro clear the bit at the load: the entry that the load puts into the TLB
/// must not hide the next reference.
#[test]
fn a_bit_cleared_at_the_load_is_set_by_the_next_reference() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "t.txt",
        format!("{HEAD}R 1000\nR 1000\nR 2000\nR 3000\nR 1000\n"),
    );
    let args = "t.txt -p sieve,car,clock-pro,clock:load-bit=0,esc:load-bit=0 -m 2";
    let every = faults(&sandbox, args);
    assert_eq!(every, [3; 5]);
    let walks = faults(&sandbox, &format!("{args} --accessed-bit walk-flush"));
    assert_eq!(walks, every);
    let shot: Vec<String> = sandbox.column("out/results.csv", "shootdowns");
    assert!(shot.iter().all(|count| count != "0"), "{shot:?}");
}

/// Two copies of a program side by side draw their own numbers.
#[test]
fn processes_draw_their_own_numbers() {
    let sandbox = Sandbox::new();
    sandbox
        .run("gen zipf --pages 60 --refs 3000 --seed 1 -o z.pbt")
        .code(0);
    sandbox
        .run("interleave z.pbt z.pbt --quantum 1 -o zz.pbt")
        .code(0);
    for seed in 1..4 {
        let alone = faults(&sandbox, &format!("z.pbt -p random -m 20 --seed {seed}"));
        let both = format!("zz.pbt -p random -m 40 --allocation equal --seed {seed}");
        assert_ne!(faults(&sandbox, &both)[0], 2 * alone[0], "seed {seed}");
    }
}

/// What `policies` says of bounds: OPT has the fewest loads, and where memory is shared another policy
/// can have fewer faults; OPT-WB can cost more than OPT.
#[test]
fn bounds_are_those_that_are_told() {
    let sandbox = Sandbox::new();
    let maps = "map 100000 40960 rw-\nmap 800000 32768 rw- shared file=1,0,32768\n";
    let refs = "R 800000\nW 101000\nswitch 2\nR 801000\nR 105000\nW 800000\n\
                switch 1\nR 801000\nR 101000\n";
    let text = format!("{HEAD}switch 1\n{maps}switch 2\n{maps}switch 1\n{refs}");
    sandbox.write("t.txt", text);
    // Rows are in the order of names: lru, opt, opt-wb.
    assert_eq!(faults(&sandbox, "t.txt -p lru,opt,opt-wb -m 3"), [7, 7, 6]);
    let loads: Vec<u64> = sandbox
        .rows("out/results.csv")
        .iter()
        .map(|row| row["fills"].parse::<u64>().unwrap() + row["refills"].parse::<u64>().unwrap())
        .collect();
    assert_eq!(loads, [6, 5, 5]);
    sandbox
        .run("policies opt")
        .code(0)
        .out(&["the fewest loads", "another policy can have fewer"]);

    let refs = "R 1\nW 3\nR 1\nR 3\nR 3\nW 3\nR 2\nW 1\nW 2\nR 1\nR 3\nW 3\nW 2\nR 0\n";
    sandbox.write(
        "wb.txt",
        format!("# pagebench trace 1\n# addressing: ids\n{refs}"),
    );
    let args = "wb.txt -p opt,opt-wb:write-cost=4 -m 2";
    assert_eq!(faults(&sandbox, args), [5, 7]);
    let written = sandbox.column("out/results.csv", "write_backs");
    assert_eq!(written, ["3", "3"]);
    sandbox
        .run("policies opt-wb")
        .code(0)
        .out(&["opt-wb (offline)", "no optimum and no bound"]);
}

/// When the process that loaded them has exited, the sampled working set and PFF keep pages that the
/// working set gives up; a map is no fault at which PFF gives up anything.
#[test]
fn pages_of_processes_that_have_exited() {
    let sandbox = Sandbox::new();
    let mut text = format!("{HEAD}switch 1\nmap 100000 65536 rw-\n");
    (0..5).for_each(|page| writeln!(text, "W 10{page}000").unwrap());
    text += &format!("fork 2\nexit\nswitch 2\n{}", "R 100000\n".repeat(40));
    sandbox.write("t.txt", text);
    faults(&sandbox, "t.txt -p ws,sws:interval=1,pff --tau 4");
    let resident = sandbox.column("out/results.csv", "resident_end");
    let policies = sandbox.column("out/results.csv", "policy");
    assert_eq!(policies, ["pff", "sws", "ws"]);
    assert_eq!(resident, ["5", "5", "1"]);

    let file = "map 300000 4096 rw- shared file=2,0,4096\n";
    let refs = "switch 1\nR 100000\nR 101000\nR 101000\nR 101000\nR 300000\n";
    let text =
        format!("{HEAD}switch 1\nmap 100000 65536 rw-\n{file}switch 2\n{file}R 300000\n{refs}");
    sandbox.write("t.txt", text);
    faults(&sandbox, "t.txt -p pff --tau 3");
    assert_eq!(sandbox.column("out/results.csv", "maps"), ["1"]);
    assert_eq!(sandbox.column("out/results.csv", "expired"), ["0"]);
}

/// Each counter of vmstat.csv is described.
#[test]
fn counters_of_kernels_are_described() {
    let sandbox = Sandbox::new();
    sandbox
        .run("gen zipf --pages 60 --refs 3000 --writes 20 -o z.pbt")
        .code(0);
    faults(&sandbox, "z.pbt -p linux,mglru,freebsd -m 20");
    let described = sandbox.run("columns vmstat.csv").code(0).out;
    for name in sandbox.column("out/vmstat.csv", "counter") {
        let line = format!("\n{name} ");
        assert!(described.contains(&line), "{name}");
    }
}
