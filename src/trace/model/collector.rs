//! A sink that keeps a stream of references in memory and makes a trace of it.

use super::dense::Trace;
use super::event::EventAt;
use super::refs::{Dictionary, KindCode, Meta, Ref, References};
use super::sink::Sink;

/// A [`Sink`] that keeps everything in memory.
#[derive(Debug, Default)]
pub struct Collector {
    /// The references.
    pub references: References,
    /// The events.
    pub events: Vec<EventAt>,
}

impl Sink for Collector {
    fn references(&mut self, refs: &[Ref], kinds: &[KindCode]) {
        self.references.extend(refs, kinds);
    }

    fn event(&mut self, event: EventAt) {
        self.events.push(event);
    }
}

impl Collector {
    /// Returns the collected references and events as a trace.
    pub fn into_trace(self, meta: Meta, dictionary: Dictionary) -> Trace {
        let References { refs, kinds } = self.references;
        Trace::new(meta, dictionary, refs, kinds, None)
            .compact()
            .with_events(self.events)
    }
}
