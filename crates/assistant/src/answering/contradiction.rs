//! Whether a rationale says the opposite of its answer of yes or no, as a model that writes both may do.

use super::{comparable, telling_words, unknown_of};

/// Words of a question that ask whether something is there, and name nothing.
const ASKING_WORDS: [&str; 27] = [
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
    "taken",
    "there",
    "used",
    "using",
    "view",
    "visible",
    "visualized",
];

/// Words that deny what their clause names.
const DENIALS: [&str; 7] = ["absent", "free", "no", "none", "nor", "not", "without"];

/// The clause of `rationale` that contradicts `answer`, a yes or no to `question`: one that names all that was asked about, and denies it
/// after a yes or does not after a no. `None` if there is none, for every other answer, and for a question of alternatives.
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
    let plain = comparable(question);
    let denies = |text: &str| text.split(' ').any(|word| DENIALS.contains(&word));
    // "Is there no effusion?" and "CT or MRI?" have no opposite that words could tell.
    if denies(&plain) || plain.split(' ').any(|word| word == "or") {
        return None;
    }
    let named: Vec<String> = telling_words(question)
        .into_iter()
        .filter(|word| !ASKING_WORDS.contains(&word.as_str()))
        .collect();
    if named.is_empty() {
        return None;
    }
    let named = named.join(" ");
    let clauses = rationale.split(['.', ';', '\n']);
    clauses.map(str::trim).find(|clause| {
        let clause = comparable(clause);
        let words: Vec<&str> = clause.split(' ').collect();
        let (missing, _) = unknown_of(&named, &|word| words.contains(&word));
        missing.is_empty() && denies(&clause) == said_yes
    })
}

#[cfg(test)]
mod tests {
    use super::contradicting_clause;

    #[test]
    fn a_clause_that_says_the_opposite_is_found() {
        let cases = [
            (
                "Is the kidney visible?",
                "No",
                "Axial CT of the abdomen; both kidneys are seen.",
                Some("both kidneys are seen"),
            ),
            (
                "Is there a nodule present?",
                "no.",
                "Chest X-ray. A nodule lies in the upper part.",
                Some("A nodule lies in the upper part"),
            ),
            (
                "Are hairs seen in this picture?",
                "Yes",
                "No hairs cross the skin.",
                Some("No hairs cross the skin"),
            ),
            (
                "Is the view axial?",
                "No",
                "Axial CT of the head.",
                Some("Axial CT of the head"),
            ),
            // It agrees, or is about something else.
            (
                "Is the kidney visible?",
                "Yes",
                "Both kidneys are seen.",
                None,
            ),
            (
                "Is a nodule present?",
                "No",
                "I see dark lungs without a nodule.",
                None,
            ),
            (
                "Does the liver show a disease?",
                "No",
                "The liver is seen; nothing abnormal is marked.",
                None,
            ),
            (
                "Is the heart visible?",
                "No",
                "The liver and the spleen are seen.",
                None,
            ),
            // There is no opposite to find.
            ("Is it CT or MRI?", "No", "It is CT or MRI.", None),
            ("Which organ is seen?", "Liver", "The kidney is seen.", None),
            ("Is it there?", "No", "It is there.", None),
            ("", "No", "", None),
        ];
        for (question, answer, rationale, clause) in cases {
            assert_eq!(
                contradicting_clause(question, answer, rationale),
                clause,
                "{question} {answer}: {rationale}"
            );
        }
    }
}
