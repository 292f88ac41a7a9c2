//! What the next question is about: images, patient and study.

use std::path::PathBuf;

use crate::tui::journal::{Attached, Subject};

use super::effect::Effect;
use super::machine::State;
use super::sample_cases::SampleCase;
use rounds_assistant::Background;

/// What the next question is about.
#[derive(Clone, Debug, Default)]
pub struct NextCase {
    pub images: Vec<Attached>,
    pub subject: Subject,
    /// Images to attach after the session is open, since opening it replaces the attached images.
    pub(super) pending_images: Vec<PathBuf>,
    /// Their patient and study, which override those of the session.
    pub(super) pending_subject: Subject,
    /// The sample case that is being read.
    pub(super) opening: Option<SampleCase>,
    /// Problems that are being read.
    pub(super) opening_problems: usize,
    /// Line mode: the question of the problem that was opened.
    pub(super) suggested: String,
    /// The reference answer of the problem that was opened.
    pub(super) reference: String,
    /// A question that waits for its images.
    pub(super) question: Option<NextQuestion>,
}

impl NextCase {
    /// The place of an image among those attached, by its hash.
    pub(super) fn position(&self, sha256: &str) -> Option<usize> {
        let mut images = self.images.iter();
        images.position(|attached| attached.image.source.sha256 == sha256)
    }

    /// The patient or the study.
    pub(super) fn subject_part(&mut self, part: SubjectPart) -> &mut Option<String> {
        match part {
            SubjectPart::Patient => &mut self.subject.patient,
            SubjectPart::Study => &mut self.subject.study,
        }
    }

    /// Another session was opened: it goes on with the last images and their patient, unless others were given at the start.
    pub(super) fn reopen(&mut self, images: Vec<Attached>, subject: Subject) {
        let given = std::mem::take(&mut self.pending_subject);
        self.images = images;
        self.leave_problem();
        self.subject = Subject {
            patient: given.patient.or(subject.patient),
            study: given.study.or(subject.study),
            background: subject.background,
        };
    }

    /// Whether a sample case or a problem is being read, without which a question would be about something else.
    pub(super) fn is_opening(&self) -> bool {
        self.opening.is_some() || self.opening_problems > 0
    }

    /// Forgets the vignette, the values, the question and the reference answer of a problem.
    pub(super) fn leave_problem(&mut self) {
        self.subject.background = Background::default();
        self.suggested.clear();
        self.reference.clear();
    }

    /// One image more is there; the question that waited for the last of them.
    pub(super) fn question_when_complete(&mut self) -> Option<NextQuestion> {
        let next = self.question.as_mut()?;
        next.missing = next.missing.saturating_sub(1);
        self.question.take_if(|next| next.missing == 0)
    }
}

/// What is known about whom the images show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectPart {
    Patient,
    Study,
}

impl SubjectPart {
    pub fn name(self) -> &'static str {
        match self {
            Self::Patient => "patient",
            Self::Study => "study",
        }
    }
}

/// A question that was typed after the paths of its images.
#[derive(Clone, Debug)]
pub struct NextQuestion {
    pub(super) question: String,
    /// The whole line, to give back if an image cannot be attached.
    pub(super) line: String,
    /// Images that are not attached yet.
    pub(super) missing: usize,
}

impl State {
    /// `/study` without an id: the cards of the open index, over the chat. Line mode names the study instead, since its input
    /// belongs to the chat.
    pub(super) fn open_study_mode(&mut self) {
        if self.linear {
            let study = match &self.case.subject.study {
                Some(id) => format!("study {id}"),
                None => "no study is set; /study ID sets it".into(),
            };
            return self.notify(format!(
                "{study}; for cards, leave the chat and run `rounds study`"
            ));
        }
        let setup = self.engine.setup();
        self.emit(Effect::OpenStudy(setup));
    }
}
