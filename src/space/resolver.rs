//! The resolution of a trace: goes once through its references and events, keeps processes,
//! bindings and owners, and writes down what the machine must do. Most references need no look:
//! for each entry it is known which kinds of access change nothing.

use super::timeline::Moment;
use super::vma::Vmas;
use super::{
    Binding, Class, EntryId, Mappings, NONE, ObjectId, Op, OpAt, Options, Origin, ProcessView,
    Resolved, Rights, Space, SpaceError, Tally, View, bind, infer,
};
use crate::trace::dense::{Dictionary, KIND_MASK, KindCode, PageKey, Ref, Tile, Trace, page_of};
use crate::trace::event::{EventAt, Protection};
use crate::trace::record::{Addressing, Kind};
use crate::units::PAGE_ID_MAX;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;
use std::ops::Range;

/// The page size of the kernels that made the traces: what they round ranges to.
const KERNEL_PAGE: u64 = 4096;

/// What became of a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum State {
    /// It has not appeared yet.
    #[default]
    Unborn,
    Alive,
    Exited,
    /// An illegal reference ended it.
    Killed,
    /// The fork that would have made it was refused, or never came.
    Refused,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Unborn => "unborn",
            State::Alive => "alive",
            State::Exited => "exited",
            State::Killed => "killed",
            State::Refused => "refused",
        }
    }
}

/// A process.
#[derive(Debug, Default)]
pub(super) struct Process {
    pub state: State,
    pub vmas: Vmas,
    /// The first byte of the heap, and the first behind it.
    pub heap: Option<(u64, u64)>,
    /// Its bound pages.
    pub bound: BTreeMap<u64, EntryId>,
    /// Bytes that count against the commit limit.
    pub charge: u64,
}

/// What names an object that several mappings may show: a byte of a file or of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Key {
    File(u32, u64),
    Region(u32, u64),
}

/// The resolution under way.
pub(super) struct Resolver<'t> {
    pub trace: &'t Trace,
    pub options: Options,
    pub shift: u32,
    pub granule: u64,
    /// The trace has mappings: what lies outside of them is illegal.
    pub strict: bool,
    pub processes: Vec<Process>,
    pub space: Space,
    /// The numbers of entries; filled when one is first asked for by page.
    pub entry_of: FxHashMap<PageKey, EntryId>,
    /// For each entry: its object, how it is bound, and a bit for each kind of access that needs
    /// no look.
    pub object: Vec<ObjectId>,
    pub binding: Vec<Binding>,
    pub allows: Vec<u8>,
    /// For each object: its owners and its key, if it has one.
    pub owners: Vec<u32>,
    pub key_of: Vec<Option<Key>>,
    pub keyed: FxHashMap<Key, ObjectId>,
    pub regions: u32,
    /// Bytes promised to all processes.
    pub committed: u128,
    /// Pages of all mappings of all processes, and bound pages.
    pub mapped: u64,
    pub bound: u64,
    /// Legal references so far.
    pub legal: u64,
    /// The position in the trace of the reference or event at hand, from 0.
    pub position: u64,
    /// A reference that may be legal is at hand.
    pub in_reference: bool,
    pub tally: Tally,
    /// The legal references, once there was one that was not.
    kept: Option<(Vec<Ref>, Vec<KindCode>)>,
    watched: Watched,
}

/// Works out what a trace means.
pub fn resolve(trace: Trace, options: &Options) -> Result<Resolved, SpaceError> {
    Ok(resolve_at(trace, options, None)?.0)
}

/// The same, and what the page table allows before and after each of these legal references.
pub fn resolve_watched(
    trace: Trace,
    options: &Options,
    refs: Range<u64>,
) -> Result<(Resolved, Vec<Rights>), SpaceError> {
    let watched = Watched {
        refs,
        rights: Vec::new(),
    };
    let (resolved, _, rights) = resolve_all(trace, options, None, watched)?;
    Ok((resolved, rights))
}

/// The same, and how all processes stand after the first `at` references of the trace, before the
/// events that follow them; after the last event if there are fewer.
pub fn resolve_at(
    trace: Trace,
    options: &Options,
    at: Option<u64>,
) -> Result<(Resolved, Option<View>), SpaceError> {
    let (resolved, view, _) = resolve_all(trace, options, at, Watched::default())?;
    Ok((resolved, view))
}

