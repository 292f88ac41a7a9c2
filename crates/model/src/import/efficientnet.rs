//! The tensors of efficientnet_lite_pytorch (the names of lukemelas' EfficientNet-PyTorch), and sizes inferred from them.

use super::ImportError;
use super::infer_config::{dims, layers};
use super::recipe::{BatchNorm, Recipe, Role, TensorRef};
use crate::vision::{Architecture, EfficientNetConfig, StageConfig};
use crate::weights::Source;

const STEM: &str = "_conv_stem.weight";

/// The recipe for `rest`, one of our tensors in the tower. Each is a convolution and the batch norm after it.
pub(super) fn recipe(role: Role, rest: &str) -> Option<Recipe> {
    let (part, end) = rest.rsplit_once('.')?;
    let (conv, norm) = match part {
        "stem" => ("_conv_stem".to_string(), "_bn0".to_string()),
        "head" => ("_conv_head".to_string(), "_bn1".to_string()),
        _ => {
            let (block, part) = part.strip_prefix("blocks.")?.split_once('.')?;
            let (conv, norm) = match part {
                "expand" => ("_expand_conv", "_bn0"),
                "depthwise" => ("_depthwise_conv", "_bn1"),
                "project" => ("_project_conv", "_bn2"),
                _ => return None,
            };
            let inside = |name: &str| format!("_blocks.{block}.{name}");
            (inside(conv), inside(norm))
        }
    };
    let tensor = |name: String| TensorRef { role, name };
    let of_norm = |name: &str| tensor(format!("{norm}.{name}"));
    match end {
        "weight" => Some(Recipe::FoldedWeight(
            vec![
                tensor(format!("{conv}.weight")),
                of_norm("weight"),
                of_norm("running_var"),
            ],
            BatchNorm::TensorFlow,
        )),
        "bias" => Some(Recipe::FoldedBias(
            ["bias", "running_mean", "weight", "running_var"]
                .map(of_norm)
                .to_vec(),
            BatchNorm::TensorFlow,
        )),
        _ => None,
    }
}

/// Whether a tensor belongs to the classifier or counts batches.
pub(super) fn is_unneeded(name: &str) -> bool {
    name.starts_with("_fc.") || name.ends_with("num_batches_tracked")
}

/// Whether it is such a checkpoint.
pub(super) fn is_tower(source: &Source) -> bool {
    source.has(STEM)
}

/// The sizes of a published tower for images of `image_size` pixels. Everything but the strides is in the tensors; the strides are those of
/// every published EfficientNet.
pub(super) fn config(
    source: &Source,
    image_size: usize,
) -> Result<EfficientNetConfig, ImportError> {
    /// First block of each stage of EfficientNet-Lite0 and its stride; the wider variants repeat blocks.
    const STRIDES: [usize; 7] = [1, 2, 2, 2, 1, 2, 1];
    let [stem, _, _, _] = dims(source, STEM)?;
    let [head, _, _, _] = dims(source, "_conv_head.weight")?;
    let mut stages: Vec<StageConfig> = Vec::new();
    let mut input = stem;
    for block in 0..layers(source, "_blocks.", "_project_conv.weight") {
        let root = format!("_blocks.{block}");
        let [inner, _, kernel, _] = dims(source, &format!("{root}._depthwise_conv.weight"))?;
        let [channels, _, _, _] = dims(source, &format!("{root}._project_conv.weight"))?;
        let repeats = |stage: &StageConfig| {
            let expansion = inner / input.max(1);
            (stage.channels, stage.kernel, stage.expansion) == (channels, kernel, expansion)
        };
        match stages.last_mut().filter(|stage| repeats(stage)) {
            Some(stage) => stage.blocks += 1,
            None => {
                let stride = STRIDES.get(stages.len()).copied();
                let unknown = || {
                    let reason = format!("it has more than {} stages", STRIDES.len());
                    ImportError::config(source.origin(), reason)
                };
                stages.push(StageConfig {
                    kernel,
                    stride: stride.ok_or_else(unknown)?,
                    expansion: inner / input.max(1),
                    channels,
                    blocks: 1,
                });
            }
        }
        input = channels;
    }
    Ok(EfficientNetConfig {
        architecture: Architecture::EfficientnetLite,
        image_size,
        stem,
        head,
        stages,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tensor_is_a_convolution_with_its_norm() {
        let names = |rest: &str| -> Vec<String> {
            let recipe = recipe(Role::Vision, rest).unwrap();
            recipe.candidates().iter().map(|c| c.name.clone()).collect()
        };
        assert_eq!(
            names("blocks.3.expand.weight"),
            [
                "_blocks.3._expand_conv.weight",
                "_blocks.3._bn0.weight",
                "_blocks.3._bn0.running_var"
            ]
        );
        assert_eq!(names("head.bias")[1], "_bn1.running_mean");
        assert_eq!(names("stem.bias")[0], "_bn0.bias");
        assert_eq!(recipe(Role::Vision, "blocks.3.strange.weight"), None);
    }
}
