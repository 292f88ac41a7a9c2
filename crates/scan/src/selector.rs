//! A file and what to see of it in one word: `ct.dcm#window=lung`, `scan.nii.gz#plane=coronal&slice=0.5`,
//! `study/#series=2&overlay=pet/&opacity=0.4`.
//!
//! Everything that takes an image takes this: flags, script lines, the chat, an index. A file that exists under the whole name,
//! `#` included, wins over a selector. In a value, `%23` is `#`, `%26` is `&` and `%25` is `%`.

use std::fmt;
use std::path::{Path, PathBuf};

use rounds_support::sanitise::clean_line_max;

use crate::view::{KEYS, View, bad, positive};
use crate::view_error::ViewError;

/// The keys that say which volume is meant, before those of [`View`].
const OWN_KEYS: [&str; 4] = ["series", "time", "overlay", "overlay-series"];

/// A file or folder, and what to see of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selector {
    /// The file, folder or archive.
    pub path: PathBuf,
    /// Which of its series, counted from 1.
    pub series: Option<usize>,
    /// Which time point or component, counted from 1.
    pub time: Option<usize>,
    /// A second scan to lay over it.
    pub overlay: Option<PathBuf>,
    /// Which of the overlay's series, counted from 1.
    pub overlay_series: Option<usize>,
    /// What to see.
    pub view: View,
}

impl Selector {
    /// All of a file, as is customary.
    pub fn of(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            ..Self::default()
        }
    }

    /// Reads a selector. Looks at the disk only to see whether a file of the whole name exists.
    pub fn parse(text: &str) -> Result<Self, ViewError> {
        Self::parse_with(text, |path| path.exists())
    }

    /// As [`Selector::parse`], with another way to know which files exist.
    pub fn parse_with(text: &str, exists: impl Fn(&Path) -> bool) -> Result<Self, ViewError> {
        let Some((path, settings)) = split(text, &exists) else {
            return Ok(Self::of(text));
        };
        let mut selector = Self::of(path);
        let mut seen: Vec<&str> = Vec::new();
        for setting in settings.split('&').filter(|setting| !setting.is_empty()) {
            let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
            // `frame` and `slice` choose the same thing.
            let same = if key == "frame" { "slice" } else { key };
            if seen.contains(&same) {
                let key = clean_line_max(key, 40);
                return Err(ViewError::Contradiction(format!("{key} is given twice")));
            }
            seen.push(same);
            selector.set(key, &decoded(value))?;
        }
        selector.view = selector.view.check()?;
        Ok(selector)
    }

    /// Changes one setting. Call [`View::check`] after the last.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), ViewError> {
        match key {
            "series" => self.series = Some(positive("series", value)?),
            "time" => self.time = Some(positive("time", value)?),
            "overlay" if value.is_empty() => {
                return Err(bad("overlay", value, "a file or a folder"));
            }
            "overlay" => self.overlay = Some(value.into()),
            "overlay-series" => self.overlay_series = Some(positive("overlay-series", value)?),
            _ if self.view.set(key, value)? => {}
            _ => {
                return Err(ViewError::UnknownKey {
                    key: clean_line_max(key, 40),
                    known: OWN_KEYS.into_iter().chain(KEYS).collect(),
                });
            }
        }
        Ok(())
    }
}

impl fmt::Display for Selector {
    /// As [`Selector::parse`] reads it.
    fn fmt(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        write!(formatter, "{}", self.path.display())?;
        let number = |number: Option<usize>| number.map(|number| number.to_string());
        let overlay = self.overlay.as_ref().map(|path| path.display().to_string());
        let own = [
            ("series", number(self.series)),
            ("time", number(self.time)),
            ("overlay", overlay),
            ("overlay-series", number(self.overlay_series)),
        ];
        let own = own
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        for (count, (key, value)) in own.chain(self.view.settings()).enumerate() {
            let sign = if count == 0 { '#' } else { '&' };
            write!(formatter, "{sign}{key}={}", encoded(&value))?;
        }
        Ok(())
    }
}

/// The path and the settings; `None` if there are no settings. A path may contain `#`: of several, the longest that exists.
fn split<'a>(text: &'a str, exists: &impl Fn(&Path) -> bool) -> Option<(&'a str, &'a str)> {
    if !text.contains('#') || exists(Path::new(text)) {
        return None;
    }
    let signs = || text.match_indices('#').map(|(at, _)| at).rev();
    let known = signs().find(|at| exists(Path::new(&text[..*at])));
    let at = known.or_else(|| signs().next())?;
    Some((&text[..at], &text[at + 1..]))
}

const CODES: [(&str, &str); 3] = [("#", "%23"), ("&", "%26"), ("%", "%25")];

