//! An index under damage: killed imports, flipped bytes, and a disk that takes no more.
//!
//! Two settings in the environment make a longer run of it: `ROUNDS_KILLS` is how many imports are killed, and of a large
//! file each `ROUNDS_FLIPS`th byte is flipped.

use super::*;
use rounds_index::verify::verify;
use rounds_index::{Filter, Search};
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::num::NonZeroUsize;
use std::process::{Command as Process, Stdio};
use std::time::Duration;

const SEAL: &str = "seal.toml";

/// Larger files are mostly the empty pages of a database: only some of their bytes are flipped, at another place each page.
const LARGE_FILE: usize = 20_000;

/// A whole number above 0 from the environment; `usual` where it is not set.
fn setting(name: &str, usual: usize) -> usize {
    let Some(text) = std::env::var_os(name) else {
        return usual;
    };
    let number = text.to_str().and_then(|text| text.parse().ok());
    let number: NonZeroUsize =
        number.unwrap_or_else(|| panic!("{name} is {text:?}: write a whole number above 0"));
    number.get()
}

/// Kills an import at a random moment, again and again, into one index that each import goes on with.
#[test]
fn a_killed_import_keeps_every_row_it_acknowledged() {
    let kills = setting("ROUNDS_KILLS", 12);
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    let data = data(&folder.path().join("data"), 1800);
    let mut random = 88_172_645_463_325_252_u64;
    let (mut home, mut acknowledged) = (folder.path().join("home-0"), 0);
    let mut begun = 0;
    for kill in 0..kills {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let words = ["index", "import", "mine", "--format", "folder", "--commits"];
        let mut child = on_fixtures(&mut Process::new(PROGRAM))
            .env("ROUNDS_HOME", &home)
            .args(words)
            .arg(&data)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        let reader = std::thread::spawn(move || {
            let said = lines.lines().map_while(Result::ok);
            let rows = said.filter_map(|l| {
                l.strip_prefix("committed ")?
                    .split(' ')
                    .next()?
                    .parse::<u64>()
                    .ok()
            });
            rows.max().unwrap_or(0)
        });
        std::thread::sleep(Duration::from_millis(20 + random % 900));
        child.kill().unwrap();
        let ended = child.wait().unwrap();
        acknowledged = acknowledged.max(reader.join().unwrap());
        let place = home.join("data/indexes/mine");
        if place.join("index.toml").exists() {
            let index = Index::open(Some(&place)).unwrap();
            assert!(
                index.len() as u64 >= acknowledged,
                "kill {kill}: {} of {acknowledged}",
                index.len()
            );
            let verdict = verify(Some(&place), &Cancel::new(), &mut |_, _| {}).unwrap();
            assert!(
                verdict.faults.is_empty(),
                "kill {kill}: {:?}",
                verdict.faults
            );
            assert_eq!(verdict.examples, index.len());
        } else {
            assert_eq!(acknowledged, 0, "kill {kill}: the index is gone");
        }
        // Came to its end: begin again with a new one.
        if ended.success() {
            begun += 1;
            (home, acknowledged) = (folder.path().join(format!("home-{begun}")), 0);
        }
    }
    println!("{kills} kills, {begun} imports came to their end between them");
}

/// All that is read of an index; the same texts for the same answers.
fn read(place: &Path) -> Result<Vec<String>, IndexError> {
    let index = Index::open(Some(place))?;
    let mut out = vec![index.sha256()];
    index.each_example(&mut |example| {
        let example = example?;
        for image in &example.images {
            index.image(image)?;
        }
        out.push(format!("{example:?}"));
        Ok(())
    })?;
    let hits = index.fulltext_search("finding seen 3", 6, &|_| true)?;
    out.push(format!(
        "{hits:?} {:?}",
        index.numbers_by_tag("modality", "ct")?
    ));
    for encoder in index.encoders() {
        let encoder = &encoder.sha256;
        for number in 0..index.rows() {
            let vector = index.vectors(encoder)?.row(number)?.unwrap();
            let hits = index.nearest(encoder, &vector, 3, &Filter::All, Search::Exact)?;
            out.push(format!("{hits:?}"));
        }
    }
    Ok(out)
}

/// A copy of a folder with all that is in it.
fn copy(folder: &Path) -> tempfile::TempDir {
    let copied = tempfile::tempdir().unwrap();
    for path in files(folder) {
        let to = copied.path().join(path.strip_prefix(folder).unwrap());
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(&path, to).unwrap();
    }
    copied
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(folder, &mut files);
    files
}

/// How many flipped bytes were an error, and how many changed nothing that is read.
#[derive(Default)]
struct Flipped {
    found: usize,
    harmless: usize,
}

