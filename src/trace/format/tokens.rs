//! Numbers and words in byte strings, parsed without allocation and without UTF-8, for all text
//! formats.

/// Why some bytes are not a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumberFault {
    /// There is nothing.
    Missing,
    /// A byte is not a digit of the base.
    Digit,
    /// Larger than 64 bits hold.
    Large,
}

/// A hexadecimal number of either case, without `0x`; leading zeros do not count.
pub(crate) fn hex(digits: &[u8]) -> Result<u64, NumberFault> {
    let digits = significant(digits, 16, u8::is_ascii_hexdigit)?;
    let mut value = 0;
    let mut rest = digits;
    while let Some((eight, tail)) = rest.split_first_chunk::<8>() {
        let low = hex8(u64::from_le_bytes(*eight)).ok_or(NumberFault::Digit)?;
        value = value << 32 | u64::from(low);
        rest = tail;
    }
    let mut wrong = 0;
    for &byte in rest {
        let digit = HEX_DIGITS[usize::from(byte)];
        wrong |= digit & NO_DIGIT;
        value = value << 4 | u64::from(digit & 15);
    }
    match wrong {
        0 => Ok(value),
        _ => Err(NumberFault::Digit),
    }
}

/// Marks a byte in [`HEX_DIGITS`] that is no hexadecimal digit.
const NO_DIGIT: u8 = 0x80;

/// The value of each byte as a hexadecimal digit of either case.
static HEX_DIGITS: [u8; 256] = {
    let mut values = [NO_DIGIT; 256];
    let mut byte = 0;
    while byte < 256 {
        if let Some(digit) = (byte as u8 as char).to_digit(16) {
            values[byte] = digit as u8;
        }
        byte += 1;
    }
    values
};

/// A hexadecimal number with or without `0x`.
pub(crate) fn hex_0x(digits: &[u8]) -> Result<u64, NumberFault> {
    hex(strip_0x(digits).unwrap_or(digits))
}

/// The digits after `0x` or `0X`; `None` without it.
pub(crate) fn strip_0x(digits: &[u8]) -> Option<&[u8]> {
    match digits {
        [b'0', b'x' | b'X', rest @ ..] => Some(rest),
        _ => None,
    }
}

/// A decimal number without sign; leading zeros do not count.
pub(crate) fn decimal(digits: &[u8]) -> Result<u64, NumberFault> {
    let digits = significant(digits, 20, u8::is_ascii_digit)?;
    let mut value: u64 = 0;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(NumberFault::Digit);
        }
        value = value
            .checked_mul(10)
            .and_then(|v| v.checked_add(u64::from(digit)))
            .ok_or(NumberFault::Large)?;
    }
    Ok(value)
}

/// Like [`decimal`], of 32 bits; `None` for anything else.
pub(crate) fn decimal_u32(digits: &[u8]) -> Option<u32> {
    u32::try_from(decimal(digits).ok()?).ok()
}

/// Drops leading zeros if there are more than `max` digits, the longest that 64 bits can hold.
fn significant(digits: &[u8], max: usize, is_digit: fn(&u8) -> bool) -> Result<&[u8], NumberFault> {
    if digits.is_empty() {
        return Err(NumberFault::Missing);
    }
    if digits.len() <= max {
        return Ok(digits);
    }
    let zeros = digits.iter().take_while(|&&b| b == b'0').count();
    if digits.len() - zeros <= max {
        return Ok(&digits[zeros..]);
    }
    if digits.iter().all(is_digit) {
        Err(NumberFault::Large)
    } else {
        Err(NumberFault::Digit)
    }
}

/// Eight hexadecimal digits of either case at once, the first one in the lowest byte.
#[inline(always)]
pub(crate) fn hex8(ascii: u64) -> Option<u32> {
    let (value, wrong) = hex8_unchecked(ascii);
    (wrong == 0).then_some(value)
}

