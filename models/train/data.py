"""Packed volumes, the folds that are held out of them, and the crops that training draws from the rest."""
from dataclasses import dataclass

import numpy as np
import torch

GAP = 10  # slices on each side of a held-out block that are not trained on either


@dataclass
class Volume:
    name: str
    em: torch.Tensor  # uint8, axes z, y, x
    truth: torch.Tensor  # int32 of the same shape; 0 = unknown


def load(path, truth="labels", device="cpu"):
    """The volumes of a packed file (pack.py) that have this kind of truth, in the order in which they were packed."""
    with np.load(path) as pack:
        kinds = [("em", np.uint8), (truth, np.int32)]
        names = [key.removesuffix("/em") for key in pack.files if key.endswith("/em")]
        return [
            Volume(n, *(torch.from_numpy(pack[f"{n}/{k}"].astype(t)).to(device) for k, t in kinds))
            for n in names
            if f"{n}/{truth}" in pack.files
        ]


def parse_fold(text):
    k, n = (int(v) for v in text.split("/"))
    if not 0 <= k < n:
        raise ValueError(f"fold {text}: 0/n to {n - 1}/n")
    return k, n


def fold_slices(depth, fold):
    """First and last-but-one z of block k of n."""
    k, n = fold
    return k * depth // n, (k + 1) * depth // n


def split(volumes, fold=None, without=()):
    """What may be trained on: all but the volumes named, and of the first volume all but a fold and the gap around it."""
    for name in set(without) - {v.name for v in volumes}:
        raise ValueError(f"--without {name}: the packed file has {', '.join(v.name for v in volumes)}")
    out = [v for v in volumes if v.name not in without]
    if not fold:
        return out
    first, *rest = out
    low, high = fold_slices(first.em.shape[0], fold)
    parts = [slice(0, max(0, low - GAP)), slice(high + GAP, None)]
    cut = [Volume(f"{first.name}[{s.start}:{s.stop or ''}]", first.em[s], first.truth[s]) for s in parts]
    return [v for v in cut if v.em.shape[0] > 1] + rest


def reflected(start, count, length, device):
    """Indices start .. start + count of an axis of this length, mirrored at its ends, and which of them lie on it."""
    i = torch.arange(start, start + count, device=device)
    period = max(1, 2 * (length - 1))
    j = i.remainder(period)
    return torch.minimum(j, period - j) if length > 1 else j * 0, (i >= 0) & (i < length)


def crop(volume, shape, g):
    """EM and truth of a random box of this shape; where the volume is smaller it is mirrored, with the truth unknown."""
    em, truth = volume.em, volume.truth
    known = torch.ones((), dtype=torch.bool, device=em.device)
    for axis, (want, have) in enumerate(zip(shape, em.shape)):
        low, high = min(0, have - want), max(0, have - want)
        start = int(torch.randint(low, high + 1, (), generator=g))
        index, inside = reflected(start, want, have, em.device)
        em, truth = em.index_select(axis, index), truth.index_select(axis, index)
        known = known & inside.view([-1 if a == axis else 1 for a in range(3)])
    return em, torch.where(known, truth, 0)


def draw(volumes, shape, g):
    """A crop of a random volume; small ones come more often than their share of the voxels."""
    weights = torch.tensor([v.em.numel() ** 0.5 for v in volumes], dtype=torch.float64)
    return crop(volumes[int(torch.multinomial(weights, 1, generator=g))], shape, g)
