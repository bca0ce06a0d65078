//! The cost model: modelled time as a pure function of counters and a table of costs. Counts and
//! time never mix: nothing here can change a count.
//!
//! An access costs its memory reference, its translation and, if it faults, the handling of the
//! fault, the copy of the page, the device's read and the write of its victim. Background work costs
//! nothing: the write of a page that expires from a working set or is unmapped, pages read ahead, or
//! read and written without mappings, and the victim of an original that is read to be copied.

use super::processors::{Costs, NOMINAL};
use crate::units::did_you_mean;
use crate::vm::core::counters::{FaultTables, Outcome};
use crate::vm::core::distribution::FaultKind;
use crate::vm::models::counts::{FIRST_BYTES, ModelOutcome, Work};
use serde::Serialize;

/// What each event costs, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct CostTable {
    /// One access to memory.
    pub memory_ns: u64,
    /// A translation by the second-level TLB, on top of the first level's.
    pub tlb_l2_ns: u64,
    /// One page-table entry read by a walk.
    pub walk_ref_ns: u64,
    /// Entering and leaving the kernel for a fault, and finding or clearing a frame.
    pub fault_ns: u64,
    /// Copying a page at a write to one that is shared copy-on-write.
    pub copy_ns: u64,
    /// Reading a page from the device.
    pub read_ns: u64,
    /// Writing a page to the device before its frame can be used.
    pub write_ns: u64,
    /// How fast the device moves what a transfer has beyond its first page, in bytes a second.
    pub bytes_per_second: u64,
}

impl Default for CostTable {
    /// DRAM, a nominal processor and an NVMe drive.
    fn default() -> CostTable {
        CostTable {
            memory_ns: 100,
            tlb_l2_ns: 0,
            walk_ref_ns: 0,
            fault_ns: 0,
            copy_ns: 400,
            read_ns: 100_000,
            write_ns: 100_000,
            bytes_per_second: 2_000_000_000,
        }
        .with_machine(&NOMINAL)
    }
}

/// A backing device: what reading and writing one page of 4 KiB costs.
#[derive(Debug, Clone, Copy)]
pub struct Device {
    /// The name for `--device`.
    pub name: &'static str,
    /// Reading a page, in nanoseconds.
    pub read_ns: u64,
    /// Writing a page, in nanoseconds.
    pub write_ns: u64,
    /// How fast it moves what a transfer has beyond its first page, in bytes a second.
    pub bytes_per_second: u64,
}

/// THE table of devices. Figures are orders of magnitude for a single request at a time; `--cost`
/// overrides each.
pub const DEVICES: &[Device] = &[
    // Compressed memory; reads from the Linux zram patch series (1.25 to 1.84 us a page), writes
    // estimated.
    Device {
        name: "zram",
        read_ns: 1_500,
        write_ns: 5_000,
        bytes_per_second: 2_000_000_000,
    },
    // NVMe flash at queue depth 1: 50 to 100 us, budget drives near 100.
    Device {
        name: "nvme",
        read_ns: 100_000,
        write_ns: 100_000,
        bytes_per_second: 2_000_000_000,
    },
    // SATA flash: 150 us in the usual tables of latencies.
    Device {
        name: "ssd",
        read_ns: 150_000,
        write_ns: 150_000,
        bytes_per_second: 500_000_000,
    },
    // A disk of the textbooks: 8 ms (Silberschatz, Operating System Concepts).
    Device {
        name: "disk",
        read_ns: 8_000_000,
        write_ns: 8_000_000,
        bytes_per_second: 81_920_000,
    },
];

/// Returns the device of a name.
pub fn device(name: &str) -> Option<&'static Device> {
    DEVICES.iter().find(|device| device.name == name)
}

