//! `pagebench plan`: what `run` would replay, and about how long that takes.

use crate::cli::args::job_args::JobArgs;
use crate::cli::setup::experiment::{CommandLine, Config};
use crate::cli::setup::failure::Failure;
use crate::cli::setup::job::Job;
use crate::cli::setup::replay::use_threads;
use crate::cli::setup::terminal::Align::{Left, Right};
use crate::cli::setup::terminal::{print, table};
use crate::exit::{self, ExitCode};
use crate::report::results::plan_file::{PlanCell, PlanFile};
use crate::units::{counted, show_bytes, show_count};
use clap::Args;

/// List the cells that run would replay, and what they may cost.
///
/// Reads the traces and replays nothing. A cell's id is a hash of everything that its result depends
/// on; the plan's id is a hash of its cells. The seconds are estimated for common hardware.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pagebench plan -f experiment.toml
  pagebench plan traces -p lru,opt -m 2^6..2^10 --partition slice:1/3")]
pub struct PlanArgs {
    #[command(flatten)]
    pub job: JobArgs,
}

/// Runs the command.
pub fn plan(line: &CommandLine) -> Result<ExitCode, Failure> {
    let (args, config) = Config::resolve::<PlanArgs>(line)?;
    show(&Job::new(&args.job, config)?)
}

/// Prints the settings if `--show-config` asks for them, else the plan.
pub fn show(job: &Job<'_>) -> Result<ExitCode, Failure> {
    if job.args.show_config {
        print(&job.config.show()?)?;
        return Ok(exit::OK);
    }
    let threads = job.checked.threads;
    use_threads(threads);
    let inputs = job.load()?;
    let (plan, file) = job.plan(&inputs)?;
    let selected = file.selected();
    let plan = plan.part(&selected);
    let mut out = list(&file, &selected);
    let refs = selected.iter().map(|&place| file.cells[place].refs).sum();
    out += &format!(
        "plan {}: {} of {} cells{}, {} references, about {} on {}\n",
        file.plan,
        selected.len(),
        file.cells.len(),
        match job.checked.partition {
            Some(partition) => format!(" ({partition})"),
            None => String::new(),
        },
        show_count(refs),
        duration(plan.guessed_seconds(threads)),
        counted(threads as u64, "thread"),
    );
    print(&out)?;
    Ok(inputs.failed)
}

fn list(file: &PlanFile, selected: &[usize]) -> String {
    let number = |number: Option<u64>| number.map_or("-".to_owned(), |n| n.to_string());
    let line = |cell: &PlanCell| {
        vec![
            cell.id.clone(),
            cell.trace.clone(),
            show_bytes(cell.page_size),
            cell.identity().seeded_label(),
            number(cell.tau),
            number(cell.frames),
            cell.refs.to_string(),
        ]
    };
    let titles = [
        ("cell", Left),
        ("trace", Left),
        ("page size", Right),
        ("policy", Left),
        ("tau", Right),
        ("frames", Right),
        ("refs", Right),
    ];
    let lines = selected.iter().map(|&place| line(&file.cells[place]));
    let mut out = String::new();
    table(&mut out, "", &titles, lines);
    out
}

/// Returns `seconds` with one or two digits, as suits an estimate.
fn duration(seconds: f64) -> String {
    match seconds {
        ..1.0 => "a second".to_owned(),
        ..90.0 => format!("{seconds:.0} s"),
        ..5400.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.0} h", seconds / 3600.0),
    }
}
