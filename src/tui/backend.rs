//! The only file of the interface that knows how examples, their images, models and indexes are read, so that changes
//! in those crates stay local.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use rounds_assistant::{Assistant, AssistantError, SHIPPED, Setup};
use rounds_index::{Example, Images};
use rounds_support::{Paths, sanitise};

/// What the interface shows about an opened model and index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineInfo {
    pub model: String,
    pub index: String,
    pub device: String,
    /// Tokens that fit into a prompt and its answer.
    pub context: Option<usize>,
}

/// An opened assistant.
pub struct OpenedAssistant {
    pub assistant: Assistant,
    pub about: EngineInfo,
    pub images: Images,
}

/// Opens model and index, by path or by their names in the user's libraries. Slow: never call it on the thread that
/// draws.
pub fn open(setup: &Setup) -> Result<OpenedAssistant, AssistantError> {
    let setup = &setup.clone().named();
    let mut found = setup.clone();
    if let Ok(paths) = Paths::find() {
        let models = rounds_model::library::Library::of(&paths);
        let indexes = rounds_index::library::Library::of(&paths);
        found.model = setup.model.as_deref().map(|given| models.find(given));
        found.index = setup.index.as_deref().map(|given| indexes.find(given));
    }
    let images = Images::new(found.index.as_deref());
    let assistant = Assistant::start(found)?;
    let opened = assistant.info();
    Ok(OpenedAssistant {
        about: EngineInfo {
            model: label(setup.model.as_deref()),
            index: label(setup.index.as_deref()),
            device: opened.device.into(),
            context: Some(opened.context),
        },
        images,
        assistant,
    })
}

/// A short name for a model or index; `None` is the built-in one.
pub fn label(path: Option<&Path>) -> String {
    match path {
        None => SHIPPED.into(),
        Some(path) => {
            let name = path.file_name().unwrap_or(path.as_os_str());
            sanitise::clean_line_max(&name.to_string_lossy(), 40)
        }
    }
}

/// SHA-256 of the images of an example, in order.
pub fn image_hashes(example: &Example) -> Vec<String> {
    example
        .images
        .iter()
        .map(|image| image.sha256.clone())
        .collect()
}

/// The bytes of one image of an example. The error is a message for the user.
pub fn image_bytes(
    images: &Images,
    example: &Example,
    sha256: &str,
) -> Result<Cow<'static, [u8]>, String> {
    let image = example.images.iter().find(|image| image.sha256 == sha256);
    let image = image.ok_or("the example has no such image")?;
    images.bytes(image).map_err(|error| error.to_string())
}

/// The tags of an example as one line.
pub fn tags_line(example: &Example) -> String {
    let tags = example
        .tags
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    tags.collect::<Vec<_>>().join("  ")
}

/// What `~` stands for.
pub fn home() -> Option<PathBuf> {
    directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_path_buf())
}
