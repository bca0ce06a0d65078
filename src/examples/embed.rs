//! Counts in a program of your own: `cargo run --example embed -- TRACE FRAMES` replays a trace
//! under LRU and under a policy of this program.

#![allow(clippy::print_stdout, reason = "a program prints")]

use pagebench::policy::prelude::*;
use pagebench::{LoadedTrace, ReplayOptions, TraceOptions, replay, replay_named};
use std::error::Error;

/// Last in, first out: evicts the page that was loaded last.
struct Lifo(Vec<FrameId>);

impl PolicyType<'_> for Lifo {
    const SPEC: Spec = Spec {
        name: "lifo",
        ..Spec::BASE
    };

    fn new(setup: &Setup<'_>) -> Lifo {
        Lifo(Vec::with_capacity(setup.frames as usize))
    }
}

impl Policy for Lifo {
    fn victim(&mut self, _frames: &mut Frames, _request: VictimRequest) -> FrameId {
        self.0.pop().expect("a page is resident")
    }

    fn loaded(&mut self, _frames: &mut Frames, at: PageAccess) {
        self.0.push(at.frame);
    }

    fn freed(&mut self, _frames: &mut Frames, gone: FrameId) {
        self.0.retain(|&frame| frame != gone);
    }
}

impl Explain for Lifo {}

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (path, frames) = args
        .next()
        .zip(args.next())
        .ok_or("usage: embed TRACE FRAMES")?;
    let trace = LoadedTrace::load(path, &TraceOptions::default())?;
    let options = ReplayOptions {
        frames: Some(frames.parse()?),
        ..ReplayOptions::default()
    };
    for (name, counts) in [
        ("lru", replay_named("lru", &trace, &options)?),
        ("lifo", replay::<Lifo>(&trace, &options)?),
    ] {
        println!(
            "{name}: {} faults, {} write-backs",
            counts.faults, counts.write_backs
        );
    }
    Ok(())
}
