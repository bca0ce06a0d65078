//! Reference strings of the textbooks with their exact results. Frames start empty and every first
//! load counts as a fault.
//!
//! A string is its book's. A count is *published* where the source says so, and otherwise computed
//! from the policy's definition.

/// Computed from the definitions only.
const COMPUTED: &str = "computed from the definitions";
/// Counts that OSTEP's program prints.
const OSTEP_RUN: &str =
    "FIFO, LRU, OPT: printed by OSTEP's paging-policy.py; Clock: computed from the definition";
/// The counts that go with the string in the textbooks.
const WELL_KNOWN: &str = "FIFO, LRU, OPT: published with the string, and printed by OSTEP's \
     paging-policy.py; Clock: computed from the definition";
/// The figure of the policies at work.
const FIGURE: &str = "Stallings: OPT 3 + 3, LRU 3 + 4, FIFO 3 + 6, Clock 3 + 5, where the 3 fill \
     the frames and the book counts the others; Clock with a clear bit on load: computed";
/// Hits of the book, out of 11.
const OSTEP: &str = "Arpaci-Dusseau, Operating Systems: Three Easy Pieces: 4, 6 and 6 hits of 11";
/// Answers that circulate with an exercise.
const ANSWERS: &str =
    "computed from the definitions; the answers that commonly go with the exercise are the same";

/// Faults of one string at one number of frames; `None` where no count is stated.
pub struct Counts {
    pub frames: usize,
    pub fifo: u64,
    pub lru: u64,
    pub opt: u64,
    /// Clock whose load sets the reference bit.
    pub clock: Option<u64>,
    /// Clock whose load leaves the reference bit clear.
    pub clock_bit0: Option<u64>,
    /// Computed from the definition.
    pub mru: Option<u64>,
    pub source: &'static str,
}

impl Counts {
    /// The stated counts under the names of the policies.
    pub fn by_policy(&self) -> Vec<(&'static str, u64)> {
        let others = [
            ("clock", self.clock),
            ("clock:load-bit=0", self.clock_bit0),
            ("mru", self.mru),
        ];
        let mut counts = vec![("fifo", self.fifo), ("lru", self.lru), ("opt", self.opt)];
        counts.extend(
            others
                .iter()
                .filter_map(|&(name, count)| count.map(|count| (name, count))),
        );
        counts
    }

    /// Adds the two Clocks.
    const fn clocks(self, clock: u64, clock_bit0: u64) -> Counts {
        Counts {
            clock: Some(clock),
            clock_bit0: Some(clock_bit0),
            ..self
        }
    }

    /// Adds MRU.
    const fn mru(self, mru: u64) -> Counts {
        Counts {
            mru: Some(mru),
            ..self
        }
    }

    /// Adds the Clock whose load sets the reference bit.
    const fn clock(self, clock: u64) -> Counts {
        Counts {
            clock: Some(clock),
            ..self
        }
    }
}

/// FIFO, LRU and OPT at `frames` frames.
const fn counts(frames: usize, fifo: u64, lru: u64, opt: u64, source: &'static str) -> Counts {
    Counts {
        frames,
        fifo,
        lru,
        opt,
        clock: None,
        clock_bit0: None,
        mru: None,
        source,
    }
}

/// A reference string and its counts.
pub struct Textbook {
    pub name: &'static str,
    pub string: &'static [u64],
    pub rows: &'static [Counts],
}

/// Belady, Nelson and Shedler, "An anomaly in space-time characteristics of certain programs
/// running in a paging machine", CACM 12(6), 1969.
pub const BELADY: &[u64] = &[1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5];

/// The same string as Tanenbaum, "Modern Operating Systems", writes it.
pub const TANENBAUM: &[u64] = &[0, 1, 2, 3, 0, 1, 4, 0, 1, 2, 3, 4];

/// Silberschatz, Galvin and Gagne, "Operating System Concepts", chapter on virtual memory.
pub const SILBERSCHATZ: &[u64] = &[7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1];

/// Stallings, "Operating Systems: Internals and Design Principles", chapter on virtual memory.
pub const STALLINGS: &[u64] = &[2, 3, 2, 1, 5, 2, 4, 5, 3, 2, 5, 2];

/// The string of Stallings' working-set figure.
pub const STALLINGS_WINDOWS: &[u64] = &[
    24, 15, 18, 23, 24, 17, 18, 24, 18, 17, 17, 15, 24, 17, 24, 18,
];

/// The string of Silberschatz' working-set figure, as far as its second window goes.
pub const SILBERSCHATZ_WINDOWS: &[u64] = &[
    2, 6, 1, 5, 7, 7, 7, 7, 5, 1, 6, 2, 3, 4, 1, 2, 3, 4, 4, 4, 3, 4, 3, 4, 4, 4,
];

