"""Tests of the simulation: python3 -m unittest discover -s Scripts/bench.d"""
import pathlib
import random
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from flows import Events, Link  # noqa: E402  (the folder is known only now)
from model import PAYLOAD, Costs, Image, Sharing, Site, Station, chunks  # noqa: E402
from recording import Read, Recording, arranged, Event  # noqa: E402


def path(*links):
    return tuple((link, 1.0) for link in links)


class FlowTests(unittest.TestCase):
    def ends(self, flows, quantum=0.0):
        """When each of (start, size, path) arrives."""
        events, ends = Events(quantum), {}
        for number, (start, size, way) in enumerate(flows):
            events.at(start, lambda number=number, size=size, way=way: events.flow(
                size, way, lambda: ends.__setitem__(number, events.now)))
        events.run()
        return [ends[number] for number in range(len(flows))]

    def near(self, found, expected, within=1e-6):
        self.assertEqual(len(found), len(expected))
        for one, other in zip(found, expected):
            self.assertAlmostEqual(one, other, delta=within)

    def test_one_flow_takes_size_by_capacity(self):
        self.near(self.ends([(1.0, 1000, path(Link("a", 100)))]), [11.0])

    def test_a_link_is_shared_alike_and_what_one_leaves_the_other_gets(self):
        link = Link("a", 100)
        # Both at 50 until the first has its 500 at 10 s; the other has 500 left, at 100.
        self.near(self.ends([(0, 500, path(link)), (0, 1000, path(link))]), [10.0, 15.0])

    def test_a_flow_that_is_held_elsewhere_leaves_its_share_to_others(self):
        mirror, slow, fast = Link("mirror", 100), Link("slow", 10), Link("fast", 1000)
        # Of 100, the slow host takes 10 and the fast one the other 90.
        self.near(self.ends([(0, 100, path(mirror, slow)), (0, 900, path(mirror, fast))]), [10.0, 10.0])

    def test_the_textbook_case_of_three_links(self):
        # Bertsekas and Gallager, Data Networks, 6.5.2: flow 0 over both links, 1 and 2 on the first, 3 on the second.
        first, second, one, other = (Link(name, capacity) for name, capacity in
                                     (("first", 90), ("second", 100), ("one", 1000), ("other", 1000)))
        flows = [(0, 30, path(first, second)), (0, 30, path(first, one)), (0, 30, path(first, other)), (0, 70, path(second))]
        self.near(self.ends(flows), [1.0, 1.0, 1.0, 1.0])

    def test_what_has_many_flows_gets_no_more_than_what_has_one(self):
        link, one, other = Link("a", 100), Link("one", 1000), Link("other", 1000)
        flows = [*[(0, 100, path(link, one))] * 4, (0, 400, path(link, other))]
        self.near(self.ends(flows), [8.0] * 5)

    def test_a_processor_is_shared_by_what_a_byte_costs(self):
        network, processor = Link("network", 1000), Link("processor", 1.0)
        # One byte costs 10 ms of the processor: 100 bytes a second at most, for both together.
        way = ((network, 1.0), (processor, 0.01))
        self.near(self.ends([(0, 100, way), (0, 100, way)]), [2.0, 2.0])

    def test_bytes_are_conserved(self):
        chance = random.Random(5)
        links = [Link(str(number), chance.randrange(50, 500)) for number in range(12)]
        flows = [(chance.random() * 20, chance.randrange(1, 5000), path(*chance.sample(links, chance.randrange(1, 4))))
                 for _ in range(400)]
        ends = self.ends(flows)
        for link in links:
            expected = sum(size for _, size, way in flows if any(other is link for other, _ in way))
            self.assertAlmostEqual(link.moved, expected, delta=1e-3)
            # No link carried more than it can.
            self.assertLessEqual(expected, link.capacity * max(ends) * (1 + 1e-9))
        for (start, size, way), end in zip(flows, ends):
            self.assertGreaterEqual(end - start + 1e-9, size / min(link.capacity for link, _ in way))

    def test_the_quantum_moves_ends_by_little(self):
        chance = random.Random(6)
        links = [Link(str(number), 1000) for number in range(4)]
        flows = [(chance.random() * 5, chance.randrange(100, 2000), path(*chance.sample(links, 2))) for _ in range(60)]
        for one, other in zip(self.ends(flows), self.ends(flows, quantum=0.005)):
            self.assertAlmostEqual(one, other, delta=0.02 * one)


