//! Which points of a curve are worth telling: few enough to read and to draw, close together
//! where memory is small. Knows nothing of how curves come about.

/// About how many points a curve is thinned to.
pub const POINTS: usize = 200;

/// From 1 to `top` in equal steps of the logarithm, in whole numbers: at most `count` of them.
pub fn spread(top: u64, count: usize) -> Vec<u64> {
    spread_from(1, top, count)
}

/// The same from another number on.
pub fn spread_from(from: u64, top: u64, count: usize) -> Vec<u64> {
    let from = from.max(1);
    let top = top.max(from);
    let steps = count.saturating_sub(1).max(1);
    // libm is the same on every machine.
    let step = libm::log(top as f64 / from as f64) / steps as f64;
    let value = |i| from as f64 * libm::exp(step * i as f64);
    let mut values: Vec<u64> = (0..steps)
        .map(|i| (value(i).round() as u64).clamp(from, top))
        .collect();
    values.push(top);
    values.dedup();
    values
}

/// The indices at which a curve, from index 0 on, differs from the one before; and 1 and the last.
pub fn changes(curve: &[u64]) -> Vec<u64> {
    let last = curve.len().saturating_sub(1);
    let steps = curve.windows(2).zip(1..);
    steps
        .filter(|(pair, index)| pair[0] != pair[1] || *index == 1 || *index == last)
        .map(|(_, index)| index as u64)
        .collect()
}

/// Of values in rising order about `count`, in about equal steps of the logarithm, the first and
/// the last among them.
pub fn thinned(values: &[u64], count: usize) -> Vec<u64> {
    let Some(&last) = values.last() else {
        return Vec::new();
    };
    let next = |wanted| values[values.partition_point(|&value| value < wanted)];
    let mut kept: Vec<u64> = spread(last, count).into_iter().map(next).collect();
    kept.dedup();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_few_and_reach_both_ends() {
        assert_eq!(spread(1, 200), [1]);
        assert_eq!(spread(0, 0), [1]);
        assert_eq!(spread(5, 200), [1, 2, 3, 4, 5]);
        let many = spread(1 << 40, 64);
        assert_eq!((many[0], many[many.len() - 1]), (1, 1 << 40));
        assert!((55..=64).contains(&many.len()));
        assert!(many.is_sorted_by(|a, b| a < b));
        assert_eq!(changes(&[9, 9, 7, 7, 3, 3]), [1, 2, 4, 5]);
        assert_eq!(changes(&[0]), [0; 0]);
        let all: Vec<u64> = (1..5000).collect();
        let few = thinned(&all, 200);
        assert!(few.len() <= 200 && few.len() > 120);
        assert_eq!((few[0], few[few.len() - 1]), (1, 4999));
        assert_eq!(thinned(&[3, 700], 200), [3, 700]);
        assert_eq!(thinned(&[], 200), [0; 0]);
    }
}