/// FIFO and Clock show the anomaly: more faults at 4 frames than at 3.
const BELADY_ROWS: &[Counts] = &[
    counts(1, 12, 12, 12, COMPUTED).clocks(12, 12).mru(12),
    counts(2, 12, 12, 9, COMPUTED).clocks(12, 12).mru(10),
    counts(3, 9, 10, 7, WELL_KNOWN).clocks(9, 10).mru(7),
    counts(4, 10, 8, 6, WELL_KNOWN).clocks(10, 8).mru(6),
    counts(5, 5, 5, 5, COMPUTED).clocks(5, 5).mru(5),
];

/// The whole table.
pub const TEXTBOOKS: &[Textbook] = &[
    Textbook {
        name: "Belady 1969",
        string: BELADY,
        rows: BELADY_ROWS,
    },
    Textbook {
        name: "Tanenbaum, FIFO and LRU",
        string: TANENBAUM,
        rows: BELADY_ROWS,
    },
    Textbook {
        name: "Silberschatz, page replacement",
        string: SILBERSCHATZ,
        rows: &[
            counts(2, 15, 17, 13, COMPUTED).clocks(15, 17).mru(18),
            counts(3, 15, 12, 9, WELL_KNOWN).clocks(14, 11).mru(16),
            counts(4, 10, 8, 8, OSTEP_RUN).clocks(9, 8).mru(12),
            counts(5, 9, 7, 7, COMPUTED).clocks(9, 7).mru(9),
            counts(6, 6, 6, 6, COMPUTED).clocks(6, 6).mru(6),
        ],
    },
    Textbook {
        name: "Stallings, replacement policies",
        string: STALLINGS,
        rows: &[
            counts(2, 10, 10, 7, COMPUTED).clock(10),
            counts(3, 9, 7, 6, FIGURE).clocks(8, 6),
            counts(4, 6, 6, 5, OSTEP_RUN).clock(6),
        ],
    },
    Textbook {
        name: "Silberschatz, exercise with 1 to 7 frames",
        string: &[1, 2, 3, 4, 2, 1, 5, 6, 2, 1, 2, 3, 7, 6, 3, 2, 1, 2, 3, 6],
        rows: &[
            counts(1, 20, 20, 20, ANSWERS),
            counts(2, 18, 18, 15, ANSWERS),
            counts(3, 16, 15, 11, ANSWERS),
            counts(4, 14, 10, 8, ANSWERS),
            counts(5, 10, 8, 7, ANSWERS),
            counts(6, 10, 7, 7, ANSWERS),
            counts(7, 7, 7, 7, ANSWERS),
        ],
    },
    Textbook {
        name: "Silberschatz, exercise with 3 frames, string 1",
        string: &[7, 2, 3, 1, 2, 5, 3, 4, 6, 7, 7, 1, 0, 5, 4, 6, 2, 3, 0, 1],
        rows: &[counts(3, 17, 18, 13, ANSWERS)],
    },
    Textbook {
        name: "Silberschatz, exercise with 3 frames, string 2",
        string: &[2, 6, 9, 2, 4, 2, 1, 7, 3, 0, 5, 2, 1, 2, 9, 5, 7, 3, 8, 5],
        rows: &[counts(3, 18, 17, 13, ANSWERS)],
    },
    Textbook {
        name: "Silberschatz, exercise with 3 frames, string 3",
        string: &[0, 6, 3, 0, 2, 6, 3, 5, 2, 4, 1, 3, 0, 6, 1, 4, 2, 3, 5, 7],
        rows: &[counts(3, 16, 19, 13, ANSWERS)],
    },
    Textbook {
        name: "Silberschatz, exercise with 3 frames, string 4",
        string: &[3, 1, 4, 2, 5, 4, 1, 3, 5, 2, 0, 1, 1, 0, 2, 3, 4, 5, 0, 1],
        rows: &[counts(3, 15, 16, 11, ANSWERS)],
    },
    Textbook {
        name: "Silberschatz, exercise with 3 frames, string 5",
        string: &[4, 2, 1, 7, 9, 8, 3, 5, 2, 6, 8, 1, 0, 7, 2, 4, 1, 3, 5, 8],
        rows: &[counts(3, 20, 20, 16, ANSWERS)],
    },
    Textbook {
        name: "Silberschatz, exercise with 3 frames, string 6",
        string: &[0, 1, 2, 3, 4, 4, 3, 2, 1, 0, 0, 1, 2, 3, 4, 4, 3, 2, 1, 0],
        rows: &[counts(3, 12, 11, 11, ANSWERS)],
    },
    Textbook {
        name: "Tanenbaum, exercise",
        string: &[0, 1, 7, 2, 3, 2, 7, 1, 0, 3],
        rows: &[counts(4, 6, 7, 6, ANSWERS)],
    },
    Textbook {
        name: "OSTEP, beyond physical memory: policies",
        string: &[0, 1, 2, 0, 1, 3, 0, 3, 1, 2, 1],
        rows: &[counts(3, 7, 5, 5, OSTEP)],
    },
    Textbook {
        name: "Stallings, exercise",
        string: &[1, 2, 4, 3, 2, 5, 4, 2, 4, 2, 1, 3, 2, 3, 1, 3, 6, 1, 6, 4],
        rows: &[counts(3, 13, 10, 9, ANSWERS)],
    },
    Textbook {
        name: "loop of 5 pages",
        string: &[
            0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4,
        ],
        rows: &[counts(4, 25, 25, 10, COMPUTED).clock(25).mru(10)],
    },
];

