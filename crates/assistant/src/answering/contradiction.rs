//! Whether a rationale says the opposite of its answer of yes or no, as a model that writes both may do.

use super::{comparable, telling_words, unknown_of};

/// Words of a question that ask whether something is there, and name nothing.
pub(super) const ASKING_WORDS: [&str; 29] = [
    "anything",
    "appear",
    "contain",
    "evidence",
    "exist",
    "find",
    "have",
    "look",
    "looks",
    "made",
    "make",
    "patient",
    "picture",
    "presence",
    "present",
    "scan",
    "see",
    "seen",
    "show",
    "shown",
    "shows",
    "something",
    "taken",
    "there",
    "used",
    "using",
    "view",
    "visible",
    "visualized",
];

/// Words that deny what their clause names.
const DENIALS: [&str; 12] = [
    "absence", "absent", "cannot", "free", "neither", "never", "no", "none", "nor", "not",
    "nothing", "without",
];

/// Words of a question whose answer has no opposite that words alone could tell: alternatives, comparisons, and sides, which are the
/// patient's in one text and the image's in another.
const HARD_WORDS: [&str; 4] = ["or", "than", "left", "right"];

/// Words of a clause that neither states nor denies.
const DOUBTS: [&str; 5] = ["may", "might", "possible", "unclear", "whether"];

/// Lower case, without punctuation, with `non-enhancing` in one word: it denies nothing but the enhancing.
fn plain(text: &str) -> String {
    format!(" {}", comparable(text)).replace(" non ", " non")
}

/// The clause of `rationale` that contradicts `answer`, a yes or no to `question`: one that names all that was asked about, and denies it
/// after a yes or does not after a no. `None` if there is none, for every other answer, and for a question whose opposite is not plain.
pub(super) fn contradicting_clause<'a>(
    question: &str,
    answer: &str,
    rationale: &'a str,
) -> Option<&'a str> {
    let said_yes = match comparable(answer).as_str() {
        "yes" => true,
        "no" => false,
        _ => return None,
    };
    let has = |text: &str, listed: &[&str]| text.split(' ').any(|word| listed.contains(&word));
    let asked = plain(question);
    if has(&asked, &DENIALS) || has(&asked, &HARD_WORDS) {
        return None;
    }
    let named: Vec<String> = telling_words(&asked)
        .into_iter()
        .filter(|word| !ASKING_WORDS.contains(&word.as_str()))
        .collect();
    if named.is_empty() {
        return None;
    }
    let named = named.join(" ");
    let clauses = rationale.split(['.', ',', ';', '\n']);
    let clauses = clauses.flat_map(|clause| clause.split(" but "));
    let clauses = clauses.flat_map(|clause| clause.split(" while "));
    clauses.map(str::trim).find(|clause| {
        let clause = plain(clause);
        let words: Vec<&str> = clause.split(' ').collect();
        let (missing, _) = unknown_of(&named, &|word| words.contains(&word));
        missing.is_empty() && !has(&clause, &DOUBTS) && has(&clause, &DENIALS) == said_yes
    })
}

#[cfg(test)]
mod tests {
    use super::contradicting_clause;

    /// Question, answer and rationale.
    type Said = (&'static str, &'static str, &'static str);

    #[test]
    fn a_clause_that_says_the_opposite_is_found() {
        let cases: [(Said, &str); 7] = [
            (
                (
                    "Is the kidney visible?",
                    "No",
                    "Axial CT; both kidneys are seen.",
                ),
                "both kidneys are seen",
            ),
            (
                (
                    "Is there a nodule present?",
                    "no.",
                    "X-ray. A nodule lies above.",
                ),
                "A nodule lies above",
            ),
            (
                (
                    "Are hairs seen in this picture?",
                    "Yes",
                    "No hairs cross the skin.",
                ),
                "No hairs cross the skin",
            ),
            (
                ("Is the view axial?", "No", "Axial CT of the head."),
                "Axial CT of the head",
            ),
            (
                (
                    "Is anything abnormal here?",
                    "Yes",
                    "Nothing abnormal is marked.",
                ),
                "Nothing abnormal is marked",
            ),
            (
                (
                    "Is there a nodule?",
                    "No",
                    "A nodule lies above, without calcification.",
                ),
                "A nodule lies above",
            ),
            (
                (
                    "Is the heart visible?",
                    "No",
                    "The liver is not seen but the heart is visible.",
                ),
                "the heart is visible",
            ),
        ];
        for ((question, answer, rationale), clause) in cases {
            let found = contradicting_clause(question, answer, rationale);
            assert_eq!(found, Some(clause), "{question} {answer}: {rationale}");
        }
    }

    #[test]
    fn a_rationale_that_agrees_or_is_about_something_else_is_no_contradiction() {
        let cases: [Said; 17] = [
            ("Is the kidney visible?", "Yes", "Both kidneys are seen."),
            (
                "Is the kidney visible?",
                "Yes",
                "The kidneys are seen, the heart is not.",
            ),
            (
                "Is a nodule present?",
                "No",
                "I see dark lungs without a nodule.",
            ),
            (
                "Is there a nodule?",
                "Yes",
                "A nodule lies above, without calcification.",
            ),
            (
                "Is there a nodule?",
                "No",
                "It is unclear whether a nodule is there.",
            ),
            (
                "Is the image abnormal?",
                "No",
                "Nothing abnormal is marked.",
            ),
            (
                "Does the liver show a disease?",
                "No",
                "The liver is seen; no disease is marked.",
            ),
            (
                "Does the liver show a disease?",
                "No",
                "No disease of the liver is marked.",
            ),
            (
                "Is the heart visible?",
                "No",
                "The liver and the spleen are seen.",
            ),
            (
                "Is there an enhancing tumor?",
                "No",
                "A non-enhancing tumor lies in the middle.",
            ),
            // There is no opposite to find.
            (
                "Is the heart larger than the lung?",
                "No",
                "The lung is larger than the heart.",
            ),
            (
                "Is the mass in the left lung?",
                "No",
                "A mass of the lung lies at the left.",
            ),
            ("Is it CT or MRI?", "No", "It is CT or MRI."),
            ("Is there no effusion?", "No", "An effusion is seen."),
            ("Which organ is seen?", "Liver", "The kidney is seen."),
            ("Is it there?", "No", "It is there."),
            ("", "No", ""),
        ];
        for (question, answer, rationale) in cases {
            let found = contradicting_clause(question, answer, rationale);
            assert_eq!(found, None, "{question} {answer}: {rationale}");
        }
    }
}
