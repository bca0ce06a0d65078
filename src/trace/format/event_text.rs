//! The text of one event, in a line of the plain format and in a `.pbt`: its reader and its writer
//! ([`Event`]'s `Display`).
//!
//! Does not handle lines or processes: callers keep the process and the position of an event. Does
//! not check whether the event makes sense at that position.

use super::options::Base;
use super::tokens::{NumberFault, decimal, decimal_u32, word};
use crate::trace::model::access::Addressing;
use crate::trace::model::event::{Advice, Backing, Event, FileRange, Mapping, Move, Protection};
use crate::units::{PageSize, is_control};
use std::borrow::Cow;
use std::fmt;
use std::str;

/// An objection to the text of an event, a lowercase fragment.
pub(in crate::trace) type Fault = Cow<'static, str>;

const SHARED: &str = "shared";
const FIXED: &str = "fixed";
const GROWS_DOWN: &str = "grows-down";
const SWAP_BACKED: &str = "swap-backed";
/// The attribute of a `move` that leaves the old range mapped.
const KEEP: &str = "keep";

/// The attributes that may follow the protection of a `map`; those with `=` have a value.
const ATTRIBUTES: [&str; 7] = [
    SHARED,
    FIXED,
    GROWS_DOWN,
    SWAP_BACKED,
    "file=",
    "page-size=",
    "name=",
];

/// Longest piece of text that a message repeats, in bytes.
const SHOWN_MAX: usize = 40;

/// Reads an event. Returns `None` if the first word is not the name of an event. The child of a fork
/// is the number in the text.
pub(in crate::trace) fn parse(text: &[u8], addressing: Addressing) -> Result<Option<Event>, Fault> {
    parse_in(text, addressing, Base::Hex)
}

/// Like [`parse`], with addresses of this base.
pub(in crate::trace) fn parse_in(
    text: &[u8],
    addressing: Addressing,
    base: Base,
) -> Result<Option<Event>, Fault> {
    let (first, rest) = word(text);
    let Some(form) = form(first) else {
        return Ok(None);
    };
    let mut words = Words { rest, form, base };
    let of_processes = matches!(first, b"fork" | b"vfork" | b"exec" | b"exit");
    if !of_processes && addressing == Addressing::Ids {
        let word = first.escape_ascii();
        return Err(format!("`{word}` in a trace of page ids; it needs byte addresses").into());
    }
    let event = match first {
        b"map" => Event::Map(Box::new(words.mapping()?)),
        b"unmap" => {
            let (start, length) = words.range()?;
            Event::Unmap { start, length }
        }
        b"protect" => {
            let (start, length) = words.range()?;
            let protection = words.protection()?;
            Event::Protect {
                start,
                length,
                protection,
            }
        }
        b"brk" => {
            let end = words.address("end")?;
            Event::Brk { end }
        }
        b"advise" => {
            let (start, length) = words.range()?;
            let advice = words.advice()?;
            Event::Advise {
                start,
                length,
                advice,
            }
        }
        b"move" => Event::Move(Box::new(words.moves()?)),
        b"populate" => {
            let (start, length) = words.range()?;
            let write = words.populated_by()?;
            Event::Populate {
                start,
                length,
                write,
            }
        }
        b"read" => Event::Read(words.file_range()?),
        b"write" => Event::Write(words.file_range()?),
        b"length" => Event::Length {
            file: words.file()?,
            bytes: words.decimal("length")?,
        },
        b"unlink" => Event::Unlink {
            file: words.file()?,
        },
        b"fork" => Event::Fork {
            child: words.child()?,
        },
        b"vfork" => Event::Vfork {
            child: words.child()?,
        },
        b"exec" => Event::Exec,
        _ => Event::Exit,
    };
    words.end()?;
    Ok(Some(event))
}

