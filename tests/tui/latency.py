#!/usr/bin/env python3
"""Time to the first frame, and from a key to its echo while the model decodes, measured through a pseudo-terminal.

    python3 tests/tui/latency.py [--keys 300] [--starts 20] [--idle 5] -- COMMAND ARGUMENT...

COMMAND is the interface, with settings that make long answers (many new tokens). It prints one JSON object with
milliseconds, the processor time at rest, and the load of the machine. The program is measured on the fixtures; see
fixtures.py for what ships. Only the standard library is used.
"""

import argparse
import fcntl
import json
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

import fixtures

COLUMNS, ROWS = 120, 40
# Letters that no model here says, so that an echo cannot be mistaken.
LETTERS = "þßøđħŋłæðœ"


class Program:
    """A program at a pseudo-terminal that answers what terminals answer."""

    def __init__(self, command):
        self.started = time.perf_counter()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
            os.execvp(command[0], command)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, COLUMNS * 10, ROWS * 20))
        self.seen = b""

    def read(self, seconds):
        """What comes within `seconds`, at most one piece."""
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return b""
        try:
            piece = os.read(self.fd, 1 << 16)
        except OSError:
            return b""
        if b"\x1b[c" in piece:
            os.write(self.fd, b"\x1b[?62c")
        self.seen += piece
        return piece

    def until(self, text, seconds):
        """Waits until `text` was seen since the last call; the time it took, or None."""
        begin = time.perf_counter()
        while time.perf_counter() - begin < seconds:
            if text in self.seen:
                self.seen = b""
                return time.perf_counter() - begin
            self.read(0.002)
        return None

    def write(self, text):
        os.write(self.fd, text.encode())

    def processor_seconds(self):
        fields = open(f"/proc/{self.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self):
        """Leaves, and says whether the terminal was given back."""
        try:
            os.kill(self.pid, signal.SIGTERM)
            self.seen = b""
            deadline = time.perf_counter() + 10
            while time.perf_counter() < deadline:
                self.read(0.05)
                if os.waitpid(self.pid, os.WNOHANG)[0]:
                    break
            self.read(0.05)
        except (OSError, ChildProcessError):
            pass
        os.close(self.fd)
        return b"\x1b[?1049l" in self.seen and b"\x1b[?25h" in self.seen


def spread(values):
    values = sorted(values)
    at = lambda part: round(1000 * values[min(len(values) - 1, int(part * len(values)))], 2) if values else None
    return {"count": len(values), "p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "most": at(1.0)}


def first_frame(command):
    program = Program(command)
    # The status line is the last thing of a frame.
    while b"not for diagnosis" not in program.seen and time.perf_counter() - program.started < 10:
        program.read(0.001)
    took = time.perf_counter() - program.started
    restored = program.end()
    return took, restored


def echoes(program, keys, running):
    """Times from a key to its echo; and how many of them were pressed while an answer was under way."""
    times, lost, busy = [], 0, 0
    for number in range(keys):
        # Between frames, at no fixed beat.
        pause = time.perf_counter() + 0.02 + 0.013 * (number % 7)
        while time.perf_counter() < pause:
            program.read(0.002)
        busy += running()
        program.seen = b""
        program.write(LETTERS[number % len(LETTERS)])
        took = program.until(LETTERS[number % len(LETTERS)].encode(), 2)
        if took is None:
            lost += 1
        else:
            times.append(took)
        if number % 50 == 49:
            program.write("\x15")
            program.read(0.05)
    return times, lost, busy


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--keys", type=int, default=300)
    parser.add_argument("--starts", type=int, default=20)
    parser.add_argument("--idle", type=float, default=5)
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    fixtures.take()
    frames = [first_frame(given.command) for _ in range(given.starts)]
    program = Program(given.command)
    program.until(b"ready", 120)
    for _ in range(20):
        program.read(0.2)
    before = program.processor_seconds()
    began = time.perf_counter()
    while time.perf_counter() - began < given.idle:
        program.read(0.2)
    idle = 100 * (program.processor_seconds() - before) / given.idle
    rest, lost_at_rest, _ = echoes(program, given.keys, lambda: False)
    program.write("\x15")
    state = {"cpu": program.processor_seconds(), "asked": 0}

    def running():
        """Asks again where nothing is being computed any more; true while something is."""
        now = program.processor_seconds()
        busy = now > state["cpu"] + 0.005
        state["cpu"] = now
        if not busy:
            program.write("\x15Is there a nodule?\r")
            program.read(0.3)
            state["asked"] += 1
            state["cpu"] = program.processor_seconds()
        return busy

    decoding, lost, busy = echoes(program, given.keys, running)
    restored = program.end()
    print(
        json.dumps(
            {
                "first_frame_ms": spread([took for took, _ in frames]),
                "idle_percent": round(idle, 2),
                "echo_at_rest_ms": spread(rest),
                "echo_while_decoding_ms": spread(decoding),
                "keys_pressed_while_busy": busy,
                "questions": state["asked"],
                "lost": lost + lost_at_rest,
                "restored": restored and all(ok for _, ok in frames),
                "load": os.getloadavg(),
                "cores": os.cpu_count(),
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
