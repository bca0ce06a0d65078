//! The models of memory and their options, with their names on the command line and in results. Knows
//! nothing of what they do.

/// A model of memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Model {
    /// Pages in frames.
    #[default]
    Paging,
    /// Segments in one range of bytes.
    Segmentation,
    /// Segments, each with a page table of its own.
    SegmentedPaging,
    /// Segments that are the whole address space, over pages.
    Flat,
    /// One segment a process, from its lowest to its highest mapped address.
    BaseLimit,
    /// An address is a place in memory.
    Physical,
}

impl Model {
    /// Every model, with its name on the command line and in results.
    pub const ALL: [(Model, &'static str); 6] = [
        (Model::Paging, "paging"),
        (Model::Segmentation, "segmentation"),
        (Model::SegmentedPaging, "segmented-paging"),
        (Model::Flat, "flat"),
        (Model::BaseLimit, "base-limit"),
        (Model::Physical, "physical"),
    ];

    /// The name.
    pub fn name(self) -> &'static str {
        Model::ALL[self as usize].1
    }

    /// Returns whether segments come and go whole.
    pub fn moves_segments(self) -> bool {
        matches!(self, Model::Segmentation | Model::BaseLimit)
    }

    /// Returns whether it needs the mappings of the trace.
    pub fn needs_mappings(self) -> bool {
        self.moves_segments() || self == Model::SegmentedPaging
    }

    /// Returns whether its memory is frames.
    pub fn has_frames(self) -> bool {
        matches!(self, Model::Paging | Model::SegmentedPaging | Model::Flat)
    }
}

/// What a segment is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segments {
    /// A mapping.
    #[default]
    Vma,
    /// All mappings of a process that hold code, data, the heap, or stacks.
    Classic,
    /// Everything from the lowest to the highest mapped address of a process.
    Whole,
}

impl Segments {
    /// Both ways to divide a process, with their names. [`Segments::Whole`] is that of
    /// [`Model::BaseLimit`] and has no name.
    pub const ALL: [(Segments, &'static str); 2] =
        [(Segments::Vma, "vma"), (Segments::Classic, "classic")];

    /// The name; empty for [`Segments::Whole`].
    pub fn name(self) -> &'static str {
        match self {
            Segments::Whole => "",
            other => Segments::ALL[other as usize].1,
        }
    }
}

/// The hole that a segment is placed in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fit {
    /// The lowest that is large enough.
    #[default]
    First,
    /// The first large enough that ends behind the end of the last placement; without one, the lowest
    /// large enough.
    Next,
    /// The smallest that is large enough; the lowest of several.
    Best,
    /// The largest; the lowest of several.
    Worst,
}

impl Fit {
    /// Every rule, with its name on the command line and in results.
    pub const ALL: [(Fit, &'static str); 4] = [
        (Fit::First, "first"),
        (Fit::Next, "next"),
        (Fit::Best, "best"),
        (Fit::Worst, "worst"),
    ];

    /// The name.
    pub fn name(self) -> &'static str {
        Fit::ALL[self as usize].1
    }
}

/// What leaves memory as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SwapUnit {
    /// All segments of a program. All come back at its next reference.
    Process,
    /// One segment.
    Segment,
}

impl SwapUnit {
    /// Both units, with their names on the command line and in results.
    pub const ALL: [(SwapUnit, &'static str); 2] = [
        (SwapUnit::Process, "process"),
        (SwapUnit::Segment, "segment"),
    ];

    /// The name.
    pub fn name(self) -> &'static str {
        SwapUnit::ALL[self as usize].1
    }

    /// Returns the unit that leaves if nothing is said: the texts on whole programs know no other than
    /// the program.
    pub fn usual(segments: Segments) -> SwapUnit {
        match segments {
            Segments::Vma => SwapUnit::Segment,
            Segments::Classic | Segments::Whole => SwapUnit::Process,
        }
    }
}

/// What is done when no hole is large enough.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Relief {
    /// Units leave until enough bytes are free; then segments move down until the hole behind them is
    /// large enough.
    #[default]
    Compact,
    /// The same, but what must move is written to disk and read back.
    Swap,
    /// Units leave until a hole is large enough; segments move only if nothing else can leave.
    Evict,
}

impl Relief {
    /// Every relief, with its name on the command line and in results.
    pub const ALL: [(Relief, &'static str); 3] = [
        (Relief::Compact, "compact"),
        (Relief::Swap, "swap"),
        (Relief::Evict, "evict"),
    ];

    /// The name.
    pub fn name(self) -> &'static str {
        Relief::ALL[self as usize].1
    }
}
