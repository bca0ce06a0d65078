//! From accesses, or from a stored trace, to the stream of references that is replayed: which
//! accesses are taken (kind, process, a range of positions), which pages they touch at the page
//! size asked for, the dense ids of those pages, and where the events stand among them.
//!
//! The order is fixed: kind and process, then pages and their sample, then `skip` and `limit`, which therefore
//! count references as they are replayed. Events are never left out up to the last reference
//! taken: what a later reference meets depends on all of them. Knows nothing of files.

use super::dense::{
    CONTINUES, Densifier, Dictionary, KIND_MASK, KindCode, Meta, PageKey, Ref, TooManyPages, Trace,
    pack, page_of,
};
use super::event::{EventAt, Told};
use super::record::{Access, Addressing, Kind, Packed};
use super::sample::Rate;
use super::shown::ShownPages;
use crate::simd::pages::{self, Pages};
use crate::units::{PageId, PageSize};

/// Which part of a trace is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Leave instruction fetches out.
    pub data_only: bool,
    /// Take only these processes; all if empty.
    pub pids: Vec<u32>,
    /// References left out at the beginning.
    pub skip: u64,
    /// At most so many references.
    pub limit: Option<u64>,
    /// Take only a sample of the pages; all if absent.
    pub sample: Option<Rate>,
}

impl Selection {
    /// True if the whole trace is taken.
    pub fn is_all(&self) -> bool {
        *self == Selection::default()
    }

    /// How many references must be read at least: those left out at the beginning and those taken;
    /// `u64::MAX` if all are.
    pub(super) fn wanted(&self) -> u64 {
        self.skip.saturating_add(self.limit.unwrap_or(u64::MAX))
    }

    /// Whether accesses of this kind and process are taken.
    #[inline]
    pub(super) fn takes(&self, pid: u32, kind: KindCode) -> bool {
        !(self.data_only && kind & KIND_MASK == Kind::Ifetch as KindCode)
            && (self.pids.is_empty() || self.pids.contains(&pid))
    }

    /// The text of the result column `filter`: empty if the whole trace is taken.
    pub fn describe(&self) -> String {
        let mut parts = Vec::new();
        if self.data_only {
            parts.push("data-only".to_owned());
        }
        parts.extend(self.pids.iter().map(|pid| format!("pid={pid}")));
        parts.extend(self.sample.map(|rate| format!("sample={rate}")));
        if self.skip > 0 {
            parts.push(format!("skip={}", self.skip));
        }
        parts.extend(self.limit.map(|limit| format!("limit={limit}")));
        parts.join(" ")
    }
}

/// Whether more references are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    More,
    /// The limit is reached.
    Done,
}

/// Takes a stream of references and of the events between them, in order.
pub trait Sink {
    /// The next reference.
    fn reference(&mut self, reference: Ref, kind: KindCode);

    /// The next references, as many of the one as of the other.
    fn references(&mut self, refs: &[Ref], kinds: &[KindCode]) {
        for (&reference, &kind) in refs.iter().zip(kinds) {
            self.reference(reference, kind);
        }
    }

    /// An event; its position is the number of references so far.
    fn event(&mut self, event: EventAt);

    /// False where nothing more is of use, as after a failure.
    fn wants_more(&self) -> bool {
        true
    }
}

/// A [`Sink`] that keeps everything in memory.
#[derive(Debug, Default)]
pub struct Collector {
    /// The packed references.
    pub refs: Vec<Ref>,
    /// The kind of each.
    pub kinds: Vec<KindCode>,
    /// The events.
    pub events: Vec<EventAt>,
}

impl Sink for Collector {
    #[inline]
    fn reference(&mut self, reference: Ref, kind: KindCode) {
        self.refs.push(reference);
        self.kinds.push(kind);
    }

    fn references(&mut self, refs: &[Ref], kinds: &[KindCode]) {
        self.refs.extend_from_slice(refs);
        self.kinds.extend_from_slice(kinds);
    }

    fn event(&mut self, event: EventAt) {
        self.events.push(event);
    }
}

/// A [`Sink`] that hands everything to two others. Only the first says whether more is wanted.
pub struct Both<'a, A, B>(pub &'a mut A, pub &'a mut B);

impl<A: Sink, B: Sink> Sink for Both<'_, A, B> {
    fn reference(&mut self, reference: Ref, kind: KindCode) {
        self.0.reference(reference, kind);
        self.1.reference(reference, kind);
    }

    fn references(&mut self, refs: &[Ref], kinds: &[KindCode]) {
        self.0.references(refs, kinds);
        self.1.references(refs, kinds);
    }

    fn event(&mut self, event: EventAt) {
        self.0.event(event.clone());
        self.1.event(event);
    }

    fn wants_more(&self) -> bool {
        self.0.wants_more()
    }
}

