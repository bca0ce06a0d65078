//! The protocol between the machine and a policy: what the machine passes, and the three traits
//! that a policy implements. Knows no policy and no machine.

use super::frames::Frames;
use super::future::Future;
use super::param_values::Params;
use super::reasons::{Evicted, FrameOrder};
use super::spec::{PolicyId, Spec};
use crate::trace::model::refs::PageKey;
use crate::units::{EntryId, FrameId, PageId};

/// Something that a policy does and counts, such as `pgscan`, and how often it did.
pub type EventCount = (&'static str, u64);

/// A reference as a policy sees it.
#[derive(Debug, Clone, Copy)]
pub struct PageAccess {
    /// The page-table entry of the reference: an index of [`Setup::entries`].
    pub entry: EntryId,
    /// The frame that `entry` maps to. [`Frames::page`] is the page in it; without sharing, page
    /// and entry have the same number.
    pub frame: FrameId,
    /// The position of the reference, from 0: in the trace, or with frames by process among the
    /// references of the process that holds the page. Between references it is the position of the
    /// next one. It never decreases; several accesses can have the same time.
    pub time: u64,
}

/// A request for a victim. It may come while the policy holds fewer pages than
/// [`Setup::capacity`], and several times before the next load.
#[derive(Debug, Clone, Copy)]
pub struct VictimRequest {
    /// The process for which the frame is needed.
    pub process: u32,
    /// The page that gets the victim's frame: below [`Setup::pages`]. `None` if the frame is needed
    /// for no page, or for one that is not known yet.
    pub page: Option<PageId>,
    /// The position of the reference that needs the frame, or of the next one, as in a [`PageAccess`].
    pub time: u64,
    /// Whether no reference needs the frame: the page comes in ahead of use.
    pub ahead: bool,
    /// A frame that must stay: `page` becomes a copy of what is in it. Every policy of the table
    /// chooses among its other pages, as if this one could not be found; where a hand or a scan
    /// meets it, they pass it. There is another page that the policy can name. A policy that names
    /// this frame anyway evicts it.
    pub spare: Option<FrameId>,
}

impl VictimRequest {
    /// Returns whether `frame` must [stay](VictimRequest::spare).
    #[inline(always)]
    pub fn spares(&self, frame: FrameId) -> bool {
        self.spare == Some(frame)
    }
}

/// What a policy is set up with.
#[derive(Clone, Copy)]
pub struct Setup<'t> {
    /// The policy.
    pub(crate) policy: PolicyId,
    /// The number of frames of memory: every frame number is below it.
    pub frames: u32,
    /// The most frames that the policy holds at a time, of which its sizes are parts: all frames,
    /// or the quota of the process that it replaces for.
    pub capacity: u32,
    /// The page-table entries of all processes, indexed by [`PageAccess::entry`].
    pub entries: &'t [PageKey],
    /// The number of distinct pages that can be in frames: every [`Frames::page`] is below it.
    pub pages: usize,
    /// Whether several entries can map one page.
    pub shares: bool,
    /// The number of processes that share the policy's frames. With one, [`PageAccess::time`] is the
    /// clock of that process.
    pub processes: usize,
    /// The frames of each process, if each has its own.
    pub quotas: Option<&'t [u32]>,
    /// Whether the replay was offered bursts. Hits may still arrive one by one.
    pub bursts: bool,
    /// The window in references of the process; for variable-space policies only.
    pub tau: u64,
    /// The policy's parameters.
    pub params: &'t Params,
    /// The seed of a randomized policy.
    pub seed: u64,
    /// The references, and for each the position of the next one of the same page
    /// (`u32::MAX` if there is none). Empty unless
    /// [`Spec::needs_future`].
    pub future: Future<'t>,
}

impl Setup<'_> {
    /// Returns the parameter `name`; `None` if it is off.
    ///
    /// # Panics
    /// If the policy has no such parameter.
    pub fn optional(&self, name: &str) -> Option<u64> {
        self.params.get(self.policy.spec(), name)
    }

    /// Returns the parameter `name`, which is never off.
    ///
    /// # Panics
    /// If the policy has no such parameter, or it is off.
    pub fn number(&self, name: &str) -> u64 {
        self.params.of(self.policy.spec(), name)
    }

    /// Returns whether the [switch](super::Param::flag) `name` is on.
    ///
    /// # Panics
    /// As for [`Setup::number`].
    pub fn flag(&self, name: &str) -> bool {
        self.number(name) == 1
    }

    /// Returns `frames` times the fraction `name`, rounded down.
    ///
    /// # Panics
    /// As for [`Setup::number`].
    pub fn fraction_of(&self, name: &str, frames: u32) -> u32 {
        self.params.share(self.policy.spec(), name, frames)
    }
}

