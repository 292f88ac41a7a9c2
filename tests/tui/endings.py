#!/usr/bin/env python3
"""How the interface ends and comes back, at a pseudo-terminal: by key, by signal, by a closed terminal, suspended.

    python3 tests/tui/endings.py -- COMMAND ARGUMENT...

Checks that the terminal is given back as it was: the main screen, the cursor, mouse and paste modes off, and the same
line settings. Prints one line a check; the exit code is 1 if one failed. The program runs on the fixtures; see fixtures.py
for what ships. Only the standard library is used.
"""

import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time

import fixtures

BACK = [b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1000l", b"\x1b[?2004l"]


class Program:
    def __init__(self, command):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for number in (0, 1, 2):
                os.dup2(self.slave, number)
            os.close(self.master)
            os.environ["TERM"] = "xterm-256color"
            os.execvp(command[0], command)
        self.seen = b""

    def look(self, seconds, until=None):
        end = time.time() + seconds
        while time.time() < end and not (until and until in self.seen):
            if select.select([self.master], [], [], 0.05)[0]:
                try:
                    piece = os.read(self.master, 1 << 16)
                except OSError:
                    return
                if b"\x1b[c" in piece:
                    os.write(self.master, b"\x1b[?62c")
                self.seen += piece

    def ready(self):
        self.look(60, b"ready")
        self.look(0.5)
        self.seen = b""

    def write(self, text):
        os.write(self.master, text)

    def wait(self, seconds=10):
        """Its exit status, or None while it runs."""
        end = time.time() + seconds
        while time.time() < end:
            self.look(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.look(0.1)
                return status
        return None

    def stopped(self, seconds=5):
        end = time.time() + seconds
        while time.time() < end:
            self.look(0.05)
            state = open(f"/proc/{self.pid}/stat").read().rsplit(")", 1)[1].split()[0]
            if state == "T":
                return True
        return False

    def given_back(self):
        return all(mode in self.seen for mode in BACK) and termios.tcgetattr(self.slave) == self.before


def check(name, passed):
    print(f"{'ok  ' if passed else 'FAIL'} {name}")
    return passed


def main():
    command = [part for part in sys.argv[1:] if part != "--"]
    fixtures.take()
    passed = []

    for name, keys in (("Ctrl-D in an empty input", b"\x04"), ("Ctrl-C twice", b"\x03\x03"), ("/quit", b"/quit\r")):
        program = Program(command)
        program.ready()
        program.write(keys)
        status = program.wait()
        passed.append(check(f"{name} leaves and gives the terminal back", status is not None and program.given_back()))

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        program = Program(command)
        program.ready()
        program.write(b"Is there a nodule?\r")
        time.sleep(0.05)
        os.kill(program.pid, number)
        status = program.wait()
        passed.append(check(f"{number.name} while answering ends it and gives the terminal back", status is not None and program.given_back()))

    program = Program(command)
    program.ready()
    program.write(b"\x1a")
    passed.append(check("Ctrl-Z suspends and gives the terminal back", program.stopped() and program.given_back()))
    program.seen = b""
    os.kill(program.pid, signal.SIGCONT)
    program.look(3, b"not for diagnosis")
    program.look(0.3)
    passed.append(check("it comes back with a whole screen", b"\x1b[?1049h" in program.seen and b"not for diagnosis" in program.seen))
    os.kill(program.pid, signal.SIGTSTP)
    passed.append(check("a suspend from outside gives the terminal back too", program.stopped()))
    os.kill(program.pid, signal.SIGCONT)
    program.look(1)
    program.seen = b""
    fcntl.ioctl(program.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.kill(program.pid, signal.SIGWINCH)
    program.look(1)
    passed.append(check("another size is drawn", b"Conversation" in program.seen))
    program.write(b"\x04")
    passed.append(check("and it still leaves", program.wait() is not None and program.given_back()))

    program = Program(command)
    program.ready()
    os.close(program.slave)
    os.close(program.master)
    end, status = time.time() + 10, None
    while time.time() < end and status is None:
        pid, found = os.waitpid(program.pid, os.WNOHANG)
        status = found if pid else None
        time.sleep(0.05)
    passed.append(check("a terminal that goes away ends it", status is not None))

    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
