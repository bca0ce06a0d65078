//! What the integration tests share: traces from the oracles' references, replays whose events are
//! recorded, outcomes and events in the oracles' terms, the oracle that belongs to a policy,
//! pseudo-random traces, and the search for a smallest failing one.
//!
//! A test crate that uses it declares `mod oracle;` too.

pub mod events;
pub mod policies;
pub mod random;

// Each test crate uses some of them.
#[allow(unused_imports)]
pub use policies::{POLICIES, REPRESENTATIVES, SEED, fixed_space, oracle_of, oracle_with_events};

use crate::oracle::{self, Expiry, Fault, Page, Ref, Run};
use pagebench::internals::policy::{MemoryBy, PolicyChoice};
use pagebench::internals::trace::bursts::Bursts;
use pagebench::internals::trace::model::access::{Addressing, Kind, TraceKind};
use pagebench::internals::trace::model::dense::Trace;
use pagebench::internals::trace::model::densify::Densifier;
use pagebench::internals::trace::model::refs::{Dictionary, Meta, PageKey, pack};
use pagebench::internals::units::PageSize;
use pagebench::internals::vm;
use pagebench::internals::vm::tlb::{Geometry, Second, Shape};
use pagebench::internals::vm::{
    Counters, ExpiryEvent, FaultEvent, FaultKind, Job, Listener, Outcome,
};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What is said of a made-up trace.
pub fn meta(name: &str) -> Meta {
    Meta {
        name: name.to_owned(),
        format: "made-up".to_owned(),
        kind: TraceKind::Synthetic,
        addressing: Addressing::Bytes,
        page_size: PageSize::DEFAULT,
        skipped: 0,
    }
}

/// The kind that a reference has in the product.
pub fn kind_of(r: &Ref) -> Kind {
    match (r.write, r.ifetch) {
        (true, false) => Kind::Write,
        (false, true) => Kind::Ifetch,
        (false, false) => Kind::Read,
        (true, true) => panic!("an instruction fetch does not write"),
    }
}

/// The product's trace of these references: ids and processes in order of first reference.
pub fn trace_of(refs: &[Ref]) -> Trace {
    named_trace("made up", refs)
}

/// [`trace_of`] under a name.
pub fn named_trace(name: &str, refs: &[Ref]) -> Trace {
    let mut densifier = Densifier::new();
    let (mut packed, mut kinds) = (Vec::new(), Vec::new());
    for r in refs {
        let process = densifier.process(r.process);
        let key = PageKey {
            process,
            number: r.page,
        };
        let id = densifier.id(key).expect("few pages");
        packed.push(pack(id, r.write));
        kinds.push(kind_of(r) as u8);
    }
    Trace::new(meta(name), densifier.into_dictionary(), packed, kinds, None)
}

/// The page that an id names, as the oracles name pages.
pub fn page_of_id(dictionary: &Dictionary, id: u32) -> Page {
    let key = dictionary.pages[id as usize];
    (dictionary.pids[key.process as usize], key.number)
}

/// Distinct pages, each counted per process.
pub fn distinct(refs: &[Ref]) -> usize {
    let mut pages: Vec<Page> = refs.iter().map(Ref::key).collect();
    pages.sort_unstable();
    pages.dedup();
    pages.len()
}

/// Writes down every event.
#[derive(Debug, Default, PartialEq)]
pub struct Recorder {
    pub faults: Vec<FaultEvent>,
    pub expired: Vec<ExpiryEvent>,
    /// Events before counting began.
    pub before_counting: Option<(usize, usize)>,
    /// Position of the last event, and whether it was an expiry.
    last: Option<(u64, bool)>,
}

impl Recorder {
    /// One fault at most at each position, before what expires there.
    fn in_order(&mut self, now: (u64, bool)) {
        let ordered = match self.last {
            Some(last) => last < now || (last == now && now.1),
            None => true,
        };
        assert!(ordered, "{now:?} after {:?}", self.last);
        self.last = Some(now);
    }
}

