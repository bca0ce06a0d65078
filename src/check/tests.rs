use super::*;
use crate::check::baseline::Taken;
use crate::check::limits::Override;
use crate::exit;
use crate::report::results::columns::SCHEMA;
use std::path::Path;
use std::slice::from_ref;

fn row(frames: u64, faults: u64) -> Row {
    Row {
        schema: SCHEMA,
        trace: "t".into(),
        trace_digest: "d".into(),
        page_size: 4096,
        policy: "lru".into(),
        frames: Some(frames),
        refs: 10_000,
        faults,
        status: "ok".into(),
        ..Row::default()
    }
}

fn baseline(rows: &[Row]) -> Baseline {
    let mut baseline = Baseline::default();
    baseline.take(rows);
    Baseline::parse(Path::new("b.csv"), &baseline.to_bytes()).unwrap()
}

fn verdict(now: &[Row], limits: &Limits) -> Verdict {
    judge(&baseline(&[row(4, 1000), row(8, 200)]), None, now, limits).unwrap()
}

#[test]
fn a_baseline_survives_the_file_in_order() {
    let baseline = baseline(&[row(8, 20), row(4, 50), row(16, 10)]);
    let frames: Vec<_> = baseline.rows().map(|row| row.frames).collect();
    assert_eq!(frames, [Some(4), Some(8), Some(16)]);
    let lines: Vec<_> = baseline.entries.iter().map(|entry| entry.line).collect();
    assert_eq!(lines, [2, 3, 4]);
}

#[test]
fn lines_that_are_not_taken_stay_byte_for_byte() {
    let text = String::from_utf8(baseline(&[row(4, 50), row(16, 10)]).to_bytes()).unwrap();
    // Quotes that need not be, and the line end of another system.
    let odd = text.replacen(",t,", ",\"t\",", 1).replacen(
        "50,0,,,,,,,,,,,,,,\n",
        "50,0,,,,,,,,,,,,,,\r\n",
        1,
    );
    let odd = odd.trim_end();
    let mut read = Baseline::parse(Path::new("b.csv"), odd.as_bytes()).unwrap();
    let taken = read.take(&[row(16, 11), row(4, 50), row(8, 20)]);
    assert_eq!((taken.changed, taken.new), (1, 1));
    let got = String::from_utf8(read.to_bytes()).unwrap();
    let lines: Vec<&str> = got.split_inclusive('\n').collect();
    assert_eq!(lines[1], odd.split_inclusive('\n').nth(1).unwrap());
    assert!(
        lines[2].contains(",8,") && lines[2].ends_with(",20,0,,,,,,,,,,,,,,\n"),
        "{got}"
    );
    assert!(
        lines[3].ends_with(",11,0,,,,,,,,,,,,,,\n") && lines.len() == 4,
        "{got}"
    );
}

#[test]
fn empty_lines_stay_where_they_are() {
    let text = String::from_utf8(baseline(&[row(4, 50), row(16, 10)]).to_bytes()).unwrap();
    let spaced = text.replacen("50,0,,,,,,,,,,,,,,\n", "50,0,,,,,,,,,,,,,,\n\n\n", 1);
    let mut read = Baseline::parse(Path::new("b.csv"), spaced.as_bytes()).unwrap();
    assert_eq!(read.take(&[row(4, 51), row(16, 9)]).changed, 2);
    let expected = spaced
        .replacen(",50,0,,,,,,,,,,,,,,\n", ",51,0,,,,,,,,,,,,,,\n", 1)
        .replacen(",10,0,,,,,,,,,,,,,,\n", ",9,0,,,,,,,,,,,,,,\n", 1);
    assert_eq!(String::from_utf8(read.to_bytes()).unwrap(), expected);
}

#[test]
fn more_is_a_regression_and_less_an_improvement() {
    let limits = Limits::default();
    let same = verdict(&[row(4, 1000), row(8, 200)], &limits);
    assert!(same.changes().is_empty() && same.code() == exit::OK);
    let more = verdict(&[row(4, 1001), row(8, 220)], &limits);
    assert_eq!(more.code(), exit::REGRESSION);
    // The worst first.
    assert_eq!(more.changes()[0].0.row.frames, Some(8));
    assert_eq!(
        more.changes()[0].1.words(),
        "faults 220 > baseline 200 (+20, +10.0000 %)"
    );
    let less = verdict(&[row(4, 999), row(8, 200)], &limits);
    assert_eq!((less.code(), less.tally().warned), (exit::OK, 1));
    let other = Row {
        refs: 9_999,
        ..row(4, 1000)
    };
    let fewer_refs = verdict(&[other, row(8, 200)], &limits);
    assert_eq!(fewer_refs.code(), exit::REGRESSION, "neither way is better");
}

