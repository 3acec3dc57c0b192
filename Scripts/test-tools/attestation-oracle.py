#!/usr/bin/env python3
"""Judges what Sojourn says about its images, with the tools that others read it with.

Usage: attestation-oracle.py spdx FILE...                  SPDX documents: spdx-tools' whole validation, and every
                                                           package URL by packageurl-python
       attestation-oracle.py envelope FILE PUBLIC-KEY...   a DSSE envelope with one good signature by each key (PEM):
                                                           securesystemslib; the in-toto statement in it:
                                                           in-toto-attestation
       attestation-oracle.py licences                      licence expressions, one a line of standard input: writes
                                                           "yes" or "no" for each, as spdx-tools has it

Writes what is wrong, or a line of JSON with what it read, and returns 1 or 0. Runs in the environment that
python-oracles makes.
"""
import hashlib
import json
import sys


def fail(*messages):
    print(*messages, sep="\n", file=sys.stderr)
    sys.exit(1)


def spdx(path):
    from packageurl import PackageURL
    from spdx_tools.spdx.parser.error import SPDXParsingError
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    if not path.endswith(".spdx.json"):
        fail(f"{path}: its name must end with .spdx.json")
    try:
        document = parse_file(path)
    except SPDXParsingError as error:
        fail(f"{path}: cannot be parsed", *error.get_messages())
    messages = validate_full_spdx_document(document, "SPDX-2.3")
    if messages:
        fail(f"{path}: {len(messages)} messages", *(f"{m.context.spdx_id}: {m.validation_message}" for m in messages))
    identifiers = [element.spdx_id for element in document.packages + document.files]
    if len(set(identifiers)) != len(identifiers):
        fail(f"{path}: an SPDXID is there twice")
    urls = [ref.locator for package in document.packages for ref in package.external_references]
    for url in urls:
        if PackageURL.from_string(url).to_string() != url:
            fail(f"{path}: {url} is not canonical: {PackageURL.from_string(url).to_string()}")
    return {
        "packages": len(document.packages), "files": len(document.files), "relationships": len(document.relationships),
        "urls": len(urls), "created": f"{document.creation_info.created:%Y-%m-%dT%H:%M:%SZ}",
    }


def public_key(path):
    from cryptography.hazmat.primitives import serialization
    from securesystemslib.signer import SSlibKey

    with open(path, "rb") as file:
        key = serialization.load_pem_public_key(file.read())
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return SSlibKey.from_crypto(key, keyid=hashlib.sha256(der).hexdigest())


def predicate_class(predicate_type):
    from google.protobuf import struct_pb2
    from in_toto_attestation.predicates.provenance.v1 import provenance_pb2
    from in_toto_attestation.predicates.test_result.v0 import test_result_pb2

    return {
        "https://slsa.dev/provenance/v1": provenance_pb2.Provenance,
        "https://in-toto.io/attestation/test-result/v0.1": test_result_pb2.TestResult,
        # Our own, of which in-toto knows no fields.
        "urn:sojourn:rebuilt:1": struct_pb2.Struct,
    }[predicate_type]


def descriptors(message):
    """Every ResourceDescriptor of a predicate."""
    for field, value in message.ListFields():
        kind = field.message_type
        if kind is None or kind.GetOptions().map_entry or kind.full_name.startswith("google.protobuf."):
            continue
        for item in [value] if hasattr(value, "DESCRIPTOR") else value:
            if kind.full_name == "in_toto_attestation.v1.ResourceDescriptor":
                yield item
            else:
                yield from descriptors(item)


def envelope(path, keys):
    from google.protobuf import json_format
    from in_toto_attestation.v1 import statement_pb2
    from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
    from in_toto_attestation.v1.statement import Statement
    from packageurl import PackageURL
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError

    with open(path, "rb") as file:
        signed = Envelope.from_dict(json.load(file))
    try:
        signed.verify([public_key(key) for key in keys], len(keys))
    except VerificationError as error:
        fail(f"{path}: {error}")
    if signed.payload_type != "application/vnd.in-toto+json":
        fail(f"{path}: payload type {signed.payload_type}")
    statement = json.loads(signed.payload)
    parsed = Statement.copy_from_pb(json_format.Parse(signed.payload, statement_pb2.Statement()))
    parsed.validate()
    # Strictly, but for the key that in-toto's parsing rules let us add.
    predicate = {key: value for key, value in statement["predicate"].items() if key != "sojourn"}
    message = json_format.ParseDict(predicate, predicate_class(parsed.pb.predicate_type)())
    found = list(descriptors(message))
    for descriptor in found:
        ResourceDescriptor.copy_from_pb(descriptor).validate()
        if descriptor.uri and PackageURL.from_string(descriptor.uri).to_string() != descriptor.uri:
            fail(f"{path}: {descriptor.uri} is no canonical package URL")
    return {
        "predicateType": parsed.pb.predicate_type, "subjects": [dict(s.digest) for s in parsed.pb.subject],
        "descriptors": len(found), "predicate": json_format.MessageToDict(message),
    }


def licences():
    from spdx_tools.common.spdx_licensing import spdx_licensing

    for line in sys.stdin:
        print("no" if spdx_licensing.validate(line.rstrip("\n")).errors else "yes")


def main(arguments):
    match arguments:
        case ["spdx", *paths] if paths:
            for path in paths:
                print(json.dumps(spdx(path)))
        case ["envelope", path, *keys] if keys:
            print(json.dumps(envelope(path, keys)))
        case ["licences"]:
            licences()
        case _:
            print(__doc__, file=sys.stderr)
            sys.exit(2)


if __name__ == "__main__":
    main(sys.argv[1:])
