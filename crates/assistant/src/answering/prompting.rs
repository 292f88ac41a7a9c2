//! Builds the prompt of a question and the provenance of its answer.

use super::ranking::distinct;
use super::{Request, Standing};
use crate::engine::Engine;
use crate::prompt::{self, Prompt};
use crate::retrieval::{Found, Shot, Strategy};
use crate::settings::Settings;
use crate::types::{Answer, AssistantError, Provenance, Timings};
use rounds_imaging::Image;
use rounds_index::{Example, Search};
use rounds_model::flamingo::MediaMask;
use rounds_model::generate::StopReason;
use rounds_support::errors::count;
use rounds_support::files;

/// A question with its shots, ready for the model.
pub(super) struct Prepared {
    pub(super) prompt: Prompt,
    /// The shots in it, in prompt order.
    pub(super) ordered: Vec<Example>,
    /// The answer before anything was generated.
    pub(super) answer: Answer,
}

impl Engine {
    /// Builds the prompt from a case and as many of its shots as fit.
    pub(super) fn prepare(
        &self,
        request: &Request,
        found: Found,
    ) -> Result<Prepared, AssistantError> {
        let Found {
            mut shots,
            mut notices,
            fallback,
            search,
            ..
        } = found;
        let prompt = self.prompt(request, &shots)?;
        // Arrange before dropping: shuffling only the remaining shots would give another order.
        let order = request.settings.order;
        let ordered: Vec<Example> = order
            .arrange(&shots, request.settings.decoding.seed)
            .into_iter()
            .filter(|shot| prompt.kept.contains(&shot.rank))
            .map(|shot| shot.example.clone())
            .collect();
        if prompt.dropped > 0 {
            shots.retain(|shot| prompt.kept.contains(&shot.rank));
            notices.push(self.room_notice(request, prompt.kept.len(), prompt.dropped));
        }
        let config = &self.learner.manifest().config;
        if let Some(mask) = config.media_mask() {
            notices.extend(shared_image_notices(
                mask,
                request.case.images.len(),
                &ordered,
            ));
            notices.extend(last_image_notice(mask, &request.case.images));
        }
        notices.extend(unfamiliar_shots_notice(config.knows_shots(), ordered.len()));
        notices.extend(unfamiliar_images_notice(
            config.knows_shots(),
            request.case.images.len(),
        ));
        notices.extend(request.case.images.iter().filter_map(brightened_notice));
        let answer = Answer {
            answer: String::new(),
            rationale: None,
            stop: StopReason::Length,
            provenance: self.provenance(request, (fallback, search), &prompt, &ordered),
            shots,
            notices,
            about_model: self.learner.manifest().knows.clone(),
            timings: Timings::default(),
            prompt_tokens: prompt.ids.len(),
            generated_tokens: 0,
            log_probabilities: Vec::new(),
            ranking: Vec::new(),
            standing: Standing::default(),
        };
        Ok(Prepared {
            prompt,
            ordered,
            answer,
        })
    }

    fn prompt(&self, request: &Request, shots: &[Shot]) -> Result<Prompt, AssistantError> {
        let (case, settings) = (request.case, request.settings);
        let order = settings.order.arrange(shots, settings.decoding.seed);
        let order: Vec<(usize, &Example)> = order.iter().map(|s| (s.rank, &s.example)).collect();
        let context = self.learner.context();
        Ok(prompt::build(
            &self.template.with_choices(&distinct(&settings.options)),
            self.learner.tokenizer(),
            &self.learner.manifest().tokens.begin,
            &order,
            &case.background.with_question(&case.question),
            case.images.len(),
            context,
            settings.decoding.max_new_tokens.min(context / 2),
            &|ids| self.learner.positions(ids),
        )?)
    }

    /// How many shots fit, and into what.
    fn room_notice(&self, request: &Request, kept: usize, dropped: usize) -> String {
        let context = self.learner.context();
        let answer = request.settings.decoding.max_new_tokens.min(context / 2);
        let (all, verb) = (kept + dropped, if kept == 1 { "fits" } else { "fit" });
        format!(
            "{kept} of {} {verb} into the model's context of {context} tokens, {answer} of which are kept for the answer",
            count(all, "shot")
        )
    }

    fn provenance(
        &self,
        request: &Request,
        (fallback, search): (Option<Strategy>, Option<Search>),
        built: &Prompt,
        ordered: &[Example],
    ) -> Provenance {
        let (case, settings) = (request.case, request.settings);
        let strategy = fallback.unwrap_or(settings.strategy);
        Provenance {
            version: env!("CARGO_PKG_VERSION").to_string(),
            model_sha256: self.model_sha256.clone(),
            prompt_sha256: files::sha256_hex(built.text.as_bytes()),
            template: self.template.name.clone(),
            index_sha256: Some(self.index.sha256()),
            image_sha256: case
                .images
                .iter()
                .map(|p| p.source.sha256.clone())
                .collect(),
            background: case.background.clone(),
            shot_ids: ordered.iter().map(|e| e.id.clone()).collect(),
            search: search.unwrap_or(Search::Exact).name().to_string(),
            settings: Settings {
                strategy,
                ..settings.clone()
            },
            device: self.device.to_string(),
            encoder: self.encoder.clone(),
        }
    }
}

