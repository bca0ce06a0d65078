//! Experiment files: what they say, what the command line changes, and what is wrong with them.

use super::harness::Sandbox;

const EXPERIMENT: &str = r#"schema = 1
name = "small"
frames = [8, "16..64"]
tau = 100
swap = "unlimited"

[[trace]]
path = "../t.txt"
name = "numbers"
format = "plain"

[[policy]]
name = "clock"
load-bit = [0, 1]

[[policy]]
name = "lru"

[[exclude]]
policy = "clock:load-bit=0"
frames = ">=32"

[[exclude]]
trace = "numbers"
policy = "lru"
frames = "<16"

[check]
metric = "faults"
"#;

fn with_experiment() -> Sandbox {
    let sandbox = Sandbox::with_trace();
    sandbox.write("sub/e.toml", EXPERIMENT);
    sandbox
}

/// Policy, parameters and frames of each row.
fn cells(sandbox: &Sandbox, folder: &str) -> Vec<String> {
    let rows = sandbox.rows(&format!("{folder}/results.csv"));
    rows.iter()
        .map(|row| format!("{} {} {}", row["policy"], row["params"], row["frames"]))
        .collect()
}

#[test]
fn a_file_says_what_is_run() {
    let sandbox = with_experiment();
    sandbox.run("run -f sub/e.toml -o out").code(0);
    let expected = [
        "clock  8",
        "clock  16",
        "clock  32",
        "clock  64",
        "clock load-bit=0 8",
        "clock load-bit=0 16",
        "lru  16",
        "lru  32",
        "lru  64",
    ];
    assert_eq!(cells(&sandbox, "out"), expected);
    assert_eq!(sandbox.column("out/results.csv", "trace"), ["numbers"; 9]);
    assert!(sandbox.exists("out/numbers-fault-rate.png"));
    let manifest: serde_json::Value =
        serde_json::from_slice(&sandbox.read("out/manifest.json")).unwrap();
    assert_eq!(manifest["name"], "small");
    assert_eq!(manifest["experiment"], "sub/e.toml");
    assert_eq!(manifest["settings"]["frames"], "8,16..64");

    // The same by flags has the same counts.
    sandbox
        .run("run t.txt -p clock:load-bit=0,clock,lru -m 8..64 --no-charts -o flags")
        .code(0);
    let faults = |folder: &str, name: &str| {
        let rows = sandbox.rows(&format!("{folder}/results.csv"));
        let mut all = Vec::new();
        for cell in expected {
            let found = rows.iter().find(|row| {
                let at = format!("{} {} {}", row["policy"], row["params"], row["frames"]);
                row["trace"] == name && at == cell
            });
            all.push(found.unwrap()["faults"].clone());
        }
        all
    };
    assert_eq!(faults("out", "numbers"), faults("flags", "t"));
}

#[test]
fn the_command_line_wins() {
    let sandbox = with_experiment();
    sandbox
        .run("run -f sub/e.toml -p fifo -m 9 --no-charts -o out")
        .code(0)
        .err(&["warning: sub/e.toml:19: this exclude leaves out no cell"]);
    assert_eq!(cells(&sandbox, "out"), ["fifo  9"]);
    sandbox
        .run("run t.txt -f sub/e.toml -p lru --no-charts -o traces")
        .code(0)
        .err(&[
            "sub/e.toml:23: this exclude leaves out no cell",
            "no trace \"numbers\"",
        ]);
    assert_eq!(sandbox.column("traces/results.csv", "trace"), ["t"; 4]);
    // A flag takes the place of the setting that it excludes, too.
    let with = EXPERIMENT.replace("tau = 100", "machine = \"zen3\"");
    sandbox.write("sub/m.toml", with);
    sandbox
        .run("run -f sub/m.toml --tlb none --no-charts -o none")
        .code(0);
    let hits = sandbox.column("none/results.csv", "tlb_misses");
    assert!(hits.iter().all(String::is_empty));
}

