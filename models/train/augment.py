"""Random views of a crop: turned, bent, thinned along z, with the contrast, noise and faults that sections have.

All on the device of the crop, from seeded generators; targets are made afterwards, so directions are right by construction.
"""
from dataclasses import dataclass
import math

import torch
import torch.nn.functional as F


@dataclass
class Look:
    """How a kind of data is seen: the shape of a patch and how many voxels of the source one of its voxels takes along an axis."""

    shape: tuple
    step: tuple = ((0.85, 1.2),) * 3
    margin: int = 12  # of the source around the patch, for bending and turning
    bend: float = 1.5  # voxels
    jitter: float = 0.0  # of sections against each other, voxels

    @property
    def source(self):
        return tuple(math.ceil(n * s[1]) + 2 * self.margin for n, s in zip(self.shape, self.step))


class Dice:
    """Random numbers: few on the CPU, fields on the device; the same seed gives the same on the same kind of device."""

    def __init__(self, seed, device):
        self.cpu = torch.Generator().manual_seed(seed)
        self.device = device
        self.fields = torch.Generator(device).manual_seed(seed)

    def chance(self, p):
        return float(torch.rand((), generator=self.cpu)) < p

    def between(self, low, high):
        return low + (high - low) * float(torch.rand((), generator=self.cpu))

    def normal(self, *shape):
        return torch.randn(shape, generator=self.fields, device=self.device)

    def smooth(self, channels, shape, spacing):
        """A field of unit noise at nodes so many voxels apart."""
        nodes = [max(2, math.ceil(n / spacing) + 1) for n in shape]
        return F.interpolate(self.normal(1, channels, *nodes), tuple(shape), mode="trilinear", align_corners=True)[0]


def turned(em, truth, order, dice):
    """Axes in this order, each mirrored half of the time."""
    em, truth = em.permute(order), truth.permute(order)
    flips = [a for a in range(3) if dice.chance(0.5)]
    return em.flip(flips), truth.flip(flips)


def axis_order(look, dice):
    """The three axes in any order: the source is isotropic, whatever is made of it."""
    return torch.randperm(3, generator=dice.cpu).tolist()


def rotation(dice, most):
    """About a random axis, by up to so many degrees."""
    k = torch.randn(3, generator=dice.cpu)
    k = k / k.norm()
    cross = torch.tensor([[0, -k[2], k[1]], [k[2], 0, -k[0]], [-k[1], k[0], 0]])
    t = math.radians(dice.between(-most, most))
    return torch.eye(3) + math.sin(t) * cross + (1 - math.cos(t)) * cross @ cross


def warped(em, truth, look, dice):
    """The patch of `look` out of its source: scaled, and mostly turned a little and bent. EM in 0..1; outside truth is 0."""
    device, shape = em.device, look.shape
    step = torch.tensor([dice.between(*s) for s in look.step])
    at = torch.meshgrid(*[torch.arange(n, device=device) - (n - 1) / 2 for n in shape], indexing="ij")
    matrix = torch.diag(step)
    if dice.chance(0.5):
        matrix = rotation(dice, 30) @ matrix
    p = torch.einsum("ij,jzyx->izyx", matrix.to(device), torch.stack(at))
    if dice.chance(0.7):
        p = p + dice.between(0, look.bend) * dice.smooth(3, shape, 24)
    if look.jitter:
        p[1:] += look.jitter * dice.normal(2, shape[0], 1, 1)
    source = torch.tensor(em.shape, device=device).view(3, 1, 1, 1)
    grid = (2 * p / (source - 1)).flip(0).permute(1, 2, 3, 0)[None]
    grey = em[None, None].float() / 255
    thick = round(float(step[0]))
    if thick > 1:  # a section is as thick as the way to the next one, and shows all of it
        grey = F.avg_pool3d(grey, (2 * (thick // 2) + 1, 1, 1), 1, (thick // 2, 0, 0), count_include_pad=False)
    grey = F.grid_sample(grey, grid, padding_mode="reflection", align_corners=True)[0, 0]
    labels = F.grid_sample(truth[None, None].float(), grid, mode="nearest", align_corners=True)[0, 0]
    return grey, labels.round().int()


def blurred(x, sigma, axes):
    for axis in axes:
        r = max(1, math.ceil(2.5 * sigma))
        k = torch.exp(-0.5 * (torch.arange(-r, r + 1, device=x.device) / sigma) ** 2)
        size = [1, 1, 1]
        size[axis] = 2 * r + 1
        pad = [0] * 6
        pad[2 * (2 - axis)] = pad[2 * (2 - axis) + 1] = r
        x = F.conv3d(F.pad(x[None, None], pad, mode="replicate"), (k / k.sum()).view(1, 1, *size))[0, 0]
    return x


def lit(x, dice):
    """Another microscope: contrast, brightness, gamma, uneven light, focus, grain."""
    x = (x - 0.5) * dice.between(0.6, 1.5) + 0.5 + dice.between(-0.15, 0.15)
    if dice.chance(0.5):
        x = x.clamp(0, 1) ** dice.between(0.65, 1.5)
    if dice.chance(0.3):
        x = x + 0.05 * dice.smooth(1, x.shape, 40)[0]
    if dice.chance(0.25):
        x = blurred(x, dice.between(0.4, 1.0), range(3))
    if dice.chance(0.7):
        x = x + dice.between(0.01, 0.08) * dice.normal(*x.shape)
    return x


def faulty(x, dice, each):
    """Sections of other contrast, and a few of each kind that are missing, dark, out of focus or shifted; the truth stays."""
    if dice.chance(0.3):
        contrast, light = dice.normal(2, x.shape[0], 1, 1) * dice.between(0, 0.08)
        x = (x - 0.5) * (1 + contrast) + 0.5 + light
    x = x.clone()
    kinds = torch.rand(x.shape[0], generator=dice.cpu) / each
    for z in (kinds < 4).nonzero().flatten().tolist():
        kind = int(kinds[z])
        if kind == 0:
            x[z] = dice.between(0, 1) if dice.chance(0.3) else 0
        elif kind == 1:
            x[z] *= dice.between(0.2, 0.6)
        elif kind == 2:
            x[z] = blurred(x[z : z + 1], dice.between(1, 2.5), (1, 2))[0]
        else:
            x[z] = x[z].roll((round(dice.between(-4, 4)), round(dice.between(-4, 4))), (0, 1))
    return x


def augmented(em, truth, look, dice, faults=0.004):
    """EM in 0..1 and truth of one patch, from a crop of shape `look.source` in the order of its own axes."""
    x, labels = warped(em, truth, look, dice)
    return faulty(lit(x, dice), dice, faults).clamp(0, 1), labels
