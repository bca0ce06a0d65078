//! `plan.json` lists every cell of a run, so that runs can be resumed and merged. A cell's id is a hash of
//! everything its row depends on, except other rows.
//!
//! Deliberately absent: results.

use super::column_set::Counts;
use super::columns::{COLUMNS, SCHEMA, other_schema};
use super::row_of_cell::key_of;
use crate::report::whole_file::{TableError, write_file};
use crate::sweep::{Cell, Identity, Partition, Plan};
use crate::trace::model::digest;
use crate::units::{plain_name, printed_json};
use crate::vm::hardware::cost::CostTable;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use xxhash_rust::xxh3::Xxh3;

/// The name of the file in a folder of results.
pub const PLAN: &str = "plan.json";

/// The name and the version of this program, as files have them.
pub const TOOL: &str = concat!("pagebench ", env!("CARGO_PKG_VERSION"));

/// Returns the id of a cell: the hash of the program's version, of every column that says which cell it
/// is, and of what has no column (TLBs, costs, the counts that were asked for if not all).
pub fn cell_id(plan: &Plan<'_>, cell: &Cell, costs: &CostTable, counts: Counts) -> u128 {
    let key = key_of(plan, cell);
    let columns = COLUMNS.iter().map(|column| (column.show)(&key));
    let tlb = plan.tlb_of(cell).map_or(String::new(), |t| t.to_string());
    let costs = serde_json::to_string(costs).expect("costs have no odd keys");
    let counts = counts.names().into_iter().map(str::to_owned);
    hash(columns.chain([tlb, costs]).chain(counts))
}

/// Returns the hash of the program's version and of texts, one by one.
fn hash(parts: impl Iterator<Item = String>) -> u128 {
    let mut hash = Xxh3::new();
    for part in [TOOL.to_owned()].into_iter().chain(parts) {
        // With its length, so that no two lists of texts give the same bytes.
        hash.update(&(part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.digest128()
}

/// A plan as the file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanFile {
    /// The version of the result table.
    pub schema: u64,
    /// The program and its version.
    pub tool: String,
    /// The id of the plan: the hash of its cells' ids, in order.
    pub plan: String,
    /// The part of the plan that the folder is for, as `slice:1/3`; absent for the whole plan.
    pub partition: Option<String>,
    /// The settings, each by the name of its flag.
    pub settings: BTreeMap<String, String>,
    /// The traces.
    pub traces: Vec<PlanTrace>,
    /// Every cell of the plan, in its order, including those of other parts.
    pub cells: Vec<PlanCell>,
}

/// A trace of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanTrace {
    /// Its name.
    #[serde(deserialize_with = "plain")]
    pub name: String,
    /// The size of its pages in bytes.
    pub page_size: u64,
    /// The digest of its references.
    pub digest: String,
    /// Whether it is too large for memory and replayed from its file. Policies that need the future then
    /// cannot run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_file: bool,
}

/// A cell of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanCell {
    /// Its id, 32 hexadecimal digits.
    pub id: String,
    /// The name of its trace.
    #[serde(deserialize_with = "plain")]
    pub trace: String,
    /// The size of its pages in bytes.
    pub page_size: u64,
    /// The policy with its parameters.
    #[serde(deserialize_with = "plain")]
    pub policy: String,
    /// The seed, of a policy that draws.
    #[serde(default)]
    pub seed: Option<u64>,
    /// The window in references, of a variable-space policy.
    pub tau: Option<u64>,
    /// The frames, if their number is limited.
    pub frames: Option<u64>,
    /// The model of memory, if the plan has models.
    #[serde(
        default,
        skip_serializing_if = "String::is_empty",
        deserialize_with = "plain"
    )]
    pub model: String,
    /// The references of its replay, including those of the warm-up.
    pub refs: u64,
}

/// Reads a name and makes it plain: the file may come from elsewhere.
fn plain<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(plain_name(&String::deserialize(from)?).into_owned())
}

impl PlanCell {
    /// Returns the id as a number; 0, which no cell has, if it is malformed.
    fn number(&self) -> u128 {
        u128::from_str_radix(&self.id, 16).unwrap_or(0)
    }

    /// Returns what names the cell among those of its plan.
    pub fn identity(&self) -> Identity {
        Identity {
            trace: self.trace.clone(),
            page_size: self.page_size,
            seed: self.seed,
            tau: self.tau,
            frames: self.frames,
            model: self.model.clone(),
            ..Identity::default()
        }
        .with_policy(&self.policy, "")
    }
}

impl PlanFile {
    /// Makes the file of a plan and the settings that made it.
    pub fn of(
        plan: &Plan<'_>,
        costs: &CostTable,
        counts: Counts,
        settings: BTreeMap<String, String>,
        partition: Option<Partition>,
    ) -> PlanFile {
        let cell = |cell: &Cell| {
            let named = plan.identity(cell);
            PlanCell {
                id: digest::show(cell_id(plan, cell, costs, counts)),
                policy: named.policy_label(),
                trace: named.trace,
                page_size: named.page_size,
                seed: named.seed,
                tau: named.tau,
                frames: named.frames,
                model: named.model,
                refs: plan.traces[cell.trace].trace.len() as u64,
            }
        };
        let cells: Vec<PlanCell> = plan.cells.iter().map(cell).collect();
        let facts = plan.facts.iter().zip(&plan.traces);
        PlanFile {
            schema: SCHEMA,
            tool: TOOL.to_owned(),
            plan: digest::show(hash(cells.iter().map(|cell| cell.id.clone()))),
            partition: partition.map(|partition| partition.to_string()),
            settings,
            traces: facts
                .map(|(facts, resolved)| PlanTrace {
                    name: facts.name.clone(),
                    page_size: facts.page_size.bytes(),
                    digest: facts.digest.clone(),
                    from_file: resolved.trace.store().is_some(),
                })
                .collect(),
            cells,
        }
    }

