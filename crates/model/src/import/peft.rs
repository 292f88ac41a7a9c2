//! What peft leaves beside the tensors that are merged: its settings, and the forms of adapters that cannot be merged.
//!
//! Such a form is recognised by its tensors and refused by name, with what to do instead. Never pass one over: what it adds would be lost,
//! or added wrongly, and the model would answer all the same.

use serde::Deserialize;
use std::path::Path;

use super::ImportError;
use crate::weights::Source;
use rounds_support::files;

/// peft's `lora_alpha` where no file says it: that of both papers' code, whatever the rank.
const LORA_ALPHA: u32 = 32;
/// Settings of an adapter, as peft saves them beside it.
const CONFIG: &str = "adapter_config.json";
/// Longest settings in bytes.
const MAX_CONFIG: u64 = 1 << 20;
/// What peft saves of an adapter without its base.
const ALONE: [&str; 2] = ["adapter_model.safetensors", "adapter_model.bin"];

/// Opens a checkpoint that was tuned with peft.
///
/// Errors where its adapter has a form that cannot be merged, or where it is an adapter without a base.
pub(super) fn open(checkpoint: &Path) -> Result<Source, ImportError> {
    let weights = ["pytorch_model.bin", "model.safetensors"];
    let has = |names: &[&str]| names.iter().any(|name| checkpoint.join(name).exists());
    if has(&ALONE) && !has(&weights) {
        let origin = checkpoint.to_string_lossy();
        return Err(ImportError::config(&origin, adapter_alone()));
    }
    let source = Source::open(checkpoint)?;
    match unusable(&source) {
        Some(reason) => Err(ImportError::config(source.origin(), reason)),
        None => Ok(source),
    }
}

fn adapter_alone() -> String {
    "it has an adapter of peft without the model it belongs to (adapter_model): give the state dict of the whole model, as its training saves it".into()
}

/// Why the adapter in `source` cannot be used; `None` where it can, or where there is none.
fn unusable(source: &Source) -> Option<String> {
    let alone = |name: &str| name.starts_with("base_model.") || name == "prompt_embeddings";
    if source.names().any(alone) {
        return Some(adapter_alone());
    }
    source.names().find_map(|name| {
        let form = form_of(name, source.shape(name)?)?;
        Some(format!("{name}: {form}"))
    })
}

/// What form of adapter a tensor belongs to, and what to do; `None` where it can be merged or is no adapter's.
fn form_of(name: &str, shape: &[usize]) -> Option<String> {
    let encoder = name.contains("prompt_encoder");
    let saved = "save what its encoder gives (peft's get_prompt_embedding_to_save) as prompt_encoder.embedding.weight, and leave the encoder's other tensors out";
    let merged = "merge it with peft (merge_and_unload) and save the state dict of that";
    // MergedLinear's second factor is a convolution of groups: the only one with three axes.
    let convolution = name.contains(".lora_B") && shape.len() == 3;
    let (form, remedy) = match name {
        _ if encoder && name.contains(".transform.") => {
            ("prefix tuning with a projection (prefix_projection)", saved)
        }
        _ if encoder && name.contains(".lstm_head.") => (
            "p-tuning with an LSTM (encoder_reparameterization_type LSTM)",
            saved,
        ),
        _ if convolution => (
            "MergedLinear of peft 0.2 (enable_lora), whose tensors do not show which of queries, keys and values it adds to",
            "merge it with the peft that trained it (model.eval() does) and save the state dict without its lora_ tensors",
        ),
        _ if name.contains(".lora_magnitude_vector") => ("DoRA", merged),
        _ if name.contains(".lora_E") => ("AdaLoRA", merged),
        _ if name.contains(".lora_embedding_") => ("LoRA of the embedding table", merged),
        _ if name.contains(".ia3_l") => ("IA3", merged),
        _ => return None,
    };
    Some(format!("{form} is not supported: {remedy}"))
}

/// What `adapter_config.json` says, as far as it matters here.
#[derive(Default, Deserialize)]
struct AdapterConfig {
    lora_alpha: Option<f64>,
    #[serde(default)]
    use_rslora: bool,
}

