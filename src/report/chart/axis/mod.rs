//! Axes: from a value to a share of the axis, and where ticks go. Logarithms come from `libm`, so
//! that a chart is the same bytes on every machine.
//!
//! Deliberately absent: pixels, series and rows.

mod even;

/// How values are spread along an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spread {
    /// Evenly.
    Linear,
    /// Each power of two as far from the last.
    Log2,
    /// Each power of ten as far from the last.
    Log10,
    /// A share near one, by its distance from one: 90 %, 99 % and 99.9 % are equally far apart.
    Nines,
}

/// A tick of an axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// The value.
    pub value: f64,
    /// The label; empty for a small tick.
    pub label: String,
}

/// One axis of a panel.
#[derive(Debug, Clone)]
pub struct Axis {
    spread: Spread,
    /// Ends of the axis, spread out.
    ends: (f64, f64),
    /// Ticks in the order of their values.
    pub ticks: Vec<Tick>,
}

impl Spread {
    fn transform(self, value: f64) -> f64 {
        match self {
            Spread::Linear => value,
            Spread::Log2 => libm::log2(value),
            Spread::Log10 => libm::log10(value),
            Spread::Nines => -libm::log10(1.0 - value),
        }
    }
}

/// Labels of an axis as high as the chart, or half as high.
pub const LABELS: usize = 9;

/// Room left free beyond the outermost values, as a share of the axis.
const PADDING: f64 = 0.035;

impl Axis {
    /// An axis for numbers of pages, with at most `max_labels` labelled powers of two.
    pub fn pages(values: impl Iterator<Item = f64>, max_labels: usize) -> Axis {
        let (low, high) = range(values.map(libm::log2)).unwrap_or((4.0, 12.0));
        let ends = padded(low, high, 2.0);
        let exponents = ends.0.ceil() as i32..=ends.1.floor() as i32;
        let count = exponents.clone().count();
        let step = (1..).find(|step| count.div_ceil(*step) <= max_labels.max(1));
        let step = step.unwrap_or(1) as i32;
        let ticks = exponents
            .map(|exponent| Tick {
                value: libm::exp2(f64::from(exponent)),
                label: if exponent.rem_euclid(step) == 0 {
                    binary(exponent)
                } else {
                    String::new()
                },
            })
            .collect();
        Axis {
            spread: Spread::Log2,
            ends,
            ticks,
        }
    }

    /// An even axis with a tick at each multiple of `step`.
    fn linear(ends: (f64, f64), step: f64, label: impl Fn(f64) -> String) -> Axis {
        let ticks = even_values(ends, step).map(|value| Tick {
            value,
            label: label(value),
        });
        Axis {
            spread: Spread::Linear,
            ends,
            ticks: ticks.collect(),
        }
    }

    /// An even axis from zero to a count and, as a share of it, some room beyond, with at most
    /// `max_labels` labels.
    pub fn amounts(high: f64, room: f64, max_labels: usize) -> Axis {
        let ends = (0.0, high.max(1.0) * (1.0 + room));
        // There is nothing between two whole numbers.
        let mut step = even_step(ends).0.max(1.0);
        while (ends.1 / step).floor() >= max_labels.max(2) as f64 {
            step *= 2.0;
        }
        Axis::linear(ends, step, decimal)
    }

    /// A logarithmic axis for shares, labelled in per cent, with about `max_labels` labels.
    pub fn rates(values: impl Iterator<Item = f64>, max_labels: usize) -> Axis {
        let ends = log10_ends(values, (1e-4, 1.0));
        let label = |value: f64, digits: usize| percent(value, digits.saturating_sub(2));
        Axis {
            spread: Spread::Log10,
            ends,
            ticks: log10_ticks(ends, max_labels, label),
        }
    }

    /// A logarithmic axis for counts.
    pub fn counts(values: impl Iterator<Item = f64>) -> Axis {
        let ends = log10_ends(values, (1.0, 1e4));
        let label = |value: f64, digits: usize| {
            if digits > 0 {
                format!("{value:.digits$}")
            } else {
                decimal(value)
            }
        };
        Axis {
            spread: Spread::Log10,
            ends,
            ticks: log10_ticks(ends, LABELS, label),
        }
    }

