//! From a selector to a scene: opens the files, chooses the series, reads what the view needs.
//!
//! A view of one slice in the scan's own plane reads that slice only, so that the first image of a long series is there at once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rounds_support::errors::display_path;
use rounds_support::{Cancel, files};

use crate::medical_image::{MedicalImage, Numbered};
use crate::plane::Layout;
use crate::scene::{Scene, image_at};
use crate::selector::Selector;
use crate::source::{Opened, Options, Series, is_scan, open};
use crate::view::View;
use crate::view_error::ViewError;
use crate::{Facts, Pixels, Volume};

/// So much of a file is looked at to see what it is.
const FIRST_BYTES: u64 = 1024;

/// Whether a path is a scan or holds some: a folder, or a file whose content says so. False for plain images, and for what
/// cannot be read.
pub fn looks_like_scan(path: &Path) -> bool {
    if path.is_dir() {
        return true;
    }
    // To open a pipe would wait for its other end.
    if !path.is_file() {
        return false;
    }
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let first = first_bytes(path).unwrap_or_default();
    if rounds_imaging::format_of(&first).is_some() {
        return false;
    }
    // What is neither is left to the reader of scans, whose messages know more kinds of file.
    is_scan(&first, &name.unwrap_or_default())
}

fn first_bytes(path: &Path) -> Option<Vec<u8>> {
    use std::io::Read;
    let mut first = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(FIRST_BYTES).read_to_end(&mut first).ok()?;
    Some(first)
}

/// What a selector names, ready to be looked at. Plain images count as one slice of colours.
///
/// Errors if something cannot be read, if a series must be chosen, or if an overlay does not belong to the scan.
pub fn load(selector: &Selector, options: &Options) -> Result<Scene, ViewError> {
    load_part(selector, options, true)
}

/// As [`load`], but always the whole volume.
///
/// Errors as [`load`].
pub fn load_whole(selector: &Selector, options: &Options) -> Result<Scene, ViewError> {
    load_part(selector, options, false)
}

fn load_part(
    selector: &Selector,
    options: &Options,
    may_be_slice: bool,
) -> Result<Scene, ViewError> {
    let cancel = &options.cancel;
    let (series, time) = chosen(&selector.path, selector.series, selector.time, options)?;
    let Some((series, component)) = series else {
        return plain(selector);
    };
    let view = may_be_slice.then_some(&selector.view);
    let scene = scene_of(&series, component, view, cancel)?.at_time(time);
    let Some(path) = &selector.overlay else {
        return Ok(scene);
    };
    let (overlay, _) = chosen(path, selector.overlay_series, None, options)?;
    let (overlay, component) = overlay.ok_or(ViewError::Colours("an overlay"))?;
    scene.with_overlay(Arc::new(overlay.component(component, cancel)?))
}

/// A component of a series, counted from 0: what `view` needs of it, or all.
///
/// Errors as [`Series::component`].
pub fn scene_of(
    series: &Series,
    component: usize,
    view: Option<&View>,
    cancel: &Cancel,
) -> Result<Scene, ViewError> {
    if let Some(slice) = view.and_then(|view| one_slice(view, series)) {
        let read = series.slice_of(component, slice)?;
        return Scene::of_slice(Arc::new(read), header(series));
    }
    let read = series.component(component, cancel)?;
    let is_odd = read.facts.notes.len() > series.facts.notes.len();
    let shown = view.filter(|_| is_odd);
    if let Some((_, slice)) = shown.and_then(|view| stored_slice(view, series)) {
        // A slice that is missing is refused here too, and not shown as one without values.
        series.slice_of(component, slice)?;
    }
    Scene::new(Arc::new(read))
}

/// Loads and renders: with an overlay base, overlay and fusion, else one image.
///
/// Errors as [`load`] and [`Scene::render`].
pub fn images(selector: &Selector, options: &Options) -> Result<Vec<MedicalImage>, ViewError> {
    load(selector, options)?.render_all(&selector.view)
}

type Chosen = (Option<(Series, usize)>, Option<Numbered>);

