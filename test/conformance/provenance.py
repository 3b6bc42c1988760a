# Provenance as other people's tools read it: in-toto attestations, W3C PROV, Workflow Run RO-Crate, sha256sum, cloud-volume.
#
#   pip install "securesystemslib[crypto]" in-toto-attestation prov rocrate roc-validator
#   python provenance.py EXPORT PUBLIC_KEY BUCKET [PROVENANCE_FILE]
#
# EXPORT holds what `hillock lineage export` wrote in all four formats; PUBLIC_KEY is the PEM of the key that signed.
import hashlib
import json
import subprocess
import sys
from pathlib import Path

export, key_file, bucket = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])


def attestations():
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from google.protobuf import json_format
    from in_toto_attestation.predicates.provenance.v1 import provenance as slsa
    from in_toto_attestation.v1 import statement as intoto
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
        parsed = json_format.ParseDict(body, intoto.spb.Statement())
        intoto.Statement.copy_from_pb(parsed).validate()
        predicate = json_format.ParseDict(body["predicate"], slsa.provpb.Provenance())
        slsa.Provenance.copy_from_pb(predicate).validate()
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
    from rocrate_validator import models, services

    parsed = ROCrate(export)
    actions = [e for e in parsed.get_entities() if "CreateAction" in e.type]
    assert parsed.mainEntity is not None and actions
    for action in actions:
        for ref in action.get("object", []) + action.get("result", []):
            assert not isinstance(ref, str), f"{action.id} names {ref}, which is not in the crate"
    for profile in ("ro-crate", "process-run-crate", "workflow-run-crate"):
        result = services.validate(
            services.ValidationSettings(
                rocrate_uri=str(export),
                profile_identifier=profile,
                requirement_severity=models.Severity.REQUIRED,
                offline=True,
            )
        )
        issues = [f"{i.check.identifier}: {i.message}" for i in result.get_issues()]
        assert not issues, (profile, issues[:10])
    print(f"rocrate: {len(actions)} actions, valid as Workflow Run RO-Crate")


def sums():
    subprocess.run(["sha256sum", "--quiet", "--strict", "-c", str((export / "SHA256SUMS").resolve())], cwd=bucket, check=True)
    print(f"sha256sum: {len((export / 'SHA256SUMS').read_text().splitlines())} objects")


def layer():
    file = json.loads(Path(sys.argv[4]).read_text())
    # The schema of cloud-volume's DataLayerProvenance, and what igneous checks of an entry.
    assert isinstance(file["description"], str)
    assert all(isinstance(o, str) for o in file["owners"] + file["sources"])
    for entry in file["processing"]:
        assert {"method", "by", "date"} <= entry.keys() and isinstance(entry["method"]["task"], str)
    print(f"provenance file: {len(file['processing'])} steps")


attestations()
prov()
sums()
if len(sys.argv) > 4:
    layer()
crate()
