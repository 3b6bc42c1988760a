"""What the network is to say of a patch of truth, and where that is known: affinities, shape descriptors, synapse sites."""
import torch
import torch.nn.functional as F

# The first three are what the watershed reads; their order is that of the model's card.
OFFSETS = {
    "isotropic": [(-d if a == 0 else 0, -d if a == 1 else 0, -d if a == 2 else 0) for d in (1, 3, 9) for a in range(3)],
    "anisotropic": [(-1, 0, 0), (0, -1, 0), (0, 0, -1), (-2, 0, 0), (0, -9, 0), (0, 0, -9), (-3, 0, 0), (0, -27, 0), (0, 0, -27)],
}
SITES = ["cleft", "pre", "post"]
DESCRIPTORS = 10


RIM = {"isotropic": (3, 3, 3), "anisotropic": (1, 3, 3)}


def rim(labels, window):
    """Voxels with another label among their neighbours in this window."""
    x, pad = labels[None, None].float(), tuple(w // 2 for w in window)
    return (F.max_pool3d(x, window, 1, pad) != -F.max_pool3d(-x, window, 1, pad))[0, 0]


def affinities(labels, kind):
    """Target and mask, one channel per offset of the kind, of labels (z, y, x) in which 0 is unknown.

    Pairs of different labels are negative. Pairs of one label are positive, unless an end lies next to another object:
    nobody knows there to which side the membrane belongs, so they do not count.
    """
    offsets = OFFSETS[kind]
    target = torch.zeros((len(offsets), *labels.shape), dtype=torch.bool, device=labels.device)
    mask = torch.zeros_like(target)
    edge = rim(labels, RIM[kind])
    for c, offset in enumerate(offsets):
        here = tuple(slice(max(0, -o), n - max(0, o)) for o, n in zip(offset, labels.shape))
        there = tuple(slice(s.start + o, s.stop + o) for s, o in zip(here, offset))
        a, b = labels[here], labels[there]
        target[c][here] = a == b
        mask[c][here] = (a > 0) & (b > 0) & ((a != b) | ~(edge[here] | edge[there]))
    return target, mask


def mirrored(affinities, kind, axes):
    """Affinities of an image that is reversed along some axes, as those of the image: each pair is read at its other end.
    What comes in at a side is not known."""
    out = affinities.flip([a + 1 for a in axes])
    for c, offset in zip(range(len(out)), OFFSETS[kind]):
        for axis in axes:
            if offset[axis]:
                out[c] = out[c].roll(-offset[axis], axis)
    return out


def synapse_sites(truth):
    """Target and mask of clefts and of both sides of them; numbers as pack.py writes them."""
    target = torch.stack([truth == i + 2 for i in range(len(SITES))])
    return target, (truth > 0).expand_as(target)


def shape_descriptors(labels, step, sigma):
    """Local shape descriptors (Sheridan et al. 2022) of every `step`-th voxel, and a mask: in a Gaussian window around it the
    size of its object, the way to the object's centre of mass (3), its variances (3) and correlations (3), all 0 to 1."""
    coarse = labels[tuple(slice(None, None, s) for s in step)]
    device, shape = labels.device, coarse.shape
    ids, index = coarse.unique(return_inverse=True)
    width = torch.tensor([s / f for s, f in zip(sigma, step)], device=device)
    at = [torch.arange(n, device=device, dtype=torch.float32) for n in shape]
    window = [torch.exp(-0.5 * ((x[:, None] - x[None]) / w) ** 2) for x, w in zip(at, width)]

    def smooth(v):  # over the last three axes; a window is a matrix, as axes are short
        for k, w in zip("zyx", window):
            v = torch.einsum(f"...zyx,{k}w->...{'zyx'.replace(k, 'w')}", v, w)
        return v

    middle = [x - x.mean() for x in at]
    z, y, x = torch.meshgrid(*middle, indexing="ij")
    powers = torch.stack([torch.ones_like(z), z, y, x, z * z, y * y, x * x, z * y, z * x, y * x])
    own = torch.zeros_like(powers)  # moments of the object that a voxel belongs to
    objects = [i for i, label in enumerate(ids.tolist()) if label != 0]
    for some in torch.tensor(objects, device=device, dtype=torch.long).split(16):  # at once, so that a GPU has enough to do
        inside = (index == some.view(-1, 1, 1, 1))[:, None]
        own += (smooth(powers * inside) * inside).sum(0)
    whole = smooth(torch.ones_like(z)[None])[0]
    mass = own[0].clamp(min=1e-3)
    mean = own[1:4] / mass
    w = width.view(3, 1, 1, 1)
    variance = (own[4:7] / mass - mean**2).clamp(min=0)
    pairs = [(0, 1), (0, 2), (1, 2)]
    covariance = torch.stack([own[7 + k] / mass - mean[i] * mean[j] for k, (i, j) in enumerate(pairs)])
    deviation = torch.stack([(variance[i] * variance[j]).sqrt() for i, j in pairs]).clamp(min=1e-3)
    away = mean - torch.stack([z, y, x])
    out = torch.cat([(mass / whole)[None], away / w / 4 + 0.5, variance / w**2, covariance / deviation / 2 + 0.5])
    return out.clamp(0, 1), coarse > 0
