//! Files whose checksums hold, and that state something else than their references: no reader believes
//! them. Files that change while they are read.

use super::pack::ColumnWriter;
use super::parts::{Parts, columns_of_block};
use super::tests::{meta, parse, sample, write};
use super::write::trailer_checksum;
use super::*;
use crate::trace::codec::positioned::Bytes;
use crate::trace::model::dense::Trace;
use crate::trace::model::event::{Event, EventAt};
use crate::trace::model::refs::{Dictionary, KindCode, PageKey, Ref, pack};
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// Where a column is: in a block, or in the footer.
type Place = Option<usize>;

/// Returns the same file after `change` of each column, with checksums and offsets made right. A column
/// that becomes empty is left out.
fn altered(bytes: &[u8], mut change: impl FnMut(Place, u16, &mut Vec<u8>)) -> Vec<u8> {
    let parts = Parts::of(Path::new("t.pbt"), Bytes::Owned(bytes.to_vec()));
    let footer = parts.footer_span().unwrap();
    let mut columns = columns_of_block(&bytes[footer.start as usize..footer.end as usize]);
    let index = columns.iter().find(|(tag, _)| *tag == TAG_INDEX).unwrap();
    let offsets: Vec<usize> = (0..index.1.len() / 16)
        .map(|block| u64_at(&index.1, block * 16) as usize)
        .collect();
    let mut out = bytes[..HEADER_BYTES].to_vec();
    let put = |magic, refs, columns: &[(u16, Vec<u8>)], out: &mut Vec<u8>| {
        let columns = columns.iter().map(|(tag, bytes)| (*tag, &bytes[..]));
        let columns: Vec<_> = columns.filter(|(_, bytes)| !bytes.is_empty()).collect();
        let mut writer = ColumnWriter::new(1).unwrap();
        writer.put(magic, refs, &columns, true, out).unwrap();
    };
    let mut moved = Vec::new();
    for (block, &at) in offsets.iter().enumerate() {
        let end = offsets
            .get(block + 1)
            .map_or(footer.start as usize, |&end| end);
        let mut columns = columns_of_block(&bytes[at..end]);
        for (tag, column) in &mut columns {
            change(Some(block), *tag, column);
        }
        moved.push(out.len() as u64);
        put(BLOCK_MAGIC, u32_at(bytes, at + 4), &columns, &mut out);
    }
    for (tag, column) in &mut columns {
        if *tag == TAG_INDEX {
            for (block, offset) in moved.iter().enumerate() {
                column[block * 16..block * 16 + 8].copy_from_slice(&offset.to_le_bytes());
            }
        }
        change(None, *tag, column);
    }
    let footer = out.len() as u64;
    put(FOOTER_MAGIC, 0, &columns, &mut out);
    let sum = trailer_checksum(footer, &out[..HEADER_BYTES]);
    out.extend(footer.to_le_bytes());
    out.extend(sum.to_le_bytes());
    out.extend(END_MAGIC);
    out
}

/// Everything of a trace that a count depends on.
fn believed(bytes: &[u8]) -> Result<Trace, crate::trace::TraceError> {
    let trace = Trace::load(parse(bytes)?)?;
    trace.within()?;
    Ok(trace)
}

fn is_same(a: &Trace, b: &Trace) -> bool {
    let bursts = |trace: &Trace| trace.as_bursts().is_some();
    let columns = |trace: &Trace| {
        let bursts = trace.as_bursts()?;
        Some((
            format!("{:?}", bursts.of(64).columns),
            bursts.within().clone(),
        ))
    };
    (a.refs(), a.kinds(), a.digest(), &a.events) == (b.refs(), b.kinds(), b.digest(), &b.events)
        && a.dictionary.pages == b.dictionary.pages
        && bursts(a) == bursts(b)
        && columns(a) == columns(b)
}

/// References to `pages` pages with long bursts, and events.
fn local(pages: u32) -> Vec<u8> {
    let (refs, kinds, dictionary) = sample(3000, pages);
    let mut writer = Writer::new(Vec::new(), 1).unwrap();
    writer.push_all(&refs, &kinds).unwrap();
    writer.event(EventAt {
        position: refs.len() as u64,
        process: 1,
        event: Event::Exec,
        line: 0,
    });
    writer.finish(&meta(), &dictionary).unwrap().0
}

