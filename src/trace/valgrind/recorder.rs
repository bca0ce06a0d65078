//! From the log of all processes to one stream of accesses and events: which bytes are of which
//! process, when processes begin and end, and the repairs without which a strict replay would end
//! a process for what the log does not show.
//!
//! Whoever reads the log says which process wrote which bytes, in the order of writing. That a
//! child's first line comes after its parent's fork, and the end of a child before its parent's
//! `wait`, then follows, but for one thing: the parent's line that names the child is finished
//! only after the fork. So a process that nobody has named is the child of the one process whose
//! line of a fork is unfinished, and waits for its name if there are several.

use super::areas::PAGE;
use super::calls;
use super::log::{self, Call, Line, Outcome};
use super::process::{Process, Supplied, World};
use super::system::System;
use crate::trace::event::Event;
use crate::trace::format::lackey;
use crate::trace::record::Access;
use memchr::memchr;
use rustc_hash::{FxHashMap, FxHashSet};
use std::io;

/// Takes what is recorded, in order. Processes are numbered from 1, in order of appearance.
pub trait Sink {
    /// The next accesses; returns false if no more are wanted.
    fn accesses(&mut self, accesses: &[Access]) -> io::Result<bool>;
    /// The next event.
    fn event(&mut self, process: u32, event: Event) -> io::Result<()>;
}

/// The longest line that is kept while its end is not there, and the most that is kept of a
/// process whose parent is not known, in bytes. Both are far beyond what happens.
const KEPT_MOST: usize = 1 << 24;

/// Records a program and its children.
pub struct Recorder<S> {
    world: World<S>,
    members: Vec<Member>,
    /// The newest member of each process id.
    by_pid: FxHashMap<u32, usize>,
    /// Children that began before their parent named them.
    unnamed: FxHashSet<(usize, u32)>,
    /// What processes wrote whose parent is not known yet.
    held: FxHashMap<u32, Vec<u8>>,
    /// Accesses that the sink has not seen yet.
    batch: Vec<Access>,
    parsed: Vec<Access>,
    events: Vec<Event>,
    repairs: Repairs,
    full: bool,
}

/// A process of the recording.
struct Member {
    process: Process,
    /// The beginning of a line.
    carry: Vec<u8>,
    /// Lines of calls whose outcome is not known, by thread.
    pending: FxHashMap<u32, Vec<u8>>,
    /// A program begins: its mappings are not known.
    fresh: bool,
    dead: bool,
    told: Told,
}

/// What is known of a process at the end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// The command that it ran last.
    pub command: String,
    /// Its accesses.
    pub accesses: u64,
}

/// What the recorder had to add, or to leave out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repairs {
    /// Pages, per process, in mappings of valgrind.
    pub valgrind: FxHashSet<(u32, u64)>,
    /// Pages, per process, whose mapping had to be made up.
    pub unknown: FxHashSet<(u32, u64)>,
    /// Pages, per process, that had to allow more than the program asked for.
    pub widened: FxHashSet<(u32, u64)>,
    /// Accesses of addresses that no program can map, or of processes that had ended: left out.
    pub left_out: u64,
}

impl<S: System> Recorder<S> {
    /// That has heard of no process yet.
    pub fn new(system: S) -> Recorder<S> {
        Recorder {
            world: World {
                system,
                files: Default::default(),
            },
            members: Vec::new(),
            by_pid: FxHashMap::default(),
            unnamed: FxHashSet::default(),
            held: FxHashMap::default(),
            batch: Vec::new(),
            parsed: Vec::new(),
            events: Vec::new(),
            repairs: Repairs::default(),
            full: false,
        }
    }

    /// Takes the next bytes of the log and the process that wrote them. Returns false once the
    /// sink wants no more.
    pub fn take(&mut self, pid: u32, bytes: &[u8], sink: &mut impl Sink) -> io::Result<bool> {
        match self.member(pid, bytes) {
            Some(member) => self.feed(member, bytes, sink)?,
            None => self.stranger(pid, bytes, sink)?,
        }
        self.flush(sink)?;
        Ok(!self.full)
    }

