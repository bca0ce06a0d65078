//! Markdown: names and tables that every renderer shows as they are.

use crate::units::is_control;
use std::fmt::Write;

/// Escapes `text` so that Markdown shows it as it is, in a cell of a table too. Blanks replace controls.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '~' | '#' | '!' | '$' => {
                out.extend(['\\', c])
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            c if is_control(c) => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Writes a table. The first line of `grid` is its head.
pub fn grid(out: &mut String, grid: &[Vec<String>]) {
    for (index, row) in grid.iter().enumerate() {
        let fields: Vec<String> = row.iter().map(|field| escaped(field)).collect();
        let fields = fields.join(" | ");
        let _ = match index {
            0 => write!(out, "\n| {fields} |\n|{}\n", "---|".repeat(row.len())),
            _ => writeln!(out, "| {fields} |"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_names() {
        assert_eq!(
            escaped("a|b\n<c> `d`_e\\"),
            "a\\|b &lt;c&gt; \\`d\\`\\_e\\\\"
        );
        assert_eq!(escaped("\x1b\u{202e}é"), "  é");
    }

    #[test]
    fn nothing_ends_a_field_early() {
        let mut out = String::new();
        grid(
            &mut out,
            &[
                vec!["a".into(), "b".into()],
                vec!["1|2".into(), "x\ny".into()],
            ],
        );
        assert_eq!(out, "\n| a | b |\n|---|---|\n| 1\\|2 | x y |\n");
    }
}
