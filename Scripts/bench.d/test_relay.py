"""Tests of the relay that adds delay and loss, and of the NBD client, against real servers."""
import asyncio
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from nbd import NBDClient, NBDError, replay  # noqa: E402  (the folder is known only now)
from recording import Read, Recording  # noqa: E402


class RelayTests(unittest.TestCase):
    def through(self, trip, loss, sent):
        """What a client gets that sends these bytes through the relay to a server that sends them back; and the seconds."""
        async def echo(reader, writer):
            while data := await reader.read(65536):
                writer.write(data)
            writer.close()

        async def talk():
            server = await asyncio.start_server(echo, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            command = [sys.executable, HERE / "relay.py", "127.0.0.1:0", f"127.0.0.1:{port}", str(trip), str(loss), "1"]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as relay:
                try:
                    begun = time.monotonic()
                    reader, writer = await asyncio.open_connection("127.0.0.1", int(relay.stdout.readline()))
                    begun = time.monotonic()
                    writer.write(sent)
                    writer.write_eof()
                    found = await asyncio.wait_for(reader.read(), 30)
                    seconds = time.monotonic() - begun
                    writer.close()
                finally:
                    relay.terminate()
            server.close()
            return found, seconds

        return asyncio.run(talk())

    def test_every_byte_arrives_and_late(self):
        sent = random.Random(1).randbytes(3_000_000)
        found, seconds = self.through(50, 0, sent)
        self.assertEqual(found, sent)
        self.assertGreater(seconds, 0.1)  # a handshake, and there and back

    def test_loss_costs_time_and_no_bytes(self):
        sent = random.Random(2).randbytes(3_000_000)
        found, seconds = self.through(20, 0.01, sent)
        self.assertEqual(found, sent)
        # Some twenty packets of two thousand, each a round trip of 20 ms; several may fall in one piece.
        self.assertGreater(seconds, 0.1)


@unittest.skipUnless(shutil.which("qemu-nbd"), "qemu-nbd is not installed")
class NBDTests(unittest.TestCase):
    def setUp(self):
        self.work = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.work)
        self.content = random.Random(3).randbytes(1 << 20)
        (self.work / "disk").write_bytes(self.content)
        self.path = self.work / "socket"
        self.server = subprocess.Popen(["qemu-nbd", "--read-only", "--persistent", "--shared=4", "--format=raw",
                                        f"--socket={self.path}", self.work / "disk"])
        self.addCleanup(self.server.wait)
        self.addCleanup(self.server.terminate)
        deadline = time.monotonic() + 10
        while not self.path.exists() and time.monotonic() < deadline:
            time.sleep(0.01)

    def connection(self):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(self.path))
        return connection

    def test_many_reads_at_once_get_the_bytes_of_the_file(self):
        async def read():
            client = await NBDClient.connect(self.connection())
            self.assertEqual(client.size, len(self.content))
            places = [(random.Random(number).randrange(1 << 20) & ~511, 4096) for number in range(100)]
            found = await asyncio.gather(*(client.read(*place) for place in places))
            for (offset, length), data in zip(places, found):
                self.assertEqual(data, self.content[offset:offset + length])
            await client.close()
        asyncio.run(read())

    def test_a_server_that_ends_is_an_error_and_no_hang(self):
        async def read():
            client = await NBDClient.connect(self.connection())
            self.server.kill()
            with self.assertRaises(NBDError):
                await asyncio.wait_for(client.read(0, 4096), 10)
        asyncio.run(read())

    def test_a_replay_takes_the_time_that_was_thought(self):
        reads = [Read(number % 3, number << 16, 4096, number - 1 if number else None, 0.02, 0.01) for number in range(9)]
        begun = time.monotonic()
        asyncio.run(replay(Recording(reads, 8, 0.1), [self.connection(), self.connection()]))
        self.assertAlmostEqual(time.monotonic() - begun, 9 * 0.02 + 3 * 0.01 + 0.1, delta=0.2)


if __name__ == "__main__":
    unittest.main()
