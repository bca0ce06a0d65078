//! The words for kinds of access in csv files, and what the user says of others (`--kinds`,
//! `--other-kinds`). THE list of these words.

use crate::trace::model::access::Kind;

/// The meaning of a word in the column of kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// An access of this kind.
    Access(Kind),
    /// No access: the line is left out and counted.
    Skip,
}

impl Meaning {
    /// The words of the command line.
    pub const WORDS: [(Meaning, &'static str); 4] = [
        (Meaning::Access(Kind::Read), "read"),
        (Meaning::Access(Kind::Write), "write"),
        (Meaning::Access(Kind::Ifetch), "ifetch"),
        (Meaning::Skip, "skip"),
    ];
}

const READ: Meaning = Meaning::Access(Kind::Read);
const WRITE: Meaning = Meaning::Access(Kind::Write);
const IFETCH: Meaning = Meaning::Access(Kind::Ifetch);

/// The words that are known, in lower case; those of a store after memcached's protocol and CacheLib.
pub(super) const WORDS: [(&str, Meaning); 40] = [
    ("r", READ),
    ("w", WRITE),
    ("read", READ),
    ("write", WRITE),
    ("get", READ),
    ("set", WRITE),
    ("l", READ),
    ("s", WRITE),
    ("i", IFETCH),
    ("load", READ),
    ("store", WRITE),
    ("rd", READ),
    ("wr", WRITE),
    ("ld", READ),
    ("st", WRITE),
    ("f", IFETCH),
    ("ifetch", IFETCH),
    ("fetch", IFETCH),
    ("instruction", IFETCH),
    ("instr", IFETCH),
    ("inst", IFETCH),
    ("gets", READ),
    ("get_lease", READ),
    ("gat", READ),
    ("gats", READ),
    ("head", READ),
    ("set_lease", WRITE),
    ("add", WRITE),
    ("replace", WRITE),
    ("cas", WRITE),
    ("append", WRITE),
    ("prepend", WRITE),
    ("incr", WRITE),
    ("decr", WRITE),
    ("put", WRITE),
    ("post", WRITE),
    ("update", WRITE),
    ("insert", WRITE),
    ("delete", Meaning::Skip),
    ("del", Meaning::Skip),
];

/// Codes whose meaning is likely where they stand for kinds. They are only proposed, never taken: SCSI's
/// operation codes (SBC-4), and the order of most tables.
const LIKELY: [(&str, Meaning); 12] = [
    ("28", READ),
    ("2a", WRITE),
    ("08", READ),
    ("0a", WRITE),
    ("88", READ),
    ("8a", WRITE),
    ("a8", READ),
    ("aa", WRITE),
    ("0", READ),
    ("1", WRITE),
    ("rs", READ),
    ("ws", WRITE),
];

/// The likely meaning of a word that is not known, for a proposal.
pub(super) fn likely(word: &[u8]) -> Option<Meaning> {
    let word = word.strip_prefix(b"0x").unwrap_or(word);
    let same = |(known, _): &&(&str, Meaning)| known.as_bytes().eq_ignore_ascii_case(word);
    LIKELY.iter().find(same).map(|&(_, meaning)| meaning)
}

/// The longest word that is compared at once.
const SHORT: usize = 16;

/// The words of one file and their meanings.
#[derive(Debug, Clone)]
pub(in crate::trace::format) struct KindWords {
    /// Words of up to 16 bytes in lower case, as numbers: their bytes from the lowest on.
    short: Vec<(u128, Meaning)>,
    /// Longer ones, in lower case.
    long: Vec<(Vec<u8>, Meaning)>,
    /// The meaning of every other word, if there is one.
    others: Option<Meaning>,
    /// The word found last in `short`, and its place.
    last: usize,
}

impl KindWords {
    /// Returns the words known, after those of `own`, which win.
    pub fn new(own: &[(String, Meaning)], others: Option<Meaning>) -> KindWords {
        let own = own.iter().map(|(word, meaning)| (word.as_str(), *meaning));
        KindWords::of(own.chain(WORDS), others)
    }