/// The form of an event with this first word, for messages.
fn form(first: &[u8]) -> Option<&'static str> {
    Some(match first {
        b"map" => "map START LENGTH PROT",
        b"unmap" => "unmap START LENGTH",
        b"protect" => "protect START LENGTH PROT",
        b"brk" => "brk END",
        b"advise" => "advise START LENGTH willneed|dontneed",
        b"move" => "move OLD-START OLD-LENGTH NEW-START NEW-LENGTH [fixed] [keep]",
        b"populate" => "populate START LENGTH read|write",
        b"read" => "read FILE OFFSET LENGTH",
        b"write" => "write FILE OFFSET LENGTH",
        b"length" => "length FILE BYTES",
        b"unlink" => "unlink FILE",
        b"fork" => "fork CHILD",
        b"vfork" => "vfork CHILD",
        b"exec" => "exec",
        b"exit" => "exit",
        _ => return None,
    })
}

/// The words after the first one, taken one by one.
struct Words<'a> {
    rest: &'a [u8],
    form: &'static str,
    /// The base of addresses.
    base: Base,
}

impl<'a> Words<'a> {
    /// The next word; empty at the end.
    fn next(&mut self) -> &'a [u8] {
        let (word, rest) = word(self.rest);
        self.rest = rest;
        word
    }

    fn end(&mut self) -> Result<(), Fault> {
        match self.next() {
            b"" => Ok(()),
            more => Err(format!(
                "unexpected `{}`; the event is written: {}",
                shown(more),
                self.form
            )
            .into()),
        }
    }

    fn missing(&self, what: &str) -> Fault {
        format!("the {what} is missing: {}", self.form).into()
    }

    fn fault(&self, fault: NumberFault, what: &str, base: &str) -> Fault {
        match fault {
            NumberFault::Missing => self.missing(what),
            NumberFault::Digit => format!("the {what} is not {base}").into(),
            NumberFault::Large => format!("the {what} is over 64 bits").into(),
        }
    }

    fn address(&mut self, what: &str) -> Result<u64, Fault> {
        let base = self.base;
        let number = base.number(self.next());
        number.map_err(|fault| self.fault(fault, what, base.word()))
    }

    fn decimal(&mut self, what: &str) -> Result<u64, Fault> {
        decimal(self.next()).map_err(|fault| self.fault(fault, what, "a decimal number"))
    }

    fn length(&mut self) -> Result<u64, Fault> {
        match self.decimal("length")? {
            0 => Err("the length is 0; the least is 1".into()),
            length => Ok(length),
        }
    }

    fn range(&mut self) -> Result<(u64, u64), Fault> {
        let start = self.address("start")?;
        let length = self.length()?;
        match start.checked_add(length - 1) {
            Some(_) => Ok((start, length)),
            None => Err("the range runs past the end of the 64-bit address space".into()),
        }
    }

    fn protection(&mut self) -> Result<Protection, Fault> {
        let word = self.next();
        if word.is_empty() {
            return Err(self.missing("protection"));
        }
        let protection = str::from_utf8(word).ok().and_then(Protection::parse);
        protection.ok_or_else(|| {
            let word = shown(word);
            format!("the protection `{word}` is not rwx, with - for what is missing").into()
        })
    }

    fn advice(&mut self) -> Result<Advice, Fault> {
        match self.next() {
            b"willneed" => Ok(Advice::WillNeed),
            b"dontneed" => Ok(Advice::DontNeed),
            b"" => Err(self.missing("advice")),
            other => Err(format!(
                "the advice `{}` is neither willneed nor dontneed",
                shown(other)
            )
            .into()),
        }
    }

    fn child(&mut self) -> Result<u32, Fault> {
        let child = decimal_u32(self.next());
        child.ok_or_else(|| {
            let name = self.form.split(' ').next().unwrap_or_default();
            format!("`{name}` takes the number of the child (decimal, up to 4294967295)").into()
        })
    }

    fn moves(&mut self) -> Result<Move, Fault> {
        let (old_start, old_length) = self.range()?;
        let (new_start, new_length) = self.range()?;
        let mut moves = Move {
            old_start,
            old_length,
            new_start,
            new_length,
            fixed: false,
            keep: false,
        };
        loop {
            let word = self.next();
            let (flag, name) = match word {
                b"" => return Ok(moves),
                b"fixed" => (&mut moves.fixed, FIXED),
                b"keep" => (&mut moves.keep, KEEP),
                other => {
                    let other = shown(other);
                    return Err(format!(
                        "unknown attribute `{other}` of a move; use: {FIXED} {KEEP}"
                    )
                    .into());
                }
            };
            if std::mem::replace(flag, true) {
                return Err(format!("`{name}` is given twice").into());
            }
        }
    }

    fn populated_by(&mut self) -> Result<bool, Fault> {
        match self.next() {
            b"read" => Ok(false),
            b"write" => Ok(true),
            b"" => Err(self.missing("access")),
            other => {
                let other = shown(other);
                Err(format!("the access `{other}` is neither read nor write").into())
            }
        }
    }

    fn file(&mut self) -> Result<u32, Fault> {
        let file = self.decimal("file")?;
        u32::try_from(file).map_err(|_| "the file's id is over 4294967295".into())
    }

    fn file_range(&mut self) -> Result<FileRange, Fault> {
        let file = self.file()?;
        let offset = self.decimal("offset")?;
        let length = self.length()?;
        match offset.checked_add(length - 1) {
            Some(_) => Ok(FileRange {
                file,
                offset,
                length,
            }),
            None => Err("the range runs past the last byte that a file can have".into()),
        }
    }

    fn mapping(&mut self) -> Result<Mapping, Fault> {
        let (start, length) = self.range()?;
        let mut mapping = Mapping::anonymous(start, length, self.protection()?);
        let mut given = [false; ATTRIBUTES.len()];
        loop {
            let word = self.next();
            if word.is_empty() {
                break;
            }
            let which = attribute(&mut mapping, word)?;
            if std::mem::replace(&mut given[which], true) {
                let name = ATTRIBUTES[which];
                return Err(format!("`{name}` is given twice").into());
            }
        }
        match mapping.backing {
            Backing::File { offset, .. } if offset.checked_add(length - 1).is_none() => {
                Err("the mapping runs past the last byte that a file can have".into())
            }
            Backing::Anonymous if mapping.swap_backed => Err(format!(
                "`{SWAP_BACKED}` without `file=`; memory without a file goes to swap anyway"
            )
            .into()),
            _ => Ok(mapping),
        }
    }
}

