//! The digest of a trace: a hash of its logical stream of references. Two files with the same
//! references have the same digest, whatever their format, codec or block layout, so that a
//! re-encoded trace keeps its baseline; any other reference, order, kind or page size changes it.
//!
//! Process ids count by order of first reference only: they differ from recording to recording.

use super::access::Addressing;
use super::event::{Advice, Backing, Event, EventAt, FileRange, Mapping};
use super::refs::{Dictionary, KindCode, Meta, Ref};
use crate::simd::little_endian;
use xxhash_rust::xxh3::Xxh3;

/// Computes the digest. Takes the references in pieces of any size; the pieces do not matter.
#[derive(Default)]
pub struct Digest {
    refs: Xxh3,
    kinds: Xxh3,
    count: u64,
    /// `None` until the first event: traces without events keep the digest they had before events
    /// existed.
    events: Option<Box<Xxh3>>,
}

impl Digest {
    /// Takes the next references.
    pub fn update(&mut self, refs: &[Ref], kinds: &[KindCode]) {
        // Hashed as little-endian bytes, so that every machine agrees.
        match little_endian(refs) {
            Some(bytes) => self.refs.update(bytes),
            None => refs.iter().for_each(|r| self.refs.update(&r.to_le_bytes())),
        }
        self.kinds.update(kinds);
        self.count += refs.len() as u64;
    }

    /// Takes the next event. Lines and names are left out: they mean nothing to a replay.
    pub fn event(&mut self, event: &EventAt) {
        let words = words(&event.event);
        let hash = self.events.get_or_insert_default();
        for word in [event.position, u64::from(event.process)]
            .into_iter()
            .chain(words)
        {
            hash.update(&word.to_le_bytes());
        }
    }

    /// Returns the digest of all references and events taken, for the page size of `meta` and the pages
    /// of `dictionary`.
    pub fn finish(self, meta: &Meta, dictionary: &Dictionary) -> u128 {
        let mut whole = Xxh3::new();
        whole.update(b"pagebench digest 1");
        whole.update(&[
            meta.page_size.shift(),
            u8::from(meta.addressing == Addressing::Ids),
        ]);
        whole.update(&self.count.to_le_bytes());
        whole.update(&self.refs.digest128().to_le_bytes());
        whole.update(&self.kinds.digest128().to_le_bytes());
        for key in &dictionary.pages {
            whole.update(&key.process.to_le_bytes());
            whole.update(&key.number.to_le_bytes());
        }
        if let Some(events) = self.events {
            whole.update(&events.digest128().to_le_bytes());
        }
        whole.digest128()
    }
}

/// Returns an event as numbers; the first is its kind and determines how many follow.
fn words(event: &Event) -> Vec<u64> {
    let advice = |advice: &Advice| u64::from(*advice == Advice::WillNeed);
    match event {
        Event::Map(mapping) => mapping_words(mapping),
        Event::Unmap { start, length } => vec![1, *start, *length],
        Event::Protect {
            start,
            length,
            protection: p,
        } => vec![2, *start, *length, bits([p.read, p.write, p.execute])],
        Event::Brk { end } => vec![3, *end],
        Event::Advise {
            start,
            length,
            advice: a,
        } => vec![4, *start, *length, advice(a)],
        Event::Fork { child } => vec![5, u64::from(*child)],
        Event::Exec => vec![6],
        Event::Exit => vec![7],
        Event::Move(m) => {
            let flags = bits([m.fixed, m.keep]);
            vec![
                8,
                m.old_start,
                m.old_length,
                m.new_start,
                m.new_length,
                flags,
            ]
        }
        Event::Populate {
            start,
            length,
            write,
        } => vec![9, *start, *length, u64::from(*write)],
        Event::Read(FileRange {
            file,
            offset,
            length,
        }) => vec![10, u64::from(*file), *offset, *length],
        Event::Write(FileRange {
            file,
            offset,
            length,
        }) => vec![11, u64::from(*file), *offset, *length],
        Event::Length { file, bytes } => vec![12, u64::from(*file), *bytes],
        Event::Unlink { file } => vec![13, u64::from(*file)],
        Event::Vfork { child } => vec![14, u64::from(*child)],
    }
}

fn mapping_words(m: &Mapping) -> Vec<u64> {
    let p = m.protection;
    let flags = bits([
        p.read,
        p.write,
        p.execute,
        m.shared,
        m.fixed,
        m.grows_down,
        m.backing != Backing::Anonymous,
        // Last: a mapping without it has the digest that it had before there was such a thing.
        m.swap_backed,
    ]);
    let (file, offset, length) = match m.backing {
        Backing::Anonymous => (0, 0, 0),
        Backing::File {
            file,
            offset,
            length,
        } => (u64::from(file), offset, length),
    };
    let shift = m.page_size.map_or(0, |size| u64::from(size.shift()));
    vec![0, m.start, m.length, flags, file, offset, length, shift]
}

fn bits<const N: usize>(bits: [bool; N]) -> u64 {
    bits.iter().rev().fold(0, |n, &bit| n << 1 | u64::from(bit))
}

/// Returns the digest as results show it: 32 hexadecimal digits.
pub fn show(digest: u128) -> String {
    format!("{digest:032x}")
}
