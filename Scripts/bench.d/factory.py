"""What `make bench` measures of the factory: builds beside the same by hand, hashing, and how a layer may be stored."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import time

from peer import Failure

SYSTEM, SOFTWARE = "os/debian12", "lhc/pythia8:8.317.2@debian12"
ROUNDS = 3
BLOCK = 4096
FORMS = {"plain": [], "lz4": ["-zlz4"], "lz4hc": ["-zlz4hc"]}
BUILD_GOAL, HASH_GOAL = 1.1, 0.95


class Factory:
    """`table` and `say` are the bench's."""

    def __init__(self, sojourn, work, table, say):
        self.sojourn, self.work, self.table, self.say = sojourn, work, table, say

    def sections(self):
        for name in (SYSTEM, SOFTWARE):
            self.say(f"building {name} where it is not there yet")
            self.command("image", "build", name)
        yield self.builds()
        yield self.hashing()
        yield self.forms()

    def command(self, *arguments, home=None):
        environment = {**self.sojourn.environment, **({"SOJOURN_HOME": str(home)} if home else {})}
        return run([self.sojourn.program, *arguments], environment)

    # -- Builds

    def builds(self):
        system, software = self.export(SYSTEM), self.export(SOFTWARE)
        rows = []
        for title, ours, theirs in (
                ("a system: debian12", lambda: self.build(SYSTEM, system, None), lambda: self.by_hand(system)),
                ("software on it: pythia8, its layer alone", lambda: self.build(SOFTWARE, software, system),
                 lambda: self.by_hand(software))):
            own, peer = [], []
            for number in range(ROUNDS):
                self.say(f"{title}: {number + 1} of {ROUNDS}")
                own.append(ours())
                peer.append(theirs())
            ratio = statistics.median(own) / statistics.median(peer)
            met = f"at most {BUILD_GOAL}: {'met' if ratio <= BUILD_GOAL else 'missed'}"
            rows.append([title, spread(peer), spread(own), f"{ratio:.2f}", met])
        return self.table(["Build from kept inputs, s", "by hand, the whole", "`image build`", "ratio", "goal"], rows)

    def export(self, name):
        directory = self.work / re.sub(r"\W", "-", name)
        if not directory.exists():
            self.command("image", "export", name, "--inputs", str(directory))
        return directory

    def build(self, name, inputs, base):
        """Seconds of a build in a home that has the inputs, and the system below if there is one."""
        home = self.work / "home"
        shutil.rmtree(home, ignore_errors=True)
        for directory in [inputs, base] if base else [inputs]:
            shutil.copytree(directory / "sha256", home / "inputs" / "sha256", dirs_exist_ok=True,
                            copy_function=link_once)
        if base:
            self.command("image", "build", SYSTEM, "--no-check", "--lock", str(base / "lock.json"), home=home)
        else:
            self.command("image", "build", "kernel-debian12", "--no-check", home=home)
        begun = time.monotonic()
        self.command("image", "build", name, "--no-check", "--lock", str(inputs / "lock.json"), home=home)
        return time.monotonic() - begun

    def by_hand(self, inputs):
        """Seconds of mmdebstrap, mkfs.erofs and veritysetup on the same files."""
        repository = self.repository(inputs)
        output = self.work / "by-hand"
        shutil.rmtree(output, ignore_errors=True)
        output.mkdir()
        lock = json.loads((inputs / "lock.json").read_text())
        wheels = [(wheel["file"], inputs / "sha256" / wheel["digest"][7:])
                  for layer in lock["layers"] for wheel in layer.get("wheels", [])]
        begun = time.monotonic()
        tree = output / "tree"
        run(["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=directory", "--architectures=amd64",
             "--include=" + ",".join(names(lock)), "--hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr",
             "bookworm", tree, f"deb [trusted=yes] copy:{repository} ./"])
        for _, wheel in wheels:
            packages = tree / "usr/local/lib/python3.11/dist-packages"
            packages.mkdir(parents=True, exist_ok=True)
            run(["python3", "-m", "zipfile", "-e", wheel, packages])
            run(["chroot", tree, "python3", "-m", "compileall", "-q", "/usr/local/lib/python3.11/dist-packages"])
        image = output / "image.erofs"
        run(["mkfs.erofs", "--quiet", "-zlz4hc", image, tree])
        run(["veritysetup", "format", image, output / "tree.verity"])
        elapsed = time.monotonic() - begun
        shutil.rmtree(output)
        return elapsed

    def repository(self, inputs):
        repository = inputs / "repository"
        if repository.exists():
            return repository
        repository.mkdir()
        index = []
        for layer in json.loads((inputs / "lock.json").read_text())["layers"]:
            for package in layer["packages"]:
                name = f"{package['name']}_{package['version'].replace(':', '%3a')}_{package['architecture']}.deb"
                shutil.copy(inputs / "sha256" / package["digest"][7:], repository / name)
                index.append(run(["dpkg-deb", "-f", repository / name]) + f"Filename: ./{name}\nSize: {package['size']}\n"
                             f"SHA256: {package['digest'][7:]}\n")
        (repository / "Packages").write_text("\n".join(index))
        (repository / "Release").write_text(
            "Suite: bookworm\nCodename: bookworm\nComponents: main\nArchitectures: amd64 all\n")
        return repository

    # -- Hashing

    def hashing(self):
        data = self.work / "data"
        with open(data, "wb") as file:
            for _ in range(1024):
                file.write(os.urandom(1 << 20))
        size = data.stat().st_size
        rates = {}
        for number in range(ROUNDS):
            self.say(f"hashing: {number + 1} of {ROUNDS}")
            for title, arguments in (
                    ("openssl", ["taskset", "-c", "0", "openssl", "dgst", "-sha256", data]),
                    ("sojourn sha256", ["taskset", "-c", "0", self.sojourn.program, "image", "step", "hash", data]),
                    ("veritysetup", ["taskset", "-c", "0", "veritysetup", "format", data, self.work / "peer.verity"]),
                    ("sojourn verity", ["taskset", "-c", "0", self.sojourn.program, "image", "step", "verity", data,
                                        self.work / "own.verity"])):
                for name in ("peer.verity", "own.verity"):
                    (self.work / name).unlink(missing_ok=True)
                begun = time.monotonic()
                run(arguments)
                rates.setdefault(title, []).append(size / (time.monotonic() - begun) / 1e9)
        data.unlink()
        rows = []
        for title, own, peer in (("sha256 of a file", "sojourn sha256", "openssl"),
                                 ("verity tree", "sojourn verity", "veritysetup")):
            ratio = statistics.median(rates[own]) / statistics.median(rates[peer])
            met = f"at least {HASH_GOAL}: {'met' if ratio >= HASH_GOAL else 'missed'}"
            rows.append([title, f"{peer}: {spread(rates[peer])}", spread(rates[own]), f"{ratio:.2f}", met])
        return self.table(["1 GiB in memory, one core, GB/s", "reference", "ours", "ratio", "goal"], rows)

    # -- How a layer is stored

    def forms(self):
        """A system without and with its security updates: what would have to move, in each form."""
        self.say("building debian12 without and with its security updates, by hand")
        uri, security = mirrors()
        packages = "ca-certificates,procps,python3,perl,curl,openssh-client"
        trees = {}
        for name, lines in (("before", [f"deb {uri} bookworm main"]),
                            ("after", [f"deb {uri} bookworm main", f"deb {uri} bookworm-updates main",
                                       f"deb {security} bookworm-security main"])):
            trees[name] = self.work / f"respin-{name}"
            run(["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=directory",
                 f"--include={packages}", "--hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr", "bookworm",
                 trees[name], *lines], {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})
        rows = []
        for form, options in FORMS.items():
            self.say(f"layers stored {form}")
            images = {}
            for name, tree in trees.items():
                images[name] = self.work / f"{form}-{name}.erofs"
                run(["mkfs.erofs", "--quiet", *options, "-U", "00000000-0000-4000-8000-000000000000",
                     "--exclude-regex=^(dev|proc|sys|run|tmp)/.+", images[name], tree],
                    {**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})
            delta = self.work / "delta.zst"
            run(["zstd", "-q", "-f", "-19", "--long=30", f"--patch-from={images['before']}", images["after"], "-o", delta])
            whole = self.work / "whole.zst"
            run(["zstd", "-q", "-f", "-19", "--long=30", images["after"], "-o", whole])
            new = len(blocks(images["after"]) - blocks(images["before"])) * BLOCK
            rows.append([form, *(mb(size) for size in (
                images["after"].stat().st_size, whole.stat().st_size, new, delta.stat().st_size))])
        for tree in trees.values():
            shutil.rmtree(tree)
        return self.table(["A system and its security respin, MB", "stored", "first pull, zstd -19", "new 4 KiB blocks",
                           "delta, zstd -19"], rows)


