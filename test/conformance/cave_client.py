"""caveclient and navis against a release that a server serves, held against its exported files."""

import datetime
import json
import sys

import numpy as np

from exported import Exported, rows, same

SIDES = {"pre_pt_position": "pre_", "post_pt_position": "post_", "ctr_pt_position": ""}


def _client(args, **more):
    from caveclient import CAVEclient

    return CAVEclient(args["dataset"], server_address=args["plain"], auth_token=args["token"], write_server_cache=False, **more)


def _points(frame, prefix, scale=(1, 1, 1)):
    return [tuple(p * np.array(scale)) for p in frame[[prefix + a for a in "xyz"]].values]


def info(args):
    c, r = _client(args), Exported(args)
    assert r.dataset in c.info.get_datastacks()
    assert c.info.viewer_resolution().tolist() == r.voxel_nm
    for source, layer in ((c.info.image_source(), "em"), (c.info.segmentation_source(), "segmentation")):
        from cloudvolume import CloudVolume

        ours, files = CloudVolume(source, progress=False, fill_missing=True, use_https=False), r.volume(layer)
        assert (np.asarray(ours[ours.bounds]) == np.asarray(files[files.bounds])).all(), source


def versions(args):
    c, r = _client(args), Exported(args)
    newest = int(c.materialize.most_recent_version())
    assert newest == max(c.materialize.get_versions())
    assert {m["version"] for m in c.materialize.get_versions_metadata()} == set(c.materialize.get_versions())
    assert c.materialize.get_version_metadata(newest)["expires_on"].year > 2100
    assert sorted(c.materialize.get_tables()) == ["edges", "segments", "synapses"]
    for name, table in (("synapses", r.synapses), ("segments", r.segments), ("edges", r.edges)):
        assert c.materialize.get_annotation_count(name) == len(table), name
    assert c.materialize.get_table_metadata("synapses")["voxel_resolution"] == r.voxel_nm
    assert _client(args, version=newest).materialize.version == newest


def synapse_query(args):
    c, r = _client(args), Exported(args)
    pre, post = r.strongest
    df = c.materialize.synapse_query(pre_ids=pre)
    mine = r.made_by(pre)
    columns = ["id", "pre_pt_root_id", "post_pt_root_id", "size", "score"]
    same(rows(df, columns), rows(mine, ["id", "pre_segment", "post_segment", "size", "score"]))
    for name, prefix in SIDES.items():
        same(df[name], _points(mine, prefix), name)
    assert df.attrs["dataframe_resolution"] == r.voxel_nm, df.attrs
    df = c.materialize.synapse_query(post_ids=[post], desired_resolution=[1, 1, 1])
    same(df["ctr_pt_position"], _points(r.onto(post), "", r.voxel_nm))
    low, high = r.synapses[["post_x", "post_y", "post_z"]].quantile([0.2, 0.8]).values.tolist()
    inside = r.synapses[np.all([r.synapses[f"post_{a}"].between(low[i], high[i]) for i, a in enumerate("xyz")], axis=0)]
    df = c.materialize.synapse_query(bounding_box=[low, high])
    assert sorted(df["id"]) == sorted(inside["id"]) and 0 < len(df) < len(r.synapses), df


def query_table(args):
    c, r = _client(args), Exported(args)
    s = r.synapses
    size = int(s["size"].median())
    ids = sorted(s["id"])

    def ask(expected, **filters):
        assert sorted(c.materialize.query_table("synapses", **filters)["id"]) == sorted(expected), filters

    ask(ids)
    ask(ids[:2], filter_in_dict={"id": ids[:2]})
    ask(ids[2:], filter_out_dict={"id": ids[:2]})
    ask(ids[:1], filter_equal_dict={"id": ids[0]})
    ask(s[s["size"] > size]["id"], filter_greater_dict={"size": size})
    ask(s[s["size"] < size]["id"], filter_less_dict={"size": size})
    ask(s[s["size"] >= size]["id"], filter_greater_equal_dict={"size": size})
    ask(s[s["size"] <= size]["id"], filter_less_equal_dict={"size": size})
    middle = s[["x", "y", "z"]].median().tolist()
    inside = s[(s["x"] <= middle[0]) & (s["y"] <= middle[1]) & (s["z"] <= middle[2])]
    ask(inside["id"], filter_spatial_dict={"ctr_pt_position": [[0, 0, 0], middle]})
    ask(s[s["size"].astype(int).astype(str).str.match("^[1-4]")]["id"], filter_regex_dict={"size": "^[1-4]"})
    pre, _ = r.strongest
    ask(
        s[(s["pre_segment"] == pre) & (s["size"] > size)]["id"],
        filter_equal_dict={"pre_pt_root_id": pre},
        filter_greater_dict={"size": size},
    )
    ask([], filter_in_dict={"id": [max(ids) + 1]})
    df = c.materialize.query_table("synapses", select_columns=["id", "pre_pt_position"], limit=2, offset=1, split_positions=True)
    assert df.columns.tolist() == ["id", "pre_pt_position_x", "pre_pt_position_y", "pre_pt_position_z"], df
    assert df["id"].tolist() == ids[1:3], df
    segments = c.materialize.query_table("segments")
    same(rows(segments, ["pt_root_id", "voxels", "n_pre", "n_post"]), rows(r.segments, ["segment", "voxels", "n_pre", "n_post"]))
    edges = c.materialize.query_table("edges")
    columns = ["count", "score", "size"]
    same(rows(edges, ["pre_pt_root_id", "post_pt_root_id", *columns]), rows(r.edges, ["pre", "post", *columns]))


