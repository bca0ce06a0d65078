//! Absolute faults over frames, for one group, with Belady's anomalies marked: sizes at which a policy
//! has more faults than with fewer frames (Belady, Nelson and Shedler, CACM 12(6), 1969).

use super::Context;
use crate::report::chart::axis::{Axis, LABELS};
use crate::report::chart::page;
use crate::report::chart::page::{Entry, Head};
use crate::report::chart::panel::{Look, Panel};
use crate::report::chart::scene::{Canvas, render};
use crate::report::chart::series::{Curves, FAULTS, Group, Point, Series};
use crate::report::chart::{ChartError, Data, Drawn, theme};

/// Draws the chart.
pub fn draw(group: &Group<'_>, context: &Context<'_>) -> Result<Drawn, ChartError> {
    let options = context.options;
    let log = options.log_or(true, true);
    let mut curves = group.curves(context.styles, &FAULTS);
    if curves.series.is_empty() {
        let why = "no row has a number of frames (run with a policy that takes -m)";
        return Err(ChartError::Lacks(why.to_owned()));
    }
    // Before zeros are dropped: a size without a fault may be the smaller one.
    mark_anomalies(&mut curves);
    let facts = summary(&curves);
    let has_anomalies = marked_points(&curves).next().is_some();
    let dropped = curves.retain(|point| !log.y || point.y > 0.0);
    let scene = render(options.pixels, |canvas| {
        let mut head = Head::for_group(group, "faults", options);
        head.facts.push(facts);
        let body = page::heading(canvas, &head);
        let mut entries = page::entries(curves.series.iter(), &[]);
        if has_anomalies {
            entries.push(Entry::ring("Belady anomaly", theme::WARNING));
        }
        let body = page::legend_right(canvas, body, entries);
        let points = || curves.points();
        let panel = Panel {
            rect: page::plot(body),
            x: Axis::sizes(log.x, points().map(|point| point.x), LABELS),
            y: Axis::numbers(log.y, points().map(|point| point.y)),
            look: Look::LARGE,
        };
        let page_size = group.first().page_size;
        page::axes(
            canvas,
            &panel,
            page_size,
            [&page::frames_title(page_size), "faults"],
        );
        panel.curves(canvas, &curves.series);
        if curves.series.is_empty() {
            panel.nothing(canvas, "no row has a fault");
        }
        draw_rings(canvas, &panel, &curves);
        page::notes(canvas, &page::notes_over_frames(&curves, dropped))
    });
    let data = group.data(&[(&FAULTS, &curves)]);
    Ok((scene, with_anomalies(data, &curves)))
}

/// Marks the points of each line, which goes by frames, that have more faults than one with fewer
/// frames.
fn mark_anomalies(curves: &mut Curves) {
    let runs = curves.series.iter_mut().flat_map(|series| &mut series.runs);
    for run in runs {
        for (index, anomaly) in anomalies(run).into_iter().enumerate() {
            run[index].marked = anomaly;
        }
    }
}

/// Returns for each point of a line whether one with fewer frames has fewer faults.
fn anomalies(run: &[Point]) -> Vec<bool> {
    let more = |point: &Point| {
        let mut fewer = run.iter().take_while(|other| other.x < point.x);
        fewer.any(|other| other.y < point.y)
    };
    run.iter().map(more).collect()
}

/// Returns how many anomalies there are, and of which policies.
fn summary(curves: &Curves) -> String {
    let marked = |series: &&Series| series.runs.iter().flatten().any(|point| point.marked);
    let policies = curves.series.iter().filter(marked);
    let policies: Vec<&str> = policies.map(|series| &*series.label).collect();
    let policies = policies.join(", ");
    match marked_points(curves).count() {
        0 => "no anomaly at these sizes".to_owned(),
        1 => format!("1 Belady anomaly ({policies})"),
        n => format!("{n} Belady anomalies ({policies})"),
    }
}

fn marked_points(curves: &Curves) -> impl Iterator<Item = &Point> {
    curves.points().filter(|point| point.marked)
}

fn draw_rings(canvas: &Canvas, panel: &Panel, curves: &Curves) {
    for point in marked_points(curves) {
        if let Some(at) = panel.pixel(point.x, point.y) {
            canvas.ring(at, page::RING, 2.4, theme::WARNING);
        }
    }
}

/// Adds a column to the table of these curves that says which points are anomalies.
fn with_anomalies(mut data: Data, curves: &Curves) -> Data {
    data.header.push("anomaly");
    for (line, point) in data.lines.iter_mut().zip(curves.points()) {
        line.push(if point.marked { "yes" } else { "no" }.to_owned());
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_faults_with_more_frames_is_an_anomaly() {
        // FIFO on Belady's string 1 2 3 4 1 2 5 1 2 3 4 5.
        let faults = [12.0, 12.0, 9.0, 10.0, 5.0];
        let run: Vec<Point> = (1..)
            .zip(faults)
            .map(|(frames, y)| Point {
                x: f64::from(frames),
                y,
                space_time: 0.0,
                marked: false,
            })
            .collect();
        assert_eq!(anomalies(&run), [false, false, false, true, false]);
        assert_eq!(anomalies(&run[..3]), [false; 3]);
        assert!(anomalies(&[]).is_empty());
    }
}
