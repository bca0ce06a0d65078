//! Circles: modules of a room that import each other, directly or through others. A module and the
//! modules inside it may import each other: the outer one assembles them.

use crate::sources::{Source, expanded, sources, words};
use std::collections::{BTreeMap, BTreeSet};

type Module = Vec<String>;

/// One `use` item, or one path in the code.
struct Import {
    path: Module,
    /// `pub use`, with the name under which it is seen.
    exported: Option<String>,
}

/// The modules of the program, what each imports, and what each exports again.
struct Rooms {
    modules: BTreeSet<Module>,
    imports: BTreeMap<Module, Vec<Import>>,
}

impl Rooms {
    fn of(sources: &[Source]) -> Self {
        let name = |source: &Source| {
            source
                .module()
                .iter()
                .map(|part| (*part).to_owned())
                .collect()
        };
        let modules: BTreeSet<Module> = sources.iter().map(name).collect();
        let imports = sources
            .iter()
            .map(|source| (name(source), imports(source, &modules)))
            .collect();
        Self { modules, imports }
    }

    /// The module that holds what a path names: re-exports are followed to where the item is.
    fn home(&self, path: &[String], steps: usize) -> Module {
        let holds = (0..=path.len())
            .rev()
            .find(|&n| self.modules.contains(&path[..n]));
        let (module, rest) = path.split_at(holds.expect("the root is a module"));
        let exports = self.imports.get(module).into_iter().flatten();
        let again = rest.first().and_then(|item| {
            let mut exports = exports.filter(|import| import.exported.as_ref() == Some(item));
            exports.next().map(|import| &import.path)
        });
        match again {
            Some(path) if steps > 0 => {
                let path: Module = path.iter().chain(&rest[1..]).cloned().collect();
                self.home(&path, steps - 1)
            }
            _ => module.to_vec(),
        }
    }

    /// Who imports whom, within one room, without modules inside each other.
    fn arrows(&self) -> BTreeMap<&Module, BTreeSet<Module>> {
        let mut arrows: BTreeMap<&Module, BTreeSet<Module>> = BTreeMap::new();
        for (module, imports) in &self.imports {
            for import in imports {
                let home = self.home(&import.path, 8);
                let inside = home.starts_with(module) || module.starts_with(&home);
                if !inside && home.first() == module.first() {
                    arrows.entry(module).or_default().insert(home);
                }
            }
        }
        arrows
    }
}

/// What a file imports, from the root of the program.
fn imports(source: &Source, modules: &BTreeSet<Module>) -> Vec<Import> {
    let code = &source.code;
    let own: Module = source
        .module()
        .iter()
        .map(|part| (*part).to_owned())
        .collect();
    let mut found = Vec::new();
    let starts = code.char_indices().filter(|&(at, c)| {
        let before = code[..at].trim_end();
        let first =
            !before.ends_with("::") && !before.ends_with('.') && !before.ends_with("$crate");
        let inside = code[..at].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        first && !inside && (c.is_ascii_lowercase() || c == '_')
    });
    for (at, _) in starts {
        let rest = &code[at..];
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        let child = own
            .iter()
            .cloned()
            .chain([rest[..end].to_owned()])
            .collect::<Module>();
        let (mut base, mut rest) = match &rest[..end] {
            "crate" => (Vec::new(), &rest[end..]),
            "self" => (own.clone(), &rest[end..]),
            "super" => (own[..own.len().saturating_sub(1)].to_vec(), &rest[end..]),
            _ if modules.contains(&child) => (child, &rest[end..]),
            _ => continue,
        };
        while let Some(further) = rest.strip_prefix("::super") {
            (base, rest) = (base[..base.len().saturating_sub(1)].to_vec(), further);
        }
        let Some(rest) = rest.strip_prefix("::") else {
            continue;
        };
        let line = code[..at]
            .rsplit(['\n', ';'])
            .next()
            .unwrap_or_default()
            .trim();
        let public = line.starts_with("pub") && line.ends_with("use");
        for path in expanded(rest) {
            let mut path: Module = base
                .iter()
                .cloned()
                .chain(path.split("::").map(str::to_owned))
                .collect();
            path.retain(|part| part != "self" && !part.is_empty());
            let exported = public.then(|| path.last().cloned()).flatten();
            found.push(Import { path, exported });
        }
    }
    found
}

/// The groups of more than one module each of which reaches each other, by their first.
fn circles(rooms: &Rooms) -> Vec<Vec<String>> {
    let arrows = rooms.arrows();
    let reach: BTreeMap<&Module, BTreeSet<&Module>> = rooms
        .modules
        .iter()
        .map(|from| {
            let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
            while let Some(module) = open.pop() {
                for next in arrows.get(module).into_iter().flatten() {
                    if seen.insert(next) {
                        open.push(next);
                    }
                }
            }
            (from, seen)
        })
        .collect();
    let mut circles = BTreeSet::new();
    for (module, reached) in &reach {
        if reached.contains(module) {
            let members = reached
                .iter()
                .filter(|other| reach[**other].contains(module));
            circles.insert(members.map(|other| other.join("::")).collect::<Vec<_>>());
        }
    }
    circles.into_iter().collect()
}

#[test]
fn no_modules_of_a_room_import_each_other_in_a_circle() {
    let circles = circles(&Rooms::of(sources()));
    let lines: Vec<String> = circles.iter().map(|circle| circle.join(", ")).collect();
    assert!(
        lines.is_empty(),
        "modules in a circle:\n{}",
        lines.join("\n")
    );
}

#[test]
fn circles_are_found() {
    let source = |path: &str, code: &str| Source {
        path: path.into(),
        text: String::new(),
        code: code.into(),
        test_lines: 0,
    };
    let room = |b: &str| {
        let sources = [
            source("lib.rs", ""),
            source("a/mod.rs", "pub use c::Thing; use b::f;"),
            source("a/b.rs", b),
            source("a/c.rs", "use super::b::f;"),
        ];
        circles(&Rooms::of(&sources))
    };
    let circle = vec![vec!["a::b".to_owned(), "a::c".to_owned()]];
    assert_eq!(room("use crate::a::{c::Thing, x};"), circle);
    assert_eq!(room("fn g() { super::c::h(); }"), circle);
    assert_eq!(
        room("use crate::a::Thing;"),
        circle,
        "through what is exported again"
    );
    assert_eq!(room("use super::x;"), Vec::<Vec<String>>::new());
    assert!(words("a b", "b").next().is_some());
}
