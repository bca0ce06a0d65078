//! The choices in which systems differ, under every policy: a replay by bursts is the plain one, the laws
//! that the machine asserts hold, and no victim of a copy is its source while there is another page.

use super::PAGE_SIZES;
use crate::support::events::{STYLES, items, trace_of};
use crate::support::random::Random;
use crate::support::{POLICIES, SEED, Setting, assert_every_way_agrees};
use pagebench::internals::space::{self, BeyondEof, ForkFilePtes, Options};
use pagebench::internals::vm::{Choices, CowSource, FreeFrames, Job, SwapIn};
use rayon::prelude::*;

/// Every combination of choices, by number.
fn choices(number: u64) -> Choices {
    Choices {
        swap_in: SwapIn::ALL[(number & 1) as usize].0,
        cow_source: CowSource::ALL[(number >> 1 & 1) as usize].0,
        free_frames: FreeFrames::ALL[(number >> 2 & 1) as usize].0,
    }
}

#[test]
fn every_policy_with_every_choice() {
    let others = ["clock:order=frame", "clock:order=frame:load-bit=0"];
    (500..540u64).into_par_iter().for_each(|seed| {
        let mut random = Random::new(seed ^ 0x5e77);
        let page_size = PAGE_SIZES[random.below(4) as usize];
        let items = items(STYLES[(seed % 4) as usize], page_size, 300, seed);
        let options = Options {
            fork_file_ptes: ForkFilePtes::ALL[random.below(2) as usize].0,
            beyond_eof: BeyondEof::ALL[random.below(2) as usize].0,
            ..Options::default()
        };
        let trace = trace_of(&items, page_size);
        let resolved = space::resolve(trace, &options).expect("a trace that makes sense");
        let ops = resolved.space.iter().flat_map(|space| &space.ops);
        let bursts = crate::support::bursts_of(&resolved.trace, space::cuts(ops));
        for (number, policy) in (seed..).zip(POLICIES.iter().chain(&others)) {
            let frames = 1 + (seed % 6) as usize;
            let setting = Setting::frames(policy, frames);
            let limit = setting.limit().map(|limit| limit as u32);
            let job = Job {
                space: resolved.space.as_ref(),
                seed: SEED,
                frames: limit,
                tau: 5,
                swap_slots: [None, Some(5)][random.below(2) as usize],
                choices: choices(number),
                ..Job::new(&resolved.trace, &setting.policy)
            };
            assert_every_way_agrees(&job, &bursts, frames);
        }
    });
}
