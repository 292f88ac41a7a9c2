//! Tests of the sanitiser: examples, then its two invariants (idempotence, independence of chunking) on random and recorded
//! hostile text. Never weaken a case here to make the user interface look nicer.

use super::*;

/// A small deterministic generator (xorshift), so that failures are reproducible.
struct TestRng(u64);

impl TestRng {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

fn random_text(rng: &mut TestRng) -> String {
    const PARTS: [&str; 50] = [
        "a",
        "word",
        " ",
        "\n",
        "\r",
        "\r\n",
        "\t",
        "é",
        "日本",
        "👩",
        "\u{200D}",
        "\u{200C}",
        "\u{FE0F}",
        "\u{FFFD}",
        "\u{1B}",
        "\u{1B}[",
        "\u{1B}]",
        "\u{1B}P",
        "\u{1B}_",
        "\u{1B}\\",
        "\u{7}",
        "\u{9B}",
        "\u{9C}",
        "\u{9D}",
        "\u{90}",
        "\u{85}",
        "31m",
        ";",
        "0",
        "?25h",
        "\u{202E}",
        "\u{200B}",
        "\u{E0041}",
        "\u{2028}",
        "\u{7F}",
        "\0",
        "\u{18}",
        "\u{1A}",
        "(B",
        "#8",
        "52;c;aGVsbG8=",
        "\\",
        "]",
        "[",
        "\u{FEFF}",
        "\u{61C}",
        "\u{2066}",
        "m",
        "~",
        "م",
    ];
    (0..rng.below(24))
        .map(|_| PARTS[rng.below(PARTS.len())])
        .collect()
}

fn streamed(text: &str, rng: &mut TestRng) -> String {
    let mut stream = Stream::new();
    let mut out = String::new();
    let mut chunk = String::new();
    for character in text.chars() {
        chunk.push(character);
        if rng.below(3) == 0 {
            out.push_str(&stream.push(&chunk));
            chunk.clear();
        }
    }
    out.push_str(&stream.push(&chunk));
    out.push_str(&stream.finish());
    out
}

#[test]
fn plain_text_of_any_script_is_left_alone() {
    let text = "Is there a pneumothorax?\nNo – ÄÖÜ, 日本語, مرحبا, 😀\u{FE0F}";
    assert_eq!(clean(text), text);
}

#[test]
fn a_complete_escape_sequence_becomes_one_marker() {
    for sequence in [
        "\u{1B}[31m",
        "\u{1B}[?1049h",
        "\u{1B}[6n",
        "\u{1B}]0;title\u{7}",
        "\u{1B}]52;c;c2VjcmV0\u{1B}\\",
        "\u{1B}]8;;https://example.org\u{9C}",
        "\u{1B}Pq#0;2;0\u{1B}\\",
        "\u{1B}_Gf=100\u{1B}\\",
        "\u{1B}^private\u{1B}\\",
        "\u{1B}Xstart\u{1B}\\",
        "\u{1B}c",
        "\u{1B}(B",
        "\u{1B}#8",
        "\u{9B}2J",
        "\u{9D}0;title\u{7}",
        "\u{90}q\u{9C}",
        "\u{8}",
        "\u{7F}",
        "\u{85}",
        "\u{202E}",
        "\u{2066}",
        "\u{200E}",
        "\u{61C}",
        "\u{200B}",
        "\u{2060}",
        "\u{FEFF}",
        "\u{E0041}",
    ] {
        assert_eq!(
            clean(&format!("a{sequence}b")),
            "a\u{FFFD}b",
            "{sequence:?}"
        );
    }
}

#[test]
fn line_endings_become_newlines_and_tabs_spaces() {
    assert_eq!(
        clean("a\r\nb\rc\u{2028}d\u{2029}e\tf\n"),
        "a\nb\nc\nd\ne f\n"
    );
    assert_eq!(clean("a\r\r\nb"), "a\n\nb");
}

#[test]
fn joiners_are_kept_in_emoji_and_scripts_and_removed_between_latin_letters() {
    assert_eq!(clean("👩\u{200D}🔬"), "👩\u{200D}🔬");
    assert_eq!(clean("می\u{200C}خواهم"), "می\u{200C}خواهم");
    assert_eq!(clean("a\u{200D}b\u{200C}"), "a\u{FFFD}b\u{FFFD}");
    assert_eq!(clean("é\u{200D}\u{200D}é"), "é\u{FFFD}\u{FFFD}é");
    assert_eq!(clean("é\u{200D}"), "é\u{FFFD}");
}

#[test]
fn an_unterminated_string_swallows_no_text() {
    assert_eq!(clean("a\u{1B}]no end"), "a\u{FFFD}no end");
    assert_eq!(
        clean("a\u{9D}no end\nnext line"),
        "a\u{FFFD}no end\nnext line"
    );
    let long = "x".repeat(3 * MAX_STRING_CHARS);
    assert_eq!(clean(&format!("\u{1B}]{long}")), format!("\u{FFFD}{long}"));
    assert_eq!(
        clean(&format!("\u{1B}[{}done", "1;".repeat(400)))
            .matches("done")
            .count(),
        1
    );
}

#[test]
fn a_sequence_split_across_chunks_is_held_back() {
    let mut stream = Stream::new();
    assert_eq!(stream.push("see \u{1B}]52;c;c2Vj"), "see \u{FFFD}");
    assert_eq!(stream.push("cmV0"), "");
    assert_eq!(stream.push("\u{7} done"), " done");
    assert_eq!(stream.finish(), "");
}

#[test]
fn a_long_unterminated_string_is_released_while_still_streaming() {
    let mut stream = Stream::new();
    stream.push("\u{1B}]");
    let shown: usize = (0..MAX_STRING_CHARS + 1)
        .map(|_| stream.push("x").chars().count())
        .sum();
    assert_eq!(shown, MAX_STRING_CHARS + 1);
    assert_eq!(stream.push("y"), "y");
}

#[test]
fn a_truncated_line_ends_with_an_ellipsis() {
    assert_eq!(clean_line("two\nlines\r\n"), "two lines ");
    assert_eq!(clean_line_max("abcdef", 6), "abcdef");
    assert_eq!(clean_line_max("abcdefg", 6), "abcde…");
    assert_eq!(clean_line_max("abcdefg", 0), "");
    assert_eq!(clean_line_max("ab\u{1B}[31mcd", 4), "ab\u{FFFD}…");
}

#[test]
fn sanitising_is_idempotent_and_independent_of_chunking() {
    let mut rng = TestRng(0x9E37_79B9_7F4A_7C15);
    for _ in 0..20_000 {
        let text = random_text(&mut rng);
        let cleaned = clean(&text);
        assert_eq!(clean(&cleaned), cleaned, "{text:?}");
        assert_eq!(streamed(&text, &mut rng), cleaned, "{text:?}");
        assert!(!cleaned.chars().any(is_forbidden), "{text:?}");
        assert_eq!(
            clean_line(&clean_line(&text)),
            clean_line(&text),
            "{text:?}"
        );
        let short = clean_line_max(&text, 5);
        assert_eq!(clean_line_max(&short, 5), short, "{text:?}");
    }
}

#[test]
fn no_recorded_hostile_text_gets_through() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let folder = std::path::Path::new(root).join("../shared/data/hostile-text");
    let Ok(entries) = std::fs::read_dir(&folder) else {
        println!("skipped: no folder {}", folder.display());
        return;
    };
    let mut rng = TestRng(7);
    for path in entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
    {
        let bytes = std::fs::read(&path).unwrap_or_default();
        let latin: String = bytes.iter().map(|&byte| char::from(byte)).collect();
        for text in [String::from_utf8_lossy(&bytes).into_owned(), latin] {
            let cleaned = clean(&text);
            assert!(!cleaned.chars().any(is_forbidden), "{}", path.display());
            assert_eq!(clean(&cleaned), cleaned, "{}", path.display());
            assert_eq!(streamed(&text, &mut rng), cleaned, "{}", path.display());
        }
    }
}

#[test]
fn zero_width_marks_are_limited() {
    let piled = format!("e{}x", "\u{301}".repeat(500));
    let cleaned = clean(&piled);
    assert_eq!(cleaned, format!("e{}{MARKER}x", "\u{301}".repeat(8)));
    assert_eq!(clean(&cleaned), cleaned);
    // Normal spelling is left alone.
    for text in [
        "क्षत्रिय",
        "نِّ",
        "e\u{302}\u{323}",
        "한국어",
        "👩🏽\u{200D}⚕\u{FE0F}",
    ] {
        assert_eq!(clean(text), text);
    }
}
