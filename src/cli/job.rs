//! What `run`, `plan` and `check` share: from their arguments to a plan of cells.

use super::args::{CacheArgs, ReadArgs, SelectArgs, SweepArgs, TerminalArgs};
use super::cache::Cache;
use super::experiment::Config;
use super::experiment::file::TraceEntry;
use super::failure::Failure;
use super::input::{
    Inputs, Loaded, Wanted, keep_countable, keep_fitting, load_each, real, resolve_all,
};
use super::progress::note;
use crate::exit;
use crate::report::counts::Counts;
use crate::report::plan_file::PlanFile;
use crate::space::Resolved;
use crate::sweep::{Axes, Partition, Plan, Settings};
use crate::trace::digest;
use crate::trace::source::LoadOptions;
use crate::units::did_you_mean;
use crate::vm::cost::CostTable;
use clap::Args;
use std::path::PathBuf;

/// Which cells of which traces.
#[derive(Debug, Args)]
pub struct JobArgs {
    /// Traces, or folders of traces; - is standard input
    #[arg(required_unless_present = "file", value_name = "TRACE")]
    pub traces: Vec<PathBuf>,

    /// Experiment file with traces and settings (see: pagebench init); what the command line says
    /// wins over it
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Settings of the experiment file that do not hold here, by their keys: limit,swap
    #[arg(long, value_name = "KEY,…", value_delimiter = ',', requires = "file")]
    pub unset: Vec<String>,

    /// Take one part of the cells, K of N: in turn (slice), or by the cells' ids (hash). auto takes K
    /// from the variable in which Slurm, HyperQueue, PBS, Grid Engine, Kubernetes or CI number tasks
    #[arg(long, value_name = "slice:K/N|hash:K/N|auto:/N|auto")]
    pub partition: Option<String>,

    /// Counts of results.csv that are asked for, where not all are: faults,write_backs,fault_rate (see:
    /// pagebench columns). Other columns stay empty, there is no distributions.csv, and what curves
    /// tell at all sizes in one pass is taken from them: the same bytes, sooner
    #[arg(
        long,
        value_name = "COLUMN,…",
        value_delimiter = ',',
        help_heading = "Cells"
    )]
    pub counts: Vec<String>,

    /// Print every setting and where it came from, as an experiment file, and do nothing
    #[arg(long)]
    pub show_config: bool,

    #[command(flatten)]
    pub sweep: SweepArgs,

    #[command(flatten)]
    pub read: ReadArgs,

    #[command(flatten)]
    pub select: SelectArgs,

    #[command(flatten)]
    pub cache: CacheArgs,

    #[command(flatten)]
    pub terminal: TerminalArgs,
}

/// The arguments, looked at.
pub struct Asked {
    /// The axes.
    pub axes: Axes,
    /// The costs of the time model.
    pub costs: CostTable,
    /// What holds for every cell.
    pub settings: Settings,
    /// The counts that are asked for.
    pub counts: Counts,
    /// The part of the cells.
    pub partition: Option<Partition>,
    /// The number of threads.
    pub threads: usize,
    options: LoadOptions,
}

impl JobArgs {
    /// Looks at the arguments, before anything is read.
    pub fn asked(&self) -> Result<Asked, Failure> {
        let partition = |text: &String| {
            Partition::parse(text, &|name| std::env::var(name).ok())
                .map_err(|why| Failure::usage(format!("--partition {why}")))
        };
        let mut options = self.read.options(&self.select)?;
        options.mem_limit = self.sweep.mem_limit()?;
        let counts =
            Counts::parse(&self.counts).map_err(|why| Failure::usage(format!("--counts {why}")))?;
        let mut settings = self.sweep.settings(self.select.selection().describe())?;
        settings.curves = counts.facts();
        if !counts.need_tlbs() {
            settings.drop_tlb();
        }
        Ok(Asked {
            axes: self.sweep.axes()?,
            costs: self.sweep.costs()?,
            settings,
            counts,
            partition: self.partition.as_ref().map(partition).transpose()?,
            threads: self.sweep.threads()?,
            options,
        })
    }
}

impl Asked {
    /// Reads the traces of the command line, or else those of the experiment.
    pub fn load(&self, job: &JobArgs, config: &Config) -> Result<Inputs<Resolved>, Failure> {
        let wanted = wanted(&job.traces, &self.options, config)?;
        let cache = Cache::of(&job.cache);
        let sizes = |_: &str, _| job.sweep.page_size.clone();
        let inputs = load_each(&wanted, &sizes, cache.as_ref())?;
        let mut inputs = resolve_all(inputs, &self.settings.space)?;
        keep_countable(&mut inputs, self.settings.warmup)?;
        keep_fitting(&mut inputs, &self.axes)?;
        if job.traces.is_empty() {
            check_digests(&inputs, config)?;
        }
        Ok(inputs)
    }

