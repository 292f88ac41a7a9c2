//! Which image each text token sees.
//!
//! Two incompatible rules are in use. OpenFlamingo v2 (`previous`): the latest image at or before the token. Version
//! 0.0.2, which Med-Flamingo's own demo runs (`next`): the following image; text after the last image sees none. The same file
//! gives different logits under the two, so a bundle says which it means.

use serde::{Deserialize, Serialize};

/// The rule of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum MediaMask {
    /// Text sees the latest image at or before it.
    Previous,
    /// Text sees the following image, as OpenFlamingo 0.0.2 ran at inference.
    Next,
}

/// [`text_time`] of IDEFICS: the previous image, but none after `reset` (end of sequence) until the next image. The reset
/// token itself still sees.
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

/// For every token the number of the image it sees, from 1; 0 where it sees none.
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
                MediaMask::Previous => seen,
                MediaMask::Next if seen + 1 > images => 0,
                MediaMask::Next => seen + 1,
            }
        })
        .collect()
}

/// Key ranges into media laid out image after image, `latents` keys each.
pub fn media_ranges(times: &[u32], latents: usize) -> Vec<(u32, u32)> {
    let latents = latents as u32;
    times
        .iter()
        .map(|&time| match time {
            0 => (0, 0),
            time => ((time - 1) * latents, time * latents),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const I: u32 = 9;

    #[test]
    fn both_rules_give_the_published_worked_example() {
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
    fn after_a_reset_text_sees_nothing_until_the_next_image() {
        let ids = [1, I, 1, 2, 1, I, 1];
        assert_eq!(text_time_with_reset(&ids, I, 2), [0, 1, 1, 1, 0, 2, 2]);
    }

    #[test]
    fn text_without_an_image_sees_none() {
        for mask in [MediaMask::Previous, MediaMask::Next] {
            assert_eq!(text_time(&[1, 2, 3], I, mask), [0, 0, 0]);
        }
    }

    #[test]
    fn adjacent_images_and_an_image_in_front_are_counted_one_by_one() {
        let ids = [I, I, 1];
        assert_eq!(text_time(&ids, I, MediaMask::Previous), [1, 2, 2]);
        assert_eq!(text_time(&ids, I, MediaMask::Next), [1, 2, 0]);
    }
}
