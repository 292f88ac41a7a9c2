//! How near a text is to a reference, beside other texts: a guess at whether two answers mean the same.
//!
//! A similarity alone says nothing: what counts is how many other answers are less near to the reference. The vectors are those
//! of the retrieval encoder, where it has a text tower, else the mean of the model's own token embeddings. Both stand for words
//! that go together, not for truth: what excludes the reference can be near to it. Nothing may be graded by it.

use std::collections::HashSet;
use std::sync::mpsc::{SyncSender, sync_channel};

use crate::answering::comparable;
use crate::engine::Engine;
use crate::prompt::token_ids;
use crate::types::AssistantError;
use crate::{Assistant, Job, guarded};
use rounds_index::ingest::Embedder;
use rounds_model::error::ModelError;
use rounds_support::Cancel;

/// Most other texts that are compared; of more, some from everywhere in the alphabet.
const MAX_OTHERS: usize = 300;
/// With fewer other texts a share of them says nothing.
const MIN_OTHERS: usize = 20;

/// What is to be compared.
#[derive(Clone, Debug)]
pub struct NearnessRequest {
    /// The text.
    pub text: String,
    /// The right answer.
    pub reference: String,
    /// Other answers, which the text is ranked among; those that repeat another do not count.
    pub others: Vec<String>,
}

/// Which vectors were compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextVectors {
    /// Those of the retrieval encoder's text tower.
    Encoder,
    /// Means of the model's token embeddings.
    Tokens,
}

/// How near a text is to a reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearness {
    /// How many other texts are less near to the reference.
    pub farther: usize,
    /// How many other texts there are.
    pub others: usize,
    /// The other text that it is nearest to, where it is nearer to that than to the reference.
    pub nearer_to: Option<String>,
    /// Which vectors were compared.
    pub vectors: TextVectors,
}

impl Nearness {
    /// The share of the other texts that are less near to the reference, in per cent, rounded down.
    pub fn percent(&self) -> usize {
        (100 * self.farther).checked_div(self.others).unwrap_or(0)
    }
}

/// A request on its way to the model's thread.
pub(crate) struct Near {
    request: NearnessRequest,
    cancel: Cancel,
    result: SyncSender<Result<Option<Nearness>, AssistantError>>,
}

impl Assistant {
    /// Compares a text with a reference, after what was asked before; waits for it.
    ///
    /// `None` where that says nothing: a text is empty, there are fewer than 20 other texts, or the model gives no vectors of
    /// texts. Errors if a vector cannot be computed or it was cancelled.
    pub fn nearness(
        &self,
        request: NearnessRequest,
        cancel: Cancel,
    ) -> Result<Option<Nearness>, AssistantError> {
        let (result, receiver) = sync_channel(1);
        // If the thread has ended, the receiver ends too.
        let _ = self.jobs.send(Job::Near(Near {
            request,
            cancel,
            result,
        }));
        let ended = || Err(AssistantError::Panic("the model thread ended".into()));
        receiver.recv().unwrap_or_else(|_| ended())
    }
}

/// Answers it.
pub(crate) fn compare(engine: &mut Engine, near: &Near) {
    let found = guarded(|| engine.nearness(&near.request, &near.cancel));
    let _ = near.result.send(found);
}

impl Engine {
    /// See [`Assistant::nearness`].
    pub fn nearness(
        &mut self,
        request: &NearnessRequest,
        cancel: &Cancel,
    ) -> Result<Option<Nearness>, AssistantError> {
        let others = Others::of(request);
        if others.count < MIN_OTHERS {
            return Ok(None);
        }
        let mut texts = vec![request.text.as_str(), request.reference.as_str()];
        texts.extend(others.texts.iter().copied());
        let mut vectors = Vec::with_capacity(texts.len());
        let mut kind = TextVectors::Tokens;
        for text in texts {
            if cancel.is_cancelled() {
                return Err(ModelError::Cancelled.into());
            }
            let Some((of, vector)) = self.text_vector(text)? else {
                return Ok(None);
            };
            kind = of;
            vectors.push(vector);
        }
        Ok(others.ranked(vectors, kind))
    }

