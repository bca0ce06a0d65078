//! What a change moved: a bar for each count that is not what it was, from the largest growth to the
//! largest decline, in percent.

use crate::report::chart::page;
use crate::report::chart::page::{Entry, Head, MARGIN};
use crate::report::chart::scene::{Anchor, Canvas, Pen, Rect, render};
use crate::report::chart::{Chart, ChartError, theme};
use crate::report::tables::changes_csv::DeltaRow;
use plotters::style::RGBColor;
use std::cmp::Ordering;

/// The most bars that fit.
const BARS_MAX: usize = 28;
/// Room for the names of cells, at the left.
const NAMES: f64 = 520.0;
/// Room for the figures at either end of the bars.
const FIGURES: f64 = 150.0;
/// The greatest height of a bar with its gap.
const STEP_MAX: f64 = 52.0;

/// The colours of verdicts.
const VERDICTS: [(&str, RGBColor); 4] = [
    ("regression", theme::DIRTY),
    ("improvement", theme::CLEAN),
    ("within limits", theme::UNTOUCHED),
    ("accepted", theme::DROPPED),
];

/// Draws the chart; without rows it says that nothing changed. `name` is that of the baseline, and
/// `facts` say what was compared.
pub fn draw(rows: &[DeltaRow], name: &str, facts: Vec<String>) -> Result<Chart, ChartError> {
    let (bars, left_out) = chosen(rows);
    let scene = render((theme::WIDTH, theme::HEIGHT), |canvas| {
        let head = Head {
            name,
            what: "what changed",
            facts,
            trace_kind: "full",
            title: None,
        };
        let body = page::heading(canvas, &head);
        if bars.is_empty() {
            let pen = Pen::new(theme::LABEL, theme::FAINT_INK).anchored(Anchor::Middle);
            let text = "every count is what the baseline says";
            return canvas.text_centred(text, (body.centre(), body.middle()), &pen);
        }
        let shown =
            |(verdict, _): &&(&str, RGBColor)| bars.iter().any(|row| row.verdict == *verdict);
        let entries = VERDICTS.iter().filter(shown);
        let entries = entries.map(|(verdict, colour)| Entry::area(verdict, *colour));
        let body = Rect {
            bottom: body.bottom - 30.0,
            ..body
        };
        let body = page::legend_below(canvas, body, entries.collect());
        draw_bars(canvas, body, &bars);
        let note = match left_out {
            0 => Vec::new(),
            1 => vec!["1 smaller change is not drawn".to_owned()],
            n => vec![format!("{n} smaller changes are not drawn")],
        };
        page::notes(canvas, &note)
    });
    Ok(Chart {
        stem: "delta".into(),
        scene,
        data: None,
    })
}

/// Returns the largest changes, from growth to decline, and the number of the others.
fn chosen(rows: &[DeltaRow]) -> (Vec<&DeltaRow>, usize) {
    let mut bars: Vec<&DeltaRow> = rows.iter().collect();
    bars.sort_by(|a, b| percent(b).abs().total_cmp(&percent(a).abs()));
    let left_out = bars.len().saturating_sub(BARS_MAX);
    bars.truncate(BARS_MAX);
    bars.sort_by(|a, b| percent(b).total_cmp(&percent(a)));
    (bars, left_out)
}

/// Returns the change in percent; infinite if nothing was expected.
fn percent(row: &DeltaRow) -> f64 {
    row.percent.unwrap_or(f64::INFINITY)
}

fn draw_bars(canvas: &Canvas, body: Rect, bars: &[&DeltaRow]) {
    let field = Rect {
        left: body.left + NAMES + FIGURES,
        right: body.right - FIGURES,
        ..body
    };
    let finite = bars
        .iter()
        .map(|row| percent(row))
        .filter(|p| p.is_finite());
    let (low, high) = finite.fold((0.0_f64, 0.0_f64), |(low, high), p| {
        (low.min(p), high.max(p))
    });
    let endless = bars.iter().any(|row| row.percent.is_none());
    let high = if endless && high == 0.0 { -low } else { high };
    let high = if high == low { 1.0 } else { high };
    let x = |percent: f64| {
        let share = (percent.clamp(low, high) - low) / (high - low);
        field.left + share * field.width()
    };
    let step = (body.height() / bars.len() as f64).min(STEP_MAX);
    let bottom = body.top + step * bars.len() as f64;
    for (index, row) in bars.iter().enumerate() {
        let y = body.top + (index as f64 + 0.5) * step;
        let ends = (x(0.0), x(percent(row)));
        one_bar(canvas, row, ends, y, step * 0.36);
    }
    let zero = x(0.0);
    canvas.stroke((zero, body.top), (zero, bottom), 1.6, theme::AXIS)
}

fn one_bar(canvas: &Canvas, row: &DeltaRow, (zero, end): (f64, f64), y: f64, half: f64) {
    let size = theme::SMALL.min(half * 2.2);
    let text = format!("{}, {}, {}", row.trace, row.policy, row.memory);
    let name = Pen::new(size, theme::INK);
    let metric = format!(": {}", row.metric.replace('_', "-"));
    let room = NAMES - 12.0 - name.width(&metric);
    let text = name.fitted(&text, room) + &metric;
    canvas.text_centred(&text, (MARGIN, y), &name);
    let colour = VERDICTS.iter().find(|(verdict, _)| row.verdict == *verdict);
    let colour = colour.map_or(theme::BOUND, |(_, colour)| *colour);
    // A change too small for its bar is there all the same.
    let end = match end.total_cmp(&zero) {
        Ordering::Less => end.min(zero - 1.5),
        _ if row.got < row.expected => zero - 1.5,
        _ => end.max(zero + 1.5),
    };
    let bar = Rect {
        left: zero,
        top: y - half,
        right: end,
        bottom: y + half,
    };
    canvas.fill(bar, colour);
    let figure = match row.percent {
        Some(percent) => format!("{percent:+.3} %"),
        None => format!("new: {}", row.got),
    };
    let (at, anchor) = if row.got < row.expected {
        (end - 8.0, Anchor::End)
    } else {
        (end + 8.0, Anchor::Start)
    };
    let pen = Pen::new(size, theme::INK).anchored(anchor);
    canvas.text_centred(&figure, (at, y), &pen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(expected: u64, got: u64, verdict: &str) -> DeltaRow {
        DeltaRow {
            trace: "t".into(),
            policy: "lru".into(),
            memory: "8 frames".into(),
            metric: "faults".into(),
            expected,
            got,
            percent: (expected > 0)
                .then(|| (got as f64 - expected as f64) * 100.0 / expected as f64),
            verdict: verdict.into(),
        }
    }

    #[test]
    fn the_largest_changes_are_drawn_from_growth_to_decline() {
        let mut rows = vec![
            row(100, 50, "improvement"),
            row(0, 3, "regression"),
            row(100, 120, "regression"),
        ];
        rows.extend((0..40).map(|_| row(1000, 1001, "within limits")));
        let (bars, left_out) = chosen(&rows);
        assert_eq!((bars.len(), left_out), (BARS_MAX, 43 - BARS_MAX));
        assert_eq!(
            (bars[0].got, bars[1].got, bars[BARS_MAX - 1].got),
            (3, 120, 50)
        );
        for rows in [&rows[..], &rows[..1], &rows[1..2], &rows[2..3], &[]] {
            let chart = draw(rows, "b.csv", vec!["1 cell".into()]).unwrap();
            let png = chart.png().unwrap();
            assert!(png.starts_with(b"\x89PNG"));
        }
    }
}
