//! Which training questions are like a question about an image: the shots that retrieval would choose.
//!
//! As in retrieval by image and question together: the cosine of the tower's centred vectors plus the cosine of the questions' words,
//! weighted by how rare they are. At most one question an image, and none of an image that shows the same.

use rounds_assistant::comparable;
use std::collections::HashMap;

use super::data::RadiologyData;

/// Weight of the questions' words against the images' vectors.
pub(crate) const WORD_WEIGHT: f32 = 1.5;

/// Words of all questions.
pub(crate) struct Words {
    /// For every question its words as (number, weight), of unit length.
    of: Vec<Vec<(u32, f32)>>,
}

impl Words {
    pub(crate) fn new(data: &RadiologyData) -> Self {
        let mut numbers: HashMap<String, u32> = HashMap::new();
        let mut spread: Vec<f32> = Vec::new();
        let mut all = Vec::new();
        for question in &data.questions {
            let text = comparable(&question.question);
            let mut words: Vec<u32> = text
                .split(' ')
                .map(|word| {
                    let next = numbers.len() as u32;
                    *numbers.entry(word.to_string()).or_insert(next)
                })
                .collect();
            words.sort_unstable();
            words.dedup();
            spread.resize(numbers.len(), 0.0);
            words.iter().for_each(|&word| spread[word as usize] += 1.0);
            all.push(words);
        }
        let total = data.questions.len() as f32;
        let of = all
            .into_iter()
            .map(|words| {
                let rarity = |word: u32| (1.0 + total / (1.0 + spread[word as usize])).ln();
                let length = words
                    .iter()
                    .map(|&w| rarity(w) * rarity(w))
                    .sum::<f32>()
                    .sqrt();
                let unit = |word: u32| (word, rarity(word) / length.max(1e-6));
                words.into_iter().map(unit).collect()
            })
            .collect();
        Self { of }
    }
}

/// Finds the shots of a question.
pub(crate) struct Neighbours<'a> {
    data: &'a RadiologyData,
    words: Words,
    /// Centred unit vectors of all images.
    vectors: Vec<Vec<f32>>,
    /// For every image those that show the same.
    same: &'a [Vec<usize>],
    /// Questions to choose from, by image.
    candidates: Vec<(usize, Vec<usize>)>,
    /// Weights of images and of words.
    weights: [f32; 2],
}

impl<'a> Neighbours<'a> {
    /// Chooses from `candidates`. `vectors` has the tower's vector of every image, `mean` is subtracted from them.
    pub(crate) fn new<'v>(
        data: &'a RadiologyData,
        vectors: impl Iterator<Item = &'v [f32]>,
        mean: &[f32],
        same: &'a [Vec<usize>],
        candidates: &[usize],
    ) -> Self {
        let centred = |vector: &[f32]| -> Vec<f32> {
            let centred: Vec<f32> = vector.iter().zip(mean).map(|(v, m)| v - m).collect();
            let length = centred.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-6);
            centred.into_iter().map(|v| v / length).collect()
        };
        let mut by_image: Vec<Vec<usize>> = vec![Vec::new(); data.images.len()];
        for &question in candidates {
            by_image[data.questions[question].image].push(question);
        }
        Self {
            data,
            words: Words::new(data),
            vectors: vectors.map(centred).collect(),
            same,
            candidates: by_image
                .into_iter()
                .enumerate()
                .filter(|(_, questions)| !questions.is_empty())
                .collect(),
            weights: [1.0, WORD_WEIGHT],
        }
    }

    /// The same with other weights of images and of words.
    pub(crate) fn with_weights(mut self, images: f32, words: f32) -> Self {
        self.weights = [images, words];
        self
    }

    /// Cosine of the images of two questions, centred.
    pub(crate) fn similarity(&self, question: usize, other: usize) -> f32 {
        let image = |question: usize| self.data.questions[question].image;
        self.image_similarity(image(question), image(other))
    }

    fn image_similarity(&self, a: usize, b: usize) -> f32 {
        let pairs = self.vectors[a].iter().zip(&self.vectors[b]);
        pairs.map(|(x, y)| x * y).sum()
    }

    /// Whether `other` may be shown beside `image`: it is not the same image, and does not show the same.
    pub(crate) fn may_show(&self, image: usize, other: usize) -> bool {
        other != image && self.same[image].binary_search(&other).is_err()
    }

    /// Whether `other` may be a shot of `question`: it is about another image that does not show the same.
    pub(crate) fn may_be_shot(&self, question: usize, other: usize) -> bool {
        let image = |question: usize| self.data.questions[question].image;
        self.may_show(image(question), image(other))
    }

    /// The `count` questions most like `question`, best first; none of the image itself or one that shows the same.
    pub(crate) fn of(&self, question: usize, count: usize) -> Vec<usize> {
        let image = self.data.questions[question].image;
        let mut best: Vec<(f32, usize)> = Vec::new();
        for (other, questions) in &self.candidates {
            if !self.may_show(image, *other) {
                continue;
            }
            if let Some((cosine, question)) = self.words.best(question, questions) {
                let score = self.weights[0] * self.image_similarity(image, *other)
                    + self.weights[1] * cosine;
                best.push((score, question));
            }
        }
        let count = count.min(best.len());
        if count == 0 {
            return Vec::new();
        }
        best.select_nth_unstable_by(count - 1, |a, b| b.0.total_cmp(&a.0));
        best.truncate(count);
        best.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        best.into_iter().map(|(_, question)| question).collect()
    }
}

