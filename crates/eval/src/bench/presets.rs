//! Plans under the names of papers and benchmarks, ready to be run or changed.
//!
//! Where a paper's prompt is known, the plan names its template; otherwise prompts are those of the model's bundle.

/// A plan that comes with the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Its name.
    pub name: &'static str,
    /// What it repeats.
    pub about: &'static str,
    /// The plan.
    pub text: &'static str,
}

macro_rules! presets {
    ($($name:literal $about:literal)+) => {
        /// All presets.
        pub const PRESETS: &[Preset] = &[$(Preset {
            name: $name,
            about: $about,
            text: include_str!(concat!("../../presets/", $name, ".toml")),
        }),+];
    };
}

presets! {
    "three-sets" "All three radiology sets with every control"
    "med-flamingo-vqa-rad" "Med-Flamingo on VQA-RAD: 6 shots, exact match without punctuation"
    "med-flamingo-pathvqa" "Med-Flamingo on PathVQA: 6 shots"
    "med-flamingo-usmle" "Med-Flamingo's open USMLE-style questions: 4 shots, on the problems that ship"
    "medvint-pmc-vqa-blank" "MedVInT on PMC-VQA without choices"
    "medvint-pmc-vqa-choice" "MedVInT on PMC-VQA with choices: nearest option as published, by letter and by likelihood"
    "prefix-tuning-slake" "Prefix tuning of language models on SLAKE: BLEU-1 on characters, token F1, exact match"
    "open-flamingo-vqa" "OpenFlamingo's evaluation on a VQA set: random shots and RICES, three trials"
    "llava-med-scoring" "LLaVA-Med's open recall and closed accuracy, as published and corrected, on SLAKE and VQA-RAD"
    "vl-icl-rule" "VL-ICL's shots and rule: 0, 1, 2, 4, 8 shots at random, 15 new tokens, cut at newline or full stop"
    "smmile" "SMMILE: every problem with its own shots, on the published rows, with all controls"
}

/// The preset of this name.
pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

#[cfg(test)]
mod tests {
    use super::super::condition::Condition;
    use super::super::plan::Plan;
    use super::super::templates::Templates;
    use super::*;
    use std::path::Path;

    #[test]
    fn every_preset_is_a_valid_plan_with_a_name() {
        for preset in PRESETS {
            let plan = Plan::parse(preset.text).unwrap_or_else(|e| panic!("{}: {e}", preset.name));
            assert!(!plan.name.is_empty() && !plan.about.is_empty());
            assert!(!Condition::of(&plan, false).is_empty());
            let templates = Templates::read(&plan, Path::new("nowhere"));
            assert!(templates.is_ok(), "{}: {templates:?}", preset.name);
            assert!(preset.text.ends_with('\n'));
        }
    }
}
