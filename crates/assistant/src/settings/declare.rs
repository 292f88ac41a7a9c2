//! The macro that makes the patch, the table, the reading of JSON and the record in provenance from one list of settings.

/// Declares all settings. `at` is the place in [`Settings`](super::Settings); `recorded` makes the value for provenance, and
/// without it the setting is not recorded.
macro_rules! settings {
    ($(
        $field:ident: $type:ty {
            at: $($place:ident).+,
            flag: $flag:literal,
            command: $command:expr,
            argument: $argument:literal,
            arguments: $arguments:literal,
            help: $help:literal,
            group: $group:ident,
            takes: $takes:expr,
            fits: $fits:expr,
            split: $split:path,
            words: $words:path,
            $(recorded: $recorded:path,)?
        }
    )+) => {
        /// Changes to settings; `None` leaves a setting as it is. From JSON, unknown and repeated names are errors.
        #[derive(Clone, Debug, Default, PartialEq)]
        pub struct SettingsPatch {
            $(
                #[doc = $help]
                pub $field: Option<$type>,
            )+
        }

        impl SettingsPatch {
            /// The settings with these changes, whether valid together or not.
            pub fn apply(&self, settings: &Settings) -> Settings {
                let mut changed = settings.clone();
                $(if let Some(value) = &self.$field {
                    changed.$($place).+ = value.clone();
                })+
                changed
            }

            /// Reads the value of the setting `name`; JSON's null leaves it as it is.
            fn read_json<'de, A: serde::de::MapAccess<'de>>(
                &mut self,
                name: &str,
                map: &mut A,
            ) -> Result<(), A::Error> {
                match name {
                    $(stringify!($field) => {
                        if self.$field.is_some() {
                            return Err(serde::de::Error::duplicate_field(stringify!($field)));
                        }
                        let value: Option<Json<$type>> = map.next_value()?;
                        self.$field = value.map(|value| value.0);
                    })+
                    unknown => {
                        let unknown = rounds_support::sanitise::clean_line_max(unknown, 80);
                        return Err(serde::de::Error::custom(format!("unknown field `{unknown}`")));
                    }
                }
                Ok(())
            }
        }

        /// All settings, in the order of help.
        pub static SETTINGS: &[Setting] = &[$(Setting {
            name: stringify!($field),
            flag: $flag,
            command: $command,
            argument: $argument,
            arguments: $arguments,
            help: $help,
            group: Group::$group,
            many: <$type as Value>::MANY,
            number: <$type as Value>::NUMBER,
            can_be_off: <$type as Value>::CAN_BE_OFF,
            takes: || $takes.into(),
            names: <$type as Value>::names,
            split: $split,
            read: |patch, parts| {
                patch.$field = Some(<$type as Value>::read(parts)?);
                Ok(())
            },
            patch_fits: |patch| {
                let fits: fn(&$type) -> bool = $fits;
                patch.$field.as_ref().is_none_or(fits)
            },
            fits: |settings| {
                let fits: fn(&$type) -> bool = $fits;
                fits(&settings.$($place).+)
            },
            text: |settings| Value::text(&settings.$($place).+),
            words: |settings| $words($flag, &settings.$($place).+),
        }),+];

        /// Serialises settings as provenance names them: flat, by their JSON names.
        pub(crate) fn recorded<S: serde::Serializer>(
            settings: &Settings,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeMap;
            let mut map = serializer.serialize_map(None)?;
            $({
                let value = &settings.$($place).+;
                $(map.serialize_entry(stringify!($field), &$recorded(value))?;)?
                let _ = value;
            })+
            map.end()
        }
    };
}

pub(super) use settings;
