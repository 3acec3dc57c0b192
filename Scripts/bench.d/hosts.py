"""What `make bench` measures of a site: twenty hosts that start a job at once, through one mirror, and host to host.

Each host is a network namespace with a home of its own, which has nothing but a catalogue that it trusts. It runs the
program as a person would. Twenty machines do not boot at once on the processors of one host: in QEMU's place a program reads
from the machine's disks what a recorded boot read, as long after each other (replayed.py). Everything else is real: what is
fetched, verified, served over NBD, and by whom.
"""
import contextlib
import dataclasses
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import tempfile
import time

from groups import Group
from networks import Network
from peer import Failure
from processes import processor, run, running, wait_for
from published import PORT, nginx
from recording import PROGRAM, Recording

HOSTS = 20
MIRROR_RATE, HOST_RATE = 200_000_000, 100_000_000
DEADLINE = 300
# Where hosts' homes are: hosts of a site do not share a disk.
MEMORY = "/dev/shm"
# Of the processors of this machine, what each of many hosts has to itself, as no host of a site shares them: the rest is for
# the mirror and the network.
SHARE = 0.075
TRIP = """
import http.client, statistics, sys, time
connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]))
def once():
    begun = time.perf_counter()
    connection.request("GET", "/metadata/timestamp.json")
    connection.getresponse().read()
    return time.perf_counter() - begun
print(statistics.median(once() for _ in range(300)))
"""


@dataclasses.dataclass
class Start:
    """One host's start: seconds from the command until it knew the catalogue, to QEMU's start and to the job's."""
    synced: float
    booted: float
    started: float
    received: int
    sent: int


@dataclasses.dataclass
class Round:
    starts: list
    served: int  # bytes that left the mirror's link
    mirror_processor: float  # seconds
    # Seconds since the command, and what the processors had worked for the hosts until then, in seconds.
    used: list

    @property
    def processor(self):
        """What the processors worked for the hosts, in seconds."""
        return self.used[-1][1]

    def processor_after(self, moment):
        return self.processor - max(worked for seconds, worked in self.used if seconds <= moment)

    @property
    def times(self):
        return [start.started for start in self.starts]


