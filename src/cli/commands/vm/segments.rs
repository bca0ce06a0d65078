//! `pagebench vm --model`: segment tables and holes at a position, or a memory map over time.

use super::VmArgs;
use super::at::{SpacesAt, position_words, spaces_at};
use super::machine::{ChosenMachine, MachineChoice};
use crate::cli::setup::failure::Failure;
use crate::cli::setup::folder::{IfResultsExist, claim_folder};
use crate::cli::setup::terminal::Align::{Left, Right};
use crate::cli::setup::terminal::{Align, field, print, table};
use crate::exit::{self, ExitCode};
use crate::report::chart::{self, Subject, memory_fact};
use crate::report::results::results_csv::write_file;
use crate::report::results::row_of_model::ending_words;
use crate::report::tables::memory_csv::{MemoryRow, read_rows, to_csv};
use crate::space::{ProcessView, Resolved};
use crate::trace::model::event::Protection;
use crate::units::{Printable, counted, show_bytes};
use crate::vm::models::Rules;
use crate::vm::models::choices::{Model, SwapUnit};
use crate::vm::models::holes::Hole;
use crate::vm::models::replay::{Observer, SegmentJob, SegmentState, View, replay_observed};
use crate::vm::models::segmented::segmented;
use crate::vm::models::steps::{SegmentId, Segmented, Step, StepAt};
use crate::vm::models::units::POLICIES;
use std::fmt::Write;
use std::path::Path;

/// The files to write.
const TABLE: &str = "memory.csv";
const CHART: &str = "memory.png";

/// Returns the model to show; `None` if none is asked for. Errors for one without segment tables.
pub fn model_of(args: &VmArgs) -> Result<Option<Model>, Failure> {
    let models = &args.machine.models;
    match models.model[..] {
        [] | [Model::Paging] => Ok(None),
        [model] if model.moves_segments() => Ok(Some(model)),
        [model] => Err(Failure::usage(format!(
            "--model {}: vm shows the segments of segmentation and base-limit, or frames without --model",
            model.name()
        ))),
        _ => Err(Failure::usage("--model: one at a time")),
    }
}

/// Segments of a trace in a memory, ready to be replayed.
struct Setting<'a> {
    args: &'a VmArgs,
    model: Model,
    resolved: &'a Resolved,
    segmented: Segmented,
    machine: &'a ChosenMachine,
}

impl<'a> Setting<'a> {
    fn new(
        args: &'a VmArgs,
        model: Model,
        resolved: &'a Resolved,
        machine: &'a ChosenMachine,
    ) -> Result<Setting<'a>, Failure> {
        let name = machine.choice().spec().name;
        if !POLICIES.contains(&name) {
            return Err(Failure::usage(format!(
                "-p {name}: --model {} has the policies {}",
                model.name(),
                POLICIES.join(", ")
            )));
        }
        let kind = args.machine.models.segments().segments_of(model);
        let segmented = segmented(resolved, kind);
        let wrong = |error| Failure::usage(format!("--model {}: {error}", model.name()));
        Ok(Setting {
            args,
            model,
            resolved,
            segmented: segmented.map_err(wrong)?,
            machine,
        })
    }

    fn memory(&self) -> u64 {
        self.machine.frames().unwrap_or(0) * self.resolved.trace.meta.page_size.bytes()
    }

    fn unit(&self) -> SwapUnit {
        self.args.machine.models.segments().unit_of(self.model)
    }

    fn job(&self, swap: Option<u64>) -> SegmentJob<'_> {
        let settings = self.args.machine.models.segments();
        SegmentJob {
            trace: &self.resolved.trace,
            segmented: &self.segmented,
            policy: self.machine.choice(),
            seed: 1,
            rules: Rules {
                memory: self.memory(),
                fit: settings.fit,
                unit: self.unit(),
                relief: settings.relief,
                swap,
            },
            warmup: 0,
            plain: true,
            idle: None,
        }
    }

    /// Returns model, policy and options in words.
    fn words(&self) -> String {
        let settings = self.args.machine.models.segments();
        let mut words = vec![self.model.name().to_owned(), self.machine.policy()];
        words.push(format!("{} fit", settings.fit.name()));
        words.push(format!("a {} leaves as a whole", self.unit().name()));
        words.push(format!("relief: {}", settings.relief.name()));
        words.join(", ")
    }
}

/// A segment of a process.
struct Entry {
    process: u32,
    address: u64,
    segment: SegmentId,
    state: SegmentState,
    is_out: bool,
}

/// Takes the tables when the replay stops.
struct Tables {
    stops_after: Option<u64>,
    processes: u32,
    entries: Vec<Entry>,
    holes: Vec<Hole>,
}

