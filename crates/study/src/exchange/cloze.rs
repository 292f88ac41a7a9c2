//! Deletions in a text: `{{c1::answer}}` or `{{c1::answer::hint}}`, which may contain one another.
//!
//! Works on HTML before tags are dropped. Text that only looks like a deletion stays text.

/// Deepest nesting that is understood.
const MAX_DEPTH: usize = 8;

/// A text with one number deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Deleted {
    /// The text with `[…]` or `[hint]` where that number was; other deletions are shown.
    pub(super) question: String,
    /// What was there, in order.
    pub(super) answers: Vec<String>,
}

/// An open deletion, or the text around all of them.
#[derive(Default)]
struct Open {
    numbers: Vec<u32>,
    question: String,
    /// With nothing deleted.
    whole: String,
    hint: Option<String>,
}

impl Open {
    fn push(&mut self, text: &str) {
        match &mut self.hint {
            Some(hint) => hint.push_str(text),
            None => {
                self.question.push_str(text);
                self.whole.push_str(text);
            }
        }
    }
}

/// The text with deletion `number` (from 1) deleted; `None` if it has no such deletion.
pub(super) fn delete(text: &str, number: u32) -> Option<Deleted> {
    let mut answers = Vec::new();
    let mut outer = Open::default();
    let mut open: Vec<Open> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}', ':']) {
        let (before, found) = rest.split_at(at);
        let depth = open.len();
        let inner = open.last_mut();
        let is_open = inner.is_some();
        let current = inner.unwrap_or(&mut outer);
        current.push(before);
        if let Some((numbers, after)) = opening(found).filter(|_| depth < MAX_DEPTH) {
            open.push(Open {
                numbers,
                ..Open::default()
            });
            rest = after;
        } else if is_open && found.starts_with("}}") {
            let closed = open.pop().unwrap_or_default();
            let current = open.last_mut().unwrap_or(&mut outer);
            close(closed, current, number, &mut answers);
            rest = found.get(2..).unwrap_or_default();
        } else if is_open && current.hint.is_none() && found.starts_with("::") {
            current.hint = Some(String::new());
            rest = found.get(2..).unwrap_or_default();
        } else {
            let (character, after) = found.split_at(1);
            current.push(character);
            rest = after;
        }
    }
    open.last_mut().unwrap_or(&mut outer).push(rest);
    // What was never closed is text of what surrounds it.
    while let Some(unclosed) = open.pop() {
        let current = open.last_mut().unwrap_or(&mut outer);
        current.push(&unclosed.whole);
    }
    (!answers.is_empty()).then_some(Deleted {
        question: outer.question,
        answers,
    })
}

fn close(closed: Open, current: &mut Open, number: u32, answers: &mut Vec<String>) {
    if current.hint.is_some() {
        return current.push(&closed.whole);
    }
    current.whole.push_str(&closed.whole);
    if closed.numbers.contains(&number) {
        let hint = closed.hint.filter(|hint| !hint.trim().is_empty());
        current.question.push('[');
        current.question.push_str(hint.as_deref().unwrap_or("…"));
        current.question.push(']');
        answers.push(closed.whole);
    } else {
        current.question.push_str(&closed.question);
    }
}

/// The numbers of the deletion that `text` opens, and what follows.
fn opening(text: &str) -> Option<(Vec<u32>, &str)> {
    let inside = text.strip_prefix("{{c")?;
    let end = inside.bytes().take(32).position(|byte| byte == b':')?;
    let (numbers, after) = inside.split_at_checked(end)?;
    let after = after.strip_prefix("::")?;
    let numbers: Result<Vec<u32>, _> = numbers.split(',').map(str::parse).collect();
    Some((numbers.ok()?, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deleted(text: &str, number: u32) -> (String, Vec<String>) {
        let deleted = delete(text, number).unwrap();
        (deleted.question, deleted.answers)
    }

    #[test]
    fn the_asked_number_is_hidden_and_others_are_shown() {
        let text = "{{c1::Aorta}} and {{c2::vein::vessel}}, {{c1::again}}";
        let (question, answers) = deleted(text, 1);
        assert_eq!(question, "[…] and vein, […]");
        assert_eq!(answers, ["Aorta", "again"]);
        assert_eq!(deleted(text, 2).0, "Aorta and [vessel], again");
        assert_eq!(delete(text, 3), None);
    }

    #[test]
    fn deletions_may_contain_one_another() {
        let text = "The {{c1::left {{c2::upper}} lobe}}";
        assert_eq!(
            deleted(text, 1),
            ("The […]".into(), vec!["left upper lobe".into()])
        );
        assert_eq!(
            deleted(text, 2),
            ("The left […] lobe".into(), vec!["upper".into()])
        );
        assert_eq!(deleted("{{c1,3::both}}", 3).1, ["both"]);
    }

    #[test]
    fn what_only_looks_like_a_deletion_stays_text() {
        assert_eq!(delete("{{c::x}} {{c1:x}} {{cx::y}} a::b }}", 1), None);
        let (question, _) = deleted("a::b }} {x} {{c1::y}} {{c2::never closed", 1);
        assert_eq!(question, "a::b }} {x} […] never closed");
    }

    #[test]
    fn thousands_of_openings_are_no_problem() {
        assert_eq!(delete(&"{{c1::".repeat(100_000), 1), None);
        let many = "{{c1::x}}".repeat(50_000);
        assert_eq!(deleted(&many, 1).1.len(), 50_000);
    }
}
