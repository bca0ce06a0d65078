//! Where systems differ in what they do with frames: how a page that was shared copy-on-write is
//! mapped again, which page a copy may displace, which free frame is taken. Knows nothing of how
//! the machine does it.

/// Choices in which systems differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Choices {
    /// How a page is mapped that its only owner reads from swap.
    pub swap_in: SwapIn,
    /// Whether the source of a copy-on-write copy may be the victim of that copy.
    pub cow_source: CowSource,
    /// Which free frame is taken.
    pub free_frames: FreeFrames,
}

/// How a page is mapped that its only owner reads from swap after it was shared copy-on-write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SwapIn {
    /// Writable, as in Linux since 6.11: the next write is a hit.
    #[default]
    Writable,
    /// Read-only: the next write is a fault that finds the page unshared.
    ReadOnly,
}

impl SwapIn {
    /// Both ways, with their names on the command line and in results.
    pub const ALL: [(SwapIn, &'static str); 2] = [
        (SwapIn::Writable, "writable"),
        (SwapIn::ReadOnly, "read-only"),
    ];

    /// The name.
    pub fn name(self) -> &'static str {
        SwapIn::ALL[self as usize].1
    }
}

/// Whether the source of a copy-on-write copy may be the victim of that copy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CowSource {
    /// It stays, unless there is no other page to evict.
    #[default]
    Pinned,
    /// It is a page as any other.
    Evictable,
}

impl CowSource {
    /// Both ways, with their names on the command line and in results.
    pub const ALL: [(CowSource, &'static str); 2] =
        [(CowSource::Pinned, "on"), (CowSource::Evictable, "off")];

    /// The name.
    pub fn name(self) -> &'static str {
        CowSource::ALL[self as usize].1
    }
}

/// Which of several free frames is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FreeFrames {
    /// The one that was freed last; one that was never used only if there is no other.
    #[default]
    Lifo,
    /// Those that were never used, then the one that was freed first.
    Fifo,
}

impl FreeFrames {
    /// Both rules, with their names on the command line and in results.
    pub const ALL: [(FreeFrames, &'static str); 2] =
        [(FreeFrames::Lifo, "lifo"), (FreeFrames::Fifo, "fifo")];

    /// The name.
    pub fn name(self) -> &'static str {
        FreeFrames::ALL[self as usize].1
    }
}