    /// The process that these bytes are of, if it is known. A dead one may still say goodbye, but
    /// while somebody forks it may also be a new one of the same number.
    fn member(&self, pid: u32, bytes: &[u8]) -> Option<usize> {
        let member = *self.by_pid.get(&pid)?;
        let farewell = |bytes: &[u8]| matches!(bytes.first(), Some(b'=' | b' ' | b'\n') | None);
        let same = !self.members[member].dead || farewell(bytes) || self.forking().is_empty();
        same.then_some(member)
    }

    /// The processes that are about to fork: the beginning of their line is there.
    fn forking(&self) -> Vec<usize> {
        let forks = |member: &Member| {
            let line = &member.carry;
            let Line::Call(call) = log::parse(line) else {
                return false;
            };
            // CLONE_VM without CLONE_VFORK makes a thread.
            let thread = || call.flags().is_some_and(|flags| flags & 0x4100 == 0x100);
            match call.name {
                b"fork" | b"vfork" => true,
                b"clone" | b"clone3" => !thread(),
                _ => false,
            }
        };
        let all = self.members.iter().enumerate();
        all.filter(|(_, member)| !member.dead && forks(member))
            .map(|(index, _)| index)
            .collect()
    }

    fn stranger(&mut self, pid: u32, bytes: &[u8], sink: &mut impl Sink) -> io::Result<()> {
        let forking = self.forking();
        let held = self.held.get(&pid).map_or(0, Vec::len);
        match forking[..] {
            [parent] => {
                let child = self.fork(parent, pid, sink)?;
                self.unnamed.insert((parent, pid));
                let held = self.held.remove(&pid).unwrap_or_default();
                self.feed(child, &held, sink)?;
                self.feed(child, bytes, sink)
            }
            [_, _, ..] if held + bytes.len() < KEPT_MOST => {
                self.held.entry(pid).or_default().extend_from_slice(bytes);
                Ok(())
            }
            // The first of all; or one that calls itself otherwise than the system does.
            _ => self.adopt(pid, bytes, sink),
        }
    }

    fn adopt(&mut self, pid: u32, bytes: &[u8], sink: &mut impl Sink) -> io::Result<()> {
        let process = Process::new(pid);
        let member = self.add(process, None, true);
        let held = self.held.remove(&pid).unwrap_or_default();
        self.feed(member, &held, sink)?;
        self.feed(member, bytes, sink)
    }

    fn add(&mut self, process: Process, parent: Option<usize>, fresh: bool) -> usize {
        let command = parent.map(|parent| self.members[parent].told.command.clone());
        self.by_pid.insert(process.pid, self.members.len());
        self.members.push(Member {
            process,
            carry: Vec::new(),
            pending: FxHashMap::default(),
            fresh,
            dead: false,
            told: Told {
                command: command.unwrap_or_default(),
                accesses: 0,
            },
        });
        self.members.len() - 1
    }

    fn fork(&mut self, parent: usize, pid: u32, sink: &mut impl Sink) -> io::Result<usize> {
        let mut process = self.members[parent].process.clone();
        process.pid = pid;
        let child = self.add(process, Some(parent), self.members[parent].fresh);
        let number = number(child);
        self.tell(parent, Event::Fork { child: number }, sink)?;
        Ok(child)
    }

    /// Takes bytes of a process: whole lines are read, the rest is kept.
    fn feed(&mut self, member: usize, bytes: &[u8], sink: &mut impl Sink) -> io::Result<()> {
        let mut carry = std::mem::take(&mut self.members[member].carry);
        let mut rest = bytes;
        if !carry.is_empty() {
            let Some(end) = memchr(b'\n', bytes) else {
                // A line without end is not of valgrind.
                if carry.len() < KEPT_MOST {
                    carry.extend_from_slice(bytes);
                }
                self.members[member].carry = carry;
                return Ok(());
            };
            carry.extend_from_slice(&bytes[..end]);
            self.line(member, &carry, sink)?;
            rest = &bytes[end + 1..];
        }
        let used = self.whole_lines(member, rest, sink)?;
        carry.clear();
        carry.extend_from_slice(&rest[used..]);
        self.members[member].carry = carry;
        Ok(())
    }

