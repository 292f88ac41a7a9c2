//! The settings of an answer, each defined once.
//!
//! Flags, script lines, slash commands, comparisons and provenance are all made from the list below: a new setting is added
//! there, and in [`Settings`] (or in what it contains). Never spell the settings out elsewhere.

mod declare;
#[cfg(feature = "clap")]
mod flags;
mod table;
#[cfg(test)]
mod tests;
mod value;

use serde::{Deserialize, Deserializer, Serialize};

use crate::retrieval::{Condition, Order, Strategy};
use crate::types::MAX_SHOTS;
use crate::validate::{MAX_BEAMS, MAX_OPTIONS, MAX_TEMPERATURE, SettingsError};
use rounds_model::generate::Decoding;
use table::{any, barred, counted, plain, same};
use value::split::{bars, whole, words};

pub use table::{Group, Setting};
pub(crate) use value::{Unreadable, Value};

/// How a case is answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Number of shots.
    pub shots: usize,
    /// How shots are chosen.
    pub strategy: Strategy,
    /// Order of the shots in the prompt.
    pub order: Order,
    /// Minimum image similarity of a shot.
    pub floor: Option<f32>,
    /// Conditions that every shot must meet.
    pub filter: Vec<Condition>,
    /// Ids of examples that are always shots, ranked before all others.
    pub pinned: Vec<String>,
    /// Ids of examples that are never shots.
    pub excluded: Vec<String>,
    /// Answers to rank by their likelihood.
    pub options: Vec<String>,
    /// How tokens are generated.
    pub decoding: Decoding,
    /// Only build the prompt; generate nothing.
    pub prompt_only: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            shots: 4,
            strategy: Strategy::Auto,
            order: Order::default(),
            floor: None,
            filter: Vec::new(),
            pinned: Vec::new(),
            excluded: Vec::new(),
            options: Vec::new(),
            decoding: Decoding::default(),
            prompt_only: false,
        }
    }
}

