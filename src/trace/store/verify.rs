//! What a file states beside its references, held against them: the digest, the counts, the order of
//! page ids. Every reader of all references of a file, in whatever form, passes them here.
//!
//! The lists of bursts are compared where they are unpacked and read (see `lists`). Knows nothing of how
//! references are unpacked.

use super::Counts;
use crate::trace::model::digest::Digest;
use crate::trace::model::event::EventAt;
use crate::trace::model::refs::{
    Dictionary, KindCode, Meta, Ref, count_continuations, count_kinds, page_of,
};

/// References whose largest page is looked at together.
const TOGETHER: usize = 256;

/// Takes all references of a file, in order and in pieces of any size.
#[derive(Default)]
pub struct Verifier {
    digest: Digest,
    counts: Counts,
    /// Page ids seen so far: all below this.
    pages: usize,
    /// A page id came before a smaller one that was not there yet.
    skipped: bool,
}

/// What a file states.
pub(super) struct Stated<'a> {
    pub meta: &'a Meta,
    pub dictionary: &'a Dictionary,
    pub events: &'a [EventAt],
    pub counts: Counts,
    pub digest: u128,
}

impl Verifier {
    /// Takes the next references.
    pub fn references(&mut self, refs: &[Ref], kinds: &[KindCode]) {
        self.digest.update(refs, kinds);
        let now = count_kinds(kinds);
        self.counts.add(&Counts {
            by_kind: now,
            continuations: count_continuations(kinds),
            bursts: 0,
        });
        for refs in refs.chunks(TOGETHER) {
            let most = refs.iter().fold(0, |most, &r| most.max(r));
            if page_of(most) as usize >= self.pages {
                self.first_references(refs);
            }
        }
    }

    fn first_references(&mut self, refs: &[Ref]) {
        for &reference in refs {
            let page = page_of(reference) as usize;
            self.skipped |= page > self.pages;
            self.pages = self.pages.max(page + 1);
        }
    }

    /// Takes the number of bursts of the next references.
    pub fn bursts(&mut self, bursts: u64) {
        self.counts.bursts += bursts;
    }

    /// Ends the trace.
    ///
    /// # Errors
    /// Errors if the file states anything else; the message says what.
    pub(super) fn finish(mut self, stated: &Stated<'_>) -> Result<(), &'static str> {
        if self.skipped || self.pages != stated.dictionary.pages.len() {
            return Err("its pages are not those of its references, in order of first reference");
        }
        if self.counts != stated.counts {
            return Err("its counts are not those of its references");
        }
        let events = stated.events.iter();
        events.for_each(|event| self.digest.event(event));
        match self.digest.finish(stated.meta, stated.dictionary) == stated.digest {
            true => Ok(()),
            false => Err("the digest does not match the references and events"),
        }
    }
}
