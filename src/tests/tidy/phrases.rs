//! Phrases that make a reader stop: turns that hide the subject, the number or the result. Comments
//! and texts of the program are searched.

use crate::sources::{line_of, sources};

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
    let mut wrong = Vec::new();
    for source in sources() {
        for (phrase, instead) in BANNED {
            let path = &source.path;
            wrong.extend(
                places(&source.text, phrase)
                    .map(|line| format!("src/{path}:{line}: \"{phrase}\"; write {instead}")),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn phrases_are_found() {
    let lines: Vec<usize> = places("So many\nfoo so manyx\nof so many.", "so many").collect();
    assert_eq!(lines, [1, 3]);
}