/// The rights of page-table entries at the references where somebody looks.
#[derive(Default)]
struct Watched {
    /// Legal references, by position.
    refs: Range<u64>,
    /// What was noted of them.
    rights: Vec<Rights>,
}

fn resolve_all(
    mut trace: Trace,
    options: &Options,
    at: Option<u64>,
    watched: Watched,
) -> Result<(Resolved, Option<View>, Vec<Rights>), SpaceError> {
    if trace.store().is_some() && options.mappings == Mappings::Infer {
        return Err(SpaceError {
            name: trace.meta.name.clone(),
            place: "before position 0".into(),
            what: "mappings can be inferred of traces in memory only".into(),
            help: "raise --mem-limit, or take --mappings permissive",
        });
    }
    let infers = options.mappings == Mappings::Infer && trace.meta.addressing == Addressing::Bytes;
    let origin = match (trace.has_mappings(), infers) {
        (true, _) => Origin::Recorded,
        (false, true) => Origin::Inferred,
        (false, false) => Origin::Permissive,
    };
    if origin == Origin::Permissive && trace.events.is_empty() && at.is_none() {
        let (space, tally) = (None, Tally::default());
        return Ok((Resolved::new(trace, space, origin, tally), None, Vec::new()));
    }
    let digest = trace.digest();
    if origin == Origin::Inferred {
        trace = infer::with_mappings(trace);
    }
    let mut resolver = Resolver::new(&trace, *options, origin != Origin::Permissive);
    resolver.watched = watched;
    let view = resolver.go(at)?;
    // Every bound page is one of a mapping, where there are mappings.
    let untouched_end = match resolver.strict {
        true => resolver.mapped - resolver.bound,
        false => 0,
    };
    let Resolver {
        mut space,
        tally,
        kept,
        watched,
        ..
    } = resolver;
    space.untouched_end = untouched_end;
    if let Some((refs, kinds)) = kept {
        let Trace {
            meta, dictionary, ..
        } = trace;
        trace = Trace::new(meta, dictionary, refs, kinds, Some(digest)).compact();
    }
    let resolved = Resolved::new(trace, Some(space), origin, tally);
    Ok((resolved, view, watched.rights))
}