/// The algorithm of a replacement policy: what a new policy must write.
///
/// # Protocol
///
/// For each reference the machine does the following, in this order:
///
/// 1. If the page is resident: sets its reference bit (and its dirty bit, if it is written), then
///    calls [`hit`](Policy::hit).
/// 2. If it is not, and every frame is taken or the process [is full](Policy::is_full): calls
///    [`victim`](Policy::victim), which names a taken frame and forgets it. The machine frees that
///    frame and counts.
/// 3. If it is not: puts the page into a free frame with its reference bit set, then calls
///    [`loaded`](Policy::loaded).
/// 4. If [`Spec::ticks`] and [`next_tick`](Policy::next_tick) is reached: calls
///    [`tick`](Policy::tick).
/// 5. For variable-space policies: calls [`expire`](Policy::expire) until it returns `None`. The
///    policy forgets each frame that it returns, and the machine frees it.
///
/// Between references pages may be brought in ahead of use ([`prefetched`](Policy::prefetched)), be read
/// or written as pages of files ([`file_hit`](Policy::file_hit), [`file_loaded`](Policy::file_loaded)),
/// become dirty without a reference ([`dirtied`](Policy::dirtied)), lose their last owner ([`freed`](Policy::freed)), and page-table entries may be unmapped
/// ([`unmapped`](Policy::unmapped)) or move ([`moved`](Policy::moved)).
///
/// A policy knows a frame from `loaded`, `prefetched` or `file_loaded` until `victim` or `expire` returns it or
/// `freed` gets it. Naming any other frame is a bug and stops the cell. Allocate in
/// [`new`](PolicyType::new) whatever a hit or a fault needs.
pub trait Policy: Explain + Send {
    /// Records a reference to a resident page. Compiled away where it does nothing.
    #[inline(always)]
    fn hit(&mut self, _at: PageAccess) {}

    /// Returns true if further hits in `frame` would not change the policy. The machine then stops
    /// reporting them until [`Frames::unsettle`] is called for `frame` or its reference bit is
    /// cleared. Used with [`HitDelivery::SetBits`](super::HitDelivery::SetBits) only.
    #[inline(always)]
    fn is_settled(&self, _frame: FrameId) -> bool {
        true
    }

    /// Returns whether `process` has used up its quota: its next page then replaces one of its own,
    /// even if frames are free.
    #[inline(always)]
    fn is_full(&self, _process: u32) -> bool {
        false
    }

    /// Chooses a frame to give up, forgets it and returns it. Called only while the policy holds a
    /// page.
    fn victim(&mut self, frames: &mut Frames, request: VictimRequest) -> FrameId;

    /// Records that a page was put into `at.frame` because it is referenced.
    fn loaded(&mut self, frames: &mut Frames, at: PageAccess);

    /// Records that a page was put into `at.frame` ahead of use, its reference bit clear.
    ///
    /// `next_use` is the position of the page's next reference. It is
    /// `u32::MAX` if there is none, and for every policy that does not
    /// need the future.
    ///
    /// The default treats the arrival as a load at the position of the next reference, then clears
    /// the reference bit. A policy that looks at bits so finds the bit clear; one that sees hits
    /// takes the arrival for a first reference, and orders what has one position by the order of
    /// the calls.
    fn prefetched(&mut self, frames: &mut Frames, at: PageAccess, _next_use: u32) {
        self.loaded(frames, at);
        frames.clear_referenced(at.frame);
    }

    /// Records that a process read or wrote the resident page in `at.frame` by a system call, without
    /// mapping it: no reference, though the reference bit is set. `next_use` is that of
    /// [`prefetched`](Policy::prefetched). Called only where all processes share the frames of a
    /// fixed-space policy.
    ///
    /// The default treats it as a [hit](Policy::hit). A policy that counts references of a process does
    /// not count this one.
    fn file_hit(&mut self, _frames: &mut Frames, at: PageAccess, _next_use: u32) {
        self.hit(at);
    }

    /// Records that a page was put into `at.frame` because a process reads or writes it by a system
    /// call, or because a write copies it, its reference bit set. `next_use` is that of [`prefetched`](Policy::prefetched). Called
    /// where [`file_hit`](Policy::file_hit) is.
    ///
    /// The default treats it as a [load](Policy::loaded).
    fn file_loaded(&mut self, frames: &mut Frames, at: PageAccess, _next_use: u32) {
        self.loaded(frames, at);
    }

    /// Records that a populated range made the page in `at.frame` dirty, without a reference. `next_use` is
    /// that of [`prefetched`](Policy::prefetched).
    #[inline(always)]
    fn dirtied(&mut self, _frames: &Frames, _at: PageAccess, _next_use: u32) {}

