//! Laws that hold for every trace: of OPT, of stack policies, of working sets, of repeated
//! references, of page numbers and ids, of page sizes and of the store.

use crate::oracle::expected::BELADY;
use crate::oracle::{Page, Ref, Run, pages};
use crate::support::random::Random;
use crate::support::{
    POLICIES, Setting, compare_runs, distinct, each_residence, fixed_space, kind_of, meta,
    page_of_id, product, replay, run_of, trace_of,
};
use pagebench::internals::policy::{HitDelivery, HitSensitivity, MemoryBy};
use pagebench::internals::trace::model::access::{Access, Addressing, Kind};
use pagebench::internals::trace::model::assembler::Assembler;
use pagebench::internals::trace::model::dense::Trace;
use pagebench::internals::trace::model::refs::{
    CONTINUES, Dictionary, KIND_MASK, KindCode, Meta, PageKey, References, pack, page_of,
};
use pagebench::internals::trace::model::selection::{Flow, Selection};
use pagebench::internals::trace::store::{BLOCK_REFS, Store, Writer};
use pagebench::internals::units::PageSize;
use pagebench::internals::vm::FaultKind;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use std::path::Path;

/// The same cases every time.
fn cases(cases: u32) -> Config {
    Config {
        cases,
        rng_seed: RngSeed::Fixed(1968),
        failure_persistence: None,
        ..Config::default()
    }
}

/// References of some processes, each repeated up to three times.
fn refs(longest: usize, pages: u64, processes: u32) -> impl Strategy<Value = Vec<Ref>> {
    let stretch = (0..processes, 0..pages, 0..3u8, 1..4usize);
    vec(stretch, 1..longest).prop_map(|stretches| {
        let one = |(process, page, kind, times)| {
            let r = Ref {
                process,
                page,
                write: kind == 1,
                ifetch: kind == 2,
            };
            std::iter::repeat_n(r, times)
        };
        stretches.into_iter().flat_map(one).collect()
    })
}

/// Every policy in some memory: fixed-space ones in `frames` frames, others with a window of
/// `tau`.
fn settings(frames: usize, tau: u64) -> Vec<Setting> {
    let one = |policy: &&str| Setting {
        tau,
        ..Setting::frames(policy, frames)
    };
    POLICIES.iter().map(one).collect()
}

/// The sorted resident pages after each reference.
fn residences(run: &Run, references: usize) -> Vec<Vec<Page>> {
    let mut all = Vec::new();
    each_residence(run, references, |resident| {
        let mut resident = resident.to_vec();
        resident.sort_unstable();
        all.push(resident);
    });
    all
}

fn is_included(small: &Run, large: &Run, references: usize) -> bool {
    let (small, large) = (residences(small, references), residences(large, references));
    let inside = |(small, large): (&Vec<Page>, &Vec<Page>)| {
        small.iter().all(|page| large.binary_search(page).is_ok())
    };
    small.iter().zip(&large).all(inside)
}

