//! What the conversation and the session store say to each other, in the assistant's types.

use std::path::PathBuf;
use std::sync::Arc;

use rounds_assistant::retrieval::Shot;
use rounds_assistant::{Answer, Background, NO_ANSWER, Ranked, Settings, Setup, WITHHELD};
use rounds_imaging::Image;
use rounds_scan::{Identity, Modality, Probe, Role, Selector};

/// An attached image.
#[derive(Clone, Debug)]
pub struct Attached {
    pub image: Arc<Image>,
    /// The file's bytes, so that a session can be reopened after the file is gone.
    pub file: Arc<[u8]>,
    /// Where it was read from; `None` for a shipped case or a reopened session.
    pub path: Option<PathBuf>,
    /// The scan it is a view of, as long as the view can be changed.
    pub scan: Option<Arc<ScanView>>,
    /// Whom it shows, as codes, where a scan states it.
    pub identity: Identity,
}

impl Attached {
    /// What zoom and cross-hair stay with: the scans, whichever view of them is shown, or the image.
    pub fn anchor(&self) -> String {
        match &self.scan {
            Some(scan) => format!("scan {}", scan.group),
            None => self.image.source.sha256.clone(),
        }
    }

    /// Whether it is one of the images that change together under a number.
    pub fn is_of_group(&self, group: u64) -> bool {
        self.scan.as_ref().is_some_and(|scan| scan.group == group)
    }
}

/// What is seen of a scan.
#[derive(Clone, Debug, PartialEq)]
pub struct ScanView {
    /// The scan, or the two of a fusion, and the view.
    pub selector: Selector,
    /// What the image shows of them.
    pub role: Role,
    /// Images with the same number show one view, as base, overlay and fusion, and change together. The chat gives the number.
    pub group: u64,
    /// How many slices or frames there are in this view.
    pub count: usize,
    /// Which of them is shown, from 0; `None` for a projection or a montage.
    pub at: Option<usize>,
    /// What made the scan.
    pub modality: Modality,
    /// What is uncertain about the image or was done to it, each a sentence.
    pub notes: Vec<String>,
    /// Millimetres between pixels across and down, where known.
    pub pixel_mm: Option<[f64; 2]>,
    /// The values that are black and white, if the image is one of values.
    pub window_range: Option<[f64; 2]>,
    /// How much of the base the overlay covers, from 0 to 1, if there is an overlay.
    pub opacity: Option<f64>,
    /// Time between frames, if the file states it.
    pub frame_time_ms: Option<f64>,
}

/// What to look up in a view of a scan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mark {
    /// What lies under a pixel.
    Pixel([u32; 2]),
    /// Where a place in the patient is, and what lies there.
    Place([f64; 3]),
}

/// What was found there.
#[derive(Clone, Debug, PartialEq)]
pub struct Marked {
    /// Pixel and line, from 0.
    pub pixel: [u32; 2],
    /// Whether it was looked for by its place in the patient.
    pub is_found: bool,
    /// What lies there, if the view is of one slice.
    pub probe: Option<Probe>,
}

/// What is known about whom the images show. Examples of the patient and the study are never used as shots; both are stored
/// with the turn and never exported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    pub patient: Option<String>,
    pub study: Option<String>,
    /// Vignette and laboratory values, which are stored with the answer.
    pub background: Background,
}

impl Subject {
    /// With the codes of the scans among the images, whose patients and studies are left out as well.
    pub fn with_images(&self, images: &[Attached]) -> Self {
        let mut subject = self.clone();
        for image in images {
            image
                .identity
                .add_to(&mut subject.patient, &mut subject.study);
        }
        subject
    }
}

/// A question, the moment it is asked.
#[derive(Clone, Debug)]
pub struct NewTurn {
    /// The stored turn that it follows.
    pub parent: Option<String>,
    pub question: String,
    pub images: Vec<Attached>,
    pub subject: Subject,
    pub settings: Settings,
    /// The setup that will answer it, as far as is known.
    pub setup: Setup,
}

/// How a turn ended, and what came of it.
#[derive(Clone, Debug)]
pub struct TurnEnd {
    pub outcome: Outcome,
    pub shots: Vec<Shot>,
    /// The prompt, if it got that far.
    pub prompt: Option<String>,
}