    fn whole_lines(
        &mut self,
        member: usize,
        bytes: &[u8],
        sink: &mut impl Sink,
    ) -> io::Result<usize> {
        let mut used = 0;
        while !self.full {
            let mut parsed = std::mem::take(&mut self.parsed);
            used += lackey::accesses(&bytes[used..], &mut parsed);
            for access in parsed.drain(..) {
                self.access(member, access, sink)?;
            }
            self.parsed = parsed;
            let Some(end) = memchr(b'\n', &bytes[used..]) else {
                return Ok(used);
            };
            self.line(member, &bytes[used..used + end], sink)?;
            used += end + 1;
        }
        Ok(bytes.len())
    }

    fn line(&mut self, member: usize, line: &[u8], sink: &mut impl Sink) -> io::Result<()> {
        match log::parse(line) {
            Line::Access(access) => self.access(member, access, sink),
            Line::Call(call) => self.call(member, &call, line, sink),
            Line::Command(command) => {
                self.members[member].told.command = String::from_utf8_lossy(command).into_owned();
                Ok(())
            }
            Line::Other => Ok(()),
        }
    }

    #[inline]
    fn access(
        &mut self,
        member: usize,
        mut access: Access,
        sink: &mut impl Sink,
    ) -> io::Result<()> {
        access.pid = number(member);
        let first = access.addr & !(PAGE - 1);
        let last = access.addr.saturating_add(u64::from(access.size) - 1) & !(PAGE - 1);
        let one = &self.members[member];
        let known = first == last && one.process.knows(first, access.kind) && !one.dead;
        if !known && !self.make_legal(member, first, last, access, sink)? {
            self.repairs.left_out += 1;
            return Ok(());
        }
        self.members[member].told.accesses += 1;
        self.batch.push(access);
        Ok(())
    }

    /// Tells what an access needs to be legal; false if it cannot be.
    #[cold]
    fn make_legal(
        &mut self,
        index: usize,
        first: u64,
        last: u64,
        access: Access,
        sink: &mut impl Sink,
    ) -> io::Result<bool> {
        let number = number(index);
        let member = &mut self.members[index];
        if member.dead {
            return Ok(false);
        }
        let mut events = std::mem::take(&mut self.events);
        if std::mem::take(&mut member.fresh) {
            member.process.begin(&mut self.world, &mut events);
        }
        let mut legal = true;
        for page in (first..=last).step_by(PAGE as usize) {
            let process = &mut member.process;
            let pages = match process.supply(page, access.kind, &mut self.world, &mut events) {
                Supplied::Nothing => continue,
                Supplied::Valgrind => &mut self.repairs.valgrind,
                Supplied::Unknown => &mut self.repairs.unknown,
                Supplied::Widened => &mut self.repairs.widened,
                Supplied::Outside => {
                    legal = false;
                    continue;
                }
            };
            pages.insert((number, page));
        }
        self.tell_all(index, events, sink)?;
        Ok(legal)
    }

    fn call(
        &mut self,
        index: usize,
        call: &Call<'_>,
        line: &[u8],
        sink: &mut impl Sink,
    ) -> io::Result<()> {
        let member = &mut self.members[index];
        if member.dead {
            return Ok(());
        }
        if let Some(pid) = call.child {
            self.named(index, pid, sink)?;
        }
        match call.outcome {
            Outcome::Pending => {
                let pending = &mut self.members[index].pending;
                pending.insert(call.thread, line.to_vec());
            }
            Outcome::NewProgram => self.exec(index, call, sink)?,
            Outcome::Success(result) if call.name.is_empty() => {
                let first = self.members[index].pending.remove(&call.thread);
                if let Some(Line::Call(first)) = first.as_deref().map(log::parse) {
                    self.done(index, &first, result, sink)?;
                }
            }
            Outcome::Success(result) => self.done(index, call, result, sink)?,
            Outcome::Failure | Outcome::Unsaid => {
                self.members[index].pending.remove(&call.thread);
            }
        }
        match call.access {
            Some(access) => self.access(index, access, sink),
            None => Ok(()),
        }
    }

