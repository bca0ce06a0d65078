//! From the log of all processes to one stream of accesses and events: which process wrote which
//! bytes, when processes begin and end, and the repairs without which a strict replay would end a
//! process for something that the log does not show.
//!
//! `take` gets the log in writing order, with the writer of each piece. So a child's first line
//! follows its parent's fork, and its end precedes the parent's `wait`. One gap remains: the parent
//! completes the line that names the child only after the fork. An unknown pid is therefore the child
//! of the one process with an unfinished fork line; if there are several, its bytes are held until it
//! is named.

use super::areas::PAGE;
use super::calls;
use super::descriptors::Descriptors;
use super::files::Files;
use super::log_line;
use super::log_line::{Call, CallResult, Line};
use super::process::{Process, Supplied, World};
use super::system::System;
use crate::trace::format::lackey;
use crate::trace::model::access::Access;
use crate::trace::model::event::Event;
use memchr::memchr;
use rustc_hash::{FxHashMap, FxHashSet};
use std::io;

/// Takes what is recorded, in order. Processes are numbered from 1, in order of appearance.
pub trait RecordingSink {
    /// Takes the next accesses. Returns false if it wants no more.
    fn accesses(&mut self, accesses: &[Access]) -> io::Result<bool>;
    /// Takes the next event.
    fn event(&mut self, process: u32, event: Event) -> io::Result<()>;
}

/// Largest beginning of a line that is kept until its end arrives, and largest text that is kept of a
/// process whose parent is unknown; in bytes. Neither occurs in practice.
const KEPT_MAX: usize = 1 << 24;

/// `wait4`: also wait for children that only stopped, or continued.
const WUNTRACED: u64 = 2;
const WCONTINUED: u64 = 8;

/// Records a program and its children.
pub struct Recorder<S, K> {
    options: RecordOptions,
    world: World<S>,
    sink: K,
    members: Vec<Member>,
    /// The newest member of each process id.
    by_pid: FxHashMap<u32, MemberId>,
    /// Children that began before their parent named them.
    unnamed: FxHashSet<(MemberId, u32)>,
    /// The text of processes whose parent is still unknown, by process id.
    held: FxHashMap<u32, Vec<u8>>,
    /// Accesses that the sink has not received yet.
    batch: Vec<Access>,
    parsed: Vec<Access>,
    repairs: Repairs,
    /// Accesses that the sink has received.
    passed: u64,
    /// True once the sink wants no more.
    full: bool,
}

/// An index into the members of a recording: its processes, in order of appearance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct MemberId(usize);

impl MemberId {
    /// The number of the process in the recording.
    fn number(self) -> u32 {
        self.0 as u32 + 1
    }
}

/// A process of the recording.
struct Member {
    process: Process,
    /// The beginning of a line.
    carry: Vec<u8>,
    /// The first halves of calls whose result is not known yet, by thread.
    pending: FxHashMap<u32, Vec<u8>>,
    /// True if a program begins whose mappings are not known yet.
    fresh: bool,
    /// True after the process has ended.
    dead: bool,
    /// The process whose memory it uses.
    lender: Option<MemberId>,
    told: ProcessSummary,
}

/// Summary of a process at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcessSummary {
    /// The command that it ran last.
    pub command: String,
    /// Number of its accesses.
    pub accesses: u64,
}

/// Additions and omissions of the recorder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repairs {
    /// Pages, per process, in mappings of valgrind.
    pub valgrind: FxHashSet<(u32, u64)>,
    /// Number of accesses of such pages that were left out.
    pub valgrind_left_out: u64,
    /// Pages, per process, whose mapping was made up.
    pub unknown: FxHashSet<(u32, u64)>,
    /// Pages, per process, whose protection was widened beyond what the program asked for.
    pub widened: FxHashSet<(u32, u64)>,
    /// Pages, per process, that the kernel wrote for the program (`read` and its like). Only with
    /// [`RecordOptions::notes_kernel_writes`].
    pub kernel_written: FxHashSet<(u32, u64)>,
    /// Number of reads and writes of files left out, since the log does not show where they were.
    pub unseen_uses: u64,
    /// Number of accesses left out: outside user space, or by processes that had ended.
    pub left_out: u64,
}

