//! Images: attached, listed, detached, pasted.

use crate::fixtures;
use crate::tui::plain::tests::user::{User, assert_contains};
use crate::tui::state::{Effect, Start};

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
