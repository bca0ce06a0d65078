//! What the project's own tests and benchmarks use besides the public interface. No stable interface:
//! anything here may change or go.

#![allow(missing_docs, reason = "the items are documented where they are")]

pub mod check {
    pub use crate::check::baseline::Baseline;
    pub use crate::check::digests::Digests;
}
pub mod cli {
    /// Runs the program on the arguments `given`, the program's name first, within this process.
    /// Returns the exit code.
    pub fn run_given(given: Vec<std::ffi::OsString>) -> u8 {
        crate::cli::run_given(given)
    }
}
pub mod curve {
    pub use crate::curve::{
        Amounts, CurveInputs, CurveKind, Filling, LANES, Point, Wanted, clock, fifo, intervals,
        lane_sizes, lru, opt, spread,
    };
    pub mod by_bursts {
        pub use crate::curve::by_bursts::{clock, fifo, intervals, lru};
    }
    pub mod sample {
        pub use crate::curve::sample::{sample, sample_sizes};
    }
}
pub mod exit {
    pub use crate::exit::ALL;
}
pub mod guide {
    pub use crate::guide::CHAPTERS;
}
pub mod policy {
    pub use crate::policy::choice::PolicyChoice;
    pub use crate::policy::table::TABLE;
    pub use crate::policy::{HitDelivery, HitSensitivity, MemoryBy, Spec};
}
pub mod report {
    pub mod chart {
        pub use crate::report::chart::KINDS;
    }
    pub mod results {
        pub mod cells_jsonl {
            pub use crate::report::results::cells_jsonl::{
                Kept, Record, distributions, read, rows,
            };
        }
        pub mod column_set {
            pub use crate::report::results::column_set::Counts;
        }
        pub mod columns {
            pub use crate::report::results::columns::Row;
        }
        pub mod plan_file {
            pub use crate::report::results::plan_file::PlanFile;
        }
        pub mod results_csv {
            pub use crate::report::results::results_csv::{parse_rows, to_csv};
        }
        pub mod row_of_cell {
            pub use crate::report::results::row_of_cell::rows;
        }
    }
    pub mod tables {
        pub mod curve_csv {
            pub use crate::report::tables::curve_csv::parse_rows;
        }
        pub mod states_csv {
            pub use crate::report::tables::states_csv::parse_rows;
        }
        pub mod windows_csv {
            pub use crate::report::tables::windows_csv::parse_rows;
        }
        pub mod list {
            pub use crate::report::tables::list::TABLES;
        }
    }
}
pub mod space {
    pub use crate::space::{
        AddressLayout, BeyondEof, FileIo, ForkFilePtes, Illegal, IllegalKind, Mappings, OnSegfault,
        Options, Origin, PageCache, Resolved, Space, SpaceAt, cuts, resolve, resolve_at,
    };
}
pub mod sweep {
    pub use crate::sweep::{
        Axes, Cell, CellResult, Engine, Plan, Settings, Warmup, choose_bursts, run,
    };
}
pub mod trace {
    pub use crate::trace::{LoadOptions, load};
    pub mod bursts {
        pub use crate::trace::bursts::{Bursts, K_MAX, SIZES};
    }
    pub mod codec {
        pub use crate::trace::codec::CODECS;
    }
    pub mod format {
        pub use crate::trace::format::{Format, ReadOptions, TABLE as FORMATS, by_name};
    }
    pub mod generate {
        pub use crate::trace::generate::{Generator, Rng, Step, TABLE};
    }
    pub mod model {
        pub mod access {
            pub use crate::trace::model::access::{Access, Addressing, Kind, TraceKind};
        }
        pub mod assembler {
            pub use crate::trace::model::assembler::Assembler;
        }
        pub mod convert {
            pub use crate::trace::model::convert::convert;
        }
        pub mod dense {
            pub use crate::trace::model::dense::Trace;
        }
        pub mod densify {
            pub use crate::trace::model::densify::Densifier;
        }
        pub mod event {
            pub use crate::trace::model::event::{
                Advice, Backing, Event, EventAt, FileRange, Mapping, Move, Protection,
            };
        }
        pub mod export {
            pub use crate::trace::model::export::{Exported, export};
        }
        pub mod refs {
            pub use crate::trace::model::refs::{
                CONTINUES, Dictionary, KIND_MASK, KindCode, Meta, PageKey, References, pack,
                page_of,
            };
        }
        pub mod selection {
            pub use crate::trace::model::selection::{Flow, Selection};
        }
        pub mod source {
            pub use crate::trace::model::source::{LoadOptions, TraceSource, load};
        }
    }
    pub mod store {
        pub use crate::trace::store::{BLOCK_REFS, Store, Writer};
    }
}
pub mod units {
    pub use crate::units::PageSize;
}
pub mod vm {
    pub use crate::vm::{
        AccessedBitMode, Choices, Counters, CowSource, ExpiryEvent, FaultEvent, FaultKind,
        FreeFrames, Job, Listener, Outcome, PageState, Snapshot, SwapIn, TlbCounters, run,
        run_with,
    };
    pub mod hardware {
        pub mod cost {
            pub use crate::vm::hardware::cost::CostTable;
        }
        pub mod processors {
            pub use crate::vm::hardware::processors::MACHINES;
        }
    }
    pub mod machine {
        pub mod snapshot {
            pub use crate::vm::machine::snapshot::snapshot;
        }
        pub mod stepper {
            pub use crate::vm::machine::stepper::{Cause, Gone, Held, Step, Story, explain};
        }
    }
    pub mod models {
        pub use crate::vm::models::Rules;
        pub use crate::vm::models::choices::{Fit, Model, Relief, Segments, SwapUnit};
        pub use crate::vm::models::counts::{
            Ending, ONE, PlaceOutcome, SegmentCounts, SegmentOutcome, Work,
        };
        pub use crate::vm::models::holes::{Hole, Memory, Placed};
        pub use crate::vm::models::physical::places;
        pub use crate::vm::models::replay::{
            Observer, SegmentJob, SegmentState, View, replay, replay_observed,
        };
        pub use crate::vm::models::segmented::segmented;
        pub use crate::vm::models::steps::{Segmented, Step, StepAt, Stretch};
    }
    pub mod tlb {
        pub use crate::vm::tlb::{Geometry, MissLog, Replacement, Second, Shape};
    }
}
