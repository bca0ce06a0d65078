//! From accesses, or from a stored trace, to the stream of references that is replayed: which pages
//! the accesses taken touch at the page size asked for, the dense ids of those pages, and where the
//! events stand among them.
//!
//! Knows nothing of files.

use super::access::{Access, Addressing, Kind, Packed};
use super::densify::{Densifier, TooManyPages};
use super::event::{Event, EventAt};
use super::refs::{CONTINUES, Dictionary, KindCode, PageKey, Ref, References, pack};
use super::selection::{Cut, Flow, Selection, Taken};
use crate::simd::page_lookup;
use crate::simd::page_lookup::Pages;
use crate::units::PageSize;

/// Upper limit of the references that a fast path of [`Assembler`] makes at once.
const FAST_PATH_MAX: usize = 512;
/// An access of more pages than this is wide.
const WIDE: u64 = 1024;

/// Makes dense references of accesses or of stored pages. Feed it in order; it appends the references
/// taken to the buffer `out` of each call.
pub struct Assembler {
    cut: Cut,
    addressing: Addressing,
    shift: u32,
    densifier: Densifier,
    /// Page of the previous stored reference, selected or not. A continuation on the same coarser
    /// page is merged with it.
    previous: Option<PageKey>,
    /// Pages of process 0, as the file numbers it, that packed accesses touched recently.
    pages: Pages,
    /// References of the fast path, kept so that they are not cleared for each call.
    fast: Box<FastReferences>,
}

/// Room for the references that one call of the fast path appends.
struct FastReferences {
    refs: [Ref; FAST_PATH_MAX],
    kinds: [KindCode; FAST_PATH_MAX],
}

impl Assembler {
    /// Returns an assembler for pages of `page_size`; ids are pages whatever the size.
    pub fn new(selection: Selection, addressing: Addressing, page_size: PageSize) -> Assembler {
        let shift = addressing.page_shift(page_size);
        Assembler {
            cut: Cut::new(selection, shift),
            addressing,
            shift,
            densifier: Densifier::new(),
            previous: None,
            pages: Pages::new(),
            fast: Box::new(FastReferences {
                refs: [0; FAST_PATH_MAX],
                kinds: [0; FAST_PATH_MAX],
            }),
        }
    }

    /// Bounds the number of distinct pages by `memory`, in bytes, if it is given; see
    /// [`Densifier::with_memory`].
    pub fn with_memory(mut self, memory: Option<u64>) -> Assembler {
        if let Some(memory) = memory {
            self.densifier = self.densifier.with_memory(memory);
        }
        self
    }

    /// Returns whether `access` is of more than [`WIDE`] pages: its references are passed on at once.
    pub(in crate::trace) fn is_wide(&self, access: &Access) -> bool {
        u64::from(access.size) >> self.shift > WIDE
    }

    /// Appends one reference for each page that `access` touches, in address order; all but the first
    /// are marked [`CONTINUES`]. Consecutive ids are references of their own, not parts of one access.
    #[inline]
    pub fn access(&mut self, access: &Access, out: &mut References) -> Result<Flow, TooManyPages> {
        if self.cut.is_all() {
            self.whole_access(access, out)?;
            return Ok(Flow::More);
        }
        self.selected_access(access, out)
    }

    /// Like [`Assembler::access`], if the whole trace is taken.
    #[inline(always)]
    fn whole_access(&mut self, access: &Access, out: &mut References) -> Result<(), TooManyPages> {
        let process = self.densifier.process(access.pid);
        let (first, last) = (access.addr >> self.shift, access.last() >> self.shift);
        let (mut number, mut code) = (first, access.kind as KindCode);
        loop {
            out.push(self.densifier.id(PageKey { process, number })?, code);
            self.cut.count(1);
            if number == last {
                return Ok(());
            }
            number += 1;
            if self.addressing == Addressing::Bytes {
                code |= CONTINUES;
            }
        }
    }

    /// Like [`Assembler::access`], if only a part of the trace is taken.
    fn selected_access(
        &mut self,
        access: &Access,
        out: &mut References,
    ) -> Result<Flow, TooManyPages> {
        let mut code = access.kind as KindCode;
        if !self.cut.takes(access.pid, code) {
            return Ok(Flow::More);
        }
        for number in access.addr >> self.shift..=access.last() >> self.shift {
            if self.reference(access.pid, number, code, out)? == Flow::Done {
                return Ok(Flow::Done);
            }
            if self.addressing == Addressing::Bytes {
                code |= CONTINUES;
            }
        }
        Ok(Flow::More)
    }

