"""What `make bench` measures of respins: the bytes, processor time and memory by which a system becomes its successor."""
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess

from factory import mirrors
from peer import Failure

SMALL = "ca-certificates,procps,python3,perl,curl,openssh-client"
LARGE = SMALL + (",build-essential,gfortran,git,vim,cmake,gdb,openjdk-17-jre-headless,libxml2-dev,libssl-dev,python3-numpy,"
                 "linux-image-amd64,gnupg,rsync,wget,sudo,systemd,krb5-user,bind9-dnsutils,libcurl4-openssl-dev,libtiff-dev,"
                 "binutils,postgresql-client,imagemagick")
SETS = {"minimal": SMALL, "large": LARGE}
VERSIONS = ("before", "after")
# What an image holds, and nothing that differs from build to build, such as the nanoseconds of times.
CASYNC = ["--without=all", "--with=unix", "--with=device-nodes", "--with=fifos", "--with=xattrs", "--with=fcaps"]
DELTA_GOAL, MEMORY_GOAL = 1.1, 500e6
NAME, UUID, TIME = "bench/respin:1@debian12", "00000000-0000-4000-8000-000000000000", "2023-11-14T22:13:20Z"
EPOCH = {"SOURCE_DATE_EPOCH": "1700000000"}


class Respin:
    """`table` and `say` are the bench's. A system of the archive without and with its updates: a respin of everything since
    the release, the largest that a site will see."""

    def __init__(self, sojourn, work, table, say, sets=SETS):
        self.sojourn, self.table, self.say, self.sets = sojourn, table, say, sets
        self.work = work / "respin"
        self.work.mkdir(exist_ok=True)

    def sections(self):
        self.command("image", "build", "kernel-debian12")
        self.kernel = json.loads(self.command("image", "show", "kernel-debian12", "--json"))["digest"]
        for name, packages in self.sets.items():
            for version in VERSIONS:
                self.make(name, version, packages)
            yield self.compare(name)
            shutil.rmtree(self.work)
            self.work.mkdir()

    # -- Two systems, as trees, tars, containers and images

    def make(self, name, version, packages):
        self.say(f"a system without and with its updates: {name}, {version}")
        uri, security = mirrors()
        lines = [f"deb {uri} bookworm main"]
        if version == "after":
            lines += [f"deb {uri} bookworm-updates main", f"deb {security} bookworm-security main"]
        tree = self.work / f"tree-{version}"
        run(["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", "--format=directory", f"--include={packages}",
             "--hook-dir=/usr/share/mmdebstrap/hooks/maybe-merged-usr", "bookworm", tree, *lines], EPOCH)
        for excluded in ("dev", "proc", "sys", "run", "tmp"):
            for found in (tree / excluded).iterdir():
                shutil.rmtree(found) if found.is_dir() and not found.is_symlink() else found.unlink()
        run(["tar", "--sort=name", "--numeric-owner", "-C", tree, "-cf", self.work / f"{version}.tar", "."])
        erofs = self.work / f"{version}.erofs"
        run(["mkfs.erofs", "--quiet", "-zlz4hc", "-U", UUID, erofs, tree], EPOCH)
        layout = self.work / f"layout-{version}"
        digest = self.layout(erofs, layout)
        self.command("image", "import", str(layout))
        shutil.rmtree(layout)
        (self.work / f"{version}.digest").write_text(digest)

    def layout(self, erofs, directory):
        """An OCI image layout with an image of this filesystem; its digest. Made by hand: what is built would be cleaned."""
        blobs = directory / "blobs/sha256"
        blobs.mkdir(parents=True)

        def add(content, kind, **more):
            content = content if isinstance(content, bytes) else json.dumps(content, sort_keys=True).encode()
            digest = hashlib.sha256(content).hexdigest()
            (blobs / digest).write_bytes(content)
            return {"mediaType": f"application/vnd.{kind}", "digest": f"sha256:{digest}", "size": len(content), **more}

        layer = {"annotations": {"vnd.sojourn.layer.name": "system"}}
        tree = self.work / "tree.verity"
        said = run(["veritysetup", "format", "--salt=-", f"--uuid={UUID}", erofs, tree])
        root = re.search(r"Root hash:\s*([0-9a-f]{64})", said)[1]
        annotations = {**layer["annotations"], "vnd.sojourn.verity.data-size": str(size(erofs)),
                       "vnd.sojourn.verity.root": root, "vnd.sojourn.verity.salt": "-"}
        recipe = add(f"name: {NAME}\n".encode(), "sojourn.recipe.v1+yaml")
        named = {"files": [], "packages": [], "snapshots": [], "time": TIME, "wheels": []}
        lock = {"version": 1, "layers": [{"name": NAME, "recipe": recipe["digest"], **named}],
                "kernel": {"name": "kernel-debian12", "digest": self.kernel,
                           "inputs": {"name": "kernel-debian12", "recipe": self.kernel, **named}}}
        layers = [add(erofs.read_bytes(), "sojourn.layer.v1.erofs", annotations=annotations),
                  add(tree.read_bytes(), "sojourn.verity.v1", **layer),
                  add(b"#mtree\n. type=dir mode=0755 uid=0 gid=0 time=2.0\n", "sojourn.files.v1+mtree", **layer),
                  recipe, add(lock, "sojourn.lock.v1+json"),
                  add({"version": 1, "distribution": "debian", "packages": []}, "sojourn.packages.v1+json")]
        config = add({"architecture": "amd64", "config": {"Env": []}, "created": TIME, "os": "linux",
                      "rootfs": {"type": "layers", "diff_ids": [layers[0]["digest"]]},
                      "sojourn": {"version": 1, "environment": NAME, "guestInterface": 1, "kernel": self.kernel,
                                  "systemName": "Debian", "checks": [],
                                  "needs": {"architectureLevel": 1, "cores": 1, "memory": "256MiB"}}},
                     "oci.image.config.v1+json")
        manifest = add({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                        "artifactType": "application/vnd.sojourn.image.v1", "config": config, "layers": layers,
                        "annotations": {"vnd.sojourn.name": NAME}}, "oci.image.manifest.v1+json")
        (directory / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
        return manifest["digest"]

    def command(self, *arguments):
        return run([self.sojourn.program, *arguments], self.sojourn.environment)

    # -- Who moves how much

    def compare(self, name):
        before, after = (self.work / f"{version}.erofs" for version in VERSIONS)
        self.say(f"respin of {name}: ours")
        digests = [(self.work / f"{version}.digest").read_text() for version in VERSIONS]
        said, cost = measured([self.sojourn.program, "image", "diff", *digests, "--json"], self.sojourn.environment)
        layer = json.loads(said)["pull"]["layers"][0]
        said, delta_cost = measured(
            [self.sojourn.program, "image", "diff", *digests, "--delta", "--json"], self.sojourn.environment)
        delta = json.loads(said)["pull"]["layers"][0]["deltaBytes"]
        self.say(f"respin of {name}: zstd")
        _, whole_cost = measured(["zstd", "-q", "-f", "-19", "--long=27", after, "-o", self.work / "whole.zst"])
        _, patch_cost = measured(["zstd", "-q", "-f", "-19", "--long=31", f"--patch-from={before}", after, "-o",
                                  self.work / "patch.zst"])
        whole, patch = (size(self.work / f"{kind}.zst") for kind in ("whole", "patch"))
        self.say(f"respin of {name}: casync and zchunk")
        casync = {kind: self.casync(kind) for kind in ("tree", "image")}
        zchunk = self.zchunk()
        debs = self.debs()
        ratio = delta / patch
        rows = [
            ["delta blob", mb(delta), *delta_cost.cells,
             f"at most {DELTA_GOAL} of patch-from: {ratio:.2f}, {met(ratio <= DELTA_GOAL)}; at most "
             f"{MEMORY_GOAL / 1e6:.0f} MB: {met(delta_cost.memory <= MEMORY_GOAL)}"],
            [f"ranges, {layer['rangeRequests']} requests", mb(layer["rangeBytes"]), *cost.cells,
             f"under casync of the tree: {met(layer['rangeBytes'] < casync['tree'][0])}; of the image: "
             f"{met(layer['rangeBytes'] < casync['image'][0])}"],
            ["the image whole", mb(size(after)), "-", "-", ""],
            ["zstd -19, whole", mb(whole), *whole_cost.cells, ""],
            ["zstd -19 --patch-from the image before", mb(patch), *patch_cost.cells, ""],
            ["casync, 64 KiB, of the tree (zstd)", mb(casync["tree"][0]), *casync["tree"][1].cells, ""],
            ["casync, 64 KiB, of the image (zstd)", mb(casync["image"][0]), *casync["image"][1].cells, ""],
            ["zchunk of a tar of the tree", mb(zchunk[0]), *zchunk[1].cells, ""],
            [f"changed .debs, {debs[0]}", mb(debs[1]), "-", "-", ""],
        ]
        return self.table([f"Respin of a system, {name}", "MB to move", "CPU s to make", "peak MB", "goal"], rows)

    def casync(self, kind):
        """Bytes of chunks that the second has and the first has not, with the second's index."""
        chunks, cost, index = {}, None, None
        for version in VERSIONS:
            store = self.work / f"{kind}-{version}.castr"
            index = self.work / f"{kind}-{version}.{'caidx' if kind == 'tree' else 'caibx'}"
            source = self.work / (f"tree-{version}" if kind == "tree" else f"{version}.erofs")
            _, cost = measured(["casync", "make", f"--store={store}", "--chunk-size=65536", *CASYNC, index, source])
            chunks[version] = {path.name: path.stat().st_size for path in store.rglob("*.cacnk")}
            shutil.rmtree(store)
        new = sum(length for chunk, length in chunks["after"].items() if chunk not in chunks["before"])
        return new + size(index), cost

    def zchunk(self):
        for version in VERSIONS:
            _, cost = measured(["zck", "-o", self.work / f"{version}.zck", self.work / f"{version}.tar"])
        said = run(["zck_delta_size", self.work / "before.zck", self.work / "after.zck"])
        found = re.search(r"download (\d+) of", said) or re.search(r"(\d+) bytes", said)
        if not found:
            raise Failure(f"zck_delta_size says what is not understood here: {said}")
        return int(found[1]), cost

    def debs(self):
        """How many packages of the second are other than the first's, and their bytes in the archive."""
        versions = {version: dict(re.findall(r"^Package: (\S+)$.*?^Version: (\S+)$", (
            self.work / f"tree-{version}/var/lib/dpkg/status").read_text(), re.M | re.S)) for version in VERSIONS}
        changed = [(name, version) for name, version in versions["after"].items()
                   if versions["before"].get(name) != version]
        total = 0
        for name, version in changed:
            shown = run(["apt-cache", "show", f"{name}={version}"])
            total += int(re.search(r"^Size: (\d+)$", shown, re.M)[1])
        return len(changed), total


class Cost:
    def __init__(self, text):
        user, system, memory = text.split()
        self.seconds, self.memory = float(user) + float(system), int(memory) * 1024
        self.cells = (f"{self.seconds:.1f}", f"{self.memory / 1e6:.0f}")


def measured(command, environment=None):
    """What a program says, and what it and its children took; memory is that of the largest of them."""
    done = subprocess.run(["/usr/bin/time", "-f", "%U %S %M", *map(str, command)], text=True, capture_output=True,
                          env={**os.environ, **(environment or {})})
    if done.returncode:
        raise Failure(f"{command[0]} failed: {done.stderr[-2000:]}")
    return done.stdout, Cost(done.stderr.strip().splitlines()[-1])


def run(command, environment=None):
    done = subprocess.run(list(map(str, command)), text=True, capture_output=True,
                          env={**os.environ, **(environment or {})})
    if done.returncode:
        raise Failure(f"{' '.join(map(str, command))} failed: {done.stderr[-2000:]}")
    return done.stdout


def met(holds):
    return "met" if holds else "missed"


def mb(count):
    return f"{count / 1e6:.1f}"


def size(path):
    return pathlib.Path(path).stat().st_size
