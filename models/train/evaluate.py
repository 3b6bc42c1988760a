"""Scores a model on a volume, or on one fold of it, with the product's own watershed and agglomeration (score.ts).

    evaluate.py MODEL --data data/pack.npz [--volume NAME] [--fold 0/4] [--combine minimum]

MODEL is a weights.pt or an .onnx file. The EM around a fold is shown to the model; its truth is not scored. --combine shows it
all eight mirror images, as `stages.affinity.augment: 8` does.
"""
import argparse, json, os, pathlib, subprocess, sys, tempfile

import numpy as np
import torch

import data, export, targets
from served import Served

BLOCK, HALO = 96, 24  # with its halo on both sides a block is a multiple of 16; a cropped graph brings its own halo
HERE = pathlib.Path(__file__).parent


def predictor(path, threads):
    """A function from uint8 EM (z, y, x) to uint8 affinities (c, z, y, x), and the halo that it is to be given."""
    if str(path).endswith(".onnx"):
        card = json.loads(pathlib.Path(path).with_name("card.json").read_text())
        return export.runner(path, threads), card["halo"]["recommended"] if "cropped" in card["output"] else HALO
    torch.set_num_threads(threads)
    settings, _, net = export.network(path)
    model = Served(net, export.ODDS[settings.task])

    def run(em):
        with torch.no_grad():
            return model(torch.from_numpy(np.ascontiguousarray(em))[None, None])[0].numpy()

    return run, HALO


def mirrored(run, combine):
    """The nearest affinities of all eight mirror images in one."""

    def of(em, axes):
        return targets.mirrored(torch.from_numpy(run(np.flip(em, axes))[:3]), "isotropic", axes).numpy()

    images = [[a for a in range(3) if k >> a & 1] for k in range(8)]
    if combine == "minimum":
        return lambda em: np.minimum.reduce([of(em, axes) for axes in images])
    return lambda em: np.round(np.mean([of(em, axes) for axes in images], axis=0)).astype(np.uint8)


def nearest_affinities(run, halo, em, low, high):
    """The first three channels of the slices low to high, block by block with a halo; beyond the volume lies its mirror image."""
    box = [range(low, high), *(range(n) for n in em.shape[1:])]
    blocks = [-(-len(r) // -(-len(r) // BLOCK)) for r in box]  # equal ones along each axis
    blocks = [-(-b // export.MULTIPLE) * export.MULTIPLE for b in blocks]
    padded = np.pad(em, [(halo, halo + b) for b in blocks], "symmetric")
    out = np.zeros((3, *(len(r) for r in box)), np.uint8)
    for corner in np.ndindex(*(-(-len(r) // b) for r, b in zip(box, blocks))):
        at = [c * b for c, b in zip(corner, blocks)]
        view = [slice(r.start + l, r.start + l + b + 2 * halo) for r, l, b in zip(box, at, blocks)]
        target = out[(slice(None), *(slice(l, l + b) for l, b in zip(at, blocks)))]
        made = run(padded[tuple(view)])
        starts = [halo - (v.stop - v.start - n) // 2 for v, n in zip(view, made.shape[1:])]
        target[:] = made[(slice(3), *(slice(s, s + n) for s, n in zip(starts, target.shape[1:])))]
    return out


def score(affinity, truth):
    with tempfile.TemporaryDirectory() as folder:
        files = [os.path.join(folder, n) for n in ("affinity.npy", "truth.npy")]
        for path, array in zip(files, (affinity, truth.astype(np.uint32))):
            np.save(path, array)
        done = subprocess.run(["node", str(HERE / "score.ts"), *files], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def evaluate(model, pack, volume=None, fold=None, threads=1, combine=None):
    volumes = data.load(pack)
    v = next((v for v in volumes if v.name == volume), None) if volume else volumes[0]
    if not v:
        sys.exit(f"--volume {volume}: the packed file has {', '.join(v.name for v in volumes)}")
    em, truth = v.em.numpy(), v.truth.numpy()
    low, high = data.fold_slices(len(em), data.parse_fold(fold)) if fold else (0, len(em))
    run, halo = predictor(model, threads)
    return score(nearest_affinities(mirrored(run, combine) if combine else run, halo, em, low, high), truth[low:high])


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model")
    p.add_argument("--data", required=True)
    p.add_argument("--volume", help="the first of the pack by default")
    p.add_argument("--fold", help="K/N")
    p.add_argument("--combine", choices=["minimum", "mean"])
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    print(json.dumps(evaluate(a.model, a.data, a.volume, a.fold, a.threads, a.combine), indent=1))
