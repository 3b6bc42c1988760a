"""Volumes: what Hillock wrote, read by cloud-volume, tensorstore, zarr-python and ome-zarr; and what they write, for Hillock to read.

Usage: volumes.py CHECK ARGUMENTS_AS_JSON. Arrays in .npy have axes z, y, x.
"""

import json
import os
import sys

import numpy as np


def close(got, expected, lossy, what):
    got = np.asarray(got)
    if got.shape != expected.shape or got.dtype != expected.dtype:
        sys.exit(f"{what}: {got.dtype} {got.shape} instead of {expected.dtype} {expected.shape}")
    if lossy:
        error = np.abs(got.astype(float) - expected.astype(float)).mean()
        if error > 4:
            sys.exit(f"{what}: mean error {error}")
    elif not np.array_equal(got, expected):
        sys.exit(f"{what}: {np.count_nonzero(got != expected)} of {got.size} voxels differ")


def precomputed_by_cloud_volume(url, expected, lossy):
    from cloudvolume import CloudVolume

    for mip, file in enumerate(expected):
        want = np.load(file)
        vol = CloudVolume("precomputed://" + url, mip=mip, progress=False, fill_missing=True, bounded=True)
        close(np.asarray(vol[vol.bounds])[..., 0].T, want, lossy, f"cloud-volume mip {mip}")
        # One box across chunks and shards.
        lo, hi = np.array(vol.bounds.minpt), np.array(vol.bounds.maxpt)
        a, b = lo + (hi - lo) // 3, lo + (hi - lo) * 2 // 3 + 1
        part = np.asarray(vol[a[0] : b[0], a[1] : b[1], a[2] : b[2]])[..., 0].T
        s, e = a - lo, b - lo
        close(part, want[s[2] : e[2], s[1] : e[1], s[0] : e[0]], lossy, f"cloud-volume box of mip {mip}")


def kvstore(url):
    from urllib.parse import urlparse

    if url.startswith("http"):
        return {"driver": "http", "base_url": url + "/"}
    return {"driver": "file", "path": urlparse(url).path + "/"}


def precomputed_by_tensorstore(url, expected, lossy):
    import tensorstore as ts

    for mip, file in enumerate(expected):
        spec = {"driver": "neuroglancer_precomputed", "kvstore": kvstore(url), "scale_index": mip}
        store = ts.open(spec, read=True, open=True).result()
        close(store.read().result()[..., 0].T, np.load(file), lossy, f"tensorstore mip {mip}")


def zarr_by_zarr_python(url, expected):
    import zarr

    group = zarr.open_group(url.removeprefix("file://"), mode="r")
    for mip, file in enumerate(expected):
        array = group[str(mip)]
        assert array.shards is not None, "not sharded"
        close(array[:], np.load(file), False, f"zarr-python mip {mip}")


def zarr_by_tensorstore(url, expected):
    import tensorstore as ts

    for mip, file in enumerate(expected):
        spec = {"driver": "zarr3", "kvstore": kvstore(f"{url}/{mip}")}
        close(ts.open(spec, read=True, open=True).result().read().result(), np.load(file), False, f"tensorstore mip {mip}")


def zarr_by_ome_zarr(url, expected, name):
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    location = parse_url(url.removeprefix("file://"), mode="r")
    # Of labels the image below them comes along.
    node = next(n for n in Reader(location)() if n.data and n.zarr == location)
    assert [a["name"] for a in node.metadata["axes"]] == ["z", "y", "x"], node.metadata["axes"]
    assert len(node.data) == len(expected)
    for mip, (data, file) in enumerate(zip(node.data, expected)):
        close(np.asarray(data), np.load(file), False, f"ome-zarr {name} mip {mip}")


def write_cloud_volume(folder, em, labels):
    from cloudvolume import CloudVolume

    for name, file, encoding, kind in [
        ("raw", em, "raw", "image"),
        ("png", em, "png", "image"),
        ("jpeg", em, "jpeg", "image"),
        ("ids-raw", labels, "raw", "segmentation"),
        ("ids-compressed", labels, "compressed_segmentation", "segmentation"),
    ]:
        data = np.load(file).T
        for compress in (None, "gzip"):
            out = f"file://{folder}/{name}{'-gz' if compress else ''}"
            info = CloudVolume.create_new_info(
                num_channels=1,
                layer_type=kind,
                data_type=str(data.dtype),
                encoding=encoding,
                resolution=[4, 4, 40],
                voxel_offset=[7, 5, 3],
                volume_size=data.shape,
                chunk_size=[32, 16, 24],
            )
            vol = CloudVolume(out, info=info, compress=compress, progress=False, non_aligned_writes=True)
            vol.commit_info()
            vol[vol.bounds] = np.ascontiguousarray(data)[..., np.newaxis]