#[test]
fn settings_are_shown_with_their_origin_and_read_again() {
    let sandbox = with_experiment();
    let shown = sandbox
        .run("run -f sub/e.toml --show-config --warmup 10% --data-only -o out")
        .code(0)
        .no_message()
        .out(&[
            "frames = \"8,16..64\"  # sub/e.toml:3\n",
            "tau = \"100\"  # sub/e.toml:4\n",
            "policy = \"clock:load-bit=0,clock:load-bit=1,lru\"  # sub/e.toml:12\n",
            "warmup = \"10%\"  # flag\n",
            "data-only = true  # flag\n",
            "device = \"nvme\"  # default\n",
            "# machine is not set  # default\n",
            "[[trace]]  # sub/e.toml:7\npath = \"",
            "/sub/../t.txt\"\nname = \"numbers\"\n",
            "[[exclude]]  # sub/e.toml:19\npolicy = \"clock:load-bit=0\"\nframes = \">=32\"\n",
        ])
        .out;
    assert!(!sandbox.exists("out"));
    sandbox.write("again.toml", &shown);
    let plan = |args: &str| {
        let out = sandbox.run(&format!("plan {args}")).code(0).out;
        out.lines().next_back().unwrap()[..37].to_owned()
    };
    assert_eq!(
        plan("-f again.toml"),
        plan("-f sub/e.toml --warmup 10% --data-only")
    );
    sandbox.run("plan t.txt -m 4 --show-config").code(0).out(&[
        "frames = \"4\"  # flag",
        "[[trace]]  # flag\npath = \"",
        "/t.txt\"",
    ]);
}

#[test]
fn mistakes_are_shown_where_they_stand() {
    let sandbox = with_experiment();
    for (from, to, place, why) in [
        (
            "tau = ",
            "tua = ",
            "4:1",
            "unknown key \"tua\"; did you mean \"tau\"?",
        ),
        (
            "name = \"numbers\"",
            "nmae = \"x\"",
            "9:1",
            "did you mean \"name\"?",
        ),
        (
            "trace = \"numbers\"",
            "polcy = \"lru\"",
            "24:1",
            "did you mean \"policy\"?",
        ),
        (
            "\"16..64\"",
            "\"64..16\"",
            "3:10",
            "\"64..16\" is an empty range",
        ),
        (
            "= [8, ",
            "= [[8], ",
            "3:11",
            "a string or a number is wanted",
        ),
        (
            "[8, \"16..64\"]",
            "{ value = 3 }",
            "3:12",
            "did you mean \"values\"?",
        ),
        (
            "name = \"clock\"",
            "name = \"clok\"",
            "13:8",
            "did you mean \"clock\"?",
        ),
        (
            "load-bit = ",
            "load-bti = ",
            "14:1",
            "did you mean \"load-bit\"?",
        ),
        (
            "[0, 1]",
            "[0, 2]",
            "14:16",
            "not a whole number from 0 to 1",
        ),
        ("\"plain\"", "\"plian\"", "10:10", "did you mean \"plain\"?"),
        ("\">=32\"", "\"=>32\"", "21:10", "write a number or >=8192"),
        (
            "frames = \"<16\"",
            "frames = true",
            "26:10",
            "a string or a number",
        ),
        (
            "\"unlimited\"",
            "\"1\"",
            "5:8",
            "--swap 1: less than a page",
        ),
        ("\"unlimited\"", "[1, 2]", "5:8", "one value is wanted here"),
        (
            "swap = \"unlimited\"",
            "data-only = 1",
            "5:13",
            "true or false",
        ),
        (
            "swap = \"unlimited\"",
            "header = \"maybe\"",
            "5:10",
            "one of: yes, no",
        ),
        (
            "swap = \"unlimited\"",
            "device = \"dsk\"",
            "5:10",
            "did you mean \"disk\"?",
        ),
        (
            "swap = \"unlimited\"",
            "overcommit = \"strict\"",
            "5:14",
            "needs --ram BYTES",
        ),
        ("swap = \"unlimited\"", "swap", "5:5", "key with no value"),
        (
            "schema = 1",
            "schema = 2",
            "1:10",
            "this program reads schema 1",
        ),
        ("schema = 1", "", "1:1", "no schema: write schema = 1"),
        ("path = \"../t.txt\"", "", "7:1", "this trace has no path"),
        (
            "path = \"../t.txt\"",
            "path = \"..\"",
            "7:1",
            "a folder of traces has no one name",
        ),
        (
            "format = ",
            "digest = ",
            "10:10",
            "8 to 32 hexadecimal digits",
        ),
        (
            "policy = \"clock:load-bit=0\"\nframes = \">=32\"",
            "",
            "19:1",
            "everything",
        ),
        ("[check]", "check = 3\n[x]", "28:1", "unknown key \"check\""),
    ] {
        let text = EXPERIMENT.replacen(from, to, 1);
        assert_ne!(text, EXPERIMENT, "{from}");
        sandbox.write("sub/bad.toml", text);
        sandbox
            .run("run -f sub/bad.toml -o out")
            .code(2)
            .err(&[&format!("error: sub/bad.toml:{place}: "), why]);
    }
    assert!(!sandbox.exists("out"));
    // The place is marked, whatever comes before it.
    sandbox.write("sub/bad.toml", "schema = 1\nswap = \"ä\"\n");
    sandbox
        .run("run -f sub/bad.toml")
        .code(2)
        .err(&["\n  2 | swap = \"ä\"\n    |        ^^^\n"]);
}

