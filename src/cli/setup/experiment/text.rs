//! The text of a TOML file: places in it, and errors that show the place. Knows none of the keys.

use crate::cli::setup::failure::Failure;
use crate::units::{Printable, did_you_mean, is_control};
use serde::de::DeserializeOwned;
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The most characters of a line that an error shows.
const SHOWN_MAX: usize = 100;

/// A value with its place.
pub type Node<'t> = Spanned<DeValue<'t>>;

/// An entry of a table.
#[derive(Debug, Clone)]
pub struct Entry<'d, 't> {
    /// The place of the key.
    pub span: Range<usize>,
    /// The key.
    pub key: &'d str,
    /// The value.
    pub node: &'d Node<'t>,
}

/// A TOML file and its text.
#[derive(Clone)]
pub struct TomlFile {
    path: PathBuf,
    text: String,
}

impl TomlFile {
    /// Reads the file `path`.
    pub fn read(path: &Path) -> Result<TomlFile, Failure> {
        let bytes = std::fs::read(path).map_err(|e| Failure::unreadable(path, e))?;
        let text = String::from_utf8(bytes).map_err(|e| {
            let at = e.utf8_error().valid_up_to();
            Failure::usage(format!("{}: byte {at}: not UTF-8 text", path.printed()))
        })?;
        let path = path.to_path_buf();
        Ok(TomlFile { path, text })
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Parses the file as a TOML table.
    pub fn parse(&self) -> Result<Spanned<DeTable<'_>>, Failure> {
        DeTable::parse(&self.text).map_err(|error| self.toml_failure(&error))
    }

    /// Parses the file as a type whose fields are the keys.
    pub fn read_as<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        toml::from_str(&self.text).map_err(|error| self.toml_failure(&error))
    }

    /// Returns an error of the TOML reader with its place, and with the nearest name for an unknown one.
    fn toml_failure(&self, error: &toml::de::Error) -> Failure {
        let what = error.message().replace('\n', "; ").replace('`', "\"");
        let hint = suggestion(error.message());
        let what = format!("{}{hint}", what.printed());
        self.fail(error.span().unwrap_or(0..0), what)
    }

    /// Returns the line of the byte `at`, from 1, and the byte at which that line begins.
    fn line(&self, at: usize) -> (usize, usize) {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        let start = before
            .iter()
            .rposition(|&b| b == b'\n')
            .map_or(0, |n| n + 1);
        let number = before.iter().filter(|&&b| b == b'\n').count() + 1;
        (number, start)
    }

    /// Returns a place as file and line: `experiment.toml:12`.
    pub fn place(&self, span: &Range<usize>) -> String {
        format!("{}:{}", self.path.printed(), self.line(span.start).0)
    }

    /// Returns an error about a place: file, line and column, the line, and marks under the place.
    pub fn fail(&self, span: Range<usize>, what: impl AsRef<str>) -> Failure {
        let (number, start) = self.line(span.start);
        let line = self.text[start..].lines().next().unwrap_or("");
        let chars = |from: usize, to: usize| {
            let piece = self.text.get(from..to.max(from)).unwrap_or("");
            piece.chars().count()
        };
        let column = chars(start, span.start);
        let width = chars(span.start, span.end.min(start + line.len())).max(1);
        let shown: String = line.chars().take(SHOWN_MAX).collect();
        // The marks below count on one column a character.
        let shown = shown.replace('\t', " ").replace(is_control, "?");
        let margin = " ".repeat(number.to_string().len());
        let mut message = format!(
            "{}:{number}:{}: {}\n  {number} | {shown}",
            self.path.printed(),
            column + 1,
            what.as_ref()
        );
        if column < SHOWN_MAX {
            let marks = "^".repeat(width.min(SHOWN_MAX - column));
            message += &format!("\n  {margin} | {}{marks}", " ".repeat(column));
        }
        Failure::usage(message)
    }

    /// Returns an error about an entry whose key is not among `known`.
    pub fn unknown_key(&self, entry: Entry<'_, '_>, known: &[&str]) -> Failure {
        let Entry { span, key, .. } = entry;
        let hint = did_you_mean(key, known.iter().copied());
        let known = known.join(", ");
        self.fail(span, format!("unknown key {key:?}{hint} (known: {known})"))
    }

    /// Returns the content of a string; errors if `node` is none.
    pub fn string<'n>(&self, node: &'n Node<'_>) -> Result<&'n str, Failure> {
        let wrong = || self.fail(node.span(), "a string is wanted here");
        node.get_ref().as_str().ok_or_else(wrong)
    }

    /// Returns a value as it is written, with its quotes.
    pub fn written(&self, node: &Node<'_>) -> &str {
        &self.text[node.span()]
    }

    /// Returns a string or a number as text; errors if `node` is neither.
    pub fn scalar(&self, node: &Node<'_>) -> Result<String, Failure> {
        match node.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            // As written: numbers have the grammar of the command line.
            DeValue::Integer(_) | DeValue::Float(_) => Ok(self.written(node).to_owned()),
            _ => Err(self.fail(node.span(), "a string or a number is wanted here")),
        }
    }

    /// Returns the tables of an array of tables, or the one table, each with its place.
    pub fn tables<'n, 't>(
        &self,
        node: &'n Node<'t>,
    ) -> Result<Vec<(Range<usize>, &'n DeTable<'t>)>, Failure> {
        let table = |node: &'n Node<'t>| match node.get_ref() {
            DeValue::Table(table) => Ok((node.span(), table)),
            _ => Err(self.fail(node.span(), "a table is wanted here")),
        };
        match node.get_ref() {
            DeValue::Array(array) => array.iter().map(table).collect(),
            _ => Ok(vec![table(node)?]),
        }
    }
}

/// Returns a hint at the nearest of the names that a message of serde lists as expected.
fn suggestion(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    match (message.starts_with("unknown "), quoted.next()) {
        (true, Some(word)) => did_you_mean(word, quoted),
        _ => String::new(),
    }
}

/// Returns the entries of a table, in the order of the text.
pub fn entries<'d, 't>(table: &'d DeTable<'t>) -> Vec<Entry<'d, 't>> {
    let entry = |(key, node): (&'d Spanned<_>, &'d Node<'t>)| {
        let name: &'d std::borrow::Cow<'t, str> = key.get_ref();
        Entry {
            span: key.span(),
            key: name,
            node,
        }
    };
    let mut all: Vec<Entry<'d, 't>> = table.iter().map(entry).collect();
    all.sort_by_key(|entry| entry.span.start);
    all
}
