//! From the points of an exact curve to rows of `curve.csv`.

use crate::curve::{CurveKind, Point};
use crate::report::tables::curve_csv::{CurveRow, EXACT};

/// Returns the row of a point of the curve `choice`; `template` has the columns of the trace.
pub fn exact(template: &CurveRow, choice: CurveKind, point: &Point) -> CurveRow {
    let refs = template.refs.max(1) as f64;
    let windows = choice.has_windows();
    CurveRow {
        policy: choice.name().to_owned(),
        params: choice.params().to_owned(),
        frames: (!windows).then_some(point.memory),
        tau: windows.then_some(point.memory),
        mean_resident: point.resident_sum as f64 / refs,
        faults: point.faults,
        fault_rate: point.faults as f64 / refs,
        write_backs: point.write_backs,
        accuracy: EXACT.to_owned(),
        ..template.clone()
    }
}
