"""What models make of a raw volume that nobody has labelled, each the minimum over all eight mirror images: what train.py --taught learns.

    teach.py RAW.npy.gz TAUGHT.npz runs/fib/weights.pt [more weights, of which the mean is taken]
"""
import argparse

import numpy as np
import torch

import export, targets
from pack import read

BLOCK, HALO = 128, 24  # with its halo on both sides a block is a multiple of 16
MIRRORED = [[a for a in range(3) if k >> a & 1] for k in range(8)]


def least(settings, net, x):
    """The smallest probability that the mirror images of a block of EM (z, y, x; 0..1) give each pair: (channel, z, y, x)."""
    half = torch.cpu._is_avx512_bf16_supported()
    found = []
    for axes in MIRRORED:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=half):
            view = x.flip(axes)[None, None].contiguous(memory_format=torch.channels_last_3d)
            found.append(targets.mirrored(torch.sigmoid(net(view)[0][0].float()), settings.kind, axes))
    return torch.stack(found).amin(0)


def taught(models, em):
    """Affinities as uint8 (channel, z, y, x), 255 x probability as the networks give it, of EM (z, y, x)."""
    padded = np.pad(em, [(HALO, HALO + -n % BLOCK) for n in em.shape], "symmetric")
    out = np.zeros((models[0][0].outputs(), *em.shape), np.uint8)
    for corner in np.ndindex(*(-(-n // BLOCK) for n in em.shape)):
        low = [c * BLOCK for c in corner]
        x = torch.from_numpy(padded[tuple(slice(l, l + BLOCK + 2 * HALO) for l in low)] / np.float32(255))
        mean = torch.stack([least(settings, net, x) for settings, _, net in models]).mean(0)
        target = out[(slice(None), *(slice(l, l + BLOCK) for l in low))]
        target[:] = (mean[(slice(None), *(slice(HALO, HALO + n) for n in target.shape[1:]))] * 255).round()
        print(f"block {low}", flush=True)
    return out


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("raw")
    p.add_argument("out")
    p.add_argument("weights", nargs="+")
    p.add_argument("--threads", type=int, default=1)
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    em = read(a.raw)
    np.savez(a.out, em=em, affinity=taught([export.network(w) for w in a.weights], em))
