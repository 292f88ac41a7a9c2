//! What was measured of a case, for people.

use std::io::IsTerminal;

use super::Probed;
use super::table::{bar, between, change_bar, digits, largest, range};
use crate::cli::out::print;
use crate::tui;
use rounds_eval::probe::{Attention, Flip, Probe, Replacement, overlay};
use rounds_support::errors::{count, display_path};
use rounds_support::sanitise::{clean_line, clean_line_max};
use rounds_support::{Failure, stderr_line};

/// Longest shown text of an example, in characters.
const MAX_TEXT: usize = 40;

fn short(text: &str) -> String {
    clean_line_max(text, MAX_TEXT)
}

pub(super) fn print_report(probed: &Probed) -> Result<(), Failure> {
    let probe = &probed.probe;
    heading(probe)?;
    influences(probe)?;
    build_up(probe)?;
    sweep(probe)?;
    flips(probe)?;
    match &probe.attention {
        Some(attention) => {
            layers(attention)?;
            maps(attention, probed)?;
        }
        None => print("\nThis family has no gated cross-attention: no gates, attention or maps.")?,
    }
    for file in &probed.files {
        stderr_line(format_args!("wrote {}", display_path(file)));
    }
    for notice in &probe.notices {
        print(format_args!("note: {notice}"))?;
    }
    Ok(())
}

fn heading(probe: &Probe) -> Result<(), Failure> {
    print(format_args!("Question      {}", probe.question))?;
    let own = clean_line(&probe.model_answer);
    print(format_args!("Model says    {own}"))?;
    let scored = clean_line(&probe.scored_answer);
    print(format_args!(
        "Scored        {scored}: log-likelihood {:.3}, {:.3} per token, {}",
        probe.log_likelihood.total,
        probe.log_likelihood.per_token,
        count(probe.token_log_probabilities.len(), "token"),
    ))?;
    match &probe.copied {
        Some(copied) => print(copied.in_words()),
        None => print("this answer equals no shot's"),
    }
}

fn influences(probe: &Probe) -> Result<(), Failure> {
    if probe.shots.is_empty() {
        return print("\nNo shots.");
    }
    print("\nLeave one out: log-likelihood with all shots minus without this one")?;
    let most = largest(probe.shots.iter().map(|shot| shot.influence.total));
    for shot in &probe.shots {
        let parts = [
            shot.match_share
                .map(|share| format!("match {} {:3.0} %", bar(f64::from(share)), share * 100.0)),
            shot.attention
                .map(|share| format!("attention {:4.1} %", share * 100.0)),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        print(format_args!(
            "{:3}. {} {:+8.3} ({:+.3} per token)  {}  shot {} {}: {}{}",
            shot.position,
            change_bar(shot.influence.total, most),
            shot.influence.total,
            shot.influence.per_token,
            parts.join("  "),
            shot.rank,
            clean_line_max(&shot.example_id, MAX_TEXT),
            short(&shot.answer),
            if shot.copied {
                "  (the same answer)"
            } else {
                ""
            },
        ))?;
    }
    Ok(())
}

fn build_up(probe: &Probe) -> Result<(), Failure> {
    print("\nBuild-up: with the first shots of the prompt")?;
    let limits = range(probe.build_up.iter().map(|at| at.log_likelihood.total));
    for point in &probe.build_up {
        print(format_args!(
            "{:3}  {} {:8.3}  {}",
            point.shots,
            bar(between(point.log_likelihood.total, limits)),
            point.log_likelihood.total,
            short(&point.answer),
        ))?;
    }
    Ok(())
}

fn sweep(probe: &Probe) -> Result<(), Failure> {
    let Some(sweep) = &probe.sweep else {
        return Ok(());
    };
    print(format_args!(
        "\nPosition sweep: {} at every place",
        clean_line(&sweep.example_id)
    ))?;
    let limits = range(sweep.places.iter().map(|at| at.log_likelihood.total));
    for place in &sweep.places {
        let total = place.log_likelihood.total;
        let mark = match place.position == sweep.position {
            true => "  (as asked)",
            false => "",
        };
        let bar = bar(between(total, limits));
        print(format_args!(
            "{:3}. {bar} {total:8.3}{mark}",
            place.position
        ))?;
    }
    Ok(())
}

fn flips(probe: &Probe) -> Result<(), Failure> {
    if probe.flips.is_empty() {
        return Ok(());
    }
    print("\nCounterfactual answers: one shot's answer replaced")?;
    let change = |flip: &Flip| flip.log_likelihood.total - probe.log_likelihood.total;
    let most = largest(probe.flips.iter().map(change));
    for flip in &probe.flips {
        let source = match flip.replacement {
            Replacement::Opposite => "its opposite",
            Replacement::Shot => "another shot's",
            Replacement::Index => "a random example's",
        };
        let outcome = match (flip.flipped, flip.followed) {
            (true, true) => "the model follows: ",
            (true, false) => "the model changes to: ",
            (false, _) => "the model stays: ",
        };
        print(format_args!(
            "{:3}. {} {:+8.3}  {} -> {} ({source}); {outcome}{}",
            flip.position,
            change_bar(change(flip), most),
            change(flip),
            short(&flip.from),
            short(&flip.to),
            short(&flip.answer),
        ))?;
    }
    Ok(())
}

fn layers(attention: &Attention) -> Result<(), Failure> {
    print(
        "\nAttention at the answer's tokens, in percent, by layer: before the shots, each shot, question, answer;",
    )?;
    print(
        "gated blocks: gate and what is added to the hidden state (cross-attention, feed-forward)",
    )?;
    for layer in &attention.layers {
        let percent = |share: f32| format!("{:5.1}", share * 100.0);
        let shots: String = layer.shots.iter().map(|share| percent(*share)).collect();
        let on_shots: f32 = layer.shots.iter().sum();
        let gated = layer.gated.as_ref().map_or(String::new(), |gated| {
            format!(
                "  gates {:+.3} {:+.3}  adds {:.3} {:.3}",
                gated.attention_gate,
                gated.feed_forward_gate,
                gated.attention_added,
                gated.feed_forward_added
            )
        });
        print(format_args!(
            "{:3}  {} |{shots} | {} {}  shots {}{gated}",
            layer.layer,
            percent(layer.before_shots),
            percent(layer.question),
            percent(layer.answer),
            bar(f64::from(on_shots)),
        ))?;
    }
    Ok(())
}

fn maps(attention: &Attention, probed: &Probed) -> Result<(), Failure> {
    if attention.maps.is_empty() {
        return print("\nThe answer's tokens looked at no image of the question: no map.");
    }
    for map in &attention.maps {
        let image = map
            .image
            .checked_sub(1)
            .and_then(|at| probed.images.get(at));
        print(format_args!(
            "\nWhere the answer looked in image {} ({:.0} % of the cross-attention), {} x {} places",
            map.image,
            map.mass * 100.0,
            map.side,
            map.side
        ))?;
        match image.filter(|_| std::io::stdout().is_terminal()) {
            Some(image) => {
                let drawn = tui::image_lines(&overlay(image, map));
                drawn.lines.iter().try_for_each(print)?;
            }
            None => digits(&map.values, map.side).iter().try_for_each(print)?,
        }
    }
    Ok(())
}
