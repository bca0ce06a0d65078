//! The README says what the program's tables say. `PAGEBENCH_UPDATE=1 cargo test --test cli readme::`
//! writes the generated parts anew. (Its commands are run by `scripts/run_readme.sh`.)

#![allow(
    missing_docs,
    reason = "a test crate has no readers of its documentation"
)]

use std::path::Path;
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// What the program prints.
fn output(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_pagebench"))
        .args(args)
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The text between the marks `<!-- name -->` and `<!-- /name -->`.
fn part<'a>(readme: &'a str, name: &str) -> &'a str {
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let from = readme
        .find(&open)
        .unwrap_or_else(|| panic!("no part {name}"))
        + open.len();
    &readme[from..from + readme[from..].find(&close).unwrap()]
}

#[test]
fn the_generated_parts_are_up_to_date() {
    let table = read("reports/example/table.txt");
    let example = table
        .split("\n\n")
        .find(|block| block.starts_with("cc1:"))
        .unwrap();
    let help = output(&["--help"]);
    let text = |text: String| format!("```text\n{text}```\n");
    let parts = [
        ("example", text(format!("{}\n", example.trim_end()))),
        ("formats", text(output(&["formats"]))),
        ("plain", text(output(&["formats", "plain"]))),
        ("policies", text(output(&["policies"]))),
        ("machines", text(output(&["machines"]))),
        ("columns", text(output(&["columns"]))),
        (
            "exits",
            text(help[help.find("Exit codes:").unwrap()..].to_owned()),
        ),
        (
            "sieve",
            format!("```rust\n{}```\n", read("src/policy/sieve.rs")),
        ),
    ];
    let mut readme = read("README.md");
    for (name, expected) in parts {
        let found = part(&readme, name);
        if found == expected {
            continue;
        }
        assert!(
            std::env::var_os("PAGEBENCH_UPDATE").is_some(),
            "README.md: part \"{name}\" is out of date; run PAGEBENCH_UPDATE=1 cargo test --test cli readme::"
        );
        let marks = [format!("<!-- {name} -->\n"), format!("<!-- /{name} -->")];
        readme = readme.replace(
            &format!("{}{found}{}", marks[0], marks[1]),
            &format!("{}{expected}{}", marks[0], marks[1]),
        );
        std::fs::write(root().join("README.md"), &readme).unwrap();
    }
}

#[test]
fn every_file_that_it_names_is_there() {
    let readme = read("README.md");
    let names = readme.split(['`', '(', ')', ' ', '\n', ',', ':', ';']);
    let folders = [
        "src/",
        "reports/example/",
        "reports/baseline",
        "scripts/",
        "traces/",
    ];
    for name in names.filter(|name| folders.iter().any(|folder| name.starts_with(folder))) {
        let name = name.trim_end_matches('.');
        assert!(root().join(name).exists(), "README.md names {name}");
    }
}