    /// The plan of all cells, and as it stands in its file, with the part that is taken. Fails where
    /// no cell is left.
    pub fn plan<'t>(
        &self,
        inputs: &'t Inputs<Resolved>,
        config: &Config,
    ) -> Result<(Plan<'t>, PlanFile), Failure> {
        let traces: Vec<&Resolved> = inputs
            .loaded
            .iter()
            .flat_map(|loaded| &loaded.traces)
            .collect();
        let mut plan = Plan::new(&traces, &self.axes, self.settings.clone())?;
        tell_long(&traces, &self.axes);
        let nothing = |what: &str| Failure::new(exit::NOTHING, format!("nothing selected: {what}"));
        if plan.cells.is_empty() {
            return Err(nothing(
                "every policy asked for knows the future, and the traces do not fit into memory \
                 (raise --mem-limit)",
            ));
        }
        exclude(&mut plan, config);
        if plan.cells.is_empty() {
            return Err(nothing("the experiment excludes every cell"));
        }
        let file = PlanFile::of(
            &plan,
            &self.costs,
            self.counts,
            config.settings(),
            self.partition,
        );
        match self.partition {
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

/// What is read, and how: the traces of the command line, or else those of the experiment.
pub fn wanted(
    traces: &[PathBuf],
    options: &LoadOptions,
    config: &Config,
) -> Result<Vec<Wanted>, Failure> {
    let plain = |path: &PathBuf| Wanted {
        path: path.clone(),
        options: options.clone(),
    };
    let named = |entry: &TraceEntry| Wanted {
        path: entry.path.clone(),
        options: LoadOptions {
            name: entry.name.clone(),
            format: match config.is_given("format") {
                true => options.format.clone(),
                false => entry.format.clone().or(options.format.clone()),
            },
            ..options.clone()
        },
    };
    match (traces, &config.experiment) {
        ([], Some(experiment)) if experiment.traces.is_empty() => {
            let file = experiment.text.path().display();
            Err(Failure::usage(format!(
                "{file}: no [[trace]]; add one, or name traces on the command line"
            )))
        }
        ([], Some(experiment)) => Ok(experiment.traces.iter().map(named).collect()),
        (traces, _) => Ok(traces.iter().map(plain).collect()),
    }
}

/// The traces must be those that the experiment means.
pub fn check_digests(inputs: &Inputs<Resolved>, config: &Config) -> Result<(), Failure> {
    let Some(experiment) = &config.experiment else {
        return Ok(());
    };
    for entry in &experiment.traces {
        let same = |one: &&Loaded<Resolved>| real(&one.path) == real(&entry.path);
        let loaded = inputs.loaded.iter().find(same);
        // A trace that could not be read was told already.
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
                "{} is another trace: its digest is {}, here is {wanted}",
                entry.path.display(),
                digests.join(", ")
            );
            let failure = experiment.text.fail(entry.span.clone(), what);
            return Err(Failure::new(exit::BAD_TRACE, failure.to_string()));
        }
    }
    Ok(())
}

/// Leaves out what the experiment excludes, and says which exclusions had nothing to take away.
pub fn exclude(plan: &mut Plan<'_>, config: &Config) {
    let Some(experiment) = &config.experiment else {
        return;
    };
    let (places, excludes): (Vec<_>, Vec<_>) = experiment.excludes.iter().cloned().unzip();
    let taken = plan.exclude(&excludes);
    for ((span, exclude), _) in places
        .iter()
        .zip(&excludes)
        .zip(taken)
        .filter(|(_, n)| *n == 0)
    {
        let place = experiment.text.place(span);
        let names: Vec<&str> = plan.facts.iter().map(|facts| &*facts.name).collect();
        let hint = match &exclude.trace {
            Some(name) if !names.contains(&&**name) => {
                let hint = did_you_mean(name, names.into_iter());
                format!(" (there is no trace \"{name}\"{hint})")
            }
            _ => String::new(),
        };
        note(&format!(
            "warning: {place}: this exclude leaves out no cell{hint}"
        ));
    }
}

/// Says which traces are replayed from their files, and what that leaves out.
fn tell_long(traces: &[&Resolved], axes: &Axes) {
    let future = axes.policies.iter().map(|choice| choice.spec());
    let names: Vec<&str> = future
        .filter(|spec| spec.needs_future())
        .map(|spec| spec.name)
        .collect();
    for resolved in traces {
        let trace = &resolved.trace;
        if trace.store().is_none() {
            continue;
        }
        let mut what = format!(
            "note: {}: replayed from its file, tile by tile: it does not fit into memory",
            trace.meta.name
        );
        if !names.is_empty() {
            what += &format!(
                "; left out, since they know the future: {}",
                names.join(", ")
            );
        }
        note(&what);
    }
}