    /// The vector of a text; `None` where it has no word, or the model gives no vectors of texts.
    fn text_vector(
        &mut self,
        text: &str,
    ) -> Result<Option<(TextVectors, Vec<f32>)>, AssistantError> {
        let plain = comparable(text);
        if plain.is_empty() {
            return Ok(None);
        }
        if let Some(known) = self.text_cache.get(&plain) {
            return Ok(Some((TextVectors::Encoder, known.clone())));
        }
        if let Some(encoder) = &self.retrieval_encoder {
            let found = encoder.text(&plain);
            let found = found.map_err(AssistantError::RetrievalEncoder)?;
            if let Some(vector) = found.into_iter().next().flatten() {
                self.text_cache.put(plain, vector.clone());
                return Ok(Some((TextVectors::Encoder, vector)));
            }
        }
        // Tokenizers tell a word in the middle of a text from one at its beginning.
        let ids = token_ids(self.learner.tokenizer(), &format!(" {plain}"))?;
        if ids.is_empty() {
            return Ok(None);
        }
        let vector = self.learner.mean_embedding(&ids)?;
        Ok(vector.map(|vector| (TextVectors::Tokens, vector)))
    }
}

/// The other texts, each once, without the reference.
struct Others<'a> {
    texts: Vec<&'a str>,
    /// Where the text itself is among them, if it is.
    own: Option<usize>,
    /// How many there are without it.
    count: usize,
}

impl<'a> Others<'a> {
    fn of(request: &'a NearnessRequest) -> Self {
        let mut seen = HashSet::from([comparable(&request.reference), String::new()]);
        let mut all: Vec<(String, &str)> = request
            .others
            .iter()
            .map(|other| (comparable(other), other.as_str()))
            .filter(|(plain, _)| seen.insert(plain.clone()))
            .collect();
        all.sort_unstable();
        let step = all.len().div_ceil(MAX_OTHERS).max(1);
        let own = comparable(&request.text);
        let kept = all.into_iter().enumerate();
        let kept = kept.filter(|(at, (plain, _))| at.is_multiple_of(step) || *plain == own);
        let (plain, texts): (Vec<String>, Vec<&str>) = kept.map(|(_, both)| both).unzip();
        let own = plain.iter().position(|plain| *plain == own);
        Self {
            count: texts.len() - usize::from(own.is_some()),
            texts,
            own,
        }
    }

    /// From the vectors of the text, of the reference and of the others, in this order.
    fn ranked(&self, mut vectors: Vec<Vec<f32>>, kind: TextVectors) -> Option<Nearness> {
        centre(&mut vectors);
        let (text, answers) = vectors.split_first()?;
        let (reference, others) = answers.split_first()?;
        let near = cosine(text, reference);
        let counted = others.iter().enumerate();
        let counted = counted.filter(|(at, _)| Some(*at) != self.own);
        let farther = counted.filter(|(_, other)| cosine(other, reference) < near);
        let nearest = self
            .texts
            .iter()
            .zip(others)
            .map(|(name, other)| (cosine(text, other), *name))
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let nearer = nearest.filter(|(to_other, _)| *to_other > near);
        Some(Nearness {
            farther: farther.count(),
            others: self.count,
            nearer_to: nearer.map(|(_, name)| name.to_owned()),
            vectors: kind,
        })
    }
}

/// Takes the mean of the answers, which are all but the first, from every vector: what they have in common tells none from another.
fn centre(vectors: &mut [Vec<f32>]) {
    let answers = vectors.get(1..).unwrap_or_default();
    let count = answers.len().max(1) as f32;
    let mut mean = vec![0.0_f32; vectors.first().map_or(0, Vec::len)];
    for vector in answers {
        for (sum, value) in mean.iter_mut().zip(vector) {
            *sum += value / count;
        }
    }
    for vector in vectors {
        for (value, mean) in vector.iter_mut().zip(&mean) {
            *value -= mean;
        }
    }
}

