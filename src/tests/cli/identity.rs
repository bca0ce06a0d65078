//! What names a cell: the same everywhere, and everything in which cells differ.

use super::harness::Sandbox;

/// Two processes that take turns over eight pages each: six references of one, six of the other.
fn two_processes() -> Sandbox {
    let sandbox = Sandbox::new();
    let mut text = String::from("# pagebench trace 1\n");
    for turn in 0_u64..40 {
        text += &format!("switch {}\n", turn % 2);
        for step in 0..6 {
            text += &format!("R {:x}\n", (turn * 5 + step * step) % 8 * 4096);
        }
    }
    sandbox.write("p.txt", text);
    sandbox
}

/// The faults of the rows of a policy, by seed and frames.
fn faults(sandbox: &Sandbox, folder: &str, policy: &str) -> Vec<(String, String, String)> {
    let rows = sandbox.rows(&format!("{folder}/results.csv")).into_iter();
    let rows = rows.filter(|row| row["policy"] == policy);
    rows.map(|row| {
        (
            row["seed"].clone(),
            row["frames"].clone(),
            row["faults"].clone(),
        )
    })
    .collect()
}

#[test]
fn each_seed_has_its_column_and_its_curve() {
    let sandbox = Sandbox::new();
    sandbox
        .run("gen zipf --pages 300 --refs 20k --writes 20 --seed 3 -o z.txt")
        .code(0);
    let run = "run z.txt -p random,lru -m 8,16,32,64,128,256 --show faults -q";
    let done = sandbox.run(&format!("{run} --seed 1,2,3 -o three")).code(0);
    let columns =
        "frames  memory  of pages    lru  random, seed 1  random, seed 2  random, seed 3\n";
    // Rows of three seeds strung together would bend where a new one begins.
    let none = "no knee within these frames";
    let done = done.out(&[columns, none]);
    let rows = faults(&sandbox, "three", "random");
    for frames in ["8", "16", "256"] {
        let of = |seed: &str| {
            let row = rows.iter().find(|row| row.0 == seed && row.1 == frames);
            row.unwrap().2.clone()
        };
        let line = done.out.lines().find(|line| {
            let first = line.split_whitespace().next();
            first == Some(frames)
        });
        let fields: Vec<&str> = line.unwrap().split_whitespace().collect();
        assert_eq!(fields[fields.len() - 3..], [of("1"), of("2"), of("3")]);
    }
    let one = sandbox.run(&format!("{run} --seed 2 -o one")).code(0);
    one.out(&[none, "of pages    lru  random\n"]);

    let plan = sandbox.run("plan z.txt -p random --seed 1,2 -m 8").code(0);
    plan.out(&["  random, seed 1  ", "  random, seed 2  "]);
    let file: serde_json::Value = serde_json::from_slice(&sandbox.read("three/plan.json")).unwrap();
    let seeds = file["cells"].as_array().unwrap().iter();
    let seeds: Vec<Option<u64>> = seeds.map(|cell| cell["seed"].as_u64()).collect();
    assert_eq!(seeds[..6], [None; 6]);
    assert_eq!([seeds[6], seeds[12], seeds[18 + 5]], [1, 2, 3].map(Some));

    let part =
        "run z.txt -p random --seed 1,2 -m 8,16 --no-charts -q --partition slice:1/2 -o part";
    sandbox.run(part).code(0);
    sandbox.run("merge part -o whole").code(5).err(&[
        "z, random, 16 frames, seed 1\n",
        "z, random, 16 frames, seed 2\n",
    ]);
}

#[test]
fn charts_draw_a_line_for_each_seed() {
    let sandbox = Sandbox::with_trace();
    let run = "run t.txt -p random,lru --seed 1,2 -m 8,16,32 --windows=500 --no-charts -q -o out";
    sandbox.run(run).code(0);
    for (kind, file) in [
        ("phases", "c.svg"),
        ("lifetime", "d.svg"),
        ("heat", "e.svg"),
    ] {
        sandbox
            .run(
                &format!("plot {kind} out --at 16 -o {file}")
                    .replace(if kind == "lifetime" { " --at 16" } else { "" }, ""),
            )
            .code(0);
        let picture = sandbox.text(file);
        for label in ["random, seed 1", "random, seed 2", ">lru<"] {
            assert!(picture.contains(label), "{kind}: {label}");
        }
        assert!(!picture.contains(">random<"), "{kind}");
    }
}

