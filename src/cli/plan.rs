//! `pagebench plan`: what `run` would replay, and about how long that takes.

use super::experiment::Config;
use super::failure::Failure;
use super::job::{Asked, JobArgs};
use super::print;
use super::run::use_threads;
use crate::exit::{self, ExitCode};
use crate::report::plan_file::{PlanCell, PlanFile};
use crate::report::table::columns;
use crate::units::{show_bytes, show_count};
use clap::Args;

/// List the cells that run would replay, and what they may cost.
///
/// Reads the traces and replays nothing. The id of a cell is a hash of everything that its result
/// depends on; that of the plan is the hash of its cells. The seconds are a guess from what common
/// hardware replays.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  pagebench plan -f experiment.toml
  pagebench plan traces -p lru,opt -m 2^6..2^10 --partition slice:1/3")]
pub struct PlanArgs {
    #[command(flatten)]
    pub job: JobArgs,
}

/// Runs the command.
pub fn plan(args: PlanArgs) -> Result<ExitCode, Failure> {
    let (args, config) = Config::resolve::<PlanArgs>(args.job.file.as_deref(), &args.job.unset)?;
    plan_of(&args.job, &args.job.asked()?, &config)
}

/// Shows the settings, or else the plan.
pub fn plan_of(job: &JobArgs, asked: &Asked, config: &Config) -> Result<ExitCode, Failure> {
    if job.show_config {
        print(&config.show()?)?;
        return Ok(exit::OK);
    }
    use_threads(asked.threads);
    let inputs = asked.load(job, config)?;
    let (plan, file) = asked.plan(&inputs, config)?;
    let selected = file.selected();
    let plan = plan.part(&selected);
    let mut out = list(&file, &selected);
    let refs = selected.iter().map(|&place| file.cells[place].refs).sum();
    out += &format!(
        "plan {}: {} of {} cells{}, {} references, about {} on {} thread{}\n",
        file.plan,
        selected.len(),
        file.cells.len(),
        match asked.partition {
            Some(partition) => format!(" ({partition})"),
            None => String::new(),
        },
        show_count(refs),
        duration(plan.guessed_seconds(asked.threads)),
        asked.threads,
        if asked.threads == 1 { "" } else { "s" },
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
    let header = [
        "cell",
        "trace",
        "page size",
        "policy",
        "tau",
        "frames",
        "refs",
    ];
    let mut lines = vec![header.map(str::to_owned).to_vec()];
    lines.extend(selected.iter().map(|&place| line(&file.cells[place])));
    let mut out = String::new();
    columns(&mut out, "", "<<><", &lines);
    out
}

/// A guess needs no more than one digit.
fn duration(seconds: f64) -> String {
    match seconds {
        ..1.0 => "a second".to_owned(),
        ..90.0 => format!("{seconds:.0} s"),
        ..5400.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.0} h", seconds / 3600.0),
    }
}
