//! Independent oracles: each policy written straight from its definition, slowly and plainly, so
//! that the program's engines can be held against something that shares no code with them.
//!
//! Nothing here uses the crate, [`whole`] apart, which takes from it what a trace says of mappings.
//! A page is named by (process, page number). Elsewhere than in [`whole`] and [`kernel`] there are no mappings:
//! every page is private to its process, its first touch is a fill, every later load is a refill.

pub mod aging;
pub mod arc;
pub mod car;
pub mod clock;
pub mod clock_pro;
pub mod dws;
pub mod esc;
pub mod expected;
pub mod fifo;
pub mod formats;
pub mod freebsd;
pub mod gclock;
pub mod kernel;
pub mod lfu;
pub mod linux;
pub mod lirs;
pub mod lists;
pub mod lrfu;
pub mod lru;
pub mod lru_k;
pub mod mglru;
pub mod mq;
pub mod mru;
pub mod nru;
pub mod opt;
pub mod opt_wb;
pub mod pages;
pub mod pff;
pub mod places;
pub mod published;
pub mod random;
pub mod s3_fifo;
pub mod segments;
pub mod sieve;
pub mod slru;
pub mod swap;
pub mod sws;
pub mod tlb;
pub mod two_q;
pub mod two_q_simple;
pub mod vmin;
pub mod vmin_run;
pub mod w_tinylfu;
pub mod whole;
pub mod ws;
pub mod wsclock;

/// A page: its process and its number within the process.
pub type Page = (u32, u64);

/// One reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ref {
    pub process: u32,
    /// Page number within the process.
    pub page: u64,
    pub write: bool,
    pub ifetch: bool,
}

impl Ref {
    pub fn key(&self) -> Page {
        (self.process, self.page)
    }
}

/// One process reading the pages of a textbook's reference string.
pub fn reads(string: &[u64]) -> Vec<Ref> {
    let read = |&page| Ref {
        process: 0,
        page,
        write: false,
        ifetch: false,
    };
    string.iter().map(read).collect()
}

/// A reference to a page that was not resident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Position of the reference, from 0.
    pub at: usize,
    pub page: Page,
    /// The page had been resident before.
    pub refill: bool,
    /// The page that gave up its frame, and whether it was dirty.
    pub victim: Option<(Page, bool)>,
}

/// A page that left a working set after the reference at `at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    pub at: usize,
    pub page: Page,
    pub dirty: bool,
}

/// What happened to a trace under one policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    pub faults: Vec<Fault>,
    pub expired: Vec<Expiry>,
    /// Resident pages after each reference, summed.
    pub resident_sum: u128,
    /// Most pages resident after any reference.
    pub peak_resident: usize,
    /// Resident pages at the end, sorted.
    pub resident: Vec<Page>,
    /// How many of them are dirty.
    pub dirty_end: usize,
}

impl Run {
    /// Adds a fault; it is a refill if the page has faulted before.
    fn fault(&mut self, at: usize, page: Page, victim: Option<(Page, bool)>) {
        let refill = self.faults.iter().rev().any(|fault| fault.page == page);
        self.faults.push(Fault {
            at,
            page,
            refill,
            victim,
        });
    }

    /// To be called after each reference.
    fn count_resident(&mut self, resident: usize) {
        self.resident_sum += resident as u128;
        self.peak_resident = self.peak_resident.max(resident);
    }

    /// Notes what is resident, and dirty or not, at the end.
    fn end(mut self, resident: impl Iterator<Item = (Page, bool)>) -> Run {
        for (page, dirty) in resident {
            self.resident.push(page);
            self.dirty_end += usize::from(dirty);
        }
        self.resident.sort_unstable();
        self
    }

    /// Dirty pages that left memory: dirty victims and dirty pages that expired.
    pub fn write_backs(&self) -> usize {
        let victims = self
            .faults
            .iter()
            .filter(|f| matches!(f.victim, Some((_, true))))
            .count();
        victims + self.expired.iter().filter(|e| e.dirty).count()
    }

    /// Resident pages after each of the `references`, from the faults and expiries alone.
    pub fn sizes(&self, references: usize) -> Vec<usize> {
        let size = |at| {
            let loads = self.faults.iter().filter(|f| f.at <= at).count();
            let evictions = self
                .faults
                .iter()
                .filter(|f| f.at <= at && f.victim.is_some())
                .count();
            let expired = self.expired.iter().filter(|e| e.at <= at).count();
            loads - evictions - expired
        };
        (0..references).map(size).collect()
    }
}
