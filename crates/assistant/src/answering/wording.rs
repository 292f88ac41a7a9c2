//! The words of questions and answers, and how they are compared.

/// Lower case, without punctuation.
pub fn comparable(answer: &str) -> String {
    let kept: String = answer
        .to_lowercase()
        .chars()
        .map(|c| if c.is_alphanumeric() { c } else { ' ' })
        .collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether an answer says yes or no and nothing else.
pub fn is_yes_or_no(answer: &str) -> bool {
    matches!(comparable(answer).as_str(), "yes" | "no")
}

/// Words that say nothing about what is asked: articles, pronouns, auxiliaries, prepositions, conjunctions.
const EMPTY_WORDS: [&str; 101] = [
    "a", "about", "after", "all", "also", "am", "an", "and", "any", "are", "as", "at", "be",
    "been", "before", "being", "between", "both", "but", "by", "can", "could", "did", "do", "does",
    "either", "for", "from", "had", "has", "have", "he", "her", "here", "his", "how", "i", "if",
    "image", "in", "into", "is", "it", "its", "like", "many", "may", "me", "more", "most", "much",
    "must", "my", "near", "of", "on", "or", "other", "our", "out", "over", "s", "shall", "she",
    "should", "so", "some", "such", "than", "that", "the", "their", "them", "then", "there",
    "these", "they", "this", "those", "through", "to", "under", "us", "very", "was", "we", "were",
    "what", "when", "where", "which", "who", "whom", "whose", "why", "will", "with", "within",
    "would", "you", "your",
];

/// The words of a text that say what it is about, in lower case and in their order.
pub fn telling_words(text: &str) -> Vec<String> {
    words_but(text, &EMPTY_WORDS)
}

/// Words that nearly every question has.
const COMMON_WORDS: [&str; 22] = [
    "a", "an", "any", "are", "can", "do", "does", "here", "how", "if", "image", "in", "is", "it",
    "of", "on", "the", "this", "was", "what", "which", "you",
];

/// The words of a text that show what kind of question it is, in lower case and in their order. Pronouns and auxiliaries are among them:
/// "should I" or "my" is no question about an image.
pub fn marking_words(text: &str) -> Vec<String> {
    words_but(text, &COMMON_WORDS)
}

fn words_but(text: &str, left_out: &[&str]) -> Vec<String> {
    let text = comparable(text);
    let words = text.split(' ').filter(|word| !word.is_empty());
    let kept = words.filter(|word| !left_out.contains(word));
    kept.map(String::from).collect()
}

/// The American spelling of a British word: `tumor` for `tumour`, `edema` for `oedema`, `hemorrhage` for `haemorrhage`.
fn american(word: &str) -> String {
    let plain = word.replace("ae", "e").replace("oe", "e");
    plain.replace("our", "or")
}

/// The marking words of a question that are not known, in the singular or the plural and in either spelling of English, and the share of
/// those that are; 1 for a question without such words.
pub fn unknown_of(question: &str, known: &dyn Fn(&str) -> bool) -> (Vec<String>, f32) {
    let words = marking_words(question);
    let either = |word: &str| {
        let mut singular = ["s", "es"].into_iter().filter_map(|s| word.strip_suffix(s));
        known(word)
            || singular.any(known)
            || known(&format!("{word}s"))
            || known(&format!("{word}es"))
    };
    let is_known = |word: &&String| either(word) || either(&american(word));
    let unknown: Vec<String> = words
        .iter()
        .filter(|word| !is_known(word))
        .cloned()
        .collect();
    let share = 1.0 - unknown.len() as f32 / words.len().max(1) as f32;
    (unknown, share)
}

/// The share of the marking words of two questions that both have, from 0 to 1.
pub fn overlap(asked: &str, other: &str) -> f32 {
    let (words, theirs) = (marking_words(asked), marking_words(other));
    let shared = words.iter().filter(|word| theirs.contains(word)).count();
    shared as f32 / words.len().max(theirs.len()).max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_compared_without_case_and_punctuation() {
        assert_eq!(comparable("XR - Plain  film."), "xr plain film");
        assert!(is_yes_or_no("Yes.") && !is_yes_or_no("Yes, left"));
    }

    #[test]
    fn a_question_is_judged_by_the_share_of_its_words_that_are_known() {
        let known = |word: &str| ["kidney", "masses", "see"].contains(&word);
        let of = |question: &str| unknown_of(question, &known);
        assert_eq!(
            of("Do you see kidneys, or a mass?"),
            (vec!["or".to_string()], 0.75)
        );
        let (unknown, share) = of("What is the capital of France?");
        assert_eq!((unknown.join(" "), share), ("capital france".into(), 0.0));
        assert_eq!(of("What is this?"), (vec![], 1.0));
        let american = |word: &str| ["tumor", "edema"].contains(&word);
        let (unknown, _) = unknown_of("Any tumours or oedema?", &american);
        assert_eq!(unknown, ["or"]);
    }

    #[test]
    fn questions_are_compared_by_their_words() {
        assert_eq!(
            overlap("Which finding stands out?", "which finding stands out"),
            1.0
        );
        assert!(overlap("Is this a CT?", "Which finding stands out?") < 0.1);
        let (organ, place) = (
            "What is the main organ in the image?",
            "Where in the image is the mass?",
        );
        assert!(overlap(organ, place) < 0.1);
    }
}
