"""Provenance as other people's tools read it: in-toto attestations, W3C PROV, Workflow Run RO-Crate, sha256sum, cloud-volume.

Usage: provenance.py PART {"folder": ...}, of what release.ts wrote there: the lineage in all formats, the PEM of the key that signed,
the bucket, and the release as it was exported. The validator of RO-Crates fetches their context from w3id.org.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

part, folder = sys.argv[1], Path(json.loads(sys.argv[2])["folder"])
export, key_file, bucket, release = (folder / name for name in ("lineage", "key.pem", "bucket", "release"))


def attestations():
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from google.protobuf import json_format
    from in_toto_attestation.predicates.provenance.v1 import provenance_pb2 as slsa
    from in_toto_attestation.v1 import statement as intoto
    from in_toto_attestation.v1.resource_descriptor import ResourceDescriptor
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError
    from securesystemslib.signer import SSlibKey

    key = SSlibKey.from_crypto(load_pem_public_key(key_file.read_bytes()))
    lines = (export / "provenance.intoto.jsonl").read_text().splitlines()
    outputs = 0
    for line in lines:
        data = json.loads(line)
        # Names of keys are hints in DSSE: the signature is checked with the key that we hold.
        key.keyid = data["signatures"][0]["keyid"]
        envelope = Envelope.from_dict(data)
        envelope.verify([key], 1)
        body = json.loads(envelope.payload)
        # Refuses what the schema does not know.
        parsed = json_format.ParseDict(body, intoto.spb.Statement())
        intoto.Statement.copy_from_pb(parsed).validate()
        predicate = json_format.ParseDict(body["predicate"], slsa.Provenance())
        for dependency in predicate.build_definition.resolved_dependencies:
            ResourceDescriptor.copy_from_pb(dependency).validate()
        assert predicate.build_definition.build_type and predicate.run_details.builder.id
        for subject in body["subject"]:
            actual = hashlib.sha256((bucket / subject["name"]).read_bytes()).hexdigest()
            assert actual == subject["digest"]["sha256"], subject["name"]
            outputs += 1
    changed = json.loads(lines[0])
    changed["payload"] = json.loads(lines[1])["payload"]
    try:
        Envelope.from_dict(changed).verify([key], 1)
        raise SystemExit("a payload under another signature was accepted")
    except VerificationError:
        pass
    print(f"in-toto: {len(lines)} statements verified, {outputs} subjects are in the bucket")


def prov():
    from prov.model import ProvActivity, ProvDocument, ProvEntity, ProvUsage

    document = ProvDocument.deserialize(source=str(export / "provenance.prov.json"), format="json")
    counts = [len(list(document.get_records(k))) for k in (ProvEntity, ProvActivity, ProvUsage)]
    assert all(counts), counts
    entities = {str(e.identifier) for e in document.get_records(ProvEntity)}
    for usage in document.get_records(ProvUsage):
        used = {str(v) for k, v in usage.attributes if k.localpart == "entity"}
        assert used <= entities, used - entities
    again = ProvDocument.deserialize(content=document.serialize(format="json"), format="json")
    assert again == document
    print("prov: %d entities, %d activities, %d usages" % tuple(counts))


def crate():
    from rocrate.rocrate import ROCrate

    parsed = ROCrate(export)
    actions = [e for e in parsed.get_entities() if "CreateAction" in e.type]
    assert parsed.mainEntity is not None and actions
    for action in actions:
        for ref in action.get("object", []) + action.get("result", []):
            assert not isinstance(ref, str), f"{action.id} names {ref}, which is not in the crate"
    print(f"rocrate: {len(actions)} actions")


def valid_crate():
    from rocrate_validator import errors, models, services

    def issues(folder, profile):
        settings = services.ValidationSettings(
            rocrate_uri=str(folder), profile_identifier=profile, requirement_severity=models.Severity.REQUIRED
        )
        return [f"{i.check.identifier}: {i.message}" for i in services.validate(settings).get_issues()]

    profiles = ("ro-crate-1.1", "process-run-crate", "workflow-run-crate")
    try:
        issues(export, profiles[0])
    except errors.ValidationExecutionError as e:
        if "URLError" not in str(e):
            raise
        print("w3id.org, which has the context of RO-Crates, does not answer")
        sys.exit(77)
    for profile in profiles:
        found = issues(export, profile)
        assert not found, (profile, found[:10])
    # The validator looks: without its workflow the same crate is none.
    with tempfile.TemporaryDirectory() as broken:
        metadata = json.loads((export / "ro-crate-metadata.json").read_text())
        for entity in metadata["@graph"]:
            entity.pop("mainEntity", None)
        (Path(broken) / "ro-crate-metadata.json").write_text(json.dumps(metadata))
        assert issues(broken, "workflow-run-crate")
    print(f"roc-validator: valid as {', '.join(profiles)}")


def sums():
    for what, at, file in (("bucket", bucket, export / "SHA256SUMS"), ("export", release, release / "SHA256SUMS")):
        subprocess.run(["sha256sum", "--quiet", "--strict", "-c", str(file.resolve())], cwd=at, check=True)
        print(f"sha256sum: {len(file.read_text().splitlines())} objects of the {what}")


def layer():
    file = json.loads((release / "segmentation/provenance").read_text())
    # The schema of cloud-volume's DataLayerProvenance, and what igneous checks of an entry.
    assert isinstance(file["description"], str)
    assert all(isinstance(o, str) for o in file["owners"] + file["sources"])
    for entry in file["processing"]:
        assert {"method", "by", "date"} <= entry.keys() and isinstance(entry["method"]["task"], str)
    print(f"provenance file: {len(file['processing'])} steps")


globals()[part]()
