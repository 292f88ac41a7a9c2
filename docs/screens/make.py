#!/usr/bin/env python3
"""Screenshots of the full-screen chat, taken from the real program.

    cargo build --release && python3 docs/screens/make.py [--binary target/release/rounds] [--out docs/screens]

Starts the program in its own tmux server with an empty ROUNDS_HOME, plays the scenes below, and writes the contents of the
terminal as SVG. Apart from times and memory use, the same program gives the same files. Needs tmux and Python 3.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unicodedata
from html import escape

ROOT = pathlib.Path(__file__).resolve().parents[2]
# A case that the model answers correctly.
CASE, NAME, QUESTION = "abdomen-ct-1", "case 1", "Which finding stands out?"
DEADLINE = 60
CELL, ROW, FONT = 8, 16, 13.3
MARGIN = 10
GROUNDS = {"dark": ("#14171c", "#d9dde4"), "light": ("#ffffff", "#20242a")}
SIXTEEN = (
    "#000000 #cd3131 #0dbc79 #c4a500 #2472c8 #bc3fbc #11a8cd #c8c8c8 "
    "#767676 #f14c4c #23d18b #f5f543 #3b8eea #d670d6 #29b8db #ffffff"
).split()


class Terminal:
    """The program in a pane of a tmux server of its own."""

    def __init__(self, binary, size, arguments=(), variables=None):
        self.folder = tempfile.TemporaryDirectory()
        self.size = size
        home = pathlib.Path(self.folder.name, "home")
        (home / "data").mkdir(parents=True)
        (home / "data" / "accepted").write_text("accepted\n")
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self.environment = {**kept, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "ROUNDS_HOME": str(home)}
        self.environment.update({"COLORTERM": "truecolor"} if variables is None else variables)
        columns, rows = size
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows), "-c", str(ROOT),
                  str(binary), "chat", *arguments)

    def tmux(self, *arguments):
        socket = os.path.join(self.folder.name, "tmux")
        done = subprocess.run(["tmux", "-S", socket, *arguments], env=self.environment, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"tmux {arguments}: {done.stderr}")
        return done.stdout

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def line(self, text):
        self.tmux("send-keys", "-l", text)
        self.keys("Enter")

    def see(self, text, times=1):
        """Waits until `text` appears on the screen."""
        until = time.time() + DEADLINE
        while self.tmux("capture-pane", "-p").count(text) < times:
            if time.time() > until:
                sys.exit(f"never seen: {text}\n{self.tmux('capture-pane', '-p')}")
            time.sleep(0.05)

    def still(self):
        """The cells once the screen stops changing, and the cursor position."""
        until, same, before = time.time() + DEADLINE, 0, None
        while same < 4 and time.time() < until:
            time.sleep(0.25)
            now = self.tmux("capture-pane", "-e", "-p", "-N")
            same = same + 1 if now == before else 0
            before = now
        flag, x, y = map(int, self.tmux("display-message", "-p", "#{cursor_flag} #{cursor_x} #{cursor_y}").split())
        return cells(before, self.size), (x, y) if flag else None

    def close(self):
        self.tmux("kill-server")
        self.folder.cleanup()


class Style:
    """Colours and attributes of a cell, changed by SGR sequences."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.front = self.back = None
        self.bold = self.faint = self.italic = self.underlined = self.reversed = False

    def take(self, numbers):
        numbers = [int(n.split(":")[0] or 0) for n in numbers.split(";")] if numbers else [0]
        while numbers:
            number = numbers.pop(0)
            if number == 0:
                self.reset()
            elif number in (38, 48):
                colour = extended(numbers)
                self.front, self.back = (colour, self.back) if number == 38 else (self.front, colour)
            elif number == 22:
                self.bold = self.faint = False
            elif number in (1, 2, 3, 4, 7, 23, 24, 27):
                name = ("bold", "faint", "italic", "underlined", None, None, "reversed")[number % 20 - 1]
                setattr(self, name, number < 20)
            elif 30 <= number <= 37 or 90 <= number <= 97:
                self.front = SIXTEEN[number % 10 + (8 if number >= 90 else 0)]
            elif 40 <= number <= 47 or 100 <= number <= 107:
                self.back = SIXTEEN[number % 10 + (8 if number >= 100 else 0)]
            elif number == 39:
                self.front = None
            elif number == 49:
                self.back = None

    def now(self):
        return (self.front, self.back, self.bold, self.faint, self.italic, self.underlined, self.reversed)