proptest! {
    // Every policy at every size.
    #![proptest_config(cases(32))]

    #[test]
    fn no_fixed_space_policy_has_fewer_faults_than_opt(refs in refs(120, 9, 2)) {
        for frames in 1..=distinct(&refs) + 1 {
            let fewest = product(&refs, &Setting::frames("opt", frames)).faults.len();
            for policy in fixed_space() {
                let faults = product(&refs, &Setting::frames(policy, frames)).faults.len();
                prop_assert!(fewest <= faults, "{policy}, {frames} frames");
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(128))]

    /// Stack policies, whose order of pages does not depend on memory, hold in few frames only what
    /// they hold in more.
    #[test]
    fn stack_policies_include(refs in refs(80, 8, 2)) {
        for policy in ["lru", "opt", "mru", "lfu", "lfu:age=9", "lru-k"] {
            let run = |frames| product(&refs, &Setting::frames(policy, frames));
            let runs: Vec<Run> = (1..=distinct(&refs) + 1).map(run).collect();
            for (less, pair) in runs.windows(2).enumerate() {
                prop_assert!(pair[1].faults.len() <= pair[0].faults.len());
                prop_assert!(
                    is_included(&pair[0], &pair[1], refs.len()),
                    "{policy}, {} frames", less + 1
                );
            }
        }
    }

    #[test]
    fn windows_include(refs in refs(80, 8, 3), tau in 1u64..40) {
        let run = |tau| product(&refs, &Setting::window("ws", tau));
        let (narrow, wide) = (run(tau), run(tau + 1));
        prop_assert!(wide.faults.len() <= narrow.faults.len());
        prop_assert!(is_included(&narrow, &wide, refs.len()));
    }

    /// Denning and Schwartz, for a finite string of one process.
    #[test]
    fn the_working_set_identity(refs in refs(100, 10, 1), tau in 1u64..60) {
        let run = |tau| product(&refs, &Setting::window("ws", tau));
        let (narrow, wide) = (run(tau), run(tau + 1));
        let final_refs = &refs[refs.len().saturating_sub(tau as usize)..];
        let growth = narrow.faults.len() - distinct(final_refs);
        prop_assert_eq!(wide.resident_sum - narrow.resident_sum, growth as u128);
    }

    #[test]
    fn with_memory_for_all_only_first_touches_fault(refs in refs(120, 12, 3)) {
        let pages = distinct(&refs);
        let trace = trace_of(&refs);
        // With a limit there is not memory for all; dws gives up a page at a fault, vmin every page
        // that is not used again.
        let drops = |policy: &str| {
            let name = policy.split(':').next().expect("a name");
            policy.contains("limit") || matches!(name, "dws" | "vmin")
        };
        for policy in POLICIES.iter().filter(|policy| !drops(policy)) {
            for more in [0, 1, 100] {
                let tau = (refs.len() + more) as u64;
                let setting = Setting { tau, ..Setting::frames(policy, pages + more) };
                let (outcome, _) = replay(&trace, &setting);
                prop_assert_eq!(outcome.counters.faults(), pages as u64, "{}", policy);
                prop_assert_eq!(outcome.counters.of(FaultKind::Fill), pages as u64);
                prop_assert_eq!(outcome.swap_slots, 0);
                prop_assert_eq!(outcome.resident_end, pages as u64);
            }
        }
    }

    /// A fixed-space policy fills its frames and keeps them full.
    #[test]
    fn frames_stay_full(refs in refs(120, 12, 2), frames in 1usize..14) {
        let sizes = (1..=refs.len()).map(|so_far| distinct(&refs[..so_far]).min(frames));
        let expected: u128 = sizes.map(|size| size as u128).sum();
        for policy in fixed_space() {
            let run = product(&refs, &Setting::frames(policy, frames));
            prop_assert_eq!(run.resident_sum, expected, "{}", policy);
        }
    }

    /// Names of pages and processes mean nothing to any policy.
    #[test]
    fn page_numbers_do_not_matter(
        refs in refs(120, 10, 3), frames in 1usize..12, tau in 1u64..40, mask in any::<u64>()
    ) {
        let renamed = |(process, page): Page| (99 - process, page.wrapping_mul(0x9e37_79b9) ^ mask);
        let others: Vec<Ref> = refs
            .iter()
            .map(|r| {
                let (process, page) = renamed(r.key());
                Ref { process, page, ..*r }
            })
            .collect();
        for setting in settings(frames, tau) {
            // It looks at neighbours by number.
            if setting.policy.spec().name == "mglru" {
                continue;
            }
            let (run, other) = (product(&refs, &setting), product(&others, &setting));
            let mut faults = run.faults.clone();
            for fault in &mut faults {
                fault.page = renamed(fault.page);
                fault.victim = fault.victim.map(|(page, dirty)| (renamed(page), dirty));
            }
            prop_assert_eq!(faults, other.faults, "{}", setting.policy);
            prop_assert_eq!(run.resident_sum, other.resident_sum);
        }
    }

    /// Nor do dense ids, but for the ties of OPT, which change no number of faults.
    #[test]
    fn ids_do_not_matter(
        refs in refs(120, 10, 3), frames in 1usize..12, tau in 1u64..40, seed in any::<u64>()
    ) {
        let trace = trace_of(&refs);
        let other = with_other_ids(&trace, seed);
        for setting in settings(frames, tau) {
            let run = |trace: &Trace| {
                let (outcome, recorder) = replay(trace, &setting);
                run_of(trace, &outcome, &recorder)
            };
            let (run, same) = (run(&trace), run(&other));
            if ["opt", "opt-wb"].contains(&setting.policy.spec().name) {
                prop_assert_eq!(run.faults.len(), same.faults.len());
            } else {
                // Pages that leave together do so in the order of their ids.
                let equal = compare_runs(&run, &same);
                prop_assert!(equal.is_ok(), "{}: {:?}", setting.policy, equal);
            }
        }
    }

    /// Of a run of references to one page, a policy needs to see no more than it declares.
    #[test]
    fn repeated_references_collapse(
        refs in refs(150, 8, 2), frames in 1usize..9, tau in 1u64..30
    ) {
        for setting in settings(frames, tau) {
            let most = match (setting.policy.spec().repeats, setting.policy.spec().space) {
                (HitSensitivity::Once, _) | (HitSensitivity::LastTime, MemoryBy::Fixed) => 1,
                (HitSensitivity::Twice, _) => 2,
                // Time goes by with every reference.
                (HitSensitivity::LastTime, MemoryBy::Variable) | (HitSensitivity::All, _) => continue,
            };
            let (short, kept) = collapsed(&refs, most);
            let run = product(&short, &setting);
            let faults: Vec<_> = run.faults.into_iter().map(|mut fault| {
                fault.at = kept[fault.at];
                fault
            }).collect();
            prop_assert_eq!(faults, product(&refs, &setting).faults, "{}", setting.policy);
        }
    }

    /// A stretch without a fault is as good as its pages referenced once each, in order of last
    /// reference, written if they were written.
    #[test]
    fn stretches_without_faults_collapse(refs in refs(200, 10, 2), frames in 1usize..11) {
        for policy in fixed_space() {
            let setting = Setting::frames(policy, frames);
            let spec = setting.policy.spec();
            // Two hits may be more than one, with others between them, where no bit merges them.
            let bursts = spec.bursts.by_bits() || spec.bursts == HitDelivery::OrderOfHits;
            let merges = spec.repeats != HitSensitivity::Twice || bursts;
            if spec.repeats == HitSensitivity::All || !merges {
                continue;
            }
            let whole = product(&refs, &setting);
            let short = product(&without_repeats_between_faults(&refs, &whole), &setting);
            let events = |run: &Run| -> Vec<_> {
                run.faults.iter().map(|f| (f.page, f.refill, f.victim)).collect()
            };
            prop_assert_eq!(events(&short), events(&whole), "{}", policy);
            prop_assert_eq!((short.resident, short.dirty_end), (whole.resident, whole.dirty_end));
        }
    }
}

/// The same trace with its pages numbered anew.
fn with_other_ids(trace: &Trace, seed: u64) -> Trace {
    let mut new_id: Vec<u32> = (0..trace.distinct() as u32).collect();
    Random::new(seed).shuffle(&mut new_id);
    let mut dictionary = Dictionary::clone(&trace.dictionary);
    for (old, &new) in new_id.iter().enumerate() {
        dictionary.pages[new as usize] = trace.dictionary.pages[old];
    }
    let renumber = |&r: &u32| pack(new_id[page_of(r) as usize], r & 1 != 0);
    let refs = trace.refs().iter().map(renumber).collect();
    Trace::new(
        meta("renumbered"),
        dictionary,
        refs,
        trace.kinds().to_vec(),
        None,
    )
}

/// The references without those after the first `most` of a run to one page, and where the ones
/// kept stood. A write among those left out is made by the last one kept.
fn collapsed(refs: &[Ref], most: usize) -> (Vec<Ref>, Vec<usize>) {
    let (mut short, mut kept) = (Vec::<Ref>::new(), Vec::new());
    let mut run = 0;
    for (at, r) in refs.iter().enumerate() {
        run = match short.last() {
            Some(last) if last.key() == r.key() => run + 1,
            _ => 1,
        };
        if run <= most {
            short.push(*r);
            kept.push(at);
        } else {
            written(short.last_mut().expect("it began"), r);
        }
    }
    (short, kept)
}

fn written(kept: &mut Ref, left_out: &Ref) {
    kept.write |= left_out.write;
    kept.ifetch &= !kept.write;
}

fn without_repeats_between_faults(refs: &[Ref], run: &Run) -> Vec<Ref> {
    let mut faults = run.faults.iter().peekable();
    let mut short: Vec<Ref> = Vec::new();
    let mut stretch = 0;
    for (at, r) in refs.iter().enumerate() {
        if faults.next_if(|fault| fault.at == at).is_some() {
            short.push(*r);
            stretch = short.len();
            continue;
        }
        let earlier = short[stretch..].iter().position(|s| s.key() == r.key());
        let mut last = *r;
        if let Some(earlier) = earlier {
            written(&mut last, &short.remove(stretch + earlier));
        }
        short.push(last);
    }
    short
}

#[test]
fn fifo_and_clock_show_beladys_anomaly() {
    let refs = crate::oracle::reads(BELADY);
    for policy in ["fifo", "clock"] {
        let faults = [3, 4].map(|frames| product(&refs, &Setting::frames(policy, frames)).faults);
        assert_eq!(faults.map(|faults| faults.len()), [9, 10], "{policy}");
    }
}

/// Accesses near page boundaries, mostly short.
fn accesses(longest: usize) -> impl Strategy<Value = Vec<Access>> {
    let size = prop_oneof![8 => 0..=16u32, 2 => 17..=300u32, 1 => 301..=20_000u32];
    let near = prop_oneof![Just(64u64), Just(256), Just(4096), Just(1 << 16)];
    let access = (0..3u32, 0..12u64, near, 0..40u64, size, 0..3usize);
    let access = access.prop_map(|(pid, page, unit, before, size, kind)| Access {
        pid: pid * 11,
        kind: Kind::ALL[kind],
        size,
        addr: 0x40_0000 + (page + 1) * unit - before,
    });
    vec(access, 1..longest)
}

fn selection() -> impl Strategy<Value = Selection> {
    let pids = prop_oneof![
        3 => Just(vec![]),
        1 => Just(vec![0]),
        1 => Just(vec![11, 22]),
    ];
    let parts = (
        any::<bool>(),
        pids,
        0..30u64,
        proptest::option::of(0..80u64),
    );
    prop_oneof![
        Just(Selection::default()),
        parts.prop_map(|(data_only, pids, skip, limit)| Selection {
            data_only,
            pids,
            skip,
            limit,
            sample: None,
        }),
    ]
}

fn sized(page_size: PageSize) -> Meta {
    Meta {
        page_size,
        ..meta("sized")
    }
}

/// The trace that accesses make at a page size.
fn direct(accesses: &[Access], selection: Selection, page_size: PageSize) -> Trace {
    let mut assembler = Assembler::new(selection, Addressing::Bytes, page_size);
    let mut out = References::default();
    for access in accesses {
        if assembler.access(access, &mut out).expect("few pages") == Flow::Done {
            break;
        }
    }
    let dictionary = assembler.into_dictionary();
    Trace::new(sized(page_size), dictionary, out.refs, out.kinds, None)
}

/// The trace that a finer one makes at a coarser page size.
fn coarsened(fine: &Trace, selection: Selection, page_size: PageSize) -> Trace {
    let coarser = page_size.shift() - fine.meta.page_size.shift();
    let mut assembler = Assembler::new(selection, Addressing::Bytes, page_size);
    let mut out = References::default();
    for (&r, &kind) in fine.refs().iter().zip(fine.kinds()) {
        let key: PageKey = fine.dictionary.pages[page_of(r) as usize];
        let flow = assembler.stored(&fine.dictionary.pids, key, coarser, kind, &mut out);
        if flow.expect("few pages") == Flow::Done {
            break;
        }
    }
    let dictionary = assembler.into_dictionary();
    Trace::new(sized(page_size), dictionary, out.refs, out.kinds, None)
}

fn same(a: &Trace, b: &Trace) -> Result<(), TestCaseError> {
    prop_assert_eq!(a.refs(), b.refs());
    prop_assert_eq!(a.kinds(), b.kinds());
    prop_assert_eq!(&a.dictionary, &b.dictionary);
    prop_assert_eq!(&a.meta, &b.meta);
    prop_assert_eq!(a.digest(), b.digest());
    Ok(())
}

/// The references of a trace in the oracles' terms.
fn as_refs(trace: &Trace) -> Vec<Ref> {
    let one = |(&r, &kind): (&u32, &KindCode)| {
        let (process, page) = page_of_id(&trace.dictionary, page_of(r));
        Ref {
            process,
            page,
            write: r & 1 != 0,
            ifetch: kind & KIND_MASK == Kind::Ifetch as KindCode,
        }
    };
    trace.refs().iter().zip(trace.kinds()).map(one).collect()
}

/// The references of accesses by the oracle.
fn oracle_refs(accesses: &[Access], page_size: PageSize) -> Vec<Ref> {
    let one = |a: &Access| pages::Access {
        process: a.pid,
        address: a.addr,
        size: u64::from(a.size),
        write: a.kind == Kind::Write,
        ifetch: a.kind == Kind::Ifetch,
    };
    let accesses: Vec<pages::Access> = accesses.iter().map(one).collect();
    pages::pages(&accesses, page_size.bytes())
}

fn stored(trace: &Trace) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), 1).expect("memory takes all");
    for (refs, kinds) in trace.refs().chunks(1).zip(trace.kinds().chunks(1)) {
        writer.push_all(refs, kinds).expect("memory takes all");
    }
    let (bytes, summary) = writer
        .finish(&trace.meta, &trace.dictionary)
        .expect("memory takes all");
    assert_eq!(summary.refs, trace.len() as u64);
    assert_eq!(summary.distinct, trace.distinct() as u64);
    assert_eq!(summary.digest, trace.digest());
    assert_eq!(summary.bytes, bytes.len() as u64);
    bytes
}

