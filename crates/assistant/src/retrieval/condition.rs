//! Conditions on examples: `modality=ct`, `organ!=chest`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use rounds_index::{Index, IndexError, LookupBy};

/// A condition on one tag, or on `source`, `licence`, `patient` or `study`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Condition {
    /// The tag or column.
    pub name: String,
    /// The value to compare with.
    pub value: String,
    /// False for `!=`.
    pub equal: bool,
}

/// A condition that cannot be parsed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a condition; write name=value or name!=value, for example modality=ct")]
pub struct ConditionError(String);

impl FromStr for Condition {
    type Err = ConditionError;

    fn from_str(text: &str) -> Result<Self, ConditionError> {
        let wrong = || ConditionError(rounds_support::sanitise::clean_line_max(text, 80));
        let (name, value) = text.split_once('=').ok_or_else(wrong)?;
        let (name, equal) = match name.strip_suffix('!') {
            Some(name) => (name, false),
            None => (name, true),
        };
        let (name, value) = (name.trim(), value.trim());
        if name.is_empty() || value.is_empty() || value.starts_with('=') {
            return Err(wrong());
        }
        let name = match rounds_index::tag_name(name) {
            license if license == "license" => "licence".into(),
            name => name,
        };
        Ok(Self {
            name,
            value: value.to_string(),
            equal,
        })
    }
}

impl TryFrom<String> for Condition {
    type Error = ConditionError;

    fn try_from(text: String) -> Result<Self, ConditionError> {
        text.parse()
    }
}

impl From<Condition> for String {
    fn from(condition: Condition) -> Self {
        condition.to_string()
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.equal { "=" } else { "!=" };
        write!(f, "{}{sign}{}", self.name, self.value)
    }
}

/// Columns that a condition can name, besides tags.
const COLUMNS: [&str; 4] = ["source", "licence", "patient", "study"];

/// The names that conditions on the examples of an index may use.
pub fn condition_names(index: &Index) -> Result<Vec<String>, IndexError> {
    Ok([index.tag_names()?, COLUMNS.map(String::from).to_vec()].concat())
}

impl Condition {
    /// Numbers of the examples with the value, ignoring case.
    fn numbers(&self, index: &Index) -> Result<Vec<usize>, IndexError> {
        let column = match self.name.as_str() {
            "source" => LookupBy::Source,
            "licence" => LookupBy::Licence,
            "patient" => LookupBy::Patient,
            "study" => LookupBy::Study,
            name => return index.numbers_by_tag(name, &self.value),
        };
        index.numbers_by_ignoring_case(column, &self.value)
    }

    /// Errors if no example has the tag, which is most likely a typing mistake.
    fn check(&self, index: &Index) -> Result<(), IndexError> {
        let is_known = COLUMNS.contains(&self.name.as_str()) || index.is_empty();
        if is_known || index.has_tag(&self.name)? {
            return Ok(());
        }
        Err(IndexError::NoTag {
            name: self.name.clone(),
            known: condition_names(index)?.join(", "),
        })
    }
}

/// Sorted numbers of the examples that meet all conditions; several values for one name mean any of them. `None` if there
/// are no conditions.
///
/// Errors if a condition is on a tag that no example has.
pub(super) fn numbers(
    conditions: &[Condition],
    index: &Index,
) -> Result<Option<Vec<usize>>, IndexError> {
    if conditions.is_empty() {
        return Ok(None);
    }
    for condition in conditions {
        condition.check(index)?;
    }
    let mut any: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for condition in conditions.iter().filter(|c| c.equal) {
        let found = condition.numbers(index)?;
        any.entry(&condition.name).or_default().extend(found);
    }
    let mut kept: Option<Vec<usize>> = None;
    for mut found in any.into_values() {
        found.sort_unstable();
        found.dedup();
        kept = Some(match kept {
            None => found,
            Some(before) => before
                .into_iter()
                .filter(|n| found.binary_search(n).is_ok())
                .collect(),
        });
    }
    let mut kept = kept.unwrap_or_else(|| (0..index.rows()).collect());
    for condition in conditions.iter().filter(|c| !c.equal) {
        let without = condition.numbers(index)?;
        kept.retain(|n| without.binary_search(n).is_err());
    }
    kept.retain(|n| index.live_rows().has(*n));
    Ok(Some(kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_a_name_an_operator_and_a_value() {
        let parsed: Condition = " Modality = CT scan ".parse().unwrap();
        assert_eq!(
            (parsed.name.as_str(), parsed.value.as_str(), parsed.equal),
            ("modality", "CT scan", true)
        );
        let license: Condition = "license=CC0".parse().unwrap();
        assert_eq!(license.name, "licence");
        let not: Condition = "organ!=chest".parse().unwrap();
        assert!(!not.equal);
        assert_eq!(not.to_string(), "organ!=chest");
        for wrong in ["ct", "=ct", "modality=", "!=", "modality==ct"] {
            assert!(wrong.parse::<Condition>().is_err(), "{wrong}");
        }
    }
}
