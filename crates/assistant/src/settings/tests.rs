//! One list of settings for every surface.

use std::collections::BTreeSet;

use super::*;
use rounds_support::Hint;

/// A value other than the default, as typed after the setting's slash command.
fn other_value(setting: &Setting) -> &'static str {
    match setting.name {
        "strategy" => "random",
        "order" => "shuffled",
        "filter" => "modality=ct organ!=chest",
        "pinned" | "excluded" => "chest-0001 chest-0002",
        "options" => "yes, clearly | no",
        "floor" | "temperature" | "top_p" | "length_penalty" | "repetition_penalty" => "0.5",
        _ => "7",
    }
}

#[test]
fn every_setting_is_set_by_its_name_its_flag_and_its_command() {
    for setting in SETTINGS {
        let command = setting.command.map(|command| &command[1..]);
        for name in [Some(setting.name), Some(setting.flag), command]
            .into_iter()
            .flatten()
        {
            let changed = Settings::default().with(name, other_value(setting));
            let changed = changed.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_ne!(changed, Settings::default(), "{name} changed nothing");
            let differing = SETTINGS
                .iter()
                .filter(|other| other.text(&changed) != other.text(&Settings::default()));
            assert_eq!(differing.collect::<Vec<_>>(), [setting]);
        }
    }
}

#[test]
fn names_flags_and_commands_are_unique() {
    let mut seen = BTreeSet::new();
    for setting in SETTINGS {
        let command = setting.command.map(|command| &command[1..]);
        let names: BTreeSet<&str> = [Some(setting.name), Some(setting.flag), command]
            .into_iter()
            .flatten()
            .collect();
        for name in names {
            assert!(seen.insert(name), "{name}");
        }
    }
}

#[test]
fn what_a_setting_says_can_be_typed_again() {
    for setting in SETTINGS.iter().filter(|setting| setting.name != "options") {
        let changed = Settings::default()
            .with(setting.name, other_value(setting))
            .unwrap();
        let again = Settings::default().with(setting.name, &setting.text(&changed));
        assert_eq!(again.as_ref(), Ok(&changed), "{}", setting.name);
        let back = changed.with(setting.name, &setting.text(&Settings::default()));
        assert_eq!(back, Ok(Settings::default()), "{}", setting.name);
    }
}

#[test]
fn off_ends_a_limit_and_empties_a_list() {
    let mut patch = SettingsPatch::default();
    let limited = ["floor", "top-p", "top-k", "filter", "pin", "options"];
    for name in limited {
        let setting = Setting::find(name).unwrap();
        patch.set(name, other_value(setting)).unwrap();
    }
    let changed = patch.apply(&Settings::default());
    let mut off = SettingsPatch::default();
    for name in limited {
        off.set(name, "off").unwrap();
    }
    assert_ne!(changed, Settings::default());
    assert_eq!(off.apply(&changed), Settings::default());
}

#[test]
fn a_wrong_value_is_refused_with_what_the_setting_takes_and_changes_nothing() {
    let mut patch = SettingsPatch::default();
    for (name, value, message) in [
        ("k", "many", "/k takes a number from 0 to 512, not `many`"),
        ("shots", "513", "/k takes a number from 0 to 512, not `513`"),
        (
            "floor",
            "7",
            "/floor takes a number from -1 to 1, or off, not `7`",
        ),
        (
            "top_p",
            "NaN",
            "/top-p takes a number above 0 and at most 1, or off, not `NaN`",
        ),
        ("seed", "", "/seed takes a whole number"),
        ("order", "backwards", "`backwards` is not an order"),
        ("strategy", "", "a strategy is missing"),
        ("speed", "1", "there is no setting `speed`"),
        (
            "seed",
            "\u{1b}[31m",
            "/seed takes a whole number, not `\u{FFFD}`",
        ),
    ] {
        let error = patch.set(name, value).unwrap_err();
        assert_eq!(error.in_chat(), message);
        assert_eq!(patch, SettingsPatch::default());
    }
    let condition = patch.set("filter", "modality=ct organ").unwrap_err();
    assert!(
        condition
            .to_string()
            .starts_with("`organ` is not a condition")
    );
    let order = patch.set("order", "backwards").unwrap_err();
    assert_eq!(
        order.hint().as_deref(),
        Some("one of similar-last, similar-first, shuffled")
    );
}

#[test]
fn settings_that_cannot_be_combined_are_refused_together_only() {
    let mut patch = SettingsPatch::default();
    patch.set("beams", "4").unwrap();
    patch.set("temperature", "1").unwrap();
    let refused = patch.checked(&Settings::default());
    assert_eq!(refused, Err(SettingsError::BeamsSampled));
}

#[test]
fn a_setting_is_said_in_words() {
    let settings = Settings::default();
    let said = |settings: &Settings, name| Setting::find(name).unwrap().in_words(settings);
    assert_eq!(said(&settings, "k"), "4 shots");
    assert_eq!(said(&settings, "floor"), "no floor");
    assert_eq!(said(&settings, "filter"), "no filter");
    let changed = settings.with("filter", "modality=ct organ!=chest").unwrap();
    assert_eq!(said(&changed, "filter"), "filter modality=ct organ!=chest");
    assert_eq!(said(&settings.with("k", "1").unwrap(), "k"), "1 shot");
    assert_eq!(said(&settings, "top_p"), "no top-p");
}
