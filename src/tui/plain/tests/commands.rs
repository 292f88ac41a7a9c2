//! Every command at least once.

use super::user::{User, assert_contains};
use crate::tui::state::{COMMANDS, Effect, Event};
use rounds_assistant::retrieval::Strategy;
use rounds_support::Failure;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/cases");

/// A user with one answered question about a case.
fn answered() -> User {
    let mut user = User::new();
    user.line("/cases chest-nodule");
    user.exchange("Is there a nodule?", "yes");
    user.effects();
    user
}

#[test]
fn images_are_attached_listed_and_detached() {
    let mut user = User::new();
    let output = user.output_of(&format!("/attach {CASES}/chest-nodule.png"));
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
    let start = crate::tui::state::Start {
        folder: CASES.into(),
        ..Default::default()
    };
    let mut user = User::with_start(start, true);
    let output = user.output_of("/attach");
    assert_contains(&output, "chest-nodule.png\n");
    assert_contains(&output, "/attach PATH attaches one");
}

#[test]
fn shots_are_listed_opened_pinned_excluded_and_moved() {
    let mut user = answered();
    assert_contains(&user.output_of("/shots"), "\n3. chest-0002  0.840  Q: ");
    let output = user.output_of("/shot 3");
    for line in [
        "Example chest-0002\n",
        "Question: Is there a nodule?\n",
        "Answer: left\n",
        "Rationale: A round opacity",
        "Why it was chosen: shot 3, score 0.8400",
        "Licence: CC0-1.0\n",
    ] {
        assert_contains(&output, line);
    }
    assert_contains(
        &user.output_of("/shot 9"),
        "error: there is no shot `9`\nhint: write a number from 1 to 4",
    );
    assert_contains(&user.output_of("/shot"), "error: there is no shot ``");
    assert_contains(&user.output_of("/pin 3"), "chest-0002 is pinned");
    assert_contains(
        &user.output_of("/exclude chest-0001"),
        "chest-0001 is excluded",
    );
    let output = user.output_of("/shots");
    assert_contains(&output, "1. chest-0002");
    assert_contains(&output, "pinned 1\n");
    assert_contains(&output, "excluded\n");
    assert_contains(&user.output_of("/pin off"), "nothing is pinned now");
    assert_contains(&user.output_of("/exclude off"), "nothing is excluded now");
    user.line("/move 4 1");
    let pinned = user.ui.state_mut().settings.pinned.clone();
    assert_eq!(
        pinned,
        ["chest-0003", "chest-0000", "chest-0001", "chest-0002"]
    );
    assert_contains(&user.output_of("/move 4"), "error: /move takes");
    assert_contains(&user.output_of("/move 4 5"), "error: /move takes");
}

#[test]
fn a_question_can_be_asked_again_without_a_shot() {
    let mut user = answered();
    assert_contains(
        &user.output_of("/without 2"),
        "Question (without chest-0001): Is there a nodule?",
    );
    let excluded = user.effects().into_iter().find_map(|effect| match effect {
        Effect::Ask { settings, .. } => Some(settings.excluded),
        _ => None,
    });
    assert_eq!(excluded, Some(vec!["chest-0001".to_string()]));
    user.model_answers("no");
    let output = user.output_of("/branches");
    assert_contains(
        &output,
        "1. Is there a nodule?  (case 5 (chest film))\n   Answer: yes\n",
    );
    assert_contains(
        &output,
        "2. Is there a nodule?  (without chest-0001, case 5 (chest film), shown)\n   Answer: no\n",
    );
    assert_contains(&user.output_of("/branch 1"), "showing branch 1 of 2");
    assert_contains(
        &user.output_of("/turns"),
        "(branch 1 of 2, case 5 (chest film), selected)\n   Answer: yes",
    );
    assert_contains(
        &user.output_of("/branch 3"),
        "error: there is no branch `3`",
    );
}

