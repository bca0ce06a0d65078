//! Even axes, and axes that a reader may choose to be even or logarithmic.

use super::{Axis, LABELS, PADDING, even_step, percent, range};

impl Axis {
    /// An axis for numbers of pages, logarithmic or even.
    pub fn sizes(log: bool, values: impl Iterator<Item = f64>, max_labels: usize) -> Axis {
        if log {
            Axis::pages(values, max_labels)
        } else {
            Axis::pages_even(values, max_labels)
        }
    }

    /// An axis for fault rates, logarithmic or even, with about `max_labels` labels.
    pub fn fault_rates(log: bool, values: impl Iterator<Item = f64>, max_labels: usize) -> Axis {
        if log {
            Axis::rates(values, max_labels)
        } else {
            Axis::rates_even(values, max_labels)
        }
    }

    /// An axis for ratios around one and above, logarithmic or even.
    pub fn ratios(log: bool, values: impl Iterator<Item = f64>) -> Axis {
        if log {
            Axis::counts(values)
        } else {
            Axis::ratios_even(values)
        }
    }

    /// An axis for counts, logarithmic or even.
    pub fn numbers(log: bool, values: impl Iterator<Item = f64>) -> Axis {
        if log {
            Axis::counts(values)
        } else {
            Axis::amounts(highest(values), 0.05, LABELS)
        }
    }

    /// An even axis from zero to a number of pages, its steps a power of two.
    fn pages_even(values: impl Iterator<Item = f64>, max_labels: usize) -> Axis {
        let ends = (0.0, highest(values).max(1.0) * (1.0 + PADDING));
        let mut step = 1.0;
        while ends.1 / step >= max_labels.max(2) as f64 {
            step *= 2.0;
        }
        Axis::linear(ends, step, |value| format!("{value:.0}"))
    }

    /// An even axis for shares, from zero, labelled in per cent.
    fn rates_even(values: impl Iterator<Item = f64>, max_labels: usize) -> Axis {
        let high = match highest(values) {
            high if high > 0.0 => high,
            _ => 0.01,
        };
        let ends = (0.0, high * 1.05);
        let (mut step, digits) = even_step(ends);
        while ends.1 / step >= max_labels.max(2) as f64 {
            step *= 2.0;
        }
        Axis::linear(ends, step, |value| percent(value, digits.saturating_sub(2)))
    }

    /// An even axis for ratios around one and above.
    fn ratios_even(values: impl Iterator<Item = f64>) -> Axis {
        let (low, high) = range(values.chain([1.0])).unwrap_or((1.0, 1.0));
        let room = (high - low).max(0.1) * PADDING;
        let ends = (low - room, high.max(low + 0.1) + room);
        let (step, digits) = even_step(ends);
        Axis::linear(ends, step, |value| format!("{value:.digits$}"))
    }
}

fn highest(values: impl Iterator<Item = f64>) -> f64 {
    range(values).map_or(1.0, |(_, high)| high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> String {
        let labels: Vec<&str> = axis.ticks.iter().map(|tick| tick.label.as_str()).collect();
        labels.join(" ")
    }

    #[test]
    fn even_axes_begin_at_zero_with_round_steps() {
        let pages = Axis::sizes(false, [16.0, 700.0].into_iter(), 9);
        assert_eq!(labels(&pages), "0 128 256 384 512 640");
        assert_eq!(
            labels(&Axis::rates_even([0.031].into_iter(), 9)),
            "0 % 1 % 2 % 3 %"
        );
        assert_eq!(
            labels(&Axis::ratios_even([1.0, 2.9].into_iter())),
            "1.0 1.5 2.0 2.5"
        );
    }

    #[test]
    fn even_axes_survive_nothing_and_one_value() {
        for values in [&[][..], &[0.0], &[1.0], &[f64::NAN], &[1e-300], &[1e300]] {
            let of = || values.iter().copied();
            for axis in [
                Axis::sizes(false, of(), 8),
                Axis::numbers(false, of()),
                Axis::rates_even(of(), 8),
                Axis::ratios_even(of()),
            ] {
                assert!(axis.ends.0 < axis.ends.1, "{values:?} {axis:?}");
                assert!(axis.ticks.len() < 5000, "{values:?}");
            }
        }
    }
}
