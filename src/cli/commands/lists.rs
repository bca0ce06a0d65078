//! `pagebench policies`, `formats` and `columns`: the tables of the library, for people.

use crate::cli::setup::failure::Failure;
use crate::cli::setup::terminal::{field, print};
use crate::exit::{self, ExitCode};
use crate::policy::choice_list::group;
use crate::policy::{self, Family, HitDelivery, PolicyId, Spec};
use crate::report::results::columns::{COLUMNS, ColumnKind};
use crate::report::tables::list::{Described, TABLES, columns_of};
use crate::trace::format::options::Open;
use crate::trace::format::{self, Format, ReadReport};
use crate::trace::model::source::PBT;
use crate::units::did_you_mean;
use clap::Args;
use std::fmt::Write;
use std::iter;

/// The name of an entry, or none for the list.
#[derive(Debug, Args)]
pub struct NameArgs {
    /// Describe only this one
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
}

/// Returns a line for each name, with what it is; the latter aligned.
pub fn listing(lines: &[(String, String)]) -> String {
    let width = lines
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0);
    lines
        .iter()
        .map(|(name, about)| format!("{name:width$}  {about}\n"))
        .collect()
}

/// Runs `policies`.
pub fn policies(args: NameArgs) -> Result<ExitCode, Failure> {
    let text = match args.name {
        None => list_policies(Family::GROUPS.into_iter()),
        Some(name) if name.starts_with('@') => list_policies(iter::once(group(&name)?)),
        Some(name) => describe_policy(PolicyId::named(&name)?.spec()),
    };
    print(&text)?;
    Ok(exit::OK)
}

