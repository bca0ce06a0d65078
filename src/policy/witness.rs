//! A policy under observation, for `pagebench explain`. Every page that leaves is reported as it
//! leaves, with the reason that the policy gives right then. Knows nothing of how the reports are
//! shown, and takes no decision of its own.

use super::prelude::*;
use super::reasons::{Departure, Leaves, Seen};
use crate::trace::model::refs::position_of;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;

/// Passes every call on to `inner` and reports departures.
pub(super) struct Witness<'t> {
    inner: Box<dyn Policy + 't>,
    /// The positions of the references of the trace that are not replayed.
    left_out: &'t [u64],
    /// The history of the page in each frame since its arrival; `None` for an empty frame.
    seen: Vec<Option<Seen>>,
    /// Whether departures are reported. While they are not, reference bits are not read.
    watches: Arc<AtomicBool>,
    /// The time of the last call that had one.
    now: u64,
    reports: Sender<Departure>,
}

impl<'t> Witness<'t> {
    pub(super) fn new(
        inner: Box<dyn Policy + 't>,
        frames: u32,
        left_out: &'t [u64],
        watches: Arc<AtomicBool>,
        reports: Sender<Departure>,
    ) -> Witness<'t> {
        Witness {
            inner,
            left_out,
            seen: vec![None; frames as usize],
            watches,
            now: 0,
            reports,
        }
    }

    /// Returns whether departures are reported.
    fn is_watching(&self) -> bool {
        self.watches.load(Ordering::Relaxed)
    }

    /// Records the arrival of a page, for a reference or `ahead` of use.
    fn arrives(&mut self, at: PageAccess, ahead: bool) {
        self.now = at.time;
        self.seen[at.frame as usize] = Some(Seen {
            loaded: at.time,
            last_use: at.time,
            ahead,
            uses: u64::from(!ahead),
        });
    }

    /// Returns the frames whose reference bits are set; none while departures are not reported.
    fn set_bits(&self, frames: &Frames) -> Vec<FrameId> {
        let all = 0..if self.is_watching() {
            self.seen.len()
        } else {
            0
        };
        let all = all.map(|frame| frame as FrameId);
        all.filter(|&frame| self.seen[frame as usize].is_some() && frames.referenced(frame))
            .collect()
    }

    /// Reports that the page in `frame` leaves. `before` has the frames whose reference bits were
    /// set when the policy began to choose.
    fn report(&mut self, frames: &Frames, frame: FrameId, leaves: Leaves, before: &[FrameId]) {
        let seen = self.seen[frame as usize].take().unwrap_or_default();
        if !self.is_watching() {
            return;
        }
        let shown = |position| position_of(self.left_out, position);
        let seen = Seen {
            loaded: shown(seen.loaded),
            last_use: shown(seen.last_use),
            ..seen
        };
        let others = before.iter().filter(|&&other| other != frame);
        let cleared = others.filter(|&&other| !frames.referenced(other));
        let referenced = before.contains(&frame);
        let evicted = Evicted {
            page: frames.page(frame),
            frame,
            time: self.now,
            seen,
            referenced,
            lost_its_bit: referenced && !frames.referenced(frame),
            cleared: cleared.count() as u32,
            expired: leaves == Leaves::Expired,
        };
        let why = match leaves {
            Leaves::Freed => None,
            _ => Some(self.inner.why(&evicted)),
        };
        // A receiver that is gone needs no reports.
        _ = self.reports.send(Departure {
            page: evicted.page,
            dirty: frames.dirty(frame),
            leaves,
            why,
        });
    }
}

#[deny(clippy::missing_trait_methods)]
impl Policy for Witness<'_> {
    fn hit(&mut self, at: PageAccess) {
        self.now = at.time;
        if let Some(seen) = &mut self.seen[at.frame as usize] {
            (seen.last_use, seen.uses) = (at.time, seen.uses + 1);
        }
        self.inner.hit(at);
    }

    fn is_settled(&self, frame: FrameId) -> bool {
        self.inner.is_settled(frame)
    }

    fn is_full(&self, process: u32) -> bool {
        self.inner.is_full(process)
    }

    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId {
        self.now = request.time;
        let before = self.set_bits(frames);
        let frame = self.inner.victim(frames, request);
        self.report(frames, frame, Leaves::Chosen, &before);
        frame
    }

    fn loaded(&mut self, frames: &mut Frames, at: PageAccess) {
        self.arrives(at, false);
        self.inner.loaded(frames, at);
    }

    fn prefetched(&mut self, frames: &mut Frames, at: PageAccess, next_use: u32) {
        self.arrives(at, true);
        self.inner.prefetched(frames, at, next_use);
    }

    fn file_hit(&mut self, frames: &mut Frames, at: PageAccess, next_use: u32) {
        self.now = at.time;
        if let Some(seen) = &mut self.seen[at.frame as usize] {
            (seen.last_use, seen.uses) = (at.time, seen.uses + 1);
        }
        self.inner.file_hit(frames, at, next_use);
    }

    fn file_loaded(&mut self, frames: &mut Frames, at: PageAccess, next_use: u32) {
        self.arrives(at, false);
        self.inner.file_loaded(frames, at, next_use);
    }

    fn dirtied(&mut self, frames: &Frames, at: PageAccess, next_use: u32) {
        self.inner.dirtied(frames, at, next_use);
    }

    fn freed(&mut self, frames: &mut Frames, frame: FrameId) {
        self.report(frames, frame, Leaves::Freed, &[]);
        self.inner.freed(frames, frame);
    }

    fn unmapped(&mut self, entry: EntryId) {
        self.inner.unmapped(entry);
    }

    fn moved(&mut self, from: EntryId, to: EntryId) {
        self.inner.moved(from, to);
    }

    fn next_tick(&self) -> u64 {
        self.inner.next_tick()
    }

    fn tick(&mut self, frames: &mut Frames, time: u64) {
        self.inner.tick(frames, time);
    }

    fn expire(&mut self, frames: &mut Frames, entry: EntryId) -> Option<FrameId> {
        let frame = self.inner.expire(frames, entry)?;
        self.report(frames, frame, Leaves::Expired, &[]);
        Some(frame)
    }

    fn event_counts(&self) -> Vec<EventCount> {
        self.inner.event_counts()
    }
}

#[deny(clippy::missing_trait_methods)]
impl Explain for Witness<'_> {
    fn why(&self, evicted: &Evicted) -> String {
        self.inner.why(evicted)
    }

    fn order(&self, frames: &Frames, next: u64) -> Option<FrameOrder> {
        self.inner.order(frames, next)
    }
}
