//! One line of valgrind's log: an access of the program, a system call with its arguments and its
//! result, or the name of a program that begins. Does not know what the calls do.
//!
//! The log is meant for people and not escaped: a path may hold anything, and two lines may be
//! glued. So nothing here fails; a line that is not understood is [`Line::Other`].

use crate::trace::format::{lackey, tokens as digits};
use crate::trace::model::access::Access;
use memchr::memmem;

/// The content of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line<'a> {
    /// The program touches memory.
    Access(Access),
    /// The program calls the system.
    Call(Call<'a>),
    /// The second half of a call whose first half had [`CallResult::Pending`].
    Resumed {
        /// The thread that made the call.
        thread: u32,
        result: CallResult,
        /// An access glued to the line.
        access: Option<Access>,
    },
    /// valgrind names the command that it runs.
    Command(&'a [u8]),
    /// Nothing that matters.
    Other,
}

/// A system call, or its first half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call<'a> {
    /// The thread, as valgrind numbers it within its process.
    pub thread: u32,
    /// The number of the system call.
    pub number: Option<u32>,
    /// The system call, without `sys_`, by the name of what valgrind does for it.
    pub name: &'a [u8],
    /// The text between the parentheses.
    pub args: &'a [u8],
    pub result: CallResult,
    /// The id of the process that it made.
    pub child: Option<u32>,
    /// An access on the same line: another thread began before the line was ended.
    pub access: Option<Access>,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallResult {
    /// A later line shows it.
    Pending,
    /// It succeeded and returned this number.
    Success(u64),
    /// It failed and had no effect.
    Failure,
    /// Another program began: valgrind's greeting follows on the line.
    NewProgram,
    /// The line does not show it.
    Unsaid,
}

/// Reads one line, without its end.
pub fn parse(line: &[u8]) -> Line<'_> {
    if line.starts_with(b"SYSCALL[") {
        return call(line).unwrap_or(Line::Other);
    }
    if let Some(access) = lackey::access(line) {
        return Line::Access(access);
    }
    let text = lackey::log_text(line).filter(|_| line.starts_with(b"=="));
    match text.and_then(|text| text.strip_prefix(b" Command: ")) {
        Some(command) => Line::Command(command),
        None => Line::Other,
    }
}

/// The text after the first `mark`.
fn after<'a>(text: &'a [u8], mark: &[u8]) -> Option<&'a [u8]> {
    let at = memmem::find(text, mark)?;
    Some(&text[at + mark.len()..])
}

/// Reads `SYSCALL[PID,THREAD](NUMBER) NAME ( ARGS ) RESULT`, or a second half.
fn call(line: &[u8]) -> Option<Line<'_>> {
    let comma = memchr::memchr(b',', line)?;
    let close = comma + memchr::memchr(b']', &line[comma..])?;
    let thread = digits::decimal(&line[comma + 1..close]).ok()? as u32;
    let text = after(&line[close..], b") ")?;
    let number = &line[close + 1..line.len() - text.len()];
    let number = number
        .strip_prefix(b"(")
        .and_then(|n| n.strip_suffix(b") "));
    let number = number.and_then(|number| digits::decimal(number).ok());
    if let Some(rest) = text.strip_prefix(b"... [async] --> ") {
        let (result, access) = result(rest);
        return Some(Line::Resumed {
            thread,
            result,
            access,
        });
    }
    let open = memchr::memchr(b'(', text)?;
    let rest = &text[open + 1..];
    // The last arrow, since a path may hold one.
    let arrow = memmem::rfind(rest, b" --> ").or(memmem::rfind(rest, b"--> "));
    let before = &rest[..arrow.unwrap_or(rest.len())];
    let (mut result, access) = match after(&rest[before.len()..], b"--> ") {
        Some(shown) => result(shown),
        None => (CallResult::Unsaid, None),
    };
    let child = after(before, b"created child ").and_then(|text| {
        let length = text.iter().take_while(|b| b.is_ascii_digit()).count();
        Some(digits::decimal(&text[..length]).ok()? as u32)
    });
    if memmem::find(before, b"== Lackey, ").is_some() {
        result = CallResult::NewProgram;
    }
    let end = match (child, result) {
        // More parentheses follow the arguments.
        (Some(_), _) => memchr::memchr(b')', before),
        (_, CallResult::NewProgram) => memmem::rfind(before, b")=="),
        _ => memchr::memrchr(b')', before),
    };
    Some(Line::Call(Call {
        thread,
        number: number.and_then(|number| u32::try_from(number).ok()),
        name: name(&text[..open]),
        args: &before[..end.unwrap_or(before.len())],
        result,
        child,
        access,
    }))
}

/// The name before the arguments: `sys_fcntl[ARG3=='arg'] ` is `fcntl`.
fn name(text: &[u8]) -> &[u8] {
    let end = text
        .iter()
        .position(|&b| b == b'[' || b == b' ')
        .unwrap_or(text.len());
    let name = &text[..end];
    name.strip_prefix(b"sys_").unwrap_or(name)
}