/// Whether an access can be recorded.
enum Legal {
    Yes,
    /// No: it is of a page of valgrind's own.
    OfValgrind,
    /// No: its process has ended, or it lies outside user space.
    No,
}

/// What a recording has besides the program's accesses and mappings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecordOptions {
    /// The mappings of valgrind in the program's address space, and the accesses of them.
    pub keep_preloads: bool,
    /// Reads and writes of files without a mapping.
    pub file_io: bool,
    /// Note which pages the kernel wrote, beside the recording.
    pub notes_kernel_writes: bool,
}

impl<S: System, K: RecordingSink> Recorder<S, K> {
    /// A recorder without processes that writes to `sink`.
    pub fn new(system: S, options: RecordOptions, sink: K) -> Recorder<S, K> {
        Recorder {
            options,
            world: World {
                system,
                files: Files::new(options.file_io),
            },
            sink,
            members: Vec::new(),
            by_pid: FxHashMap::default(),
            unnamed: FxHashSet::default(),
            held: FxHashMap::default(),
            batch: Vec::new(),
            parsed: Vec::new(),
            repairs: Repairs::default(),
            passed: 0,
            full: false,
        }
    }

    /// Takes the next bytes of the log and the process that wrote them. Returns false once the sink
    /// wants no more.
    pub fn take(&mut self, pid: u32, bytes: &[u8]) -> io::Result<bool> {
        match self.member_of(pid, bytes) {
            Some(member) => self.feed(member, bytes)?,
            None => self.stranger(pid, bytes)?,
        }
        self.flush()?;
        Ok(!self.full)
    }

    fn member(&mut self, id: MemberId) -> &mut Member {
        &mut self.members[id.0]
    }

    /// Returns the member that wrote `bytes`, if known. A pid can be reused: after a member's exit its
    /// bytes belong to a new process if some process is forking and they do not start like valgrind's
    /// closing text.
    fn member_of(&self, pid: u32, bytes: &[u8]) -> Option<MemberId> {
        let id = *self.by_pid.get(&pid)?;
        let closing = |bytes: &[u8]| matches!(bytes.first(), Some(b'=' | b' ' | b'\n') | None);
        let same = !self.members[id.0].dead || closing(bytes) || self.forking().is_empty();
        same.then_some(id)
    }

    /// The processes that are forking: their line of the call has begun.
    fn forking(&self) -> Vec<MemberId> {
        let forks = |member: &Member| match log_line::parse(&member.carry) {
            Line::Call(call) => calls::makes_process(&call),
            _ => false,
        };
        let all = self.members.iter().enumerate();
        all.filter(|(_, member)| !member.dead && forks(member))
            .map(|(index, _)| MemberId(index))
            .collect()
    }

    /// Takes bytes of a process that is not known.
    fn stranger(&mut self, pid: u32, bytes: &[u8]) -> io::Result<()> {
        let forking = self.forking();
        let held = self.held.get(&pid).map_or(0, Vec::len);
        match forking[..] {
            [parent] => {
                let borrows = match log_line::parse(&self.members[parent.0].carry) {
                    Line::Call(call) => calls::borrows(&call),
                    _ => false,
                };
                let child = self.fork(parent, pid, borrows)?;
                self.unnamed.insert((parent, pid));
                self.feed_held(child, pid)?;
                self.feed(child, bytes)
            }
            [_, _, ..] if held + bytes.len() < KEPT_MAX => {
                self.held.entry(pid).or_default().extend_from_slice(bytes);
                Ok(())
            }
            // The first process; or one whose pid in the log is not the system's.
            _ => self.adopt(pid, bytes),
        }
    }

    /// Adds a process without a parent, and takes its bytes.
    fn adopt(&mut self, pid: u32, bytes: &[u8]) -> io::Result<()> {
        let mut process = Process::new(pid, self.options.keep_preloads);
        if self.members.is_empty() {
            process.descriptors = Descriptors::inherited(&self.world.system);
        }
        let member = self.add(process, String::new(), true);
        self.feed_held(member, pid)?;
        self.feed(member, bytes)
    }