/// Every column of the file is altered in turn: one that is added to the format is in this test at once.
#[test]
fn no_altered_column_is_believed() {
    for pages in [40, 400] {
        let good = local(pages);
        let trace = believed(&good).unwrap();
        assert_eq!(trace.as_bursts().is_some(), pages == 40);
        assert!(is_same(
            &trace,
            &believed(&altered(&good, |_, _, _| {})).unwrap()
        ));
        let mut places = Vec::new();
        altered(&good, |place, tag, column| {
            places.push((place, tag, column.len()))
        });
        assert_eq!(places.len(), if pages == 40 { 9 + 6 } else { 4 + 6 });
        for (place, tag, length) in places {
            let step = (length / 40).max(1);
            for (at, bit) in (0..length)
                .step_by(step)
                .flat_map(|at| [0, 1, 2, 6].map(|b| (at, b)))
            {
                let bad = altered(&good, |other, other_tag, column| {
                    if (other, other_tag) == (place, tag) {
                        column[at] ^= 1 << bit;
                    }
                });
                match believed(&bad) {
                    Err(_) => {}
                    Ok(now) => {
                        assert!(is_same(&now, &trace), "column {tag}, byte {at}, bit {bit}");
                        // Names and numbers of processes change no count.
                        assert!(
                            [TAG_META, TAG_PIDS].contains(&tag),
                            "column {tag}, byte {at}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn no_altered_count_of_the_description_is_believed() {
    for pages in [40, 400] {
        let good = local(pages);
        for field in [
            "refs",
            "ifetches",
            "reads",
            "writes",
            "continuations",
            "bursts",
            "digest",
        ] {
            let bad = altered(&good, |_, tag, column| {
                if tag == TAG_META {
                    let mut json: serde_json::Value = serde_json::from_slice(column).unwrap();
                    json[field] = match json[field].as_u64() {
                        Some(n) => (n + 1).into(),
                        None => "1234".into(),
                    };
                    *column = serde_json::to_vec(&json).unwrap();
                }
            });
            assert!(believed(&bad).is_err(), "{field}");
            // Also when the references stay in the file.
            let stored = parse(&bad).map(Trace::stored);
            assert!(
                stored.and_then(|trace| trace.tiles(|_| true)).is_err(),
                "{field}"
            );
        }
    }
}

/// The references and their digest are right. A replay by bursts would take the page for two.
#[test]
fn a_burst_that_lists_a_page_twice_is_refused() {
    let dictionary = |pages: u64| Dictionary {
        pids: vec![1],
        pages: (0..pages)
            .map(|number| PageKey { process: 0, number })
            .collect(),
    };
    let (refs, kinds) = (vec![pack(0, false); 300], vec![1; 300]);
    let (good, _) = write(&refs, &kinds, &dictionary(1));
    let bad = altered(&good, |place, tag, column| match (place, tag) {
        (None, _) => {}
        (_, TAG_COUNTS) => *column = vec![2],
        (_, TAG_PAGES) => column.extend([0; 4]),
        (_, TAG_RAW) => column[7] |= 1 << 2,
        (_, TAG_LENGTHS) => {}
        _ => column.clear(),
    });
    let what = believed(&bad).unwrap_err().to_string();
    assert!(what.contains("a burst lists a page twice"), "{what}");
    // Pages that nothing references, or not in order, although the digest says so too.
    for (refs, pages) in [(refs.clone(), 2), (vec![pack(1, false), pack(0, false)], 2)] {
        let kinds = vec![1; refs.len()];
        let what = believed(&write(&refs, &kinds, &dictionary(pages)).0).unwrap_err();
        assert!(
            what.to_string().contains("in order of first reference"),
            "{what}"
        );
    }
}

/// What a small file claims, or is compressed from, takes no memory before it is believed.
#[test]
fn what_is_larger_than_the_file_allows_is_not_unpacked() {
    let good = local(40);
    let too_much = |tag: u16, content: Vec<u8>| {
        let bad = altered(&good, |place, other, column| {
            if (place, other) == (None, tag) {
                column.clone_from(&content);
            }
        });
        assert!(bad.len() < 100_000);
        let what = parse(&bad).unwrap_err().to_string();
        assert!(
            what.contains("would take more memory than its size allows (6"),
            "{what}"
        );
    };
    too_much(TAG_NUMBERS, vec![0; 20 << 20]);
    too_much(TAG_PIDS, vec![0; 10 << 20]);
    too_much(TAG_META, vec![b' '; 10 << 20]);
    too_much(TAG_EVENTS, vec![b'x'; 30 << 20]);
    too_much(TAG_EVENTS, vec![b'\n'; 2 << 20]);
    // A block that claims the most references there may be.
    let most = BLOCK_REFS_MAX;
    let bad = altered(&good, |_, tag, column| match tag {
        TAG_INDEX => column[8..16].copy_from_slice(&most.to_le_bytes()),
        TAG_META => {
            let mut json: serde_json::Value = serde_json::from_slice(column).unwrap();
            (json["refs"], json["reads"]) = (most.into(), most.into());
            (json["ifetches"], json["writes"]) = (0.into(), 0.into());
            *column = serde_json::to_vec(&json).unwrap();
        }
        _ => {}
    });
    let what = parse(&bad).unwrap_err().to_string();
    assert!(what.contains("the index of blocks is corrupt"), "{what}");
}

/// Events that repeat themselves compress better than a reader would believe.
#[test]
fn what_is_written_is_never_larger_than_its_size_allows() {
    let mut writer = Writer::new(Vec::new(), 1).unwrap();
    let event = |_| EventAt {
        position: 0,
        process: 0,
        event: Event::Unlink { file: 4 },
        line: 0,
    };
    (0..900_000)
        .map(event)
        .for_each(|event| writer.event(event));
    writer.push_all(&[pack(0, false)], &[1]).unwrap();
    let dictionary = Dictionary {
        pids: vec![5],
        pages: vec![PageKey {
            process: 0,
            number: 3,
        }],
    };
    let (bytes, _) = writer.finish(&meta(), &dictionary).unwrap();
    assert_eq!(
        Trace::load(parse(&bytes).unwrap()).unwrap().events.len(),
        900_000
    );
}

/// A file of three blocks in a folder.
fn three_blocks(folder: &Path) -> (std::path::PathBuf, Vec<u8>) {
    let (refs, kinds): (Vec<Ref>, Vec<KindCode>) = (0..BLOCK_REFS as u32 * 5 / 2)
        .map(|at| (pack(at % 50, at % 3 == 0), if at % 3 == 0 { 2 } else { 1 }))
        .unzip();
    let dictionary = Dictionary {
        pids: vec![1],
        pages: (0..50)
            .map(|number| PageKey { process: 0, number })
            .collect(),
    };
    let bytes = write(&refs, &kinds, &dictionary).0;
    let path = folder.join("t.pbt");
    fs::write(&path, &bytes).unwrap();
    (path, bytes)
}

#[test]
fn a_file_that_changes_after_it_was_opened_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.pbt");
    let open_to_write = |path: &Path| File::options().write(true).open(path);
    // Another valid file of the same length, changed long ago: no coarse clock hides it.
    let overwrite = |path: &Path, bytes: &[u8]| {
        fs::write(path, bytes)?;
        open_to_write(path)?.set_modified(SystemTime::UNIX_EPOCH)
    };
    type Change<'a> = &'a dyn Fn(&Path, &[u8]) -> io::Result<()>;
    let changes: [(Change<'_>, &str); 4] = [
        (&|path, _| open_to_write(path)?.set_len(0), "was cut from"),
        (
            &|path, bytes| open_to_write(path)?.set_len(bytes.len() as u64 / 2),
            "was cut from",
        ),
        (&|path, bytes| overwrite(path, bytes), "was written to"),
        (
            &|path, bytes| fs::write(&other, bytes).and_then(|()| fs::rename(&other, path)),
            "was replaced by another one",
        ),
    ];
    for (change, how) in changes {
        let (path, bytes) = three_blocks(folder.path());
        let is_changed = |what: Result<(), crate::trace::TraceError>| {
            let error = what.unwrap_err();
            assert!(!error.is_io());
            let text = error.to_string();
            assert!(text.contains(how) && text.contains("t.pbt"), "{text}");
        };
        // Before it is loaded.
        let store = Store::open(&path).unwrap();
        change(&path, &bytes).unwrap();
        is_changed(Trace::load(store).map(drop));
        // While it is replayed from the file: between two blocks, and after the last one.
        for at in [0, 2] {
            let (path, bytes) = three_blocks(folder.path());
            let store = Store::open(&path).unwrap();
            let mut block = 0;
            is_changed(store.each_block(|_| {
                if block == at {
                    change(&path, &bytes).unwrap();
                }
                block += 1;
                Ok(true)
            }));
            assert!(store.is_refuted());
        }
    }
    let (path, _) = three_blocks(folder.path());
    let store = Store::open(&path).unwrap();
    store
        .each_block(|_| Ok::<_, crate::trace::TraceError>(true))
        .unwrap();
    assert!(store.verifier().is_none() && !store.is_refuted());
}
