//! Benchmarks vector search at a chosen size. `benches/peers/vectors.py` measures other libraries on the same rows.
//!
//!     cargo bench --bench vectors -- data  FOLDER ROWS      writes FOLDER/base.f32 and FOLDER/queries.f32
//!     cargo bench --bench vectors -- exact FOLDER           writing, opening, exact search
//!     cargo bench --bench vectors -- graph FOLDER [ROWS]    building and searching both graphs over the same rows: the own one,
//!                                                           also saved and loaded, and that of `hnsw_rs`
//!     cargo bench --bench vectors -- filter FOLDER          filter selectivity at which a scan beats the graph
//!     benches/peers/vectors.py FOLDER SYSTEM...
//!
//! A row has 512 values: a centre, a step in a shared 32-dimensional space, and a little noise. Queries have the same
//! distribution but are not among the rows. Every line of output is a JSON object. It includes the system load, because
//! figures from a busy machine are worthless. Under `cargo test` this does nothing.

use std::fs::File;
use std::io::{BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use rounds_index::vectors::{Filter, Graph, GraphSearch, Hit, VectorWriter, Vectors};
use rounds_support::Cancel;

const DIMENSION: usize = 512;
const LATENT: usize = 32;
const QUERIES: usize = 500;
const ROWS_PER_CENTRE: usize = 500;
const K: usize = 10;
const NAME: &str = "bench";
const WIDTHS: [usize; 10] = [12, 16, 24, 32, 48, 64, 96, 128, 192, 256];

type Neighbours = Vec<Vec<Hit>>;
type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with("--"))
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["data", folder, rows] => data(Path::new(folder), rows.parse()?),
        ["exact", folder] => exact(Path::new(folder)),
        ["graph", folder] => graph(Path::new(folder), None),
        ["graph", folder, rows] => graph(Path::new(folder), Some(rows.parse()?)),
        ["filter", folder] => filter(Path::new(folder)),
        _ => Ok(()),
    }
}

/// SplitMix64, with roughly normal values from sums of four 16-bit numbers.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn normal(&mut self) -> f32 {
        let bits = self.next();
        let sum: u64 = (0..4).map(|part| (bits >> (16 * part)) & 0xFFFF).sum();
        (sum as f32 - 131_070.0) / 37_837.0
    }

    /// A random vector of approximately the given length.
    fn vector(&mut self, count: usize, length: f32) -> Vec<f32> {
        let by = length / (count as f32).sqrt();
        (0..count).map(|_| self.normal() * by).collect()
    }
}

fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = vector.iter().map(|v| v * v).sum::<f32>().sqrt();
    vector.iter_mut().for_each(|v| *v /= length);
    vector
}

/// Generates rows: centres in a cone around a common direction, and variation around each centre.
struct RowGenerator {
    random: Random,
    centres: Vec<Vec<f32>>,
    axes: Vec<Vec<f32>>,
}

impl RowGenerator {
    fn new(rows: usize) -> Self {
        let mut random = Random(2026);
        let common = random.vector(DIMENSION, 0.7);
        let centres = (0..(rows / ROWS_PER_CENTRE).max(10))
            .map(|_| {
                let offset = random.vector(DIMENSION, 0.7);
                common.iter().zip(offset).map(|(a, b)| a + b).collect()
            })
            .collect();
        let axes = (0..LATENT).map(|_| random.vector(DIMENSION, 1.0)).collect();
        Self {
            random,
            centres,
            axes,
        }
    }

    fn row(&mut self) -> Vec<f32> {
        let centre = self.random.next() as usize % self.centres.len();
        let step = self.random.vector(LATENT, 0.6);
        let mut row = self.random.vector(DIMENSION, 0.15);
        for (value, centre) in row.iter_mut().zip(&self.centres[centre]) {
            *value += centre;
        }
        for (by, axis) in step.iter().zip(&self.axes) {
            for (value, along) in row.iter_mut().zip(axis) {
                *value += by * along;
            }
        }
        unit(row)
    }
}

fn data(folder: &Path, rows: usize) -> Outcome<()> {
    std::fs::create_dir_all(folder)?;
    let mut generator = RowGenerator::new(rows);
    for (name, count) in [("base.f32", rows), ("queries.f32", QUERIES)] {
        let mut out = BufWriter::new(File::create(folder.join(name))?);
        for _ in 0..count {
            for value in generator.row() {
                out.write_all(&value.to_le_bytes())?;
            }
        }
        out.flush()?;
    }
    Ok(())
}

fn read_rows(path: &Path, mut each: impl FnMut(&[f32]) -> Outcome<()>) -> Outcome<()> {
    let mut file = std::io::BufReader::with_capacity(1 << 20, File::open(path)?);
    let mut bytes = vec![0_u8; 4 * DIMENSION];
    while file.read_exact(&mut bytes).is_ok() {
        let row: Vec<f32> = bytes
            .as_chunks::<4>()
            .0
            .iter()
            .map(|four| f32::from_le_bytes(*four))
            .collect();
        each(&row)?;
    }
    Ok(())
}