    fn add(&mut self, process: Process, command: String, fresh: bool) -> MemberId {
        let id = MemberId(self.members.len());
        self.by_pid.insert(process.pid, id);
        self.members.push(Member {
            process,
            carry: Vec::new(),
            pending: FxHashMap::default(),
            fresh,
            dead: false,
            lender: None,
            told: ProcessSummary {
                command,
                accesses: 0,
            },
        });
        id
    }

    /// Adds the child of `parent`; `borrows`: it uses the memory of its parent until its exec or exit.
    fn fork(&mut self, parent: MemberId, pid: u32, borrows: bool) -> io::Result<MemberId> {
        let of = self.member(parent);
        let mut process = of.process.clone();
        process.pid = pid;
        let (command, fresh) = (of.told.command.clone(), of.fresh);
        let child = self.add(process, command, fresh);
        let number = child.number();
        let event = match borrows {
            true => Event::Vfork { child: number },
            false => Event::Fork { child: number },
        };
        self.member(child).lender = borrows.then_some(parent);
        self.emit(parent, event)?;
        Ok(child)
    }

    /// Takes the bytes that were held for a process.
    fn feed_held(&mut self, member: MemberId, pid: u32) -> io::Result<()> {
        let held = self.held.remove(&pid).unwrap_or_default();
        self.feed(member, &held)
    }

    /// Takes bytes of a process: whole lines are read, the rest is kept.
    fn feed(&mut self, id: MemberId, bytes: &[u8]) -> io::Result<()> {
        let mut carry = std::mem::take(&mut self.member(id).carry);
        let mut rest = bytes;
        if !carry.is_empty() {
            let Some(end) = memchr(b'\n', bytes) else {
                // Valgrind writes no line as long as that.
                if carry.len() < KEPT_MAX {
                    carry.extend_from_slice(bytes);
                }
                self.member(id).carry = carry;
                return Ok(());
            };
            carry.extend_from_slice(&bytes[..end]);
            self.line(id, &carry)?;
            rest = &bytes[end + 1..];
        }
        let used = self.whole_lines(id, rest)?;
        carry.clear();
        carry.extend_from_slice(&rest[used..]);
        self.member(id).carry = carry;
        Ok(())
    }

    /// Takes the whole lines at the beginning of `bytes`. Returns how many bytes they were.
    fn whole_lines(&mut self, id: MemberId, bytes: &[u8]) -> io::Result<usize> {
        let mut used = 0;
        while !self.full {
            let mut parsed = std::mem::take(&mut self.parsed);
            used += lackey::accesses(&bytes[used..], &mut parsed);
            for access in parsed.drain(..) {
                self.access(id, access)?;
            }
            self.parsed = parsed;
            let Some(end) = memchr(b'\n', &bytes[used..]) else {
                return Ok(used);
            };
            self.line(id, &bytes[used..used + end])?;
            used += end + 1;
        }
        Ok(bytes.len())
    }

    fn line(&mut self, id: MemberId, line: &[u8]) -> io::Result<()> {
        match log_line::parse(line) {
            Line::Access(access) => self.access(id, access),
            Line::Call(call) => self.call(id, &call, line),
            Line::Resumed {
                thread,
                result,
                access,
            } => self.resumed(id, thread, result, access),
            Line::Command(command) => {
                self.member(id).told.command = String::from_utf8_lossy(command).into_owned();
                Ok(())
            }
            Line::Other => Ok(()),
        }
    }

    #[inline]
    fn access(&mut self, id: MemberId, mut access: Access) -> io::Result<()> {
        access.pid = id.number();
        let first = access.addr & !(PAGE - 1);
        let last = access.addr.saturating_add(u64::from(access.size) - 1) & !(PAGE - 1);
        let member = &self.members[id.0];
        let cached = |process: &Process| process.is_cached(first, access.kind);
        let legal = first == last && cached(&member.process) && !member.dead;
        if !legal {
            let left_out = match self.make_legal(id, first, last, access)? {
                Legal::Yes => None,
                Legal::OfValgrind => Some(&mut self.repairs.valgrind_left_out),
                Legal::No => Some(&mut self.repairs.left_out),
            };
            if let Some(left_out) = left_out {
                *left_out += 1;
                return Ok(());
            }
        }
        self.member(id).told.accesses += 1;
        self.batch.push(access);
        Ok(())
    }

