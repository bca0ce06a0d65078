use super::*;
use crate::trace::bursts::encode;
use crate::trace::format::event_text;
use crate::trace::generate::Rng;
use crate::trace::model::dense::Trace;
use crate::trace::model::event::{Event, EventAt};
use crate::trace::model::refs::{CONTINUES, Dictionary, KindCode, PageKey, Ref, pack, page_of};
use std::path::Path;

pub(super) fn meta() -> Meta {
    Meta {
        name: "t".into(),
        format: "lackey".into(),
        kind: TraceKind::Full,
        addressing: Addressing::Bytes,
        page_size: PageSize::DEFAULT,
        skipped: 3,
    }
}

pub(super) fn sample(n: usize, pages: u32) -> (Vec<Ref>, Vec<KindCode>, Dictionary) {
    let mut rng = Rng::new(1);
    let (mut refs, mut kinds) = (Vec::new(), Vec::new());
    for i in 0..n {
        let page = if i < pages as usize {
            i as u32
        } else {
            rng.below(pages.into()) as u32
        };
        let kind = rng.below(3) as u8;
        refs.push(pack(page, kind == 2));
        kinds.push(kind);
        if i % 7 == 3 {
            refs.push(pack(page, kind == 2));
            kinds.push(kind | CONTINUES);
        }
    }
    let key = |i: u32| PageKey {
        process: i % 2,
        number: u64::from(i) * 977,
    };
    let dictionary = Dictionary {
        pids: vec![5, 9],
        pages: (0..pages).map(key).collect(),
    };
    (refs, kinds, dictionary)
}

pub(super) fn write(
    refs: &[Ref],
    kinds: &[KindCode],
    dictionary: &Dictionary,
) -> (Vec<u8>, Summary) {
    let mut writer = Writer::new(Vec::new(), 3).unwrap();
    writer.push_all(refs, kinds).unwrap();
    writer.finish(&meta(), dictionary).unwrap()
}

pub(super) fn parse(bytes: &[u8]) -> Result<Store, crate::trace::model::error::TraceError> {
    Store::from_bytes(Path::new("t.pbt"), bytes.to_vec())
}

/// Anybody may have written a file.
#[test]
fn stored_names_are_made_plain() {
    let (refs, kinds, dictionary) = sample(10, 3);
    let mut writer = Writer::new(Vec::new(), 3).unwrap();
    writer.push_all(&refs, &kinds).unwrap();
    let hostile = Meta {
        name: "x\n::error::pwn\u{1b}[31m".into(),
        format: "::a\u{202e}".into(),
        ..meta()
    };
    let (bytes, _) = writer.finish(&hostile, &dictionary).unwrap();
    let store = parse(&bytes).unwrap();
    assert_eq!(store.meta.name, "x?::error::pwn?[31m");
    assert_eq!(store.meta.format, "?:a?");
}

#[test]
fn what_is_written_is_read_over_several_blocks() {
    let (refs, kinds, dictionary) = sample(BLOCK_REFS + 5000, 3000);
    let (bytes, summary) = write(&refs, &kinds, &dictionary);
    assert_eq!(summary.bytes, bytes.len() as u64);
    let store = parse(&bytes).unwrap();
    assert!(store.blocks() >= 2);
    let trace = Trace::load(store).unwrap();
    assert_eq!(trace.meta, meta());
    assert_eq!(*trace.dictionary, dictionary);
    assert!(trace.refs() == refs && trace.kinds() == kinds);
    assert_eq!(trace.digest(), summary.digest);
    // The digest that the file carries is the one that the references have.
    let again = Trace::new(meta(), dictionary, refs, kinds, None);
    assert_eq!(again.digest(), summary.digest);
    assert_eq!(page_of(again.refs()[1]), 1);
}

