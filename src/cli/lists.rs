//! `pagebench policies`, `formats` and `columns`: the tables of the library, for people.

use super::failure::Failure;
use super::print;
use crate::exit::{self, ExitCode};
use crate::policy::select::group;
use crate::policy::{self, Bursts, Family, PolicyId, Spec, TABLE};
use crate::report::columns::{COLUMNS, ColumnKind};
use crate::report::tables::{Described, TABLES, columns_of};
use crate::trace::format;
use crate::trace::source::PBT;
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

/// Lines of left-aligned fields.
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

/// The policies of families, each under the name that stands for all of it.
fn list_policies(families: impl Iterator<Item = (&'static str, Family)>) -> String {
    let mut out = String::new();
    let width = TABLE.iter().map(|spec| spec.name.len()).max().unwrap_or(0);
    for (group, family) in families {
        let of_it: Vec<&Spec> = TABLE.iter().filter(|spec| spec.family == family).collect();
        if of_it.is_empty() {
            continue;
        }
        let gap = if out.is_empty() { "" } else { "\n" };
        let _ = writeln!(out, "{gap}@{group}");
        for spec in of_it {
            let _ = writeln!(out, "  {:width$}  {}", spec.name, spec.about);
        }
    }
    out
}

fn describe_policy(spec: &Spec) -> String {
    let mut out = format!("{} ({}): {}\n", spec.name, spec.family.name(), spec.about);
    if !spec.aliases.is_empty() {
        let _ = writeln!(out, "also called  {}", spec.aliases.join(", "));
    }
    let memory = match spec.space {
        policy::Space::Fixed => "frames (-m)",
        policy::Space::Variable => "a window in references of the process (--tau)",
    };
    let _ = writeln!(out, "memory       {memory}");
    let _ = writeln!(out, "sees         {}", spec.sees.about());
    let bursts = match spec.bursts {
        Bursts::Never => "reference by reference",
        Bursts::SetBitsAlone => "by bursts, where there is one process",
        _ => "by bursts",
    };
    let _ = writeln!(out, "replayed     {bursts}");
    let _ = writeln!(out, "complexity   {}", spec.complexity);
    let _ = writeln!(out, "state        {}", spec.bytes);
    if spec.randomized {
        let _ = writeln!(out, "draws        random numbers, from --seed");
    }
    let _ = writeln!(out, "source       {}", spec.cite);
    if !spec.choices.is_empty() {
        let _ = writeln!(out, "choices      {}", spec.choices);
    }
    for param in spec.params {
        let default = param
            .default
            .map_or("off".to_owned(), |value| param.show(value));
        let _ = writeln!(
            out,
            "parameter    {}={default}  {}: {}",
            param.name,
            param.range(),
            param.about
        );
    }
    out
}

/// Runs `formats`.
pub fn formats(args: NameArgs) -> Result<ExitCode, Failure> {
    let text = match args.name.as_deref() {
        None => {
            let stored = (
                PBT.to_owned(),
                "this program's stored form: dense, compressed, mapped on reading".to_owned(),
            );
            let entries = format::TABLE
                .iter()
                .map(|entry| (entry.name.to_owned(), entry.about.to_owned()));
            listing(&std::iter::once(stored).chain(entries).collect::<Vec<_>>())
        }
        Some(PBT) => {
            "pbt: this program's stored form; write it with: pagebench convert TRACE -o FILE.pbt\n\
                      The layout is documented in src/trace/store/mod.rs.\n"
                .to_owned()
        }
        Some(name) => {
            let entry = format::by_name(name).map_err(|e| Failure::usage(e.to_string()))?;
            let written = match &entry.written {
                Some(written) => {
                    let endings: Vec<String> =
                        written.endings.iter().map(|e| format!(".{e}")).collect();
                    format!(
                        "written by: pagebench convert --to {} (for names that end in {})\n",
                        entry.name,
                        endings.join(", ")
                    )
                }
                None => String::new(),
            };
            format!(
                "{}: {}\nkind: {}\n{written}\n{}\n",
                entry.name,
                entry.about,
                entry.kind.name(),
                entry.layout.trim_end()
            )
        }
    };
    print(&text)?;
    Ok(exit::OK)
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
        "Tables: {} (the table beside the picture of check --chart).\n\nExamples:\n  \
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
        let hint = crate::units::did_you_mean(name, columns.chain(tables));
        return Err(Failure::usage(format!("unknown column \"{name}\"{hint}")));
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
