//! The library for programs of others: the examples, which use the public interface only.

use crate::harness::{Done, PAGEBENCH, Sandbox};
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

/// The folder of the examples, built beside the program under test.
static EXAMPLES: LazyLock<String> = LazyLock::new(|| {
    let folder = Path::new(PAGEBENCH).parent().expect("a folder");
    let profile = match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(name) => name,
    };
    let target = folder.parent().expect("the target folder");
    // `cargo test` builds examples, `cargo test --test cli` does not.
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR"));
    cargo.args(["build", "--quiet", "--locked", "--offline", "--examples"]);
    cargo
        .args(["--profile", profile, "--target-dir"])
        .arg(target);
    let built = cargo.output().expect("cargo");
    let errors = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{errors}");
    folder.join("examples").to_str().expect("text").to_owned()
});

fn example(sandbox: &Sandbox, name: &str, args: &str) -> Done {
    let program = format!("{}/{name}", *EXAMPLES);
    sandbox.run_program(&program, args.split_whitespace())
}

fn own_policy(sandbox: &Sandbox, args: &str) -> Done {
    example(sandbox, "own_policy", args)
}

#[test]
fn an_own_policy_is_listed_and_described() {
    let sandbox = Sandbox::new();
    let listed = own_policy(&sandbox, "policies").code(0).no_message();
    listed.out(&[
        "  lru  ",
        "  spare-old  ",
        "LRU that spares the pages used longest ago",
    ]);
    own_policy(&sandbox, "policies Spare-Old").code(0).out(&[
        "spare-old (research)",
        "reference by reference",
        "spare=1",
    ]);
    own_policy(&sandbox, "plan --help").code(0);
    own_policy(&sandbox, "policies spare-odl")
        .code(2)
        .err(&["did you mean \"spare-old\"?"]);
    own_policy(&sandbox, "curve none.txt -c spare-old").code(2);
    sandbox
        .run("policies spare-old")
        .code(2)
        .err(&["unknown policy \"spare-old\""]);
}

/// With nothing spared the own policy is LRU: all its counts are those of `lru`.
#[test]
fn an_own_lru_has_the_counts_of_lru() {
    let sandbox = Sandbox::with_trace();
    for (folder, options) in [
        ("plain", "-m 8..128"),
        ("tlb", "-m 16,64 --machine zen3"),
        ("walk", "-m 16,64 --machine zen3 --accessed-bit walk"),
        ("local", "-m 16,64 --allocation equal"),
        ("mapped", "-m 16,64 --mappings infer --swap 1MiB"),
    ] {
        let run = format!(
            "run t.txt -p lru,spare-old:spare=0,spare-old {options} --no-charts -q -o {folder}"
        );
        own_policy(&sandbox, &run).code(0).no_message();
        let rows = sandbox.rows(&format!("{folder}/results.csv"));
        let of = |policy: &str, params: &str| {
            let mut rows: Vec<_> = rows.clone();
            rows.retain(|row| row["policy"] == policy && row["params"] == params);
            for row in &mut rows {
                row.remove("policy");
                row.remove("params");
            }
            assert!(rows.len() > 1, "{folder}: {policy}:{params}");
            rows
        };
        assert_eq!(of("lru", ""), of("spare-old", "spare=0"), "{folder}");
        assert_ne!(of("lru", ""), of("spare-old", ""), "{folder}");
    }
}

#[test]
fn an_own_policy_runs_in_every_command() {
    let sandbox = Sandbox::with_trace();
    own_policy(&sandbox, "plan t.txt -p spare-old -m 8,32")
        .code(0)
        .out(&["spare-old"]);
    own_policy(&sandbox, "explain --string 1,2,3,4 -p spare-old -m 3")
        .code(0)
        .out(&["old, but 1 older are spared, last at reference 1"]);
    own_policy(&sandbox, "vm t.txt -p spare-old -m 8 -q")
        .code(0)
        .out(&["spare-old"]);
    let check = "check b.csv t.txt -p spare-old -m 8,32";
    own_policy(&sandbox, &format!("{check} --accept")).code(0);
    own_policy(&sandbox, check).code(0);
    // The program itself does not know the policy.
    sandbox
        .run("check b.csv t.txt")
        .code(7)
        .err(&["unknown policy \"spare-old\""]);
    let all = "run t.txt -p all -m 8 --tau 8 --no-charts -q -o all";
    own_policy(&sandbox, all).code(0);
    let policies = sandbox.column("all/results.csv", "policy");
    assert!(policies.contains(&"spare-old".to_owned()));
}

#[test]
fn a_trace_is_replayed_from_another_program() {
    let sandbox = Sandbox::with_trace();
    sandbox
        .run("run t.txt -p lru -m 32 --no-charts -q -o run")
        .code(0);
    let count = |column| sandbox.column("run/results.csv", column).concat();
    let lru = format!(
        "lru: {} faults, {} write-backs\nlifo: ",
        count("faults"),
        count("write_backs")
    );
    let counts = example(&sandbox, "embed", "t.txt 32").code(0).no_message();
    assert!(counts.out.starts_with(&lru), "{lru}{}", counts.out);
    example(&sandbox, "embed", "none.txt 32")
        .code(1)
        .err(&["none.txt"]);
}
