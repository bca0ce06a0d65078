//! A cache of the pages whose accesses are known to be allowed, because every access asks.

use super::areas::PAGE;
use crate::trace::model::access::Kind;
use crate::trace::model::event::Protection;
use std::sync::Arc;

/// Pages and the kinds of access allowed there, as bits: a direct-mapped cache. Copies of a process
/// share it until one of them changes it.
#[derive(Debug, Clone)]
pub struct Allowed(Arc<[(u64, u8)]>);

/// Entries of the cache; a power of two.
const ENTRIES: usize = 1024;

impl Default for Allowed {
    fn default() -> Allowed {
        Allowed(vec![(u64::MAX, 0); ENTRIES].into())
    }
}

impl Allowed {
    fn slot(page: u64) -> usize {
        (page / PAGE) as usize & (ENTRIES - 1)
    }

    /// Returns true if the cache holds the page at `page` and allows `kind` there. False means unknown.
    #[inline]
    pub fn has(&self, page: u64, kind: Kind) -> bool {
        let (known, kinds) = self.0[Allowed::slot(page)];
        known == page && kinds & 1 << kind as u8 != 0
    }

    pub fn set(&mut self, page: u64, protection: Protection) {
        Arc::make_mut(&mut self.0)[Allowed::slot(page)] = (page, protection.kinds());
    }

    pub fn clear(&mut self) {
        Arc::make_mut(&mut self.0).fill((u64::MAX, 0));
    }
}