/// 0 where one of them has no length.
fn cosine(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    match lengths > 0.0 {
        true => dot(a, b) / lengths,
        false => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Setup, on_nano};
    use crate::fixtures;
    use rounds_model::encoder::{EncoderOptions, Overrides, import};
    use rounds_model::import::WeightFormat;

    fn request(text: &str, others: &[&str]) -> NearnessRequest {
        NearnessRequest {
            text: text.into(),
            reference: "lung nodule".into(),
            others: others.iter().map(|other| (*other).to_owned()).collect(),
        }
    }

    /// Twenty-one answers that have no word of the reference.
    const OTHERS: [&str; 21] = [
        "benign mole",
        "bone lesion",
        "brain mass",
        "epidural bleed",
        "kidney cyst",
        "kidney stone",
        "macular scar",
        "malaria",
        "acute leukaemia",
        "aortic aneurysm",
        "pleural effusion",
        "white matter spots",
        "metal plate",
        "joint space narrowing",
        "normal retina",
        "normal blood smear",
        "premature ventricular beat",
        "osteophytes",
        "melanoma",
        "arthritis",
        "consolidation",
    ];

    #[test]
    fn others_count_once_and_neither_the_reference_nor_the_text_is_one_of_them() {
        let given = ["Mole.", "mole", "Lung nodule", "cyst", "!", "scar"];
        let request = request("a cyst", &given);
        let others = Others::of(&request);
        assert_eq!(others.texts, ["cyst", "Mole.", "scar"]);
        assert_eq!((others.own, others.count), (None, 3));
        let own = NearnessRequest {
            text: "Cyst".into(),
            ..request
        };
        let others = Others::of(&own);
        assert_eq!((others.own, others.count), (Some(0), 2));
    }

    #[test]
    fn of_very_many_others_some_from_everywhere_are_taken_and_the_text_is_kept() {
        let many: Vec<String> = (0..1000).map(|at| format!("finding {at:04}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let request = request("finding 0001", &many);
        let others = Others::of(&request);
        assert!((MAX_OTHERS / 2..=MAX_OTHERS).contains(&others.count));
        assert_eq!(others.own, Some(1));
        assert!(others.texts.contains(&"finding 0000"));
        assert!(others.texts.iter().any(|text| *text > "finding 0990"));
    }

    #[test]
    fn a_text_is_ranked_by_how_many_others_are_less_near_to_the_reference() {
        let request = request("text", &["a", "b", "c"]);
        let others = Others::of(&request);
        let rows = |text: [f32; 2]| {
            let rows = [text, [1.0, 0.0], [-1.0, 0.2], [0.0, 1.0], [0.0, -1.2]];
            rows.map(Vec::from).to_vec()
        };
        let near = others
            .ranked(rows([1.0, 0.1]), TextVectors::Tokens)
            .unwrap();
        assert_eq!((near.farther, near.others, near.percent()), (3, 3, 100));
        assert_eq!(near.nearer_to, None);
        let far = others
            .ranked(rows([-0.1, 1.0]), TextVectors::Tokens)
            .unwrap();
        assert!(far.farther < 3);
        assert_eq!(far.nearer_to.as_deref(), Some("b"));
    }

    #[test]
    fn the_same_words_are_nearer_than_all_others_and_another_answer_is_named() {
        let mut engine = on_nano();
        let cancel = Cancel::new();
        let mut of = |text| engine.nearness(&request(text, &OTHERS), &cancel).unwrap();
        let same = of("Nodule, lung").unwrap();
        assert_eq!((same.farther, same.others), (21, 21));
        assert_eq!((same.nearer_to, same.vectors), (None, TextVectors::Tokens));
        let other = of("a bone lesion").unwrap();
        assert_eq!(other.nearer_to.as_deref(), Some("bone lesion"));
        let one_of_them = of("Malaria").unwrap();
        assert_eq!(one_of_them.others, 20, "it is not ranked against itself");
        assert_eq!(one_of_them.nearer_to.as_deref(), Some("malaria"));
    }

    #[test]
    fn with_few_others_or_without_a_word_nothing_is_said() {
        let mut engine = on_nano();
        let cancel = Cancel::new();
        for request in [request("nodule", &OTHERS[..19]), request("?!", &OTHERS)] {
            assert_eq!(engine.nearness(&request, &cancel).unwrap(), None);
        }
        cancel.cancel();
        assert!(
            engine
                .nearness(&request("nodule", &OTHERS), &cancel)
                .is_err()
        );
    }

    #[test]
    fn the_text_tower_of_the_retrieval_encoder_comes_before_the_models_tokens() {
        let folder = tempfile::tempdir().unwrap();
        let options = EncoderOptions {
            weight_format: WeightFormat::F32,
            name: "tiny".into(),
            licence: Some("CC0".into()),
            tokenizer: None,
            overrides: Overrides::default(),
        };
        let golden = fixtures::path("../golden/encoders/clip/hf");
        let cancel = Cancel::new();
        import(&golden, folder.path(), &options, &cancel, &mut |_, _| {}).unwrap();
        let setup = Setup {
            model: Some(fixtures::path("nano")),
            index: Some(fixtures::path("index")),
            encoder: Some(folder.path().to_path_buf()),
            device: "cpu".into(),
            ..Setup::default()
        };
        let mut engine = Engine::load(&setup).unwrap();
        let mut of = |text| engine.nearness(&request(text, &OTHERS), &cancel).unwrap();
        let same = of("lung nodule").unwrap();
        assert_eq!(same.vectors, TextVectors::Encoder);
        assert_eq!(same.percent(), 100);
        // The second time from memory.
        assert_eq!(of("lung nodule"), Some(same));
    }
}
