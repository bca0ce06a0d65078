//! Arguments about memory other than frames, which `run`, `check`, `explain` and `vm` share: swap, how
//! frames are divided, what mappings and illegal references mean, and choices in which systems differ.

use super::words;
use crate::cli::setup::failure::Failure;
use crate::space::{
    AddressLayout, BeyondEof, FileIo, ForkFilePtes, Mappings, OnSegfault, Options, PageCache,
};
use crate::sweep::Allocation;
use crate::units::{PageSize, Printable, did_you_mean, parse_bytes};
use crate::vm::{Choices, CowSource, FreeFrames, SwapIn};
use clap::Args;

/// Which references are legal, and what an illegal one does.
#[derive(Debug, Clone, Args)]
pub struct LegalityArgs {
    /// On an illegal reference: kill (its process ends there), skip (the reference is left out) or
    /// abort (the trace is refused)
    #[arg(long, value_name = "kill|skip|abort", value_parser = words(OnSegfault::ALL),
          hide_possible_values = true, default_value = "kill")]
    pub on_segfault: OnSegfault,

    /// Addresses that there are: any, or those of two-level (i386): 32 bits, of which the kernel has the
    /// part from 3 GiB on. Walks have the levels of the layout
    #[arg(long, value_name = "any|two-level", value_parser = words(AddressLayout::ALL),
          hide_possible_values = true, default_value = "any")]
    pub layout: AddressLayout,

    /// References to pages of a mapping that begin beyond the end of its file: zero (the page holds
    /// zeros), or fault (illegal, as in Linux: bus_errors)
    #[arg(long, value_name = "zero|fault", value_parser = words(BeyondEof::ALL),
          hide_possible_values = true, default_value = "zero")]
    pub beyond_eof: BeyondEof,
}

/// Swap, allocation, mappings, overcommit, and choices in which systems differ.
#[derive(Debug, Clone, Args)]
pub struct MemoryArgs {
    /// Swap: 256MiB, none, or unlimited; a cell ends where a dirty page finds no slot
    #[arg(long, value_name = "BYTES", default_value = "unlimited")]
    pub swap: String,

    /// How frames are divided: global (not at all), equal, proportional to the pages that each
    /// process touches, or weights=3/1/1
    #[arg(long, value_name = "HOW", default_value = "global")]
    pub allocation: Allocation,

    /// What a trace without mappings means: permissive (every first touch makes private memory)
    /// or infer (touched pages are gathered into mappings)
    #[arg(long, value_name = "permissive|infer",
          value_parser = words([(Mappings::Permissive, "permissive"), (Mappings::Infer, "infer")]),
          hide_possible_values = true, default_value = "permissive")]
    pub mappings: Mappings,

    #[command(flatten)]
    pub legality: LegalityArgs,

    /// Overcommit: always (no limit), or strict (refuse maps, heap or stack growth and forks beyond
    /// --ram plus --swap)
    #[arg(long, value_name = "always|strict",
          value_parser = words([(Overcommit::Always, "always"), (Overcommit::Strict, "strict")]),
          hide_possible_values = true, default_value = "always")]
    pub overcommit: Overcommit,

    /// Memory that --overcommit strict may promise in addition to swap: 64MiB
    #[arg(long, value_name = "BYTES")]
    pub ram: Option<String>,

    /// How a page that was shared copy-on-write is mapped when its last owner reads it from swap:
    /// writable (as Linux does), or read-only (its next write is a cow_reuse)
    #[arg(long, value_name = "writable|read-only", value_parser = words(SwapIn::ALL),
          hide_possible_values = true, default_value = "writable")]
    pub swap_in: SwapIn,

    /// Keep the source of a copy-on-write copy while another page can make room for the copy
    #[arg(long, value_name = "on|off", value_parser = words(CowSource::ALL),
          hide_possible_values = true, default_value = "on")]
    pub pin_cow_source: CowSource,

    /// Page-table entries of shared mappings and of files at a fork: copy them for the child, or drop
    /// those of mappings without private pages (as Linux does; the child's first references are maps)
    #[arg(long, value_name = "copy|drop", value_parser = words(ForkFilePtes::ALL),
          hide_possible_values = true, default_value = "copy")]
    pub fork_file_ptes: ForkFilePtes,

    /// The free frame that is taken: lifo (the one freed last), or fifo (those never used, then the one
    /// freed first)
    #[arg(long, value_name = "lifo|fifo", value_parser = words(FreeFrames::ALL),
          hide_possible_values = true, default_value = "lifo")]
    pub free_frames: FreeFrames,

    /// Pages of files that no process maps any more: keep (they stay in their frames, as in Linux, and
    /// are found when they are mapped again) or drop. If absent, keep where mappings were recorded
    #[arg(long, value_name = "keep|drop", value_parser = words(PageCache::ALL),
          hide_possible_values = true)]
    pub page_cache: Option<PageCache>,

    /// Reads and writes of files without mappings: ignore, or count (each page is found in memory or
    /// loaded: io_hits, io_loads)
    #[arg(long, value_name = "ignore|count", value_parser = words(FileIo::ALL),
          hide_possible_values = true, default_value = "ignore")]
    pub file_io: FileIo,
}

