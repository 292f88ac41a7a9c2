//! Note types: names of fields, and which of them a card shows on which side.

use std::collections::HashMap;

use serde_json::Value;

/// A note type; untrusted.
pub(super) struct NoteType {
    pub(super) name: String,
    /// Whether its cards are deletions in a text.
    pub(super) cloze: bool,
    pub(super) fields: Vec<String>,
    pub(super) templates: Vec<Template>,
}

/// What a card shows: indices of fields, each once, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Template {
    /// On the side of the question.
    pub(super) front: Vec<usize>,
    /// Only on the side of the answer.
    pub(super) back: Vec<usize>,
}

impl NoteType {
    /// The index of a field.
    pub(super) fn field(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field == name)
    }
}

/// The note types of the column `models`; broken ones are left out, and with them their notes.
pub(super) fn parse(models: &Value) -> HashMap<i64, NoteType> {
    let models = models.as_object().into_iter().flatten();
    models
        .filter_map(|(id, model)| Some((id.parse().ok()?, note_type(model)?)))
        .collect()
}

fn note_type(model: &Value) -> Option<NoteType> {
    let text = |value: &Value, key: &str| Some(value.get(key)?.as_str()?.to_owned());
    let fields = ordered(model.get("flds")?)?;
    let fields: Vec<String> = fields
        .into_iter()
        .map(|field| text(field, "name"))
        .collect::<Option<_>>()?;
    let cloze = model.get("type").and_then(Value::as_i64) == Some(1);
    let templates = ordered(model.get("tmpls")?)?.into_iter().map(|template| {
        let side = |key| shown(&text(template, key).unwrap_or_default(), &fields);
        sides(side("qfmt"), side("afmt"))
    });
    Some(NoteType {
        name: text(model, "name")?,
        cloze,
        templates: templates.collect(),
        fields,
    })
}

/// The elements of an array by their `ord`.
fn ordered(array: &Value) -> Option<Vec<&Value>> {
    let mut elements: Vec<&Value> = array.as_array()?.iter().collect();
    elements.sort_by_key(|element| {
        element
            .get("ord")
            .and_then(Value::as_i64)
            .unwrap_or(i64::MAX)
    });
    Some(elements)
}

fn sides(front: Vec<Use>, back: Vec<Use>) -> Template {
    let mut template = Template::default();
    // What is typed in or unfolded on the front belongs to the answer.
    for Use { field, .. } in front.iter().filter(|used| !used.hidden) {
        if !template.front.contains(field) {
            template.front.push(*field);
        }
    }
    for Use { field, .. } in back.iter().chain(front.iter().filter(|used| used.hidden)) {
        if !template.front.contains(field) && !template.back.contains(field) {
            template.back.push(*field);
        }
    }
    template
}

/// A field in a template.
struct Use {
    field: usize,
    /// Whether the field is not visible at first: to be typed in, or a hint to unfold.
    hidden: bool,
}

/// The fields that a side of a template shows, in order.
fn shown(template: &str, fields: &[String]) -> Vec<Use> {
    let mut shown = Vec::new();
    let mut rest = template;
    while let Some((_, after)) = rest.split_once("{{") {
        let Some((inside, after)) = after.split_once("}}") else {
            break;
        };
        rest = after;
        // Conditions show nothing themselves.
        if inside.starts_with(['#', '^', '/', '!']) {
            continue;
        }
        let (filters, name) = inside.rsplit_once(':').unwrap_or(("", inside));
        if let Some(field) = fields.iter().position(|field| field == name.trim()) {
            let hidden = filters
                .split(':')
                .any(|filter| matches!(filter.trim(), "type" | "hint"));
            shown.push(Use { field, hidden });
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_template_says_which_fields_are_on_which_side() {
        let model = json!({"1": {
            "name": "Basic", "type": 0,
            "flds": [{"name": "Back", "ord": 1}, {"name": "Front", "ord": 0}, {"name": "Extra", "ord": 2}],
            "tmpls": [
                {"ord": 1, "qfmt": "{{#Extra}}{{Back}}{{/Extra}} {{Unknown}}", "afmt": "{{FrontSide}}{{Front}}"},
                {"ord": 0, "qfmt": "{{ Front }}{{type:Back}} {{hint:Extra}}", "afmt": "{{Front}}{{type:Back}}"},
            ],
        }, "2": {"name": "broken"}, "x": {}});
        let types = parse(&model);
        assert_eq!(types.len(), 1);
        let basic = &types[&1];
        assert_eq!(basic.fields, ["Front", "Back", "Extra"]);
        assert_eq!(basic.field("Extra"), Some(2));
        assert_eq!(
            basic.templates[0],
            Template {
                front: vec![0],
                back: vec![1, 2]
            }
        );
        assert_eq!(
            basic.templates[1],
            Template {
                front: vec![1],
                back: vec![0]
            }
        );
    }
}
