//! The lines of valgrind's log: which is an access of the program, which a system call with its
//! arguments and its outcome, and which says that another program begins. Knows nothing of what
//! the calls do.
//!
//! The log is meant for people and not escaped: a path may hold anything, and two lines may be
//! glued. So nothing here fails; what is not understood is [`Line::Other`].

use crate::trace::format::lackey;
use crate::trace::record::Access;
use memchr::memmem;

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line<'a> {
    /// The program touches memory.
    Access(Access),
    /// The program calls the system.
    Call(Call<'a>),
    /// valgrind names the command that it runs.
    Command(&'a [u8]),
    /// Nothing that matters.
    Other,
}

/// A system call, or the second half of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call<'a> {
    /// The thread, as valgrind numbers it within its process.
    pub thread: u32,
    /// The name; empty in a second half, which tells only how the call ended.
    pub name: &'a [u8],
    /// What stands between the parentheses.
    pub args: &'a [u8],
    /// How it ended.
    pub outcome: Outcome,
    /// The process that it made.
    pub child: Option<u32>,
    /// An access that stands on the same line: another thread began before the line was ended.
    pub access: Option<Access>,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A later line will tell.
    Pending,
    /// It succeeded with this result.
    Success(u64),
    /// It had no effect.
    Failure,
    /// Another program began: valgrind's greeting follows on the line.
    NewProgram,
    /// The line does not tell.
    Unsaid,
}

/// Reads one line, without its end.
pub fn parse(line: &[u8]) -> Line<'_> {
    if line.starts_with(b"SYSCALL[") {
        return call(line).map_or(Line::Other, Line::Call);
    }
    if let Some(access) = lackey::access(line) {
        return Line::Access(access);
    }
    match greeting(line).and_then(|rest| rest.strip_prefix(b"Command: ")) {
        Some(command) => Line::Command(command),
        None => Line::Other,
    }
}

/// The text behind `==PID== `.
fn greeting(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(b"==")?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let rest = rest[digits..].strip_prefix(b"== ")?;
    (digits > 0).then_some(rest)
}

/// `SYSCALL[PID,THREAD](NUMBER) NAME ( ARGS ) OUTCOME`
fn call(line: &[u8]) -> Option<Call<'_>> {
    let comma = memchr::memchr(b',', line)?;
    let close = comma + memchr::memchr(b']', &line[comma..])?;
    let thread = decimal(&line[comma + 1..close])? as u32;
    let number_end = close + memmem::find(&line[close..], b") ")?;
    let text = &line[number_end + 2..];
    let mut call = Call {
        thread,
        name: b"",
        args: b"",
        outcome: Outcome::Unsaid,
        child: None,
        access: None,
    };
    if let Some(rest) = text.strip_prefix(b"... [async] --> ") {
        (call.outcome, call.access) = outcome(rest);
        return Some(call);
    }
    let open = memchr::memchr(b'(', text)?;
    call.name = name(&text[..open]);
    let after = &text[open + 1..];
    // The last arrow, since a path may hold one.
    let (before, rest) = match memmem::rfind(after, b" --> ").or(memmem::rfind(after, b"--> ")) {
        Some(at) => (&after[..at], Some(after[at..].trim_ascii_start())),
        None => (after, None),
    };
    if let Some(rest) = rest {
        let rest = rest.strip_prefix(b"--> ").unwrap_or(rest);
        (call.outcome, call.access) = outcome(rest);
    }
    if let Some(at) = memmem::find(before, b"created child ") {
        call.child = decimal(leading_digits(&before[at + 14..])).map(|pid| pid as u32);
    }
    if memmem::find(before, b"== Lackey, ").is_some() {
        call.outcome = Outcome::NewProgram;
    }
    let end = match (call.child, call.outcome) {
        // More parentheses follow the arguments.
        (Some(_), _) => memchr::memchr(b')', before),
        (_, Outcome::NewProgram) => memmem::rfind(before, b")=="),
        _ => memchr::memrchr(b')', before),
    };
    call.args = &before[..end.unwrap_or(before.len())];
    Some(call)
}

