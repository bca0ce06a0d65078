//! Part K of N of a plan's cells, for runs that are spread over hosts. Cells are dealt out in turn
//! (`slice`), or by their ids (`hash`), so that a cell stays in its part when others come or go.
//!
//! All it knows of schedulers is the environment variable in which each gives a task its number; the
//! caller passes the environment in.

use std::fmt;

/// How cells are dealt out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deal {
    /// In turn, in the order of the plan.
    Slice,
    /// By their ids.
    Hash,
}

/// The word for each way of dealing.
const DEALS: [(Deal, &str); 2] = [(Deal::Slice, "slice"), (Deal::Hash, "hash")];

/// The variables in which schedulers give a task its number, and what to add so that it counts from 1.
/// The number of tasks is never taken from Slurm: when some tasks are submitted again, Slurm counts
/// only these.
const INDICES: [(&str, u64); 6] = [
    ("SLURM_ARRAY_TASK_ID", 0),
    ("HQ_TASK_ID", 0),
    ("PBS_ARRAY_INDEX", 0),
    ("SGE_TASK_ID", 0),
    ("JOB_COMPLETION_INDEX", 1),
    ("CI_NODE_INDEX", 0),
];

/// The variable in which CI services give the number of tasks.
const TOTAL: &str = "CI_NODE_TOTAL";

/// Part K of N.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    deal: Deal,
    /// From 1.
    index: u64,
    of: u64,
}

