//! Page faults as the kernel's ftrace prints them (`trace`, `trace_pipe`, `trace-cmd report`): a task,
//! a processor, a time, an event. Written from the kernel's `kernel/trace/trace_output.c`.

use super::Format;
use super::complaint::Complaint;
use super::fault_text::FaultText;
use super::lines::{self, LineParser};
use super::options::{Base, Numbers, ReadOptions};
use super::quick;
use super::quick::{Block, Head as Start, Quick, Word};
use super::report::ReadReport;
use super::tokens::{decimal_u32, trim, word, words};
use crate::simd::text::Lanes;
use crate::trace::model::access::{Access, TraceKind};
use memchr::{memchr_iter, memrchr};

pub(super) const FORMAT: Format = Format {
    name: "ftrace",
    about: "page faults as ftrace or trace-cmd report print them",
    layout: "\
One event per line: TASK-PID, [CPU], flags (trace-cmd prints none), time in seconds, event. Made by:
echo 1 > /sys/kernel/tracing/events/exceptions/enable; cat /sys/kernel/tracing/trace_pipe > FILE
or trace-cmd record -e exceptions PROG; trace-cmd report > FILE.
page_fault_user and page_fault_kernel are read: the error code distinguishes reads, writes and
fetches. Other events, stack traces and marks of lost events are dropped and counted. The PID is a
thread, which is taken for a process; with the option record-tgid it is the number in parentheses.
    # tracer: nop
    bash-930   [003] d... 6288.896762: page_fault_user: address=0x55bc6c5 ip=0x7ff74 error_code=0x7
    ls-931     [001] d... 6288.896810: page_fault_user: address=0x55bc6c6 ip=0x55bc6 error_code=0x14
",
    kind: TraceKind::FaultsOnly,
    numbers: Numbers::HEX_BYTES,
    sniff: lines::sniff::<Ftrace>,
    open: lines::open::<Ftrace>,
    written: None,
};

/// The events that are read.
const FAULTS: [&[u8]; 2] = [b"page_fault_user", b"page_fault_kernel"];

/// The beginnings of lines that belong to no event and say nothing about one.
const HEADS: [&[u8]; 3] = [b"cpus=", b"CPU ", b"version = "];

/// A parser of ftrace's lines; also for those in a file that is called perf-script.
pub(super) struct Ftrace {
    base: Base,
    faults: FaultText,
    dropped: Vec<(&'static str, u64)>,
}

/// The beginning of a line: the process, and the text from the event's name on.
struct Head<'a> {
    pid: u32,
    event: &'a [u8],
}

/// Returns true for the line of an event in ftrace's form.
pub(super) fn is_event(line: &[u8]) -> bool {
    head(line).is_some()
}

/// Reads the beginning of an event's line: `TASK-PID [(TGID)] [CPU] [FLAGS] TIME:`.
fn head(line: &[u8]) -> Option<Head<'_>> {
    let (open, close) = memchr_iter(b'[', line).find_map(|open| {
        let digits = line[open + 1..].iter().take_while(|b| b.is_ascii_digit());
        let close = open + 1 + digits.count();
        (close > open + 1 && line.get(close) == Some(&b']')).then_some((open, close))
    })?;
    let pid = process(trim(&line[..open]))?;
    let (first, rest) = word(&line[close + 1..]);
    let (time, event) = if is_time(first) {
        (first, rest)
    } else {
        word(rest)
    };
    let flags = first.len() <= 8 && !first.contains(&b':');
    ((flags || time == first) && is_time(time)).then_some(Head {
        pid,
        event: trim(event),
    })
}

/// Reads the process of `TASK-PID` or `TASK-PID (TGID)`. A task's name may hold blanks and dashes.
fn process(task: &[u8]) -> Option<u32> {
    let (task, group) = match task.strip_suffix(b")").zip(memrchr(b'(', task)) {
        Some((_, open)) => (trim(&task[..open]), trim(&task[open + 1..task.len() - 1])),
        None => (task, &b""[..]),
    };
    let dash = memrchr(b'-', task).filter(|&dash| dash > 0)?;
    let thread = decimal_u32(&task[dash + 1..])?;
    match group {
        b"" => Some(thread),
        unknown if unknown.iter().all(|&b| b == b'-') => Some(thread),
        group => decimal_u32(group),
    }
}

/// Returns true if a word is a time, such as `6288.896762:`.
fn is_time(word: &[u8]) -> bool {
    let digits = word.strip_suffix(b":").unwrap_or_default();
    let dots = digits.iter().filter(|&&b| b == b'.').count();
    let digit = |b: &u8| b.is_ascii_digit() || *b == b'.';
    digits.len() > 1 && dots <= 1 && digits.iter().all(digit)
}

