#!/usr/bin/env python3
"""Anki's own package, to make a small deck that the program must read, and to read what the program wrote.

    python3 -m venv env
    env/bin/pip install anki==26.9.3
    env/bin/python tests/reference/anki_package.py make crates/study/tests/fixtures/anki.apkg
    env/bin/python tests/reference/anki_package.py read DECK.apkg [DECK.apkg ...]

`make` exports, with support for older versions, notes of the types Basic, Basic (and reversed card), Cloze and Image Occlusion,
one image and a review of one card. `read` imports packages, one after the other, into an empty collection and prints what Anki sees in it as JSON.
"""

import hashlib
import json
import os
import struct
import sys
import tempfile
import zipfile
import zlib

import anki.lang
from anki.collection import (
    Collection,
    DeckIdLimit,
    ExportAnkiPackageOptions,
    ImportAnkiPackageOptions,
    ImportAnkiPackageRequest,
)
from anki.utils import field_checksum


def grey_png(width, height):
    """A PNG with a ramp of grey."""

    def chunk(kind, content):
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    rows = b"".join(b"\0" + bytes((x + y) % 256 for x in range(width)) for y in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + content


def make(path):
    with tempfile.TemporaryDirectory() as folder:
        collection = Collection(os.path.join(folder, "collection.anki2"))
        deck = collection.decks.id("Fixture::Chest")
        image = collection.media.write_data("chest film & more.png", grey_png(16, 12))

        def add(kind, tags, *fields):
            note = collection.new_note(collection.models.by_name(kind))
            note.fields[: len(fields)] = fields
            note.tags = tags
            collection.add_note(note, deck)
            return note

        shown = f'<img src="{image.replace("&", "&amp;")}">'
        add(
            "Basic",
            ["anatomy::chest", "first"],
            f"{shown}<div>What does this film show?</div>",
            "A <b>ramp</b> of&nbsp;grey &lt; 255",
        )
        add("Basic (and reversed card)", [], "Normal pO<sub>2</sub>", "75&ndash;100&nbsp;mmHg")
        add("Cloze", ["cloze"], "The {{c1::aorta::vessel}} leaves the {{c2::left ventricle}}.", "See the atlas.")
        add(
            "Image Occlusion",
            [],
            "{{c1::image-occlusion:rect:left=.25:top=.5:width=.125:height=.25:oi=1}}<br>",
            shown,
            "Name the lobe",
            "It is the lower one.",
        )
        collection.decks.select(deck)
        card = collection.sched.getCard()
        card.start_timer()
        collection.sched.answerCard(card, 3)
        exported = os.path.join(folder, "exported.apkg")
        collection.export_anki_package(
            out_path=exported,
            options=ExportAnkiPackageOptions(
                with_scheduling=True, with_deck_configs=True, with_media=True, legacy=True
            ),
            limit=DeckIdLimit(collection.decks.id("Fixture")),
        )
        collection.close()
        # Anki leaves its message to old versions, an empty database of 50 KB, uncompressed.
        with zipfile.ZipFile(exported) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as small:
            for entry in source.namelist():
                small.writestr(entry, source.read(entry))


def read(paths):
    with tempfile.TemporaryDirectory() as folder:
        collection = Collection(os.path.join(folder, "collection.anki2"))
        options = ImportAnkiPackageOptions(with_scheduling=True, with_deck_configs=True, merge_notetypes=False)
        for path in paths:
            request = ImportAnkiPackageRequest(package_path=os.path.abspath(path), options=options)
            log = collection.import_anki_package(request).log
        notes = []
        for id in collection.find_notes(""):
            note = collection.get_note(id)
            sums = collection.db.first("select csum, sfld from notes where id = ?", id)
            cards = []
            for card in note.cards():
                output = card.render_output()
                cards.append(
                    {
                        "deck": collection.decks.name(card.did),
                        "type": card.type,
                        "queue": card.queue,
                        "days": card.due - collection.sched.today if card.type == 2 else None,
                        "due": card.due,
                        "interval": card.ivl,
                        "reviews": card.reps,
                        "lapses": card.lapses,
                        "stability": card.memory_state.stability if card.memory_state else None,
                        "difficulty": card.memory_state.difficulty if card.memory_state else None,
                        "question": output.question_text,
                        "answer": output.answer_text,
                        "log": collection.db.all(
                            "select id, ease, ivl, lastIvl, time, type from revlog where cid = ? order by id", card.id
                        ),
                    }
                )
            notes.append(
                {
                    "guid": note.guid,
                    "type": note.note_type()["name"],
                    "fields": dict(note.items()),
                    "tags": note.tags,
                    "checksum": sums[0],
                    "expected_checksum": field_checksum(note.fields[0]),
                    "sort_field": str(sums[1]),
                    "cards": cards,
                }
            )
        media = {}
        for name in sorted(os.listdir(collection.media.dir())):
            with open(os.path.join(collection.media.dir(), name), "rb") as file:
                media[name] = hashlib.sha256(file.read()).hexdigest()
        check = collection.media.check()
        # Anki corrects what is wrong in a database, and says so.
        report, sound = collection.fix_integrity()
        decks = [
            {"name": deck.name, "about": collection.decks.get(deck.id)["desc"]}
            for deck in collection.decks.all_names_and_ids()
        ]
        result = {
            "new": len(log.new),
            "updated": len(log.updated),
            "found": log.found_notes,
            "notes": notes,
            "media": media,
            "missing_media": list(check.missing),
            "unused_media": list(check.unused),
            "sound": sound,
            "report": report,
            "decks": decks,
        }
        collection.close()
        json.dump(result, sys.stdout, ensure_ascii=False, indent=1)
        print()


def main():
    anki.lang.set_lang("en_US")
    match sys.argv[1:]:
        case ["make", path]:
            make(path)
        case ["read", *paths] if paths:
            read(paths)
        case _:
            sys.exit(__doc__)


main()
