//! The models that can be pulled by name, read from `catalogue.toml`.
//!
//! A length or hash that is not known exactly is left out, never guessed.

use serde::Deserialize;

/// The architecture of a checkpoint, which determines how it is imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// OpenFlamingo 0.0.2 and Med-Flamingo, on LLaMA; text attends to the next image.
    FlamingoV1,
    /// OpenFlamingo 2, on MPT or RedPajama; text attends to the previous image.
    FlamingoV2,
    /// IDEFICS, with vision and language in one checkpoint.
    Idefics,
    /// MedVInT-TD, with vision and language in one checkpoint; the language source has the tokenizer only.
    MedvintTd,
    /// MedVInT-TE, likewise.
    MedvintTe,
    /// CLIP on its own.
    Clip,
}

/// Which part of a model a source provides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The trained parts: gated blocks, resampler and embeddings; for IDEFICS, everything.
    Checkpoint,
    /// The frozen language model, and the tokenizer unless the checkpoint has one.
    Language,
    /// The frozen image encoder.
    Vision,
}

/// A file in a source.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogueFile {
    /// File name in the repository.
    pub name: String,
    /// Length in bytes, if known exactly.
    pub size: Option<u64>,
    /// SHA-256, if known.
    pub sha256: Option<String>,
    /// Whether an import works without it.
    #[serde(default)]
    pub optional: bool,
}

/// A hub repository and the files needed from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Which part of the model it provides.
    pub role: Role,
    /// `organisation/name`.
    pub repository: String,
    /// A branch or a commit.
    pub revision: String,
    /// Whether to find weights by the hub's naming convention, in addition to `files`.
    pub weights: bool,
    /// The files known by name.
    pub files: Vec<CatalogueFile>,
}

/// A model that can be pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What the user types.
    pub name: String,
    /// One-line description, with approximate sizes.
    pub about: String,
    /// How it is imported.
    pub family: Family,
    /// Number of layers per gated block.
    pub gated_every: Option<usize>,
    /// Number of distinct parameters in the checkpoint, which an import verifies.
    pub trained_parameters: Option<u64>,
    /// The terms that the user accepts by pulling.
    pub licence: Licence,
    /// Checkpoint, language and vision, as far as they are separate.
    pub sources: Vec<Source>,
}

/// The terms the user must agree to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Licence {
    /// Summary in a sentence or two.
    pub text: String,
    /// The hub pages with the full terms.
    pub pages: Vec<String>,
}

/// All models that can be pulled.
pub fn catalogue() -> Vec<Entry> {
    // A test parses the same text, so an error cannot reach a release.
    read(include_str!("catalogue.toml")).unwrap_or_default()
}

/// A model by its name, or by the name of its checkpoint's repository.
pub fn find(name: &str) -> Option<Entry> {
    let is_named = |entry: &Entry| {
        let repository = entry.sources.first().map(|source| &source.repository);
        entry.name.eq_ignore_ascii_case(name)
            || repository.is_some_and(|repository| repository.eq_ignore_ascii_case(name))
    };
    catalogue().into_iter().find(is_named)
}

#[derive(Deserialize)]
struct CatalogueToml {
    source: Vec<SourceToml>,
    model: Vec<ModelToml>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceToml {
    id: String,
    repository: String,
    revision: String,
    #[serde(default)]
    weights: bool,
    files: Vec<CatalogueFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelToml {
    name: String,
    about: String,
    family: Family,
    gated_every: Option<usize>,
    trained_parameters: Option<u64>,
    licence: String,
    checkpoint: Option<String>,
    language: Option<String>,
    vision: Option<String>,
}

fn read(text: &str) -> Result<Vec<Entry>, String> {
    let text: CatalogueToml = toml::from_str(text).map_err(|error| error.to_string())?;
    text.model
        .into_iter()
        .map(|model| {
            let sources = [
                (Role::Checkpoint, &model.checkpoint),
                (Role::Language, &model.language),
                (Role::Vision, &model.vision),
            ];
            let sources: Vec<Source> = sources
                .into_iter()
                .filter_map(|(role, id)| Some(source(&text.source, role, id.as_deref()?)))
                .collect::<Result<_, _>>()?;
            let page =
                |source: &Source| format!("{}/{}", super::DEFAULT_ENDPOINT, source.repository);
            Ok(Entry {
                licence: Licence {
                    text: model.licence,
                    pages: sources.iter().map(page).collect(),
                },
                name: model.name,
                about: model.about,
                family: model.family,
                gated_every: model.gated_every,
                trained_parameters: model.trained_parameters,
                sources,
            })
        })
        .collect()
}

fn source(known: &[SourceToml], role: Role, id: &str) -> Result<Source, String> {
    let found = known.iter().find(|source| source.id == id).cloned();
    let found = found.ok_or_else(|| format!("no source {id}"))?;
    Ok(Source {
        role,
        repository: found.repository,
        revision: found.revision,
        weights: found.weights,
        files: found.files,
    })
}

#[cfg(test)]
mod tests {
    use super::super::names;
    use super::*;

    #[test]
    fn the_catalogue_parses_and_its_names_are_valid() {
        let entries = read(include_str!("catalogue.toml")).unwrap();
        assert_eq!(entries, catalogue());
        assert_eq!(entries.len(), 14);
        for entry in &entries {
            assert!(!entry.sources.is_empty() && !entry.licence.text.is_empty());
            assert_eq!(find(&entry.name).as_ref(), Some(entry));
            for source in &entry.sources {
                names::repository(&source.repository).unwrap();
                names::revision(&source.revision).unwrap();
                assert!(source.weights || !source.files.is_empty());
                for file in &source.files {
                    names::file(&file.name).unwrap();
                    file.sha256
                        .as_deref()
                        .map_or(Ok(()), names::sha256)
                        .unwrap();
                }
            }
        }
    }

    #[test]
    fn a_flamingo_needs_checkpoint_language_and_vision() {
        let entry = find("med-flamingo/med-flamingo").unwrap();
        assert_eq!(entry.family, Family::FlamingoV1);
        let roles: Vec<Role> = entry.sources.iter().map(|source| source.role).collect();
        assert_eq!(roles, [Role::Checkpoint, Role::Language, Role::Vision]);
        assert_eq!(find("idefics-9b").unwrap().sources.len(), 1);
        assert!(find("no-such-model").is_none());
    }
}
