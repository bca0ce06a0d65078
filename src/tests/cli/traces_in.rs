//! What commands make of a trace: curves at several page sizes, sizes of each curve's own choice,
//! windows, bursts, names, kinds, and files that would be compressed.

use super::harness::Sandbox;

/// A recording that stands in the repository.
fn recording(name: &str) -> String {
    format!("{}/traces/{name}.pbt", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn curves_of_a_stored_trace_at_two_page_sizes() {
    let sandbox = Sandbox::new();
    sandbox.run("gen sequential --refs 3M -o s.pbt").code(0);
    sandbox
        .run("curve s.pbt -p lru --page-size 4KiB,16KiB -o both")
        .code(0);
    sandbox
        .run("curve s.pbt -p lru --page-size 16KiB -o one")
        .code(0);
    let of = |folder: &str| -> Vec<Vec<String>> {
        let rows = sandbox.rows(&format!("{folder}/curve.csv"));
        let rows = rows.iter().filter(|row| row["page_size"] == "16384");
        rows.map(|row| row.values().cloned().collect()).collect()
    };
    assert!(!of("one").is_empty());
    assert_eq!(of("both"), of("one"));
}

#[test]
fn auto_beside_sizes_is_what_each_curve_chooses() {
    let sandbox = Sandbox::with_trace();
    for (name, axes) in [
        ("auto", ""),
        ("blank", "-m auto"),
        ("more", "-m auto,3,5000 --tau auto,7"),
    ] {
        let args = format!("curve t.txt -p lru,fifo,ws {axes} -o {name}");
        let args = args.split_whitespace().map(|arg| match (name, arg) {
            ("blank", "auto") => " auto",
            _ => arg,
        });
        sandbox.run_args(args).code(0);
    }
    assert_eq!(
        sandbox.text("auto/curve.csv"),
        sandbox.text("blank/curve.csv")
    );
    let sizes = |name: &str, policy: &str| -> Vec<u64> {
        let rows = sandbox.rows(&format!("{name}/curve.csv"));
        let rows = rows.iter().filter(|row| row["policy"] == policy);
        rows.map(|row| row["frames"].parse().or(row["tau"].parse()).unwrap())
            .collect()
    };
    for (policy, more) in [("lru", &[3, 5000][..]), ("fifo", &[3, 5000]), ("ws", &[7])] {
        let mut expected = sizes("auto", policy);
        expected.extend(more);
        expected.sort_unstable();
        expected.dedup();
        assert_eq!(sizes("more", policy), expected, "{policy}");
    }
}

/// The mean resident pages of the working set with each window that `--tau auto` chooses.
fn means(sandbox: &Sandbox, trace: &str, frames: &str) -> Vec<f64> {
    sandbox
        .run(&format!(
            "run {trace} -p ws -m {frames} --tau auto -o r --no-charts --force -q"
        ))
        .code(0);
    let means = sandbox.column("r/results.csv", "mean_resident");
    means.iter().map(|mean| mean.parse().unwrap()).collect()
}

fn assert_near(means: &[f64], frames: &[f64], off: f64) {
    assert_eq!(means.len(), frames.len(), "{means:?}");
    for (mean, frames) in means.iter().zip(frames) {
        assert!((mean / frames - 1.0).abs() < off, "{means:?}");
    }
}

#[test]
fn windows_are_chosen_by_how_long_pages_stay() {
    let sandbox = Sandbox::new();
    // The first process ends before the second begins, and its window stands still from then on.
    let mut late = "# pagebench trace 1\nswitch 1\n".to_owned();
    for i in 0..2_000 {
        late.push_str(&format!("R {:x}\n", 0x400_000 + i * 7 % 10 * 4096));
    }
    late.push_str("switch 2\n");
    for i in 0..3_000 {
        late.push_str(&format!("R {:x}\n", 0x400_000 + i % 300 * 4096));
    }
    sandbox.write("late.txt", late);
    assert_near(
        &means(&sandbox, "late.txt", "32,64,128"),
        &[32.0, 64.0, 128.0],
        0.05,
    );
    // Two processes that loop over the same pages of a file by turns.
    let mut shared = "# pagebench trace 1\n".to_owned();
    for process in [1, 2] {
        shared.push_str(&format!(
            "switch {process}\nmap 400000 409600 rw- shared file=1,0,409600\n"
        ));
    }
    for i in 0..4_000 {
        for process in [1, 2] {
            shared.push_str(&format!(
                "switch {process}\nR {:x}\n",
                0x400_000 + i % 100 * 4096
            ));
        }
    }
    sandbox.write("shared.txt", shared);
    assert_near(&means(&sandbox, "shared.txt", "16,50"), &[16.0, 50.0], 0.05);
    // A recording with forks, shared files and copy-on-write.
    let pipeline = recording("pipeline");
    assert_near(
        &means(&sandbox, &pipeline, "16,32,64,128"),
        &[16.0, 32.0, 64.0, 128.0],
        0.1,
    );
}

#[test]
fn bursts_are_told_of_what_is_taken() {
    let sandbox = Sandbox::new();
    let pipeline = recording("pipeline");
    let bursts = |args: &str| {
        let out = sandbox.run(&format!("stat {pipeline} {args}")).code(0).out;
        out.lines().any(|line| line.starts_with("bursts "))
    };
    assert!(bursts("") && bursts("--page-size 4KiB"));
    for part in [
        "--limit 1000",
        "--skip 5",
        "--pid 1",
        "--data-only",
        "--page-size 64KiB",
    ] {
        assert!(!bursts(part), "{part}");
    }
}

#[test]
fn a_stored_name_survives_a_pipe() {
    let sandbox = Sandbox::with_trace();
    sandbox.run("convert t.txt --name u -o u.pbt -q").code(0);
    let bytes = sandbox.read("u.pbt");
    let name = |file: &str| {
        let out = sandbox.run(&format!("stat {file}")).code(0).out;
        let line = out.lines().find(|line| line.starts_with("name"));
        line.unwrap().split_whitespace().last().unwrap().to_owned()
    };
    sandbox
        .run_stdin("convert - -o other.pbt -q", &bytes)
        .code(0);
    assert_eq!(name("other.pbt"), "u");
    sandbox
        .run_stdin("convert - --name mine -o mine.pbt -q", &bytes)
        .code(0);
    assert_eq!(name("mine.pbt"), "mine");
    sandbox
        .run_stdin("convert - -o text.pbt -q", &sandbox.read("t.txt"))
        .code(0);
    assert_eq!(name("text.pbt"), "text");
    for ending in ["plain", "rw", "vpn.gz"] {
        let file = format!("prog.{ending}");
        sandbox.run(&format!("convert t.txt -o {file} -q")).code(0);
        assert_eq!(name(&file), "prog");
    }
}

#[test]
fn interleaving_keeps_the_warning_of_a_kind() {
    let sandbox = Sandbox::new();
    for (name, kind) in [("a.txt", "faults-only"), ("b.txt", "full")] {
        sandbox.write(
            name,
            format!("# pagebench trace 1\n# kind: {kind}\nR 1000\nR 2000\n"),
        );
    }
    sandbox
        .run("interleave a.txt b.txt -o ab.pbt")
        .code(0)
        .err(&["different kinds", "faults-only"]);
    sandbox
        .run("interleave a.txt b.txt -o ab.pbt --force -q")
        .code(0)
        .no_message();
    sandbox
        .run("run ab.pbt -p lru -m 1 --no-charts -o r")
        .code(0)
        .err(&["trace kind is \"faults-only\""]);
    // --kind is asked for, whatever the file says.
    sandbox
        .run("stat a.txt --kind full")
        .code(0)
        .out(&["kind         full"]);
    // Larger pages than 4 KiB are taken as they are.
    sandbox
        .run("convert b.txt --page-size 64KiB -o b.pbt -q")
        .code(0);
    sandbox
        .run("interleave b.pbt b.pbt -o bb.pbt")
        .code(3)
        .err(&["take its own with --page-size 64KiB"]);
    sandbox
        .run("interleave b.pbt b.pbt --page-size 64KiB -o bb.pbt -q")
        .code(0);
}

#[test]
fn a_pbt_is_not_written_under_the_name_of_a_packed_file() {
    let sandbox = Sandbox::with_trace();
    for args in [
        "gen loop --refs 10 -o x.gz",
        "gen loop --refs 10 -o x.pbt.zst",
        "interleave t.txt t.txt -o x.gz",
        "record -o x.gz -- true",
        "gen loop --refs 10 -o x.xz",
    ] {
        sandbox
            .run(args)
            .code(2)
            .err(&["name a file that ends in .pbt"]);
    }
    assert_eq!(sandbox.files("."), ["t.txt"]);
}
