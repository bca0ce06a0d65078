//! The charts as a whole: files come out, the same each time, whatever the rows hold.

use super::*;

/// A row with `faults` in a million references.
fn row(trace: &str, policy: &str, frames: u64, faults: u64) -> Row {
    let refs = 1_000_000;
    Row {
        trace: trace.into(),
        trace_digest: "0123456789abcdef".into(),
        trace_kind: "full".into(),
        page_size: 4096,
        policy: policy.into(),
        frames: Some(frames),
        refs,
        hits: refs - faults,
        faults,
        fills: faults.min(100),
        distinct_pages: 100,
        fault_rate: Some(faults as f64 / refs as f64),
        hit_rate: Some(1.0 - faults as f64 / refs as f64),
        refs_per_fault: (faults > 0).then(|| refs as f64 / faults as f64),
        mean_resident: Some(frames as f64 * 0.99),
        status: "ok".into(),
        ..Row::default()
    }
}

fn ladder(trace: &str, policy: &str) -> Vec<Row> {
    (4..10)
        .map(|i| row(trace, policy, 1 << i, 400_000 >> i))
        .collect()
}

/// The names of all files, without drawing them.
fn names(rows: &[Row]) -> Vec<String> {
    let groups = series::groups(rows);
    plan(&groups).into_iter().map(|(name, _)| name).collect()
}

