//! `record --measure`: the page faults of a native run beside those that a replay of the recording with
//! enough frames predicts, and beside those that Linux takes by its own rules.

use super::session::sent_on;
use crate::cli::setup::failure::Failure;
use crate::cli::setup::progress::message;
use crate::cli::setup::signals::Signals;
use crate::exit;
use crate::policy::PolicyChoice;
use crate::record::Repairs;
use crate::record::native::{self, NativeFaults};
use crate::space::{Class, LinuxFaults, Resolved, linux_faults, resolve};
use crate::trace::{LoadOptions, load};
use crate::units::Printable;
use crate::vm::machine::RunError;
use crate::vm::{self, FaultEvent, FaultKind, Job, Listener, Outcome};
use std::ffi::OsString;
use std::fmt::Display;
use std::path::Path;

/// Errors if the program cannot be run twice.
pub fn check_input() -> Result<(), Failure> {
    if native::can_read_again() {
        return Ok(());
    }
    let message = "--measure runs the program twice, so its standard input must be a file or \
                   /dev/null: add < FILE";
    Err(Failure::usage(message))
}

/// The faults of a replay with a frame for every page.
struct Predicted {
    outcome: Outcome,
    /// Faults of pages of files, without copies.
    file: u64,
}

/// Runs `command` natively and prints the comparison with the recording at `output`.
pub fn compare(command: &[OsString], output: &Path, repairs: &Repairs) -> Result<(), Failure> {
    let cannot = |e: &dyn Display| Failure::new(exit::FAILURE, format!("--measure: {e}"));
    let kept = format!("{} is kept, and was not compared", output.printed());
    let signals = Signals::watch(&kept);
    let interrupt = || Some(sent_on(signals.code()?));
    let measured = native::run(command, &interrupt);
    if let Some(code) = signals.code() {
        return Err(Failure::new(code, format!("{}: {kept}", code.shown())));
    }
    let (measured, _) = measured.map_err(|e| cannot(&e))?;
    signals.finish_nothing(&kept, None);
    let trace = load(output, &LoadOptions::default()).map_err(|e| cannot(&e))?;
    let events = trace.events.clone();
    let resolved = resolve(trace, &Default::default()).map_err(|e| cannot(&e))?;
    let predicted = predict(&resolved).map_err(|e| cannot(&e))?;
    let linux = match &resolved.space {
        Some(space) => {
            let written = &repairs.kernel_written;
            linux_faults(&resolved.trace, space, &events, written).map_err(|e| cannot(&e))?
        }
        None => LinuxFaults::default(),
    };
    for line in lines(&measured, &predicted, &linux) {
        message(&line);
    }
    Ok(())
}

/// Replays with a frame for every page, so that nothing leaves.
fn predict(resolved: &Resolved) -> Result<Predicted, RunError> {
    let choice: PolicyChoice = "lru".parse().expect("a policy of the table");
    let job = Job {
        space: resolved.space.as_ref(),
        frames: Some(resolved.objects().max(1) as u32),
        ..Job::new(&resolved.trace, &choice)
    };
    let classes = resolved.space.as_ref().map_or(&[][..], |s| &s.classes);
    let mut of_files = OfFiles { classes, faults: 0 };
    let outcome = vm::run_with(&job, &mut of_files)?;
    let file = of_files.faults;
    Ok(Predicted { outcome, file })
}

/// Counts the faults of pages of files.
struct OfFiles<'c> {
    classes: &'c [Class],
    faults: u64,
}

impl Listener for OfFiles<'_> {
    fn fault(&mut self, event: &FaultEvent) {
        let class = self.classes.get(event.page as usize);
        self.faults += u64::from(class == Some(&Class::File));
    }
}

/// Returns how far `count` is from `other`, which is not 0, in percent.
fn difference(count: u64, other: u64) -> String {
    let part = (count as f64 - other as f64) / other as f64;
    // No minus before a zero.
    let tenths = (1000.0 * part).round() + 0.0;
    format!("{:+.1} %", tenths / 10.0)
}

/// Returns the table. A share is that of the measured faults.
fn lines(measured: &NativeFaults, predicted: &Predicted, linux: &LinuxFaults) -> Vec<String> {
    let c = &predicted.outcome.counters;
    let all = measured.minor + measured.major;
    let populated: u64 = c.populated.iter().sum();
    let share = |count: u64| match all {
        0 => String::new(),
        all => format!(" ({})", difference(count, all)),
    };
    let faults = c.faults();
    let row = |name: &str, of_model: u64, of_linux: u64| {
        format!("  {name:<32}{of_model:>10}{of_linux:>14}")
    };
    // What is measured beyond the faults of files, as far as these are known.
    let anonymous = all.saturating_sub(linux.file + linux.populated);
    let apart = match linux.anonymous {
        0 => String::new(),
        known => format!(", {} against as Linux does", difference(anonymous, known)),
    };
    vec![
        format!(
            "measured without valgrind: {} minor and {} major faults, of the program and the children it waited for",
            measured.minor, measured.major
        ),
        format!(
            "predicted with a frame for every page: {faults} faults{}: {} fills, {} refills, {} maps, {} copies, {} reuses; {populated} populated pages",
            share(faults + populated),
            c.of(FaultKind::Fill),
            c.of(FaultKind::Refill),
            c.of(FaultKind::Map),
            c.of(FaultKind::CowCopy),
            c.of(FaultKind::CowReuse),
        ),
        format!(
            "  {:<32}{:>10}{:>14}",
            "faults of", "predicted", "as Linux does"
        ),
        row(
            "anonymous memory and copies",
            faults - predicted.file,
            linux.anonymous,
        ),
        row("  first writes of zero pages", 0, linux.of_zeros),
        row("pages of files", predicted.file, linux.file),
        row("populated pages", populated, linux.populated),
        format!(
            "{}{}",
            row("all", faults + populated, linux.all()),
            share(linux.all())
        ),
        format!(
            "anonymous by difference: {anonymous} measured{apart}; pages of files differ because Linux maps the 16 pages around a fault if they are cached"
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_adds_up() {
        let mut outcome = Outcome::default();
        outcome.counters.faults[FaultKind::Fill as usize] = [[90, 0], [10, 0]];
        outcome.counters.populated = [7, 0];
        let predicted = Predicted { outcome, file: 40 };
        let linux = LinuxFaults {
            anonymous: 80,
            of_zeros: 20,
            file: 5,
            populated: 7,
        };
        let measured = NativeFaults {
            minor: 95,
            major: 1,
        };
        let lines = lines(&measured, &predicted, &linux).join("\n");
        for said in [
            "95 minor and 1 major",
            "100 faults (+11.5 %): 100 fills, 0 refills",
            "60            80\n",
            "107            92 (-4.2 %)",
            "by difference: 84 measured, +5.0 % against",
        ] {
            assert!(lines.contains(said), "{said}: {lines}");
        }
    }
}
