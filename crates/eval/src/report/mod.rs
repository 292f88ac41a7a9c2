//! Reports of a run: one HTML page that needs no network, tables in Markdown and LaTeX, and plots for the terminal.
//!
//! Everything is made from [`Results`]; texts in them are escaped here, for the format that they go into.

mod html;
mod images;
mod plot;
mod svg;
mod tables;
mod terminal;

pub use html::html;
pub use images::{Images, keep_shown};
pub use plot::{Ink, plots};
pub use tables::{latex, markdown};
pub use terminal::terminal;

use crate::bench::{Calibration, Cell, Measure, Results};

/// Most types of questions in a plot.
const MOST_TYPES: usize = 24;

/// The rows of a data set and model on all its questions: ways of answering first, then controls and baselines.
fn rows<'a>(results: &'a Results, dataset: &str, model: &str) -> Vec<&'a Cell> {
    let of = |control: bool| {
        results.cells.iter().filter(move |cell| {
            cell.dataset == dataset
                && cell.model == model
                && cell.part == "all"
                && cell.control == control
        })
    };
    of(false).chain(of(true)).collect()
}

/// The score that tables show.
fn main_measure<'a>(results: &Results, cell: &'a Cell) -> Option<&'a Measure> {
    cell.measures.get(&results.main)
}

/// A share in per cent, with its interval.
fn in_percent(measure: &Measure) -> String {
    format!(
        "{:.1} ({:.1} to {:.1})",
        100.0 * measure.mean,
        100.0 * measure.low,
        100.0 * measure.high
    )
}

/// A name of at most `most` characters: what is cut is the middle, as names differ at their ends.
fn shortened(name: &str, most: usize) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= most {
        return name.to_string();
    }
    let front = most / 2;
    let back = letters.len() - (most - front - 1);
    let (front, back) = (&letters[..front], &letters[back..]);
    front.iter().chain(&['…']).chain(back).collect()
}

/// A label of a condition without its number of shots: what a line of a plot is named by.
fn line_of(cell: &Cell) -> String {
    match cell.label.split_once(' ') {
        Some((_, rest)) if cell.k > 0 => rest.to_string(),
        _ => String::new(),
    }
}

/// Ways of answering as lines over the number of shots: name and points. The point without shots belongs to every line.
fn lines<'a>(results: &'a Results, dataset: &str, model: &str) -> Vec<(String, Vec<&'a Cell>)> {
    let rows = rows(results, dataset, model);
    let plain: Vec<&Cell> = rows.iter().copied().filter(|cell| !cell.control).collect();
    let mut lines: Vec<(String, Vec<&Cell>)> = Vec::new();
    for cell in plain.iter().filter(|cell| cell.k > 0) {
        let name = line_of(cell);
        match lines.iter_mut().find(|(known, _)| *known == name) {
            Some((_, points)) => points.push(cell),
            None => lines.push((name, vec![cell])),
        }
    }
    let none = plain.iter().find(|cell| cell.label == "k=0");
    for (_, points) in &mut lines {
        points.extend(none);
        points.sort_by_key(|cell| cell.k);
    }
    if lines.is_empty() {
        lines.extend(none.map(|cell| ("no shots".to_string(), vec![*cell])));
    }
    // The vote of the same shots, as a line of its own.
    let vote: Vec<&Cell> = rows
        .iter()
        .copied()
        .filter(|cell| cell.control && cell.label.starts_with("vote of the shots"))
        .collect();
    let mut votes: Vec<(String, Vec<&Cell>)> = Vec::new();
    for cell in vote {
        let name = match cell.label.split_once(", ") {
            Some((_, of)) => of.split_once(' ').map_or("", |(_, rest)| rest),
            None => "",
        };
        let name = format!("vote, {name}");
        match votes.iter_mut().find(|(known, _)| *known == name) {
            Some((_, points)) => points.push(cell),
            None => votes.push((name, vec![cell])),
        }
    }
    for (_, points) in &mut votes {
        points.sort_by_key(|cell| cell.k);
    }
    lines.extend(votes);
    lines
}

/// Types of questions under the condition that controls change.
fn types<'a>(results: &'a Results, dataset: &str, model: &str) -> Vec<&'a Cell> {
    let cells = results.cells.iter().filter(|cell| {
        cell.dataset == dataset
            && cell.model == model
            && cell.label == results.reference_of(dataset, model)
            && (cell.part.starts_with("type ") || cell.part == "closed" || cell.part == "open")
    });
    let mut cells: Vec<&Cell> = cells.collect();
    // The largest types, in their order.
    let mut sizes: Vec<usize> = cells.iter().map(|cell| cell.n).collect();
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    if let Some(&least) = sizes.get(MOST_TYPES) {
        cells.retain(|cell| cell.n > least);
    }
    cells
}

