"""schemathesis asks the query API what its OpenAPI document allows, and what it does not: no answer that the document lacks, no 5xx."""

import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
]
OPERATIONS = 19


def _passes(args):
    """Parameters that stay as they are: with names that lead somewhere the rest of a request is looked at."""
    url = f"{args['plain']}/api/v1/datasets/{args['dataset']}/releases/published/synapses?limit=1"
    with urllib.request.urlopen(url) as answer:
        found = json.load(answer)
    release = found["release"].split("/")[1]
    here = {"path.dataset": args["dataset"], "path.other": release, "path.layer": "segmentation"}
    named = {**here, "path.release": release, "path.segment": found["rows"][0]["pre_segment"]}
    return [named, {**here, "path.release": "published", "query.limit": "2"}, {}]


def document(args):
    wanted = int(os.environ.get("HILLOCK_REQUESTS", 1000))
    passes = _passes(args)
    asked = 0
    seed = 1
    while asked < wanted:
        parameters = passes[(seed - 1) % 3]
        examples = max(5, min(200, (wanted - asked) // OPERATIONS // 2))
        with tempfile.TemporaryDirectory() as folder:
            config = os.path.join(folder, "schemathesis.toml")
            with open(config, "w") as f:
                # What is larger than a body may be is refused as that.
                f.write('[checks.negative_data_rejection]\nexpected-statuses = ["4xx"]\n')
                f.write("[parameters]\n" + "".join(f"{json.dumps(k)} = {json.dumps(v)}\n" for k, v in parameters.items()))
            run = subprocess.run(
                [os.path.join(os.path.dirname(sys.executable), "schemathesis"), "--config-file", config]
                + ["run", args["plain"] + "/openapi.json", "--checks", ",".join(CHECKS), "--seed", str(seed)]
                + ["--phases", "examples,coverage,fuzzing" if seed <= 3 else "fuzzing", "--max-examples", str(examples)]
                + ["--continue-on-failure", "--suppress-health-check", "all", "--request-timeout", "60", "--no-color"],
                cwd=folder,
                capture_output=True,
                text=True,
            )
        assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-1000:]
        asked += int(re.search(r"(\d+) generated", run.stdout)[1])
        seed += 1
    print(f"{asked} requests")


if __name__ == "__main__":
    globals()[sys.argv[1]](json.loads(sys.argv[2]))
