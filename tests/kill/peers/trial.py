"""A trial of a peer that is written in Python: the same three calls as in scene.h.

    PROGRAM, PROGRAM SCENE, PROGRAM SCENE MILLISECONDS|never

A scene is a function of a Trial; it returns what its survivors found. Nothing here has a deadline: a
program that does not end hangs, and the caller ends it."""

import functools
import json
import mmap
import os
import signal
import struct
import sys
import tempfile
import threading
import time

SPAN_MS = 60
TASKS = 40
TASK_SECONDS = 0.005


NAMES = "put got_victim got_survivor ready_victim ready_survivor stop dead worker"


class Words:
    """Numbers that all processes of a trial see, without any lock that one could die with: in a file,
    since not all inherit memory."""

    def __init__(self):
        fd = os.open(os.environ["PEER_WORDS"], os.O_RDWR | os.O_CREAT, 0o600)
        os.truncate(fd, mmap.PAGESIZE)
        self.memory = mmap.mmap(fd, mmap.PAGESIZE)
        os.close(fd)
        self.places = {name: 8 * place for place, name in enumerate(NAMES.split())}

    def __getitem__(self, name):
        return struct.unpack_from("q", self.memory, self.places[name])[0]

    def __setitem__(self, name, value):
        struct.pack_into("q", self.memory, self.places[name], value)

    def wait(self, name, value=1):
        while self[name] < value:
            time.sleep(0.0002)


@functools.cache
def words():
    return Words()


class Trial:
    """One victim, which dies so many milliseconds after it has begun, or is let go."""

    def __init__(self, at):
        self.words = words()
        self.ms = None if at == "never" else float(at)

    def start(self, body, *arguments):
        """A process, by fork. It is not multiprocessing's own, so that its death is nobody else's
        affair."""
        pid = os.fork()
        if pid == 0:
            body(*arguments)
            os._exit(0)
        return pid

    def kill(self, pid):
        """At its time. Who is not killed sees `stop`."""
        if self.ms is None:
            time.sleep(SPAN_MS / 2000)
            self.words["stop"] = 1
        else:
            time.sleep(self.ms / 1000)
            os.kill(pid, signal.SIGKILL)
            wait_for_end(pid)

    def kill_meanwhile(self, pid):
        """While the caller goes on. `dead` says that it has ended, one way or the other."""

        def kill():
            self.kill(pid)
            wait_for_end(pid)
            self.words["dead"] = 1

        threading.Thread(target=kill, daemon=True).start()


def is_alive(pid):
    """A zombie is dead."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for_end(pid):
    while is_alive(pid):
        time.sleep(0.0002)


def join(pid):
    os.waitpid(pid, 0)


def task(number):
    """What workers do. The one that has begun last is the victim."""
    words()["worker"] = os.getpid()
    time.sleep(TASK_SECONDS)
    return number + 1


def main(scenes):
    if len(sys.argv) == 1:
        print(*scenes, sep="\n")
    elif len(sys.argv) == 2:
        print(SPAN_MS, "ms")
    else:
        with tempfile.NamedTemporaryFile(prefix="hayfork-peer-") as file:
            os.environ.setdefault("PEER_WORDS", file.name)  # not set when played by hand
            trial = Trial(sys.argv[2])
            print(json.dumps(scenes[sys.argv[1]](trial) or {}), flush=True)
        # What the libraries do at exit is not asked for.
        os._exit(0)
