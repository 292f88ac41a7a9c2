//! Flags of the command line, made from the table. Parsing stays with the program; this only declares what to parse.

use clap::builder::{PossibleValue, PossibleValuesParser, ValueParser};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use super::{SETTINGS, Setting, Settings, SettingsPatch};

impl Setting {
    /// Its flag; the default is that of [`Settings`].
    pub fn to_arg(&'static self) -> Arg {
        let arg = Arg::new(self.name)
            .long(self.flag)
            .help(self.flag_help())
            .value_name(self.argument)
            .value_parser(self.parser())
            .allow_negative_numbers(self.number)
            .action(match self.many {
                true => ArgAction::Append,
                false => ArgAction::Set,
            });
        match self.can_be_off {
            true => arg,
            false => arg.default_value(self.text(&Settings::default())),
        }
    }

    fn flag_help(&self) -> String {
        let (first, rest) = self.help.split_at(1);
        let several = match self.many {
            true => " (may be given several times)",
            false => "",
        };
        format!("{}{rest}{several}", first.to_uppercase())
    }

    fn parser(&'static self) -> ValueParser {
        let names = self.names();
        if !names.is_empty() {
            let values = names
                .into_iter()
                .map(|(name, help)| PossibleValue::new(name).help(help));
            return PossibleValuesParser::new(values).into();
        }
        ValueParser::new(move |text: &str| {
            let read = self.read(&mut SettingsPatch::default(), &[text]);
            read.map(|()| text.to_string())
                .map_err(|error| error.in_flag())
        })
    }
}

impl SettingsPatch {
    /// The values of the flags of `settings`, for a command that has only these.
    ///
    /// Errors if a value is not valid. Panics if the command lacks one of the flags.
    pub fn from_flags(
        settings: impl IntoIterator<Item = &'static Setting>,
        matches: &ArgMatches,
    ) -> Result<Self, clap::Error> {
        let mut patch = Self::default();
        patch.read_flags(settings, matches)?;
        Ok(patch)
    }

    fn read_flags(
        &mut self,
        settings: impl IntoIterator<Item = &'static Setting>,
        matches: &ArgMatches,
    ) -> Result<(), clap::Error> {
        for setting in settings {
            let Some(values) = matches.get_many::<String>(setting.name) else {
                continue;
            };
            let parts: Vec<&str> = values.map(String::as_str).collect();
            setting
                .read(self, &parts)
                .map_err(|error| clap::Error::raw(ErrorKind::ValueValidation, error))?;
        }
        Ok(())
    }
}

impl FromArgMatches for SettingsPatch {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        Self::from_flags(SETTINGS, matches)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.read_flags(SETTINGS, matches)
    }
}

impl Args for SettingsPatch {
    fn augment_args(command: Command) -> Command {
        command.args(SETTINGS.iter().map(Setting::to_arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}
