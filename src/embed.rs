//! Replays from another program: a trace that was loaded once, under a policy of the table or of
//! that program, to counts. A narrow door to the rooms before it; knows no file but the trace.

use crate::policy::{ParamError, PolicyChoice, PolicyId, PolicyType, Spec};
use crate::space::{Resolved, SpaceError, resolve};
use crate::trace::model::reference_string;
use crate::trace::model::selection::Selection;
use crate::trace::{LoadOptions, TraceError, load};
use crate::units::{PageSize, Printable};
use crate::vm::{self, Job, Outcome};
use std::fmt::Display;
use std::path::Path;

/// Why a trace cannot be loaded or replayed: a message that says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReplayError(String);

impl ReplayError {
    fn of(error: impl Display) -> ReplayError {
        ReplayError(error.to_string())
    }
}

impl From<TraceError> for ReplayError {
    fn from(error: TraceError) -> ReplayError {
        ReplayError::of(error)
    }
}

impl From<ParamError> for ReplayError {
    fn from(error: ParamError) -> ReplayError {
        ReplayError::of(error)
    }
}

/// How a trace is read. The default guesses what it can.
#[derive(Debug, Clone, Default)]
pub struct TraceOptions {
    /// The name of the format, as `pagebench formats` lists it; guessed from the content if absent.
    pub format: Option<String>,
    /// The page size in bytes, a power of two from 64 to 2^30; the stored one, or 4096, if absent.
    pub page_size: Option<u64>,
    /// The most references that are read; all if absent.
    pub limit: Option<u64>,
}

/// A trace in memory: its legal references, and what happens to address spaces between them.
#[derive(Debug)]
pub struct LoadedTrace {
    resolved: Resolved,
}

impl LoadedTrace {
    /// Loads the trace at `path`, of any format and compression that `pagebench run` reads.
    ///
    /// # Errors
    /// Errors if the file cannot be read, is malformed, or an event in it cannot be.
    pub fn load(path: impl AsRef<Path>, options: &TraceOptions) -> Result<Self, ReplayError> {
        let path = path.as_ref();
        let page_size = options.page_size.map(|bytes| {
            let wrong = || ReplayError(format!("{bytes} bytes: no page size"));
            PageSize::from_bytes(bytes).ok_or_else(wrong)
        });
        let options = LoadOptions {
            format: options.format.clone(),
            page_size: page_size.transpose()?,
            selection: Selection {
                limit: options.limit,
                ..Selection::default()
            },
            ..LoadOptions::default()
        };
        let resolved = resolve(load(path, &options)?, &Default::default());
        let named = |error: SpaceError| error.named(path.printed().to_string());
        let resolved = resolved.map_err(|error| ReplayError::of(named(error)))?;
        Ok(LoadedTrace { resolved })
    }

    /// Parses a reference string: page numbers between blanks or commas, a `w` after those that are
    /// written, as in `1 2 3w 1`.
    ///
    /// # Errors
    /// Errors if `text` names no page, or a word of it is no page number.
    pub fn parse(text: &str) -> Result<LoadedTrace, ReplayError> {
        let trace = reference_string::parse(text).map_err(ReplayError::of)?;
        let resolved = resolve(trace, &Default::default()).map_err(ReplayError::of)?;
        Ok(LoadedTrace { resolved })
    }

    /// Returns the number of legal references.
    pub fn refs(&self) -> u64 {
        self.resolved.trace.len() as u64
    }

    /// Returns the number of distinct pages of all processes.
    pub fn pages(&self) -> u64 {
        self.resolved.trace.distinct() as u64
    }
}

/// How a trace is replayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayOptions {
    /// The number of frames of memory, at least 1; `None` for a frame for each page.
    pub frames: Option<u32>,
    /// The window of a variable-space policy, in references, at least 1.
    pub tau: u64,
    /// The number of references replayed before counting begins.
    pub warmup: u64,
    /// The seed of a randomized policy.
    pub seed: u64,
    /// The parameters of the policy, as on the command line: `key=value:key=value`. Those that are
    /// not named have their defaults.
    pub params: String,
}

