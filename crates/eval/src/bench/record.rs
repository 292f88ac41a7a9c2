//! What a run keeps of every answer: one line of JSON.

use serde::{Deserialize, Serialize};

use super::condition::Condition;
use rounds_assistant::Ranked;
use rounds_support::sanitise::{clean, clean_line};

/// A shot as it was shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedShot {
    /// Id of the example.
    pub id: String,
    /// Its images as they were shown, as files named by their SHA-256.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// The answer that stood in the prompt.
    pub answer: String,
    /// Under a control, the example that the answer or the images were taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub donor: Option<String>,
    /// Its score in retrieval.
    pub score: f32,
    /// Its share of the match with the question's image.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_share: Option<f32>,
}

/// One answer with everything that scores are made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Name of the data set.
    pub dataset: String,
    /// Id of the question in its index.
    pub item: String,
    /// Name of the model.
    pub model: String,
    /// Name of the condition.
    pub condition: String,
    /// The condition.
    pub asked: Condition,
    /// Key in `inputs.json` of what the answer is made from: model, template, index, settings and version, with their hashes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub made_from: String,
    /// Seed of the question under the condition: of random shots, shuffling and sampling.
    #[serde(default)]
    pub seed: u64,
    /// The device that the model ran on.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub device: String,
    /// The question.
    pub question: String,
    /// The true answer.
    pub reference: String,
    /// Type of the question.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// Whether it has a fixed set of answers.
    pub closed: bool,
    /// Its images, as files in the run's folder, named by their SHA-256.
    pub images: Vec<String>,
    /// Options of a multiple-choice question: letter and text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<(String, String)>,
    /// The shots, most similar first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shots: Vec<RecordedShot>,
    /// Their places in that list, from 0, in the order of the prompt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prompt_order: Vec<usize>,
    /// Which of them stood last in the prompt, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<usize>,
    /// How many examples of the index show the question's image.
    #[serde(default)]
    pub shown_by: usize,
    /// The most frequent answer to this type of question among the examples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub majority: Option<String>,
    /// What the model said.
    pub answer: String,
    /// Why, if it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<String>,
    /// Natural log-probability of what was generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_probability: Option<f64>,
    /// Calibrated confidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
    /// Whether the program would state the answer without reservation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sure: Option<bool>,
    /// Why the program would withhold the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub withheld: Option<String>,
    /// The options, most likely first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranking: Vec<Ranked>,
    /// Tokens in the prompt.
    pub prompt_tokens: usize,
    /// Tokens generated.
    pub generated_tokens: usize,
    /// SHA-256 of the prompt's text.
    pub prompt_sha256: String,
    /// Why there is no answer, if asking failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What identifies an answer in a run: data set, question, model and condition.
pub type Key = (String, String, String, String);

impl Record {
    /// What identifies it.
    pub fn key(&self) -> Key {
        (
            self.dataset.clone(),
            self.item.clone(),
            self.model.clone(),
            self.condition.clone(),
        )
    }

    /// Sanitises texts: a file of records may come from somebody else.
    pub(super) fn cleaned(mut self) -> Self {
        for text in [
            &mut self.dataset,
            &mut self.item,
            &mut self.model,
            &mut self.condition,
            &mut self.made_from,
            &mut self.device,
            &mut self.kind,
        ] {
            *text = clean_line(text);
        }
        // Lines count for some scores.
        for text in [&mut self.question, &mut self.reference, &mut self.answer] {
            *text = clean(text);
        }
        for shot in &mut self.shots {
            shot.id = clean_line(&shot.id);
            shot.answer = clean(&shot.answer);
            shot.donor = shot.donor.as_deref().map(clean_line);
            for image in &mut shot.images {
                *image = clean_line(image);
            }
        }
        let texts = [&mut self.rationale, &mut self.error, &mut self.withheld];
        for text in texts.into_iter().flatten() {
            *text = clean(text);
        }
        self.majority = self.majority.map(|text| clean(&text));
        for (letter, text) in &mut self.options {
            *letter = clean_line(letter);
            *text = clean_line(text);
        }
        for ranked in &mut self.ranking {
            ranked.option = clean_line(&ranked.option);
        }
        self
    }
}

/// Folder of images in a run's folder.
pub(crate) const IMAGES: &str = "images";

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use rounds_assistant::retrieval::{Order, Strategy};

    pub(in super::super) fn record(item: &str, answer: &str, reference: &str) -> Record {
        let asked = Condition {
            k: 2,
            texts: 0,
            strategy: Strategy::Image,
            order: Order::SimilarLast,
            trial: 0,
            seed: 0,
            control: None,
        };
        let shot = |answer: &str| RecordedShot {
            id: format!("example-{answer}"),
            images: Vec::new(),
            answer: answer.into(),
            donor: None,
            score: 0.5,
            match_share: None,
        };
        Record {
            dataset: "set".into(),
            item: item.into(),
            model: "shipped".into(),
            condition: asked.id(),
            asked,
            made_from: "0011223344556677".into(),
            seed: 7,
            device: "cpu".into(),
            question: "Which organ?".into(),
            reference: reference.into(),
            kind: "organ".into(),
            closed: false,
            images: vec![format!("images/{item}.png")],
            options: Vec::new(),
            shots: vec![shot("lung"), shot("heart")],
            prompt_order: vec![1, 0],
            last: Some(0),
            shown_by: 0,
            majority: Some("lung".into()),
            answer: answer.into(),
            rationale: None,
            log_probability: Some(-0.1),
            confidence: Some(0.8),
            sure: Some(true),
            withheld: None,
            ranking: Vec::new(),
            prompt_tokens: 10,
            generated_tokens: 2,
            prompt_sha256: "00".into(),
            error: None,
        }
    }
}