    /// Emits the events that make `access` legal, if it can be.
    #[cold]
    fn make_legal(
        &mut self,
        id: MemberId,
        first: u64,
        last: u64,
        access: Access,
    ) -> io::Result<Legal> {
        if self.member(id).dead {
            return Ok(Legal::No);
        }
        let mut events = self.begin(id);
        let process = &mut self.members[id.0].process;
        let mut legal = Legal::Yes;
        for page in (first..=last).step_by(PAGE as usize) {
            let pages = match process.supply(page, access.kind, &mut self.world, &mut events) {
                Supplied::Nothing => continue,
                Supplied::Valgrind => &mut self.repairs.valgrind,
                Supplied::LeftOut => {
                    legal = Legal::OfValgrind;
                    &mut self.repairs.valgrind
                }
                Supplied::Unknown => &mut self.repairs.unknown,
                Supplied::Widened => &mut self.repairs.widened,
                Supplied::Outside => {
                    legal = Legal::No;
                    continue;
                }
            };
            pages.insert((id.number(), page));
        }
        self.emit_all(id, events)?;
        Ok(legal)
    }

    /// Takes over the mappings of a program that begins. Returns the events for them; none if it began
    /// earlier.
    fn begin(&mut self, id: MemberId) -> Vec<Event> {
        let mut events = Vec::new();
        let member = &mut self.members[id.0];
        if std::mem::take(&mut member.fresh) {
            member.process.begin(&mut self.world, &mut events);
        }
        events
    }

    fn call(&mut self, id: MemberId, call: &Call<'_>, line: &[u8]) -> io::Result<()> {
        if self.member(id).dead {
            return Ok(());
        }
        if let Some(pid) = call.child {
            self.named(id, pid, calls::borrows(call))?;
        }
        match call.result {
            CallResult::Pending => {
                let pending = &mut self.member(id).pending;
                pending.insert(call.thread, line.to_vec());
            }
            CallResult::NewProgram => self.exec(id, call)?,
            CallResult::Success(result) => self.done(id, call, result)?,
            CallResult::Failure | CallResult::Unsaid => {
                self.member(id).pending.remove(&call.thread);
            }
        }
        self.glued(id, call.access)
    }

    /// Takes the second half of a call.
    fn resumed(
        &mut self,
        id: MemberId,
        thread: u32,
        result: CallResult,
        access: Option<Access>,
    ) -> io::Result<()> {
        if self.member(id).dead {
            return Ok(());
        }
        let first = self.member(id).pending.remove(&thread);
        if let CallResult::Success(result) = result
            && let Some(Line::Call(first)) = first.as_deref().map(log_line::parse)
        {
            self.done(id, &first, result)?;
        }
        self.glued(id, access)
    }

    /// Takes an access that is glued to the line of a call.
    fn glued(&mut self, id: MemberId, access: Option<Access>) -> io::Result<()> {
        match access {
            Some(access) => self.access(id, access),
            None => Ok(()),
        }
    }

    /// A process names the child that it made. The child may have begun already.
    fn named(&mut self, parent: MemberId, pid: u32, borrows: bool) -> io::Result<()> {
        if self.unnamed.remove(&(parent, pid)) {
            return Ok(());
        }
        let child = self.fork(parent, pid, borrows)?;
        self.feed_held(child, pid)
    }

    /// Gives the memory that a process borrowed back, with what was mapped in it meanwhile.
    fn give_back(&mut self, id: MemberId) {
        if let Some(lender) = self.member(id).lender.take() {
            let areas = self.member(id).process.clone();
            self.member(lender).process.take_back(&areas);
        }
    }

