//! Study mode line by line, for screen readers, simple terminals and scripts: a question, a line, the answer, a grade.

use std::io::Write;

use super::desk::Desk;
use super::exchanged::{Deal, Dealt, Next};
use super::state::{MAX_TOOK_MS, Turn, Work};
use super::words;
use rounds_study::card::{Card, Kind};
use rounds_study::schedule::{Grade, in_words};
use rounds_support::errors::count;
use rounds_support::lines::Line;
use rounds_support::sanitise::clean_line_max;
use rounds_support::{Failure, INTENDED_USE};

/// Longest line that is read.
const MAX_LINE: usize = 2000;

/// Gives the next line; `None` at the end of the input.
pub type Input<'a> = &'a mut dyn FnMut() -> Option<std::io::Result<Line>>;

/// Says how near a typed answer is to the reference of a card; `None` where nothing can be said.
pub type Nearness<'a> = &'a mut dyn FnMut(&Card, &str) -> Option<String>;

/// Cards graded, and how many of them were known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Graded {
    pub graded: usize,
    pub known: usize,
}

/// What a line means.
enum Typed {
    Text(String),
    Work(Work),
    Leave,
}

struct Lines<'a> {
    desk: &'a mut Desk,
    input: Input<'a>,
    out: &'a mut dyn Write,
    clock: &'a dyn Fn() -> i64,
    nearness: Nearness<'a>,
    /// Grades that were not taken back.
    grades: Vec<Grade>,
}

/// Studies until the input ends, the user leaves or nothing is left to do.
///
/// Errors if the output cannot be written or a grade cannot be saved.
pub fn study_lines(
    desk: &mut Desk,
    input: Input,
    out: &mut dyn Write,
    clock: &dyn Fn() -> i64,
    nearness: Nearness,
) -> Result<Graded, Failure> {
    let mut lines = Lines {
        desk,
        input,
        out,
        clock,
        nearness,
        grades: Vec::new(),
    };
    lines.say(&format!("study mode: {INTENDED_USE}"))?;
    lines.say("Type an answer, or Enter to turn the card. /undo, /bury, /suspend, /quit.")?;
    let mut deal = lines.desk.perform(&Work::Deal, clock())?;
    loop {
        if let Some(notice) = &deal.notice {
            let notice = notice.replace("; u takes", "; /undo takes");
            lines.say(&notice)?;
        }
        deal = match deal.next {
            Next::Card(ref dealt) => match lines.card(&deal, dealt)? {
                Some(work) => lines.perform(&work)?,
                None => return Ok(lines.so_far()),
            },
            // Nothing is drawn line by line.
            Next::Stay => lines.perform(&Work::Deal)?,
            Next::Nothing { due } => {
                lines.say(&end(due, clock()))?;
                return Ok(lines.so_far());
            }
        };
    }
}

fn end(due: Option<i64>, now: i64) -> String {
    match due {
        Some(due) => format!(
            "That is all for now. The next card is due {}.",
            words::due_in(due.saturating_sub(now))
        ),
        None => "That is all. No card is waiting.".into(),
    }
}

