//! A timeline as a strip: one row for each entry, its repetitions as bands on a common axis.

use std::fmt::Write as _;

use super::picture::{escape, shortened, text_width, wrap};

/// What a strip shows. Times are seconds after the timeline's zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Strip {
    /// Length of the timeline.
    pub length: f64,
    /// All bands.
    pub bands: Vec<Band>,
}

/// An entry of the timeline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Band {
    /// Name of its row; repetitions share one.
    pub row: String,
    /// What it does.
    pub label: String,
    /// Start.
    pub start: f64,
    /// End.
    pub end: f64,
}

const ROW: f64 = 30.0;
const COLOURS: [&str; 6] = ["#c4560a", "#0b6aa8", "#a8487f", "#00805d", "#7a5c00", "#5a4fb5"];

/// Draws a strip of the given width as a whole `<svg>` element.
pub fn draw_strip(strip: &Strip, width: f64) -> String {
    let (elements, height) = strip_elements(strip, width);
    wrap(&elements, width, height, "timeline")
}

/// The elements of a strip, and its height.
pub(super) fn strip_elements(strip: &Strip, width: f64) -> (String, f64) {
    let mut rows: Vec<&str> = Vec::new();
    for band in &strip.bands {
        if !rows.contains(&band.row.as_str()) {
            rows.push(&band.row);
        }
    }
    let widest = rows.iter().map(|row| text_width(row, 12.0)).fold(0.0, f64::max);
    let left = (widest + 16.0).clamp(60.0, width * 0.3);
    let length = strip.length.max(0.001);
    let at = |time: f64| left + (time / length).clamp(0.0, 1.0) * (width - left - 8.0);
    let bottom = 10.0 + rows.len() as f64 * ROW;

    let mut elements = String::new();
    let step = tick(length, width - left);
    let ticks = (length / step).floor() as u32;
    for number in 0..=ticks {
        let time = f64::from(number) * step;
        let x = at(time);
        let _ = write!(
            elements,
            "<path d=\"M{x:.1} 4V{bottom:.1}\" stroke=\"#e3e8ef\"/>\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"11\" fill=\"#637083\">{}</text>",
            bottom + 15.0,
            say(time)
        );
    }
    elements.push('\n');
    for (number, row) in rows.iter().enumerate() {
        let y = 8.0 + number as f64 * ROW;
        let colour = COLOURS[number % COLOURS.len()];
        let most = ((left - 16.0) / (12.0 * 0.58)).max(4.0) as usize;
        let _ = writeln!(
            elements,
            "<text x=\"0\" y=\"{:.1}\" font-size=\"12\" font-weight=\"600\" fill=\"#1f2933\">{}</text>",
            y + 15.0,
            escape(&shortened(row, most))
        );
        for band in strip.bands.iter().filter(|band| band.row == *row) {
            let (from, to) = (at(band.start), at(band.end));
            // A blow that is over at once is still to be seen.
            let wide = (to - from).max(4.0);
            let _ = write!(
                elements,
                "<g><title>{} · {} to {}</title><rect x=\"{from:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"22\" rx=\"4\" \
                 fill=\"{colour}\" fill-opacity=\"0.18\" stroke=\"{colour}\" stroke-opacity=\"0.75\"/>",
                escape(&band.label),
                say(band.start),
                say(band.end)
            );
            let space = ((wide - 12.0) / (11.0 * 0.58)).max(0.0) as usize;
            let fits = band.label.chars().count() <= space;
            if fits || space >= 12 {
                let _ = write!(
                    elements,
                    "<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"11\" fill=\"#1f2933\">{}</text>",
                    from + 7.0,
                    y + 15.0,
                    escape(&shortened(&band.label, space))
                );
            } else if width - to > text_width(&band.label, 11.0) + 14.0
                && strip.bands.iter().filter(|other| other.row == *row).count() == 1
            {
                let _ = write!(
                    elements,
                    "<text x=\"{:.1}\" y=\"{:.1}\" font-size=\"11\" fill=\"#637083\">{}</text>",
                    from + wide + 7.0,
                    y + 15.0,
                    escape(&band.label)
                );
            }
            elements.push_str("</g>\n");
        }
    }
    (elements, bottom + 24.0)
}

/// A round step that leaves each tick about 60 pixels.
fn tick(length: f64, width: f64) -> f64 {
    let wanted = length / (width / 60.0).max(1.0);
    let steps = [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0];
    steps.into_iter().find(|step| *step >= wanted).unwrap_or_else(|| (wanted / 3600.0).ceil() * 3600.0)
}

fn say(seconds: f64) -> String {
    let whole = seconds.round();
    if (seconds - whole).abs() > 0.05 {
        return format!("{seconds:.1}s");
    }
    match whole as u64 {
        short @ 0..120 => format!("{short}s"),
        minutes if minutes % 60 == 0 => format!("{}m", minutes / 60),
        long => format!("{}m{}s", long / 60, long % 60),
    }
}