/// What the user got.
#[derive(Clone, Debug)]
pub enum Outcome {
    Answered(Box<Answer>),
    Stopped { text: String },
    Failed { text: String, message: String },
}

/// An answer as the chat shows it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Finished {
    pub answer: String,
    pub rationale: Option<String>,
    /// Whether the model is sure of it; `None` where that is not known.
    pub sure: Option<bool>,
    /// Whether the answer was withheld.
    pub is_withheld: bool,
    pub notices: Vec<String>,
    /// What is true of every answer of the model; shown once.
    pub about_model: Option<String>,
    /// The options that were given with their likelihoods, most likely first.
    pub ranking: Vec<String>,
    /// The examples of the shots as they stood in the prompt; empty where that is not known.
    pub shot_ids: Vec<String>,
    /// Tokens of the prompt and of the answer.
    pub prompt_tokens: usize,
    pub generated_tokens: usize,
    pub decode_ms: f64,
    pub total_ms: f64,
}

impl Finished {
    /// What stands in place of an empty answer.
    pub fn no_answer(&self) -> &'static str {
        match self.is_withheld {
            true => WITHHELD,
            false => NO_ANSWER,
        }
    }

    /// Whether the model was to give a rationale and gave none.
    pub fn lacks_rationale(&self) -> bool {
        self.rationale.is_none() && !self.is_withheld
    }

    /// Whether the answer must not look like one that the model is sure of.
    pub fn is_unsure(&self) -> bool {
        self.sure == Some(false) && !self.answer.is_empty()
    }
}

impl From<&Answer> for Finished {
    fn from(answer: &Answer) -> Self {
        Self {
            answer: answer.answer.clone(),
            rationale: answer.rationale.clone(),
            sure: answer.standing.sure,
            is_withheld: answer.standing.withheld.is_some(),
            notices: answer.notices.clone(),
            about_model: Some(answer.about_model.clone()).filter(|text| !text.is_empty()),
            ranking: answer.ranking.iter().map(Ranked::in_words).collect(),
            shot_ids: answer.provenance.shot_ids.clone(),
            prompt_tokens: answer.prompt_tokens,
            generated_tokens: answer.generated_tokens,
            decode_ms: answer.timings.decode_ms,
            total_ms: answer.timings.total_ms,
        }
    }
}

/// A row of the session list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionSummary {
    pub id: String,
    pub title: String,
    /// When it was last used, as text: `today 14:05`, `2026-11-02`.
    pub when: String,
    pub turns: usize,
    /// Name of its image.
    pub image: Option<String>,
    pub last_answer: Option<String>,
    /// Where the search words were found, unless in the title only: `answer: in the left lung`.
    pub snippet: Option<String>,
}

impl SessionSummary {
    /// What tells it apart from others of the same title: `chest.png: yes`. Empty if nothing does.
    pub fn about(&self) -> String {
        match (&self.image, &self.last_answer) {
            (Some(image), Some(answer)) => format!("{image}: {answer}"),
            (Some(only), None) | (None, Some(only)) => only.clone(),
            (None, None) => String::new(),
        }
    }
}

/// A stored turn.
#[derive(Clone, Debug)]
pub struct SavedTurn {
    pub id: String,
    /// Id of the previous turn.
    pub parent: Option<String>,
    pub question: String,
    pub images: Vec<Attached>,
    /// Names of images that could not be read back.
    pub damaged: Vec<String>,
    pub subject: Subject,
    pub settings: Settings,
    /// What answered it, as far as is known: without the device.
    pub setup: Setup,
    pub shots: Vec<Shot>,
    pub prompt: Option<String>,
    pub end: SavedEnd,
}

/// How a stored turn ended.
#[derive(Clone, Debug)]
pub enum SavedEnd {
    Answered(Box<Finished>),
    Stopped {
        text: String,
    },
    Failed {
        /// The partial answer.
        text: String,
        message: String,
    },
}

/// A whole session.
#[derive(Clone, Debug, Default)]
pub struct SavedSession {
    pub id: String,
    pub title: String,
    /// Parents before their children.
    pub turns: Vec<SavedTurn>,
}