class RecordingTests(unittest.TestCase):
    def test_each_read_waits_for_the_one_that_had_ended_last(self):
        events = [Event(0, 0, 512, 1.0, 1.5), Event(0, 512, 512, 1.2, 1.4), Event(1, 0, 4096, 2.0, 2.25)]
        found = arranged(events, 0.5, 3.0)
        self.assertEqual([read.after for read in found.reads], [None, None, 0])
        self.assertEqual([read.think for read in found.reads], [0.5, 0.7, 0.5])
        self.assertEqual((found.last, found.rest), (2, 0.75))
        self.assertEqual(found.seconds, 0.5 + 0.5 + 0.75)
        self.assertEqual(Recording.decoded(found.encoded()), found)

    def test_blocks_are_those_of_the_layers_each_once(self):
        reads = [Read(0, 0, 512, None, 0, 0), Read(0, 4000, 200, 0, 0, 0), Read(1, 8192, 8192, 1, 0, 0), Read(2, 0, 512, 2, 0, 0)]
        self.assertEqual(Recording(reads, 3, 0.0).blocks(2), [[0, 1], [2, 3]])


RATE = 80_000_000
BYTES = RATE / 8 * PAYLOAD


class SiteTests(unittest.TestCase):
    # Ten reads of 32 KiB, 0.1 s after each other, far apart in a filesystem of 64 MiB.
    recording = Recording([Read(0, number << 22, 32 << 10, number - 1 if number else None, 0.1, 0.0) for number in range(10)], 9, 1.0)
    image = Image([1_000_000, 500_000], [64 << 20], [chunks(recording.blocks(1)[0])])

    def site(self, hosts, costs=Costs(0.0), up=RATE, sharing=None, seed=1, fills_rest=False, apart=0.0):
        site = Site(Station("mirror", up, up, Link("processor of the mirror", 2)), self.image, self.recording, costs,
                    sharing, seed, fills_rest=fills_rest)
        for number in range(hosts):
            site.add(Station(f"host {number}", RATE, RATE, Link(f"processor {number}", 2)), number * apart)
        return site

    def test_one_host_takes_what_it_fetches_whole_and_what_it_thinks(self):
        # The trace is fetched long before the machine thinks of it.
        time, = self.site(1).run()
        self.assertAlmostEqual(time, 1_500_000 / BYTES + 2.0, delta=1e-3)

    def test_a_trip_is_paid_for_each_request_that_is_waited_for(self):
        # Two whole blobs one after the other; of ten chunks four at once, so that three rounds are done before read 3.
        time, = self.site(1, Costs(0.05)).run()
        self.assertAlmostEqual(time, 1_500_000 / BYTES + 2 * 0.05 + 2.0, delta=0.02)

    def test_hosts_share_the_mirrors_link(self):
        times = self.site(10).run()
        self.assertAlmostEqual(min(times), max(times), delta=1e-6)
        self.assertAlmostEqual(times[0], 10 * 1_500_000 / BYTES + 2.0, delta=0.05)

    def test_a_processor_that_is_full_holds_everybody(self):
        # A mirror that needs 1 us for each byte serves two million bytes a second, whatever its link.
        times = self.site(10, Costs(0.0, server_byte=1e-6), up=100 * RATE).run()
        self.assertGreater(min(times), 10 * 1_500_000 / 2e6)

    def test_bytes_are_conserved(self):
        for sharing in (None, Sharing(0.2, 0.2)):
            site = self.site(8, Costs(0.001), sharing=sharing, fills_rest=True, apart=0.4)
            site.run()
            site.events.run(done=lambda: all(len(host.fills[0].done) == host.fills[0].chunks for host in site.hosts))
            whole = sum(self.image.whole)
            for host in site.hosts:
                self.assertEqual(host.from_mirror + host.from_peers, whole + self.image.layers[0])
                self.assertEqual(len(host.fills[0].done), host.fills[0].chunks)
            self.assertEqual(site.mirror.served, sum(host.from_mirror for host in site.hosts))
            self.assertAlmostEqual(site.mirror.up.moved, site.mirror.served, delta=1e-3)
            self.assertEqual(sum(host.station.served for host in site.hosts), sum(host.from_peers for host in site.hosts))
            self.assertEqual(bool(sharing), any(host.from_peers for host in site.hosts))

    def test_the_same_seed_gives_the_same_times_and_another_may_not(self):
        def times(seed):
            site = self.site(12, Costs(0.001), sharing=Sharing(0.3, 0.3), seed=seed, fills_rest=True, apart=0.4)
            site.run()
            site.events.run(until=60)
            return [(host.started, host.from_peers) for host in site.hosts]
        self.assertEqual(times(3), times(3))
        self.assertNotEqual(times(3), times(4))


if __name__ == "__main__":
    unittest.main()
