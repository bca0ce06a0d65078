//! File names of charts and miss streams: safe on every file system and never the same twice.

use std::collections::BTreeSet;

/// Longer stems are cut; file systems allow 255 bytes for the whole name.
const STEM_MAX: usize = 80;

/// Hands out stems of file names.
#[derive(Debug, Default)]
pub struct Stems {
    /// In lower case, since some file systems do not tell cases apart.
    taken: BTreeSet<String>,
}

impl Stems {
    /// Returns a stem for `name` that no earlier one equals: letters, digits, `.`, `_` and `-` only.
    pub fn take(&mut self, name: &str) -> String {
        let safe = safe_stem(name);
        let mut stem = safe.clone();
        let mut nth = 1;
        while !self.taken.insert(stem.to_ascii_lowercase()) {
            nth += 1;
            stem = format!("{safe}-{nth}");
        }
        stem
    }
}

fn safe_stem(name: &str) -> String {
    let replaced: String = name
        .chars()
        .take(STEM_MAX)
        .map(|c| {
            if c.is_ascii_alphanumeric() || "._-".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    // A leading dot hides a file, a leading dash looks like an option.
    let trimmed = replaced.trim_start_matches(['.', '-']);
    if trimmed.is_empty() {
        "trace".to_owned()
    } else {
        trimmed.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_are_safe_and_unique() {
        let long = "x".repeat(300);
        let names = [
            "../../etc/passwd",
            "a/b",
            "a_b",
            "A_B",
            "",
            "..",
            "-rf",
            "日本",
            "é",
            &long,
            &long,
        ];
        let mut stems = Stems::default();
        let mut seen = BTreeSet::new();
        for name in names {
            let stem = stems.take(name);
            assert!(stem.len() < 100 && !stem.is_empty());
            assert!(!stem.starts_with(['.', '-']), "{stem}");
            assert!(
                stem.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
            );
            assert!(seen.insert(stem.to_lowercase()), "{stem}");
        }
        assert_eq!(Stems::default().take("cc1"), "cc1");
    }
}
