"""What `make bench` measures of arrival: the first line of a job from nothing over a link of 100 Mbit/s."""
import shutil
import statistics
import subprocess
import time

from networks import Network
from peer import Failure
from processes import run, spread
from published import nginx, relayed

BANDWIDTH = 100_000_000
ROUNDS = 3
# Beyond the link itself: round trip in ms, share of packets lost.
WAYS = {"link alone": None, "20 ms": (20, 0), "20 ms, 0.1 % lost": (20, 0.001)}
FASTER_GOAL = {500: 5, 2000: 10}
LIMIT_GOAL = 1.5
BLOCK = 4096
JOB = ["--", "echo", "hello"]


class Arrival:
    """`catalogue` serves `images`, which are by their megabytes; `recordings` are of boots of them, by their names."""

    def __init__(self, catalogue, images, recordings, work, table, say):
        self.catalogue, self.images, self.recordings = catalogue, images, recordings
        self.work, self.table, self.say = work, table, say
        self.sojourn = catalogue.sojourn

    def sections(self):
        rows = []
        with Network() as network:
            server, self.client = network.host(up=BANDWIDTH), network.host(down=BANDWIDTH)
            with nginx(server, self.catalogue.directory, self.work) as (url, _):
                for megabytes, image in self.images.items():
                    rows += self.rows(megabytes, image, url)
        yield self.table(["First line from nothing, 100 Mbit/s", "while it arrives, s", "download, then boot, s",
                          "times faster", "goal", "local start, s", "needed, MB", "limit, s", "time / limit", "goal",
                          "moved until then, MB"], rows)

    def rows(self, megabytes, image, url):
        needed, name = self.needed(image), image.name
        local = [self.local(name) for _ in range(ROUNDS)]
        limit = statistics.median(local) + needed * 8 / BANDWIDTH
        for title, way in WAYS.items():
            if not way:
                yield self.row(f"{megabytes} MB, {title}", megabytes, name, url, local, needed, limit)
                continue
            with relayed(self.client, url.removeprefix("http://"), *way, self.work / "relay.log") as far:
                yield self.row(f"{megabytes} MB, {title}", megabytes, name, far, local, needed, limit)

    def row(self, title, megabytes, name, url, local, needed, limit):
        arriving = []
        for number in range(ROUNDS):
            self.say(f"first line from nothing, {title}: {number + 1} of {ROUNDS}")
            arriving.append(self.start(name, url, pull=False))
        self.say(f"first line from nothing, {title}: downloaded first")
        whole = self.start(name, url, pull=True)[0]
        seconds, moved = [one[0] for one in arriving], [one[1] for one in arriving]
        times, over = whole / statistics.median(seconds), statistics.median(seconds) / limit
        goals = (f"at least {FASTER_GOAL[megabytes]}: {'met' if times >= FASTER_GOAL[megabytes] else 'missed'}",
                 f"at most {LIMIT_GOAL}: {'met' if over <= LIMIT_GOAL else 'missed'}")
        return [title, spread(seconds), f"{whole:.1f}", f"{times:.1f}", goals[0], spread(local), f"{needed / 1e6:.1f}",
                f"{limit:.2f}", f"{over:.2f}", goals[1], f"{statistics.median(moved) / 1e6:.1f}"]

    def start(self, name, url, pull):
        """Seconds until a home with nothing has the first line of its job, and what had come over the link by then."""
        home = self.work / "site"
        self.catalogue.trust(home, url)
        environment = self.catalogue.environment(home)
        before, begun = self.client.received(), time.monotonic()
        run(self.client.command([self.sojourn.program, "site", "sync", "--no-images"]), environment)
        if pull:
            run(self.client.command([self.sojourn.program, "image", "pull", name, "--how", "ranges"]), environment)
        ended = self.first_line(self.client.command(self.job(name)), environment)
        moved = self.client.received() - before
        shutil.rmtree(home)
        return ended - begun, moved

    def local(self, name):
        """Seconds of the same where all is here already: in a home whose images are those of the bench."""
        home = self.work / "local"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        shutil.copy(self.sojourn.home / "home.json", home)
        (home / "images").symlink_to(self.sojourn.home / "images")
        begun = time.monotonic()
        return self.first_line(self.job(name), self.catalogue.environment(home)) - begun

    def job(self, name):
        return [self.sojourn.program, "run", "--isolated", "--env", name, *JOB]

    def first_line(self, arguments, environment):
        """When the job's first line came. Returns when the job has ended."""
        with subprocess.Popen(arguments, env=environment, cwd=self.work, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE) as job:
            line = job.stdout.readline()
            ended = time.monotonic()
            _, errors = job.communicate()
        if line != "hello\n" or job.returncode:
            raise Failure(f"{' '.join(arguments)} returned {job.returncode}:\n{errors[-2000:]}")
        return ended

    def needed(self, image):
        """Bytes that a start cannot do without: kernel, modules, trees, and the blocks that the boot reads."""
        blocks = self.recordings[image.name].blocks(len(image.layers))
        return image.needed + sum(len(of_layer) for of_layer in blocks) * BLOCK
