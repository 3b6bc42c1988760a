"""The network as the product runs it: uint8 EM in, 255 x probability as uint8 out, for all of its input or for the middle of it alone."""
import functools, itertools, math

import torch
from torch import nn
import torch.nn.functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

# The fine levels are computed in so many pieces along z, one after the other: only one holds its tensors.
SLABS = 4


def folded(net):
    """The network with each batch normalisation in the convolution before it."""
    for module in list(net.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Sequential) and isinstance(child[-1], nn.BatchNorm3d):
                setattr(module, name, fuse_conv_bn_eval(*child))
    return net


def without(x, low, high=None):
    """A tensor of axes n, c, z, y, x without so many voxels along z, y, x at the low and at the high face (as many, by default)."""
    cut = [-n for pair in zip(reversed(low), reversed(high or low)) for n in pair]
    return F.pad(x, cut) if any(cut) else x


class Served(nn.Module):
    def __init__(self, net, odds=1):
        super().__init__()
        self.net, self.shift = net, math.log(odds)

    def probability(self, logits):
        return torch.round(torch.sigmoid(logits + self.shift) * 255).to(torch.uint8)

    def forward(self, em):
        return self.probability(self.net(em.float() / 255)[0])


class Cropped(Served):
    """
    The same values for the input without `cropped` voxels (at least 3) at each face: on the way up every level is computed for what
    the finer ones need of it, and its convolutions, without padding, take two voxels of it at each face.
    """

    def __init__(self, net, odds, cropped):
        super().__init__(net, odds)
        # Of each level, along z, y, x: what is left out at each face of what its convolutions get, and of what they give.
        self.into, self.out, out = [], [], [cropped] * 3
        for pool in net.pools:
            self.out.append([o if o >= 2 else 0 for o in out])
            self.into.append([max(0, o - 2) for o in out])
            out = [i // p for i, p in zip(self.into[-1], pool)]
        self.out.append([0] * 3)

    def residual(self, k, x):
        padding = [int(i == o) for i, o in zip(self.into[k], self.out[k])]
        first, second = self.net.up[k].first, self.net.up[k].second
        x = F.relu(F.conv3d(x, first.weight, first.bias, padding=padding))
        y = F.conv3d(x, second.weight, second.bias, padding=padding)
        return F.relu(without(x, [1 - p for p in padding]) + y)

    def forward(self, em):
        net = self.net
        # ONNX Runtime computes of two inputs of a node that first which comes later here: each skip is cropped before the levels below.
        x, skip = self.first(em)
        skips = [None, skip]
        for k, block in enumerate(net.down[2:], 2):
            x = block(x)
            if k < len(net.pools):
                skips.append(x)
                x = F.max_pool3d(x, net.pools[k])
        for k in reversed(range(1, len(net.pools))):
            x = self.residual(k, self.wide(k, net.widen[k](x)) + (without(skips[k], self.into[k]) if k > 1 else skip))
        return self.last(em, net.widen[0](x))

    def wide(self, k, x, more=0):
        """Level k + 1 at the resolution of level k, without what that leaves out; `more` voxels along z go at the high face too."""
        factor = self.net.pools[k]
        low = [i - p * o for i, p, o in zip(self.into[k], factor, self.out[k + 1])]
        x = F.interpolate(x, scale_factor=tuple(float(p) for p in factor), mode="nearest")
        return without(x, low, [low[0] + more, *low[1:]])

    def pooled(self, em):
        """The first convolution and the maximum over what is pooled, as the maximum of as many convolutions that skip the others."""
        first, pool = self.net.down[0][0], self.net.pools[0]
        em = em.float() / 255
        starts = itertools.product(*map(range, pool))
        each = [F.conv3d(without(em, s, [0] * 3), first.weight, first.bias, stride=pool) for s in starts]
        return F.relu(functools.reduce(torch.maximum, each))

    def first(self, em):
        """Of level 1 what is pooled for level 2, and what the way up needs, slab by slab."""
        (factor, *_), pool = self.net.pools[:2]
        one, two = self.net.down[1].first, self.net.down[1].second
        rows = em.shape[2] // factor // pool[0]
        margin = -(-self.into[1][0] // pool[0])
        em = F.pad(em, [1] * 6)
        pooled, skips = [], []
        for s in range(SLABS):
            # 1 at a face of the input, where convolutions see zeros instead of two slices of the next slab.
            low, high = int(s == 0), int(s == SLABS - 1)
            start, stop = ((margin + (rows - 2 * margin) * i // SLABS) * pool[0] for i in (s, s + 1))
            start, stop = 0 if low else start - 2, rows * pool[0] if high else stop + 2
            pad = [0, 0, 0, 0, low, high]
            x = F.pad(self.pooled(em[:, :, factor * start : factor * stop + 2]), pad)
            x = F.relu(F.conv3d(x, one.weight, one.bias, padding=(0, 1, 1)))
            y = F.conv3d(F.pad(x, pad), two.weight, two.bias, padding=(0, 1, 1))
            x = F.relu(without(x, [1 - low, 0, 0], [1 - high, 0, 0]) + y)
            skips.append(without(x, *([n * edge, *self.into[1][1:]] for n, edge in zip(self.into[1][:1] * 2, (low, high)))))
            pooled.append(F.max_pool3d(x, pool))
        return torch.cat(pooled, 2), torch.cat(skips, 2)

    def last(self, em, low):
        """Level 0: its first convolution again, where that is needed, and all that follows, slab by slab."""
        net, factor = self.net, self.net.pools[0][0]
        em = without(em, [i - 1 for i in self.into[0]])
        before = self.into[0][0] - factor * self.out[1][0]
        # Slices of `low` that a slab sees beyond its own: its convolutions take two voxels at each face.
        beyond = -(-(before + 4) // factor)
        slices = low.shape[2] - beyond
        slabs = []
        for s in range(SLABS):
            start, stop = slices * s // SLABS, slices * (s + 1) // SLABS
            seen = em[:, :, factor * start : factor * stop + 6].float() / 255
            skip = F.relu(F.conv3d(seen, net.down[0][0].weight, net.down[0][0].bias))
            wide = self.wide(0, low[:, :, start : stop + beyond], factor * beyond - 4 - 2 * before)
            slabs.append(self.probability(net.head(self.residual(0, wide + skip))))
        return torch.cat(slabs, 2)
