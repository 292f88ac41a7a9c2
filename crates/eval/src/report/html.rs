//! The page: plots, tables and examples of every data set, in one file.

use std::fmt::Write;

use super::images::{InPage, QUESTION_SIDE, SHOT_SIDE};
use super::svg::{Bar, Line, bars, escape, over_shots, reliability};
use super::{Images, calibration, in_percent, lines, main_measure, rows, types};
use crate::bench::{Cell, ExampleShot, Results};

const STYLE: &str = "
:root{color-scheme:light dark;--text:#1d2021;--paper:#fff;--soft:#6b7075;--line:#d9dcdf}
@media (prefers-color-scheme:dark){:root{--text:#e4e6e8;--paper:#16191b;--soft:#9aa1a7;--line:#343a3f}}
body{font:15px/1.5 system-ui,sans-serif;color:var(--text);background:var(--paper);max-width:1000px;margin:2em auto;padding:0 1em}
h1{font-size:1.6em;margin-bottom:.1em}h2{margin-top:2.2em;border-bottom:1px solid var(--line)}h3{margin-bottom:.3em}
.use{border:1px solid var(--line);padding:.5em .8em;border-radius:6px}
.soft{color:var(--soft)}
table{border-collapse:collapse;font-size:13.5px;margin:.6em 0}td,th{padding:.25em .7em;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
td:first-child,th:first-child{text-align:left}tr.control td:first-child{color:var(--soft)}
svg{max-width:100%;height:auto;font:12px system-ui,sans-serif}svg text{fill:var(--text)}
svg .grid{stroke:var(--line)}svg .interval{stroke:var(--text)}svg .tick{fill:var(--soft)}
.scroll{overflow-x:auto}
.example{display:flex;gap:1em;border:1px solid var(--line);border-radius:6px;padding:.7em;margin:.6em 0}
.example img{max-width:176px;max-height:176px;border-radius:4px}.example p{margin:.15em 0}
.shots{display:flex;flex-wrap:wrap;gap:.6em;margin:.4em 0}.shots figure{margin:0;width:80px}.shots img{max-width:72px;max-height:72px}
.shots figcaption{font-size:12px;line-height:1.25;color:var(--soft);overflow-wrap:anywhere}
.wrong{border-left:4px solid #d55e00}.right{border-left:4px solid #009e73}
";

/// The report as one HTML page.
pub fn html(results: &Results, images: &Images) -> String {
    let name = match results.name.is_empty() {
        true => "Evaluation",
        false => &results.name,
    };
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><style>{STYLE}</style></head><body>\n<h1>{title}</h1><p class=\"soft\">{about}</p>\n<p class=\"use\">This report is for {use_}.</p>\n<p>Score: exact match ({rule}), in per cent, with 95 % bootstrap intervals over images; trials are pooled. rounds {version}{failed}.</p>\n",
        title = escape(name),
        about = escape(&results.about),
        use_ = escape(&results.intended_use),
        rule = escape(&results.rule),
        version = escape(&results.version),
        failed = match results.failed {
            0 => String::new(),
            n => format!("; {n} questions failed and are not in the numbers"),
        },
    );
    let mut images = InPage::new(images);
    for dataset in results.datasets() {
        for model in results.models() {
            section(&mut page, results, &mut images, dataset, model);
        }
    }
    if images.left_out > 0 {
        let _ = writeln!(
            page,
            "<p class=\"soft\">{} further images are left out: the page would be too large.</p>",
            images.left_out
        );
    }
    page.push_str("</body></html>\n");
    page
}

fn section(page: &mut String, results: &Results, images: &mut InPage, dataset: &str, model: &str) {
    let rows = rows(results, dataset, model);
    let Some(first) = rows.first() else {
        return;
    };
    let _ = writeln!(
        page,
        "<h2>{}, {}</h2><p class=\"soft\">{} answers a condition</p>",
        escape(dataset),
        escape(model),
        first.n
    );
    let plotted: Vec<Line> = lines(results, dataset, model)
        .into_iter()
        .map(|(name, cells)| Line {
            dashed: name.starts_with("vote"),
            name,
            points: cells
                .iter()
                .filter_map(|cell| {
                    let measure = main_measure(results, cell)?;
                    Some((cell.k as f64, measure.mean, measure.low, measure.high))
                })
                .collect(),
        })
        .collect();
    let _ = writeln!(
        page,
        "<h3>By number of shots</h3>{}",
        over_shots("score by number of shots", &plotted)
    );
    let bar = |cell: &&Cell, name: String, colour: usize| {
        let measure = main_measure(results, cell)?;
        let values = (measure.mean, measure.low, measure.high);
        Some(Bar {
            name,
            colour,
            values,
        })
    };
    let all: Vec<Bar> = rows
        .iter()
        .filter_map(|cell| bar(cell, cell.label.clone(), usize::from(cell.control) * 6))
        .collect();
    let _ = writeln!(
        page,
        "<h3>Conditions, controls and baselines</h3><p class=\"soft\">Grey bars are controls and baselines: they say what the questions, the shots' texts or their order give away.</p><div class=\"scroll\">{}</div>",
        bars("conditions and controls", &all)
    );
    let kinds: Vec<Bar> = types(results, dataset, model)
        .iter()
        .filter_map(|cell| bar(cell, format!("{} ({})", cell.part, cell.n), 2))
        .collect();
    if !kinds.is_empty() {
        let _ = writeln!(
            page,
            "<h3>By question type</h3><div class=\"scroll\">{}</div>",
            bars("question types", &kinds)
        );
    }
    if let Some(fit) = calibration(results, dataset, model) {
        let _ = writeln!(
            page,
            "<h3>Confidence, {}</h3><p>Expected calibration error {:.3}, Brier score {:.3}; {:.0} % are stated without reservation, {:.0} % of these are right.</p>{}",
            escape(&fit.label),
            fit.ece,
            fit.brier,
            100.0 * fit.stated[0],
            100.0 * fit.stated[1],
            reliability("confidence and truth", &fit.bins)
        );
    }
    table(page, results, &rows);
    examples(page, results, images, dataset, model);
}

fn table(page: &mut String, results: &Results, rows: &[&Cell]) {
    let mut names: Vec<&str> = Vec::new();
    for cell in rows {
        for name in cell.measures.keys() {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
    }
    names.sort_unstable();
    names.retain(|name| *name != results.main);
    names.insert(0, &results.main);
    page.push_str(
        "<h3>All scores</h3><div class=\"scroll\"><table><tr><th>condition</th><th>n</th>",
    );
    for name in &names {
        let _ = write!(page, "<th>{}</th>", escape(name));
    }
    page.push_str("</tr>\n");
    for cell in rows {
        let class = if cell.control {
            " class=\"control\""
        } else {
            ""
        };
        let _ = write!(
            page,
            "<tr{class}><td>{}</td><td>{}</td>",
            escape(&cell.label),
            cell.n
        );
        for (at, name) in names.iter().enumerate() {
            let text = match (cell.measures.get(*name), at) {
                (Some(measure), 0) => in_percent(measure),
                (Some(measure), _) => format!("{:.1}", 100.0 * measure.mean),
                (None, _) => String::new(),
            };
            let _ = write!(page, "<td>{text}</td>");
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</table></div>\n");
}

fn examples(page: &mut String, results: &Results, images: &mut InPage, dataset: &str, model: &str) {
    let of =
        |example: &&crate::bench::Example| example.dataset == dataset && example.model == model;
    let mut examples = results.examples.iter().filter(of).peekable();
    if examples.peek().is_none() {
        return;
    }
    page.push_str("<h3>Some answers</h3>\n");
    for example in examples {
        let class = if example.right { "right" } else { "wrong" };
        let _ = write!(page, "<div class=\"example {class}\">");
        for name in &example.images {
            if let Some(uri) = images.data_uri(name, QUESTION_SIDE) {
                let _ = write!(page, "<img alt=\"image of the question\" src=\"{uri}\">");
            }
        }
        let _ = write!(
            page,
            "<div><p><b>{}</b></p><p>model: {} ({class})</p><p>reference: {}</p>",
            escape(&example.question),
            escape(&example.answer),
            escape(&example.reference)
        );
        if !example.shots.is_empty() {
            page.push_str(
                "<p class=\"soft\">shots, in the order of the prompt:</p><div class=\"shots\">",
            );
            for shot in &example.shots {
                shot_figure(page, images, shot);
            }
            page.push_str("</div>");
        }
        page.push_str("</div></div>\n");
    }
}

/// A shot's images, small, above its answer.
fn shot_figure(page: &mut String, images: &mut InPage, shot: &ExampleShot) {
    page.push_str("<figure>");
    for name in &shot.images {
        if let Some(uri) = images.data_uri(name, SHOT_SIDE) {
            let _ = write!(page, "<img alt=\"image of a shot\" src=\"{uri}\">");
        }
    }
    let _ = write!(
        page,
        "<figcaption title=\"{}\">{}</figcaption></figure>",
        escape(&shot.id),
        escape(&shot.answer)
    );
}