    /// Appends the references of `accesses`, up to the limit: like [`Assembler::access`] for each. If
    /// the whole trace is taken, accesses to recent pages take a fast path.
    pub fn accesses(
        &mut self,
        accesses: &[Access],
        out: &mut References,
    ) -> Result<Flow, TooManyPages> {
        let all = self.cut.is_all();
        let mut rest = accesses;
        while !rest.is_empty() {
            if all {
                let (taken, full) = self.fast_path(rest, out);
                rest = &rest[taken..];
                if full && taken > 0 {
                    continue;
                }
            }
            // The access that ended the fast path, if one did.
            if let Some((access, after)) = rest.split_first() {
                if self.access(access, out)? == Flow::Done {
                    return Ok(Flow::Done);
                }
                rest = after;
            }
        }
        Ok(Flow::More)
    }

    /// Appends the references of packed accesses, up to the limit: like [`Assembler::access`] for
    /// each. If the whole trace is taken, looks up many accesses to one recent page at a time. The
    /// addressing must be by bytes.
    pub fn packed(&mut self, words: &[Packed], out: &mut References) -> Result<Flow, TooManyPages> {
        debug_assert!(words.is_empty() || self.addressing == Addressing::Bytes);
        let all = self.cut.is_all();
        let mut rest = words;
        while !rest.is_empty() {
            if all {
                let taken = self.packed_pages(&rest[..rest.len().min(FAST_PATH_MAX)], out)?;
                rest = &rest[taken..];
                if taken == FAST_PATH_MAX {
                    continue;
                }
            }
            // The access that touches two pages, if one does.
            if let Some((&word, after)) = rest.split_first() {
                if self.access(&Access::unpacked(word), out)? == Flow::Done {
                    return Ok(Flow::Done);
                }
                rest = after;
            }
        }
        Ok(Flow::More)
    }

    /// Appends the references of the leading accesses that touch one page each. Returns how many.
    fn packed_pages(
        &mut self,
        words: &[Packed],
        out: &mut References,
    ) -> Result<usize, TooManyPages> {
        let process = self.densifier.process(0);
        let FastReferences { refs, kinds } = &mut *self.fast;
        let mut end = 0;
        let outcome = loop {
            let (refs, kinds) = (&mut refs[end..], &mut kinds[end..]);
            end += page_lookup::refs(&words[end..], self.shift, &self.pages, refs, kinds);
            let Some(&word) = words.get(end) else {
                break Ok(end);
            };
            let access = Access::unpacked(word);
            let number = access.addr >> self.shift;
            if access.last() >> self.shift != number {
                break Ok(end);
            }
            match self.densifier.id(PageKey { process, number }) {
                Ok(id) => self.pages.insert(number, id),
                Err(error) => break Err(error),
            }
        };
        out.extend(&self.fast.refs[..end], &self.fast.kinds[..end]);
        self.cut.count(end as u64);
        outcome
    }

