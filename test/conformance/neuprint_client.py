"""neuprint-python and navis against a release that a server serves, held against its exported files."""

import json
import sys

import networkx as nx
import numpy as np

from exported import Exported, rows, same


def _client(args):
    import neuprint
    from urllib3 import disable_warnings

    disable_warnings()
    return neuprint.Client(args["server"], args["dataset"], token=args["token"], verify=False, progress=False)


def _largest(r, count=3):
    """Ids of the largest segments that have synapses."""
    connected = r.segments[r.segments["segment"].isin(r.graph.nodes)]
    return [int(i) for i in connected.sort_values("voxels", ascending=False)["segment"][:count]]


def datasets(args):
    c, r = _client(args), Exported(args)
    assert set(c.fetch_datasets()) >= {r.dataset, f"{r.dataset}:{r.release}"}, c.fetch_datasets()
    assert c.meta["voxelSize"] == r.voxel_nm, c.meta
    assert c.all_rois == [] and c.primary_rois == []


def fetch_neurons(args):
    from neuprint import NeuronCriteria as NC, fetch_neurons, fetch_custom

    c, r = _client(args), Exported(args)
    columns = ["voxels", "n_pre", "n_post"]
    neurons, rois = fetch_neurons(None, client=c)
    same(rows(neurons, ["bodyId", "size", "pre", "post"]), rows(r.segments, ["segment", *columns]))
    few = _largest(r)
    for criteria in (few, NC(bodyId=few, min_post=0, status="Traced", cropped=False, client=c)):
        some, _ = fetch_neurons(criteria, client=c)
        assert sorted(some["bodyId"]) == sorted(few), some
    least = int(r.segments["n_post"].max())
    some, _ = fetch_neurons(NC(min_post=least, client=c), client=c)
    assert sorted(some["bodyId"]) == sorted(r.segments[r.segments["n_post"] >= least]["segment"]), some
    none, _ = fetch_neurons(NC(type="MBON.*", client=c), client=c)
    assert len(none) == 0, none
    named = fetch_custom(f"MATCH (n:Neuron) WHERE n.bodyId = {few[0]} RETURN n.bodyId, n.type", client=c)
    assert named.values.tolist() == [[few[0], None]], named


def arrow(args):
    """What is sent as Arrow is what is sent as JSON; maps are not, which is said."""
    from requests import HTTPError

    c, r = _client(args), Exported(args)
    assert c.arrow_endpoint()
    query = "MATCH (n:Neuron) WHERE n.pre >= 0 RETURN n.bodyId AS body, n.size, n.type, n.status ORDER BY body LIMIT 100"
    plain, sent = c.fetch_custom(query), c.fetch_custom(query, use_arrow=True)
    assert sent.columns.tolist() == plain.columns.tolist() and len(sent) == min(100, len(r.segments))
    assert [tuple(v) for v in sent[["body", "n.size", "n.status"]].values] == [tuple(v) for v in plain[["body", "n.size", "n.status"]].values]
    assert sent["n.type"].isna().all(), sent
    same(rows(c.fetch_custom("MATCH (n:Neuron)-[e:ConnectsTo]->(m:Neuron) RETURN n.bodyId, m.bodyId, e.weight", use_arrow=None), ["n.bodyId", "m.bodyId", "e.weight"]), rows(r.edges, ["pre", "post", "count"]))
    try:
        c.fetch_custom("MATCH (n:Neuron) RETURN n", use_arrow=True)
    except HTTPError as e:
        assert e.response.status_code == 400 and "use_arrow" in str(e), e
    else:
        raise AssertionError("maps")


def fetch_adjacencies(args):
    from neuprint import fetch_adjacencies

    c, r = _client(args), Exported(args)
    pre, post = r.strongest
    names, own = ["bodyId_pre", "bodyId_post", "weight"], ["pre", "post", "count"]
    neurons, conn = fetch_adjacencies(None, None, client=c)
    same(rows(conn, names), rows(r.edges, own))
    assert set(neurons["bodyId"]) == set(r.graph.nodes)
    _, some = fetch_adjacencies(pre, None, client=c)
    same(rows(some, names), rows(r.edges[r.edges["pre"] == pre], own))
    _, some = fetch_adjacencies(None, post, min_total_weight=2, omit_rois=True, client=c)
    same(rows(some, names), rows(r.edges[(r.edges["post"] == post) & (r.edges["count"] >= 2)], own))
    few = _largest(r, 20)
    _, some = fetch_adjacencies(few, few, client=c)
    same(rows(some, names), rows(r.edges[r.edges["pre"].isin(few) & r.edges["post"].isin(few)], own))


def fetch_simple_connections(args):
    from neuprint import fetch_common_connectivity, fetch_simple_connections

    c, r = _client(args), Exported(args)
    pre, post = r.strongest
    names, own = ["bodyId_pre", "bodyId_post", "weight"], ["pre", "post", "count"]
    df = fetch_simple_connections(pre, None, client=c)
    same(rows(df, names), rows(r.edges[r.edges["pre"] == pre], own))
    df = fetch_simple_connections(None, post, min_weight=2, properties=["type", "size"], client=c)
    same(rows(df, names), rows(r.edges[(r.edges["post"] == post) & (r.edges["count"] >= 2)], own))
    sizes = dict(rows(r.segments, ["segment", "voxels"]))
    assert all(sizes[b] == s for b, s in rows(df, ["bodyId_pre", "size_pre"])), df
    common = fetch_common_connectivity([post], "upstream", client=c)
    same(rows(common, ["bodyId_pre", "weight"]), rows(r.edges[r.edges["post"] == post], ["pre", "count"]))


def _voxels(frame, prefix):
    return [tuple(int(v) for v in p) for p in np.floor(frame[[prefix + a for a in "xyz"]].values)]


