//! Replacement policies: the trait, its protocol, and THE table.
//!
//! A policy sees frames and is asked for a victim; the machine owns residency, dirty bits and
//! every counter, so a policy cannot get a count wrong. Deliberately absent: counters, files,
//! TLBs, costs.
//!
//! A new policy is one file with its [`Policy::SPEC`] and one entry in [`policies!`] below.

mod any;
pub mod explain;
mod frames;
mod future;
mod local;
pub mod params;
pub mod select;
pub mod support;

mod aging;
mod arc;
mod car;
mod clock;
mod clock_pro;
mod dws;
mod esc;
mod fifo;
mod freebsd;
mod gclock;
mod lfu;
mod linux;
mod lirs;
mod lrfu;
mod lru;
mod lru_k;
mod mglru;
mod mq;
mod mru;
mod nru;
mod opt;
mod opt_wb;
mod pff;
mod random;
mod s3_fifo;
mod sieve;
mod slru;
mod sws;
mod two_q;
mod two_q_simple;
mod vmin;
mod w_tinylfu;
mod witness;
mod ws;
mod wsclock;

pub use any::AnyPolicy;
pub(crate) use any::Replaces;
pub use explain::{Departure, Leaves, Left, Seen, State};
pub use frames::Frames;
pub use future::Future;
pub use params::{Param, ParamError, Params, PolicyChoice, PolicyPattern};

use crate::trace::dense::PageKey;
use crate::units::{EntryId, FrameId, PageId};

/// What family a policy belongs to; the order of listings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// In every operating-systems textbook, fixed number of frames.
    Textbook,
    /// The number of resident pages varies with the program's locality.
    VariableSpace,
    /// From papers on caches and buffer pools; most want to see every hit, which no kernel does.
    Research,
    /// What operating systems do.
    Kernel,
    /// Knows the future.
    Offline,
}

impl Family {
    /// The name in listings.
    pub const fn name(self) -> &'static str {
        match self {
            Family::Textbook => "textbook",
            Family::VariableSpace => "variable space",
            Family::Research => "research",
            Family::Kernel => "kernel",
            Family::Offline => "offline",
        }
    }

    /// Every family, with the name that stands for all of its policies behind an `@`.
    pub const GROUPS: [(&'static str, Family); 5] = [
        ("textbook", Family::Textbook),
        ("variable", Family::VariableSpace),
        ("research", Family::Research),
        ("kernel", Family::Kernel),
        ("offline", Family::Offline),
    ];
}

/// How the amount of memory is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// By a number of frames; a page leaves only as a victim.
    Fixed,
    /// By a window tau; a page leaves when its window closes.
    Variable,
}

/// What a policy must see of the repeated references of a page within a stretch in which nothing
/// else happens: which references a replay could leave out. Tests hold each policy to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeats {
    /// The first: further ones change nothing.
    Once,
    /// The first and one more.
    Twice,
    /// The time of the last.
    LastTime,
    /// Every one, or so many as its parameters say.
    All,
}

/// What becomes of hits when a replay takes a burst as a whole: a stretch of references to few pages
/// in which the machine serves every fault in its turn, but tells of the hits only what counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bursts {
    /// Every hit is told: the policy is replayed reference by reference.
    Never,
    /// Hits set the bits of [`Frames`], which are right whenever the policy looks, and nothing else.
    /// Of hits it is told those that find the reference bit clear, and some others: hints where
    /// to look. A policy that counts hits is told of them until it says that more [change
    /// nothing](Policy::is_settled).
    SetBits,
    /// The same, where there is one process: the position of a reference is then its time.
    SetBitsAlone,
    /// The last hit of each page in the burst is told, in their order; before faults the first one,
    /// too. That is enough where a victim is never among the pages that the burst has referenced
    /// so far: the least recent page is not, if there are as many frames as pages in the burst.
    Order,
    /// Where a burst has no fault the last hit of each page is told, in their order; else every hit.
    /// That is enough where hits do no more than put pages in order, and victims may be any.
    OrderOfHits,
    /// As [`Order`](Bursts::Order) for windows of time (see [`Policy::idle`]), if no window is shorter than the burst.
    Windows,
}

impl Bursts {
    /// Whether it is by bits that hits are told.
    pub const fn by_bits(self) -> bool {
        matches!(self, Bursts::SetBits | Bursts::SetBitsAlone)
    }
}

