//! The resolution of a trace: one pass over its references and events that tracks processes,
//! bindings and owners, and records what the machine must do. Most references are skipped: for each
//! entry the pass knows which kinds of access are legal and change nothing.

use super::changes::Change;
use super::contents::{Files, Key, Share};
use super::inherited::Uses;
use super::kinds::Kinds;
use super::place::Place;
use super::process::{Process, State};
use super::timeline::Moment;
use super::vmas::Vmas;
use super::{
    AddressLayout, Binding, Class, EntryId, LISTED, Mappings, NONE, ObjectId, Op, OpAt, Options,
    Origin, PageCache, Refusal, ResolveCounts, Resolved, Rights, Space, SpaceAt, SpaceError, infer,
};
use crate::trace::model::access::{Addressing, Kind};
use crate::trace::model::dense::Trace;
use crate::trace::model::event::Protection;
use crate::trace::model::refs::{Dictionary, KIND_MASK, KindCode, PageKey, Ref, page_of};
use crate::trace::model::tile::Tile;
use crate::units::PAGE_ID_MAX;
use rustc_hash::FxHashMap;
use std::collections::BTreeSet;
use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

/// The page size to which kernels round ranges.
const KERNEL_PAGE: u64 = 4096;

/// The resolution under way.
pub(super) struct Resolver<'t> {
    pub trace: &'t Trace,
    pub options: Options,
    pub shift: u32,
    pub granule: u64,
    /// Whether the trace has mappings: a reference outside of them is illegal.
    pub strict: bool,
    pub processes: Vec<Process>,
    pub space: Space,
    /// The entry of each page; filled when one is first looked up.
    pub entry_of: FxHashMap<PageKey, EntryId>,
    /// The object of each entry; [`NONE`] if it is not bound.
    pub object: Vec<ObjectId>,
    /// How each entry is bound.
    pub binding: Vec<Binding>,
    /// For each entry the kinds of access known to be legal and to change nothing.
    pub settled: Vec<Kinds>,
    /// For each entry whether a fork dropped its translations, and no reference went through it since.
    pub write_protected: Vec<bool>,
    /// For each process which inherited pages need entries; empty if all do.
    pub uses: Vec<Uses>,
    /// The number of owners of each object.
    pub owners: Vec<u32>,
    /// For each object the number of ops before the moment at which it was left with one owner.
    pub alone_since: Vec<u32>,
    /// The key of each object, if it has one.
    pub key_of: Vec<Option<Key>>,
    /// The inverse of `key_of`, of objects with owners.
    pub keyed: FxHashMap<Key, ObjectId>,
    /// For each file that was mapped, whether it is memory ([`Mapping::swap_backed`]).
    ///
    /// [`Mapping::swap_backed`]: crate::trace::model::event::Mapping::swap_backed
    pub swap_backed: FxHashMap<u32, bool>,
    /// What is known of files.
    pub files: Files,
    /// Where pages of shared memory without owner may have lost their last mapping: ranges of places.
    pub lost_memory: Vec<RangeInclusive<(Share, i64)>>,
    /// Whether an unlinked file may have lost its last mapping.
    pub lost_unlinked: bool,
    /// The number of mappings made so far; it numbers regions.
    pub regions: u32,
    /// Committed bytes of all processes.
    pub committed: u128,
    /// Mapped pages, summed over the processes.
    pub mapped: u64,
    /// Bound pages, summed over the processes.
    pub bound: u64,
    /// Legal references so far.
    pub legal: u64,
    /// The position in the trace of the current reference or event, from 0.
    pub position: u64,
    /// The processes that use the address space of another, and that one first in each pair.
    pub borrowers: BTreeSet<(u32, u32)>,
    /// Whether an illegal reference ended one of several processes that used one address space.
    pub lost_sharer: bool,
    /// The process of the current reference.
    pub acting: u32,
    /// The number of events, and of references looked at, so far.
    pub causes: u64,
    /// Whether a page is being bound that counts as bound only if the op that follows can bring it in.
    pub comes_in: bool,
    /// Whether a reference that may be legal is being resolved.
    pub in_reference: bool,
    pub tally: ResolveCounts,
    /// The legal references, once there was one that is illegal, or of another entry than the trace
    /// states.
    kept: Option<(Vec<Ref>, Vec<KindCode>)>,
    watched: Watched,
}