def fetch_synapses(args):
    from neuprint import SynapseCriteria as SC, fetch_mean_synapses, fetch_synapses

    c, r = _client(args), Exported(args)
    body, _ = r.strongest
    outs, ins = r.made_by(body), r.onto(body)
    df = fetch_synapses(body, client=c)
    for side, own in (("pre", outs), ("post", ins)):
        here = df[df["type"] == side]
        same(rows(here, ["x", "y", "z"]), _voxels(own, f"{side}_"), side)
        same(rows(here, ["confidence"]), rows(own, ["score"]), side)
    least = float(outs["score"].median())
    df = fetch_synapses(body, SC(type="pre", confidence=least, client=c), client=c)
    assert len(df) == (outs["score"] > least).sum() or len(df) == (outs["score"] >= least).sum(), df
    df = fetch_mean_synapses(body, by_roi=False, client=c)
    assert df[df["type"] == "pre"]["count"].tolist() == [len(outs)], df


def fetch_synapse_connections(args):
    from neuprint import fetch_synapse_connections

    c, r = _client(args), Exported(args)
    pre, post = r.strongest
    columns = ["bodyId_pre", "bodyId_post", "x_pre", "y_pre", "z_pre", "x_post", "y_post", "z_post", "confidence_pre"]
    for got, own in (
        (fetch_synapse_connections(pre, None, client=c), r.made_by(pre)),
        (fetch_synapse_connections(None, post, min_total_weight=1, client=c), r.onto(post)),
    ):
        ends = zip(own["pre_segment"], own["post_segment"], _voxels(own, "pre_"), _voxels(own, "post_"), own["score"])
        same(rows(got, columns), [(int(a), int(b), *p, *q, float(s)) for a, b, p, q, s in ends])


def fetch_shortest_paths(args):
    from neuprint import fetch_paths, fetch_shortest_paths

    c, r = _client(args), Exported(args)
    pre, post = r.strongest
    # The farthest that it reaches, and the strongest connection itself.
    hops = nx.single_source_shortest_path_length(r.graph, pre)
    for end in {max(hops, key=lambda n: (hops[n], n)), post}:
        df = fetch_shortest_paths(pre, end, client=c)
        same(df.groupby("path")["bodyId"].apply(tuple), nx.all_shortest_paths(r.graph, pre, end))
        for _, path in df.groupby("path"):
            bodies, weights = path["bodyId"].tolist(), path["weight"].tolist()
            assert weights == [0] + [r.graph[a][b]["weight"] for a, b in zip(bodies, bodies[1:])], path
    df = fetch_paths(pre, post, path_length=1, client=c)
    assert df["bodyId"].tolist() == [pre, post], df
    df = fetch_paths(pre, post, max_path_length=2, client=c)
    between = sorted(set(r.graph.successors(pre)) & set(r.graph.predecessors(post)) - {pre, post})
    same(df.groupby("path")["bodyId"].apply(tuple), [(pre, post), *((pre, n, post) for n in between)])


def fetch_skeleton(args):
    c, r = _client(args), Exported(args)
    body, _ = r.strongest
    df = c.fetch_skeleton(body)
    skeleton = r.volume("segmentation").skeleton.get(body)
    same(rows(df, ["x", "y", "z"]), [tuple(float(v) for v in p) for p in skeleton.vertices / np.array(r.voxel_nm)])
    assert len(df) - (df["link"] == -1).sum() == len(skeleton.edges), df


def unknown_queries(args):
    from requests import HTTPError

    c = _client(args)
    for q in ("MATCH (n:Neuron) DETACH DELETE n", "MATCH (a)-[*]->(b) RETURN a", "CREATE (n:Neuron)"):
        try:
            c.fetch_custom(q)
        except HTTPError as e:
            assert e.response.status_code == 400 and "not understood" in str(e), e
        else:
            raise AssertionError(q)


def navis_skeletons(args):
    import navis
    import navis.interfaces.neuprint as neu

    navis.config.pbar_hide = True
    c, r = _client(args), Exported(args)
    body, _ = r.strongest
    n = neu.fetch_skeletons(body, with_synapses=True, client=c)[0]
    skeleton = r.volume("segmentation").skeleton.get(body)
    assert n.n_nodes == len(skeleton.vertices), n
    # The length that it has in nanometres, by the arithmetic of navis.
    ends = skeleton.vertices[skeleton.edges]
    assert np.isclose(n.cable_length * n.units.to("nm").magnitude, np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1).sum(), rtol=1e-3), (n.units, n)
    expected = _voxels(r.made_by(body), "pre_") + _voxels(r.onto(body), "post_")
    same(rows(n.connectors, ["x", "y", "z"]), expected)


def navis_meshes(args):
    import navis
    import navis.interfaces.neuprint as neu

    navis.config.pbar_hide = True
    c, r = _client(args), Exported(args)
    body, _ = r.strongest
    source = f'precomputed://{args["plain"]}/r/{r.dataset}/{r.release}/segmentation'
    n = neu.fetch_mesh_neuron(body, seg_source=source, lod=0, with_synapses=True, client=c)[0]
    mesh = r.volume("segmentation").mesh.get(body, lod=0)[body]
    assert n.n_faces == len(mesh.faces) > 100, n
    # navis makes voxels of its nanometres, and one vertex of those that are equal.
    for end in (np.min, np.max):
        assert np.allclose(end(n.vertices, axis=0), end(mesh.vertices, axis=0) / np.array(r.voxel_nm), atol=1e-3)
    same(rows(n.connectors, ["x", "y", "z"]), _voxels(r.made_by(body), "pre_") + _voxels(r.onto(body), "post_"))


globals()[sys.argv[1]](json.loads(sys.argv[2]))
