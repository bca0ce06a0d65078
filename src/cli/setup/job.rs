//! The jobs of `run` and `plan`: from checked arguments and an experiment to traces, and to a plan of
//! cells. `check` uses the list of traces, the check of digests and the exclusions.

use super::cache::Cache;
use super::experiment::Config;
use super::experiment::file::TraceEntry;
use super::failure::Failure;
use super::input::{
    Inputs, Loaded, Wanted, frames_of_string, keep_countable, keep_fitting, load_each, load_string,
    real, resolve_all,
};
use super::progress::note;
use crate::cli::args::job_args::{CheckedArgs, JobArgs};
use crate::exit;
use crate::report::results::plan_file::PlanFile;
use crate::space::Resolved;
use crate::sweep::{Axes, Plan};
use crate::trace::model::digest;
use crate::trace::model::source::LoadOptions;
use crate::units::{Printable, did_you_mean};
use std::path::PathBuf;

/// A job: arguments that were merged with the experiment file, and then checked.
pub struct Job<'a> {
    /// The arguments.
    pub args: &'a JobArgs,
    /// Every setting with its origin, and the experiment.
    pub config: Config,
    /// The values of the arguments.
    pub checked: CheckedArgs,
}

impl<'a> Job<'a> {
    /// Checks the arguments of a job.
    pub fn new(args: &'a JobArgs, config: Config) -> Result<Job<'a>, Failure> {
        let mut checked = args.checked()?;
        if let Some(text) = &args.string {
            checked.axes.frames = frames_of_string(text, &checked.axes.frames)?;
        }
        Ok(Job {
            args,
            config,
            checked,
        })
    }

    /// Reads the traces or the reference string of the command line, or else the traces of the
    /// experiment.
    pub fn load(&self) -> Result<Inputs<Resolved>, Failure> {
        let inputs = match &self.args.string {
            Some(text) => {
                let sizes = &self.args.replay.sweep.page_size;
                load_string(text, sizes, &self.checked.options)?
            }
            None => self.load_files()?,
        };
        let mut inputs = resolve_all(inputs, &self.checked.settings.space)?;
        keep_countable(&mut inputs, self.checked.settings.warmup)?;
        keep_fitting(&mut inputs, &self.checked.axes)?;
        if self.args.traces.is_empty() && self.args.string.is_none() {
            check_digests(&inputs, &self.config)?;
        }
        Ok(inputs)
    }

    fn load_files(&self) -> Result<Inputs, Failure> {
        let wanted = wanted_traces(&self.args.traces, &self.checked.options, &self.config)?;
        let cache = Cache::of(&self.args.replay.cache);
        let sizes = |_: &str, _| self.args.replay.sweep.page_size.clone();
        load_each(&wanted, &sizes, cache.as_ref())
    }

    /// Returns the plan of all cells, and its file, which knows the part to take. Errors if no cell is
    /// left.
    pub fn plan<'t>(&self, inputs: &'t Inputs<Resolved>) -> Result<(Plan<'t>, PlanFile), Failure> {
        let CheckedArgs {
            axes,
            settings,
            costs,
            counts,
            partition,
            ..
        } = &self.checked;
        let traces = inputs.traces();
        let mut plan = Plan::new(&traces, axes, settings.clone())?;
        report_long_traces(&traces, axes);
        let nothing = |what: &str| Failure::new(exit::NOTHING, format!("nothing selected: {what}"));
        if plan.cells.is_empty() {
            return Err(nothing(
                "every policy asked for knows the future, and the traces do not fit into memory \
                 (raise --mem-limit)",
            ));
        }
        exclude(&mut plan, &self.config);
        if plan.cells.is_empty() {
            return Err(nothing("the experiment excludes every cell"));
        }
        let file = PlanFile::of(&plan, costs, *counts, self.config.settings(), *partition);
        match partition {
            Some(partition) if file.selected().is_empty() => {
                let cells = plan.cells.len();
                Err(nothing(&format!(
                    "{partition} has none of the {cells} cells"
                )))
            }
            _ => Ok((plan, file)),
        }
    }
}