/// One cost that can be set: its key and its place in the table.
type CostKey = (&'static str, fn(&mut CostTable) -> &mut u64);

/// The keys of `--cost`, in the order of the table.
pub const KEYS: &[CostKey] = &[
    ("memory", |t| &mut t.memory_ns),
    ("tlb-l2", |t| &mut t.tlb_l2_ns),
    ("walk-ref", |t| &mut t.walk_ref_ns),
    ("fault", |t| &mut t.fault_ns),
    ("copy", |t| &mut t.copy_ns),
    ("read", |t| &mut t.read_ns),
    ("write", |t| &mut t.write_ns),
];

/// The key of `--cost` for [`CostTable::bytes_per_second`].
const BANDWIDTH: &str = "bandwidth";

impl CostTable {
    /// Returns the table with the costs of translation and faults of a processor model.
    pub fn with_machine(self, machine: &Costs) -> CostTable {
        CostTable {
            tlb_l2_ns: machine.tlb_l2_ns(),
            walk_ref_ns: machine.walk_ref_ns(),
            fault_ns: u64::from(machine.fault_ns),
            ..self
        }
    }

    /// Returns the table with the costs of reading and writing a device.
    pub fn with_device(self, device: &Device) -> CostTable {
        CostTable {
            read_ns: device.read_ns,
            write_ns: device.write_ns,
            bytes_per_second: device.bytes_per_second,
            ..self
        }
    }

    /// Sets costs from `read=8ms,write=8ms,memory=200ns`; units ns, us, ms, s.
    pub fn set(&mut self, text: &str) -> Result<(), String> {
        for part in text
            .split(',')
            .map(str::trim)
            .filter(|part| !part.is_empty())
        {
            let known = || {
                KEYS.iter()
                    .map(|(key, _)| *key)
                    .chain([BANDWIDTH])
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| format!("cost {part:?}: write read=8ms (keys: {})", known()))?;
            if key.trim() == BANDWIDTH {
                self.bytes_per_second = parse_bandwidth(value)?;
                continue;
            }
            let (_, place) = KEYS
                .iter()
                .find(|(name, _)| *name == key.trim())
                .ok_or_else(|| {
                    let names = KEYS.iter().map(|(name, _)| *name).chain([BANDWIDTH]);
                    let hint = did_you_mean(key.trim(), names);
                    format!("unknown cost {key:?}{hint} (keys: {})", known())
                })?;
            *place(self) = parse_time(value)?;
        }
        Ok(())
    }
}

/// Reads `50MB/s`, `2GiB/s`, `4096B/s` as bytes a second, from 1 to 10^15. MB are 10^6 bytes, MiB 2^20.
fn parse_bandwidth(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 7] = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("KB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("B", 1),
    ];
    let number = || {
        let amount = text.trim().strip_suffix("/s")?;
        let (unit, factor) = UNITS.iter().find(|(unit, _)| amount.ends_with(unit))?;
        let value: f64 = amount[..amount.len() - unit.len()].parse().ok()?;
        let bytes = value * *factor as f64;
        (1.0..=1e15).contains(&bytes).then(|| bytes.round() as u64)
    };
    let wrong = || format!("{text:?} is not a bandwidth: write 50MB/s or 2GiB/s");
    number().ok_or_else(wrong)
}

/// Reads `200ns`, `1.5us`, `8ms`, `1s` as whole nanoseconds, at most an hour.
fn parse_time(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let factor = match &text[digits..] {
        "ns" => 1.0,
        "us" | "µs" => 1e3,
        "ms" => 1e6,
        "s" => 1e9,
        _ => {
            return Err(format!(
                "{text:?} is not a time: write 200ns, 1.5us, 8ms or 1s"
            ));
        }
    };
    match text[..digits].parse::<f64>() {
        Ok(value) if value * factor <= 3.6e12 => Ok((value * factor).round() as u64),
        _ => Err(format!(
            "{text:?} is not a time of at most an hour: write 200ns, 1.5us, 8ms or 1s"
        )),
    }
}

/// Accesses of one kind and what each of them costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccessClass {
    /// What these accesses have in common.
    pub name: &'static str,
    /// The number of these accesses.
    pub count: u64,
    /// The cost of each, in nanoseconds.
    pub each_ns: u64,
}

/// Returns the counted accesses by cost: by the kind of access and the length of its walk. The
/// counts add up to the references; the modelled time is the sum of count times cost.
pub fn classes(outcome: &Outcome, costs: &CostTable) -> Vec<AccessClass> {
    let hit = |name, count, extra_ns| AccessClass {
        name,
        count,
        each_ns: costs.memory_ns + extra_ns,
    };
    let Some(tlb) = &outcome.tlb else {
        let mut classes = vec![hit("hit", outcome.counters.hits, 0)];
        classes.extend(faults(&outcome.counters.faults, 0, costs));
        return classes;
    };
    let mut classes = vec![
        hit("hit", tlb.l1i_hits + tlb.l1d_hits, 0),
        hit("hit, second-level TLB", tlb.l2_hits, costs.tlb_l2_ns),
    ];
    let walks = tlb.walks_of_hits().into_iter().zip(&tlb.faults);
    for ((hits, tables), entries) in walks.zip(1..) {
        let walk_ns = entries * costs.walk_ref_ns;
        classes.push(hit("hit, page walk", hits, walk_ns));
        classes.extend(faults(tables, walk_ns, costs));
    }
    classes
}

/// Returns the faults of `tables`, whose walks cost `walk_ns` each.
fn faults(
    tables: &FaultTables,
    walk_ns: u64,
    costs: &CostTable,
) -> impl Iterator<Item = AccessClass> {
    let cells = FaultKind::ALL
        .into_iter()
        .flat_map(|kind| [(kind, 0, 0), (kind, 0, 1), (kind, 1, 0), (kind, 1, 1)]);
    cells.map(move |(kind, major, written)| {
        let fault_ns = costs.fault_ns
            + u64::from(kind == FaultKind::CowCopy) * costs.copy_ns
            + major as u64 * costs.read_ns
            + written as u64 * costs.write_ns;
        AccessClass {
            name: kind.name(),
            count: tables[kind as usize][major][written],
            each_ns: costs.memory_ns + walk_ns + fault_ns,
        }
    })
}