impl Listener for Recorder {
    fn fault(&mut self, event: &FaultEvent) {
        self.in_order((event.time, false));
        self.faults.push(*event);
    }
    fn expired(&mut self, event: &ExpiryEvent) {
        self.in_order((event.time, true));
        self.expired.push(*event);
    }
    fn start_counting(&mut self) {
        assert_eq!(self.before_counting, None, "counting begins once");
        self.before_counting = Some((self.faults.len(), self.expired.len()));
    }
}

/// How a trace is to be replayed.
#[derive(Debug, Clone)]
pub struct Setting {
    /// As on the command line, such as `clock:load-bit=0`.
    pub policy: PolicyChoice,
    /// Frames of a fixed-space policy. A variable-space policy takes its own limit.
    pub frames: usize,
    /// The window of a variable-space policy.
    pub tau: u64,
    pub warmup: u64,
    pub tlb: Option<Geometry>,
    pub swap_slots: Option<u64>,
}

impl Setting {
    /// A fixed-space policy in `frames` frames.
    pub fn frames(policy: &str, frames: usize) -> Setting {
        Setting::new(policy, frames, 1)
    }

    /// A variable-space policy with a window of `tau`.
    pub fn window(policy: &str, tau: u64) -> Setting {
        Setting::new(policy, 1, tau)
    }

    fn new(policy: &str, frames: usize, tau: u64) -> Setting {
        Setting {
            policy: policy.parse().unwrap_or_else(|e| panic!("{policy}: {e}")),
            frames,
            tau,
            warmup: 0,
            tlb: None,
            swap_slots: None,
        }
    }

    pub fn with_warmup(self, warmup: usize) -> Setting {
        let warmup = warmup as u64;
        Setting { warmup, ..self }
    }

    pub fn with_tlb(self, tlb: Option<Geometry>) -> Setting {
        Setting { tlb, ..self }
    }

    pub fn with_swap(self, slots: u64) -> Setting {
        let swap_slots = Some(slots);
        Setting { swap_slots, ..self }
    }

    pub fn is_variable(&self) -> bool {
        self.policy.spec().space == MemoryBy::Variable
    }

    /// The most frames there are; none for a variable-space policy without a limit.
    pub fn limit(&self) -> Option<usize> {
        let spec = self.policy.spec();
        let limit = || self.policy.params.get_if_any(spec, "limit");
        match self.is_variable() {
            true => limit().map(|limit| limit as usize),
            false => Some(self.frames),
        }
    }

    /// For messages.
    pub fn describe(&self) -> String {
        let memory = match self.is_variable() {
            true => format!("tau {}", self.tau),
            false => format!("{} frames", self.frames),
        };
        let tlb = self.tlb.map_or(String::new(), |tlb| format!(", tlb {tlb}"));
        format!("{}, {memory}, warm-up {}{tlb}", self.policy, self.warmup)
    }
}

/// The bursts of a trace; they end at each of `cuts`, where ops stand.
pub fn bursts_of(trace: &Trace, cuts: impl Iterator<Item = u64>) -> Bursts {
    Bursts::encode(trace.refs(), trace.kinds()).cut(&trace.dictionary, cuts)
}

/// Replays a trace with the product's engine.
pub fn replay(trace: &Trace, setting: &Setting) -> (Outcome, Recorder) {
    replay_with(trace, &bursts_of(trace, std::iter::empty()), setting)
}

/// [`replay`] of a trace whose bursts exist already.
pub fn replay_with(trace: &Trace, bursts: &Bursts, setting: &Setting) -> (Outcome, Recorder) {
    let mut recorder = Recorder::default();
    let job = Job {
        swap_slots: setting.swap_slots,
        seed: SEED,
        frames: setting.limit().map(|limit| limit as u32),
        tau: setting.tau,
        warmup: setting.warmup,
        tlb: setting.tlb.as_ref(),
        ..Job::new(trace, &setting.policy)
    };
    let outcome = vm::run_with(&job, &mut recorder).expect("a short trace");
    assert_bursts_agree(&job, bursts, &outcome, &recorder);
    (outcome, recorder)
}

