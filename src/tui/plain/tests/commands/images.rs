//! Images: attached, listed, detached, pasted.

use crate::fixtures;
use crate::tui::plain::tests::user::{User, assert_contains};
use crate::tui::state::{Effect, Start};

#[test]
fn a_problem_is_listed_and_printed_with_its_table_and_question() {
    let mut user = User::new();
    let output = user.output_of("/problem missed-dialysis");
    assert_contains(&output, "haemodialysis");
    assert_contains(&output, "  Potassium    7.8 mmol/L   HIGH  3.5-5.0\n");
    assert_contains(&output, "Question: What explains the ECG");
    assert!(!output.contains("Hyperkalaemia"), "{output}");
    assert_contains(&user.output_of("/problem answer"), "Hyperkalaemia");
    assert_contains(
        &user.output_of("/problem no-such"),
        "error: there is no problem no-such",
    );
}

#[test]
fn images_are_attached_listed_and_detached() {
    let mut user = User::new();
    let case = fixtures::path("cases/chest-nodule.png");
    let output = user.output_of(&format!("/attach {}", case.display()));
    assert_contains(
        &output,
        "attached chest-nodule.png; it goes with your next question\n",
    );
    assert_contains(&output, "chest-nodule.png: PNG, 224 x 224 pixels, ");
    assert_contains(&output, " bits per channel), ");
    assert_contains(&output, "mean brightness ");
    assert!(!output.contains("blank"), "{output}");
    assert_contains(
        &user.output_of("/attach /no/such.png"),
        "error: not found: /no/such.png\nhint: ",
    );
    assert_contains(&user.output_of("/cases"), "case 1 (abdominal CT)\ncase 2 (");
    assert_contains(
        &user.output_of("/cases 1"),
        "attached case 1 (abdominal CT) in place of the image before; ",
    );
    assert_contains(
        &user.output_of("/cases nothing"),
        "error: there is no sample case nothing",
    );
    assert_contains(
        &user.output_of("/status"),
        "attached: case 1 (abdominal CT)\n",
    );
    assert_contains(
        &user.output_of("/detach 1"),
        "case 1 (abdominal CT) was detached",
    );
    assert_contains(&user.output_of("/detach all"), "no image is attached now");
}

/// A NIfTI file of 4 x 3 x 5 voxels of 2 mm, each with its own value.
fn nifti(folder: &std::path::Path) -> std::path::PathBuf {
    let mut bytes = vec![0_u8; 352];
    let mut put = |at: usize, field: &[u8]| bytes[at..at + field.len()].copy_from_slice(field);
    put(0, &348_i32.to_le_bytes());
    for (at, size) in [3_i16, 4, 3, 5, 1, 1, 1, 1].iter().enumerate() {
        put(40 + 2 * at, &size.to_le_bytes());
    }
    // 16-bit integers.
    put(70, &4_i16.to_le_bytes());
    put(72, &16_i16.to_le_bytes());
    for (at, spacing) in [1_f32, 2.0, 2.0, 2.0].iter().enumerate() {
        put(76 + 4 * at, &spacing.to_le_bytes());
    }
    put(108, &352_f32.to_le_bytes());
    put(112, &1_f32.to_le_bytes());
    // Millimetres, and rows of the affine.
    put(123, &[2]);
    put(254, &1_i16.to_le_bytes());
    for (row, axis) in [0, 5, 10].into_iter().enumerate() {
        put(280 + 4 * (axis - row) + 4 * row, &2_f32.to_le_bytes());
    }
    put(344, b"n+1\0");
    bytes.extend((0..60_i16).flat_map(|value| (value * 16).to_le_bytes()));
    let path = folder.join("head.nii");
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_scan_is_attached_as_one_view_and_shown_in_others() {
    let folder = tempfile::tempdir().unwrap();
    let path = nifti(folder.path());
    let mut user = User::new();
    let output = user.output_of(&format!("/attach {}#window=full", path.display()));
    assert_contains(&output, "attached head.nii: axial slice 3 of 5, ");
    assert_contains(&user.output_of("/view"), "image 3 of 5; ");
    assert_contains(
        &user.output_of("/view slice=1"),
        "head.nii: axial slice 1 of 5, ",
    );
    let coronal = user.output_of("/view plane=coronal slice=middle");
    assert_contains(&coronal, "head.nii: coronal slice 2 of 3, ");
    assert_contains(
        &user.output_of("/view slice=9"),
        "error: there is no slice 9",
    );
    assert_contains(
        &user.output_of("/view colour=red"),
        "error: there is no key colour",
    );
    assert_contains(
        &user.output_of("/status"),
        "attached: head.nii: coronal slice 2 of 3, ",
    );
    assert_contains(
        &user.output_of(&format!("/attach {}#plane=side", path.display())),
        "error: plane=side is not understood",
    );
    user.output_of("/detach all");
    assert_contains(
        &user.output_of("/view slice=1"),
        "error: no scan is selected",
    );
}

#[test]
fn attach_without_a_path_lists_the_current_folder() {
    let start = Start {
        folder: fixtures::path("cases"),
        ..Default::default()
    };
    let mut user = User::with_start(start, true);
    let output = user.output_of("/attach");
    assert_contains(&output, "chest-nodule.png\n");
    assert_contains(&output, "/attach PATH attaches one");
}

#[test]
fn paste_reads_an_image_from_the_clipboard() {
    let mut user = User::new();
    user.line("/paste");
    let effects = user.effects();
    assert!(effects.iter().any(|e| matches!(e, Effect::AttachClipboard)));
}
