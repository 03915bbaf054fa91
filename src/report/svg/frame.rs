//! The time axis that all charts over time share, with fault windows as bands.

use maud::{Markup, html};

use crate::check::history::History;
use crate::check::windows::Window;

/// Width of every chart, in user units.
pub(crate) const WIDTH: f64 = 1160.0;
/// Where the time axis begins; names stand to the left of it.
pub(crate) const LEFT: f64 = 150.0;
/// Where it ends.
pub(crate) const RIGHT: f64 = 1148.0;

/// Time to place.
#[derive(Clone, Debug)]
pub(crate) struct Frame<'h, 'a> {
    pub(crate) history: &'h History<'a>,
    /// First moment, in microseconds since the run started.
    pub(crate) from: u64,
    /// Last moment.
    pub(crate) to: u64,
}

impl<'h, 'a> Frame<'h, 'a> {
    /// From the timeline's zero (or the run's start) to the last moment that is judged.
    pub(crate) fn new(history: &'h History<'a>) -> Self {
        let from = history.zero.unwrap_or(0);
        Self { history, from, to: history.end.max(from + 1) }
    }

    /// The place of a moment; moments outside stand at the edge.
    pub(crate) fn x(&self, at: u64) -> f64 {
        let share = (at.clamp(self.from, self.to) - self.from) as f64 / (self.to - self.from) as f64;
        LEFT + share * (RIGHT - LEFT)
    }

    /// The column of a moment, from 0, one user unit wide.
    pub(crate) fn column(&self, at: u64) -> usize {
        (self.x(at) - LEFT) as usize
    }

    /// The moment in words, counted from the zero.
    pub(crate) fn seconds(&self, at: u64) -> String {
        let seconds = (at as f64 - self.history.zero.unwrap_or(0) as f64) / 1e6;
        format!("{seconds:.1} s")
    }

    /// Bands of all fault windows, from `top` to `bottom`; they lie behind what is drawn later.
    pub(crate) fn bands(&self, top: f64, bottom: f64) -> Markup {
        html! {
            @for window in &self.history.windows {
                @if let Some(begin) = window.begin {
                    @let end = window.end.unwrap_or(self.to);
                    @let (x, width) = (self.x(begin), (self.x(end) - self.x(begin)).max(1.0));
                    rect.band x=(n(x)) y=(n(top)) width=(n(width)) height=(n(bottom - top)) { title { (self.band_title(window)) } }
                    path.bandedge d=(format!("M{0} {top}V{bottom}M{1} {top}V{bottom}", n(x), n(x + width))) {}
                }
            }
        }
    }

    /// Names of all fault windows in rows above `top`, and the edges of their bands, before everything else.
    pub(crate) fn band_names(&self, top: f64, bottom: f64) -> Markup {
        let rows = self.rows();
        html! {
            @for (window, row) in self.history.windows.iter().zip(&rows) {
                @if let (Some(begin), Some(row)) = (window.begin, row) {
                    @let end = window.end.unwrap_or(self.to);
                    @let (x, width) = (self.x(begin), (self.x(end) - self.x(begin)).max(1.0));
                    @let y = top - 15.0 * (self.row_count() - row) as f64;
                    rect.band x=(n(x)) y=(n(y)) width=(n(width)) height=(n(top - y)) {}
                    path.bandedge d=(format!("M{0} {y}V{bottom}M{1} {y}V{bottom}", n(x), n(x + width))) {}
                    // A name that would leave the picture on the right stands to the left of its band's end.
                    @let name = window.record.name.as_str();
                    @let wide = name.chars().count() as f64 * 6.6;
                    @let right = x + wide + 6.0 > RIGHT;
                    text.bandname x=(n(if right { x + width - 3.0 } else { x + 3.0 })) y=(n(y + 11.0))
                        text-anchor=(if right { "end" } else { "start" }) { (name) title { (self.band_title(window)) } }
                }
            }
        }
    }

    fn band_title(&self, window: &Window<'_>) -> String {
        let begin = self.seconds(window.begin.unwrap_or(self.from));
        let end = window.end.map_or_else(|| "the end".to_owned(), |end| self.seconds(end));
        format!("{}: {}, {begin} to {end}", window.record.name, window.record.summary)
    }

    /// In which row each window's name stands, so that no two cover each other; none for windows that never began.
    fn rows(&self) -> Vec<Option<usize>> {
        let mut ends: Vec<f64> = Vec::new();
        let mut order: Vec<(u64, usize)> = Vec::new();
        for (index, window) in self.history.windows.iter().enumerate() {
            order.extend(window.begin.map(|begin| (begin, index)));
        }
        order.sort_unstable();
        let mut rows = vec![None; self.history.windows.len()];
        for (begin, index) in order {
            let x = self.x(begin);
            let name = self.history.windows[index].record.name.as_str().chars().count() as f64 * 6.6 + 8.0;
            let row = ends.iter().position(|&end| end <= x).unwrap_or_else(|| {
                // More rows than these nobody reads; the last one may overlap.
                if ends.len() < 6 {
                    ends.push(0.0);
                }
                ends.len() - 1
            });
            ends[row] = x + name;
            rows[index] = Some(row);
        }
        rows
    }

    /// How many rows of names there are.
    pub(crate) fn row_count(&self) -> usize {
        self.rows().into_iter().flatten().max().map_or(0, |row| row + 1)
    }

    /// The axis below a chart: a line, ticks, and seconds.
    pub(crate) fn axis(&self, top: f64, y: f64) -> Markup {
        let length = (self.to - self.from) as f64 / 1e6;
        let step = nice_step(length / 10.0);
        let zero = self.history.zero.unwrap_or(0);
        let count = (length / step).floor() as u64;
        html! {
            @for tick in 0..=count {
                @let seconds = tick as f64 * step;
                @let x = self.x(self.from + (seconds * 1e6) as u64);
                path.grid d=(format!("M{0} {top}V{y}", n(x))) {}
                text.tick x=(n(x)) y=(n(y + 14.0)) text-anchor="middle" { (time_label(seconds + (self.from as f64 - zero as f64) / 1e6)) }
            }
            path.axis d=(format!("M{LEFT} {y}H{RIGHT}")) {}
        }
    }
}

/// A step of 1, 2 or 5 times a power of ten, or of whole minutes and hours, that is at least so long.
fn nice_step(at_least: f64) -> f64 {
    const STEPS: [f64; 21] = [
        0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0,
        600.0, 1800.0, 3600.0,
    ];
    let known = STEPS.into_iter().find(|&step| step >= at_least);
    known.unwrap_or_else(|| (at_least / 3600.0).ceil() * 3600.0)
}

fn time_label(seconds: f64) -> String {
    if seconds >= 120.0 && seconds % 60.0 == 0.0 {
        format!("{} min", seconds / 60.0)
    } else if seconds.fract().abs() < 1e-9 {
        format!("{seconds:.0} s")
    } else {
        format!("{seconds} s")
    }
}

/// A number for SVG: at most one decimal.
pub(crate) fn n(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    format!("{rounded}")
}

/// Appends to a path.
pub(crate) fn push(path: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = std::fmt::Write::write_fmt(path, text);
}
