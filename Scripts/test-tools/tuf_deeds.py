"""What tuf-repository.py does to metadata where it is told to be hostile."""
import time
import urllib.parse

quote, unquote = urllib.parse.quote, urllib.parse.unquote


# What the metadata says, signed by those whose it is. `announced` is what others will say of it.

def expired(signed, announced):
    signed["expires"] = "2029-12-31T00:00:00Z"


def wrong_version(signed, announced):
    signed["version"] += 1


def rolled_back(signed, announced):
    signed["version"] = announced["version"] = 1


def wrong_type(signed, announced):
    signed["_type"] = "mirrors"


def unknown_specification(signed, announced):
    signed["spec_version"] = "2.0.0"


def deep(signed, announced):
    value = []
    for _ in range(60):
        value = [value]
    signed["x-deep"] = value


def no_version(signed, announced):
    del signed["version"]


def text_version(signed, announced):
    signed["version"] = str(signed["version"])


def version_zero(signed, announced):
    signed["version"] = 0


SAID = {
    "expired": expired, "wrong-version": wrong_version, "rolled-back": rolled_back, "wrong-type": wrong_type,
    "unknown-specification": unknown_specification, "deep": deep, "no-version": no_version,
    "text-version": text_version, "version-zero": version_zero,
}


# Who signed.

def bad_signature(signatures, stranger):
    first = signatures[0]
    return [{**first, "sig": first["sig"][:-2] + f"{int(first['sig'][-2:], 16) ^ 1:02x}"}] + signatures[1:]


def foreign_bytes(signatures, stranger):
    return [{**signatures[0], "sig": signatures[1]["sig"]}] + signatures[1:]


SIGNED = {
    "bad-signature": bad_signature,
    "too-few": lambda signatures, stranger: signatures[1:],
    "unsigned": lambda signatures, stranger: [],
    "empty-signature": lambda signatures, stranger: [{**signatures[0], "sig": ""}] + signatures[1:],
    "twice-signed": lambda signatures, stranger: [signatures[0], signatures[0]],
    "stranger": lambda signatures, stranger: [stranger] + signatures[1:],
    "foreign-bytes": foreign_bytes,
}


# The bytes. The signature stays that of what it was.

def written(old, new):
    def edit(data, version):
        one, other = (text.replace("VERSION", str(version)).encode("latin-1") for text in (old, new))
        if data.count(one) < 1:
            raise ValueError(f"nothing to change: {one}")
        place = data.rindex(one)
        return data[:place] + other + data[place + len(one):]
    return edit


WRITTEN = {
    "duplicate-keys": written('"signed": {', '"signed": {"version": VERSION,'),
    "not-utf8": written('"spec_version": "', '"x-name": "\xff\xfe", "spec_version": "'),
    "surrogate": written('"spec_version": "', '"x-name": "\\ud800", "spec_version": "'),
    "float": written('"version": VERSION,\n  "spec_version"', '"version": VERSION.0,\n  "spec_version"'),
    "exponent": written('"version": VERSION,\n  "spec_version"', '"version": VERSIONe0,\n  "spec_version"'),
    "cut": lambda data, version: data[:-20],
    "more": lambda data, version: data + b"{}",
    "page": lambda data, version: b"<html>captive portal</html>",
    "null": lambda data, version: b"null",
    "empty": lambda data, version: b"",
}


# What others say of it.

def wrong_hash(announced):
    announced["hashes"] = {"sha256": "0" * 64}


def too_short(announced):
    announced["length"] -= 1


def too_long(announced):
    announced["length"] += 1


ANNOUNCED = {"wrong-hash": wrong_hash, "longer-than-announced": too_short, "shorter-than-announced": too_long}


# How it is served.

class Behaviour:
    def __init__(self, data=b""):
        self.data = data

    def pieces(self):
        """For a client without HTTP."""
        return iter([self.data])


class Endless(Behaviour):
    def pieces(self):
        yield self.data
        while True:
            yield b" " * 65536

    def answer(self, handler):
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        for piece in self.pieces():
            handler.wfile.write(piece)


class Slow(Endless):
    """A byte now and then: below every rate, never silent."""

    def pieces(self):
        for byte in self.data:
            yield bytes([byte])
            time.sleep(1)


class Stalled(Behaviour):
    """Keeps the last byte back."""

    def answer(self, handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(self.data)))
        handler.end_headers()
        handler.wfile.write(self.data[:-1])
        handler.wfile.flush()
        time.sleep(600)


class Broken(Behaviour):
    """Ends before the length that was announced."""

    def answer(self, handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(self.data)))
        handler.end_headers()
        handler.wfile.write(self.data[:-10])


