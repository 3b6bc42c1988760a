"""caveclient and navis against a release that the server serves (clients.ts writes what they should see)."""

import json
import sys

import numpy as np


def _client(args, **more):
    from caveclient import CAVEclient

    return CAVEclient(args["dataset"], server_address=args["plain"], auth_token=args["token"], write_server_cache=False, **more)


def _of(args, side, body):
    return [s for s in args["synapses"] if s[side] == str(body)]


def info(args):
    c = _client(args)
    assert args["dataset"] in c.info.get_datastacks()
    assert c.info.segmentation_source() == args["layer"], c.info.segmentation_source()
    assert c.info.viewer_resolution().tolist() == args["voxelSize"]
    assert c.info.image_source().endswith("/em")


def versions(args):
    c = _client(args)
    assert c.materialize.get_versions() == [1], c.materialize.get_versions()
    assert c.materialize.most_recent_version() == 1
    assert c.materialize.get_versions_metadata()[0]["expires_on"].year > 2100
    assert c.materialize.get_version_metadata(1)["version"] == 1
    assert sorted(c.materialize.get_tables()) == ["edges", "segments", "synapses"]
    assert c.materialize.get_annotation_count("synapses") == len(args["synapses"])
    assert c.materialize.get_table_metadata("synapses")["voxel_resolution"] == args["voxelSize"]
    assert _client(args, version=1).materialize.version == 1
    assert len(c.materialize.get_tables_metadata()) == 3 if hasattr(c.materialize, "get_tables_metadata") else True


def synapse_query(args):
    c = _client(args)
    body = int(args["synapses"][0]["pre"])
    df = c.materialize.synapse_query(pre_ids=body)
    expected = _of(args, "pre", body)
    assert sorted(df["id"]) == sorted(int(s["id"]) for s in expected), df
    assert sorted(map(list, df["pre_pt_position"])) == sorted(s["prePoint"] for s in expected), df
    assert df.attrs["dataframe_resolution"] == args["voxelSize"], df.attrs
    df = c.materialize.synapse_query(post_ids=[int(args["synapses"][0]["post"])], desired_resolution=[1, 1, 1])
    expected = _of(args, "post", args["synapses"][0]["post"])
    assert sorted(df["ctr_pt_position"].apply(lambda p: p[0])) == sorted(s["point"][0] * args["voxelSize"][0] for s in expected), df
    box = [[s - 1 for s in args["synapses"][1]["postPoint"]], [s + 1 for s in args["synapses"][1]["postPoint"]]]
    df = c.materialize.synapse_query(bounding_box=box)
    assert df["id"].tolist() == [int(args["synapses"][1]["id"])], df


def query_table(args):
    c = _client(args)
    q = lambda **k: c.materialize.query_table("synapses", **k)  # noqa: E731
    ids = [int(s["id"]) for s in args["synapses"]]
    assert sorted(q()["id"]) == sorted(ids)
    assert sorted(q(filter_in_dict={"id": ids[:2]})["id"]) == sorted(ids[:2])
    assert sorted(q(filter_out_dict={"id": ids[:2]})["id"]) == sorted(ids[2:])
    assert q(filter_equal_dict={"id": ids[0]})["id"].tolist() == ids[:1]
    assert len(q(filter_greater_dict={"size": 300})) == 2
    assert len(q(filter_less_dict={"size": 300})) == 2
    assert len(q(filter_greater_equal_dict={"size": 300})) == 3
    assert len(q(filter_less_equal_dict={"size": 300})) == 3
    assert len(q(filter_spatial_dict={"ctr_pt_position": [[0, 0, 0], [50, 100, 100]]})) == 2
    assert len(q(filter_regex_dict={"size": "^[12]00(.0)?$"})) == 2
    df = q(select_columns=["id", "pre_pt_position"], limit=2, offset=1, split_positions=True)
    assert df.columns.tolist() == ["id", "pre_pt_position_x", "pre_pt_position_y", "pre_pt_position_z"], df
    assert df["id"].tolist() == sorted(ids)[1:3], df
    segments = c.materialize.query_table("segments", filter_in_dict={"pt_root_id": [int(i) for i in args["ids"][:2]]})
    assert dict(zip(segments["pt_root_id"], segments["voxels"])) == dict(zip(map(int, args["ids"][:2]), args["voxels"])), segments
    edges = c.materialize.query_table("edges")
    assert sorted(edges[["pre_pt_root_id", "post_pt_root_id", "count"]].values.tolist()) == sorted([int(a), int(b), n] for a, b, n in args["edges"])


