//! The rows of `--sample`: estimates at the sizes that are large enough for the sample, and exact rows
//! if nothing is left to estimate.

use super::rows::exact;
use crate::cli::setup::progress::note;
use crate::curve::sample::{Sampled, sample, sample_sizes};
use crate::curve::{CurveError, CurveInputs, CurveKind, Wanted};
use crate::report::tables::curve_csv::{CurveRow, ESTIMATE};
use crate::units::counted;

/// With fewer pages in a sample its bounds are too wide to be of much use.
const FEW_PAGES: u64 = 100;

/// The sample to take.
pub struct Request<'a> {
    /// The share of the pages.
    pub rate: f64,
    /// The sizes.
    pub wanted: &'a Wanted,
    /// Whether there is an exact curve of LRU: exact rows of the sample would repeat it.
    pub has_exact: bool,
}

/// Returns the rows of LRU from a sample of the pages.
pub fn rows(
    source: &CurveInputs<'_>,
    template: &CurveRow,
    request: &Request<'_>,
) -> Result<Vec<CurveRow>, CurveError> {
    let Request {
        rate,
        wanted,
        has_exact,
    } = *request;
    let sampled = sample(source.trace, rate);
    let lru = CurveKind::Lru;
    if sampled.is_whole() {
        let points = if has_exact {
            Vec::new()
        } else {
            lru.points(source, wanted)?
        };
        return Ok(points.iter().map(|p| exact(template, lru, p)).collect());
    }
    let (least, all) = (sampled.least(), sampled.distinct());
    let sizes = sizes(&sampled, wanted);
    warn(&sampled, template, sizes.partition_point(|&n| n < least));
    let mut rows = Vec::new();
    for &frames in sizes.iter().filter(|&&frames| frames >= least) {
        if frames < all {
            rows.push(estimate(&sampled, frames, template));
        } else if !has_exact {
            rows.push(exact(template, lru, &sampled.fits(frames)));
        }
    }
    Ok(rows)
}

/// Returns the sizes asked for, or those that the sample is large enough for, up to all pages.
fn sizes(sampled: &Sampled, wanted: &Wanted) -> Vec<u64> {
    let all = sampled.distinct();
    wanted.frames.all(|| {
        let mut sizes = sample_sizes(sampled.least(), all, wanted.all_sizes);
        sizes.push(all);
        sizes
    })
}

/// Warns if the sample is small. `left_out` sizes are below the least that it can estimate.
fn warn(sampled: &Sampled, template: &CurveRow, left_out: usize) {
    let (name, all, least) = (&template.trace, sampled.distinct(), sampled.least());
    let help = "take a larger --sample";
    if sampled.pages < FEW_PAGES {
        let taken = sampled.pages;
        note(&format!(
            "warning: {name}: the sample has {taken} of {all} pages, too few for a narrow bound; {help}"
        ));
    }
    if left_out > 0 {
        let sizes = counted(left_out, "size");
        note(&format!(
            "warning: {name}: the sample is too small for fewer than {least} frames: {sizes} left out; {help}, or -p lru for exact counts"
        ));
    }
}

fn estimate(sampled: &Sampled, frames: u64, template: &CurveRow) -> CurveRow {
    let refs = template.refs.max(1) as f64;
    let estimate = sampled.at(frames);
    CurveRow {
        policy: CurveKind::Lru.name().to_owned(),
        frames: Some(frames),
        mean_resident: estimate.mean_resident,
        faults: estimate.faults,
        fault_rate: estimate.faults as f64 / refs,
        accuracy: ESTIMATE.to_owned(),
        sample_rate: Some(sampled.share()),
        error_bound: Some(estimate.error / refs),
        ..template.clone()
    }
}