/// What a policy sees of the references to resident pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sees {
    /// Nothing: loads are enough.
    Loads,
    /// The reference and dirty bits, when it looks at them: what hardware gives a kernel.
    Bits,
    /// Every hit, at once: a bound to what a kernel could do, which is told of faults only.
    Hits,
    /// All references, future ones too.
    Future,
}

impl Sees {
    /// In words, for listings.
    pub const fn about(self) -> &'static str {
        match self {
            Sees::Loads => "loads only: the accessed bit is not needed",
            Sees::Bits => {
                "the accessed bit, as a kernel does; honours --accessed-bit; clear for a page that comes in ahead of use"
            }
            Sees::Hits => {
                "every hit, at once, which no kernel sees; --accessed-bit makes no difference; a page that comes in ahead of use counts as referenced, unless the choices say otherwise"
            }
            Sees::Future => "the future, which no real system does",
        }
    }
}

/// What the table knows of a policy.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// The name on the command line and in results: lower case.
    pub name: &'static str,
    /// Other names for the command line.
    pub aliases: &'static [&'static str],
    /// The family.
    pub family: Family,
    /// What it does, one line.
    pub about: &'static str,
    /// The paper or book that defines it.
    pub cite: &'static str,
    /// Choices that the source leaves open and how they are made here; empty if there are none.
    pub choices: &'static str,
    /// How memory is given.
    pub space: Space,
    /// What it sees of hits.
    pub sees: Sees,
    /// Whether it draws random numbers, so that its results depend on a seed.
    pub draws: bool,
    /// Time per hit and per fault; c is the number of frames.
    pub complexity: &'static str,
    /// Bytes that it keeps for each frame and each page.
    pub state: &'static str,
    /// What it must see of repeated hits.
    pub repeats: Repeats,
    /// Whether and how it is replayed by bursts.
    pub bursts: Bursts,
    /// Its parameters.
    pub params: &'static [Param],
}

impl Spec {
    /// Whether it needs to know the future, so that the whole trace must be in memory.
    pub const fn needs_future(&self) -> bool {
        matches!(self.sees, Sees::Future)
    }

    /// Its parameter of a name, if it has one.
    pub fn param(&self, name: &str) -> Option<&'static Param> {
        self.params.iter().find(|param| param.name == name)
    }
}

/// Something that a policy does and counts, such as `pgscan`, and how often it did.
pub type Event = (&'static str, u64);

/// A reference as a policy sees it.
#[derive(Debug, Clone, Copy)]
pub struct Touch {
    /// The page of a process through which memory is reached: an index of [`Setup::entries`].
    pub entry: EntryId,
    /// The frame that it shows. What is in it, [`Frames`] tells: where nothing is shared that has
    /// the number of the entry.
    pub frame: FrameId,
    /// The position of the reference, from 0: in the trace, or with frames by process among the
    /// references of the process that holds the page. Where there is none it is that of the next
    /// one. It never goes back, but several touches can have the same.
    pub time: u64,
}

/// A page that must come in while no frame is free for it.
#[derive(Debug, Clone, Copy)]
pub struct Want {
    /// The process that wants it.
    pub process: u32,
    /// The page: below [`Setup::pages`].
    pub page: PageId,
    /// The position of the reference that wants it, or of the next one, as of a [`Touch`].
    pub time: u64,
    /// No reference wants it: it comes in ahead of use.
    pub ahead: bool,
}

/// What is known when a policy is set up. It allocates all it will need then.
#[derive(Clone, Copy)]
pub struct Setup<'t> {
    /// The index of the policy in the table.
    pub policy: usize,
    /// The frames of memory: the numbers of all frames are below this.
    pub frames: u32,
    /// The most frames that the policy holds at a time, of which its sizes are parts: all frames,
    /// or the quota of the process that it replaces for.
    pub capacity: u32,
    /// The pages of all processes: what [`Touch::entry`] means.
    pub entries: &'t [PageKey],
    /// The number of distinct pages that can be in frames: what [`Frames::page`] is below.
    pub pages: usize,
    /// Whether several entries can show one page.
    pub shares: bool,
    /// The number of processes that share the policy's frames. With one its time is the position of
    /// a [`Touch`].
    pub processes: usize,
    /// Frames of each process, if each has its own.
    pub quotas: Option<&'t [u32]>,
    /// The trace is at hand as bursts, by which hits are then told.
    pub bursts: bool,
    /// The window in references of the process; of variable-space policies only.
    pub tau: u64,
    /// The policy's parameters.
    pub params: &'t Params,
    /// The seed of randomised policies.
    pub seed: u64,
    /// The references, and for each the position of the next one of the same page
    /// ([`NEVER`](crate::trace::dense::NEVER) if there is none). Empty unless
    /// [`Spec::needs_future`].
    pub future: Future<'t>,
}

