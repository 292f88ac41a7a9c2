//! The shipped sample cases. Their names on the screen do not give the diagnosis away, as their file names would.

/// A sample case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleCase {
    /// The name of its file, without the extension.
    pub file: String,
    /// Its name on the screen: `case 4 (chest film)`.
    pub title: String,
    /// The question to begin with. It does not tell what is to be found.
    pub question: String,
}

/// Endings of the file names of radiology images, before their number.
const MODALITIES: [(&str, &str); 3] = [("-ct", "CT"), ("-mri", "MRI"), ("-x-ray", "X-ray")];

/// The kind of an image, by its file name: `chest-x-ray-2`, or a finding after the first word.
fn kind(file: &str) -> String {
    let unnumbered = file.trim_end_matches(|c: char| c.is_ascii_digit());
    let unnumbered = unnumbered.trim_end_matches('-');
    for (ending, modality) in MODALITIES {
        if let Some(part) = unnumbered.strip_suffix(ending) {
            return format!("{modality} of the {}", part.replace('-', " "));
        }
    }
    let first = file.split('-').next().unwrap_or_default();
    let kind = match first {
        "abdomen" => "abdominal CT",
        "brain" => "brain MRI",
        "chest" => "chest film",
        "ecg" => "ECG strip",
        "fundus" => "fundus photograph",
        "head" => "head CT",
        "knee" => "knee film",
        "skin" => "skin lesion",
        "blood" => "blood smear",
        other => other,
    };
    kind.to_string()
}

impl SampleCase {
    /// The sample cases with these file names, numbered in their order.
    pub fn numbered<S: AsRef<str>>(files: impl IntoIterator<Item = S>) -> Vec<Self> {
        let files = files.into_iter().enumerate();
        let case = |(at, file): (usize, S)| {
            let kind = kind(file.as_ref());
            Self {
                title: format!("case {} ({kind})", at + 1),
                file: file.as_ref().to_string(),
                question: usual_question(&kind).to_string(),
            }
        };
        files.map(case).collect()
    }
}

/// A question that fits all images of a kind.
fn usual_question(kind: &str) -> &'static str {
    match kind {
        "chest film" => "Is there a nodule?",
        kind if kind.contains(" of the ") => "Which finding stands out?",
        _ => "What does this image show?",
    }
}

/// The position of a case that is given by its number, its title, the start of its title or its file name.
pub fn position(cases: &[SampleCase], typed: &str) -> Option<usize> {
    let typed = typed.trim().to_lowercase();
    let number = typed.strip_prefix("case ").unwrap_or(&typed).trim();
    let numbered = number.parse::<usize>().ok().and_then(|n| n.checked_sub(1));
    match numbered {
        Some(at) => Some(at).filter(|at| *at < cases.len()),
        None => cases
            .iter()
            .position(|case| case.file == typed || case.title.to_lowercase() == typed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_found_by_number_title_and_file_name() {
        let cases = SampleCase::numbered(["brain-mass", "chest-nodule"]);
        assert_eq!(cases[1].title, "case 2 (chest film)");
        for typed in ["2", "case 2", "Case 2 (chest film)", "chest-nodule"] {
            assert_eq!(position(&cases, typed), Some(1), "{typed}");
        }
        for typed in ["", "0", "3", "nodule"] {
            assert_eq!(position(&cases, typed), None, "{typed}");
        }
    }
}