fn decoded(value: &str) -> String {
    // `%` comes last, so that what it was made of is not decoded again.
    CODES.iter().fold(value.to_owned(), |text, (sign, code)| {
        text.replace(code, sign)
    })
}

fn encoded(value: &str) -> String {
    CODES
        .iter()
        .rev()
        .fold(value.to_owned(), |text, (sign, code)| {
            text.replace(sign, code)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plane::Plane;
    use crate::project::Projection;
    use crate::view::Place;
    use crate::window::Window;

    fn parse(text: &str) -> Result<Selector, ViewError> {
        Selector::parse_with(text, |_| false)
    }

    #[test]
    fn the_examples_of_the_help_are_understood() {
        let selector = parse("ct.dcm#window=lung").unwrap();
        assert_eq!(selector.path, Path::new("ct.dcm"));
        assert!(matches!(selector.view.window, Window::Preset(p) if p.name == "lung"));
        let selector = parse("scan.nii.gz#plane=coronal&slice=0.5").unwrap();
        assert_eq!(selector.view.plane, Some(Plane::Coronal));
        assert_eq!(selector.view.place, Place::Fraction(0.5));
        let selector = parse("series/#series=2&slice=40&window=40,400").unwrap();
        assert_eq!(
            (selector.series, selector.view.place),
            (Some(2), Place::Number(40))
        );
        let selector = parse("ct/#project=mip&slab=20").unwrap();
        assert_eq!(selector.view.projection, Some(Projection::Maximum));
        assert_eq!(selector.view.slab_mm, Some(20.0));
        let selector = parse("ct/#overlay=pet/&opacity=0.4").unwrap();
        assert_eq!(selector.overlay.as_deref(), Some(Path::new("pet/")));
        assert_eq!(selector.view.opacity, Some(0.4));
        assert_eq!(parse("a#frame=3").unwrap().view.place, Place::Number(3));
        assert_eq!(parse("a#montage=12").unwrap().view.montage, Some(12));
        assert_eq!(parse("a#time=2").unwrap().time, Some(2));
        assert_eq!(
            parse("a#slice=-34.5mm").unwrap().view.place,
            Place::Position(-34.5)
        );
        assert_eq!(parse("plain.png").unwrap(), Selector::of("plain.png"));
    }

    #[test]
    fn a_file_with_a_sign_in_its_name_wins() {
        let exists = |path: &Path| path == Path::new("a#slice=1.dcm");
        let selector = Selector::parse_with("a#slice=1.dcm", exists).unwrap();
        assert_eq!(selector, Selector::of("a#slice=1.dcm"));
        let selector = Selector::parse_with("a#slice=1.dcm#slice=2", exists).unwrap();
        assert_eq!(selector.path, Path::new("a#slice=1.dcm"));
        assert_eq!(selector.view.place, Place::Number(2));
    }

    #[test]
    fn a_bad_key_is_named_with_the_good_ones() {
        let error = parse("a.dcm#windw=lung").unwrap_err().to_string();
        assert!(
            error.contains("windw") && error.contains("window, plane, slice"),
            "{error}"
        );
        let error = parse("a.dcm#slice=0").unwrap_err().to_string();
        assert!(
            error.contains("slice=0") && error.contains("from 1"),
            "{error}"
        );
        let hostile = parse("a#\u{1b}]52;c;eA==\u{7}=1").unwrap_err().to_string();
        assert!(!hostile.contains(['\u{1b}', '\u{7}']), "{hostile}");
        for wrong in [
            "a#slice=1&slice=2",
            "a#slice=1&frame=2",
            "a#montage=4&slice=2",
            "a#montage=4&project=mip",
            "a#project=mip&slice=2",
            "a#opacity=2",
            "a#slab=0",
            "a#montage=1000",
            "a#overlay=",
            "a#plane=oblique",
            "a#map=jet",
            "a#slice=1.5",
            "a#window",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_slab_alone_is_an_average() {
        assert_eq!(
            parse("a#slab=5").unwrap().view.projection,
            Some(Projection::Average)
        );
    }

    #[test]
    fn what_is_written_is_read_again() {
        for text in [
            "ct.dcm#window=lung",
            "a b/ct#series=2&time=3&overlay=p%26t%23%25/&overlay-series=1&window=40,400&plane=coronal&slice=0.5&opacity=0.4",
            "ct#slice=-34.5mm&project=mip&slab=20&map=hsv&overlay-as=outline&overlay-window=suv,10",
            "ct#slice=1.0",
            "ct#montage=12",
            "ct",
        ] {
            let selector = parse(text).unwrap();
            assert_eq!(selector.to_string(), text);
            assert_eq!(parse(&selector.to_string()).unwrap(), selector);
        }
    }
}
