//! A verdict as workflow commands of GitHub Actions: an annotation for each count that fails or gives a
//! warning, at its line of the baseline.

use crate::check::limits::Improvement;
use crate::check::verdict::{Standing, Verdict, counted};
use crate::exit::ExitCode;
use crate::units::guarded;
use std::fmt::Write;

/// The most errors, and the most warnings, that GitHub shows of a step.
const SHOWN: usize = 10;

/// Returns the commands, a line each: the worst errors and warnings first, and one on those left out.
pub fn to_commands(verdict: &Verdict, baseline: &str) -> String {
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    for (cell, change) in verdict.changes() {
        let list = match change.standing {
            standing if standing.fails() => &mut errors,
            Standing::Improvement(Improvement::Warn) => &mut warnings,
            _ => continue,
        };
        let title = format!("{} of {}", change.standing.name(), change.metric.words());
        list.push((
            cell.line,
            title,
            format!("{}: {}", cell.name(), change.words()),
        ));
    }
    for cell in &verdict.cells {
        if let crate::check::CellStatus::Missing | crate::check::CellStatus::Failed(_) = cell.fate {
            let why = cell.complaint().unwrap_or_default();
            let text = format!("{}: {why}", cell.name());
            errors.push((cell.line, "cell without counts".to_owned(), text));
        }
    }
    for error in &verdict.errors {
        let title = "check could not be completed".to_owned();
        errors.push((1, title, error.clone()));
    }
    let mut out = String::new();
    for (command, list) in [("error", errors), ("warning", warnings)] {
        // The last annotation is for those left out.
        let shown = if list.len() > SHOWN { SHOWN - 1 } else { SHOWN };
        for (line, title, text) in list.iter().take(shown) {
            let (file, title) = (property(baseline), property(title));
            let text = data(text);
            let _ = writeln!(
                out,
                "::{command} file={file},line={line},title={title}::{text}"
            );
        }
        if list.len() > SHOWN {
            let more = counted(list.len() - shown, "more annotation");
            let _ = writeln!(
                out,
                "::{command}::{more}: see the output of pagebench check"
            );
        }
    }
    out
}

/// Returns the command for a check without a verdict: `why` nothing was compared.
pub fn of_failure(why: &str, baseline: &str, code: ExitCode) -> String {
    format!(
        "::error file={},title=nothing compared ({})::{}\n",
        property(baseline),
        code.name,
        data(why)
    )
}

/// Escapes the text of a command. Its line feeds stay.
fn data(text: &str) -> String {
    let text = text.replace('\r', "\n");
    (guarded(&text).replace('%', "%25")).replace('\n', "%0A")
}

/// Escapes the value of a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_ends_a_command() {
        let hostile = "50 %\n::error::x\r\x1b[0m\u{202e}";
        let shown = "50 %25%0A\\x3a:error::x%0A\\x1b[0m\\u{202e}";
        assert_eq!(data(hostile), shown);
        assert_eq!(property("a,b:c%"), "a%2Cb%3Ac%25");
    }
}
