"""Writing and reading of volumes by the peers, as CPU rates: `formats.py EM.npy LABELS.npy FOLDER TABLE.parquet` prints JSON of Mvoxel/s."""

import json
import os
import shutil
import statistics
import sys
import time

import numpy as np

def rate(f, n, before=lambda: None):
    """The median of five after one to warm up."""
    seconds = []
    for _ in range(6):
        before()
        start = time.process_time()
        f()
        seconds.append(time.process_time() - start)
    return n / statistics.median(seconds[1:]) / 1e6


def both(folder, name, data, write, read):
    """Rates of writing and reading; what is read is what was written, but for JPEG about that."""
    path = os.path.join(folder, name)
    clean = lambda: shutil.rmtree(path, ignore_errors=True)
    written = rate(lambda: write(path), data.size, clean)
    got = read(path)
    got = np.asarray(got).reshape(data.shape)
    same = np.abs(got.astype(float) - data).mean() < 6 if "jpeg" in name else np.array_equal(got, data)
    assert same, name
    return [written, rate(lambda: read(path), data.size)]


def cloud_volume(data, encoding, sharded):
    from cloudvolume import CloudVolume

    xyz = np.asfortranarray(data.T)[..., np.newaxis]
    kind = "image" if data.dtype == np.uint8 else "segmentation"

    def write(path):
        info = CloudVolume.create_new_info(1, kind, str(data.dtype), encoding, [8, 8, 8], [0, 0, 0], data.T.shape, chunk_size=[64, 64, 64])
        if sharded:
            info["scales"][0]["sharding"] = sharding(encoding)
        vol = CloudVolume("file://" + path, info=info, compress=None, progress=False, parallel=1)
        vol.commit_info()
        if sharded:
            os.makedirs(os.path.join(path, vol.key), exist_ok=True)
            name, blob = vol.image.make_shard(xyz, vol.bounds, vol.mip)
            with open(os.path.join(path, vol.key, name), "wb") as f:
                f.write(blob)
        else:
            vol[:] = xyz

    def read(path):
        return CloudVolume("file://" + path, progress=False, parallel=1)[:][..., 0].T

    return write, read


