//! `pagebench plot`, and what a run draws.

use super::harness::Sandbox;

/// A run of two policies and OPT at three sizes, with windows.
fn with_results(options: &str) -> Sandbox {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run(&format!(
            "run t.txt -p lru,fifo,ws,opt -m 8,32,128 --tau 20,200 -q -o out {options}"
        ))
        .code(0)
        .no_message();
    sandbox
}

#[test]
fn plot_alone_lists_the_kinds() {
    let sandbox = Sandbox::new();
    let list = sandbox.run("plot").code(0).no_message().out;
    let help = sandbox.run("plot --help").code(0).out;
    for kind in pagebench::internals::report::chart::KINDS {
        assert!(list.contains(&format!("  {} ", kind.name)), "{list}");
        assert!(help.contains(kind.about), "{help}");
    }
    for (args, pieces) in [
        ("plot heta out", &["did you mean \"heat\"?", "lifetime"][..]),
        ("plot heat", &["heat: of which results?"]),
        ("plot heat x.csv --log y", &["--log y: the y axis of heat"]),
        (
            "plot phases x.csv --log x",
            &["--log x: the x axis of phases"],
        ),
        ("plot faults x.csv --log z", &["write x, y, x,y or none"]),
        (
            "plot heat x.csv --at 0",
            &["64, or a share of the pages, 10%"],
        ),
        (
            "plot x.csv --width 10",
            &["10 x 6 pixels: each side has from 200"],
        ),
        ("plot heat x.csv -o -", &["charts go to files"]),
        (
            "plot heat x.csv -o heat.PDF",
            &["-o heat.PDF: charts are written as .png or .svg"],
        ),
        (
            "plot x.csv --width 3000 --height 300",
            &["more than 3 times"],
        ),
    ] {
        sandbox.run(args).code(2).err(pieces);
    }
    assert!(sandbox.files(".").is_empty());
}

#[test]
fn every_kind_is_drawn_by_its_name() {
    let sandbox = with_results("--windows=500 --no-charts");
    for kind in pagebench::internals::report::chart::KINDS {
        // Of other commands, and of runs with models.
        if ["curve", "swapped"].contains(&kind.name) {
            continue;
        }
        let name = kind.name;
        sandbox
            .run(&format!("plot {name} out -o {name}.svg --title A&B"))
            .code(0)
            .no_message()
            .out(&[&format!("{name}.svg\n{name}.csv\n")]);
        let svg = sandbox.text(&format!("{name}.svg"));
        let tree = roxmltree::Document::parse(&svg).unwrap();
        let mut texts = tree.descendants().filter_map(|node| node.text());
        assert!(texts.any(|text| text == "A&B"), "{name}");
        assert!(sandbox.text(&format!("{name}.csv")).starts_with("trace,"));
    }
    sandbox.run("curve t.txt -p lru -q -o curves").code(0);
    sandbox
        .run("plot curve curves -o curve.png --no-data --width 400")
        .code(0)
        .out(&["curve.png\n"]);
    assert!(!sandbox.exists("curve.csv"));
    assert_eq!(
        sandbox.read("curve.png")[16..24],
        [0, 0, 1, 144, 0, 0, 0, 250]
    );
}

#[test]
fn a_run_draws_what_its_rows_allow() {
    let sandbox = with_results("--svg");
    let stems = ["fault-rate", "hit-rate", "lifetime", "opt-ratio"];
    for stem in stems {
        for ending in ["png", "svg", "csv"] {
            assert!(sandbox.exists(&format!("out/t-{stem}.{ending}")), "{stem}");
        }
    }
    // Six files that are no charts.
    assert_eq!(sandbox.files("out").len(), 6 + 3 * stems.len());
    sandbox.write("out/my-faults.csv", "mine");
    sandbox.write("out/my-lifetime.csv", "mine");
    sandbox
        .run("run t.txt -p lru -m 8 -q --no-data --force -o out")
        .code(0);
    let left = sandbox.files("out");
    assert_eq!(left.len(), 6 + 3 + 2, "{left:?}");
    assert!(left.contains(&"my-lifetime.csv".to_owned()));
    sandbox.run("plot opt-ratio out").code(4).err(&[
        "out: nothing to draw: t: no row has the faults of OPT",
        "run with opt among -p",
    ]);
}

