//! Windows of computed tomography under the names that radiologists use. Width and level as in common viewers (OHIF,
//! 3D Slicer) and textbooks; sites differ by a little.

/// A window with a name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Preset {
    /// Its name, lower case.
    pub name: &'static str,
    /// Other names that mean the same, without spaces and hyphens.
    pub(super) others: &'static [&'static str],
    /// Level, in Hounsfield units.
    pub centre: f64,
    /// Width, in Hounsfield units.
    pub width: f64,
}

const fn preset(
    name: &'static str,
    others: &'static [&'static str],
    width: f64,
    centre: f64,
) -> Preset {
    Preset {
        name,
        others,
        centre,
        width,
    }
}

/// All presets, each as (name, width, level).
pub const PRESETS: [Preset; 11] = [
    preset("soft tissue", &["soft", "abdomen", "tissue"], 400.0, 40.0),
    preset("lung", &["lungs", "chest"], 1500.0, -600.0),
    preset("liver", &[], 150.0, 90.0),
    preset("bone", &["bones"], 2500.0, 480.0),
    preset("brain", &["head"], 80.0, 40.0),
    preset("mediastinum", &["mediastinal"], 350.0, 50.0),
    preset("stroke", &[], 40.0, 40.0),
    preset("subdural", &["blood"], 200.0, 80.0),
    preset("temporal bone", &["temporal", "petrous"], 4000.0, 600.0),
    preset("spine", &[], 250.0, 50.0),
    preset("angiography", &["angio", "cta", "vessels"], 600.0, 300.0),
];

/// The preset of this name, whatever its case, spaces, hyphens and underscores.
pub(super) fn find(name: &str) -> Option<&'static Preset> {
    let plain = |text: &str| {
        let letters = text.chars().filter(|c| !matches!(c, ' ' | '-' | '_'));
        letters.collect::<String>().to_lowercase()
    };
    let wanted = plain(name);
    PRESETS
        .iter()
        .find(|preset| plain(preset.name) == wanted || preset.others.contains(&wanted.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_found_by_any_spelling() {
        assert_eq!(
            find("Soft-Tissue").map(|p| (p.width, p.centre)),
            Some((400.0, 40.0))
        );
        assert_eq!(
            find("lung").map(|p| (p.width, p.centre)),
            Some((1500.0, -600.0))
        );
        assert_eq!(find("soft_tissue"), find("soft"));
        assert_eq!(find("nonsense"), None);
    }

    #[test]
    fn no_name_means_two_presets() {
        let mut names: Vec<&str> = PRESETS
            .iter()
            .flat_map(|p| p.others.iter().copied().chain([p.name]))
            .collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