/// Like [`hex8`], but returns the number together with a word that is 0 if all are digits, so that
/// several checks can be one branch.
#[inline(always)]
pub(crate) fn hex8_unchecked(ascii: u64) -> (u32, u64) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let letter = (ascii >> 6) & ONES;
    // Each byte is now the value of its digit, if it is a digit.
    let value = ((ascii & (0x0f * ONES)) + letter * 9) & (0x0f * ONES);
    // Written out again it must be what it was, in lower case, or something was no digit.
    let above_nine = ((value + 6 * ONES) >> 4) & ONES;
    let again = value + 0x30 * ONES + above_nine * 39;
    let wrong = again ^ (ascii | (letter << 5));
    let pairs = ((value << 4) | (value >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = ((pairs << 8) | (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    (((fours << 16) | (fours >> 32)) as u32, wrong)
}

/// Returns true if a byte separates words.
#[inline]
pub(crate) fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// `bytes` without blanks at both ends.
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().take_while(|&&b| is_blank(b)).count();
    let bytes = &bytes[start..];
    let blank_end = bytes.iter().rev().take_while(|&&b| is_blank(b)).count();
    &bytes[..bytes.len() - blank_end]
}

/// Splits off the next word; it is empty at the end.
#[inline]
pub(crate) fn word(bytes: &[u8]) -> (&[u8], &[u8]) {
    let start = bytes.iter().take_while(|&&b| is_blank(b)).count();
    let bytes = &bytes[start..];
    let end = bytes.iter().take_while(|&&b| !is_blank(b)).count();
    bytes.split_at(end)
}

/// The words of a line.
pub(crate) fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    line.split(|&b| is_blank(b)).filter(|word| !word.is_empty())
}

/// A count with thousands separators, for messages.
pub(crate) fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_of_any_length_up_to_64_bits() {
        assert_eq!(hex(b"0"), Ok(0));
        assert_eq!(hex(b"7fFd8c7C"), Ok(0x7ffd_8c7c));
        assert_eq!(hex(b"1ffefffd48"), Ok(0x1f_feff_fd48));
        assert_eq!(hex(b"ffffffffffffffff"), Ok(u64::MAX));
        assert_eq!(hex(b"0000ffffffffffffffff"), Ok(u64::MAX));
        assert_eq!(hex(b"10000000000000000"), Err(NumberFault::Large));
        assert_eq!(hex(b"1000000000000000g"), Err(NumberFault::Digit));
        assert_eq!(hex(b""), Err(NumberFault::Missing));
        assert_eq!(hex(b"0x10"), Err(NumberFault::Digit));
        assert_eq!(hex_0x(b"0X10"), Ok(16));
        assert_eq!(hex_0x(b"0x"), Err(NumberFault::Missing));
    }

    #[test]
    fn short_hexadecimals_reject_every_other_byte() {
        for length in 1..8 {
            for place in 0..length {
                for byte in 0..=255u8 {
                    let mut text = b"0123cDe"[..length].to_vec();
                    text[place] = byte;
                    let text_of = std::str::from_utf8(&text);
                    let expected = text_of
                        .ok()
                        .filter(|_| byte.is_ascii_hexdigit())
                        .and_then(|text| u64::from_str_radix(text, 16).ok());
                    assert_eq!(hex(&text).ok(), expected, "byte {byte} of {length}");
                }
            }
        }
    }

    #[test]
    fn eight_digits_at_once_reject_every_other_byte() {
        for place in 0..8 {
            for byte in 0..=255u8 {
                let mut text = *b"0123cDeF";
                text[place] = byte;
                let expected = std::str::from_utf8(&text)
                    .ok()
                    .filter(|_| byte.is_ascii_hexdigit())
                    .and_then(|t| u32::from_str_radix(t, 16).ok());
                assert_eq!(hex8(u64::from_le_bytes(text)), expected, "byte {byte}");
            }
        }
    }

    #[test]
    fn decimals_up_to_64_bits() {
        assert_eq!(decimal(b"18446744073709551615"), Ok(u64::MAX));
        assert_eq!(decimal(b"18446744073709551616"), Err(NumberFault::Large));
        assert_eq!(decimal(b"99999999999999999999999"), Err(NumberFault::Large));
        assert_eq!(decimal(b"0000000000000000000000042"), Ok(42));
        assert_eq!(decimal(b"4f"), Err(NumberFault::Digit));
        assert_eq!(decimal(b"-1"), Err(NumberFault::Digit));
        assert_eq!(decimal_u32(b"4294967295"), Some(u32::MAX));
        assert_eq!(decimal_u32(b"4294967296"), None);
        assert_eq!(decimal_u32(b""), None);
    }

    #[test]
    fn words_and_groups() {
        assert_eq!(word(b" \tab  c"), (&b"ab"[..], &b"  c"[..]));
        assert_eq!(word(b"  "), (&b""[..], &b""[..]));
        assert_eq!(words(b" \tab  c ").collect::<Vec<_>>(), [b"ab", &b"c"[..]]);
        assert_eq!(words(b" ").next(), None);
        assert_eq!(trim(b" \ta b "), b"a b");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(24_576), "24,576");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
