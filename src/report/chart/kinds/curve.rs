//! The curves of a trace in one chart: fault rate over mean resident pages, each exact curve a
//! solid line and each estimate a dashed one of its own.

use super::fault_rate;
use crate::report::chart::options::Options;
use crate::report::chart::series;
use crate::report::chart::series::{FAULT_RATE, Group};
use crate::report::chart::theme::{DASHED, Styles};
use crate::report::chart::{Chart, ChartError, Drawn};
use crate::report::results::columns::Row;
use crate::report::tables::curve_csv::{CurveRow, share};

/// Draws one chart for each trace, page size and filter.
pub fn draw(rows: &[CurveRow], options: &Options) -> Result<Vec<Chart>, ChartError> {
    let estimates: Vec<String> = rows
        .iter()
        .filter(|row| row.sample_rate.is_some())
        .map(|row| as_result(row).identity().policy_label())
        .collect();
    let rows: Vec<Row> = rows.iter().map(as_result).collect();
    let groups = series::groups(&rows);
    if groups.is_empty() {
        return Err(ChartError::Empty);
    }
    let styles = series::styles(&groups);
    let chart = |group: &Group<'_>| {
        let (scene, data) = one(group, &styles, &estimates, options);
        Chart {
            stem: format!("{}-curve", group.stem),
            scene,
            data: Some(data),
        }
    };
    Ok(groups.iter().map(chart).collect())
}

/// Returns the stems of the charts of these rows.
pub fn stems(rows: &[CurveRow]) -> Vec<String> {
    let rows: Vec<Row> = rows.iter().map(as_result).collect();
    let groups = series::groups(&rows);
    let stems = groups.iter().map(|group| format!("{}-curve", group.stem));
    stems.collect()
}

fn one(group: &Group<'_>, styles: &Styles, estimates: &[String], options: &Options) -> Drawn {
    let mut curves = group.curves(styles, &FAULT_RATE);
    for series in &mut curves.series {
        if estimates.contains(&series.label) {
            series.style.dash = DASHED;
        }
    }
    fault_rate::draw_curves(group, curves, "fault rate at every size", options)
}

/// Returns a point as the row that a replay would have given, from which charts are drawn.
fn as_result(row: &CurveRow) -> Row {
    let mut params = row.params.clone();
    if let Some(rate) = row.sample_rate {
        // A series of its own.
        params = format!("estimate from {}", share(rate));
    }
    Row {
        trace: row.trace.clone(),
        trace_digest: row.trace_digest.clone(),
        trace_kind: row.trace_kind.clone(),
        filter: row.filter.clone(),
        page_size: row.page_size,
        policy: row.policy.clone(),
        params,
        frames: row.frames,
        tau: row.tau,
        mean_resident: Some(row.mean_resident),
        refs: row.refs,
        distinct_pages: row.distinct_pages,
        faults: row.faults,
        hits: row.refs.saturating_sub(row.faults),
        fills: row.distinct_pages,
        fault_rate: Some(row.fault_rate),
        status: "ok".into(),
        ..Row::default()
    }
}
