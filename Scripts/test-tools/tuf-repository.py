#!/usr/bin/env python3
"""Serves TUF repositories over HTTP, honest and hostile ones, for tests of clients.

Usage: tuf-repository.py
Prints its port, then answers each line of standard input, a JSON object, by one: {"ok": ANSWER} or {"error": TEXT}.
`do` names the command: a method of Repository below that is named like it; `repo` the repository, at /REPO/metadata/
and /REPO/targets/. Ends with its standard input. Metadata is made and signed by python-tuf, which is also the oracle:
`oracle` follows the same files with its client.
"""
import datetime
import hashlib
import http.server
import json
import pathlib
import random
import sys
import threading

from securesystemslib.formats import encode_canonical
from securesystemslib.signer import CryptoSigner, Key
from tuf.api.exceptions import DownloadError, DownloadHTTPError, RepositoryError
from tuf.api.metadata import (
    DelegatedRole, Delegations, Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp,
)
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

import tuf_deeds as deeds

TOP = ("root", "timestamp", "snapshot", "targets")
# The clock of all repositories begins here; clients are told it.
BEGINNING = datetime.datetime(2030, 1, 1, 12, 0, 30, tzinfo=datetime.timezone.utc)
KINDS = ("ed25519", "ecdsa", "rsa", "ed25519", "ecdsa", "ed25519", "ed25519")
repositories = {}
keys = []


def key(number):
    """The signer of that number: the same in all repositories, as making one takes long."""
    while len(keys) <= number:
        keys.append(getattr(CryptoSigner, "generate_" + KINDS[len(keys) % len(KINDS)])())
    return keys[number]


def quote(role):
    return deeds.quote(role, "")


