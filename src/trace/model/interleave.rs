//! Several traces merged into one of several processes, round robin: each runs for a quantum of
//! its own references, then the next; one that ends leaves the round. Knows no files.

use super::access::{Addressing, TraceKind};
use super::assembler::Assembler;
use super::dense::Trace;
use super::densify::TooManyPages;
use super::event::{Backing, Event, EventAt};
use super::refs::{CONTINUES, Dictionary, Meta, References, page_of};
use super::selection::Selection;
use super::sink::Sink;
use rustc_hash::FxHashMap;

/// Merges traces of the same page size. Every process of every input becomes a process of its
/// own, numbered from 1 in the order of the inputs. Passes the references and events to `sink` and
/// returns metadata, with the name `name`, and dictionary of the result. An access that crosses a
/// page boundary is not split: its quantum lasts until it is done. Events take no time: they
/// come right before the reference that they precede, those at the end right after the last.
///
/// # Panics
/// Panics if the traces have different page sizes or kinds of addresses, or if `quantum` is 0.
pub fn interleave(
    traces: &[Trace],
    quantum: u64,
    name: String,
    sink: &mut impl Sink,
) -> Result<(Meta, Dictionary), TooManyPages> {
    assert!(quantum > 0, "a quantum of 0 never ends");
    let first = &traces[0].meta;
    let alike =
        |t: &Trace| (t.meta.page_size, t.meta.addressing) == (first.page_size, first.addressing);
    assert!(traces.iter().all(alike), "traces must have the same pages");
    let pids = renumber(traces);
    // The pages are pages already.
    let mut assembler = Assembler::new(Selection::default(), Addressing::Ids, first.page_size);
    let files = renumber_files(traces);
    let mut turns: Vec<Turn<'_>> = Vec::new();
    for ((trace, pids), files) in traces.iter().zip(&pids).zip(&files) {
        turns.push(Turn {
            trace,
            pids,
            files,
            next: 0,
            next_event: 0,
            out: References::default(),
        });
    }
    while !turns.is_empty() {
        for turn in &mut turns {
            turn.run(quantum, &mut assembler, sink)?;
        }
        turns.retain(|turn| turn.next < turn.trace.len());
    }
    let meta = Meta {
        name,
        format: "interleaved".into(),
        kind: kind_of(traces),
        addressing: first.addressing,
        page_size: first.page_size,
        skipped: traces.iter().map(|trace| trace.meta.skipped).sum(),
    };
    Ok((meta, assembler.into_dictionary()))
}

/// Number of references passed on at once: few enough to stay in the cache.
const AT_ONCE: usize = 4096;

/// One input and how much of it is merged.
struct Turn<'a> {
    trace: &'a Trace,
    /// The new process ids.
    pids: &'a [u32],
    /// The new ids of the files.
    files: &'a Files,
    /// The next reference and event.
    next: usize,
    next_event: usize,
    /// References on their way to the sink.
    out: References,
}

impl Turn<'_> {
    /// Runs for a quantum, or to the end.
    fn run(
        &mut self,
        quantum: u64,
        assembler: &mut Assembler,
        sink: &mut impl Sink,
    ) -> Result<(), TooManyPages> {
        let mut left = quantum;
        while self.next < self.trace.len() {
            let kind = self.trace.kinds()[self.next];
            if kind & CONTINUES == 0 {
                if left == 0 {
                    self.flush(sink);
                    return Ok(());
                }
                left -= 1;
            }
            self.events(assembler, sink);
            let key = self.trace.dictionary.pages[page_of(self.trace.refs()[self.next]) as usize];
            assembler.stored(self.pids, key, 0, kind, &mut self.out)?;
            self.next += 1;
            if self.out.len() >= AT_ONCE {
                self.flush(sink);
            }
        }
        self.events(assembler, sink);
        self.flush(sink);
        Ok(())
    }

    /// Passes on the references merged since the last call.
    fn flush(&mut self, sink: &mut impl Sink) {
        sink.references(&self.out.refs, &self.out.kinds);
        self.out.clear();
    }

    /// Passes on the events before the next reference.
    fn events(&mut self, assembler: &mut Assembler, sink: &mut impl Sink) {
        while let Some(event) = self.trace.events.get(self.next_event)
            && event.position <= self.next as u64
        {
            self.flush(sink);
            let mut event = assembler.stored_event(self.pids, event);
            // Lines of several files mean nothing together.
            event.line = 0;
            if let Some(file) = event.event.file_mut() {
                *file = self.files[file];
            }
            sink.event(event);
            self.next_event += 1;
        }
    }
}

/// Name and length of a file, and whether it is memory.
type Like<'t> = (&'t str, u64, bool);

/// New ids of the files of one input, by their old ids.
type Files = FxHashMap<u32, u32>;