/// Sizes of bursts for traces of few pages.
const BURSTS: [usize; 5] = [1, 2, 3, 5, 64];

/// Replays a job by bursts of several sizes and on whatever registers the processor has: every
/// count and every event must be that of the plain replay.
pub fn assert_bursts_agree(job: &Job<'_>, bursts: &Bursts, outcome: &Outcome, recorder: &Recorder) {
    for k in BURSTS {
        let mut heard = Recorder::default();
        let job = Job {
            bursts: Some(bursts.of(k)),
            ..*job
        };
        let got = vm::run_with(&job, &mut heard).expect("a short trace");
        let what = || format!("{} by bursts of {k}", job.policy.spec().name);
        assert_eq!(heard.faults, recorder.faults, "{}", what());
        assert_eq!(heard.expired, recorder.expired, "{}", what());
        assert_eq!(heard.before_counting, recorder.before_counting);
        assert_eq!(got, *outcome, "{}", what());
    }
}

/// Replays a job plainly and by bursts, which must agree, and again with `frames` frames for each
/// process if the job has a number of frames.
pub fn assert_every_way_agrees(job: &Job<'_>, bursts: &Bursts, frames: usize) {
    let mut recorder = Recorder::default();
    let outcome = vm::run_with(job, &mut recorder).expect("a short trace");
    assert_bursts_agree(job, bursts, &outcome, &recorder);
    let quotas = vec![frames as u32; job.trace.dictionary.pids.len()];
    let local = Job {
        frames: job.frames.map(|_| quotas.iter().sum()),
        quotas: job.frames.map(|_| &quotas[..]),
        ..*job
    };
    vm::run(&local).expect("a short trace");
}

/// What the product found, in the oracles' terms. Without warm-up.
pub fn run_of(trace: &Trace, outcome: &Outcome, recorder: &Recorder) -> Run {
    let page = |id| page_of_id(&trace.dictionary, id);
    let fault = |event: &FaultEvent| Fault {
        at: event.time as usize,
        page: page(event.page),
        refill: event.kind == FaultKind::Refill,
        victim: event
            .victim
            .map(|victim| (page(victim.page), victim.written)),
    };
    let expiry = |event: &ExpiryEvent| Expiry {
        at: event.time as usize,
        page: page(event.page),
        dirty: event.dirty,
    };
    let run = Run {
        faults: recorder.faults.iter().map(fault).collect(),
        expired: recorder.expired.iter().map(expiry).collect(),
        resident_sum: outcome.resident_sum,
        peak_resident: outcome.resident_peak as usize,
        resident: Vec::new(),
        dirty_end: outcome.dirty_end as usize,
    };
    Run {
        resident: resident_end(&run, trace.len()),
        ..run
    }
}

/// Replays references with the product's engine; what it found, in the oracles' terms.
pub fn product(refs: &[Ref], setting: &Setting) -> Run {
    let trace = trace_of(refs);
    let (outcome, recorder) = replay(&trace, setting);
    run_of(&trace, &outcome, &recorder)
}

/// Shows `see` the resident pages after each of the `references`, from the events alone.
pub fn each_residence(run: &Run, references: usize, mut see: impl FnMut(&[Page])) {
    let mut faults = run.faults.iter().peekable();
    let mut expired = run.expired.iter().peekable();
    let mut resident: Vec<Page> = Vec::new();
    let leave = |resident: &mut Vec<Page>, page: Page| {
        let index = resident.iter().position(|p| *p == page);
        resident.swap_remove(index.expect("what leaves was resident"));
    };
    for at in 0..references {
        if let Some(fault) = faults.next_if(|fault| fault.at == at) {
            if let Some((victim, _)) = fault.victim {
                leave(&mut resident, victim);
            }
            assert!(!resident.contains(&fault.page), "a resident page faulted");
            resident.push(fault.page);
        }
        while let Some(expiry) = expired.next_if(|expiry| expiry.at == at) {
            leave(&mut resident, expiry.page);
        }
        see(&resident);
    }
}