#[test]
fn threads_write_the_same_bytes() {
    let (refs, kinds, dictionary) = sample(BLOCK_REFS * 5 / 2, 3000);
    let written = |threads: usize, piece: usize| {
        let mut writer = Writer::with_threads(Vec::new(), 1, threads).unwrap();
        for (refs, kinds) in refs.chunks(piece).zip(kinds.chunks(piece)) {
            writer.push_all(refs, kinds).unwrap();
        }
        writer.finish(&meta(), &dictionary).unwrap()
    };
    let mut plain = Writer::with_threads(Vec::new(), 1, 0).unwrap();
    for (refs, kinds) in refs.chunks(1).zip(kinds.chunks(1)) {
        plain.push_all(refs, kinds).unwrap();
    }
    let plain = plain.finish(&meta(), &dictionary).unwrap();
    for (threads, piece) in [(0, 1 << 21), (1, 8191), (2, 100_003), (4, usize::MAX)] {
        assert!(written(threads, piece) == plain, "{threads} threads");
    }
}

#[test]
fn recordings_are_written_alike_one_by_one_and_at_once() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces");
    if !folder.join("README.md").exists() {
        // A published package has no recordings.
        return;
    }
    for name in ["sort", "sqlite", "pipeline", "git"] {
        let trace = Store::open(&folder.join(format!("{name}.pbt"))).unwrap();
        let trace = Trace::load(trace).unwrap();
        let mut one_by_one = Writer::with_threads(Vec::new(), 1, 0).unwrap();
        for (refs, kinds) in trace.refs().chunks(1).zip(trace.kinds().chunks(1)) {
            one_by_one.push_all(refs, kinds).unwrap();
        }
        let each = encode::tests::encode_plainly(trace.refs(), trace.kinds());
        let (mut encoder, mut many) = (
            encode::BurstEncoder::default(),
            encode::EncodedBlock::default(),
        );
        encoder.push_all(trace.refs(), trace.kinds(), &mut many);
        encoder.close(&mut many);
        assert!(each == many, "{name}");
        let mut at_once = Writer::with_threads(Vec::new(), 1, 2).unwrap();
        at_once.push_all(trace.refs(), trace.kinds()).unwrap();
        let one_by_one = one_by_one.finish(&trace.meta, &trace.dictionary).unwrap();
        let at_once = at_once.finish(&trace.meta, &trace.dictionary).unwrap();
        assert!(one_by_one == at_once, "{name}");
        let again = Trace::load(parse(&at_once.0).unwrap()).unwrap();
        assert!(
            again.refs() == trace.refs() && again.kinds() == trace.kinds(),
            "{name}"
        );
    }
}

fn event(text: &str) -> Event {
    let event = event_text::parse(text.as_bytes(), Addressing::Bytes);
    event.unwrap().unwrap()
}

/// A small trace with events between, before and behind its references.
fn with_events() -> (Vec<u8>, Summary, Vec<EventAt>) {
    let (refs, kinds, dictionary) = sample(60, 9);
    let at = |position, process, event| EventAt {
        position,
        process,
        event,
        line: 0,
    };
    let events = vec![
        at(0, 1, Event::Exec),
        at(0, 1, Event::Fork { child: 0 }),
        at(30, 0, Event::Brk { end: 0x5000 }),
        at(31, 0, event("move 1000 4096 9000 8192 keep")),
        at(
            31,
            0,
            event("map 20000 4096 rw- shared swap-backed file=4,0,9"),
        ),
        at(32, 0, event("populate 1000 4096 write")),
        at(32, 0, event("read 4 0 9")),
        at(32, 0, event("write 4 1 8")),
        at(33, 1, event("length 4 1000")),
        at(33, 1, event("unlink 4")),
        at(34, 1, Event::Vfork { child: 0 }),
        at(refs.len() as u64, 0, Event::Exit),
    ];
    let mut writer = Writer::new(Vec::new(), 3).unwrap();
    let mut upcoming = events.iter().peekable();
    for at in 0..=refs.len() {
        while let Some(event) = upcoming.next_if(|event| event.position <= at as u64) {
            writer.event(event.clone());
        }
        if at < refs.len() {
            writer.push_all(&refs[at..=at], &kinds[at..=at]).unwrap();
        }
    }
    let (bytes, summary) = writer.finish(&meta(), &dictionary).unwrap();
    (bytes, summary, events)
}

