"""What `make bench` measures of moving images: the block server, arrival, many hosts, and what a simulation makes of them."""
import os

from arrival import Arrival
from blockserver import BlockServers
from hosts import Hosts
from model import Image as Modelled
from model import chunks
from published import Catalogue
from recording import record
from simulation import Simulation, costs
from sized import MEGABYTES, Image, SizedImages

SOFTWARE = "lhc/pythia8:8.317.2@debian12"
# Of software, the job's first line comes once it has read its tables.
FIRST_LINE = ["python3", "-c", "import pythia8mc; pythia8mc.Pythia('', False); print('ready', flush=True)"]


class Moving:
    """`table` and `say` are the bench's."""

    def __init__(self, sojourn, work, table, say):
        self.sojourn, self.work, self.table, self.say = sojourn, work, table, say

    def sections(self):
        sized = SizedImages(self.sojourn, self.work, self.say)
        images = {megabytes: sized.image(megabytes) for megabytes in MEGABYTES}
        sized.command("image", "build", SOFTWARE)
        software = Image(self.sojourn, SOFTWARE)
        self.say("recording boots")
        jobs = {**{image.name: ["echo", "hello"] for image in images.values()}, SOFTWARE: FIRST_LINE}
        recordings = {name: record(self.sojourn, ["--isolated", "--env", name, "--", *job], self.work)
                      for name, job in jobs.items()}
        yield self.recorded(recordings)
        smallest = images[min(MEGABYTES)]
        yield from BlockServers(self.sojourn, smallest, self.work, self.table, self.say).sections()
        catalogue = Catalogue(self.sojourn, self.work, list(jobs))
        yield from Arrival(catalogue, images, recordings, self.work, self.table, self.say).sections()
        yield from self.site(catalogue, {SOFTWARE: software, smallest.name: smallest}, recordings)

    def recorded(self, recordings):
        rows = [[name, len(found.reads), f"{found.bytes / 1e6:.1f}", f"{found.seconds:.1f}"]
                for name, found in recordings.items()]
        return self.table(["Read until the job's first line", "reads", "MB", "seconds without waiting for reads"], rows)

    def site(self, catalogue, images, recordings):
        software = images[SOFTWARE]
        hosts = Hosts(catalogue, software, recordings[SOFTWARE], self.work, self.say)
        try:
            self.say("one host alone")
            found = costs(software, hosts.trip(), hosts.nothing_read(), hosts.one())
            rounds = {}
            for title, sharing in (("all from the mirror", False), ("host to host", True)):
                self.say(f"twenty hosts, {title}")
                rounds[title] = hosts.all(sharing)
        finally:
            hosts.close()
        yield hosts.table(rounds, self.table)
        modelled = {name: Modelled(image.whole_sizes, [layer.size for layer in image.layers],
                                   [chunks(blocks) for blocks in image.trace()])
                    for name, image in images.items()}
        yield from Simulation(modelled, recordings, found, rounds, os.cpu_count(), self.table, self.say).sections()
