//! Plots as SVG: lines with bands, bars with intervals, reliability diagrams.

use std::fmt::Write;

/// Colours that people with a colour vision deficiency can tell apart (Okabe and Ito 2008).
pub(super) const COLOURS: [&str; 7] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#777777",
];

/// A line: its name, whether it is dashed, and its points (x, mean, low, high), all but x from 0 to 1.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) dashed: bool,
    pub(super) points: Vec<(f64, f64, f64, f64)>,
}

const LEFT: f64 = 44.0;
const TOP: f64 = 12.0;
const PLOT: f64 = 380.0;
const HEIGHT: f64 = 230.0;
const BOTTOM: f64 = 34.0;

pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

fn y(share: f64) -> f64 {
    TOP + HEIGHT * (1.0 - share.clamp(0.0, 1.0))
}

/// The frame of a plot from 0 to 100 per cent, `width` wide.
fn begin(width: f64, height: f64, title: &str) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\" aria-label=\"{}\">",
        escape(title)
    );
    for tick in 0..=5 {
        let share = f64::from(tick) / 5.0;
        let _ = write!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" class=\"grid\"/><text x=\"{:.1}\" y=\"{:.1}\" class=\"tick\" text-anchor=\"end\">{}</text>",
            LEFT + PLOT,
            y(share),
            y(share),
            LEFT - 6.0,
            y(share) + 4.0,
            tick * 20
        );
    }
    svg
}

/// Lines over the number of shots, with bands. The numbers of shots stand at equal distances.
pub(super) fn over_shots(title: &str, lines: &[Line]) -> String {
    let mut shots: Vec<f64> = lines
        .iter()
        .flat_map(|line| line.points.iter().map(|point| point.0))
        .collect();
    shots.sort_by(f64::total_cmp);
    shots.dedup();
    let step = PLOT / (shots.len().max(2) - 1) as f64;
    let x = |k: f64| LEFT + step * shots.iter().position(|s| *s == k).unwrap_or(0) as f64;
    let legend = TOP + 10.0 + 18.0 * lines.len() as f64;
    let height = legend.max(TOP + HEIGHT + BOTTOM);
    let mut svg = begin(LEFT + PLOT + 260.0, height, title);
    let plain = lines.iter().filter(|line| !line.dashed).count().max(1);
    for k in &shots {
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" class=\"tick\" text-anchor=\"middle\">{k}</text>",
            x(*k),
            TOP + HEIGHT + 16.0
        );
    }
    let _ = write!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" class=\"tick\" text-anchor=\"middle\">shots</text>",
        LEFT + PLOT / 2.0,
        TOP + HEIGHT + 31.0
    );
    for (at, line) in lines.iter().enumerate() {
        // A vote has the colour of the strategy whose shots vote.
        let colour = COLOURS[at % plain % COLOURS.len()];
        if !line.dashed && line.points.len() > 1 {
            let mut band: Vec<String> = line
                .points
                .iter()
                .map(|(k, _, _, high)| format!("{:.1},{:.1}", x(*k), y(*high)))
                .collect();
            let lower = line.points.iter().rev();
            band.extend(lower.map(|(k, _, low, _)| format!("{:.1},{:.1}", x(*k), y(*low))));
            let _ = write!(
                svg,
                "<polygon points=\"{}\" fill=\"{colour}\" opacity=\"0.15\"/>",
                band.join(" ")
            );
        }
        let points: Vec<String> = line
            .points
            .iter()
            .map(|(k, mean, ..)| format!("{:.1},{:.1}", x(*k), y(*mean)))
            .collect();
        let dash = if line.dashed {
            " stroke-dasharray=\"5 4\""
        } else {
            ""
        };
        let _ = write!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>",
            points.join(" ")
        );
        for (k, mean, ..) in &line.points {
            let _ = write!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3.2\" fill=\"{colour}\"/>",
                x(*k),
                y(*mean)
            );
        }
        let top = TOP + 10.0 + 18.0 * at as f64;
        let _ = write!(
            svg,
            "<line x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{top:.1}\" y2=\"{top:.1}\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/><text x=\"{:.1}\" y=\"{:.1}\" class=\"name\">{}</text>",
            LEFT + PLOT + 14.0,
            LEFT + PLOT + 38.0,
            LEFT + PLOT + 44.0,
            top + 4.0,
            escape(&line.name)
        );
    }
    svg.push_str("</svg>");
    svg
}

