//! Reference strings as in textbooks: `1 2 3w 4`, page numbers between blanks or commas, a `w` after
//! those that are written.

use super::access::{Addressing, Kind, TraceKind};
use super::dense::Trace;
use super::densify::Densifier;
use super::refs::{Meta, PageKey, pack};
use crate::units::PageSize;

/// Why a text is no reference string.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StringError {
    /// A word is no page number.
    #[error("{0:?} is no page number: write \"1 2 3w 4\", with a w after a page that is written")]
    Word(String),
    /// The pages are more than a trace can have.
    #[error("too many pages: put them into a file")]
    TooManyPages,
    /// There is no page.
    #[error("no page in it: write \"1 2 3 4 1 2 5\"")]
    Empty,
}

/// Parses `text` as a trace of page ids of one process.
///
/// # Errors
///
/// A word is no page number, or there is none.
pub fn parse(text: &str) -> Result<Trace, StringError> {
    let mut densifier = Densifier::new();
    let process = densifier.process(0);
    let (mut refs, mut kinds) = (Vec::new(), Vec::new());
    let words = text.split([' ', ',', '\t', '\n', '\r']);
    for word in words.filter(|word| !word.is_empty()) {
        let written = word.strip_suffix(['w', 'W']);
        let digits = written.unwrap_or(word);
        let number = match digits.parse::<u64>() {
            Ok(number) if digits.bytes().all(|byte| byte.is_ascii_digit()) => number,
            _ => return Err(StringError::Word(word.to_owned())),
        };
        let id = densifier.id(PageKey { process, number });
        let id = id.map_err(|_| StringError::TooManyPages)?;
        let kind = if written.is_some() {
            Kind::Write
        } else {
            Kind::Read
        };
        refs.push(pack(id, written.is_some()));
        kinds.push(kind as u8);
    }
    if refs.is_empty() {
        return Err(StringError::Empty);
    }
    let meta = Meta {
        name: "string".into(),
        format: "string".into(),
        kind: TraceKind::Synthetic,
        addressing: Addressing::Ids,
        page_size: PageSize::DEFAULT,
        skipped: 0,
    };
    let dictionary = densifier.into_dictionary();
    Ok(Trace::new(meta, dictionary, refs, kinds, None))
}
