"""Packs raw volumes and their truth into one small .npz that travels to a GPU machine.

    pack.py OUT.npz NAME=RAW.npy.gz,LABELS.npy.gz ... [NAME=PHANTOM_FOLDER ...]

A phantom folder is what `hillock phantom FILE --out FOLDER` writes for a specimen of one clean tile a section; it brings the
truth of its synapses too. The first volume is the one that --fold of train.py cuts.
"""
import argparse, gzip, json, pathlib

import numpy as np
from scipy import ndimage

REACH = 2  # voxels without a label this close to one are the boundary of it: they get its label
NONE, CLEFT, PRE, POST = 1, 2, 3, 4  # of `sites`; 0 = unknown


def read(path):
    opened = gzip.open(path) if path.endswith(".gz") else open(path, "rb")
    with opened as f:
        return np.load(f, allow_pickle=False)


def filled(labels):
    """Labels 1 .. n as uint32 without a gap between touching objects; what is far from any stays 0."""
    ids, compact = np.unique(labels, return_inverse=True)
    compact = compact.reshape(labels.shape).astype(np.uint32) + (0 if ids[0] == 0 else 1)
    away, nearest = ndimage.distance_transform_edt(compact == 0, return_indices=True)
    return np.where(away <= REACH, compact[tuple(nearest)], 0)


def sites(labels, synapses):
    """Clefts, and what lies up to 10 voxels behind them in the two partners: uint32, from labels as the phantom has them."""
    out = np.full(labels.shape, NONE, np.uint32)
    for s in synapses:
        centre = np.array([s["z"], s["y"], s["x"]], float)
        normal = np.array(s["prePoint"], float)[::-1] - np.array(s["postPoint"], float)[::-1]
        normal /= np.linalg.norm(normal)
        low = np.maximum(centre.astype(int) - 16, 0)
        box = tuple(slice(l, int(c) + 17) for l, c in zip(low, centre))
        grid = np.stack(np.meshgrid(*[np.arange(n) for n in out[box].shape], indexing="ij"), -1) + low - centre
        along = grid @ normal
        disc = (np.linalg.norm(grid - along[..., None] * normal, axis=-1) <= s["size"]) & (abs(along) <= 10)
        own, view = labels[box], out[box]
        view[disc & (own == s["pre"]) & (along > 0)] = PRE
        view[disc & (own == s["post"]) & (along < 0)] = POST
        view[disc & (abs(along) <= 2)] = CLEFT
    return out


def phantom(folder):
    from PIL import Image

    layout = sorted(json.loads((folder / "layout.json").read_text()), key=lambda t: t["section"])
    if len({t["section"] for t in layout}) < len(layout):
        raise SystemExit(f"{folder}: several tiles a section: set source.phantom.tiles.shape to the size of the specimen")
    em = np.stack([np.asarray(Image.open(folder / t["file"])) for t in layout])
    labels = read(str(folder / "labels.npy.gz"))
    if em.shape != labels.shape:
        raise SystemExit(f"{folder}: sections of {em.shape}, labels of {labels.shape}: a clean specimen has none but noise among its distortions")
    truth = json.loads((folder / "truth.json").read_text())
    return {"em": em, "labels": filled(labels), "sites": sites(labels, truth["synapses"])}


def volume(source):
    if pathlib.Path(source).is_dir():
        return phantom(pathlib.Path(source))
    raw, labels = (read(p) for p in source.split(","))
    if raw.dtype != np.uint8 or raw.shape != labels.shape:
        raise SystemExit(f"{source}: raw is {raw.dtype} {raw.shape}, labels are {labels.shape}")
    return {"em": raw, "labels": filled(labels)}


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("out", type=pathlib.Path)
    p.add_argument("volumes", nargs="+", metavar="NAME=SOURCE")
    a = p.parse_args()
    arrays = {}
    for name, source in (v.split("=", 1) for v in a.volumes):
        for kind, array in volume(source).items():
            arrays[f"{name}/{kind}"] = array
            print(f"{name}/{kind}", array.dtype, array.shape)
    a.out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(a.out, **arrays)
    print(a.out, f"{a.out.stat().st_size / 2**20:.1f} MiB")
