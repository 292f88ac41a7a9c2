//! Changing the settings of the next questions by slash command. What settings there are is said by the assistant.

use rounds_assistant::{SETTINGS, Setting, Settings, SettingsError};
use rounds_support::Failure;

use super::conversation::Reply;
use super::machine::State;

/// Settings with a place of their own in the status, or shown there only if they are not the default.
const ALWAYS_SHOWN: [&str; 2] = ["temperature", "seed"];
const SHOWN_AS_SHOTS: [&str; 3] = ["shots", "strategy", "order"];

impl State {
    /// Changes a setting, or shows its value.
    pub(super) fn setting_argument(&mut self, setting: &'static Setting, value: &str) {
        if value.is_empty() {
            let now = setting.in_words(&self.settings);
            let command = setting.command.unwrap_or_default();
            return self.notify(format!("{now}; {command} {} changes it", setting.arguments));
        }
        let changed = self.settings.with(setting.name, value).map_err(failure);
        match changed.and_then(|changed| self.known_tags(&changed).map(|()| changed)) {
            Ok(changed) => {
                self.settings = changed;
                let now = setting.in_words(&self.settings);
                self.notify(match setting.name {
                    "shots" => format!("Next question will use {now}{}", self.room_for_shots()),
                    _ => format!("{now}, from the next question on"),
                });
            }
            Err(error) => self.show_error(error),
        }
    }

    /// Errors if a condition is on a tag that no example of the open index has, most likely a typing mistake.
    fn known_tags(&self, settings: &Settings) -> Result<(), Failure> {
        let known = self.engine.about().map_or(&[][..], |about| &about.tags);
        let is_known = |name: &String| known.is_empty() || known.contains(name);
        let mut names = settings.filter.iter().map(|condition| &condition.name);
        match names.find(|name| !is_known(name)) {
            None => Ok(()),
            Some(wrong) => Err(Failure::usage(format!(
                "no example in the index has the tag {wrong}"
            ))
            .hint(format!("it has {}", known.join(", ")))),
        }
    }

    /// What to add if more shots are wanted than are likely to fit, judged by the last answer with shots.
    fn room_for_shots(&self) -> String {
        let context = self.engine.about().and_then(|about| about.context);
        let (Some(context), Some(each)) = (context, self.tokens_per_shot()) else {
            return String::new();
        };
        let answer = self.settings.decoding.max_new_tokens.min(context / 2);
        // The question takes about as much as a shot.
        let fitting = ((context - answer) / each).saturating_sub(1);
        match fitting < self.settings.shots {
            true => format!("; about {fitting} fit into the model's context of {context} tokens"),
            false => String::new(),
        }
    }

    fn tokens_per_shot(&self) -> Option<usize> {
        let path = self.conversation.path();
        let mut turns = path
            .iter()
            .rev()
            .filter_map(|id| self.conversation.get(*id));
        turns.find_map(|turn| match &turn.reply {
            Reply::Answered(done) if !turn.shots.is_empty() && done.prompt_tokens > 0 => {
                Some((done.prompt_tokens / (turn.shots.len() + 1)).max(1))
            }
            _ => None,
        })
    }

    /// The settings for the status page, except those of the line about shots.
    pub(super) fn other_settings(&self) -> Vec<String> {
        let default = Settings::default();
        let is_shown = |setting: &&Setting| {
            ALWAYS_SHOWN.contains(&setting.name)
                || setting.text(&self.settings) != setting.text(&default)
        };
        let others = SETTINGS
            .iter()
            .filter(|setting| !SHOWN_AS_SHOTS.contains(&setting.name));
        let line = |setting: &Setting| {
            let name = setting.name.replace('_', " ");
            format!("{name}: {}", setting.text(&self.settings))
        };
        others.filter(is_shown).map(line).collect()
    }
}

/// The error with the setting's slash command for its name.
pub(super) fn failure(error: SettingsError) -> Failure {
    Failure {
        message: error.in_chat(),
        ..Failure::of(&error)
    }
}
