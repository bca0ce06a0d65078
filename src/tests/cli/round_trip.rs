//! Experiment files and the command line: what `--show-config` prints is the experiment again, every
//! key holds for every command, and the command line has the last word.

use super::harness::Sandbox;
use std::collections::BTreeSet;

/// The line of a plan that says its id.
fn plan(sandbox: &Sandbox, args: &str) -> String {
    let out = sandbox.run(&format!("plan -q {args}")).code(0).out;
    out.lines().next_back().unwrap()[..37].to_owned()
}

fn with_file(text: &str) -> Sandbox {
    let sandbox = Sandbox::with_trace();
    sandbox.write("e.toml", format!("schema = 1\n{text}"));
    sandbox
}

const TRACE: &str = "[[trace]]\npath = \"t.txt\"\n";

/// Each in another folder than the one where it was shown.
#[test]
fn what_is_shown_is_the_same_experiment() {
    let sandbox = Sandbox::with_trace();
    sandbox.write("sub/u.txt", sandbox.read("t.txt"));
    sandbox.write(
        "sub/e.toml",
        "schema = 1\npolicy = \"lru,2q:kin=0.1,0.25\"\nframes = 8\n[[trace]]\npath = \"u.txt\"\n\
         name = \"\u{200b}\u{fc}\"\n[[exclude]]\ntrace = \"\u{200b}\u{fc}\"\npolicy = \"lru\"\n\
         frames = \"<4\"\n",
    );
    for args in [
        "t.txt -p lru -m 2 --machine zen3",
        "t.txt -p lru -m 2 --tlb none",
        "t.txt -p random --seed 3,1 -m 4,8 --warmup 10% --data-only --skip 5 --limit 900",
        "t.txt -p lru -m 8 --overcommit strict --ram 64MiB --swap none",
        "t.txt -p lru -m 8 --counts faults --mem-limit 1GiB --skip-bad --page-size 4KiB,8KiB",
        "-f sub/e.toml",
        "-f sub/e.toml --format plain -p fifo",
    ] {
        let shown = sandbox.run(&format!("plan {args} --show-config")).code(0);
        sandbox.write("elsewhere/shown.toml", &shown.out);
        assert_eq!(
            plan(&sandbox, "-f elsewhere/shown.toml"),
            plan(&sandbox, args),
            "{args}\n{}",
            shown.out
        );
    }
    sandbox
        .run("run t.txt --machine zen3 --show-config")
        .code(0)
        .out(&["# tlb is not set  # default", "machine = \"zen3\"  # flag"]);
}

#[test]
fn the_limits_are_shown_and_hold_again() {
    let sandbox = with_file(&format!(
        "frames = 8\npolicy = \"lru\"\n{TRACE}[check]\nmetric = [\"faults\",\n  \"refs\"]  # two\n\
         max-increase = 5\nimprovement = \"fail\"\n[[check.override]]\ntrace = \"x*\"\n\
         max-increase-pct = 0.5\n[[check.override]]\nframes = 8\nmax-decrease = 1_0\n"
    ));
    sandbox.run("check base.csv -f e.toml --accept").code(0);
    let shown = sandbox.run("run -f e.toml --show-config").code(0).out;
    sandbox.write("shown.toml", &shown);
    let mut codes = BTreeSet::new();
    // Of faults up to five more and ten fewer are allowed.
    for (change, code) in [(-6, 6), (-5, 0), (0, 0), (10, 0), (11, 6)] {
        let text = sandbox.text("base.csv");
        let faults = sandbox.column("base.csv", "faults")[0].clone();
        let other = faults.parse::<i64>().unwrap() + change;
        let at = text.rfind(&format!(",{faults},")).unwrap();
        let mut changed = text.clone();
        changed.replace_range(at + 1..at + 1 + faults.len(), &other.to_string());
        sandbox.write("other.csv", changed);
        for file in ["e.toml", "shown.toml"] {
            sandbox
                .run(&format!("check other.csv -f {file}"))
                .code(code);
        }
        codes.insert(code);
    }
    assert_eq!(codes.len(), 2);
}

