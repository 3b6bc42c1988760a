"""Kernels of the peers, as CPU rates: `kernels.py EM.npy LABELS.npy MEAN.npy FRAGMENTS.npy AFFINITIES.npy` prints JSON of Mvoxel/s, medians of five."""

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
import zmesh


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


def agglomerate(fragments, affinities):
    graph = bioimage_cpp.graph.region_adjacency_graph(fragments, number_of_threads=1)
    lower = [(-1, 0, 0), (0, -1, 0), (0, 0, -1)]
    edges = bioimage_cpp.graph.features.affinity_features(graph, fragments, affinities, lower, number_of_threads=1)
    linkage = bioimage_cpp.graph.agglomeration.GaspClusterPolicy(linkage="mean")
    segments = linkage.optimize(graph, edges[:, 0] - 0.5, edge_sizes=edges[:, 1])
    return bioimage_cpp.graph.project_node_labels_to_pixels(graph, fragments, segments, number_of_threads=1)


def meshes(labels, factor):
    mesher = zmesh.Mesher((8, 8, 8))
    mesher.mesh(labels)
    return [mesher.get(label, reduction_factor=factor, max_error=20) for label in mesher.ids()]


em, labels, mean, fragments, affinities = (np.load(path) for path in sys.argv[1:6])
affinities = affinities.astype(np.float32) / 255
narrow = (labels >> np.uint64(32)).astype(np.uint32)
em_xyz, labels_xyz = np.asfortranarray(em.T), np.asfortranarray(labels.T)
chunks = [
    np.asfortranarray(labels[z : z + 64, y : y + 64, x : x + 64].T)
    for z, y, x in np.ndindex(*(n // 64 for n in labels.shape))
    for z, y, x in [(64 * z, 64 * y, 64 * x)]
]
coded = [compressed_segmentation.compress(c, order="F") for c in chunks]
part = np.ascontiguousarray(narrow[16:80, 16:144, 16:144])
n, coded_n = em.size, len(chunks) * 64**3
print(
    json.dumps(
        {
            "components, 6": ["cc3d", rate(lambda: cc3d.connected_components(narrow, connectivity=6), n)],
            "affinities to supervoxels": ["scipy + bioimage-cpp", rate(lambda: watershed(mean), mean.size)],
            "region graph, agglomeration, relabelling": [
                "bioimage-cpp",
                rate(lambda: agglomerate(fragments, affinities), mean.size),
            ],
            "marching cubes": ["zmesh", rate(lambda: meshes(part, 0), part.size)],
            "marching cubes, a third of the triangles": ["zmesh", rate(lambda: meshes(part, 3), part.size)],
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