#[test]
fn a_cell_that_failed_is_named_with_its_seed() {
    let sandbox = two_processes();
    sandbox
        .run("run p.txt -p random --seed 1,2 -m 1 --allocation equal --no-charts -q -o out")
        .code(1)
        .err(&[
            "error: cell p, random, 1 frame, seed 1, allocation=equal: ",
            "error: cell p, random, 1 frame, seed 2, allocation=equal: ",
        ]);
}

/// A trace of ids has no translation whose walks could set bits, and without a limit of frames there
/// is nothing to divide.
#[test]
fn rows_say_what_was_done() {
    let sandbox = Sandbox::new();
    let ids: String = (0..60).map(|i| format!("R {}\n", i * i % 7 + 1)).collect();
    sandbox.write(
        "ids.txt",
        format!("# pagebench trace 1\n# addressing: ids\n{ids}"),
    );
    for (bit, folder) in [("every", "a"), ("walk", "b"), ("walk-flush", "c")] {
        let run = format!("run ids.txt -p clock,fifo -m 3 --accessed-bit {bit} --no-charts -q");
        sandbox.run(&format!("{run} -o {folder}")).code(0);
        let manifest: serde_json::Value =
            serde_json::from_slice(&sandbox.read(&format!("{folder}/manifest.json"))).unwrap();
        assert_eq!(manifest["accessed_bit"], "every");
    }
    let rows = |folder: &str| sandbox.read(&format!("{folder}/results.csv"));
    assert!(rows("a") == rows("b") && rows("a") == rows("c"));

    let sandbox = two_processes();
    let run = "run p.txt -p lru,ws,ws:limit=4 --tau 10 -m 6 --allocation equal --no-charts -q";
    sandbox.run(&format!("{run} -o d")).code(0);
    let rows = sandbox.rows("d/results.csv");
    let done: Vec<[&str; 3]> = (rows.iter())
        .map(|row| [&*row["policy"], &*row["frames"], &*row["allocation"]])
        .collect();
    assert_eq!(
        done,
        [
            ["lru", "6", "equal"],
            ["ws", "", "global"],
            ["ws", "4", "equal"]
        ]
    );
    let tlb = "--accessed-bit walk --machine zen3 --page-size 4KiB,2MiB";
    sandbox
        .run(&format!("run p.txt -p lru -m 2 {tlb} --no-charts -q -o e"))
        .code(0);
    for row in sandbox.rows("e/results.csv") {
        let bit = &row["accessed_bit"];
        assert!(
            bit.starts_with("walk:l1i=64x64,l1d=") && !bit.contains("levels"),
            "{bit}"
        );
    }
}

/// Two runs of other settings are two pictures: one line through both would bend where it should not.
#[test]
fn settings_are_not_drawn_as_one_line() {
    let sandbox = two_processes();
    let run = "run p.txt -p lru,ws --tau 10 --no-charts -q";
    sandbox.run(&format!("{run} -m 3,5,7 -o global")).code(0);
    sandbox
        .run(&format!("{run} -m 2,4,6 --allocation equal -o equal"))
        .code(0);
    sandbox.run("plot faults global equal -o charts").code(0);
    let points = |file: &str, column: &str| sandbox.column(file, column);
    assert_eq!(points("charts/p-faults.csv", "frames"), ["2", "4", "6"]);
    assert_eq!(points("charts/p-2-faults.csv", "frames"), ["3", "5", "7"]);
    for file in ["charts/p-faults.csv", "charts/p-2-faults.csv"] {
        assert!(
            points(file, "anomaly").iter().all(|is| is == "no"),
            "{file}"
        );
    }
    // What is not divided stands beside each.
    sandbox
        .run("plot fault-rate global equal -o charts")
        .code(0);
    for file in ["charts/p-fault-rate.csv", "charts/p-2-fault-rate.csv"] {
        assert_eq!(
            points(file, "policy")
                .iter()
                .filter(|name| *name == "ws")
                .count(),
            1
        );
    }
    sandbox.run("plot overview global equal -o o.png").code(0);
    let mut settings = points("o.csv", "settings");
    settings.dedup();
    assert_eq!(settings, ["allocation=equal", ""]);
    // One run is one group, though not all of its cells were divided.
    let shown = sandbox
        .run(&format!("{run} -m 2,4,6 --allocation equal -o again"))
        .code(0);
    assert_eq!(shown.out.matches("p: 240 references").count(), 1);
}