impl Collector {
    /// What was collected, as a trace.
    pub fn into_trace(self, meta: Meta, dictionary: Dictionary) -> Trace {
        Trace::new(meta, dictionary, self.refs, self.kinds, None)
            .compact()
            .with_events(self.events)
    }
}

/// The most accesses that take the short ways of [`Assembler`] at once.
const SHORT_WAY: usize = 512;

/// Makes dense references of accesses or of pages. Feed it in order; it passes each reference
/// taken to the sink given with the call.
pub struct Assembler {
    selection: Selection,
    addressing: Addressing,
    shift: u8,
    densifier: Densifier,
    /// What pages show, which decides whether a sample takes them.
    shown: ShownPages,
    /// References left to skip, then references left to take.
    to_skip: u64,
    to_take: u64,
    /// The page last given within the present access, so that a coarser page size merges.
    last: Option<PageKey>,
    /// The pages of process 0, as the file numbers it, that packed accesses touched lately.
    pages: Pages,
}

impl Assembler {
    /// For pages of this size; ids are pages whatever the size.
    pub fn new(selection: Selection, addressing: Addressing, page_size: PageSize) -> Assembler {
        let shift = match addressing {
            Addressing::Bytes => page_size.shift(),
            Addressing::Ids => 0,
        };
        Assembler {
            to_skip: selection.skip,
            to_take: selection.limit.unwrap_or(u64::MAX),
            selection,
            addressing,
            shift,
            densifier: Densifier::new(),
            shown: ShownPages::new(u32::from(shift)),
            last: None,
            pages: Pages::new(),
        }
    }

    /// An access: one reference per page touched, in address order, the later ones marked
    /// [`CONTINUES`]. Consecutive ids are references of their own, not parts of one access.
    #[inline]
    pub fn access(
        &mut self,
        access: &Access,
        sink: &mut impl FnMut(Ref, KindCode),
    ) -> Result<Flow, TooManyPages> {
        let mut code = access.kind as KindCode;
        if !self.selection.takes(access.pid, code) {
            return Ok(Flow::More);
        }
        let first = access.addr >> self.shift;
        let last = access
            .addr
            .saturating_add(u64::from(access.size.max(1)) - 1)
            >> self.shift;
        for number in first..=last {
            if self.reference(access.pid, number, code, sink)? == Flow::Done {
                return Ok(Flow::Done);
            }
            if self.addressing == Addressing::Bytes {
                code |= CONTINUES;
            }
        }
        Ok(Flow::More)
    }

    /// Appends what [`Assembler::access`] gives.
    fn append(
        &mut self,
        access: &Access,
        refs: &mut Vec<Ref>,
        kinds: &mut Vec<KindCode>,
    ) -> Result<Flow, TooManyPages> {
        self.access(access, &mut |r, k| {
            refs.push(r);
            kinds.push(k);
        })
    }

    /// Appends what [`Assembler::access`] gives for each of these accesses, up to the limit.
    /// Where nothing is left out, an access to one page seen lately takes a short way.
    pub fn accesses(
        &mut self,
        accesses: &[Access],
        refs: &mut Vec<Ref>,
        kinds: &mut Vec<KindCode>,
    ) -> Result<Flow, TooManyPages> {
        let all = self.selection.is_all();
        let mut rest = accesses;
        while !rest.is_empty() {
            if all {
                let taken = self.short_way(rest, refs, kinds);
                self.to_take -= taken as u64;
                rest = &rest[taken..];
                if taken == SHORT_WAY {
                    continue;
                }
            }
            // What ended the short way, if anything did.
            if let Some((access, behind)) = rest.split_first() {
                if self.append(access, refs, kinds)? == Flow::Done {
                    return Ok(Flow::Done);
                }
                rest = behind;
            }
        }
        Ok(Flow::More)
    }

