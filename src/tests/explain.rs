//! What `pagebench explain` says is in memory, and why pages leave, against the oracles: the frames
//! after each reference, the faults, the victims, and every word that names a number.

mod reasons;

use crate::oracle::{Page, Ref};
use crate::support::random::Random;
use crate::support::{Setting, each_residence, oracle_of, page_of_id, trace_of};
use pagebench::internals::policy::TABLE;
use pagebench::internals::trace::model::dense::Trace;
use pagebench::internals::vm::Job;
use pagebench::internals::vm::machine::stepper::{Cause, Story, explain};

fn story(trace: &Trace, setting: &Setting, from: u64) -> Story {
    let job = Job {
        seed: crate::support::SEED,
        frames: setting.limit().map(|limit| limit as u32),
        tau: setting.tau,
        ..Job::new(trace, &setting.policy)
    };
    explain(&job, from..u64::MAX, true).expect("a short trace")
}

/// Pages by 1 to 3 processes, a third of them written.
fn some_refs(random: &mut Random) -> Vec<Ref> {
    let (processes, pages) = (1 + random.below(3), 2 + random.below(7));
    let length = 1 + random.below(60);
    let one = |_| Ref {
        process: random.below(processes) as u32,
        page: random.below(pages),
        write: random.below(3) == 0,
        ifetch: false,
    };
    (0..length).map(one).collect()
}

/// Every policy of the table, with all that has an oracle of its own.
fn settings() -> Vec<Setting> {
    let mut all = Vec::new();
    for spec in TABLE {
        for memory in 1..6 {
            all.push(Setting::frames(spec.name, memory));
        }
    }
    let others = [
        "clock:load-bit=0",
        "nru:tick=5",
        "aging:tick=5",
        "wsclock:tau=3",
    ];
    let others = others.map(|policy| Setting::frames(policy, 3));
    let variable = ["ws", "sws:interval=2", "dws", "pff", "vmin"].into_iter();
    let windows = variable.flat_map(|policy| (1..9).map(|tau| Setting::window(policy, tau)));
    let limited = (1..5).map(|tau| Setting::window("ws:limit=2", tau * 3));
    all.retain(|setting| !setting.is_variable());
    all.extend(others.into_iter().chain(windows).chain(limited));
    all
}

fn same(trace: &Trace, refs: &[Ref], setting: &Setting, from: usize) {
    let expected = oracle_of(refs, setting).expect("every policy has an oracle");
    let story = story(trace, setting, from as u64);
    let what = || format!("{} from {from} on of {refs:?}", setting.describe());
    assert_eq!(story.steps.len(), refs.len() - from, "{}", what());
    let page = |entry| page_of_id(&trace.dictionary, entry);
    let mut resident: Vec<Vec<Page>> = Vec::new();
    each_residence(&expected, refs.len(), |pages| {
        let mut pages = pages.to_vec();
        pages.sort_unstable();
        resident.push(pages);
    });
    for step in &story.steps {
        let at = step.position as usize;
        let held = step.frames.iter().flatten().map(|held| page(held.entry));
        let mut held: Vec<Page> = held.collect();
        held.sort_unstable();
        assert_eq!(held, resident[at], "{at}, {}", what());
        let fault = expected.faults.iter().find(|fault| fault.at == at);
        assert_eq!(step.fault.is_some(), fault.is_some(), "{at}, {}", what());
        let gone = |cause| {
            let gone = step.gone.iter().filter(move |gone| gone.cause == cause);
            gone.map(|gone| (page(gone.entry), gone.written))
        };
        let victim = fault.and_then(|fault| fault.victim);
        assert!(gone(Cause::Victim).eq(victim), "{at}, {}", what());
        let expired = expected.expired.iter().filter(|expiry| expiry.at == at);
        let mut expired: Vec<_> = expired.map(|one| (one.page, one.dirty)).collect();
        let mut told: Vec<_> = gone(Cause::Expired).collect();
        expired.sort_unstable();
        told.sort_unstable();
        assert_eq!(told, expired, "{at}, {}", what());
        // What a policy keeps in order is what is in the frames.
        let (_, order) = step.state.as_ref().expect("every policy says its order");
        let mut order: Vec<Page> = order.iter().map(|(entry, _)| page(*entry)).collect();
        order.sort_unstable();
        assert_eq!(order, held, "{at}, {}", what());
    }
    let faults = story.outcome.counters.faults();
    assert_eq!(faults, expected.faults.len() as u64, "{}", what());
}

#[test]
fn the_frames_of_every_policy_are_those_of_its_oracle() {
    let mut random = Random::new(11);
    for _ in 0..60 {
        let refs = some_refs(&mut random);
        let trace = trace_of(&refs);
        for setting in settings() {
            same(&trace, &refs, &setting, 0);
            let from = random.below(refs.len() as u64) as usize;
            same(&trace, &refs, &setting, from);
        }
    }
}