#[test]
fn counts_under_other_tlbs_are_no_verdict() {
    let sandbox = Sandbox::with_trace();
    let small = "--tlb l1i=4,l1d=4,l2=none";
    for (baseline, now) in [("", small), (small, "")] {
        sandbox.shell("rm -rf b.csv out same").code(0);
        sandbox
            .run(&format!(
                "check b.csv t.txt --accept -p clock -m 16 --accessed-bit walk {baseline}"
            ))
            .code(0);
        let walk = |more: &str| format!("t.txt --accessed-bit walk {more}");
        sandbox
            .run(&format!("check b.csv {}", walk(baseline)))
            .code(0);
        // Walks and their caches decide no fault.
        let longer = match baseline {
            "" => "--tlb levels=5,pwc=4",
            _ => "--tlb l1i=4,l1d=4,l2=none,levels=5,pwc=4",
        };
        sandbox
            .run(&format!("check b.csv {}", walk(longer)))
            .code(0);
        let why = "counted with different options: accessed_bit is walk:l1i=";
        sandbox
            .run(&format!("check b.csv {}", walk(now)))
            .code(7)
            .err(&[why]);
        let run = format!("run {} -p clock -m 16 --no-charts -q -o out", walk(now));
        sandbox.run(&run).code(0);
        sandbox.run("check b.csv out").code(7).err(&[why]);
        let run = format!(
            "run {} -p clock -m 16 --no-charts -q -o same",
            walk(baseline)
        );
        sandbox.run(&run).code(0);
        sandbox
            .run("compare same out")
            .code(4)
            .err(&["accessed_bit=walk:l1i=4x4,l1d=4x4,l2=none: only in "]);
    }
}

#[test]
fn allocations_and_reference_bits_of_several_runs_are_compared() {
    let sandbox = two_processes();
    let run = "run p.txt -p lru,ws --tau 10 -m 4,6 --no-charts -q";
    sandbox.run(&format!("{run} -o g")).code(0);
    sandbox
        .run(&format!("{run} --allocation equal -o e"))
        .code(0);
    let done = sandbox
        .run("compare g e --by allocation --metric faults --reference global --out csv")
        .code(0)
        // What no allocation divides both runs have alike: it is there once.
        .err(&["p, ws, tau 10: only in global"]);
    let mut lines = csv::Reader::from_reader(done.out.as_bytes());
    let lines: Vec<csv::StringRecord> = lines.records().map(Result::unwrap).collect();
    let [g, e] = ["g", "e"].map(|folder| faults(&sandbox, folder, "lru"));
    assert_eq!(lines.len(), 2);
    for ((line, g), e) in lines.iter().zip(g).zip(e) {
        assert_eq!(line[1], format!("p, lru, {} frames", g.1));
        assert_eq!([&line[2], &line[3]], ["global", "equal"]);
        assert_eq!([&line[4], &line[5]], [&g.2, &e.2]);
    }
    sandbox
        .run("run p.txt -p lru,clock -m 4 --accessed-bit walk --tlb l1d=2,l2=none --no-charts -q -o w")
        .code(0);
    sandbox
        .run("compare g w --by accessed_bit --metric faults")
        .code(0)
        .out(&["walk:l1i=64x4,l1d=2x2,l2=none against every, faults: "]);
    sandbox
        .run("compare g g --by allocation")
        .code(4)
        .err(&["there is only \"global\""]);
    sandbox
        .run("compare g/results.csv w --by policy --reference lru --metric faults")
        .code(0)
        .out(&["p, 4 frames, accessed_bit=walk:l1i=64x4,l1d=2x2,l2=none"]);
}

/// What differs in the seed only is one cell of sides that are seeds.
#[test]
fn seeds_are_sides() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run("run t.txt -p random,lru --seed 1,2 -m 8 --no-charts -q -o out")
        .code(0);
    let args = "compare out --by policy --metric faults --out csv --reference";
    let done = sandbox.run(&format!("{args} lru")).code(0).no_message();
    assert_eq!(
        done.out
            .matches("\"t, 8 frames\",lru,\"random, seed ")
            .count(),
        2
    );
    let done = sandbox.run(&format!("{args} 3")).code(0).no_message();
    assert_eq!(
        done.out
            .matches("\"t, 8 frames\",\"random, seed 2\",")
            .count(),
        2
    );
}