/// Returns true if a word is a time; see [`is_time`]. `digits` are those of the block.
#[inline(always)]
fn is_quick_time<L: Lanes>(block: Block<'_, L>, word: Word, digits: u64) -> bool {
    let last = word.last();
    let dots = block.equal(b'.') & word.bits();
    let inner = Word { to: last, ..word };
    word.len() > 2
        && block.byte(last) == b':'
        && inner.bits() & !(digits | dots) == 0
        && quick::after_first(dots) == 0
}

/// Returns the process and the place of the event's name; see [`head`].
#[inline(always)]
fn quick_head<L: Lanes>(block: Block<'_, L>) -> Option<(u32, u32)> {
    let digits = block.digits();
    let open = quick::first(block.equal(b'['));
    let close = quick::first(!digits & quick::from(open + 1));
    let task = block.word_before(open.min(63))?;
    let blanks = block.blanks();
    let start = quick::first(!blanks);
    let dash = quick::last(block.equal(b'-') & !quick::from(task.to))?;
    let thread = Word {
        from: dash + 1,
        to: task.to,
    };
    if close == open + 1 || close > 63 || block.byte(close) != b']' || dash <= start {
        return None;
    }
    let pid = u32::try_from(block.decimal(digits, thread)?).ok()?;
    let mut words = block.words_from(close + 1, 64);
    let (first, second, third) = (words.next(), words.next(), words.next());
    let (time, event) = match block.equal(b':') & first.bits() {
        // Flags.
        0 if first.len() <= 8 => (second, third),
        0 => return None,
        _ => (first, second),
    };
    let in_line = block.equal(b'\n') & !quick::from(event.from) == 0 && !event.is_empty();
    let is_comment = block.byte(start) == b'#';
    let good = in_line && !is_comment && is_quick_time(block, time, digits);
    good.then_some((pid, event.from))
}

impl Ftrace {
    fn drop_one(&mut self, kind: &'static str) -> Option<Access> {
        ReadReport::drop_one(&mut self.dropped, kind);
        None
    }
}

impl LineParser for Ftrace {
    const NAME: &'static str = FORMAT.name;
    const MANY: bool = true;

    fn new(options: &ReadOptions) -> Ftrace {
        Ftrace {
            base: options.base.unwrap_or(Base::Hex),
            faults: FaultText::default(),
            dropped: Vec::new(),
        }
    }

    fn parse(&mut self, line: &[u8]) -> Result<Option<Access>, Complaint> {
        let Some(head) = head(line) else {
            let text = trim(line);
            return if text.starts_with(b"=> ") {
                Ok(self.drop_one("line of a stack trace"))
            } else if text.starts_with(b"CPU:") && text.ends_with(b"EVENTS]") {
                Ok(self.drop_one("mark of lost events"))
            } else if HEADS.iter().any(|head| text.starts_with(head)) {
                Ok(None)
            } else {
                Err("the line does not begin with TASK-PID [CPU] and a time".into())
            };
        };
        let (name, rest) = word(head.event);
        if name.is_empty() {
            return Err("no event after the time".into());
        }
        if name.starts_with(b"<") {
            return Ok(self.drop_one("line of a stack trace"));
        }
        let name = name.strip_suffix(b":").unwrap_or_default();
        let name = name.strip_prefix(b"exceptions:").unwrap_or(name);
        if !FAULTS.contains(&name) {
            return Ok(self.drop_one("other event"));
        }
        let (addr, kind) = self.faults.read(words(rest), self.base)?;
        Ok(Some(Access {
            pid: head.pid,
            ..Access::single(kind, addr)
        }))
    }

    /// Reads faults whose task has no group.
    #[inline(always)]
    fn quick<L: Lanes>(&mut self, head: Start<'_, L>) -> Option<Quick> {
        let (pid, event) = quick_head(head.first())?;
        let name = head.block(event)?;
        let user = name.has(0, b"page_fault_user:");
        let kernel = name.has(0, b"page_fault_kerne") && name.has(16, b"l:");
        let length = if user { 16 } else { 18 };
        let text = quick::first(!name.blanks() & quick::from(length));
        if !(user || kernel) || text == length {
            return None;
        }
        let (addr, kind, end) = self.faults.quick(head.block(event + text)?, self.base)?;
        let access = Access {
            pid,
            ..Access::single(kind, addr)
        };
        Quick::access(access, event + text + end.next)
    }

    fn report(&self) -> ReadReport {
        ReadReport {
            dropped: self.dropped.clone(),
            ..ReadReport::default()
        }
    }
}