/// Returns the traces of the command line, or else those of the experiment, each with how it is read.
pub fn wanted_traces(
    traces: &[PathBuf],
    options: &LoadOptions,
    config: &Config,
) -> Result<Vec<Wanted>, Failure> {
    let of_path = |path: &PathBuf| Wanted {
        path: path.clone(),
        options: options.clone(),
    };
    let of_entry = |entry: &TraceEntry| {
        let format = if config.is_given("format") {
            options.format.clone()
        } else {
            entry.format.clone().or(options.format.clone())
        };
        Wanted {
            path: entry.path.clone(),
            options: LoadOptions {
                name: entry.name.clone(),
                format,
                ..options.clone()
            },
        }
    };
    match (traces, &config.experiment) {
        ([], Some(experiment)) if experiment.traces.is_empty() => {
            let file = experiment.text.path().printed();
            Err(Failure::usage(format!(
                "{file}: no [[trace]]; add one, or name traces on the command line"
            )))
        }
        ([], Some(experiment)) => Ok(experiment.traces.iter().map(of_entry).collect()),
        (traces, _) => Ok(traces.iter().map(of_path).collect()),
    }
}

/// Errors if a trace that was read is not the one that the experiment means, by its digest.
pub fn check_digests(inputs: &Inputs<Resolved>, config: &Config) -> Result<(), Failure> {
    let Some(experiment) = &config.experiment else {
        return Ok(());
    };
    for entry in &experiment.traces {
        let same_file = |one: &&Loaded<Resolved>| real(&one.path) == real(&entry.path);
        let loaded = inputs.loaded.iter().find(same_file);
        // A trace that could not be read was reported already.
        let (Some(wanted), Some(loaded)) = (&entry.digest, loaded) else {
            continue;
        };
        let digests: Vec<String> = loaded
            .traces
            .iter()
            .map(|resolved| digest::show(resolved.trace.digest()))
            .collect();
        if !digests.iter().any(|digest| digest.starts_with(wanted)) {
            let what = format!(
                "{}: digest {}, but the experiment expects {wanted}: this is another trace",
                entry.path.printed(),
                digests.join(", ")
            );
            let failure = experiment.text.fail(entry.span.clone(), what);
            return Err(Failure::new(exit::BAD_TRACE, failure.to_string()));
        }
    }
    Ok(())
}

/// Removes the cells that the experiment excludes. Warns of exclusions that remove none.
pub fn exclude(plan: &mut Plan<'_>, config: &Config) {
    let Some(experiment) = &config.experiment else {
        return;
    };
    let (places, excludes): (Vec<_>, Vec<_>) = experiment.excludes.iter().cloned().unzip();
    let removed = plan.exclude(&excludes);
    for ((span, exclude), removed) in places.iter().zip(&excludes).zip(removed) {
        if removed > 0 {
            continue;
        }
        let place = experiment.text.place(span);
        let names: Vec<&str> = plan.facts.iter().map(|facts| &*facts.name).collect();
        let hint = match &exclude.trace {
            Some(name) if !names.contains(&&**name) => {
                let hint = did_you_mean(name, names.into_iter());
                format!(" (there is no trace {name:?}{hint})")
            }
            _ => String::new(),
        };
        note(&format!(
            "warning: {place}: this exclude leaves out no cell{hint}"
        ));
    }
}

/// Notes which traces are replayed from their files, and which policies that leaves out.
fn report_long_traces(traces: &[&Resolved], axes: &Axes) {
    let specs = axes.policies.iter().map(|choice| choice.spec());
    let left_out: Vec<&str> = specs
        .filter(|spec| spec.needs_future())
        .map(|spec| spec.name)
        .collect();
    for resolved in traces {
        let trace = &resolved.trace;
        if trace.store().is_none() {
            continue;
        }
        let mut what = format!(
            "note: {}: does not fit into memory and is replayed from its file, tile by tile",
            trace.meta.name
        );
        if !left_out.is_empty() {
            what += &format!(
                "; left out, since they know the future: {}",
                left_out.join(", ")
            );
        }
        note(&what);
    }
}
