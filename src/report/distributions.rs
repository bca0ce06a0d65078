//! Distributions of each cell, as percentiles: references between faults, and the modelled time
//! of an access. Percentiles have three digits; count, mean, least and greatest are exact.

use super::columns::{Row, column};
use super::csv::table_to_csv;
use super::rows::key_of;
use crate::sweep::{CellResult, Plan};
use crate::vm::Outcome;
use crate::vm::cost::{CostTable, classes};
use hdrhistogram::Histogram;

/// The columns that name a cell, in every table beside `results.csv`.
pub const KEY_COLUMNS: [&str; 9] = [
    "trace",
    "trace_digest",
    "filter",
    "page_size",
    "policy",
    "params",
    "seed",
    "tau",
    "frames",
];

/// The fields of a row under [`KEY_COLUMNS`].
pub fn key_fields(row: &Row) -> Vec<String> {
    let show = |name: &&str| (column(name).expect("a column of the table").show)(row);
    KEY_COLUMNS.iter().map(show).collect()
}

/// The percentiles written, as shares of 1 and as column names.
const QUANTILES: [(f64, &str); 6] = [
    (0.5, "p50"),
    (0.9, "p90"),
    (0.99, "p99"),
    (0.999, "p99_9"),
    (0.9999, "p99_99"),
    (1.0, "max"),
];

/// `distributions.csv`: two lines a cell.
pub fn to_csv(plan: &Plan<'_>, results: &[Option<CellResult>], costs: &CostTable) -> Vec<u8> {
    let names = ["metric", "unit", "count", "mean", "min"]
        .into_iter()
        .chain(QUANTILES.map(|(_, name)| name));
    let header = KEY_COLUMNS
        .into_iter()
        .chain(names)
        .map(str::to_owned)
        .collect();
    let mut cells: Vec<(Row, &Outcome)> = plan
        .cells
        .iter()
        .zip(results)
        .filter_map(|(cell, result)| {
            Some((key_of(plan, cell), result.as_ref()?.outcome.as_ref().ok()?))
        })
        .collect();
    cells.sort_by_cached_key(|(row, _)| row.sort_key());
    let lines = cells.iter().flat_map(|(row, outcome)| {
        let key = key_fields(row);
        [intervals(outcome), access_times(outcome, costs)]
            .map(|fields| [key.clone(), fields].concat())
    });
    table_to_csv(header, lines)
}

fn intervals(outcome: &Outcome) -> Vec<String> {
    let all = &outcome.intervals;
    let show = |value: Option<u64>| value.map(|v| v.to_string()).unwrap_or_default();
    let mut fields = vec![
        "fault_interval".into(),
        "references".into(),
        all.count.to_string(),
    ];
    fields.push(mean(u128::from(all.sum), all.count));
    fields.push(show(all.min));
    fields.extend(QUANTILES.map(|(share, _)| show(all.quantile(share))));
    fields
}

fn access_times(outcome: &Outcome, costs: &CostTable) -> Vec<String> {
    let classes: Vec<_> = classes(outcome, costs)
        .into_iter()
        .filter(|class| class.count > 0)
        .collect();
    let mut histogram: Histogram<u64> = Histogram::new(3).expect("three digits are allowed");
    for class in &classes {
        histogram.saturating_record_n(class.each_ns, class.count);
    }
    let count = classes.iter().map(|class| class.count).sum();
    let sum = classes
        .iter()
        .map(|class| u128::from(class.count) * u128::from(class.each_ns))
        .sum();
    let min = classes.iter().map(|class| class.each_ns).min().unwrap_or(0);
    let max = classes.iter().map(|class| class.each_ns).max().unwrap_or(0);
    let mut fields = vec![
        "access_time".into(),
        "ns".into(),
        format!("{count}"),
        mean(sum, count),
        min.to_string(),
    ];
    fields.extend(QUANTILES.map(|(share, _)| {
        histogram
            .value_at_quantile(share)
            .clamp(min, max)
            .to_string()
    }));
    fields
}

fn mean(sum: u128, count: u64) -> String {
    if count == 0 {
        String::new()
    } else {
        format!("{:.9}", sum as f64 / count as f64)
    }
}
