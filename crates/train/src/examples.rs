//! Examples of the indexes that are built here.

use rounds_imaging::{Image, decode, thumbnail_jpeg};
use rounds_index::{Example, ExampleImage, ImageDetails, NewImage, NewVectors, Writer};
use rounds_model::FewShotLearner;
use rounds_model::learner::FlamingoLearner;
use rounds_phantom::questions::ask;
use rounds_phantom::{KINDS, render};
use rounds_support::rng::Rng;

use super::pool::{PHANTOM_SIDE, phantom_image, seeds};

/// A tag.
pub(crate) fn tag(name: &str, value: &str) -> (String, String) {
    (name.to_string(), value.to_string())
}

/// Adds an example about the image `image`, whose file is `jpeg`, with the vector of the learner's tower.
pub(crate) fn add(
    writer: &mut Writer,
    example: Example,
    (jpeg, image): (&[u8], &Image),
    vector: &[f32],
) -> anyhow::Result<()> {
    let new = NewImage {
        image: ExampleImage {
            sha256: image.source.sha256.clone(),
            extension: "jpg".into(),
        },
        bytes: jpeg.to_vec(),
        details: Some(ImageDetails {
            width: image.width,
            height: image.height,
            phash: rounds_imaging::phash(image),
        }),
    };
    let vectors = NewVectors {
        image: Some(vector.to_vec()),
        text: None,
    };
    writer.add(example, &[new], &[vectors])?;
    Ok(())
}

/// Adds a question about each of the first `count` phantoms of the index, with `tags` beside its own.
pub(crate) fn add_phantoms(
    writer: &mut Writer,
    learner: &FlamingoLearner,
    count: usize,
    tags: &[(String, String)],
) -> anyhow::Result<()> {
    for i in 0..count {
        let seed = seeds::INDEX + i as u64;
        let phantom = render(i % KINDS.len(), seed, PHANTOM_SIDE);
        let qa = ask(&phantom, &mut Rng::new(seed));
        let jpeg = thumbnail_jpeg(&phantom_image(&phantom), PHANTOM_SIDE as u32, 88)?;
        let decoded = decode(&jpeg, "phantom")?;
        let own = [
            tag("modality", phantom.spec().modality),
            tag("organ", phantom.spec().organ),
            tag("topic", qa.topic.name()),
            tag("answer_type", if qa.closed { "closed" } else { "open" }),
        ];
        let example = Example {
            id: format!("phantom-{}-{i:03}", phantom.spec().id),
            question: qa.question,
            answer: qa.answer,
            rationale: qa.rationale,
            tags: own.into_iter().chain(tags.iter().cloned()).collect(),
            source: "rounds phantoms".into(),
            licence: "MIT OR Apache-2.0".into(),
            patient: format!("phantom-{seed}"),
            study: format!("phantom-{seed}"),
            ..Example::default()
        };
        let vector = learner.encode_image(&decoded)?.vector;
        add(writer, example, (&jpeg, &decoded), &vector)?;
    }
    Ok(())
}