class Repository:
    def __init__(self, consistent=True, announced=True, seed=0):
        self.files, self.requests, self.saved, self.lock = {}, [], {}, threading.Lock()
        self.announced, self.now, self.random = announced, BEGINNING, random.Random(seed)
        self.roles, self.signers, self.delegator_of, self.cosigners, self.ids = {}, {}, {}, [], {}
        self.next_key, self.spoilt_root, self.history = 0, False, {}
        expires = BEGINNING + datetime.timedelta(days=3650)
        self.roles["root"] = Root(version=1, expires=expires, consistent_snapshot=consistent)
        self.roles["timestamp"] = Timestamp(version=1, expires=expires)
        self.roles["snapshot"] = Snapshot(version=1, expires=expires)
        self.roles["targets"] = Targets(version=1, expires=expires)
        for role in TOP:
            self.delegator_of[role] = "root"
            self.appoint(role, count=2, threshold=2)
        self.publish(bump=False)

    # Who signs

    def owner(self, role):
        """What lists the keys of a role: root, or the role that delegates to it."""
        return self.roles[self.delegator_of[role]]

    def named(self, role):
        """A role as its owner lists it."""
        owner = self.owner(role)
        return (owner if isinstance(owner, Root) else owner.delegations).roles[role]

    def appoint(self, role, count=None, threshold=1, numbers=None, signing=None, keep=0):
        """New keys for a role, `keep` old ones among them; or those of certain numbers, of which `signing` sign."""
        owner, old = self.owner(role), self.signers.get(role, [])
        if numbers is None:
            numbers = old[:keep] + list(range(self.next_key, self.next_key + count - min(keep, len(old))))
            self.next_key = max(numbers) + 1
        for keyid in list(self.named(role).keyids):
            owner.revoke_key(keyid, role)
        for number in numbers:
            owner.add_key(key(number).public_key, role)
        self.named(role).threshold = threshold
        self.signers[role] = numbers if signing is None else signing
        self.ids.pop(role, None)
        if role == "root" and signing is None:
            self.cosigners = old

    def twins(self, role):
        """One key under two ids, for a threshold of two."""
        number = self.next_key
        self.appoint(role, count=1, threshold=1)
        owner, public = self.owner(role), key(number).public_key
        twin = Key.from_dict(hashlib.sha256(public.keyid.encode()).hexdigest(), public.to_dict())
        owner.add_key(twin, role)
        self.named(role).threshold = 2
        self.ids[role] = [public.keyid, twin.keyid]

    def threshold(self, role, number):
        self.named(role).threshold = number

    # What is said

    def delegate(self, name, by="targets", paths=None, prefixes=None, terminating=False, count=2, threshold=2, numbers=None):
        signed = self.roles[by]
        if signed.delegations is None:
            signed.delegations = Delegations(keys={}, roles={})
        signed.delegations.roles[name] = DelegatedRole(name, [], threshold, terminating, paths, prefixes)
        if name in self.roles:
            # A second delegator of one role: by the same keys, unless they are changed.
            for number in self.signers[name]:
                signed.add_key(key(number).public_key, name)
            return
        self.roles[name] = Targets(version=1, expires=BEGINNING + datetime.timedelta(days=3650))
        self.delegator_of[name] = by
        self.appoint(name, count=count, threshold=threshold, numbers=numbers)

    def delegator(self, role, by):
        """Of several delegators of a role, the one whose keys are changed next."""
        self.delegator_of[role] = by

    def dismiss(self, role):
        """Nobody delegates to it any more."""
        del self.owner(role).delegations.roles[role]

    def rename(self, by, old, new):
        roles = self.roles[by].delegations.roles
        roles[old].name = new

    def forget(self, role):
        """The snapshot names it no more."""
        del self.roles["snapshot"].meta[f"{role}.json"]

    def target(self, role, path, content, served=None):
        data = content.encode()
        self.roles[role].targets[path] = TargetFile.from_data(path, data, ["sha256"])
        self.files[self.served(path)] = data if served is None else served.encode()

    def consistent(self, value):
        self.roles["root"].consistent_snapshot = value

    def expire(self, role, days):
        self.roles[role].expires = self.now + datetime.timedelta(days=days)

    def wait(self, days):
        self.now += datetime.timedelta(days=days)
        return self.now.strftime("%Y-%m-%d %H:%M:%S")

    def version(self, role, version):
        """What the next version is counted from."""
        self.roles[role].version = version

    def field(self, role, name, value):
        self.roles[role].unrecognized_fields[name] = value

    # What is served

    def publish(self, roles=None, deed=None, role=None, bump=True, cosign=()):
        """New versions, of all roles where none are named; `deed` is done to the metadata of `role`.

        `cosign`: who else signs the root.
        """
        self.cosigners = self.cosigners + list(cosign)
        names = list(self.roles) if roles is None else roles
        order = ["root"] + [name for name in self.roles if name not in TOP] + ["targets", "snapshot", "timestamp"]
        for name in (name for name in order if name in names):
            if bump and not (name == "root" and self.spoilt_root):
                self.roles[name].version += 1
            if name == "root":
                # One that has expired is taken all the same; the others' number is used again.
                self.spoilt_root = deed not in (None, "expired") and role == "root"
            self.emit(name, deed if role == name else None)
        return {name: self.roles[name].version for name in self.roles}

    def emit(self, name, deed):
        signed, signatures, number = self.roles[name].to_dict(), [], self.roles[name].version
        announced = {"version": number}
        if deed in deeds.SAID:
            deeds.SAID[deed](signed, announced)
        numbers = self.signers[name] + (self.cosigners if name == "root" else [])
        payload = encode_canonical(signed).encode()
        for signer in dict.fromkeys(numbers):
            signatures.append(key(signer).sign(payload).to_dict())
        if name in self.ids:
            signatures += [{**signatures[0], "keyid": keyid} for keyid in self.ids[name][1:]]
        if name == "root":
            self.cosigners = []
        if deed in deeds.SIGNED:
            stranger = key(self.next_key + 100).sign(payload).to_dict()
            signatures = deeds.SIGNED[deed](signatures, stranger)
        document = {"signatures": signatures, "signed": signed}
        data = json.dumps(document, indent=1, ensure_ascii=number % 2 == 0).encode()
        if deed in deeds.WRITTEN:
            data = deeds.WRITTEN[deed](data, number)
        announced.update(length=len(data), hashes={"sha256": hashlib.sha256(data).hexdigest()})
        if deed in deeds.ANNOUNCED:
            deeds.ANNOUNCED[deed](announced)
        self.announce(name, announced)
        version = announced["version"]
        versioned = name == "root" or name != "timestamp" and self.roles["root"].consistent_snapshot
        served = f"metadata/{f'{version}.' if versioned else ''}{quote(name)}.json"
        self.files[served] = deeds.SERVED[deed](data) if deed in deeds.SERVED else data
        if deed is None:
            self.history.setdefault(f"{quote(name)}.json", []).append(hashlib.sha256(data).hexdigest())

    def announce(self, name, announced):
        if not self.announced:
            announced = {"version": announced["version"]}
        if name == "snapshot":
            self.roles["timestamp"].snapshot_meta = MetaFile.from_dict(dict(announced))
        elif name not in ("root", "timestamp"):
            self.roles["snapshot"].meta[f"{name}.json"] = MetaFile.from_dict(dict(announced))

    def serve(self, name, behaviour="text", text=""):
        """Something else for a file: text, or what `behaviour` names of deeds.SERVED."""
        data = text.encode()
        self.files[name] = data if behaviour == "text" else deeds.SERVED[behaviour](self.files.get(name) or data)

    def redirect(self, name, to):
        self.files[name] = deeds.Redirect(to)

    def save(self, name):
        self.saved[name] = dict(self.files)

    def load(self, name, files=None):
        """Serves what was saved: all, or certain files of it, each perhaps under another name."""
        if files is None:
            self.files = dict(self.saved[name])
            return
        for served, old in files.items():
            self.files[served] = self.saved[name][old]

    def write(self, name, path):
        pathlib.Path(path).write_bytes(self.files[name])

    def text(self, name):
        return self.files[name].decode()

    def foreign(self, directory):
        """What a client keeps and was never published in earnest."""
        return [
            file.name for file in pathlib.Path(directory).glob("*.json")
            if hashlib.sha256(file.read_bytes()).hexdigest() not in self.history.get(file.name, [])
        ]

    def served(self, path):
        """The name of a target's file."""
        directory, slash, name = path.rpartition("/")
        if self.roles["root"].consistent_snapshot:
            for role in self.roles.values():
                if isinstance(role, Targets) and path in role.targets:
                    name = f"{role.targets[path].hashes['sha256']}.{name}"
                    break
        return f"targets/{directory}{slash}{name}"

    def asked(self):
        """What was asked for since it was asked for last."""
        with self.lock:
            requests, self.requests = self.requests, []
        return requests

    # What others say of it

    def oracle(self, directory, targets=(), artifacts=None):
        """What python-tuf's client says of what is served now, at this repository's time."""
        config = UpdaterConfig(
            max_delegations=256, root_max_length=512 << 10, timestamp_max_length=64 << 10,
            snapshot_max_length=4 << 20, targets_max_length=64 << 20)
        try:
            updater = Updater(
                directory, "metadata/", artifacts or directory, "targets/", Fetcher(self), config, bootstrap=None)
            updater._trusted_set.reference_time = self.now
            updater.refresh()
            for path in targets:
                info = updater.get_targetinfo(path)
                if info is None:
                    return f"no role answers for {path}"
                updater.download_target(info)
        except (RepositoryError, DownloadError, ValueError) as error:
            return f"{type(error).__name__}: {error}"
        return ""

    def chance(self):
        """Something honest or hostile of chance; says what."""
        return deeds.chance(self)


