"""Takes QEMU's place: reads from the disks of a machine what a recorded boot read, and ends when the job would begin.

Started by the supervisor under QEMU's name and with QEMU's arguments; the recording is `recording.json` beside it. Says the
times (since 1970) at which it began and ended, on standard error, which is the machine's qemu.log.
"""
import asyncio
import os
import pathlib
import re
import socket
import sys
import time

REAL = "/usr/bin/qemu-system-x86_64"
SERVED = re.compile(r"driver=nbd,.*server\.str=(\d+)")


def main():
    begun = time.time()
    disks = [int(found[1]) for argument in sys.argv if (found := SERVED.search(argument))]
    if not disks:  # somebody asks QEMU for its version, its processors, or for KVM
        os.execv(REAL, [REAL, *sys.argv[1:]])
    here = pathlib.Path(__file__).resolve().parent
    sys.path.insert(0, str(here))
    from nbd import replay
    from recording import Recording
    recording = Recording.decoded((here / "recording.json").read_text())
    asyncio.run(replay(recording, [socket.socket(fileno=disk) for disk in disks]))
    print(f"replayed {begun:.6f} {time.time():.6f}", file=sys.stderr, flush=True)


main()
