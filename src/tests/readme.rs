//! README and guide say what the program's tables say, and lead to files that exist.
//! `PAGEBENCH_UPDATE=1 cargo test --test cli readme::` writes the generated parts anew. (Their commands are
//! run by `scripts/run_readme.sh`.)

#![allow(
    missing_docs,
    reason = "a test crate has no readers of its documentation"
)]

use pagebench::internals::guide::CHAPTERS;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// Lines that README.md may have: it is for a newcomer in a hurry.
const README_LINES_MAX: usize = 250;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// Returns the paths of README, guide and the files about the project.
fn documents() -> Vec<String> {
    let chapters = CHAPTERS
        .iter()
        .map(|chapter| format!("src/guide/{}.md", chapter.name));
    let others = [
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "src/guide/README.md",
    ];
    others
        .map(String::from)
        .into_iter()
        .chain(chapters)
        .collect()
}

/// Returns what the program prints.
fn output(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_pagebench"))
        .args(args)
        .output()
        .unwrap();
    assert!(output.status.success(), "{args:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the text between the marks `<!-- name -->` and `<!-- /name -->`, if they are there.
fn part<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let from = document.find(&open)? + open.len();
    Some(&document[from..from + document[from..].find(&close)?])
}

/// Returns the table of chapters, with links to the files in `folder`.
fn chapters(folder: &str) -> String {
    let row = |name: &str, about: &str| format!("| [{name}]({folder}{name}.md) | {about} |\n");
    let rows = CHAPTERS
        .iter()
        .map(|chapter| row(chapter.name, chapter.about));
    format!(
        "| chapter | about |\n|---|---|\n{}",
        rows.collect::<String>()
    )
}

/// Returns the names of the generated parts and what each must be in the document at `path`.
fn generated(path: &str) -> Vec<(&'static str, String)> {
    let table = read("reports/example/table.txt");
    let example = table
        .split("\n\n")
        .find(|block| block.starts_with("cc1:"))
        .unwrap();
    let help = output(&["--help"]);
    let belady = "1 2 3 4 1 2 5 1 2 3 4 5";
    let explain = output(&["explain", "--string", belady, "-p", "fifo", "-m", "3"]);
    let text = |text: String| format!("```text\n{text}```\n");
    let folder = if path == "README.md" {
        "src/guide/"
    } else {
        ""
    };
    vec![
        ("example", text(format!("{}\n", example.trim_end()))),
        ("explain", text(explain)),
        ("chapters", chapters(folder)),
        (
            "own-policy",
            format!(
                "```rust,ignore\n{}```\n",
                read("src/examples/own_policy.rs")
            ),
        ),
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
            format!(
                "```rust,ignore\n{}```\n",
                read("src/policy/algorithms/sieve.rs")
            ),
        ),
    ]
}

#[test]
fn the_generated_parts_are_up_to_date() {
    let mut named = BTreeSet::new();
    let mut known = BTreeSet::new();
    for path in documents() {
        let mut document = read(&path);
        for (name, expected) in generated(&path) {
            known.insert(name);
            let Some(found) = part(&document, name) else {
                continue;
            };
            named.insert(name);
            if found == expected {
                continue;
            }
            assert!(
                std::env::var_os("PAGEBENCH_UPDATE").is_some(),
                "{path}: part \"{name}\" is out of date; run PAGEBENCH_UPDATE=1 cargo test --test cli readme::"
            );
            let marks = [format!("<!-- {name} -->\n"), format!("<!-- /{name} -->")];
            document = document.replace(
                &format!("{}{found}{}", marks[0], marks[1]),
                &format!("{}{expected}{}", marks[0], marks[1]),
            );
            std::fs::write(root().join(&path), &document).unwrap();
        }
    }
    assert_eq!(named, known, "each part stands in some document");
}

#[test]
fn every_file_that_they_name_is_there() {
    let folders = [
        "src/",
        "reports/example/",
        "reports/baseline",
        "scripts/",
        "traces/",
        "benches/",
        ".ci/",
    ];
    for path in documents() {
        let document = read(&path);
        let names = document.split(['`', '(', ')', ' ', '\n', ',', ':', ';', '"']);
        for name in names.filter(|name| folders.iter().any(|folder| name.starts_with(folder))) {
            let name = name.trim_end_matches('.');
            assert!(root().join(name).exists(), "{path} names {name}");
        }
    }
}

/// Returns the lines that are not inside a code fence.
fn prose(document: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    document.lines().filter(move |line| {
        let fence = line.starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

#[test]
fn every_link_leads_to_a_file() {
    for path in documents() {
        let document = read(&path);
        let folder = Path::new(&path).parent().unwrap();
        for line in prose(&document) {
            let inline = line.split("](").skip(1).map(|rest| rest.split(')').next());
            let target = line
                .strip_prefix('[')
                .and_then(|rest| rest.split("]: ").nth(1));
            for link in inline.chain([target]).flatten() {
                let found = root().join(folder).join(link).exists();
                assert!(
                    found || link.starts_with("https://"),
                    "{path} links to {link}"
                );
            }
        }
    }
}

/// `[run]` in a chapter is a link to another chapter, and has its target at the end of the file.
#[test]
fn chapters_define_the_links_that_they_use() {
    for chapter in CHAPTERS {
        let path = format!("src/guide/{}.md", chapter.name);
        let lines: Vec<&str> = prose(chapter.markdown).collect();
        for other in CHAPTERS {
            let link = format!("[{}]", other.name);
            let target = format!("{link}: {}.md", other.name);
            // `[check]` in a code span is no link.
            let outside_code = |line: &&str| line.split('`').step_by(2).any(|s| s.contains(&link));
            let used = lines
                .iter()
                .any(|line| outside_code(line) && !line.starts_with(&target));
            let defined = lines.iter().filter(|line| **line == target).count();
            assert_eq!(defined, usize::from(used), "{path}: {target}");
        }
    }
}

#[test]
fn every_file_of_the_guide_is_a_chapter() {
    for entry in std::fs::read_dir(root().join("src/guide")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let known = CHAPTERS.iter().any(|c| format!("{}.md", c.name) == name);
        assert!(
            known || name == "README.md",
            "src/guide/{name} is no chapter"
        );
    }
}

#[test]
fn the_readme_is_short() {
    let lines = read("README.md").lines().count();
    assert!(lines <= README_LINES_MAX, "README.md has {lines} lines");
}
