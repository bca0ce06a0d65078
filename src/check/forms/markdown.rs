//! A verdict as Markdown, for the summary of a CI step.

use crate::check::verdict::{Verdict, counted};
use crate::exit::ExitCode;
use crate::report::markdown::escaped;
use std::fmt::Write;

/// The most bytes that GitHub accepts as the summary of a step.
pub const ROOM: usize = 1 << 20;

/// The end of a summary that was cut.
const CUT: &str = "\n… cut: this summary may have 1 MiB. `--json` has everything.\n";

/// Returns the summary, in `room` bytes at most.
pub fn to_markdown(verdict: &Verdict, baseline: &str, room: usize) -> String {
    let mut out = format!("### pagebench check {}\n\n", escaped(baseline));
    let _ = writeln!(out, "{}.", escaped(&verdict.sentence()));
    let changes = verdict.changes();
    if !changes.is_empty() {
        out.push_str("\n| cell | count | expected | got | difference | percent | verdict |\n");
        out.push_str("|---|---|---:|---:|---:|---:|---|\n");
    }
    for (cell, change) in changes {
        let verdict = if change.standing.fails() {
            format!("**{}**", change.standing.name())
        } else {
            change.standing.name().to_owned()
        };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {:+} | {} | {verdict} |",
            escaped(&cell.name()),
            escaped(&change.metric.words()),
            change.expected,
            change.got,
            change.difference(),
            change.show_percent(),
        );
    }
    let missing: Vec<String> = verdict.missing().map(|cell| cell.name()).collect();
    if !missing.is_empty() {
        let _ = writeln!(
            out,
            "\n{} without a result:\n",
            counted(missing.len(), "cell")
        );
    }
    for cell in missing {
        let _ = writeln!(out, "- {}", escaped(&cell));
    }
    for (cell, why) in verdict.failed() {
        let _ = writeln!(
            out,
            "\n**failed**: {}: {}",
            escaped(&cell.name()),
            escaped(why)
        );
    }
    for error in &verdict.errors {
        let _ = writeln!(out, "\n**error**: {}", escaped(error));
    }
    cut(out, room)
}

/// Returns the summary for a check without a verdict: `why` nothing was compared.
pub fn of_failure(why: &str, baseline: &str, code: ExitCode, room: usize) -> String {
    let (baseline, why) = (escaped(baseline), escaped(why));
    let text = format!(
        "### pagebench check {baseline}\n\n**Nothing compared** ({}): {why}\n",
        code.name
    );
    cut(text, room)
}

/// Returns the lines that fit, and a line that says that there were more.
fn cut(mut text: String, room: usize) -> String {
    if text.len() <= room {
        return text;
    }
    let Some(left) = room.checked_sub(CUT.len()) else {
        return String::new();
    };
    let end = text.as_bytes()[..left]
        .iter()
        .rposition(|&byte| byte == b'\n');
    text.truncate(end.map_or(0, |at| at + 1));
    text + CUT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_summary_is_cut_at_a_line() {
        let text = "é\n".repeat(100);
        assert_eq!(cut(text.clone(), 300), text);
        let short = cut(text.clone(), 100);
        assert!(short.len() <= 100 && short.starts_with("é\n") && short.ends_with(CUT));
        assert_eq!(short.len() - CUT.len(), (100 - CUT.len()) / 3 * 3);
        assert_eq!(cut(text, 10), "");
    }
}
