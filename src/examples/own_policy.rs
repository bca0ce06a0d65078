//! The whole command line with one more policy: `cargo run --example own_policy -- run TRACE -p
//! lru,spare-old,opt -m 16..256`.

use pagebench::policy::prelude::*;
use pagebench::{Registry, cli};
use std::process::ExitCode;

/// LRU that keeps the pages used longest ago, in case they come back: it evicts the next one.
struct SpareOld {
    /// Frames by last use, the oldest first.
    order: Vec<FrameId>,
    spare: usize,
}

impl PolicyType<'_> for SpareOld {
    const SPEC: Spec = Spec {
        name: "spare-old",
        family: Family::Research,
        about: "LRU that spares the pages used longest ago",
        params: &[Param::count(
            "spare",
            Some(1),
            0..=1_000_000,
            "pages that are spared",
        )],
        ..Spec::BASE
    };

    fn new(setup: &Setup<'_>) -> SpareOld {
        SpareOld {
            order: Vec::with_capacity(setup.frames as usize),
            spare: setup.number("spare") as usize,
        }
    }
}

impl Policy for SpareOld {
    fn hit(&mut self, at: PageAccess) {
        self.order.retain(|&frame| frame != at.frame);
        self.order.push(at.frame);
    }

    fn victim(&mut self, _frames: &mut Frames, _request: VictimRequest) -> FrameId {
        self.order.remove(self.spare.min(self.order.len() - 1))
    }

    fn loaded(&mut self, _frames: &mut Frames, at: PageAccess) {
        self.order.push(at.frame);
    }

    fn freed(&mut self, _frames: &mut Frames, gone: FrameId) {
        self.order.retain(|&frame| frame != gone);
    }
}

impl Explain for SpareOld {
    fn why(&self, evicted: &Evicted) -> String {
        format!(
            "old, but {} older are spared, {}",
            self.spare,
            evicted.seen.last()
        )
    }
}

fn main() -> ExitCode {
    cli::main(Registry::standard().with::<SpareOld>())
}