    /// An axis for shares that come close to one: by nines if the shares that miss differ by more
    /// than a factor of five, else even and as narrow as the values.
    pub fn shares(values: impl Iterator<Item = f64>) -> Axis {
        let values: Vec<f64> = values.collect();
        let misses = range(values.iter().map(|value| 1.0 - value).filter(|m| *m > 0.0));
        match misses {
            Some((least, most)) if most > 5.0 * least => Axis::nines(least, most),
            _ => Axis::even(range(values.into_iter()).unwrap_or((0.0, 1.0))),
        }
    }

    fn nines(least: f64, most: f64) -> Axis {
        let misses = log10_ends([least, most].into_iter(), (1e-4, 1.0));
        // A miss rate above one is no share: the axis ends at a hit rate of zero.
        let misses = (misses.0, misses.1.min(0.0));
        let label = |value: f64, digits: usize| percent(1.0 - value, digits.saturating_sub(2));
        let mut ticks = log10_ticks(misses, LABELS, label);
        ticks.reverse();
        for tick in &mut ticks {
            tick.value = 1.0 - tick.value;
        }
        Axis {
            spread: Spread::Nines,
            ends: (-misses.1, -misses.0),
            ticks,
        }
    }

    fn even((low, high): (f64, f64)) -> Axis {
        // Differences below a hundredth of a per cent are not worth the whole height.
        let ends = padded(low, high, 2e-4);
        let ends = (
            ends.0.max(-0.01),
            ends.1.min(1.0 + (ends.1 - ends.0) * 0.03),
        );
        let (step, digits) = even_step(ends);
        let label = |value| percent(value, digits.saturating_sub(2));
        let mut axis = Axis::linear(ends, step, label);
        axis.ticks.retain(|tick| tick.value < 1.0 + step * 1e-6);
        axis
    }

    /// Returns whether shares are spread by their number of nines.
    pub fn is_nines(&self) -> bool {
        self.spread == Spread::Nines
    }

    /// Returns whether values are spread evenly.
    pub fn is_even(&self) -> bool {
        self.spread == Spread::Linear
    }

    /// Returns the place of a value: 0 at the low end, 1 at the high end. Returns `None` for a value that has
    /// no place on this axis, as zero on a logarithmic one.
    pub fn share(&self, value: f64) -> Option<f64> {
        let spread = self.spread.transform(value);
        spread
            .is_finite()
            .then(|| (spread - self.ends.0) / (self.ends.1 - self.ends.0))
    }

    /// Returns the values at both ends.
    pub fn ends(&self) -> (f64, f64) {
        let back = |end: f64| match self.spread {
            Spread::Linear => end,
            Spread::Log2 => libm::exp2(end),
            Spread::Log10 => libm::exp10(end),
            Spread::Nines => 1.0 - libm::exp10(-end),
        };
        (back(self.ends.0), back(self.ends.1))
    }
}

/// Returns the least and the greatest of the finite values.
fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values
        .filter(|value| value.is_finite())
        .fold(None, |range, value| {
            let (low, high) = range.unwrap_or((value, value));
            Some((low.min(value), high.max(value)))
        })
}

/// Returns the range with some room at both ends, and at least `span` wide.
fn padded(low: f64, high: f64, span: f64) -> (f64, f64) {
    let lack = (span - (high - low)).max(0.0) / 2.0;
    let (low, high) = (low - lack, high + lack);
    let room = (high - low) * PADDING;
    (low - room, high + room)
}

fn log10_ends(values: impl Iterator<Item = f64>, empty: (f64, f64)) -> (f64, f64) {
    let (low, high) = range(values.filter(|value| *value > 0.0)).unwrap_or(empty);
    padded(libm::log10(low), libm::log10(high), 0.25)
}

