//! What shells and manuals get, and that whatever is spelled comes with the nearest name.

use super::harness::Sandbox;

#[test]
fn bash_takes_its_completions() {
    let sandbox = Sandbox::new();
    let bash = sandbox.run("completions bash").code(0).no_message();
    bash.out(&[
        "explain",
        "--accessed-bit",
        "every walk walk-flush",
        "full sampled faults-only block-io synthetic",
        "yes no",
    ]);
    sandbox
        .shell("$PAGEBENCH completions bash > c && bash -n c")
        .code(0)
        .no_message();
    for shell in ["zsh", "fish", "powershell", "elvish"] {
        sandbox
            .run(&format!("completions {shell}"))
            .code(0)
            .no_message()
            .out(&["pagebench", "interleave"]);
    }
    sandbox
        .shell("$PAGEBENCH completions bash | head -1")
        .code(0)
        .no_message();
}

#[test]
fn every_command_has_a_page_and_an_example() {
    let sandbox = Sandbox::new();
    sandbox
        .run("man")
        .code(0)
        .no_message()
        .out(&[".TH pagebench 1", "Exit codes"]);
    let listed = sandbox.run("man -o pages/man1").code(0).out;
    let files = sandbox.files("pages/man1");
    assert_eq!(listed.lines().count(), files.len());
    let help = sandbox.run("--help").code(0).out;
    let commands = help
        .split("Commands:\n")
        .nth(1)
        .unwrap()
        .split("\n\n")
        .next()
        .unwrap();
    let commands: Vec<&str> = commands
        .lines()
        .filter_map(|line| line.strip_prefix("  "))
        .collect();
    let commands: Vec<&str> = commands
        .iter()
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split(' ').next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() > 15, "{commands:?}");
    for command in commands {
        let page = format!("pagebench-{command}.1");
        assert!(files.contains(&page), "{page} of {files:?}");
        let help = sandbox
            .run(&format!("{command} --help"))
            .code(0)
            .no_message()
            .out;
        assert!(
            help.contains(&format!("  pagebench {command}")),
            "{command}: no example in {help}"
        );
    }
    sandbox.write("taken", "");
    sandbox
        .run("man -o taken")
        .code(1)
        .err(&["taken: cannot write"]);
}

/// One line for each thing that is spelled on the command line: a misspelt value, and the right one.
#[test]
fn misspelt_values_come_with_the_nearest() {
    let sandbox = Sandbox::with_trace();
    for (args, nearest) in [
        ("chek", "'check'"),
        ("run t.txt --frmaes 3", "'--frames'"),
        ("run t.txt -p lur", "\"lru\""),
        ("explain t.txt -p belayd", "\"belady\""),
        ("vm t.txt -p fiof", "\"fifo\""),
        ("curve t.txt -p lur", "\"lru\""),
        ("run t.txt -p clock:load-bti=0", "\"load-bit\""),
        ("run t.txt -m auot", "\"auto\""),
        ("run t.txt --tau auot", "\"auto\""),
        ("run t.txt --device nvem", "\"nvme\""),
        ("run t.txt --machine zne3", "\"zen3\""),
        ("run t.txt --format plian", "\"plain\""),
        ("run t.txt --kind ful", "\"full\""),
        ("run t.txt --engine plian", "\"plain\""),
        ("run t.txt --accessed-bit wlak", "\"walk\""),
        ("run t.txt --mappings infre", "\"infer\""),
        ("run t.txt --on-segfault kil", "\"kill\""),
        ("run t.txt --overcommit strcit", "\"strict\""),
        ("run t.txt --allocation eqaul", "\"equal\""),
        ("run t.txt --progress nevre", "\"never\""),
        ("run t.txt --header yess", "\"yes\""),
        ("run t.txt --base hexx", "\"hex\""),
        ("run t.txt --cost memroy=1ns", "\"memory\""),
        ("run t.txt --tlb noen", "\"none\""),
        ("run t.txt --tlb l1=64x4,levles=4", "\"levels\""),
        ("run t.txt --show fautls", "\"faults\""),
        ("run t.txt --swap unlimted", "\"unlimited\""),
        ("vm t.txt --at edn", "\"end\""),
        ("translate --layout four-levle 0", "\"four-level\""),
        ("gen zpif", "'zipf'"),
        ("policies clok", "\"clock\""),
        ("formats lakcey", "\"lackey\""),
        ("columns fautls", "\"faults\""),
        ("machines zne3", "\"zen3\""),
        ("completions bsh", "'bash'"),
        ("explain t.txt --out txet", "\"text\""),
        ("compare a b --out jsno", "\"json\""),
        ("compare a --by polcy", "\"policy\""),
        ("compare a b --metric fautls", "\"faults\""),
        ("compare a b --fail-on ayn", "\"any\""),
    ] {
        sandbox.run(args).code(2).err(&[nearest]);
    }
}

#[test]
fn a_first_run_says_what_it_chose() {
    let sandbox = Sandbox::with_trace();
    let done = sandbox.run("run t.txt --no-charts").code(0);
    done.err(&[
        "t.txt: plain (guessed from content), ",
        "  policies    clock, fifo, lru, opt, ws  [-p]\n",
        "powers of two up to all pages  [-m]\n",
        "mean working sets like the frames  [--tau]\n",
        "  page size   4KiB  [--page-size]\n",
        "  machine     TLBs l1i=64x4,l1d=64x4,l2=1536x12,levels=4, nvme behind memory  [--machine, --tlb, --device]\n",
        "  results in  reports/runs/",
    ]);
    let asked = sandbox.run("run t.txt --no-charts -m 8 -o out").code(0);
    assert!(!asked.err.contains("chosen"), "{}", asked.err);
    sandbox
        .run("run t.txt --no-charts -q -o quiet")
        .code(0)
        .no_message();
}
