//! The means of token embeddings, and the slopes of ALiBi.

use super::*;
use crate::bundle::Bundle;
use crate::fixtures;
use crate::learner::FlamingoLearner;

#[test]
fn a_text_is_the_mean_of_its_tokens_and_a_strange_token_is_refused() {
    let bundle = Bundle::open(Some(&fixtures::path("nano"))).unwrap();
    let learner = FlamingoLearner::load(&bundle, &Device::Cpu).unwrap();
    let decoder = &learner.model().language;
    let of = |ids: &[u32]| decoder.mean_embedding(ids).unwrap();
    let (one, two, both) = (of(&[300]), of(&[301]), of(&[300, 301]));
    assert_ne!(one, two);
    for ((one, two), both) in one.iter().zip(&two).zip(&both) {
        assert!(((one + two) / 2.0 - both).abs() < 1e-6);
    }
    let size = decoder.config().vocab_size as u32;
    assert!(decoder.mean_embedding(&[size]).is_err());
    assert!(decoder.mean_embedding(&[]).is_err());
}

#[test]
fn alibi_slopes_match_the_paper_for_any_number_of_heads() {
    assert_eq!(alibi_slopes(4, 8.0), [0.25, 0.0625, 0.015625, 0.00390625]);
    // Next power of two is 4: its 2nd and 4th entries, then the 1st.
    assert_eq!(alibi_slopes(3, 8.0), [0.0625, 0.00390625, 0.25]);
}