/// A working set with a window of `tau` references: faults, and the sum of its sizes after each
/// reference, computed from the definitions.
pub struct Window {
    pub tau: u64,
    pub faults: u64,
    pub size_sum: u128,
    /// The same of VMIN, whose faults are those of the working set.
    pub vmin_sum: u128,
}

const fn window(tau: u64, faults: u64, size_sum: u128, vmin_sum: u128) -> Window {
    Window {
        tau,
        faults,
        size_sum,
        vmin_sum,
    }
}

/// A reference string and its working sets.
pub struct WorkingSets {
    pub name: &'static str,
    pub string: &'static [u64],
    pub source: &'static str,
    pub rows: &'static [Window],
}

/// Faults and sums of sizes. A reference is a fault if its page is not among the `tau` before it.
pub const WORKING_SETS: &[WorkingSets] = &[
    WorkingSets {
        name: "Belady 1969",
        string: BELADY,
        source: COMPUTED,
        rows: &[
            window(1, 12, 12, 12),
            window(2, 12, 23, 12),
            window(3, 10, 33, 16),
            window(4, 8, 40, 22),
            window(5, 7, 44, 26),
            window(6, 7, 46, 26),
            window(7, 5, 48, 38),
        ],
    },
    WorkingSets {
        name: "Silberschatz, page replacement",
        string: SILBERSCHATZ,
        source: COMPUTED,
        rows: &[
            window(1, 20, 20, 20),
            window(2, 17, 39, 23),
            window(3, 13, 54, 31),
            window(4, 10, 64, 40),
            window(5, 8, 71, 48),
            window(6, 8, 76, 48),
            window(7, 8, 80, 48),
        ],
    },
    WorkingSets {
        name: "Stallings, replacement policies",
        string: STALLINGS,
        source: COMPUTED,
        rows: &[
            window(1, 12, 12, 12),
            window(2, 10, 23, 14),
            window(3, 7, 31, 20),
            window(4, 6, 36, 23),
            window(5, 6, 39, 23),
            window(6, 6, 42, 23),
            window(7, 5, 44, 29),
        ],
    },
];

/// The size of the working set after each reference, and its faults.
pub struct WindowSteps {
    pub tau: u64,
    pub sizes: &'static [usize],
    pub faults: u64,
}

/// Stallings' working-set figure, [`STALLINGS_WINDOWS`]; sizes and faults computed from the
/// definition.
pub const STALLINGS_WINDOW_STEPS: &[WindowSteps] = &[
    WindowSteps {
        tau: 2,
        sizes: &[1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2],
        faults: 13,
    },
    WindowSteps {
        tau: 3,
        sizes: &[1, 2, 3, 3, 3, 3, 3, 3, 2, 3, 2, 2, 3, 3, 2, 3],
        faults: 11,
    },
    WindowSteps {
        tau: 4,
        sizes: &[1, 2, 3, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 3, 3, 3],
        faults: 8,
    },
    WindowSteps {
        tau: 5,
        sizes: &[1, 2, 3, 4, 4, 5, 4, 4, 3, 3, 3, 4, 4, 3, 3, 4],
        faults: 7,
    },
];

/// A working set at one moment.
pub struct WindowContents {
    pub tau: u64,
    /// References so far.
    pub references: usize,
    pub pages: &'static [u64],
}

/// Silberschatz' working-set figure, [`SILBERSCHATZ_WINDOWS`]: the two windows it shows.
pub const SILBERSCHATZ_WINDOW_CONTENTS: &[WindowContents] = &[
    WindowContents {
        tau: 10,
        references: 10,
        pages: &[1, 2, 5, 6, 7],
    },
    WindowContents {
        tau: 10,
        references: 26,
        pages: &[3, 4],
    },
];

/// Tanenbaum, "Modern Operating Systems", figure of the aging algorithm: the pages referenced in each
/// of five intervals.
pub const TANENBAUM_AGING: [&[u64]; 5] =
    [&[0, 2, 4, 5], &[0, 1, 4], &[0, 1, 3, 5], &[0, 4], &[1, 2]];

/// The counters of 8 bits of the pages 0 to 5 after so many of these intervals, as the figure shows
/// them.
pub const TANENBAUM_COUNTERS: [(usize, [u8; 6]); 2] = [
    (
        4,
        [
            0b1111_0000,
            0b0110_0000,
            0b0001_0000,
            0b0100_0000,
            0b1011_0000,
            0b0101_0000,
        ],
    ),
    (
        5,
        [
            0b0111_1000,
            0b1011_0000,
            0b1000_1000,
            0b0010_0000,
            0b0101_1000,
            0b0010_1000,
        ],
    ),
];