impl<'t> Resolver<'t> {
    fn new(trace: &'t Trace, options: Options, strict: bool) -> Resolver<'t> {
        let Dictionary { pids, pages } = &*trace.dictionary;
        let shift = trace.meta.page_shift();
        Resolver {
            trace,
            options,
            shift,
            granule: KERNEL_PAGE.min(1 << shift),
            strict,
            processes: pids.iter().map(|_| Process::default()).collect(),
            space: Space {
                entries: pages.clone(),
                first_object: vec![NONE; pages.len()],
                ..Space::default()
            },
            entry_of: FxHashMap::default(),
            object: vec![NONE; pages.len()],
            binding: vec![Binding::Private; pages.len()],
            allows: vec![0; pages.len()],
            owners: Vec::new(),
            key_of: Vec::new(),
            keyed: FxHashMap::default(),
            regions: 0,
            committed: 0,
            mapped: 0,
            bound: 0,
            legal: 0,
            position: 0,
            in_reference: false,
            tally: Tally::default(),
            kept: None,
            watched: Watched::default(),
        }
    }

    fn go(&mut self, at: Option<u64>) -> Result<Option<View>, SpaceError> {
        let at = at.map(|at| usize::try_from(at).unwrap_or(usize::MAX));
        let mut view = None;
        let mut from = 0;
        for event in &self.trace.events {
            let to = event.position as usize;
            if let Some(at) = at.filter(|&at| view.is_none() && at <= to) {
                self.references(from, at)?;
                view = Some(self.view());
                from = at;
            }
            self.references(from, to)?;
            from = to;
            self.event(event)?;
        }
        if let Some(at) = at.filter(|_| view.is_none()) {
            let at = at.min(self.trace.len());
            self.references(from, at)?;
            view = Some(self.view());
            from = at;
        }
        self.references(from, self.trace.len())?;
        Ok(view)
    }

    /// Takes the references of a stretch without events.
    fn references(&mut self, from: usize, to: usize) -> Result<(), SpaceError> {
        let (trace, mut result) = (self.trace, Ok(()));
        trace.tiles_of(from..to, |tile| {
            result = self.tile(tile);
            result.is_ok()
        });
        result
    }

    fn tile(&mut self, tile: Tile<'_>) -> Result<(), SpaceError> {
        let Tile { refs, kinds, .. } = tile;
        let mut from = 0;
        while from < refs.len() {
            let stretch = refs[from..].iter().zip(&kinds[from..]);
            let allows = &self.allows;
            let needs_look = |(&reference, &kind): (&Ref, &KindCode)| {
                allows[page_of(reference) as usize] & (1 << (kind & KIND_MASK)) == 0
            };
            let next = stretch
                .into_iter()
                .position(needs_look)
                .map_or(refs.len(), |offset| from + offset);
            self.watch(&refs[from..next], None);
            self.keep(&refs[from..next], &kinds[from..next]);
            if next == refs.len() {
                break;
            }
            let kind = Kind::ALL[usize::from(kinds[next] & KIND_MASK)];
            let position = tile.start + next as u64;
            let before = self.rights_if_watched(page_of(refs[next]));
            (self.position, self.in_reference) = (position, true);
            let legal = self.reference(page_of(refs[next]), kind, position)?;
            self.in_reference = false;
            if legal {
                self.watch(&refs[next..next + 1], before);
                self.keep(&refs[next..next + 1], &kinds[next..next + 1]);
            } else if self.kept.is_none() {
                let mut kept = (Vec::new(), Vec::new());
                self.trace.tiles_of(0..position as usize, |tile| {
                    kept.0.extend_from_slice(tile.refs);
                    kept.1.extend_from_slice(tile.kinds);
                    true
                });
                self.kept = Some(kept);
            }
            from = next + 1;
        }
        Ok(())
    }

    /// What an entry allows, if the next legal reference is watched.
    fn rights_if_watched(&self, entry: EntryId) -> Option<Protection> {
        self.watched
            .refs
            .contains(&self.legal)
            .then(|| self.rights(entry))
    }

    /// Notes what entries allow at those of these legal references that are watched, if they allowed
    /// something else `before`.
    fn watch(&mut self, refs: &[Ref], before: Option<Protection>) {
        let Range { start, end } = self.watched.refs;
        let at = |legal: u64| (legal.saturating_sub(self.legal) as usize).min(refs.len());
        for &reference in &refs[at(start).min(at(end))..at(end)] {
            let after = self.allows[page_of(reference) as usize];
            let after = bind::protection_of(after);
            let before = before.unwrap_or(after);
            self.watched.rights.push(Rights { before, after });
        }
    }

    /// These references are legal.
    fn keep(&mut self, refs: &[Ref], kinds: &[KindCode]) {
        self.legal += refs.len() as u64;
        if let Some(kept) = &mut self.kept {
            kept.0.extend_from_slice(refs);
            kept.1.extend_from_slice(kinds);
        }
    }

    pub fn push(&mut self, op: Op) {
        let position = self.legal;
        self.space.ops.push(OpAt { position, op });
    }

    /// The entry of a page, which may never be referenced.
    pub fn entry(&mut self, key: PageKey) -> Result<EntryId, SpaceError> {
        if self.entry_of.is_empty() {
            let numbers = self.space.entries.iter().zip(0..);
            self.entry_of = numbers.map(|(&key, entry)| (key, entry)).collect();
        }
        let next = self.space.entries.len() as u32;
        let entry = *self.entry_of.entry(key).or_insert(next);
        if entry == next {
            if next > PAGE_ID_MAX {
                return Err(self.fail(None, "more than 2^31 pages of all processes".into()));
            }
            self.space.entries.push(key);
            self.space.first_object.push(NONE);
            self.object.push(NONE);
            self.binding.push(Binding::Private);
            self.allows.push(0);
        }
        Ok(entry)
    }

    /// A new object of a process.
    pub fn new_object(&mut self, class: Class, key: Option<Key>) -> ObjectId {
        let object = self.space.classes.len() as u32;
        self.space.classes.push(class);
        self.owners.push(0);
        self.key_of.push(key);
        if let Some(key) = key {
            self.keyed.insert(key, object);
        }
        object
    }

    /// Binds an entry that is not bound.
    pub fn bind(&mut self, entry: EntryId, object: ObjectId, binding: Binding) {
        if !self.bind_silently(entry, object, binding) {
            self.push(Op::Bind { entry, object });
        }
    }

    /// Binds an entry without an op of its own: the first binding needs none, and a copy-on-write
    /// tells of its new object itself. True if it is the first.
    pub fn bind_silently(&mut self, entry: EntryId, object: ObjectId, binding: Binding) -> bool {
        let key = self.space.entries[entry as usize];
        self.owners[object as usize] += 1;
        self.object[entry as usize] = object;
        self.binding[entry as usize] = binding;
        self.enter(key, entry);
        let first = &mut self.space.first_object[entry as usize];
        let is_first = *first == NONE;
        if is_first {
            *first = object;
        }
        is_first
    }

    /// A page of a process, which may be bound already, is bound.
    pub fn enter(&mut self, key: PageKey, entry: EntryId) {
        let bound = &mut self.processes[key.process as usize].bound;
        if bound.insert(key.number, entry).is_none() {
            self.set_bound(self.bound + 1);
        }
    }

    /// The present moment.
    pub fn now(&self) -> Moment {
        Moment::new(self.legal, self.space.ops.len(), self.in_reference)
    }

    /// The reference at hand is left out; the tally says why.
    pub fn leave_out(&mut self) {
        self.in_reference = false;
        let now = self.now();
        self.space.mapped.is_illegal(now);
        let tally = &self.tally;
        let left_out = [tally.segfaults, tally.protection_faults, tally.dropped];
        self.space.left_out.set(now, left_out);
    }

    fn set_bound(&mut self, bound: u64) {
        self.bound = bound;
        if self.strict {
            self.space.touched.set(self.now(), bound);
        }
    }

    /// An object loses an owner; true if that was the last.
    pub fn disown(&mut self, object: ObjectId) -> bool {
        let owners = &mut self.owners[object as usize];
        *owners -= 1;
        if *owners > 0 {
            return false;
        }
        if let Some(key) = self.key_of[object as usize] {
            self.keyed.remove(&key);
        }
        true
    }

    /// Ends the binding of a page of a process.
    pub fn unbind(&mut self, process: u32, number: u64) {
        let bound = &mut self.processes[process as usize].bound;
        let Some(entry) = bound.remove(&number) else {
            return;
        };
        self.set_bound(self.bound - 1);
        let object = std::mem::replace(&mut self.object[entry as usize], NONE);
        self.allows[entry as usize] = 0;
        self.push(Op::Drop {
            entry,
            unbinds: true,
        });
        if self.disown(object) {
            self.push(Op::Free { object });
        }
    }

    /// Ends all bindings of a process, and its mappings.
    pub fn clear(&mut self, process: u32) {
        self.set_vmas(process, Vmas::default());
        let place = &mut self.processes[process as usize];
        let pages: Vec<u64> = place.bound.keys().copied().collect();
        place.heap = None;
        for number in pages {
            self.unbind(process, number);
        }
    }

    /// Ends a process.
    pub fn end(&mut self, process: u32, state: State) {
        self.clear(process);
        self.processes[process as usize].state = state;
    }

    pub fn pid(&self, process: u32) -> u32 {
        self.trace.dictionary.pids[process as usize]
    }

    pub fn fail(&self, event: Option<&EventAt>, what: String) -> SpaceError {
        let position = event.map_or(self.position, |event| event.position);
        let mut place = format!("before position {position}");
        if let Some(line) = event.map(|event| event.line).filter(|&line| line > 0) {
            place = format!("line {line}, {place}");
        }
        SpaceError {
            name: self.trace.meta.name.clone(),
            place,
            what,
            help: "the trace contradicts itself: mend it where it was made",
        }
    }

    fn view(&self) -> View {
        let appeared = |(_, process): &(usize, &Process)| process.state != State::Unborn;
        let bound = |process: &Process| {
            let one = |(&page, &entry): (&u64, &EntryId)| {
                let at = entry as usize;
                (page, entry, self.object[at], self.binding[at])
            };
            process.bound.iter().map(one).collect()
        };
        View {
            position: self.legal,
            ops: self.space.ops.len(),
            processes: self
                .processes
                .iter()
                .enumerate()
                .filter(appeared)
                .map(|(index, process)| ProcessView {
                    process: index as u32,
                    state: process.state.name(),
                    vmas: process.vmas.all().to_vec(),
                    bound: bound(process),
                })
                .collect(),
            owners: self.owners.clone(),
        }
    }
}
