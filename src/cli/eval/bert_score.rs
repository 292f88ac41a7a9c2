//! `rounds eval bert-score`: BERTScore of a run's answers.

use clap::Args;
use serde_json::json;
use std::path::PathBuf;

use crate::cli::failure::Outcome;
use crate::cli::out::print;
use rounds_eval::bench::{BertOptions, bert_scores, read_records};
use rounds_support::sanitise::clean_line_max;
use rounds_support::{Cancel, INTENDED_USE, Progress};

#[derive(Args, Clone)]
pub struct BertScore {
    /// Folder of a run, or its items.jsonl
    run: PathBuf,
    /// Folder of a published BERT, SciBERT or RoBERTa: config.json, weights, tokenizer
    #[arg(long)]
    encoder: PathBuf,
    /// Its published name, which gives layer and baseline, for example bert-base-uncased
    #[arg(long, default_value = "encoder")]
    name: String,
    /// Layer whose states are compared, from 1 [default: the one that bert_score takes for the name]
    #[arg(long)]
    layer: Option<usize>,
    /// Weigh tokens by how rare they are in the references
    #[arg(long)]
    idf: bool,
    /// Rescale with bert_score's English baseline for the name
    #[arg(long)]
    rescale: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Prints precision, recall and F1 of every condition.
pub fn run(args: &BertScore, cancel: &Cancel) -> Outcome {
    let records = read_records(&args.run)?;
    let name = clean_line_max(&args.name, 80);
    let options = BertOptions {
        encoder: &args.encoder,
        name: &name,
        layer: args.layer,
        idf: args.idf,
        rescale: args.rescale,
    };
    let mut progress = Progress::new("texts", None);
    let scores = bert_scores(&records, &options, cancel, &mut |done, all| {
        progress.set_total(Some(all as u64));
        progress.set(done as u64);
    });
    progress.finish();
    let (setting, rows) = match scores {
        Err(_) if cancel.is_cancelled() => return Ok(130),
        other => other?,
    };
    if args.json {
        print(json!({ "setting": setting, "rows": rows, "intended_use": INTENDED_USE }))?;
        return Ok(0);
    }
    print(format_args!("BERTScore, {setting}"))?;
    for row in &rows {
        print(format_args!(
            "{}, {}, {} ({} answers)",
            row.dataset, row.model, row.label, row.n
        ))?;
        print(format_args!(
            "    precision {:.4}, recall {:.4}, F1 {:.4} ({:.4} to {:.4})",
            row.precision.mean, row.recall.mean, row.f1.mean, row.f1.low, row.f1.high
        ))?;
    }
    print(INTENDED_USE)?;
    Ok(0)
}