impl Partition {
    /// Reads `slice:K/N`, `hash:K/N`, `auto:/N` or `auto`, the last two with the number that a
    /// scheduler gave this task; `env` looks up a variable of the environment.
    ///
    /// # Errors
    ///
    /// Errors if the text has another form, if K is not from 1 to N, or if the environment has no
    /// number or two that disagree.
    pub fn parse(text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Partition, String> {
        let text = text.trim();
        let wrong = || format!("{text:?}: write slice:K/N, hash:K/N, auto:/N or auto");
        let number = |word: &str| word.trim().parse::<u64>().map_err(|_| wrong());
        if let Some(rest) = text.strip_prefix("auto") {
            let given = match rest.strip_prefix(":/") {
                Some(of) => Some(number(of)?),
                None if rest.is_empty() => None,
                None => return Err(wrong()),
            };
            return Partition::checked(Deal::Slice, index(env)?, total(given, env)?);
        }
        let (deal, rest) = text.split_once(':').ok_or_else(wrong)?;
        let found = DEALS.into_iter().find(|(_, name)| *name == deal.trim());
        let (deal, _) = found.ok_or_else(wrong)?;
        let (index, of) = rest.split_once('/').ok_or_else(wrong)?;
        Partition::checked(deal, number(index)?, number(of)?)
    }

    fn checked(deal: Deal, index: u64, of: u64) -> Result<Partition, String> {
        match index {
            1.. if index <= of => Ok(Partition { deal, index, of }),
            _ if of == 0 => Err(format!("part {index} of 0: N must be at least 1")),
            _ => Err(format!("part {index} of {of}: parts count from 1 to {of}")),
        }
    }

    /// Returns true if the cell with this id, at `position` in the plan (from 0), is in the part.
    pub fn takes(&self, position: usize, id: u128) -> bool {
        self.part_of(position, id) == self.index
    }

    /// Returns the number of the cell's part, from 1.
    pub fn part_of(&self, position: usize, id: u128) -> u64 {
        let turn = match self.deal {
            Deal::Slice => position as u128,
            Deal::Hash => id,
        };
        (turn % u128::from(self.of)) as u64 + 1
    }

    /// Returns true if both deal out cells in the same way into as many parts.
    pub fn deals_like(&self, other: &Partition) -> bool {
        (self.deal, self.of) == (other.deal, other.of)
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = DEALS.iter().find(|(deal, _)| *deal == self.deal);
        let name = name.map_or("", |(_, name)| name);
        write!(f, "{name}:{}/{}", self.index, self.of)
    }
}

/// Reads a variable that holds a number. Some schedulers set it to a word outside of arrays: then
/// `None`.
fn variable(env: &dyn Fn(&str) -> Option<String>, name: &str) -> Option<u64> {
    env(name)?.trim().parse().ok()
}

/// Returns the number of this task, from 1. Errors if no variable has it, or if two disagree.
fn index(env: &dyn Fn(&str) -> Option<String>) -> Result<u64, String> {
    let given: Vec<(&str, u64)> = INDICES
        .into_iter()
        .filter_map(|(name, add)| Some((name, variable(env, name)?.saturating_add(add))))
        .collect();
    let Some(&(name, index)) = given.first() else {
        let names = INDICES.map(|(name, _)| name).join(", ");
        return Err(format!(
            "auto: the environment gives no number of a task (looked for: {names})"
        ));
    };
    match given.iter().find(|(_, other)| *other != index) {
        None => Ok(index),
        Some((other, number)) => Err(format!(
            "auto: {name} makes this task {index}, {other} makes it {number}; name the part: slice:K/N"
        )),
    }
}

/// Returns the number of tasks, from the text or the environment. Errors if both differ or neither has
/// it.
fn total(given: Option<u64>, env: &dyn Fn(&str) -> Option<String>) -> Result<u64, String> {
    match (given, variable(env, TOTAL)) {
        (Some(given), Some(total)) if given != total => Err(format!(
            "auto:/{given}: {TOTAL} says {total}; leave one of them out"
        )),
        (Some(total), _) | (None, Some(total)) => Ok(total),
        (None, None) => Err(format!(
            "auto: how many parts are there? write auto:/N, or set {TOTAL}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, env: &[(&str, &str)]) -> Result<String, String> {
        let env = |name: &str| {
            let found = env.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| value.to_string())
        };
        Partition::parse(text, &env).map(|partition| partition.to_string())
    }

    #[test]
    fn parts_read_and_print() {
        assert_eq!(parse("slice:2/8", &[]).unwrap(), "slice:2/8");
        assert_eq!(parse(" hash:8/8", &[]).unwrap(), "hash:8/8");
        for (env, shown) in [
            (vec![("SLURM_ARRAY_TASK_ID", "3")], "slice:3/4"),
            (vec![("JOB_COMPLETION_INDEX", "0")], "slice:1/4"),
            (
                vec![("SGE_TASK_ID", "undefined"), ("CI_NODE_INDEX", "4")],
                "slice:4/4",
            ),
            (
                vec![("HQ_TASK_ID", "2"), ("JOB_COMPLETION_INDEX", "1")],
                "slice:2/4",
            ),
        ] {
            assert_eq!(parse("auto:/4", &env).unwrap(), shown);
        }
        let ci = [("CI_NODE_INDEX", "1"), ("CI_NODE_TOTAL", "5")];
        assert_eq!(parse("auto", &ci).unwrap(), "slice:1/5");
    }

    #[test]
    fn wrong_parts_say_why() {
        let slurm = ("SLURM_ARRAY_TASK_ID", "3");
        let count = ("SLURM_ARRAY_TASK_COUNT", "3");
        for (text, env, why) in [
            ("slice:0/3", vec![], "parts count from 1 to 3"),
            ("hash:4/3", vec![], "part 4 of 3"),
            ("slice:1/0", vec![], "N must be at least 1"),
            ("count:1/3", vec![], "write slice:K/N"),
            ("slice:1", vec![], "write slice:K/N"),
            ("slice:x/3", vec![], "write slice:K/N"),
            ("autos", vec![slurm], "write slice:K/N"),
            ("auto:/3", vec![], "gives no number"),
            ("auto", vec![slurm, count], "how many parts"),
            ("auto:/2", vec![slurm], "part 3 of 2"),
            (
                "auto:/9",
                vec![slurm, ("HQ_TASK_ID", "4")],
                "HQ_TASK_ID makes it 4",
            ),
            (
                "auto:/9",
                vec![slurm, ("CI_NODE_TOTAL", "8")],
                "CI_NODE_TOTAL says 8",
            ),
        ] {
            let error = parse(text, &env).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn every_cell_is_in_one_part() {
        for deal in ["slice", "hash"] {
            let parts: Vec<Partition> = (1..=3)
                .map(|k| Partition::parse(&format!("{deal}:{k}/3"), &|_| None).unwrap())
                .collect();
            for position in 0..10 {
                let id = u128::MAX / 11 * position as u128;
                let takers = parts.iter().filter(|part| part.takes(position, id));
                assert_eq!(takers.count(), 1);
            }
        }
    }
}
