//! From what a person says about a slice to its place in the stack.

use crate::plane::Layout;
use crate::view::Place;
use crate::view_error::ViewError;
use crate::window::short;

/// The image of a stack that a place means, counted from 0.
pub fn image_at(layout: &Layout, place: Place) -> Result<usize, ViewError> {
    let count = layout.count();
    let missing = |asked: String, available: String| ViewError::OutOfRange {
        what: layout.noun(),
        asked,
        available,
    };
    match place {
        Place::Middle => Ok(count / 2),
        Place::Number(number) if (1..=count).contains(&number) => Ok(number - 1),
        Place::Number(number) => {
            let available = match count {
                1 => "there is only one".to_owned(),
                _ => format!("they are numbered 1 to {count}"),
            };
            Err(missing(number.to_string(), available))
        }
        Place::Fraction(share) => {
            let last = count.saturating_sub(1);
            Ok(((last as f64 * share).round() as usize).min(last))
        }
        Place::Position(mm) => {
            let away = |image: usize| layout.position(image).map(|at| (at - mm).abs());
            let nearest = (0..count).filter_map(|image| Some((image, away(image)?)));
            let nearest = nearest.min_by(|a, b| a.1.total_cmp(&b.1));
            let (image, away) = nearest.ok_or(ViewError::NoSpacing("a position"))?;
            // The last slice reaches half its thickness further; a single slice of unknown thickness is itself.
            let reach = layout.spacing[2].unwrap_or_default() / 2.0 + 0.01;
            match away <= reach {
                true => Ok(image),
                false => {
                    let ends = layout
                        .position(0)
                        .zip(layout.position(count.saturating_sub(1)));
                    let (first, last) = ends.unwrap_or_default();
                    Err(missing(
                        format!("at {} mm", short(mm)),
                        format!("they lie from {} to {} mm", short(first), short(last)),
                    ))
                }
            }
        }
    }
}
