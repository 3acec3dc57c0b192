"""Images of a given size, most of which no job reads: a small system, and a layer of files that nothing compresses."""
import dataclasses
import json
import pathlib
import random
import shutil

from processes import run

MEGABYTES = (500, 2000)
# What the system below has already, in megabytes: the rest is filled.
SYSTEM = 60
PIECE = 64 << 20


class SizedImages:
    """Built in the home of `sojourn` where they are not there yet. `work` holds their files while they are built."""

    def __init__(self, sojourn, work, say):
        self.sojourn, self.work, self.say = sojourn, work, say

    def image(self, megabytes):
        """The image of that size, which is in the home when this returns."""
        name = f"bench/sized:{megabytes}@debian12"
        if self.command("image", "show", name, check=False).returncode == 0:
            return Image(self.sojourn, name)
        self.say(f"building an image of {megabytes} MB")
        filler = self.work / f"filler-{megabytes}"
        fill(filler, (megabytes - SYSTEM) * 10**6)
        recipe = self.work / f"sized-{megabytes}.yaml"
        recipe.write_text(f"name: {name}\non: os/debian12\npurpose: an image of {megabytes} MB\nlicence: none\n"
                          f"snapshot:\n  - from: {filler}\n    to: /opt/filler\ncheck: [\"echo hello\"]\n")
        self.command("image", "build", str(recipe))
        shutil.rmtree(filler)
        return Image(self.sojourn, name)

    def command(self, *arguments, check=True):
        return run([self.sojourn.program, *arguments], self.sojourn.environment, check)


class Image:
    """An image of the bench's home: what it is made of, and what of it a start needs whole."""

    def __init__(self, sojourn, name):
        self.name, self.blobs = name, sojourn.home / "images" / "blobs" / "sha256"
        shown = json.loads(run([sojourn.program, "image", "show", name, "--json"], sojourn.environment).stdout)
        self.digest = shown["digest"]
        self.home = sojourn.home
        self.layers = [Layer(layer["name"], self.file(layer["digest"]), layer["size"],
                             self.file(layer["verityTree"]).stat().st_size) for layer in shown["layers"]]
        self.parts = [*self.manifest(shown["kernel"]), *self.manifest(self.digest)]

    def manifest(self, digest):
        return json.loads(self.file(digest).read_text())["layers"]

    def file(self, digest):
        return self.blobs / digest.removeprefix("sha256:")

    def trace(self):
        """The blocks of each layer that the image's check read, in their order; empty where that is not known."""
        index = json.loads((self.home / "images" / "index.json").read_text())["manifests"]
        name = self.digest.replace(":", "-")
        referrers = [entry for found in index
                     if found.get("annotations", {}).get("org.opencontainers.image.ref.name") == name
                     for entry in json.loads(self.file(found["digest"]).read_text())["manifests"]]
        traces = [entry for entry in referrers if entry.get("artifactType") == "application/vnd.sojourn.boot-trace.v1+json"]
        if not traces:
            return []
        manifest = json.loads(self.file(traces[-1]["digest"]).read_text())
        runs = {layer["digest"].removeprefix("sha256:"): layer["blocks"]
                for layer in json.loads(self.file(manifest["layers"][0]["digest"]).read_text())["layers"]}
        return [[block for first, count in runs.get(layer.file.name, []) for block in range(first, first + count)]
                for layer in self.layers]

    @property
    def needed(self):
        """Bytes of the blobs that no start can do without: the kernel, its modules, the verity trees."""
        return sum(part["size"] for part in self.parts
                   if part["mediaType"].endswith((".vmlinuz", ".modules+cpio", ".verity.v1")))

    @property
    def whole_sizes(self):
        """Bytes of each blob that is fetched before a start: all but the filesystems."""
        return [part["size"] for part in self.parts if not part["mediaType"].endswith("layer.v1.erofs")]


@dataclasses.dataclass
class Layer:
    name: str
    file: pathlib.Path
    size: int
    tree: int


def fill(directory, size):
    directory.mkdir()
    chance = random.Random(size)
    for number in range(-(-size // PIECE)):
        (directory / f"part-{number:03}").write_bytes(chance.randbytes(min(PIECE, size - number * PIECE)))
