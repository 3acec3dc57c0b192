"""Hosts in network namespaces on one bridge, behind shaped links. Nothing of it touches the network of this host."""
import atexit
import contextlib
import json
import os
import signal
import subprocess

from peer import Failure

PREFIX = "sojourn-bench"
# What a link may send at once: more than the largest packet that veth passes on, 64 KiB. How long a switch may hold a packet
# on the way to a host. Where a host sends, each other host has a queue of its own, and these take turns of `LARGEST` bytes:
# with one queue for all, luck decides which connections stay ahead. The kernel lets each connection have `QUEUED` bytes
# there: enough that none misses its turn, so few that nothing is lost.
BURST, SWITCH_QUEUE = "128kb", "40ms"
LARGEST, QUEUED = 3028, 32768


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
        host = Host(f"{self.name}-{number}", number, f"{self.network}.{number // 250}.{number % 250 + 1}", self.hub)
        ip("netns", "add", host.name)
        self.hosts.append(host)
        ip("-n", self.hub, "link", "add", host.port, "type", "veth", "peer", "name", "eth0", "netns", host.name)
        ip("-n", self.hub, "link", "set", host.port, "master", "bridge", "up")
        ip("-n", host.name, "address", "add", f"{host.address}/16", "dev", "eth0")
        for device in ("lo", "eth0"):
            ip("-n", host.name, "link", "set", device, "up")
        # Whatever this host prefers: flows of BBR do not share a short queue alike. Reno is there and allowed everywhere.
        run(host.command(["sysctl", "-q", "-w", "net.ipv4.tcp_congestion_control=reno",
                          f"net.ipv4.tcp_limit_output_bytes={QUEUED}"]))
        if down:
            tc(self.hub, f"qdisc add dev {host.port} root tbf rate {down}bit burst {BURST} latency {SWITCH_QUEUE}")
        if up:
            ip("-n", host.name, "link", "set", "eth0", "gso_max_size", str(LARGEST))
            tc(host.name, "qdisc add dev eth0 root handle 1: htb default 1",
               f"class add dev eth0 parent 1: classid 1:ffff htb rate {up}bit burst {BURST} cburst {BURST}",
               *queue(up, 1))
            host.up = up
        for sender in self.hosts:
            if sender.up:
                tc(sender.name, *queue(sender.up, 1 + number, host.address))
            if host.up and sender is not host:
                tc(host.name, *queue(host.up, 1 + sender.number, sender.address))
        return host

    def remove(self):
        for name in [*(host.name for host in self.hosts), self.hub]:
            remove(name)
        self.hosts = []


class Host:
    def __init__(self, name, number, address, hub):
        self.name, self.number, self.address, self.hub = name, number, address, hub
        self.port, self.up = f"port{number}", None

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


def queue(rate, number, address=None):
    """A queue of its own for what goes to the address, or for all that has none: its share is that of every other."""
    yield (f"class add dev eth0 parent 1:ffff classid 1:{number:x} htb rate {rate // 1000}bit ceil {rate}bit "
           f"burst {LARGEST} cburst {BURST} quantum {LARGEST}")
    if address:
        yield f"filter add dev eth0 parent 1: protocol ip prio 1 u32 match ip dst {address}/32 flowid 1:{number:x}"


def tc(namespace, *commands):
    run(["tc", "-n", namespace, "-batch", "-"], "\n".join(commands))


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


def run(arguments, said=None):
    done = subprocess.run(arguments, input=said, text=True, capture_output=True)
    if done.returncode:
        raise Failure(f"{' '.join(arguments)} failed with status {done.returncode}; network namespaces need root:\n"
                      f"{done.stderr.strip()}")
    return done.stdout


def output(arguments):
    return subprocess.run(arguments, text=True, capture_output=True).stdout
