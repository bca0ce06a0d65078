//! Which points of a curve to show: few enough to read and to draw, close together where memory is
//! small. Knows nothing of how curves come about.

use super::LANES;

/// About how many points a curve has where no sizes are given.
pub const POINTS: usize = 200;

/// Returns whole numbers from 1 to `top` in equal steps of the logarithm, at most `count` of them.
pub fn spread(top: u64, count: usize) -> Vec<u64> {
    spread_from(1, top, count)
}

/// Like [`spread`], starting at `from`.
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

/// Returns the powers of two from `from`, itself a power of two, up to `top`.
pub fn powers(from: u64, top: u64) -> impl Iterator<Item = u64> {
    std::iter::successors(Some(from), |power| power.checked_mul(2))
        .take_while(move |&power| power <= top)
}

/// Returns the smallest memory, in frames, at which a trace of `pages` pages is counted unless the
/// user names sizes: with many pages very small memories take most of the time.
pub fn least_size(pages: u64) -> u64 {
    if pages < 64 { 1 } else { 16 }
}

/// Returns the sizes of one pass, at most [`LANES`]: every size if these are few, else the powers
/// of two, the number of pages and sizes between them.
pub fn lane_sizes(pages: u64) -> Vec<u64> {
    let from = least_size(pages);
    if pages - from.min(pages) < LANES as u64 {
        return (from.min(pages)..=pages).collect();
    }
    let mut sizes: Vec<u64> = powers(from, pages).collect();
    sizes.extend(spread_from(from, pages, LANES - sizes.len().min(LANES - 2)));
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

/// Returns the sizes from `from` on at which a falling curve, with a value for each size from 0 on, is
/// drawn: a line through them shows the curve. They are falls at about equal steps of the logarithm of
/// the size and of the value, `steps` of each at most, and with each fall the last size before it, so
/// that a steep fall is drawn steep. The first size, the last fall and the last size are among them.
pub fn outline(curve: &[u64], from: u64, steps: usize) -> Vec<u64> {
    let last = curve.len().saturating_sub(1) as u64;
    let from = from.clamp(1, last.max(1));
    if last < from {
        return Vec::new();
    }
    let value = |size: u64| curve[size as usize].max(1) as f64;
    let factor = libm::exp(libm::log(value(from) / value(last)) / steps.max(1) as f64);
    let marks = spread_from(from, last, steps);
    let (mut next_mark, mut kept) = (0, vec![from]);
    let mut drawn = value(from);
    for size in from + 1..=last {
        if curve[size as usize] == curve[size as usize - 1] {
            continue;
        }
        let at_the_end = curve[size as usize] == curve[last as usize];
        if at_the_end || size >= marks[next_mark] || value(size) * factor <= drawn {
            kept.extend([size - 1, size]);
            drawn = value(size);
            next_mark = marks
                .partition_point(|&mark| mark <= size)
                .min(marks.len() - 1);
        }
    }
    kept.push(last);
    kept.dedup();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::lcg::Lcg;

    #[test]
    fn lanes_fit_one_pass() {
        for pages in [1, 2, 63, 64, 65, 70, 79, 80, 700, 5000, 1 << 20, 1 << 31] {
            let sizes = lane_sizes(pages);
            assert!(sizes.len() <= LANES, "{pages}: {}", sizes.len());
            assert!(sizes.is_sorted_by(|a, b| a < b) && sizes[0] > 0);
            assert_eq!(sizes.last(), Some(&pages));
            let all = pages - least_size(pages) + 1;
            assert!(
                sizes.len() as u64 == all || sizes.len() > LANES / 2,
                "{pages}"
            );
            assert!(all > LANES as u64 || sizes.len() as u64 == all, "{pages}");
        }
    }

    #[test]
    fn points_are_few_and_reach_both_ends() {
        assert_eq!(spread(1, 200), [1]);
        assert_eq!(spread(0, 0), [1]);
        assert_eq!(spread(5, 200), [1, 2, 3, 4, 5]);
        let many = spread(1 << 40, 64);
        assert_eq!((many[0], many[many.len() - 1]), (1, 1 << 40));
        assert!((55..=64).contains(&many.len()));
        assert!(many.is_sorted_by(|a, b| a < b));
    }

    /// A loop under LRU falls once: at the size of the loop, and nowhere before.
    #[test]
    fn a_fall_is_drawn_from_the_size_before_it() {
        let mut curve = vec![300_000; 30_001];
        curve[30_000] = 30_000;
        assert_eq!(outline(&curve, 16, 100), [16, 29_999, 30_000]);
        assert_eq!(outline(&[9, 9, 7, 7, 3, 3], 1, 100), [1, 2, 3, 4, 5]);
        assert_eq!(outline(&[5, 5, 5], 1, 100), [1, 2]);
        assert_eq!(outline(&[5], 1, 100), [0; 0]);
        assert_eq!(outline(&[5, 4], 16, 100), [1]);
    }

    /// Between two points that are no neighbours a curve falls by a step of the values at most; a
    /// fall that is left out is no more than a step of the sizes before one that is drawn.
    #[test]
    fn a_line_through_the_points_is_near_the_curve() {
        let mut numbers = Lcg::new(1);
        let mut next = |below: u64| numbers.below(below);
        for round in 0..200 {
            let mut value = 1_000_000_000;
            let mut curve = vec![value];
            for _ in 0..1 + next(5000) {
                let fall = match next(10) {
                    0..4 => 0,
                    4..9 => next(1 + value / 1000),
                    _ => next(1 + value / (1 + round % 20)),
                };
                value -= fall;
                curve.push(value);
            }
            let last = curve.len() as u64 - 1;
            let points = outline(&curve, 1, 50);
            assert!(points.is_sorted_by(|a, b| a < b) && points.len() <= 204);
            assert_eq!((points[0], points[points.len() - 1]), (1, last));
            let at = |size: u64| curve[size as usize].max(1) as f64;
            let step = (at(1) / at(last)).powf(1.0 / 50.0);
            for pair in points.windows(2).filter(|pair| pair[0] + 1 < pair[1]) {
                assert!(
                    at(pair[0]) <= at(pair[1]) * step * 1.000_001,
                    "{round}: {pair:?}"
                );
            }
        }
    }
}