/// A replacement policy.
///
/// # Protocol
///
/// The machine calls, for each reference, in this order:
///
/// 1. if the page is resident: its reference bit is set (and its dirty bit, if it is written),
///    then [`hit`](Policy::hit);
/// 2. if not, and every frame is taken or the process [has its share](Policy::is_full):
///    [`victim`](Policy::victim), which names a taken frame and forgets it; the machine then frees
///    that frame and counts;
/// 3. if not: the page is put into a free frame with its reference bit set, then
///    [`loaded`](Policy::loaded);
/// 4. if it is [time](Policy::next_tick) for it: [`tick`](Policy::tick);
/// 5. of variable-space policies: [`expire`](Policy::expire) until it returns `None`; each frame
///    returned is forgotten by the policy and freed by the machine.
///
/// Between references pages may be brought in ahead of use ([`prefetched`](Policy::prefetched)),
/// leave memory because nobody maps them any more ([`freed`](Policy::freed)), and pages of a
/// process may cease to show what they showed ([`unbound`](Policy::unbound)).
///
/// A frame is known to the policy from `loaded` or `prefetched` until it is returned by `victim`
/// or `expire` or given to `freed`. Naming any other frame is a bug and stops the cell. Nothing is
/// allocated after `new`.
pub trait Policy<'t>: Sized + Send {
    /// The entry of the table.
    const SPEC: Spec;

    /// Sets up for an empty memory.
    fn new(setup: &Setup<'t>) -> Self;

    /// A resident page is referenced. Compiled away where it does nothing.
    #[inline(always)]
    fn hit(&mut self, _at: Touch) {}

    /// With [`Bursts::SetBits`]: whether more hits of the page in this frame change nothing, until
    /// [`Frames::watch`] is called for it or its reference bit is cleared.
    #[inline(always)]
    fn is_settled(&self, _frame: FrameId) -> bool {
        true
    }

    /// With [`Bursts::Order`] and [`Bursts::OrderOfHits`]: the pages of these frames are hit one
    /// after the other.
    #[inline(always)]
    fn hits(&mut self, _frames: impl ExactSizeIterator<Item = FrameId>) {}

    /// Whether a process must give up a frame for the next one though others may be free.
    #[inline(always)]
    fn is_full(&self, _process: u32) -> bool {
        false
    }

    /// A page must come in and there is no frame for it: the frame to give up.
    fn victim(&mut self, frames: &mut Frames, want: Want) -> FrameId;

    /// A page was put into a frame because it is referenced.
    fn loaded(&mut self, frames: &mut Frames, at: Touch);

    /// A page was put into a frame, its reference bit clear, because it may be referenced soon: at
    /// the position `next_use` or [`NEVER`](crate::trace::dense::NEVER), which only policies learn
    /// that need the future. Policies that look at bits find the bit clear; those that see hits take
    /// the arrival for a first reference, at the position of the next reference: they order what
    /// has one position by the order of the calls.
    fn prefetched(&mut self, frames: &mut Frames, at: Touch, _next_use: u32) {
        self.loaded(frames, at);
        frames.clear_referenced(at.frame);
    }

    /// The page of this frame has no owner left; the frame is free afterwards.
    fn freed(&mut self, frames: &mut Frames, frame: FrameId);

    /// An entry shows its page no longer.
    #[inline(always)]
    fn unbound(&mut self, _entry: EntryId) {}

    /// Whether [`tick`](Policy::tick) is ever called.
    const TICKS: bool = false;

    /// With [`TICKS`](Policy::TICKS): the position of the reference after which `tick` is called.
    #[inline(always)]
    fn next_tick(&self) -> u64 {
        u64::MAX
    }

    /// With [`TICKS`](Policy::TICKS): what is to be done from time to time, after the reference at
    /// `time`. There is one tick after a reference at most.
    fn tick(&mut self, _frames: &mut Frames, _time: u64) {}

    /// After the reference `at`: a frame whose page leaves because its window closed.
    #[inline(always)]
    fn expire(&mut self, _frames: &mut Frames, _at: Touch) -> Option<FrameId> {
        None
    }

    /// With [`Bursts::Windows`]: so many references of the process of this entry, less one, can pass
    /// before a window may close; 0 if something waits to leave.
    fn idle(&self, _entry: EntryId) -> u64 {
        0
    }

    /// With [`Bursts::Windows`]: the process of this entry has hit so many pages, which ones is told
    /// by [`referenced`](Policy::referenced).
    fn pass(&mut self, _entry: EntryId, _refs: u64) {}

    /// With [`Bursts::Windows`]: the window of its process has this entry.
    fn in_window(&self, _entry: EntryId) -> bool {
        false
    }

    /// With [`Bursts::Windows`]: a page was referenced so many references of its process ago. In
    /// the order of these references.
    fn referenced(&mut self, _entry: EntryId, _frame: FrameId, _ago: u64) {}

    /// What the policy has counted so far of its own doings, by name: the same names in the same order
    /// each time.
    fn events(&self) -> Vec<Event> {
        Vec::new()
    }

    /// Why a page left by the policy's choice, in words that follow a colon: for people who learn
    /// (`pagebench explain`), asked once the reference is over. Without words of its own a page is
    /// `chosen by the policy`.
    fn why(&self, _left: &Left) -> Option<String> {
        None
    }

    /// What the policy keeps in order before the reference at `next`, if it can be shown: for the
    /// same people. Of a replay without bursts.
    fn state(&self, _frames: &Frames, _next: u64) -> Option<State> {
        None
    }
}

