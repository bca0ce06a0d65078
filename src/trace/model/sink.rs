//! Where a stream of references goes: the trait, and what passes one stream to two places.

use super::event::EventAt;
use super::refs::{KindCode, Ref};

/// Takes a stream of references and of the events between them, in order.
pub trait Sink {
    /// Takes the next references. `refs` and `kinds` have the same length.
    fn references(&mut self, refs: &[Ref], kinds: &[KindCode]);

    /// Takes an event. Its position is the number of references taken so far.
    fn event(&mut self, event: EventAt);

    /// Returns false if the rest of the stream is of no use, as after a failure.
    fn wants_more(&self) -> bool {
        true
    }
}

/// A [`Sink`] that passes everything to two others. Only the first decides whether more is wanted.
pub struct Both<'a, A, B>(pub &'a mut A, pub &'a mut B);

impl<A: Sink, B: Sink> Sink for Both<'_, A, B> {
    fn references(&mut self, refs: &[Ref], kinds: &[KindCode]) {
        self.0.references(refs, kinds);
        self.1.references(refs, kinds);
    }

    fn event(&mut self, event: EventAt) {
        self.0.event(event.clone());
        self.1.event(event);
    }

    fn wants_more(&self) -> bool {
        self.0.wants_more()
    }
}
