//! What the program says of itself.

use super::harness::{Sandbox, snapshot};

#[test]
fn help_and_lists() {
    let sandbox = Sandbox::new();
    for (args, file) in [
        ("--help", "help.txt"),
        ("run --help", "help-run.txt"),
        ("init --help", "help-init.txt"),
        ("merge --help", "help-merge.txt"),
        ("check --help", "help-check.txt"),
        ("convert --help", "help-convert.txt"),
        ("gen --help", "help-gen.txt"),
        ("record --help", "help-record.txt"),
        ("vm --help", "help-vm.txt"),
        ("curve --help", "help-curve.txt"),
        ("plot --help", "help-plot.txt"),
        ("explain --help", "help-explain.txt"),
        ("compare --help", "help-compare.txt"),
        ("policies", "policies.txt"),
        ("policies clock", "policies-clock.txt"),
        ("policies ws", "policies-ws.txt"),
        ("formats", "formats.txt"),
        ("formats lackey", "formats-lackey.txt"),
        ("formats plain", "formats-plain.txt"),
        ("columns", "columns.txt"),
        ("columns curve.csv", "columns-curve.txt"),
        ("columns windows.csv", "columns-windows.txt"),
    ] {
        snapshot(file, &sandbox.run(args).code(0).no_message().out);
    }
}

/// The part of a help page under a heading.
fn section<'h>(help: &'h str, heading: &str) -> &'h str {
    let (_, rest) = help.split_once(&format!("\n{heading}:\n")).unwrap();
    let end = rest.find("\n\n\n").or_else(|| {
        let headings = rest.match_indices("\n\n").map(|(at, _)| at);
        headings
            .into_iter()
            .find(|&at| !rest[at + 2..].starts_with(' '))
    });
    &rest[..end.unwrap_or(rest.len())]
}

#[test]
fn arguments_stand_under_their_headings() {
    let help = Sandbox::new().run("run --help").code(0).out;
    assert!(section(&help, "Arguments").contains("[TRACE]..."), "{help}");
    let charts = section(&help, "Charts");
    assert!(charts.contains("--svg") && charts.contains("--no-data"));
    assert_eq!(charts.matches("      --").count(), 2, "{charts}");
    let options = section(&help, "Options");
    for option in ["--file", "--unset", "--partition", "--show-config"] {
        assert!(options.contains(option), "{option}");
    }
    for option in ["--policy", "--swap", "--counts", "--windows"] {
        assert!(section(&help, "Cells").contains(option), "{option}");
    }
}

#[test]
fn translate_says_what_it_starts_from() {
    let sandbox = Sandbox::new();
    sandbox
        .run("translate --help")
        .code(0)
        .out(&["Without --state memory is empty and endless"]);
}

#[test]
fn every_exit_code_is_in_the_help() {
    let help = Sandbox::new().run("--help").code(0).out;
    for exit in pagebench::internals::exit::ALL {
        let line = format!("{:>5}  {}\n", exit.code, exit.about);
        assert!(help.contains(&line), "{}", exit.name);
    }
}

#[test]
fn every_listed_name_can_be_described() {
    let sandbox = Sandbox::new();
    for list in ["policies", "formats", "columns"] {
        let names = sandbox.run(list).code(0).out;
        for name in names
            .lines()
            .filter_map(|line| line.split_whitespace().next())
        {
            sandbox.run(&format!("{list} {name}")).code(0).out(&[name]);
        }
    }
}

#[test]
fn no_arguments_show_the_help() {
    let sandbox = Sandbox::new();
    sandbox.run("").code(2).err(&["Usage: pagebench <COMMAND>"]);
    sandbox.run("--version").code(0).out(&["pagebench 0."]);
    sandbox.run("chek").code(2).err(&["'chek'", "'check'"]);
}

#[test]
fn unknown_names_come_with_the_nearest() {
    let sandbox = Sandbox::with_trace();
    for (args, piece) in [
        (
            "run t.txt -p lur",
            "unknown policy \"lur\"; did you mean \"lru\"? (see: pagebench policies)",
        ),
        ("policies clok", "did you mean \"clock\"?"),
        (
            "run t.txt -p clock:load-bti=0",
            "did you mean \"load-bit\"?",
        ),
        (
            "run t.txt --format plian",
            "unknown format \"plian\"; did you mean \"plain\"? (see: pagebench formats)",
        ),
        ("formats lakcey", "did you mean \"lackey\"?"),
        (
            "run t.txt --show fautls",
            "did you mean \"faults\"? (see: pagebench columns)",
        ),
        (
            "run t.txt --show trace",
            "--show \"trace\" is no numeric column",
        ),
        (
            "columns fautls",
            "unknown column \"fautls\"; did you mean \"faults\"?",
        ),
        (
            "run t.txt --kind ful",
            "one of: full, sampled, faults-only, block-io, synthetic",
        ),
    ] {
        sandbox.run(args).code(2).err(&["error: ", piece]);
    }
    assert_eq!(sandbox.files("."), ["t.txt"]);
}