    /// Returns the part that the folder is for.
    pub fn part(&self) -> Option<Partition> {
        let text = self.partition.as_deref()?;
        Partition::parse(text, &|_| None).ok()
    }

    /// Returns the indices of the cells that are in the part that the folder is for.
    pub fn selected(&self) -> Vec<usize> {
        let part = self.part();
        let takes =
            |&index: &usize| part.is_none_or(|part| part.takes(index, self.cells[index].number()));
        (0..self.cells.len()).filter(takes).collect()
    }

    /// Returns the number of the part that has the cell `index` under `partition`.
    pub fn part_of(&self, index: usize, partition: &Partition) -> u64 {
        partition.part_of(index, self.cells[index].number())
    }

    /// Describes what differs between this plan and another; nothing if they have the same cells. `names` say
    /// which plan is which, as `in the folder` and `in this run`.
    pub fn differences(&self, other: &PlanFile, names: [&str; 2]) -> Vec<String> {
        let [of_this, of_other] = names;
        if self.plan == other.plan {
            return Vec::new();
        }
        let mut found = Vec::new();
        let mut differ = |what: &str, this: &str, that: &str| {
            if this != that {
                found.push(format!("{what}: {this} {of_this}, {that} {of_other}"));
            }
        };
        differ("program", &self.tool, &other.tool);
        let schemas = [self, other].map(|plan| plan.schema.to_string());
        differ("schema", &schemas[0], &schemas[1]);
        let text = |value: Option<&String>| match value {
            Some(value) => format!("{value:?}"),
            None => "not given".to_owned(),
        };
        let keys: BTreeSet<&String> = self.settings.keys().chain(other.settings.keys()).collect();
        for key in keys {
            let values = [self, other].map(|plan| text(plan.settings.get(key)));
            differ(key, &values[0], &values[1]);
        }
        for trace in self.traces.iter().chain(&other.traces) {
            let same = |t: &&PlanTrace| (&t.name, t.page_size) == (&trace.name, trace.page_size);
            let both = [self, other].map(|plan| plan.traces.iter().find(same));
            let digests = both.map(|one| one.map_or("not given", |t| &*t.digest));
            let name = format!("trace {}, pages of {}", trace.name, trace.page_size);
            differ(&name, digests[0], digests[1]);
            if let [Some(here), Some(there)] = both {
                let how = [here, there].map(|t| {
                    if t.from_file {
                        "replayed from its file"
                    } else {
                        "in memory"
                    }
                });
                differ(&format!("{name} (see --mem-limit)"), how[0], how[1]);
            }
        }
        found.dedup();
        if found.is_empty() {
            let counts = [self, other].map(|plan| plan.cells.len());
            let [this, that] = counts;
            found.push(format!("cells: {this} {of_this}, {that} {of_other}"));
        }
        found
    }

    /// Writes the file into a folder.
    ///
    /// # Errors
    ///
    /// Errors if the file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<(), TableError> {
        let text = serde_json::to_string_pretty(self).expect("a plan has no odd keys") + "\n";
        let text = printed_json(text);
        write_file(&folder.join(PLAN), text.as_bytes())
    }

    /// Reads the file of a folder; `None` if there is none.
    ///
    /// # Errors
    ///
    /// Errors if the file cannot be read, is not a plan, or has another schema.
    pub fn read(folder: &Path) -> Result<Option<PlanFile>, TableError> {
        let path = folder.join(PLAN);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(TableError::io(&path, "read", e)),
        };
        // The schema is looked at first: another version explains other fields.
        #[derive(Deserialize)]
        struct Version {
            schema: u64,
        }
        let no_plan = |e: serde_json::Error| {
            TableError::content(&path, Some(e.line() as u64), format!("not a plan: {e}"))
        };
        let version: Version = serde_json::from_slice(&text).map_err(no_plan)?;
        if version.schema != SCHEMA {
            return Err(TableError::content(
                &path,
                None,
                other_schema(version.schema),
            ));
        }
        serde_json::from_slice(&text).map(Some).map_err(no_plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(id: &str, frames: &str, digest: &str) -> PlanFile {
        PlanFile {
            schema: SCHEMA,
            tool: TOOL.into(),
            plan: id.into(),
            partition: None,
            settings: [("frames".to_owned(), frames.to_owned())].into(),
            traces: vec![PlanTrace {
                name: "t".into(),
                page_size: 4096,
                digest: digest.into(),
                from_file: false,
            }],
            cells: Vec::new(),
        }
    }

    #[test]
    fn differences_are_named() {
        let one = plan("1", "64", "aa");
        let differences = |other: &PlanFile| one.differences(other, ["there", "here"]);
        assert!(differences(&plan("1", "2^6", "aa")).is_empty());
        assert_eq!(
            differences(&plan("2", "65", "bb")),
            [
                "frames: \"64\" there, \"65\" here",
                "trace t, pages of 4096: aa there, bb here"
            ]
        );
        assert_eq!(
            differences(&plan("2", "64", "aa")),
            ["cells: 0 there, 0 here"]
        );
        let mut long = plan("2", "64", "aa");
        long.traces[0].from_file = true;
        assert_eq!(
            differences(&long),
            [
                "trace t, pages of 4096 (see --mem-limit): in memory there, replayed from its file here"
            ]
        );
    }

    #[test]
    fn texts_do_not_run_together() {
        let of = |parts: &[&str]| hash(parts.iter().map(|part| part.to_string()));
        assert_ne!(of(&["ab", "c"]), of(&["a", "bc"]));
        assert_ne!(of(&["a"]), of(&["a", ""]));
    }
}
