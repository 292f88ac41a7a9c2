//! The plan of an evaluation: a TOML file that says everything that determines its numbers.

use serde::Deserialize;
use std::collections::BTreeMap;

use super::condition::Control;
use super::source::Source;
use rounds_assistant::prompt::TemplateError;
use rounds_assistant::retrieval::{Order, Strategy};
use rounds_assistant::{MAX_SHOTS, Settings, SettingsPatch};
use rounds_metrics::exact::ExactRule;
use rounds_support::{FailureKind, Hint};

/// What is evaluated. Option names of open_flamingo's evaluation are accepted beside our own (`shots`, `num_samples`, `num_trials`,
/// `trial_seeds`, `rices`).
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plan {
    /// Its name, the title of the report.
    pub name: String,
    /// What it measures, in a sentence.
    pub about: String,
    /// Names or folders of models; `shipped` is the built-in one.
    pub models: Vec<String>,
    /// Numbers of shots.
    #[serde(alias = "shots")]
    pub k: Vec<usize>,
    /// Beside no shots at all, ask with the texts of so many shots, without their images: what OpenFlamingo's evaluation calls zero-shot (2).
    pub zero_shot_texts: usize,
    /// How shots are chosen.
    pub strategies: Vec<Strategy>,
    /// open_flamingo's option: `true` is the strategy `image`, `false` is `random`. Instead of `strategies`.
    pub rices: Option<bool>,
    /// Orders of the shots in the prompt.
    pub orders: Vec<Order>,
    /// Most questions of each data set, drawn by `seed`; 0 for all.
    #[serde(alias = "num_samples")]
    pub limit: usize,
    /// How often everything is repeated, with other seeds.
    #[serde(alias = "num_trials")]
    pub trials: usize,
    /// Seeds of the trials; by default `seed`, `seed + 1`, ….
    pub trial_seeds: Vec<u64>,
    /// Seed of the choice of questions, of random shots and of resampling.
    pub seed: u64,
    /// Controls, by name; by default all.
    pub controls: Option<Vec<Control>>,
    /// Number of shots of the controls.
    pub control_k: usize,
    /// Strategy of the shots that controls change; by default the first of `strategies` that is not `random`.
    pub control_strategy: Option<Strategy>,
    /// Rules of exact match; the first one is the one that tables show.
    pub exact: Vec<ExactRule>,
    /// Stop where the rationale begins: several times as fast, and the answer is the same where it comes first.
    pub answer_only: bool,
    /// Rank the options of multiple-choice questions by likelihood too.
    pub rank_options: bool,
    /// Bootstrap samples of every interval.
    pub resamples: usize,
    /// Prompt template of all models: a built-in name, or a file beside the plan (`own.toml`); by default each bundle's own.
    pub template: Option<String>,
    /// Prompt templates of single models, by the names in `models`.
    pub templates: BTreeMap<String, String>,
    /// Other settings of an answer, by their names.
    pub settings: SettingsPatch,
    /// The data sets.
    pub data: Vec<Data>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            name: String::new(),
            about: String::new(),
            models: vec![rounds_assistant::SHIPPED.into()],
            k: vec![0, 4],
            zero_shot_texts: 0,
            strategies: vec![Strategy::Auto],
            rices: None,
            orders: vec![Order::default()],
            limit: 0,
            trials: 1,
            trial_seeds: Vec::new(),
            seed: 0,
            controls: None,
            control_k: 4,
            control_strategy: None,
            exact: vec![ExactRule::Plain],
            answer_only: true,
            rank_options: true,
            resamples: 1000,
            template: None,
            templates: BTreeMap::new(),
            settings: SettingsPatch::default(),
            data: Vec::new(),
        }
    }
}

/// A data set: its questions, and where their shots come from.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Its name in tables.
    pub name: String,
    /// The questions.
    pub queries: Source,
    /// What shots are chosen from; by default the index of the questions itself, or the shipped one.
    pub shots: Option<Source>,
    /// Prompt template on this data set, in place of the plan's.
    pub template: Option<String>,
    /// Prompt templates of single models on this data set.
    #[serde(default)]
    pub templates: BTreeMap<String, String>,
}

/// Why a plan cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// It is not valid TOML, or has an unknown name.
    #[error("the plan cannot be read: {0}")]
    Toml(String),
    /// A value has no sense.
    #[error("the plan: {0}")]
    Invalid(String),
    /// A template that it names cannot be used.
    #[error("the plan: {0}")]
    Template(#[from] TemplateError),
}

