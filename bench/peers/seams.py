"""Overlaps of tiles and flow between sections by OpenCV and FEABAS, as CPU rates: `seams.py JOB.json` prints JSON."""

import json
import os
import statistics
import sys
import time

import cv2
import numpy as np

job = json.load(open(sys.argv[1]))
os.chdir(os.path.dirname(sys.argv[1]))
os.makedirs("configs", exist_ok=True)
with open("configs/general_configs.yaml", "w") as settings:
    settings.write(f"parallel_framework: process\nworking_directory: {os.getcwd()}\n")

from feabas.matcher import stitching_matcher  # noqa: E402  (reads its settings where it is imported)

cv2.setNumThreads(1)


def measured(match, pairs):
    """Pairs per second of CPU time, the median of five, and matches [ax, ay, bx, by] of each pair."""
    found, seconds = [match(*p) for p in pairs], []
    for _ in range(5):
        start = time.process_time()
        for p in pairs:
            match(*p)
        seconds.append(time.process_time() - start)
    points = [np.concatenate(np.broadcast_arrays(*f), -1).reshape(-1, 4).tolist() for f in found]
    return {"rate": len(pairs) / statistics.median(seconds), "matches": points}


def grid(image, step):
    return np.stack(np.meshgrid(*(np.arange(step, n - step, step, dtype=np.float64) for n in image.shape[::-1])), -1)


def opencv(a, b):
    """One shift for all of an overlap."""
    a, b = a.astype(np.float32), b.astype(np.float32)
    shift, _ = cv2.phaseCorrelate(a, b, cv2.createHanningWindow(a.shape[::-1], cv2.CV_32F))
    return grid(a, 64), grid(a, 64) + shift


def feabas(a, b):
    return stitching_matcher(a, b)[:2]


def dis(a, b):
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(a, b, None)
    at = grid(a, 16)
    return at, at + flow[at[..., 1].astype(int), at[..., 0].astype(int)]


def pairs(kind):
    return [[np.fromfile(p["file"], np.uint8).reshape(p["height"], p["width"]) for p in pair] for pair in job[kind]]


print(
    json.dumps(
        {
            "seams": {"opencv": measured(opencv, pairs("seams")), "feabas": measured(feabas, pairs("seams"))},
            "sections": {"dis": measured(dis, pairs("sections"))},
        }
    )
)
