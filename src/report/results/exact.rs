//! THE table of the counts behind rates, so that two rates can be compared without rounding.

use super::columns::{Column, Row, col};
use crate::units::Fraction;

/// The counts whose quotient a column is.
type Quotient = fn(&Row) -> Option<(u64, u64)>;

/// Each column that is a quotient, the counts that it needs, and the quotient.
const QUOTIENTS: [(&Column, &[&Column], Quotient); 8] = [
    (col::frames_frac, &[], |row| {
        Some((row.frames?, row.distinct_pages))
    }),
    (col::fault_rate, &[col::faults], |row| {
        Some((row.faults, row.refs))
    }),
    (col::hit_rate, &[col::hits], |row| {
        Some((row.hits, row.refs))
    }),
    (col::refs_per_fault, &[col::faults], |row| {
        Some((row.refs, row.faults))
    }),
    (col::mean_resident, &[col::mean_resident], |row| {
        // The sum is whole; nine decimals determine it unless there are too many references.
        let sum = row.mean_resident? * row.refs as f64;
        let known = row.refs < 500_000_000 && sum < (1_u64 << 51) as f64;
        known.then_some((sum.round() as u64, row.refs))
    }),
    (col::ratio_to_opt, &[col::faults, col::opt_faults], |row| {
        Some((row.faults, row.opt_faults?))
    }),
    (
        col::tlb_hit_rate,
        &[col::tlb_hits_l1i, col::tlb_hits_l1d, col::tlb_hits_l2],
        |row| {
            let hits = row.tlb_hits_l1i? + row.tlb_hits_l1d? + row.tlb_hits_l2?;
            Some((hits, row.refs))
        },
    ),
    (col::eat_ns, &[col::time_ns], |row| {
        Some((row.time_ns?, row.refs))
    }),
];

/// Returns the values of a column in two rows, exactly: from the counts behind them if both rows have
/// these, else from the decimals in the table. `None` if a row has no value.
pub fn both(column: &Column, rows: [&Row; 2]) -> Option<[Fraction; 2]> {
    let pair = |of: &dyn Fn(&Row) -> Option<Fraction>| Some([of(rows[0])?, of(rows[1])?]);
    pair(&|row| quotient(column, row)).or_else(|| pair(&|row| decimal(&(column.show)(row))))
}

/// Returns the value of a column from the counts behind it.
fn quotient(column: &Column, row: &Row) -> Option<Fraction> {
    let (_, needs, quotient) = QUOTIENTS
        .iter()
        .find(|(known, ..)| known.index == column.index)?;
    let (part, whole) = quotient(row).filter(|_| needs.iter().all(|column| row.has(column)))?;
    (whole > 0).then_some(Fraction { part, whole })
}

/// Reads a number as tables have it: `7`, `0.250000000`. Decimals are left out if they do not fit.
fn decimal(text: &str) -> Option<Fraction> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let all = || {
        Some(Fraction {
            part: format!("{whole}{decimals}").parse().ok()?,
            whole: 10_u64.checked_pow(u32::try_from(decimals.len()).ok()?)?,
        })
    };
    all().or_else(|| Some(Fraction::of(whole.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::results::column_set::Counts;

    #[test]
    fn counts_go_before_decimals() {
        let row = |faults: u64, rate: f64| Row {
            refs: 30_000,
            faults,
            fault_rate: Some(rate),
            ..Row::default()
        };
        let rate = col::fault_rate;
        let of = |rows: [&Row; 2]| both(rate, rows).unwrap().map(|f| (f.part, f.whole));
        let (a, b) = (row(1, 0.000033333), row(2, 0.000066667));
        assert_eq!(of([&a, &b]), [(1, 30_000), (2, 30_000)]);
        // A row without the count leaves the decimals to both.
        let only = Row {
            counts: Counts::parse(&["fault_rate"]).unwrap(),
            ..b.clone()
        };
        assert_eq!(
            of([&a, &only]),
            [(33_333, 1_000_000_000), (66_667, 1_000_000_000)]
        );
        assert_eq!(both(rate, [&a, &Row::default()]), None);
        let mean = |mean| Row {
            refs: 3,
            mean_resident: Some(mean),
            ..Row::default()
        };
        let rows = [mean(333.333333333), mean(336.666666667)];
        let [before, now] = both(col::mean_resident, [&rows[0], &rows[1]]).unwrap();
        assert_eq!((before.part, now.part, now.whole), (1000, 1010, 3));
    }

    #[test]
    fn decimals_are_fractions() {
        let of = |text| decimal(text).map(|f| (f.part, f.whole));
        assert_eq!(of("7"), Some((7, 1)));
        assert_eq!(of("288.168900000"), Some((288_168_900_000, 1_000_000_000)));
        assert_eq!(of("99999999999.123456789"), Some((99_999_999_999, 1)));
        assert_eq!(of(""), None);
    }
}