#[test]
fn settings_can_be_changed_and_invalid_ones_explain_what_is_accepted() {
    let mut user = User::new();
    for (line, expected) in [
        ("/k 2", "Next question will use 2 shots"),
        ("/strategy random", "strategy random"),
        ("/order shuffled", "order shuffled"),
        ("/floor", "no floor; /floor NUMBER|off changes it"),
        ("/floor 0.3", "floor 0.3"),
        ("/floor", "floor 0.3; "),
        (
            "/floor 2",
            "error: /floor takes a number from -1 to 1, or off",
        ),
        ("/filter organ=chest", "filter organ=chest"),
        ("/filter", "filter organ=chest; "),
        ("/seed 7", "seed 7"),
        ("/temperature 0.5", "temperature 0.5"),
        ("/options yes | no", "option yes | no"),
        ("/options off", "no option"),
        ("/top-p 0.9", "top-p 0.9"),
        ("/top-k 40", "top-k 40"),
        ("/top-k off", "no top-k"),
        ("/max-new-tokens 50", "max-new-tokens 50"),
        (
            "/beams 2",
            "beam search cannot be combined with a temperature",
        ),
        ("/length-penalty -1", "length-penalty -1"),
        ("/repetition-penalty 1.2", "repetition-penalty 1.2"),
        ("/no-repeat-ngram 3", "no-repeat-ngram 3"),
        (
            "/k many",
            "error: /k takes a number from 0 to 512, not `many`",
        ),
        ("/strategy best", "hint: one of image, "),
        ("/nonsense", "error: there is no command /nonsense"),
    ] {
        assert_contains(&user.output_of(line), expected);
    }
    let output = user.output_of("/status");
    for line in [
        "now: ready\n",
        "model: nano\n",
        "device: cpu\n",
        "index: shipped\n",
        "search: auto\n",
        "shots: k=2 random, shuffled\n",
        "floor: 0.3\n",
        "filter: organ=chest\n",
        "temperature: 0.5\n",
        "seed: 7\n",
        "no session yet\n",
        "use: education and research only, not for diagnosis\n",
    ] {
        assert_contains(&output, line);
    }
}

#[test]
fn the_status_shows_context_memory_and_session() {
    let mut user = answered();
    user.event(Event::Tick {
        memory: Some(64 << 20),
    });
    let output = user.output_of("/status");
    assert_contains(&output, "context: 334 of 1024 tokens\n");
    assert_contains(&output, "memory: 64 MiB\n");
    let id = user.journal.open_session("1").unwrap().id;
    assert_contains(&output, &format!("session: Is there a nodule? ({id})\n"));
}

#[test]
fn opening_another_model_or_index_can_be_cancelled() {
    let mut user = User::new();
    assert_contains(&user.output_of("/model /models/big"), "opening model big");
    assert_contains(
        &user.output_of("/stop"),
        "opening cancelled; the previous one stays open",
    );
    assert_contains(&user.output_of("/index /data/own"), "opening index own");
    let jobs: Vec<u64> = user
        .effects()
        .iter()
        .filter_map(|e| match e {
            Effect::Open { job, .. } => Some(*job),
            _ => None,
        })
        .collect();
    user.event(Event::Opened {
        job: *jobs.last().unwrap(),
        result: Err(Failure::usage("no index there").hint("look again")),
    });
    assert_contains(
        &user.new_output(),
        "error: no index there\nhint: look again\n",
    );
    assert_contains(&user.output_of("/stop"), "nothing is running");
}

#[test]
fn the_exact_prompt_is_printed() {
    let mut user = answered();
    assert_contains(
        &user.output_of("/prompt"),
        "<image>Question: Is there a nodule? Rationale:\n",
    );
}

