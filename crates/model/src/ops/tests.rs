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
    assert_same(&[&x], gelu_tanh(&x).unwrap(), x.gelu().unwrap());
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
        let theirs = attention::composed_for_tests(&q, &k, &v, 3, 0.5, mask, None).unwrap();
        assert_same(&[&q, &k, &v], ours, theirs);
    }
}

#[test]
fn grouped_heads_agree_with_repeated_keys_and_values() {
    let heads = Heads {
        query: 6,
        key_value: 2,
    };
    let (q, k, v) = (random(&[2, 5, 24]), random(&[2, 7, 8]), random(&[2, 7, 8]));
    let mask = AttentionMask::Causal {
        past: 2,
        padding: 1,
    };
    let ours = attention(&q, &k, &v, heads, 0.5, mask.clone()).unwrap();
    let theirs = attention::composed_for_tests(&q, &k, &v, heads, 0.5, mask.clone(), None).unwrap();
    assert_same(&[&q, &k, &v], ours.clone(), theirs);
    let repeated = |t: &Tensor| {
        let t = t.reshape((2, 7, 2, 1, 4)).unwrap();
        let t = t.broadcast_as((2, 7, 2, 3, 4)).unwrap();
        t.reshape((2, 7, 24)).unwrap()
    };
    let plain = attention(&q, &repeated(&k), &repeated(&v), 6, 0.5, mask.clone()).unwrap();
    assert!(largest_difference(&ours, &plain) < 1e-5);
    let wrong = Heads {
        query: 6,
        key_value: 4,
    };
    assert!(attention(&q, &k, &v, wrong, 0.5, mask).is_err());
}

#[test]
fn the_bias_of_turns_and_its_gradient_agree_with_the_composed_form() {
    let heads = Heads {
        query: 4,
        key_value: 2,
    };
    let (q, k, v) = (random(&[2, 5, 12]), random(&[2, 7, 6]), random(&[2, 7, 6]));
    let values = random(&[2, 5, 4 * 3]);
    let of_key = [0, 0, 1, 1, 2, 2, 2, 0, 1, 1, 1, 2, 2, 2];
    let bias = TurnBias {
        values: values.as_tensor().clone(),
        turns: 3,
        of_key: Arc::new(of_key.to_vec()),
    };
    let mask = AttentionMask::Causal {
        past: 2,
        padding: 0,
    };
    let ours = attention_with_turns(&q, &k, &v, heads, 0.5, mask.clone(), &bias).unwrap();
    let composed = attention::composed_for_tests(&q, &k, &v, heads, 0.5, mask.clone(), Some(&bias));
    assert_same(&[&q, &k, &v, &values], ours, composed.unwrap());
    let unknown = TurnBias {
        of_key: Arc::new(vec![3; 14]),
        ..bias
    };
    let refused = attention_with_turns(&q, &k, &v, heads, 0.5, mask, &unknown);
    assert!(refused.is_err());
}

#[test]
fn depthwise_convolutions_agree_with_candle() {
    for (side, kernel, stride) in [(7, 3, 1), (7, 3, 2), (8, 3, 2), (9, 5, 1), (8, 5, 2)] {
        let x = random(&[2, side, side, 6]);
        let weight = random(&[6, 1, kernel, kernel]);
        let ours = depthwise(&x, &weight, stride).unwrap();
        let (before, after, out) = same_padding(side, kernel, stride);
        assert_eq!(ours.dims(), [2, out, out, 6]);
        // candle has no backward pass for grouped convolutions, so one channel at a time.
        let channels = (0..6).map(|channel| {
            let x = x.narrow(3, channel, 1)?.permute((0, 3, 1, 2))?;
            let x = x.pad_with_zeros(2, before, after)?;
            let x = x.pad_with_zeros(3, before, after)?;
            let weight = weight.narrow(0, channel, 1)?;
            x.conv2d(&weight, 0, stride, 1, 1)?.permute((0, 2, 3, 1))
        });
        let channels = channels.collect::<candle_core::Result<Vec<_>>>().unwrap();
        let theirs = Tensor::cat(&channels, 3).unwrap();
        assert!(largest_difference(&ours, &theirs) < 2e-5);
        if stride == 1 {
            assert_same(&[&x, &weight], ours, theirs);
        }
    }
}

#[test]
fn the_gradient_of_a_strided_depthwise_convolution_is_that_of_its_differences() {
    let (x, weight) = (random(&[1, 6, 6, 2]), random(&[2, 1, 3, 3]));
    let loss = |x: &Tensor, weight: &Tensor| {
        let y = depthwise(x, weight, 2).unwrap();
        y.sqr().unwrap().sum_all().unwrap()
    };
    let grads = loss(&x, &weight).backward().unwrap();
    for (input, is_x) in [(&x, true), (&weight, false)] {
        let direction = Tensor::randn(0f32, 1f32, input.shape(), &Device::Cpu).unwrap();
        let moved = |by: f64| (input.as_tensor() + (&direction * by).unwrap()).unwrap();
        let at = |moved: &Tensor| {
            let value = match is_x {
                true => loss(moved, &weight),
                false => loss(&x, moved),
            };
            value.to_scalar::<f32>().unwrap()
        };
        let slope = (at(&moved(1e-2)) - at(&moved(-1e-2))) / 2e-2;
        let exact = (grads.get(input).unwrap() * &direction).unwrap();
        let exact = exact.sum_all().unwrap().to_scalar::<f32>().unwrap();
        assert!(
            (slope - exact).abs() < 2e-2 * exact.abs().max(1.0),
            "{slope} {exact}"
        );
    }
}

#[test]
fn bias_and_relu6_agree_with_candle() {
    let x = (random(&[3, 4, 5]).as_tensor() * 5.0).unwrap();
    let (x, bias) = (Var::from_tensor(&x).unwrap(), random(&[5]));
    let theirs = x.broadcast_add(&bias).unwrap().relu().unwrap();
    // min(y, 6) = 6 - relu(6 - y), whose gradient candle knows.
    let theirs = (6.0 - (6.0 - theirs).unwrap().relu().unwrap()).unwrap();
    assert_same(&[&x, &bias], bias_relu6(&x, &bias).unwrap(), theirs);
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
