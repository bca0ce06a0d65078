//! Numbers at the beginning of some bytes, eight digits at a time, and the loop of the fast paths of
//! text formats. Knows no format.

use super::lines::AccessBuffer;
use super::tokens::hex8_unchecked;
use crate::trace::model::access::Access;

/// Number of bytes that a fast path may look at from the beginning of a line. Lines closer to the
/// end of a buffer are left to [`super::lines::LineParser::parse`].
pub(super) const WINDOW: usize = 64;

/// Appends the accesses of lines at the beginning of `bytes`, up to `max`, as long as `parse`
/// understands them. `parse` is given the bytes from the beginning of a line on and returns the
/// line's access and the line's length with its LF. Returns how many bytes and lines were taken.
#[inline(always)]
pub(super) fn each_line<B: AccessBuffer>(
    bytes: &[u8],
    max: usize,
    out: &mut B,
    parse: impl Fn(&[u8; WINDOW]) -> Option<(Access, usize)>,
) -> (usize, u64) {
    let (mut used, mut lines) = (0, 0);
    while lines < max
        && let Some(head) = bytes[used..].first_chunk::<WINDOW>()
        && let Some((access, length)) = parse(head)
        && out.take_one(access)
    {
        used += length;
        lines += 1;
    }
    (used, lines as u64)
}

const ONES: u64 = 0x0101_0101_0101_0101;

/// Returns the eight bytes at `at`, the first one in the lowest byte; zeros if `head` ends before.
#[inline(always)]
fn eight(head: &[u8; WINDOW], at: usize) -> u64 {
    match head.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(bytes) => u64::from_le_bytes(*bytes),
        None => 0,
    }
}

/// Moves the first `count` bytes of a word, at most 8, to its end; zeros come before them.
#[inline(always)]
fn to_the_end(word: u64, count: u32) -> u64 {
    if count == 8 {
        return word;
    }
    // In two steps, because the shift may be by all 64 bits.
    word << 8 << (56 - 8 * count)
}

/// Reads the hexadecimal number at `at`, of either case and without `0x`: 1 to 16 digits. Returns it
/// and the offset of the byte after it, or `None` for anything else.
#[inline(always)]
pub(super) fn hex_run(head: &[u8; WINDOW], at: usize) -> Option<(u64, usize)> {
    let (first, digits) = hex_part(eight(head, at));
    if digits < 8 {
        return (digits > 0).then_some((first, at + digits as usize));
    }
    let (second, digits) = hex_part(eight(head, at + 8));
    if digits == 8 && (eight(head, at + 16) as u8).is_ascii_hexdigit() {
        return None;
    }
    let value = if digits == 8 {
        first << 32 | second
    } else {
        first << (4 * digits) | second
    };
    Some((value, at + 8 + digits as usize))
}

/// Returns the value of the hexadecimal digits that a word begins with, and how many they are.
#[inline(always)]
fn hex_part(word: u64) -> (u64, u32) {
    const ZEROS: u64 = 0x30 * ONES;
    let (value, wrong) = hex8_unchecked(word);
    if wrong == 0 {
        return (u64::from(value), 8);
    }
    let digits = wrong.trailing_zeros() / 8;
    // Zeros before the digits, which move to the end.
    let padded = to_the_end(word, digits) | (ZEROS >> (8 * digits));
    (u64::from(hex8_unchecked(padded).0), digits)
}

/// Reads the decimal number at `at`: 1 to 16 digits. Returns it and the offset of the byte after it,
/// or `None` for anything else.
#[inline(always)]
pub(super) fn decimal_run(head: &[u8; WINDOW], at: usize) -> Option<(u64, usize)> {
    let (first, digits) = decimal_part(eight(head, at));
    if digits < 8 {
        return (digits > 0).then_some((first, at + digits as usize));
    }
    let (second, digits) = decimal_part(eight(head, at + 8));
    if digits == 8 && (eight(head, at + 16) as u8).is_ascii_digit() {
        return None;
    }
    let value = first * TENS[digits as usize] + second;
    Some((value, at + 8 + digits as usize))
}

/// Powers of ten up to the value of a ninth digit.
const TENS: [u64; 9] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
];

/// Returns the value of the decimal digits that a word begins with, and how many they are.
#[inline(always)]
fn decimal_part(word: u64) -> (u64, u32) {
    let values = word ^ (0x30 * ONES);
    // The top bit of every byte that is over 9; the sums do not carry from byte to byte.
    let wrong = (((values & (0x7f * ONES)) + 0x76 * ONES) | values) & (0x80 * ONES);
    let digits = wrong.trailing_zeros() / 8;
    let values = to_the_end(values, digits);
    let pairs = (values * 10 + (values >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100 + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    let all = (fours * 10_000 + (fours >> 32)) & 0xffff_ffff;
    (all, digits)
}

#[cfg(test)]
mod tests {
    use super::super::testing::Random;
    use super::*;

    fn head(text: &str) -> [u8; WINDOW] {
        let mut head = [b'\n'; WINDOW];
        head[..text.len()].copy_from_slice(text.as_bytes());
        head
    }

    /// The digits at `at` that `is` accepts, and the byte after them.
    fn digits(head: &[u8; WINDOW], at: usize, is: fn(u8) -> bool) -> String {
        let digits = head[at..].iter().take_while(|&&b| is(b));
        digits.map(|&b| char::from(b)).collect()
    }

    #[test]
    fn runs_are_what_the_standard_library_reads() {
        let mut random = Random(5);
        let glyphs = b"0123456789abcdefABCDEF g/:@G`\n,x\xff\0";
        for _ in 0..300_000 {
            let mut head = [0; WINDOW];
            let odd = [10, 16, 22, glyphs.len()][random.below(4)];
            head.fill_with(|| glyphs[random.below(odd)]);
            let at = random.below(20);
            head[at + random.below(20)] = glyphs[random.below(glyphs.len())];
            for (radix, is, got) in [
                (
                    16,
                    (|b: u8| b.is_ascii_hexdigit()) as fn(u8) -> bool,
                    hex_run(&head, at),
                ),
                (10, |b: u8| b.is_ascii_digit(), decimal_run(&head, at)),
            ] {
                let digits = digits(&head, at, is);
                let expected = (1..=16).contains(&digits.len()).then(|| {
                    (
                        u64::from_str_radix(&digits, radix).unwrap(),
                        at + digits.len(),
                    )
                });
                assert_eq!(got, expected, "{} at {at}", head.escape_ascii());
            }
        }
    }

    #[test]
    fn every_length_up_to_sixteen_digits() {
        for length in 0..=18 {
            let text = &"fedcba98765432100123"[..length];
            let expected = u64::from_str_radix(text, 16).ok().filter(|_| length <= 16);
            assert_eq!(hex_run(&head(text), 0).map(|(v, _)| v), expected);
            let text = &"98765432109876543210"[..length];
            let expected = text.parse().ok().filter(|_| length <= 16);
            assert_eq!(decimal_run(&head(text), 0).map(|(v, _)| v), expected);
        }
    }
}
