//! The curve of a run: a line in `curve.jsonl` per measurement, and `curve.svg` made from it.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rounds_support::{FileError, files};
use serde::{Deserialize, Serialize};

/// One measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Point {
    pub(super) step: usize,
    /// Mean training loss since the last point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) loss: Option<f32>,
    /// Loss on the validation questions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) validation: Option<f32>,
    /// Share of validation answers that greedy decoding would write exactly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) right: Option<f32>,
    /// The same with another question's image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) right_with_other_images: Option<f32>,
}

/// The measurements so far.
pub(super) struct Curve {
    folder: PathBuf,
    pub(super) points: Vec<Point>,
}

impl Curve {
    /// The curve of the run in `folder` up to `step`: a resumed run repeats what came after its last checkpoint.
    pub(super) fn open(folder: &Path, step: usize) -> Result<Self, FileError> {
        let path = folder.join("curve.jsonl");
        let text = match path.exists() {
            true => files::read_to_string(&path)?,
            false => String::new(),
        };
        let points = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let points: Vec<Point> = points.filter(|point: &Point| point.step <= step).collect();
        let lines = points.iter().map(line);
        files::write_atomic(&path, lines.collect::<String>().as_bytes())?;
        Ok(Self {
            folder: folder.to_path_buf(),
            points,
        })
    }

    /// Adds a measurement.
    pub(super) fn add(&mut self, point: Point) -> Result<(), FileError> {
        let path = self.folder.join("curve.jsonl");
        let added = std::fs::OpenOptions::new().append(true).open(&path);
        added
            .and_then(|mut file| file.write_all(line(&point).as_bytes()))
            .map_err(|e| FileError::from_io(&path, "write", &e))?;
        self.points.push(point);
        files::write_atomic(&self.folder.join("curve.svg"), self.svg().as_bytes())
    }

    /// Training loss (grey) and validation loss (black) over the steps.
    fn svg(&self) -> String {
        const WIDTH: f32 = 640.0;
        const HEIGHT: f32 = 320.0;
        let last = self.points.last().map_or(1, |point| point.step.max(1)) as f32;
        let losses = self.points.iter().flat_map(|p| [p.loss, p.validation]);
        let top = losses.flatten().fold(1e-6, f32::max);
        let line = |of: &dyn Fn(&Point) -> Option<f32>| {
            let mut path = String::new();
            for (step, loss) in self.points.iter().filter_map(|p| Some((p.step, of(p)?))) {
                let x = 40.0 + (WIDTH - 50.0) * step as f32 / last;
                let y = HEIGHT - 30.0 - (HEIGHT - 50.0) * loss / top;
                let _ = write!(path, "{x:.1},{y:.1} ");
            }
            path
        };
        format!(
            concat!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" font-family=\"sans-serif\" font-size=\"12\">",
                "<rect width=\"{w}\" height=\"{h}\" fill=\"white\"/>",
                "<polyline fill=\"none\" stroke=\"#999\" stroke-width=\"1.5\" points=\"{train}\"/>",
                "<polyline fill=\"none\" stroke=\"#000\" stroke-width=\"2\" points=\"{validation}\"/>",
                "<text x=\"4\" y=\"20\">{top:.2}</text><text x=\"4\" y=\"{bottom}\">0</text>",
                "<text x=\"40\" y=\"{foot}\">loss over {last} steps: training grey, validation black</text></svg>\n"
            ),
            w = WIDTH,
            h = HEIGHT,
            train = line(&|p| p.loss),
            validation = line(&|p| p.validation),
            top = top,
            bottom = HEIGHT - 28.0,
            foot = HEIGHT - 8.0,
            last = last
        )
    }
}

fn line(point: &Point) -> String {
    serde_json::to_string(point).unwrap_or_default() + "\n"
}
