//! Text from data on its way out: names, paths, arguments and lines of files. No such text moves the cursor
//! of a terminal, reorders a line, begins a line of its own, or gives a command to GitHub Actions, which
//! obeys printed lines that begin with `::`, and `##[` anywhere.
//!
//! [`Printable::printed`] is for pieces of data within a text of the program's own; [`guarded`] is for
//! whole texts, just before they are printed; [`plain_name`] is for names on their way in. XML, Markdown and
//! JSON have escapes of their own, by the same [`is_control`].

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::{self, Write};
use std::path::Path;

/// Returns whether `c` acts on a terminal or on the text around it, instead of being shown: a control
/// character, a separator of lines, or a control of the direction of writing.
pub fn is_control(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The beginning of a line that GitHub Actions takes as a command, after any white space.
const COMMAND: &str = "::";

/// What begins a command of GitHub Actions in the middle of a line.
const INNER_COMMAND: &str = "##[";

/// Text from data as it is printed: on one line, with controls as escapes (`\n`, `\x1b`, `\u{202e}`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed<'a>(Cow<'a, str>);

impl fmt::Display for Printed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Data that messages, tables and files for people show.
pub trait Printable {
    /// Returns the text to print.
    fn printed(&self) -> Printed<'_>;
}

impl Printable for str {
    fn printed(&self) -> Printed<'_> {
        Printed(escaped(Cow::Borrowed(self), |_| false))
    }
}

impl Printable for OsStr {
    fn printed(&self) -> Printed<'_> {
        Printed(escaped(self.to_string_lossy(), |_| false))
    }
}

impl Printable for Path {
    fn printed(&self) -> Printed<'_> {
        self.as_os_str().printed()
    }
}

/// Returns a text of several lines as it may be printed. Line feeds and tabs stay; other controls, and what
/// GitHub Actions would take as a command, become escapes.
pub fn guarded(text: &str) -> Cow<'_, str> {
    escaped(Cow::Borrowed(text), |c| c == '\n' || c == '\t')
}

/// Escapes all controls in `text` but those that `stays` accepts, and commands of GitHub Actions.
fn escaped(text: Cow<'_, str>, stays: impl Fn(char) -> bool) -> Cow<'_, str> {
    let acts = |c: char| is_control(c) && !stays(c);
    if !text.contains(acts) && !text.contains(COMMAND) && !text.contains(INNER_COMMAND) {
        return text;
    }
    let mut out = String::with_capacity(text.len() + 16);
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        for (at, c) in line.char_indices() {
            let rest = &line[at..];
            let begins_command = at == indent && rest.starts_with(COMMAND)
                || c == '[' && line[..at].ends_with(INNER_COMMAND.trim_end_matches('['));
            if begins_command {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            } else if acts(c) {
                push_escape(&mut out, c);
            } else {
                out.push(c);
            }
        }
    }
    Cow::Owned(out)
}

/// Appends the escape of a control.
fn push_escape(out: &mut String, c: char) {
    let _ = match c {
        '\n' | '\r' | '\t' => write!(out, "{}", c.escape_default()),
        c if c.is_ascii() => write!(out, "\\x{:02x}", u32::from(c)),
        c => write!(out, "{}", c.escape_unicode()),
    };
}

/// Returns `name` as a name that can be printed anywhere: question marks replace controls, and what GitHub
/// Actions would take as a command.
pub fn plain_name(name: &str) -> Cow<'_, str> {
    let is_plain = name.printed().0 == name;
    if is_plain {
        return Cow::Borrowed(name);
    }
    let name = name.replace(is_control, "?").replace(INNER_COMMAND, "##?");
    let indent = name.len() - name.trim_start().len();
    if name[indent..].starts_with(COMMAND) {
        return Cow::Owned(format!("{}?{}", &name[..indent], &name[indent + 1..]));
    }
    Cow::Owned(name)
}

