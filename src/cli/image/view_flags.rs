//! The flags that choose what to see of a file. Each is a key of a selector, which validates it.

use clap::Args;
use std::path::Path;

use rounds_scan::{Options, Selector, ViewError, one_time_salt};

#[derive(Args, Default)]
pub struct ViewFlags {
    /// Brightness: a preset (soft-tissue, lung, liver, bone, brain, mediastinum, ...), CENTRE,WIDTH, file, percentile,LOW,HIGH,
    /// suv, or full [default: as is customary]
    #[arg(long, allow_hyphen_values = true)]
    window: Option<String>,
    /// axial, coronal or sagittal [default: as stored]
    #[arg(long)]
    plane: Option<String>,
    /// Slice: a number from 1, a fraction such as 0.5, or a position such as -34.5mm [default: the middle]
    #[arg(long, allow_hyphen_values = true)]
    slice: Option<String>,
    /// Frame of a file without positions, from 1
    #[arg(long, conflicts_with = "slice")]
    frame: Option<String>,
    /// Series of a folder or an archive, from 1
    #[arg(long)]
    series: Option<String>,
    /// Time point, from 1
    #[arg(long)]
    time: Option<String>,
    /// Several slices as one: mip (maximum), minip (minimum) or average
    #[arg(long)]
    project: Option<String>,
    /// Thickness of the projected slab in millimetres [default: all slices]
    #[arg(long)]
    slab: Option<String>,
    /// Show this many slices side by side
    #[arg(long)]
    montage: Option<String>,
}

/// How a second scan is laid over.
#[derive(Args, Default)]
pub struct OverlayFlags {
    /// How much a bright overlay covers, 0 to 1
    #[arg(long)]
    opacity: Option<String>,
    /// Colours of the overlay: hot, hsv, cool or grey
    #[arg(long)]
    map: Option<String>,
    /// Draw the overlay in colour or as outline [default: outlines for label maps]
    #[arg(long)]
    overlay_as: Option<String>,
    /// Window of the overlay
    #[arg(long, allow_hyphen_values = true)]
    overlay_window: Option<String>,
}

impl ViewFlags {
    fn settings(&self) -> [(&'static str, &Option<String>); 9] {
        [
            ("window", &self.window),
            ("plane", &self.plane),
            ("slice", &self.slice),
            ("frame", &self.frame),
            ("series", &self.series),
            ("time", &self.time),
            ("project", &self.project),
            ("slab", &self.slab),
            ("montage", &self.montage),
        ]
    }

    /// The selector `file`, with the flags over what its name says.
    pub fn selector(&self, file: &Path) -> Result<Selector, ViewError> {
        self.selector_with(file, &OverlayFlags::default())
    }

    /// As [`ViewFlags::selector`], with those of an overlay.
    pub fn selector_with(
        &self,
        file: &Path,
        overlay: &OverlayFlags,
    ) -> Result<Selector, ViewError> {
        // A name that is not UTF-8 cannot say what to see.
        let mut selector = match file.to_str() {
            Some(text) => Selector::parse(text)?,
            None => Selector::of(file),
        };
        let overlay = [
            ("opacity", &overlay.opacity),
            ("map", &overlay.map),
            ("overlay-as", &overlay.overlay_as),
            ("overlay-window", &overlay.overlay_window),
        ];
        for (key, value) in self.settings().into_iter().chain(overlay) {
            if let Some(value) = value {
                selector.set(key, value)?;
            }
        }
        selector.view = selector.view.check()?;
        Ok(selector)
    }
}

/// How files are opened: with hashes that mean something in this run only.
pub fn options() -> Options {
    Options {
        salt: one_time_salt(),
        ..Options::default()
    }
}