/// Flags of `run` that are no keys: none of them changes a byte of the results.
#[test]
fn what_is_no_key_changes_no_result() {
    let sandbox = with_file(&format!("frames = \"8,64\"\npolicy = \"lru,opt\"\n{TRACE}"));
    sandbox.run("run -f e.toml -o out").code(0);
    let results = sandbox.read("out/results.csv");
    let shown = sandbox.run("run -f e.toml --show-config").code(0).out;
    let keys: BTreeSet<String> = shown
        .lines()
        .filter_map(|line| {
            let key = line.strip_prefix("# ").unwrap_or(line);
            let key = key.split(" is not set").next()?.split(" = ").next()?;
            (!key.contains([' ', '['])).then(|| key.to_owned())
        })
        .collect();
    let help = sandbox.run("run --help").code(0).out;
    let mut flags = BTreeSet::new();
    for line in help.lines() {
        let Some(at) = line
            .find("--")
            .filter(|_| line.trim_start().starts_with('-'))
        else {
            continue;
        };
        let long = &line[at + 2..];
        let end = long.find(|c: char| !(c.is_ascii_lowercase() || c == '-'));
        flags.insert(long[..end.unwrap_or(long.len())].to_owned());
    }
    let no_keys: Vec<&String> = flags.iter().filter(|flag| !keys.contains(*flag)).collect();
    // One for each, with a value where it takes one; those without have no results to look at.
    let examples = [
        ("cache", "--cache kept"),
        ("dry-run", ""),
        ("engine", "--engine plain"),
        ("file", ""),
        ("force", "--force"),
        ("help", ""),
        ("jobs", "--jobs 1"),
        ("no-cache", "--no-cache"),
        ("no-charts", "--no-charts"),
        ("no-data", "--no-data"),
        ("output", ""),
        ("partition", "--partition slice:1/1"),
        ("progress", "--progress plain"),
        ("quiet", "--quiet"),
        ("resume", ""),
        ("show", "--show faults"),
        ("show-config", ""),
        ("string", ""),
        ("svg", "--svg"),
        ("unset", "--unset swap"),
        ("write-misses", "--write-misses misses"),
    ];
    assert_eq!(
        no_keys,
        examples.map(|(name, _)| name).iter().collect::<Vec<_>>()
    );
    for (_, flag) in examples.iter().filter(|(_, flag)| !flag.is_empty()) {
        let folder = flag.replace([' ', '-'], "");
        sandbox
            .run(&format!("run -f e.toml -o {folder} {flag}"))
            .code(0);
        assert!(
            sandbox.read(&format!("{folder}/results.csv")) == results,
            "{flag}"
        );
    }
}

#[test]
fn every_command_takes_every_key() {
    let sandbox = with_file(&format!(
        "frames = 8\npolicy = \"lru,opt\"\ncounts = \"faults\"\nwindows = 500\n\
         mem-limit = \"1GiB\"\n{TRACE}"
    ));
    sandbox.run("plan -f e.toml").code(0).out(&["2 of 2 cells"]);
    sandbox.run("check base.csv -f e.toml --accept").code(0);
    sandbox.run("check base.csv -f e.toml").code(0);
    sandbox.run("run -f e.toml -o out").code(0);
    assert!(sandbox.exists("out/windows.csv"));
    let plan: serde_json::Value = serde_json::from_slice(&sandbox.read("out/plan.json")).unwrap();
    assert_eq!(plan["settings"]["mem-limit"], "1GiB");
    assert_eq!(plan["settings"]["windows"], "500");
    sandbox.write("e.toml", "schema = 1\nwindows = 0\n");
    sandbox
        .run("check base.csv t.txt -f e.toml")
        .code(2)
        .err(&["e.toml:2:11: a window has one reference at least"]);
}

#[test]
fn the_command_line_takes_back() {
    let sandbox = with_file(&format!(
        "frames = 8\npolicy = \"lru\"\ndata-only = true\nskip-bad = true\nlimit = 100\n\
         overcommit = \"strict\"\nram = \"64MiB\"\nswap = \"none\"\n{TRACE}format = \"lirs\"\n"
    ));
    let flags =
        "--format plain --data-only=false --skip-bad=false --overcommit always --unset limit";
    assert_eq!(
        plan(&sandbox, &format!("-f e.toml {flags}")),
        plan(&sandbox, "t.txt -p lru -m 8 --swap none")
    );
    let shown = sandbox
        .run(&format!("plan -f e.toml {flags} --show-config"))
        .code(0)
        .out(&[
            "data-only = false  # flag",
            "# limit is not set  # default",
            "# ram is not set  # default",
            "format = \"plain\"  # flag",
        ]);
    assert!(!shown.out.contains("lirs"), "{}", shown.out);
    sandbox
        .run("plan -f e.toml --unset limti")
        .code(2)
        .err(&["--unset \"limti\" is no setting", "did you mean \"limit\"?"]);
    sandbox
        .run("plan t.txt --unset limit")
        .code(2)
        .err(&["--file"]);
}

/// With the folder, by another spelling, and by a link.
#[test]
fn what_is_said_of_a_file_holds_wherever_else_it_is_named() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .shell("mkdir d && mv t.txt d && ln -s t.txt d/link.txt")
        .code(0);
    let write = |text: &str| {
        let text = format!("schema = 1\nframes = 8\npolicy = \"lru\"\n{text}");
        sandbox.write("e.toml", text);
        sandbox.run("run -f e.toml --no-charts --force -o out")
    };
    let folder = "[[trace]]\npath = \"d\"\n";
    let entry = |more: &str| format!("[[trace]]\npath = \"./d/t.txt\"\n{more}");
    for text in [
        format!("{folder}{}", entry("name = \"n\"\n")),
        format!("{}{folder}", entry("name = \"n\"\n")),
    ] {
        write(&text).code(0);
        assert_eq!(sandbox.column("out/results.csv", "trace"), ["n"]);
    }
    write(&format!("{folder}{}", entry("digest = \"deadbeef\"\n")))
        .code(3)
        .err(&["e.toml:6:1: ", "d/t.txt: digest ", "another trace"]);
    for (more, key) in [
        ("name = \"x\"\n", "name"),
        ("digest = \"deadbeef\"\n", "digest"),
        ("format = \"arc\"\n", "format"),
    ] {
        let other = "[[trace]]\npath = \"d/link.txt\"\n";
        write(&format!("{}{other}", entry(more)))
            .code(2)
            .err(&["e.toml:7:1: the entry at e.toml:4 is of the same file", key]);
    }
    write(&format!("{}{}", entry(""), entry(""))).code(0);
    assert_eq!(sandbox.rows("out/results.csv").len(), 1);
    let in_two = format!("{folder}[[trace]]\npath = \"f\"\nformat = \"lirs\"\n");
    sandbox.shell("mkdir f && ln -s ../d/t.txt f/t.txt").code(0);
    write(&in_two).code(2).err(&["are one file"]);
    // A name that is given stays, whatever other traces are called.
    sandbox.shell("mkdir g && cp d/t.txt g/q.txt").code(0);
    write(&format!(
        "{}[[trace]]\npath = \"g/q.txt\"\nname = \"t\"\n",
        entry("")
    ))
    .code(0);
    assert_eq!(sandbox.column("out/results.csv", "trace"), ["d/t", "t"]);
}

