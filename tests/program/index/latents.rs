//! What is kept of an index's images: within its limit, and no longer than the images themselves.

use super::*;
use rounds_assistant::{Engine, Setup};
use rounds_index::latents::Latents;

fn engine(place: &Path) -> Engine {
    let setup = Setup {
        index: Some(place.to_path_buf()),
        ..setup()
    };
    Engine::load(&setup).unwrap()
}

/// Adds a question about an image that no other example has.
fn add_one(folder: &Path, home: &Path) {
    let image = folder.join("new.png");
    image::RgbImage::from_pixel(24, 20, image::Rgb([9, 200, 9]))
        .save(&image)
        .unwrap();
    let image = image.to_str().unwrap();
    let words = [
        "index",
        "add",
        "mine",
        "-i",
        image,
        "--question",
        "New?",
        "--answer",
        "yes",
    ];
    let (code, _, err) = run(home, &words);
    assert_eq!(code, 0, "{err}");
}

#[test]
fn what_was_made_of_an_image_goes_with_it_whichever_model_made_it() {
    let (folder, home) = imported(30);
    let place = home.join("data/indexes/mine");
    assert_eq!(run(&home, &["index", "warm", "mine"]).0, 0);
    let other = Latents::new(&place, &"f".repeat(64));
    let (mut ids, mut gone) = (Vec::new(), String::new());
    let index = Index::open(Some(&place)).unwrap();
    index
        .each_example(&mut |example| {
            let example = example?;
            let image = &example.image().unwrap().sha256;
            other.put(image, b"of another model").unwrap();
            // The three questions about the first image.
            if gone.is_empty() || gone == *image {
                gone.clone_from(image);
                ids.push(example.id.clone());
            }
            Ok(())
        })
        .unwrap();
    drop(index);
    assert_eq!(ids.len(), 3);
    let mut words = vec!["index", "remove", "mine"];
    words.extend(ids.iter().map(String::as_str));
    assert_eq!(run(&home, &words).0, 0);
    add_one(folder.path(), &home);
    // What is kept of the removed image does not stand for the new one.
    let plan = engine(&place).warm_plan(None).unwrap();
    assert_eq!(
        (plan.images, plan.cached, plan.missing),
        (10, 9 * plan.bytes_each, plan.bytes_each)
    );
    let caches = Latents::all(&place);
    assert_eq!(caches.len(), 2);
    assert!(caches.iter().all(|cache| cache.has(&gone)));
    let (code, _, err) = run(&home, &["index", "compact", "mine"]);
    assert_eq!(code, 0, "{err}");
    for cache in caches {
        assert!(!cache.has(&gone));
        assert_eq!(cache.size_of(&|_| true).files, 9);
    }
}

#[test]
fn warming_lets_go_what_was_made_of_removed_examples() {
    let (_folder, home) = imported(6);
    let place = home.join("data/indexes/mine");
    let mut engine = engine(&place);
    let stale = Latents::new(&place, &"f".repeat(64));
    let (cache, _) = engine.latent_cache().unwrap();
    for latents in [&stale, &cache] {
        latents.put(&"ab".repeat(32), b"of no image").unwrap();
    }
    let warmed = engine
        .warm_all(None, &Cancel::new(), &mut |_, _| {})
        .unwrap();
    assert_eq!((warmed.images, warmed.evicted), (2, 1));
    assert!(!cache.has(&"ab".repeat(32)));
}

#[test]
fn questions_keep_to_the_limit_that_was_set_for_the_cache() {
    let (_folder, home) = imported(30);
    let place = home.join("data/indexes/mine");
    let mut engine = engine(&place);
    let each = engine.warm_plan(None).unwrap().bytes_each;
    let limit = 3 * each + 10;
    let warmed = engine
        .warm_all(Some(limit), &Cancel::new(), &mut |_, _| {})
        .unwrap();
    assert_eq!((warmed.images, warmed.bytes), (3, 3 * each));
    let plan = engine.warm_plan(None).unwrap();
    assert_eq!(
        (plan.limit, plan.missing, plan.skipped),
        (limit, 0, 7),
        "it is remembered"
    );
    let (code, _, err) = run(&home, &["index", "warm", "mine", "--dry-run"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("leaves out 7 images"), "{err}");
    let query = fixtures::path("cases/chest-nodule.png");
    for seed in ["1", "2"] {
        let words = [
            "ask",
            "What is seen?",
            "--index",
            "mine",
            "--shots",
            "8",
            "--strategy",
            "random",
            "--seed",
            seed,
            "-i",
            query.to_str().unwrap(),
            "--json",
        ];
        let (code, out, err) = run(&home, &words);
        assert_eq!(code, 0, "{err}");
        let answer: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(answer["shots"].as_array().unwrap().len(), 8);
        let (cache, _) = engine.latent_cache().unwrap();
        let held = cache.size_of(&|_| true);
        assert!(
            held.bytes <= limit && held.files > 0,
            "{held:?}, at most {limit}"
        );
    }
}

/// As a model computes them on another device: they must not stand for what this one makes.
#[test]
fn latents_of_another_type_or_size_are_made_again() {
    use candle_core::{DType, Device, Tensor};
    let (_folder, home) = imported(12);
    let place = home.join("data/indexes/mine");
    let query = fixtures::path("cases/chest-nodule.png");
    let query = query.to_str().unwrap();
    let ask = || {
        let words = [
            "ask",
            "What is seen?",
            "--index",
            "mine",
            "--device",
            "cpu",
            "-i",
            query,
            "--json",
        ];
        let (code, out, err) = run(&home, &words);
        assert_eq!(code, 0, "{err}");
        let answer: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(answer["shots"].as_array().unwrap().len(), 4);
        answer["answer"].as_str().unwrap().to_string()
    };
    let plain = ask();
    assert_eq!(run(&home, &["index", "warm", "mine"]).0, 0);
    assert_eq!(ask(), plain);
    let (cache, _) = engine(&place).latent_cache().unwrap();
    let change = |made: &dyn Fn(Tensor) -> Tensor| {
        for image in Index::open(Some(&place)).unwrap().all_images().unwrap() {
            let bytes = cache.get(&image.sha256).unwrap();
            let mut tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu).unwrap();
            let latents = made(tensors.remove("latents").unwrap());
            tensors.insert("latents".into(), latents);
            let bytes = safetensors::serialize(&tensors, None).unwrap();
            cache.put(&image.sha256, &bytes).unwrap();
        }
    };
    change(&|latents| latents.to_dtype(DType::BF16).unwrap());
    assert_eq!(ask(), plain);
    change(&|latents| latents.narrow(1, 0, 3).unwrap().contiguous().unwrap());
    assert_eq!(ask(), plain);
}

#[test]
fn warming_that_nobody_waits_for_any_more_stops() {
    let (_folder, home) = imported(120);
    let place = home.join("data/indexes/mine");
    let setup = Setup {
        index: Some(place.clone()),
        ..setup()
    };
    let assistant = rounds_assistant::Assistant::start(setup).unwrap();
    drop(assistant.warm(true, Cancel::new()));
    // The model's thread does one thing after the other.
    let plan = assistant.warm(false, Cancel::new()).recv().unwrap();
    let rounds_assistant::maintenance::WarmEvent::Plan(plan) = plan else {
        panic!("{plan:?}");
    };
    assert_eq!(plan.images, 40);
    assert!(plan.cached <= 2 * plan.bytes_each, "{plan:?}");
}