def extended(numbers):
    """A colour of the 256, or one of three parts."""
    if numbers.pop(0) == 2:
        red, green, blue = numbers[:3]
        del numbers[:3]
        return f"#{red:02x}{green:02x}{blue:02x}"
    index = numbers.pop(0)
    if index < 16:
        return SIXTEEN[index]
    if index >= 232:
        return "#" + f"{8 + 10 * (index - 232):02x}" * 3
    level = (0, 95, 135, 175, 215, 255)
    index -= 16
    return "#" + "".join(f"{level[part]:02x}" for part in (index // 36, index // 6 % 6, index % 6))


def cells(text, size):
    """Rows of (character, style); the second half of a wide character is None."""
    columns, rows = size
    style, grid = Style(), []
    for line in text.split("\n")[:rows]:
        row = []
        for sequence, numbers, letter in re.findall(r"(\x1b\[([0-9;:]*)m|\x1b\][^\x1b]*\x1b\\)|([^\x1b\x0e\x0f])", line):
            if sequence.startswith("\x1b["):
                style.take(numbers)
            elif letter and unicodedata.combining(letter) and row:
                row[-1] = (row[-1][0] + letter, row[-1][1])
            elif letter:
                row.append((letter, style.now()))
                if unicodedata.east_asian_width(letter) in "WF":
                    row.append(None)
        row += [(" ", Style().now())] * (columns - len(row))
        grid.append(row[:columns])
    return grid


# Which edges of a cell a line goes to: left, right, up, down. Drawn, not written, so that frames have no gaps.
LINES = dict(zip("─│┌┐└┘├┤┬┴┼", ("lr", "ud", "rd", "ld", "ru", "lu", "rud", "lud", "lrd", "lru", "lrud")))
DOUBLE = dict(zip("═║╔╗╚╝", ("lr", "ud", "rd", "ld", "ru", "lu")))
# Parts of a cell that are filled: left, top, width and height in eighths.
BLOCKS = {"█": (0, 0, 8, 8), "▀": (0, 0, 8, 4), "▄": (0, 4, 8, 4), "▌": (0, 0, 4, 8), "▐": (4, 0, 4, 8)}
SHADES = {"░": 0.25, "▒": 0.5, "▓": 0.75}


class Drawing:
    """Shapes by colour, and words."""

    def __init__(self, ground):
        self.ground, self.front = GROUNDS[ground]
        self.backs, self.fronts, self.strokes, self.words = {}, {}, {}, []

    def fill(self, layer, colour, x, y, width, height):
        shapes = layer.setdefault(colour, [])
        last = shapes[-1] if shapes else None
        # Neighbours in a row become one.
        if last and last[0] + last[2] == x and (last[1], last[3]) == (y, height):
            shapes[-1] = (last[0], y, last[2] + width, height)
        else:
            shapes.append((x, y, width, height))

    def stroke(self, colour, path):
        self.strokes.setdefault(colour, []).append(path)

    def colours(self, style):
        front, back = style[0] or self.front, style[1]
        if style[6]:
            front, back = back or self.ground, front
        return (mixed(front, back or self.ground, 0.6) if style[3] else front), back

    def row(self, y, row):
        word = None
        for at, cell in enumerate(row):
            if cell is None:
                continue
            letter, style = cell
            front, back = self.colours(style)
            x = at * CELL
            wide = CELL * (2 if at + 1 < len(row) and row[at + 1] is None else 1)
            if back:
                self.fill(self.backs, back, x, y, wide, ROW)
            if letter in BLOCKS:
                left, top, width, height = BLOCKS[letter]
                self.fill(self.fronts, front, x + left, y + top * 2, width, height * 2)
            elif letter in SHADES:
                self.fill(self.fronts, mixed(front, back or self.ground, SHADES[letter]), x, y, CELL, ROW)
            elif letter in LINES or letter in DOUBLE:
                self.stroke(front, lines(letter, x, y))
            elif letter != " ":
                look = (front, style[2], style[4], style[5])
                if word and word["look"] == look and word["x"] + word["wide"] == x:
                    word["text"] += letter
                    word["wide"] += wide
                else:
                    word = {"x": x, "y": y, "wide": wide, "look": look, "text": letter}
                    self.words.append(word)


def mixed(front, back, share):
    parts = zip(bytes.fromhex(front[1:]), bytes.fromhex(back[1:]))
    return "#" + "".join(f"{round(f * share + b * (1 - share)):02x}" for f, b in parts)


def lines(letter, x, y):
    """A path for a line, or two beside each other where it is double."""
    across, down = x + CELL / 2, y + ROW / 2
    if letter in LINES:
        ends = {"l": (x, down), "r": (x + CELL, down), "u": (across, y), "d": (across, y + ROW)}
        return "".join(f"M{across:g} {down:g}L{ends[to][0]:g} {ends[to][1]:g}" for to in LINES[letter])
    edges = DOUBLE[letter]
    if edges == "lr":
        return "".join(f"M{x} {down + side:g}h{CELL}" for side in (-1.5, 1.5))
    if edges == "ud":
        return "".join(f"M{across + side:g} {y}v{ROW}" for side in (-1.5, 1.5))
    to_x = x + CELL if "r" in edges else x
    to_y = y + ROW if "d" in edges else y
    out_x, out_y = (-1.5 if "r" in edges else 1.5), (-1.5 if "d" in edges else 1.5)
    both = ((out_x, out_y), (-out_x, -out_y))
    return "".join(f"M{to_x} {down + dy:g}H{across + dx:g}V{to_y}" for dx, dy in both)


def svg(grid, cursor, title, ground="dark"):
    """The screen as SVG."""
    drawing = Drawing(ground)
    for number, row in enumerate(grid):
        drawing.row(number * ROW, row)
    columns, rows = len(grid[0]), len(grid)
    width, height = columns * CELL + 2 * MARGIN, rows * ROW + 2 * MARGIN
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="{FONT}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width}" height="{height}" rx="6" fill="{drawing.ground}"/>',
        f'<g transform="translate({MARGIN} {MARGIN})">',
        '<g shape-rendering="crispEdges">',
    ]
    for colour, shapes in [*drawing.backs.items(), *drawing.fronts.items()]:
        path = "".join(f"M{x} {y}h{w}v{h}h{-w}z" for x, y, w, h in shapes)
        out.append(f'<path fill="{colour}" d="{path}"/>')
    out.append("</g>")
    for colour, paths in drawing.strokes.items():
        out.append(f'<path fill="none" stroke="{colour}" d="{"".join(paths)}"/>')
    if cursor:
        x, y = cursor
        out.append(f'<rect x="{x * CELL}" y="{y * ROW}" width="{CELL}" height="{ROW}" fill="{drawing.front}" opacity="0.6"/>')
    groups = {}
    for word in drawing.words:
        groups.setdefault(word["look"], []).append(word)
    for (colour, bold, italic, underlined), words in groups.items():
        style = ' font-weight="bold"' * bold + ' font-style="italic"' * italic + ' text-decoration="underline"' * underlined
        out.append(f'<g fill="{colour}"{style}>')
        # textLength keeps the columns aligned in any font.
        out += [
            f'<text x="{w["x"]}" y="{w["y"] + 12}" textLength="{w["wide"]}" lengthAdjust="spacingAndGlyphs">{escape(w["text"])}</text>'
            for w in words
        ]
        out.append("</g>")
    return "\n".join([*out, "</g>", "</svg>", ""])


def asked(binary, size, **more):
    """A sample case attached and asked about."""
    chat = Terminal(binary, size, **more)
    chat.see(" ready |")
    chat.line(f"/cases {CASE}")
    chat.see(f"Question about {NAME}")
    chat.line(QUESTION)
    chat.see(" tokens, ")
    chat.see(" ready |")
    return chat


def opened(chat):
    """Opens the second shot, which shows the finding in question."""
    chat.keys("M-3", "j", "Enter")
    chat.see("Esc closes")


def compared(chat):
    chat.keys("M-c")
    chat.see(" answer")
    chat.see(" ready |")


SCENES = {
    "answer": ((160, 45), "An answer with its image and its shots", lambda chat: None),
    "small": ((80, 24), "The same answer in a terminal of 80 by 24", lambda chat: None),
    "shot": ((160, 45), "An opened shot", opened),
    "compare": ((120, 28), "The same question with and without shots", compared),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=pathlib.Path, default=ROOT / "target/release/rounds")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs/screens")
    given = parser.parse_args()
    for name, (size, title, play) in SCENES.items():
        chat = asked(given.binary.resolve(), size)
        play(chat)
        image = svg(*chat.still(), title)
        chat.close()
        path = given.out / f"{name}.svg"
        path.write_text(image, encoding="utf-8")
        print(f"{path}: {len(image.encode()) / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
