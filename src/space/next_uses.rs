//! The next reference of each object, for policies that need the future and for prefetches.

use super::{NONE, ObjectId, Op, OpAt, Space};
use crate::trace::model::refs::{NEVER, Ref, pack, page_of};

/// The references by object, and the next use of each.
#[derive(Debug)]
pub struct ObjectFuture {
    /// The object of each reference, packed like the trace's references.
    pub refs: Vec<Ref>,
    /// The position of the next reference of the same object, or [`NEVER`].
    pub next_use: Vec<u32>,
    /// For each op that brings a page in ahead of use, reads or writes, the position of the next reference of its object; [`NEVER`] for
    /// other ops.
    pub after_op: Vec<u32>,
}

impl Space {
    /// Returns the future of the legal references `refs`; `None` for 2^32 - 1 references or more.
    /// Computed once and shared.
    pub fn future(&self, refs: &[Ref]) -> Option<&ObjectFuture> {
        if refs.len() >= NEVER as usize {
            return None;
        }
        let compute = || {
            let (refs, wanted) = self.object_refs(refs);
            self.next_uses(refs, &wanted)
        };
        Some(self.future.get_or_init(compute))
    }

    /// Returns the references by object, and for each op that brings a page in ahead of use its object; [`NONE`] for
    /// other ops.
    fn object_refs(&self, refs: &[Ref]) -> (Vec<Ref>, Vec<ObjectId>) {
        let mut object_of = self.first_object.clone();
        let mut wanted = vec![NONE; self.ops.len()];
        let mut ops = self.ops.iter().enumerate().peekable();
        let mut objects = Vec::with_capacity(refs.len());
        for (position, &reference) in refs.iter().enumerate() {
            while let Some((index, at)) = ops.next_if(|(_, at)| at.position <= position as u64) {
                match at.op {
                    Op::Bind { entry, object } | Op::CowCopy { entry, object, .. } => {
                        object_of[entry as usize] = object;
                    }
                    Op::PopulateCopy { entry, object, .. } => {
                        object_of[entry as usize] = object;
                        wanted[index] = object;
                    }
                    Op::FileIo { entry: NONE, .. } => {}
                    Op::Prefetch { entry }
                    | Op::Original { entry }
                    | Op::Populate { entry, .. }
                    | Op::FileIo { entry, .. } => {
                        wanted[index] = object_of[entry as usize];
                    }
                    _ => {}
                }
            }
            let object = object_of[page_of(reference) as usize];
            objects.push(pack(object, reference & 1 != 0));
        }
        (objects, wanted)
    }

    /// Returns the future of `refs`, references by object, and of the prefetches of the objects
    /// `wanted` by the ops.
    fn next_uses(&self, refs: Vec<Ref>, wanted: &[ObjectId]) -> ObjectFuture {
        let mut upcoming = vec![NEVER; self.classes.len()];
        let mut next_use = vec![NEVER; refs.len()];
        let mut after_op = vec![NEVER; self.ops.len()];
        let prefetches = self.ops.iter().zip(wanted).zip(&mut after_op);
        let prefetches = prefetches.filter(|((_, wanted), _)| **wanted != NONE);
        let mut prefetches = prefetches.rev().peekable();
        for position in (0..refs.len()).rev() {
            let is_later = |((at, _), _): &((&OpAt, _), _)| at.position > position as u64;
            while let Some(((_, &wanted), next)) = prefetches.next_if(is_later) {
                *next = upcoming[wanted as usize];
            }
            let object = page_of(refs[position]) as usize;
            next_use[position] = std::mem::replace(&mut upcoming[object], position as u32);
        }
        for ((_, &wanted), next) in prefetches {
            *next = upcoming[wanted as usize];
        }
        ObjectFuture {
            refs,
            next_use,
            after_op,
        }
    }
}
