"""Readers of files through the server: what they get is what the export holds, byte for byte, voxel for voxel, row for row."""

import hashlib
import io
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote

import numpy as np

from exported import Exported, rows, same

LAYERS = ("em", "segmentation")


def _at(args, r, path=""):
    return f'{args["plain"]}/r/{r.dataset}/{r.release}/{path}'


def _get(args, url, **headers):
    import requests

    answer = requests.get(url, headers={"authorization": f'Bearer {args["token"]}', **headers})
    answer.raise_for_status()
    return answer


def every_file(args):
    r = Exported(args)
    sums = [line.split("  ", 1) for line in (r.folder / "SHA256SUMS").read_text().splitlines()]
    files = [(digest, path) for digest, path in sums if path != "release.json"]

    def differs(file):
        return hashlib.sha256(_get(args, _at(args, r, file[1])).content).hexdigest() != file[0]

    with ThreadPoolExecutor(8) as pool:
        wrong = [path for (_, path), bad in zip(files, pool.map(differs, files)) if bad]
    assert len(files) > 20 and wrong == [], wrong
    print(f"{len(files)} files")


def cloud_volume(args):
    from cloudvolume import CloudVolume

    r = Exported(args)
    for layer in LAYERS:
        for mip in range(len(r.volume(layer).scales)):
            files = r.volume(layer, mip=mip)
            served = CloudVolume(f"precomputed://{_at(args, r, layer)}", mip=mip, progress=False, fill_missing=True, use_https=False)
            assert np.array_equal(served[served.bounds], files[files.bounds]), (layer, mip)
    body, _ = r.strongest
    served = CloudVolume(f"precomputed://{_at(args, r, 'segmentation')}", progress=False, use_https=False)
    files = r.volume("segmentation")
    assert np.array_equal(served.mesh.get(body, lod=0)[body].vertices, files.mesh.get(body, lod=0)[body].vertices)
    assert np.array_equal(served.skeleton.get(body).vertices, files.skeleton.get(body).vertices)


def tensor_store(args):
    import tensorstore as ts

    r = Exported(args)

    def read(kvstore, mip):
        spec = {"driver": "neuroglancer_precomputed", "kvstore": kvstore, "scale_index": mip}
        return ts.open(spec, read=True, open=True).result().read().result()

    for layer in LAYERS:
        for mip in range(len(r.volume(layer).scales)):
            served = read({"driver": "http", "base_url": _at(args, r, f"{layer}/")}, mip)
            assert np.array_equal(served, read({"driver": "file", "path": f"{r.folder / layer}/"}, mip)), (layer, mip)
    zarr = {"em": "zarr/0", "segmentation": "zarr/labels/segmentation/0"}
    for layer, path in zarr.items():
        spec = {"driver": "zarr3", "kvstore": {"driver": "http", "base_url": _at(args, r, f"{path}/")}}
        served = ts.open(spec, read=True, open=True).result().read().result()
        assert np.array_equal(served, np.asarray(r.volume(layer)[r.volume(layer).bounds])[..., 0].T), layer


def tables(args):
    """Exported tables by pandas and DuckDB; the same through the query API as Parquet and Arrow."""
    import duckdb
    import pandas as pd
    import pyarrow as pa
    import requests

    r = Exported(args)
    for name in ("segments", "edges", "synapses", "contacts"):
        table = r.table(name)
        frame = pd.read_parquet(r.folder / f"tables/{name}.parquet")
        assert frame.equals(table.to_pandas()), name
        assert duckdb.sql(f"SELECT count(*) FROM '{r.folder}/tables/{name}.parquet'").fetchall() == [(len(frame),)]
        for media in ("application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"):
            url = f'{args["plain"]}/api/v1/datasets/{r.dataset}/releases/{r.release}/sql'
            answer = requests.post(url, json={"sql": f"SELECT * FROM {name}", "limit": 1_000_000}, headers={"accept": media, "authorization": f'Bearer {args["token"]}'})
            answer.raise_for_status()
            served = pa.ipc.open_stream(answer.content).read_pandas() if "arrow" in media else pd.read_parquet(io.BytesIO(answer.content))
            assert served.columns.tolist() == frame.columns.tolist()
            same(rows(served, served.columns), rows(frame, served.columns), f"{name} as {media}")
    # A question in SQL of the lab's own, over the files and through the server.
    sql = "SELECT post, sum(count)::INTEGER AS n FROM {} GROUP BY post ORDER BY n DESC, post LIMIT 5"
    own = duckdb.sql(sql.format(f"'{r.folder}/tables/edges.parquet'")).fetchall()
    answer = requests.post(url, json={"sql": sql.format("edges")}, headers={"authorization": f'Bearer {args["token"]}'}).json()
    assert [(int(row["post"]), row["n"]) for row in answer["rows"]] == own, answer