/// Reads the text after the arrow: how the call ended, and perhaps an access glued to it.
fn result(text: &[u8]) -> (CallResult, Option<Access>) {
    if text.starts_with(b"[async] ...") {
        return (CallResult::Pending, None);
    }
    if let Some(inside) = after(text, b"Success(") {
        let end = memchr::memchr(b')', inside).unwrap_or(inside.len());
        let result = number(&inside[..end]).map_or(CallResult::Unsaid, CallResult::Success);
        let rest = inside.get(end + 2..).unwrap_or_default();
        return (result, lackey::access(rest));
    }
    match memmem::find(text, b"Failure(") {
        Some(_) => (CallResult::Failure, None),
        None => (CallResult::Unsaid, None),
    }
}

impl<'a> Call<'a> {
    /// The argument at this index, as a number; a negative one wraps around 2^64. A comma in a path
    /// before it shifts the index.
    pub fn number(&self, index: usize) -> Option<u64> {
        number(self.args.split(|&b| b == b',').nth(index)?.trim_ascii())
    }

    /// The first argument as a hexadecimal number without `0x`: the flags of `clone`.
    pub fn flags(&self) -> Option<u64> {
        let first = self.args.split(|&b| b == b',').next()?.trim_ascii();
        u64::from_str_radix(str::from_utf8(first).ok()?, 16).ok()
    }

    /// The number at this index among the arguments behind the path.
    pub fn after_path(&self, index: usize) -> Option<u64> {
        let path = self.path()?;
        let end = path.as_ptr() as usize - self.args.as_ptr() as usize + path.len();
        let mut rest = self.args[end..].split(|&b| b == b',').skip(1);
        number(rest.nth(index)?.trim_ascii())
    }

    /// The two paths among the arguments: `0xPTR(/path), 0xPTR(/path)`.
    pub fn two_paths(&self) -> Option<[&'a [u8]; 2]> {
        let first = self.path()?;
        let end = first.as_ptr() as usize - self.args.as_ptr() as usize + first.len();
        let rest = &self.args[end..];
        let open = memchr::memchr(b'(', rest)?;
        let close = memchr::memrchr(b')', rest).filter(|&close| close > open)?;
        Some([first, &rest[open + 1..close]])
    }

    /// The path among the arguments: `0xPTR(/path)`.
    pub fn path(&self) -> Option<&'a [u8]> {
        let open = memchr::memchr(b'(', self.args)?;
        let inside = &self.args[open + 1..];
        let end = memmem::rfind(inside, b"), ").or(memchr::memrchr(b')', inside));
        end.map(|end| &inside[..end])
    }
}

/// Reads a decimal number, also a negative one, or a hexadecimal one with `0x`. A path in parentheses
/// may follow.
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
    use crate::trace::model::access::Kind;

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
        assert_eq!(call.result, CallResult::Success(0x486_b000));
        let numbers: Vec<_> = (0..7).map_while(|i| call.number(i)).collect();
        assert_eq!(numbers, [0x486_b000, 1_400_832, 5, 2066, 6, 155_648]);
        let call = a_call(
            "SYSCALL[8440,7](257) sys_openat ( 4294967196, 0x4034bb0(/usr/a, (b) --> c.so), 524288 ) --> [async] ... ",
        );
        assert_eq!((call.thread, call.result), (7, CallResult::Pending));
        assert_eq!(call.number(0), Some(4_294_967_196));
        assert_eq!(call.path(), Some(&b"/usr/a, (b) --> c.so"[..]));
        for (line, expected) in [
            (
                "SYSCALL[8440,7](257) ... [async] --> Success(0x6) ",
                CallResult::Success(6),
            ),
            (
                "SYSCALL[8440,7](257) ... [async] --> Failure(0x2) ",
                CallResult::Failure,
            ),
        ] {
            let resumed = Line::Resumed {
                thread: 7,
                result: expected,
                access: None,
            };
            assert_eq!(parse(line.as_bytes()), resumed);
        }
        let call = a_call(
            "SYSCALL[17204,1](72) sys_fcntl[ARG3=='arg'] ( 4, 0, 20 )[sync] --> Success(0x14) ",
        );
        assert_eq!(
            (call.name, call.result),
            (&b"fcntl"[..], CallResult::Success(20))
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
        let call = a_call("SYSCALL[1,1](57) sys_fork ( )   fork: process 1 created child 9566");
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
        assert_eq!(call.result, CallResult::NewProgram);
        assert_eq!(call.path(), Some(&b"/usr/bin/true"[..]));
        let call = a_call(
            "SYSCALL[8635,1](59) sys_execve ( 0x1fff000160(/true), 0x1, 0x2 ) --> [pre-fail] Failure(0x2) ",
        );
        assert_eq!(call.result, CallResult::Failure);
        let command = parse(b"==8635== Command: /usr/bin/true -x");
        assert_eq!(command, Line::Command(b"/usr/bin/true -x"));
        for line in ["--8635-- Command: x", "==8635==Command: x", "== Command: x"] {
            assert_eq!(parse(line.as_bytes()), Line::Other, "{line}");
        }
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
