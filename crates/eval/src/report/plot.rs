//! The score over the number of shots as plots of characters, for the terminal: a mark for the mean and a line for its interval. No colours:
//! ways of answering differ by their marks.

use std::fmt::Write;

use super::{lines, main_measure, shortened};
use crate::bench::Results;

/// Rows of a plot between its lowest and its highest value.
const ROWS: usize = 16;
/// Columns in front of a plot: the values and the axis.
const AXIS: usize = 6;
/// Most columns of one number of shots.
const SLOT: usize = 14;
/// Narrowest plot.
const MIN_WIDTH: usize = 24;

/// The characters that a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Geometric shapes and lines.
    Shapes,
    /// ASCII only.
    Ascii,
}

impl Ink {
    /// What a terminal shows whose locale (the first of `LC_ALL`, `LC_CTYPE` and `LANG` that is set) and `TERM` are these.
    pub fn of(locale: &str, term: &str) -> Self {
        let locale = locale.to_ascii_lowercase();
        let utf8 = locale.contains("utf-8") || locale.contains("utf8");
        match utf8 && term != "dumb" {
            true => Self::Shapes,
            false => Self::Ascii,
        }
    }

    /// One mark for each line; votes come last and have hollow ones.
    fn marks(self) -> [char; 8] {
        match self {
            Self::Shapes => ['●', '▲', '■', '◆', '○', '△', '□', '◇'],
            Self::Ascii => ['*', '#', '@', '%', 'o', 'x', '+', '='],
        }
    }

    /// A name of at most `most` columns.
    fn fitted(self, name: &str, most: usize) -> String {
        let name = shortened(name, most);
        match self {
            Self::Shapes => name,
            Self::Ascii => name.replace('…', "~"),
        }
    }

    /// Interval, axis, corner and line below.
    fn strokes(self) -> [char; 4] {
        match self {
            Self::Shapes => ['│', '┤', '└', '─'],
            Self::Ascii => ['|', '|', '+', '-'],
        }
    }
}

/// Mean, low and high at a number of shots.
type Point = (usize, f64, f64, f64);

/// One way of answering.
struct Curve {
    name: String,
    mark: char,
    points: Vec<Point>,
}

/// A plot for every data set and model that was asked with different numbers of shots, at most `width` columns wide.
pub fn plots(results: &Results, ink: Ink, width: usize) -> String {
    let mut out = String::new();
    for dataset in results.datasets() {
        for model in results.models() {
            let curves = curves(results, ink, dataset, model);
            if let Some(plot) = plot(&curves, ink, width.max(MIN_WIDTH)) {
                let title = format!("{dataset}, {model}: exact match by number of shots");
                let _ = writeln!(out, "{}", ink.fitted(&title, width.max(MIN_WIDTH)));
                out.push_str(&plot);
                out.push('\n');
            }
        }
    }
    out
}

fn curves(results: &Results, ink: Ink, dataset: &str, model: &str) -> Vec<Curve> {
    let marks = ink.marks();
    let (mut answers, mut votes) = (0, marks.len() / 2);
    let mut curves = Vec::new();
    for (name, cells) in lines(results, dataset, model) {
        let (next, most) = match name.starts_with("vote") {
            true => (&mut votes, marks.len()),
            false => (&mut answers, marks.len() / 2),
        };
        // What is not drawn is in the bars and in the page.
        let Some(&mark) = marks.get(*next).filter(|_| *next < most) else {
            continue;
        };
        *next += 1;
        let points = cells.iter().filter_map(|cell| {
            let measure = main_measure(results, cell)?;
            Some((cell.k, measure.mean, measure.low, measure.high))
        });
        curves.push(Curve {
            name,
            mark,
            points: points.collect(),
        });
    }
    curves
}

/// The plot of these curves; `None` if there are not two numbers of shots.
fn plot(curves: &[Curve], ink: Ink, width: usize) -> Option<String> {
    let all = || curves.iter().flat_map(|curve| &curve.points);
    let mut shots: Vec<usize> = all().map(|(k, ..)| *k).collect();
    shots.sort_unstable();
    shots.dedup();
    if shots.len() < 2 {
        return None;
    }
    // Room for each curve beside the others, at every number of shots.
    let slot = ((width - AXIS) / shots.len()).min(SLOT);
    let curves = &curves[..curves.len().min(slot.saturating_sub(1).max(1))];
    let step = if slot > 2 * curves.len() { 2 } else { 1 };
    let columns = slot * shots.len();
    if slot < 2 {
        return None;
    }
    let (bottom, top) = range(all());
    let row = |share: f64| {
        let from_top = (top - share.clamp(bottom, top)) / (top - bottom);
        ((from_top * ROWS as f64).round() as usize).min(ROWS)
    };
    let [interval, axis, corner, below] = ink.strokes();
    let mut grid = vec![vec![' '; columns]; ROWS + 1];
    let mut put = |row: usize, column: usize, c: char| {
        if let Some(cell) = grid.get_mut(row).and_then(|cells| cells.get_mut(column)) {
            *cell = c;
        }
    };
    for (number, curve) in curves.iter().enumerate() {
        for (k, mean, low, high) in &curve.points {
            let at = shots.iter().position(|own| own == k).unwrap_or(0);
            let first = (slot - step * (curves.len() - 1)) / 2;
            let column = at * slot + first + step * number;
            for line in row(*high)..=row(*low) {
                put(line, column, interval);
            }
            put(row(*mean), column, curve.mark);
        }
    }
    let mut out = String::new();
    for (at, cells) in grid.iter().enumerate() {
        let value = match at.is_multiple_of(4) {
            true => {
                let share = top - (top - bottom) * at as f64 / ROWS as f64;
                format!("{:4.0}", 100.0 * share)
            }
            false => "    ".to_string(),
        };
        let cells: String = cells.iter().collect();
        let line = format!("{value} {axis}{cells}");
        let _ = writeln!(out, "{}", line.trim_end());
    }
    let _ = writeln!(out, "     {corner}{}", below.to_string().repeat(columns));
    let mut names = " ".repeat(AXIS);
    for k in &shots {
        let _ = write!(names, "{k:^slot$}");
    }
    let _ = writeln!(out, "{}", names.trim_end());
    for curve in curves {
        let name = ink.fitted(&curve.name, width - AXIS - 2);
        let _ = writeln!(out, "      {} {name}", curve.mark);
    }
    Some(out)
}

