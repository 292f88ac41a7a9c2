//! Enumerations whose values have a name and a help text, declared once for JSON, flags, slash commands and messages.

/// Declares such an enumeration: `Variant "name" "help",`.
macro_rules! choices {
    (
        $(#[$meta:meta])*
        pub enum $choice:ident {
            $($(#[$variant_meta:meta])* $variant:ident $name:literal $help:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum $choice {
            $(
                #[doc = $help]
                #[serde(rename = $name)]
                $(#[$variant_meta])*
                $variant,
            )+
        }

        impl $choice {
            /// All of them, in the order of lists.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name in JSON, as a flag's value and in the chat.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// What it does, in a few words.
            pub fn help(self) -> &'static str {
                match self {
                    $(Self::$variant => $help,)+
                }
            }
        }

        #[cfg(feature = "clap")]
        impl clap::ValueEnum for $choice {
            fn value_variants<'a>() -> &'a [Self] {
                Self::ALL
            }

            fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
                Some(clap::builder::PossibleValue::new(self.name()).help(self.help()))
            }
        }

        impl $crate::settings::Value for $choice {
            fn names() -> Vec<(&'static str, &'static str)> {
                Self::ALL.iter().map(|choice| (choice.name(), choice.help())).collect()
            }

            fn read(parts: &[&str]) -> Result<Self, $crate::settings::Unreadable> {
                let typed = parts.last().copied().unwrap_or_default();
                let named = |choice: &&Self| choice.name().eq_ignore_ascii_case(typed);
                Self::ALL.iter().find(named).copied().ok_or($crate::settings::Unreadable::Name)
            }

            fn text(&self) -> String {
                self.name().into()
            }

            fn from_json<'de, D: serde::Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
                serde::Deserialize::deserialize(json)
            }
        }
    };
}

pub(crate) use choices;
