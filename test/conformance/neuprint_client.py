"""neuprint-python and navis against a release that the server serves (client.ts writes what they should see)."""

import json
import sys

import numpy as np


def _client(args):
    import neuprint
    from urllib3 import disable_warnings

    disable_warnings()
    return neuprint.Client(args["server"], args["dataset"], token=args["token"], verify=False, progress=False)


def _ids(args):
    return [int(i) for i in args["ids"]]


def datasets(args):
    c = _client(args)
    assert set(c.fetch_datasets()) >= {args["dataset"], f'{args["dataset"]}:{args["release"]}'}, c.fetch_datasets()
    assert c.meta["voxelSize"] == args["voxelSize"], c.meta
    assert c.all_rois == [] and c.primary_rois == []


def fetch_neurons(args):
    from neuprint import NeuronCriteria as NC, fetch_neurons, fetch_custom

    c = _client(args)
    neurons, rois = fetch_neurons(None, client=c)
    assert sorted(neurons["bodyId"]) == sorted(_ids(args)), neurons
    assert dict(zip(neurons["bodyId"], neurons["size"])) == dict(zip(_ids(args), args["voxels"])), neurons
    for criteria in (_ids(args)[:2], NC(bodyId=_ids(args)[:2], min_post=0, status="Traced", cropped=False, client=c)):
        some, _ = fetch_neurons(criteria, client=c)
        assert sorted(some["bodyId"]) == sorted(_ids(args)[:2]), some
    many, _ = fetch_neurons([*range(1, 50), *_ids(args)], client=c)
    assert len(many) == len(_ids(args)), many
    none, _ = fetch_neurons(NC(type="MBON.*", client=c), client=c)
    assert len(none) == 0, none
    named = fetch_custom(f"MATCH (n:Neuron) WHERE n.bodyId = {_ids(args)[0]} RETURN n.bodyId, n.type", client=c)
    assert named.values.tolist() == [[_ids(args)[0], None]], named


def fetch_adjacencies(args):
    from neuprint import fetch_adjacencies

    c = _client(args)
    edges = sorted([int(a), int(b), n] for a, b, n in args["edges"])
    neurons, conn = fetch_adjacencies(None, None, client=c)
    assert sorted(conn[["bodyId_pre", "bodyId_post", "weight"]].values.tolist()) == edges, conn
    pre = edges[0][0]
    _, some = fetch_adjacencies(pre, None, client=c)
    assert sorted(some[["bodyId_pre", "bodyId_post", "weight"]].values.tolist()) == [e for e in edges if e[0] == pre], some
    post = edges[0][1]
    _, some = fetch_adjacencies(None, post, min_total_weight=2, omit_rois=True, client=c)
    expected = [e for e in edges if e[1] == post and e[2] >= 2]
    assert sorted(some[["bodyId_pre", "bodyId_post", "weight"]].values.tolist()) == expected, some


def fetch_simple_connections(args):
    from neuprint import fetch_common_connectivity, fetch_simple_connections

    c = _client(args)
    edges = sorted([int(a), int(b), n] for a, b, n in args["edges"])
    pre = edges[0][0]
    df = fetch_simple_connections(pre, None, client=c)
    assert sorted(df[["bodyId_pre", "bodyId_post", "weight"]].values.tolist()) == [e for e in edges if e[0] == pre], df
    df = fetch_simple_connections(None, edges[0][1], min_weight=2, properties=["type", "size"], client=c)
    assert len(df) == len([e for e in edges if e[1] == edges[0][1] and e[2] >= 2]), df
    common = fetch_common_connectivity([edges[0][1]], "upstream", client=c)
    assert pre in common["bodyId_pre"].values, common


def fetch_synapses(args):
    from neuprint import SynapseCriteria as SC, fetch_mean_synapses, fetch_synapses

    c = _client(args)
    body = int(args["synapses"][0]["pre"])
    outs = [s for s in args["synapses"] if int(s["pre"]) == body]
    ins = [s for s in args["synapses"] if int(s["post"]) == body]
    df = fetch_synapses(body, client=c)
    assert len(df) == len(outs) + len(ins), df
    pre = df[df["type"] == "pre"]
    assert sorted(pre[["x", "y", "z"]].values.tolist()) == sorted(s["prePoint"] for s in outs), pre
    df = fetch_synapses(body, SC(type="pre", confidence=0.55, client=c), client=c)
    assert len(df) == len([s for s in outs if s["score"] > 0.55]), df
    df = fetch_mean_synapses(body, by_roi=False, client=c)
    assert df[df["type"] == "pre"]["count"].tolist() == [len(outs)], df


def fetch_synapse_connections(args):
    from neuprint import fetch_synapse_connections

    c = _client(args)
    body = int(args["synapses"][0]["pre"])
    outs = [s for s in args["synapses"] if int(s["pre"]) == body]
    df = fetch_synapse_connections(body, None, client=c)
    columns = ["bodyId_pre", "bodyId_post", "x_pre", "y_pre", "z_pre", "x_post", "y_post", "z_post"]
    expected = sorted([body, int(s["post"]), *s["prePoint"], *s["postPoint"]] for s in outs)
    assert sorted(df[columns].values.tolist()) == expected, df
    assert np.allclose(sorted(df["confidence_pre"]), sorted(s["score"] for s in outs), atol=1e-6)
    post = int(args["synapses"][0]["post"])
    df = fetch_synapse_connections(None, post, min_total_weight=1, client=c)
    assert len(df) == len([s for s in args["synapses"] if int(s["post"]) == post]), df


def fetch_shortest_paths(args):
    from neuprint import fetch_paths, fetch_shortest_paths

    c = _client(args)
    path = [int(i) for i in args["path"]]
    df = fetch_shortest_paths(path[0], path[-1], client=c)
    assert df["bodyId"].tolist() == path, df
    assert df["weight"].tolist() == [0, *args["pathWeights"]], df
    df = fetch_paths(path[0], path[-1], path_length=len(path) - 1, client=c)
    assert path in df.groupby("path")["bodyId"].apply(list).tolist(), df
    df = fetch_paths(path[0], path[-1], max_path_length=len(path), client=c)
    assert path in df.groupby("path")["bodyId"].apply(list).tolist(), df


def fetch_skeleton(args):
    c = _client(args)
    df = c.fetch_skeleton(_ids(args)[0])
    assert len(df) == args["nodes"], df
    assert np.allclose(df[["x", "y", "z"]].min().values, args["skeletonMin"], atol=0.01), df
    assert (df["link"] == -1).sum() == 1, df


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
    c = _client(args)
    body = int(args["synapses"][0]["pre"])
    n = neu.fetch_skeletons(body, with_synapses=True, client=c)[0]
    assert n.n_nodes == args["nodes"], n
    assert str(n.units.units) in ("nanometer", "nanometers", "nm"), n.units
    expected = [s for s in args["synapses"] if body in (int(s["pre"]), int(s["post"]))]
    assert len(n.connectors) == len(expected), n.connectors


def navis_meshes(args):
    import navis
    import navis.interfaces.neuprint as neu

    navis.config.pbar_hide = True
    c = _client(args)
    n = neu.fetch_mesh_neuron(_ids(args)[0], seg_source=args["layer"], lod=0, with_synapses=False, client=c)
    n = n[0] if hasattr(n, "__len__") else n
    assert n.n_faces > 100, n
    low, high = n.vertices.min(axis=0), n.vertices.max(axis=0)
    assert (low > args["meshMin"]).all() and (high < args["meshMax"]).all(), (low, high)


globals()[sys.argv[1]](json.loads(sys.argv[2]))