/// The resident pages at the end, sorted, from the events alone.
pub fn resident_end(run: &Run, references: usize) -> Vec<Page> {
    let mut end = Vec::new();
    each_residence(run, references, |resident| {
        end.clear();
        end.extend_from_slice(resident);
    });
    end.sort_unstable();
    end
}

/// All numbers of an outcome but the TLBs'.
#[derive(Debug, PartialEq)]
pub struct Facts {
    pub counters: Counters,
    pub resident_start: u64,
    pub resident_end: u64,
    pub dirty_end: u64,
    pub resident_sum: u128,
    pub resident_peak: u64,
    pub swap_slots: u64,
    /// References between faults: count, sum, least, greatest.
    pub intervals: (u64, u128, u64, u64),
}

/// The numbers that the product gives.
pub fn facts(outcome: &Outcome) -> Facts {
    let intervals = &outcome.intervals;
    Facts {
        counters: outcome.counters,
        resident_start: outcome.resident_start,
        resident_end: outcome.resident_end,
        dirty_end: outcome.dirty_end,
        resident_sum: outcome.resident_sum,
        resident_peak: outcome.resident_peak,
        swap_slots: outcome.swap_slots,
        intervals: (intervals.count, intervals.sum, intervals.min, intervals.max),
    }
}

/// The beginning of a run.
pub fn truncated(run: &Run, references: usize) -> Run {
    let mut run = run.clone();
    run.faults.retain(|fault| fault.at < references);
    run.expired.retain(|expiry| expiry.at < references);
    run
}

/// The numbers that follow from an oracle's run of so many references, counted from position
/// `warmup` on.
pub fn expected_facts(run: &Run, references: usize, warmup: usize) -> Facts {
    let warmup = warmup.min(references);
    let before = truncated(run, warmup);
    let (all_swap, before_swap) = (oracle::swap::swap(run), oracle::swap::swap(&before));
    let mut counters = Counters {
        refs: (references - warmup) as u64,
        swap_reads: all_swap.reads - before_swap.reads,
        ..Counters::default()
    };
    let counted: Vec<&Fault> = run.faults.iter().filter(|f| f.at >= warmup).collect();
    for fault in &counted {
        let written = usize::from(matches!(fault.victim, Some((_, true))));
        match fault.refill {
            false => counters.faults[FaultKind::Fill as usize][0][written] += 1,
            true => counters.faults[FaultKind::Refill as usize][1][written] += 1,
        }
        match fault.victim {
            Some((_, true)) => counters.evictions_dirty += 1,
            Some((_, false)) => counters.evictions_clean += 1,
            None => {}
        }
    }
    for expiry in run.expired.iter().filter(|e| e.at >= warmup) {
        match expiry.dirty {
            true => counters.expired_dirty += 1,
            false => counters.expired_clean += 1,
        }
    }
    counters.hits = counters.refs - counted.len() as u64;
    let mut sizes: Vec<u64> = Vec::with_capacity(references);
    each_residence(run, references, |resident| {
        sizes.push(resident.len() as u64)
    });
    let gaps: Vec<u64> = counted
        .windows(2)
        .map(|pair| (pair[1].at - pair[0].at) as u64)
        .collect();
    let start = warmup.checked_sub(1).map_or(0, |last| sizes[last]);
    Facts {
        counters,
        resident_start: start,
        resident_end: sizes.last().copied().unwrap_or(0),
        dirty_end: run.dirty_end as u64,
        resident_sum: sizes[warmup..].iter().map(|&size| u128::from(size)).sum(),
        resident_peak: sizes[warmup..].iter().copied().max().unwrap_or(0),
        swap_slots: all_swap.slots,
        intervals: (
            gaps.len() as u64,
            gaps.iter().map(|&gap| u128::from(gap)).sum(),
            gaps.iter().min().copied().unwrap_or(0),
            gaps.iter().max().copied().unwrap_or(0),
        ),
    }
}