/// Ticks of a logarithmic axis: powers of ten if there are at least three, else 1-2-5, else every
/// leading digit, else even steps; a set of more than `max` labels only if nothing else is left.
/// `label` gets the value and its digits after the point.
fn log10_ticks(ends: (f64, f64), max: usize, label: impl Fn(f64, usize) -> String) -> Vec<Tick> {
    const LEADS: [&[u8]; 3] = [&[1], &[1, 2, 5], &[1, 2, 3, 4, 5, 6, 7, 8, 9]];
    let decades = ends.0.floor() as i32..=ends.1.floor() as i32;
    // A value computed from its decimal text is exact where a power of ten times a digit is not.
    let value =
        |lead: u8, decade: i32| -> f64 { format!("{lead}e{decade}").parse().unwrap_or(1.0) };
    let inside = |value: f64| {
        let log = libm::log10(value);
        ends.0 <= log && log <= ends.1
    };
    let all: Vec<(u8, i32, f64)> = decades
        .flat_map(|decade| (1..=9).map(move |lead| (lead, decade)))
        .map(|(lead, decade)| (lead, decade, value(lead, decade)))
        .filter(|(_, _, value)| inside(*value))
        .collect();
    let count = |leads: &[u8]| all.iter().filter(|(lead, ..)| leads.contains(lead)).count();
    let with = |least: usize, most: usize| {
        let fits = move |leads: &&[u8]| (least..=most).contains(&count(leads));
        LEADS.into_iter().find(fits)
    };
    // Powers of ten can be thinned out, so that any number of them will do.
    let tens = (count(LEADS[0]) >= 3).then_some(LEADS[0]);
    // Even steps make up to seven labels.
    let two = if max < 7 { with(2, max) } else { None };
    let Some(leads) = tens.or(with(3, max)).or(two) else {
        let ends = (libm::exp10(ends.0), libm::exp10(ends.1));
        let (step, digits) = even_step(ends);
        return even_values(ends, step)
            .map(|value| Tick {
                value,
                label: label(value, digits),
            })
            .collect();
    };
    let step = count(leads).div_ceil(max) as i32;
    let labelled = |lead: u8, decade: i32| {
        leads.contains(&lead) && (leads.len() > 1 || decade.rem_euclid(step) == 0)
    };
    all.into_iter()
        .map(|(lead, decade, value)| Tick {
            value,
            label: if labelled(lead, decade) {
                label(value, (-decade).max(0) as usize)
            } else {
                String::new()
            },
        })
        .collect()
}

/// A step of 1, 2 or 5 times a power of ten that cuts the range into three to seven, and its
/// digits after the point.
fn even_step(ends: (f64, f64)) -> (f64, usize) {
    let width = ends.1 - ends.0;
    let decade = libm::floor(libm::log10(width / 3.0)) as i32;
    let step = [5_u8, 2, 1]
        .into_iter()
        .map(|lead| format!("{lead}e{decade}").parse().unwrap_or(width))
        .find(|step: &f64| width / step >= 3.0)
        .unwrap_or(width);
    (step, (-decade).max(0) as usize)
}

/// Returns the multiples of `step` in the range.
fn even_values(ends: (f64, f64), step: f64) -> impl Iterator<Item = f64> {
    let (first, last) = (
        (ends.0 / step).ceil() as i64,
        (ends.1 / step).floor() as i64,
    );
    (first..=last).map(move |i| i as f64 * step)
}

/// Formats a share in per cent.
pub fn percent(value: f64, digits: usize) -> String {
    let text = format!("{:.digits$} %", value * 100.0);
    // The axis may pass zero by a rounding error.
    text.strip_prefix("-0 ")
        .map_or(text.clone(), |rest| format!("0 {rest}"))
}

/// Formats a share in per cent with at most two significant digits.
pub fn percent_short(value: f64) -> String {
    if value <= 0.0 {
        return "0 %".to_owned();
    }
    let decade = libm::floor(libm::log10(value * 100.0)) as i32;
    let text = percent(value, (1 - decade).clamp(0, 12) as usize);
    let number = text.trim_end_matches(" %");
    if number.contains('.') {
        format!("{} %", number.trim_end_matches('0').trim_end_matches('.'))
    } else {
        text
    }
}

/// Formats a power of two with a binary prefix: 512, 1 Ki, 64 Mi.
fn binary(exponent: i32) -> String {
    const PREFIXES: [&str; 6] = ["", " Ki", " Mi", " Gi", " Ti", " Pi"];
    if exponent < 0 {
        return format!("1/{}", libm::exp2(f64::from(-exponent)));
    }
    let prefix = (exponent as usize / 10).min(PREFIXES.len() - 1);
    let rest = exponent - prefix as i32 * 10;
    format!("{}{}", libm::exp2(f64::from(rest)), PREFIXES[prefix])
}