fn opened(bytes: Vec<u8>) -> Store {
    Store::from_bytes(Path::new("made-up.pbt"), bytes).expect("our own file")
}

fn shift(shift: u8) -> PageSize {
    PageSize::from_shift(shift).expect("an allowed page size")
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn accesses_touch_the_pages_that_hold_their_bytes(
        accesses in accesses(120), page in 6u8..18
    ) {
        let trace = direct(&accesses, Selection::default(), shift(page));
        prop_assert_eq!(as_refs(&trace), oracle_refs(&accesses, shift(page)));
        let begun = trace.kinds().iter().filter(|&&kind| kind & CONTINUES == 0).count();
        prop_assert_eq!(begun, accesses.len());
        // The kind of a continuation is that of its access.
        let mut kind = 0;
        for &code in trace.kinds() {
            if code & CONTINUES == 0 {
                kind = code;
            }
            prop_assert_eq!(code & KIND_MASK, kind);
        }
    }

    /// A stored trace made coarser is the trace assembled at the coarser size, and so is the one
    /// made coarser in two steps.
    #[test]
    fn coarser_pages_merge_what_finer_ones_split(
        accesses in accesses(120), fine in 6u8..14, middle in 0u8..5, more in 0u8..5,
        selection in selection()
    ) {
        let all = Selection::default;
        let fine = direct(&accesses, all(), shift(fine));
        let middle = shift(fine.meta.page_size.shift() + middle);
        let coarse = shift(middle.shift() + more);
        let once = coarsened(&fine, all(), coarse);
        same(&once, &direct(&accesses, all(), coarse))?;
        prop_assert_eq!(as_refs(&once), oracle_refs(&accesses, coarse));
        let twice = coarsened(&coarsened(&fine, all(), middle), all(), coarse);
        same(&twice, &once)?;
        // A selection takes the same part of both.
        let part = coarsened(&fine, selection.clone(), coarse);
        same(&part, &direct(&accesses, selection, coarse))?;
    }

    /// What a selection takes, from its words: kind and process, then pages, then skip and limit.
    #[test]
    fn selections_take_what_they_say(
        accesses in accesses(120), page in 6u8..18, selection in selection()
    ) {
        let taken: Vec<Access> = accesses
            .iter()
            .filter(|a| !selection.data_only || a.kind != Kind::Ifetch)
            .filter(|a| selection.pids.is_empty() || selection.pids.contains(&a.pid))
            .copied()
            .collect();
        let limit = selection.limit.map_or(usize::MAX, |limit| limit as usize);
        let skip = selection.skip as usize;
        let expected = oracle_refs(&taken, shift(page)).into_iter().skip(skip).take(limit);
        let trace = direct(&accesses, selection, shift(page));
        prop_assert_eq!(as_refs(&trace), expected.collect::<Vec<Ref>>());
        prop_assert!(trace.kinds().first().is_none_or(|kind| kind & CONTINUES == 0));
    }

    #[test]
    fn the_store_keeps_everything(accesses in accesses(200), page in 6u8..14) {
        let trace = direct(&accesses, Selection::default(), shift(page));
        let store = opened(stored(&trace));
        prop_assert_eq!(store.refs(), trace.len() as u64);
        prop_assert_eq!(store.digest, trace.digest());
        let kind = |code| trace.kinds().iter().filter(|&&k| k & KIND_MASK == code).count() as u64;
        prop_assert_eq!(store.by_kind(), [kind(0), kind(1), kind(2)]);
        same(&Trace::load(store).expect("our own file"), &trace)?;
    }
}

