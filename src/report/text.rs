//! Texts for the terminal that several tables share: percentages and aligned columns.

use crate::units::Printable;
use std::fmt::Write;

/// Formats `share` in percent: three significant digits and at most seven decimals below 99.95 %, four
/// decimals above; none for exactly 0 % and 100 %.
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    let digits = match value {
        0.0 | 100.0 => 0,
        v if v >= 99.95 => 4,
        v => (2 - exponent(v)).clamp(0, 7) as usize,
    };
    format!("{value:.digits$} %")
}

/// Returns the power of ten of the first digit of a value rounded to three significant digits: 1 for 9.996,
/// which is shown as 10.0.
fn exponent(value: f64) -> i32 {
    let rounded = format!("{value:.2e}");
    let exponent = rounded
        .split_once('e')
        .map(|(_, exponent)| exponent.parse());
    exponent.and_then(Result::ok).unwrap_or(0)
}

/// Writes right-aligned columns, two blanks apart.
pub fn aligned(out: &mut String, lines: &[Vec<String>]) {
    columns(out, "    ", "", lines);
}

/// Writes columns two blanks apart, each field on its line. Column `i` is left-aligned if byte `i` of `sides` is `<`, else
/// right-aligned.
pub fn columns(out: &mut String, indent: &str, sides: &str, lines: &[Vec<String>]) {
    let shown = |line: &Vec<String>| -> Vec<String> {
        line.iter()
            .map(|field| field.printed().to_string())
            .collect()
    };
    let lines: Vec<Vec<String>> = lines.iter().map(shown).collect();
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        lines
            .iter()
            .filter_map(|line| line.get(column))
            .map(|field| field.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for line in &lines {
        let fields: Vec<String> = line
            .iter()
            .zip(&widths)
            .enumerate()
            .map(
                |(column, (field, &width))| match sides.as_bytes().get(column) {
                    Some(b'<') => format!("{field:<width$}"),
                    _ => format!("{field:>width$}"),
                },
            )
            .collect();
        let _ = writeln!(out, "{indent}{}", fields.join("  ").trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percents_keep_three_digits() {
        let shares = [1.0, 0.5, 0.0341, 0.000_017_1, 0.0].map(percent);
        assert_eq!(shares, ["100 %", "50.0 %", "3.41 %", "0.00171 %", "0 %"]);
        assert_eq!([0.09996, 0.09994].map(percent), ["10.0 %", "9.99 %"]);
        assert_eq!([0.9995, 1.25].map(percent), ["99.9500 %", "125.0000 %"]);
    }
}