/// Returns ids of files, from 1, that mean the same file in all inputs. Files match by name, kind and
/// length at their first mapping. The n-th such file of one input matches the n-th of every other, so
/// two files of one input never merge. A file without a name, or never mapped, matches none.
fn renumber_files(traces: &[Trace]) -> Vec<Files> {
    let mut known: FxHashMap<(Like<'_>, u32), u32> = FxHashMap::default();
    let mut last = 0;
    let mut fresh = || {
        last += 1;
        last
    };
    let mut all = Vec::new();
    for trace in traces {
        let mut files = Files::default();
        let mut alike: FxHashMap<Like<'_>, u32> = FxHashMap::default();
        for event in &trace.events {
            let Event::Map(mapping) = &event.event else {
                continue;
            };
            let Backing::File { file, length, .. } = mapping.backing else {
                continue;
            };
            files.entry(file).or_insert_with(|| {
                let name = &*mapping.name;
                if name.is_empty() {
                    return fresh();
                }
                let like = (name, length, mapping.swap_backed);
                let nth = alike.entry(like).or_insert(0);
                *nth += 1;
                *known.entry((like, *nth)).or_insert_with(&mut fresh)
            });
        }
        // Files that are read, written or cut but never mapped.
        let others = |event: &&EventAt| !matches!(event.event, Event::Map(_));
        for event in trace.events.iter().filter(others) {
            if let Some(file) = event.event.clone().file_mut() {
                files.entry(*file).or_insert_with(&mut fresh);
            }
        }
        all.push(files);
    }
    all
}

/// Returns process ids, from 1, that no two inputs share.
fn renumber(traces: &[Trace]) -> Vec<Vec<u32>> {
    let mut next = 1..;
    let pids = |trace: &Trace| {
        let count = trace.dictionary.pids.len();
        next.by_ref().take(count).collect()
    };
    traces.iter().map(pids).collect()
}

/// Returns the kind that all inputs have. If they differ, returns that of an input whose fault rate
/// would mislead most, so that its warning stays; full and synthetic traces together are synthetic.
fn kind_of(traces: &[Trace]) -> TraceKind {
    let first = traces[0].meta.kind;
    if traces.iter().all(|trace| trace.meta.kind == first) {
        return first;
    }
    let misleading = [
        TraceKind::FaultsOnly,
        TraceKind::BlockIo,
        TraceKind::Sampled,
    ];
    let there = |kind: &TraceKind| traces.iter().any(|trace| trace.meta.kind == *kind);
    misleading
        .into_iter()
        .find(there)
        .unwrap_or(TraceKind::Synthetic)
}

#[cfg(test)]
mod tests {
    use super::super::collector::Collector;
    use super::super::refs::{KindCode, PageKey, pack};
    use super::*;
    use crate::trace::format::event_text;
    use crate::units::PageSize;
    use std::sync::Arc;

    fn trace(refs: &[(u32, KindCode)]) -> Trace {
        let pages = 1 + refs.iter().map(|r| r.0).max().unwrap();
        let dictionary = Dictionary {
            pids: vec![7],
            pages: (0..pages)
                .map(|n| PageKey {
                    process: 0,
                    number: u64::from(n) + 100,
                })
                .collect(),
        };
        let meta = Meta {
            name: "t".into(),
            format: "plain".into(),
            kind: TraceKind::Full,
            addressing: Addressing::Bytes,
            page_size: PageSize::DEFAULT,
            skipped: 1,
        };
        let packed = refs
            .iter()
            .map(|&(page, kind)| pack(page, kind & 3 == 2))
            .collect();
        Trace::new(
            meta,
            dictionary,
            packed,
            refs.iter().map(|r| r.1).collect(),
            None,
        )
    }

    #[test]
    fn quanta_alternate_and_crossing_accesses_stay_whole() {
        let a = trace(&[(0, 1), (0, 1), (1, 2), (2, 2 | CONTINUES), (0, 1)]);
        let b = trace(&[(0, 0), (0, 0)]);
        let mut got = Collector::default();
        let (meta, dictionary) = interleave(&[a, b], 3, "ab".into(), &mut got).unwrap();
        let References { refs, kinds } = got.references;
        let got: Vec<(u32, KindCode)> = refs.into_iter().map(page_of).zip(kinds).collect();
        let c = CONTINUES;
        assert_eq!(
            got,
            [(0, 1), (0, 1), (1, 2), (2, 2 | c), (3, 0), (3, 0), (0, 1)]
        );
        assert_eq!(dictionary.pids, [1, 2]);
        assert_eq!(
            dictionary.pages[3],
            PageKey {
                process: 1,
                number: 100
            }
        );
        assert_eq!((meta.addressing, meta.skipped), (Addressing::Bytes, 2));
    }

    #[test]
    fn what_makes_a_fault_rate_meaningless_is_not_lost() {
        use TraceKind::{BlockIo, FaultsOnly, Full, Sampled, Synthetic};
        for (kinds, expected) in [
            (&[Full, Full][..], Full),
            (&[Full, Synthetic], Synthetic),
            (&[Full, Sampled], Sampled),
            (&[Sampled, Synthetic, BlockIo], BlockIo),
            (&[BlockIo, FaultsOnly], FaultsOnly),
        ] {
            let of = |&kind: &TraceKind| {
                let mut one = trace(&[(0, 1)]);
                one.meta.kind = kind;
                one
            };
            let traces: Vec<Trace> = kinds.iter().map(of).collect();
            assert_eq!(kind_of(&traces), expected, "{kinds:?}");
            let warns = kinds.iter().any(|kind| kind.warning().is_some());
            assert_eq!(expected.warning().is_some(), warns);
        }
    }

    fn with_events(events: &[(u64, &str)]) -> Trace {
        let told = |&(position, text): &(u64, &str)| EventAt {
            position,
            process: 0,
            event: event_text::parse(text.as_bytes(), Addressing::Bytes)
                .unwrap()
                .unwrap(),
            line: 4,
        };
        let mut trace = trace(&[(0, 1), (0, 1), (0, 1)]);
        Arc::make_mut(&mut trace.dictionary).pids.push(8);
        trace.with_events(events.iter().map(told).collect())
    }

    fn merged(traces: &[Trace], quantum: u64) -> (Vec<String>, Vec<u32>) {
        let mut got = Collector::default();
        let (meta, dictionary) = interleave(traces, quantum, "x".into(), &mut got).unwrap();
        let merged = got.into_trace(meta, dictionary);
        assert!(merged.events.iter().all(|event| event.line == 0));
        let told = merged.events.iter().map(|event| {
            let (pid, stated) = event.with_pids(&merged.dictionary.pids);
            format!("{} {pid} {stated}", event.position)
        });
        (told.collect(), merged.dictionary.pids.clone())
    }

    #[test]
    fn events_keep_their_place_among_their_own_references() {
        let a = with_events(&[(0, "brk 1"), (2, "fork 1"), (2, "exec"), (3, "exit")]);
        let b = with_events(&[(0, "brk 2"), (3, "exit")]);
        let idle = Trace::new(a.meta.clone(), a.dictionary.clone(), vec![], vec![], None)
            .with_events(vec![a.events[0].clone()]);
        // A quantum of two: aa bb a b, and the third input has no reference at all.
        let (events, pids) = merged(&[a, b, idle], 2);
        let wanted = [
            "0 1 brk 1",
            "2 3 brk 2",
            "4 5 brk 1",
            "4 1 fork 2",
            "4 1 exec",
            "5 1 exit",
            "6 3 exit",
        ];
        assert_eq!(events, wanted);
        assert_eq!(pids, [1, 3, 5, 2]);
    }

    #[test]
    fn files_are_one_by_name_and_length() {
        let a = with_events(&[
            (0, "map 0 1 r-- file=7,0,100 name=libc"),
            (0, "map 1 1 r-- file=8,0,100 name=libc"),
            (0, "map 2 1 r-- file=9,0,100"),
            (0, "map 3 1 r-- file=7,5,100 name=libc"),
        ]);
        let b = with_events(&[
            (0, "map 0 1 r-- file=9,0,100 name=libc"),
            (0, "map 1 1 r-- file=1,0,101 name=libc"),
            (0, "map 2 1 r-- file=2,0,100"),
        ]);
        let (events, _) = merged(&[a, b], 10);
        let file = |text: &String| text.split("file=").nth(1).unwrap()[..1].to_owned();
        let files: Vec<String> = events.iter().map(file).collect();
        assert_eq!(files, ["1", "2", "3", "1", "1", "4", "5"]);
    }

    #[test]
    fn events_on_files_name_the_files_of_the_mappings() {
        let a = with_events(&[
            (0, "read 7 0 10"),
            (1, "map 0 1 r-- file=7,0,100 name=libc"),
            (1, "write 5 0 10"),
            (2, "length 7 50"),
        ]);
        let b = with_events(&[
            (0, "unlink 7"),
            (0, "map 0 1 r-- file=9,0,100 name=libc"),
            (1, "length 9 50"),
        ]);
        let (events, _) = merged(&[a, b], 10);
        let wanted = [
            "0 1 read 1 0 10",
            "1 1 map 0 1 r-- file=1,0,100 name=libc",
            "1 1 write 2 0 10",
            "2 1 length 1 50",
            "3 3 unlink 3",
            "3 3 map 0 1 r-- file=1,0,100 name=libc",
            "4 3 length 1 50",
        ];
        assert_eq!(events, wanted);
    }
}
