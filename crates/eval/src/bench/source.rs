//! Where the questions and the shots of a data set come from.

use serde::Deserialize;
use std::path::{Path, PathBuf};

use super::plan::PlanError;
use rounds_assistant::retrieval::Condition as TagCondition;
use rounds_index::dataset::{Fold, Format, Options};

/// Questions with answers: an index, a published data set, or problems.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Source {
    /// Name or folder of an index; `shipped` is the built-in one.
    pub index: Option<PathBuf>,
    /// Format of a published data set.
    pub format: Option<Format>,
    /// Its file or folder, relative to the plan.
    pub path: Option<PathBuf>,
    /// Instead of a data set: a file of problems with vignettes and laboratory values, or `shipped`.
    pub problems: Option<PathBuf>,
    /// Its split: `train`, `validation`, `test`.
    pub split: Option<String>,
    /// Only a part of its images: `0/10`, `not 0/10`.
    pub fold: Option<String>,
    /// Only this language.
    pub language: Option<String>,
    /// Folder of its images, if they are elsewhere.
    pub images: Option<PathBuf>,
    /// Its rows are problems with worked examples of their own: they have a `problem_id` and an `order`, and the last row of a problem is the
    /// question (SMMILE).
    pub own_shots: bool,
    /// Only examples with these tags, `name=value`.
    pub filter: Vec<String>,
}

impl Source {
    /// How its files are read.
    pub(super) fn options(&self, base: &Path) -> Result<Options, PlanError> {
        let fold = self.fold.as_deref().map(str::parse::<Fold>).transpose();
        Ok(Options {
            split: self.split.clone(),
            fold: fold.map_err(|reason| PlanError::Invalid(format!("fold: {reason}")))?,
            language: self.language.clone(),
            images: self.images.as_ref().map(|folder| base.join(folder)),
            ..Options::default()
        })
    }

    pub(super) fn check(&self, of: &str) -> Result<(), PlanError> {
        let invalid = |reason: &str| Err(PlanError::Invalid(format!("{of}: {reason}")));
        if self.own_shots && self.format.is_none() {
            return invalid("`own_shots` is for published files, with `format` and `path`");
        }
        if self.own_shots && self.fold.is_some() {
            return invalid("a `fold` of the images would part problems from their own shots");
        }
        if self.problems.is_some() {
            return match (&self.index, &self.format, &self.path) {
                (None, None, None) => Ok(()),
                _ => invalid("`problems` stands alone: without `index`, `format` and `path`"),
            };
        }
        match (&self.index, &self.format, &self.path) {
            (Some(_), None, None)
                if self.fold.is_some() || self.images.is_some() || self.language.is_some() =>
            {
                invalid(
                    "`fold`, `images` and `language` are for published files; an index takes `split` and `filter`",
                )
            }
            (Some(_), None, None) | (None, Some(_), Some(_)) => Ok(()),
            (None, Some(_), None) => invalid("`path` is missing"),
            (None, None, _) => invalid("give `index`, `problems`, or `format` and `path`"),
            (Some(_), _, _) => invalid("give either `index`, or `format` and `path`, not both"),
        }?;
        self.options(Path::new(""))?;
        self.conditions()?;
        Ok(())
    }

    /// Whether its questions can come with shots of their own.
    pub(super) fn may_have_own_shots(&self) -> bool {
        self.own_shots || self.problems.is_some()
    }

    /// What an example must meet: `filter`, and in an index the split.
    pub(super) fn conditions(&self) -> Result<Vec<TagCondition>, PlanError> {
        let split = match (&self.index, self.split.as_deref()) {
            (Some(_), Some(split)) if split != "all" => Some(format!("split={split}")),
            _ => None,
        };
        self.filter
            .iter()
            .chain(&split)
            .map(|text| text.parse().map_err(|e| PlanError::Invalid(format!("{e}"))))
            .collect()
    }
}