#[test]
fn limits_are_asked_for_each_direction() {
    let limits = |text: &str| toml::from_str::<Limits>(text).unwrap();
    for (text, faults, code) in [
        ("max-increase = 5", 1005, exit::OK),
        ("max-increase = 5", 1006, exit::REGRESSION),
        ("max-increase-pct = 0.5", 1005, exit::OK),
        ("max-increase-pct = 0.5", 1006, exit::REGRESSION),
        ("max-increase = 5", 994, exit::OK),
        ("improvement = 'fail'", 999, exit::REGRESSION),
        ("improvement = 'fail'\nmax-decrease = 1", 999, exit::OK),
        (
            "improvement = 'fail'\nmax-decrease-pct = 0.1",
            998,
            exit::REGRESSION,
        ),
        ("metric = 'write_backs'", 9999, exit::OK),
        ("[[override]]\nframes = 4\nmax-increase = 9", 1009, exit::OK),
        (
            "[[override]]\nframes = 8\nmax-increase = 9",
            1009,
            exit::REGRESSION,
        ),
    ] {
        let verdict = verdict(&[row(4, faults), row(8, 200)], &limits(text));
        assert_eq!(verdict.code(), code, "{text}, {faults}");
    }
}

#[test]
fn a_regression_is_reported_as_nothing_else() {
    let failed = Row {
        status: "error".into(),
        error: "why".into(),
        ..row(8, 0)
    };
    let limits = Limits::default();
    let code = |rows: &[Row]| verdict(rows, &limits).code();
    assert_eq!(code(&[row(4, 1000), failed.clone()]), exit::FAILURE);
    assert_eq!(code(&[row(4, 1001), failed]), exit::REGRESSION);
    assert_eq!(code(&[row(4, 1000)]), exit::INCOMPLETE);
    assert_eq!(code(&[row(4, 1001)]), exit::REGRESSION);
    assert_eq!(code(&[]), exit::INCOMPLETE);
    // A glob that matches nothing passes nothing.
    let none: Pattern = "x*".parse().unwrap();
    let nothing = judge(&baseline(&[row(4, 9)]), Some(&none), &[row(4, 9)], &limits).unwrap();
    assert_eq!(nothing.code(), exit::NOTHING);
}

#[test]
fn counts_of_something_else_are_not_compared() {
    let limits = Limits::default();
    let there = baseline(&[row(4, 1000)]);
    let judged = |now: Row| {
        judge(&there, None, &[now], &limits)
            .unwrap_err()
            .to_string()
    };
    let other = |change: fn(&mut Row)| {
        let mut row = row(4, 1000);
        change(&mut row);
        judged(row)
    };
    assert!(other(|row| row.trace_digest = "e".into()).starts_with("line 2: trace t has changed"));
    assert!(
        other(|row| row.swap_limit = Some(1))
            .contains("swap_limit is unset in the baseline, 1 in this run")
    );
    assert!(
        other(|row| row.filter = "limit=9".into()).contains("this run the selection \"limit=9\"")
    );
    assert!(
        other(|row| row.warmup_refs = 9)
            .contains("a warm-up of 0 references in the baseline, of 9 in this run")
    );
    let twice = judge(&there, None, &[row(4, 1), row(4, 1)], &limits).unwrap_err();
    assert!(matches!(twice, CheckError::Twice(_)), "{twice}");
}

/// Names that mean something to each form, and the largest counts. A table is read with plain names.
#[test]
fn every_form_takes_any_name_and_count() {
    let hostile = Row {
        trace: "a|b\n<c>&\"\u{1b}%,:".into(),
        params: "load-bit=0".into(),
        policy: "clock".into(),
        ..row(1, 0)
    };
    let huge = Row {
        refs: u64::MAX,
        ..hostile.clone()
    };
    let limits = Limits {
        overrides: vec![Override::default()],
        ..Limits::default()
    };
    for (then, now) in [(&hostile, &huge), (&huge, &hostile)] {
        let now = Row {
            trace: crate::units::plain_name(&now.trace).into_owned(),
            ..now.clone()
        };
        let verdict = judge(&baseline(from_ref(then)), None, &[now], &limits).unwrap();
        let xml = crate::check::forms::junit::to_xml(&verdict, "b.csv", verdict.code());
        assert!(
            xml.contains("<testsuite name=\"a|b?&lt;c&gt;&amp;&quot;?%,:\""),
            "{xml}"
        );
        let md = crate::check::forms::markdown::to_markdown(
            &verdict,
            "b.csv",
            crate::check::forms::markdown::ROOM,
        );
        assert!(md.contains("| a\\|b?&lt;c&gt;&amp;\"?%,:, clock"), "{md}");
        let commands = crate::check::forms::annotations::to_commands(&verdict, "b,.csv");
        assert!(
            commands.starts_with("::error file=b%2C.csv,line=2,title="),
            "{commands}"
        );
        assert!(commands.contains("::a|b?<c>&\"") && commands.lines().count() == 1);
        let json = crate::check::forms::json::to_json(&verdict, None, "b.csv", verdict.code());
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["changes"][0]["fails"], true);
        assert_eq!(deltas(&verdict).len(), 1);
    }
}

