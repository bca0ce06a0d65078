//! From arguments to the one machine that `pagebench vm` looks at. Knows nothing of what is shown
//! of it.

use super::MachineArgs;
use crate::cli::failure::Failure;
use crate::exit;
use crate::policy::{PolicyChoice, Space};
use crate::space::{Options, Resolved};
use crate::sweep::{Allocation, tau_ladder};
use crate::units::{Ladder, PAGE_ID_MAX, counted, show_bytes};
use crate::vm::Job;
use crate::vm::machine::RunError;
use crate::vm::swap::slots_of;

/// What can be said of the machine before the trace is known.
pub struct Choice<'a> {
    args: &'a MachineArgs,
    policy: PolicyChoice,
    /// How the trace is resolved.
    pub space: Options,
    swap_bytes: Option<u64>,
}

/// The machine for a trace.
pub struct Machine {
    policy: PolicyChoice,
    frames: Option<u32>,
    quotas: Option<Vec<u32>>,
    tau: Option<u64>,
    swap_slots: Option<u64>,
    /// The policy with its memory.
    pub about: String,
    /// The swap device.
    pub about_swap: String,
}

impl<'a> Choice<'a> {
    /// Of these arguments.
    pub fn new(args: &'a MachineArgs) -> Result<Choice<'a>, Failure> {
        let text = args.policy.trim();
        if text == "all" || text.contains(',') {
            let message = "one policy at a time: write -p lru";
            return Err(Failure::usage(format!("--policy {text}: {message}")));
        }
        let policy: PolicyChoice = text.parse()?;
        let name = policy.spec().name;
        match policy.spec().space {
            Space::Fixed if args.tau.is_some() => Err(Failure::usage(format!(
                "--tau: {name} has no window; its memory is --frames"
            ))),
            Space::Variable if args.frames.is_some() => Err(Failure::usage(format!(
                "--frames: {name} has a window, --tau, and takes the frames that this needs"
            ))),
            _ => Ok(Choice {
                args,
                policy,
                space: args.memory.space()?,
                swap_bytes: args.memory.swap_bytes()?,
            }),
        }
    }

    /// The machine for a trace.
    pub fn machine(&self, resolved: &Resolved) -> Result<Machine, Failure> {
        let spec = self.policy.spec();
        let quarter = (resolved.objects() as u64 / 4).max(1);
        let (frames, tau, about) = match spec.space {
            Space::Fixed => {
                let (frames, about) = self.fixed(resolved, quarter)?;
                (Some(frames), None, about)
            }
            Space::Variable => {
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
        Ok(Machine {
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
        })
    }

    fn fixed(&self, resolved: &Resolved, quarter: u64) -> Result<(u64, String), Failure> {
        let page_size = resolved.trace.meta.page_size;
        let pages = resolved.objects() as u64;
        let asked = self.args.frames.as_ref();
        let frames = match asked {
            None => quarter,
            Some(ladder) => {
                let max = u64::from(PAGE_ID_MAX);
                one(
                    "--frames",
                    ladder,
                    ladder.resolve(pages, page_size, &[quarter], max)?,
                )?
            }
        };
        let chosen = match asked.is_none_or(Ladder::has_auto) {
            true => format!(": a quarter of the {pages} pages, at least 1"),
            false => format!(" for {pages} pages"),
        };
        let bytes = show_bytes(frames.saturating_mul(page_size.bytes()));
        let count = counted(frames, "frame");
        let about = format!("{}, {count} ({bytes}){chosen}", self.policy);
        Ok((frames, about))
    }

    fn variable(&self, resolved: &Resolved, quarter: u64) -> Result<(u64, String), Failure> {
        let trace = &resolved.trace;
        let auto = || match trace.is_empty() {
            true => Ok(vec![1]),
            false => tau_ladder(resolved, &[quarter]),
        };
        let ladder = self.args.tau.clone().unwrap_or(Ladder::auto());
        if ladder.has_bytes() {
            let message = "a window is a number of references, not of bytes";
            return Err(Failure::usage(format!("--tau {ladder}: {message}")));
        }
        let auto_values = if ladder.has_auto() { auto()? } else { vec![] };
        let refs = trace.len() as u64;
        let values = ladder.resolve(refs, trace.meta.page_size, &auto_values, u64::MAX >> 1)?;
        let tau = one("--tau", &ladder, values)?;
        let chosen = match ladder.has_auto() {
            true => format!(
                ", its mean working set about a quarter of {} pages",
                resolved.objects()
            ),
            false => String::new(),
        };
        let count = counted(tau, "reference");
        Ok((tau, format!("{}, a window of {count}{chosen}", self.policy)))
    }
}

/// The only value of a ladder.
fn one(option: &str, ladder: &Ladder, values: Vec<u64>) -> Result<u64, Failure> {
    match values[..] {
        [value] => Ok(value),
        _ => Err(Failure::usage(format!(
            "{option} {ladder}: one value at a time, not {}",
            values.len()
        ))),
    }
}

/// How frames are divided among processes, if they are.
fn divided(allocation: &Allocation, quotas: Option<&[u32]>, resolved: &Resolved) -> String {
    /// Processes that are named one by one.
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

impl Machine {
    /// The replay.
    pub fn job<'t>(&'t self, resolved: &'t Resolved) -> Job<'t> {
        Job {
            space: resolved.space.as_ref(),
            seed: 1,
            frames: self.frames,
            quotas: self.quotas.as_deref(),
            tau: self.tau.unwrap_or(1),
            swap_slots: self.swap_slots,
            ..Job::new(&resolved.trace, &self.policy)
        }
    }

    /// The policy with its parameters and, if it has one, its window.
    pub fn policy(&self) -> String {
        match self.tau {
            None => self.policy.to_string(),
            Some(tau) => format!("{}, window {tau}", self.policy),
        }
    }

    /// The most frames that it may use.
    pub fn frames(&self) -> Option<u64> {
        self.frames.map(u64::from)
    }
}

/// A replay that cannot be done.
pub fn cannot_run(error: RunError) -> Failure {
    Failure::new(exit::FAILURE, error.to_string())
}