/// Resolves a trace.
pub fn resolve(trace: Trace, options: &Options) -> Result<Resolved, SpaceError> {
    Ok(resolve_at(trace, options, None)?.0)
}

/// Resolves a trace. Also returns which legal references are at the positions `refs`, with the rights
/// of the page-table entry around each. [`Space::left_out_at`] has what is left out.
pub fn resolve_watched(
    trace: Trace,
    options: &Options,
    refs: Range<u64>,
) -> Result<(Resolved, WatchedRefs), SpaceError> {
    let watched = Watched {
        refs: Some(refs.clone()),
        rights: Vec::new(),
    };
    let (resolved, _, rights) = resolve_all(trace, options, None, watched)?;
    let left_out = resolved.left_out_at();
    let before = |position: u64| {
        let left_out = left_out.partition_point(|&at| at < position) as u64;
        position - left_out
    };
    let legal = before(refs.start)..before(refs.end);
    Ok((resolved, WatchedRefs { legal, rights }))
}

/// The legal references among those that were watched.
#[derive(Debug, Clone)]
pub struct WatchedRefs {
    /// Their positions among the legal references.
    pub legal: Range<u64>,
    /// The rights around each; empty if nothing but references happens.
    pub rights: Vec<Rights>,
}

/// Resolves a trace. Also returns all processes after the first `at` references of the trace,
/// before the events that follow them; after the last event if there are fewer references.
pub fn resolve_at(
    trace: Trace,
    options: &Options,
    at: Option<u64>,
) -> Result<(Resolved, Option<SpaceAt>), SpaceError> {
    let (resolved, view, _) = resolve_all(trace, options, at, Watched::default())?;
    Ok((resolved, view))
}

/// The rights of page-table entries around the references that are watched.
#[derive(Default)]
struct Watched {
    /// The watched positions of the trace; `None` if nothing is watched.
    refs: Option<Range<u64>>,
    /// The rights around these references, in order.
    rights: Vec<Rights>,
}

fn resolve_all(
    mut trace: Trace,
    options: &Options,
    at: Option<u64>,
    watched: Watched,
) -> Result<(Resolved, Option<SpaceAt>, Vec<Rights>), SpaceError> {
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
    let in_user_space = is_in_user_space(&trace, options.layout);
    if origin == Origin::Permissive && trace.events.is_empty() && in_user_space && at.is_none() {
        let (space, tally) = (None, ResolveCounts::default());
        return Ok((Resolved::new(trace, space, origin, tally), None, Vec::new()));
    }
    let digest = trace.digest();
    if origin == Origin::Inferred {
        trace = infer::with_mappings(trace);
    }
    let mut resolver = Resolver::new(&trace, *options, origin != Origin::Permissive);
    resolver.watched = watched;
    if at.is_none() {
        resolver.uses = Uses::of_each(&trace, options);
    }
    resolver.space.page_cache = options.page_cache(origin);
    resolver.files.keeps = resolver.space.page_cache == PageCache::Keep;
    let view = resolver.go(at)?;
    assert_eq!(
        resolver.legal + resolver.tally.all_illegal() + resolver.tally.dropped,
        trace.len() as u64,
        "each reference is legal, illegal or dropped"
    );
    let Resolver {
        space,
        tally,
        kept,
        watched,
        ..
    } = resolver;
    if let Some((refs, kinds)) = kept {
        let Trace {
            meta,
            mut dictionary,
            ..
        } = trace;
        if space.lends {
            Arc::make_mut(&mut dictionary).pages = space.entries.clone();
        }
        trace = Trace::new(meta, dictionary, refs, kinds, Some(digest)).compact();
    }
    let resolved = Resolved::new(trace, Some(space), origin, tally);
    Ok((resolved, view, watched.rights))
}