impl Lines<'_> {
    fn so_far(&self) -> Graded {
        let known = self.grades.iter().filter(|grade| **grade != Grade::Again);
        Graded {
            graded: self.grades.len(),
            known: known.count(),
        }
    }

    fn say(&mut self, text: &str) -> Result<(), Failure> {
        let written = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
        written.map_err(|error| Failure::io(&error))
    }

    /// The next line that can be read; `None` at the end of the input.
    fn line(&mut self) -> Result<Option<String>, Failure> {
        loop {
            match (self.input)() {
                None => return Ok(None),
                Some(Err(error)) => return Err(Failure::io(&error)),
                Some(Ok(Err(bad))) => self.say(&bad.to_string())?,
                Some(Ok(Ok(line))) => return Ok(Some(clean_line_max(line.trim(), MAX_LINE))),
            }
        }
    }

    fn typed(&mut self, card: &Card) -> Result<Typed, Failure> {
        let Some(line) = self.line()? else {
            return Ok(Typed::Leave);
        };
        Ok(match line.as_str() {
            "/quit" | "/q" => Typed::Leave,
            "/undo" => Typed::Work(Work::Undo),
            "/bury" => Typed::Work(Work::Bury(card.id.clone())),
            "/suspend" => Typed::Work(Work::Suspend(card.id.clone())),
            _ => Typed::Text(line),
        })
    }

    /// Does the work; if nothing can be undone, the card comes again.
    fn perform(&mut self, work: &Work) -> Result<Deal, Failure> {
        let done = self.desk.perform(work, (self.clock)());
        match (done, work) {
            (Ok(deal), _) => {
                if let Work::Grade { grade, .. } = work {
                    self.grades.push(*grade);
                }
                if deal.ungraded {
                    self.grades.pop();
                }
                Ok(deal)
            }
            (Err(failure), Work::Undo) => {
                self.say(&failure.to_string())?;
                self.desk.perform(&Work::Deal, (self.clock)())
            }
            (Err(failure), _) => Err(failure),
        }
    }

    /// Asks a card; `None` if the user leaves.
    fn card(&mut self, deal: &Deal, dealt: &Dealt) -> Result<Option<Work>, Failure> {
        let card = &dealt.card;
        let counts = deal.counts;
        self.say(&format!(
            "\n[{}; new {}, learning {}, review {}]",
            words::kind(card.kind),
            counts.new,
            counts.learning,
            counts.review
        ))?;
        self.ask(dealt)?;
        let mut turn = Turn::new(dealt.clone(), (self.clock)());
        loop {
            let text = match self.typed(card)? {
                Typed::Leave => return Ok(None),
                Typed::Work(work) => return Ok(Some(work)),
                Typed::Text(text) => text,
            };
            match turn.answer_with(&text) {
                Ok(()) => break,
                // A slip of the finger must not show the answer.
                Err(wrong) => self.say(wrong)?,
            }
        }
        turn.turn();
        self.say(&format!("answer: {}", card.answer))?;
        if let Some(verdict) = &turn.verdict {
            self.say(&verdict.in_words())?;
        }
        if let Some(typed) = turn.typed().filter(|_| turn.is_open())
            && let Some(near) = (self.nearness)(card, &typed)
        {
            self.say(&near)?;
        }
        for text in [&card.rationale, &card.source, &card.licence] {
            if !text.is_empty() {
                self.say(text)?;
            }
        }
        self.grade(dealt, &turn)
    }

    /// The question with everything that belongs to it.
    fn ask(&mut self, dealt: &Dealt) -> Result<(), Failure> {
        let card = &dealt.card;
        if !card.vignette.is_empty() {
            self.say(&card.vignette)?;
        }
        for (at, picture) in dealt.pictures.iter().enumerate() {
            let about = match picture {
                Ok(picture) => {
                    let image = &picture.image;
                    format!("{} x {} pixels, not shown here", image.width, image.height)
                }
                Err(reason) => reason.clone(),
            };
            self.say(&format!("image {}: {about}", at + 1))?;
        }
        for row in &card.laboratory {
            self.say(&format!(
                "  {}: {} ({})",
                row.test, row.value, row.reference
            ))?;
        }
        self.say(&card.question)?;
        for (at, choice) in card.choices.iter().enumerate() {
            self.say(&format!("  {}  {choice}", words::letter(at)))?;
        }
        if card.kind == Kind::Spot {
            self.say("  (two numbers: per cent from the left, per cent from the top)")?;
        }
        Ok(())
    }

    fn grade(&mut self, dealt: &Dealt, turn: &Turn) -> Result<Option<Work>, Failure> {
        let grades: Vec<String> = Grade::ALL
            .iter()
            .enumerate()
            .map(|(at, grade)| {
                let interval = dealt.outlooks.get(at);
                let interval =
                    interval.map(|outlook| format!(" {}", in_words(outlook.interval_ms)));
                let interval = interval.unwrap_or_default();
                format!("{} {}{interval}", at + 1, grade.name())
            })
            .collect();
        let suggested = turn.suggested();
        self.say(&format!("{}? [{}]", grades.join(", "), suggested as u8))?;
        loop {
            let text = match self.typed(&dealt.card)? {
                Typed::Leave => return Ok(None),
                Typed::Work(work) => return Ok(Some(work)),
                Typed::Text(text) => text,
            };
            let grade = match text.as_str() {
                "" => Some(suggested),
                text => text.parse().ok().and_then(Grade::from_number),
            };
            if let Some(grade) = grade {
                let took_ms = (self.clock)().saturating_sub(turn.since);
                let took_ms = took_ms.clamp(0, MAX_TOOK_MS);
                return Ok(Some(Work::Grade {
                    card: dealt.card.id.clone(),
                    grade,
                    took_ms,
                    typed: turn.typed(),
                }));
            }
            self.say("1 is again, 2 hard, 3 good, 4 easy")?;
        }
    }
}

/// The end of a session in words, for the terminal.
pub fn graded_in_words(graded: usize, known: usize) -> String {
    match graded {
        0 => "no card was graded".into(),
        _ => format!(
            "{} graded, {} % of them known",
            count(graded, "card"),
            100 * known / graded
        ),
    }
}