#[test]
fn bad_files_are_no_reason_to_panic() {
    let sandbox = with_experiment();
    sandbox
        .run("run -f nowhere.toml")
        .code(1)
        .err(&["nowhere.toml: cannot read"]);
    sandbox.write("empty.toml", "schema = 1\n");
    sandbox
        .run("run -f empty.toml")
        .code(2)
        .err(&["empty.toml: no [[trace]]"]);
    sandbox.write("bytes.toml", b"schema = 1 # \xff\n");
    sandbox
        .run("run -f bytes.toml")
        .code(2)
        .err(&["byte 13: not UTF-8"]);
    let none = format!("{EXPERIMENT}\n[[exclude]]\nframes = \">0\"\n")
        .replace("[check]", "[[exclude]]\ntau = 1\n[check]");
    sandbox.write(
        "sub/none.toml",
        none.replace("anything = { at = [\"all\"] }", ""),
    );
    sandbox
        .run("run -f sub/none.toml -o out")
        .code(4)
        .err(&["the experiment excludes every cell"]);
    for cut in 0..EXPERIMENT.len() {
        if cut % 7 == 0 {
            sandbox.write("sub/cut.toml", &EXPERIMENT[..cut]);
            let _ = sandbox.run("run -f sub/cut.toml --show-config");
        }
    }
}

#[test]
fn another_trace_than_the_one_meant_is_refused() {
    let sandbox = with_experiment();
    sandbox
        .run("run t.txt -m 8 -p lru --no-charts -o out")
        .code(0);
    let digest = sandbox.column("out/results.csv", "trace_digest")[0].clone();
    let with = |digest: &str| {
        let line = format!("digest = \"{digest}\"\nformat = ");
        sandbox.write("sub/d.toml", EXPERIMENT.replace("format = ", &line));
        sandbox.run("run -f sub/d.toml --no-charts --force -o d")
    };
    with(&digest).code(0);
    with(&digest[..8].to_uppercase()).code(0);
    with("0123456789").code(3).err(&[
        "error: sub/d.toml:7:1: ",
        &format!("digest {digest}, but the experiment expects 0123456789"),
    ]);
    // It is the experiment's traces that have it.
    sandbox
        .run("run t.txt -f sub/d.toml --no-charts -o e")
        .code(0);
}
