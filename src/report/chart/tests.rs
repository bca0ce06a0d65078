//! The charts as a whole: files come out, the same each time, whatever the rows hold.

use super::*;
use crate::report::results::columns::Row;
use crate::report::tables::windows_csv::{CellWindows, Window};

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

/// The charts of a run.
fn all(rows: &[Row]) -> Result<Vec<Chart>, ChartError> {
    super::all(&of(rows), &Options::default())
}

fn of(rows: &[Row]) -> Rows {
    Rows {
        results: rows.to_vec(),
        ..Rows::default()
    }
}

fn kind(name: &str) -> &'static Kind {
    KINDS.iter().find(|kind| kind.name == name).unwrap()
}

/// The charts of a kind.
fn drawn(name: &str, rows: &[Row]) -> Result<Vec<Chart>, ChartError> {
    draw(kind(name), &of(rows), &Options::default()).map(|drawing| drawing.charts)
}

/// The names of all charts.
fn names(rows: &[Row]) -> Vec<String> {
    let charts = all(rows).unwrap().into_iter();
    charts.map(|chart| chart.stem).collect()
}

/// With OPT's faults, half of LRU's.
fn with_opt(trace: &str) -> Vec<Row> {
    let compared = |row: Row, ratio: f64| Row {
        opt_faults: Some((row.faults as f64 / ratio) as u64),
        ratio_to_opt: Some(ratio),
        ..row
    };
    let opt = ladder(trace, "opt").into_iter().map(|row| Row {
        faults: row.faults / 2,
        ..row
    });
    let opt = opt.map(|row| compared(row, 1.0));
    let lru = ladder(trace, "lru")
        .into_iter()
        .map(|row| compared(row, 2.0));
    opt.chain(lru).collect()
}

fn table(chart: &Chart) -> Vec<Vec<String>> {
    let text = chart.csv().unwrap();
    let mut reader = csv::Reader::from_reader(&text[..]);
    let lines = reader.records().map(Result::unwrap);
    lines
        .map(|line| line.iter().map(str::to_owned).collect())
        .collect()
}

/// Width and height as the PNG header says.
pub fn size(png: &[u8]) -> (u32, u32) {
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
        "overview-1",
        "heat-1",
        "cc1-fault-rate",
        "ls-fault-rate",
        "cc1-hit-rate",
        "ls-hit-rate",
        "cc1-lifetime",
        "ls-lifetime",
    ];
    assert_eq!(names(&rows), expected);
    assert_eq!(names(&with_opt("cc1"))[3], "cc1-opt-ratio");
    for chart in [&charts[0], &charts[1], &charts[3]] {
        assert_eq!(size(&chart.png().unwrap()), (1600, 1000), "{}", chart.stem);
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
    assert!(both.contains(&"cc1-4KiB-lifetime".to_owned()));
    assert!(both.contains(&"cc1-2MiB-lifetime".to_owned()));
    rows.truncate(6);
    rows.extend(ladder("cc1", "lru").into_iter().map(|row| Row {
        warmup_refs: 1000,
        ..row
    }));
    assert!(names(&rows).contains(&"cc1-2-lifetime".to_owned()));
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
        let charts = all(&rows).unwrap();
        assert_eq!(charts.len(), 3, "{rows:?}");
        for chart in &charts {
            chart.png().unwrap();
            well_formed(&chart.svg());
        }
        for name in ["faults", "opt-ratio", "heat", "overview"] {
            match drawn(name, &rows) {
                Ok(charts) => charts.iter().for_each(|chart| well_formed(&chart.svg())),
                Err(ChartError::Lacks(_)) => {}
                Err(error) => panic!("{name}: {error}"),
            }
        }
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
    assert_eq!(names.len(), 2 + 3 * traces.len());
    // The names are also written into the pictures.
    for chart in &all(&rows).unwrap()[..2] {
        chart.png().unwrap();
        well_formed(&chart.svg());
    }
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
    assert_eq!(names(&rows)[..2], ["overview-1", "overview-2"]);
}

fn well_formed(svg: &[u8]) {
    let text = std::str::from_utf8(svg).unwrap();
    let root = roxmltree::Document::parse(text).unwrap();
    assert!(
        root.root_element()
            .has_tag_name(("http://www.w3.org/2000/svg", "svg"))
    );
    assert!(!text.contains("<image") && !text.contains("NaN") && !text.contains("inf"));
}

/// The texts of a picture.
fn texts(chart: &Chart) -> Vec<String> {
    let svg = String::from_utf8(chart.svg()).unwrap();
    let tree = roxmltree::Document::parse(&svg).unwrap();
    let texts = tree.descendants().filter(|node| node.has_tag_name("text"));
    texts.map(|node| node.text().unwrap().to_owned()).collect()
}