/// Returns the policies of each family, under the name that stands for all of them.
fn list_policies(families: impl Iterator<Item = (&'static str, Family)>) -> String {
    let mut out = String::new();
    let all = || PolicyId::all().map(PolicyId::spec);
    let width = all().map(|spec| spec.name.len()).max().unwrap_or(0);
    for (group, family) in families {
        let members: Vec<&Spec> = all().filter(|spec| spec.family == family).collect();
        if members.is_empty() {
            continue;
        }
        let gap = if out.is_empty() { "" } else { "\n" };
        let _ = writeln!(out, "{gap}@{group}");
        for spec in members {
            let _ = writeln!(out, "  {:width$}  {}", spec.name, spec.about);
        }
    }
    out
}

fn describe_policy(spec: &Spec) -> String {
    let mut out = format!("{} ({}): {}\n", spec.name, spec.family.name(), spec.about);
    if !spec.aliases.is_empty() {
        field(&mut out, "also called", spec.aliases.join(", "));
    }
    let memory = match spec.space {
        policy::MemoryBy::Fixed => "frames (-m)",
        policy::MemoryBy::Variable => "a window in references of the process (--tau)",
    };
    field(&mut out, "memory", memory);
    field(&mut out, "sees", spec.sees.about());
    let bursts = match spec.bursts {
        HitDelivery::Never => "reference by reference",
        HitDelivery::SetBitsAlone => "by bursts, where there is one process",
        _ => "by bursts",
    };
    field(&mut out, "replayed", bursts);
    let field_if_any = |out: &mut String, label, text: &str| {
        if !text.is_empty() {
            field(out, label, text);
        }
    };
    field_if_any(&mut out, "complexity", spec.complexity);
    field_if_any(&mut out, "state", spec.bytes);
    if spec.randomized {
        field(&mut out, "draws", "random numbers, from --seed");
    }
    field_if_any(&mut out, "source", spec.cite);
    field_if_any(&mut out, "choices", spec.choices);
    for param in spec.params {
        let default = param
            .default
            .map_or("off".to_owned(), |value| param.show(value));
        let (name, range, about) = (param.name, param.range(), param.about);
        let text = format!("{name}={default}  {range}: {about}");
        field(&mut out, "parameter", text);
    }
    out
}

/// Runs `formats`.
pub fn formats(args: NameArgs) -> Result<ExitCode, Failure> {
    let text = match args.name.as_deref() {
        None => list_formats(),
        Some(PBT) => {
            "pbt: this program's stored form; write it with: pagebench convert TRACE -o FILE.pbt\n\
                      The layout is documented in src/trace/store/mod.rs.\n"
                .to_owned()
        }
        Some(name) => describe_format(format::by_name(name).map_err(Failure::usage)?),
    };
    print(&text)?;
    Ok(exit::OK)
}

fn list_formats() -> String {
    let stored = (
        PBT.to_owned(),
        "this program's stored form: dense, compressed, read block by block".to_owned(),
    );
    let entries = format::TABLE
        .iter()
        .map(|entry| (entry.name.to_owned(), entry.about.to_owned()));
    listing(&iter::once(stored).chain(entries).collect::<Vec<_>>())
}

fn describe_format(format: &Format) -> String {
    let written = match &format.written {
        Some(written) => {
            let endings: Vec<String> = written.endings.iter().map(|e| format!(".{e}")).collect();
            format!(
                "written by: pagebench convert --to {} (for names that end in {})\n",
                format.name,
                endings.join(", ")
            )
        }
        None => String::new(),
    };
    format!(
        "{}: {}\nkind: {}\n{}{written}\n{}\n",
        format.name,
        format.about,
        format.kind.name(),
        numbers(format),
        format.layout.trim_end()
    )
}

/// Returns the line about the numbers of a format; empty if no option changes what they mean.
fn numbers(format: &Format) -> String {
    let numbers = &format.numbers;
    let report = ReadReport {
        base: numbers.base,
        unit: numbers.unit,
        ..ReadReport::default()
    };
    let options = match (numbers.base, numbers.unit) {
        (None, None) => return String::new(),
        (Some(_), None) => "--base says another",
        (None, Some(_)) => "--unit says another",
        (Some(_), Some(_)) => "--base and --unit say others",
    };
    let endings: Vec<String> = numbers.endings.iter().map(|e| format!(".{e}")).collect();
    let settled = match (numbers.open, endings.is_empty()) {
        (Open::Nothing, _) => String::new(),
        (_, true) => "; asked about where nothing in the file settles it".to_owned(),
        (_, false) => format!(
            "; asked about where neither the file nor its ending ({}) settles it",
            endings.join(", ")
        ),
    };
    format!(
        "numbers: {}; {options}{settled}\n",
        report.parts().join("; ")
    )
}

/// A column of `results.csv`, or a table; none for all of `results.csv`.
#[derive(Debug, Args)]
#[command(after_help = columns_help())]
pub struct ColumnsArgs {
    /// A column of results.csv, or a table
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
}

fn columns_help() -> String {
    let tables: Vec<&str> = TABLES.iter().map(|(name, _)| *name).collect();
    format!(
        "Tables: {} (the table of check --chart).\n\nExamples:\n  \
         pagebench columns faults\n  pagebench columns distributions.csv",
        tables.join(", ")
    )
}

/// Runs `columns`.
pub fn columns(args: ColumnsArgs) -> Result<ExitCode, Failure> {
    let name = args.name.as_deref().unwrap_or("results.csv");
    let one = || -> Option<Vec<Described>> {
        let mut columns = columns_of("results.csv")?;
        columns.retain(|column| column.0 == name);
        (!columns.is_empty()).then_some(columns)
    };
    let Some(lines) = columns_of(name).or_else(one) else {
        let columns = COLUMNS.iter().map(|column| column.name);
        let tables = TABLES.iter().map(|(table, _)| *table);
        let hint = did_you_mean(name, columns.chain(tables));
        return Err(Failure::usage(format!("unknown column {name:?}{hint}")));
    };
    let line = |(name, kind, unit, about): Described| {
        let kind = match kind {
            ColumnKind::Text => "text",
            ColumnKind::Count => "count",
            ColumnKind::Real => "real",
        };
        let unit = if unit.is_empty() { "-" } else { unit };
        (format!("{name:16}  {kind:5}  {unit:13}"), about.to_owned())
    };
    print(&listing(&lines.into_iter().map(line).collect::<Vec<_>>()))?;
    Ok(exit::OK)
}
