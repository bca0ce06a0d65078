//! Distributions of each cell, as percentiles: references between faults, and the modelled time
//! of an access. Percentiles have three digits; count, mean, least and greatest are exact.

use super::columns::{Column, Row, column};
use crate::sweep::IN_A_RUN;
use crate::vm::Outcome;
use crate::vm::cost::{CostTable, classes};
use crate::vm::listen::{Distribution, Gatherer, QUANTILES};

/// The columns that name a cell, in every table beside `results.csv`.
pub const KEY_COLUMNS: [&str; IN_A_RUN.len()] = {
    let mut names = [""; IN_A_RUN.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = IN_A_RUN[at].column();
        at += 1;
    }
    names
};

/// [`KEY_COLUMNS`], as the table of columns has them.
pub fn key_columns() -> impl Iterator<Item = &'static Column> {
    let known = |name| column(name).expect("a column of the table");
    KEY_COLUMNS.into_iter().map(known)
}

/// The fields of a row under [`KEY_COLUMNS`].
pub fn key_fields(row: &Row) -> Vec<String> {
    let cell = row.identity();
    IN_A_RUN.map(|part| cell.text(part)).to_vec()
}

/// The columns of `distributions.csv` after [`KEY_COLUMNS`].
pub fn columns() -> impl Iterator<Item = &'static str> {
    ["metric", "unit", "count", "mean", "min"]
        .into_iter()
        .chain(QUANTILES.map(|(_, name)| name))
        .chain(["max"])
}

/// The lines of a cell, without the fields that name it.
pub fn lines(outcome: &Outcome, costs: &CostTable) -> Vec<Vec<String>> {
    vec![intervals(outcome), access_times(outcome, costs)]
}

fn intervals(outcome: &Outcome) -> Vec<String> {
    fields("fault_interval", "references", &outcome.intervals)
}

fn access_times(outcome: &Outcome, costs: &CostTable) -> Vec<String> {
    let mut gatherer = Gatherer::default();
    for class in classes(outcome, costs) {
        if class.count > 0 {
            gatherer.note(class.each_ns, class.count);
        }
    }
    fields("access_time", "ns", &gatherer.finish())
}

/// The fields after the key. Without any value only the count stands there.
fn fields(metric: &str, unit: &str, all: &Distribution) -> Vec<String> {
    let mut fields = vec![metric.to_owned(), unit.to_owned(), all.count.to_string()];
    if all.count == 0 {
        fields.resize(fields.len() + 3 + QUANTILES.len(), String::new());
        return fields;
    }
    fields.push(format!("{:.9}", all.sum as f64 / all.count as f64));
    fields.push(all.min.to_string());
    fields.extend(all.quantiles.map(|value| value.to_string()));
    fields.push(all.max.to_string());
    fields
}
