//! What a cache evicts, and when.

use super::*;
use std::time::Duration;

fn cache(folder: &Path) -> Latents {
    Latents::new(folder, &"a".repeat(64))
}

/// The hash of an image.
fn name(i: usize) -> String {
    format!("{i:02}").repeat(32)
}

/// Caches 164 bytes for an image, last used this many seconds ago.
fn cache_image(latents: &Latents, i: usize, seconds: u64) {
    latents.put(&name(i), &[i as u8; 100]).unwrap();
    let path = latents.path(&name(i)).unwrap();
    File::options()
        .append(true)
        .open(path)
        .unwrap()
        .set_modified(SystemTime::now() - Duration::from_secs(seconds))
        .unwrap();
}

fn files_of(latents: &Latents) -> usize {
    latents.size_of(&|_| true).files
}

#[test]
fn the_least_recently_used_is_evicted_first_and_a_damaged_file_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let latents = cache(folder.path());
    for i in 0..4 {
        cache_image(&latents, i, 100 - i as u64);
    }
    assert_eq!(latents.get(&name(0)), Some(vec![0; 100]), "used now");
    let expected = CacheSize {
        files: 4,
        bytes: 4 * 164,
    };
    assert_eq!(latents.size_of(&|_| true), expected);
    assert_eq!(latents.set_limit(2 * 164).unwrap(), 2);
    assert!(latents.has(&name(0)) && latents.has(&name(3)) && !latents.has(&name(1)));
    let path = latents.path(&name(3)).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[120] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    assert_eq!(latents.get(&name(3)), None);
    assert_eq!(latents.get("../../etc/passwd"), None);
}

#[test]
fn a_limit_applies_to_every_process() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(cache(folder.path()).set_limit(3 * 164 + 10).unwrap(), 0);
    for i in 0..9 {
        // Opened again each time, as by different processes.
        let latents = cache(folder.path());
        assert_eq!(latents.limit(), 3 * 164 + 10);
        cache_image(&latents, i, 100 - i as u64);
        assert!(latents.has(&name(i)));
        assert!(latents.size_of(&|_| true).bytes <= latents.limit(), "{i}");
    }
    // Writing the same image again replaces it.
    cache_image(&cache(folder.path()), 8, 0);
    assert_eq!(files_of(&cache(folder.path())), 3);
    cache(folder.path()).put(&name(10), &[0; 1000]).unwrap();
    assert!(
        !cache(folder.path()).has(&name(10)),
        "larger than the limit"
    );
    assert_eq!(files_of(&cache(folder.path())), 3);
}

#[test]
fn latents_of_different_types_are_cached_separately() {
    let folder = tempfile::tempdir().unwrap();
    let plain = cache(folder.path());
    cache_image(&plain, 1, 0);
    let half = cache(folder.path()).computed_in("bf16");
    assert!(!half.exists());
    cache_image(&half, 2, 0);
    assert!(!half.has(&name(1)) && !plain.has(&name(2)));
    assert!(cache(folder.path()).computed_in("f32").has(&name(1)));
    assert_eq!(Latents::all(folder.path()).len(), 2);
}

#[test]
fn a_damaged_or_missing_usage_file_is_counted_again() {
    let folder = tempfile::tempdir().unwrap();
    let latents = cache(folder.path());
    for i in 0..4 {
        cache_image(&latents, i, 100 - i as u64);
    }
    for text in ["", "\u{0}\u{0}", "4 x", &"7 ".repeat(40)] {
        std::fs::write(latents.folder.join("tally"), text).unwrap();
        assert_eq!(latents.limit(), DEFAULT_LIMIT, "{text:?}");
        cache_image(&latents, 4, 0);
        let usage = Usage::lock(&latents.folder).unwrap();
        assert_eq!((usage.limit, usage.bytes), (DEFAULT_LIMIT, Some(5 * 164)));
    }
}

#[test]
fn retain_deletes_the_latents_of_all_other_images_for_every_model() {
    let folder = tempfile::tempdir().unwrap();
    for model in ["a", "b"] {
        let latents = Latents::new(folder.path(), &model.repeat(64));
        for i in 0..4 {
            cache_image(&latents, i, 100);
        }
        // Left by an interrupted write.
        std::fs::write(latents.folder.join("00/.rounds-x"), "rest").unwrap();
    }
    let named = |image: &str| image == name(1) || image == name(2);
    let caches = Latents::all(folder.path());
    assert_eq!(caches.len(), 2);
    for latents in caches {
        assert_eq!(latents.size_of(&named).files, 2);
        assert_eq!(latents.retain(&named).unwrap(), 3);
        assert_eq!(files_of(&latents), 2);
        let usage = Usage::lock(&latents.folder).unwrap();
        assert_eq!(usage.bytes, Some(2 * 164));
    }
}