fn queries(folder: &Path) -> Outcome<Vec<Vec<f32>>> {
    let mut found = Vec::new();
    read_rows(&folder.join("queries.f32"), |row| {
        found.push(row.to_vec());
        Ok(())
    })?;
    Ok(found)
}

fn count(folder: &Path) -> Outcome<usize> {
    Ok(std::fs::metadata(folder.join("base.f32"))?.len() as usize / 4 / DIMENSION)
}

fn files(folder: &Path) -> PathBuf {
    folder.join("vectors")
}

fn open(folder: &Path) -> Outcome<Vectors> {
    Ok(Vectors::open(
        &files(folder),
        NAME,
        DIMENSION,
        count(folder)?,
    )?)
}

/// Distribution of call times in microseconds.
#[derive(Clone, Copy, serde::Serialize)]
struct Spread {
    /// The fastest call, which is least affected by other load.
    least_us: f64,
    p50_us: f64,
    p99_us: f64,
}

fn spread(mut times: Vec<f64>) -> Spread {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].round();
    Spread {
        least_us: at(0.0),
        p50_us: at(0.5),
        p99_us: at(0.99),
    }
}

/// Results and times of one pass over the queries, after a short warm-up.
fn timed(
    queries: &[Vec<f32>],
    mut search: impl FnMut(&[f32]) -> Outcome<Vec<Hit>>,
) -> Outcome<(Neighbours, Spread)> {
    for query in queries.iter().take(20) {
        search(query)?;
    }
    let mut times = Vec::new();
    let mut answers = Vec::new();
    for query in queries {
        let start = Instant::now();
        answers.push(search(query)?);
        times.push(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok((answers, spread(times)))
}

fn recall(found: &[Vec<Hit>], right: &[Vec<Hit>]) -> f64 {
    let same: usize = found
        .iter()
        .zip(right)
        .map(|(found, right)| {
            found
                .iter()
                .filter(|hit| right.iter().any(|other| other.row == hit.row))
                .count()
        })
        .sum();
    same as f64 / right.iter().map(Vec::len).sum::<usize>() as f64
}

/// Memory of this process in MiB: anonymous, and mapped file pages. Zero if unknown.
fn memory() -> (usize, usize) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let figure = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        kib.and_then(|kib| kib.parse::<usize>().ok()).unwrap_or(0) / 1024
    };
    (figure("RssAnon"), figure("RssFile"))
}

/// CPU time of this process in seconds, which other programs hardly affect, unlike wall-clock time. Zero if unknown.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

fn report(what: &str, rows: usize, figures: serde_json::Value) {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?").to_owned();
    let (anonymous, mapped) = memory();
    println!(
        "{}",
        serde_json::json!({
            "system": "rounds", "what": what, "rows": rows, "figures": figures,
            "memory_mib": anonymous, "mapped_mib": mapped, "load": load,
        })
    );
}

fn pool(threads: usize) -> Outcome<rayon::ThreadPool> {
    Ok(rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()?)
}

fn exact(folder: &Path) -> Outcome<()> {
    let rows = count(folder)?;
    let start = Instant::now();
    if open(folder).is_err() {
        let mut writer = VectorWriter::open(&files(folder), NAME, DIMENSION, 0)?;
        read_rows(&folder.join("base.f32"), |row| Ok(writer.push(Some(row))?))?;
        writer.flush()?;
        let seconds = start.elapsed().as_secs_f64();
        report("write", rows, serde_json::json!({ "seconds": seconds }));
    }
    let times = (0..20)
        .map(|_| {
            let start = Instant::now();
            open(folder).map(|_| start.elapsed().as_secs_f64() * 1e6)
        })
        .collect::<Outcome<Vec<f64>>>()?;
    report("open", rows, serde_json::json!({ "times": spread(times) }));
    let vectors = open(folder)?;
    let queries = queries(folder)?;
    let start = Instant::now();
    vectors.search(&queries[0], K, &Filter::All)?;
    let first = start.elapsed().as_secs_f64() * 1e6;
    report(
        "first search, checks included",
        rows,
        serde_json::json!({ "us": first.round() }),
    );
    for threads in [1, 2] {
        let pool = pool(threads)?;
        let (answers, times) = timed(&queries, |query| {
            Ok(pool.install(|| vectors.search(query, K, &Filter::All))?)
        })?;
        let figures = serde_json::json!({ "threads": threads, "times": times });
        report("exact", rows, figures);
        let ids: Vec<u8> = answers
            .iter()
            .flatten()
            .flat_map(|hit| (hit.row as u32).to_le_bytes())
            .collect();
        std::fs::write(folder.join("rounds.u32"), ids)?;
    }
    Ok(())
}

/// Reports the progress of building a graph on standard error.
fn progress(start: Instant) -> impl FnMut(usize, usize) {
    move |done, total| {
        if done % 16_384 == 0 {
            eprintln!("{done} of {total}, {:.0} s", start.elapsed().as_secs_f64());
        }
    }
}

