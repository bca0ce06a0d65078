//! Arguments about models of memory beside paging, which `run`, `plan` and `check` share with `explain`
//! and `vm`: which models, and how memory by segments is used.

use super::memory::MemoryArgs;
use super::words;
use crate::cli::setup::failure::Failure;
use crate::space::{FileIo, Options};
use crate::sweep::{Allocation, SegmentSettings};
use crate::units::parse_count;
use crate::vm::AccessedBitMode;
use crate::vm::models::choices::{Fit, Model, Relief, Segments, SwapUnit};
use clap::Args;

/// Models of memory, and how segments use it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Models of memory")]
pub struct ModelArgs {
    /// Models of memory, a cell for each: paging, segmentation, segmented-paging, flat, base-limit (a
    /// program is one segment), physical (addresses are places). If absent, paging
    #[arg(long, value_name = "MODEL,…", value_delimiter = ',', value_parser = words(Model::ALL),
          hide_possible_values = true)]
    pub model: Vec<Model>,

    /// What a segment is: vma (a mapping), or classic (code, data, heap and stack of a process). If
    /// absent, vma
    #[arg(long, value_name = "vma|classic", value_parser = words(Segments::ALL),
          hide_possible_values = true)]
    pub segments: Option<Segments>,

    /// The hole that a segment is placed in: first, next, best, worst. If absent, first
    #[arg(long, value_name = "first|next|best|worst", value_parser = words(Fit::ALL),
          hide_possible_values = true)]
    pub fit: Option<Fit>,

    /// What leaves memory as a whole: process (all segments of a program) or segment. If absent, segment
    /// with --segments vma, else process
    #[arg(long, value_name = "process|segment", value_parser = words(SwapUnit::ALL),
          hide_possible_values = true)]
    pub swap_unit: Option<SwapUnit>,

    /// What is done when no hole is large enough: compact (units leave until the bytes suffice, then
    /// segments move down), swap (the same through the disk), evict (units leave until a hole suffices).
    /// If absent, compact
    #[arg(long, value_name = "compact|swap|evict", value_parser = words(Relief::ALL),
          hide_possible_values = true)]
    pub relief: Option<Relief>,

    /// Count bytes of segments that their process did not reference in its last TAU references
    #[arg(long, value_name = "TAU", value_parser = parse_count)]
    pub idle: Option<u64>,
}

impl ModelArgs {
    /// Returns how memory by segments is used.
    pub fn segments(&self) -> SegmentSettings {
        SegmentSettings {
            segments: self.segments.unwrap_or_default(),
            fit: self.fit.unwrap_or_default(),
            unit: self.swap_unit,
            relief: self.relief.unwrap_or_default(),
            idle: self.idle,
        }
    }

    /// Returns how traces are resolved for these models.
    pub fn space(&self, memory: &MemoryArgs) -> Result<Options, Failure> {
        let changes = |model: &Model| !matches!(model, Model::Paging | Model::Flat);
        Ok(Options {
            changes: self.model.iter().any(changes),
            ..memory.space()?
        })
    }

    /// Errors if an option has no model that it concerns, or a model no place for an option.
    pub fn check(&self, memory: &MemoryArgs, accessed: AccessedBitMode) -> Result<(), Failure> {
        let wrong = |what: String| Err(Failure::usage(what));
        let options = [
            ("--segments", self.segments.is_some()),
            ("--fit", self.fit.is_some()),
            ("--swap-unit", self.swap_unit.is_some()),
            ("--relief", self.relief.is_some()),
            ("--idle", self.idle.is_some()),
        ];
        let moving = self.model.iter().any(|model| model.moves_segments());
        if let Some((option, _)) = options.iter().find(|(_, given)| *given && !moving) {
            return wrong(format!(
                "{option} needs --model segmentation or base-limit: nothing else has segments to place"
            ));
        }
        if self.segments.is_some() && !self.model.contains(&Model::Segmentation) {
            return wrong(
                "--segments needs --model segmentation: base-limit has one a program".into(),
            );
        }
        if self.idle == Some(0) {
            return wrong("--idle 0: at least one reference".into());
        }
        let Some(model) = self.model.iter().find(|model| !model.has_frames()) else {
            return Ok(());
        };
        let name = model.name();
        for (option, given) in [
            ("--allocation", memory.allocation != Allocation::Global),
            ("--accessed-bit", accessed != AccessedBitMode::Every),
            ("--file-io count", memory.file_io == FileIo::Count),
        ] {
            if given {
                return wrong(format!(
                    "{option} is about frames, which --model {name} does not have"
                ));
            }
        }
        Ok(())
    }
}
