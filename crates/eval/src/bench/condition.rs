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
    /// Number of shots whose texts alone are shown, without their images: OpenFlamingo's rule for none.
    #[serde(default, skip_serializing_if = "is_none")]
    pub texts: usize,
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

fn is_none(texts: &usize) -> bool {
    *texts == 0
}

impl Condition {
    /// Its name: unique in a run, the same in every run of the plan.
    pub fn id(&self) -> String {
        let mut id = format!("k={}", self.k);
        if self.shown() > 0 {
            id.push_str(&format!(" {} {}", self.strategy.name(), self.order.name()));
        }
        if self.texts > 0 {
            id.push_str(&format!(" texts={}", self.texts));
        }
        if let Some(control) = self.control {
            id.push_str(&format!(" {}", control.name()));
        }
        if self.trial > 0 {
            id.push_str(&format!(" trial={}", self.trial + 1));
        }
        id
    }

    /// Number of examples in the prompt, with or without their images.
    pub(super) fn shown(&self) -> usize {
        self.k + self.texts
    }

    /// Whether another seed can give another answer to the same question.
    fn depends_on_seed(&self) -> bool {
        self.strategy == Strategy::Random
            || (self.order == Order::Shuffled && self.shown() > 1)
            || matches!(
                self.control,
                Some(Control::ShuffledAnswers | Control::ShuffledImages)
            )
    }

    /// Whether it asks in the same way as another condition, under whatever name.
    fn asks_as(&self, other: &Self) -> bool {
        let changes = |of: &Self| {
            let only_a_name = matches!(
                of.control,
                Some(Control::RandomShots | Control::ReversedOrder | Control::ShuffledOrder)
            );
            of.control.filter(|_| !only_a_name)
        };
        let shown = |of: &Self| (of.k, of.texts, of.strategy, of.order, of.trial);
        shown(self) == shown(other) && changes(self) == changes(other)
    }

    /// The conditions of a data set of a plan. Shots that a question comes with are not chosen: there is one strategy, `fixed`.
    pub fn of(plan: &Plan, own_shots: bool) -> Vec<Self> {
        match own_shots {
            false => Self::all(plan),
            true => Self::all(&Plan {
                strategies: vec![Strategy::Fixed],
                control_strategy: Some(Strategy::Fixed),
                ..plan.clone()
            }),
        }
    }

    /// All conditions of a plan, in the order of tables. None is asked twice: a control that changes nothing is left out, and so is a
    /// further trial of what does not depend on the seed.
    fn all(plan: &Plan) -> Vec<Self> {
        let sampled = plan
            .settings()
            .is_ok_and(|settings| settings.decoding.temperature > 0.0);
        let mut all = Vec::new();
        let mut push = |condition: Self| {
            let again = condition.trial > 0 && !sampled && !condition.depends_on_seed();
            if !again && !all.iter().any(|known: &Self| known.asks_as(&condition)) {
                all.push(condition);
            }
        };
        for trial in 0..plan.trials {
            let seed = plan.trial_seed(trial);
            let plain = |k, strategy, order| Self {
                k,
                texts: 0,
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
                        if k == 0 && plan.zero_shot_texts > 0 {
                            push(Self {
                                texts: plan.zero_shot_texts,
                                ..plain(0, strategy, order)
                            });
                        }
                    }
                }
            }
            let (k, strategy, order) = plan.controlled();
            let controls = plan.controls();
            if !controls.is_empty() {
                push(plain(0, Strategy::None, Order::default()));
            }
            // Controls change the shots of this condition, so it has to be there.
            let with_shots = |control: &Control| *control != Control::QuestionOnly;
            if k > 0 && controls.iter().any(with_shots) {
                push(plain(k, strategy, order));
            }
            for control in controls {
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
        }
        all
    }
}

fn opposite(order: Order) -> Order {
    match order {
        Order::SimilarFirst => Order::SimilarLast,
        Order::SimilarLast | Order::Shuffled => Order::SimilarFirst,
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
        let all = Condition::of(&plan, false);
        let ids: std::collections::BTreeSet<String> = all.iter().map(Condition::id).collect();
        assert_eq!(ids.len(), all.len());
        let plain = all.iter().filter(|c| c.control.is_none()).count();
        // No shots, 2 and 4 shots with either strategy; random shots once more.
        assert_eq!(plain, 5 + 2);
        let controls: Vec<&Condition> = all.iter().filter(|c| c.control.is_some()).collect();
        let of = |trial: usize| controls.iter().filter(|c| c.trial == trial).count();
        // Random shots are a strategy of the plan already; the others that depend on the seed come with each trial.
        assert_eq!((of(0), of(1)), (Control::ALL.len() - 1, 3));
    }

    #[test]
    fn the_shots_that_controls_change_are_always_measured_unchanged_too() {
        let all = Condition::of(&plan("k = [0]\ncontrols = [\"shuffled-answers\"]"), false);
        let ids: Vec<String> = all.iter().map(Condition::id).collect();
        assert_eq!(
            ids,
            [
                "k=0",
                "k=4 auto similar-last",
                "k=4 auto similar-last shuffled-answers"
            ]
        );
        let none = Condition::of(&plan("k = [0]\ncontrols = []"), false);
        assert_eq!(none.len(), 1);
        let only = Condition::of(&plan("k = [0]\ncontrols = [\"question-only\"]"), false);
        assert_eq!(only.len(), 2, "no shots are needed for it");
    }

    #[test]
    fn controls_change_shots_that_are_not_random_and_orders_that_differ() {
        let head = "k = [4]\nstrategies = [\"random\", \"image\"]\norders = [\"shuffled\"]";
        let all = Condition::of(&plan(head), false);
        let base = all
            .iter()
            .find(|c| c.control.is_none() && c.strategy == Strategy::Image);
        assert!(base.is_some());
        for condition in all
            .iter()
            .filter(|c| c.control == Some(Control::BlankImage))
        {
            assert_eq!(condition.strategy, Strategy::Image);
        }
        let named = |control| all.iter().any(|c| c.control == Some(control));
        assert!(!named(Control::ShuffledOrder), "it is the base");
        assert!(named(Control::ReversedOrder));
        assert!(
            all.iter().any(|c| c.k == 0 && c.control.is_none()),
            "no shots"
        );
    }

    #[test]
    fn shots_that_questions_come_with_are_asked_under_one_strategy() {
        let plan = plan("k = [0, 2]\nstrategies = [\"image\", \"random\"]\ncontrol_k = 2");
        let all = Condition::of(&plan, true);
        let plain: Vec<String> = all
            .iter()
            .filter(|c| c.control.is_none())
            .map(Condition::id)
            .collect();
        assert_eq!(plain, ["k=0", "k=2 fixed similar-last"]);
        let controls = all.iter().filter(|c| c.control.is_some());
        assert_eq!(controls.count(), Control::ALL.len());
    }

    #[test]
    fn texts_without_images_are_asked_beside_no_shots_at_all() {
        let head = "k = [0, 4]\nzero_shot_texts = 2\nstrategies = [\"image\"]\ncontrols = []";
        let all = Condition::of(&plan(head), false);
        let ids: Vec<String> = all.iter().map(Condition::id).collect();
        assert_eq!(
            ids,
            [
                "k=0",
                "k=0 image similar-last texts=2",
                "k=4 image similar-last"
            ]
        );
    }
}
