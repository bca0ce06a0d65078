//! Distributions of each cell, as percentiles: references between faults, and the modelled time
//! of an access. Count, mean, least and greatest are exact; percentiles are exact below 2,048 and have
//! three digits from there on.

use crate::report::results::column::{ColumnKind, Described};
use crate::report::results::columns::{Column, key_columns};
use crate::vm::Outcome;
use crate::vm::core::distribution::{Distribution, Gatherer, QUANTILES};
use crate::vm::hardware::cost::{CostTable, classes, pauses};

/// The columns before and after the percentiles.
const BEFORE: [Described; 5] = [
    (
        "metric",
        ColumnKind::Text,
        "",
        "fault_interval: references from one fault to the next, 1 for consecutive ones; access_time: modelled time of each counted reference, by the kind of access and the length of its page walk (see time_ns of results.csv); pause, with --model: modelled time that each faulting reference waits, less the reference and its walk. Cells without frames have pause only",
    ),
    (
        "unit",
        ColumnKind::Text,
        "",
        "unit of mean, min, percentiles and max: references or ns",
    ),
    (
        "count",
        ColumnKind::Count,
        "values",
        "how many values there are: of fault_interval one less than faults, of access_time the references, of pause the faults; without any the columns that follow are empty",
    ),
    ("mean", ColumnKind::Real, "", "their sum / count"),
    ("min", ColumnKind::Count, "", "the least value"),
];
const MAX: Described = ("max", ColumnKind::Count, "", "the greatest value");

/// What a percentile means.
const PERCENTILE: &str = "the ceil(N/100 * count)-th smallest value v, N being the number in the name (p99_9: 99.9); exact below 2048, from there on at most 2^(floor(log2 v) - 10) - 1 above v and never above max";

/// Returns every column as `pagebench columns` describes it.
pub fn columns() -> impl Iterator<Item = Described> {
    let percentile = |(_, name)| (name, ColumnKind::Count, "", PERCENTILE);
    key_columns()
        .map(Column::described)
        .chain(BEFORE)
        .chain(QUANTILES.map(percentile))
        .chain([MAX])
}

/// Returns the lines of a cell, without the fields that name it. `has_model`: the run asked for a model of
/// memory, so that pauses of models can be compared.
pub fn lines(outcome: &Outcome, has_model: bool, costs: &CostTable) -> Vec<Vec<String>> {
    let mut lines = Vec::new();
    if outcome.model.is_none() {
        lines.push(intervals(outcome));
        lines.push(access_times(outcome, costs));
    }
    if has_model {
        lines.push(pauses_of(outcome, costs));
    }
    lines
}

fn pauses_of(outcome: &Outcome, costs: &CostTable) -> Vec<String> {
    let mut gatherer = Gatherer::default();
    for (ns, count) in pauses(outcome, costs) {
        gatherer.note(ns, count);
    }
    fields("pause", "ns", &gatherer.finish())
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

/// Returns the fields after the key. Without any value all but the count are empty.
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
