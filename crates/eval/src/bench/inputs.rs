//! What the answers of a run are made from beside the plan, by hashes: a run is held to it, and every answer refers to its part of it.

use serde_json::{Map, Value, json};

use super::data::Prepared;
use super::plan::Plan;
use super::run_error::RunError;
use rounds_assistant::AssistantError;
use rounds_assistant::prompt::Template;
use rounds_index::Index;
use rounds_model::bundle::Bundle;
use rounds_support::files;

/// Hexadecimal digits of a key.
const KEY: usize = 16;

/// The inputs of a run.
pub(super) struct Inputs {
    /// For every data set and model, the key of its entry.
    keys: Vec<Vec<String>>,
    /// The entries by their keys.
    entries: Map<String, Value>,
    /// The texts of the templates by their hashes.
    templates: Map<String, Value>,
}

impl Inputs {
    /// Hashes everything that answers of `plan` are made from.
    ///
    /// # Errors
    /// If a model or an index cannot be opened.
    pub(super) fn of(plan: &Plan, prepared: &Prepared) -> Result<Self, RunError> {
        let mut inputs = Self {
            keys: Vec::new(),
            entries: Map::new(),
            templates: Map::new(),
        };
        let mut models = Vec::new();
        for folder in &prepared.models {
            let bundle = Bundle::open(folder.as_deref()).map_err(AssistantError::from)?;
            let own = Template::shipped(&bundle.manifest.template);
            models.push((bundle.sha256, own.map_err(AssistantError::from)?));
        }
        let settings = plan.settings()?;
        for set in &prepared.data {
            let queries = Index::open(set.queries.as_deref())?.sha256();
            let mut settings = settings.clone();
            settings.filter.extend(set.shot_filter.clone());
            let mut keys = Vec::new();
            for (at, (name, (sha256, own))) in plan.models.iter().zip(&models).enumerate() {
                let given = set.templates.get(at).and_then(Option::as_ref);
                let template = given.unwrap_or(own);
                let shots = set.shots.get(at).and_then(|folder| folder.as_deref());
                let entry = json!({
                    "version": env!("CARGO_PKG_VERSION"),
                    "data": set.name,
                    "queries_sha256": queries,
                    "shots_sha256": Index::open(shots)?.sha256(),
                    "model": name,
                    "model_sha256": sha256,
                    "template": template.name,
                    "template_sha256": template.sha256(),
                    "answer_only": plan.answer_only,
                    "rank_options": plan.rank_options,
                    "settings": settings,
                });
                let hash = template.sha256().to_string();
                inputs.templates.insert(hash, template.text().into());
                let key: String = files::sha256_hex(entry.to_string().as_bytes())
                    .chars()
                    .take(KEY)
                    .collect();
                inputs.entries.insert(key.clone(), entry);
                keys.push(key);
            }
            inputs.keys.push(keys);
        }
        Ok(inputs)
    }

    /// The key that answers of a model on a data set, both by number, refer to.
    pub(super) fn key(&self, data: usize, model: usize) -> &str {
        let keys = self.keys.get(data);
        keys.and_then(|keys| keys.get(model))
            .map_or("", String::as_str)
    }

    /// The text of `inputs.json`.
    pub(super) fn text(&self) -> String {
        let inputs = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "made_from": self.entries,
            "templates": self.templates,
        });
        format!("{inputs:#}\n")
    }
}
