"""Stitching by FEABAS and OpenCV, and what is left between two aligned pictures: `alignment.py JOB.json` prints JSON."""

import json
import os
import sys

import cv2
import numpy as np

job = json.load(open(sys.argv[1]))
os.chdir(os.path.dirname(sys.argv[1]))
os.makedirs("configs", exist_ok=True)
with open("configs/general_configs.yaml", "w") as settings:
    settings.write(f"parallel_framework: process\nworking_directory: {os.getcwd()}\n")

from feabas import constant  # noqa: E402  (reads its settings where it is imported)
from feabas.stitcher import Stitcher  # noqa: E402


def rms(v):
    return float(np.sqrt(np.mean(np.square(v))))


def feabas(tiles, elastic):
    boxes = np.array([[t["x"], t["y"], t["x"] + t["width"], t["y"] + t["height"]] for t in tiles])
    stitcher = Stitcher([t["file"] for t in tiles], boxes)
    stitcher.dispatch_matchers(num_workers=1)
    stitcher.initialize_meshes([75])
    stitcher.initialize_optimizer()
    stitcher.optimize_translation(target_gear=constant.MESH_GEAR_FIXED)
    if elastic:
        stitcher.optimize_elastic(target_gear=constant.MESH_GEAR_MOVING)
    links = stitcher._optimizer.links
    return rms(np.concatenate([np.hypot(*l.dxy(gear=constant.MESH_GEAR_MOVING, use_mask=True).T) for l in links]))


def opencv(tiles, side=128):
    """Phase correlation of patches of each overlap, and the shifts of the tiles that fit them best."""
    images = [cv2.imread(t["file"], cv2.IMREAD_GRAYSCALE).astype(np.float32) for t in tiles]
    rows, right = [], []
    window = cv2.createHanningWindow((side, side), cv2.CV_32F)
    for i, a in enumerate(tiles):
        for j, b in enumerate(tiles[:i]):
            left, top = max(a["x"], b["x"]), max(a["y"], b["y"])
            w = min(a["x"] + a["width"], b["x"] + b["width"]) - left
            h = min(a["y"] + a["height"], b["y"] + b["height"]) - top
            if min(w, h) < 8 or max(w, h) < min(a["width"], a["height"]) / 3:
                continue
            cut = [im[top - t["y"] : top - t["y"] + h, left - t["x"] : left - t["x"] + w] for im, t in ((images[i], a), (images[j], b))]
            (dx, dy), _ = cv2.phaseCorrelate(*map(np.ascontiguousarray, cut), cv2.createHanningWindow((w, h), cv2.CV_32F))
            dx, dy = round(dx), round(dy)
            for y in range(max(0, -dy), h - side - max(0, dy), side):
                for x in range(max(0, -dx), w - side - max(0, dx), side):
                    one, two = cut[0][y : y + side, x : x + side], cut[1][y + dy : y + dy + side, x + dx : x + dx + side]
                    (ex, ey), response = cv2.phaseCorrelate(np.ascontiguousarray(one), np.ascontiguousarray(two), window)
                    if response > 0.3:
                        rows.append((i, j))
                        right.append((dx + ex, dy + ey))
    m = np.zeros((len(rows), len(tiles)))
    for k, (i, j) in enumerate(rows):
        m[k, [i, j]] = -1, 1
    right = -np.array(right)
    keep = np.ones(len(rows), bool)
    for _ in range(3):
        shifts = np.linalg.lstsq(m[keep], right[keep], rcond=None)[0]
        left_over = np.hypot(*(m @ shifts - right).T)
        keep = left_over < max(4.0, 3 * np.median(left_over))
    return rms(left_over[keep])


def flat(image):
    image = cv2.GaussianBlur(image, (0, 0), 2.5)
    mean = cv2.GaussianBlur(image, (0, 0), 20)
    return (image - mean) / (np.sqrt(cv2.GaussianBlur((image - mean) ** 2, (0, 0), 20)) + 4)


def between(one, two, scale, side=768, reach=24):
    """Where patches of one picture lie in the other, by normalised correlation: the root mean square of the shifts, in pixels."""
    seen = (one > 0) & (two > 0)
    a, b, p, r = flat(one), flat(two), side // scale, reach // scale
    shifts = []
    peak = lambda v: 0.5 * (v[0] - v[2]) / (v[0] - 2 * v[1] + v[2])  # noqa: E731
    for y in range(r, a.shape[0] - p - r, p // 2):
        for x in range(r, a.shape[1] - p - r, p // 2):
            if seen[y - r : y + p + r, x - r : x + p + r].mean() < 0.99:
                continue
            score = cv2.matchTemplate(b[y - r : y + p + r, x - r : x + p + r], a[y : y + p, x : x + p], cv2.TM_CCOEFF_NORMED)
            i, j = cv2.minMaxLoc(score)[3]
            if 0 < i < 2 * r and 0 < j < 2 * r:
                shifts.append(scale * np.hypot(i - r + peak(score[j, i - 1 : i + 2]), j - r + peak(score[j - 1 : j + 2, i])))
            else:
                shifts.append(reach)
    return rms(shifts)


def picture(p):
    return np.fromfile(p["file"], np.uint8).reshape(p["height"], p["width"]).astype(np.float32)


def by_opencv(one, two):
    """The second as an affine transform lays it on the first (ECC), from coarse to fine, from the start that is given."""
    lay = np.array(job["start"], np.float32).reshape(2, 3)
    for halvings in (3, 2, 1, 0):
        f = 0.5**halvings
        a, b = (flat(cv2.resize(i, None, fx=f, fy=f, interpolation=cv2.INTER_AREA)) for i in (one, two))
        scaled = lay * [[1, 1, f], [1, 1, f]]
        criteria = (cv2.TERM_CRITERIA_COUNT + cv2.TERM_CRITERIA_EPS, 200, 1e-6)
        _, scaled = cv2.findTransformECC(a, b, scaled.astype(np.float32), cv2.MOTION_AFFINE, criteria, None, 5)
        lay = scaled / [[1, 1, f], [1, 1, f]]
    size = (one.shape[1], one.shape[0])
    return cv2.warpAffine(two, lay.astype(np.float32), size, flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)


pairs = {name: [picture(p) for p in pair] for name, pair in job["pictures"].items()}
print(
    json.dumps(
        {
            "stitched": {
                name: {"feabas": feabas(tiles, name == "fafb"), "opencv": opencv(tiles)} for name, tiles in job["sections"].items()
            },
            "between": {
                "ours": between(*pairs["aligned"], job["scale"]),
                "opencv": between(pairs["drawn"][0], by_opencv(*pairs["drawn"]), job["scale"]),
            },
        }
    )
)