/// The name in front of the arguments: `sys_fcntl[ARG3=='arg'] ` is `fcntl`.
fn name(text: &[u8]) -> &[u8] {
    let end = text
        .iter()
        .position(|&b| b == b'[' || b == b' ')
        .unwrap_or(text.len());
    let name = &text[..end];
    name.strip_prefix(b"sys_").unwrap_or(name)
}

/// What stands behind the arrow: how the call ended, and perhaps an access glued to it.
fn outcome(text: &[u8]) -> (Outcome, Option<Access>) {
    if text.starts_with(b"[async] ...") {
        return (Outcome::Pending, None);
    }
    if let Some(at) = memmem::find(text, b"Success(") {
        let inside = &text[at + 8..];
        let end = memchr::memchr(b')', inside).unwrap_or(inside.len());
        let outcome = number(&inside[..end]).map_or(Outcome::Unsaid, Outcome::Success);
        let rest = inside.get(end + 2..).unwrap_or_default();
        return (outcome, lackey::access(rest));
    }
    match memmem::find(text, b"Failure(") {
        Some(_) => (Outcome::Failure, None),
        None => (Outcome::Unsaid, None),
    }
}

impl<'a> Call<'a> {
    /// The argument at this index, as a number; a negative one counts from 2^64 down. A path among
    /// the arguments before it may mislead.
    pub fn number(&self, index: usize) -> Option<u64> {
        number(self.args.split(|&b| b == b',').nth(index)?.trim_ascii())
    }

    /// The first argument as a hexadecimal number without `0x`: so `clone` shows its flags.
    pub fn flags(&self) -> Option<u64> {
        let first = self.args.split(|&b| b == b',').next()?.trim_ascii();
        u64::from_str_radix(str::from_utf8(first).ok()?, 16).ok()
    }

    /// The path among the arguments: `0xPTR(/path)`.
    pub fn path(&self) -> Option<&'a [u8]> {
        let open = memchr::memchr(b'(', self.args)?;
        let inside = &self.args[open + 1..];
        let end = memmem::rfind(inside, b"), ").or(memchr::memrchr(b')', inside));
        end.map(|end| &inside[..end])
    }
}

fn leading_digits(text: &[u8]) -> &[u8] {
    &text[..text.iter().take_while(|b| b.is_ascii_digit()).count()]
}

fn decimal(text: &[u8]) -> Option<u64> {
    str::from_utf8(text).ok()?.parse().ok()
}