/// Returns the modelled time of transfers and copies, in nanoseconds.
pub fn work_ns(work: &Work, costs: &CostTable) -> u128 {
    let beyond = u128::from(work.read_beyond) + u128::from(work.written_beyond);
    let reads = u128::from(work.reads) * u128::from(costs.read_ns);
    let writes = u128::from(work.writes) * u128::from(costs.write_ns);
    let copies = u128::from(work.copied) * u128::from(costs.copy_ns) / u128::from(FIRST_BYTES);
    let bytes_per_second = u128::from(costs.bytes_per_second.max(1));
    reads + writes + beyond * 1_000_000_000 / bytes_per_second + copies
}

/// Returns how long faulting references wait, in nanoseconds, with how many wait so long.
pub fn pauses(outcome: &Outcome, costs: &CostTable) -> Vec<(u64, u64)> {
    let whole = |ns: u128| u64::try_from(ns).unwrap_or(u64::MAX);
    match outcome.model.as_deref() {
        Some(ModelOutcome::Segments(outcome)) => {
            let pauses = outcome.counts.pauses.iter();
            let ns = |work: &Work| whole(u128::from(costs.fault_ns) + work_ns(work, costs));
            pauses.map(|(work, &count)| (ns(work), count)).collect()
        }
        Some(ModelOutcome::Places(_)) => Vec::new(),
        None => {
            let waits = faults(&outcome.counters.faults, 0, costs);
            let waits = waits.filter(|class| class.count > 0);
            waits
                .map(|class| (class.each_ns - costs.memory_ns, class.count))
                .collect()
        }
    }
}

/// Returns the modelled time of a replay without frames, in nanoseconds.
fn model_ns(model: &ModelOutcome, costs: &CostTable) -> u128 {
    let references = u128::from(model.refs()) * u128::from(costs.memory_ns);
    let ModelOutcome::Segments(outcome) = model else {
        return references;
    };
    let fault = |(work, &count): (&Work, &u64)| {
        u128::from(count) * (u128::from(costs.fault_ns) + work_ns(work, costs))
    };
    let faults: u128 = outcome.counts.pauses.iter().map(fault).sum();
    references + faults + work_ns(&outcome.counts.between, costs)
}

/// Returns the modelled time of all counted references, in nanoseconds; saturates at 2^64 - 1 (584 years).
pub fn total_ns(outcome: &Outcome, costs: &CostTable) -> u64 {
    if let Some(model) = &outcome.model {
        return u64::try_from(model_ns(model, costs)).unwrap_or(u64::MAX);
    }
    let sum: u128 = classes(outcome, costs)
        .iter()
        .map(|class| u128::from(class.count) * u128::from(class.each_ns))
        .sum();
    u64::try_from(sum).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_device_is_in_the_table() {
        let table = CostTable::default();
        assert_eq!(
            (table.tlb_l2_ns, table.walk_ref_ns, table.fault_ns),
            (3, 20, 1_000)
        );
        assert_eq!(table.with_device(device("nvme").unwrap()), table);
        assert!(device("tape").is_none());
    }

    /// ChampSim: 8 cycles at 4 GHz are 2 ns, 45 are 11; Virtuoso: 12 at 2.25 GHz are 5 ns.
    #[test]
    fn machines_have_costs_of_their_own() {
        let of = |name| {
            let machine = crate::vm::hardware::processors::find(name).unwrap();
            let table = CostTable::default().with_machine(&machine.costs);
            (table.tlb_l2_ns, table.walk_ref_ns, table.fault_ns)
        };
        assert_eq!(of("champsim"), (2, 11, 1_000));
        assert_eq!(of("virtuoso"), (5, 20, 2_000));
        assert_eq!(of("zen3"), (4, 23, 1_000));
    }

    #[test]
    fn costs_read() {
        let mut table = CostTable::default();
        table.set("read=8ms, memory=200ns,fault=1.5us").unwrap();
        assert_eq!(
            (table.read_ns, table.memory_ns, table.fault_ns),
            (8_000_000, 200, 1_500)
        );
        for text in [
            "read",
            "raed=1ms",
            "read=8",
            "read=8 days",
            "read=99999s",
            "read=-1ns",
        ] {
            assert!(CostTable::default().set(text).is_err(), "{text}");
        }
    }

    /// Silberschatz, Operating System Concepts, demand paging: 200 ns memory, 8 ms a fault,
    /// p = 0.001: effective access time 8.2 microseconds.
    #[test]
    fn the_effective_access_time_of_the_textbook() {
        use crate::vm::core::counters::Counters;
        let mut faults = [[[0; 2]; 2]; 5];
        faults[FaultKind::Refill as usize][1][0] = 1;
        let counters = Counters {
            refs: 1000,
            hits: 999,
            faults,
            ..Counters::default()
        };
        let outcome = Outcome {
            counters,
            ..Outcome::default()
        };
        let mut costs = CostTable::default();
        costs.set("memory=200ns,fault=0ns,read=8ms").unwrap();
        assert_eq!(total_ns(&outcome, &costs), 200 * 1000 + 8_000_000);
        assert_eq!(total_ns(&outcome, &costs) / 1000, 8_200);
    }
}
