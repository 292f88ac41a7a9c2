//! A session as one HTML page with its images inside: no script, no external resources, light or dark like the reader's
//! system.
//!
//! An image is shown in full at its first use and small after that. Every text goes through `escape::html`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::data_uri;
use super::escape::html as escaped;
use super::notes::{
    about_model, answer_text, no_answer_reason, rationale_text, score, turn_status,
};
use crate::clock;
use crate::provenance_diff::{field_label, leaf_fields, value_text};
use crate::types::{Session, StoredAnswer, StoredImage, StoredShot, Turn};
use rounds_support::INTENDED_USE;

const STYLE: &str = include_str!("style.css");
/// The page may load nothing, whatever text gets into it.
const POLICY: &str = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

const FULL_SIDE: u32 = 1024;
const SMALL_SIDE: u32 = 160;
/// Images beyond this size are only named: a browser has to hold the page in memory.
const MAX_PAGE_BYTES: usize = 128 << 20;

/// Returns the bytes of a saved image, if it can be read.
pub(super) type Source<'a> = &'a dyn Fn(&StoredImage) -> Option<Vec<u8>>;

/// A session as a page.
pub fn html(session: &Session, source: Source) -> String {
    let mut page = Page {
        out: String::new(),
        source,
        small: BTreeMap::new(),
    };
    page.head(session);
    for turn in &session.turns {
        page.turn(session, turn);
    }
    page.put(&format!(
        "</main>\n<footer><p class=\"use\">For {INTENDED_USE}.</p></footer>\n</body>\n</html>\n"
    ));
    page.out
}

struct Page<'a> {
    out: String,
    source: Source<'a>,
    /// Small versions by hash; `None` if the image cannot be decoded.
    small: BTreeMap<String, Option<String>>,
}

impl Page<'_> {
    fn put(&mut self, markup: &str) {
        self.out.push_str(markup);
    }

    fn text(&mut self, class: &str, text: &str) {
        let _ = writeln!(self.out, "<p class=\"{class}\">{}</p>", escaped(text));
    }

    fn head(&mut self, session: &Session) {
        let title = escaped(&session.title);
        let _ = write!(
            self.out,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
             <header>\n<p class=\"use\">For {INTENDED_USE}.</p>\n<h1>{title}</h1>\n"
        );
        let about = [
            session.id.as_str(),
            &format!("model {}", session.model),
            &format!("index {}", session.index),
            &clock::readable(session.created),
        ];
        self.text("about", &about.join(" · "));
        if let Some(about) = about_model(session) {
            self.text("notice", about);
        }
        self.put("</header>\n<main>\n");
    }

    fn turn(&mut self, session: &Session, turn: &Turn) {
        let _ = writeln!(
            self.out,
            "<article id=\"turn-{0}\">\n<h2>Turn {0}</h2>",
            turn.number
        );
        let (moment, turn_status) = (clock::readable(turn.asked), turn_status(session, turn));
        let about = [moment, turn_status]
            .into_iter()
            .filter(|part| !part.is_empty());
        self.text("about", &about.collect::<Vec<_>>().join(" · "));
        if !turn.images.is_empty() {
            self.put("<div class=\"images\">\n");
            turn.images.iter().for_each(|image| self.figure(image));
            self.put("</div>\n");
        }
        self.text("question", &turn.question);
        match &turn.answer {
            Some(answer) => self.answer(answer),
            None => {
                if !turn.text.is_empty() {
                    self.text("answer partial", &turn.text);
                }
                self.text("notice", &no_answer_reason(turn));
            }
        }
        if !turn.shots.is_empty() {
            let _ = writeln!(
                self.out,
                "<details>\n<summary>Shots ({})</summary>",
                turn.shots.len()
            );
            turn.shots.iter().for_each(|shot| self.shot(shot));
            self.put("</details>\n");
        }
        if let Some(answer) = &turn.answer {
            self.put("<details>\n<summary>Provenance</summary>\n");
            let rows: Vec<_> = leaf_fields(&answer.provenance)
                .iter()
                .map(|(name, value)| (field_label(name), value_text(value)))
                .collect();
            self.list(&rows);
            self.put("</details>\n");
        }
        self.put("</article>\n");
    }

    fn answer(&mut self, answer: &StoredAnswer) {
        self.text("answer", &answer_text(answer));
        if let Some(rationale) = rationale_text(answer) {
            let class = match answer.rationale {
                Some(_) => "rationale",
                None => "rationale none",
            };
            self.text(class, rationale);
        }
        for notice in &answer.notices {
            self.text("notice", notice);
        }
    }

    fn shot(&mut self, shot: &StoredShot) {
        self.put("<details class=\"shot\">\n<summary>");
        if let Some(uri) = shot.thumbnail.as_ref().and_then(|image| self.small(image)) {
            let _ = write!(self.out, "<img src=\"{uri}\" alt=\"\">");
        }
        let _ = writeln!(
            self.out,
            "<span>{}. {} <b>{}</b></span></summary>",
            shot.rank,
            escaped(&shot.question),
            escaped(&shot.answer)
        );
        let score = score(shot);
        let rows = [
            ("Rationale", shot.rationale.as_str()),
            ("Score", score.as_deref().unwrap_or("none")),
            ("Why", &shot.reason),
            ("Example", &shot.example_id),
            ("Source", &shot.source),
            ("Licence", &shot.licence),
        ];
        let rows = rows.into_iter().filter(|(_, value)| !value.is_empty());
        self.list(
            &rows
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect::<Vec<_>>(),
        );
        self.put("</details>\n");
    }

    fn list(&mut self, rows: &[(String, String)]) {
        self.put("<dl>\n");
        for (name, value) in rows {
            let _ = writeln!(
                self.out,
                "<dt>{}</dt><dd>{}</dd>",
                escaped(name),
                escaped(value)
            );
        }
        self.put("</dl>\n");
    }

    fn figure(&mut self, image: &StoredImage) {
        let (name, id) = (escaped(&image.name), escaped(&image.sha256));
        let (width, height) = (image.width, image.height);
        let (uri, link) = if self.small.contains_key(&image.sha256) {
            (
                self.small(image),
                format!(" <a href=\"#image-{id}\">shown above</a>"),
            )
        } else {
            self.small(image);
            (self.draw(image, FULL_SIDE), String::new())
        };
        match uri {
            Some(uri) if link.is_empty() => {
                let _ = write!(
                    self.out,
                    "<figure id=\"image-{id}\"><img src=\"{uri}\" alt=\"{name}\">"
                );
            }
            Some(uri) => {
                let _ = write!(
                    self.out,
                    "<figure class=\"small\"><img src=\"{uri}\" alt=\"{name}\">"
                );
            }
            None => self.put("<figure><p class=\"missing\">image not available</p>"),
        }
        let _ = writeln!(
            self.out,
            "<figcaption>{name} · {width} × {height}{link}</figcaption></figure>"
        );
    }

    fn small(&mut self, image: &StoredImage) -> Option<String> {
        if let Some(made) = self.small.get(&image.sha256) {
            return made.clone();
        }
        let made = self.draw(image, SMALL_SIDE);
        self.small.insert(image.sha256.clone(), made.clone());
        made
    }

    fn draw(&self, image: &StoredImage, side: u32) -> Option<String> {
        if self.out.len() > MAX_PAGE_BYTES {
            return None;
        }
        data_uri::jpeg_data_uri(&(self.source)(image)?, &image.name, side)
    }
}