/// Decimal, also negative, or hexadecimal with `0x`; a path in parentheses may follow.
fn number(text: &[u8]) -> Option<u64> {
    let end = memchr::memchr(b'(', text).unwrap_or(text.len());
    let text = str::from_utf8(&text[..end]).ok()?.trim_ascii();
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text
            .parse()
            .ok()
            .or_else(|| text.parse::<i64>().ok().map(|n| n as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::record::Kind;

    fn a_call(line: &str) -> Call<'_> {
        match parse(line.as_bytes()) {
            Line::Call(call) => call,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn calls_in_one_line_and_in_two() {
        let call = a_call(
            "SYSCALL[8440,1](9) sys_mmap ( 0x486b000, 1400832, 5, 2066, 6, 155648 ) --> [pre-success] Success(0x486b000) ",
        );
        assert_eq!((call.name, call.thread), (&b"mmap"[..], 1));
        assert_eq!(call.outcome, Outcome::Success(0x486_b000));
        let numbers: Vec<_> = (0..7).map_while(|i| call.number(i)).collect();
        assert_eq!(numbers, [0x486_b000, 1_400_832, 5, 2066, 6, 155_648]);
        let call = a_call(
            "SYSCALL[8440,7](257) sys_openat ( 4294967196, 0x4034bb0(/usr/a, (b) --> c.so), 524288 ) --> [async] ... ",
        );
        assert_eq!((call.thread, call.outcome), (7, Outcome::Pending));
        assert_eq!(call.number(0), Some(4_294_967_196));
        assert_eq!(call.path(), Some(&b"/usr/a, (b) --> c.so"[..]));
        let call = a_call("SYSCALL[8440,7](257) ... [async] --> Success(0x6) ");
        assert_eq!((call.name, call.outcome), (&b""[..], Outcome::Success(6)));
        let call = a_call("SYSCALL[8440,1](257) ... [async] --> Failure(0x2) ");
        assert_eq!(call.outcome, Outcome::Failure);
        let call = a_call(
            "SYSCALL[17204,1](72) sys_fcntl[ARG3=='arg'] ( 4, 0, 20 )[sync] --> Success(0x14) ",
        );
        assert_eq!(
            (call.name, call.outcome),
            (&b"fcntl"[..], Outcome::Success(20))
        );
        assert_eq!(
            [0, 1, 2].map(|i| call.number(i)),
            [Some(4), Some(0), Some(20)]
        );
        let call = a_call("SYSCALL[1,1](231) exit_group( 3 ) --> [pre-success] Success(0x0) ");
        assert_eq!(call.name, b"exit_group");
    }

    #[test]
    fn processes_and_threads() {
        let call = a_call(
            "SYSCALL[8634,1](56) sys_clone ( 1200011, 0x0, 0x0, 0x4a27a10, 0x0 )   clone(fork): process 8634 created child 8635",
        );
        assert_eq!((call.child, call.flags()), (Some(8635), Some(0x120_0011)));
        let call = a_call("SYSCALL[1,1](58) sys_fork ( )   fork: process 1 created child 9566");
        assert_eq!((call.child, call.name), (Some(9566), &b"fork"[..]));
        let call = a_call(
            "SYSCALL[1,1](56) sys_clone ( 3d0f00, 0x5229f70, 0x522a990, 0x522a990, 0x522a6c0 ) --> [pre-success] Success(0x434f) I  0494db42,3",
        );
        assert_eq!((call.child, call.flags()), (None, Some(0x3d_0f00)));
        let glued = call.access.unwrap();
        assert_eq!(
            (glued.kind, glued.addr, glued.size),
            (Kind::Ifetch, 0x494_db42, 3)
        );
        let call = a_call(
            "SYSCALL[8635,1](59) sys_execve ( 0x1fff000160(/usr/bin/true), 0x1fff000370, 0x1fff000518 )==8635== Lackey, an example Valgrind tool",
        );
        assert_eq!(call.outcome, Outcome::NewProgram);
        assert_eq!(call.path(), Some(&b"/usr/bin/true"[..]));
        let call = a_call(
            "SYSCALL[8635,1](59) sys_execve ( 0x1fff000160(/true), 0x1, 0x2 ) --> [pre-fail] Failure(0x2) ",
        );
        assert_eq!(call.outcome, Outcome::Failure);
        let command = parse(b"==8635== Command: /usr/bin/true -x");
        assert_eq!(command, Line::Command(b"/usr/bin/true -x"));
    }

    #[test]
    fn no_line_is_too_strange() {
        for line in [
            "",
            "SYSCALL[",
            "SYSCALL[,](",
            "SYSCALL[1,1](9) ",
            "SYSCALL[1,1](9) sys_mmap (",
            "SYSCALL[1,1](9) sys_mmap ( --> Success(",
            "SYSCALL[1,1](9) sys_mmap ) --> [sync] Success(0x",
            "SYSCALL[1,1](435) unimplemented (by the kernel) syscall: 435! (ni_syscall)",
            "SYSCALL[1,1](59) sys_execve ( created child 99999999999999999999999",
            " --> [pre-success] Success(0x0) ",
            "==1==",
            "====",
        ] {
            if let Line::Call(call) = parse(line.as_bytes()) {
                let _ = (call.path(), call.number(0), call.number(5), call.flags());
            }
            for cut in 0..line.len() {
                parse(&line.as_bytes()[cut..]);
                parse(&line.as_bytes()[..cut]);
            }
        }
    }
}