/// Three blocks, the accesses across page boundaries everywhere, also where blocks meet; and made
/// coarser after reading, as a run with larger pages does.
#[test]
fn several_blocks_are_stored_and_made_coarser() {
    let mut random = Random::new(5);
    let access = |_| Access {
        pid: random.below(3) as u32,
        kind: Kind::ALL[random.below(3) as usize],
        size: 1 + random.below(150) as u32,
        addr: (1 << 33) + random.below(1 << 18),
    };
    let accesses: Vec<Access> = (0..BLOCK_REFS).map(access).collect();
    let trace = direct(&accesses, Selection::default(), PageSize::MIN);
    let store = opened(stored(&trace));
    assert!(store.blocks() >= 3, "{} blocks", store.blocks());
    let mut out = References::default();
    for block in 0..store.blocks() {
        let before = out.len();
        store.unpack(block, &mut out).expect("our own file");
        assert_eq!((out.len() - before) as u64, store.block_refs(block));
        assert_eq!(
            out.kinds[before] & CONTINUES,
            0,
            "a block begins with an access"
        );
    }
    assert!(out.refs == trace.refs() && out.kinds == trace.kinds());
    let loaded = Trace::load(store).expect("our own file");
    same(&loaded, &trace).expect("the same trace");
    let coarse = coarsened(&loaded, Selection::default(), shift(10));
    let expected = direct(&accesses, Selection::default(), shift(10));
    same(&coarse, &expected).expect("the same trace");
    assert!(coarse.len() < trace.len());
}

