//! Turns `vm`'s arguments into one machine, and describes it in words.

use super::MachineArgs;
use crate::cli::setup::failure::Failure;
use crate::policy::{MemoryBy, PolicyChoice};
use crate::space::{Options, Resolved};
use crate::sweep::{Allocation, tau_ladder};
use crate::units::{Ladder, Printable, counted, show_bytes};
use crate::vm::core::swap::slots_of;
use crate::vm::{Choices, Job};

/// The machine as far as it is known without the trace.
pub struct MachineChoice<'a> {
    args: &'a MachineArgs,
    policy: PolicyChoice,
    /// How the trace is resolved.
    pub space: Options,
    swap_bytes: Option<u64>,
}

/// The machine for a trace.
pub struct ChosenMachine {
    policy: PolicyChoice,
    frames: Option<u32>,
    quotas: Option<Vec<u32>>,
    tau: Option<u64>,
    swap_slots: Option<u64>,
    choices: Choices,
    /// The policy with its memory.
    pub about: String,
    /// The swap device.
    pub about_swap: String,
}

impl<'a> MachineChoice<'a> {
    /// Checks the arguments.
    pub fn new(args: &'a MachineArgs) -> Result<MachineChoice<'a>, Failure> {
        let text = args.policy.trim();
        if text == "all" || text.contains(',') {
            let message = "one policy at a time: write -p lru";
            return Err(Failure::usage(format!(
                "--policy {}: {message}",
                text.printed()
            )));
        }
        let policy: PolicyChoice = text.parse()?;
        let name = policy.spec().name;
        match policy.spec().space {
            MemoryBy::Fixed if args.tau.is_some() => Err(Failure::usage(format!(
                "--tau: {name} has no window; its memory is --frames"
            ))),
            MemoryBy::Variable if args.frames.is_some() => Err(Failure::usage(format!(
                "--frames: {name} has a window, --tau, and takes the frames that this needs"
            ))),
            _ => Ok(MachineChoice {
                args,
                policy,
                space: args.models.space(&args.memory)?,
                swap_bytes: args.memory.swap_bytes()?,
            }),
        }
    }

    /// Returns the bytes of swap; `None` for no limit.
    pub fn swap_bytes(&self) -> Option<u64> {
        self.swap_bytes
    }

    /// Returns the machine for a trace.
    pub fn machine(&self, resolved: &Resolved) -> Result<ChosenMachine, Failure> {
        let spec = self.policy.spec();
        let quarter = (resolved.objects() as u64 / 4).max(1);
        let (frames, tau, about) = match spec.space {
            MemoryBy::Fixed => {
                let (frames, about) = self.fixed(resolved, quarter)?;
                (Some(frames), None, about)
            }
            MemoryBy::Variable => {
                let (tau, about) = self.variable(resolved, quarter)?;
                let limit = self.policy.params.get_if_any(spec, "limit");
                (limit, Some(tau), about)
            }
        };
        let frames = frames.map(|frames| frames as u32);
        let allocation = &self.args.memory.allocation;
        let quotas = frames.map(|frames| allocation.quotas(frames, resolved));
        let quotas = quotas.transpose().map_err(Failure::usage)?.flatten();
        let page_size = resolved.trace.meta.page_size;
        let swap_slots = self.swap_bytes.map(|bytes| slots_of(bytes, page_size));
        let swap_slots = swap_slots.transpose().map_err(Failure::usage)?;
        Ok(ChosenMachine {
            about: about + &divided(allocation, quotas.as_deref(), resolved),
            about_swap: match swap_slots {
                None => "as large as needed".into(),
                Some(0) => "none".into(),
                Some(slots) => format!(
                    "{} ({})",
                    counted(slots, "slot"),
                    show_bytes(slots.saturating_mul(page_size.bytes()))
                ),
            },
            policy: self.policy.clone(),
            frames,
            quotas,
            tau,
            swap_slots,
            choices: self.args.memory.choices(),
        })
    }

    /// Returns the number of frames and the description of a fixed-space policy.
    fn fixed(&self, resolved: &Resolved, quarter: u64) -> Result<(u64, String), Failure> {
        let page_size = resolved.trace.meta.page_size;
        let pages = resolved.objects() as u64;
        let asked = self.args.frames.as_ref();
        let frames = match asked {
            None => quarter,
            Some(ladder) => {
                let values = ladder.frames(pages, page_size, &[quarter])?;
                single_value("--frames", ladder, values)?
            }
        };
        let chosen = if asked.is_none_or(Ladder::has_auto) {
            format!(": a quarter of the {pages} pages, at least 1")
        } else {
            format!(" for {pages} pages")
        };
        let bytes = show_bytes(frames.saturating_mul(page_size.bytes()));
        let count = counted(frames, "frame");
        let about = format!("{}, {count} ({bytes}){chosen}", self.policy);
        Ok((frames, about))
    }

    /// Returns the window and the description of a variable-space policy.
    fn variable(&self, resolved: &Resolved, quarter: u64) -> Result<(u64, String), Failure> {
        let trace = &resolved.trace;
        let ladder = self.args.tau.clone().unwrap_or(Ladder::auto());
        ladder.refuse_bytes("--tau")?;
        let auto_values = match (ladder.has_auto(), trace.is_empty()) {
            (false, _) => Vec::new(),
            (true, true) => vec![1],
            (true, false) => tau_ladder(resolved, &[quarter])?,
        };
        let refs = trace.len() as u64;
        let values = ladder.windows(refs, trace.meta.page_size, &auto_values)?;
        let tau = single_value("--tau", &ladder, values)?;
        let chosen = if ladder.has_auto() {
            let pages = resolved.objects();
            format!(", its mean working set about a quarter of {pages} pages")
        } else {
            String::new()
        };
        let count = counted(tau, "reference");
        Ok((tau, format!("{}, a window of {count}{chosen}", self.policy)))
    }
}

/// Returns the only one of `values`; errors if `ladder` gives several.
fn single_value(option: &str, ladder: &Ladder, values: Vec<u64>) -> Result<u64, Failure> {
    match values[..] {
        [value] => Ok(value),
        _ => Err(Failure::usage(format!(
            "{option} {ladder}: one value at a time, not {}",
            values.len()
        ))),
    }
}

/// Returns how frames are divided among processes, in words; empty if they are not.
fn divided(allocation: &Allocation, quotas: Option<&[u32]>, resolved: &Resolved) -> String {
    /// The most processes that are named.
    const NAMED: usize = 8;
    let Some(quotas) = quotas else {
        return String::new();
    };
    let pids = &resolved.trace.dictionary.pids;
    let takers = quotas.iter().zip(pids).filter(|(quota, _)| **quota > 0);
    let (named, all) = (takers.clone().take(NAMED), takers.count());
    let mut parts: Vec<String> = named
        .map(|(quota, pid)| format!("{quota} to process {pid}"))
        .collect();
    if all > NAMED {
        parts.push(format!("and so on for {all} processes"));
    }
    format!("; {}: {}", allocation.name(), parts.join(", "))
}

impl ChosenMachine {
    /// Returns the replay of a trace on this machine.
    pub fn job<'t>(&'t self, resolved: &'t Resolved) -> Job<'t> {
        Job {
            space: resolved.space.as_ref(),
            seed: 1,
            frames: self.frames,
            quotas: self.quotas.as_deref(),
            tau: self.tau.unwrap_or(1),
            swap_slots: self.swap_slots,
            choices: self.choices,
            ..Job::new(&resolved.trace, &self.policy)
        }
    }

    /// Returns the policy.
    pub fn choice(&self) -> &PolicyChoice {
        &self.policy
    }

    /// Returns the policy with its parameters and its window, if it has one.
    pub fn policy(&self) -> String {
        match self.tau {
            None => self.policy.to_string(),
            Some(tau) => format!("{}, window {tau}", self.policy),
        }
    }

    /// Returns the most frames that it may use; `None` for no limit.
    pub fn frames(&self) -> Option<u64> {
        self.frames.map(u64::from)
    }
}
