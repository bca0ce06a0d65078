//! The experiment file to begin with.

use super::harness::Sandbox;

#[test]
fn the_example_runs_as_it_is_and_nothing_is_overwritten() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .shell("mkdir traces && mv t.txt traces && \"$PAGEBENCH\" init")
        .code(0)
        .out(&["experiment.toml: run it with pagebench run -f experiment.toml"]);
    sandbox
        .run("run -f experiment.toml --no-charts -o out")
        .code(0);
    // LRU, Clock and OPT, of which some are excluded.
    assert_eq!(sandbox.rows("out/results.csv").len(), 4 + 2 * 4 + 3);
    sandbox.write("experiment.toml", "precious");
    sandbox
        .run("init")
        .code(2)
        .err(&["experiment.toml: is there already"]);
    assert_eq!(sandbox.read("experiment.toml"), b"precious");
    sandbox
        .run("init no/such/folder.toml")
        .code(1)
        .err(&["no/such/folder.toml: cannot write"]);
}

/// Every setting with its default, made live, is what holds without the file.
#[test]
fn every_setting_of_the_example_can_be_set() {
    let sandbox = Sandbox::with_trace();
    let example = sandbox.run("init -").code(0).out;
    let mut live = String::new();
    let mut settings = 0;
    for line in example.split("\n[[").next().unwrap().lines() {
        let setting = line.strip_prefix("# ").filter(|rest| {
            let key = rest.split(" = ").next().unwrap();
            rest.contains(" = ") && !key.contains(' ') && !rest.ends_with("# not set")
        });
        settings += usize::from(setting.is_some());
        live += &format!("{}\n", setting.unwrap_or(line));
    }
    assert!(settings >= 14, "{settings} settings with defaults");
    sandbox.write("live.toml", live.replace("cost = \"\"\n", ""));
    let plan = |args: &str| {
        let out = sandbox.run(&format!("plan t.txt {args}")).code(0).out;
        out.lines().next_back().unwrap().to_owned()
    };
    assert_eq!(plan("-f live.toml"), plan("-m 2^6..2^9"));
}
