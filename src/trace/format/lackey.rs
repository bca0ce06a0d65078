//! valgrind's lackey: every instruction fetch, load, store and modify of a program, with size.

use super::Format;
use super::complaint::{BYTES_MAX, Complaint, address, checked_size};
use super::lines::{self, AccessBuffer, LineParser};
use super::options::{Base, Numbers, ReadOptions};
use super::quick::Taken;
use super::report::ReadReport;
use super::tokens::{decimal, hex8_unchecked, is_blank, trim};
use super::write::{LineWriter, Written, by_kind, text};
use crate::simd::SimdLevel;
use crate::simd::hex_lines as simd;
use crate::simd::hex_lines::LINES;
use crate::trace::model::access::{Access, Kind, TraceKind};
use memchr::memchr;

pub(super) const FORMAT: Format = Format {
    name: "lackey",
    about: "valgrind --tool=lackey --trace-mem=yes: every access of a program",
    layout: "\
one access per line: kind, address (hexadecimal, usually without 0x), a comma, size in bytes
(decimal, 1 to 1048576). I is an instruction fetch, L a load, S a store, M a read and a write
of one address, counted as one write. Lines that begin with ==PID== or --PID-- are valgrind's
own text and are skipped wherever they stand; without this mark, the lines of lackey's summary are
dropped and counted.
    ==14761== Lackey, an example Valgrind tool
    I  0401ab70,3
     S 1fff000748,8
     L 1fff000740,8
     M 0421c098,4
",
    kind: TraceKind::Full,
    numbers: Numbers {
        sizes_in_bytes: true,
        ..Numbers::HEX_BYTES
    },
    sniff: lines::sniff::<Lackey>,
    open: lines::open::<Lackey>,
    written: Some(Written {
        endings: &["lackey"],
        most: |_| BYTES_MAX as u32,
        ..text(|| {
            Box::new(LineWriter(|out, a| {
                let kind = by_kind(a, "I ", " L", " S");
                writeln!(out, "{kind} {:08x},{}", a.addr, a.size)
            }))
        })
    }),
};

struct Lackey {
    base: Base,
    /// Lines of the summary.
    summary: u64,
}

/// A parser of lackey's own output.
const HEX: Lackey = Lackey {
    base: Base::Hex,
    summary: 0,
};

/// How the lines of lackey's summary begin.
const SUMMARY: [&[u8]; 12] = [
    b"Counted ",
    b"Jccs:",
    b"total:",
    b"taken:",
    b"Executed:",
    b"SBs entered:",
    b"SBs completed:",
    b"guest instrs",
    b"IRStmts",
    b"Ratios:",
    b"SB completed",
    b"Exit code:",
];

/// Returns the access on one line, or `None` if it holds none. For a reader that finds the lines
/// itself.
pub(crate) fn access(line: &[u8]) -> Option<Access> {
    { HEX }.parse(line).ok()?
}

/// Appends the accesses of the whole lines at the beginning of `bytes`, up to the first line that
/// is not written exactly as lackey does. Returns how many bytes they were. Process ids are 0.
pub(crate) fn accesses(bytes: &[u8], out: &mut Vec<Access>) -> usize {
    parse_many(bytes, usize::MAX, out).0
}

impl LineParser for Lackey {
    const NAME: &'static str = FORMAT.name;
    const MANY: bool = true;