impl Observer for Tables {
    fn after(&mut self, _view: &View<'_, '_>, _position: u64, _cause: Option<&StepAt>) {}

    fn stops_after(&self) -> Option<u64> {
        self.stops_after
    }

    fn at_end(&mut self, view: &View<'_, '_>) {
        self.holes = view.holes().collect();
        for process in 0..self.processes {
            let of = view.segments_of(process);
            self.entries.extend(of.map(|(address, segment)| Entry {
                process,
                address,
                segment,
                state: view.state(segment),
                is_out: view.is_out(process),
            }));
        }
    }
}

/// Prints segment tables and holes at the position.
pub fn show(args: &VmArgs, choice: &MachineChoice<'_>, model: Model) -> Result<ExitCode, Failure> {
    let SpacesAt {
        resolved,
        view,
        at,
        refs,
    } = spaces_at(args, choice)?;
    let machine = choice.machine(&resolved)?;
    let setting = Setting::new(args, model, &resolved, &machine)?;
    let mut tables = Tables {
        stops_after: at.map(|_| view.position),
        processes: resolved.trace.dictionary.pids.len() as u32,
        entries: Vec::new(),
        holes: Vec::new(),
    };
    let outcome = replay_observed(&setting.job(choice.swap_bytes()), &mut tables);
    let mut out = String::new();
    field(
        &mut out,
        "trace",
        format!(
            "{}, pages of {}",
            resolved.trace.meta.name, resolved.trace.meta.page_size
        ),
    );
    field(
        &mut out,
        "memory",
        format!("{}: {}", show_bytes(setting.memory()), setting.words()),
    );
    field(&mut out, "position", position_words(at, refs));
    let counts = &outcome.counts;
    field(
        &mut out,
        "faults",
        format!(
            "{}: {} first, {} that had left, {} copies; {} written to swap, {} read back",
            counts.faults(),
            counts.fills,
            counts.refills,
            counts.copies,
            show_bytes(counts.swap_bytes_out),
            show_bytes(counts.swap_bytes_in)
        ),
    );
    if let Some((ending, after)) = outcome.ended {
        field(
            &mut out,
            "ended",
            ending_words(&resolved, model, setting.memory(), ending, after),
        );
    }
    for process in &view.processes {
        segment_table(&mut out, &setting, process, &tables.entries);
    }
    holes(&mut out, &tables.holes);
    print(&out)?;
    Ok(exit::OK)
}

fn segment_table(out: &mut String, setting: &Setting<'_>, process: &ProcessView, all: &[Entry]) {
    const TITLES: [(&str, Align); 6] = [
        ("segment", Right),
        ("address", Left),
        ("base", Right),
        ("limit", Right),
        ("prot", Left),
        ("state", Left),
    ];
    let pid = setting.resolved.trace.dictionary.pid(process.process);
    let _ = writeln!(out, "\nprocess {pid}: {}", process.state);
    let own = all.iter().filter(|entry| entry.process == process.process);
    let lines: Vec<Vec<String>> = own
        .enumerate()
        .map(|(number, entry)| {
            vec![
                number.to_string(),
                format!("{:#x}", entry.address),
                entry
                    .state
                    .place
                    .map_or("-".into(), |base| base.to_string()),
                entry.state.bytes.to_string(),
                rights(setting.model, process, entry.address),
                state(all, entry),
            ]
        })
        .collect();
    if !lines.is_empty() {
        table(out, "  ", &TITLES, lines);
    }
}

/// Returns the rights of the mapping at an address; a program that is one segment has all.
fn rights(model: Model, process: &ProcessView, address: u64) -> String {
    let vma = process
        .vmas
        .iter()
        .find(|vma| vma.start <= address && address < vma.end);
    match (model, vma) {
        (Model::BaseLimit, _) | (_, None) => Protection {
            read: true,
            write: true,
            execute: true,
        }
        .to_string(),
        (_, Some(vma)) => vma.protection.to_string(),
    }
}

/// Returns where a segment is, and with whom it is shared.
fn state(all: &[Entry], entry: &Entry) -> String {
    let state = &entry.state;
    let mut words = vec![
        match (state.place, state.known) {
            (Some(_), _) if entry.is_out => "in memory, for others",
            (Some(_), _) => "in memory",
            (None, false) => "not loaded",
            (None, true) if state.copy > 0 => "on swap",
            (None, true) => "in its file",
        }
        .to_owned(),
    ];
    if state.place.is_some() && state.dirty {
        words.push("written".into());
    }
    let others = all
        .iter()
        .filter(|other| other.segment == entry.segment)
        .count()
        - 1;
    if others > 0 {
        words.push(format!("shared by {} processes", others + 1));
    }
    words.join(", ")
}