impl Words {
    /// The best of `others` and its cosine with a question.
    fn best(&self, question: usize, others: &[usize]) -> Option<(f32, usize)> {
        let own = &self.of[question];
        let mut best: Option<(f32, usize)> = None;
        for &other in others {
            let mut cosine = 0.0;
            let (mut a, mut b) = (own.iter().peekable(), self.of[other].iter().peekable());
            while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
                match x.0.cmp(&y.0) {
                    std::cmp::Ordering::Less => drop(a.next()),
                    std::cmp::Ordering::Greater => drop(b.next()),
                    std::cmp::Ordering::Equal => {
                        cosine += x.1 * y.1;
                        a.next();
                        b.next();
                    }
                }
            }
            if best.is_none_or(|(known, _)| cosine > known) {
                best = Some((cosine, other));
            }
        }
        best
    }
}

/// For every image the other images that show the same or a neighbouring slice of one scan: their grey thumbnails of 24 x 24 correlate at
/// least by `limit`. `pixels` has every image as RGB `[side, side, 3]`.
pub(crate) fn near_duplicates(pixels: &[Vec<u8>], side: usize, limit: f32) -> Vec<Vec<usize>> {
    const THUMB: usize = 24;
    let thumbs: Vec<Vec<f32>> = pixels
        .iter()
        .map(|rgb| {
            let mut sums = vec![0f32; THUMB * THUMB];
            for (at, pixel) in rgb.chunks_exact(3).enumerate() {
                let (x, y) = (at % side * THUMB / side, at / side * THUMB / side);
                let grey = u32::from(pixel[0]) + u32::from(pixel[1]) + u32::from(pixel[2]);
                sums[y * THUMB + x] += grey as f32;
            }
            let mean = sums.iter().sum::<f32>() / sums.len() as f32;
            sums.iter_mut().for_each(|v| *v -= mean);
            let length = sums.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-6);
            sums.iter_mut().for_each(|v| *v /= length);
            sums
        })
        .collect();
    let mut same = vec![Vec::new(); pixels.len()];
    for a in 0..thumbs.len() {
        for b in 0..a {
            let pairs = thumbs[a].iter().zip(&thumbs[b]);
            if pairs.map(|(x, y)| x * y).sum::<f32>() >= limit {
                same[a].push(b);
                same[b].push(a);
            }
        }
    }
    same.iter_mut().for_each(|list| list.sort_unstable());
    same
}
