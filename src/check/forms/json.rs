//! A verdict as JSON, with everything that the other forms say.
//!
//! Deliberately absent: times and hosts, so that the same verdict is the same bytes.

use crate::check::verdict::{Change, Checked, Standing, Verdict};
use crate::exit::ExitCode;
use crate::report::results::columns::SCHEMA;
use crate::units::printed_json;
use serde_json::{Value, json};

/// Returns the file; `explanation` is the text of `--explain`, if it was asked for.
pub fn to_json(
    verdict: &Verdict,
    explanation: Option<&str>,
    baseline: &str,
    code: ExitCode,
) -> String {
    let mut value = value_of(verdict, baseline, code);
    if let Some(explanation) = explanation {
        value["explanation"] = explanation.into();
    }
    show(&value)
}

/// Returns the file for a check without a verdict: `why` nothing was compared.
pub fn of_failure(why: &str, baseline: &str, code: ExitCode) -> String {
    let nothing = Verdict {
        metrics: Vec::new(),
        cells: Vec::new(),
        errors: vec![why.to_owned()],
    };
    let mut value = value_of(&nothing, baseline, code);
    value["error"] = why.into();
    show(&value)
}

fn show(value: &Value) -> String {
    printed_json(serde_json::to_string_pretty(value).expect("no odd keys") + "\n")
}

fn value_of(verdict: &Verdict, baseline: &str, code: ExitCode) -> Value {
    let tally = verdict.tally();
    let metrics: Vec<&str> = verdict.metrics.iter().map(|metric| metric.name).collect();
    let changes: Vec<Value> = verdict.changes().into_iter().map(change).collect();
    let missing: Vec<Value> = verdict.missing().map(cell).collect();
    let failed = verdict.failed().map(|(one, why)| {
        let mut value = cell(one);
        value["error"] = why.into();
        value
    });
    json!({
        "schema": SCHEMA,
        "baseline": baseline,
        "result": code.name,
        "exit_code": code.code,
        "metrics": metrics,
        "cells_compared": tally.compared,
        "regressions": tally.regressions,
        "improvements": tally.improvements,
        "changes_within_limits": tally.within,
        "changes_accepted": tally.accepted,
        "changes": changes,
        "missing": missing,
        "failed": failed.collect::<Vec<_>>(),
        "errors": verdict.errors,
    })
}

fn cell(cell: &Checked) -> Value {
    json!({
        "cell": cell.cell.path(),
        "trace": cell.cell.trace,
        "policy": cell.cell.policy_label(),
        "memory": cell.cell.memory(),
        "page_size": cell.cell.page_size,
        "frames": cell.cell.frames,
        "tau": cell.cell.tau,
        "line": cell.line,
    })
}

fn change((of, change): (&Checked, &Change)) -> Value {
    let mut value = cell(of);
    value["metric"] = change.metric.name.into();
    value["expected"] = change.expected.into();
    value["got"] = change.got.into();
    // Beyond 64 bits JSON has no whole numbers.
    let difference = change.difference();
    value["difference"] = match i64::try_from(difference) {
        Ok(whole) => whole.into(),
        Err(_) => (difference as f64).into(),
    };
    value["percent"] = json!(change.percent());
    value["verdict"] = change.standing.name().into();
    value["fails"] = change.standing.fails().into();
    if let Standing::Improvement(improvement) = change.standing {
        value["improvement"] = json!(improvement);
    }
    value
}