    /// Appends what [`Assembler::access`] gives for each of these packed accesses, up to the
    /// limit. Where nothing is left out, those of one page seen lately are looked up many at a
    /// time. The addressing must be by bytes.
    pub fn packed(
        &mut self,
        words: &[Packed],
        refs: &mut Vec<Ref>,
        kinds: &mut Vec<KindCode>,
    ) -> Result<Flow, TooManyPages> {
        let all = self.selection.is_all();
        let shift = u32::from(self.shift);
        let mut rest = words;
        while !rest.is_empty() {
            if all {
                let (at, some) = (refs.len(), &rest[..rest.len().min(SHORT_WAY)]);
                refs.resize(at + some.len(), 0);
                kinds.resize(at + some.len(), 0);
                let (some_refs, some_kinds) = (&mut refs[at..], &mut kinds[at..]);
                let taken = pages::refs(some, shift, &self.pages, some_refs, some_kinds);
                refs.truncate(at + taken);
                kinds.truncate(at + taken);
                self.to_take -= taken as u64;
                rest = &rest[taken..];
                if taken == SHORT_WAY {
                    continue;
                }
            }
            // What ended the many, if anything did.
            if let Some((&word, behind)) = rest.split_first() {
                debug_assert!(self.addressing == Addressing::Bytes);
                let access = Access::unpacked(word);
                if self.append(&access, refs, kinds)? == Flow::Done {
                    return Ok(Flow::Done);
                }
                if all && let Some(&reference) = refs.last() {
                    let last = access.addr + u64::from(access.size.max(1)) - 1;
                    self.pages.insert(last >> shift, page_of(reference));
                }
                rest = behind;
            }
        }
        Ok(Flow::More)
    }

    /// Takes accesses of the process of the first as long as each is of one page only, seen
    /// lately, at most [`SHORT_WAY`]; says how many.
    fn short_way(
        &mut self,
        accesses: &[Access],
        refs: &mut Vec<Ref>,
        kinds: &mut Vec<KindCode>,
    ) -> usize {
        let pid = accesses[0].pid;
        let process = self.densifier.process(pid);
        let (densifier, shift) = (&self.densifier, u32::from(self.shift) & 63);
        let (mut some_refs, mut some_kinds) = ([0; SHORT_WAY], [0; SHORT_WAY]);
        let places = some_refs.iter_mut().zip(&mut some_kinds);
        let mut taken = 0;
        for (access, (reference, kind)) in accesses.iter().zip(places) {
            let number = access.addr >> shift;
            let end = access
                .addr
                .saturating_add(u64::from(access.size.max(1)) - 1);
            let recent = densifier.recent(PageKey { process, number });
            let Some(id) = recent.filter(|_| end >> shift == number && access.pid == pid) else {
                break;
            };
            *reference = pack(id, access.kind == Kind::Write);
            *kind = access.kind as KindCode;
            taken += 1;
        }
        refs.extend_from_slice(&some_refs[..taken]);
        kinds.extend_from_slice(&some_kinds[..taken]);
        taken
    }

    #[inline]
    fn reference(
        &mut self,
        pid: u32,
        number: u64,
        mut code: KindCode,
        sink: &mut impl FnMut(Ref, KindCode),
    ) -> Result<Flow, TooManyPages> {
        if let Some(rate) = self.selection.sample {
            if !rate.takes(self.shown.of(pid, number)) {
                return Ok(Flow::More);
            }
            // What it continues may have been left out.
            code &= !CONTINUES;
        }
        if self.to_skip > 0 {
            self.to_skip -= 1;
            return Ok(Flow::More);
        }
        if self.to_take == 0 {
            return Ok(Flow::Done);
        }
        let process = self.densifier.process(pid);
        let id = self.densifier.id(PageKey { process, number })?;
        self.emit(id, code, sink);
        Ok(Flow::More)
    }

    #[inline]
    fn emit(&mut self, id: PageId, mut code: KindCode, sink: &mut impl FnMut(Ref, KindCode)) {
        if self.to_take == self.selection.limit.unwrap_or(u64::MAX) {
            // What it continues was left out.
            code &= !CONTINUES;
        }
        self.to_take -= 1;
        sink(pack(id, code & KIND_MASK == Kind::Write as KindCode), code);
    }

    /// The next reference of a stored trace, whose page is `key` of `source` at a page size finer
    /// by `coarser` bits than the one wanted. A continuation that stays on its coarser page is
    /// merged with the reference before it.
    #[inline]
    pub fn stored(
        &mut self,
        source: &Dictionary,
        key: PageKey,
        coarser: u8,
        code: KindCode,
        sink: &mut impl FnMut(Ref, KindCode),
    ) -> Result<Flow, TooManyPages> {
        let key = PageKey {
            number: key.number >> coarser,
            ..key
        };
        if code & CONTINUES != 0 && self.last == Some(key) {
            return Ok(Flow::More);
        }
        self.last = Some(key);
        let pid = source.pids[key.process as usize];
        if !self.selection.takes(pid, code) {
            return Ok(Flow::More);
        }
        self.reference(pid, key.number, code, sink)
    }