/// A geometry of the TLBs, as `entries x ways` of each level.
pub fn geometry(l1i: (u32, u32), l1d: (u32, u32), l2: (u32, u32), levels: u32) -> Geometry {
    let shape = |(entries, ways)| Shape::new(entries, ways);
    Geometry {
        l1i: shape(l1i),
        l1d: shape(l1d),
        l2: Second::Shared(shape(l2)),
        levels,
        ..Geometry::default()
    }
}

/// A check that panics is a check that fails.
pub fn caught(check: impl Fn() -> Result<(), String>) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(check)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        Err(format!("panic: {}", text.unwrap_or_default()))
    })
}

/// What `of` returns; an error if it panics.
pub fn caught_value<T>(of: impl Fn() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(of)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
        format!("panic: {}", text.unwrap_or_default())
    })
}

/// The failure of a check, said of the shortest references found that still fail.
///
/// # Panics
/// If the check fails.
pub fn assert_holds(refs: &[Ref], check: impl Fn(&[Ref]) -> Result<(), String>) {
    let check = |refs: &[Ref]| caught(|| check(refs));
    let Err(first) = check(refs) else { return };
    let (mut shortest, mut why) = (refs.to_vec(), first);
    let mut piece = shortest.len();
    while piece > 0 {
        let mut at = 0;
        while at < shortest.len() {
            let mut fewer = shortest.clone();
            fewer.drain(at..(at + piece).min(fewer.len()));
            match check(&fewer) {
                Err(reason) => (shortest, why) = (fewer, reason),
                Ok(()) => at += piece,
            }
        }
        piece /= 2;
    }
    panic!("{why}\nreferences: {}", show(&shortest));
}

/// References as `process:page` with `w` for a write and `i` for an instruction fetch.
pub fn show(refs: &[Ref]) -> String {
    let one = |r: &Ref| {
        let kind = match kind_of(r) {
            Kind::Write => "w",
            Kind::Ifetch => "i",
            Kind::Read => "",
        };
        format!("{}:{}{kind}", r.process, r.page)
    };
    refs.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// Says where two runs part.
pub fn compare_runs(got: &Run, expected: &Run) -> Result<(), String> {
    let pairs = |len: usize, other: usize| 0..len.max(other);
    for i in pairs(got.faults.len(), expected.faults.len()) {
        let (g, e) = (got.faults.get(i), expected.faults.get(i));
        if g != e {
            return Err(format!("fault {i}: got {g:?}, expected {e:?}"));
        }
    }
    // What expires at one position is a set.
    let ordered = |run: &Run| {
        let mut expired = run.expired.clone();
        expired.sort_by_key(|expiry| (expiry.at, expiry.page));
        expired
    };
    let (got_expired, expected_expired) = (ordered(got), ordered(expected));
    for i in pairs(got_expired.len(), expected_expired.len()) {
        let (g, e) = (got_expired.get(i), expected_expired.get(i));
        if g != e {
            return Err(format!("expiry {i}: got {g:?}, expected {e:?}"));
        }
    }
    let rest = |run: &Run| {
        (
            run.resident_sum,
            run.peak_resident,
            run.resident.clone(),
            run.dirty_end,
        )
    };
    match rest(got) == rest(expected) {
        true => Ok(()),
        false => Err(format!(
            "resident (sum, peak, end, dirty): got {:?}, expected {:?}",
            rest(got),
            rest(expected)
        )),
    }
}