/// Whether programs may be promised more memory than there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overcommit {
    /// Without limit.
    Always,
    /// Up to memory plus swap.
    Strict,
}

impl LegalityArgs {
    /// Returns how traces are resolved, with the defaults for what these arguments do not say.
    pub fn space(&self) -> Options {
        Options {
            on_segfault: self.on_segfault,
            layout: self.layout,
            beyond_eof: self.beyond_eof,
            ..Options::default()
        }
    }

    /// Returns the words for what differs from the defaults: `beyond-eof=fault`; empty if nothing does.
    pub fn describe(&self) -> String {
        let parts = [
            (
                self.on_segfault != OnSegfault::default(),
                "on-segfault",
                self.on_segfault.name(),
            ),
            (
                self.layout != AddressLayout::default(),
                "layout",
                self.layout.name(),
            ),
            (
                self.beyond_eof != BeyondEof::default(),
                "beyond-eof",
                self.beyond_eof.name(),
            ),
        ];
        let unusual = parts.into_iter().filter(|(unusual, ..)| *unusual);
        let words: Vec<String> = unusual
            .map(|(_, name, value)| format!("{name}={value}"))
            .collect();
        words.join(" ")
    }
}

impl MemoryArgs {
    /// Returns how traces are resolved.
    pub fn space(&self) -> Result<Options, Failure> {
        Ok(Options {
            changes: false,
            mappings: self.mappings,
            commit_limit: self.commit_limit()?,
            fork_file_ptes: self.fork_file_ptes,
            page_cache: self.page_cache,
            file_io: self.file_io,
            ..self.legality.space()
        })
    }

    /// Returns how frames are mapped and chosen where systems differ.
    pub fn choices(&self) -> Choices {
        Choices {
            swap_in: self.swap_in,
            cow_source: self.pin_cow_source,
            free_frames: self.free_frames,
        }
    }

    /// Returns the bytes of swap; `None` for as many as needed. Whether they hold a page depends on the
    /// page size: see [`slots_of`](crate::vm::core::swap::slots_of).
    pub fn swap_bytes(&self) -> Result<Option<u64>, Failure> {
        match self.swap.trim() {
            "unlimited" => Ok(None),
            "none" => Ok(Some(0)),
            text => match parse_bytes(text) {
                Ok(bytes) if bytes < PageSize::MIN.bytes() => {
                    let message = "less than a page: write 256MiB, none or unlimited";
                    Err(Failure::usage(format!(
                        "--swap {}: {message}",
                        text.printed()
                    )))
                }
                Ok(bytes) => Ok(Some(bytes)),
                Err(e) => {
                    let hint = did_you_mean(text, ["none", "unlimited"].into_iter());
                    let message = format!("--swap {e}; or none, or unlimited{hint}");
                    Err(Failure::usage(message))
                }
            },
        }
    }

    /// Returns the bytes that may be promised; `None` for no limit.
    fn commit_limit(&self) -> Result<Option<u64>, Failure> {
        match (self.overcommit, self.ram.as_deref(), self.swap_bytes()?) {
            (Overcommit::Always, None, _) => Ok(None),
            (Overcommit::Always, Some(_), _) => Err(Failure::usage(
                "--ram needs --overcommit strict: it limits the memory that is promised; frames are -m",
            )),
            (Overcommit::Strict, None, _) => {
                Err(Failure::usage("--overcommit strict needs --ram BYTES"))
            }
            (Overcommit::Strict, _, None) => Err(Failure::usage(
                "--overcommit strict needs a limited swap: --swap BYTES or --swap none",
            )),
            (Overcommit::Strict, Some(ram), Some(swap)) => {
                let ram = parse_bytes(ram).map_err(|e| Failure::usage(format!("--ram {e}")))?;
                Ok(Some(ram.saturating_add(swap)))
            }
        }
    }
}