/// Alpha of the LoRA in a checkpoint: as `given`, else as an `adapter_config.json` beside it says, else that of the papers' code. No tensor
/// shows it.
///
/// Errors where that file cannot be read, or has an alpha that is no whole number or is scaled in another way.
pub(super) fn alpha(given: Option<u32>, checkpoint: &Path) -> Result<u32, ImportError> {
    let folder = match checkpoint.is_dir() {
        true => checkpoint,
        false => checkpoint.parent().unwrap_or(Path::new(".")),
    };
    let file = folder.join(CONFIG);
    let config = match file.is_file() {
        true => {
            let bytes = files::read_limited(&file, MAX_CONFIG)?;
            let parsed: Result<AdapterConfig, _> = serde_json::from_slice(&bytes);
            parsed
                .map_err(|error| ImportError::config(&file.to_string_lossy(), error.to_string()))?
        }
        false => AdapterConfig::default(),
    };
    let wrong = |reason: &str| ImportError::config(&file.to_string_lossy(), reason.into());
    if config.use_rslora {
        let reason = "LoRA scaled by the root of its rank (use_rslora) is not supported: merge it with peft (merge_and_unload) and save the state dict of that";
        return Err(wrong(reason));
    }
    match (given, config.lora_alpha) {
        (Some(alpha), _) => Ok(alpha),
        (None, None) => Ok(LORA_ALPHA),
        (None, Some(alpha)) if (1.0..=1e6).contains(&alpha) && alpha.fract() == 0.0 => {
            Ok(alpha as u32)
        }
        (None, Some(alpha)) => Err(wrong(&format!(
            "lora_alpha is {alpha}, which is no whole number from 1: give --lora-alpha"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{DType, Device, Tensor};
    use std::collections::HashMap;

    /// A checkpoint with zeros of these names and shapes, opened.
    fn opened(tensors: &[(&str, &[usize])]) -> Result<Source, ImportError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tiny.safetensors");
        let tensors = tensors.iter().map(|(name, shape)| {
            let zeros = Tensor::zeros(*shape, DType::F32, &Device::Cpu).unwrap();
            ((*name).to_string(), zeros)
        });
        let tensors: HashMap<String, Tensor> = tensors.collect();
        candle_core::safetensors::save(&tensors, &file).unwrap();
        open(&file)
    }

    fn refused(tensors: &[(&str, &[usize])]) -> String {
        match opened(tensors) {
            Ok(_) => panic!("{tensors:?} was opened"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn forms_that_cannot_be_merged_are_refused_by_name_with_what_to_do() {
        let layer = "gpt.base_model.model.transformer.h.0.attn.c_attn";
        let lora = |end: &str| format!("{layer}.{end}");
        let (a, b) = (lora("lora_A.weight"), lora("lora_B.weight"));
        let found = refused(&[(&a, &[4, 8]), (&b, &[16, 2, 1])]);
        for part in [
            "MergedLinear of peft 0.2",
            "enable_lora",
            "merge it",
            "save the state dict",
        ] {
            assert!(found.contains(part), "{found}");
        }
        for adapter in ["", ".default"] {
            let encoder = format!("gpt.prompt_encoder{adapter}");
            let embedding = format!("{encoder}.embedding.weight");
            let projection = format!("{encoder}.transform.0.weight");
            let found = refused(&[(&embedding, &[5, 8]), (&projection, &[6, 8])]);
            assert!(found.contains("prefix_projection"), "{found}");
            assert!(found.contains("get_prompt_embedding_to_save"), "{found}");
            let lstm = format!("{encoder}.lstm_head.weight_ih_l0");
            let found = refused(&[(&embedding, &[5, 8]), (&lstm, &[32, 8])]);
            assert!(
                found.contains("encoder_reparameterization_type LSTM"),
                "{found}"
            );
            assert!(found.contains("get_prompt_embedding_to_save"), "{found}");
        }
        let (dora, low) = (
            lora("lora_magnitude_vector.default"),
            lora("lora_E.default"),
        );
        assert!(refused(&[(&dora, &[8])]).contains("DoRA"));
        assert!(refused(&[(&low, &[4, 1])]).contains("AdaLoRA"));
    }

    #[test]
    fn an_adapter_without_its_base_is_refused() {
        let layer = "base_model.model.transformer.h.0.attn.c_attn.lora_A.weight";
        for alone in [layer, "prompt_embeddings"] {
            let found = refused(&[(alone, &[4, 8])]);
            assert!(found.contains("adapter_model"), "{found}");
            assert!(
                found.contains("give the state dict of the whole model"),
                "{found}"
            );
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("adapter_model.bin"), "").unwrap();
        let error = open(folder.path()).err().map(|error| error.to_string());
        assert!(error.unwrap().contains("adapter_model"));
    }

    #[test]
    fn forms_that_can_be_merged_are_opened() {
        let layer = "gpt.base_model.model.transformer.h.0.attn.c_attn";
        let (a, b) = (
            format!("{layer}.lora_A.default.weight"),
            format!("{layer}.lora_B.default.weight"),
        );
        assert!(opened(&[(&a, &[2, 8]), (&b, &[24, 2])]).is_ok());
        let encoder = "gpt.prompt_encoder.default";
        let (embedding, mlp) = (
            format!("{encoder}.embedding.weight"),
            format!("{encoder}.mlp_head.0.weight"),
        );
        assert!(opened(&[(&embedding, &[5, 8]), (&mlp, &[8, 8])]).is_ok());
        let mapper: &[usize] = &[4, 8];
        assert!(opened(&[("clip_project.transformer.layers.0.mlp.fc1.weight", mapper)]).is_ok());
    }

    #[test]
    fn alpha_is_as_given_else_as_saved_beside_the_checkpoint_else_that_of_the_papers() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = folder.path().join("checkpoint.bin");
        let of = |given| alpha(given, &checkpoint).map_err(|error| error.to_string());
        assert_eq!(of(None), Ok(32));
        assert_eq!(of(Some(8)), Ok(8));
        let save = |text: &str| std::fs::write(folder.path().join(CONFIG), text).unwrap();
        save(r#"{"peft_type": "LORA", "r": 4, "lora_alpha": 16}"#);
        assert_eq!(of(None), Ok(16));
        assert_eq!(of(Some(8)), Ok(8));
        assert_eq!(alpha(None, folder.path()).ok(), Some(16));
        save(r#"{"lora_alpha": 0.5}"#);
        assert!(of(None).unwrap_err().contains("--lora-alpha"));
        save(r#"{"lora_alpha": 16, "use_rslora": true}"#);
        assert!(of(None).unwrap_err().contains("use_rslora"));
        save("{");
        assert!(of(None).unwrap_err().contains(CONFIG));
    }
}
