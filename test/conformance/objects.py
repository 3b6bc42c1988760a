"""Independent readers on what objects.ts wrote: cloud-volume, pyarrow, DuckDB. Usage: objects.py PART {"folder": ...}"""

import json
import struct
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import duckdb
import numpy as np
import pyarrow.parquet as pq
from cloudvolume import CloudVolume
from cloudvolume.cacheservice import CacheService
from cloudvolume.datasource.precomputed.common import compressed_morton_code
from cloudvolume.datasource.precomputed.sharding import ShardReader, ShardingSpecification

part, args = sys.argv[1], json.loads(sys.argv[2])
folder = Path(args["folder"]).resolve()
expected = json.loads((folder / "expected.json").read_text())


def say(what, n):
    print(f"{what}: {n}")


def sixfold(vertices, faces):
    a, b, c = (vertices[faces[:, i]].astype(np.float64) for i in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)))


def closed(vertices, faces, grid):
    """Every side of a triangle has a partner in the other direction, vertices being equal within `grid` nm."""
    places = np.rint(vertices / grid).astype(np.int64)
    _, names = np.unique(places, axis=0, return_inverse=True)
    faces = names.reshape(-1)[faces]
    sides = Counter()
    for i in range(3):
        for u, v in zip(faces[:, i].tolist(), faces[:, (i + 1) % 3].tolist()):
            if u != v:
                sides[(min(u, v), max(u, v))] += 1 if u < v else -1
    return all(n == 0 for n in sides.values())


def meshes():
    volume = CloudVolume(f"file://{folder}/objects", use_https=False)
    levels = triangles = 0
    for name, wanted in expected["meshes"].items():
        for lod, want in enumerate(wanted["lods"]):
            mesh = volume.mesh.get(int(name), lod=lod)[int(name)]
            assert len(mesh.faces) == want["triangles"], (name, lod, len(mesh.faces), want)
            assert np.isclose(sixfold(mesh.vertices, mesh.faces), want["sixfold"], rtol=1e-4), (name, lod)
            # A step of the integer grid is over 0.14 nm at any level.
            assert closed(mesh.vertices, mesh.faces, 0.05), (name, lod)
            levels += 1
            triangles += len(mesh.faces)
        assert not volume.mesh.get_manifest(int(name) ^ 1)
    say("cloud-volume multi-resolution meshes, levels", levels)
    say("cloud-volume multi-resolution meshes, triangles", triangles)
    legacy = CloudVolume(f"file://{folder}/legacy")
    for name, wanted in expected["meshes"].items():
        mesh = legacy.mesh.get(int(name))
        mesh = mesh[int(name)] if isinstance(mesh, dict) else mesh
        assert np.isclose(sixfold(mesh.vertices, mesh.faces), wanted["legacy"], rtol=1e-4), name
    say("cloud-volume legacy meshes", len(expected["meshes"]))


def skeletons():
    volume = CloudVolume(f"file://{folder}/objects")
    for name, wanted in expected["skeletons"].items():
        found = volume.skeleton.get(int(name))
        assert found.id == int(name)
        assert np.array_equal(found.vertices.reshape(-1), np.array(wanted["positions"], dtype=np.float32)), name
        assert np.array_equal(found.edges.reshape(-1), np.array(wanted["edges"], dtype=np.uint32)), name
        assert np.array_equal(found.radius, np.array(wanted["radii"], dtype=np.float32)), name
    say("cloud-volume skeletons", len(expected["skeletons"]))


