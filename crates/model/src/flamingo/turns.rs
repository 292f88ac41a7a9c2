//! Which turn of a few-shot prompt each token belongs to.
//!
//! A turn begins at an image token; images next to each other belong to one turn. Tokens before the first image belong to turn 0, which
//! has no image.

/// The turn of every token.
pub fn turns(ids: &[u32], image_token: u32) -> Vec<u32> {
    let (mut turn, mut after_image) = (0, false);
    ids.iter()
        .map(|&id| {
            let image = id == image_token;
            turn += u32::from(image && !after_image);
            after_image = image;
            turn
        })
        .collect()
}

/// The mean of each turn's image vectors, from turn 1 on. `vectors` has one for every image token in `ids`.
pub fn vectors_of_turns(ids: &[u32], image_token: u32, vectors: &[&[f32]]) -> Vec<Vec<f32>> {
    let mut images: Vec<Vec<&[f32]>> = Vec::new();
    let turns = turns(ids, image_token);
    let of_images = ids.iter().zip(turns).filter(|(id, _)| **id == image_token);
    for ((_, turn), vector) in of_images.zip(vectors) {
        images.resize(turn as usize, Vec::new());
        if let Some(last) = images.last_mut() {
            last.push(vector);
        }
    }
    images.iter().map(|vectors| mean(vectors)).collect()
}

fn mean(vectors: &[&[f32]]) -> Vec<f32> {
    let width = vectors.first().map_or(0, |vector| vector.len());
    let sum = |at: usize| vectors.iter().filter_map(|v| v.get(at)).sum::<f32>();
    (0..width)
        .map(|at| sum(at) / vectors.len() as f32)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const I: u32 = 9;

    #[test]
    fn a_turn_begins_at_an_image_and_neighbouring_images_share_one() {
        let ids = [1, I, 1, 1, I, I, 1, I];
        assert_eq!(turns(&ids, I), [0, 1, 1, 1, 2, 2, 2, 3]);
        assert_eq!(turns(&[1, 2], I), [0, 0]);
    }

    #[test]
    fn a_turn_with_several_images_has_the_mean_of_their_vectors() {
        let ids = [1, I, 1, I, I, 1];
        let vectors = [&[1.0, 0.0][..], &[0.0, 1.0], &[1.0, 1.0]];
        let found = vectors_of_turns(&ids, I, &vectors);
        assert_eq!(found, [vec![1.0, 0.0], vec![0.5, 1.0]]);
        assert!(vectors_of_turns(&[1, 2], I, &[]).is_empty());
    }
}
