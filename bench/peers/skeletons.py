"""Skeletons of the peers: `skeletons.py LABELS.npy OURS.json` prints JSON of CPU rates and of how far ours agree with kimimaro's."""

import json
import sys
import time

import bioimage_cpp
import edt
import kimimaro
import numpy as np
from scipy.spatial import cKDTree

labels = np.load(sys.argv[1])
ours = {
    int(i): (np.reshape(v, (-1, 3)), np.reshape(e, (-1, 2)).astype(int)) for i, (v, e, _) in json.load(open(sys.argv[2])).items()
}
# How thick a cell body is at least, nm. There every way from end to end is as good: where a skeleton runs is not given by the object.
BODY = 500
NM = np.array([16, 16, 40])


def rate(f):
    start = time.process_time()
    made = f()
    return made, labels.size / (time.process_time() - start) / 1e6


def teasar():
    params = {"scale": 1.5, "const": 300, "pdrf_scale": 100000, "pdrf_exponent": 4}
    return kimimaro.skeletonize(labels.T, teasar_params=params, dust_threshold=1000, anisotropy=tuple(NM), parallel=1, progress=False)


def smooth(vertices, edges):
    """As ours are, so that lengths are not those of stairs."""
    degree = np.maximum(1, np.bincount(edges.ravel(), minlength=len(vertices)))[:, None]
    for _ in range(128):
        total = np.zeros_like(vertices)
        np.add.at(total, edges[:, 0], vertices[edges[:, 1]])
        np.add.at(total, edges[:, 1], vertices[edges[:, 0]])
        vertices = np.where(degree > 1, (vertices + total / degree) / 2, vertices)
    return vertices


def length(vertices, edges):
    return np.linalg.norm(vertices[edges[:, 0]] - vertices[edges[:, 1]], axis=1).sum()


def points(vertices, edges):
    between = [vertices[a] + np.outer(np.arange(0, 1, 0.25), vertices[b] - vertices[a]) for a, b in edges]
    return np.concatenate([vertices, *between])


def count(edges, wanted):
    return int(wanted(np.bincount(edges.ravel())).sum())


theirs, kimimaro_rate = rate(teasar)
_, cube = rate(lambda: bioimage_cpp.skeleton.teasar_labels(labels, spacing=(40, 16, 16), constant=300.0))
_, ball = rate(lambda: bioimage_cpp.skeleton.teasar_labels(labels, spacing=(40, 16, 16), constant=300.0, invalidation="ball"))
common = sorted(set(ours) & set(theirs))
peer = {i: (smooth(theirs[i].vertices + NM / 2, theirs[i].edges.astype(int)), theirs[i].edges.astype(int)) for i in common}
to_boundary = edt.edt(labels, anisotropy=(40, 16, 16), black_border=True, parallel=1)


def depth(points):
    """Distance of each to the boundary of its object or of the volume."""
    x, y, z = np.clip(np.floor(points / NM).astype(int).T, 0, np.array(labels.shape)[::-1, None] - 1)
    return to_boundary[z, y, x]


def compared(ids):
    near, back, depths, peer_depths = [], [], [], []
    for i in ids:
        a, b = points(*ours[i]), points(*peer[i])
        near.append(cKDTree(b).query(a)[0])
        back.append(cKDTree(a).query(b)[0])
        depths.append(depth(a))
        peer_depths.append(depth(b))
    near, back = np.concatenate(near), np.concatenate(back)
    return {
        "mean distance to kimimaro's, nm": near.mean(),
        "median": np.median(near),
        "mean distance of kimimaro's to ours, nm": back.mean(),
        "median of these": np.median(back),
        "mean distance to the boundary, nm": float(np.concatenate(depths).mean()),
        "that of kimimaro's": float(np.concatenate(peer_depths).mean()),
    }


thickness = edt.edt(labels, anisotropy=(40, 16, 16), parallel=1)
bodies = sorted(set(common) & set(np.unique(labels[thickness > BODY]).tolist()))
print(
    json.dumps(
        {
            "rates": {"kimimaro": kimimaro_rate, "bioimage-cpp, cubes": cube, "bioimage-cpp, balls": ball},
            "agreement": {
                "skeletons": len(ours),
                "of kimimaro": len(theirs),
                "length, ratio": sum(length(*ours[i]) for i in common) / sum(length(*peer[i]) for i in common),
                "tips, ratio": sum(count(ours[i][1], lambda d: d == 1) for i in common)
                / sum(count(peer[i][1], lambda d: d == 1) for i in common),
                "branch points, ratio": sum(count(ours[i][1], lambda d: d > 2) for i in common)
                / sum(count(peer[i][1], lambda d: d > 2) for i in common),
                **compared(common),
                **{f"cell bodies left out: {what}": value for what, value in compared(sorted(set(common) - set(bodies))).items()},
                "cell bodies": len(bodies),
                "voxel diagonal, nm": float(np.linalg.norm(NM)),
            },
        }
    )
)