/// Width and height as the PNG header says.
fn size(png: &[u8]) -> (u32, u32) {
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

#[test]
fn two_runs_and_another_order_of_rows_give_the_same_bytes() {
    let mut rows = [ladder("cc1", "lru"), ladder("cc1", "opt")].concat();
    let first = all(&rows).unwrap();
    assert_eq!(all(&rows).unwrap(), first);
    rows.reverse();
    assert_eq!(all(&rows).unwrap(), first);
}

#[test]
fn files_have_their_names_and_size() {
    let rows = [ladder("cc1", "lru"), ladder("ls", "lru")].concat();
    let charts = all(&rows).unwrap();
    let expected = [
        "overview-1.png",
        "cc1-fault-rate.png",
        "cc1-hit-rate.png",
        "cc1-lifetime.png",
        "ls-fault-rate.png",
        "ls-hit-rate.png",
        "ls-lifetime.png",
    ];
    assert_eq!(names(&rows), expected);
    for (chart, name) in charts.iter().zip(expected) {
        assert_eq!(chart.file_name, name);
        assert_eq!(size(&chart.png), (1600, 1000), "{}", chart.file_name);
    }
}

#[test]
fn page_sizes_and_warm_ups_are_apart() {
    let mut rows = ladder("cc1", "lru");
    rows.extend(ladder("cc1", "lru").into_iter().map(|row| Row {
        page_size: 2 << 20,
        ..row
    }));
    let both = names(&rows);
    assert!(both.contains(&"cc1-4KiB-lifetime.png".to_owned()));
    assert!(both.contains(&"cc1-2MiB-lifetime.png".to_owned()));
    rows.truncate(6);
    rows.extend(ladder("cc1", "lru").into_iter().map(|row| Row {
        warmup_refs: 1000,
        ..row
    }));
    assert!(names(&rows).contains(&"cc1-2-lifetime.png".to_owned()));
}

#[test]
fn nothing_to_draw_is_an_error() {
    assert!(matches!(all(&[]), Err(ChartError::Empty)));
    let failed = Row {
        status: "error".into(),
        ..row("cc1", "lru", 16, 5)
    };
    assert!(matches!(all(&[failed]), Err(ChartError::Empty)));
}

#[test]
fn sparse_and_degenerate_rows_are_drawn() {
    let one = row("cc1", "lru", 16, 5);
    let no_fault = row("cc1", "lru", 16, 0);
    let only_faults = row("cc1", "lru", 16, 1_000_000);
    let bare = Row {
        status: "ok".into(),
        ..Row::default()
    };
    let wild = Row {
        fault_rate: Some(f64::NAN),
        hit_rate: Some(f64::INFINITY),
        refs_per_fault: Some(-1.0),
        mean_resident: Some(0.0),
        tlb_hit_rate: Some(1.0),
        ..one.clone()
    };
    let huge = Row {
        mean_resident: Some(1e300),
        refs_per_fault: Some(1e-300),
        fault_rate: Some(1e-300),
        ..one.clone()
    };
    let cases = [
        vec![one.clone()],
        vec![no_fault.clone()],
        vec![only_faults.clone()],
        vec![one.clone(), no_fault, only_faults],
        vec![bare],
        vec![wild.clone()],
        vec![one.clone(), wild],
        vec![one, huge],
    ];
    for rows in cases {
        assert_eq!(all(&rows).unwrap().len(), 3, "{rows:?}");
    }
}

#[test]
fn hostile_trace_names_give_safe_unique_files() {
    let long = "長".repeat(300);
    let traces = [
        "../../x",
        "a/b",
        "a_b",
        "C:\\con",
        "",
        "\u{202e}\0\n",
        &long,
        &"y".repeat(300),
    ];
    let rows: Vec<Row> = traces
        .iter()
        .map(|trace| row(trace, "lru", 16, 5))
        .collect();
    let names = names(&rows);
    let mut seen = std::collections::BTreeSet::new();
    for name in &names {
        assert!(name.len() < 120 && !name.starts_with(['.', '-']), "{name}");
        let safe = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        assert!(name.bytes().all(safe), "{name}");
        assert!(seen.insert(name.to_lowercase()), "{name} twice");
    }
    assert_eq!(names.len(), 1 + 3 * traces.len());
    // The names are also written into the picture.
    let groups = series::groups(&rows);
    overview::draw(&groups, &series::styles(&groups), (1, 1)).unwrap();
}

#[test]
fn more_policies_than_styles_are_drawn() {
    let policies = (0..60).map(|i| row("cc1", &format!("policy-{i}-with-a-long-name"), 16 + i, 9));
    assert_eq!(all(&policies.collect::<Vec<_>>()).unwrap().len(), 3);
}

#[test]
fn many_traces_make_several_overviews() {
    let traces = (0..13).map(|i| row(&format!("t{i}"), "lru", 16, 5));
    let rows: Vec<Row> = traces.collect();
    assert_eq!(names(&rows)[..2], ["overview-1.png", "overview-2.png"]);
}

/// States of a trace that grows, with or without mappings.
fn states_of(rows: u64, mapped: Option<u64>) -> Vec<StatesRow> {
    let row = |at: u64| StatesRow {
        position: at * 1000,
        resident: at.min(20),
        resident_dirty: at.min(20) / 2,
        swapped: at / 3,
        dropped: at / 4,
        untouched: mapped.map(|mapped| mapped - at),
        mapped,
        faults: at * 7,
    };
    (0..rows).map(row).collect()
}

fn subject(frames: Option<u64>) -> Subject {
    Subject {
        trace: "a trace".into(),
        trace_kind: "synthetic".into(),
        facts: vec!["lru".into(), "recorded mappings".into()],
        frames,
        page_size: 4096,
        notes: Vec::new(),
    }
}

#[test]
fn states_are_drawn_the_same_each_time() {
    let rows = states_of(100, Some(1 << 20));
    let chart = super::states(&rows, &subject(Some(20))).unwrap();
    assert_eq!(chart.file_name, "states.png");
    assert_eq!(size(&chart.png), (1600, 1000));
    assert_eq!(super::states(&rows, &subject(Some(20))).unwrap(), chart);
    let other = super::states(&states_of(100, None), &subject(Some(20))).unwrap();
    assert_ne!(other, chart, "without mappings there is one panel");
}

#[test]
fn states_without_extent_are_drawn() {
    assert!(matches!(
        super::states(&[], &subject(None)),
        Err(ChartError::Empty)
    ));
    let huge = StatesRow {
        position: u64::MAX,
        resident: u64::MAX / 8,
        resident_dirty: u64::MAX,
        untouched: Some(u64::MAX),
        ..StatesRow::default()
    };
    for rows in [
        states_of(1, None),
        states_of(2, Some(2)),
        vec![StatesRow::default(); 3],
        vec![StatesRow::default(), huge],
    ] {
        for frames in [None, Some(1), Some(u64::MAX)] {
            super::states(&rows, &subject(frames)).unwrap();
        }
    }
}
