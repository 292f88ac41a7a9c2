//! The images of a card, decoded, and the one whose region is painted over.

use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;

use super::exchanged::Picture;
use rounds_imaging::{Image, PixelExtras, decode};
use rounds_study::card::{Card, CardImage, Kind};

/// Decoded images kept in memory.
const MAX_DECODED: NonZeroUsize = NonZeroUsize::new(16).unwrap();
/// What covers the region that is asked about: a colour that no tissue has, with a darker edge.
const ASKED: [[u8; 3]; 2] = [[196, 132, 52], [96, 60, 16]];
/// What covers the others.
const OTHER: [[u8; 3]; 2] = [[92, 96, 104], [52, 54, 60]];

/// Decodes images and remembers the last ones.
pub struct Pictures {
    decoded: LruCache<String, Result<Picture, String>>,
}

impl Default for Pictures {
    fn default() -> Self {
        Self {
            decoded: LruCache::new(MAX_DECODED),
        }
    }
}

impl Pictures {
    /// An image, read by `bytes` unless it is known. The error is a message for the user.
    pub fn get(
        &mut self,
        image: &CardImage,
        bytes: impl FnOnce() -> Result<Vec<u8>, String>,
    ) -> Result<Picture, String> {
        let read = || {
            let decoded = decode(&bytes()?, "image").map_err(|error| error.to_string())?;
            Ok(Picture {
                id: image.sha256.clone(),
                image: Arc::new(decoded),
            })
        };
        self.decoded.get_or_insert_ref(&image.sha256, read).clone()
    }
}

/// The first image of an occlusion card with its regions painted over, the one that is asked about in a colour of its own;
/// `None` for other cards.
pub fn covered(card: &Card, picture: &Picture) -> Option<Picture> {
    let (asked, others) = card.regions.split_first()?;
    if card.kind != Kind::Occlusion {
        return None;
    }
    let mut image = Image::clone(&picture.image);
    // What they hold would show the regions again.
    image.extras = PixelExtras::default();
    for region in others {
        paint(&mut image, picture.pixels(region), OTHER);
    }
    paint(&mut image, picture.pixels(asked), ASKED);
    Some(Picture {
        id: format!("{} covered for {}", picture.id, card.id),
        image: Arc::new(image),
    })
}

fn paint(image: &mut Image, [left, top, width, height]: [u32; 4], [inner, edge]: [[u8; 3]; 2]) {
    let thick = (image.width.min(image.height) / 160).max(1);
    for y in top..top + height {
        for x in left..left + width {
            let is_inner = x - left >= thick
                && y - top >= thick
                && left + width - x > thick
                && top + height - y > thick;
            let at = (y as usize * image.width as usize + x as usize) * 3;
            if let Some(pixel) = image.rgb.get_mut(at..at + 3) {
                pixel.copy_from_slice(if is_inner { &inner } else { &edge });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rounds_imaging::blank;
    use rounds_study::card::Region;

    fn picture(side: u32) -> Picture {
        Picture {
            id: "film".into(),
            image: Arc::new(blank(side)),
        }
    }

    fn card(kind: Kind, [x, y, width, height]: [f32; 4]) -> Card {
        let region = Region {
            label: "heart".into(),
            x,
            y,
            width,
            height,
        };
        Card {
            regions: vec![region],
            ..super::super::tests::card(kind)
        }
    }

    #[test]
    fn only_the_region_is_painted_over_and_no_pixel_of_it_stays() {
        let film = picture(20);
        let covered = covered(&card(Kind::Occlusion, [0.25, 0.5, 0.5, 0.25]), &film).unwrap();
        let pixels = covered.image.rgb.chunks(3).enumerate();
        for (at, pixel) in pixels {
            let (x, y) = (at % 20, at / 20);
            let inside = (5..15).contains(&x) && (10..15).contains(&y);
            assert_eq!(pixel != [128; 3], inside, "{x} {y}");
        }
        assert_ne!(covered.id, film.id);
    }

    #[test]
    fn a_region_outside_of_the_image_paints_what_is_inside_and_does_not_panic() {
        let odd = [
            [0.9, 0.9, 5.0, 5.0],
            [-1.0, -1.0, 0.0, 0.0],
            [f32::NAN, 0.0, f32::INFINITY, 1.0],
            [1.0, 1.0, 1.0, 1.0],
        ];
        for region in odd {
            for side in [1, 2, 7] {
                assert!(covered(&card(Kind::Occlusion, region), &picture(side)).is_some());
            }
        }
        assert!(covered(&card(Kind::Question, odd[0]), &picture(3)).is_none());
    }

    #[test]
    fn an_image_is_read_once_and_an_error_is_a_message() {
        let mut pictures = Pictures::default();
        let image = CardImage {
            sha256: "ab".into(),
            extension: "png".into(),
        };
        let failed = pictures.get(&image, || Err("the file is gone".into()));
        assert_eq!(failed.err().as_deref(), Some("the file is gone"));
        let again = pictures.get(&image, || panic!("it is known"));
        assert!(again.is_err());
    }
}