def shard_of(data):
    """One shard, of whole chunks."""
    return tuple(-(-n // 64) * 64 for n in data.shape)


def sharding(encoding):
    return {
        "@type": "neuroglancer_uint64_sharded_v1",
        "hash": "identity",
        "preshift_bits": 6,
        "minishard_bits": 0,
        "shard_bits": 0,
        "minishard_index_encoding": "gzip",
        "data_encoding": "gzip" if encoding == "compressed_segmentation" else "raw",
    }


def tensorstore_precomputed(data, encoding, sharded):
    import tensorstore as ts

    def spec(path):
        scale = {"key": "0", "size": list(data.T.shape), "resolution": [8, 8, 8], "chunk_size": [64, 64, 64], "encoding": encoding}
        if encoding == "compressed_segmentation":
            scale["compressed_segmentation_block_size"] = [8, 8, 8]
        if encoding == "jpeg":
            scale["jpeg_quality"] = 85
        if sharded:
            scale["sharding"] = sharding(encoding)
        return {
            "driver": "neuroglancer_precomputed",
            "kvstore": {"driver": "file", "path": path + "/"},
            "multiscale_metadata": {
                "type": "image" if data.dtype == np.uint8 else "segmentation",
                "data_type": str(data.dtype),
                "num_channels": 1,
            },
            "scale_metadata": scale,
            "context": ONE,
        }

    def write(path):
        ts.open(spec(path), create=True).result()[..., 0] = data.T

    def read(path):
        return ts.open(spec(path), open=True).result().read(order="F").result()[..., 0].T

    return write, read


ONE = {"data_copy_concurrency": {"limit": 1}, "file_io_concurrency": {"limit": 1}}


def zarr_python(data, **layout):
    import numcodecs
    import zarr

    if "zarr_format" in layout:
        codec = numcodecs.Zstd(level=3)
    else:
        codec, layout["shards"] = zarr.codecs.ZstdCodec(level=3), shard_of(data)

    def write(path):
        zarr.create_array(path, shape=data.shape, dtype=data.dtype, chunks=(64, 64, 64), compressors=codec, **layout)[:] = data

    return write, lambda path: zarr.open_array(path, mode="r")[:]


def tensorstore_zarr(data):
    inner = [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "zstd", "configuration": {"level": 3}}]
    shard = {"name": "sharding_indexed", "configuration": {"chunk_shape": [64, 64, 64], "codecs": inner}}
    grid = {"name": "regular", "configuration": {"chunk_shape": shard_of(data)}}
    return tensorstore_chunks(data, "zarr3", {"chunk_grid": grid, "codecs": [shard]})


def tensorstore_chunks(data, driver, metadata):
    """Zarr or N5; `data` with its axes as that format lists them."""
    import tensorstore as ts

    def spec(path):
        return {"driver": driver, "kvstore": {"driver": "file", "path": path + "/"}, "metadata": metadata, "context": ONE}

    def write(path):
        ts.open(spec(path), create=True, dtype=data.dtype, shape=data.shape).result()[...] = data

    order = "F" if driver == "n5" else "C"
    turn = (lambda a: a.T) if driver == "n5" else (lambda a: a)
    return write, lambda path: turn(ts.open(spec(path), open=True).result().read(order=order).result())


def pyarrow_table(path):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pa.set_cpu_count(1)
    columns = pq.read_table(path)
    out = path + "-pyarrow"
    return [rate(lambda: pq.write_table(columns, out), len(columns)), rate(lambda: pq.read_table(out), len(columns))]


em, labels = np.load(sys.argv[1]), np.load(sys.argv[2])
folder = sys.argv[3]
out = {}
for what, peer, data, pair in [
    ("precomputed raw, EM", "cloud-volume", em, cloud_volume(em, "raw", False)),
    ("precomputed raw, EM", "tensorstore", em, tensorstore_precomputed(em, "raw", False)),
    ("precomputed sharded jpeg, EM", "cloud-volume", em, cloud_volume(em, "jpeg", True)),
    ("precomputed sharded jpeg, EM", "tensorstore", em, tensorstore_precomputed(em, "jpeg", True)),
    ("precomputed sharded png, EM", "cloud-volume", em, cloud_volume(em, "png", True)),
    ("precomputed sharded png, EM", "tensorstore", em, tensorstore_precomputed(em, "png", True)),
    ("precomputed sharded, ids", "cloud-volume", labels, cloud_volume(labels, "compressed_segmentation", True)),
    ("precomputed sharded, ids", "tensorstore", labels, tensorstore_precomputed(labels, "compressed_segmentation", True)),
    ("Zarr sharded, EM", "zarr-python", em, zarr_python(em)),
    ("Zarr sharded, EM", "tensorstore", em, tensorstore_zarr(em)),
    ("Zarr sharded, ids", "zarr-python", labels, zarr_python(labels)),
    ("Zarr sharded, ids", "tensorstore", labels, tensorstore_zarr(labels)),
    ("Zarr v2, EM", "zarr-python", em, zarr_python(em, zarr_format=2)),
    ("Zarr v2, EM", "tensorstore", em, tensorstore_chunks(em, "zarr", {"chunks": [64] * 3, "compressor": {"id": "zstd", "level": 3}})),
    ("N5 gzip, EM", "tensorstore", em, tensorstore_chunks(em.T, "n5", {"blockSize": [64] * 3, "compression": {"type": "gzip"}})),
]:
    out.setdefault(what, {})[peer] = both(folder, f"{peer}-{what}".replace(" ", "-").replace(",", ""), data, *pair)
out["Parquet, 8 columns"] = {"pyarrow": pyarrow_table(sys.argv[4])}
print(json.dumps(out))
sys.stdout.flush()
os._exit(0)
