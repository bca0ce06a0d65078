//! Samples of pages: estimates of a curve, and traces of a share of the pages.

use super::harness::Sandbox;
use std::collections::BTreeSet;

/// A recording that stands in the repository.
fn recording(name: &str) -> String {
    format!("{}/traces/{name}.pbt", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn sizes_that_a_sample_cannot_know_are_left_out() {
    let sandbox = Sandbox::new();
    let git = recording("git");
    sandbox
        .run(&format!(
            "curve {git} --limit 2M --ignore-events -p lru --sample 0.2 -m 1,3,5,6,100 -o c"
        ))
        .code(0)
        .err(&["the sample is too small for fewer than", "sizes left out"]);
    let rows = sandbox.rows("c/curve.csv");
    let of = |accuracy: &str| -> Vec<(u64, f64, f64)> {
        let rows = rows.iter().filter(|row| row["accuracy"] == accuracy);
        let number = |text: &String| text.parse().unwrap_or(0.0);
        rows.map(|row| {
            let frames = row["frames"].parse().unwrap();
            (
                frames,
                number(&row["fault_rate"]),
                number(&row["error_bound"]),
            )
        })
        .collect()
    };
    let (exact, estimates) = (of("exact"), of("estimate"));
    assert_eq!(exact.len(), 5);
    assert!(!estimates.is_empty() && estimates.iter().all(|row| row.0 > 5));
    for (frames, rate, bound) in estimates {
        let (_, known, _) = exact.iter().find(|row| row.0 == frames).unwrap();
        assert!(
            (rate - known).abs() <= bound,
            "{frames}: {rate} ± {bound}, {known}"
        );
    }
}

#[test]
fn what_is_known_is_not_estimated() {
    let sandbox = Sandbox::new();
    sandbox.write("belady.txt", "1\n2\n3\n4\n1\n2\n5\n1\n2\n3\n4\n5\n");
    // No page is taken, and with all of them nothing is left to estimate.
    sandbox
        .run("curve belady.txt --format lirs --sample 0.001 -m 4,5,9 -o c")
        .code(0)
        .err(&["0 of 5 pages", "fewer than 5 frames: 1 size left out"]);
    let row = |row: &std::collections::BTreeMap<String, String>| {
        [
            "frames",
            "accuracy",
            "faults",
            "write_backs",
            "sample_rate",
            "error_bound",
        ]
        .map(|name| row[name].clone())
    };
    let rows: Vec<_> = sandbox.rows("c/curve.csv").iter().map(row).collect();
    assert_eq!(
        rows,
        [
            ["5", "exact", "5", "0", "", ""],
            ["9", "exact", "5", "0", "", ""],
        ]
    );
    sandbox
        .run("curve belady.txt --format lirs --sample 0.001 -p lru -m 5 -o d")
        .code(0);
    assert_eq!(sandbox.rows("d/curve.csv").len(), 1);
    sandbox
        .run("curve belady.txt --format lirs --sample 0.001 -m 2 -o e")
        .code(0);
    assert_eq!(sandbox.rows("e/curve.csv").len(), 0);
    // With every page taken each row is that of the exact curve.
    sandbox
        .run("curve belady.txt --format lirs --sample 1 -m 1..6:+1 -o all -q")
        .code(0)
        .no_message();
    sandbox
        .run("curve belady.txt --format lirs -p lru -m 1..6:+1 -o lru")
        .code(0);
    assert_eq!(sandbox.text("all/curve.csv"), sandbox.text("lru/curve.csv"));
}

#[test]
fn the_share_is_that_of_the_pages_taken() {
    let sandbox = Sandbox::new();
    sandbox
        .run("gen loop --pages 4000 --refs 20000 -o loop.pbt")
        .code(0);
    sandbox
        .run("curve loop.pbt --sample 0.1 -m 2000,3900,3999 -o c")
        .code(0);
    let rows = sandbox.rows("c/curve.csv");
    assert_eq!(rows.len(), 3);
    let pages: f64 = rows[0]["distinct_pages"].parse().unwrap();
    for row in &rows {
        let share: f64 = row["sample_rate"].parse().unwrap();
        let taken = share * pages;
        assert!(
            (taken - taken.round()).abs() < 1e-4 && taken > 300.0,
            "{share}"
        );
        // A loop faults at every reference until all of it fits.
        if row["frames"].parse::<f64>().unwrap() < pages {
            assert_eq!(row["fault_rate"], "1.000000000");
        }
    }
}

/// The addresses of references of `file`.
fn addresses(sandbox: &Sandbox, file: &str) -> Vec<String> {
    let text = sandbox
        .run(&format!("convert {file} --to plain -o - -q"))
        .code(0)
        .out;
    let refs = text.lines().filter_map(|line| line.strip_prefix("R "));
    refs.map(str::to_owned).collect()
}

#[test]
fn processes_that_share_a_page_all_keep_it_or_none_does() {
    let sandbox = Sandbox::new();
    // Files at other addresses, memory before and after a fork, and memory where nothing is mapped.
    let mut text = "# pagebench trace 1\nmap 100000 131072 rw- shared file=1,0,131072\n\
                    map 800000 131072 rw- \nfork 1\nfork 2\nswitch 1\n\
                    map 400000 131072 rw- shared file=1,0,131072\nfork 3\n"
        .to_owned();
    for (process, file) in [
        (0, 0x100_000),
        (1, 0x400_000),
        (2, 0x100_000),
        (3, 0x100_000),
    ] {
        text.push_str(&format!("switch {process}\n"));
        for page in 0..32 {
            text.push_str(&format!(
                "R {:x}\nR {:x}\n",
                file + page * 4096,
                0x800_000 + page * 4096
            ));
        }
    }
    sandbox.write("shared.txt", text);
    for (name, rate) in [("s.txt", "50%"), ("s.pbt", "50%"), ("few.txt", "20%")] {
        sandbox
            .run(&format!("convert shared.txt --sample {rate} -o {name} -q"))
            .code(0);
    }
    assert_eq!(addresses(&sandbox, "s.txt"), addresses(&sandbox, "s.pbt"));
    for name in ["s.txt", "few.txt"] {
        let text = sandbox.text(name);
        let mut process = 0;
        let mut taken = vec![BTreeSet::new(); 4];
        for line in text.lines() {
            if let Some(number) = line.strip_prefix("switch ") {
                process = number.parse().unwrap();
            } else if let Some(address) = line.strip_prefix("R ") {
                let address = u64::from_str_radix(address, 16).unwrap();
                let file_at = [0x100_000, 0x400_000, 0x100_000, 0x100_000][process];
                let place = match address >= 0x800_000 {
                    true => address,
                    false => address - file_at,
                };
                taken[process].insert(place);
            }
        }
        assert!(taken[0].len() > 4 && taken[0].len() < 60, "{name}");
        assert!(taken.iter().all(|other| *other == taken[0]), "{name}");
    }
}

#[test]
fn a_sample_of_a_recording_of_several_processes_has_its_share() {
    let sandbox = Sandbox::new();
    let pipeline = recording("pipeline");
    sandbox
        .run(&format!(
            "convert {pipeline} --sample 25% -o quarter.pbt -q"
        ))
        .code(0);
    let pages = |trace: &str| -> f64 {
        sandbox
            .run(&format!(
                "run {trace} -p lru -m 10 -o r --no-charts --force -q"
            ))
            .code(0);
        sandbox.column("r/results.csv", "distinct_pages")[0]
            .parse()
            .unwrap()
    };
    let share = pages("quarter.pbt") / pages(&pipeline);
    assert!((0.19..0.31).contains(&share), "{share}");
}

#[test]
fn a_sample_of_a_sample_has_the_product_of_the_rates() {
    let sandbox = Sandbox::new();
    sandbox
        .run("gen uniform --pages 1000 --refs 20k -o u.pbt")
        .code(0);
    // By way of both formats that state it.
    for (from, to) in [
        ("u.pbt", "a.pbt"),
        ("a.pbt", "b.txt"),
        ("b.txt", "c.pbt"),
        ("c.pbt", "d.txt"),
    ] {
        sandbox
            .run(&format!("convert {from} --sample 50% -o {to} -q"))
            .code(0);
    }
    let mut before: BTreeSet<String> = addresses(&sandbox, "u.pbt").into_iter().collect();
    for (name, range) in [
        ("a.pbt", 440..560),
        ("b.txt", 205..295),
        ("c.pbt", 90..160),
        ("d.txt", 40..90),
    ] {
        let pages: BTreeSet<String> = addresses(&sandbox, name).into_iter().collect();
        assert!(range.contains(&pages.len()), "{name}: {}", pages.len());
        assert!(pages.is_subset(&before), "{name}");
        before = pages;
    }
    assert!(
        sandbox
            .text("d.txt")
            .contains("# a sample: 0.0625 of the pages by 4 hashes\n")
    );
    sandbox
        .run("run c.pbt b.txt -p lru -m 10 -o r --no-charts -q")
        .code(0);
    let manifest = sandbox.text("r/manifest.json");
    for recorded in [
        "plain, sample of 0.125 of the pages by 3 hashes",
        "plain, sample of 0.25 of the pages by 2 hashes",
    ] {
        assert!(manifest.contains(recorded), "{recorded}: {manifest}");
    }
    // What does not state it is told by its kind.
    sandbox.run("convert a.pbt -o a.lackey -q").code(0);
    sandbox
        .run("convert a.lackey --kind sampled --sample 50% -o e.pbt -q")
        .code(0);
    let pages: BTreeSet<String> = addresses(&sandbox, "e.pbt").into_iter().collect();
    assert!((205..295).contains(&pages.len()), "{}", pages.len());
}
