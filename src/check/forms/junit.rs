//! A verdict as JUnit XML: a suite for each trace, a case for each cell. A cell whose counts fail is a
//! failure; a cell without counts is an error. Errors that concern no cell get a suite of their own, so that
//! a file shows only passes if the program ends with 0.
//!
//! Deliberately absent: times, so that the same verdict is the same bytes.

use crate::check::verdict::{CellStatus, Change, Checked, Verdict};
use crate::exit::{self, ExitCode};
use crate::report::xml::escaped;
use std::fmt::Write;

/// Returns the file; `code` is the exit code of the program.
pub fn to_xml(verdict: &Verdict, baseline: &str, code: ExitCode) -> String {
    let cells: Vec<&Checked> = verdict.cells.iter().collect();
    let beside = beside(verdict, code);
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites name=\"pagebench check\"{}>",
        tally(&cells, beside.len())
    );
    for suite in cells.chunk_by(|a, b| a.cell.trace == b.cell.trace) {
        let name = escaped(&suite[0].cell.trace);
        let _ = writeln!(out, "  <testsuite name=\"{name}\"{}>", tally(suite, 0));
        suite.iter().for_each(|cell| case(&mut out, cell));
        out.push_str("  </testsuite>\n");
    }
    errors(&mut out, &beside, baseline, code);
    out.push_str("</testsuites>\n");
    out
}

/// Returns the errors that concern no cell: at least one if the program fails and no cell shows it.
fn beside(verdict: &Verdict, code: ExitCode) -> Vec<String> {
    let mut errors = verdict.errors.clone();
    let shown = verdict.cells.iter().any(|cell| cell.complaint().is_some());
    if errors.is_empty() && !shown && code != exit::OK {
        errors.push(code.about.to_owned());
    }
    errors
}

/// Writes a suite with a case for each error.
fn errors(out: &mut String, errors: &[String], baseline: &str, code: ExitCode) {
    if errors.is_empty() {
        return;
    }
    let (name, kind) = (escaped(baseline), code.name);
    let count = errors.len();
    let _ = writeln!(
        out,
        "  <testsuite name=\"{name}\" tests=\"{count}\" failures=\"0\" errors=\"{count}\">"
    );
    for (number, error) in (1..).zip(errors) {
        let _ = writeln!(
            out,
            "    <testcase classname=\"{name}\" name=\"error {number}\">\n      \
             <error type=\"{kind}\" message=\"{}\"/>\n    </testcase>",
            escaped(error)
        );
    }
    out.push_str("  </testsuite>\n");
}

/// Returns the file for a check without a verdict: one case, an error that says `why`.
pub fn of_failure(why: &str, baseline: &str, code: ExitCode) -> String {
    let (why, baseline, kind) = (escaped(why), escaped(baseline), code.name);
    let tally = " tests=\"1\" failures=\"0\" errors=\"1\"";
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"pagebench check\"{tally}>\n  \
         <testsuite name=\"{baseline}\"{tally}>\n    \
         <testcase classname=\"{baseline}\" name=\"comparison\">\n      \
         <error type=\"{kind}\" message=\"{why}\"/>\n    \
         </testcase>\n  </testsuite>\n</testsuites>\n"
    )
}

/// Returns the numbers of a suite of these cells and of `beside` other errors.
fn tally(cells: &[&Checked], beside: usize) -> String {
    let lacks = |cell: &&&Checked| !matches!(cell.fate, CellStatus::Compared(_));
    let complains = |cell: &&&Checked| cell.complaint().is_some();
    let errors = cells.iter().filter(lacks).count();
    let failures = cells.iter().filter(complains).count() - errors;
    let (tests, errors) = (cells.len() + beside, errors + beside);
    format!(" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\"")
}

fn case(out: &mut String, cell: &Checked) {
    let named = &cell.cell;
    let name = if named.params.is_empty() {
        named.place()
    } else {
        format!("{}, {}", named.params, named.place())
    };
    let _ = write!(
        out,
        "    <testcase classname=\"{}\" name=\"{}\"",
        escaped(&format!("{}.{}", named.trace, named.policy)),
        escaped(&name)
    );
    let passing = |changes: &[Change]| {
        let words: Vec<String> = changes
            .iter()
            .map(|change| format!("{}: {}", change.standing.name(), change.words()))
            .collect();
        words.join("\n")
    };
    let text = cell.complaint().map(|text| escaped(&text));
    let line = cell.line;
    let _ = match (&cell.fate, text) {
        (CellStatus::Compared(changes), None) if changes.is_empty() => writeln!(out, "/>"),
        (CellStatus::Compared(changes), None) => writeln!(
            out,
            ">\n      <system-out>{}</system-out>\n    </testcase>",
            escaped(&passing(changes))
        ),
        (CellStatus::Compared(changes), Some(text)) => writeln!(
            out,
            ">\n      <failure type=\"regression\" message=\"{text}\">line {line} of the baseline\n{}</failure>\n    </testcase>",
            escaped(&passing(changes))
        ),
        (fate, text) => {
            let kind = if *fate == CellStatus::Missing {
                "missing"
            } else {
                "failed"
            };
            let text = text.unwrap_or_default();
            writeln!(
                out,
                ">\n      <error type=\"{kind}\" message=\"{text}\">line {line} of the baseline</error>\n    </testcase>"
            )
        }
    };
}