#[test]
fn events_are_read_as_they_were_written() {
    let (bytes, summary, events) = with_events();
    let trace = Trace::load(parse(&bytes).unwrap()).unwrap();
    assert_eq!(trace.events, events);
    assert_eq!(trace.digest(), summary.digest);
    let (refs, kinds, dictionary) = sample(60, 9);
    assert_ne!(write(&refs, &kinds, &dictionary).1.digest, summary.digest);
}

/// The digest that the program stored before there were moves and the like, and the events as it
/// wrote them.
#[test]
fn a_file_of_earlier_days_has_its_digest() {
    let bytes = include_bytes!("../../tests/data/family.stored");
    let store = parse(bytes).unwrap();
    assert_eq!(store.events.len(), 6);
    let trace = Trace::load(store).unwrap();
    assert_eq!(
        digest::show(trace.digest()),
        "23994c41a067b190f8a416773d166380"
    );
    let (refs, kinds) = (trace.refs().to_vec(), trace.kinds().to_vec());
    let dictionary = Dictionary::clone(&trace.dictionary);
    let again = Trace::new(trace.meta.clone(), dictionary, refs, kinds, None);
    let again = again.with_events(trace.events.clone());
    assert_eq!(
        digest::show(again.digest()),
        "23994c41a067b190f8a416773d166380"
    );
}

#[test]
fn a_file_of_version_1_0_is_read_as_ever() {
    let (refs, kinds, dictionary) = sample(300, 40);
    let (mut bytes, summary) = write(&refs, &kinds, &dictionary);
    assert_eq!(bytes[8..12], [1, 0, 2, 0]);
    bytes[10] = 0;
    let end = bytes.len() - TRAILER_BYTES;
    let sum = write::trailer_checksum(u64_at(&bytes, end), &bytes[..HEADER_BYTES]);
    bytes[end + 8..end + 16].copy_from_slice(&sum.to_le_bytes());
    let trace = Trace::load(parse(&bytes).unwrap()).unwrap();
    assert!(trace.refs() == refs && trace.events.is_empty());
    assert_eq!(trace.digest(), summary.digest);
}

/// What is stored beside the references is what follows from them.
#[test]
fn lists_are_those_of_the_references() {
    for (n, pages) in [(1, 1), (40_000, 50), (1_200_000, 100)] {
        let (refs, kinds, dictionary) = sample(n, pages);
        let (bytes, summary) = write(&refs, &kinds, &dictionary);
        let local = parse(&bytes).unwrap().is_local();
        assert_eq!(local, pages == 50, "{pages} pages");
        let whole = Trace::load(parse(&bytes).unwrap()).unwrap();
        assert_eq!(whole.digest(), summary.digest);
        let made = crate::trace::bursts::Bursts::encode(&refs, &kinds);
        if let Some(bursts) = whole.as_bursts() {
            assert!(bursts.of(64).columns == made.of(64).columns);
            assert!(whole.within().unwrap() == Some(made.within()));
        }
    }
}

#[test]
fn an_empty_trace_is_a_trace() {
    let (bytes, _) = write(&[], &[], &Dictionary::default());
    assert!(Trace::load(parse(&bytes).unwrap()).unwrap().is_empty());
}

#[test]
fn every_cut_and_every_flipped_byte_is_noticed() {
    let (refs, kinds, dictionary) = sample(300, 40);
    every_change_is_noticed(&write(&refs, &kinds, &dictionary).0);
    every_change_is_noticed(&with_events().0);
}

fn every_change_is_noticed(bytes: &[u8]) {
    let whole = |bytes: &[u8]| parse(bytes).and_then(Trace::load);
    assert!(whole(bytes).is_ok());
    for end in 0..bytes.len() {
        assert!(whole(&bytes[..end]).is_err(), "cut at {end}");
    }
    for at in 0..bytes.len() {
        let mut broken = bytes.to_vec();
        broken[at] ^= 0x41;
        assert!(whole(&broken).is_err(), "byte {at} changed");
    }
}

#[test]
fn a_later_version_is_named() {
    let (mut bytes, _) = write(&[], &[], &Dictionary::default());
    bytes[8] = 2;
    let message = parse(&bytes).err().unwrap().to_string();
    assert!(message.contains("version 2 of .pbt"), "{message}");
}
