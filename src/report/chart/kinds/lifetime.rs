//! The lifetime function, for one group: mean references between faults over mean resident pages,
//! with the knee of the best policy (Denning and Kahn, "A study of program locality and lifetime
//! functions", SOSP 1975).

use super::Context;
use crate::report::chart::axis::{Axis, LABELS, decimal};
use crate::report::chart::options::Log;
use crate::report::chart::page;
use crate::report::chart::panel::{Ink, Look, Panel};
use crate::report::chart::scene::{Anchor, Canvas, Pen, Rect, render};
use crate::report::chart::series::{Curves, Group, LIFETIME, Point, Series};
use crate::report::chart::{ChartError, Drawn, theme};
use crate::report::results::knee;

/// Radius of the ring around the knee.
const KNEE_RING: f64 = 15.0;

/// Draws the chart.
pub fn draw(group: &Group<'_>, context: &Context<'_>) -> Result<Drawn, ChartError> {
    let options = context.options;
    let log = options.log_or(true, true);
    let without = group.rows.iter().filter(|row| row.faults == 0).count();
    let mut curves = group.curves(context.styles, &LIFETIME);
    curves.retain(|point| point.y > 0.0);
    let absent = curves.absent.saturating_sub(without);
    let knee = knee(&curves.series);
    let scene = render(options.pixels, |canvas| {
        let body = page::head(canvas, group, "lifetime function", options);
        let entries = page::entries(curves.series.iter(), &[]);
        let body = page::legend_right(canvas, body, entries);
        let rect = page::plot(body);
        let panel = panel(rect, &curves, log);
        let page_size = group.first().page_size;
        page::axes(
            canvas,
            &panel,
            page_size,
            [
                &page::pages_title(page_size),
                "mean references between faults",
            ],
        );
        if curves.series.is_empty() {
            panel.nothing(canvas, "no row has a fault and a mean resident size");
        } else {
            fill(canvas, &panel, &curves, knee.as_ref());
        }
        let mut notes: Vec<String> = page::note_dropped(without).into_iter().collect();
        notes.extend(page::note_absent(absent));
        page::notes(canvas, &notes)
    });
    Ok((scene, group.data(&[(&LIFETIME, &curves)])))
}

fn panel(rect: Rect, curves: &Curves, log: Log) -> Panel {
    Panel {
        rect,
        x: Axis::sizes(log.x, curves.points().map(|point| point.x), LABELS),
        y: Axis::numbers(log.y, curves.points().map(|point| point.y)),
        look: Look::LARGE,
    }
}

/// The knee among the policies that do without the future: an inner minimum of space-time.
#[derive(Debug, PartialEq)]
struct Knee<'a> {
    series: &'a str,
    point: Point,
    /// The point is the first or last of its line: a wider sweep may find a better one.
    at_edge: bool,
    /// No point of its line has less space-time, so that the line from the origin cuts it nowhere.
    least: bool,
}

/// The best knee among policies with a fixed number of frames, by the rule of the summary.
fn knee(series: &[Series]) -> Option<Knee<'_>> {
    let online = series
        .iter()
        .filter(|series| series.online && series.fixed_space);
    let knees = online.flat_map(|series| {
        series.runs.iter().filter_map(move |run| {
            let products: Vec<f64> = run.iter().map(|point| point.space_time).collect();
            let (index, at_edge) = knee::knee(&products)?;
            Some(Knee {
                series: &series.label,
                point: run[index],
                at_edge,
                least: products.iter().all(|&other| other >= products[index]),
            })
        })
    });
    let product = |knee: &Knee<'_>| knee.point.space_time;
    knees.min_by(|a, b| (a.at_edge.cmp(&b.at_edge)).then(product(a).total_cmp(&product(b))))
}

fn fill(canvas: &Canvas, panel: &Panel, curves: &Curves, knee: Option<&Knee<'_>>) {
    let Some(knee) = knee else {
        return panel.curves(canvas, &curves.series);
    };
    let tangent = tangent(panel, knee);
    if let Some((from, to)) = tangent {
        canvas.line(&[from, to], 1.6, theme::BOUND, theme::DOTTED);
    }
    panel.curves(canvas, &curves.series);
    let mut ink = Ink::new(panel, &curves.series);
    if let Some((from, to)) = tangent {
        ink.add(from, to);
    }
    if let Some(at) = panel.pixel(knee.point.x, knee.point.y) {
        mark(canvas, panel, &ink, knee, at);
    }
}

/// The line from the origin through the knee, within the panel. On logarithmic axes it is a
/// diagonal: the same references per fault for each resident page. It is no straight line where the
/// axes differ, and no tangent where it would cut the curve elsewhere: not drawn then.
fn tangent(panel: &Panel, knee: &Knee<'_>) -> Option<((f64, f64), (f64, f64))> {
    if panel.x.is_even() != panel.y.is_even() || !knee.least {
        return None;
    }
    let slope = knee.point.y / knee.point.x;
    let ((left, right), (low, high)) = (panel.x.ends(), panel.y.ends());
    let (from, to) = (left.max(low / slope), right.min(high / slope));
    let ends = (
        panel.pixel(from, from * slope)?,
        panel.pixel(to, to * slope)?,
    );
    (from < to).then_some(ends)
}