#[test]
fn svg_has_text_and_one_line_a_series() {
    let rows = with_opt("cc1");
    let charts = all(&rows).unwrap();
    let rate = &charts[0];
    let svg = rate.svg();
    well_formed(&svg);
    assert_eq!(svg, all(&rows).unwrap()[0].svg());
    let texts = texts(rate);
    for text in [
        "cc1: fault rate",
        "faults per reference",
        "lru",
        "256",
        "1 MiB",
    ] {
        assert!(texts.iter().any(|t| t == text), "{text} {texts:?}");
    }
    let facts = texts
        .iter()
        .any(|t| t.contains("4 KiB pages") && t.contains("digest 01234567"));
    assert!(facts, "{texts:?}");
    // A line of six corners for each policy, whose corners are where the CSV says.
    let svg = String::from_utf8(svg).unwrap();
    let tree = roxmltree::Document::parse(&svg).unwrap();
    let lines: Vec<Vec<(f64, f64)>> = tree
        .descendants()
        .filter_map(|node| {
            node.attribute("points")
                .filter(|_| node.has_tag_name("polyline"))
        })
        .map(|points| {
            let point = |pair: &str| {
                let (x, y) = pair.split_once(',').unwrap();
                (x.parse().unwrap(), y.parse().unwrap())
            };
            points.split(' ').map(point).collect()
        })
        .collect();
    let curves: Vec<_> = lines.iter().filter(|line| line.len() == 6).collect();
    assert_eq!(curves.len(), 2);
    let numbers =
        |line: &Vec<String>| -> (f64, f64) { (line[6].parse().unwrap(), line[7].parse().unwrap()) };
    let table: Vec<(f64, f64)> = table(rate).iter().map(numbers).collect();
    assert_eq!(table.len(), 12);
    let corners: Vec<(f64, f64)> = curves.into_iter().flatten().copied().collect();
    // Both axes are logarithmic: pixels follow from any two points, on each axis.
    let place = |of: fn(&(f64, f64)) -> f64| {
        let log = |i: usize| libm::log2(of(&table[i]));
        let slope = (of(&corners[5]) - of(&corners[0])) / (log(5) - log(0));
        for (i, corner) in corners.iter().enumerate() {
            let expected = of(&corners[0]) + slope * (log(i) - log(0));
            assert!((of(corner) - expected).abs() < 0.05, "{i}");
        }
    };
    place(|point| point.0);
    place(|point| point.1);
}

#[test]
fn ratios_need_the_optimum_and_say_so() {
    let charts = drawn("opt-ratio", &with_opt("cc1")).unwrap();
    let ratios: Vec<String> = table(&charts[0])
        .iter()
        .map(|line| line[7].clone())
        .collect();
    assert_eq!(ratios, [["1"; 6], ["2"; 6]].concat());
    let without = drawn("opt-ratio", &ladder("cc1", "lru"));
    let why = without.unwrap_err().to_string();
    assert!(why.contains("cc1: no row has the faults of OPT"), "{why}");
    let some = [with_opt("a"), ladder("b", "lru")].concat();
    let drawing = draw(kind("opt-ratio"), &of(&some), &Options::default()).unwrap();
    assert_eq!((drawing.charts.len(), drawing.left_out.len()), (1, 1));
}

#[test]
fn the_heat_table_says_its_numbers() {
    let both = [with_opt("a"), with_opt("b")].concat();
    let heat = &drawn("heat", &both).unwrap()[0];
    // The reference itself has no column; a mean over both traces stands below.
    assert_eq!(texts(heat).iter().filter(|text| *text == "2.00").count(), 3);
    // A tenth of 100 pages is nearest to 16 frames.
    let cell = ["a", "0123456789abcdef", "4096", "16", "lru", "opt", "2", ""];
    assert_eq!(table(heat)[0], cell);
    let mean = ["geometric mean", "", "", "", "lru", "opt", "2", ""];
    assert_eq!(table(heat)[2..], [mean]);
    let one = [ladder("a", "lru"), ladder("a", "fifo")].concat();
    let best = &drawn("heat", &one).unwrap()[0];
    assert_eq!(table(best)[0][5..], ["best", "1", ""]);
    let at = Options {
        at: At::Frames(512),
        ..Options::default()
    };
    let far = draw(kind("heat"), &of(&both), &at).unwrap();
    assert_eq!(table(&far.charts[0])[0][3], "512");
}