/// The fit of the confidences under the condition that controls change.
fn calibration<'a>(results: &'a Results, dataset: &str, model: &str) -> Option<&'a Calibration> {
    let mut fits = results.calibration.iter();
    let reference = results.reference_of(dataset, model);
    fits.find(|fit| fit.dataset == dataset && fit.model == model && fit.label == reference)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{Example, ExampleShot};
    use std::collections::BTreeMap;

    pub(super) fn results() -> Results {
        let cell = |label: &str, k, control, part: &str, mean: f64| Cell {
            dataset: "set".into(),
            model: "shipped".into(),
            label: label.into(),
            control,
            k,
            part: part.into(),
            n: 40,
            measures: BTreeMap::from([(
                "exact-plain".to_string(),
                Measure {
                    mean,
                    low: mean - 0.1,
                    high: mean + 0.1,
                },
            )]),
        };
        Results {
            intended_use: rounds_support::INTENDED_USE.into(),
            name: "a <plan> & more".into(),
            about: "".into(),
            version: "0".into(),
            reference: "k=4 auto similar-last".into(),
            main: "exact-plain".into(),
            rule: "lower case".into(),
            cells: vec![
                cell("k=0", 0, false, "all", 0.4),
                cell("k=4 auto similar-last", 4, false, "all", 0.6),
                cell("k=4 auto similar-last", 4, false, "type organ_x", 0.5),
                cell(
                    "vote of the shots, k=4 auto similar-last",
                    4,
                    true,
                    "all",
                    0.55,
                ),
                cell(
                    "k=4 auto similar-last shuffled-answers",
                    4,
                    true,
                    "all",
                    0.3,
                ),
            ],
            calibration: vec![Calibration {
                dataset: "set".into(),
                model: "shipped".into(),
                label: "k=4 auto similar-last".into(),
                n: 40,
                ece: 0.1,
                brier: 0.2,
                stated: [0.5, 0.9],
                bins: vec![(0.3, 0.2, 10), (0.8, 0.9, 30)],
            }],
            examples: vec![Example {
                dataset: "set".into(),
                model: "shipped".into(),
                label: "k=4 auto similar-last".into(),
                question: "<script>alert(1)</script>".into(),
                reference: "lung".into(),
                answer: "heart & 100 %_$".into(),
                images: vec![],
                shots: vec![ExampleShot {
                    id: "one".into(),
                    answer: "<b>lung</b>".into(),
                    images: vec![format!("images/{}.png", "ab".repeat(32))],
                }],
                right: false,
            }],
            failed: 0,
        }
    }

    #[test]
    fn long_names_stay_different() {
        let of = |order: &str| format!("the nearest shot's answer, k=2 image {order}");
        let (last, first) = (of("similar-last"), of("similar-first"));
        assert_eq!(shortened(&last, 34).chars().count(), 34);
        assert_ne!(shortened(&last, 34), shortened(&first, 34));
        assert_eq!(shortened("k=0", 34), "k=0");
    }

    #[test]
    fn a_plots_lines_have_the_point_without_shots_and_the_vote() {
        let results = results();
        let lines = lines(&results, "set", "shipped");
        let points = |at: usize| lines[at].1.iter().map(|c| c.k).collect::<Vec<_>>();
        assert_eq!(lines.len(), 2);
        assert_eq!(
            (lines[0].0.as_str(), points(0)),
            ("auto similar-last", vec![0, 4])
        );
        assert_eq!(
            (lines[1].0.as_str(), points(1)),
            ("vote, auto similar-last", vec![4])
        );
    }

    #[test]
    fn every_format_escapes_texts_and_states_the_intended_use_once() {
        let results = results();
        let page = html(&results, &Images::none());
        assert!(!page.contains("<script>alert") && page.contains("&lt;script&gt;"));
        assert!(page.contains("a &lt;plan&gt; &amp; more"));
        assert!(page.contains("&lt;b&gt;lung&lt;/b&gt;") && !page.contains("<b>lung"));
        let once = |text: &str| text.matches(rounds_support::INTENDED_USE).count() == 1;
        assert!(once(&page));
        let (md, tex) = (markdown(&results), latex(&results));
        assert!(once(&md) && once(&tex));
        assert!(
            tex.contains("a \\textless{}plan\\textgreater{} \\& more"),
            "{tex}"
        );
        assert!(tex.contains("60.0") && md.contains("60.0"));
        let screen = terminal(&results);
        assert!(screen.contains("60.0") && screen.contains("vote of the shots"));
    }

    #[test]
    fn the_page_needs_no_network() {
        let page = html(&results(), &Images::none());
        for outside in ["http://", "https://", "<link", "@import", "src=\"//"] {
            let allowed = page.matches("http://www.w3.org/2000/svg").count();
            let found = page.matches(outside).count();
            assert!(
                found == 0 || (outside == "http://" && found == allowed),
                "{outside}"
            );
        }
        assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    }
}