/// The series and component that are meant; `None` for a plain image.
fn chosen(
    path: &Path,
    series: Option<usize>,
    time: Option<usize>,
    options: &Options,
) -> Result<Chosen, ViewError> {
    let first = if path.is_file() {
        first_bytes(path)
    } else {
        None
    };
    if first.is_some_and(|first| rounds_imaging::format_of(&first).is_some()) {
        return Ok((None, None));
    }
    if !path.exists() {
        // The reader's own error would name the file only.
        return Err(rounds_support::FileError::NotFound {
            path: PathBuf::from(path),
        }
        .into());
    }
    let opened = open(path, options)?;
    let chosen = choose(opened, path, series)?;
    let (component, time) = component(&chosen, time)?;
    Ok((Some((chosen, component)), time))
}

fn choose(mut opened: Opened, path: &Path, series: Option<usize>) -> Result<Series, ViewError> {
    let count = opened.series.len();
    let number = match (series, count) {
        (Some(number), _) => number,
        (None, 1) => 1,
        (None, _) => {
            return Err(ViewError::ManySeries {
                name: display_path(path),
                count,
            });
        }
    };
    let index = number.checked_sub(1).filter(|index| *index < count);
    let index = index.ok_or_else(|| ViewError::OutOfRange {
        what: "series",
        asked: number.to_string(),
        available: match count {
            1 => "there is only one".to_owned(),
            _ => format!("they are numbered 1 to {count}"),
        },
    })?;
    Ok(opened.series.swap_remove(index))
}

fn component(series: &Series, time: Option<usize>) -> Result<(usize, Option<Numbered>), ViewError> {
    let of = series.components;
    let number = time.unwrap_or(1);
    if number == 0 || number > of {
        return Err(ViewError::OutOfRange {
            what: "time",
            asked: number.to_string(),
            available: match of {
                1 => "there is only one point in time".to_owned(),
                _ => format!("they are numbered 1 to {of}"),
            },
        });
    }
    Ok((number - 1, (of > 1).then_some(Numbered { number, of })))
}

/// A volume with what the headers say, and no samples.
pub(crate) fn header(series: &Series) -> Volume {
    Volume {
        size: series.size,
        pixels: Pixels::Values(Vec::new()),
        affine: series.affine,
        spacing: series.spacing,
        facts: series.facts.clone(),
    }
}

/// How a series is laid out in a plane, without reading it.
///
/// Errors as [`Layout::of`].
pub fn layout_of(series: &Series, plane: Option<crate::plane::Plane>) -> Result<Layout, ViewError> {
    Layout::of(&header(series), plane)
}

/// The stored slice that is all a view needs, counted from 0; `None` if it needs more, or if it is not there, which the scene
/// reports.
fn one_slice(view: &View, series: &Series) -> Option<usize> {
    if view.window.looks_at_values(&series.facts) || series.size[2] == 1 {
        return None;
    }
    let (layout, slice) = stored_slice(view, series)?;
    // Slices without a position cannot be told apart in a scene of one.
    layout.plane.is_some().then_some(slice)
}

/// The layout of a view that shows one stored slice, and the slice, counted from 0; `None` if it shows something else.
fn stored_slice(view: &View, series: &Series) -> Option<(Layout, usize)> {
    let View {
        projection: None,
        montage: None,
        plane,
        place,
        ..
    } = *view
    else {
        return None;
    };
    let layout = layout_of(series, plane).ok()?;
    if layout.through.voxel != 2 {
        return None;
    }
    let image = image_at(&layout, place).ok()?;
    let slice = layout.voxel([0, 0, image])[2];
    Some((layout, slice))
}

fn plain(selector: &Selector) -> Result<Scene, ViewError> {
    if selector.overlay.is_some() {
        return Err(ViewError::DifferentSpaces(format!(
            "{} is a plain image, which states no position in the patient",
            display_path(&selector.path)
        )));
    }
    let image = rounds_imaging::load(&selector.path)?;
    let facts = Facts {
        encoding: image.source.format.name().to_owned(),
        ..Facts::default()
    };
    Scene::new(Arc::new(Volume {
        size: [image.width as usize, image.height as usize, 1],
        pixels: Pixels::Rgb(image.rgb),
        affine: None,
        spacing: [None; 3],
        facts,
    }))
}

