//! Absolute faults over frames, for one group, with Belady's anomalies marked: sizes at which a policy
//! has more faults than with fewer frames (Belady, Nelson and Shedler, CACM 12(6), 1969).
//!
//! Does not know how rows came about.

use super::canvas::{Canvas, render};
use super::kinds::Context;
use super::page::{self, Entry, Head};
use super::panel::{Look, Panel, XLabels};
use super::scale::{Axis, LABELS, bytes};
use super::series::{Curves, FAULTS, Group, Point};
use super::{ChartError, Data, Drawn, theme};

/// Draws the chart.
pub fn draw(group: &Group<'_>, context: &Context<'_>) -> Result<Drawn, ChartError> {
    let options = context.options;
    let log = options.log_or(true, true);
    let mut curves = group.curves(context.styles, &FAULTS);
    if curves.series.is_empty() {
        let why = "no row has a number of frames (run with a policy that takes -m)";
        return Err(ChartError::Lacks(why.to_owned()));
    }
    // Before zeros go: a size without a fault may be the smaller one.
    let marks = Marks::of(&curves);
    let dropped = curves.retain(|point| !log.y || point.y > 0.0);
    let scene = render(options.pixels, |canvas| {
        let mut head = Head::of(group, "faults", options);
        head.facts.push(marks.summary());
        let body = page::heading(canvas, &head)?;
        let mut entries = page::entries(curves.series.iter(), &[]);
        if marks.count() > 0 {
            entries.push(Entry::ring("Belady anomaly", theme::WARNING));
        }
        let body = page::legend_right(canvas, body, entries)?;
        let points = || curves.points();
        let panel = Panel {
            rect: page::plot(body),
            x: Axis::sizes(log.x, points().map(|point| point.x), LABELS),
            y: Axis::numbers(log.y, points().map(|point| point.y)),
            look: Look::LARGE,
        };
        let page_size = group.first().page_size;
        panel.frame(canvas, XLabels::PagesAndBytes(page_size))?;
        panel.x_title(canvas, &frames_title(page_size), page::X_TITLE)?;
        panel.y_title(canvas, "faults")?;
        panel.curves(canvas, &curves.series)?;
        if curves.series.is_empty() {
            panel.nothing(canvas, "no row has a fault")?;
        }
        marks.draw(canvas, &panel)?;
        page::notes(canvas, &notes(&curves, dropped))
    })?;
    Ok((scene, marks.added_to(group.data(&[(&FAULTS, &curves)]))))
}

/// The title of an x axis in frames.
pub fn frames_title(page_size: u64) -> String {
    format!("frames ({} each)", bytes(page_size as f64))
}

/// What is missing from a chart over frames.
pub fn notes(curves: &Curves, dropped: usize) -> Vec<String> {
    let mut notes: Vec<String> = page::note_dropped(dropped).into_iter().collect();
    notes.extend(page::note_windowed(curves.windowed.iter()));
    notes
}

/// The anomalies of all curves: label and point.
struct Marks(Vec<(String, Point)>);

impl Marks {
    fn of(curves: &Curves) -> Marks {
        let all = curves.series.iter().flat_map(|series| {
            let points = series.runs.iter().flat_map(|run| anomalies(run));
            points.map(|point| (series.label.clone(), point))
        });
        Marks(all.collect())
    }

    fn count(&self) -> usize {
        self.0.len()
    }

    /// How many there are, and of whom.
    fn summary(&self) -> String {
        let mut names: Vec<&str> = self.0.iter().map(|(label, _)| label.as_str()).collect();
        names.dedup();
        match self.count() {
            0 => "no anomaly at these sizes".to_owned(),
            1 => format!("1 Belady anomaly ({})", names.join(", ")),
            n => format!("{n} Belady anomalies ({})", names.join(", ")),
        }
    }

    fn draw(&self, canvas: &Canvas, panel: &Panel) -> Result<(), ChartError> {
        for (_, point) in &self.0 {
            if let Some(at) = panel.pixel(point.x, point.y) {
                canvas.ring(at, page::RING, 2.4, theme::WARNING)?;
            }
        }
        Ok(())
    }

    /// The table with a column that says where they are.
    fn added_to(&self, mut data: Data) -> Data {
        data.header.push("anomaly");
        for line in &mut data.lines {
            let is = self.0.iter().any(|(label, point)| {
                let (x, y) = (point.x.to_string(), point.y.to_string());
                line.ends_with(&[x, y]) && line.contains(label)
            });
            line.push(if is { "yes" } else { "no" }.to_owned());
        }
        data
    }
}

/// The points of a line, which goes by frames, that have more faults than one with fewer frames.
fn anomalies(run: &[Point]) -> Vec<Point> {
    let more = |point: &&Point| {
        let fewer = run.iter().take_while(|other| other.x < point.x);
        fewer.into_iter().any(|other| other.y < point.y)
    };
    run.iter().filter(more).copied().collect()
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
            })
            .collect();
        let found: Vec<f64> = anomalies(&run).iter().map(|point| point.x).collect();
        assert_eq!(found, [4.0]);
        assert!(anomalies(&run[..3]).is_empty() && anomalies(&[]).is_empty());
    }
}
