//! Images: attached, listed, detached, pasted.

use crate::fixtures;
use crate::tui::plain::tests::user::{User, assert_contains};
use crate::tui::state::{Effect, Start};
use crate::tui::tests::data::{nifti, nifti_named};

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
fn a_fusion_is_attached_as_three_views_that_change_together() {
    let folder = tempfile::tempdir().unwrap();
    let base = nifti(folder.path());
    let overlay = nifti_named(folder.path(), "uptake.nii");
    let mut user = User::new();
    let output = user.output_of(&format!(
        "/attach {}#window=full&overlay={}",
        base.display(),
        overlay.display()
    ));
    assert_contains(
        &output,
        "attached head.nii and uptake.nii, fusion: axial slice 3 of 5, ",
    );
    assert_contains(&output, "after base and overlay alone");
    let shown = user.output_of("/view slice=1 opacity=0.4");
    assert_contains(
        &shown,
        "head.nii and uptake.nii, fusion: axial slice 1 of 5, ",
    );
    assert_contains(&shown, "opacity 0.4)");
    let attached = user.output_of("/status");
    assert_contains(&attached, "head.nii, base: axial slice 1 of 5, ");
    assert_contains(&attached, "uptake.nii, overlay alone: axial slice 1 of 5, ");
    user.output_of("/detach 2");
    let shown = user.output_of("/view plane=coronal slice=middle");
    assert_contains(&shown, "fusion: coronal slice 2 of 3, ");
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

#[test]
fn values_and_distances_are_told_in_line_mode() {
    let folder = tempfile::tempdir().unwrap();
    let path = nifti(folder.path());
    let mut user = User::new();
    assert_contains(
        &user.output_of("/measure 1,1"),
        "error: no image is attached",
    );
    user.output_of(&format!("/attach {}#window=full&slice=1", path.display()));
    assert_contains(&user.output_of("/measure"), "error: there is no point yet");
    // The patient's right is on the left, and the front is up.
    assert_contains(&user.output_of("/measure 0,0"), "at 0,0: ");
    let one = user.output_of("/measure 3,2");
    assert_contains(&one, "at 3,2: 0; L 0.0 P 0.0 H 0.0 mm");
    let two = user.output_of("/measure 0,2 3,2");
    assert_contains(&two, "distance 6.0 mm from 0,2");
    assert_contains(
        &user.output_of("/measure 4,0"),
        "error: the point is outside",
    );
    assert_contains(
        &user.output_of("/measure here"),
        "error: /measure takes one point or two",
    );
    let case = fixtures::path("cases/chest-nodule.png");
    user.output_of("/detach all");
    user.output_of(&format!("/attach {}", case.display()));
    let pixels = user.output_of("/measure 10,10 13,14");
    assert_contains(
        &pixels,
        "distance 5.0 pixels from 10,10 (the size of a pixel is not known)",
    );
    assert_contains(&user.output_of("/measure off"), "the cross-hair is off");
}
