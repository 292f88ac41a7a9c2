//! Statistics in lines: tables, and a calendar of 53 weeks drawn in characters.
//!
//! The calendar says how much by the character, so that it is the same without colours.

use super::figures::{FigureLine, Figures, Role};
use rounds_study::stats::{Day, Share, Stats};
use rounds_support::errors::count;

/// From nothing to the most of any day.
const SHADES: [char; 5] = ['·', '░', '▒', '▓', '█'];
const DAYS_OF_WEEK: [&str; 7] = ["Mon", "", "Wed", "", "Fri", "", "Sun"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
/// Width of the longest bar of the forecast.
const BAR: usize = 40;
/// Rows of the tables of tags and of hard cards.
const MAX_TAGS: usize = 12;
const MAX_LEECHES: usize = 8;

/// Everything about a deck, or about all.
pub fn page(name: &str, stats: &Stats) -> Figures {
    let mut page = Figures::default();
    page.line(
        format!("{name}: {}", count(stats.cards, "card")),
        Role::Strong,
    );
    page.gap();
    due(&mut page, stats);
    page.gap();
    kept(&mut page, stats);
    page.gap();
    calendar(&mut page, &stats.days);
    page.gap();
    forecast(&mut page, &stats.forecast);
    tags(&mut page, stats);
    leeches(&mut page, stats);
    page
}

fn row(page: &mut Figures, name: &str, value: String) {
    let name = format!("{name:<20}");
    page.lines
        .push(vec![(name, Role::Dim), (value, Role::Text)]);
}

fn due(page: &mut Figures, stats: &Stats) {
    row(page, "due today", stats.due_today.to_string());
    row(page, "in 7 days", stats.due_7_days.to_string());
    row(page, "in 30 days", stats.due_30_days.to_string());
    let of = stats.maturity;
    row(
        page,
        "cards",
        format!(
            "new {}, learning {}, young {}, mature {}, suspended {}",
            of.new, of.learning, of.young, of.mature, of.suspended
        ),
    );
}

/// `91 % (88 to 94) of 412`.
pub fn share(share: &Share) -> String {
    let percent = |part: f64| format!("{:.0}", part * 100.0);
    match (share.value(), share.interval()) {
        (Some(value), Some((low, high))) => format!(
            "{} % ({} to {}) of {}",
            percent(value),
            percent(low),
            percent(high),
            share.asked
        ),
        _ => "no reviews yet".into(),
    }
}

fn kept(page: &mut Figures, stats: &Stats) {
    row(page, "known, 7 days", share(&stats.retention_7_days));
    row(page, "known, 30 days", share(&stats.retention_30_days));
    row(page, "known, all", share(&stats.retention));
    row(page, "reviews", stats.reviews.to_string());
    let average = stats.average_ms.map(|ms| f64::from(ms) / 1000.0);
    let average = average.map_or("unknown".into(), |seconds| format!("{seconds:.1} s a card"));
    row(page, "time", average);
    let streak = format!(
        "{} in a row, {} in all",
        count(stats.streak, "day"),
        stats.studied_days
    );
    row(page, "days studied", streak);
}

/// Weeks as columns, days as rows; the months stand above.
fn calendar(page: &mut Figures, days: &[Day]) {
    page.line("reviews a day, 53 weeks", Role::Dim);
    page.line(format!("    {}", months(days)), Role::Dim);
    let most = days.iter().map(|day| day.reviews).max().unwrap_or(0);
    for (row, name) in DAYS_OF_WEEK.iter().enumerate() {
        let of_week = days.iter().skip(row).step_by(7);
        let cells: String = of_week.map(|day| shade(day.reviews, most)).collect();
        let line: FigureLine = vec![(format!("{name:<4}"), Role::Dim), (cells, Role::Bar)];
        page.lines.push(line);
    }
    let shades: String = SHADES.iter().collect();
    page.line(format!("    none {shades} {most}"), Role::Dim);
}

fn shade(reviews: usize, most: usize) -> char {
    let last = SHADES.len() - 1;
    let level = (reviews * last).div_ceil(most.max(1)).min(last);
    SHADES.get(level).copied().unwrap_or(' ')
}

/// The name of each month over the week in which it starts, where there is room.
fn months(days: &[Day]) -> String {
    let mut line = String::new();
    let mut last = None;
    for (week, first) in days.iter().step_by(7).enumerate() {
        let month = first
            .date
            .get(5..7)
            .and_then(|month| month.parse::<usize>().ok());
        if month == last {
            continue;
        }
        let begins = last.is_some() || week == 0;
        last = month;
        let name = month.and_then(|month| MONTHS.get(month.checked_sub(1)?));
        let written = line.chars().count();
        if let Some(name) = name.filter(|_| begins && written <= week && week + 3 <= days.len() / 7)
        {
            line.push_str(&" ".repeat(week - written));
            line.push_str(name);
            line.push(' ');
        }
    }
    line
}

fn forecast(page: &mut Figures, days: &[usize]) {
    page.line("due in the next days", Role::Dim);
    let most = days.iter().take(14).max().copied().unwrap_or(0);
    for (at, due) in days.iter().take(14).enumerate() {
        let name = match at {
            0 => "today".to_string(),
            1 => "tomorrow".to_string(),
            _ => format!("in {at} days"),
        };
        let bar = "█".repeat((due * BAR).div_ceil(most.max(1)));
        page.lines.push(vec![
            (format!("{name:<12}{due:>5} "), Role::Text),
            (bar, Role::Bar),
        ]);
    }
}

fn tags(page: &mut Figures, stats: &Stats) {
    if stats.tags.is_empty() {
        return;
    }
    page.gap();
    let head = format!("{:<28}{:>7}{:>9}  known", "tag", "cards", "reviews");
    page.line(head, Role::Dim);
    for of in stats.tags.iter().take(MAX_TAGS) {
        let name: String = of.tag.chars().take(27).collect();
        let known = share(&of.retention);
        let line = format!("{name:<28}{:>7}{:>9}  {known}", of.cards, of.reviews);
        page.line(line, Role::Text);
    }
    let more = stats.tags.len().saturating_sub(MAX_TAGS);
    if more > 0 {
        page.line(format!("and {}", count(more, "more tag")), Role::Dim);
    }
}

fn leeches(page: &mut Figures, stats: &Stats) {
    if stats.leeches.is_empty() {
        return;
    }
    page.gap();
    page.line(
        "forgotten again and again: look them up, or suspend them",
        Role::Dim,
    );
    for leech in stats.leeches.iter().take(MAX_LEECHES) {
        let question: String = leech.question.chars().take(60).collect();
        let times = count(usize::try_from(leech.lapses).unwrap_or(usize::MAX), "time");
        page.line(format!("{times:>9}  {question}"), Role::Text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(reviews: impl Fn(usize) -> usize) -> Vec<Day> {
        // From Monday the 1st of December 2025.
        let lengths = [31, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let mut all = Vec::new();
        for (at, length) in lengths.iter().enumerate() {
            let (year, month) = if at == 0 { (2025, 12) } else { (2026, at) };
            for day in 1..=*length {
                all.push(format!("{year}-{month:02}-{day:02}"));
            }
        }
        let dated = all.into_iter().take(371).enumerate();
        dated
            .map(|(at, date)| Day {
                date,
                reviews: reviews(at),
            })
            .collect()
    }

    #[test]
    fn the_calendar_has_seven_rows_of_53_weeks() {
        let mut page = Figures::default();
        calendar(&mut page, &days(|at| at % 5));
        let text = page.text();
        let rows: Vec<&str> = text.lines().skip(2).take(7).collect();
        assert!(
            rows.iter().all(|row| row.chars().count() == 4 + 53),
            "{text}"
        );
        assert!(rows[0].starts_with("Mon ·"), "{text}");
        assert!(text.contains('█'), "{text}");
        assert!(
            text.lines().nth(1).unwrap().starts_with("    Dec"),
            "{text}"
        );
    }

    #[test]
    fn any_review_is_seen_and_none_is_a_dot() {
        assert_eq!(shade(0, 0), '·');
        assert_eq!(shade(0, 500), '·');
        assert_eq!(shade(1, 500), '░');
        assert_eq!(shade(500, 500), '█');
        assert_eq!(shade(1, 1), '█');
    }

    #[test]
    fn an_empty_calendar_does_not_panic() {
        let mut page = Figures::default();
        calendar(&mut page, &[]);
        forecast(&mut page, &[]);
        assert!(page.text().contains("none"));
    }
}