    fn new(options: &ReadOptions) -> Lackey {
        Lackey {
            base: options.base.unwrap_or(Base::Hex),
            summary: 0,
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
        let blanks = line.iter().take_while(|&&b| is_blank(b)).count();
        if blanks == 0 && log_text(line).is_some() {
            return Ok(None);
        }
        let kind = match (blanks, line.get(blanks), line.get(blanks + 1)) {
            (0..=2, Some(b'I'), Some(b' ' | b'\t')) => Kind::Ifetch,
            (0..=2, Some(b'L'), Some(b' ' | b'\t')) => Kind::Read,
            (0..=2, Some(b'S' | b'M'), Some(b' ' | b'\t')) => Kind::Write,
            _ => return self.other_line(line).map(|()| None),
        };
        let rest = trim(&line[blanks + 1..]);
        let Some(comma) = memchr(b',', rest) else {
            return Err("no comma and size after the address".into());
        };
        let addr = address(self.base, trim(&rest[..comma]))?;
        let size = decimal(trim(&rest[comma + 1..]));
        let size = checked_size(size, addr, BYTES_MAX)?;
        Ok(Some(Access {
            size,
            ..Access::single(kind, addr)
        }))
    }

    fn parse_many<B: AccessBuffer>(&mut self, bytes: &[u8], max: usize, out: &mut B) -> Taken {
        let (bytes, lines) = match self.base {
            Base::Hex => parse_many(bytes, max, out),
            Base::Dec => (0, 0),
        };
        Taken {
            bytes,
            lines: lines as u64,
            ..Taken::default()
        }
    }

    fn report(&self) -> ReadReport {
        ReadReport {
            dropped: vec![("line of the summary", self.summary)],
            ..ReadReport::default()
        }
    }
}

impl Lackey {
    /// Counts a line that is no access. Errors if it is not of lackey's summary.
    #[cold]
    fn other_line(&mut self, line: &[u8]) -> Result<(), Complaint> {
        let text = trim(line);
        if !SUMMARY.iter().any(|head| text.starts_with(head)) {
            return Err("the line does not begin with I, L, S or M".into());
        }
        self.summary += 1;
        Ok(())
    }
}

/// Parses lines exactly as lackey writes them, with an address of 8 to 15 digits and a size of one or
/// two: many at a time if the processor can, else one by one. Returns how many bytes and lines it
/// took.
fn parse_many<B: AccessBuffer>(bytes: &[u8], max: usize, out: &mut B) -> (usize, usize) {
    let (mut used, mut lines) = (0, 0);
    loop {
        let max_here = (max - lines).min(ONE_BY_ONE);
        let (length, count) = parse_each(&bytes[used..], max_here, out);
        used += length;
        lines += count;
        if count < ONE_BY_ONE {
            return (used, lines);
        }
        let (next, count) = match SimdLevel::best() {
            SimdLevel::Avx512Vbmi => parse_eights(bytes, used, max - lines, out),
            SimdLevel::Avx512 | SimdLevel::Avx2 => parse_found(bytes, used, max - lines, out),
            SimdLevel::Portable => (used, 0),
        };
        used = next;
        lines += count;
    }
}

/// Parses lines many at a time from offset `used` on, for AVX-512, up to the first unusual one. Returns
/// the offset of the next line and how many lines were taken.
fn parse_eights<B: AccessBuffer>(
    bytes: &[u8],
    mut used: usize,
    max: usize,
    out: &mut B,
) -> (usize, usize) {
    let mut words = [0; LINES];
    let mut lines = 0;
    loop {
        let (count, next) = simd::read(bytes, used, max - lines, &PREFIXES, &mut words);
        out.take(&words[..count]);
        used = next;
        lines += count;
        if count == 0 {
            return (used, lines);
        }
    }
}

/// Like [`parse_eights`], for AVX2: finds many line ends first, so that the start of a line does not
/// depend on parsing the line before it.
fn parse_found<B: AccessBuffer>(
    bytes: &[u8],
    mut used: usize,
    max: usize,
    out: &mut B,
) -> (usize, usize) {
    let mut ends = simd::NO_ENDS;
    let mut lines = 0;
    loop {
        let found = simd::line_ends(bytes, used, max - lines, &mut ends);
        for pair in ends[..=found].windows(2).take(max - lines) {
            let start = pair[0] as usize + 1;
            let head = bytes.get(start..).and_then(|rest| rest.first_chunk());
            let Some((access, length)) = head.and_then(parse_head) else {
                return (used, lines);
            };
            if !out.take_one(access) {
                return (used, lines);
            }
            used = start + length;
            lines += 1;
        }
        if found == 0 || lines >= max {
            return (used, lines);
        }
    }
}

/// Number of lines to parse one by one before the vector path is tried again.
const ONE_BY_ONE: usize = 8;

/// Parses the lines one by one, eight bytes at a time. No branch depends on the kind or the length of
/// the address: these change from line to line and would be mispredicted. Returns how many bytes and
/// lines were taken.
fn parse_each<B: AccessBuffer>(bytes: &[u8], max: usize, out: &mut B) -> (usize, usize) {
    let (mut used, mut lines) = (0, 0);
    while lines < max
        && let Some(head) = bytes[used..].first_chunk::<24>()
        && let Some((access, length)) = parse_head(head)
        && out.take_one(access)
    {
        used += length;
        lines += 1;
    }
    (used, lines)
}

/// The first characters of a line, with the code of their kind.
const PREFIXES: simd::Prefixes = simd::prefixes([
    (*b"I  ", Kind::Ifetch as u8),
    (*b" L ", Kind::Read as u8),
    (*b" S ", Kind::Write as u8),
    (*b" M ", Kind::Write as u8),
]);

/// Parses one line at the beginning of 24 bytes. Returns its access and its length with the LF, or
/// `None` if it is unusual.
#[inline(always)]
fn parse_head(head: &[u8; 24]) -> Option<(Access, usize)> {
    const COMMAS: u64 = u64::from_le_bytes([b','; 8]);
    const ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);

