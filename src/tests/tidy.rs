//! What no part of the program may do: layers that import later ones, undocumented modules, long
//! files, printing outside the command line, unsafe code, policies and tests that no list knows.
//! Found by reading the sources as text, comments and strings left out.

// A test crate has no readers of its documentation.
#![allow(missing_docs)]

#[path = "tidy/circles.rs"]
mod circles;
#[path = "tidy/phrases.rs"]
mod phrases;
#[path = "tidy/sources.rs"]
mod sources;

use pagebench::internals::guide::CHAPTERS;
use pagebench::internals::policy::TABLE;
use sources::{
    Source, expanded, included_module, line_of, paths_from_root, root, rust_files, sources,
    test_item, without_comments_and_strings, words,
};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// The layers, lowest first: each knows only those before it.
const LAYERS: [&str; 16] = [
    "units", "exit", "guide", "threads", "simd", "trace", "record", "space", "policy", "vm",
    "embed", "curve", "sweep", "report", "check", "cli",
];

/// Lines of one file, its unit tests left out.
const LINES_MAX: usize = 700;

#[test]
fn no_layer_imports_a_later_one() {
    let rank = |layer: &str| LAYERS.iter().position(|name| *name == layer);
    let mut wrong = Vec::new();
    for source in sources() {
        let Some(layer) = source.layer().filter(|layer| *layer != "internals") else {
            continue;
        };
        let Some(own) = rank(layer) else {
            wrong.push(format!("{}: {layer} is in no layer", source.path));
            continue;
        };
        for (line, path) in paths_from_root(source) {
            let other = path.split("::").next().unwrap_or_default();
            let allowed = match rank(other) {
                Some(other) => other <= own,
                None => false,
            };
            // A policy sees references, not traces and files.
            let allowed = allowed
                && (layer != "policy"
                    || other == "policy"
                    || other == "units"
                    || other == "simd"
                    || path.starts_with("trace::model::refs"));
            if !allowed {
                wrong.push(format!(
                    "src/{}:{line}: {layer} imports {path}",
                    source.path
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// `lib.rs` names every layer that there is, and nothing else.
#[test]
fn every_module_of_the_root_is_a_layer() {
    let lib = fs::read_to_string(root().join("src/lib.rs")).expect("the root");
    let code = without_comments_and_strings(&lib);
    for at in words(&code, "mod") {
        let name = code[at + 3..].split([';', '{']).next().unwrap_or_default();
        // What tests use is no layer: it only names what the layers have.
        let known = LAYERS.contains(&name.trim()) || name.trim() == "internals";
        assert!(known, "{name} is in no layer");
    }
}

/// A reader must see where a name comes from; only tests take everything of their module.
#[test]
fn no_module_imports_everything() {
    for source in sources() {
        for (at, _) in source.code.match_indices("::*;") {
            let line = line_of(&source.code, at);
            let meant = ["prelude", "arch::x86_64"];
            let meant = meant.iter().any(|path| source.code[..at].ends_with(path));
            assert!(meant, "src/{}:{line}: name what is imported", source.path);
        }
    }
}

#[test]
fn every_module_says_what_it_is() {
    for source in sources() {
        let documented = source.text.starts_with("//! ");
        assert!(documented, "src/{}: begin with //!", source.path);
    }
}

#[test]
fn no_file_is_long() {
    for source in sources() {
        let lines = source
            .text
            .lines()
            .count()
            .saturating_sub(source.test_lines);
        assert!(
            lines <= LINES_MAX,
            "src/{}: {lines} lines without tests, over {LINES_MAX}",
            source.path
        );
    }
}

#[test]
fn only_the_command_line_prints() {
    for source in sources() {
        let printing = ["println", "print", "eprintln", "eprint", "dbg"];
        for name in printing {
            for at in words(&source.code, name) {
                let called = source.code[at + name.len()..].starts_with('!');
                let may =
                    name != "dbg" && (source.layer() == Some("cli") || source.path == "main.rs");
                let line = line_of(&source.code, at);
                assert!(!called || may, "src/{}:{line}: {name}!", source.path);
            }
        }
    }
}

#[test]
fn unsafe_code_is_where_registers_are_wide() {
    for source in sources() {
        for at in words(&source.code, "unsafe") {
            let line = line_of(&source.code, at);
            let allowed = source.layer() == Some("simd");
            assert!(allowed, "src/{}:{line}: unsafe", source.path);
        }
    }
}

#[test]
fn every_policy_file_is_in_the_table() {
    let mut named: Vec<String> = Vec::new();
    for source in sources() {
        let below = source.path.strip_prefix("policy/algorithms/");
        if below.is_none_or(|name| name == "mod.rs") {
            continue;
        }
        let specs: Vec<&str> = source.text.split("const SPEC: Spec").skip(1).collect();
        assert!(!specs.is_empty(), "src/{}: no SPEC", source.path);
        for spec in specs {
            let name = spec
                .split("name: \"")
                .nth(1)
                .and_then(|s| s.split('"').next());
            named.push(name.expect("a name").to_owned());
            let known = TABLE.iter().any(|spec| Some(spec.name) == name);
            assert!(known, "src/{}: {name:?} is not in the table", source.path);
        }
    }
    for spec in TABLE {
        let files = named.iter().filter(|name| *name == spec.name).count();
        assert_eq!(files, 1, "{}", spec.name);
    }
}

#[test]
fn readme_or_guide_names_every_policy() {
    let chapters = CHAPTERS.iter().map(|chapter| chapter.markdown.to_owned());
    let readme = fs::read_to_string(root().join("README.md")).expect("the README");
    let text: String = chapters.chain([readme]).collect();
    for spec in TABLE {
        let found = words(&text, spec.name).next().is_some();
        assert!(found, "README and guide do not name {}", spec.name);
    }
}

/// The names of the packages that a lock file lists, this one left out.
fn locked_packages(lock: &str) -> BTreeSet<&str> {
    let name = |line| str::strip_prefix(line, "name = \"")?.strip_suffix('"');
    let own = env!("CARGO_PKG_NAME");
    lock.lines()
        .filter_map(name)
        .filter(|name| *name != own)
        .collect()
}

#[test]
fn every_dependency_has_its_licence() {
    let read = |name| fs::read_to_string(root().join(name)).expect("a text");
    let (lock, list) = (read("Cargo.lock"), read("LICENSES-THIRD-PARTY.md"));
    let mut listed = BTreeSet::new();
    for line in list.lines().skip_while(|line| *line != "|---|---|").skip(1) {
        let fields: Vec<&str> = line.split('|').map(str::trim).collect();
        let ["", name, licence, ""] = fields[..] else {
            panic!("LICENSES-THIRD-PARTY.md: {line}");
        };
        assert!(!matches!(licence, "" | "None"), "{name} has no licence");
        assert!(listed.insert(name), "{name} is listed twice");
    }
    let locked = locked_packages(&lock);
    let missing: Vec<_> = locked.difference(&listed).collect();
    let stale: Vec<_> = listed.difference(&locked).collect();
    assert!(
        missing.is_empty() && stale.is_empty(),
        "LICENSES-THIRD-PARTY.md lacks {missing:?} and has {stale:?} too many; run scripts/licences.sh"
    );
}

#[test]
fn the_version_is_the_same_everywhere() {
    let version = env!("CARGO_PKG_VERSION");
    for (path, line) in [
        ("CITATION.cff", format!("\nversion: {version}\n")),
        ("CHANGELOG.md", format!("\n## {version}")),
    ] {
        let text = fs::read_to_string(root().join(path)).expect("a text");
        assert!(
            text.contains(&line),
            "{path} does not name version {version}"
        );
    }
}

/// With `autotests = false` a test file that no program includes never runs, and nobody notices.
#[test]
fn every_test_file_is_included() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    let tests = root().join("src/tests");
    let mut files = Vec::new();
    rust_files(&tests, &mut files);
    let texts: Vec<(PathBuf, String)> = files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a text");
            (path, without_comments_and_strings(&text))
        })
        .collect();
    for (path, _) in &texts {
        let below = path.strip_prefix(&tests).expect("below the tests");
        let below = below.to_str().expect("a plain name").replace('\\', "/");
        let registered = manifest.contains(&format!("path = \"src/tests/{below}\""));
        let module = below.strip_suffix(".rs").expect("a Rust file");
        let module = module.strip_suffix("/mod").unwrap_or(module);
        let name = module.rsplit('/').next().expect("a last part");
        let line = format!("mod {name};");
        let included = texts.iter().any(|(other, code)| {
            other != path
                && words(code, &line[..line.len() - 1]).any(|at| code[at..].starts_with(&line))
        });
        assert!(
            registered || included,
            "src/tests/{below} is in no test program"
        );
    }
}

#[test]
fn sources_are_read_as_the_compiler_does() {
    let text = "a // b \"\n'\"' \"c // \\\" d\" 'x e r#\"f\"g\"# /* h\n*/ i 'é' b'\\'' j\n";
    let code = without_comments_and_strings(text);
    assert_eq!(code.len(), text.len());
    let left: Vec<&str> = code.split_whitespace().collect();
    assert_eq!(left, ["a", "'x", "e", "i", "b", "j"]);
    let item = test_item("x; #[cfg(test)] mod t { fn f() {} } y");
    assert_eq!(item, Some(3..35));
    assert_eq!(included_module("#[cfg(test)]\nmod tests;"), Some("tests"));
    let paths = expanded("{a::b, c::{d, e::f}, self}");
    assert_eq!(paths, ["a::b", "c::d", "c::e::f", "self"]);
    let source = Source {
        path: "trace/store/read.rs".into(),
        text: String::new(),
        code: "use crate::{vm::cost, units}; use super::super::super::sweep::x; super::super::y"
            .into(),
        test_lines: 0,
    };
    let paths: Vec<String> = paths_from_root(&source).into_iter().map(|p| p.1).collect();
    assert_eq!(paths, ["vm::cost", "units", "sweep::x"]);
}
