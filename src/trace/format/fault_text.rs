//! The text of the page-fault tracepoints `exceptions:page_fault_user` and `page_fault_kernel`, as
//! perf, ftrace and bpftrace print it: `address=0x… ip=0x… error_code=0x…`. The bits of the error code
//! are those of x86 (Intel SDM volume 3, 4.7).
//!
//! Does not know what stands before this text on a line.

use super::complaint::Complaint;
use super::options::Base;
use super::quick::{Block, LineEnd};
use super::tokens::hex_0x;
use crate::simd::text::Lanes;
use crate::trace::model::access::Kind;

/// Bits of the error code.
const WRITE: u64 = 1 << 1;
const FETCH: u64 = 1 << 4;

/// The largest error code; bit 15 is the highest one in use.
const CODE_MAX: u64 = 0xffff;

/// First address beyond the user half of an address space of 48 bits.
const USER_END: u64 = 1 << 47;

/// Number of lines after which it is decided whether all addresses end in a stray `f`.
const STRAYS: u32 = 8;

/// Help if a stray letter follows the addresses.
const STRAY_HELP: &str = "remove the letter, for example with: sed -E 's/(address|ip)=(0x[0-9a-f]+)f/\\1=\\2/g'; \
     or print the trace with a newer perf or trace-cmd";

/// Returns what an access with this error code does.
///
/// # Errors
///
/// Errors if `code` is larger than error codes are.
pub(super) fn kind_of(code: u64) -> Result<Kind, Complaint> {
    if code > CODE_MAX {
        return Err(Complaint::from(format!(
            "{code:#x} is no error code of a page fault: these have 16 bits"
        )));
    }
    Ok(kind_of_bits(code))
}

#[inline(always)]
fn kind_of_bits(code: u64) -> Kind {
    match (code & WRITE != 0, code & FETCH != 0) {
        (true, _) => Kind::Write,
        (false, true) => Kind::Ifetch,
        (false, false) => Kind::Read,
    }
}

/// Returns what an access with this error code does, if that is one.
#[inline(always)]
pub(super) fn quick_kind(code: u64) -> Option<Kind> {
    (code <= CODE_MAX).then(|| kind_of_bits(code))
}

/// Reads the text of the tracepoints of one file.
#[derive(Default)]
pub(super) struct FaultText {
    /// Number of faults read so far, up to [`STRAYS`].
    faults: u32,
    /// How many of these have an address and an instruction that end in `f`.
    strays: u32,
}

impl FaultText {
    /// Reads the words after the event's name; an address without `0x` is of this base. Returns the
    /// address and what the access does.
    ///
    /// # Errors
    ///
    /// Errors if the address or the error code is missing or no number, and if the letter of a format
    /// that perf did not know follows every address: `%pf`, printed by older ones as `0x7f12f`.
    pub fn read<'a>(
        &mut self,
        words: impl Iterator<Item = &'a [u8]> + Clone,
        base: Base,
    ) -> Result<(u64, Kind), Complaint> {
        let text = |name: &[u8]| words.clone().find_map(|word| word.strip_prefix(name));
        let address = text(b"address=").unwrap_or_default();
        let addr = base
            .number(address)
            .map_err(|_| "no address=0x… after the event")?;
        let code = text(b"error_code=").and_then(|code| hex_0x(code).ok());
        let kind = kind_of(code.ok_or("no error_code=0x… after the event")?)?;
        let ends = |text: &[u8]| text.ends_with(b"f");
        let stray = ends(address) && text(b"ip=").is_some_and(ends);
        if self.faults < STRAYS {
            self.faults += 1;
            self.strays += u32::from(stray);
        }
        let wide = stray && (USER_END..1 << 63).contains(&addr);
        if wide || self.strays == STRAYS {
            return Err(Complaint {
                what: "an f follows each address without being a digit of it (older perf and \
                       trace-cmd print it)"
                    .into(),
                help: STRAY_HELP,
                fatal: true,
            });
        }
        Ok((addr, kind))
    }

    /// Like [`FaultText::read`], if a block begins with the words `address=`, `ip=` and `error_code=0x`
    /// and the line ends after them, and it is decided that no stray letter follows the addresses. Returns
    /// the end of the line, too.
    #[inline(always)]
    pub fn quick<L: Lanes>(&self, block: Block<'_, L>, base: Base) -> Option<(u64, Kind, LineEnd)> {
        let end = block.end()?;
        let mut words = block.words(end.text);
        let (address, ip, code) = (words.next(), words.next(), words.next());
        let named = block.has(address.from, b"address=")
            && block.has(ip.from, b"ip=")
            && block.has(code.from, b"error_code=0x");
        let ends = |at: u32| block.byte(at) == b'f';
        let stray = ends(address.last()) && ends(ip.last());
        if !named || stray || self.faults < STRAYS || !words.is_empty() {
            return None;
        }
        let addr = block.number(base, address.after(8))?;
        let kind = quick_kind(block.hex(block.hex_digits(), code.after(13))?)?;
        Some((addr, kind, end))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tokens::words;
    use super::*;

    fn read(faults: &mut FaultText, line: &str) -> Result<(u64, Kind), String> {
        let result = faults.read(words(line.as_bytes()), Base::Hex);
        result.map_err(|complaint| complaint.what.into_owned())
    }

    #[test]
    fn the_error_code_says_what_the_access_does() {
        let codes = [
            (0x4, Kind::Read),
            (0x5, Kind::Read),
            (0x6, Kind::Write),
            (0x7, Kind::Write),
            (0x14, Kind::Ifetch),
            (0x15, Kind::Ifetch),
            (0x8004, Kind::Read),
        ];
        for (code, kind) in codes {
            assert_eq!(kind_of(code).unwrap(), kind);
        }
        assert!(kind_of(0x7fb1_de4f).is_err());
    }

    #[test]
    fn a_stray_letter_is_no_digit() {
        let mut faults = FaultText::default();
        let wide = "address=0x7fb1de4ffb70f ip=0x7fb1de4ffb70f error_code=0x14";
        assert!(
            read(&mut faults, wide)
                .unwrap_err()
                .contains("an f follows")
        );
        // Short addresses are recognised once all of them have it.
        let mut faults = FaultText::default();
        for i in 0..7 {
            let line = format!("address=0x40{i}000f ip=0x40100{i}f error_code=0x4");
            assert!(read(&mut faults, &line).is_ok());
        }
        let line = "address=0x40100f ip=0x401000f error_code=0x4";
        assert!(
            read(&mut faults, line)
                .unwrap_err()
                .contains("an f follows")
        );
        // One that really ends in f is a digit.
        let mut faults = FaultText::default();
        let line = "address=0x7fb1de4ffb7f ip=0x401000f error_code=0x4";
        assert_eq!(read(&mut faults, line), Ok((0x7fb1_de4f_fb7f, Kind::Read)));
        for _ in 0..20 {
            let other = "address=0x7fb1de4ffb70 ip=0x401000f error_code=0x4";
            assert!(read(&mut faults, other).is_ok());
            assert!(read(&mut faults, line).is_ok());
        }
    }
}
