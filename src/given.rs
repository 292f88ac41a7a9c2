//! Images as users name them: a plain file, or a scan with what to see of it, as in `ct.dcm#window=lung`.

use std::path::{Path, PathBuf};

use rounds_assistant::{AssistantError, MAX_IMAGES};
use rounds_imaging::Image;
use rounds_scan::{Identity, MedicalImage, Options, Role, Scene, Selector, load, looks_like_scan};
use rounds_support::{Failure, sanitise};

/// Longest shown name of a file, in characters.
const MAX_NAME: usize = 120;
/// The same where two files stand in one name, so that there is room for what is seen of them.
const MAX_NAME_OF_TWO: usize = 30;

/// An image of a scan, with the scene that it is a view of.
pub struct Seen {
    /// The scan.
    pub scene: Scene,
    /// What was to be seen of it.
    pub selector: Selector,
    /// The images: one, or with an overlay the base, the overlay and both together.
    pub images: Vec<MedicalImage>,
}

/// What a name means, if it names a scan; `None` for a plain image without settings, and for what is not there.
///
/// Errors where the settings after `#` are not understood.
pub fn scan_named(named: &Path) -> Result<Option<Selector>, Failure> {
    let selector = match named.to_str() {
        Some(text) => Selector::parse(text)?,
        None => Selector::of(named),
    };
    let plain = selector == Selector::of(named) && !looks_like_scan(&selector.path);
    Ok((!plain).then_some(selector))
}

/// Reads and renders a scan.
pub fn see(selector: Selector) -> Result<Seen, Failure> {
    let scene = load(&selector, &Options::default())?;
    let images = scene.render_all(&selector.view)?;
    Ok(Seen {
        scene,
        selector,
        images,
    })
}

/// Whom an image of a scan shows, as codes.
pub fn identity(image: &MedicalImage) -> Identity {
    Identity::of(&image.facts)
}

/// What an image of a scan is called: its file, and how it was made. With an overlay, it says which of the three it is: base,
/// overlay or fusion.
pub fn name_of(selector: &Selector, image: &MedicalImage) -> String {
    let made = &image.how_made;
    let base = file_name(&selector.path, MAX_NAME);
    let Some(overlay) = &selector.overlay else {
        return format!("{base}: {made}");
    };
    let overlay = file_name(overlay, MAX_NAME_OF_TWO);
    match image.role {
        Role::Base => format!("{base}, base: {made}"),
        // How it was made begins with `overlay alone`.
        Role::Overlay => format!("{overlay}, {made}"),
        Role::Fusion => {
            let base = file_name(&selector.path, MAX_NAME_OF_TWO);
            format!("{base} and {overlay}, fusion: {made}")
        }
    }
}

fn file_name(path: &Path, longest: usize) -> String {
    let file = path.file_name().unwrap_or(path.as_os_str());
    sanitise::clean_line_max(&file.to_string_lossy(), longest)
}

/// The images that a name means, and whom they show, where the file states it.
pub struct Given {
    /// The images.
    pub images: Vec<Image>,
    /// The codes of their patients, studies and series.
    pub identities: Vec<Identity>,
}

/// The images that a name means, for a question. `note` is told what is uncertain about them or was done to them.
///
/// Errors where the file cannot be read.
pub fn images(named: &Path, note: &mut dyn FnMut(&str)) -> Result<Given, Failure> {
    let Some(selector) = scan_named(named)? else {
        return Ok(Given {
            images: vec![rounds_imaging::load(named)?],
            identities: Vec::new(),
        });
    };
    let seen = see(selector)?;
    let mut images = Vec::new();
    for image in &seen.images {
        image.notes.iter().for_each(|text| note(text));
        images.push(image.to_image(&name_of(&seen.selector, image))?);
    }
    Ok(Given {
        identities: seen.images.iter().map(identity).collect(),
        images,
    })
}

/// The images that several names mean. Whom they show is added to `patient` and `study`, so that nothing of theirs becomes a shot.
///
/// Errors where a file cannot be read, and where there are more than a question may have: each image takes memory.
pub fn all_images(
    named: &[PathBuf],
    patient: &mut Option<String>,
    study: &mut Option<String>,
    note: &mut dyn FnMut(&str),
) -> Result<Vec<Image>, Failure> {
    if named.len() > MAX_IMAGES {
        return Err(AssistantError::ManyImages(named.len()).into());
    }
    let mut all = Vec::new();
    for path in named {
        let given = images(path, note)?;
        for identity in &given.identities {
            identity.add_to(patient, study);
        }
        all.extend(given.images);
    }
    Ok(all)
}