class Failing(Behaviour):
    def answer(self, handler):
        handler.send_error(500)


class Redirect(Behaviour):
    def __init__(self, to):
        super().__init__()
        self.to = to

    def answer(self, handler):
        handler.send_response(302)
        handler.send_header("Location", self.to)
        handler.send_header("Connection", "close")
        handler.send_header("Content-Length", "0")
        handler.end_headers()


class Circle(Behaviour):
    def answer(self, handler):
        Redirect(handler.path).answer(handler)


class Spiral(Behaviour):
    """Redirects without end that never come to the same place: only their number tells."""

    def answer(self, handler):
        path, _, count = handler.path.partition("?")
        Redirect(f"{path}?{int(count or 0) + 1}").answer(handler)


SERVED = {
    "missing": lambda data: None, "endless": Endless, "slow": Slow, "stalled": Stalled, "broken": Broken,
    "failing": Failing, "circle": Circle, "spiral": Spiral,
}


# Chance

# Those of which both clients have to say the same.
AGREED = [
    "expired", "wrong-version", "rolled-back", "wrong-type", "unknown-specification", "no-version", "text-version",
    "version-zero", "bad-signature", "too-few", "unsigned", "twice-signed", "stranger", "foreign-bytes",
    "not-utf8", "cut", "more", "page", "null", "empty", "wrong-hash", "longer-than-announced",
    "shorter-than-announced", "missing", "endless",
]


def applies(deed, role):
    if deed in ANNOUNCED or deed == "wrong-version":
        return role not in ("root", "timestamp") or deed == "wrong-version" and role == "root"
    # Where there is no next root, or an older timestamp with the same word, all is well.
    return not (role == "root" and deed in ("missing", "rolled-back", "expired"))


def chance(repository):
    dice, roles = repository.random, list(repository.roles)
    delegated = [role for role in roles if role not in ("root", "timestamp", "snapshot", "targets")]
    kind = dice.choices(
        ["publish", "deed", "rotate", "recover", "threshold", "wait", "freeze", "rewind", "mix", "target"],
        [4, 8, 2, 1, 2, 3, 1, 1, 2, 3])[0]
    said = kind
    if kind == "deed":
        deed, role = dice.choice(AGREED), dice.choice(roles)
        if not applies(deed, role):
            deed = "bad-signature"
        repository.publish(deed=deed, role=role)
        said = f"{deed} {role}"
    elif kind == "rotate":
        role = dice.choice(["root", "targets"] + delegated)
        count = dice.randint(1, 3)
        repository.appoint(role, count=count, threshold=dice.randint(1, count), keep=0)
        repository.publish()
        said = f"rotate {role}"
    elif kind == "recover":
        for role in ("timestamp", "snapshot"):
            repository.appoint(role, count=2, threshold=2)
            repository.version(role, dice.randint(0, 3))
        for role in ["targets"] + delegated:
            repository.version(role, dice.randint(0, 3))
        repository.publish()
    elif kind == "threshold":
        role = dice.choice(["targets", "root"] + delegated)
        most = len(repository.signers[role])
        number = dice.randint(1, most + (1 if role != "root" and dice.random() < 0.2 else 0))
        repository.threshold(role, number)
        repository.publish()
        said = f"threshold {role} {number} of {most}"
    elif kind == "wait":
        role = dice.choice(roles)
        repository.expire(role, dice.randint(2, 9))
        repository.publish(roles=None if dice.random() < 0.5 else ["snapshot", "timestamp"])
        repository.wait(dice.randint(0, 6))
        repository.expire(role, 3650)
        said = f"wait {role}"
    elif kind == "target":
        role = dice.choice(["targets"] + delegated)
        path = f"{role}/file{dice.randint(0, 3)}"
        repository.target(role, path, f"content {dice.random()}", "something else" if dice.random() < 0.1 else None)
        repository.publish([role, "snapshot", "timestamp"])
        said = f"target {path}"
    elif kind == "rewind" and repository.saved:
        name = dice.choice(list(repository.saved))
        roots = {name: data for name, data in repository.files.items() if name.endswith(".root.json")}
        repository.load(name)
        repository.files.update(roots)
        said = f"rewind {name}"
    elif kind == "mix" and repository.saved:
        name = dice.choice(list(repository.saved))
        known = [file for file in repository.saved[name] if not file.endswith("root.json") and "metadata/" in file]
        file = dice.choice(known)
        repository.load(name, {file: file})
        said = f"mix {file} of {name}"
    elif kind != "freeze":
        repository.publish()
    if dice.random() < 0.3:
        repository.save(f"moment {len(repository.saved)}")
    return said