/// A salt that nobody knows, for hashes that are only compared within one run of the program.
pub fn one_time_salt() -> Vec<u8> {
    use std::hash::{BuildHasher, RandomState};
    // The standard library seeds these from the operating system; through SHA-256, so that nothing of the seed shows.
    let state = RandomState::new();
    let seeds = (0..4_u64).map(|n| state.hash_one(n).to_le_bytes());
    let seeds: Vec<u8> = seeds.flatten().collect();
    files::sha256_hex(&seeds).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(name: &str) -> Option<PathBuf> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
        let path = root.join(name);
        if !path.exists() {
            println!("skipped: {name} is not in ../shared/data");
            return None;
        }
        Some(path)
    }

    fn selector(path: &Path, settings: &str) -> Selector {
        Selector::parse(&format!("{}#{settings}", path.display())).unwrap()
    }

    #[test]
    fn one_slice_that_was_read_alone_looks_as_it_does_in_its_volume() {
        let options = Options::default();
        for (name, settings) in [
            (
                "nifti/nibabel/tests/data/anatomical.nii",
                "window=5000,9000",
            ),
            (
                "dicom/test_files/dicomdirtests/98892001/CT5N",
                "window=bone",
            ),
            ("dicom/test_files/dicomdirtests/77654033/CT2", "window=lung"),
        ] {
            let Some(path) = data(name) else { return };
            for slice in ["first", "2", "middle", "last"] {
                let selector = selector(&path, &format!("{settings}&slice={slice}"));
                let alone = load(&selector, &options).unwrap();
                assert_eq!(alone.volume().size[2], 1, "{name}");
                let alone = alone.render(&selector.view).unwrap();
                let whole = load_whole(&selector, &options).unwrap();
                assert!(whole.volume().size[2] > 1);
                assert_eq!(
                    alone,
                    whole.render(&selector.view).unwrap(),
                    "{name} {slice}"
                );
            }
        }
    }

    #[test]
    fn a_scene_of_one_slice_refuses_the_others() {
        let Some(path) = data("nifti/nibabel/tests/data/anatomical.nii") else {
            return;
        };
        let of = |slice: &str| selector(&path, &format!("window=5000,9000&slice={slice}"));
        let scene = load(&of("3"), &Options::default()).unwrap();
        assert!(scene.render(&of("3").view).is_ok());
        assert!(scene.render(&of("4").view).is_err());
        let coronal = selector(&path, "plane=coronal").view;
        assert!(scene.render(&coronal).is_err());
    }

    #[test]
    fn a_study_asks_for_a_series_and_a_wrong_one_is_refused() {
        let Some(path) = data("dicom/test_files/dicomdirtests/98892003") else {
            return;
        };
        let options = Options::default();
        let error = load(&Selector::of(&path), &options).unwrap_err();
        assert!(matches!(error, ViewError::ManySeries { .. }), "{error}");
        assert!(load(&selector(&path, "series=1"), &options).is_ok());
        let error = load(&selector(&path, "series=1000"), &options).unwrap_err();
        assert!(error.to_string().contains("numbered 1 to"), "{error}");
    }

    #[test]
    fn a_point_in_time_is_chosen_by_its_number() {
        let Some(path) = data("nifti/nibabel/tests/data/functional.nii") else {
            return;
        };
        let options = Options::default();
        let line = |settings: &str| {
            let selector = selector(&path, settings);
            let scene = load(&selector, &options)?;
            scene.render(&selector.view).map(|image| image.how_made)
        };
        assert!(line("time=3").unwrap().starts_with("time 3 of 20, "));
        assert!(
            line("time=21")
                .unwrap_err()
                .to_string()
                .contains("numbered 1 to 20")
        );
    }

    #[test]
    fn scans_are_told_from_plain_images() {
        let Some(scan) = data("nifti/nibabel/tests/data/functional.nii") else {
            return;
        };
        assert!(looks_like_scan(&scan));
        let png = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../tests/fixtures/cases/chest-nodule.png");
        assert!(!looks_like_scan(&png));
        let shown = images(&Selector::of(&png), &Options::default()).unwrap();
        assert_eq!(shown[0].rgb, rounds_imaging::load(&png).unwrap().rgb);
        assert!(!looks_like_scan(Path::new("nowhere.nii")));
        let error = load(&Selector::of("nowhere.nii"), &Options::default()).unwrap_err();
        assert!(error.to_string().contains("not found"), "{error}");
    }

    #[test]
    fn two_salts_differ() {
        assert_ne!(one_time_salt(), one_time_salt());
        assert_eq!(one_time_salt().len(), 64);
    }
}