impl Hint for PlanError {
    fn hint(&self) -> Option<String> {
        let plans = "docs/evaluation.md describes plans; `rounds eval presets` prints ready ones";
        match self {
            Self::Template(error) => error.hint(),
            Self::Toml(_) | Self::Invalid(_) => Some(plans.into()),
        }
    }

    fn kind(&self) -> FailureKind {
        FailureKind::Usage
    }
}

fn twice<T: PartialEq>(values: impl IntoIterator<Item = T>) -> bool {
    let values: Vec<T> = values.into_iter().collect();
    (1..values.len()).any(|at| values[..at].contains(&values[at]))
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// If it is not a valid plan; the message says where.
    pub fn parse(text: &str) -> Result<Self, PlanError> {
        let unreadable =
            |e: toml::de::Error| PlanError::Toml(rounds_support::sanitise::clean(&e.to_string()));
        let mut plan: Self = toml::from_str(text).map_err(unreadable)?;
        if let Some(rices) = plan.rices {
            let given: toml::Table = toml::from_str(text).map_err(unreadable)?;
            if given.contains_key("strategies") {
                return Err(PlanError::Invalid(
                    "`rices` and `strategies` say the same thing: give one of them".into(),
                ));
            }
            plan.strategies = vec![if rices {
                Strategy::Image
            } else {
                Strategy::Random
            }];
        }
        plan.check()?;
        Ok(plan)
    }

    fn check(&self) -> Result<(), PlanError> {
        let invalid = |reason: String| Err(PlanError::Invalid(reason));
        if self.data.is_empty() {
            return invalid("there is no data set: add [[data]] with a name and queries".into());
        }
        for (name, empty) in [
            ("models", self.models.is_empty()),
            ("k", self.k.is_empty()),
            ("strategies", self.strategies.is_empty()),
            ("orders", self.orders.is_empty()),
            ("exact", self.exact.is_empty()),
        ] {
            if empty {
                return invalid(format!("`{name}` is empty"));
            }
        }
        for (name, twice) in [
            ("models", twice(&self.models)),
            ("exact", twice(&self.exact)),
            ("data", twice(self.data.iter().map(|data| &data.name))),
        ] {
            if twice {
                return invalid(format!("`{name}` names one thing twice"));
            }
        }
        let of_models = self.data.iter().map(|data| &data.templates);
        let mut named = of_models.chain([&self.templates]).flat_map(BTreeMap::keys);
        if let Some(model) = named.find(|model| !self.models.contains(model)) {
            return invalid(format!(
                "`templates` names {}, which is not in `models`",
                rounds_support::sanitise::clean_line(model)
            ));
        }
        if let Some(k) = self
            .k
            .iter()
            .chain([&self.control_k, &self.zero_shot_texts])
            .find(|k| **k > MAX_SHOTS)
        {
            return invalid(format!("{k} shots are too many; the limit is {MAX_SHOTS}"));
        }
        if !(1..=100).contains(&self.trials) {
            return invalid("`trials` must be from 1 to 100".into());
        }
        if !self.trial_seeds.is_empty() && self.trial_seeds.len() != self.trials {
            return invalid(format!(
                "there are {} trial seeds for {} trials",
                self.trial_seeds.len(),
                self.trials
            ));
        }
        if !(100..=100_000).contains(&self.resamples) {
            return invalid("`resamples` must be from 100 to 100000".into());
        }
        for data in &self.data {
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            if data.name.is_empty() || !data.name.chars().all(plain) || data.name.starts_with('.') {
                return invalid(format!(
                    "the name of a data set may have letters, digits, - _ and . only, unlike {:?}",
                    rounds_support::sanitise::clean_line(&data.name)
                ));
            }
            data.queries.check(&format!("{}, queries", data.name))?;
            if let Some(shots) = &data.shots {
                if shots.own_shots || data.queries.own_shots {
                    return invalid(format!(
                        "{}: problems with `own_shots` are `queries`, without another source of shots",
                        data.name
                    ));
                }
                shots.check(&format!("{}, shots", data.name))?;
            }
        }
        self.settings()?;
        Ok(())
    }

    /// The settings that all answers have in common.
    ///
    /// # Errors
    /// If a value is out of range, or the plan sets what its own lists set.
    pub fn settings(&self) -> Result<Settings, PlanError> {
        let own = &self.settings;
        if own.shots.is_some() || own.strategy.is_some() || own.order.is_some() {
            return Err(PlanError::Invalid(
                "shots, strategy and order belong to `k`, `strategies` and `orders`, not to [settings]".into(),
            ));
        }
        let mut base = Settings::default();
        if self.answer_only {
            base.decoding.max_new_tokens = 32;
        }
        own.checked(&base)
            .map_err(|error| PlanError::Invalid(error.to_string()))
    }

    /// The seed of a trial.
    pub fn trial_seed(&self, trial: usize) -> u64 {
        let given = self.trial_seeds.get(trial).copied();
        given.unwrap_or(self.seed.wrapping_add(trial as u64))
    }

    /// Number of shots, strategy and order that controls change.
    pub(super) fn controlled(&self) -> (usize, Strategy, Order) {
        // Random shots have no nearest one, and shuffling them changes little.
        let first = self.strategies.iter().find(|s| **s != Strategy::Random);
        let strategy = self.control_strategy.or(first.copied());
        (
            self.control_k,
            strategy.unwrap_or(Strategy::Random),
            self.orders.first().copied().unwrap_or_default(),
        )
    }

    /// The controls to run.
    pub fn controls(&self) -> Vec<Control> {
        self.controls
            .clone()
            .unwrap_or_else(|| Control::ALL.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = "[[data]]\nname = \"a\"\nqueries = { index = \"shipped\" }\n";

    #[test]
    fn the_names_of_open_flamingos_options_are_understood() {
        let text = format!(
            "shots = [0, 4]\nnum_samples = 10\nnum_trials = 2\ntrial_seeds = [42, 43]\nrices = true\n{SMALL}"
        );
        let plan = Plan::parse(&text).unwrap();
        assert_eq!((plan.k.as_slice(), plan.limit), (&[0, 4][..], 10));
        assert_eq!((plan.trial_seed(0), plan.trial_seed(1)), (42, 43));
        assert_eq!(plan.strategies, [Strategy::Image]);
        assert_eq!(plan.controls().len(), Control::ALL.len());
    }

    #[test]
    fn plans_without_sense_are_refused_with_the_reason() {
        for (text, told) in [
            ("k = [0]", "no data set"),
            (
                "wrong = 1\n[[data]]\nname='a'\nqueries={index='x'}",
                "wrong",
            ),
            (
                "k = []\n[[data]]\nname='a'\nqueries={index='x'}",
                "`k` is empty",
            ),
            (
                "k = [9999]\n[[data]]\nname='a'\nqueries={index='x'}",
                "too many",
            ),
            (
                "[[data]]\nname='../a'\nqueries={index='x'}",
                "letters, digits",
            ),
            (
                "[[data]]\nname='a'\nqueries={path='x'}",
                "`format` and `path`",
            ),
            (
                "[[data]]\nname='a'\nqueries={format='slake',path='x',fold='9/3'}\n",
                "fold",
            ),
            (
                "[[data]]\nname='a'\nqueries={index='x',filter=['organ']}\n",
                "condition",
            ),
            (
                "models=['a','a']\n[[data]]\nname='a'\nqueries={index='x'}\n",
                "twice",
            ),
            (
                "rices=true\nstrategies=['text']\n[[data]]\nname='a'\nqueries={index='x'}\n",
                "`rices`",
            ),
            (
                "trials = 2\ntrial_seeds = [1]\n[[data]]\nname='a'\nqueries={index='x'}",
                "seeds",
            ),
            (
                "[[data]]\nname='a'\nqueries={index='x',own_shots=true}",
                "own_shots",
            ),
            (
                "[[data]]\nname='a'\nqueries={format='folder',path='x',own_shots=true}\nshots={index='x'}",
                "own_shots",
            ),
            (
                "templates = { nobody = 'nano' }\n[[data]]\nname='a'\nqueries={index='x'}",
                "nobody",
            ),
            (
                "[settings]\nshots = 3\n[[data]]\nname='a'\nqueries={index='x'}",
                "`k`",
            ),
            (
                "[settings]\ntemperature = -1\n[[data]]\nname='a'\nqueries={index='x'}",
                "temperature",
            ),
        ] {
            let message = match Plan::parse(text) {
                Err(error) => error.to_string(),
                Ok(_) => panic!("accepted: {text}"),
            };
            assert!(message.contains(told), "{message}");
        }
    }
}