    /// Appends the references of the leading accesses whose processes and pages are among those looked up
    /// lately. Returns how many, and true if the next one is left out for want of room: there are at most
    /// [`FAST_PATH_MAX`] references.
    fn fast_path(&mut self, accesses: &[Access], out: &mut References) -> (usize, bool) {
        let continues = match self.addressing {
            Addressing::Bytes => CONTINUES,
            Addressing::Ids => 0,
        };
        let (densifier, shift) = (&self.densifier, self.shift & 63);
        let FastReferences { refs, kinds } = &mut *self.fast;
        let (mut taken, mut end, mut full) = (0, 0, false);
        'accesses: for access in accesses {
            let Some(process) = densifier.recent_process(access.pid) else {
                break;
            };
            let (first, last) = (access.addr >> shift, access.last() >> shift);
            if last - first >= (FAST_PATH_MAX - end) as u64 {
                full = true;
                break;
            }
            let (mut at, mut code) = (end, access.kind as KindCode);
            for number in first..=last {
                let Some(id) = densifier.recent(PageKey { process, number }) else {
                    break 'accesses;
                };
                refs[at] = pack(id, access.kind == Kind::Write);
                kinds[at] = code;
                code |= continues;
                at += 1;
            }
            end = at;
            taken += 1;
        }
        out.extend(&refs[..end], &kinds[..end]);
        self.cut.count(end as u64);
        (taken, full)
    }

    // Inlined, or the loops that read a trace call it once a reference.
    #[inline(always)]
    fn reference(
        &mut self,
        pid: u32,
        number: u64,
        mut code: KindCode,
        out: &mut References,
    ) -> Result<Flow, TooManyPages> {
        let is_first = self.cut.taken() == 0;
        match self.cut.take(pid, number) {
            Taken::Yes => {}
            Taken::No => return Ok(Flow::More),
            Taken::Done => return Ok(Flow::Done),
        }
        // The reference that it continues was left out, or may have been.
        if is_first || self.cut.is_sampled() {
            code &= !CONTINUES;
        }
        let process = self.densifier.process(pid);
        let id = self.densifier.id(PageKey { process, number })?;
        out.push(id, code);
        Ok(Flow::More)
    }

    /// Appends the next reference of a stored trace whose processes have the ids `pids`. Its page is
    /// `key`, at a page size finer by `coarser` bits than the one asked for. A continuation on the
    /// same coarser page as the reference before it is merged with that.
    #[inline(always)]
    pub fn stored(
        &mut self,
        pids: &[u32],
        key: PageKey,
        coarser: u8,
        code: KindCode,
        out: &mut References,
    ) -> Result<Flow, TooManyPages> {
        let key = PageKey {
            number: key.number >> coarser,
            ..key
        };
        if code & CONTINUES != 0 && self.previous == Some(key) {
            return Ok(Flow::More);
        }
        self.previous = Some(key);
        let pid = pids[key.process as usize];
        if !self.cut.takes(pid, code) {
            return Ok(Flow::More);
        }
        self.reference(pid, key.number, code, out)
    }

    /// Returns the next event of process `pid` as it stands before the next reference taken. `line` is
    /// its line in the file, or 0. Processes get their index here in order of first occurrence.
    pub fn event(&mut self, pid: u32, mut event: Event, line: u64) -> EventAt {
        self.cut.event(pid, &event);
        let process = self.densifier.process(pid);
        if let Some(child) = event.child_mut() {
            *child = self.densifier.process(*child);
        }
        EventAt {
            position: self.cut.taken(),
            process,
            event,
            line,
        }
    }

    /// Returns the next event of a stored trace whose processes have the ids `pids`; see
    /// [`Assembler::event`].
    pub fn stored_event(&mut self, pids: &[u32], event: &EventAt) -> EventAt {
        let (pid, stated) = event.with_pids(pids);
        self.event(pid, stated, event.line)
    }

    /// Returns how many references must still be read at least, those to skip included; `u64::MAX`
    /// without a limit.
    pub(in crate::trace) fn wanted(&self) -> u64 {
        self.cut.wanted()
    }

    /// Returns the processes and pages so far.
    pub fn dictionary(&self) -> &Dictionary {
        self.densifier.dictionary()
    }

    /// Returns the processes and pages.
    pub fn into_dictionary(self) -> Dictionary {
        self.densifier.into_dictionary()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::generate::Rng;
    use crate::trace::model::refs::{is_write, page_of};

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
        let mut out = References::default();
        for a in accesses {
            if assembler.access(a, &mut out).unwrap() == Flow::Done {
                break;
            }
        }
        let got = out.refs.iter().zip(&out.kinds);
        let got = got.map(|(&r, &k)| (page_of(r), u32::from(is_write(r)), k));
        let pages = assembler.dictionary().pages.iter();
        (got.collect(), pages.map(|page| page.number).collect())
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
        let none = Selection {
            pids: vec![7],
            ..Selection::default()
        };
        assert_eq!(feed(none, &CROSSING).0.len(), 0);
    }

    #[test]
    fn the_top_of_the_address_space_does_not_wrap() {
        let mut assembler = Assembler::new(Selection::default(), Addressing::Bytes, PageSize::MIN);
        let mut out = References::default();
        assembler
            .access(&access(u64::MAX, 8, Kind::Read), &mut out)
            .unwrap();
        assert_eq!(out.len(), 1);
    }

    #[test]
    fn many_accesses_at_once_are_what_each_is() {
        let mut rng = Rng::new(1);
        let mut next = |below: u64| rng.below(below);
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
            let (mut many_out, mut each_out) = (References::default(), References::default());
            let mut flow = Flow::More;
            for piece in accesses.chunks(700) {
                if flow == Flow::More {
                    flow = many.accesses(piece, &mut many_out).unwrap();
                }
            }
            for access in &accesses {
                if each.access(access, &mut each_out).unwrap() == Flow::Done {
                    break;
                }
            }
            assert_eq!(many_out, each_out);
            assert_eq!(many.dictionary(), each.dictionary());
            assert_eq!(many.cut.taken(), each.cut.taken());
        }
    }

    #[test]
    fn packed_accesses_are_what_they_were() {
        let mut rng = Rng::new(1);
        let mut next = |below: u64| rng.below(below);
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
            let (mut many_out, mut each_out) = (References::default(), References::default());
            for (turn, piece) in words.chunks(700).enumerate() {
                // Accesses of other processes between them.
                let other = Access {
                    pid: turn as u32 % 3,
                    ..access(next(spread), 4, Kind::Read)
                };
                let accesses: Vec<Access> = piece.iter().map(|&w| Access::unpacked(w)).collect();
                let flow = each.accesses(&accesses, &mut each_out).unwrap();
                let same = many.packed(piece, &mut many_out).unwrap();
                assert_eq!(flow, same);
                if flow == Flow::Done {
                    break;
                }
                each.accesses(&[other], &mut each_out).unwrap();
                many.accesses(&[other], &mut many_out).unwrap();
            }
            assert_eq!(many_out, each_out);
            assert_eq!(many.dictionary(), each.dictionary());
            assert_eq!(many.cut.taken(), each.cut.taken());
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