/// Flips one bit of a byte, reads the index, and flips it back, byte by byte: every `step`th of a large file, and of these
/// every `of`th from number `share` on.
fn flip(place: &Path, right: &[String], step: usize, share: usize, of: usize) -> Flipped {
    let mut flipped = Flipped::default();
    let sealed = place.join(SEAL).exists();
    for path in files(place) {
        let whole = std::fs::read(&path).unwrap();
        let mut file = std::fs::File::options().write(true).open(&path).unwrap();
        let mut put = |at: usize, byte: u8| {
            file.seek(SeekFrom::Start(at as u64)).unwrap();
            file.write_all(&[byte]).unwrap();
        };
        let step = if whole.len() > LARGE_FILE { step } else { 1 };
        for at in (0..whole.len()).step_by(step).skip(share).step_by(of) {
            put(at, whole[at] ^ (1 << (at % 8)));
            match read(place) {
                Err(_) => flipped.found += 1,
                Ok(same) if same == right => flipped.harmless += 1,
                Ok(other) => {
                    // A sealed index is hashed when it is opened; of one that a crash left, a check must find it.
                    assert!(!sealed, "{}: byte {at}: {other:?}", path.display());
                    let verdict = verify(Some(place), &Cancel::new(), &mut |_, _| {}).unwrap();
                    assert!(!verdict.faults.is_empty(), "byte {at}: {other:?}");
                    flipped.found += 1;
                }
            }
            put(at, whole[at]);
        }
    }
    assert_eq!(read(place).unwrap(), right);
    flipped
}

/// Every byte of every file of a small index, one bit of it flipped: it is found, or nothing that is read differs.
#[test]
fn a_flipped_byte_is_found_or_harmless_and_never_a_wrong_answer() {
    let (_folder, home) = imported(6);
    let (found, harmless) = flipped(&home.join("data/indexes/mine"));
    assert!(found > 20 * harmless, "{found} found, {harmless} harmless");
}

/// As a crash leaves it: the database is not hashed, and a check finds every flip that changes an answer.
#[test]
fn a_flipped_byte_of_a_database_without_a_seal_is_found_by_a_check_or_harmless() {
    let (_folder, home) = imported(6);
    let place = home.join("data/indexes/mine");
    std::fs::remove_file(place.join(SEAL)).unwrap();
    flipped(&place);
}

/// How many flips were found, and how many changed nothing that is read.
fn flipped(place: &Path) -> (usize, usize) {
    let step = setting("ROUNDS_FLIPS", 61);
    let lengths: Vec<u64> = files(place)
        .iter()
        .map(|path| path.metadata().unwrap().len())
        .collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let copies: Vec<tempfile::TempDir> = (0..threads).map(|_| copy(place)).collect();
    let right = read(place).unwrap();
    let flipped: Vec<Flipped> = std::thread::scope(|scope| {
        let (right, step) = (&right, step);
        let started: Vec<_> = copies
            .iter()
            .enumerate()
            .map(|(share, copy)| {
                scope.spawn(move || flip(copy.path(), right, step, share, threads))
            })
            .collect();
        let ended = started.into_iter().map(|thread| thread.join());
        ended.collect::<Result<_, _>>()
    })
    .unwrap();
    let found: usize = flipped.iter().map(|flipped| flipped.found).sum();
    let harmless: usize = flipped.iter().map(|flipped| flipped.harmless).sum();
    println!(
        "{} of {} bytes of {} files were flipped: {found} flips were found, {harmless} were harmless",
        found + harmless,
        lengths.iter().sum::<u64>(),
        lengths.len()
    );
    (found, harmless)
}

/// A disk that takes no more than so many bytes for a file.
#[cfg(target_os = "linux")]
#[test]
fn a_write_that_fails_anywhere_leaves_an_index_that_opens() {
    let (_folder, home, data) = begun(90);
    let first = ["index", "create", "mine"];
    assert_eq!(run(&home, &first).0, 0);
    let place = home.join("data/indexes/mine");
    let mut done = 0;
    // Blocks of 1,024 bytes, as `ulimit -f` counts in bash.
    for limit in [1, 2, 4, 8, 12, 20, 40, 80, 160, 320, 640, 1280] {
        let command = format!(
            "trap '' XFSZ; ulimit -f {limit}; exec {} index import mine {} --format folder",
            PROGRAM,
            data.display()
        );
        let ended = on_fixtures(&mut Process::new("bash"))
            .args(["-c", &command])
            .env("ROUNDS_HOME", &home)
            .output()
            .unwrap();
        let index = Index::open(Some(&place)).unwrap();
        assert!(index.len() >= done, "{limit}: {} of {done}", index.len());
        done = index.len();
        let verdict = verify(Some(&place), &Cancel::new(), &mut |_, _| {}).unwrap();
        assert!(verdict.faults.is_empty(), "{limit}: {:?}", verdict.faults);
        if ended.status.success() {
            assert_eq!(done, 90);
        }
    }
    let import = [
        "index",
        "import",
        "mine",
        data.to_str().unwrap(),
        "--format",
        "folder",
    ];
    assert_eq!(run(&home, &import).0, 0);
    assert_eq!(Index::open(Some(&place)).unwrap().len(), 90);
}