/// The column says of each point whether it is an anomaly, whatever the trace and other policies are
/// called.
#[test]
fn a_point_beside_an_anomaly_is_not_one() {
    let rows = [
        row("fifo", "fifo", 3, 9),
        row("fifo", "fifo", 4, 10),
        row("fifo", "lru", 3, 12),
        row("fifo", "lru", 4, 10),
    ];
    let charts = drawn("faults", &rows).unwrap();
    let csv = String::from_utf8(charts[0].csv().unwrap()).unwrap();
    let marked: Vec<&str> = csv.lines().filter(|line| line.ends_with(",yes")).collect();
    assert_eq!(marked.len(), 1, "{csv}");
    assert!(marked[0].contains(",fifo,1,faults,4,10,"), "{csv}");
}

#[test]
fn belady_s_anomaly_is_marked() {
    // FIFO on 1 2 3 4 1 2 5 1 2 3 4 5.
    let faults = (1..).zip([12, 12, 9, 10, 5]);
    let rows: Vec<Row> = faults
        .map(|(frames, faults)| row("belady", "fifo", frames, faults))
        .collect();
    let chart = &drawn("faults", &rows).unwrap()[0];
    let texts = texts(chart);
    let said = texts
        .iter()
        .any(|text| text.contains("1 Belady anomaly (fifo)"));
    assert!(said, "{texts:?}");
    assert!(texts.iter().any(|text| text == "Belady anomaly"));
    let marked: Vec<String> = table(chart).iter().map(|line| line[8].clone()).collect();
    assert_eq!(marked, ["no", "no", "no", "yes", "no"]);
    let svg = String::from_utf8(chart.svg()).unwrap();
    // The ring, there and in the legend.
    let rings = svg
        .lines()
        .filter(|line| line.contains("stroke=\"#be4b00\""));
    assert_eq!(rings.count(), 2);
    let tame = &drawn("faults", &ladder("cc1", "lru")).unwrap()[0];
    assert!(
        self::texts(tame)
            .iter()
            .any(|text| text.contains("no anomaly at these sizes"))
    );
}

fn phases(policies: &[(&str, Option<u64>)]) -> Rows {
    let cell = |&(policy, tau): &(&str, Option<u64>)| {
        let key = Row {
            tau,
            frames: tau.is_none().then_some(16),
            ..row("cc1", policy, 16, 100)
        };
        let window = |index: u64| Window {
            index,
            first: index * 100,
            last: index * 100 + 99,
            refs: 100,
            faults: index % 7,
            resident: tau.unwrap_or(16),
        };
        CellWindows::new(&key, (0..50).map(window).collect())
    };
    Rows {
        windows: policies.iter().map(cell).collect(),
        ..Rows::default()
    }
}

#[test]
fn phases_have_one_line_a_policy() {
    let rows = phases(&[
        ("lru", None),
        ("fifo", None),
        ("ws", Some(15)),
        ("ws", Some(40)),
    ]);
    let chart = &draw(kind("phases"), &rows, &Options::default())
        .unwrap()
        .charts[0];
    assert_eq!(chart.stem, "cc1-phases");
    well_formed(&chart.svg());
    let texts = texts(chart);
    for text in [
        "lru",
        "fifo",
        "ws, window 15",
        "cc1: faults over time with 16 frames",
    ] {
        assert!(texts.iter().any(|t| t == text), "{text} {texts:?}");
    }
    assert_eq!(table(chart).len(), 3 * 50);
    let log = Options {
        log: Some(Log { x: false, y: true }),
        ..Options::default()
    };
    let logarithmic = &draw(kind("phases"), &rows, &log).unwrap().charts[0];
    let without = "24 points without a fault are not drawn";
    assert!(
        self::texts(logarithmic)
            .iter()
            .any(|text| text.contains(without))
    );
    for lone in [&[("ws", Some(7))][..], &[("opt", None)]] {
        let charts = draw(kind("phases"), &phases(lone), &log).unwrap().charts;
        charts[0].png().unwrap();
    }
}

#[test]
fn sizes_titles_and_axes_are_as_chosen() {
    let rows = of(&with_opt("cc1"));
    let before = draw(kind("faults"), &rows, &Options::default()).unwrap();
    for (pixels, log) in [((800, 500), "none"), ((300, 900), "x"), ((900, 300), "x,y")] {
        let options = Options {
            pixels,
            title: Some("A <title> & more".into()),
            log: Some(log.parse().unwrap()),
            at: At::default(),
        };
        for kind in KINDS
            .iter()
            .filter(|kind| kind.source() == ChartTable::Results && kind.name != "swapped")
        {
            let chart = &draw(kind, &rows, &options).unwrap().charts[0];
            well_formed(&chart.svg());
            let title = "A <title> & more";
            assert!(
                texts(chart)
                    .iter()
                    .any(|text| text.starts_with(&title[..6])),
                "{}",
                kind.name
            );
        }
        let chart = &draw(kind("faults"), &rows, &options).unwrap().charts[0];
        assert_eq!(size(&chart.png().unwrap()), pixels);
        assert_eq!(table(chart), table(&before.charts[0]));
    }
}