declare::settings! {
    shots: usize {
        at: shots,
        flag: "shots",
        command: Some("/k"),
        argument: "N",
        arguments: "N",
        help: "number of shots",
        group: Shots,
        takes: format!("a number from 0 to {MAX_SHOTS}"),
        fits: |shots| *shots <= MAX_SHOTS,
        split: whole,
        words: counted,
    }
    strategy: Strategy {
        at: strategy,
        flag: "strategy",
        command: Some("/strategy"),
        argument: "NAME",
        arguments: "[NAME]",
        help: "how shots are chosen",
        group: Shots,
        takes: "a strategy",
        fits: any,
        split: whole,
        words: plain,
        recorded: same,
    }
    order: Order {
        at: order,
        flag: "order",
        command: Some("/order"),
        argument: "NAME",
        arguments: "[NAME]",
        help: "order of the shots in the prompt",
        group: Shots,
        takes: "an order",
        fits: any,
        split: whole,
        words: plain,
        recorded: order_in_words,
    }
    floor: Option<f32> {
        at: floor,
        flag: "floor",
        command: Some("/floor"),
        argument: "NUMBER|off",
        arguments: "NUMBER|off",
        help: "skip examples less similar than this (-1 to 1)",
        group: Shots,
        takes: "a number from -1 to 1, or off",
        fits: |floor| floor.is_none_or(|floor| (-1.0..=1.0).contains(&floor)),
        split: whole,
        words: plain,
        recorded: same,
    }
    filter: Vec<Condition> {
        at: filter,
        flag: "filter",
        command: Some("/filter"),
        argument: "NAME=VALUE",
        arguments: "NAME=VALUE ...|off",
        help: "use only matching examples: modality=ct, organ!=chest, source=…, licence=…",
        group: Shots,
        takes: "conditions such as modality=ct, or off",
        fits: any,
        split: words,
        words: plain,
        recorded: same,
    }
    pinned: Vec<String> {
        at: pinned,
        flag: "pin",
        command: None,
        argument: "ID",
        arguments: "ID ...|off",
        help: "example to always use as a shot",
        group: Question,
        takes: "ids of examples, or off",
        fits: any,
        split: words,
        words: plain,
        recorded: same,
    }
    excluded: Vec<String> {
        at: excluded,
        flag: "exclude",
        command: None,
        argument: "ID",
        arguments: "ID ...|off",
        help: "example to never use as a shot",
        group: Question,
        takes: "ids of examples, or off",
        fits: any,
        split: words,
        words: plain,
        recorded: same,
    }
    options: Vec<String> {
        at: options,
        flag: "option",
        command: Some("/options"),
        argument: "ANSWER",
        arguments: "ANSWER | ANSWER ...|off",
        help: "candidate answer to rank by likelihood",
        group: Question,
        takes: format!("at most {MAX_OPTIONS} answers, or off"),
        fits: |options| options.len() <= MAX_OPTIONS,
        split: bars,
        words: barred,
    }
    seed: u64 {
        at: decoding.seed,
        flag: "seed",
        command: Some("/seed"),
        argument: "N",
        arguments: "N",
        help: "seed for sampling and random shots",
        group: Decoding,
        takes: "a whole number",
        fits: any,
        split: whole,
        words: plain,
        recorded: same,
    }
    temperature: f64 {
        at: decoding.temperature,
        flag: "temperature",
        command: Some("/temperature"),
        argument: "NUMBER",
        arguments: "NUMBER",
        help: "sampling temperature; 0 is greedy",
        group: Decoding,
        takes: format!("a number from 0 to {MAX_TEMPERATURE}"),
        fits: |temperature| (0.0..=MAX_TEMPERATURE).contains(temperature),
        split: whole,
        words: plain,
        recorded: same,
    }
    top_p: Option<f64> {
        at: decoding.top_p,
        flag: "top-p",
        command: Some("/top-p"),
        argument: "NUMBER|off",
        arguments: "NUMBER|off",
        help: "nucleus sampling: sample from the most likely tokens with this total probability",
        group: Decoding,
        takes: "a number above 0 and at most 1, or off",
        fits: |top_p| top_p.is_none_or(|p| p > 0.0 && p <= 1.0),
        split: whole,
        words: plain,
        recorded: same,
    }
    top_k: Option<usize> {
        at: decoding.top_k,
        flag: "top-k",
        command: Some("/top-k"),
        argument: "N|off",
        arguments: "N|off",
        help: "sample from the k most likely tokens",
        group: Decoding,
        takes: "a number of at least 1, or off",
        fits: |top_k| *top_k != Some(0),
        split: whole,
        words: plain,
        recorded: same,
    }
    max_new_tokens: usize {
        at: decoding.max_new_tokens,
        flag: "max-new-tokens",
        command: Some("/max-new-tokens"),
        argument: "N",
        arguments: "N",
        help: "maximum length of the answer in tokens",
        group: Decoding,
        takes: "a number of at least 1",
        fits: |tokens| *tokens > 0,
        split: whole,
        words: plain,
        recorded: same,
    }
    beams: usize {
        at: decoding.beams,
        flag: "beams",
        command: Some("/beams"),
        argument: "N",
        arguments: "N",
        help: "number of beams in beam search; 1 turns it off",
        group: Decoding,
        takes: format!("a number from 1 to {MAX_BEAMS}"),
        fits: |beams| (1..=MAX_BEAMS).contains(beams),
        split: whole,
        words: plain,
        recorded: same,
    }
    length_penalty: f64 {
        at: decoding.length_penalty,
        flag: "length-penalty",
        command: Some("/length-penalty"),
        argument: "NUMBER",
        arguments: "NUMBER",
        help: "beam search: divide an answer's log-probability by its length to this power",
        group: Decoding,
        takes: "a number",
        fits: |penalty| penalty.is_finite(),
        split: whole,
        words: plain,
        recorded: same,
    }
    repetition_penalty: f32 {
        at: decoding.penalties.repetition,
        flag: "repetition-penalty",
        command: Some("/repetition-penalty"),
        argument: "NUMBER",
        arguments: "NUMBER",
        help: "values above 1 make tokens that were already generated less likely",
        group: Decoding,
        takes: "a number above 0",
        fits: |penalty| penalty.is_finite() && *penalty > 0.0,
        split: whole,
        words: plain,
        recorded: same,
    }
    no_repeat_ngram: usize {
        at: decoding.penalties.no_repeat_ngram,
        flag: "no-repeat-ngram",
        command: Some("/no-repeat-ngram"),
        argument: "N",
        arguments: "N",
        help: "never repeat a sequence of this many tokens; 0 turns it off",
        group: Decoding,
        takes: "a whole number",
        fits: any,
        split: whole,
        words: plain,
        recorded: same,
    }
}

impl SettingsPatch {
    /// Sets a setting, given by its name, flag or slash command, to the value that `text` says.
    ///
    /// Errors without a change if there is no such setting, or the value is not valid.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), SettingsError> {
        let setting = Setting::find(name).ok_or_else(|| SettingsError::unknown(name))?;
        setting.read(self, &(setting.split)(text.trim()))
    }

    /// The settings with these changes. Errors if they are not valid together.
    pub fn checked(&self, settings: &Settings) -> Result<Settings, SettingsError> {
        let changed = self.apply(settings);
        changed.check().map(|()| changed)
    }
}

impl Settings {
    /// These settings with one of them changed, as [`SettingsPatch::set`] does. Errors if they are not valid together.
    pub fn with(&self, name: &str, text: &str) -> Result<Self, SettingsError> {
        let mut patch = SettingsPatch::default();
        patch.set(name, text)?;
        patch.checked(self)
    }
}

/// Provenance says the order in words.
fn order_in_words(order: &Order) -> &'static str {
    order.words()
}

/// A value read by [`Value::from_json`].
struct Json<T>(T);

impl<'de, T: Value> Deserialize<'de> for Json<T> {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        T::from_json(json).map(Self)
    }
}

/// By hand, because a derived one would ignore unknown names when it is flattened into a request.
impl<'de> Deserialize<'de> for SettingsPatch {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = SettingsPatch;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object with settings")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<SettingsPatch, A::Error> {
                let mut patch = SettingsPatch::default();
                while let Some(name) = map.next_key::<String>()? {
                    patch.read_json(&name, &mut map)?;
                }
                Ok(patch)
            }
        }

        json.deserialize_map(Visitor)
    }
}