    /// Returns these words and no others.
    pub fn only(words: &[(&str, Meaning)]) -> KindWords {
        KindWords::of(words.iter().copied(), None)
    }

    fn of<'a>(all: impl Iterator<Item = (&'a str, Meaning)>, others: Option<Meaning>) -> KindWords {
        let mut words = KindWords {
            // So that there is a word found last.
            short: vec![(0, Meaning::Skip)],
            long: Vec::new(),
            others,
            last: 0,
        };
        for (word, meaning) in all {
            match packed(word.as_bytes()) {
                Some(word) => words.short.push((word, meaning)),
                None => words
                    .long
                    .push((word.as_bytes().to_ascii_lowercase(), meaning)),
            }
        }
        words
    }

    /// Returns the meaning of a word in any case, or `None` if it is not known.
    #[inline]
    pub fn meaning(&mut self, word: &[u8]) -> Option<Meaning> {
        let packed = packed(word);
        let (last, meaning) = self.short[self.last];
        if Some(last) == packed {
            return Some(meaning);
        }
        let found = packed.and_then(|word| self.short.iter().position(|&(known, _)| known == word));
        match found {
            Some(at) => {
                self.last = at;
                Some(self.short[at].1)
            }
            None => self.known(word),
        }
    }

    /// Like [`KindWords::meaning`], which is faster where words come again and again.
    pub fn known(&self, word: &[u8]) -> Option<Meaning> {
        let others = self.others.filter(|_| !word.is_empty());
        let found = match packed(word) {
            Some(packed) => {
                let found = self.short.iter().find(|&&(word, _)| word == packed);
                found.map(|&(_, meaning)| meaning)
            }
            None => {
                let found = self.long.iter().find(|(w, _)| w.eq_ignore_ascii_case(word));
                found.map(|&(_, meaning)| meaning)
            }
        };
        found.or(others)
    }
}

/// A word of 1 to 16 bytes in lower case as a number above 0. No two words have the same number, since no
/// word holds a zero byte.
#[inline]
fn packed(word: &[u8]) -> Option<u128> {
    if word.is_empty() || word.len() > SHORT || word.contains(&0) {
        return None;
    }
    let pack = |all: u128, &byte: &u8| all << 8 | u128::from(byte.to_ascii_lowercase());
    Some(word.iter().fold(0, pack))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_any_case_and_what_the_user_says() {
        let mut known = KindWords::new(&[], None);
        for (word, meaning) in WORDS {
            assert_eq!(known.meaning(word.as_bytes()), Some(meaning), "{word}");
            let upper = word.to_uppercase();
            assert_eq!(known.meaning(upper.as_bytes()), Some(meaning), "{word}");
        }
        for word in [
            "",
            "2a",
            "rea",
            "readx",
            "r\0",
            "\0",
            "instruction_fetches_",
        ] {
            assert_eq!(known.meaning(word.as_bytes()), None, "{word:?}");
        }
        let own = [
            ("2A".to_owned(), WRITE),
            ("S".to_owned(), READ),
            ("Very_Long_Word_Of_A_File".to_owned(), Meaning::Skip),
        ];
        let mut own = KindWords::new(&own, Some(IFETCH));
        for (word, meaning) in [
            ("2a", WRITE),
            ("s", READ),
            ("very_long_word_of_a_file", Meaning::Skip),
            ("other", IFETCH),
            ("another_very_long_word", IFETCH),
            ("w", WRITE),
        ] {
            assert_eq!(own.meaning(word.as_bytes()), Some(meaning), "{word}");
        }
        assert_eq!(own.meaning(b""), None);
    }

    #[test]
    fn no_word_is_listed_twice() {
        for (i, (word, _)) in WORDS.iter().enumerate() {
            assert!(!WORDS[..i].iter().any(|(known, _)| known == word), "{word}");
        }
    }
}