    fn exec(&mut self, id: MemberId, call: &Call<'_>) -> io::Result<()> {
        self.give_back(id);
        let member = self.member(id);
        member.process.exec();
        member.process.descriptors.exec();
        member.pending.clear();
        member.fresh = true;
        if let Some(path) = call.path() {
            member.told.command = String::from_utf8_lossy(path).into_owned();
        }
        self.emit(id, Event::Exec)
    }

    /// A call succeeded and returned `result`.
    fn done(&mut self, id: MemberId, call: &Call<'_>, result: u64) -> io::Result<()> {
        match call.name {
            b"exit_group" => return self.exit(id),
            b"wait4" => return self.waited(call, result),
            _ => {}
        }
        let written = calls::written_by_kernel(call, result);
        if let Some(bytes) = written.filter(|_| self.options.notes_kernel_writes) {
            let pages = (bytes.start / PAGE)..=((bytes.end - 1) / PAGE);
            let pages = pages.map(|page| (id.number(), page * PAGE));
            self.repairs.kernel_written.extend(pages);
        }
        let process = &mut self.members[id.0].process;
        let pid = process.pid;
        let World { system, files } = &mut self.world;
        let mut of_files = Vec::new();
        process
            .descriptors
            .note(call, result, pid, system, files, &mut of_files);
        let change = calls::change(call, result);
        if of_files.is_empty() && change.is_none() {
            return Ok(());
        }
        let mut events = self.begin(id);
        events.extend(of_files);
        if let Some(change) = change {
            let process = &mut self.members[id.0].process;
            process.apply(&change, &mut self.world, &mut events);
        }
        self.emit_all(id, events)
    }

    /// `wait4` returned a child whose exit is not in the log: it was killed, so its exit is recorded
    /// here.
    fn waited(&mut self, call: &Call<'_>, result: u64) -> io::Result<()> {
        // Otherwise the child may only have stopped.
        let ended = |options| options & (WUNTRACED | WCONTINUED) == 0;
        let child = self.by_pid.get(&(result as u32)).copied();
        match child {
            Some(child) if call.number(2).is_some_and(ended) && !self.member(child).dead => {
                self.exit(child)
            }
            _ => Ok(()),
        }
    }

    fn exit(&mut self, id: MemberId) -> io::Result<()> {
        self.give_back(id);
        self.member(id).dead = true;
        self.emit(id, Event::Exit)
    }

    /// Hands an event to the sink, after the accesses before it.
    fn emit(&mut self, id: MemberId, event: Event) -> io::Result<()> {
        self.flush()?;
        if self.full {
            return Ok(());
        }
        self.sink.event(id.number(), event)
    }

    fn emit_all(&mut self, id: MemberId, events: Vec<Event>) -> io::Result<()> {
        events
            .into_iter()
            .try_for_each(|event| self.emit(id, event))
    }

    /// Hands the accesses so far to the sink.
    fn flush(&mut self) -> io::Result<()> {
        if !self.batch.is_empty() && !self.full {
            self.passed += self.batch.len() as u64;
            self.full = !self.sink.accesses(&self.batch)?;
        }
        self.batch.clear();
        Ok(())
    }

    /// Ends the recording. Returns the sink, the summaries of the processes, and the repairs.
    pub fn finish(mut self) -> io::Result<(K, Vec<ProcessSummary>, Repairs)> {
        let mut left: Vec<u32> = self.held.keys().copied().collect();
        left.sort_unstable();
        for pid in left {
            self.adopt(pid, b"")?;
        }
        // The beginning of a line is dropped: if a kill cut it short, it may be half an address.
        self.flush()?;
        self.repairs.unseen_uses = self.world.files.unseen_uses;
        let told = self.members.into_iter().map(|member| member.told);
        Ok((self.sink, told.collect(), self.repairs))
    }

    /// Returns the number of accesses recorded so far.
    pub fn accesses(&self) -> u64 {
        self.passed
    }

    /// The processes that are not known to have ended, by their ids in the system.
    pub fn alive(&self) -> impl Iterator<Item = u32> {
        self.members
            .iter()
            .filter(|member| !member.dead)
            .map(|member| member.process.pid)
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod use_tests;
