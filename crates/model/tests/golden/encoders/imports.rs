//! What an import writes and reports, and what it leaves when it fails or is stopped.

use rounds_model::encoder::{
    Activation, EncoderBundle, EncoderOptions, ImageEncoder, TextEncoder, import,
};
use rounds_model::import::WeightFormat;
use rounds_support::Cancel;

use super::{CHECKPOINTS, encoder, golden, imported, options, run};

#[test]
fn an_import_uses_every_tensor_and_reports_it() {
    for (name, family, ignored) in CHECKPOINTS {
        let (folder, summary) = imported(name, WeightFormat::F32);
        assert_eq!(
            (summary.family, summary.ignored),
            (family, ignored),
            "{name}"
        );
        let manifest = EncoderBundle::manifest(folder.path()).expect("a manifest");
        assert_eq!(manifest.family, family);
        assert_eq!(
            (manifest.name.as_str(), manifest.licence.as_str()),
            ("tiny", "CC0")
        );
        let encoder = encoder(folder.path());
        assert_eq!(encoder.id(), manifest.id());
        assert_eq!(
            encoder.dimension(),
            encoder.encode_text("x").expect("a vector").len()
        );
        assert_eq!(
            EncoderBundle::verify(folder.path()).expect("verified"),
            [""; 0]
        );
    }
}

#[test]
fn both_layouts_of_one_clip_give_one_bundle_of_weights() {
    let sum = |name| {
        let (folder, _) = imported(name, WeightFormat::F32);
        let manifest = EncoderBundle::manifest(folder.path()).expect("a manifest");
        manifest.files["model.safetensors"].clone()
    };
    assert_eq!(sum("clip/hf"), sum("clip/open_clip"));
}

#[test]
fn the_encoder_id_covers_everything_that_changes_vectors() {
    let id = |change: fn(&mut EncoderOptions)| {
        let folder = tempfile::tempdir().expect("a folder");
        let mut options = options(WeightFormat::F32);
        change(&mut options);
        run(&golden("encoders/clip/hf"), folder.path(), &options).expect("imported");
        EncoderBundle::manifest(folder.path()).expect("a manifest")
    };
    let (one, same) = (id(|_| {}), id(|o| o.name = "another".into()));
    let other = id(|o| o.overrides.activation = Some(Activation::Gelu));
    assert_eq!(one.files, other.files);
    assert_eq!(one.id(), same.id());
    assert_ne!(one.id(), other.id());
    let mut changed = one.clone();
    changed.pixels.mean[0] += 0.01;
    assert_ne!(one.id(), changed.id());
    changed = one.clone();
    changed
        .files
        .insert("tokenizer.json".into(), "0".repeat(64));
    assert_ne!(one.id(), changed.id());
}

#[test]
fn an_old_bundle_keeps_its_encoder_id() {
    let (folder, _) = imported("clip/hf", WeightFormat::F32);
    let path = folder.path().join(EncoderBundle::MANIFEST);
    let text = std::fs::read_to_string(&path).expect("a manifest");
    let line = "vectors_known_by = \"settings\"\n";
    assert!(text.contains(line), "{text}");
    std::fs::write(&path, text.replace(line, "")).expect("written");
    let manifest = EncoderBundle::manifest(folder.path()).expect("a manifest");
    assert_eq!(manifest.id(), manifest.files["model.safetensors"]);
}

#[test]
fn an_import_that_fails_at_the_end_keeps_the_old_bundle() {
    let (folder, _) = imported("clip/hf", WeightFormat::F32);
    let read = |name: &str| std::fs::read(folder.path().join(name)).expect(name);
    let names = ["model.safetensors", EncoderBundle::MANIFEST];
    let before = names.map(read);
    let (there, aside) = (
        folder.path().join("tokenizer.json"),
        folder.path().join("aside.json"),
    );
    std::fs::rename(&there, &aside).expect("moved");
    std::fs::create_dir(&there).expect("a folder in its place");
    let other = golden("encoders/siglip/hf");
    run(&other, folder.path(), &options(WeightFormat::F32))
        .expect_err("there is no room for a file");
    assert!(names.map(read) == before);
    std::fs::remove_dir(&there).expect("removed");
    std::fs::rename(&aside, &there).expect("moved back");
    EncoderBundle::open(folder.path()).expect("it is whole");
    // Then the other one replaces it and leaves no temporary files.
    run(&other, folder.path(), &options(WeightFormat::F32)).expect("imported");
    assert!(read("model.safetensors") != before[0]);
    assert_eq!(std::fs::read_dir(folder.path()).expect("it").count(), 3);
}

#[test]
fn a_stopped_import_leaves_no_bundle_and_no_parts() {
    let out = tempfile::tempdir().expect("a folder");
    let cancel = Cancel::new();
    let stop = cancel.clone();
    let checkpoint = golden("encoders/siglip/hf");
    let error = import(
        &checkpoint,
        out.path(),
        &options(WeightFormat::F32),
        &cancel,
        &mut |done, _| {
            if done == 10 {
                stop.cancel();
            }
        },
    )
    .expect_err("stopped");
    assert_eq!(error.to_string(), "stopped");
    assert_eq!(
        std::fs::read_dir(out.path()).expect("the folder").count(),
        0
    );
}