class Hosts:
    """`catalogue` serves `image`, of whose boot there is a `recording`."""

    def __init__(self, catalogue, image, recording, work, say):
        self.catalogue, self.image, self.work, self.say = catalogue, image, work, say
        self.sojourn = catalogue.sojourn
        # Where QEMU's own user may read, which a home is not.
        self.programs = pathlib.Path(tempfile.mkdtemp(prefix="sojourn-bench-"))
        self.programs.chmod(0o755)
        here = pathlib.Path(__file__).resolve().parent
        for name in ("nbd.py", "recording.py", "peer.py"):
            shutil.copy(here / name, self.programs)
        (self.programs / "recording.json").write_text(recording.encoded())
        program = self.programs / PROGRAM
        program.write_text("#!/usr/bin/python3\n" + (here / "replayed.py").read_text())
        program.chmod(0o755)

    def close(self):
        shutil.rmtree(self.programs)

    def one(self):
        """One host alone, with all processors."""
        return self.round(1, HOST_RATE, HOST_RATE, sharing=False)

    def nothing_read(self):
        """One host alone, whose machine reads nothing."""
        place = self.programs / "recording.json"
        kept = place.read_text()
        place.write_text(Recording([], None, 0.0).encoded())
        try:
            return self.one()
        finally:
            place.write_text(kept)

    def trip(self):
        """Seconds of a small request over a connection that is there: the median of many."""
        with Network() as network:
            mirror, host = network.host(up=10**11, down=10**11), network.host(up=10**11, down=10**11)
            with nginx(mirror, self.catalogue.directory, self.work):
                done = run(host.command(["python3", "-c", TRIP, mirror.address, PORT]))
        return float(done.stdout)

    def all(self, sharing=False):
        return self.round(HOSTS, MIRROR_RATE, HOST_RATE, sharing)

    def round(self, count, mirror_rate, host_rate, sharing):
        with Network() as network, contextlib.ExitStack() as stack:
            mirror = network.host(down=mirror_rate, up=mirror_rate)
            hosts = [network.host(down=host_rate, up=host_rate) for _ in range(count)]
            if sharing:
                url, server = stack.enter_context(self.mirror(mirror))
            else:
                url, server = stack.enter_context(nginx(mirror, self.catalogue.directory, self.work))
            memory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sojourn-bench-", dir=MEMORY)))
            homes = [memory / f"host-{number}" for number in range(count)]
            groups = [Group(host.name, SHARE if count > 1 else None) for host in hosts]
            for group in groups:
                stack.callback(group.remove)
            for host, home, group in zip(hosts, homes, groups):
                self.catalogue.trust(home, f"{url}/bench" if sharing else url, f"mirrors: [{url}]\n" if sharing else "")
                if sharing:
                    stack.enter_context(self.holder(host, home, group, url))
            of_mirror, sent = tree_processor(server.pid), mirror.sent()
            starts, used = self.start(hosts, homes, groups)
            return Round(starts, mirror.sent() - sent, tree_processor(server.pid) - of_mirror, used)

    def start(self, hosts, homes, groups):
        """What each came to, and the processor seconds of all until each moment."""
        begun, used, before = time.time(), [], sum(group.worked for group in groups)
        running_jobs = [self.job(host, home, group) for host, home, group in zip(hosts, homes, groups)]
        try:
            while any(job.poll() is None for job in running_jobs) and time.time() < begun + DEADLINE:
                used.append((time.time() - begun, sum(group.worked for group in groups) - before))
                time.sleep(0.02)
            return [self.finished(job, host, home, begun) for job, host, home in zip(running_jobs, hosts, homes)], used
        finally:
            for job in running_jobs:
                if job.poll() is None:
                    job.kill()
                    job.wait()

    def job(self, host, home, group):
        sync = f"{self.sojourn.program} site sync --no-images --quiet && date +synced@%s.%N"
        job = f"exec {self.sojourn.program} run --isolated --quiet --env {self.image.name} -- true"
        environment = dict(self.catalogue.environment(home), PATH=f"{self.programs}:{os.environ['PATH']}")
        with open(home / "log", "w") as log:
            return subprocess.Popen(group.command(host.command(["sh", "-c", f"{sync} && {job}"])), env=environment, cwd="/",
                                    stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def finished(self, job, host, home, begun):
        """The end of a start: what took QEMU's place tells of it in the machine's log."""
        logs = sorted((home / "machines").glob("*/qemu.log"), key=lambda log: log.stat().st_mtime)
        found = re.search(r"^replayed ([0-9.]+) ([0-9.]+)$", logs[-1].read_text(), re.M) if logs else None
        if job.returncode is None or not found:
            raise Failure(f"the start on {host.name} did not come to its end:\n{(home / 'log').read_text()[-2000:]}\n"
                          + "".join(log.read_text()[-2000:] for log in logs))
        synced = re.search(r"synced@([0-9.]+)", (home / "log").read_text())
        return Start(*(float(time) - begun for time in (synced[1], *found.groups())), host.received(), host.sent())

    @staticmethod
    def table(rounds, table):
        rows = [[title, f"{min(one.times):.1f}", *summary(one.times), f"{one.served / 1e6:.0f}",
                 f"{sum(start.received for start in one.starts) / 1e6:.0f}",
                 f"{sum(start.sent for start in one.starts) / 1e6:.0f}"] for title, one in rounds.items()]
        return table([f"{HOSTS} hosts start a job at once", "first, s", "p50, s", "p99, s", "all, s", "sent by the mirror, MB",
                      "received by hosts, MB", "sent by hosts, MB"], rows)

    # -- Who serves

    @contextlib.contextmanager
    def mirror(self, host):
        """The program's own mirror of the catalogue, on that host."""
        directory, log = self.work / "mirror", self.work / "mirror.log"
        url = f"http://{host.address}:{PORT}"
        home = self.work / "mirror-home"
        with nginx(host, self.catalogue.directory, self.work, port=PORT + 1) as (catalogue, _):
            self.catalogue.trust(home, catalogue)
            command = [self.sojourn.program, "site", "mirror", directory, "--serve", f"{host.address}:{PORT}"]
            with running(host.command(command), self.catalogue.environment(home), log=log) as server:
                answer = host.command(["curl", "-s", "-f", "-o", "/dev/null", f"{url}/bench/metadata/timestamp.json"])
                wait_for(lambda: subprocess.run(answer).returncode == 0, "the mirror's first copy", server)
                yield url, server

    @contextlib.contextmanager
    def holder(self, host, home, group, url):
        command = [self.sojourn.program, "site", "mirror", "--host", "--serve", f"{host.address}:{PORT}", "--mirror", url]
        with running(group.command(host.command(command)), self.catalogue.environment(home), log=home / "holder.log") as process:
            yield process


def tree_processor(pid):
    """Processor seconds of a process and of those that it started and that still run."""
    children = [int(child) for tasks in pathlib.Path(f"/proc/{pid}/task").glob("*/children")
                for child in tasks.read_text().split()]
    return processor(pid) + sum(map(tree_processor, children))


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def summary(times):
    return [f"{statistics.median(times):.1f}", f"{percentile(times, 0.99):.1f}", f"{max(times):.1f}"]