#[test]
fn a_comparison_prints_both_answers_one_after_the_other() {
    let mut user = answered();
    assert_contains(
        &user.output_of("/compare"),
        "asking again (without shots)\n",
    );
    let strategy = user.effects().into_iter().find_map(|effect| match effect {
        Effect::Ask { settings, .. } => Some(settings.strategy),
        _ => None,
    });
    assert_eq!(strategy, Some(Strategy::None));
    user.stream(" not printed while it streams Answer: no");
    user.answer("no");
    let output = user.new_output();
    assert_contains(
        &output,
        "Two answers to: Is there a nodule?\n1. with shots (k=4 image, similar-last)\n",
    );
    assert_contains(&output, "   Answer: yes\n");
    assert_contains(&output, "2. without shots (no shots)\n");
    assert_contains(&output, "   Answer: no\n");
    assert_contains(&output, "different answers\n");
    assert!(!output.contains("not printed while it streams"), "{output}");
    assert_contains(&user.output_of("/compare"), "different answers\n");
    assert!(
        user.effects().is_empty(),
        "the same comparison is not repeated"
    );
    assert_contains(&user.output_of("/compare k=many"), "error: /k takes");
}

#[test]
fn a_stopped_comparison_prints_the_partial_answer() {
    let mut user = answered();
    user.line("/compare");
    user.stream(" half");
    user.line("/stop");
    user.model_stops();
    assert_contains(&user.new_output(), "   half\n   [stopped]\n");
    assert!(user.ui.comparing.is_none());
}

#[test]
fn a_question_is_regenerated_and_edited_as_branches() {
    let mut user = answered();
    let output = user.output_of("/regenerate");
    assert_contains(&output, "Same settings give the same answer");
    assert!(user.ui.running().is_none(), "nothing is asked");
    user.line("/k 2");
    let output = user.output_of("/regenerate");
    assert_contains(&output, "Question: Is there a nodule?\n");
    user.model_answers("yes");
    let output = user.output_of("/edit");
    assert_contains(
        &output,
        "Is there a nodule?\n/edit TEXT asks the new text as a branch\n",
    );
    assert!(
        user.ui.running().is_none(),
        "showing the question asks nothing"
    );
    assert_contains(
        &user.output_of("/edit Is there a mass?"),
        "Question: Is there a mass?\n",
    );
    user.model_answers("no");
    assert_contains(
        &user.output_of("/branches"),
        "3. Is there a mass?  (case 5 (chest film), shown)",
    );
    // Showing a question with /edit does not make the next question a branch of it.
    user.line("/edit");
    user.exchange("And an effusion?", "no");
    assert_contains(&user.output_of("/turns"), "2. And an effusion?");
}

#[test]
fn turns_are_listed_and_selected() {
    let mut user = User::new();
    assert_contains(&user.output_of("/turns"), "nothing was asked yet");
    user.exchange("one", "yes");
    user.exchange("two", "no");
    assert_contains(
        &user.output_of("/turns"),
        "1. one\n   Answer: yes\n2. two  (selected)\n   Answer: no\n",
    );
    assert_contains(&user.output_of("/turns 1"), "question 1 is selected");
    assert_contains(&user.output_of("/edit"), "one\n");
    assert_contains(
        &user.output_of("/turn 3"),
        "error: there is no question `3`",
    );
    assert_contains(
        &user.output_of("/branches"),
        "no other version of this question",
    );
}

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

#[test]
fn background_work_reports_progress_and_can_be_stopped() {
    let mut user = User::new();
    assert_contains(&user.output_of("/import mine folder /data"), "importing\n");
    let working = |done: u64| Event::WorkProgress {
        job: 1,
        progress: format!("importing, {done} rows"),
    };
    user.event(working(5));
    assert_eq!(user.new_output(), "");
    user.now += std::time::Duration::from_secs(10);
    user.event(working(800));
    assert_contains(&user.new_output(), "importing, 800 rows\n");
    user.line("/stop");
    let effects = user.effects();
    assert!(effects.iter().any(|e| matches!(e, Effect::StopWork)));
    let result = Ok("stopped: 900 rows".to_string());
    user.event(Event::WorkFinished { job: 1, result });
    assert_contains(
        &user.new_output(),
        "stopped: 900 rows; /index mine opens it\n",
    );
    user.output_of("/warm");
    let result = Err(Failure::usage("nothing can be cached for it"));
    user.event(Event::WorkFinished { job: 2, result });
    assert_contains(&user.new_output(), "error: nothing can be cached for it\n");
}