fn holes(out: &mut String, holes: &[Hole]) {
    let free: u64 = holes.iter().map(|hole| hole.bytes()).sum();
    let largest = holes.iter().map(|hole| hole.bytes()).max().unwrap_or(0);
    let share = match free {
        0 => 0.0,
        free => 1.0 - largest as f64 / free as f64,
    };
    let _ = writeln!(
        out,
        "\n{}: {} free, the largest {}; external fragmentation {share:.3}",
        counted(holes.len() as u64, "hole"),
        show_bytes(free),
        show_bytes(largest)
    );
    let titles = [("start", Right), ("end", Right), ("bytes", Right)];
    let line = |hole: &Hole| {
        [hole.start, hole.end, hole.bytes()]
            .iter()
            .map(u64::to_string)
            .collect()
    };
    if !holes.is_empty() {
        table(
            out,
            "  ",
            &titles,
            holes.iter().map(line).collect::<Vec<Vec<String>>>(),
        );
    }
}

/// Takes memory maps at many positions.
struct Sampler<'r> {
    resolved: &'r Resolved,
    positions: Vec<u64>,
    next: usize,
    rows: Vec<MemoryRow>,
}

impl Sampler<'_> {
    fn sample(&mut self, view: &View<'_, '_>, position: u64) {
        while self
            .positions
            .get(self.next)
            .is_some_and(|&at| at <= position)
        {
            let at = self.positions[self.next];
            self.next += 1;
            self.take(view, at);
        }
    }

    fn take(&mut self, view: &View<'_, '_>, position: u64) {
        let mut rows: Vec<MemoryRow> = view
            .placed()
            .map(|placed| {
                let owner = view.owners(placed.item).first();
                let pid = |process| u64::from(self.resolved.trace.dictionary.pid(process));
                MemoryRow {
                    position,
                    start: placed.start,
                    end: placed.end,
                    pid: owner.map(|&(process, _)| pid(process)),
                    address: owner.map(|&(_, address)| address),
                }
            })
            .collect();
        rows.extend(view.holes().map(|hole| MemoryRow {
            position,
            start: hole.start,
            end: hole.end,
            pid: None,
            address: None,
        }));
        rows.sort_by_key(|row| row.start);
        self.rows.extend(rows);
    }
}

impl Observer for Sampler<'_> {
    fn after(&mut self, view: &View<'_, '_>, position: u64, cause: Option<&StepAt>) {
        match cause {
            None => self.sample(view, position),
            Some(at) if matches!(at.step, Step::Copy { written: true, .. }) => {
                self.sample(view, at.position + 1);
            }
            Some(_) => {}
        }
    }

    fn at_end(&mut self, view: &View<'_, '_>) {
        let last = self.positions.last().copied();
        self.sample(view, last.unwrap_or(0));
    }
}

/// Writes the memory map over time, and its chart.
pub fn write(
    args: &VmArgs,
    choice: &MachineChoice<'_>,
    model: Model,
    (folder, samples): (&Path, u64),
) -> Result<ExitCode, Failure> {
    let folder = claim_folder(folder, IfResultsExist::of(args.force), TABLE, &[CHART])?;
    folder.lock()?;
    let resolved = super::over_time::resolve(args, choice)?;
    let machine = choice.machine(&resolved)?;
    let setting = Setting::new(args, model, &resolved, &machine)?;
    let mut sampler = Sampler {
        resolved: &resolved,
        positions: super::over_time::positions(resolved.trace.len() as u64, samples),
        next: 0,
        rows: vec![MemoryRow {
            end: setting.memory(),
            ..MemoryRow::default()
        }],
    };
    // Before the first reference all is free.
    sampler.next = 1;
    let outcome = replay_observed(&setting.job(choice.swap_bytes()), &mut sampler);
    folder.clear(&[TABLE, CHART])?;
    let path = folder.path().join(TABLE);
    write_file(&path, &to_csv(&sampler.rows))?;
    let meta = &resolved.trace.meta;
    let ended = outcome
        .ended
        .map(|(_, after)| format!("the replay ended after {after} references"));
    let subject = Subject {
        trace: meta.name.clone(),
        trace_kind: meta.kind.name().to_owned(),
        facts: vec![memory_fact(setting.memory()), setting.words()],
        frames: None,
        page_size: meta.page_size.bytes(),
        notes: ended.into_iter().collect(),
    };
    let png = chart::memory_map(&read_rows(&path)?, &subject)?.png()?;
    let chart = folder.path().join(CHART);
    write_file(&chart, &png)?;
    print(&format!("{}\n{}\n", path.printed(), chart.printed()))?;
    Ok(exit::OK)
}
