//! Facts about the machine that the program runs on: the time, free memory, cores and the processor.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the present time in UTC, as `2026-11-20T23:45:00Z`.
pub fn timestamp() -> String {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs());
    let (year, month, day) = civil_date(seconds / 86_400);
    let (h, m, s) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}Z")
}

/// Returns year, month and day of the Gregorian calendar, `days` days after 1970-01-01 (H. Hinnant's
/// algorithm).
fn civil_date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

/// Returns the bytes of memory that this process may still take: the least of the system's free memory
/// and of what the limits of its control groups leave. `None` if the system does not say.
pub fn free_memory() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let of_groups = free_of_groups(Path::new("/sys/fs/cgroup"), &groups);
    [system_memory(), of_groups].into_iter().flatten().min()
}

fn system_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// A version of control groups: how the files are called that tell of memory.
struct GroupFiles {
    /// The folder of all groups, below that of control groups.
    folder: &'static str,
    limit: &'static str,
    used: &'static str,
    /// The line of `memory.stat` with the bytes of files that can be dropped at once.
    droppable: &'static str,
}

/// Version 2, where one hierarchy has all.
const GROUPS_2: GroupFiles = GroupFiles {
    folder: "",
    limit: "memory.max",
    used: "memory.current",
    droppable: "inactive_file",
};
/// Version 1, with a hierarchy for memory.
const GROUPS_1: GroupFiles = GroupFiles {
    folder: "memory",
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    droppable: "total_inactive_file",
};

/// Returns the bytes that the limits of control groups leave; `None` if there is no limit. `root` is the
/// folder of control groups, `groups` the text of `/proc/self/cgroup`.
fn free_of_groups(root: &Path, groups: &str) -> Option<u64> {
    let of_line = |line: &str| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, group) = (parts.next()?, parts.next()?);
        let files = match controllers {
            "" => GROUPS_2,
            _ if controllers.split(',').any(|one| one == "memory") => GROUPS_1,
            _ => return None,
        };
        let top = root.join(files.folder);
        // In a container the path may be that of the host, and `top` the group itself.
        let group = group.trim_start_matches('/');
        let groups = Path::new(group).ancestors().map(|group| top.join(group));
        groups
            .filter_map(|group| free_of_group(&group, &files))
            .min()
    };
    groups.lines().filter_map(of_line).min()
}

/// Returns the bytes that the limit of the group in `folder` leaves.
fn free_of_group(folder: &Path, files: &GroupFiles) -> Option<u64> {
    let number = |file: &str| -> Option<u64> {
        let text = fs::read_to_string(folder.join(file)).ok()?;
        text.trim().parse().ok()
    };
    // Without a limit version 2 has the word `max`, version 1 a number that no machine has.
    let limit = number(files.limit)?;
    let stat = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
    let mut lines = stat.lines().filter_map(|line| line.split_once(' '));
    let droppable = lines.find(|(name, _)| *name == files.droppable);
    let droppable = droppable
        .and_then(|(_, bytes)| bytes.parse().ok())
        .unwrap_or(0);
    let used = number(files.used).unwrap_or(0).saturating_sub(droppable);
    Some(limit.saturating_sub(used))
}

/// Returns the number of cores that this process may use; 1 if the system does not say.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Returns the name of the processor; `None` if the system does not say.
pub fn cpu() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::{civil_date, free_of_groups};
    use std::fs;

    #[test]
    fn control_groups_bound_memory() {
        let root = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let file = root.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        let free = |groups: &str| free_of_groups(root.path(), groups);
        let second = "0::/user/job\n";
        assert_eq!(free(second), None, "no group");
        write("user/job/memory.max", "max\n");
        assert_eq!(free(second), None, "no limit");
        write("user/memory.max", "1000000\n");
        assert_eq!(free(second), Some(1_000_000), "the group around it");
        write("user/memory.current", "300000\n");
        write("user/memory.stat", "anon 200000\ninactive_file 100000\n");
        assert_eq!(free(second), Some(800_000));
        write("user/job/memory.max", "500000\n");
        assert_eq!(free(second), Some(500_000));
        assert_eq!(free("0::/elsewhere/on/the/host\n"), None);
        // A container sees its own group at the top.
        write("memory.max", "400000\n");
        assert_eq!(free("0::/elsewhere/on/the/host\n"), Some(400_000));
        let first = "5:cpu,cpuacct:/job\n4:memory:/job\n";
        assert_eq!(free(first), None);
        write("memory/job/memory.limit_in_bytes", "200000\n");
        write("memory/job/memory.usage_in_bytes", "50000\n");
        write("memory/job/memory.stat", "total_inactive_file 10000\n");
        assert_eq!(free(first), Some(160_000));
        assert_eq!(free(&format!("{first}{second}")), Some(160_000), "both");
    }

    #[test]
    fn days_are_dates() {
        assert_eq!(civil_date(0), (1970, 1, 1));
        assert_eq!(civil_date(11_016), (2000, 2, 29));
        assert_eq!(civil_date(20_777), (2026, 11, 20));
    }
}