    /// The next event, to stand before the next reference taken. Its process and, of a fork, its
    /// child count as seen here, in this order.
    pub fn event(&mut self, told: &Told) -> EventAt {
        if self.selection.sample.is_some() {
            self.shown.event(told.pid, &told.event);
        }
        let process = self.densifier.process(told.pid);
        let mut event = told.event.clone();
        if let Some(child) = event.child_mut() {
            *child = self.densifier.process(*child);
        }
        EventAt {
            position: self.selection.limit.unwrap_or(u64::MAX) - self.to_take,
            process,
            event,
            line: told.line,
        }
    }

    /// The next event of a stored trace with this dictionary.
    pub fn stored_event(&mut self, source: &Dictionary, event: &EventAt) -> EventAt {
        self.event(&event.told(source, 0))
    }

    /// How many references are still to be read at least: those to skip and those to take;
    /// `u64::MAX` if all are taken.
    pub(super) fn wanted(&self) -> u64 {
        match self.selection.limit {
            None => u64::MAX,
            Some(_) => self.to_skip.saturating_add(self.to_take),
        }
    }

    /// What the ids mean so far.
    pub fn dictionary(&self) -> &Dictionary {
        self.densifier.dictionary()
    }

    /// What the ids mean, at the end.
    pub fn into_dictionary(self) -> Dictionary {
        self.densifier.into_dictionary()
    }
}

#[cfg(test)]
mod tests {
    use super::super::dense::page_of;
    use super::*;

    fn access(addr: u64, size: u32, kind: Kind) -> Access {
        Access {
            pid: 0,
            kind,
            addr,
            size,
        }
    }

    fn feed(selection: Selection, accesses: &[Access]) -> (Vec<(u32, u32, u8)>, Vec<u64>) {
        let mut assembler = Assembler::new(selection, Addressing::Bytes, PageSize::DEFAULT);
        let mut got = Vec::new();
        for a in accesses {
            let flow = assembler
                .access(a, &mut |r, k| got.push((page_of(r), r & 1, k)))
                .unwrap();
            if flow == Flow::Done {
                break;
            }
        }
        (
            got,
            assembler
                .dictionary()
                .pages
                .iter()
                .map(|p| p.number)
                .collect(),
        )
    }

    const CROSSING: [Access; 3] = [
        Access {
            pid: 0,
            kind: Kind::Write,
            addr: 0x1ffe,
            size: 4,
        },
        Access {
            pid: 0,
            kind: Kind::Read,
            addr: 0x2000,
            size: 1,
        },
        Access {
            pid: 0,
            kind: Kind::Ifetch,
            addr: 0,
            size: 0x2001,
        },
    ];

    #[test]
    fn an_access_across_a_boundary_is_one_reference_per_page() {
        let (refs, numbers) = feed(Selection::default(), &CROSSING);
        let c = CONTINUES;
        assert_eq!(
            refs,
            [
                (0, 1, 2),
                (1, 1, 2 | c),
                (1, 0, 1),
                (2, 0, 0),
                (0, 0, c),
                (1, 0, c)
            ]
        );
        assert_eq!(numbers, [1, 2, 0]);
    }

    #[test]
    fn skip_and_limit_count_references_and_ids_start_afresh() {
        let selection = Selection {
            skip: 1,
            limit: Some(3),
            ..Selection::default()
        };
        let (refs, numbers) = feed(selection, &CROSSING);
        assert_eq!(refs, [(0, 1, 2), (0, 0, 1), (1, 0, 0)]);
        assert_eq!(numbers, [2, 0]);
        let data = Selection {
            data_only: true,
            ..Selection::default()
        };
        assert_eq!(feed(data, &CROSSING).0.len(), 3);
        let nobody = Selection {
            pids: vec![7],
            ..Selection::default()
        };
        assert_eq!(feed(nobody, &CROSSING).0.len(), 0);
    }

    #[test]
    fn the_top_of_the_address_space_does_not_wrap() {
        let mut assembler = Assembler::new(Selection::default(), Addressing::Bytes, PageSize::MIN);
        let mut count = 0;
        assembler
            .access(&access(u64::MAX, 8, Kind::Read), &mut |_, _| count += 1)
            .unwrap();
        assert_eq!(count, 1);
    }