/// Returns `json`, a JSON text, with controls and commands as JSON escapes: readers get the same strings. (JSON itself
/// demands that only for the oldest controls.)
pub fn printed_json(json: String) -> String {
    let acts = |c: char| is_control(c) && c != '\n';
    // Only a string can have it.
    let json = json.replace(INNER_COMMAND, "##\\u005b");
    if !json.contains(acts) {
        return json;
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if acts(c) {
            // Every control is in the first plane: one escape says it.
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out
}

/// Returns `text` as a word of a shell. Controls take a form that not every shell knows (`$'\n'`).
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./=,:+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    if !text.contains(is_control) {
        return format!("'{}'", text.replace('\'', "'\\''"));
    }
    let mut word = "$'".to_owned();
    for c in text.chars() {
        let _ = match c {
            '\'' | '\\' => write!(word, "\\{c}"),
            c if is_control(c) && c.is_ascii() => write!(word, "\\x{:02x}", u32::from(c)),
            c if is_control(c) => write!(word, "\\u{:04x}", u32::from(c)),
            c => write!(word, "{c}"),
        };
    }
    word + "'"
}

/// Returns `text` as a string of TOML, on one line.
pub fn toml_string(text: &str) -> String {
    if text.contains(is_control) {
        // What JSON escapes, TOML escapes alike.
        return printed_json(serde_json::Value::from(text).to_string());
    }
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_stays_on_its_line_and_acts_on_nothing() {
        for (text, shown) in [
            ("naïve name.pbt", "naïve name.pbt"),
            ("a\nb\tc\r", "a\\nb\\tc\\r"),
            ("\x1b[31m\u{7f}\u{9b}1m", "\\x1b[31m\\x7f\\u{9b}1m"),
            (
                "x\u{202e}y\u{2066}\u{200f}",
                "x\\u{202e}y\\u{2066}\\u{200f}",
            ),
            ("::error::x", "\\x3a:error::x"),
            (" \u{a0}::warning::", " \u{a0}\\x3a:warning::"),
            ("a::b", "a::b"),
            ("a##[error]b##c", "a##\\x5berror]b##c"),
            ("\n::error::", "\\n\\x3a:error::"),
        ] {
            assert_eq!(text.printed().to_string(), shown);
            let again = shown.printed().to_string();
            assert_eq!(again, shown, "what is printed stays as it is");
        }
        assert_eq!(format!("{:<4}|", "a\n".printed()), "a\\n |");
        assert_eq!(Path::new("a\nb").printed().to_string(), "a\\nb");
    }

    #[test]
    fn texts_of_several_lines_keep_their_lines() {
        assert_eq!(guarded("a\n  b\tc\n"), "a\n  b\tc\n");
        assert_eq!(
            guarded("a\n  ::error::\x1b\n::x ::y"),
            "a\n  \\x3a:error::\\x1b\n\\x3a:x ::y"
        );
    }

    #[test]
    fn names_lose_what_acts() {
        assert_eq!(plain_name("gcc-4.8 α"), "gcc-4.8 α");
        assert_eq!(plain_name("x\n::error::p\x1b[31m"), "x?::error::p?[31m");
        assert_eq!(plain_name("::error::\u{202e}"), "?:error::?");
        assert_eq!(plain_name(" ::x##[y]"), " ?:x##?y]");
        for name in ["\n::a", "::::", "##[##[", "\u{85}::", " ::x"] {
            let plain = plain_name(name).into_owned();
            assert_eq!(plain.printed().to_string(), plain, "{name:?}");
        }
    }

    #[test]
    fn shells_get_the_text_back() {
        assert_eq!(shell_word("a/b-c.é"), "a/b-c.é");
        assert_eq!(shell_word(""), "''");
        assert_eq!(shell_word("it's"), "'it'\\''s'");
        assert_eq!(shell_word("a\n'\\\u{202e}"), "$'a\\x0a\\'\\\\\\u202e'");
    }

    #[test]
    fn toml_gets_the_text_back() {
        for text in ["a \"b\"", "x\n::error::\u{7f}\u{202e}\\'"] {
            let shown = toml_string(text);
            assert!(!shown.contains(is_control), "{shown}");
            let table: toml::Table = format!("k = {shown}").parse().expect("TOML");
            assert_eq!(table["k"].as_str(), Some(text));
        }
    }

    #[test]
    fn json_says_the_same_in_other_letters() {
        let text = "a\u{7f}\u{85}\u{202e}\n\"é##[x]";
        let json = serde_json::to_string_pretty(&[text]).expect("JSON");
        let shown = printed_json(json);
        assert!(!shown.contains(|c| is_control(c) && c != '\n'), "{shown}");
        assert_eq!(guarded(&shown), shown);
        let read: Vec<String> = serde_json::from_str(&shown).expect("JSON");
        assert_eq!(read, [text]);
    }
}