    // The letter and a blank, in either order, differ from kind to kind in these three bits.
    let column = PREFIXES[usize::from(head[0].wrapping_add(head[1]) & 7)];
    let wrong_kind = u32::from_le_bytes([head[0], head[1], head[2], 0]) ^ (column & 0xff_ffff);
    let kind = match column >> 24 {
        0 => Kind::Ifetch,
        1 => Kind::Read,
        _ => Kind::Write,
    };

    let (high, wrong_high) = hex8_unchecked(u64::from_le_bytes(*head[3..].first_chunk()?));
    let next = u64::from_le_bytes(*head[11..].first_chunk()?);
    // The first byte of `next` that is a comma gets its top bit set here, and none before it.
    let same = next ^ COMMAS;
    let found = same.wrapping_sub(0x0101_0101_0101_0101) & !same & 0x8080_8080_8080_8080;
    if found == 0 {
        return None;
    }
    let more = found.trailing_zeros() / 8;
    // The digits before the comma, moved to the end and with zeros before them. The shift is in
    // two steps because it may be by all 64 bits.
    let digits = ((next << (56 - 8 * more)) << 8) | (ZEROS >> (8 * more));
    let (low, wrong_low) = hex8_unchecked(digits);
    if u64::from(wrong_kind) | wrong_high | wrong_low != 0 {
        return None;
    }
    let addr = (u64::from(high) << (4 * more)) | u64::from(low);

    let more = more as usize;
    let first = head[12 + more].wrapping_sub(b'0');
    let second = head[13 + more];
    let (size, length) = if second == b'\n' {
        (first, 14 + more)
    } else {
        let second = second.wrapping_sub(b'0');
        if second > 9 || head[14 + more] != b'\n' {
            return None;
        }
        (first.wrapping_mul(10).wrapping_add(second), 15 + more)
    };
    if first > 9 || size == 0 {
        return None;
    }
    let access = Access {
        size: u32::from(size),
        ..Access::single(kind, addr)
    };
    Some((access, length))
}