/// A bar: its name, a colour's number, mean, low, high (from 0 to 1).
pub(super) struct Bar {
    pub(super) name: String,
    pub(super) colour: usize,
    pub(super) values: (f64, f64, f64),
}

/// Horizontal bars with intervals.
pub(super) fn bars(title: &str, bars: &[Bar]) -> String {
    const NAME: f64 = 330.0;
    const ROW: f64 = 21.0;
    let width = NAME + PLOT + 60.0;
    let height = ROW * bars.len() as f64 + 24.0;
    let x = |share: f64| NAME + PLOT * share.clamp(0.0, 1.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\" aria-label=\"{}\">",
        escape(title)
    );
    for tick in 0..=5 {
        let at = x(f64::from(tick) / 5.0);
        let _ = write!(
            svg,
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"0\" y2=\"{:.1}\" class=\"grid\"/><text x=\"{at:.1}\" y=\"{:.1}\" class=\"tick\" text-anchor=\"middle\">{}</text>",
            height - 20.0,
            height - 6.0,
            tick * 20
        );
    }
    for (at, bar) in bars.iter().enumerate() {
        let (mean, low, high) = bar.values;
        let (top, middle) = (ROW * at as f64 + 3.0, ROW * at as f64 + 10.5);
        let colour = COLOURS[bar.colour % COLOURS.len()];
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" class=\"name\" text-anchor=\"end\">{}<title>{}</title></text><rect x=\"{NAME}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"15\" fill=\"{colour}\" opacity=\"0.8\"/><line x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\" class=\"interval\"/><text x=\"{:.1}\" y=\"{:.1}\" class=\"tick\">{:.1}</text>",
            NAME - 8.0,
            top + 12.0,
            escape(&super::shortened(&bar.name, 54)),
            escape(&bar.name),
            x(mean) - NAME,
            x(low),
            x(high),
            x(high) + 6.0,
            top + 12.0,
            100.0 * mean
        );
    }
    svg.push_str("</svg>");
    svg
}

/// A reliability diagram: mean confidence, share right and number of answers of each bin.
pub(super) fn reliability(title: &str, bins: &[(f64, f64, usize)]) -> String {
    let x = |share: f64| LEFT + PLOT * share.clamp(0.0, 1.0);
    let mut svg = begin(LEFT + PLOT + 20.0, TOP + HEIGHT + BOTTOM, title);
    let _ = write!(
        svg,
        "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" class=\"interval\" stroke-dasharray=\"4 4\"/>",
        LEFT + PLOT,
        y(0.0),
        y(1.0)
    );
    for tick in 0..=5 {
        let share = f64::from(tick) / 5.0;
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" class=\"tick\" text-anchor=\"middle\">{}</text>",
            x(share),
            TOP + HEIGHT + 16.0,
            tick * 20
        );
    }
    let _ = write!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" class=\"tick\" text-anchor=\"middle\">confidence</text>",
        LEFT + PLOT / 2.0,
        TOP + HEIGHT + 31.0
    );
    let most = bins.iter().map(|bin| bin.2).max().unwrap_or(1).max(1);
    for (confidence, right, count) in bins {
        let size = 3.0 + 9.0 * (*count as f64 / most as f64).sqrt();
        let _ = write!(
            svg,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{size:.1}\" fill=\"{}\" opacity=\"0.75\"><title>{count} answers</title></circle>",
            x(*confidence),
            y(*right),
            COLOURS[0]
        );
    }
    svg.push_str("</svg>");
    svg
}
