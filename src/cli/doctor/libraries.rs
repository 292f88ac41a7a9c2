//! Checks the models, encoders and indexes, shipped and user-made, and which vectors match which tower.

use serde_json::json;
use std::path::Path;

use super::Finding;
use rounds_assistant::SHIPPED;
use rounds_index::compact::length;
use rounds_index::{Encoder, Index, IndexError, short};
use rounds_model::bundle::{Bundle, Manifest, Weights};
use rounds_model::encoder::{Descriptor, EncoderBundle};
use rounds_model::error::ModelError;
use rounds_model::library::BundleManifest;
use rounds_support::Paths;
use rounds_support::errors::{bytes, count};

/// A source of image vectors: a model's vision tower, or an encoder.
pub struct Tower {
    /// `model NAME` or `encoder NAME`.
    pub label: String,
    /// SHA-256 of the weights, which identifies the vectors.
    pub sha256: String,
}

/// Checks the models and encoders; returns their towers.
pub fn models(paths: Option<&Paths>, findings: &mut Vec<Finding>) -> Vec<Tower> {
    let mut towers = vec![tower("encoder", Descriptor::NAME, Descriptor::id().into())];
    let shipped = Finding::new("model", SHIPPED, "");
    findings.push(match Bundle::open(None) {
        Ok(bundle) => {
            towers.push(tower("model", SHIPPED, bundle.manifest.encoder_id()));
            let weights = match &bundle.weights {
                Weights::Bytes(weights) => weights.len(),
                Weights::Shipped(files) => files.iter().map(|(_, bytes)| bytes.len()).sum(),
                Weights::Files(_) => 0,
            };
            let size = (weights + bundle.tokenizer.len()) as u64;
            let finding = described_model(SHIPPED, &bundle.manifest, size);
            Finding {
                summary: format!("{}; {}", finding.summary, bundle.manifest.knows),
                ..finding
            }
            .with_sha256(&bundle.sha256)
        }
        Err(error) => shipped.error(&error),
    });
    let Some(paths) = paths else { return towers };
    let library = rounds_model::library::Library::of(paths);
    for (name, known) in library.list() {
        let folder = library.folder_of(&name);
        let (part, finding) = match known {
            Ok(BundleManifest::Learner(manifest)) => {
                towers.push(tower("model", &name, manifest.encoder_id()));
                let size = manifest.lengths.values().sum();
                ("model", described_model(&name, &manifest, size))
            }
            Ok(BundleManifest::Encoder(manifest)) => {
                towers.push(tower("encoder", &name, manifest.id()));
                let size = manifest.lengths.values().sum();
                let family = manifest.family.name();
                let words = (family, &manifest.name, &manifest.dtype, &manifest.licence);
                ("encoder", described("encoder", &name, words, size))
            }
            Err(error) => {
                findings.push(
                    Finding::new("model", name, "").fails(error, Some(reinstall_hint(&folder))),
                );
                continue;
            }
        };
        let opened = match part {
            "encoder" => EncoderBundle::open(&folder).map(|bundle| bundle.manifest.id()),
            _ => Bundle::open(Some(&folder)).map(|bundle| bundle.sha256),
        };
        findings.push(match opened {
            Ok(sha256) => finding.with_sha256(&sha256),
            Err(error) => finding.fails(error, Some(reinstall_hint(&folder))),
        });
    }
    towers
}

fn tower(kind: &str, name: &str, sha256: String) -> Tower {
    Tower {
        label: format!("{kind} {name}"),
        sha256,
    }
}

fn described_model(name: &str, manifest: &Manifest, size: u64) -> Finding {
    let family = manifest.family.as_str();
    let words = (family, &manifest.name, &manifest.dtype, &manifest.licence);
    described("model", name, words, size)
}

/// `words` are family, name, weight type and licence.
fn described(
    part: &'static str,
    name: &str,
    words: (&str, &String, &String, &String),
    size: u64,
) -> Finding {
    let (family, model, dtype, licence) = words;
    let clean = |text: &str| rounds_support::sanitise::clean_line(text);
    Finding::new(
        part,
        name,
        format!("{model}, {family}, {dtype}, {}", bytes(size)),
    )
    .with_facts(json!({
        "family": clean(family), "model": clean(model), "dtype": clean(dtype),
        "licence": clean(licence), "bytes": size,
    }))
}