def write_tensorstore(folder, em, labels):
    import tensorstore as ts

    for name, file, encoding, hash_, coding, bits in [
        ("sharded-raw-identity", em, "raw", "identity", "raw", (1, 2, 3)),
        ("sharded-png-murmur", em, "png", "murmurhash3_x86_128", "raw", (0, 3, 2)),
        ("sharded-jpeg-gzip", em, "jpeg", "identity", "gzip", (2, 0, 1)),
        ("sharded-ids-murmur-gzip", labels, "compressed_segmentation", "murmurhash3_x86_128", "gzip", (0, 2, 2)),
        ("sharded-ids-raw", labels, "raw", "identity", "gzip", (9, 9, 9)),
    ]:
        data = np.load(file).T
        scale = {
            "key": "s0",
            "size": list(data.shape),
            "resolution": [4, 4, 40],
            "voxel_offset": [7, 5, 3],
            "chunk_size": [32, 16, 24],
            "encoding": encoding,
            "sharding": {
                "@type": "neuroglancer_uint64_sharded_v1",
                "hash": hash_,
                "preshift_bits": bits[0],
                "minishard_bits": bits[1],
                "shard_bits": bits[2],
                "minishard_index_encoding": coding,
                "data_encoding": coding,
            },
        }
        if encoding == "compressed_segmentation":
            scale["compressed_segmentation_block_size"] = [8, 8, 8]
        kind = "image" if data.dtype == np.uint8 else "segmentation"
        spec = {
            "driver": "neuroglancer_precomputed",
            "kvstore": {"driver": "file", "path": f"{folder}/{name}/"},
            "multiscale_metadata": {"type": kind, "data_type": str(data.dtype), "num_channels": 1},
            "scale_metadata": scale,
        }
        store = ts.open(spec, create=True).result()
        store[..., 0] = data
    for name, file in [("ts-zarr3-em", em), ("ts-zarr3-ids", labels)]:
        data = np.load(file)
        codecs = {
            "name": "sharding_indexed",
            "configuration": {
                "chunk_shape": [8, 16, 32],
                "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "zstd"}],
                "index_location": "start",
            },
        }
        spec = {
            "driver": "zarr3",
            "kvstore": {"driver": "file", "path": f"{folder}/{name}/"},
            "metadata": {
                "shape": data.shape,
                "data_type": str(data.dtype),
                "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [16, 32, 64]}},
                "codecs": [codecs],
            },
        }
        ts.open(spec, create=True).result()[...] = data


def write_zarr(folder, em, labels):
    import zarr
    from ome_zarr.format import FormatV04, FormatV05
    from ome_zarr.writer import write_multiscale

    codecs = zarr.codecs
    for name, file in [("em", em), ("ids", labels)]:
        data = np.load(file)
        for version, options in [
            ("v2", {"zarr_format": 2, "chunks": (8, 16, 32)}),
            ("v2-gzip", {"zarr_format": 2, "chunks": (8, 16, 32), "compressors": __import__("numcodecs").GZip(1)}),
            ("v3", {"chunks": (8, 16, 32)}),
            ("v3-blosc", {"chunks": (8, 16, 32), "compressors": codecs.BloscCodec()}),
            ("v3-gzip-crc", {"chunks": (8, 16, 32), "compressors": [codecs.GzipCodec(), codecs.Crc32cCodec()]}),
            ("v3-sharded", {"chunks": (8, 16, 32), "shards": (16, 32, 64)}),
        ]:
            array = zarr.create_array(f"{folder}/{name}-{version}", shape=data.shape, dtype=data.dtype, **options)
            array[:] = data
        for format_ in (FormatV04(), FormatV05()):
            zarr_format = 2 if format_.version == "0.4" else 3
            group = zarr.open_group(f"{folder}/{name}-ome-{format_.version}", mode="w", zarr_format=zarr_format)
            axes = [{"name": n, "type": "space", "unit": "nanometer"} for n in "zyx"]
            scale = [[{"type": "scale", "scale": [40.0, 4.0, 4.0]}]]
            write_multiscale([data], group, fmt=format_, axes=axes, coordinate_transformations=scale)


if __name__ == "__main__":
    check = globals()[sys.argv[1]]
    check(**json.loads(sys.argv[2]))
    # Some of the libraries keep threads that end badly.
    os._exit(0)