#[test]
fn windows_add_up_to_the_cells() {
    let wanted = "--no-charts --windows=500 --warmup 750";
    let sandbox = with_results(wanted);
    let results = sandbox.rows("out/results.csv");
    let windows = sandbox.rows("out/windows.csv");
    assert_eq!((results.len(), windows.len()), (11, 11 * 7));
    for row in &results {
        let same = |name: &str, other: &std::collections::BTreeMap<String, String>| {
            other[name] == row[name]
        };
        let own: Vec<_> = windows
            .iter()
            .filter(|window| {
                ["policy", "tau", "frames"]
                    .iter()
                    .all(|name| same(name, window))
            })
            .collect();
        let number = |text: &String| text.parse::<u64>().unwrap();
        let sum = |name: &str| own.iter().map(|window| number(&window[name])).sum::<u64>();
        assert_eq!(sum("faults"), number(&row["faults"]), "{row:?}");
        assert_eq!(sum("references"), number(&row["refs"]), "{row:?}");
        assert_eq!(number(&own[0]["first"]), 750);
        assert_eq!(own[6]["last"], "3999");
        assert_eq!(own[6]["resident"], row["resident_end"], "{row:?}");
    }
    // Neither the engine nor threads matter.
    let again = with_results(&format!("{wanted} --engine plain -j1 --tlb none"));
    assert_eq!(
        sandbox.text("out/windows.csv"),
        again.text("out/windows.csv")
    );
    let auto = with_results("--no-charts --windows");
    assert_eq!(auto.rows("out/windows.csv").len(), 11 * 400);
    for (windows, piece) in [("0", "one reference at least"), ("x", "windows")] {
        let args = format!("run t.txt -p lru -m 8 -o no --windows={windows}");
        sandbox.run(&args).code(2).err(&[piece]);
    }
    assert!(!sandbox.exists("no"));
}

#[test]
fn phases_are_drawn_again_from_the_table() {
    let sandbox = with_results("--windows=100");
    assert!(sandbox.exists("out/t-phases.png"));
    sandbox.run("plot phases out -o again").code(0);
    for file in ["t-phases.png", "t-phases.csv"] {
        let (first, again) = (format!("out/{file}"), format!("again/{file}"));
        assert!(sandbox.read(&first) == sandbox.read(&again), "{file}");
    }
    sandbox
        .run("plot phases out/windows.csv --at 128 -o big.svg")
        .code(0);
    assert!(
        sandbox
            .text("big.svg")
            .contains("faults over time with 128 frames")
    );
    let bare = with_results("--no-charts");
    bare.run("plot phases out")
        .code(1)
        .err(&["out: no windows.csv in this folder; run with --windows"]);
    let text = sandbox.text("out/windows.csv");
    sandbox.write("w/windows.csv", text.replacen(",8,", ",eight,", 1));
    sandbox
        .run("plot phases w")
        .code(1)
        .err(&["w/windows.csv:2: column frames: not a whole number: \"eight\""]);
    sandbox
        .run("plot phases out/results.csv")
        .code(1)
        .err(&["not a table of windows"]);
}

#[test]
fn nothing_is_written_over_its_own_source() {
    let sandbox = with_results("--no-charts");
    let before = sandbox.read("out/results.csv");
    sandbox
        .run("plot faults out/results.csv -o out/results.png")
        .code(2)
        .err(&["would be written over out/results.csv", "--no-data"]);
    assert!(sandbox.read("out/results.csv") == before);
    sandbox
        .run("plot faults out/results.csv -o out/results.png --no-data")
        .code(0);
    assert!(sandbox.read("out/results.csv") == before);
    sandbox
        .run("plot out -o all.png")
        .code(2)
        .err(&["-o all.png: there are 4 charts"]);
    assert!(!sandbox.exists("all.png"));
    sandbox
        .shell("\"$PAGEBENCH\" plot out -o charts | head -1")
        .code(0);
}

#[test]
fn belady_s_anomaly_is_found() {
    let sandbox = Sandbox::new();
    sandbox.write("b.txt", "1\n2\n3\n4\n1\n2\n5\n1\n2\n3\n4\n5\n");
    sandbox
        .run("run b.txt --kind synthetic -p fifo,lru -m 1..5:+1 --no-charts -q -o out")
        .code(0);
    sandbox.run("plot faults out -o f.svg").code(0);
    let svg = sandbox.text("f.svg");
    assert!(svg.contains("1 Belady anomaly (fifo)"));
    let rows = sandbox.rows("f.csv");
    let marked: Vec<_> = rows.iter().filter(|row| row["anomaly"] == "yes").collect();
    assert_eq!(marked.len(), 1);
    assert_eq!(
        [
            &marked[0]["policy"],
            &marked[0]["frames"],
            &marked[0]["value"]
        ],
        ["fifo", "4", "10"]
    );
}
