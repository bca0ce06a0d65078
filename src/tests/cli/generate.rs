//! `gen`: every pattern of the table, its help and its bad values.

use super::harness::{Sandbox, snapshot};
use pagebench::internals::trace::generate::TABLE;

#[test]
fn every_pattern_has_help_and_runs() {
    let sandbox = Sandbox::new();
    for pattern in TABLE {
        let name = pattern.name;
        let help = sandbox
            .run(&format!("gen {name} --help"))
            .code(0)
            .out(&["Example", "--seed"]);
        for param in pattern.params {
            assert!(
                help.out
                    .contains(&format!("--{} <{}>", param.name, param.value_name()))
            );
        }
        sandbox
            .run(&format!("gen {name} --refs 3000 --force -o t.pbt"))
            .code(0)
            .out(&["3000 references"]);
        sandbox
            .run(&format!("gen {name} --refs 3000 --force -o t2.pbt"))
            .code(0);
        let text = sandbox
            .run(&format!("gen {name} --refs 3000 -o -"))
            .code(0)
            .out;
        sandbox.write("t.txt", text);
        sandbox
            .run("convert t.txt -q --name t --force -o t3.pbt")
            .code(0);
        let stat = |file: &str| {
            let out = sandbox.run(&format!("stat {file}")).code(0).out;
            out.lines()
                .find(|line| line.starts_with("digest"))
                .unwrap()
                .to_owned()
        };
        assert_eq!(stat("t.pbt"), stat("t2.pbt"), "{name}");
        assert_eq!(stat("t.pbt"), stat("t3.pbt"), "{name}");
    }
    snapshot(
        "help-gen-phases.txt",
        &sandbox.run("gen phases --help").code(0).out,
    );
}

#[test]
fn beladys_anomaly() {
    let sandbox = Sandbox::new();
    sandbox.run("gen belady -o b.pbt").code(0);
    sandbox
        .run("run b.pbt -p fifo,lru -m 3,4 --no-charts -q -o out")
        .code(0);
    assert_eq!(
        sandbox.column("out/results.csv", "faults"),
        ["9", "10", "10", "8"]
    );
}

#[test]
fn the_server_forks_and_copies() {
    let sandbox = Sandbox::new();
    sandbox
        .run("gen fork-server --pages 50 --refs 20k -o s.pbt")
        .code(0);
    let run = "run s.pbt -p lru -m 40,1000 --no-charts -o out";
    let done = sandbox.run(run).code(0);
    assert!(
        !done.err.contains("fault"),
        "nothing is illegal: {}",
        done.err
    );
    for row in sandbox.rows("out/results.csv") {
        assert_eq!((&*row["segfaults"], &*row["protection_faults"]), ("0", "0"));
        assert_ne!(row["cow_copies"], "0");
        assert_eq!(row["refs"], "20000");
    }
}

/// `--writes` of the server is the share of writes among what children do on the heap, as its help
/// says.
#[test]
fn the_server_writes_as_often_as_it_says() {
    let sandbox = Sandbox::new();
    let help = sandbox.run("gen fork-server --help").code(0).out;
    let words: Vec<&str> = help.split_whitespace().collect();
    let said = "fork-server: of the children's heap references";
    assert!(words.join(" ").contains(said), "{help}");
    for percent in [0, 30, 100] {
        let args = format!("gen fork-server --refs 60k --writes {percent} -o -");
        let text = sandbox.run(&args).code(0).out;
        let (mut pid, mut reads, mut writes) = (1, 0, 0);
        for line in text.lines() {
            let words: Vec<&str> = line.split(' ').collect();
            // The heap begins at 2^40, what children have for themselves at 2^36.
            let on_heap = || u64::from_str_radix(words[1], 16).unwrap() >= 1 << 40;
            match words[0] {
                "switch" => pid = words[1].parse().unwrap(),
                "R" if pid > 1 && on_heap() => reads += 1,
                "W" if pid > 1 && on_heap() => writes += 1,
                _ => {}
            }
        }
        assert!(reads + writes > 20_000, "{reads} {writes}");
        let share = 100.0 * f64::from(writes) / f64::from(reads + writes);
        assert!(
            (share - f64::from(percent)).abs() < 1.0,
            "{percent}: {share}"
        );
    }
}

#[test]
fn bad_values_say_the_range() {
    let sandbox = Sandbox::new();
    let parts = vec!["sequential:pages=268435456"; 65].join(",");
    for (args, piece) in [
        ("zpif -o x", "'zipf'"),
        (
            "zipf --pages 0 -o x",
            "gen zipf: --pages: \"0\" is not a whole number from 1 to 2^28",
        ),
        (
            "zipf --alpha -1 -o x",
            "--alpha: \"-1\" is not a number from 0.001 to 10",
        ),
        (
            "loop --writes 101 -o x",
            "--writes: \"101\" is not a number from 0 to 100",
        ),
        (
            "phases --set 20k -o x",
            "20000 pages are more than all 10000",
        ),
        ("mix --of zipf:pags=2 -o x", "did you mean \"pages\"?"),
        (
            "mix --of fork-server -o x",
            "fork-server cannot be part of a mix",
        ),
        (
            "mix --of zipf:writes=90 -o x",
            "writes is of the whole mix, not of a part",
        ),
        (
            &format!("mix --of {parts} --page-size 1GiB -o x"),
            "more than 64-bit addresses reach",
        ),
        ("loop --alpha 1 -o x", "--alpha"),
        ("loop", "--output"),
    ] {
        sandbox
            .run(&format!("gen {args}"))
            .code(2)
            .err(&["error: ", piece]);
    }
    assert!(sandbox.files(".").is_empty());
}
