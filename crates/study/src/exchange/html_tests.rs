//! Tests of the reader of fields.

use super::*;

fn text(html: &str) -> String {
    to_plain(html).text
}

#[test]
fn tags_are_dropped_and_line_breaks_kept() {
    assert_eq!(text("a <b>bold</b>\n word"), "a bold word");
    assert_eq!(
        text("one<br>two<div>three</div><div>four</div>"),
        "one\ntwo\nthree\nfour"
    );
    assert_eq!(
        text("<div>one</div><div><br></div><div>two</div>"),
        "one\n\ntwo"
    );
    assert_eq!(text("<ul><li>one<li>two</ul>"), "- one\n- two");
    assert_eq!(text("<td>a</td><td>b</td>"), "a b");
    assert_eq!(
        text("pO2 < 60 & pH <7.2, x<!-- no -->y"),
        "pO2 < 60 & pH <7.2, xy"
    );
}

#[test]
fn a_power_does_not_become_another_number() {
    assert_eq!(text("10<sup>9</sup>/L, H<sub>2</sub>O"), "10^9/L, H2O");
}

#[test]
fn scripts_styles_and_comments_say_nothing() {
    assert_eq!(text("a<script>alert('<b>')</script>b"), "ab");
    assert_eq!(text("a<STYLE>.x{}</Style >b"), "ab");
    assert_eq!(text("a<script>never closed"), "a");
    assert_eq!(text("a<!-- never closed"), "a");
    assert_eq!(text("a<b title='x > y'>c</b>"), "ac");
}

#[test]
fn entities_are_decoded_once() {
    assert_eq!(
        text("&lt;b&gt; &amp;amp; &micro;g &#65;&#x42; &unknown; &"),
        "<b> &amp; µg AB &unknown; &"
    );
    assert_eq!(text("a&nbsp;&nbsp;b"), "a  b");
    assert_eq!(text("&#xD800;&#99999999;"), "\u{FFFD}\u{FFFD}");
}

#[test]
fn images_are_listed_by_name_and_sound_is_left_out() {
    let plain = to_plain(
        r#"See <img alt="a > b" src="x &amp; y.png"> and <IMG SRC=z.jpg /> [sound:a.mp3]!"#,
    );
    assert_eq!(plain.images, ["x & y.png", "z.jpg"]);
    assert_eq!(plain.text, "See and !");
    assert!(plain.sound);
    assert!(to_plain("<img><img src>").images.is_empty());
}

#[test]
fn escape_sequences_do_not_reach_the_text() {
    for hostile in [
        "a\u{1B}]52;c;eA==\u{7}b",
        "a&#27;]52;c;eA==&#7;b",
        "a<b>\u{1B}]52;c;eA==\u{7}</b>b",
    ] {
        assert_eq!(text(hostile), "a\u{FFFD}b", "{hostile:?}");
    }
    assert_eq!(text("a&#x202E;b"), "a\u{FFFD}b");
}

#[test]
fn escaped_text_is_read_back_as_it_was() {
    for plain in [
        "a < b & c > d \"quoted\" 'too'",
        "two  spaces,\n  an indent\n\n\nand blank lines",
        "{{c1::not a deletion}} [sound:none.mp3] <img src=x> &amp;",
        "日本語 – é",
    ] {
        let html = escape(plain);
        assert!(!html.contains("{{") && !html.contains("[sound") && !html.contains("<img"));
        assert_eq!(text(&html), plain, "{html}");
    }
}

#[test]
fn unclosed_tags_and_quotes_take_linear_time() {
    for part in [
        "<a \"",
        "<a",
        "<a '>",
        "&",
        "<!--",
        "<script>",
        "</",
        "[sound:",
        "<img src=\"",
    ] {
        let html = part.repeat(200_000);
        let started = std::time::Instant::now();
        to_plain(&html);
        assert!(started.elapsed().as_secs() < 20, "{part}");
    }
}