#[test]
fn annotations_stay_few() {
    let rows = |faults: u64| {
        (1..=30)
            .map(|frames| row(frames, faults))
            .collect::<Vec<_>>()
    };
    let verdict = judge(&baseline(&rows(5)), None, &rows(6), &Limits::default()).unwrap();
    let commands = crate::check::forms::annotations::to_commands(&verdict, "b.csv");
    assert_eq!(commands.lines().count(), 10);
    assert!(
        commands.ends_with("::error::21 more annotations: see the output of pagebench check\n")
    );
}

#[test]
fn nonsense_is_refused() {
    let path = Path::new("b.csv");
    let good = String::from_utf8(baseline(&[row(4, 50)]).to_bytes()).unwrap();
    let line = good.lines().nth(1).unwrap();
    for (text, why) in [
        (
            format!("{good}{line}\n"),
            "b.csv:3: the same cell as line 2",
        ),
        (
            good.replace("\n2,", "\n9,"),
            "b.csv:2: schema 9: this program reads schema 2",
        ),
        (
            good.replace("\n2,", "\n1,"),
            "an earlier pagebench wrote it",
        ),
        (
            good.replace("\n2,", "\n1,").replace(",filter,", ",old,"),
            "b.csv:2: schema 1: this program reads schema 2",
        ),
        (
            good.replace(",50,", ",many,"),
            "b.csv:2: column faults: not a whole number",
        ),
        (
            good.replace(",50,", ",10001,"),
            "b.csv:2: 10001 faults of 10000 references",
        ),
        (
            good.replace(",4,", ",,"),
            "b.csv:2: neither frames nor a window",
        ),
        (good.replace(",4,", ",0,"), "b.csv:2: 0 frames"),
        (
            good.replace(",lru,", ",lur,"),
            "b.csv:2: unknown policy \"lur\"; did you mean \"lru\"",
        ),
        (
            good.lines().next().unwrap().to_owned() + "\n",
            "names no cell",
        ),
        (
            "a,b\n1,2\n".into(),
            "b.csv:1: not a baseline of this version",
        ),
        (String::new(), "b.csv:1: not a baseline of this version"),
    ] {
        let error = Baseline::parse(path, text.as_bytes())
            .unwrap_err()
            .to_string();
        assert!(error.contains(why), "{error}");
    }
}

/// Bytes that are not accepted stay, whatever ends the lines; what is accepted ends as the header does.
#[test]
fn a_baseline_with_crlf_is_changed_line_by_line() {
    let path = Path::new("b.csv");
    let rows = [row(4, 50), row(8, 40), row(16, 30)];
    let text = String::from_utf8(baseline(&rows).to_bytes()).unwrap();
    let crlf = text.replace('\n', "\r\n");
    let mixed = text.replacen('\n', "\r\n", 2);
    let open = crlf.trim_end().to_owned();
    for file in [&text, &crlf, &mixed] {
        let mut read = Baseline::parse(path, file.as_bytes()).unwrap();
        let lines: Vec<u64> = read.entries.iter().map(|entry| entry.line).collect();
        assert_eq!(lines, [2, 3, 4]);
        assert_eq!(read.take(&rows), Taken::default());
        assert_eq!(read.to_bytes(), file.as_bytes());
    }
    let mut read = Baseline::parse(path, open.as_bytes()).unwrap();
    // The last line has no end until another stands behind it.
    assert_eq!(read.to_bytes(), open.as_bytes());
    let taken = read.take(&[row(8, 41), row(32, 20)]);
    assert_eq!((taken.changed, taken.new), (1, 1));
    let expected = [row(4, 50), row(8, 41), row(16, 30), row(32, 20)];
    let expected = String::from_utf8(baseline(&expected).to_bytes()).unwrap();
    assert_eq!(read.to_bytes(), expected.replace('\n', "\r\n").as_bytes());
    // An error names its line.
    let wrong = crlf.replace(",40,", ",many,");
    let error = Baseline::parse(path, wrong.as_bytes()).unwrap_err();
    assert!(error.to_string().starts_with("b.csv:3: "), "{error}");
}