#[test]
fn an_exclusion_tells_a_written_default_from_none() {
    let sandbox = Sandbox::with_trace();
    let cells = |exclude: &str| {
        sandbox.write(
            "x.toml",
            format!(
                "schema = 1\nframes = \"8\"\n[[trace]]\npath = \"t.txt\"\n[[policy]]\nname = \"clock\"\n\
                 load-bit = [0, 1]\n[[policy]]\nname = \"lru\"\n[[exclude]]\npolicy = \"{exclude}\"\n"
            ),
        );
        let out = sandbox.run("plan -f x.toml -q").code(0).out;
        let lines: Vec<&str> = out.lines().collect();
        let policy = |line: &&str| line.split_whitespace().nth(3).unwrap().to_owned();
        let cells: Vec<String> = lines[1..lines.len() - 1].iter().map(policy).collect();
        cells
    };
    assert_eq!(cells("clock"), ["lru"]);
    assert_eq!(cells("clock:load-bit=0"), ["clock", "lru"]);
    assert_eq!(cells("CLOCK:load-bit=1"), ["clock:load-bit=0", "lru"]);
    let shown = sandbox.run("plan -f x.toml --show-config").code(0);
    shown.out(&["policy = \"clock:load-bit=1\"\n"]);
}

/// The same baseline in other words: names by alias, in other case, with defaults written out, with
/// the ends of lines that Windows has.
#[test]
fn a_baseline_in_other_words_is_the_same() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run("check b.csv t.txt --accept -p lru,clock,wsclock,2q:kin=0.1 -m 8,16 --tau 50")
        .code(0);
    let good = sandbox.text("b.csv");
    assert!(
        good.contains(",clock,,,") && good.contains(",2q,kin=0.1,"),
        "{good}"
    );
    let spell = |text: &str| {
        text.replace(",clock,,", ",Clock,load-bit=1,")
            .replace(",wsclock,", ",working-set-clock,")
            .replace(",lru,", ",LRU,")
            .replace(",2q,kin=0.1,", ",2Q,kout=0.5:kin=0.10,")
    };
    let edited = |text: &str| {
        let line = text.lines().find(|line| line.contains(",lru,")).unwrap();
        // The faults are the 19th column.
        let mut fields: Vec<String> = line.split(',').map(str::to_owned).collect();
        fields[18] = (fields[18].parse::<u64>().unwrap() - 1).to_string();
        text.replace(line, &fields.join(","))
    };
    for text in [good.clone(), edited(&good)] {
        sandbox.write("b.csv", &text);
        let check = |baseline: &str| {
            sandbox.write("b.csv", baseline);
            let done = sandbox.run("check b.csv t.txt -q --json j.json");
            let json: serde_json::Value = serde_json::from_slice(&sandbox.read("j.json")).unwrap();
            (done.out, json)
        };
        let plain = check(&text);
        let other = spell(&text);
        assert_ne!(other, text);
        assert_eq!(check(&other), plain);
        assert_eq!(check(&other.replace('\n', "\r\n")), plain);
        assert_eq!(check(&text.replace('\n', "\r\n")), plain);
    }
    sandbox.write("b.csv", spell(&good));
    let lines = good.lines().count() - 1;
    sandbox
        .run("check b.csv t.txt --accept -q")
        .code(0)
        .out(&[&format!("0 changed, 0 new, {lines} as they were")]);
    assert_eq!(sandbox.text("b.csv"), spell(&good));
    let twice = good.lines().find(|line| line.contains(",lru,")).unwrap();
    sandbox.write("b.csv", good.clone() + &spell(twice) + "\n");
    sandbox
        .run("check b.csv t.txt")
        .code(7)
        .err(&["the same cell as line "]);
}