/// The digest sees references, kinds, order, pages and page size, and nothing else.
#[test]
fn what_a_digest_sees() {
    let refs = crate::oracle::reads(BELADY);
    let digest = |refs: &[Ref]| trace_of(refs).digest();
    let base = digest(&refs);
    assert_eq!(
        crate::support::named_trace("another name", &refs).digest(),
        base
    );
    let other_process: Vec<Ref> = refs.iter().map(|r| Ref { process: 7, ..*r }).collect();
    assert_eq!(
        digest(&other_process),
        base,
        "process ids differ from run to run"
    );
    let mut changed = Vec::new();
    for at in 0..refs.len() {
        for change in 0..4 {
            let mut other = refs.clone();
            match change {
                0 => other[at].write = true,
                1 => other[at].ifetch = true,
                2 => other[at].page += 100,
                _ => drop(other.remove(at)),
            }
            assert_eq!(kind_of(&refs[at]), Kind::Read);
            changed.push(digest(&other));
        }
    }
    let trace = trace_of(&refs);
    let larger = Trace::new(
        sized(PageSize::MAX),
        trace.dictionary.clone(),
        trace.refs().to_vec(),
        trace.kinds().to_vec(),
        None,
    );
    changed.push(larger.digest());
    changed.push(Trace::new(meta(""), Dictionary::default(), vec![], vec![], None).digest());
    changed.push(base);
    let count = changed.len();
    changed.sort_unstable();
    changed.dedup();
    assert_eq!(changed.len(), count, "all differ");
}
