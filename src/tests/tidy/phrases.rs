//! Phrases that make a reader stop: turns that hide the subject, the number or the result. Comments
//! and texts of the program are searched.

use crate::sources::{line_of, sources};
use std::collections::BTreeMap;

/// What is not written, and what is written instead.
const BANNED: [(&str, &str); 16] = [
    ("so many", "the parameter by its name: \"`n` frames\""),
    ("so much", "the parameter by its name"),
    ("is told", "what is passed, returned or recorded"),
    ("are told", "what is passed, returned or recorded"),
    ("who hears", "the listener"),
    ("says how many", "\"Returns the number of\""),
    ("tells how many", "\"Returns the number of\""),
    ("whoever", "the caller, the process, the user"),
    ("somebody", "the caller, the process, the user"),
    ("anybody", "the caller, the process, the user"),
    ("nobody", "what does not happen"),
    ("worth while", "\"pays off\""),
    ("at hand", "where it is"),
    ("come what may", "\"always\""),
    ("the one as of the other", "\"have the same length\""),
    ("is none of", "\"is not a\""),
];

/// Files that still have such phrases, and how many. The numbers only shrink.
const EXCUSED: [(&str, usize); 27] = [
    ("check/limits.rs", 2),
    ("cli/commands/compare.rs", 1),
    ("cli/setup/experiment/mod.rs", 1),
    ("cli/setup/experiment/text.rs", 1),
    ("policy/algorithms/clock_pro.rs", 12),
    ("policy/algorithms/mq.rs", 1),
    ("policy/algorithms/pff.rs", 1),
    ("policy/algorithms/sws.rs", 3),
    ("policy/algorithms/two_q.rs", 1),
    ("policy/algorithms/vmin.rs", 1),
    ("policy/support/bit_set.rs", 1),
    ("policy/support/classes.rs", 1),
    ("report/chart/kinds/heat.rs", 1),
    ("report/chart/kinds/states.rs", 1),
    ("report/chart/page.rs", 1),
    ("report/explain/mod.rs", 1),
    ("report/results/columns.rs", 3),
    ("report/whole_file.rs", 1),
    ("space/infer.rs", 1),
    ("space/mod.rs", 1),
    ("space/resolver.rs", 3),
    ("sweep/partition.rs", 1),
    ("trace/bursts/encode.rs", 1),
    ("trace/codec/read_ahead.rs", 4),
    ("trace/store/lists.rs", 1),
    ("vm/core/burst_state.rs", 1),
    ("vm/tlb/mod.rs", 4),
];

/// The lines of a text in which a phrase stands, upper and lower case alike.
fn places<'a>(text: &'a str, phrase: &'a str) -> impl Iterator<Item = usize> + 'a {
    let lower = text.to_ascii_lowercase();
    let places: Vec<usize> = lower
        .match_indices(phrase)
        .filter(|&(at, _)| {
            let before = lower[..at].chars().next_back();
            let after = lower[at + phrase.len()..].chars().next();
            !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
        })
        .map(|(at, _)| line_of(&lower, at))
        .collect();
    places.into_iter()
}

#[test]
fn no_phrase_hides_its_subject() {
    let excused: BTreeMap<&str, usize> = EXCUSED.into_iter().collect();
    let mut wrong = Vec::new();
    for source in sources() {
        let mut found = Vec::new();
        for (phrase, instead) in BANNED {
            let path = &source.path;
            found.extend(
                places(&source.text, phrase)
                    .map(|line| format!("src/{path}:{line}: \"{phrase}\"; write {instead}")),
            );
        }
        let most = excused
            .get(source.path.as_str())
            .copied()
            .unwrap_or_default();
        if found.len() > most {
            wrong.append(&mut found);
        }
        let still = format!(
            "src/{}: {} left of {most}: lower the number",
            source.path,
            found.len()
        );
        assert!(found.len() >= most, "{still}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn phrases_are_found() {
    let lines: Vec<usize> = places("So many\nfoo so manyx\nof so many.", "so many").collect();
    assert_eq!(lines, [1, 3]);
}