/// The lowest and the highest share of a plot: tens of per cent, at least twenty apart.
fn range<'a>(points: impl Iterator<Item = &'a Point>) -> (f64, f64) {
    let (mut low, mut high) = (1.0f64, 0.0f64);
    for (_, mean, from, to) in points {
        low = low.min(*from).min(*mean);
        high = high.max(*to).max(*mean);
    }
    let mut low = (low.clamp(0.0, 1.0) * 10.0 + 1e-9).floor() / 10.0;
    let mut high = (high.clamp(0.0, 1.0) * 10.0 - 1e-9).ceil() / 10.0;
    if high - low < 0.2 {
        high = (low + 0.2).min(1.0);
        low = (high - 0.2).max(0.0);
    }
    (low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(name: &str, mark: char, points: &[Point]) -> Curve {
        Curve {
            name: name.into(),
            mark,
            points: points.to_vec(),
        }
    }

    #[test]
    fn a_plot_has_a_mark_and_an_interval_for_every_number_of_shots() {
        let curves = [
            curve("auto", '*', &[(0, 0.2, 0.1, 0.3), (4, 0.5, 0.4, 0.6)]),
            curve("vote, auto", 'o', &[(4, 0.4, 0.3, 0.5)]),
        ];
        let text = plot(&curves, Ink::Ascii, 40).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), ROWS + 1 + 2 + 2);
        assert!(
            lines[0].starts_with("  60 |") && lines[ROWS].starts_with("  10 |"),
            "{text}"
        );
        assert_eq!(
            text.matches("*").count(),
            2 + 1,
            "two points and the legend"
        );
        assert!(lines[ROWS + 2].trim_start().starts_with('0') && lines[ROWS + 2].ends_with('4'));
        // The interval of the first point reaches down to the lowest row.
        assert!(lines[ROWS].contains('|') && lines[ROWS].matches('|').count() == 2);
        assert!(lines.iter().all(|line| line.is_ascii() && line.len() <= 40));
    }

    #[test]
    fn plots_keep_to_the_width_and_to_the_characters_of_the_terminal() {
        let mut results = super::super::tests::results();
        let wide = plots(&results, Ink::Shapes, 80);
        assert!(
            wide.contains('●') && wide.contains("auto similar-last"),
            "{wide}"
        );
        for width in [MIN_WIDTH, 33, 80, 200] {
            for ink in [Ink::Shapes, Ink::Ascii] {
                let text = plots(&results, ink, width);
                assert!(
                    text.lines().all(|line| line.chars().count() <= width),
                    "{text}"
                );
                assert!(ink == Ink::Shapes || text.is_ascii(), "{text}");
            }
        }
        assert_eq!(Ink::of("de_DE.UTF-8", "xterm"), Ink::Shapes);
        assert_eq!(Ink::of("C.utf8", "xterm"), Ink::Shapes);
        assert_eq!(Ink::of("C", "xterm"), Ink::Ascii);
        assert_eq!(Ink::of("C.UTF-8", "dumb"), Ink::Ascii);
        results.cells.retain(|cell| cell.k == 0);
        assert_eq!(
            plots(&results, Ink::Shapes, 80),
            "",
            "there is nothing to compare"
        );
    }

    #[test]
    fn the_range_is_in_tens_and_never_too_small() {
        for ((low, high), wanted) in [
            ((0.31, 0.62), (0.3, 0.7)),
            ((0.99, 1.0), (0.8, 1.0)),
            ((0.0, 0.0), (0.0, 0.2)),
            ((0.4, 0.6), (0.4, 0.6)),
        ] {
            let found = range([(0, low, low, high)].iter());
            assert!((found.0 - wanted.0).abs() < 1e-9, "{found:?}");
            assert!((found.1 - wanted.1).abs() < 1e-9, "{found:?}");
        }
    }
}