class Fetcher(FetcherInterface):
    def __init__(self, repository):
        super().__init__()
        self.repository = repository

    def _fetch(self, url):
        found = self.repository.files.get(url)
        if found is None:
            raise DownloadHTTPError("not here", 404)
        return found.pieces() if isinstance(found, deeds.Behaviour) else iter([found])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Each answer is two writes: the second is not to wait for the client's word on the first.
    disable_nagle_algorithm = True

    def do_GET(self):
        name, _, rest = self.path.partition("?")[0].lstrip("/").partition("/")
        repository = repositories.get(name)
        if repository is None:
            return self.send_error(404)
        with repository.lock:
            repository.requests.append(rest)
        # Metadata is named as it is asked for; targets as their files are.
        wanted = rest if rest.startswith("metadata/") else deeds.unquote(rest)
        found = repository.files.get(wanted)
        if found is None:
            return self.send_error(404)
        if isinstance(found, deeds.Behaviour):
            self.close_connection = True
            try:
                return found.answer(self)
            except OSError:
                return None
        self.send_response(200)
        self.send_header("Content-Length", str(len(found)))
        self.end_headers()
        return self.wfile.write(found)

    def log_message(self, *arguments):
        pass


def obey(command):
    name = command.pop("repo")
    action = command.pop("do")
    if action == "new":
        repositories[name] = Repository(**command)
        return None
    if action.startswith("_"):
        raise ValueError(f"no command: {action}")
    return getattr(repositories[name], action)(**command)


def main():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    for line in sys.stdin:
        answer = None
        try:
            for command in json.loads(line):
                answer = obey(command)
            print(json.dumps({"ok": answer}), flush=True)
        except Exception as error:  # Said to the test, whose fault it is.
            print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)


main()
