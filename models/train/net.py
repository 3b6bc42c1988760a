"""The network: a 3D U-Net with residual blocks, a head for affinities (or synapse sites) and one for shape descriptors."""
from torch import nn
import torch.nn.functional as F

from targets import DESCRIPTORS

# Twice as wide a view as version 1 of fib-affinity (four halvings instead of three) for about 1.3 times its arithmetic.
WIDTHS = (16, 32, 64, 96, 128)
POOLS = {"isotropic": [(2, 2, 2)] * 4, "anisotropic": [(1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2)]}


def convolution(i, o):
    return nn.Sequential(nn.Conv3d(i, o, 3, padding=1, bias=False), nn.BatchNorm3d(o, momentum=0.02))


class Residual(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.first, self.second = convolution(i, o), convolution(o, o)

    def forward(self, x):
        x = F.relu(self.first(x))
        return F.relu(x + self.second(x))


class Single(nn.Sequential):
    def __init__(self, i, o):
        super().__init__(convolution(i, o), nn.ReLU())


class UNet(nn.Module):
    def __init__(self, outputs, widths=WIDTHS, pools=POOLS["isotropic"]):
        super().__init__()
        self.pools = [tuple(p) for p in pools]
        w = widths
        # Full resolution costs most: one convolution on the way down, two on the way up.
        self.down = nn.ModuleList([Single(1, w[0]), *(Residual(i, o) for i, o in zip(w, w[1:]))])
        self.widen = nn.ModuleList(nn.Conv3d(o, i, 1) for i, o in zip(w, w[1:]))
        self.up = nn.ModuleList(Residual(i, i) for i in w[:-1])
        self.head = nn.Conv3d(w[0], outputs, 1)
        self.shapes = nn.Conv3d(w[1], DESCRIPTORS, 1)

    def forward(self, x):
        """Logits of the outputs and, after the first pooling, of the shape descriptors (None where nobody trains)."""
        skips = [self.down[0](x)]
        for pool, block in zip(self.pools, self.down[1:]):
            skips.append(block(F.max_pool3d(skips[-1], pool)))
        x, shapes = skips[-1], None
        for k in reversed(range(len(self.up))):
            if k == 0 and self.training:
                shapes = self.shapes(x)
            wide = F.interpolate(self.widen[k](x), scale_factor=tuple(float(p) for p in self.pools[k]), mode="nearest")
            x = self.up[k](wide + skips[k])
        return self.head(x), shapes
