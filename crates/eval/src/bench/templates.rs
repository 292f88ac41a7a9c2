//! The prompt templates that a plan names, read once: built-in ones by name, others from files beside the plan.

use std::collections::BTreeMap;
use std::path::Path;

use super::plan::{Data, Plan, PlanError};
use rounds_assistant::prompt::Template;

/// The templates of a plan, by what the plan calls them.
#[derive(Clone, Debug, Default)]
pub struct Templates(BTreeMap<String, Template>);

impl Templates {
    /// Reads the templates that `plan` names. A name that ends in `.toml` is a file whose path starts at `folder`, the plan's; any other is a
    /// built-in template.
    ///
    /// # Errors
    /// If there is none of the name, or it is not a template.
    pub fn read(plan: &Plan, folder: &Path) -> Result<Self, PlanError> {
        let of_data = plan.data.iter().flat_map(|data| {
            let of_models = data.templates.values();
            of_models.chain(&data.template)
        });
        let named = plan.templates.values().chain(&plan.template).chain(of_data);
        let mut read = BTreeMap::new();
        for name in named {
            if read.contains_key(name) {
                continue;
            }
            let template = match name.ends_with(".toml") {
                true => Template::read(&folder.join(name))?,
                false => Template::shipped(name)?,
            };
            read.insert(name.clone(), template);
        }
        Ok(Self(read))
    }

    /// The template of a model on a data set: what the data set says of the model, or of all, or the plan of the model, or of all. `None` is
    /// the bundle's own.
    pub(super) fn of(&self, plan: &Plan, data: &Data, model: &str) -> Option<&Template> {
        let named = data.templates.get(model).or(data.template.as_ref());
        let named = named.or(plan.templates.get(model));
        self.0.get(named.or(plan.template.as_ref())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = "
models = [\"one\", \"two\"]
template = \"med-flamingo\"
templates = { two = \"own.toml\" }

[[data]]
name = \"a\"
queries = { index = \"shipped\" }

[[data]]
name = \"b\"
template = \"prefix\"
templates = { two = \"idefics\" }
queries = { index = \"shipped\" }
";

    #[test]
    fn the_template_named_closest_to_the_question_is_used() {
        let plan = Plan::parse(PLAN).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let error = Templates::read(&plan, folder.path()).unwrap_err();
        assert!(error.to_string().contains("own.toml"), "{error}");
        let own = rounds_support::shipped::file("prompts/nano.toml").unwrap();
        std::fs::write(folder.path().join("own.toml"), own).unwrap();
        let templates = Templates::read(&plan, folder.path()).unwrap();
        let name = |data: usize, model: &str| {
            let template = templates.of(&plan, &plan.data[data], model);
            template.map(|template| template.name.clone())
        };
        assert_eq!(name(0, "one").as_deref(), Some("med-flamingo"));
        assert_eq!(name(0, "two").as_deref(), Some("nano"));
        assert_eq!(name(1, "one").as_deref(), Some("prefix"));
        assert_eq!(name(1, "two").as_deref(), Some("idefics"));
    }

    #[test]
    fn a_plan_without_templates_leaves_each_bundle_its_own() {
        let plan = Plan::parse("[[data]]\nname = \"a\"\nqueries = { index = \"shipped\" }\n");
        let plan = plan.unwrap();
        let templates = Templates::read(&plan, Path::new("nowhere")).unwrap();
        assert!(templates.of(&plan, &plan.data[0], "shipped").is_none());
    }
}
