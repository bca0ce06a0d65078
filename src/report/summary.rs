//! One sentence a trace that a person can use: where the knee is, how little memory comes within
//! 10 % of the optimum there, and which policy does best.

use super::columns::Row;
use super::table::percent;
use crate::units::show_bytes;

/// The knee of one policy's curve: where memory times faults is least, which is where the ray
/// from the origin touches the lifetime function (P. J. Denning, "Working sets past and
/// present", 1980); beyond it more memory buys less than its share. A least product between
/// larger neighbours is preferred to one at an end of the curve, where the ray touches nothing.
pub fn knee<'r>(rows: impl Iterator<Item = &'r Row>) -> Option<&'r Row> {
    let memory = |row: &Row| row.mean_resident.unwrap_or(0.0);
    let product = |row: &Row| memory(row) * row.faults as f64;
    let mut curve: Vec<&Row> = rows
        .filter(|row| row.is_ok() && row.faults > 0 && memory(row) > 0.0)
        .collect();
    curve.sort_by(|a, b| memory(a).total_cmp(&memory(b)));
    let inner = curve
        .windows(3)
        .filter(|w| product(w[1]) < product(w[0]) && product(w[1]) < product(w[2]));
    let least = inner
        .map(|w| w[1])
        .min_by(|a, b| product(a).total_cmp(&product(b)));
    least.or_else(|| {
        curve
            .into_iter()
            .min_by(|a, b| product(a).total_cmp(&product(b)))
    })
}

/// The sentence for the rows of one trace, or `None` where there is too little to say.
pub fn sentence(group: &[Row]) -> Option<String> {
    let online = |row: &&Row| {
        row.is_ok() && row.policy != "opt" && row.frames.is_some() && row.tau.is_none()
    };
    let opt = |row: &&Row| row.is_ok() && row.policy == "opt" && row.params.is_empty();
    // The optimum's knee depends on the program alone.
    let policy = |name: String| {
        group
            .iter()
            .filter(online)
            .filter(move |row| row.policy_label() == name)
    };
    let first = || {
        group
            .iter()
            .find(online)
            .and_then(|row| knee(policy(row.policy_label())))
    };
    let knee_row = knee(group.iter().filter(opt)).or_else(first)?;
    let frames = knee_row.frames?;
    let best = group
        .iter()
        .filter(online)
        .filter(|row| row.frames == Some(frames))
        .min_by_key(|row| (row.faults, row.policy_label()))?;
    let mut text = format!(
        "knee at {frames} frames ({}, {} of the pages)",
        show_bytes(frames * knee_row.page_size),
        percent(knee_row.frames_frac.unwrap_or(0.0)),
    );
    let rate = percent(best.fault_rate.unwrap_or(0.0));
    if !opt(&knee_row) {
        return Some(format!(
            "{text}; best online policy there: {} with {} faults ({rate})",
            best.policy_label(),
            best.faults
        ));
    }
    text.push_str(&format!(
        "; best online policy there: {} with {} faults ({rate}), {:.2} times OPT's {}",
        best.policy_label(),
        best.faults,
        best.faults as f64 / knee_row.faults as f64,
        knee_row.faults,
    ));
    let enough = group
        .iter()
        .filter(online)
        .filter(|row| row.faults as f64 <= 1.1 * knee_row.faults as f64)
        .min_by_key(|row| (row.frames, row.faults, row.policy_label()));
    text.push_str(&match enough {
        Some(row) => format!(
            "; {} frames ({}) under {} come within 10 % of that optimum",
            row.frames.unwrap_or(0),
            show_bytes(row.frames.unwrap_or(0) * row.page_size),
            row.policy_label(),
        ),
        None => "; no online cell comes within 10 % of that optimum".to_owned(),
    });
    Some(text)
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
            knee(rows.iter().filter(|r| r.policy == "opt"))
                .unwrap()
                .frames,
            Some(16)
        );
        assert_eq!(
            sentence(&rows).unwrap(),
            "knee at 16 frames (64KiB, 25.0 % of the pages); best online policy there: lru with 1300 faults (13.0 %), \
             1.30 times OPT's 1000; 32 frames (128KiB) under fifo come within 10 % of that optimum"
                .replace("under fifo", "under lru")
        );
        assert!(
            sentence(&rows[..4])
                .unwrap()
                .ends_with("best online policy there: fifo with 1400 faults (14.0 %)")
        );
        assert_eq!(sentence(&[]), None);
    }
}
