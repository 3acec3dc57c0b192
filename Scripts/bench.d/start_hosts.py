"""Starts a job on hosts in network namespaces, all from nothing and at once, through one mirror and from host to host;
prints the bytes that each received and sent, those that left the mirror, and those that a start needs.

Usage: start_hosts.py PROGRAM HOME COUNT

Of the image os/debian12, which HOME has, with its kernel. Needs root.
"""
import json
import pathlib
import shutil
import sys
import tempfile

from hosts import HOST_RATE, MIRROR_RATE, Hosts
from peer import Sojourn
from published import Catalogue
from recording import record
from sized import Image

NAME = "os/debian12"


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    program, home, count = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), int(sys.argv[3])
    sojourn = Sojourn(program, home)
    work = pathlib.Path(tempfile.mkdtemp(prefix="sojourn-hosts-", dir=home))
    try:
        recording = record(sojourn, ["--isolated", "--env", NAME, "--", "echo", "hello"], work)
        hosts = Hosts(Catalogue(sojourn, work, [NAME]), Image(sojourn, NAME), recording, work, say=None)
        try:
            found = hosts.round(count, MIRROR_RATE, HOST_RATE, sharing=True)
        finally:
            hosts.close()
    finally:
        shutil.rmtree(work)
    print(json.dumps({"received": [start.received for start in found.starts],
                      "sent": [start.sent for start in found.starts], "served": found.served,
                      "needed": Image(sojourn, NAME).needed + recording.bytes}))


main()
