//! The curve of a run as an image (SVG): the loss over the steps of each stage, and below it the shares of right answers on the tuning split.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

const WIDTH: f64 = 860.0;
/// Left of the axis, right of the plot (where the names of lines stand), and the plot's width.
const LEFT: f64 = 56.0;
const RIGHT: f64 = 190.0;
const PLOT: f64 = WIDTH - LEFT - RIGHT;
/// Height of a panel and the room above it.
const PANEL: f64 = 190.0;
const GAP: f64 = 46.0;
/// Distance between the names of lines.
const LINE: f64 = 13.0;
/// Colours that people with a colour vision deficiency can tell apart (Okabe and Ito 2008).
const COLOURS: [&str; 7] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555",
];

/// A line of a panel: its name and its points (step, value).
type Series = (String, Vec<(f64, f64)>);

/// The image of a run whose `curve.jsonl` has these lines; lines that are no measurements are ignored.
pub(crate) fn curve_svg(lines: &str) -> String {
    let mut stages: Vec<(String, f64)> = Vec::new();
    let (mut losses, mut shares) = (BTreeMap::new(), BTreeMap::new());
    for line in lines.lines() {
        let Ok(value) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let (Some(stage), Some(step)) = (value["stage"].as_str(), value["step"].as_f64()) else {
            continue;
        };
        // Stages follow each other on one axis.
        match stages.last_mut() {
            Some((name, length)) if name == stage => *length = length.max(step),
            _ => stages.push((stage.to_string(), step)),
        }
        let before: f64 = stages.iter().rev().skip(1).map(|(_, length)| length).sum();
        let at = before + step;
        if let Some(loss) = value["loss"].as_f64() {
            let own: &mut Vec<(f64, f64)> = losses.entry(format!("loss, {stage}")).or_default();
            own.push((at, loss));
        }
        for (name, share) in value["tuning"].as_object().into_iter().flatten() {
            if let Some(share) = share.as_f64() {
                let own: &mut Vec<(f64, f64)> = shares.entry(name.clone()).or_default();
                own.push((at, share * 100.0));
            }
        }
    }
    let steps = stages
        .iter()
        .map(|(_, length)| length)
        .sum::<f64>()
        .max(1.0);
    let most = largest(losses.values());
    let panels: [(&str, Vec<Series>, f64); 2] = [
        ("loss", losses.into_iter().collect(), most.max(1e-6)),
        (
            "right answers on the tuning split, %",
            shares.into_iter().collect(),
            100.0,
        ),
    ];
    let height = |series: &[Series]| PANEL.max(series.len() as f64 * LINE);
    let total: f64 = panels.iter().map(|(_, s, _)| height(s) + GAP).sum::<f64>() + GAP;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {total:.0}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    let mut top = GAP;
    for (title, series, most) in &panels {
        panel(
            &mut out,
            title,
            series,
            (steps, *most),
            (top, height(series)),
        );
        top += height(series) + GAP;
    }
    out.push_str("</svg>\n");
    out
}

fn largest<'a>(series: impl Iterator<Item = &'a Vec<(f64, f64)>>) -> f64 {
    series
        .flatten()
        .map(|(_, value)| *value)
        .filter(|value| value.is_finite())
        .fold(0.0, f64::max)
}

/// One panel: axes from 0 to (`steps`, `most`), lines, and their names at the right, in the order of their last values.
fn panel(
    out: &mut String,
    title: &str,
    series: &[Series],
    (steps, most): (f64, f64),
    (top, height): (f64, f64),
) {
    let x = |step: f64| LEFT + PLOT * step / steps;
    let y = |value: f64| top + height * (1.0 - value / most);
    let _ = writeln!(
        out,
        "<text x=\"{LEFT}\" y=\"{:.0}\" font-weight=\"bold\">{title}</text>",
        top - 14.0
    );
    for tick in 0..=4 {
        let part = f64::from(tick) / 4.0;
        let (level, value) = (y(part * most), part * most);
        let label = if most >= 10.0 {
            format!("{value:.0}")
        } else {
            format!("{value:.2}")
        };
        let _ = writeln!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{level:.1}\" y2=\"{level:.1}\" stroke=\"#dddddd\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#555555\">{label}</text>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#555555\">{:.0}</text>",
            LEFT + PLOT,
            LEFT - 6.0,
            level + 4.0,
            x(part * steps),
            top + height + 15.0,
            part * steps
        );
    }
    let last = |points: &[(f64, f64)]| points.last().map_or(0.0, |(_, value)| *value);
    let mut named: Vec<(usize, &Series)> = series.iter().enumerate().collect();
    named.sort_by(|(_, a), (_, b)| last(&b.1).total_cmp(&last(&a.1)));
    let mut next = top;
    for (at, (name, points)) in named {
        let colour = COLOURS[at % COLOURS.len()];
        let dashed = match at / COLOURS.len() {
            0 => "",
            _ => " stroke-dasharray=\"5 3\"",
        };
        let mut path = String::new();
        for (step, value) in points.iter().filter(|(_, value)| value.is_finite()) {
            let _ = write!(path, "{:.1},{:.1} ", x(*step), y(*value));
        }
        let end = y(last(points)).max(next);
        next = end + LINE;
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.6\"{dashed}/>\
             <text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{} {:.1}</text>",
            path.trim_end(),
            LEFT + PLOT + 8.0,
            end + 4.0,
            escaped(name),
            last(points)
        );
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_follow_each_other_and_every_share_has_a_line() {
        let svg = curve_svg(
            "{\"stage\":\"tower\",\"step\":10,\"loss\":4.0}\n\
             not a measurement\n\
             {\"stage\":\"learner\",\"step\":10,\"loss\":1.0}\n\
             {\"stage\":\"learner\",\"step\":30,\"tuning\":{\"names <easy>\":0.5}}\n",
        );
        // Forty steps: the learner's tenth is the twentieth of all, in the middle.
        let middle = format!("{:.1},{:.1} ", LEFT + PLOT / 2.0, GAP + PANEL * 0.75);
        assert!(svg.contains(middle.trim_end()), "{svg}");
        assert!(svg.contains("names &lt;easy> 50.0"));
        assert_eq!(svg.matches("<polyline").count(), 3);
    }
}