/// Work to be done with the type of a policy: how a table of policies and a statically
/// dispatched replay loop come together.
pub trait Visitor<'t> {
    /// What the work gives.
    type Output;
    /// Does the work for the policy `P`.
    fn visit<P: Policy<'t> + 't>(self) -> Self::Output;
}

macro_rules! policies {
    ($($policy:ty,)*) => {
        /// Every policy, in the order of listings and of `-p all`.
        pub const TABLE: &[Spec] = &[$(<$policy as Policy<'static>>::SPEC,)*];

        /// Calls `visitor` with the type of the policy at `index` of [`TABLE`]. Called once per
        /// replay; the loop inside is compiled for that policy.
        ///
        /// # Panics
        /// If `index` is outside the table.
        pub fn dispatch<'t, V: Visitor<'t>>(index: usize, visitor: V) -> V::Output {
            let mut entry = 0;
            $(
                if index == entry {
                    return visitor.visit::<$policy>();
                }
                entry += 1;
            )*
            panic!("policy {index} of {entry}");
        }
    };
}

policies! {
    lru::Lru,
    fifo::Fifo,
    clock::Clock,
    gclock::GClock,
    esc::EnhancedSecondChance,
    nru::Nru,
    aging::Aging,
    lfu::Lfu,
    mru::Mru,
    random::Random,
    ws::WorkingSet<'_>,
    sws::SampledWorkingSet<'_>,
    dws::Damped<'_>,
    pff::PageFaultFrequency<'_>,
    vmin::Vmin<'_>,
    wsclock::WsClock<'_>,
    lru_k::LruK,
    two_q::TwoQ,
    two_q_simple::TwoQSimple,
    slru::Slru,
    mq::Mq,
    lrfu::Lrfu,
    w_tinylfu::WTinyLfu,
    arc::Arc,
    car::Car,
    lirs::Lirs,
    clock_pro::ClockPro,
    s3_fifo::S3Fifo,
    sieve::Sieve,
    linux::Linux,
    mglru::Mglru,
    freebsd::FreeBsd,
    opt::Opt<'_>,
    opt_wb::OptWb<'_>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sound() {
        let mut names: Vec<&str> = Vec::new();
        for spec in TABLE {
            names.push(spec.name);
            names.extend(spec.aliases);
            assert!(spec.about.len() <= 79, "{}", spec.name);
            assert!(!spec.cite.is_empty(), "{}", spec.name);
            for param in spec.params {
                assert!(param.min <= param.max, "{}:{}", spec.name, param.name);
            }
        }
        for (i, name) in names.iter().enumerate() {
            assert_eq!(*name, name.to_lowercase());
            assert!(!names[..i].contains(name), "{name} twice");
        }
    }

    #[test]
    fn every_entry_dispatches_to_its_own_type() {
        struct Name;
        impl<'t> Visitor<'t> for Name {
            type Output = &'static str;
            fn visit<P: Policy<'t> + 't>(self) -> &'static str {
                P::SPEC.name
            }
        }
        for (index, spec) in TABLE.iter().enumerate() {
            assert_eq!(dispatch(index, Name), spec.name);
        }
    }
}
