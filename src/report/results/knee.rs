//! One sentence for each trace: where the knee is, which policy is best there, and how little memory comes
//! within 10 % of OPT's faults there.

use super::columns::{Row, col, is_offline};
use crate::policy;
use crate::report::text::percent;
use crate::sweep::{Identity, Labels};
use crate::units::{counted, show_bytes};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Returns the index of the knee of one policy's curve, and whether that is an end of the curve,
/// given mean resident pages times faults at each rising amount of memory.
///
/// The knee is an inner minimum: the least of the products that are smaller than both neighbours. A
/// ray from the origin touches the lifetime function there from above, as far as the neighbours go
/// (P. J. Denning, "Working sets past and present", 1980): beyond it more memory buys less than its
/// share. Other products may be smaller: the curve ends where all pages fit, and with a handful of
/// frames, and there the product often is least but no ray touches. Without an inner minimum the
/// least product stands in, which is at an end.
pub fn knee(products: &[f64]) -> Option<(usize, bool)> {
    let least = |a: &usize, b: &usize| products[*a].total_cmp(&products[*b]);
    let inner = (1..products.len().saturating_sub(1))
        .filter(|&i| products[i] < products[i - 1] && products[i] < products[i + 1])
        .min_by(least);
    inner
        .map(|i| (i, false))
        .or_else(|| (0..products.len()).min_by(least).map(|i| (i, true)))
}

/// Returns the row at the best knee of all online policies; `None` if no curve bends.
fn best_knee<'r>(online: &[&'r Row]) -> Option<&'r Row> {
    let product = |row: &Row| row.mean_resident.unwrap_or(0.0) * row.faults as f64;
    let mut curves: BTreeMap<Identity, Vec<&Row>> = BTreeMap::new();
    for row in online
        .iter()
        .filter(|row| row.faults > 0 && row.mean_resident.is_some())
    {
        curves.entry(row.identity().line()).or_default().push(row);
    }
    let knees = curves.values().filter_map(|curve| {
        let products: Vec<f64> = curve.iter().map(|row| product(row)).collect();
        let (index, at_end) = knee(&products)?;
        (!at_end).then(|| curve[index])
    });
    knees.min_by(|a, b| product(a).total_cmp(&product(b)))
}

/// Returns the sentence for the rows of one trace; `None` if too few sizes or counts are known.
pub fn sentence(group: &[Row]) -> Option<String> {
    let fixed = |row: &&Row| row.is_ok() && row.frames.is_some() && row.tau.is_none();
    let (mut opt, online): (Vec<&Row>, Vec<&Row>) = group
        .iter()
        .filter(fixed)
        .partition(|row| is_offline(&row.policy));
    opt.retain(|row| row.policy == policy::OPTIMUM);
    let sizes: BTreeSet<Option<u64>> = online.iter().map(|row| row.frames).collect();
    let has_counts = |row: &&Row| row.has(col::faults) && row.has(col::mean_resident);
    if sizes.len() < 3 || !group.iter().filter(fixed).all(|row| has_counts(&row)) {
        return None;
    }
    let cells: Vec<Identity> = group.iter().map(Row::identity).collect();
    let labels = Labels::of(&cells);
    let label = |row: &Row| labels.label(&row.identity());
    let Some(at_knee) = best_knee(&online) else {
        return Some(
            "no knee within these frames: mean resident pages times faults has no inner minimum"
                .to_owned(),
        );
    };
    let bound = opt.iter().find(|row| row.frames == at_knee.frames);
    let mut text = best_at_knee(&online, at_knee, bound.copied(), &label)?;
    if let Some(bound) = bound {
        text += "; ";
        text += &within_ten_percent(&online, bound, &label)?;
    }
    Some(text)
}

/// The label of a row's policy.
type Label<'l> = dyn Fn(&Row) -> String + 'l;

/// Returns where the knee is and which policies are best there, compared with OPT's row `bound`.
fn best_at_knee(
    online: &[&Row],
    at_knee: &Row,
    bound: Option<&Row>,
    label: &Label<'_>,
) -> Option<String> {
    let there = || online.iter().filter(|row| row.frames == at_knee.frames);
    let best = there().map(|row| row.faults).min()?;
    let names: Vec<String> = there()
        .filter(|row| row.faults == best)
        .map(|row| label(row))
        .collect();
    let mut text = format!(
        "knee at {} frames ({}, {} of the pages; an inner minimum of mean resident pages times faults); best online policy there: {} with {best} faults ({})",
        at_knee.frames?,
        memory(at_knee),
        percent(at_knee.frames_frac.unwrap_or(0.0)),
        names.join(" and "),
        percent(best as f64 / at_knee.refs.max(1) as f64),
    );
    if let Some(bound) = bound {
        let ratio = best as f64 / bound.faults.max(1) as f64;
        let _ = write!(text, ", {ratio:.2} times OPT's {}", bound.faults);
    }
    Some(text)
}

/// Returns the least memory with which an online policy has at most 10 % more faults than OPT's row
/// `bound`, and these policies.
fn within_ten_percent(online: &[&Row], bound: &Row, label: &Label<'_>) -> Option<String> {
    let enough = online
        .iter()
        .filter(|row| row.faults as f64 <= 1.1 * bound.faults as f64)
        .min_by_key(|row| (row.frames, row.faults, label(row)));
    let Some(row) = enough else {
        return Some("no online cell comes within 10 % of that optimum".to_owned());
    };
    let alike = online
        .iter()
        .filter(|other| (other.frames, other.faults) == (row.frames, row.faults));
    let names: Vec<String> = alike.map(|row| label(row)).collect();
    Some(format!(
        "within 10 % of that optimum at {} ({}), under {}",
        counted(row.frames?, "frame"),
        memory(row),
        names.join(" and ")
    ))
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
            "knee at 16 frames (64KiB, 25.0 % of the pages; an inner minimum of mean resident pages times faults); \
             best online policy there: lru with 1300 faults (13.0 %), \
             1.30 times OPT's 1000; within 10 % of that optimum at 32 frames (128KiB), under lru"
        );
        assert!(
            sentence(&rows[..4])
                .unwrap()
                .ends_with("fifo with 1400 faults (14.0 %)")
        );
        assert_eq!(sentence(&[]), None);
        assert_eq!(sentence(&rows[4..6]), None, "two sizes make no curve");
        assert_eq!(knee(&[9.0, 3.0, 4.0, 2.0]), Some((1, false)));
        assert_eq!(knee(&[1.0, 2.0, 3.0]), Some((0, true)));
        assert_eq!(knee(&[]), None);
        // sort.pbt under LRU: the least inner product is not the least of all.
        assert_eq!(
            knee(&[
                16.0 * 105_371.0,
                32.0 * 23_000.0,
                64.0 * 13_659.0,
                512.0 * 1170.0,
                725.0 * 725.0,
            ]),
            Some((1, false))
        );
        let ends = sentence(&[row("lru", 8, 900), row("lru", 16, 800), row("lru", 32, 700)]);
        assert_eq!(
            ends.unwrap(),
            "no knee within these frames: mean resident pages times faults has no inner minimum"
        );
    }
}