/// Runs a build and reports what it took: wall-clock and CPU time, and the memory it added to the process.
fn measured<G>(
    engine: &str,
    rows: usize,
    build: impl FnOnce(&mut dyn FnMut(usize, usize)) -> Outcome<G>,
) -> Outcome<G> {
    let (start, processor_before, memory_before) = (Instant::now(), processor(), memory().0);
    let built = build(&mut progress(start))?;
    let figures = serde_json::json!({
        "engine": engine, "seconds": start.elapsed().as_secs_f64(),
        "processor_seconds": processor() - processor_before,
        "added_mib": memory().0.saturating_sub(memory_before),
    });
    report("graph build", rows, figures);
    Ok(built)
}

fn build_own(vectors: &Vectors) -> Outcome<Graph> {
    measured("own", vectors.rows(), |progress| {
        Ok(Graph::build(vectors, progress, &Cancel::new())?)
    })
}

/// The own graph: loaded if it was built before, else built and stored.
fn ready_graph(folder: &Path, vectors: &Vectors) -> Outcome<Graph> {
    if let Some(graph) = Graph::load(&files(folder), NAME, vectors) {
        return Ok(graph);
    }
    let graph = build_own(vectors)?;
    graph.save(&files(folder), NAME, DIMENSION)?;
    Ok(graph)
}

/// Both graphs over all rows, or over the first `rows`; then the own graph is built and not stored.
fn graph(folder: &Path, rows: Option<usize>) -> Outcome<()> {
    let rows = rows.map_or_else(|| count(folder), Ok)?;
    let vectors = Arc::new(Vectors::open(&files(folder), NAME, DIMENSION, rows)?);
    let queries = queries(folder)?;
    let (right, _) = timed(&queries, |query| {
        Ok(vectors.search(query, K, &Filter::All)?)
    })?;
    let own = match rows == count(folder)? {
        true => loaded_graph(folder, &vectors)?,
        false => build_own(&vectors)?,
    };
    let own = GraphSearch::own(own, Arc::clone(&vectors));
    search_widths("own", &own, &queries, &right)?;
    drop(own);
    let theirs = measured("hnsw_rs", rows, |progress| {
        let vectors = Arc::clone(&vectors);
        Ok(GraphSearch::hnsw_rs(vectors, progress, &Cancel::new())?)
    })?;
    search_widths("hnsw_rs", &theirs, &queries, &right)
}

/// The own graph, built before if necessary, as read from its file.
fn loaded_graph(folder: &Path, vectors: &Vectors) -> Outcome<Graph> {
    drop(ready_graph(folder, vectors)?);
    let start = Instant::now();
    let graph = Graph::load(&files(folder), NAME, vectors).ok_or("no graph")?;
    let seconds = start.elapsed().as_secs_f64();
    let figures =
        serde_json::json!({ "engine": "own", "seconds": seconds, "bytes": graph.bytes() });
    report("graph read and checked", vectors.rows(), figures);
    Ok(graph)
}

/// Recall and times of a graph at each width.
fn search_widths(
    engine: &str,
    graph: &GraphSearch,
    queries: &[Vec<f32>],
    right: &[Vec<Hit>],
) -> Outcome<()> {
    for width in WIDTHS {
        let (found, times) = timed(queries, |query| {
            Ok(graph.search_wide(query, K, &Filter::All, width)?.hits)
        })?;
        let recall = recall(&found, right);
        let figures = serde_json::json!({
            "engine": engine, "width": width, "recall": recall, "times": times,
        });
        report("graph search", graph.rows(), figures);
    }
    Ok(())
}

fn filter(folder: &Path) -> Outcome<()> {
    let vectors = Arc::new(open(folder)?);
    let graph = GraphSearch::own(ready_graph(folder, &vectors)?, Arc::clone(&vectors));
    let rows = vectors.rows();
    let queries = queries(folder)?;
    for one_in in [2_usize, 3, 5, 8, 12, 20, 50, 200] {
        // Scattered, and identical for all three searches.
        let allowed =
            move |row: usize| (row.wrapping_mul(2_654_435_761) >> 7).is_multiple_of(one_in);
        let filter = Filter::Fn(&allowed);
        let passing: Vec<usize> = (0..rows).filter(|&row| allowed(row)).collect();
        let by_list = Filter::Rows(&passing);
        let (right, scan) = timed(&queries, |query| Ok(vectors.search(query, K, &filter)?))?;
        let (_, list) = timed(&queries, |query| Ok(vectors.search(query, K, &by_list)?))?;
        let (found, walk) = timed(&queries, |query| {
            Ok(graph.search_graph_only(query, K, &filter)?.hits)
        })?;
        let figures = serde_json::json!({
            "one_in": one_in, "scan": scan, "list": list, "graph": walk, "recall": recall(&found, &right),
        });
        report("filter", rows, figures);
    }
    Ok(())
}
