//! Sessions and their exports.

use super::answered;
use crate::tui::plain::tests::user::assert_contains;

#[test]
fn sessions_are_created_listed_searched_renamed_opened_and_deleted() {
    let mut user = answered();
    assert_contains(&user.output_of("/rename Chest"), "renamed to Chest");
    assert_contains(&user.output_of("/new"), "a new session");
    user.exchange("Is there a mass?", "no");
    let output = user.output_of("/sessions");
    assert_contains(&output, "  Is there a mass?  (today ");
    assert_contains(&output, ", 1 question, current)\n   no\n");
    assert_contains(&output, "  Chest  (today ");
    assert_contains(&output, ", 1 question)\n   case 5 (chest film): yes\n");
    assert_contains(&user.output_of("/search nodule"), "  Chest  (today ");
    assert_contains(
        &user.output_of("/search xyzzy"),
        "no session matches these words",
    );
    let output = user.output_of("/open 1");
    assert_contains(
        &output,
        "opened: Chest\n1. Is there a nodule?  (case 5 (chest film), selected)\n   Answer: yes\n",
    );
    assert_contains(&user.output_of("/open 9"), "error: no such session: 9");
    assert_contains(
        &user.output_of("/delete"),
        "Delete this session (Chest)? This cannot be undone.\nyes or no?\n",
    );
    assert_contains(&user.output_of("no"), "nothing was deleted");
    user.line("/delete");
    assert_contains(&user.output_of("yes"), "the session was deleted");
    assert!(!user.output_of("/sessions").contains("Chest"));
    assert_contains(&user.output_of("/delete"), "this session is not saved");
}

#[test]
fn the_extension_sets_the_export_format_and_no_file_is_overwritten() {
    let mut user = answered();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.md");
    assert_contains(
        &user.output_of("/export"),
        "hint: /export rounds-is-there-a-nodule.md",
    );
    assert_contains(
        &user.output_of("/export x.txt"),
        "hint: use .md, .html or .json",
    );
    let line = format!("/export {}", path.display());
    assert_contains(&user.output_of(&line), "written to ");
    assert_contains(&std::fs::read_to_string(&path).unwrap(), "> yes");
    assert_contains(
        &user.output_of(&line),
        "error: a file with this name already exists\nhint: choose another name",
    );
    user.exchange("Is there a mass?", "no");
    let line = format!("/export --replace {}", path.display());
    assert_contains(&user.output_of(&line), "written to ");
    let replaced = std::fs::read_to_string(&path).unwrap();
    assert_contains(&replaced, "Is there a mass?");
    let files = std::fs::read_dir(folder.path()).unwrap();
    assert_eq!(files.count(), 1, "nothing else is left behind");
}
