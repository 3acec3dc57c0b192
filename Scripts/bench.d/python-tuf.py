"""python-tuf's part in the bench of TUF clients: it makes the repository, and follows it.

Usage: python-tuf.py make DIRECTORY
       python-tuf.py follow DIRECTORY URL TARGET...

`make` writes DIRECTORY/metadata, DIRECTORY/targets and DIRECTORY/names, a target of each role. `follow` keeps its files in
DIRECTORY, trusts its root.json, and prints the seconds that it took after all was imported.
"""
import datetime
import hashlib
import pathlib
import sys
import time

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (DelegatedRole, Delegations, Metadata, MetaFile, Root, Snapshot, TargetFile, Targets,
                              Timestamp)
from tuf.ngclient import Updater

EXPERIMENTS, IMAGES = 20, 500
EXPIRES = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0) + datetime.timedelta(days=30)


def make(directory):
    metadata = directory / "metadata"
    metadata.mkdir(parents=True)
    offline, online = CryptoSigner.generate_ed25519(), CryptoSigner.generate_ed25519()
    root = Root(expires=EXPIRES, consistent_snapshot=True)
    for role, signer in (("root", offline), ("targets", offline), ("snapshot", online), ("timestamp", online)):
        root.add_key(signer.public_key, role)
    signers = {f"experiment{number:02}": CryptoSigner.generate_ed25519() for number in range(EXPERIMENTS)}
    targets = Targets(expires=EXPIRES, delegations=Delegations(
        {signer.public_key.keyid: signer.public_key for signer in signers.values()},
        {name: DelegatedRole(name, [signer.public_key.keyid], 1, True, [f"{name}/*/*"])
         for name, signer in signers.items()}))
    snapshot = Snapshot(expires=EXPIRES)
    names = []
    for name, signer in [*signers.items(), ("targets", offline)]:
        content = targets if name == "targets" else images(name, directory / "targets")
        data = signed(content, signer)
        (metadata / f"1.{name}.json").write_bytes(data)
        snapshot.meta[f"{name}.json"] = announced(data)
        names += list(content.targets)[:1]
    data = signed(snapshot, online)
    (metadata / "1.snapshot.json").write_bytes(data)
    (metadata / "1.root.json").write_bytes(signed(root, offline))
    (metadata / "timestamp.json").write_bytes(signed(Timestamp(expires=EXPIRES, snapshot_meta=announced(data)), online))
    (directory / "names").write_text("\n".join(names))


def images(experiment, directory):
    """The role of an experiment; only its first image's manifest is there."""
    role = Targets(expires=EXPIRES)
    for number in range(IMAGES):
        software, version = f"software{number % 10}", f"{number // 10}.0.1"
        manifest = f'{{"schemaVersion":2,"of":"{experiment}","number":{number}}}'.encode().ljust(900)
        digest = hashlib.sha256(manifest).hexdigest()
        path = f"{experiment}/{software}={version}@debian12/{digest}"
        entry = {"environment": f"{experiment}/{software}:{version}@debian12", "endorsed": "2026-10-01T12:00:00Z",
                 "until": "2026-12-30T12:00:00Z", "version": number + 1}
        role.targets[path] = TargetFile(len(manifest), {"sha256": digest}, path, {"custom": {"sojourn": entry}})
        if number == 0:
            file = (directory / path).parent / f"{digest}.{digest}"
            file.parent.mkdir(parents=True)
            file.write_bytes(manifest)
    return role


def signed(content, signer):
    metadata = Metadata(content)
    metadata.sign(signer)
    return metadata.to_bytes()


def announced(data):
    return MetaFile(1, len(data), {"sha256": hashlib.sha256(data).hexdigest()})


def follow(directory, url, names):
    begun = time.perf_counter()
    (directory / "targets").mkdir(exist_ok=True)
    updater = Updater(str(directory / "metadata"), f"{url}/metadata/", str(directory / "targets"), f"{url}/targets/",
                      bootstrap=(directory / "root.json").read_bytes())
    updater.refresh()
    for name in names:
        target = updater.get_targetinfo(name)
        if updater.find_cached_target(target) is None:
            updater.download_target(target)
    print(time.perf_counter() - begun)


if sys.argv[1] == "make":
    make(pathlib.Path(sys.argv[2]))
else:
    follow(pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4:])
