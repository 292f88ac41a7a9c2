//! Tables for papers: Markdown and LaTeX.

use std::fmt::Write;

use super::{in_percent, main_measure, rows};
use crate::bench::{Cell, Results};

/// The cell of a label in every column (data set and model).
fn columns(results: &Results) -> Vec<(&str, &str)> {
    let mut columns = Vec::new();
    for dataset in results.datasets() {
        for model in results.models() {
            if !rows(results, dataset, model).is_empty() {
                columns.push((dataset, model));
            }
        }
    }
    columns
}

fn text(results: &Results, cell: Option<&Cell>) -> String {
    let measure = cell.and_then(|cell| main_measure(results, cell));
    measure.map_or_else(String::new, in_percent)
}

fn column_name(results: &Results, (dataset, model): (&str, &str)) -> String {
    match results.models().len() {
        1 => dataset.to_string(),
        _ => format!("{dataset}, {model}"),
    }
}

/// The main score of every condition and control as a Markdown table.
pub fn markdown(results: &Results) -> String {
    let columns = columns(results);
    let escape = |text: &str| text.replace('|', "\\|").replace('<', "&lt;");
    let mut out = format!(
        "# {}\n\n{}\n\nFor {}. Exact match ({}) in per cent, with the 95 % bootstrap interval over images.\n\n| condition |",
        escape(&results.name),
        escape(&results.about),
        results.intended_use,
        results.rule
    );
    for column in &columns {
        let _ = write!(out, " {} |", escape(&column_name(results, *column)));
    }
    out.push_str("\n|---|");
    out.push_str(&"---|".repeat(columns.len()));
    out.push('\n');
    for label in results.labels() {
        let _ = write!(out, "| {} |", escape(label));
        for (dataset, model) in &columns {
            let cell = results.cell(dataset, model, label, "all");
            let _ = write!(out, " {} |", text(results, cell));
        }
        out.push('\n');
    }
    let fits = &results.calibration;
    if !fits.is_empty() {
        out.push_str("\n| confidence | condition | calibration error | Brier | stated | right of these |\n|---|---|---|---|---|---|\n");
        for fit in fits {
            let _ = writeln!(
                out,
                "| {}, {} | {} | {:.3} | {:.3} | {:.0} % | {:.0} % |",
                escape(&fit.dataset),
                escape(&fit.model),
                escape(&fit.label),
                fit.ece,
                fit.brier,
                100.0 * fit.stated[0],
                100.0 * fit.stated[1]
            );
        }
    }
    out
}

/// Text for LaTeX.
fn tex(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                out.push('\\');
                out.push(c);
            }
            '~' => out.push_str("\\textasciitilde{}"),
            '^' => out.push_str("\\textasciicircum{}"),
            '\\' => out.push_str("\\textbackslash{}"),
            '<' => out.push_str("\\textless{}"),
            '>' => out.push_str("\\textgreater{}"),
            c => out.push(c),
        }
    }
    out
}

/// The same as a LaTeX table.
pub fn latex(results: &Results) -> String {
    let columns = columns(results);
    let mut out = format!(
        "% {}\n\\begin{{table}}\n\\caption{{{}. Exact match ({}) in per cent, with the 95\\,\\% bootstrap interval over images.}}\n\\begin{{tabular}}{{l{}}}\n\\hline\ncondition",
        results.intended_use,
        tex(&results.name),
        tex(&results.rule),
        "r".repeat(columns.len())
    );
    for column in &columns {
        let _ = write!(out, " & {}", tex(&column_name(results, *column)));
    }
    out.push_str(" \\\\\n\\hline\n");
    for label in results.labels() {
        out.push_str(&tex(label));
        for (dataset, model) in &columns {
            let cell = results.cell(dataset, model, label, "all");
            let measure = cell.and_then(|cell| main_measure(results, cell));
            let text = measure.map_or_else(String::new, |measure| {
                format!(
                    "{:.1} {{\\small [{:.1}, {:.1}]}}",
                    100.0 * measure.mean,
                    100.0 * measure.low,
                    100.0 * measure.high
                )
            });
            let _ = write!(out, " & {text}");
        }
        out.push_str(" \\\\\n");
    }
    out.push_str("\\hline\n\\end{tabular}\n\\end{table}\n");
    out
}
