//! XML: text for content and attributes.

use crate::units::is_control;

/// Escapes `text` for XML content and attributes. Markup characters become entities; tab, CR and LF become
/// character references; other controls, U+FFFE and U+FFFF become U+FFFD.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            '\t' => out.push_str("&#9;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if is_control(c) => out.push('\u{fffd}'),
            // GitHub Actions would take `##[` for a command.
            '[' if out.ends_with("##") => out.push_str("&#91;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_breaks_the_file() {
        assert_eq!(
            escaped("a<b>&\"'\n\t\r"),
            "a&lt;b&gt;&amp;&quot;&apos;&#10;&#9;&#13;"
        );
        assert_eq!(
            escaped("\0\x1b[31mé\u{ffff}\u{202e}\u{2028}"),
            "\u{fffd}\u{fffd}[31mé\u{fffd}\u{fffd}\u{fffd}"
        );
        assert_eq!(escaped("##[error]#["), "##&#91;error]#[");
    }
}