/// Reads one attribute of a mapping. Returns its index in [`ATTRIBUTES`].
fn attribute(mapping: &mut Mapping, word: &[u8]) -> Result<usize, Fault> {
    let has_value = word.contains(&b'=');
    let named = |name: &str| {
        if has_value {
            name.ends_with('=') && word.starts_with(name.as_bytes())
        } else {
            word == name.as_bytes()
        }
    };
    let Some(which) = ATTRIBUTES.iter().position(|name| named(name)) else {
        return Err(format!(
            "unknown attribute `{}` of a mapping; use: {}",
            shown(word),
            ATTRIBUTES.join(" ")
        )
        .into());
    };
    let value = &word[ATTRIBUTES[which].len()..];
    match ATTRIBUTES[which] {
        SHARED => mapping.shared = true,
        FIXED => mapping.fixed = true,
        GROWS_DOWN => mapping.grows_down = true,
        SWAP_BACKED => mapping.swap_backed = true,
        "file=" => mapping.backing = backing(value)?,
        "page-size=" => mapping.page_size = Some(page_size(value)?),
        _ => mapping.name = name(value)?,
    }
    Ok(which)
}

fn backing(value: &[u8]) -> Result<Backing, Fault> {
    let mut numbers = value.split(|&b| b == b',').map(|part| decimal(part).ok());
    let mut next = || numbers.next().flatten();
    let found = (next(), next(), next());
    let (Some(file), Some(offset), Some(length)) = found else {
        return Err("`file=` takes ID,OFFSET,LENGTH, three decimal numbers".into());
    };
    if numbers.next().is_some() {
        return Err("`file=` takes ID,OFFSET,LENGTH and no more".into());
    }
    let file = u32::try_from(file).map_err(|_| "the file's id is over 4294967295")?;
    Ok(Backing::File {
        file,
        offset,
        length,
    })
}