def truth(args):
    """The scores of the release, by arithmetic that is not ours: what cloud-volume reads beside the true objects, synapses beside the true ones."""
    import gzip
    from pathlib import Path

    from cloudvolume import CloudVolume

    r = Exported(args)
    quality = json.loads((r.folder / "release.json").read_text())["quality"]
    file = Path(args["truth"])
    true = np.load(io.BytesIO(gzip.decompress(file.read_bytes())))
    served = CloudVolume(f"precomputed://{_at(args, r, 'segmentation')}", progress=False, fill_missing=True, use_https=False)
    found = np.asarray(served[served.bounds])[..., 0].T[true > 0]
    pairs = np.stack([found, true[true > 0].astype(np.uint64)])

    def bits(*rows):
        """n log n of the voxels of every object."""
        order = np.lexsort(rows)
        ends = np.flatnonzero(np.any([np.diff(row[order]) != 0 for row in rows], axis=0))
        n = np.diff(np.concatenate([[-1], ends, [len(order) - 1]]))
        return (n * np.log2(n)).sum() / len(order)

    joint = bits(*pairs)
    scores = {"voiSplit": bits(pairs[1]) - joint, "voiMerge": bits(pairs[0]) - joint}
    assert all(abs(quality[name] - score) < 1e-9 for name, score in scores.items()), (scores, quality)
    print(scores)
    listed = file.parent / "truth.json"
    if not listed.exists():
        return
    points = np.array([[s[a] for a in "xyz"] for s in json.loads(listed.read_text())["synapses"]])
    inside = points[np.all((points >= r.bounds["min"]) & (points < r.bounds["max"]), axis=1)]
    far = np.linalg.norm(inside[:, None] - r.synapses[list("xyz")].values[None], axis=2).min(axis=1)
    assert (far <= 15).mean() >= quality["synapseRecall"] > 0.5, far
    print(f"{(far <= 15).sum()} of {len(far)} true synapses found")


def neuroglancer(args):
    """What the viewer opens with: its layers, the properties that segments are searched by, annotations of synapses, the place of a link."""
    import requests
    from cloudvolume import CloudVolume

    r = Exported(args)
    pre, _ = r.strongest
    synapse = r.made_by(pre).iloc[0]
    at = [int(synapse[a]) for a in "xyz"]
    url = f'{args["plain"]}/view/{r.dataset}/{r.release}?segments={pre}&at={",".join(map(str, at))}'
    location = requests.get(url, allow_redirects=False).headers["location"]
    state = json.loads(unquote(location.split("#!")[1]))
    layers = {layer["name"]: layer for layer in state["layers"]}
    assert layers["segmentation"]["segments"] == [str(pre)]
    assert np.allclose(state["position"], at, atol=1), state["position"]
    infos = {name: _get(args, layer["source"].removeprefix("precomputed://") + "/info").json() for name, layer in layers.items()}
    assert {name: info["@type"] for name, info in infos.items()} == {
        "em": "neuroglancer_multiscale_volume",
        "segmentation": "neuroglancer_multiscale_volume",
        "synapses": "neuroglancer_annotations_v1",
    }
    properties = _get(args, _at(args, r, f'segmentation/{infos["segmentation"]["segment_properties"]}/info')).json()["inline"]
    values = {p["id"]: dict(zip(map(int, properties["ids"]), p["values"])) for p in properties["properties"]}
    assert values["voxels"] == dict(rows(r.segments, ["segment", "voxels"])), list(values)
    answer = _get(args, f'{args["plain"]}/api/v1/datasets/{r.dataset}/releases/{r.release}/segments/{pre}').json()
    assert answer["links"]["viewer"] == f"/view/{r.dataset}/{r.release}?segments={pre}", answer["links"]


globals()[sys.argv[1]](json.loads(sys.argv[2]))