fn reinstall_hint(folder: &Path) -> String {
    let folder = rounds_support::errors::display_path(folder);
    format!("import or pull it again, or delete its folder: {folder}")
}

/// Checks the indexes.
pub fn indexes(paths: Option<&Paths>, towers: &[Tower], findings: &mut Vec<Finding>) {
    findings.push(index(SHIPPED, Index::open(None), towers));
    let Some(paths) = paths else { return };
    for (name, opened) in rounds_index::library::Library::of(paths).list() {
        findings.push(index(&name, opened, towers));
    }
}

fn index(name: &str, opened: Result<Index, IndexError>, towers: &[Tower]) -> Finding {
    let index = match opened {
        Ok(index) => index,
        Err(error) => return Finding::new("index", name, "").error(&error),
    };
    let size = index.folder().map_or(0, length);
    let sealed = index.is_sealed();
    let matches: Vec<(&Encoder, Vec<&str>)> = index
        .encoders()
        .iter()
        .map(|encoder| (encoder, matching_towers(encoder, towers)))
        .collect();
    let mut summary = count(index.len(), "example");
    if index.folder().is_some() {
        let seal = match sealed {
            Ok(true) => "sealed",
            _ => "not sealed",
        };
        summary.push_str(&format!(", {}, {seal}", bytes(size)));
    }
    for (encoder, towers) in &matches {
        let towers = match towers.is_empty() {
            true => "nothing installed".to_string(),
            false => towers.join(" and "),
        };
        let name = &encoder.name;
        summary.push_str(&format!("; vectors from {name} match {towers}"));
    }
    let finding = Finding::new("index", name, summary)
        .with_facts(json!({
            "examples": index.len(),
            "bytes": size,
            "sealed": sealed.as_ref().is_ok_and(|sealed| *sealed),
            "vectors": matches.iter().map(|(encoder, towers)| json!({
                "encoder": encoder.name, "sha256": encoder.sha256, "dimension": encoder.dimension,
                "texts": encoder.text, "suit": towers,
            })).collect::<Vec<_>>(),
        }))
        .with_sha256(&index.sha256());
    if let Some(error) = vector_error(&index) {
        return finding.error(&error);
    }
    if let Some((encoder, _)) = matches.iter().find(|(_, towers)| towers.is_empty()) {
        let bundle = match encoder.bundle.as_str() {
            "" => "a model shipped with an earlier version".to_string(),
            bundle => bundle.to_string(),
        };
        return finding.note(
            format!("the encoder of its {} vectors ({}) is not installed: {bundle}", encoder.name, short(&encoder.sha256)),
            Some(format!(
                "import or pull it again, or add vectors from an installed model with `rounds index embed {name} --model MODEL`"
            )),
        );
    }
    match sealed {
        Ok(true) => finding,
        _ => finding.note(
            "another process is writing to it, or the last write was interrupted; all committed examples are intact",
            Some(format!("check it with `rounds index verify {name}`")),
        ),
    }
}

/// The labels of the towers that produce the encoder's vectors.
fn matching_towers<'a>(encoder: &Encoder, towers: &'a [Tower]) -> Vec<&'a str> {
    let same = towers.iter().filter(|t| t.sha256 == encoder.sha256);
    same.map(|tower| tower.label.as_str()).collect()
}

/// The first error in opening its vector files.
fn vector_error(index: &Index) -> Option<IndexError> {
    index.encoders().iter().find_map(|encoder| {
        let texts = encoder.text.then(|| index.text_vectors(&encoder.sha256));
        let images = index.vectors(&encoder.sha256).err();
        images.or_else(|| texts.and_then(Result::err))
    })
}

/// The identity of the vectors that a model or an encoder produces, by the folder of its bundle; `None` is the shipped model.
pub fn vector_sha256(bundle: Option<&Path>) -> Result<String, ModelError> {
    match bundle {
        Some(name) if Descriptor::is_descriptor(name) => Ok(Descriptor::id().into()),
        Some(name) if name == Path::new(SHIPPED) => vector_sha256(None),
        None => Bundle::open(None).map(|bundle| bundle.manifest.encoder_id()),
        Some(folder) => BundleManifest::of(folder).map(|known| match known {
            BundleManifest::Learner(manifest) => manifest.encoder_id(),
            BundleManifest::Encoder(manifest) => manifest.id(),
        }),
    }
}
