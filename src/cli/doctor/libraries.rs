//! Models, encoders and indexes: those that ship and the user's own, and which vectors suit which tower.

use serde_json::json;
use std::path::Path;

use super::Finding;
use rounds_assistant::SHIPPED;
use rounds_index::compact::length;
use rounds_index::{Encoder, Index, IndexError, short};
use rounds_model::bundle::{Bundle, Manifest, Weights};
use rounds_model::encoder::{Descriptor, EncoderBundle};
use rounds_model::error::ModelError;
use rounds_model::library::Known;
use rounds_support::Paths;
use rounds_support::errors::bytes;

/// What compares pictures: a model's tower, or an encoder.
pub struct Tower {
    /// `model NAME` or `encoder NAME`.
    pub called: String,
    /// SHA-256 of the weights, by which vectors are known.
    pub sha256: String,
}

/// Looks at the models; returns their towers.
pub fn models(paths: Option<&Paths>, findings: &mut Vec<Finding>) -> Vec<Tower> {
    let mut towers = vec![tower("encoder", Descriptor::NAME, Descriptor::id().into())];
    let shipped = Finding::new("model", SHIPPED, "");
    findings.push(match Bundle::open(None) {
        Ok(bundle) => {
            towers.push(tower("model", SHIPPED, bundle.manifest.encoder_id()));
            let weights = match &bundle.weights {
                Weights::Bytes(weights) => weights.len(),
                Weights::Files(_) => 0,
            };
            let size = (weights + bundle.tokenizer.len()) as u64;
            let found = described_model(SHIPPED, &bundle.manifest, size);
            Finding {
                says: format!("{}; {}", found.says, bundle.manifest.knows),
                ..found
            }
            .known_by(&bundle.sha256)
        }
        Err(error) => shipped.error(&error),
    });
    let Some(paths) = paths else { return towers };
    let library = rounds_model::library::Library::of(paths);
    for (name, known) in library.list() {
        let folder = library.folder_of(&name);
        let (part, finding) = match known {
            Ok(Known::Learner(manifest)) => {
                towers.push(tower("model", &name, manifest.encoder_id()));
                let size = manifest.lengths.values().sum();
                ("model", described_model(&name, &manifest, size))
            }
            Ok(Known::Encoder(manifest)) => {
                towers.push(tower("encoder", &name, manifest.id()));
                let size = manifest.lengths.values().sum();
                let family = manifest.family.name();
                let words = (family, &manifest.name, &manifest.dtype, &manifest.licence);
                ("encoder", described("encoder", &name, words, size))
            }
            Err(error) => {
                findings.push(Finding::new("model", name, "").fails(error, Some(again(&folder))));
                continue;
            }
        };
        let opened = match part {
            "encoder" => EncoderBundle::open(&folder).map(|bundle| bundle.manifest.id()),
            _ => Bundle::open(Some(&folder)).map(|bundle| bundle.sha256),
        };
        findings.push(match opened {
            Ok(sha256) => finding.known_by(&sha256),
            Err(error) => finding.fails(error, Some(again(&folder))),
        });
    }
    towers
}

fn tower(kind: &str, name: &str, sha256: String) -> Tower {
    Tower {
        called: format!("{kind} {name}"),
        sha256,
    }
}

fn described_model(name: &str, manifest: &Manifest, size: u64) -> Finding {
    let family = manifest.family.as_str();
    let words = (family, &manifest.name, &manifest.dtype, &manifest.licence);
    described("model", name, words, size)
}

/// `words` are its family, what it is called, how its weights are held, and its licence.
fn described(
    part: &'static str,
    name: &str,
    words: (&str, &String, &String, &String),
    size: u64,
) -> Finding {
    let (family, called, dtype, licence) = words;
    let clean = |text: &str| rounds_support::sanitise::clean_line(text);
    Finding::new(
        part,
        name,
        format!("{called}, {family}, {dtype}, {}", bytes(size)),
    )
    .with(json!({
        "family": clean(family), "model": clean(called), "dtype": clean(dtype),
        "licence": clean(licence), "bytes": size,
    }))
}

fn again(folder: &Path) -> String {
    let folder = rounds_support::errors::shown(folder);
    format!("import or pull it again, or take its folder away: {folder}")
}

/// Looks at the indexes.
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
    let suits: Vec<(&Encoder, Vec<&str>)> = index
        .encoders()
        .iter()
        .map(|encoder| (encoder, suiting(encoder, towers)))
        .collect();
    let mut says = format!("{} examples", index.len());
    if index.folder().is_some() {
        let seal = match sealed {
            Ok(true) => "sealed",
            _ => "not sealed",
        };
        says.push_str(&format!(", {}, {seal}", bytes(size)));
    }
    for (encoder, suiting) in &suits {
        let towers = match suiting.is_empty() {
            true => "nothing here".to_string(),
            false => suiting.join(" and "),
        };
        let name = &encoder.name;
        says.push_str(&format!("; vectors of {name} suit {towers}"));
    }
    let finding = Finding::new("index", name, says)
        .with(json!({
            "examples": index.len(),
            "bytes": size,
            "sealed": sealed.as_ref().is_ok_and(|sealed| *sealed),
            "vectors": suits.iter().map(|(encoder, suiting)| json!({
                "encoder": encoder.name, "sha256": encoder.sha256, "dimension": encoder.dimension,
                "texts": encoder.text, "suit": suiting,
            })).collect::<Vec<_>>(),
        }))
        .known_by(&index.sha256());
    if let Some(error) = fault(&index) {
        return finding.error(&error);
    }
    if let Some((encoder, _)) = suits.iter().find(|(_, suiting)| suiting.is_empty()) {
        let bundle = match encoder.bundle.as_str() {
            "" => "a model that shipped once".to_string(),
            bundle => bundle.to_string(),
        };
        return finding.note(
            format!("what made its vectors of {} ({}) is not here: {bundle}", encoder.name, short(&encoder.sha256)),
            Some(format!(
                "import or pull that again, or add the vectors of a model that is here with `rounds index embed {name} --model MODEL`"
            )),
        );
    }
    match sealed {
        Ok(true) => finding,
        _ => finding.note(
            "somebody writes to it now, or did not come to the end; nothing that was acknowledged is lost",
            Some(format!("`rounds index verify {name}` looks at every byte of it")),
        ),
    }
}

/// What here makes the same vectors.
fn suiting<'a>(encoder: &Encoder, towers: &'a [Tower]) -> Vec<&'a str> {
    let same = towers.iter().filter(|t| t.sha256 == encoder.sha256);
    same.map(|tower| tower.called.as_str()).collect()
}

/// What is wrong with its vector files, as far as opening them shows.
fn fault(index: &Index) -> Option<IndexError> {
    index.encoders().iter().find_map(|encoder| {
        let texts = encoder.text.then(|| index.text_vectors(&encoder.sha256));
        let pictures = index.vectors(&encoder.sha256).err();
        pictures.or_else(|| texts.and_then(Result::err))
    })
}

/// The vectors that a model or an encoder compares with, by the folder of its bundle; `None` is the model that ships.
pub fn compared_by(bundle: Option<&Path>) -> Result<String, ModelError> {
    match bundle {
        Some(name) if Descriptor::is_named(name) => Ok(Descriptor::id().into()),
        Some(name) if name == Path::new(SHIPPED) => compared_by(None),
        None => Bundle::open(None).map(|bundle| bundle.manifest.encoder_id()),
        Some(folder) => Known::of(folder).map(|known| match known {
            Known::Learner(manifest) => manifest.encoder_id(),
            Known::Encoder(manifest) => manifest.id(),
        }),
    }
}