#[test]
fn a_pipe_waits_for_background_work() {
    let mut user = User::piped();
    user.line("/warm go");
    user.line("Is there a nodule?");
    user.input_ends();
    let asked = |user: &mut User| {
        let effects = user.effects();
        effects.iter().any(|e| matches!(e, Effect::Ask { .. }))
    };
    assert!(!asked(&mut user));
    let result = Ok("10 images are cached".to_string());
    user.event(Event::WorkFinished { job: 1, result });
    assert!(asked(&mut user));
}

#[test]
fn paste_reads_an_image_from_the_clipboard() {
    let mut user = User::new();
    user.line("/paste");
    let effects = user.effects();
    assert!(effects.iter().any(|e| matches!(e, Effect::AttachClipboard)));
}

#[test]
fn full_screen_commands_say_that_they_do_nothing_here() {
    let mut user = answered();
    for command in ["/images none", "/theme light", "/copy"] {
        let name = command.split(' ').next().unwrap();
        assert_contains(
            &user.output_of(command),
            &format!("{name} works only in the full-screen interface"),
        );
    }
}

#[test]
fn help_lists_every_command() {
    let mut user = User::new();
    let output = user.output_of("/help");
    for row in COMMANDS.iter() {
        assert_contains(&output, row.name);
    }
}

#[test]
fn patient_and_study_stay_with_the_question_when_it_is_asked_again() {
    let asked_about = |user: &mut User| {
        let effects = user.effects();
        let asked = effects.into_iter().find_map(|effect| match effect {
            Effect::Ask { subject, .. } => Some((subject.patient, subject.study)),
            _ => None,
        });
        asked.expect("no question was asked")
    };
    let some = |id: &str| Some(id.to_string());
    let mut user = User::new();
    assert_contains(&user.output_of("/patient"), "no patient is set");
    assert_contains(
        &user.output_of("/patient P 7"),
        "patient P 7: its examples are not used",
    );
    assert_contains(&user.output_of("/study s-1"), "study s-1: ");
    assert_contains(&user.output_of("/status"), "patient: P 7\nstudy: s-1\n");
    user.exchange("Is there a nodule?", "yes");
    assert_eq!(asked_about(&mut user), (some("P 7"), some("s-1")));
    assert_contains(&user.output_of("/study off"), "no study is set");
    assert_contains(&user.output_of("/patient other"), "patient other: ");
    user.line("/compare");
    assert_eq!(asked_about(&mut user), (some("P 7"), some("s-1")));
    user.model_answers("no");
    user.line("/temperature 0.7");
    user.line("/regenerate");
    assert_eq!(asked_about(&mut user), (some("P 7"), some("s-1")));
    user.model_answers("yes");
    user.exchange("And an effusion?", "no");
    assert_eq!(asked_about(&mut user), (some("other"), None));

    // A new session has no patient; a reopened one keeps its own.
    assert_contains(&user.output_of("/new"), "no patient or study is set");
    assert_contains(&user.output_of("/patient"), "no patient is set");
    user.line("/open 1");
    assert_contains(&user.output_of("/patient"), "patient other: ");
    let turns = user.journal.open_session("1").unwrap().turns;
    assert_eq!(turns[0].subject.patient, some("P 7"));
    assert_eq!(turns[0].subject.study, some("s-1"));
}

/// A command added to the table must be tested here too.
#[test]
fn every_command_of_the_table_is_tested_in_this_file() {
    let tests = include_str!("commands.rs");
    let tested = |name: &str| {
        let quoted = [format!("\"{name} "), format!("\"{name}\"")];
        quoted.iter().any(|text| tests.contains(text))
    };
    let elsewhere = ["/quit"];
    for row in COMMANDS.iter() {
        assert!(
            tested(row.name) || elsewhere.contains(&row.name),
            "{}",
            row.name
        );
    }
}
