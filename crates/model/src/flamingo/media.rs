//! Which image each text token attends to.
//!
//! Two incompatible rules are in use. OpenFlamingo v2 (`previous`): the latest image at or before the token. Version
//! 0.0.2, which Med-Flamingo's demo runs (`next`): the following image; text after the last image attends to none. The same weights
//! give different logits under the two, so a bundle says which one applies. A third one, `turn`, is this project's: text attends to all
//! images of its own turn, so a question about several images sees each of them. Where every turn has one image, it is `previous`.

use serde::{Deserialize, Serialize};

/// Which image a text token attends to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum MediaMask {
    /// Text attends to the latest image at or before it.
    Previous,
    /// Text attends to the following image, as in OpenFlamingo 0.0.2 at inference.
    Next,
    /// Text attends to the latest images at or before it that stand next to each other.
    Turn,
}

/// The images that a token attends to: a half-open range of their numbers, counted from 0; empty for none.
pub type SeenImages = (u32, u32);

/// For every token the images it attends to. `times` is the [`text_time`] of every token of `ids`.
pub fn seen_images(
    ids: &[u32],
    times: &[u32],
    image_token: u32,
    mask: MediaMask,
) -> Vec<SeenImages> {
    let (mut first, mut images, mut after_image) = (0, 0, false);
    ids.iter()
        .zip(times)
        .map(|(&id, &time)| {
            let image = id == image_token;
            if image && !after_image {
                first = images;
            }
            images += u32::from(image);
            after_image = image;
            match (time, mask) {
                (0, _) => (0, 0),
                (_, MediaMask::Turn) => (first, images),
                (time, _) => (time - 1, time),
            }
        })
        .collect()
}

/// [`text_time`] for IDEFICS: the previous image, but none after `reset` (end of sequence) until the next image. The reset
/// token itself still attends to its image.
pub fn text_time_with_reset(ids: &[u32], image_token: u32, reset: u32) -> Vec<u32> {
    let mut hidden = false;
    text_time(ids, image_token, MediaMask::Previous)
        .into_iter()
        .zip(ids)
        .map(|(time, &id)| {
            hidden &= id != image_token;
            let time = if hidden { 0 } else { time };
            hidden |= id == reset;
            time
        })
        .collect()
}

/// For every token, the number of the image it attends to, counted from 1; 0 for none.
pub fn text_time(ids: &[u32], image_token: u32, mask: MediaMask) -> Vec<u32> {
    let images = ids.iter().filter(|&&id| id == image_token).count() as u32;
    let mut seen = 0;
    ids.iter()
        .map(|&id| {
            if id == image_token {
                seen += 1;
                return seen;
            }
            match mask {
                MediaMask::Previous | MediaMask::Turn => seen,
                MediaMask::Next if seen + 1 > images => 0,
                MediaMask::Next => seen + 1,
            }
        })
        .collect()
}

/// For every token, the range of its keys in media laid out image after image, `latents` keys each.
pub fn media_ranges(seen: &[SeenImages], latents: usize) -> Vec<(u32, u32)> {
    let latents = latents as u32;
    let range = |&(from, to): &SeenImages| (from * latents, to * latents);
    seen.iter().map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const I: u32 = 9;

    #[test]
    fn both_rules_match_the_published_example() {
        let ids = [1, 1, I, 1, 1, I, 1, 1];
        assert_eq!(
            text_time(&ids, I, MediaMask::Previous),
            [0, 0, 1, 1, 1, 2, 2, 2]
        );
        assert_eq!(
            text_time(&ids, I, MediaMask::Next),
            [1, 1, 1, 2, 2, 2, 0, 0]
        );
    }

    #[test]
    fn text_after_a_reset_attends_to_no_image_until_the_next() {
        let ids = [1, I, 1, 2, 1, I, 1];
        assert_eq!(text_time_with_reset(&ids, I, 2), [0, 1, 1, 1, 0, 2, 2]);
    }

    #[test]
    fn text_attends_to_one_image_or_to_all_of_its_turn() {
        let ids = [1, I, 1, I, I, 1, 1];
        let seen = |mask| seen_images(&ids, &text_time(&ids, I, mask), I, mask);
        assert_eq!(
            seen(MediaMask::Turn),
            [(0, 0), (0, 1), (0, 1), (1, 2), (1, 3), (1, 3), (1, 3)]
        );
        assert_eq!(
            seen(MediaMask::Previous),
            [(0, 0), (0, 1), (0, 1), (1, 2), (2, 3), (2, 3), (2, 3)]
        );
        assert_eq!(
            media_ranges(&seen(MediaMask::Turn), 4)[3..5],
            [(4, 8), (4, 12)]
        );
    }

    #[test]
    fn text_without_images_attends_to_none() {
        for mask in [MediaMask::Previous, MediaMask::Next, MediaMask::Turn] {
            assert_eq!(text_time(&[1, 2, 3], I, mask), [0, 0, 0]);
        }
    }

    #[test]
    fn adjacent_images_are_counted_separately() {
        let ids = [I, I, 1];
        assert_eq!(text_time(&ids, I, MediaMask::Previous), [1, 2, 2]);
        assert_eq!(text_time(&ids, I, MediaMask::Next), [1, 2, 0]);
    }
}
