//! Valid and invalid settings files, and which layer wins.

use super::file::{Fault, Location, SettingsFile};
use super::layers::{Origin, apply, fault, layers};
use super::settings::key_faults;
use super::*;
use crate::cli::answer_args::AnswerArgs;
use crate::cli::command_line::{Cli, Command, command};
use clap::FromArgMatches;

fn read_text(text: &str) -> (SettingsFile, Vec<Fault>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    SettingsFile::read(&path)
}

/// `line: message` of every fault, including those of values and keys.
fn faults(text: &str) -> Vec<String> {
    let (file, mut faults) = read_text(text);
    let chat = table::chat();
    faults.extend(
        layers(&file, |_| None)
            .iter()
            .filter_map(|l| fault(&chat, l)),
    );
    faults.extend(key_faults(&file));
    let line = |fault: &Fault| match fault.at {
        Location::Line(line) => line,
        _ => 0,
    };
    faults
        .iter()
        .map(|fault| format!("{}: {}", line(fault), fault.message))
        .collect()
}

fn answer_args(text: &str, variables: &[(&str, &str)], arguments: &[&str]) -> AnswerArgs {
    let (file, faults) = read_text(text);
    assert_eq!(faults, []);
    let layers = layers(&file, |name| {
        let found = variables.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| (*value).to_string())
    });
    let arguments = ["rounds"].iter().chain(arguments);
    let matches = apply(command(), &layers).try_get_matches_from(arguments);
    let cli = Cli::from_arg_matches(&matches.unwrap()).unwrap();
    match cli.command {
        Some(Command::Ask(ask)) => ask.answer_args,
        Some(Command::Script(answer_args) | Command::Chat { answer_args, .. }) => answer_args,
        _ => panic!("not a command that answers"),
    }
}

#[test]
fn flags_override_variables_and_variables_override_the_file() {
    let text =
        "[answers]\nshots = 7\nfilter = [\"modality=ct\", \"organ=head\"]\n[decoding]\nseed = 5\n";
    let settings = |variables: &[_], arguments: &[&str]| {
        let settings = answer_args(text, variables, arguments).settings();
        settings.unwrap_or_else(|failure| panic!("{}", failure.message))
    };
    let shots = |variables: &[_], arguments: &[&str]| settings(variables, arguments).shots;
    assert_eq!(shots(&[], &["chat"]), 7);
    assert_eq!(shots(&[("ROUNDS_SHOTS", "3")], &["chat"]), 3);
    assert_eq!(shots(&[("ROUNDS_SHOTS", "")], &["chat"]), 7);
    assert_eq!(
        shots(&[("ROUNDS_SHOTS", "3")], &["chat", "--shots", "2"]),
        2
    );
    assert_eq!(settings(&[], &["ask", "why?"]).decoding.seed, 5);
    assert_eq!(settings(&[], &["script"]).filter.len(), 2);
    let one = settings(&[], &["script", "--filter", "modality=mr"]);
    assert_eq!(one.filter.len(), 1);
    let none = settings(&[], &["script", "--filter", "off"]);
    assert_eq!(none.filter.len(), 0);
}

#[test]
fn every_setting_is_a_flag_of_the_chat() {
    let chat = table::chat();
    for flag in table::flags() {
        assert!(table::argument(&chat, flag).is_some(), "{flag}");
    }
}

#[test]
fn the_file_written_by_init_is_valid_with_and_without_its_comments() {
    assert_eq!(faults(&write::text()), Vec::<String>::new());
    let bare: String = write::text()
        .lines()
        .filter_map(|line| {
            let setting = line.strip_prefix("# ").filter(|rest| {
                let name = rest.split(" = ").next().unwrap_or_default();
                rest.contains(" = ") && !name.contains(' ')
            });
            match setting {
                Some(setting) => Some(format!("{setting}\n")),
                None => line.starts_with('[').then(|| format!("{line}\n")),
            }
        })
        .collect();
    let (file, file_faults) = read_text(&bare);
    assert_eq!(file_faults, []);
    assert_eq!(file.settings.len(), table::flags().count());
    assert_eq!(file.keys.len(), crate::tui::keys::TABLE.len());
    assert_eq!(faults(&bare), Vec::<String>::new());
}

#[test]
fn each_fault_reports_its_line() {
    assert_eq!(
        faults(
            "[answers]\nshots = \"many\"\nstrtegy = \"image\"\ntemperature = 1\n[keys]\nsend = \"hyper-q\"\n"
        ),
        [
            "3: there is no setting `strtegy`",
            "4: `temperature` belongs in section [decoding]",
            "2: invalid value 'many' for '--shots <N>': it takes a number from 0 to 512",
            "6: keys of `send`: `hyper-q` has an unknown part `hyper`",
        ]
    );
    assert_eq!(faults("shots = 3\n"), ["1: `shots` is outside a section"]);
    assert_eq!(faults("\n[answer]\n"), ["2: there is no section [answer]"]);
    assert_eq!(faults("[answers]\nshots = { a = 1 }\n").len(), 1);
    let broken = faults("[answers]\nshots = \n");
    assert!(broken[0].starts_with("2: "), "{broken:?}");
}

#[test]
fn control_sequences_in_a_file_are_removed_from_messages() {
    for fault in faults("[answers]\nstrategy = \"\\u001b[31mred\"\n\"\\u001b]0;x\\u0007\" = 1\n") {
        assert!(!fault.contains(['\u{1b}', '\u{7}']), "{fault:?}");
    }
}

#[test]
fn two_actions_may_swap_their_keys() {
    let swapped = "[keys]\nregenerate = \"alt-e\"\nedit = \"ctrl-r\"\n";
    assert_eq!(faults(swapped), Vec::<String>::new());
    let twice = faults("[keys]\nregenerate = \"f9\"\nedit = \"f9\"\n");
    assert!(
        twice[0].starts_with("3: `F9` is assigned to both"),
        "{twice:?}"
    );
}

#[test]
fn an_invalid_variable_is_named() {
    let (file, _) = read_text("");
    let bad = layers(&file, |name| {
        (name == "ROUNDS_BEAMS").then(|| "lots".into())
    });
    assert_eq!(bad[0].origin, Origin::Variable("ROUNDS_BEAMS".into()));
    let fault = fault(&table::chat(), &bad[0]).unwrap();
    assert_eq!(fault.at, Location::Variable("ROUNDS_BEAMS".into()));
}
