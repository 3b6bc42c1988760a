"""Kernels of the peers, as CPU rates: `kernels.py EM.npy LABELS.npy MEAN.npy` prints JSON of Mvoxel/s, medians of five."""

import json
import statistics
import sys
import time

import bioimage_cpp
import cc3d
import compressed_segmentation
import numpy as np
import scipy.ndimage
import tinybrain


def rate(f, n):
    f()
    seconds = []
    for _ in range(5):
        start = time.process_time()
        f()
        seconds.append(time.process_time() - start)
    return n / statistics.median(seconds) / 1e6


def watershed(mean):
    distance = scipy.ndimage.gaussian_filter(scipy.ndimage.distance_transform_edt(mean > 178).astype(np.float32), 1.2)
    tops = (scipy.ndimage.maximum_filter(distance, 3) == distance) & (mean > 178)
    markers, _ = scipy.ndimage.label(tops, np.ones((3, 3, 3)))
    return bioimage_cpp.segmentation.watershed(255 - mean.astype(np.float32), markers.astype(np.uint32))


em, labels, mean = (np.load(path) for path in sys.argv[1:4])
narrow = (labels >> np.uint64(32)).astype(np.uint32)
em_xyz, labels_xyz = np.asfortranarray(em.T), np.asfortranarray(labels.T)
chunks = [
    np.asfortranarray(labels[z : z + 64, y : y + 64, x : x + 64].T)
    for z, y, x in np.ndindex(*(n // 64 for n in labels.shape))
    for z, y, x in [(64 * z, 64 * y, 64 * x)]
]
coded = [compressed_segmentation.compress(c, order="F") for c in chunks]
n, coded_n = em.size, len(chunks) * 64**3
print(
    json.dumps(
        {
            "components, 6": ["cc3d", rate(lambda: cc3d.connected_components(narrow, connectivity=6), n)],
            "affinities to supervoxels": ["scipy + bioimage-cpp", rate(lambda: watershed(mean), mean.size)],
            "mode 2x2x2": ["tinybrain", rate(lambda: tinybrain.downsample_segmentation(labels_xyz, (2, 2, 2)), n)],
            "mean 2x2x2": ["tinybrain", rate(lambda: tinybrain.downsample_with_averaging(em_xyz, (2, 2, 2)), n)],
            "compressed_segmentation, encode": [
                "compressed_segmentation",
                rate(lambda: [compressed_segmentation.compress(c, order="F") for c in chunks], coded_n),
            ],
            "compressed_segmentation, decode": [
                "compressed_segmentation",
                rate(lambda: [compressed_segmentation.decompress(c, (64, 64, 64), np.uint64, order="F") for c in coded], coded_n),
            ],
        }
    )
)
