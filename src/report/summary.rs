//! One sentence a trace that a person can use: where the knee is, how little memory comes within
//! 10 % of the optimum there, and which policy does best.

use super::columns::Row;
use super::table::percent;
use crate::units::show_bytes;
use std::collections::BTreeMap;
use std::fmt::Write;

/// The knee of one policy's curve, given memory times faults at each rising amount of memory: the
/// least product, which is where the ray from the origin touches the lifetime function (P. J.
/// Denning, "Working sets past and present", 1980); beyond it more memory buys less than its
/// share. A least product between larger neighbours is preferred to one at an end of the curve,
/// where the ray touches nothing. Returns its place and whether it is at an end.
pub fn knee(products: &[f64]) -> Option<(usize, bool)> {
    let least = |a: &usize, b: &usize| products[*a].total_cmp(&products[*b]);
    let inner = (1..products.len().saturating_sub(1))
        .filter(|&i| products[i] < products[i - 1] && products[i] < products[i + 1])
        .min_by(least);
    inner
        .map(|i| (i, false))
        .or_else(|| (0..products.len()).min_by(least).map(|i| (i, true)))
}

/// The row at the knee of the online policy that has the best one.
fn best_knee<'r>(online: &[&'r Row]) -> Option<&'r Row> {
    let product = |row: &Row| row.mean_resident.unwrap_or(0.0) * row.faults as f64;
    let mut curves: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for row in online
        .iter()
        .filter(|row| row.faults > 0 && row.mean_resident.is_some())
    {
        curves.entry(row.policy_label()).or_default().push(row);
    }
    let knees = curves.values().filter_map(|curve| {
        let products: Vec<f64> = curve.iter().map(|row| product(row)).collect();
        knee(&products).map(|(place, at_end)| (at_end, curve[place]))
    });
    let best = knees.min_by(|a, b| a.0.cmp(&b.0).then(product(a.1).total_cmp(&product(b.1))));
    best.map(|(_, row)| row)
}

/// The sentence for the rows of one trace, or `None` where there is too little to say.
pub fn sentence(group: &[Row]) -> Option<String> {
    let fixed = |row: &&Row| row.is_ok() && row.frames.is_some() && row.tau.is_none();
    let (opt, online): (Vec<&Row>, Vec<&Row>) = group
        .iter()
        .filter(fixed)
        .partition(|row| row.policy == "opt");
    let at_knee = best_knee(&online)?;
    let best = online
        .iter()
        .filter(|row| row.frames == at_knee.frames)
        .min_by_key(|row| (row.faults, row.policy_label()))?;
    let mut text = format!(
        "knee at {} frames ({}, {} of the pages); best online policy there: {} with {} faults ({})",
        at_knee.frames?,
        memory(at_knee),
        percent(at_knee.frames_frac.unwrap_or(0.0)),
        best.policy_label(),
        best.faults,
        percent(best.fault_rate.unwrap_or(0.0)),
    );
    let Some(bound) = opt.iter().find(|row| row.frames == at_knee.frames) else {
        return Some(text);
    };
    let ratio = best.faults as f64 / bound.faults.max(1) as f64;
    let _ = write!(text, ", {ratio:.2} times OPT's {}; ", bound.faults);
    let enough = online
        .iter()
        .filter(|row| row.faults as f64 <= 1.1 * bound.faults as f64)
        .min_by_key(|row| (row.frames, row.faults, row.policy_label()));
    let _ = match enough {
        Some(row) => write!(
            text,
            "within 10 % of that optimum from {} frames ({}) on, under {}",
            row.frames?,
            memory(row),
            row.policy_label(),
        ),
        None => write!(text, "no online cell comes within 10 % of that optimum"),
    };
    Some(text)
}

fn memory(row: &Row) -> String {
    show_bytes(row.frames.unwrap_or(0).saturating_mul(row.page_size))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(policy: &str, frames: u64, faults: u64) -> Row {
        Row {
            policy: policy.into(),
            frames: Some(frames),
            frames_frac: Some(frames as f64 / 64.0),
            page_size: 4096,
            refs: 10_000,
            faults,
            fault_rate: Some(faults as f64 / 10_000.0),
            mean_resident: Some(frames as f64),
            status: "ok".into(),
            ..Row::default()
        }
    }

    #[test]
    fn the_knee_is_the_least_product_and_the_sentence_names_it() {
        let rows = [
            row("fifo", 8, 5000),
            row("fifo", 16, 1400),
            row("fifo", 32, 1100),
            row("fifo", 64, 900),
            row("lru", 8, 4800),
            row("lru", 16, 1300),
            row("lru", 32, 1050),
            row("lru", 64, 900),
            row("opt", 8, 3000),
            row("opt", 16, 1000),
            row("opt", 32, 950),
            row("opt", 64, 900),
        ];
        assert_eq!(
            sentence(&rows).unwrap(),
            "knee at 16 frames (64KiB, 25.0 % of the pages); best online policy there: lru with 1300 faults (13.0 %), \
             1.30 times OPT's 1000; within 10 % of that optimum from 32 frames (128KiB) on, under lru"
        );
        assert!(
            sentence(&rows[..4])
                .unwrap()
                .ends_with("fifo with 1400 faults (14.0 %)")
        );
        assert_eq!(sentence(&[]), None);
        assert_eq!(knee(&[9.0, 3.0, 4.0, 2.0]), Some((1, false)));
        assert_eq!(knee(&[1.0, 2.0, 3.0]), Some((0, true)));
        assert_eq!(knee(&[]), None);
    }
}