/// Formats a number of bytes with a binary prefix: 4 KiB, 1.5 MiB.
pub fn bytes(count: f64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = count;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", three_digits(value), UNITS[unit])
}

/// Formats a count with a decimal prefix and three digits: 512, 20.1 M.
pub fn decimal(count: f64) -> String {
    const PREFIXES: [&str; 6] = ["", " k", " M", " G", " T", " P"];
    let mut value = count;
    let mut prefix = 0;
    // 999.5 would be written as 1000.
    while value >= 999.5 && prefix + 1 < PREFIXES.len() {
        value /= 1000.0;
        prefix += 1;
    }
    format!("{}{}", three_digits(value), PREFIXES[prefix])
}

/// Formats a number with at most three digits, without zeros at the end of a fraction.
fn three_digits(value: f64) -> String {
    let digits = match value {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        let labels = axis.ticks.iter().map(|tick| tick.label.as_str());
        labels.filter(|label| !label.is_empty()).collect()
    }

    #[test]
    fn pages_are_labelled_at_powers_of_two() {
        let axis = Axis::pages([16.0, 65536.0].into_iter(), 7);
        assert_eq!(
            labels(&axis),
            ["16", "64", "256", "1 Ki", "4 Ki", "16 Ki", "64 Ki"]
        );
    }

    #[test]
    fn rates_are_labelled_in_per_cent() {
        let axis = Axis::rates([1.0, 0.0001, 0.0].into_iter(), LABELS);
        assert_eq!(labels(&axis), ["0.01 %", "0.1 %", "1 %", "10 %", "100 %"]);
        assert_eq!(axis.share(0.0), None);
        assert!(axis.share(f64::NAN).is_none());
        let narrow = Axis::rates([0.34, 0.36].into_iter(), LABELS);
        assert!(labels(&narrow).len() >= 3, "{:?}", labels(&narrow));
    }

    #[test]
    fn shares_near_one_are_spread_by_nines() {
        let axis = Axis::shares([0.5, 0.9999].into_iter());
        assert!(axis.is_nines());
        assert_eq!(labels(&axis), ["90 %", "99 %", "99.9 %", "99.99 %"]);
        let even = Axis::shares([0.2, 0.45].into_iter());
        assert!(!even.is_nines());
        assert_eq!(labels(&even)[0], "20 %");
    }

    #[test]
    fn amounts_begin_at_zero_and_are_whole() {
        let of = |high, most| labels(&Axis::amounts(high, 0.05, most)).join(" ");
        assert_eq!(of(0.0, 8), "0 1");
        assert_eq!(of(3.0, 8), "0 1 2 3");
        assert_eq!(of(1250.0, 8), "0 200 400 600 800 1 k 1.2 k");
        assert_eq!(of(1250.0, 4), "0 400 800 1.2 k");
        assert_eq!(of(1460.0, 4), "0 500 1 k 1.5 k");
        assert_eq!(of(7e6, 8), "0 2 M 4 M 6 M");
    }

    #[test]
    fn every_axis_survives_nothing_and_one_value() {
        for values in [
            &[][..],
            &[0.0],
            &[1.0],
            &[0.3],
            &[f64::NAN, f64::INFINITY],
            &[1e-300],
        ] {
            let of = || values.iter().copied();
            for axis in [
                Axis::pages(of(), 8),
                Axis::rates(of(), LABELS),
                Axis::rates(of(), 3),
                Axis::counts(of()),
                Axis::shares(of()),
            ] {
                assert!(axis.ends.0 < axis.ends.1, "{values:?} {axis:?}");
                assert!(!axis.ticks.is_empty(), "{values:?} {axis:?}");
                assert!(axis.ticks.len() < 5000);
            }
        }
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(decimal(20_100_000.0), "20.1 M");
        assert_eq!(decimal(999.0), "999");
        assert_eq!(decimal(999_900.0), "1 M");
        assert_eq!(bytes(4096.0), "4 KiB");
        assert_eq!(bytes(1.5 * 1024.0 * 1024.0), "1.5 MiB");
        assert_eq!(percent_short(0.000_016_3), "0.0016 %");
        assert_eq!(percent_short(0.34), "34 %");
        assert_eq!(percent_short(0.0004), "0.04 %");
        assert_eq!(binary(10), "1 Ki");
    }
}
