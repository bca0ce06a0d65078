//! The objection of a parser ([`Complaint`]), the limits of sizes, the checks that several formats
//! share, and the rule of `--skip-bad` ([`BadRecords`]).
//!
//! Does not handle lines, offsets or files: the readers add the place.

use super::options::{Base, ReadOptions};
use super::tokens::{NumberFault, is_blank};
use std::borrow::Cow;
use std::path::PathBuf;

/// Largest access in lackey, pinatrace and, with byte addresses, plain; in bytes.
pub(super) const BYTES_MAX: u64 = 1 << 20;

/// Largest size in arc, csv, msr, spc, vscsi and, with ids, plain; in bytes or consecutive ids.
pub(super) const RUN_MAX: u64 = 1 << 24;

/// The objection of a parser to a line or record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    /// A lowercase fragment.
    pub what: Cow<'static, str>,
    /// Advice for the user; empty for the usual one (`--format`, `--skip-bad`).
    pub help: &'static str,
    /// True if `--skip-bad` must not go on.
    pub fatal: bool,
}

/// Advice about a bad line or record on which later ones depend.
pub(super) const CARRIES_ON: &str = "later records depend on this one, so that --skip-bad does not leave it out: \
     mend it where the trace was made";

impl From<&'static str> for Complaint {
    fn from(what: &'static str) -> Complaint {
        Complaint::from(Cow::Borrowed(what))
    }
}

impl From<String> for Complaint {
    fn from(what: String) -> Complaint {
        Complaint::from(Cow::Owned(what))
    }
}

impl From<Cow<'static, str>> for Complaint {
    fn from(what: Cow<'static, str>) -> Complaint {
        Complaint {
            what,
            help: "",
            fatal: false,
        }
    }
}

impl Complaint {
    /// Returns the help for the user. `records` is what the format consists of: lines or records.
    pub fn help(&self, format: &str, records: &str) -> String {
        match self.help {
            "" => format!(
                "the file is read as {format}; choose another format with --format NAME, or leave \
                 out bad {records} with --skip-bad"
            ),
            help => help.to_owned(),
        }
    }
}

/// Reads an address of this base, or a hexadecimal one with `0x`.
pub(super) fn address(base: Base, digits: &[u8]) -> Result<u64, Complaint> {
    base.number(digits).map_err(|fault| match (fault, base) {
        (NumberFault::Digit, Base::Dec) => Complaint {
            help: "say --base hex if the addresses are hexadecimal",
            ..Complaint::from("the address is not decimal")
        },
        _ => bad_address(fault),
    })
}

/// Reads an id of this base, or a hexadecimal one with `0x`.
pub(super) fn id(base: Base, digits: &[u8]) -> Result<u64, Complaint> {
    base.number(digits).map_err(|fault| match (fault, base) {
        (NumberFault::Digit, Base::Hex) => Complaint::from("the id is not hexadecimal"),
        _ => bad_id(fault),
    })
}

/// Returns the complaint about a hexadecimal address.
pub(super) fn bad_address(fault: NumberFault) -> Complaint {
    Complaint::from(match fault {
        NumberFault::Missing => "the address is missing",
        NumberFault::Digit => "the address is not hexadecimal",
        NumberFault::Large => "address over 64 bits",
    })
}

/// Returns the complaint about a decimal id.
pub(super) fn bad_id(fault: NumberFault) -> Complaint {
    Complaint::from(match fault {
        NumberFault::Missing => "the id is missing",
        NumberFault::Digit => "the id is not a decimal number",
        NumberFault::Large => "id over 64 bits",
    })
}

/// Checks that a size, in bytes or consecutive ids, is in `1..=max` and that the access does not run
/// past the end of the address space.
pub(super) fn checked_size(
    size: Result<u64, NumberFault>,
    addr: u64,
    max: u64,
) -> Result<u32, Complaint> {
    match size {
        Err(NumberFault::Missing) => Err("the size is missing".into()),
        Err(NumberFault::Digit) => Err("the size is not a decimal number".into()),
        Ok(0) => Err("the size is 0; the least is 1".into()),
        Ok(n) if n <= max => match addr.checked_add(n - 1) {
            Some(_) => Ok(n as u32),
            None => Err("the access runs past the end of the 64-bit address space".into()),
        },
        Ok(_) | Err(NumberFault::Large) => Err(format!("the size is over {max}").into()),
    }
}

/// Errors if the rest of a line holds more than blanks.
pub(super) fn nothing_more(rest: &[u8]) -> Result<(), Complaint> {
    if rest.iter().all(|&b| is_blank(b)) {
        Ok(())
    } else {
        Err("more on the line than belongs to one access".into())
    }
}

/// Advice about a number that is far longer than its neighbours.
pub(super) const FAR_LONGER: &str = "mend the line; if it is right, read the file with --format csv --col page=1 (ids) or \
     --col addr=1 (addresses)";

/// The rule of `--skip-bad` for one file: bad records are errors, or are counted and left out.
pub(super) struct BadRecords {
    /// The file, for messages.
    pub path: PathBuf,
    skip: bool,
    /// Number of records left out so far.
    pub skipped: u64,
}

impl BadRecords {
    pub fn new(path: PathBuf, options: &ReadOptions) -> BadRecords {
        BadRecords {
            path,
            skip: options.skip_bad,
            skipped: 0,
        }
    }

    /// Counts a bad record and returns true if `--skip-bad` leaves it out. Returns false if it is an
    /// error: without `--skip-bad`, or if the record is `fatal`.
    #[cold]
    pub fn skip(&mut self, fatal: bool) -> bool {
        let skip = self.skip && !fatal;
        self.skipped += u64::from(skip);
        skip
    }
}
