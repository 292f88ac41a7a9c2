//! What is compared of a question's images with the images of an index, to find the same image however it was altered.

use std::cell::RefCell;
use std::num::NonZeroUsize;
use std::sync::Arc;

use lru::LruCache;

use rounds_imaging::{Image, Sketch, phash_variants};
use rounds_index::{ExampleImage, Index};

/// Sketches of an index's images kept in memory, 4 KiB each at most.
const MAX_SKETCHES: NonZeroUsize = NonZeroUsize::new(2048).unwrap();

/// Hashes and sketches of a question's images.
#[derive(Clone, Debug, Default)]
pub struct QueryImages {
    /// SHA-256 of each file with the perceptual hashes of the image as it is, mirrored, and without its border.
    pub phashes: Vec<(String, u64)>,
    /// Perceptual hashes of the images turned or inverted.
    pub altered: Vec<u64>,
    sketches: Vec<Sketch>,
}

impl QueryImages {
    /// Of these images.
    pub fn of<'a>(images: impl IntoIterator<Item = &'a Image>) -> Self {
        let mut out = Self::default();
        for image in images {
            let variants = phash_variants(image);
            let plain = variants.plain.into_iter();
            let sha256 = &image.source.sha256;
            out.phashes.extend(plain.map(|hash| (sha256.clone(), hash)));
            out.altered.extend(variants.altered);
            out.sketches.push(Sketch::of(image));
        }
        out
    }
}

/// Sketches of an index's images, each drawn when it is first compared.
pub struct IndexSketches(RefCell<LruCache<String, Option<Arc<Sketch>>>>);

impl Default for IndexSketches {
    fn default() -> Self {
        Self(RefCell::new(LruCache::new(MAX_SKETCHES)))
    }
}

impl IndexSketches {
    /// Whether an image of `index` shows what one of the query's shows; `None` if it cannot be read, or there is none to compare.
    pub fn show_same(
        &self,
        index: &Index,
        image: &ExampleImage,
        query: &QueryImages,
    ) -> Option<bool> {
        if query.sketches.is_empty() {
            return None;
        }
        let sketch = self.sketch(index, image)?;
        let mut queried = query.sketches.iter();
        Some(queried.any(|queried| queried.shows_same(&sketch)))
    }

    fn sketch(&self, index: &Index, image: &ExampleImage) -> Option<Arc<Sketch>> {
        if let Some(known) = self.0.borrow_mut().get(&image.sha256) {
            return known.clone();
        }
        let drawn = index.image(image).ok().and_then(|bytes| {
            let decoded = rounds_imaging::decode(&bytes, "image").ok()?;
            Some(Arc::new(Sketch::of(&decoded)))
        });
        self.0.borrow_mut().put(image.sha256.clone(), drawn.clone());
        drawn
    }
}