def join_query(args):
    c = _client(args)
    df = c.materialize.join_query(
        [["synapses", "post_pt_root_id"], ["segments", "pt_root_id"]],
        filter_equal_dict={"synapses": {"pre_pt_root_id": int(args["synapses"][0]["pre"])}},
        select_columns={"synapses": ["id", "post_pt_root_id"], "segments": ["id", "voxels"]},
        suffixes={"synapses": "", "segments": "_segment"},
    )
    sizes = dict(zip(map(int, args["ids"]), args["voxels"]))
    expected = _of(args, "pre", args["synapses"][0]["pre"])
    assert sorted(df["id"]) == sorted(int(s["id"]) for s in expected), df
    assert all(sizes[r] == v and r == i for r, v, i in df[["post_pt_root_id", "voxels", "id_segment"]].values.tolist()), df


def version_two(args):
    from caveclient.materializationengine import MaterializationClient

    c = _client(args)
    m = MaterializationClient(args["plain"], datastack_name=args["dataset"], auth_client=c.auth, api_version=2, synapse_table="synapses")
    assert m.get_versions() == [1]
    assert len(m.query_table("synapses", limit=3, metadata=False)) == 3


def wrong_questions(args):
    from requests import HTTPError

    c = _client(args)
    for said, ask in (
        ("no column", lambda: c.materialize.query_table("synapses", filter_equal_dict={"colour": 1})),
        ("no table", lambda: c.materialize.query_table("nuclei")),
        ("no version", lambda: c.materialize.query_table("synapses", materialization_version=7)),
    ):
        try:
            ask()
        except HTTPError as e:
            assert said in str(e) or said in e.response.text, e
        else:
            raise AssertionError(said)


def navis_neurons(args):
    import navis
    from navis.interfaces import cave_utils

    navis.config.pbar_hide = True
    c = _client(args)
    body = int(args["synapses"][0]["pre"])
    n = cave_utils.fetch_neurons(body, lod=0, with_synapses=True, client=c, parallel=False, max_threads=1, materialization=1)[0]
    assert n.n_faces > 100, n
    expected = [s for s in args["synapses"] if str(body) in (s["pre"], s["post"])]
    assert len(n.connectors) == len(expected), n.connectors
    nm = np.array(args["voxelSize"])
    assert sorted(map(tuple, n.connectors[["x", "y", "z"]].values.tolist())) == sorted(tuple((np.array(s["prePoint"]) * nm).tolist()) for s in expected)


def analysis(args):
    """The example of docs/analysis.md as it stands there."""
    import os
    import re
    from pathlib import Path

    os.environ |= {
        "HILLOCK_SERVER": args["server"],
        "HILLOCK_TOKEN": args["token"],
        "HILLOCK_DATASET": args["dataset"],
        "REQUESTS_CA_BUNDLE": args["certificate"],
    }
    text = (Path(__file__).parents[2] / "docs" / "analysis.md").read_text()
    names = {}
    exec(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], names)
    top = max(args["edges"], key=lambda e: e[2])
    assert names["strongest"] == (int(top[0]), int(top[1])), names["strongest"]
    assert names["path"]["bodyId"].tolist() == [int(top[0]), int(top[1])], names["path"]
    assert len(names["skeleton"]) == args["nodes"]


globals()[sys.argv[1]](json.loads(sys.argv[2]))
