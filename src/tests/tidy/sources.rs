//! The sources of the program as text: files, comments and strings left out, and paths in them.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// A source file of the program.
pub struct Source {
    /// Below `src`, with `/`.
    pub path: String,
    pub text: String,
    /// The text with comments and the contents of strings blanked and tests taken out; as many
    /// bytes as `text`.
    pub code: String,
    /// Lines that belong to tests.
    pub test_lines: usize,
}

impl Source {
    /// The path of its module, from the root.
    pub fn module(&self) -> Vec<&str> {
        let path = self.path.strip_suffix(".rs").expect("a Rust file");
        let path = path.strip_suffix("/mod").unwrap_or(path);
        match path {
            "lib" | "main" => Vec::new(),
            path => path.split('/').collect(),
        }
    }

    /// The layer; `None` for the roots.
    pub fn layer(&self) -> Option<&str> {
        self.module().first().copied()
    }
}

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

pub fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).expect("a folder of the sources");
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files.sort();
}

/// Every source file of the program: not the integration tests and the examples, and no file that
/// only unit tests include.
pub fn sources() -> &'static [Source] {
    static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(read_sources);
    &SOURCES
}

fn read_sources() -> Vec<Source> {
    let src = root().join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let mut sources = Vec::new();
    let mut test_files: Vec<String> = vec!["tests".into(), "examples".into()];
    for file in files {
        let path = file.strip_prefix(&src).expect("below src");
        let path = path.to_str().expect("a plain name").replace('\\', "/");
        let text = fs::read_to_string(&file).expect("a text");
        let mut code = without_comments_and_strings(&text);
        let mut test_lines = 0;
        let folder = match path.strip_suffix("mod.rs") {
            Some(folder) => folder.to_owned(),
            None if path.contains('/') || !matches!(&*path, "lib.rs" | "main.rs") => {
                format!("{}/", path.strip_suffix(".rs").expect("a Rust file"))
            }
            None => String::new(),
        };
        while let Some(item) = test_item(&code) {
            test_lines += code[item.clone()].matches('\n').count() + 1;
            if let Some(name) = included_module(&code[item.clone()]) {
                test_files.push(format!("{folder}{name}"));
                // `#[path = "x.rs"]` is relative to the folder of this file.
                if let Some((_, rest)) = text[item.clone()].split_once("path = \"") {
                    let name = rest.split(".rs\"").next().expect("a first part");
                    let beside = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                    test_files.push(format!("{beside}/{name}").trim_start_matches('/').into());
                }
            }
            let blank = |c: char| if c == '\n' { "\n" } else { " " };
            let blanked: String = code[item.clone()].chars().map(blank).collect();
            code.replace_range(item, &blanked);
        }
        sources.push(Source {
            path,
            text,
            code,
            test_lines,
        });
    }
    let in_tests = |source: &Source| {
        test_files.iter().any(|test| {
            let rest = source.path.strip_prefix(test.as_str());
            rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        })
    };
    sources.retain(|source| !in_tests(source));
    assert!(sources.len() > 30, "the sources are elsewhere");
    sources
}

/// The first item under `#[cfg(test)]`.
pub fn test_item(code: &str) -> Option<Range<usize>> {
    let start = code.find("#[cfg(test)]")?;
    let mut depth = 0;
    for (at, c) in code[start..].char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 && matches!(c, '}' | ';') {
            return Some(start..start + at + 1);
        }
    }
    Some(start..code.len())
}

/// The module that `mod name;` includes.
pub fn included_module(item: &str) -> Option<&str> {
    let (_, name) = item.strip_suffix(';')?.rsplit_once("mod ")?;
    Some(name.trim())
}

