//! The JSON columns of `col`: note types, decks, options and settings.

use rounds_support::{INTENDED_USE, files};
use serde_json::{Map, Value, json};

use crate::card::Kind;
use crate::exchange::html::escape;

use super::super::own::{FIELDS, KINDS, type_name};

/// The first of the note types' ids, and when they were defined, in seconds. Both must change whenever fields or templates do.
const TYPES_FROM: i64 = 1_764_460_800_000;
const DEFINED: i64 = 1_764_460_800;
/// Ids of decks begin here.
const DECKS_FROM: i64 = 1_700_000_000_000;

const STYLE: &str = ".card { font-family: arial; font-size: 20px; line-height: 1.4; text-align: center; color: black; background-color: white; }
.rounds-image { position: relative; display: inline-block; margin: 4px; }
.rounds-image img { display: block; max-width: 100%; }
.rounds-cover, .rounds-asked, .rounds-mark { position: absolute; box-sizing: border-box; }
.rounds-cover { background: #ffeba2; border: 1px solid #212121; }
.rounds-asked { background: #ff8e8e; border: 1px solid #212121; }
.rounds-mark { border: 3px solid #ff8e8e; }
.rounds-choices ol { display: inline-block; text-align: left; }
.rounds-laboratory { margin: 8px auto; }
.rounds-laboratory td { padding: 0 8px; text-align: left; }
.rounds-rationale { margin-top: 12px; }
.rounds-source { margin-top: 16px; font-size: 12px; color: #777777; }
";
const FRONT: &str = "{{#Vignette}}<div>{{Vignette}}</div>{{/Vignette}}
{{#Image}}<div>{{Image}}</div>{{/Image}}
{{#Laboratory}}{{Laboratory}}{{/Laboratory}}
<div>{{Question}}</div>
{{#Choices}}<div class=\"rounds-choices\">{{Choices}}</div>{{/Choices}}";
const ANSWER: &str = "<hr id=answer>
<div>{{Answer}}</div>
{{#Rationale}}<div class=\"rounds-rationale\">{{Rationale}}</div>{{/Rationale}}
<div class=\"rounds-source\">{{Source}} {{Licence}}</div>";
/// Where the image of the answer stands in place of that of the question.
const MARKED: &str = "<div>{{Answer image}}</div>\n<div>{{Question}}</div>";

/// The id of a kind's note type.
pub(super) fn type_id(kind: Kind) -> i64 {
    let at = KINDS.iter().position(|known| *known == kind).unwrap_or(0);
    TYPES_FROM + 1 + at as i64
}

/// The id of a deck, from its name.
pub(super) fn deck_id(name: &str) -> i64 {
    let digits: String = files::sha256_hex(name.as_bytes()).chars().take(8).collect();
    DECKS_FROM + i64::from_str_radix(&digits, 16).unwrap_or(1)
}

/// The column `models`.
pub(super) fn models() -> Value {
    let models = KINDS.map(|kind| (type_id(kind).to_string(), model(kind)));
    Value::Object(models.into_iter().collect::<Map<_, _>>())
}

fn model(kind: Kind) -> Value {
    let fields = FIELDS.iter().enumerate().map(|(at, name)| {
        json!({"name": name, "ord": at, "sticky": false, "rtl": false, "font": "Arial", "size": 20, "media": []})
    });
    let back = match kind {
        Kind::Spot | Kind::Occlusion => format!("{MARKED}\n{ANSWER}"),
        _ => format!("{{{{FrontSide}}}}\n{ANSWER}"),
    };
    json!({
        "id": type_id(kind), "name": type_name(kind), "type": 0, "mod": DEFINED, "usn": 0, "sortf": 0, "did": null,
        "tmpls": [{"name": "Card 1", "ord": 0, "qfmt": FRONT, "afmt": back, "bqfmt": "", "bafmt": "", "did": null,
                   "bfont": "", "bsize": 0}],
        "flds": fields.collect::<Vec<_>>(),
        "css": STYLE, "latexPre": "", "latexPost": "", "latexsvg": false, "tags": [], "vers": [],
        // A card is made of every note that has any of these fields.
        "req": [[0, "any", [0, 1, 2, 3, 4]]],
    })
}

/// The column `decks`: Anki's default deck, which is always there, and this one.
pub(super) fn decks(name: &str, about: &str, now_seconds: i64) -> Value {
    let about = match about.trim() {
        "" => INTENDED_USE.to_owned(),
        about => format!("{}<br><br>{INTENDED_USE}", escape(about)),
    };
    let deck = |id: i64, name: &str, about: &str| {
        json!({
            "id": id, "mod": now_seconds, "name": name, "usn": 0, "lrnToday": [0, 0], "revToday": [0, 0], "newToday": [0, 0],
            "timeToday": [0, 0], "collapsed": false, "browserCollapsed": false, "desc": about, "dyn": 0, "conf": 1,
            "extendNew": 0, "extendRev": 0,
        })
    };
    let id = deck_id(name);
    let mut decks = Map::new();
    decks.insert("1".to_owned(), deck(1, "Default", ""));
    decks.insert(id.to_string(), deck(id, name, &about));
    Value::Object(decks)
}

/// The column `dconf`: Anki's own defaults.
pub(super) fn options() -> Value {
    json!({"1": {
        "id": 1, "mod": 0, "name": "Default", "usn": 0, "maxTaken": 60, "autoplay": true, "timer": 0, "replayq": true, "dyn": false,
        "new": {"bury": true, "delays": [1.0, 10.0], "initialFactor": 2500, "ints": [1, 4, 0], "order": 1, "perDay": 20},
        "rev": {"bury": true, "ease4": 1.3, "ivlFct": 1.0, "maxIvl": 36500, "perDay": 200, "hardFactor": 1.2},
        "lapse": {"delays": [10.0], "leechAction": 1, "leechFails": 8, "minInt": 1, "mult": 0.0},
    }})
}

/// The column `conf`. Days begin at 4 o'clock UTC, as in the column `crt`.
pub(super) fn settings(cards: usize) -> Value {
    json!({
        "nextPos": cards + 1, "curDeck": 1, "activeDecks": [1], "curModel": type_id(Kind::Question), "sortType": "noteFld",
        "sortBackwards": false, "addToCur": true, "newSpread": 0, "dueCounts": true, "estTimes": true, "timeLim": 0,
        "collapseTime": 1200, "schedVer": 2, "sched2021": true, "creationOffset": 0,
    })
}
