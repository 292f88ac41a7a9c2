//! The only file of the interface that knows how examples, their images, models and indexes are read, so that changes
//! in those crates stay local.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::state::LibraryNames;
use super::terminal_image::MarkedBox;
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
    /// Number of examples in the index.
    pub examples: usize,
    /// Names that conditions on its examples may use; empty if they are not known.
    pub tags: Vec<String>,
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
            examples: opened.examples,
            tags: opened.tags.clone(),
        },
        images,
        assistant,
    })
}

/// The names of the user's own indexes and models.
pub fn library_names() -> LibraryNames {
    let clean = |names: Vec<String>| -> Vec<String> {
        // A name that sanitising changes cannot be typed.
        let typeable = |name: &String| sanitise::clean_line(name) == *name;
        names.into_iter().filter(typeable).collect()
    };
    match Paths::find() {
        Ok(paths) => LibraryNames {
            indexes: clean(rounds_index::library::Library::of(&paths).names()),
            models: clean(rounds_model::library::Library::of(&paths).names()),
        },
        Err(_) => LibraryNames::default(),
    }
}

/// A short name for a model or index; `None` is the shipped one.
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

/// Tags for programs, not for readers: numbers of the data set, boxes (which are drawn), and how a rationale was made.
const HIDDEN_TAGS: [&str; 4] = ["qid", "rationale", "series", BOX_TAG];

/// The tags of an example that are worth reading, as one line.
pub fn tags_line(example: &Example) -> String {
    let tags = example
        .tags
        .iter()
        .filter(|(name, _)| !HIDDEN_TAGS.contains(&name.as_str()))
        .map(|(name, value)| format!("{name}={value}"));
    tags.collect::<Vec<_>>().join("  ")
}

/// The tag of a marked region: its name, and its left, top, width and height in pixels of the first image.
const BOX_TAG: &str = "box";
/// Regions drawn of one image; an index may hold any number of tags.
const MAX_BOXES: usize = 48;

/// The name and the numbers of every marked region.
fn regions(example: &Example) -> impl Iterator<Item = (&str, [u32; 4])> {
    let boxes = example.tags.iter().filter(|(name, _)| name == BOX_TAG);
    boxes.filter_map(|(_, value)| region(value)).take(MAX_BOXES)
}

fn region(value: &str) -> Option<(&str, [u32; 4])> {
    let (name, numbers) = value.rsplit_once(' ').unwrap_or(("region", value));
    let mut sides = [0; 4];
    let mut parts = numbers.split(',');
    for side in &mut sides {
        let number: f64 = parts.next()?.parse().ok()?;
        *side = (number.is_finite() && number >= 0.0).then_some(number.round() as u32)?;
    }
    parts.next().is_none().then_some((name, sides))
}

/// The names of the regions that are marked in an example's first image, each once.
pub fn region_names(example: &Example) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (name, _) in regions(example) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// The regions that are marked in an example's first image.
pub fn marked_boxes(example: &Example) -> Vec<MarkedBox> {
    let names = region_names(example);
    regions(example)
        .map(|(name, [left, top, width, height])| MarkedBox {
            left,
            top,
            width,
            height,
            kind: names.iter().position(|known| known == name).unwrap_or(0),
        })
        .collect()
}

/// What `~` stands for.
pub fn home() -> Option<PathBuf> {
    directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example(boxes: &[&str]) -> Example {
        let tag = |value: &&str| (BOX_TAG.to_owned(), (*value).to_owned());
        Example {
            tags: boxes.iter().map(tag).collect(),
            ..Example::default()
        }
    }

    #[test]
    fn boxes_of_one_name_are_one_kind() {
        let marked = example(&[
            "left lung 10,20,30,40",
            "heart 1.6,2,3,4",
            "left lung 5,6,7,8",
        ]);
        assert_eq!(region_names(&marked), ["left lung", "heart"]);
        let boxes = marked_boxes(&marked);
        assert_eq!(boxes.iter().map(|b| b.kind).collect::<Vec<_>>(), [0, 1, 0]);
        assert_eq!((boxes[1].left, boxes[1].height), (2, 4));
    }

    #[test]
    fn boxes_that_are_none_are_ignored() {
        let odd = [
            "",
            "heart",
            "heart 1,2,3",
            "1,2,3,4,5",
            "x -1,2,3,4",
            "x NaN,1,1,1",
        ];
        assert!(marked_boxes(&example(&odd)).is_empty());
        let far = marked_boxes(&example(&["1e300,0,1e300,2"]));
        assert_eq!((far[0].left, far[0].width), (u32::MAX, u32::MAX));
        let many = vec!["heart 1,2,3,4"; 500];
        assert_eq!(marked_boxes(&example(&many)).len(), MAX_BOXES);
    }

    #[test]
    fn tags_for_programs_are_not_listed() {
        let mut marked = example(&["heart 1,2,3,4"]);
        for (name, value) in [
            ("modality", "MRI"),
            ("qid", "117"),
            ("rationale", "derived"),
        ] {
            marked.tags.push((name.into(), value.into()));
        }
        assert_eq!(tags_line(&marked), "modality=MRI");
    }
}
