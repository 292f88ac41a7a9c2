//! The flags of a search that are settings of an answer, too. Never spell their values or help out here: they are made from
//! the one list of settings.

use clap::{ArgMatches, Args, Command, Error, FromArgMatches};

use rounds_assistant::{Setting, Settings, SettingsPatch};

/// The flags.
const NAMES: [&str; 3] = ["filter", "floor", "seed"];

/// Default settings with the values of the flags.
pub struct SharedFlags {
    pub settings: Settings,
}

fn shared() -> impl Iterator<Item = &'static Setting> {
    NAMES.into_iter().filter_map(Setting::find)
}

impl FromArgMatches for SharedFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let patch = SettingsPatch::from_flags(shared(), matches)?;
        let settings = patch.apply(&Settings::default());
        Ok(Self { settings })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        let patch = SettingsPatch::from_flags(shared(), matches)?;
        self.settings = patch.apply(&self.settings);
        Ok(())
    }
}

impl Args for SharedFlags {
    fn augment_args(command: Command) -> Command {
        let command = command.args(shared().map(Setting::to_arg));
        // A search samples no tokens.
        command.mut_arg("seed", |seed| seed.help("Seed for random results"))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