fn page_size(value: &[u8]) -> Result<PageSize, Fault> {
    let text = str::from_utf8(value).ok();
    let text = text.filter(|text| text.len() <= SHOWN_MAX);
    let text = text.ok_or("`page-size=` takes a size such as 4KiB or 2MiB")?;
    text.parse().map_err(|e| format!("page-size=: {e}").into())
}

fn name(value: &[u8]) -> Result<String, Fault> {
    match str::from_utf8(value) {
        Ok("") => Err("`name=` has no text; leave it out".into()),
        Ok(name) if name.contains(char::is_control) => {
            Err("the name contains a control character".into())
        }
        // Directions of writing, which a file's name may have, act on what shows it.
        Ok(name) => Ok(name.replace(is_control, "_")),
        Err(_) => Err("the name is not UTF-8".into()),
    }
}

/// A word for a message, cut to a printable length.
fn shown(word: &[u8]) -> String {
    word[..word.len().min(SHOWN_MAX)].escape_ascii().to_string()
}

impl fmt::Display for Event {
    /// Writes the event as in the plain format, without line end. The child of a fork is written as it
    /// is: it is a process id only in an event that comes from a reader.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Map(mapping) => write!(f, "{mapping}"),
            Event::Unmap { start, length } => write!(f, "unmap {start:x} {length}"),
            Event::Protect {
                start,
                length,
                protection,
            } => write!(f, "protect {start:x} {length} {protection}"),
            Event::Brk { end } => write!(f, "brk {end:x}"),
            Event::Advise {
                start,
                length,
                advice,
            } => {
                let advice = match advice {
                    Advice::WillNeed => "willneed",
                    Advice::DontNeed => "dontneed",
                };
                write!(f, "advise {start:x} {length} {advice}")
            }
            Event::Move(moves) => write!(f, "{moves}"),
            Event::Populate {
                start,
                length,
                write,
            } => {
                let access = if *write { "write" } else { "read" };
                write!(f, "populate {start:x} {length} {access}")
            }
            Event::Read(range) => write!(f, "read {range}"),
            Event::Write(range) => write!(f, "write {range}"),
            Event::Length { file, bytes } => write!(f, "length {file} {bytes}"),
            Event::Unlink { file } => write!(f, "unlink {file}"),
            Event::Fork { child } => write!(f, "fork {child}"),
            Event::Vfork { child } => write!(f, "vfork {child}"),
            Event::Exec => f.write_str("exec"),
            Event::Exit => f.write_str("exit"),
        }
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (old, new) = (self.old_start, self.new_start);
        write!(
            f,
            "move {old:x} {} {new:x} {}",
            self.old_length, self.new_length
        )?;
        let flags = [(self.fixed, FIXED), (self.keep, KEEP)];
        for (_, name) in flags.iter().filter(|(set, _)| *set) {
            write!(f, " {name}")?;
        }
        Ok(())
    }
}

impl fmt::Display for FileRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.file, self.offset, self.length)
    }
}

impl fmt::Display for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, length, protection) = (self.start, self.length, self.protection);
        write!(f, "map {start:x} {length} {protection}")?;
        let flags = [
            (self.shared, SHARED),
            (self.fixed, FIXED),
            (self.grows_down, GROWS_DOWN),
            (self.swap_backed, SWAP_BACKED),
        ];
        for (_, name) in flags.iter().filter(|(set, _)| *set) {
            write!(f, " {name}")?;
        }
        if let Backing::File {
            file,
            offset,
            length,
        } = self.backing
        {
            write!(f, " file={file},{offset},{length}")?;
        }
        if let Some(size) = self.page_size {
            write!(f, " page-size={size}")?;
        }
        if !self.name.is_empty() {
            // A blank would end the name.
            let odd = |c: char| c.is_whitespace() || is_control(c);
            write!(f, " name={}", self.name.replace(odd, "_"))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