    /// A process names the child that it made, which may have begun already.
    fn named(&mut self, parent: usize, pid: u32, sink: &mut impl Sink) -> io::Result<()> {
        if self.unnamed.remove(&(parent, pid)) {
            return Ok(());
        }
        let child = self.fork(parent, pid, sink)?;
        let held = self.held.remove(&pid).unwrap_or_default();
        self.feed(child, &held, sink)
    }

    fn exec(&mut self, index: usize, call: &Call<'_>, sink: &mut impl Sink) -> io::Result<()> {
        let member = &mut self.members[index];
        member.process.exec();
        member.pending.clear();
        member.fresh = true;
        if let Some(path) = call.path() {
            member.told.command = String::from_utf8_lossy(path).into_owned();
        }
        self.tell(index, Event::Exec, sink)
    }

    /// A call succeeded with this result.
    fn done(
        &mut self,
        index: usize,
        call: &Call<'_>,
        result: u64,
        sink: &mut impl Sink,
    ) -> io::Result<()> {
        match call.name {
            b"exit_group" => return self.exit(index, sink),
            b"wait4" => return self.waited(call, result, sink),
            _ => {}
        }
        let member = &mut self.members[index];
        let pid = member.process.pid;
        let descriptors = &mut member.process.descriptors;
        descriptors.note(call, result, pid, &self.world.system);
        let Some(change) = calls::change(call, result) else {
            return Ok(());
        };
        let mut events = std::mem::take(&mut self.events);
        if std::mem::take(&mut member.fresh) {
            member.process.begin(&mut self.world, &mut events);
        }
        member.process.apply(&change, &mut self.world, &mut events);
        self.tell_all(index, events, sink)
    }

    /// A process waited for a child: if that did not say how it ended, something killed it.
    fn waited(&mut self, call: &Call<'_>, result: u64, sink: &mut impl Sink) -> io::Result<()> {
        // WUNTRACED and WCONTINUED: the child may only have stopped.
        let ended = call.number(2).is_some_and(|options| options & 10 == 0);
        let child = self.by_pid.get(&(result as u32)).copied();
        match child.filter(|&child| ended && !self.members[child].dead) {
            Some(child) => self.exit(child, sink),
            None => Ok(()),
        }
    }

    fn exit(&mut self, member: usize, sink: &mut impl Sink) -> io::Result<()> {
        self.members[member].dead = true;
        self.tell(member, Event::Exit, sink)
    }

    fn tell(&mut self, member: usize, event: Event, sink: &mut impl Sink) -> io::Result<()> {
        self.flush(sink)?;
        if self.full {
            return Ok(());
        }
        sink.event(number(member), event)
    }

    fn tell_all(
        &mut self,
        member: usize,
        mut events: Vec<Event>,
        sink: &mut impl Sink,
    ) -> io::Result<()> {
        for event in events.drain(..) {
            self.tell(member, event, sink)?;
        }
        self.events = events;
        Ok(())
    }

    /// Hands the accesses so far on.
    fn flush(&mut self, sink: &mut impl Sink) -> io::Result<()> {
        if !self.batch.is_empty() && !self.full {
            self.full = !sink.accesses(&self.batch)?;
        }
        self.batch.clear();
        Ok(())
    }

    /// The log is at its end. Returns what is known of each process, and the repairs.
    pub fn finish(mut self, sink: &mut impl Sink) -> io::Result<(Vec<Told>, Repairs)> {
        let mut left: Vec<u32> = self.held.keys().copied().collect();
        left.sort_unstable();
        for pid in left {
            self.adopt(pid, b"", sink)?;
        }
        for member in 0..self.members.len() {
            // A line that was cut short by a kill may be half an address.
            self.members[member].carry.clear();
        }
        self.flush(sink)?;
        let told = self.members.into_iter().map(|member| member.told);
        Ok((told.collect(), self.repairs))
    }

    /// The processes that are not known to have ended, by their ids in the system.
    pub fn alive(&self) -> impl Iterator<Item = u32> {
        self.members
            .iter()
            .filter(|member| !member.dead)
            .map(|member| member.process.pid)
    }
}

/// The number of a process in the recording.
fn number(member: usize) -> u32 {
    member as u32 + 1
}

#[cfg(test)]
mod tests;