/// Returns the rest of a line that begins with `==PID==` or `--PID--`: valgrind's own text.
pub(crate) fn log_text(line: &[u8]) -> Option<&[u8]> {
    let (mark, rest) = line.split_first_chunk::<2>()?;
    if !matches!(mark, b"==" | b"--") {
        return None;
    }
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let text = rest[digits..].strip_prefix(mark)?;
    (digits > 0).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{accesses, error, skipping};
    use super::*;
    use crate::trace::model::access::Packed;

    fn access(kind: Kind, addr: u64, size: u32) -> Access {
        Access {
            pid: 0,
            kind,
            size,
            addr,
        }
    }

    #[test]
    fn the_lines_of_valgrind() {
        let text = "==1== Lackey\n--1-- x\nI  0401ab70,3\n S 1fff000748,8\n==1== in between\n \
                    M 0421c098,16\n L ffffffffffffffff,1\n==1== Exit code:       0\n";
        let expected = [
            access(Kind::Ifetch, 0x401_ab70, 3),
            access(Kind::Write, 0x1f_ff00_0748, 8),
            access(Kind::Write, 0x421_c098, 16),
            access(Kind::Read, u64::MAX, 1),
        ];
        assert_eq!(accesses("lackey", text.as_bytes()), expected);
        let crlf = text.replace('\n', "\r\n");
        assert_eq!(accesses("lackey", crlf.trim_end().as_bytes()), expected);
    }

    #[test]
    fn blanks_may_vary() {
        for line in [
            "L 10,4",
            " L 10,4",
            "  L\t10,4 ",
            "L  10,4",
            "L 0x10,4",
            " L 0x10, 4",
            "L 10 ,\t4",
        ] {
            assert_eq!(
                accesses("lackey", line.as_bytes()),
                [access(Kind::Read, 16, 4)]
            );
        }
    }

    #[test]
    fn the_fast_path_agrees_with_the_parser() {
        let mut random = super::super::testing::Random(7);
        let glyphs = b"0123456789abcdefABCDEFg,, \n\r\0ILSM";
        for _ in 0..200_000 {
            let kinds: [&[u8]; 5] = [b"I  ", b" L ", b" S ", b" M ", b"  L"];
            let mut line = kinds[random.below(5)].to_vec();
            let digits = 6 + random.below(12);
            line.extend((0..digits).map(|_| glyphs[random.below(16)]));
            line.push(b',');
            line.extend((0..1 + random.below(3)).map(|_| glyphs[random.below(10)]));
            line.push(b'\n');
            if random.below(4) == 0 {
                let at = random.below(line.len());
                line[at] = glyphs[random.below(glyphs.len())];
            }
            line.resize(line.len().max(24) + 1, b'0');
            let (mut fast, mut slow) = (Vec::<Access>::new(), Vec::new());
            let (used, lines) = parse_many(&line, 1, &mut fast);
            assert_eq!(lines, fast.len());
            if lines == 1 {
                assert_eq!(line[used - 1], b'\n');
                slow.extend({ HEX }.parse(&line[..used - 1]).unwrap());
                assert_eq!(fast, slow, "{}", line.escape_ascii());
            }
        }
    }

    /// A line as lackey writes it, or nearly.
    fn line(random: &mut super::super::testing::Random, odd: usize) -> Vec<u8> {
        let glyphs = b"0123456789abcdefABCDEF:/@G`g,, \n\r\0ILSM";
        let prefixes: [&[u8]; 4] = [b"I  ", b" L ", b" S ", b" M "];
        let mut line = prefixes[random.below(4)].to_vec();
        let digits = match random.below(odd) {
            0 => random.below(18),
            1 => 8 + random.below(8),
            _ => 8 + random.below(5),
        };
        line.extend((0..digits).map(|_| glyphs[random.below(16)]));
        line.push(b',');
        line.extend((0..1 + random.below(2)).map(|_| glyphs[random.below(10)]));
        line.push(b'\n');
        if random.below(odd) == 0 {
            let at = random.below(line.len());
            match random.below(3) {
                0 => line[at] = glyphs[random.below(glyphs.len())],
                1 => drop(line.remove(at)),
                _ => line.insert(at, glyphs[random.below(glyphs.len())]),
            }
        }
        line
    }

    #[test]
    fn many_at_a_time_are_what_each_is() {
        let mut random = super::super::testing::Random(11);
        for round in 0..3000 {
            let odd = [2, 10, 100, 100_000][round % 4];
            let mut text = Vec::new();
            for _ in 0..random.below(if round % 50 == 0 { 3000 } else { 120 }) {
                text.extend(line(&mut random, odd));
            }
            let cut = random.below(text.len() + 1);
            text.truncate(cut);
            let most = [1, 7, 50, 4096, usize::MAX][random.below(5)];
            let (mut many, mut each) = (Vec::new(), Vec::<Access>::new());
            let (used, lines) = parse_many(&text, most, &mut many);
            let each_used = parse_each(&text, most, &mut each);
            assert_eq!((used, lines), each_used);
            assert_eq!(many, each);
            // Both ways, whatever is the best here.
            for way in [parse_eights::<Vec<Access>>, parse_found] {
                let from = text.iter().take(40).rposition(|&b| b == b'\n').unwrap_or(0) + 1;
                let (mut here, mut each) = (Vec::new(), Vec::<Access>::new());
                let (next, count) = way(&text, from.min(text.len()), most, &mut here);
                let rest = &text[from.min(text.len())..];
                let (length, _) = parse_each(rest, count, &mut each);
                assert_eq!((next, count), (from.min(text.len()) + length, each.len()));
                assert_eq!(here, each);
            }
            // Packed, up to the first that does not fit.
            let (mut packed, mut fitting) = (Vec::new(), Vec::<Packed>::new());
            let (used_packed, lines_packed) = parse_many(&text, most, &mut packed);
            parse_each(&text, most, &mut fitting);
            assert_eq!((packed.len(), &packed), (lines_packed, &fitting));
            let unpacked = packed.iter().map(|&word| Access::unpacked(word));
            assert!(unpacked.eq(many[..packed.len()].iter().copied()));
            let next = &text[used_packed..used];
            let fits = many.get(packed.len()).map(Access::packed);
            assert!(next.is_empty() || fits == Some(None));
            // And line by line, as the format says.
            let mut exact = Vec::new();
            for line in text[..used].split_inclusive(|&b| b == b'\n') {
                exact.extend({ HEX }.parse(&line[..line.len() - 1]).unwrap());
            }
            assert_eq!(many, exact);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, what) in [
            ("X 10,4", "I, L, S or M"),
            ("   L 10,4", "I, L, S or M"),
            (" L 10", "no comma"),
            (" L ,4", "address is missing"),
            (" L 1g,4", "not hexadecimal"),
            (" L 0x,4", "address is missing"),
            (" L 10, ", "size is missing"),
            ("Total: 4", "I, L, S or M"),
            (" L 10000000000000000,4", "over 64 bits"),
            (" L 10,", "size is missing"),
            (" L 0401ab70,0", "size is 0"),
            (" L 10,-4", "not a decimal"),
            (" L 10,1048577", "over 1048576"),
            (" L 10,99999999999999999999999", "over 1048576"),
            (" L ffffffffffffffff,2", "past the end"),
            (" L \0\u{1}0,4", "binary data"),
            ("==x== no pid", "I, L, S or M"),
        ] {
            let text = format!(" S 0401ab70,4\n{line}\n");
            let error = error("lackey", text.as_bytes());
            assert!(error.what.contains(what), "{line}: {error}");
            assert_eq!(
                error.position,
                crate::trace::model::error::Position::Line(2)
            );
        }
        assert_eq!(accesses("lackey", b" L 10,1048576")[0].size, 1 << 20);
    }

    #[test]
    fn bad_lines_can_be_left_out() {
        let mut text = String::new();
        for i in 0..10_000 {
            text.push_str(if i % 100 == 7 {
                "?\n"
            } else {
                " L 0401ab70,4\n"
            });
        }
        let (got, skipped) = skipping("lackey", text.as_bytes());
        assert_eq!((got.len(), skipped), (9_900, 100));
        let at = text.replacen("?\n", " L 0401ab70,4\n", 1);
        let error = error("lackey", at.as_bytes());
        assert_eq!(
            error.position,
            crate::trace::model::error::Position::Line(108)
        );
    }
}
