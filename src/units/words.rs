//! Words of messages: counted things with their plurals, and suggestions for misspelled names.

use super::show_count;
use std::fmt::Display;

/// Returns `1 page`, `2 pages`: an exact number of things whose plural ends in s.
pub fn counted<N: Display + PartialEq + From<u8>>(count: N, thing: &str) -> String {
    let plural = if count == N::from(1) { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

/// Returns `1 reference`, `20.1 M references`: a number of things, rounded if it is large.
pub fn about(count: u64, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", show_count(count))
}

/// Returns the name that `word` most likely means: one that begins with it or is spelled nearly alike.
pub fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_ascii_lowercase();
    // One or two letters begin too many names.
    let begins = |name: &str| lower.len() >= 3 && name.to_ascii_lowercase().starts_with(&lower);
    let distance = |name: &str| {
        if begins(name) {
            usize::from(name != word)
        } else {
            strsim::damerau_levenshtein(word, name)
        }
    };
    names
        .map(|name| (distance(name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min()
        .map(|(_, name)| name)
}

/// Returns `; did you mean "lru"?` if `word` is near one of `names`, else an empty text.
pub fn did_you_mean<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> String {
    nearest(word, names).map_or(String::new(), |name| format!("; did you mean {name:?}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_has_no_plural() {
        assert_eq!(counted(1_usize, "page"), "1 page");
        assert_eq!(counted(20_000_u64, "page"), "20000 pages");
        assert_eq!(about(0, "reference"), "0 references");
        assert_eq!(about(1, "reference"), "1 reference");
        assert_eq!(about(20_000, "reference"), "20.0 k references");
    }

    #[test]
    fn near_names_only() {
        let names = || ["lru", "lfu", "clock"].into_iter();
        assert_eq!(did_you_mean("lrux", names()), "; did you mean \"lru\"?");
        assert_eq!(did_you_mean("cloak", names()), "; did you mean \"clock\"?");
        assert_eq!(did_you_mean("CLO", names()), "; did you mean \"clock\"?");
        assert_eq!(did_you_mean("mglru", names()), "");
    }
}
