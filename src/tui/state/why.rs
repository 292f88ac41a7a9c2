//! Why this answer: what each shot of the selected answer did to its likelihood, computed in the background on request.

use rounds_assistant::retrieval::Shot;
use rounds_assistant::{Influence, Wording};
use rounds_support::Failure;

use super::background_work::Work;
use super::conversation::{Reply, Turn};
use super::effect::{Effect, WhyTurn};
use super::focus::Focus;
use super::machine::State;
use super::page::Page;

impl State {
    /// Asks why the selected answer was given, or shows what is known about it.
    pub(super) fn explain_answer(&mut self) {
        if self.is_answering() {
            return;
        }
        let request = match self.why_request() {
            Ok(request) => request,
            Err(error) => return self.show_error(error),
        };
        let Some((turn, request)) = request else {
            return self.show_why();
        };
        if self.work.running.is_some() {
            return self.show_error(
                Failure::usage("other background work is running")
                    .hint("wait for it, or stop it first"),
            );
        }
        let job = self.work.begin(Work::Why {
            conversation: self.conversations,
            turn,
        });
        let request = Box::new(request);
        self.emit(Effect::Why { job, request });
    }

    /// What is needed to explain the selected answer; nothing if that was done before.
    fn why_request(&self) -> Result<Option<(super::TurnId, WhyTurn)>, Failure> {
        let nothing =
            || Failure::usage("there is no answer to explain").hint("ask something first");
        let id = self.turn().ok_or_else(nothing)?;
        let turn = self.conversation.get(id).ok_or_else(nothing)?;
        let Reply::Answered(done) = &turn.reply else {
            return Err(nothing());
        };
        if turn.shots.is_empty() {
            return Err(Failure::usage("this answer has no shots")
                .hint("/k 4 and asking again gives it some"));
        }
        if done.answer.is_empty() {
            return Err(Failure::usage(match done.is_withheld {
                true => "no answer is shown that could be explained",
                false => "the model gave no answer that could be explained",
            }));
        }
        if turn.why.is_some() {
            return Ok(None);
        }
        turn.check_images()?;
        if !self.engine.is_ready() || self.engine.is_opening() {
            return Err(Failure::usage("no model is open yet"));
        }
        if !self.engine.answers_like(&turn.setup, turn.opening) {
            return Err(
                Failure::usage("another model or index gave this answer").hint(
                    "open it again with /model and /index, or /regenerate the answer with this one",
                ),
            );
        }
        let request = WhyTurn {
            question: turn.question.clone(),
            images: turn.images.clone(),
            subject: turn.subject.clone(),
            settings: turn.settings.clone(),
            shots: in_prompt_order(turn, &done.shot_ids),
            wording: Wording {
                answer: done.answer.clone(),
                rationale: done.rationale.clone(),
            },
        };
        Ok(Some((id, request)))
    }

    /// `None` for the result: it was stopped.
    pub(super) fn on_explained(
        &mut self,
        job: u64,
        result: Result<Option<Vec<Influence>>, Failure>,
    ) {
        let Some(done) = self.work.finish(job) else {
            return;
        };
        let Work::Why { conversation, turn } = done.work else {
            return;
        };
        match result {
            Err(error) => self.show_error(error),
            Ok(None) => self.notify("stopped: the answer was not explained"),
            Ok(Some(influences)) if conversation == self.conversations => {
                if let Some(turn) = self.conversation.get_mut(turn) {
                    turn.why = Some(influences);
                }
                if self.turn() == Some(turn) {
                    self.show_why();
                }
            }
            Ok(Some(_)) => {}
        }
    }

    /// Shows what each shot did: as a list in line mode, otherwise beside the shots.
    fn show_why(&mut self) {
        if self.linear {
            return self.show_page(Page::Why);
        }
        self.show_pane(Focus::Shots);
        let selected = self.turn().and_then(|id| self.conversation.get(id));
        if let Some(words) = selected.and_then(strongest) {
            self.notify(words);
        }
    }

    /// What a shot of the selected answer did to its log-likelihood, and the most that any of its shots did.
    pub fn influence(&self, shot: &Shot) -> Option<(f64, f64)> {
        let turn = self.turn().and_then(|id| self.conversation.get(id))?;
        let all = turn.why.as_ref()?;
        let own = all.iter().find(|of| of.example_id == shot.example.id)?;
        let most = all.iter().map(|of| of.total.abs()).fold(0.0, f64::max);
        Some((own.total, most))
    }

    pub(super) fn why_lines(&self) -> Vec<String> {
        let line = |shot: &&Shot| {
            let (own, most) = self.influence(shot)?;
            let full = (own.abs() / most.max(1e-9) * 10.0).round() as usize;
            let letter = if own < 0.0 { "▒" } else { "█" };
            let bar = format!("{:·<10}", letter.repeat(full.min(10)));
            Some(format!(
                "{}. {bar} {own:+.3}  A: {}  {}",
                shot.rank, shot.example.answer, shot.example.id
            ))
        };
        let lines: Vec<String> = self.shot_list().iter().filter_map(line).collect();
        let heading = "log-likelihood of the answer with all shots minus without this one:";
        std::iter::once(heading.to_string()).chain(lines).collect()
    }
}

/// The shots of a turn as they stood in the prompt. Where that is not known they are arranged again, which gives the same unless some of
/// a shuffled prompt did not fit into it.
fn in_prompt_order(turn: &Turn, ids: &[String]) -> Vec<Shot> {
    let shot = |id: &String| turn.shots.iter().find(|shot| shot.example.id == *id);
    let known: Vec<&Shot> = ids.iter().filter_map(shot).collect();
    let (order, seed) = (turn.settings.order, turn.settings.decoding.seed);
    let shots = match known.len() == turn.shots.len() {
        true => known,
        false => order.arrange(&turn.shots, seed),
    };
    shots.into_iter().cloned().collect()
}

/// Which shot did most for an answer.
fn strongest(turn: &Turn) -> Option<String> {
    let all = turn.why.as_ref()?;
    let best = all.iter().max_by(|a, b| a.total.total_cmp(&b.total))?;
    let mut shots = turn.shots.iter();
    let shot = shots.find(|shot| shot.example.id == best.example_id)?;
    Some(match best.total > 0.0 {
        true => format!(
            "shot {} did most for this answer: without it the log-likelihood is {:.2} lower",
            shot.rank, best.total
        ),
        false => "no shot made this answer likelier".into(),
    })
}