#[test]
fn a_renamed_trace_is_known_at_every_page_size() {
    let sandbox = Sandbox::with_trace();
    let accept = |sizes: &str| {
        sandbox.shell("rm -f b.csv").code(0);
        let args = format!("check b.csv t.txt --accept -p lru,fifo -m 8 --page-size {sizes} -q");
        sandbox.run(&args).code(0);
    };
    sandbox.shell("cp t.txt other.txt").code(0);
    for (sizes, cells) in [("4KiB,16KiB", 4), ("16KiB", 2), ("1KiB,64KiB", 4)] {
        accept(sizes);
        for trace in ["t.txt", "other.txt"] {
            sandbox
                .run(&format!("check b.csv {trace} -q"))
                .code(0)
                .no_message()
                .out(&[&format!("{cells} cells compared"), "0 missing"]);
        }
        let before = sandbox.read("b.csv");
        sandbox
            .run("check b.csv other.txt --accept -q")
            .code(0)
            .out(&[&format!("0 changed, 0 new, {cells} as they were")]);
        assert!(sandbox.read("b.csv") == before);
    }
    // A trace that it does not have is read at the usual size.
    accept("16KiB");
    let more = sandbox
        .run("gen zipf --pages 50 --refs 500 -o -")
        .code(0)
        .out;
    sandbox.write("new.txt", more);
    sandbox
        .run("check b.csv t.txt new.txt")
        .code(0)
        .err(&["has no cell of trace new"]);
    sandbox
        .run("check b.csv new.txt --accept -p lru -m 8 -q")
        .code(0)
        .out(&["0 changed, 1 new, 2 as they were"]);
    assert_eq!(
        sandbox.column("b.csv", "page_size"),
        ["4096", "16384", "16384"]
    );
    // Standard input is read once where a part is taken of it.
    sandbox
        .shell("\"$PAGEBENCH\" check b.csv - --limit 100 --accept -p lru -m 8 -q < t.txt")
        .code(0)
        .out(&["1 new"]);
}

#[test]
fn parts_and_warm_ups_are_in_the_names_of_cells() {
    let sandbox = Sandbox::with_trace();
    for (more, folder) in [("", "a"), ("--data-only", "b"), ("--warmup 1000", "c")] {
        sandbox
            .run(&format!(
                "run t.txt -p lru -m 16 {more} --no-charts -q -o {folder}"
            ))
            .code(0);
    }
    sandbox.run("check base.csv a b c --accept").code(0);
    let text = sandbox.text("base.csv");
    assert_eq!(text.lines().count(), 4);
    let with_fewer = |line: &str| {
        // The faults are the 19th column.
        let mut fields: Vec<String> = line.split(',').map(str::to_owned).collect();
        fields[18] = (fields[18].parse::<u64>().unwrap() - 1).to_string();
        fields.join(",") + "\n"
    };
    let mut lines = text.lines();
    let header = lines.next().unwrap().to_owned() + "\n";
    sandbox.write(
        "base.csv",
        header + &lines.map(with_fewer).collect::<String>(),
    );
    let done = sandbox
        .run("check base.csv a b c -q --json j.json --junit j.xml")
        .code(6);
    done.out(&[
        "t, lru, 16 frames  ",
        "t, lru, 16 frames, filter=data-only  ",
        "t, lru, 16 frames, warmup_refs=1000  ",
    ]);
    let json = sandbox.text("j.json");
    let names = [
        "t/lru/16",
        "t/lru/16/filter=data-only",
        "t/lru/16/warmup_refs=1000",
    ];
    for name in names {
        assert_eq!(json.matches(&format!("\"{name}\"")).count(), 1, "{name}");
        sandbox
            .run(&format!("check base.csv a b c -q --only {name}"))
            .code(6)
            .out(&["1 cell compared"]);
    }
    let xml = sandbox.text("j.xml");
    for name in [
        "16 frames",
        "16 frames, filter=data-only",
        "16 frames, warmup_refs=1000",
    ] {
        assert_eq!(
            xml.matches(&format!("name=\"{name}\"")).count(),
            1,
            "{name}"
        );
    }
}

/// A name that the experiment gives is the name in the results, whatever other files are called.
#[test]
fn given_names_stand() {
    let sandbox = Sandbox::with_trace();
    sandbox.shell("mkdir c && cp t.txt c/b.txt").code(0);
    sandbox.write(
        "n.toml",
        "schema = 1\npolicy = \"lru\"\nframes = \"8\"\n[[trace]]\npath = \"t.txt\"\nname = \"b\"\n\
         [[trace]]\npath = \"c/b.txt\"\n",
    );
    sandbox.run("run -f n.toml --no-charts -q -o out").code(0);
    assert_eq!(sandbox.column("out/results.csv", "trace"), ["b", "c/b"]);
}
