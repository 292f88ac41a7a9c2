//! A contact sheet of windows, planes, montage, projections and fusion, to be looked at by someone who reads scans.
//!
//!     cargo run -p rounds-scan --example contact_sheet -- ../shared/data sheet.png
//!     cargo run -p rounds-scan --example contact_sheet -- ../shared/data docs/screens/scans.png shown
//!
//! With `shown`, only the rows whose images may be shown in a document. Prints what each tile shows, row by row. Tiles are enlarged by whole factors at most, so that every pixel can be seen.

use std::error::Error;
use std::path::Path;

use rounds_scan::{MedicalImage, Options, Selector, images};

/// Side of a tile.
const TILE: usize = 320;
/// Tiles in a row.
const COLUMNS: usize = 5;

/// The rows of which the files' licence and origin are known, and which have no text burned in.
const SHOWN: [usize; 3] = [0, 3, 4];

const ANATOMY: &str = "nifti/nibabel/tests/data/anatomical.nii";
const FUNCTION: &str = "nifti/nibabel/tests/data/functional.nii";
const CT: &str = "dicom/test_files/CT_small.dcm";

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(data), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err("usage: contact_sheet DATA_FOLDER OUT.png [shown]".into());
    };
    let only_shown = arguments.next().as_deref() == Some("shown");
    let mut tiles = Vec::new();
    let all = selectors(Path::new(&data));
    let rows = all.chunks(COLUMNS).enumerate();
    let rows = rows.filter(|(row, _)| !only_shown || SHOWN.contains(row));
    for (number, selector) in rows.flat_map(|(_, row)| row).enumerate() {
        let shown = Selector::parse(selector).map_err(Box::<dyn Error>::from);
        let shown = shown.and_then(|s| Ok(images(&s, &Options::default())?));
        match shown.map(|mut all| all.pop()) {
            Ok(Some(image)) => {
                let (row, column) = (number / COLUMNS + 1, number % COLUMNS + 1);
                println!("{row}.{column} {}", image.how_made);
                tiles.push(Some(image));
            }
            Ok(None) => tiles.push(None),
            Err(error) => {
                println!("{selector}: {error}");
                tiles.push(None);
            }
        }
    }
    let (rgb, width, height) = sheet(&tiles);
    image::save_buffer(out, &rgb, width, height, image::ExtendedColorType::Rgb8)?;
    Ok(())
}

fn selectors(data: &Path) -> Vec<String> {
    let on = |file: &str, settings: &str| format!("{}#{settings}", data.join(file).display());
    let function = data.join(FUNCTION).display().to_string();
    vec![
        on(CT, ""),
        on(CT, "window=lung"),
        on(CT, "window=bone"),
        on(CT, "window=liver"),
        on(CT, "window=full"),
        on("dicom/test_files/MR_small.dcm", ""),
        on("dicom/test_files/examples_overlay.dcm", ""),
        on("dicom/test_files/JPEG2000.dcm", ""),
        on("dicom/test_files/JPGExtended.dcm", ""),
        on("dicom/test_files/693_J2KI.dcm", ""),
        on("dicom/test_files/liver_1frame.dcm", ""),
        on("dicom/test_files/rtdose.dcm", "montage=9"),
        on("dicom/test_files/examples_ybr_color.dcm", ""),
        on("dicom/test_files/examples_palette.dcm", ""),
        on("dicom/test_files/SC_rgb_rle.dcm", ""),
        on(ANATOMY, "plane=axial"),
        on(ANATOMY, "plane=coronal"),
        on(ANATOMY, "plane=sagittal"),
        on(ANATOMY, "montage=9"),
        on(ANATOMY, "project=mip"),
        on(ANATOMY, "project=minip&slab=12&slice=0.5"),
        on(ANATOMY, "slab=12&slice=0.5"),
        on(ANATOMY, &format!("overlay={function}&opacity=0.5")),
        on(
            ANATOMY,
            &format!("plane=coronal&overlay={function}&opacity=0.5&map=hsv"),
        ),
        on(
            ANATOMY,
            &format!("plane=sagittal&overlay={function}&opacity=0.5&map=cool"),
        ),
    ]
}

fn sheet(tiles: &[Option<MedicalImage>]) -> (Vec<u8>, u32, u32) {
    let rows = tiles.len().div_ceil(COLUMNS);
    let (width, height) = (COLUMNS * TILE, rows * TILE);
    let mut sheet = vec![24_u8; width * height * 3];
    for (number, tile) in tiles.iter().enumerate() {
        let Some(tile) = tile else { continue };
        let (left, top) = (number % COLUMNS * TILE, number / COLUMNS * TILE);
        paste(&mut sheet, width, (left, top), tile);
    }
    (sheet, width as u32, height as u32)
}

/// Pastes an image in the middle of its tile, enlarged by a whole factor or shrunk to fit.
fn paste(sheet: &mut [u8], width: usize, (left, top): (usize, usize), tile: &MedicalImage) {
    let room = TILE - 8;
    let (w, h) = (tile.width as usize, tile.height as usize);
    let longest = w.max(h);
    let (to_w, to_h) = match room / longest {
        0 => ((w * room / longest).max(1), (h * room / longest).max(1)),
        factor => (w * factor, h * factor),
    };
    let (left, top) = (left + (TILE - to_w) / 2, top + (TILE - to_h) / 2);
    for y in 0..to_h {
        for x in 0..to_w {
            let from = (y * h / to_h * w + x * w / to_w) * 3;
            let to = ((top + y) * width + left + x) * 3;
            sheet[to..to + 3].copy_from_slice(&tile.rgb[from..from + 3]);
        }
    }
}
