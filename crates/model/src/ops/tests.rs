//! Compares the fused kernels with candle's operations, forward and backward.

use super::*;
use candle_core::{D, Device, Var};
use std::sync::Arc;

fn random(shape: &[usize]) -> Var {
    Var::randn(0f32, 1f32, shape, &Device::Cpu).unwrap()
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f32 {
    (a - b)
        .unwrap()
        .abs()
        .unwrap()
        .flatten_all()
        .unwrap()
        .max(0)
        .unwrap()
        .to_scalar()
        .unwrap()
}

/// Compares the values and all gradients of two results.
fn assert_same(inputs: &[&Var], ours: Tensor, theirs: Tensor) {
    assert!(largest_difference(&ours, &theirs) < 2e-5);
    let weight = Tensor::randn(0f32, 1f32, ours.shape(), &Device::Cpu).unwrap();
    let grads = |y: &Tensor| {
        (y * &weight)
            .unwrap()
            .sum_all()
            .unwrap()
            .backward()
            .unwrap()
    };
    let (a, b) = (grads(&ours), grads(&theirs));
    for (i, input) in inputs.iter().enumerate() {
        let difference = largest_difference(a.get(input).unwrap(), b.get(input).unwrap());
        assert!(difference < 2e-4, "gradient {i} differs by {difference}");
    }
}

#[test]
fn activations_agree_with_candle() {
    let (x, y) = (random(&[3, 5, 17]), random(&[3, 5, 17]));
    assert_same(&[&x], gelu(&x).unwrap(), x.gelu_erf().unwrap());
    let sigmoid = candle_nn::ops::sigmoid(&(x.as_tensor() * 1.702).unwrap()).unwrap();
    assert_same(
        &[&x],
        quick_gelu(&x).unwrap(),
        (x.as_tensor() * sigmoid).unwrap(),
    );
    assert_same(
        &[&x, &y],
        silu_mul(&x, &y).unwrap(),
        (x.silu().unwrap() * y.as_tensor()).unwrap(),
    );
}

#[test]
fn norms_agree_with_candle() {
    let (x, w, b) = (random(&[4, 3, 20]), random(&[20]), random(&[20]));
    let centred = x
        .broadcast_sub(&x.mean_keepdim(D::Minus1).unwrap())
        .unwrap();
    let variance = centred.sqr().unwrap().mean_keepdim(D::Minus1).unwrap();
    let theirs = centred
        .broadcast_div(&(variance + 1e-5).unwrap().sqrt().unwrap())
        .unwrap()
        .broadcast_mul(&w)
        .unwrap()
        .broadcast_add(&b)
        .unwrap();
    assert_same(&[&x, &w, &b], layer_norm(&x, &w, &b, 1e-5).unwrap(), theirs);
    let theirs = candle_nn::ops::rms_norm_slow(&x, &w, 1e-6).unwrap();
    assert_same(&[&x, &w], rms_norm(&x, &w, 1e-6).unwrap(), theirs);
}

#[test]
fn attention_agrees_with_the_composed_form_for_every_mask() {
    let (q, k, v) = (
        random(&[2, 5, 12]),
        random(&[2, 7, 12]),
        random(&[2, 7, 12]),
    );
    let ranges = (0..10u32).map(|i| (i % 3, if i % 4 == 0 { 0 } else { 3 + i % 5 }));
    let masks = [
        AttentionMask::All,
        AttentionMask::Causal {
            past: 2,
            padding: 0,
        },
        AttentionMask::Ranges(Arc::new(ranges.collect())),
    ];
    for mask in masks {
        let ours = attention(&q, &k, &v, 3, 0.5, mask.clone()).unwrap();
        let theirs = attention::composed_for_tests(&q, &k, &v, 3, 0.5, mask).unwrap();
        assert_same(&[&q, &k, &v], ours, theirs);
    }
}

#[test]
fn rope_is_inverted_by_its_gradient() {
    let table = RopeTable::new(32, 8, 8, 10_000.0);
    let x = random(&[2, 6, 16]);
    let y = rope(&x, &table, 3).unwrap();
    // A rotation keeps lengths, and the gradient of |y|^2 / 2 is x itself.
    let grads = (y.sqr().unwrap().sum_all().unwrap() * 0.5)
        .unwrap()
        .backward()
        .unwrap();
    assert!(largest_difference(grads.get(&x).unwrap(), &x) < 1e-5);
    assert!(rope(&x, &table, 27).is_err());
}

#[test]
fn cross_entropy_agrees_with_candle() {
    let x = random(&[6, 9]);
    let targets = vec![0u32, 8, 3, 3, 1, 2];
    let weights = vec![1f32, 0.5, 0.0, 2.0, 1.0, 1.0];
    let ours = cross_entropy(&x, targets.clone(), weights.clone()).unwrap();
    let t = Tensor::from_vec(targets, (6, 1), &Device::Cpu).unwrap();
    let w = Tensor::from_vec(weights, (6, 1), &Device::Cpu).unwrap();
    let theirs = (candle_nn::ops::log_softmax(&x, 1)
        .unwrap()
        .gather(&t, 1)
        .unwrap()
        * w)
        .unwrap()
        .sum_all()
        .unwrap()
        .neg()
        .unwrap();
    assert_same(&[&x], ours, theirs);
}
