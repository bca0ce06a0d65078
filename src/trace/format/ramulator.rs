//! CPU traces of the DRAM simulator Ramulator, which Ramulator 2 calls SimpleO3: the requests of a
//! core behind its caches.

use super::complaint::{Complaint, address, nothing_more};
use super::lines::{self, LineParser, sample_lines};
use super::options::{Base, Numbers, ReadOptions};
use super::quick::{Head, Quick, SURE_DIGITS};
use super::report::ReadReport;
use super::tokens::{decimal, trim, word};
use super::{Fit, Format, Sample};
use crate::simd::text::Lanes;
use crate::trace::model::access::{Access, Kind, TraceKind};

pub(super) const FORMAT: Format = Format {
    name: "ramulator",
    about: "Ramulator CPU traces: bubbles, address of a read, address of a write-back or none",
    layout: "\
one request per line, two or three decimal numbers: instructions without memory access before it
(ignored), byte address of a read, and the byte address of a write-back that the read causes, if
there is one. The read comes first. There is no size: each access touches one byte. The requests
have passed the caches of a core, so the kind is faults-only. The format is guessed only if all
addresses are multiples of 32, as those of cache lines are; --format ramulator reads others.
    3 20734016
    1 20846400
    8 20841280 20734208
",
    kind: TraceKind::FaultsOnly,
    numbers: Numbers::DEC_BYTES,
    sniff,
    open: lines::open::<Ramulator>,
    written: None,
};

/// Size of the smallest cache line, of which the addresses of a guessed file are multiples.
const LINE: u64 = 32;

struct Ramulator {
    base: Base,
    /// The write-back of the line just parsed.
    write_back: Option<Access>,
}

/// The numbers of a line: bubbles, address, address or none.
struct Request {
    bubbles: u64,
    read: u64,
    write_back: Option<u64>,
}

fn request(line: &[u8], base: Base) -> Result<Request, Complaint> {
    let (bubbles, rest) = word(line);
    let (read, rest) = word(rest);
    let (write_back, rest) = word(rest);
    let bubbles = decimal(bubbles).map_err(|_| "the bubbles are not a decimal number")?;
    let read = address(base, read)?;
    let write_back = match write_back {
        b"" => None,
        text => Some(address(base, text)?),
    };
    nothing_more(rest)?;
    Ok(Request {
        bubbles,
        read,
        write_back,
    })
}

/// Guesses the format only if every line is a request for whole cache lines, and the bubbles are not
/// times: these never fall.
fn sniff(sample: &Sample<'_>) -> Fit {
    let base = sample.options.base.unwrap_or(Base::Dec);
    let lines = sample_lines(sample).filter(|line| !matches!(trim(line), [] | [b'#', ..]));
    let (mut before, mut falls, mut good) = (0, false, 0);
    for line in lines {
        let Ok(request) = request(line, base) else {
            return Fit::No;
        };
        let addresses = [Some(request.read), request.write_back];
        if addresses
            .into_iter()
            .flatten()
            .any(|addr| !addr.is_multiple_of(LINE))
        {
            return Fit::No;
        }
        falls |= request.bubbles < before;
        before = request.bubbles;
        good += 1;
    }
    match good {
        // Zeros throughout are no times either.
        1.. if falls || before == 0 => Fit::Share { good, of: good },
        _ => Fit::No,
    }
}

impl LineParser for Ramulator {
    const NAME: &'static str = FORMAT.name;
    const MANY: bool = true;
    const SECOND: bool = true;

    fn new(options: &ReadOptions) -> Ramulator {
        Ramulator {
            base: options.base.unwrap_or(Base::Dec),
            write_back: None,
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
        let request = request(line, self.base)?;
        self.write_back = request
            .write_back
            .map(|addr| Access::single(Kind::Write, addr));
        Ok(Some(Access::single(Kind::Read, request.read)))
    }

    fn take_second(&mut self) -> Option<Access> {
        self.write_back.take()
    }

    #[inline(always)]
    fn quick<L: Lanes>(&mut self, head: Head<'_, L>) -> Option<Quick> {
        let block = head.first();
        let end = block.end()?;
        let digits = block.digits();
        let mut words = block.words(end.text);
        if !words.next().is_number(digits, SURE_DIGITS) {
            return None;
        }
        let read = block.number(self.base, words.next())?;
        let second = match words.is_empty() {
            true => None,
            false => {
                let addr = block.number(self.base, words.next())?;
                Some(Access::single(Kind::Write, addr))
            }
        };
        words.is_empty().then_some(Quick {
            access: Some(Access::single(Kind::Read, read)),
            second,
            length: end.next,
        })
    }

    fn report(&self) -> ReadReport {
        ReadReport {
            ignored: vec!["bubbles".into()],
            ..ReadReport::default()
        }
    }
}
