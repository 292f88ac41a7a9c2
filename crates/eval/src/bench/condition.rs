//! The conditions under which every question is asked, controls among them.

use serde::{Deserialize, Serialize};

use super::plan::Plan;
use rounds_assistant::retrieval::{Order, Strategy};

/// Changes that show what an answer does not depend on. A model that reads its image and its shots loses under the first five.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Control {
    /// A grey image, no shots: what the question alone gives away.
    QuestionOnly,
    /// A grey image for the question's, with the shots as they are.
    BlankImage,
    /// Grey images for the question's and the shots': what their texts give away.
    BlankImages,
    /// The shots' answers replaced by answers of other examples of the index.
    ShuffledAnswers,
    /// The shots' images replaced by images of other examples of the index.
    ShuffledImages,
    /// Shots at random.
    RandomShots,
    /// The shots in the opposite order.
    ReversedOrder,
    /// The shots in an order by seed.
    ShuffledOrder,
}

impl Control {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 8] = [
        Self::QuestionOnly,
        Self::BlankImage,
        Self::BlankImages,
        Self::ShuffledAnswers,
        Self::ShuffledImages,
        Self::RandomShots,
        Self::ReversedOrder,
        Self::ShuffledOrder,
    ];

    /// Its name in plans and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::QuestionOnly => "question-only",
            Self::BlankImage => "blank-image",
            Self::BlankImages => "blank-images",
            Self::ShuffledAnswers => "shuffled-answers",
            Self::ShuffledImages => "shuffled-images",
            Self::RandomShots => "random-shots",
            Self::ReversedOrder => "reversed-order",
            Self::ShuffledOrder => "shuffled-order",
        }
    }

    /// What it changes, for reports.
    pub fn about(self) -> &'static str {
        match self {
            Self::QuestionOnly => "grey image, no shots",
            Self::BlankImage => "grey image, real shots",
            Self::BlankImages => "grey images, the shots' texts",
            Self::ShuffledAnswers => "shots with answers of other examples",
            Self::ShuffledImages => "shots with images of other examples",
            Self::RandomShots => "shots at random",
            Self::ReversedOrder => "shots in the opposite order",
            Self::ShuffledOrder => "shots in an order by seed",
        }
    }
}

/// One way of asking every question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// Number of shots.
    pub k: usize,
    /// How they are chosen.
    pub strategy: Strategy,
    /// Their order in the prompt.
    pub order: Order,
    /// Number of the trial, from 0.
    pub trial: usize,
    /// Seed of the trial.
    pub seed: u64,
    /// What is changed, if it is a control.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<Control>,
}

impl Condition {
    /// Its name: unique in a run, the same in every run of the plan.
    pub fn id(&self) -> String {
        let mut id = format!("k={}", self.k);
        if self.k > 0 {
            id.push_str(&format!(" {} {}", self.strategy.name(), self.order.name()));
        }
        if let Some(control) = self.control {
            id.push_str(&format!(" {}", control.name()));
        }
        if self.trial > 0 {
            id.push_str(&format!(" trial={}", self.trial + 1));
        }
        id
    }

    /// All conditions of a plan, in the order of tables.
    pub fn all(plan: &Plan) -> Vec<Self> {
        let mut all = Vec::new();
        let mut push = |condition: Self| {
            if !all.iter().any(|known: &Self| known.id() == condition.id()) {
                all.push(condition);
            }
        };
        for trial in 0..plan.trials {
            let seed = plan.trial_seed(trial);
            let plain = |k, strategy, order| Self {
                k,
                strategy,
                order,
                trial,
                seed,
                control: None,
            };
            for &k in &plan.k {
                for &strategy in &plan.strategies {
                    for &order in &plan.orders {
                        push(match k {
                            0 => plain(0, Strategy::None, Order::default()),
                            k => plain(k, strategy, order),
                        });
                    }
                }
            }
            let strategy = plan.control_strategy.or(plan.strategies.first().copied());
            let (strategy, order) = (
                strategy.unwrap_or(Strategy::Auto),
                plan.orders.first().copied().unwrap_or_default(),
            );
            let k = plan.control_k;
            for control in plan.controls() {
                // Without shots only the image can be changed.
                if k == 0 && control != Control::QuestionOnly {
                    continue;
                }
                let base = match control {
                    Control::QuestionOnly => plain(0, Strategy::None, Order::default()),
                    Control::RandomShots => plain(k, Strategy::Random, order),
                    Control::ReversedOrder => plain(k, strategy, opposite(order)),
                    Control::ShuffledOrder => plain(k, strategy, Order::Shuffled),
                    _ => plain(k, strategy, order),
                };
                push(Self {
                    control: Some(control),
                    ..base
                });
            }
            // Controls change shots of this condition, so it has to be there.
            if !plan.controls().is_empty() && k > 0 {
                push(plain(k, strategy, order));
            }
        }
        all
    }
}

fn opposite(order: Order) -> Order {
    match order {
        Order::SimilarLast => Order::SimilarFirst,
        _ => Order::SimilarLast,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(head: &str) -> Plan {
        Plan::parse(&format!(
            "{head}\n[[data]]\nname = \"a\"\nqueries = {{ index = \"shipped\" }}\n"
        ))
        .unwrap()
    }

    #[test]
    fn every_condition_has_its_own_name_and_zero_shots_are_asked_once() {
        let plan = plan("k = [0, 2, 4]\nstrategies = [\"image\", \"random\"]\ntrials = 2");
        let all = Condition::all(&plan);
        let ids: std::collections::BTreeSet<String> = all.iter().map(Condition::id).collect();
        assert_eq!(ids.len(), all.len());
        let plain = all.iter().filter(|c| c.control.is_none()).count();
        // Per trial: no shots once, 2 and 4 shots with either strategy.
        assert_eq!(plain, 2 * 5);
        assert_eq!(all.len() - plain, 2 * Control::ALL.len());
    }

    #[test]
    fn the_shots_that_controls_change_are_always_measured_unchanged_too() {
        let all = Condition::all(&plan("k = [0]\ncontrols = [\"shuffled-answers\"]"));
        let ids: Vec<String> = all.iter().map(Condition::id).collect();
        assert_eq!(
            ids,
            [
                "k=0",
                "k=4 auto similar-last shuffled-answers",
                "k=4 auto similar-last"
            ]
        );
        let none = Condition::all(&plan("k = [0]\ncontrols = []"));
        assert_eq!(none.len(), 1);
    }
}