/// Notices about texts without an image that the model, by its media mask, reads with another example's image. `images` is
/// the number in the question; `shots` are in prompt order.
fn shared_image_notices(mask: MediaMask, images: usize, shots: &[Example]) -> Vec<String> {
    let any_image = |shots: &[Example]| shots.iter().any(|shot| !shot.images.is_empty());
    let sees_other = |at: usize| match mask {
        MediaMask::Previous | MediaMask::Turn => any_image(&shots[..at]),
        MediaMask::Next => images > 0 || any_image(&shots[at..]),
    };
    let bare = |at: &usize| shots[*at].images.is_empty() && sees_other(*at);
    let bare = (0..shots.len()).filter(bare).count();
    let mut notices = Vec::new();
    if bare > 0 {
        let verb = if bare == 1 { "has" } else { "have" };
        notices.push(format!(
            "{} {verb} no image: the model looked at a neighbouring example's image",
            count(bare, "shot")
        ));
    }
    if images == 0 && mask != MediaMask::Next && any_image(shots) {
        notices.push("No image: the model looked at the last example's image".into());
    }
    notices
}

/// That the last of several images decides: with the mask of the previous image, no text sees another one.
fn last_image_notice(mask: MediaMask, images: &[Image]) -> Option<String> {
    let (last, others) = images.split_last()?;
    (mask == MediaMask::Previous && !others.is_empty()).then(|| {
        format!(
            "{}: the answer depends almost entirely on the last one, {}",
            count(images.len(), "image"),
            last.source.name
        )
    })
}

/// That a model which was trained on single questions was given shots.
fn unfamiliar_shots_notice(knows_shots: bool, shots: usize) -> Option<String> {
    (!knows_shots && shots > 0).then(|| {
        "this model was trained on single questions: shots are outside what it was trained on"
            .to_string()
    })
}

/// That a model which was trained on one image at a time was given several.
fn unfamiliar_images_notice(knows_shots: bool, images: usize) -> Option<String> {
    (!knows_shots && images > 1).then(|| {
        format!("{images} images: this model was trained on one, further ones are outside of that")
    })
}

/// That an image was made brighter because its file leaves bits of its samples unused.
fn brightened_notice(image: &Image) -> Option<String> {
    image.extras.bits_in_use.map(|bits| {
        format!(
            "{} uses {bits} of its 16 bits: it was made brighter to match",
            image.source.name
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rounds_index::ExampleImage;

    fn shots(image_counts: &[usize]) -> Vec<Example> {
        let image = ExampleImage {
            sha256: "ab".repeat(32),
            extension: "png".into(),
        };
        let shot = |&count: &usize| Example {
            images: vec![image.clone(); count],
            ..Example::default()
        };
        image_counts.iter().map(shot).collect()
    }

    #[test]
    fn of_several_images_a_notice_names_the_one_that_decides() {
        let named = |name: &str| {
            let mut image = rounds_imaging::blank(8);
            image.source.name = name.into();
            image
        };
        let images = [named("a.png"), named("b.png")];
        let notice = last_image_notice(MediaMask::Previous, &images).unwrap();
        assert!(notice.starts_with("2 images: ") && notice.ends_with("the last one, b.png"));
        assert_eq!(last_image_notice(MediaMask::Previous, &images[..1]), None);
        assert_eq!(last_image_notice(MediaMask::Previous, &[]), None);
        assert_eq!(last_image_notice(MediaMask::Next, &images), None);
        assert_eq!(last_image_notice(MediaMask::Turn, &images), None);
    }

    #[test]
    fn an_image_made_brighter_gets_a_notice() {
        let mut image = rounds_imaging::blank(8);
        assert_eq!(brightened_notice(&image), None);
        image.extras.bits_in_use = Some(12);
        let notice = brightened_notice(&image).unwrap();
        assert_eq!(
            notice,
            "blank uses 12 of its 16 bits: it was made brighter to match"
        );
    }

    #[test]
    fn a_text_read_with_another_examples_image_gets_a_notice() {
        let (previous, next) = (MediaMask::Previous, MediaMask::Next);
        for (mask, images, image_counts, bare, question) in [
            (previous, 1, &[1, 1][..], 0, false),
            (previous, 0, &[1, 1], 0, true),
            (previous, 0, &[0, 0], 0, false),
            (previous, 0, &[], 0, false),
            (previous, 1, &[0, 1, 0, 0], 2, false),
            (next, 0, &[1, 1], 0, false),
            (next, 0, &[0, 1, 0], 1, false),
            (next, 1, &[0, 1, 0], 2, false),
        ] {
            let notices = shared_image_notices(mask, images, &shots(image_counts)).join("; ");
            let told = format!("{} ", count(bare, "shot"));
            assert_eq!(notices.starts_with(&told), bare > 0, "{notices}");
            assert_eq!(
                notices.contains("the last example's image"),
                question,
                "{notices}"
            );
        }
    }
}
