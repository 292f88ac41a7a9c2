//! Behaviour of the editor, key by key.

use super::*;

fn with(text: &str) -> Editor {
    let mut editor = Editor::default();
    editor.insert(text);
    editor
}

#[test]
fn moving_and_deleting_work_on_grapheme_clusters() {
    let mut editor = with("ae\u{301}👩‍⚕️");
    editor.backspace();
    assert_eq!(editor.text(), "ae\u{301}");
    editor.left();
    assert_eq!(editor.before(), "a");
    editor.delete();
    assert_eq!(editor.text(), "a");
}

#[test]
fn typed_and_pasted_escapes_never_enter() {
    let mut editor = with("a\u{1b}]52;c;eA==\u{7}b\u{202e}c");
    editor.type_character('\u{9b}');
    assert!(
        !editor.text().contains(sanitise::is_forbidden),
        "{:?}",
        editor.text()
    );
    assert!(!editor.text().contains("52;c"));
}

#[test]
fn killed_words_can_be_yanked() {
    let mut editor = with("is there a nodule");
    editor.kill_word();
    assert_eq!(editor.text(), "is there a ");
    editor.go_to_line_start();
    editor.yank();
    assert_eq!(editor.text(), "noduleis there a ");
    editor.word_right();
    editor.kill_to_end();
    assert_eq!(editor.text(), "noduleis");
}

#[test]
fn up_and_down_keep_the_column_and_report_the_last_line() {
    let mut editor = with("first line\nab\nthird line");
    assert!(editor.up());
    assert_eq!(editor.before(), "first line\nab");
    assert!(editor.up());
    assert_eq!(editor.before(), "fi");
    assert!(!editor.up());
    assert!(editor.down() && editor.down() && !editor.down());
}

#[test]
fn undo_reverts_a_run_of_typing_at_once() {
    let mut editor = Editor::default();
    "one two".chars().for_each(|c| editor.type_character(c));
    editor.undo();
    assert_eq!(editor.text(), "one ");
    editor.undo();
    editor.undo();
    assert_eq!(editor.text(), "");
    editor.undo();
}

#[test]
fn characters_swap_at_the_end_and_in_the_middle() {
    let mut editor = with("hte");
    editor.transpose();
    assert_eq!(editor.text(), "het");
    editor.go_to_line_start();
    editor.right();
    editor.transpose();
    assert_eq!(editor.text(), "eht");
}

#[test]
fn text_length_is_limited_and_a_field_has_one_line() {
    let mut editor = with(&"x".repeat(MAX_CHARS + 5));
    editor.type_character('y');
    assert_eq!(editor.text().len(), MAX_CHARS);
    assert_eq!(Editor::line("a\nb").text(), "a b");
}
