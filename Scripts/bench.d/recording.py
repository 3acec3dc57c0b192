"""The reads of a real boot: which bytes of which disk, after which other read, and after how long.

Recorded from QEMU's own trace of a machine of sojourn, whatever its disks are behind: a program of QEMU's name, first in
PATH, adds the trace's options. Written as JSON.
"""
import bisect
import dataclasses
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

from peer import Failure

PROGRAM = "qemu-system-x86_64"
EVENTS = ("virtio_blk_handle_read", "virtio_blk_req_complete")
BEGUN = re.compile(r"begun@([0-9.]+)")
LINE = re.compile(r"\d+@(\d+\.\d+):(virtio_blk_\w+) vdev (\S+) req (\S+)(?: sector (\d+) nsectors (\d+))?")
SECTOR, BLOCK = 512, 4096


@dataclasses.dataclass
class Read:
    """A read that was issued `think` seconds after the end of read number `after` (None: after QEMU's start)."""
    disk: int
    offset: int
    length: int
    after: int | None
    think: float
    took: float


@dataclasses.dataclass
class Event:
    disk: int
    offset: int
    length: int
    issued: float
    ended: float | None = None


@dataclasses.dataclass
class Recording:
    """Reads in the order of their issue; the job's first line came `rest` seconds after the end of read `last`."""
    reads: list
    last: int | None
    rest: float

    @property
    def bytes(self):
        return sum(read.length for read in self.reads)

    @property
    def seconds(self):
        """How long it took where every read took no time."""
        ends = []
        for read in self.reads:
            ends.append((0 if read.after is None else ends[read.after]) + read.think)
        return (0 if self.last is None else ends[self.last]) + self.rest

    def blocks(self, layers):
        """The blocks of 4 KiB that were read of each of the first disks, which are the image's layers: in their order."""
        found = [{} for _ in range(layers)]
        for read in self.reads:
            if read.disk < layers:
                for block in range(read.offset // BLOCK, -(-(read.offset + read.length) // BLOCK)):
                    found[read.disk][block] = None
        return [list(of_layer) for of_layer in found]

    def encoded(self):
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def decoded(cls, text):
        value = json.loads(text)
        return cls([Read(**read) for read in value["reads"]], value["last"], value["rest"])


def record(sojourn, arguments, work):
    """Runs `sojourn run` with these arguments, whose job prints a line, and records its machine's reads until then."""
    real = shutil.which(PROGRAM)
    if not real:
        raise Failure(f"no {PROGRAM} on this host")
    with tempfile.TemporaryDirectory(prefix="sojourn-bench-") as directory:
        log = wrap(real, pathlib.Path(directory))
        environment = dict(sojourn.environment, PATH=f"{directory}:{os.environ['PATH']}")
        with subprocess.Popen([sojourn.program, "run", *arguments], env=environment, cwd=work, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as job:
            line = job.stdout.readline()
            ended = time.time()
            _, errors = job.communicate()
        if not line or job.returncode:
            raise Failure(f"sojourn run {' '.join(arguments)} returned {job.returncode}:\n{errors[-2000:]}")
        return parsed(log.read_text(), ended)


def wrap(real, directory):
    """A program of QEMU's name in the directory, which has QEMU write its trace into the log that is returned."""
    # QEMU runs under a number of its own, which may enter no home.
    directory.chmod(0o755)
    log = directory / "trace.log"
    log.touch()
    log.chmod(0o666)
    program = directory / PROGRAM
    traces = " ".join(f"-trace {event}" for event in EVENTS)
    program.write_text(f"#!/bin/sh\ncase \"$*\" in *virtio-blk*) date +begun@%s.%N >>{log}\n"
                       f"exec {real} {traces} -msg timestamp=on \"$@\" 2>>{log} ;; esac\nexec {real} \"$@\"\n")
    program.chmod(0o755)
    return log


def parsed(log, ended):
    """The recording of QEMU's trace until a time. Disks are numbered in the order in which the guest finds them."""
    begun = BEGUN.search(log)
    disks, open_reads, events = {}, {}, []
    for found in LINE.finditer(log):
        time, event, device, request, sector, count = found.groups()
        disk = disks.setdefault(device, len(disks))
        if event == EVENTS[0]:
            read = Event(disk, int(sector) * SECTOR, int(count) * SECTOR, float(time))
            open_reads[device, request] = read
            events.append(read)
        elif (device, request) in open_reads:
            open_reads.pop((device, request)).ended = float(time)
    events = [event for event in events if event.ended is not None and event.ended <= ended]
    if not events or not begun:
        raise Failure("QEMU's trace has no reads: is this QEMU built with the trace backend 'log'?")
    return arranged(events, float(begun[1]), ended)


def arranged(events, begun, ended):
    """Each read waited for the one that had ended last when it was issued."""
    reads, finished = [], []
    for number, event in enumerate(sorted(events, key=lambda event: event.issued)):
        place = bisect.bisect_right(finished, (event.issued, number))
        end, after = finished[place - 1] if place else (begun, None)
        reads.append(Read(event.disk, event.offset, event.length, after, event.issued - end, event.ended - event.issued))
        bisect.insort(finished, (event.ended, number))
    end, last = finished[-1]
    return Recording(reads, last, ended - end)
