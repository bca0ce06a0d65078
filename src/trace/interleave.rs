//! Several traces merged into one of several processes, round robin: each runs for a quantum of
//! its own references, then the next; one that ends leaves the round. Knows no files.

use super::dense::{CONTINUES, Dictionary, KindCode, Meta, Ref, TooManyPages, Trace, page_of};
use super::record::{Addressing, TraceKind};
use super::select::{Assembler, Selection};

/// Merges traces of the same page size. Every process of every input becomes a process of its
/// own, numbered from 1 in the order of the inputs. Calls `sink` with each reference; returns
/// what is known of the result, named `name`, and its dictionary. An access that crosses a page
/// boundary is not torn apart: its quantum lasts until it is done.
///
/// # Panics
/// If the traces have different page sizes or kinds of addresses, or the quantum is 0.
pub fn interleave(
    traces: &[Trace],
    quantum: u64,
    name: String,
    sink: &mut impl FnMut(Ref, KindCode),
) -> Result<(Meta, Dictionary), TooManyPages> {
    assert!(quantum > 0, "a quantum of 0 never ends");
    let first = &traces[0].meta;
    let alike =
        |t: &Trace| (t.meta.page_size, t.meta.addressing) == (first.page_size, first.addressing);
    assert!(traces.iter().all(alike), "traces must have the same pages");
    let renumbered = renumber(traces);
    // The pages are pages already.
    let mut assembler = Assembler::new(Selection::default(), Addressing::Ids, first.page_size);
    let mut next = vec![0usize; traces.len()];
    let mut running = true;
    while running {
        running = false;
        for ((trace, dictionary), next) in traces.iter().zip(&renumbered).zip(&mut next) {
            let mut left = quantum;
            while *next < trace.len() {
                let kind = trace.kinds[*next];
                if kind & CONTINUES == 0 {
                    if left == 0 {
                        break;
                    }
                    left -= 1;
                }
                let key = dictionary.pages[page_of(trace.refs[*next]) as usize];
                assembler.stored(dictionary, key, 0, kind, sink)?;
                *next += 1;
            }
            running |= *next < trace.len();
        }
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

/// The dictionaries with process ids that no two inputs share.
fn renumber(traces: &[Trace]) -> Vec<Dictionary> {
    let mut pid = 0;
    let fresh = |_: &u32| {
        pid += 1;
        pid
    };
    let mut fresh = fresh;
    traces
        .iter()
        .map(|trace| Dictionary {
            pids: trace.dictionary.pids.iter().map(&mut fresh).collect(),
            pages: trace.dictionary.pages.clone(),
        })
        .collect()
}

/// The kind that all inputs have; if they differ, the result is made up.
fn kind_of(traces: &[Trace]) -> TraceKind {
    let first = traces[0].meta.kind;
    if traces.iter().all(|trace| trace.meta.kind == first) {
        first
    } else {
        TraceKind::Synthetic
    }
}

#[cfg(test)]
mod tests {
    use super::super::dense::{PageKey, pack};
    use super::*;
    use crate::units::PageSize;

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
        let mut got = Vec::new();
        let (meta, dictionary) = interleave(&[a, b], 3, "ab".into(), &mut |r, k| {
            got.push((page_of(r), k))
        })
        .unwrap();
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
}
