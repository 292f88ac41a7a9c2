//! The main numbers as bars for the terminal, without colours: what the table says must not depend on them.

use std::fmt::Write;

use super::{calibration, main_measure, rows, shortened};
use crate::bench::Results;

/// Width of a bar of 100 per cent, in columns.
const BAR: usize = 20;
/// Longest name of a condition, in columns.
const NAME: usize = 34;

/// A bar with an accuracy of an eighth of a column.
fn bar(share: f64) -> String {
    const PARTS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let eighths = (share.clamp(0.0, 1.0) * BAR as f64 * 8.0).round() as usize;
    let mut bar = "█".repeat(eighths / 8);
    if !eighths.is_multiple_of(8) {
        bar.push(PARTS[eighths % 8]);
    }
    let width = bar.chars().count();
    bar.push_str(&" ".repeat(BAR.saturating_sub(width)));
    bar
}

/// Every condition and control of every data set, as bars with intervals.
pub fn terminal(results: &Results) -> String {
    let mut out = String::new();
    for dataset in results.datasets() {
        for model in results.models() {
            let rows = rows(results, dataset, model);
            let Some(first) = rows.first() else {
                continue;
            };
            let _ = writeln!(
                out,
                "{dataset}, {model}: exact match in per cent, {} answers a condition",
                first.n
            );
            let (mut controls, mut shots) = (false, None);
            for cell in rows {
                if cell.control && !controls {
                    controls = true;
                    let _ = writeln!(out, "  controls and baselines");
                }
                let Some(measure) = main_measure(results, cell) else {
                    continue;
                };
                // Baselines stand below the shots that they are made from: a whole name would not fit.
                let (name, from) = match cell.label.split_once(", k=") {
                    Some((name, from)) => (format!("  {name}"), Some(format!("k={from}"))),
                    None => (cell.label.clone(), None),
                };
                if from.is_some() && from != shots {
                    let of = from.as_deref().unwrap_or_default();
                    let _ = writeln!(out, "  without the model, shots of {of}");
                    shots.clone_from(&from);
                }
                let _ = writeln!(
                    out,
                    "  {:NAME$} {:5.1} {} {:.0} to {:.0}",
                    shortened(&name, NAME),
                    100.0 * measure.mean,
                    bar(measure.mean),
                    100.0 * measure.low,
                    100.0 * measure.high
                );
            }
            if let Some(fit) = calibration(results, dataset, model) {
                let _ = writeln!(out, "  confidence, {}:", fit.label);
                let _ = writeln!(
                    out,
                    "    calibration error {:.3}; {:.0} % stated, {:.0} % of these right",
                    fit.ece,
                    100.0 * fit.stated[0],
                    100.0 * fit.stated[1]
                );
            }
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_a_terminal_of_80_columns() {
        let mut results = super::super::tests::results();
        for cell in &mut results.cells {
            cell.label = format!("the nearest shot's answer, {}", cell.label);
        }
        let screen = terminal(&results);
        for line in screen.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        assert!(screen.contains("without the model, shots of k=4 auto similar-last"));
        assert!(screen.contains("    the nearest shot's answer "));
    }

    #[test]
    fn bars_are_as_wide_as_the_share() {
        assert_eq!(bar(0.0).trim(), "");
        assert_eq!(bar(1.0), "█".repeat(BAR));
        assert_eq!(bar(0.5).trim(), "█".repeat(BAR / 2));
        assert!([0.0, 0.33, 0.999, 1.0].map(|s| bar(s).chars().count()) == [BAR; 4]);
    }
}
