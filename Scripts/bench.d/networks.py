"""Hosts in network namespaces on one bridge, behind shaped links. Nothing of it touches the network of this host."""
import atexit
import contextlib
import json
import os
import signal
import subprocess

from peer import Failure

PREFIX = "sojourn-bench"
# What tbf may send at once: more than the largest packet that veth passes on, 64 KiB. How long it may hold a packet: on
# the way to a host as long as a switch does. Where a host sends, its kernel lets each connection have one packet in the
# queue, so that nothing is lost there and connections share alike; if all packets are as small as those of the slowest,
# two segments, since a faster connection would otherwise send larger ones and stay faster.
BURST, SWITCH_QUEUE, OWN_QUEUE = "128kb", "40ms", "1s"
LARGEST = 3000


class Network:
    """A bridge in a namespace of its own, and hosts on it. There is no route to anywhere else."""

    def __init__(self, network="10.77"):
        self.network = network
        self.name = f"{PREFIX}-{os.getpid()}-{network.replace('.', '-')}"
        self.hub = f"{self.name}-hub"
        self.hosts = []

    def __enter__(self):
        sweep()
        atexit.register(self.remove)
        self.previous = signal.signal(signal.SIGTERM, lambda *_: exit(143))
        try:
            ip("netns", "add", self.hub)
            ip("-n", self.hub, "link", "add", "bridge", "type", "bridge")
            # A bridge of our own has no loops to look for: it forwards at once.
            ip("-n", self.hub, "link", "set", "bridge", "type", "bridge", "stp_state", "0", "forward_delay", "0")
            ip("-n", self.hub, "link", "set", "bridge", "up")
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_):
        self.remove()
        atexit.unregister(self.remove)
        signal.signal(signal.SIGTERM, self.previous)

    def host(self, down=None, up=None):
        """A new host; `down` and `up` are bits a second of its link, None for as fast as this host can."""
        number = len(self.hosts) + 1
        host = Host(f"{self.name}-{number}", f"{self.network}.{number // 250}.{number % 250 + 1}", self.hub, f"port{number}")
        ip("netns", "add", host.name)
        self.hosts.append(host)
        ip("-n", self.hub, "link", "add", host.port, "type", "veth", "peer", "name", "eth0", "netns", host.name)
        ip("-n", self.hub, "link", "set", host.port, "master", "bridge", "up")
        ip("-n", host.name, "address", "add", f"{host.address}/16", "dev", "eth0")
        for device in ("lo", "eth0"):
            ip("-n", host.name, "link", "set", device, "up")
        # Whatever this host prefers: flows of BBR do not share a short queue alike. Reno is there and allowed everywhere.
        run(host.command(["sysctl", "-q", "-w", "net.ipv4.tcp_congestion_control=reno",
                          f"net.ipv4.tcp_limit_output_bytes={LARGEST}"]))
        if down:
            shape(self.hub, host.port, down, SWITCH_QUEUE)
        if up:
            ip("-n", host.name, "link", "set", "eth0", "gso_max_size", str(LARGEST))
            shape(host.name, "eth0", up, OWN_QUEUE)
        return host

    def remove(self):
        for name in [*(host.name for host in self.hosts), self.hub]:
            remove(name)
        self.hosts = []


class Host:
    def __init__(self, name, address, hub, port):
        self.name, self.address, self.hub, self.port = name, address, hub, port

    def command(self, arguments):
        """The command that runs these arguments there. /sys is the namespace's, all else this host's."""
        return ["ip", "netns", "exec", self.name, *(str(argument) for argument in arguments)]

    def received(self):
        """Bytes that came over this host's link, which is shaped, since it is there; with the headers of every packet."""
        return moved(self.hub, self.port)

    def sent(self):
        return moved(self.name, "eth0")


def moved(namespace, device):
    said = run(["tc", "-n", namespace, "-s", "-j", "qdisc", "show", "dev", device, "root"])
    return json.loads(said)[0]["bytes"]


def shape(namespace, device, rate, queue):
    run(["tc", "-n", namespace, "qdisc", "add", "dev", device, "root", "tbf", "rate", f"{rate}bit", "burst", BURST,
         "latency", queue])


def remove(name):
    """Ends what runs in the namespace, and removes it with its devices."""
    for pid in output(["ip", "netns", "pids", name]).split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    subprocess.run(["ip", "netns", "delete", name], capture_output=True)


def sweep():
    """Removes the namespaces that a killed bench left."""
    for line in output(["ip", "netns", "list"]).splitlines():
        name = line.split()[0]
        if name.startswith(PREFIX + "-") and not os.path.exists(f"/proc/{name.split('-')[2]}"):
            remove(name)


def ip(*arguments):
    return run(["ip", *arguments])


def run(arguments):
    done = subprocess.run(arguments, text=True, capture_output=True)
    if done.returncode:
        raise Failure(f"{' '.join(arguments)} failed with status {done.returncode}; network namespaces need root:\n"
                      f"{done.stderr.strip()}")
    return done.stdout


def output(arguments):
    return subprocess.run(arguments, text=True, capture_output=True).stdout