impl Default for ReplayOptions {
    /// A frame for each page, a window of one reference, no warm-up, seed 1, parameters at their
    /// defaults.
    fn default() -> ReplayOptions {
        ReplayOptions {
            frames: None,
            tau: 1,
            warmup: 0,
            seed: 1,
            params: String::new(),
        }
    }
}

/// The counts of a replay. `pagebench guide columns` defines them.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ReplayCounts {
    /// Counted references.
    pub refs: u64,
    /// References that did not fault.
    pub hits: u64,
    /// Faults.
    pub faults: u64,
    /// Faults for which a device was read.
    pub major_faults: u64,
    /// Pages that came into memory.
    pub loads: u64,
    /// Victims.
    pub evictions: u64,
    /// Pages that left because their window closed.
    pub expired: u64,
    /// Dirty pages that left memory and were written.
    pub write_backs: u64,
    /// Resident pages after each counted reference, on average.
    pub resident_mean: f64,
    /// The most pages resident after any counted reference.
    pub resident_peak: u64,
    /// What the policy counted of its own doings.
    pub policy_events: Vec<(&'static str, u64)>,
}

impl ReplayCounts {
    fn of(outcome: Outcome) -> ReplayCounts {
        let counters = &outcome.counters;
        ReplayCounts {
            refs: counters.refs,
            hits: counters.hits,
            faults: counters.faults(),
            major_faults: counters.major(),
            loads: counters.loads(),
            evictions: counters.evictions(),
            expired: counters.expired(),
            write_backs: counters.write_backs(),
            resident_mean: outcome.resident_sum as f64 / counters.refs.max(1) as f64,
            resident_peak: outcome.resident_peak,
            policy_events: outcome.policy_events,
        }
    }
}

/// Replays `trace` under the policy `P`, which no registry need have. The replay loop is compiled
/// for `P` and visits every reference.
///
/// # Errors
/// Errors if `options` has a parameter that `P` has not, or a number out of its range, or if `P`
/// needs the future and the trace has more than 2^32 - 2 references.
pub fn replay<P>(trace: &LoadedTrace, options: &ReplayOptions) -> Result<ReplayCounts, ReplayError>
where
    P: for<'t> PolicyType<'t> + 'static,
{
    let spec: &'static Spec = const { &<P as PolicyType<'static>>::SPEC };
    let choice = PolicyChoice::with_params(PolicyId::unlisted(spec), &options.params)?;
    let outcome = vm::run_as::<P>(&job(trace, &choice, options)?);
    outcome.map(ReplayCounts::of).map_err(ReplayError::of)
}

/// Replays `trace` under the policy that the command line calls `policy`.
///
/// # Errors
/// As for [`replay`], and if there is no such policy.
pub fn replay_named(
    policy: &str,
    trace: &LoadedTrace,
    options: &ReplayOptions,
) -> Result<ReplayCounts, ReplayError> {
    let choice = PolicyChoice::with_params(PolicyId::named(policy)?, &options.params)?;
    let outcome = vm::run(&job(trace, &choice, options)?);
    outcome.map(ReplayCounts::of).map_err(ReplayError::of)
}

/// Returns the replay of `trace` that the options ask for.
fn job<'t>(
    trace: &'t LoadedTrace,
    choice: &'t PolicyChoice,
    options: &ReplayOptions,
) -> Result<Job<'t>, ReplayError> {
    if options.frames == Some(0) || options.tau == 0 {
        return Err(ReplayError("frames and tau are at least 1".into()));
    }
    Ok(Job {
        space: trace.resolved.space.as_ref(),
        seed: options.seed,
        frames: options.frames,
        tau: options.tau,
        warmup: options.warmup,
        ..Job::new(&trace.resolved.trace, choice)
    })
}