def annotations():
    """cloud-volume finds the objects in the shards; the records are unpacked here, after the specification."""
    info = json.loads((folder / "synapses/info").read_text())
    lines = {int(a[0]): (tuple(a[1:7]), a[7], int(a[8]), int(a[9])) for a in expected["synapses"]["lines"]}
    path = f"file://{folder}/synapses"
    # Any volume lends its settings.
    config = CloudVolume(f"file://{folder}/objects").config
    cache = CacheService(path, enabled=False, config=config, meta=SimpleNamespace(cloudpath=path))

    def reader(index):
        sharding = ShardingSpecification.from_dict(index["sharding"])
        return ShardReader(path, cache, sharding), index["key"]

    def many(binary):
        (n,) = struct.unpack_from("<Q", binary)
        assert len(binary) == 8 + 36 * n, len(binary)
        ids = struct.unpack_from(f"<{n}Q", binary, 8 + 28 * n)
        return {i: struct.unpack_from("<7f", binary, 8 + 28 * k) for k, i in enumerate(ids)}

    def same(i, record):
        return record[:6] == lines[i][0] and record[6] == lines[i][1]

    by_id, key = reader(info["by_id"])
    found = by_id.get_data(list(lines), path=key)
    for i, line in lines.items():
        record = struct.unpack_from("<7f", found[i])
        assert same(i, record), i
        assert struct.unpack_from("<IQIQ", found[i], 28) == (1, line[2], 1, line[3]), i
    say("annotations by id", len(lines))
    for k, index in enumerate(info["relationships"]):
        related, key = reader(index)
        segments = {line[2 + k] for line in lines.values()}
        total = 0
        for segment, binary in related.get_data(list(segments), path=key).items():
            own = many(binary)
            assert set(own) == {i for i, line in lines.items() if line[2 + k] == segment}, segment
            assert all(same(i, r) for i, r in own.items())
            total += len(own)
        assert total == len(lines)
    say("annotations by segment", 2 * len(lines))
    seen = Counter()
    for level in info["spatial"]:
        index, key = reader(level)
        shape = np.array(level["grid_shape"])
        cells = np.array(list(np.ndindex(*shape)))
        codes = compressed_morton_code(cells, shape)
        here = set()
        for code, cell in zip(codes.tolist(), cells):
            binary = index.get_data(code, path=key)
            for i, record in (many(binary) if binary else {}).items():
                assert same(i, record)
                low = np.array(info["lower_bound"]) + cell * level["chunk_size"]
                ends = np.array([record[:3], record[3:6]])
                assert (ends.max(0) >= low - 1e-3).all() and (ends.min(0) <= low + level["chunk_size"] + 1e-3).all()
                here.add(i)
        seen.update(here)
    assert set(seen) == set(lines) and set(seen.values()) == {1}
    say("annotations in space, levels", len(info["spatial"]))
    assert len(info["spatial"]) > 2


def tables():
    want = expected["synapses"]
    for name in ("synapses", "synapses-by-pre", "synapses-by-post"):
        file = folder / f"tables/{name}.parquet"
        table = pq.read_table(file)
        assert str(table.schema.field("pre_segment").type) == "uint64", table.schema
        assert str(table.schema.field("size").type) == "uint32"
        assert not table.schema.field("id").nullable
        pre = table["pre_segment"].to_pylist()
        assert len(pre) == want["rows"] and str(sum(pre)) == want["preSum"]
        assert sum(table["size"].to_pylist()) == want["sizeSum"]
        count, total = duckdb.execute(
            f"SELECT count(*), sum(pre_segment::HUGEINT) FROM '{file}'"
        ).fetchone()
        assert (count, str(total)) == (want["rows"], want["preSum"])
        (count,) = duckdb.execute(
            f"SELECT count(*) FROM '{file}' WHERE pre_segment = {want['segment']}::UBIGINT"
        ).fetchone()
        assert count == want["ofSegment"] > 0
    for name, order in (("pre", ("pre_segment", "post_segment", "id")), ("post", ("post_segment", "pre_segment", "id"))):
        by_partner = pq.read_table(folder / f"tables/synapses-by-{name}.parquet")
        keys = list(zip(*(by_partner[c].to_pylist() for c in order)))
        assert keys == sorted(keys)
    # Along the Hilbert curve a row group holds a part of the space: its bounds are what readers prune by.
    metadata = pq.ParquetFile(folder / "tables/synapses.parquet").metadata
    names = metadata.schema.to_arrow_schema().names
    boxes = [
        [metadata.row_group(g).column(names.index(c)).statistics for c in ("x", "y", "z")]
        for g in range(metadata.num_row_groups)
    ]
    share = sum(np.prod([s.max - s.min for s in box]) for box in boxes) / (4000 * 3000 * 1000)
    say("Parquet tables, rows", 3 * want["rows"])
    say("Parquet row groups, volume of their boxes over that of the dataset", round(float(share), 2))
    assert share < 0.9 * len(boxes)


{"meshes": meshes, "skeletons": skeletons, "annotations": annotations, "tables": tables}[part]()
