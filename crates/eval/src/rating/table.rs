//! The report as text, Markdown and LaTeX.

use std::fmt::Write;

use rounds_metrics::icc::Estimate;
use rounds_support::INTENDED_USE;
use rounds_support::errors::count;

use super::report::{Report, SystemRow};
use super::{Agreement, Flag};

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.2}"))
}

/// A table as rows of cells, the first of which is its head.
type Cells = Vec<Vec<String>>;

impl Report {
    /// The systems with mean, interval, mean rank and flags.
    fn systems_table(&self) -> Cells {
        let mut head = vec!["system", "mean", "95 % interval", "mean rank"];
        head.extend(Flag::ALL.map(Flag::name));
        head.push("ratings");
        let row = |row: &SystemRow| {
            let interval = row
                .interval
                .map(|(low, high)| format!("{low:.2} to {high:.2}"));
            let mut cells = vec![
                row.system.clone(),
                number(row.mean),
                interval.unwrap_or_else(|| "-".into()),
                number(row.mean_rank),
            ];
            let share = |flag| format!("{:.1} %", 100.0 * row.flags.of(flag));
            cells.extend(Flag::ALL.map(share));
            cells.push(row.ratings.to_string());
            cells
        };
        with_head(&head, self.systems.iter().map(row))
    }

    /// The published form: mean rating on each data set, and the average of the ranks there.
    fn datasets_table(&self) -> Cells {
        let mut head = vec!["system"];
        head.extend(self.datasets.iter().map(String::as_str));
        head.push("average rank");
        let row = |row: &SystemRow| {
            let mut cells = vec![row.system.clone()];
            cells.extend(row.by_dataset.iter().map(|mean| number(*mean)));
            cells.push(number(row.average_rank));
            cells
        };
        with_head(&head, self.systems.iter().map(row))
    }

    fn agreement_table(&self) -> Cells {
        let Agreement {
            icc_2_1,
            icc_2_k,
            weighted_kappa,
            krippendorff_alpha,
            ..
        } = self.agreement;
        let plain = |value: Option<f64>| (value, None);
        let estimate = |value: Option<Estimate>| {
            let bounds = value.and_then(|e| Some((e.low?, e.high?)));
            (value.map(|e| e.value), bounds)
        };
        let rows = [
            ("ICC(2,1)", estimate(icc_2_1)),
            ("ICC(2,k)", estimate(icc_2_k)),
            ("weighted kappa, mean of pairs", plain(weighted_kappa)),
            ("Krippendorff's alpha", plain(krippendorff_alpha)),
        ];
        type Estimated = (Option<f64>, Option<(f64, f64)>);
        let row = |(name, (value, bounds)): (&str, Estimated)| {
            let value = value.map_or_else(|| "-".into(), |value| format!("{value:.3}"));
            let bounds = bounds.map(|(low, high)| format!("{low:.3} to {high:.3}"));
            vec![
                name.to_string(),
                value,
                bounds.unwrap_or_else(|| "-".into()),
            ]
        };
        with_head(&["agreement", "value", "95 % interval"], rows.map(row))
    }

    /// What the numbers are of.
    fn lead(&self) -> String {
        let raters: Vec<String> = self
            .raters
            .iter()
            .map(|row| format!("{} ({} of {})", row.rater, row.rated, row.of))
            .collect();
        let raters = match raters.is_empty() {
            true => "no raters yet".into(),
            false => format!("answers rated by {}", raters.join(", ")),
        };
        format!(
            "{}, {}; {raters}. 0 to 10 points; seal {}",
            count(self.items, "item"),
            count(self.systems.len(), "system"),
            self.seal
        )
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        format!(
            "{}\n\n{}\nMean rating by data set\n\n{}\nAgreement on {} rated by all\n\n{}\n{INTENDED_USE}\n",
            self.lead(),
            aligned(&self.systems_table()),
            aligned(&self.datasets_table()),
            count(self.agreement.answers, "answer"),
            aligned(&self.agreement_table()),
        )
    }

    /// For a document in Markdown.
    pub fn markdown(&self) -> String {
        let parts = [
            self.systems_table(),
            self.datasets_table(),
            self.agreement_table(),
        ];
        let tables: Vec<String> = parts.iter().map(markdown).collect();
        format!(
            "{}\n\n{}\n*{INTENDED_USE}*\n",
            markdown_text(&self.lead()),
            tables.join("\n")
        )
    }

    /// For a paper in LaTeX: the published form first.
    pub fn latex(&self) -> String {
        let parts = [
            self.datasets_table(),
            self.systems_table(),
            self.agreement_table(),
        ];
        let tables: Vec<String> = parts.iter().map(latex).collect();
        format!("% {INTENDED_USE}\n% {}\n{}", self.lead(), tables.join("\n"))
    }
}

fn with_head(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Cells {
    let head = head.iter().map(ToString::to_string).collect();
    std::iter::once(head).chain(rows).collect()
}

/// Columns aligned by blanks: names left, values right.
fn aligned(table: &Cells) -> String {
    let columns = table.first().map_or(0, Vec::len);
    let width = |at: usize| {
        let cells = table.iter().filter_map(|row| row.get(at));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for row in table {
        let cells = row.iter().zip(&widths).enumerate();
        let cells: Vec<String> = cells
            .map(|(at, (cell, &width))| match at {
                0 => format!("{cell:width$}"),
                _ => format!("{cell:>width$}"),
            })
            .collect();
        let _ = writeln!(out, "{}", cells.join("  ").trim_end());
    }
    out
}

/// Text in which nothing is taken for Markdown.
fn markdown_text(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        if "\\`*_[]<>|#".contains(letter) {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

fn markdown(table: &Cells) -> String {
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().map(|cell| markdown_text(cell)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut lines = table.iter().map(line);
    let head = lines.next().unwrap_or_default();
    let values = table.first().map_or(0, |row| row.len().saturating_sub(1));
    format!(
        "{head}| --- |{}\n{}",
        " ---: |".repeat(values),
        lines.collect::<String>()
    )
}

/// Text in which nothing is taken for a command of LaTeX.
fn latex_text(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str(r"\textbackslash{}"),
            '~' => out.push_str(r"\textasciitilde{}"),
            '^' => out.push_str(r"\textasciicircum{}"),
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                out.push('\\');
                out.push(letter);
            }
            _ => out.push(letter),
        }
    }
    out
}

fn latex(table: &Cells) -> String {
    let columns = table.first().map_or(0, Vec::len);
    let line = |row: &Vec<String>| {
        let cells: Vec<String> = row.iter().map(|cell| latex_text(cell)).collect();
        format!("{} \\\\\n", cells.join(" & "))
    };
    let mut lines = table.iter().map(line);
    let head = lines.next().unwrap_or_default();
    format!(
        "\\begin{{tabular}}{{l{}}}\n\\hline\n{head}\\hline\n{}\\hline\n\\end{{tabular}}\n",
        "r".repeat(columns.saturating_sub(1)),
        lines.collect::<String>()
    )
}