fn mark(canvas: &Canvas, panel: &Panel, ink: &Ink, knee: &Knee<'_>, at: (f64, f64)) {
    canvas.ring(at, KNEE_RING, 2.4, theme::INK);
    let pen = Pen::new(theme::SMALL + 1.0, theme::INK);
    let lines = words(knee);
    let width = pen.widest(&lines);
    let step = pen.em * 1.3;
    let size = (width, step * lines.len() as f64);
    let Some(place) = quiet_place(panel.rect, ink, at, size) else {
        return;
    };
    leader(canvas, at, place);
    for (i, line) in lines.iter().enumerate() {
        let baseline = place.top + pen.em + i as f64 * step;
        let centred = pen.anchored(Anchor::Middle);
        canvas.text(line, (place.centre(), baseline), &centred);
    }
}

fn words(knee: &Knee<'_>) -> Vec<String> {
    let name: String = if knee.series.chars().count() > 28 {
        knee.series.chars().take(27).chain(['…']).collect()
    } else {
        knee.series.to_owned()
    };
    let (pages, between) = (decimal(knee.point.x), decimal(knee.point.y));
    let what = if knee.at_edge {
        "least pages × faults, at the edge"
    } else {
        "knee: inner minimum of pages × faults"
    };
    vec![
        what.to_owned(),
        format!("{name}: {pages} pages, {between} references"),
    ]
}

/// The place for a label near a point that covers the fewest curves: the nearest of the best.
fn quiet_place(panel: Rect, ink: &Ink, at: (f64, f64), size: (f64, f64)) -> Option<Rect> {
    const AIR: f64 = 12.0;
    let rect = |distance: f64, turn: i32| {
        let angle = f64::from(turn) / 24.0 * std::f64::consts::TAU;
        // Centres on an ellipse: a label is wide, and should come near from above and below.
        let x = at.0 + libm::cos(angle) * (distance + size.0 / 2.0);
        let y = at.1 + libm::sin(angle) * (distance + size.1 / 2.0);
        Rect {
            left: x - size.0 / 2.0 - AIR,
            top: y - size.1 / 2.0 - AIR,
            right: x + size.0 / 2.0 + AIR,
            bottom: y + size.1 / 2.0 + AIR,
        }
    };
    let inside = |place: &Rect| {
        panel.left <= place.left
            && place.right <= panel.right
            && panel.top <= place.top
            && place.bottom <= panel.bottom
    };
    let distances = (0..14).map(|i| 45.0 + f64::from(i) * 30.0);
    let places = distances.flat_map(|distance| (0..24).map(move |turn| rect(distance, turn)));
    let best = places
        .filter(inside)
        .min_by_key(|place| ink.under(*place))?;
    Some(Rect {
        left: best.left + AIR,
        top: best.top + AIR,
        right: best.right - AIR,
        bottom: best.bottom - AIR,
    })
}

/// A thin line from the ring to the nearest edge of the label.
fn leader(canvas: &Canvas, at: (f64, f64), place: Rect) {
    const AIR: f64 = 5.0;
    let to = (
        at.0.clamp(place.left - AIR, place.right + AIR),
        at.1.clamp(place.top - AIR, place.bottom + AIR),
    );
    let (dx, dy) = (to.0 - at.0, to.1 - at.1);
    let length = (dx * dx + dy * dy).sqrt();
    if length <= KNEE_RING {
        return;
    }
    let from = (
        at.0 + dx / length * KNEE_RING,
        at.1 + dy / length * KNEE_RING,
    );
    canvas.stroke(from, to, 1.4, theme::INK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::chart::theme::Styles;

    fn series(label: &str, online: bool, points: &[(f64, f64)]) -> Series {
        Series {
            label: label.into(),
            style: Styles::assign(std::iter::empty()).style(label),
            online,
            fixed_space: true,
            runs: vec![
                points
                    .iter()
                    .map(|&(x, y)| Point {
                        x,
                        y,
                        space_time: x * 1e6 / y,
                        marked: false,
                    })
                    .collect(),
            ],
        }
    }

    #[test]
    fn the_knee_is_where_a_line_from_the_origin_touches() {
        let lru = series("lru", true, &[(16.0, 10.0), (64.0, 100.0), (256.0, 150.0)]);
        let opt = series("opt", false, &[(64.0, 500.0)]);
        let all = [opt, lru];
        let knee = knee(&all).unwrap();
        assert_eq!(
            (knee.series, knee.point.x, knee.at_edge),
            ("lru", 64.0, false)
        );
    }

    /// The tangent is drawn where no other point of the line is above it.
    #[test]
    fn a_line_that_cuts_the_curve_is_no_tangent() {
        let panel = |of: &[Series]| {
            let curves = Curves {
                series: of.to_vec(),
                ..Curves::default()
            };
            let rect = Rect {
                left: 0.0,
                top: 0.0,
                right: 900.0,
                bottom: 600.0,
            };
            panel(rect, &curves, Log { x: true, y: true })
        };
        let touching = [(16.0, 10.0), (64.0, 100.0), (256.0, 150.0)];
        let cutting = [(16.0, 10.0), (64.0, 100.0), (256.0, 150.0), (900.0, 5000.0)];
        for (points, drawn) in [(&touching[..], true), (&cutting[..], false)] {
            let lru = [series("lru", true, points)];
            let knee = knee(&lru).unwrap();
            assert_eq!((knee.point.x, knee.at_edge), (64.0, false));
            assert_eq!(tangent(&panel(&lru), &knee).is_some(), drawn);
        }
    }

    #[test]
    fn the_optimum_alone_has_no_knee() {
        assert_eq!(knee(&[series("opt", false, &[(64.0, 500.0)])]), None);
    }

    #[test]
    fn a_single_point_is_at_the_edge() {
        let fifo = [series("fifo", true, &[(64.0, 500.0)])];
        assert!(knee(&fifo).unwrap().at_edge);
    }
}
