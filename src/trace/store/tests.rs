use super::*;
use crate::trace::dense::{CONTINUES, Dictionary, KindCode, PageKey, Ref, pack, page_of};
use std::path::Path;

fn meta() -> Meta {
    Meta {
        name: "t".into(),
        format: "lackey".into(),
        kind: TraceKind::Full,
        addressing: Addressing::Bytes,
        page_size: PageSize::DEFAULT,
        skipped: 3,
    }
}

fn sample(n: usize, pages: u32) -> (Vec<Ref>, Vec<KindCode>, Dictionary) {
    let mut state = 1u64;
    let (mut refs, mut kinds) = (Vec::new(), Vec::new());
    for i in 0..n {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        let page = if i < pages as usize {
            i as u32
        } else {
            (state >> 40) as u32 % pages
        };
        let kind = (state >> 33) as u8 % 3;
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

fn write(refs: &[Ref], kinds: &[KindCode], dictionary: &Dictionary) -> (Vec<u8>, Summary) {
    let mut writer = Writer::new(Vec::new(), 3).unwrap();
    for (&r, &k) in refs.iter().zip(kinds) {
        writer.push(r, k).unwrap();
    }
    writer.finish(&meta(), dictionary).unwrap()
}

fn parse(bytes: &[u8]) -> Result<Store, crate::trace::error::TraceError> {
    Store::from_bytes(Path::new("t.pbt"), bytes.to_vec())
}

#[test]
fn what_is_written_is_read_over_several_blocks() {
    let (refs, kinds, dictionary) = sample(BLOCK_REFS + 5000, 3000);
    let (bytes, summary) = write(&refs, &kinds, &dictionary);
    assert_eq!(summary.bytes, bytes.len() as u64);
    let store = parse(&bytes).unwrap();
    assert!(store.blocks() >= 2);
    let trace = store.load().unwrap();
    assert_eq!(trace.meta, meta());
    assert_eq!(trace.dictionary, dictionary);
    assert!(trace.refs == refs && trace.kinds == kinds);
    assert_eq!(trace.digest(), summary.digest);
    // The digest that the file carries is the one that the references have.
    let again = crate::trace::dense::Trace::new(meta(), dictionary, refs, kinds, None);
    assert_eq!(again.digest(), summary.digest);
    assert_eq!(page_of(again.refs[1]), 1);
}

#[test]
fn an_empty_trace_is_a_trace() {
    let (bytes, _) = write(&[], &[], &Dictionary::default());
    assert!(parse(&bytes).unwrap().load().unwrap().is_empty());
}

#[test]
fn every_cut_and_every_flipped_byte_is_noticed() {
    let (refs, kinds, dictionary) = sample(300, 40);
    let (bytes, _) = write(&refs, &kinds, &dictionary);
    let whole = |bytes: &[u8]| parse(bytes).and_then(Store::load);
    for end in 0..bytes.len() {
        assert!(whole(&bytes[..end]).is_err(), "cut at {end}");
    }
    for at in 0..bytes.len() {
        let mut broken = bytes.clone();
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