    #[test]
    fn many_accesses_at_once_are_what_each_is() {
        let mut state = 1u64;
        let mut next = |below: u64| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 33) % below
        };
        for round in 0..60 {
            let spread = [1 << 13, 1 << 26, u64::MAX][round % 3];
            let accesses: Vec<Access> = (0..next(2000))
                .map(|_| Access {
                    pid: [5, 9][(next(40) == 0) as usize],
                    kind: Kind::ALL[next(3) as usize],
                    size: [0, 1, 8, 64, 9000][next(5) as usize],
                    addr: next(1 << 31).wrapping_mul(0x9e37_79b9_7f4a_7c15) % spread,
                })
                .collect();
            let selection = match round % 5 {
                0 => Selection {
                    skip: next(100),
                    ..Selection::default()
                },
                1 => Selection {
                    limit: Some(next(1500)),
                    data_only: true,
                    ..Selection::default()
                },
                2 => Selection {
                    pids: vec![9],
                    ..Selection::default()
                },
                _ => Selection::default(),
            };
            let addressing = [Addressing::Bytes, Addressing::Ids][round % 2];
            let new = || Assembler::new(selection.clone(), addressing, PageSize::DEFAULT);
            let (mut many, mut each) = (new(), new());
            let (mut many_refs, mut many_kinds) = (Vec::new(), Vec::new());
            let mut flow = Flow::More;
            for piece in accesses.chunks(700) {
                if flow == Flow::More {
                    flow = many
                        .accesses(piece, &mut many_refs, &mut many_kinds)
                        .unwrap();
                }
            }
            let (mut refs, mut kinds) = (Vec::new(), Vec::new());
            for access in &accesses {
                let mut sink = |r, k| {
                    refs.push(r);
                    kinds.push(k);
                };
                if each.access(access, &mut sink).unwrap() == Flow::Done {
                    break;
                }
            }
            assert_eq!((many_refs, many_kinds), (refs, kinds));
            assert_eq!(many.dictionary(), each.dictionary());
            assert_eq!(many.to_take, each.to_take);
        }
    }

    #[test]
    fn packed_accesses_are_what_they_were() {
        let mut state = 1u64;
        let mut next = |below: u64| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 33) % below
        };
        for round in 0..60 {
            let spread = [1 << 13, 1 << 17, 1 << 26, 1 << 48][round % 4];
            let words: Vec<Packed> = (0..next(4000))
                .map(|_| {
                    let addr = (next(1 << 31) << 20 | next(1 << 20)) % spread;
                    let kind = Kind::ALL[next(3) as usize];
                    let access = access(addr, [1, 8, 64, 255][next(4) as usize], kind);
                    let word = access.packed().unwrap();
                    assert_eq!(Access::unpacked(word), access);
                    word
                })
                .collect();
            let selection = match round % 5 {
                0 => Selection {
                    skip: next(100),
                    data_only: true,
                    ..Selection::default()
                },
                1 => Selection {
                    limit: Some(next(1500)),
                    ..Selection::default()
                },
                2 => Selection {
                    pids: vec![7],
                    ..Selection::default()
                },
                _ => Selection::default(),
            };
            let size = [PageSize::MIN, PageSize::DEFAULT, PageSize::MAX][round % 3];
            let new = || Assembler::new(selection.clone(), Addressing::Bytes, size);
            let (mut many, mut each) = (new(), new());
            let (mut many_refs, mut many_kinds) = (Vec::new(), Vec::new());
            let (mut refs, mut kinds) = (Vec::new(), Vec::new());
            for (turn, piece) in words.chunks(700).enumerate() {
                // Accesses of other processes between them.
                let other = Access {
                    pid: turn as u32 % 3,
                    ..access(next(spread), 4, Kind::Read)
                };
                let accesses: Vec<Access> = piece.iter().map(|&w| Access::unpacked(w)).collect();
                let flow = each.accesses(&accesses, &mut refs, &mut kinds).unwrap();
                let same = many.packed(piece, &mut many_refs, &mut many_kinds).unwrap();
                assert_eq!(flow, same);
                if flow == Flow::Done {
                    break;
                }
                each.accesses(&[other], &mut refs, &mut kinds).unwrap();
                many.accesses(&[other], &mut many_refs, &mut many_kinds)
                    .unwrap();
            }
            assert_eq!((many_refs, many_kinds), (refs, kinds));
            assert_eq!(many.dictionary(), each.dictionary());
            assert_eq!(many.to_take, each.to_take);
        }
    }

    #[test]
    fn what_does_not_fit_is_not_packed() {
        let good = access(0x1000, 8, Kind::Write);
        assert!(good.packed().is_some());
        for bad in [
            Access { pid: 1, ..good },
            Access { size: 0, ..good },
            Access { size: 256, ..good },
            Access {
                addr: 1 << 48,
                ..good
            },
        ] {
            assert_eq!(bad.packed(), None);
        }
    }
}