/// Returns whether every page of a trace is in the user space of `layout`. Pages of ids have no
/// address.
fn is_in_user_space(trace: &Trace, layout: AddressLayout) -> bool {
    let user_pages = layout.user_end() >> trace.meta.page_shift();
    let mut pages = trace.dictionary.pages.iter();
    trace.meta.addressing != Addressing::Bytes
        || layout == AddressLayout::Any
        || pages.all(|page| page.number < user_pages)
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
            processes: pids.iter().map(|_| Process::unborn(shift)).collect(),
            space: Space {
                entries: pages.clone(),
                first_object: vec![NONE; pages.len()],
                ..Space::default()
            },
            entry_of: FxHashMap::default(),
            object: vec![NONE; pages.len()],
            binding: vec![Binding::Private; pages.len()],
            settled: vec![Kinds::NONE; pages.len()],
            write_protected: vec![false; pages.len()],
            uses: Vec::new(),
            owners: Vec::new(),
            alone_since: Vec::new(),
            key_of: Vec::new(),
            keyed: FxHashMap::default(),
            swap_backed: FxHashMap::default(),
            files: Files::default(),
            lost_memory: Vec::new(),
            lost_unlinked: false,
            regions: 0,
            committed: 0,
            mapped: 0,
            bound: 0,
            legal: 0,
            position: 0,
            borrowers: BTreeSet::new(),
            lost_sharer: false,
            acting: 0,
            causes: 0,
            comes_in: false,
            in_reference: false,
            tally: ResolveCounts::default(),
            kept: None,
            watched: Watched::default(),
        }
    }

    /// Resolves all references and events. Returns all processes after the first `at` references.
    fn go(&mut self, at: Option<u64>) -> Result<Option<SpaceAt>, SpaceError> {
        let at = at.map(|at| usize::try_from(at).unwrap_or(usize::MAX));
        let mut view = None;
        let mut from = 0;
        let length = self.trace.len();
        for event in self.trace.events.iter().map(Some).chain([None]) {
            let to = event.map_or(length, |event| event.position as usize);
            let is_here = |&at: &usize| view.is_none() && (at <= to || event.is_none());
            if let Some(at) = at.filter(is_here) {
                let at = at.min(length);
                self.references(from, at)?;
                view = Some(self.view());
                from = at;
            }
            self.references(from, to)?;
            from = to;
            if let Some(event) = event {
                self.event(event)?;
            }
        }
        Ok(view)
    }

    /// Resolves the references `from..to`, between which there are no events.
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
            let settled = &self.settled;
            let is_open = |(&reference, &kind): (&Ref, &KindCode)| {
                !settled[page_of(reference) as usize].has_all(Kinds::of_code(kind))
            };
            let next = stretch
                .into_iter()
                .position(is_open)
                .map_or(refs.len(), |offset| from + offset);
            self.watch(&refs[from..next], tile.start + from as u64);
            self.keep(&refs[from..next], &kinds[from..next]);
            if next == refs.len() {
                break;
            }
            let kind = Kind::ALL[usize::from(kinds[next] & KIND_MASK)];
            let position = tile.start + next as u64;
            let own = page_of(refs[next]);
            self.position = position;
            self.acting = self.space.entries[own as usize].process;
            let entry = self.used_entry(own)?;
            let before = self.rights_if_watched(entry, position);
            self.causes += 1;
            self.in_reference = true;
            let legal = self.reference(entry, kind, position)?;
            self.in_reference = false;
            if !legal || entry != own {
                self.begin_to_keep(position);
            }
            if legal {
                if let Some(before) = before {
                    let after = self.rights(entry);
                    self.watched.rights.push(Rights { before, after });
                }
                let reference = [entry << 1 | refs[next] & 1];
                self.keep(&reference, &kinds[next..next + 1]);
            }
            from = next + 1;
        }
        Ok(())
    }

    /// Keeps the legal references from now on, with all before `position` if none were kept: those of
    /// the trace are others.
    fn begin_to_keep(&mut self, position: u64) {
        if self.kept.is_some() {
            return;
        }
        let mut kept = (Vec::new(), Vec::new());
        self.trace.tiles_of(0..position as usize, |tile| {
            kept.0.extend_from_slice(tile.refs);
            kept.1.extend_from_slice(tile.kinds);
            true
        });
        self.kept = Some(kept);
    }

    /// Returns the rights of `entry`, if the reference at `position` is watched.
    fn rights_if_watched(&self, entry: EntryId, position: u64) -> Option<Protection> {
        let refs = self.watched.refs.as_ref()?;
        refs.contains(&position).then(|| self.rights(entry))
    }

    /// Records the rights around those of the references `refs`, from `position` on, that are watched.
    /// They change nothing.
    fn watch(&mut self, refs: &[Ref], position: u64) {
        let Some(Range { start, end }) = self.watched.refs.clone() else {
            return;
        };
        let at = |place: u64| (place.saturating_sub(position) as usize).min(refs.len());
        for &reference in &refs[at(start).min(at(end))..at(end)] {
            let rights = self.settled[page_of(reference) as usize].protection();
            let (before, after) = (rights, rights);
            self.watched.rights.push(Rights { before, after });
        }
    }

    /// Records that these references are legal.
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

    /// Returns the entry of a page, after creating it if it is never referenced.
    pub fn entry(&mut self, key: PageKey) -> Result<EntryId, SpaceError> {
        if self.entry_of.is_empty() {
            let numbers = self.space.entries.iter().zip(0..);
            self.entry_of = numbers.map(|(&key, entry)| (key, entry)).collect();
        }
        let next = self.space.entries.len() as u32;
        let entry = *self.entry_of.entry(key).or_insert(next);
        if entry == next {
            if next > PAGE_ID_MAX {
                let what = "more than 2^31 pages of all processes";
                return Err(self.fail(Place::Before(self.position), what.into()));
            }
            self.add_entry(key);
        }
        Ok(entry)
    }

    /// Creates an entry that is not bound.
    pub fn add_entry(&mut self, key: PageKey) {
        self.space.entries.push(key);
        self.space.first_object.push(NONE);
        self.object.push(NONE);
        self.binding.push(Binding::Private);
        self.settled.push(Kinds::NONE);
        self.write_protected.push(false);
    }

    /// Creates an object; `key` lets other mappings find it.
    pub fn new_object(&mut self, class: Class, key: Option<Key>) -> ObjectId {
        let object = self.space.classes.len() as u32;
        self.space.classes.push(class);
        self.owners.push(0);
        self.alone_since.push(0);
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

    /// Binds `entry` without an [`Op::Bind`]: the first binding needs none, and [`Op::CowCopy`]
    /// names the object itself. Returns whether it is the entry's first object.
    pub fn bind_silently(&mut self, entry: EntryId, object: ObjectId, binding: Binding) -> bool {
        let key = self.space.entries[entry as usize];
        self.owners[object as usize] += 1;
        if self.files.has_unowned() && self.owners[object as usize] == 1 {
            self.files.take(self.key_of[object as usize]);
        }
        self.object[entry as usize] = object;
        self.binding[entry as usize] = binding;
        let bound = &mut self.processes[key.process as usize].bound;
        if bound.insert(key.number, entry).is_none() {
            self.set_bound(self.bound + 1);
        }
        let first = &mut self.space.first_object[entry as usize];
        let is_first = *first == NONE;
        if is_first {
            *first = object;
        }
        is_first
    }

    /// Returns the present moment.
    pub fn now(&self) -> Moment {
        Moment::new(self.legal, self.space.ops.len(), self.in_reference)
    }

    /// Records that the current reference is left out, after the tally has counted it.
    pub fn leave_out(&mut self) {
        self.in_reference = false;
        let now = self.now();
        self.space.mapped.is_illegal(now);
        let tally = &self.tally;
        let left_out = [
            tally.segfaults,
            tally.protection_faults,
            tally.bus_errors,
            tally.dropped,
        ];
        self.space.left_out.set(now, left_out);
        if self.watched.refs.is_some() {
            self.space.left_out_at.push(self.position);
        }
    }

    pub(super) fn set_bound(&mut self, bound: u64) {
        self.bound = bound;
        if self.strict && !self.comes_in {
            self.space.touched.set(self.now(), bound);
        }
    }

    /// Records what was bound since `comes_in` was set: the op that was pushed last brings the page in.
    pub fn came_in(&mut self) {
        if std::mem::take(&mut self.comes_in) {
            self.set_bound(self.bound);
        }
    }

    /// Removes an owner of `object`, by the op that was pushed last. Returns whether it was the
    /// last owner, and no mapping of shared memory keeps the page.
    pub fn disown(&mut self, object: ObjectId) -> bool {
        let owners = &mut self.owners[object as usize];
        *owners -= 1;
        if *owners > 0 {
            self.alone_since[object as usize] = self.space.ops.len() as u32;
            return false;
        }
        let Some(key) = self.key_of[object as usize] else {
            return true;
        };
        if self.keep_for_mappings(object, key) {
            return false;
        }
        if !self.keep_in_cache(object, key) {
            self.keyed.remove(&key);
        }
        true
    }

    /// Unbinds the page `number` of `process`, if it is bound.
    pub fn unbind(&mut self, process: u32, number: u64) {
        self.unbind_for(process, number, false);
    }

    /// Unbinds the page `number` of `process`, if it is bound. If `discards` is true its bytes are
    /// gone from its file, so that the last owner need not write them.
    pub fn unbind_for(&mut self, process: u32, number: u64, discards: bool) {
        let bound = &mut self.processes[process as usize].bound;
        let Some(entry) = bound.remove(&number) else {
            self.unbind_inherited(process, number, discards);
            return;
        };
        self.set_bound(self.bound - 1);
        let object = std::mem::replace(&mut self.object[entry as usize], NONE);
        self.settled[entry as usize] = Kinds::NONE;
        self.push(Op::Unmap { entry });
        self.disown_unbound(object, discards);
    }

    /// Removes the owner of `object` that was unbound, and frees it if that was the last. If `discards` is
    /// true its bytes are gone from its file.
    pub fn disown_unbound(&mut self, object: ObjectId, discards: bool) {
        let discards = discards || self.is_gone(object);
        if discards && self.owners[object as usize] == 1 {
            // No key: nothing finds it again.
            let key = self.key_of[object as usize].take();
            key.map(|key| self.keyed.remove(&key));
        }
        if self.disown(object) {
            self.push(Op::Free { object, discards });
        }
    }

    /// Binds `to`, which is not bound, to what `from` is bound to, in its place. Both are entries of
    /// `process`.
    pub fn rebind(&mut self, process: u32, from: EntryId, to: EntryId) {
        let object = self.object[from as usize];
        self.bind(to, object, self.binding[from as usize]);
        self.settled[to as usize] = Kinds::NONE;
        self.push(Op::Move { from, to });
        // `to` owns the object now.
        self.owners[object as usize] -= 1;
        self.object[from as usize] = NONE;
        self.settled[from as usize] = Kinds::NONE;
        let number = self.space.entries[from as usize].number;
        self.processes[process as usize].bound.remove(&number);
        self.set_bound(self.bound - 1);
    }

    /// Removes all mappings and bindings of `process`.
    pub fn clear(&mut self, process: u32) {
        self.change(process, || Change::Clear);
        let cleared = self.processes[process as usize].vmas.cleared();
        self.set_vmas(process, cleared);
        self.processes[process as usize].heap = None;
        for (number, _) in self.bound_pages(process, 0..=u64::MAX) {
            self.unbind(process, number);
        }
        self.processes[process as usize].handed_down = Default::default();
    }

    /// Ends a process. Its address space goes with the last process that uses it.
    pub fn end(&mut self, process: u32, state: State) {
        self.processes[process as usize].state = state;
        if !self.give_back(process) {
            match self.borrowers_of(process).is_empty() {
                true => self.clear(process),
                false => self.unsettle(process),
            }
        }
        self.change(process, || Change::End);
        self.forget_unmapped();
    }

    /// Looks again at every reference of `process`.
    fn unsettle(&mut self, process: u32) {
        for &entry in self.processes[process as usize].bound.values() {
            self.settled[entry as usize] = Kinds::NONE;
        }
    }

    /// Returns the number of pages of user space.
    pub fn user_pages(&self) -> u64 {
        self.options.layout.user_end() >> self.shift
    }

    /// Returns what is wrong with `address` if the layout does not have it.
    pub fn beyond_layout(&self, address: u64) -> Option<String> {
        let (layout, end) = (self.options.layout, self.options.layout.end()?);
        let name = layout.name();
        (address >= end).then(|| {
            format!("address {address:#x} is beyond the {name} layout, which ends at {end:#x}")
        })
    }

    /// Returns the error that an address is beyond the layout.
    pub fn outside(&self, place: Place<'_>, what: String) -> SpaceError {
        SpaceError {
            help: "leave --layout out: the program has larger addresses",
            ..self.fail(place, what)
        }
    }

    /// Returns the number that the trace gives to `process`.
    pub fn pid(&self, process: u32) -> u32 {
        self.trace.dictionary.pids[process as usize]
    }

    /// Returns the error that the trace contradicts itself.
    pub fn fail(&self, place: Place<'_>, what: String) -> SpaceError {
        SpaceError {
            name: self.trace.meta.name.clone(),
            place: place.to_string(),
            what,
            help: "the trace contradicts itself; fix the program that wrote it",
        }
    }

    /// Gives `process` the mappings `vmas`. Returns false, and refuses, if that exceeds the commit
    /// limit.
    pub fn admit(&mut self, process: u32, vmas: Vmas, what: impl FnOnce() -> String) -> bool {
        let before = self.processes[process as usize].charge;
        let (charge, limit) = (vmas.charge(), self.options.commit_limit);
        let after = self.committed - u128::from(before) + u128::from(charge);
        if let Some(limit) = limit.filter(|&l| charge > before && after > u128::from(l)) {
            self.tally.refused += 1;
            if self.tally.refusals.len() < LISTED {
                let what = format!("{}: {after} of {limit} bytes promised", what());
                let position = self.position;
                self.tally.refusals.push(Refusal {
                    position,
                    process,
                    what,
                });
            }
            return false;
        }
        self.set_vmas(process, vmas);
        true
    }

    /// Gives `process` the mappings `vmas`.
    pub fn set_vmas(&mut self, process: u32, mut vmas: Vmas) {
        let before = &self.processes[process as usize].vmas;
        let (charge, removed) = (vmas.charge(), vmas.take_removed());
        let mapped = self.mapped - before.pages() + vmas.pages();
        if mapped != self.mapped {
            self.mapped = mapped;
            self.space.mapped.set(self.now(), mapped);
        }
        let place = &mut self.processes[process as usize];
        self.committed = self.committed - u128::from(place.charge) + u128::from(charge);
        place.charge = charge;
        place.vmas = vmas;
        self.mappings_removed(process, &removed);
    }

    /// Forgets pages without owner that nothing keeps any more, after mappings have gone.
    pub fn forget_unmapped(&mut self) {
        self.discard_unlinked();
        self.free_unmapped_memory();
    }
}