    /// Forgets `frame`, whose page has no owner left. The frame is free afterwards.
    fn freed(&mut self, frames: &mut Frames, frame: FrameId);

    /// Records that the page-table entry `entry` was unmapped. Its page may live on through other
    /// entries.
    #[inline(always)]
    fn unmapped(&mut self, _entry: EntryId) {}

    /// Records that `to` shows the page of `from` from now on, an entry of the same process: its
    /// mapping moved. `from` is unmapped, `to` was, and the page stays what and where it is. Only a
    /// policy that keeps something by entry has anything to do.
    #[inline(always)]
    fn moved(&mut self, _from: EntryId, _to: EntryId) {}

    /// Returns the position of the reference after which [`tick`](Policy::tick) is called. Used
    /// with [`Spec::ticks`] only.
    #[inline(always)]
    fn next_tick(&self) -> u64 {
        u64::MAX
    }

    /// Does the periodic work, after the reference at `time`. Called with [`Spec::ticks`] only, and
    /// at most once after a reference.
    fn tick(&mut self, _frames: &mut Frames, _time: u64) {}

    /// Returns a frame whose page leaves now because its window closed, after forgetting it; `None`
    /// if no more leave. `entry` is that of the last reference. Called after every reference until
    /// it returns `None`, for variable-space policies only.
    #[inline(always)]
    fn expire(&mut self, _frames: &mut Frames, _entry: EntryId) -> Option<FrameId> {
        None
    }

    /// Returns what the policy has counted so far of its own doings: the same names in the same
    /// order each time.
    fn event_counts(&self) -> Vec<EventCount> {
        Vec::new()
    }
}

/// The words of a policy, for `pagebench explain`. Called between references, never in a loop.
pub trait Explain {
    /// Returns why `evicted` left by the policy's choice, in words that follow a colon.
    fn why(&self, _evicted: &Evicted) -> String {
        "chosen by the policy".into()
    }

    /// Returns what the policy keeps in order before the reference at `next`; `None` if it cannot
    /// be shown. Called in replays without bursts only.
    fn order(&self, _frames: &Frames, _next: u64) -> Option<FrameOrder> {
        None
    }
}

/// A policy as the table has it, and what makes its replay by bursts fast. Most policies write
/// [`SPEC`](PolicyType::SPEC) and [`new`](PolicyType::new) only.
pub trait PolicyType<'t>: Policy + Sized {
    /// The entry of the table.
    const SPEC: Spec;

    /// Sets up for an empty memory.
    fn new(setup: &Setup<'t>) -> Self;

    /// Records hits of several pages, one after the other. Used with
    /// [`HitDelivery::Order`](super::HitDelivery::Order) and
    /// [`HitDelivery::OrderOfHits`](super::HitDelivery::OrderOfHits).
    #[inline(always)]
    fn hits(&mut self, hits: impl ExactSizeIterator<Item = PageAccess>) {
        hits.for_each(|at| self.hit(at));
    }

    /// Returns the windows of a policy with [`HitDelivery::Windows`](super::HitDelivery::Windows);
    /// `None` for every other policy.
    #[inline(always)]
    fn windows(&mut self) -> Option<&mut impl Windows> {
        None::<&mut NoWindows>
    }
}

/// The windows of a [working set](PolicyType::windows), for replays by bursts: hits reach it
/// without [`Policy::hit`].
pub trait Windows {
    /// Returns how many references the process of `entry` can make before a window may close, plus
    /// one. Returns 0 if a page is already due to leave.
    fn refs_until_close(&self, entry: EntryId) -> u64;

    /// Records that the process of `entry` has made `refs` hits.
    /// [`set_last_use`](Windows::set_last_use) then reports each page.
    fn advance(&mut self, entry: EntryId, refs: u64);

    /// Returns whether `entry` is in the window of its process.
    fn is_in_window(&self, entry: EntryId) -> bool;

    /// Records that the page in `frame` was last referenced through `entry`, `ago` references of
    /// its process ago. Called in the order of these references.
    fn set_last_use(&mut self, entry: EntryId, frame: FrameId, ago: u64);
}

/// The windows of a policy without windows. There is no value of it.
enum NoWindows {}

impl Windows for NoWindows {
    fn refs_until_close(&self, _entry: EntryId) -> u64 {
        match *self {}
    }

    fn advance(&mut self, _entry: EntryId, _refs: u64) {
        match *self {}
    }

    fn is_in_window(&self, _entry: EntryId) -> bool {
        match *self {}
    }

    fn set_last_use(&mut self, _entry: EntryId, _frame: FrameId, _ago: u64) {
        match *self {}
    }
}