def link_once(source, target):
    if not os.path.exists(target):
        os.link(source, target)


def names(lock):
    return [package["name"] for layer in lock["layers"] for package in layer["packages"]]


def blocks(path):
    found = set()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            found.add(hashlib.sha256(block).digest())
    return found


def mirrors():
    """The Debian archive and its security archive, as this host's apt is set up."""
    text = "\n".join(path.read_text() for path in [
        *pathlib.Path("/etc/apt/sources.list.d").glob("*.sources"), *pathlib.Path("/etc/apt/sources.list.d").glob("*.list"),
        *(path for path in [pathlib.Path("/etc/apt/sources.list")] if path.exists())])
    found = re.findall(r"^(?:URIs: |deb (?:\[[^]]*\] )?)(\S+)", text, re.M)
    main = [uri for uri in found if re.search(r"/debian/?$", uri)]
    security = [uri for uri in found if "security" in uri]
    if not main or not security:
        raise Failure("this host's apt configuration names no Debian archive, or no security archive")
    return main[0], security[0]


def run(arguments, environment=None):
    done = subprocess.run([str(argument) for argument in arguments], text=True, capture_output=True, env=environment)
    if done.returncode:
        raise Failure(f"{arguments[0]} failed with status {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def mb(size):
    return f"{size / 1e6:.1f}"


def spread(values, digits=2):
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"