/// The text with comments, strings and characters blanked, all bytes at their places.
pub fn without_comments_and_strings(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = bytes.to_vec();
    let blank = |out: &mut Vec<u8>, range: Range<usize>| {
        for byte in &mut out[range] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    };
    let find = |from: usize, what: &str| {
        let found = text.as_bytes()[from..]
            .windows(what.len())
            .position(|window| window == what.as_bytes());
        found.map_or(text.len(), |at| from + at)
    };
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let end = if rest.starts_with(b"//") {
            find(at, "\n")
        } else if rest.starts_with(b"/*") {
            (find(at, "*/") + 2).min(bytes.len())
        } else if rest[0] == b'r' && is_raw_string(bytes, at) {
            let hashes = rest[1..].iter().take_while(|&&b| b == b'#').count();
            let close = format!("\"{}", "#".repeat(hashes));
            (find(at + 2 + hashes, &close) + close.len()).min(bytes.len())
        } else if rest[0] == b'"' {
            end_of_string(bytes, at)
        } else if rest[0] == b'\'' {
            match end_of_char(bytes, at) {
                Some(end) => end,
                // A lifetime.
                None => {
                    at += 1;
                    continue;
                }
            }
        } else {
            at += 1;
            continue;
        };
        blank(&mut out, at..end);
        at = end;
    }
    String::from_utf8(out).expect("whole characters were blanked")
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_raw_string(bytes: &[u8], at: usize) -> bool {
    let starts = at == 0 || !is_name(bytes[at - 1]) || bytes[at - 1] == b'b';
    let hashes = bytes[at + 1..].iter().take_while(|&&b| b == b'#').count();
    starts && bytes.get(at + 1 + hashes) == Some(&b'"')
}

fn end_of_string(bytes: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while end < bytes.len() && bytes[end] != b'"' {
        end += if bytes[end] == b'\\' { 2 } else { 1 };
    }
    (end + 1).min(bytes.len())
}

/// The end of a character literal; `None` for a lifetime.
fn end_of_char(bytes: &[u8], at: usize) -> Option<usize> {
    let mut end = at + 1;
    if bytes.get(end) == Some(&b'\\') {
        end += 2;
        while *bytes.get(end)? != b'\'' {
            end += 1;
        }
        return Some(end + 1);
    }
    end += 1;
    while bytes.get(end)? & 0xc0 == 0x80 {
        end += 1;
    }
    (bytes.get(end) == Some(&b'\'')).then_some(end + 1)
}

/// Where `word` stands in the code as a word of its own.
pub fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |&at| {
            let before = at.checked_sub(1).map(|before| code.as_bytes()[before]);
            let after = code.as_bytes().get(at + word.len()).copied();
            !before.is_some_and(is_name) && !after.is_some_and(is_name)
        })
}

pub fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// Paths from the root of the crate, with their lines: what follows `crate::`, and what follows so
/// many `super::` that the root is reached. A group `{a, b::c}` is several paths.
pub fn paths_from_root(source: &Source) -> Vec<(usize, String)> {
    let code = &source.code;
    let depth = source.module().len();
    let mut paths = Vec::new();
    for at in words(code, "crate") {
        let rest = code[at + "crate".len()..].trim_start();
        if let Some(rest) = rest.strip_prefix("::") {
            paths.extend(expanded(rest).into_iter().map(|p| (line_of(code, at), p)));
        }
    }
    for at in words(code, "super") {
        // Counted from the first of a chain.
        if code[..at].trim_end().ends_with("super::") {
            continue;
        }
        let (mut rest, mut up) = (&code[at..], 0);
        while let Some(further) = rest.strip_prefix("super::") {
            (rest, up) = (further.trim_start(), up + 1);
        }
        if up >= depth && up > 0 {
            paths.extend(expanded(rest).into_iter().map(|p| (line_of(code, at), p)));
        }
    }
    paths
}

/// `a::b` as it is; `{a::b, c}` as `a::b` and `c`; `a::{b, c}` as `a::b` and `a::c`.
pub fn expanded(rest: &str) -> Vec<String> {
    let end = rest
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
        .unwrap_or(rest.len());
    let head = &rest[..end];
    if !rest[end..].starts_with('{') || !(head.is_empty() || head.ends_with("::")) {
        return vec![head.to_owned()];
    }
    let mut depth = 0;
    let mut start = end + 1;
    let mut all = Vec::new();
    for (at, c) in rest[end..].char_indices().map(|(at, c)| (end + at, c)) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if (c == ',' && depth == 1) || (c == '}' && depth == 0) {
            let part = rest[start..at].trim();
            if !part.is_empty() {
                all.extend(expanded(part).iter().map(|p| format!("{head}{p}")));
            }
            start = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    all
}
