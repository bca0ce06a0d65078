//! Words of messages: numbers of things, and names that are spelled nearly like others. Knows
//! neither the things nor the names.

use super::show_count;
use std::fmt::Display;

/// `1 page`, `2 pages`: an exact number of things whose plural ends in s.
pub fn counted<N: Display + PartialEq + From<u8>>(count: N, thing: &str) -> String {
    let plural = if count == N::from(1) { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

/// `1 reference`, `20.1 M references`: a number of things, a large one as people read it.
pub fn about(count: u64, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{} {thing}{plural}", show_count(count))
}

/// The name that is spelled most like the word, if one is near or begins with it.
pub fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_ascii_lowercase();
    // Fewer letters are the beginning of too much.
    let begins = |name: &str| lower.len() >= 3 && name.to_ascii_lowercase().starts_with(&lower);
    let distance = |name: &str| match begins(name) {
        true => usize::from(name != word),
        false => strsim::damerau_levenshtein(word, name),
    };
    names
        .map(|name| (distance(name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min()
        .map(|(_, name)| name)
}

/// `; did you mean "lru"?` if one of the names is near, else nothing.
pub fn did_you_mean<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> String {
    nearest(word, names).map_or(String::new(), |name| format!("; did you mean \"{name}\"?"))
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
