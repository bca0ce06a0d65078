//! The worked examples of textbooks, step by step.

use super::*;
use crate::units::PageSize;
use crate::vm::hardware::layout::find;
use crate::vm::hardware::processors;

const CSAPP: &str = include_str!("../../tests/data/csapp.state");
const CMU: &str = include_str!("../../tests/data/cmu-s03.state");
const OSTEP: &str = include_str!("../../tests/data/ostep-multilevel.state");

fn given(text: &str) -> Translator {
    let state = State::parse(text).unwrap();
    Translator {
        geometry: state.geometry(Geometry::default()),
        page_bits: state.layout.page_bits,
        layout: state.layout.clone(),
        state: Some(state),
    }
}

fn physical(step: &Step) -> Option<u64> {
    match step.found {
        Found::Mapped { physical, .. } => Some(physical),
        Found::Fault => None,
    }
}

/// Bryant and O'Hallaron, chapter 9: VPN, set, tag, hit, and the physical address or a fault.
#[test]
fn csapp() {
    let rows: [(u64, u64, u64, u64, bool, Option<u64>); 7] = [
        (0x03d4, 0x0f, 3, 0x03, true, Some(0x354)),
        (0x03d7, 0x0f, 3, 0x03, true, Some(0x357)),
        (0x0b8f, 0x2e, 2, 0x0b, false, None),
        (0x0020, 0x00, 0, 0x00, false, Some(0xa20)),
        (0x027c, 0x09, 1, 0x02, false, Some(0x5fc)),
        (0x03a9, 0x0e, 2, 0x03, false, Some(0x469)),
        (0x0040, 0x01, 1, 0x00, false, None),
    ];
    let translator = given(CSAPP);
    let preset = processors::find("csapp").unwrap();
    let page = PageSize::from_shift(6).unwrap();
    assert_eq!(translator.geometry, preset.geometry(page), "the preset");
    assert_eq!(translator.layout.index_bits, preset.layout().index_bits);
    let steps = translator.run(&rows.map(|row| row.0), false).unwrap();
    for (step, (address, page, set, tag, hit, found)) in steps.iter().zip(rows) {
        assert_eq!((step.address, step.page), (address, page));
        let look = Look {
            level: "L1D",
            set,
            tag,
            hit,
        };
        assert_eq!(step.looks, [look], "{address:#x}");
        assert_eq!(physical(step), found, "{address:#x}");
    }
    // What a walk found is in the TLB afterwards; what faulted is not.
    let again = translator.run(&[0x20, 0x21, 0x40, 0x41], false).unwrap();
    let hits = again.iter().map(|step| step.looks[0].hit);
    assert_eq!(hits.collect::<Vec<_>>(), [false, true, false, false]);
}

#[test]
fn cmu_spring_2003() {
    let steps = given(CMU).run(&[0x078e6, 0x04aa4], false).unwrap();
    let facts = |step: &Step| {
        let look = step.looks[0];
        (step.page, look.set, look.tag, look.hit, physical(step))
    };
    assert_eq!(facts(&steps[0]), (0x1e, 6, 3, false, Some(0x15ce6)));
    assert_eq!(facts(&steps[1]), (0x12, 2, 2, true, Some(0x1a2a4)));
}

/// Arpaci-Dusseau, multi-level tables, seed 0: six addresses fault at the last level.
#[test]
fn ostep_multi_level() {
    let translator = given(OSTEP);
    let rows: [(u64, Option<(u64, u8)>); 10] = [
        (0x611c, Some((0x6bc, 0x08))),
        (0x3da8, None),
        (0x17f5, Some((0x9d5, 0x1c))),
        (0x7f6c, None),
        (0x0bad, None),
        (0x6d60, None),
        (0x2a5b, None),
        (0x4c5e, None),
        (0x2592, Some((0x7b2, 0x1b))),
        (0x3e99, Some((0x959, 0x1e))),
    ];
    let steps = translator.run(&rows.map(|row| row.0), false).unwrap();
    for (step, (address, expected)) in steps.iter().zip(rows) {
        let found = match step.found {
            Found::Mapped {
                physical, value, ..
            } => Some((physical, value.expect("a byte of the state"))),
            Found::Fault => None,
        };
        assert_eq!(found, expected, "{address:#x}");
        let absent = |level: &WalkLevel| level.entry == Entry::Absent;
        assert!(!absent(&step.walk[0]), "{address:#x}: the directory");
        assert_eq!(absent(&step.walk[1]), expected.is_none(), "{address:#x}");
    }
    let level = |name, index, frame| WalkLevel {
        name,
        index,
        entry: Entry::Present(Some(frame)),
    };
    let walk = [level("PDE", 0x18, 0x21), level("PTE", 0x08, 0x35)];
    assert_eq!(steps[0].walk, walk);
}

#[test]
fn an_entry_of_the_tlb_must_be_a_page() {
    let base = "bits va=14 pa=12 page=64 tlb=16x4\n";
    for entry in ["tlb 0 40 1", "tlb 3 ffffffffffffffff 1"] {
        let error = given(&format!("{base}{entry}")).run(&[0], false);
        let error = error.unwrap_err();
        assert!(error.contains("no page of 8 bits"), "{entry}: {error}");
    }
    let mut translator = given("bits va=14 pa=12 page=64\ntlb 3 1 1");
    translator.geometry = "l1=2x1,l2=none".parse().unwrap();
    let error = translator.run(&[0], false).unwrap_err();
    assert!(error.contains("a TLB of 2 sets"), "{error}");
}

/// Without a state the first touch brings the page in; its tables are there from then on.
#[test]
fn pages_come_in_on_demand() {
    let translator = Translator {
        geometry: "l1=2x2,l2=none,levels=4,pwc=1/1/1".parse().unwrap(),
        layout: find("four-level").unwrap().clone(),
        page_bits: 12,
        state: None,
    };
    let addresses = [
        0x7f12_3456_7abc,
        0x7f12_3456_8000,
        0x1000,
        0x7f12_3456_7fff,
        0xffff_ffff_ffff_f000,
    ];
    let steps = translator.run(&addresses, false).unwrap();
    let indices: Vec<u64> = steps[0].walk.iter().map(|level| level.index).collect();
    assert_eq!(indices, [0xfe], "the walk ends where there is no entry yet");
    use Entry::{Absent, Cached, Present};
    let entries = |step: &Step| step.walk.iter().map(|l| l.entry).collect::<Vec<_>>();
    assert_eq!(entries(&steps[1]), [Cached, Cached, Cached, Absent]);
    assert_eq!(entries(&steps[2]), [Absent]);
    let present = [
        Present(None),
        Present(None),
        Present(None),
        Present(Some(0)),
    ];
    assert_eq!(entries(&steps[3]), present, "driven out of TLB and caches");
    assert_eq!(physical(&steps[3]), Some(0xfff));
    let frames: Vec<Option<u64>> = steps.iter().map(physical).collect();
    assert_eq!(frames[..3], [Some(0xabc), Some(0x1000), Some(0x2000)]);
    assert_eq!(steps[4].page, 0xf_ffff_ffff, "the upper half of 48 bits");
    let error = translator.run(&[1 << 50], false).unwrap_err();
    assert!(error.contains("more than the 48 bits"), "{error}");
}