#[test]
fn the_name_of_a_policy_is_one_name() {
    let sandbox = with_file(&format!("{TRACE}[[policy]]\nname = \"@textbook\"\n"));
    sandbox
        .run("plan -f e.toml")
        .code(2)
        .err(&["e.toml:5:8: name is one policy; for several write policy = \"@textbook\""]);
    let example = sandbox.run("init -").code(0).out;
    let words = example.replace("\n# ", " ");
    assert!(
        words.contains("the name of one, and its parameters"),
        "{words}"
    );
}

#[test]
fn a_ladder_that_fits_one_trace_only_is_no_reason_to_leave_out_others() {
    let sandbox = Sandbox::with_trace();
    sandbox.write("five.txt", "1\n2\n3\n4\n5\n");
    for command in ["run", "curve"] {
        let args =
            format!("{command} five.txt t.txt -p lru -m 16..100% --kind synthetic -o {command}");
        let table = if command == "run" { "results" } else { "curve" };
        sandbox
            .run(&args)
            .code(2)
            .err(&["error: five, pages of 4KiB: \"16..100%\" is an empty range: 16 is above 5"]);
        let traces = sandbox.column(&format!("{command}/{table}.csv"), "trace");
        assert!(!traces.is_empty() && traces.iter().all(|name| name == "t"));
        sandbox
            .run(&format!("{command} five.txt -p lru -m 16..100% -o none"))
            .code(2)
            .err(&["error: five, pages of 4KiB: "]);
    }
    assert!(!sandbox.exists("none"));
    sandbox
        .run("run t.txt -p lru -m 6KiB --page-size 4KiB,16KiB --no-charts -o sizes")
        .code(2)
        .err(&["error: t, pages of 16KiB: \"6KiB\" gives 0"]);
    assert_eq!(sandbox.column("sizes/results.csv", "page_size"), ["4096"]);
    sandbox
        .run("run t.txt -p ws --tau 200% -o none")
        .code(2)
        .err(&["\"200%\" is not a share (above 0%, up to 100%)"]);
}

#[test]
fn windows_are_counted_behind_the_warm_up() {
    let sandbox = Sandbox::new();
    sandbox
        .run("gen loop --pages 5 --refs 20002 -o l.pbt")
        .code(0);
    let run = |args: &str| {
        sandbox.run(&format!(
            "run l.pbt -p lru -m 2 --tlb none --no-charts --force -o out {args}"
        ))
    };
    run("--windows=2")
        .code(2)
        .err(&["that makes 10001 windows, at most 10000"]);
    run("--windows=2 --warmup 1")
        .code(2)
        .err(&["that makes 10001 windows, at most 10000"]);
    run("--windows=2 --warmup 2").code(0);
    assert_eq!(sandbox.rows("out/windows.csv").len(), 10_000);
    run("--windows=18446744073709551615 --warmup 5").code(0);
    assert_eq!(sandbox.column("out/windows.csv", "references"), ["19997"]);
}

/// `run <(command)`: a pipe has a name and can be read once, as standard input.
#[cfg(unix)]
#[test]
fn a_pipe_is_read_once() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .shell("mkfifo p && (cat t.txt > p &) && \"$PAGEBENCH\" run p -p lru -m 8 --page-size 4KiB,16KiB --limit 50 -o out")
        .code(3)
        .err(&["error: p: standard input and pipes can be read once only"]);
}

#[test]
fn a_plan_says_which_traces_stay_in_their_files() {
    let sandbox = Sandbox::new();
    sandbox
        .run("gen uniform --pages 500 --refs 50k -o u.pbt")
        .code(0);
    let run = "run u.pbt -p lru,opt -m 8 --no-charts -o out";
    sandbox.run(run).code(0);
    sandbox
        .run(&format!("{run} --resume --mem-limit 1"))
        .code(2)
        .err(&[
            "mem-limit: not given there, \"1\" here",
            "trace u, pages of 4096 (see --mem-limit): in memory there, replayed from its file here",
        ]);
}