def join_query(args):
    c, r = _client(args), Exported(args)
    pre, _ = r.strongest
    df = c.materialize.join_query(
        [["synapses", "post_pt_root_id"], ["segments", "pt_root_id"]],
        filter_equal_dict={"synapses": {"pre_pt_root_id": pre}},
        select_columns={"synapses": ["id", "post_pt_root_id"], "segments": ["id", "voxels"]},
        suffixes={"synapses": "", "segments": "_segment"},
    )
    joined = r.made_by(pre).merge(r.segments, left_on="post_segment", right_on="segment")
    columns = ["id", "post_pt_root_id", "id_segment", "voxels"]
    same(rows(df, columns), rows(joined, ["id", "post_segment", "segment", "voxels"]))


def version_two(args):
    from caveclient.materializationengine import MaterializationClient

    c, r = _client(args), Exported(args)
    m = MaterializationClient(args["plain"], datastack_name=args["dataset"], auth_client=c.auth, api_version=2, synapse_table="synapses")
    assert m.get_versions() == c.materialize.get_versions()
    assert m.query_table("synapses", limit=3, metadata=False)["id"].tolist() == sorted(r.synapses["id"])[:3]


def chunkedgraph(args):
    """The segments of a version are disjoint sets of supervoxels, each called after its smallest."""
    c, r = _client(args), Exported(args)
    graph = c.chunkedgraph
    now = r.segments["segment"].tolist()
    leaves = graph.get_leaves_many(now)
    supervoxels = sorted(int(leaf) for own in leaves.values() for leaf in own)
    assert sorted(leaves) == sorted(now) and len(set(supervoxels)) == len(supervoxels)
    newest = max(c.materialize.get_versions())
    for version in c.materialize.get_versions():
        at = c.materialize.get_timestamp(version)
        segments = c.materialize.query_table("segments", materialization_version=version)["pt_root_id"].tolist()
        assert graph.is_latest_roots(segments, timestamp=at).all()
        assert graph.is_latest_roots(segments).tolist() == np.isin(segments, now).tolist()
        roots = graph.get_roots(supervoxels, timestamp=at).tolist()
        assert set(roots) == set(segments)
        for root in set(roots):
            own = [s for s, of in zip(supervoxels, roots) if of == root]
            assert root == min(own) and (version != newest or own == leaves[root].tolist())
        print(f"version {version}: {len(segments)} segments of {len(supervoxels)} supervoxels")
    assert graph.get_roots(supervoxels).tolist() == roots
    for root in now[:5]:
        own = leaves[root].tolist()
        assert graph.get_root_id(own[-1]) == root == graph.suggest_latest_roots(root, stop_layer=1)
        assert graph.get_leaves(root).tolist() == own
        box = np.array([r.bounds["min"], r.bounds["max"]]).T
        assert graph.get_leaves(root, bounds=box).tolist() == own
        assert set(graph.get_leaves(root, bounds=box // 2).tolist()) <= set(own)
    assert graph.get_roots([0]).tolist() == [0]
    assert graph.base_resolution == r.voxel_nm
    assert graph.is_latest_roots([max(supervoxels) + 1]).tolist() == [False]
    assert graph.get_oldest_timestamp() <= c.materialize.get_timestamp(1)
    _refused(
        ("published", lambda: graph.get_roots([min(now)], timestamp=datetime.datetime(2001, 1, 1))),
        ("no supervoxel", lambda: graph.get_roots([max(supervoxels) + 1])),
        ("no segment", lambda: graph.get_leaves(max(supervoxels) + 1)),
        ("no more than", lambda: graph.get_merge_log(min(now))),
        ("no more than", lambda: graph.do_merge([1, 2], [[0, 0, 0], [1, 1, 1]])),
    )


def _refused(*questions):
    from requests import HTTPError

    for said, ask in questions:
        try:
            ask()
        except HTTPError as e:
            assert 400 <= e.response.status_code < 500 and (said in str(e) or said in e.response.text), e
        else:
            raise AssertionError(said)


def wrong_questions(args):
    query = _client(args).materialize.query_table
    _refused(
        ("no column", lambda: query("synapses", filter_equal_dict={"colour": 1})),
        ("no table", lambda: query("nuclei")),
        ("no version", lambda: query("synapses", materialization_version=777)),
    )


def navis_neurons(args):
    import navis
    from navis.interfaces import cave_utils

    navis.config.pbar_hide = True
    c, r = _client(args), Exported(args)
    body, _ = r.strongest
    version = int(c.materialize.most_recent_version())
    n = cave_utils.fetch_neurons(body, lod=0, with_synapses=True, client=c, parallel=False, max_threads=1, materialization=version)[0]
    mesh = r.volume("segmentation").mesh.get(body, lod=0)[body]
    assert n.n_faces == len(mesh.faces) > 100, (n, mesh)
    expected = _points(r.made_by(body), "pre_", r.voxel_nm) + _points(r.onto(body), "post_", r.voxel_nm)
    same(n.connectors[["x", "y", "z"]].values, expected)


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
    r = Exported(args)
    text = (Path(__file__).parents[2] / "docs" / "analysis.md").read_text()
    names = {}
    exec(re.search(r"```python\n(.*?)```", text, re.DOTALL)[1], names)
    strong = r.synapses[r.synapses["score"] >= 0.05].groupby(["pre_segment", "post_segment"]).size()
    pre, post = names["strongest"]
    assert strong[(pre, post)] == strong.max() > 0, names["strongest"]
    assert len(names["inputs"]) == len(r.onto(post))
    assert names["path"]["bodyId"].tolist() == [pre, post], names["path"]
    same(rows(names["connections"], ["bodyId_post", "weight"]), rows(r.edges[r.edges["pre"] == pre], ["post", "count"]))
    assert len(names["skeleton"]) == len(r.volume("segmentation").skeleton.get(pre).vertices)


globals()[sys.argv[1]](json.loads(sys.argv[2]))
