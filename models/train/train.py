"""Trains a model for some minutes, going on from where the last run of the same --out stopped.

    train.py --data data/pack.npz --out runs/fib --minutes 10 [--fold 0/4] [--without NAME] [--anisotropic | --synapses] [--taught FILE]

Leaves state.pt (to go on from) and weights.pt (to export) in --out, and a line per 20 iterations in log.jsonl. The patches of
an iteration depend on the seed and its number alone; with --iterations instead of --minutes so does all else.
"""
import argparse, json, os, signal, time

import numpy as np
import torch
import torch.nn.functional as F

import augment, checkpoint, data, targets
from net import POOLS

WARM_UP, COOL_DOWN = 100, 0.25  # iterations; last part of a run, in which the learning rate falls
SIGMA_NM = 80  # of the window of the shape descriptors


def look_of(settings, patch):
    if settings.kind == "isotropic":
        return augment.Look(shape=(patch,) * 3)
    # Isotropic data of 10 nm seen as sections of 30 to 50 nm with pixels of 4 to 8 nm.
    return augment.Look(shape=(patch // 4, patch, patch), step=((3, 5), (0.4, 0.8), (0.4, 0.8)), margin=10, jitter=0.5)


def example(volumes, settings, look, dice):
    """EM, target and mask of one patch, and shape descriptors with their mask."""
    order = augment.axis_order(look, dice)
    source = [0] * 3
    for axis, size in zip(order, look.source):
        source[axis] = size
    em, truth = augment.turned(*data.draw(volumes, source, dice.cpu), order, dice)
    x, truth = augment.augmented(em, truth, look, dice)
    if settings.task == "synapse":
        return x, *targets.synapse_sites(truth), None, None
    voxel = (40, 6, 6) if settings.kind == "anisotropic" else (10,) * 3
    step = POOLS[settings.kind][0]
    shapes = targets.shape_descriptors(truth, step, [SIGMA_NM / v for v in voxel])
    return x, *targets.affinities(truth, settings.kind), *shapes


def taught_example(taught, patch, dice):
    """A patch of what teach.py wrote: turned by right angles and lit, but not bent, as its affinities belong to its voxels."""
    em, affinity = taught
    at = [int(torch.randint(0, n - patch + 1, (), generator=dice.cpu)) for n in em.shape]
    box = tuple(slice(a, a + patch) for a in at)
    order = torch.randperm(3, generator=dice.cpu).tolist()
    axes = [a for a in range(3) if dice.chance(0.5)]
    x = em[box].permute(order).flip(axes).float() / 255
    soft = affinity[(slice(None), *box)].permute(0, *(1 + o for o in order)).float() / 255
    soft = targets.mirrored(soft[[3 * (c // 3) + order[c % 3] for c in range(len(soft))]], "isotropic", axes)
    x = augment.faulty(augment.lit(x, dice), dice, 0.004).clamp(0, 1)
    known = torch.ones_like(soft, dtype=torch.bool)
    for c, offset in enumerate(targets.OFFSETS["isotropic"]):
        for axis in axes:
            if offset[axis]:
                known[c].narrow(axis, 0, -offset[axis]).fill_(False)
    return x[None, None], soft[None], known[None]


def batch_of(volumes, settings, look, size, seed, iteration, device):
    dice = augment.Dice(seed * 1_000_003 + iteration, device)
    rows = zip(*(example(volumes, settings, look, dice) for _ in range(size)))
    x, *rest = (None if row[0] is None else torch.stack(row) for row in rows)
    return x[:, None].contiguous(memory_format=torch.channels_last_3d), *rest


def balanced(logits, target, mask):
    """Cross entropy in which both classes of a channel weigh the same, but no voxel more than ten times another."""
    t, m = target.float(), mask.float()
    axes = (0, 2, 3, 4)
    share = (t * m).sum(axes, keepdim=True) / m.sum(axes, keepdim=True).clamp(min=1)
    weight = torch.where(target, 0.5 / share.clamp(0.05, 0.95), 0.5 / (1 - share).clamp(0.05, 0.95)) * m
    loss = F.binary_cross_entropy_with_logits(logits.float(), t, reduction="none")
    return (loss * weight).sum() / weight.sum().clamp(min=1)


def soft(logits, target, mask):
    """Cross entropy with probabilities as the target."""
    loss = F.binary_cross_entropy_with_logits(logits.float(), target, reduction="none")
    return (loss * mask).sum() / mask.sum().clamp(min=1)


def rate(iteration, since, done):
    """Share of the learning rate: up over the first iterations of a run, down over its last quarter."""
    return min(1, (since + 1) / WARM_UP) * max(0.02, min(1, (1 - done) / COOL_DOWN))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", required=True, help="what pack.py wrote")
    p.add_argument("--out", required=True, help="folder of the run")
    p.add_argument("--start", help="weights.pt to start from where --out has no state.pt, of the same choices or, where nothing is held out, of a fold")
    p.add_argument("--minutes", type=float, default=10, help="of this run")
    p.add_argument("--iterations", type=int, help="of this run, instead of minutes")
    p.add_argument("--fold", help="K/N: hold block K of N along z of the first volume out")
    p.add_argument("--without", nargs="*", default=[], help="volumes that are not trained on")
    kind = p.add_mutually_exclusive_group()
    kind.add_argument("--anisotropic", action="store_true", help="see the data as serial sections")
    kind.add_argument("--synapses", action="store_true", help="clefts and their two sides; phantoms alone have the truth")
    p.add_argument("--taught", help="what teach.py wrote: every second iteration learns from it")
    p.add_argument("--widths", type=int, nargs=5, default=checkpoint.WIDTHS, help="channels of the levels")
    p.add_argument("--shapes", type=float, default=3, help="weight of the shape descriptors in the loss")
    p.add_argument("--patch", type=int, help="edge in voxels, a multiple of 16 (64 if --anisotropic); 96 on a GPU, 64 on a CPU")
    p.add_argument("--batch", type=int, help="8 on a GPU, 1 on a CPU")
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--threads", type=int, default=1, help="on a CPU")
    a = p.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    gpu = device == "cuda"
    half = gpu or torch.cpu._is_avx512_bf16_supported()  # on such a CPU bfloat16 is 3.7 times as fast
    patch, size = a.patch or (96 if gpu else 64) * (2 if a.anisotropic else 1), a.batch or (8 if gpu else 1)
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    torch.backends.cudnn.benchmark = True

    settings = checkpoint.Settings(
        task="synapse" if a.synapses else "affinity",
        kind="anisotropic" if a.anisotropic else "isotropic",
        widths=tuple(a.widths),
        fold=a.fold,
        without=tuple(a.without),
    )
    volumes = data.load(a.data, "sites" if a.synapses else "labels", device)
    volumes = data.split(volumes, a.fold and data.parse_fold(a.fold), a.without)
    taught = None
    if a.taught:
        if settings.task != "affinity" or a.anisotropic:
            raise SystemExit("--taught is for affinities of isotropic data")
        with np.load(a.taught) as pack:
            taught = tuple(torch.from_numpy(pack[k]).to(device) for k in ("em", "affinity"))
    os.makedirs(a.out, exist_ok=True)
    net, mean = (settings.net().to(device, memory_format=torch.channels_last_3d) for _ in range(2))
    optimiser = torch.optim.AdamW(net.parameters(), a.lr, weight_decay=1e-2)
    progress = checkpoint.resume(a.out, a.start, settings, net, mean, optimiser)
    look = look_of(settings, patch)
    first = progress.iteration
    this = {
        "device": torch.cuda.get_device_name() if gpu else f"CPU, {a.threads} threads",
        **{"torch": str(torch.__version__), "precision": "bfloat16" if half else "float32"},
        **{"seed": a.seed, "patch": look.shape, "batch": size, "lr": a.lr, "shapes": a.shapes},
        "data": [f"{v.name} {' x '.join(map(str, v.em.shape))}" for v in volumes],
        **({"taught": f"{' x '.join(map(str, taught[0].shape))} by {os.path.basename(a.taught)}"} if taught else {}),
    }
    progress.slices.append(this)
    print(json.dumps(this), f"from iteration {first}", flush=True)

    stopped = []
    for s in (signal.SIGTERM, signal.SIGINT):
        signal.signal(s, lambda *_: stopped.append(True))
    began = saved = time.monotonic()
    losses = []
    net.train()
    with open(os.path.join(a.out, "log.jsonl"), "a") as log:
        while not stopped:
            minutes, since = (time.monotonic() - began) / 60, progress.iteration - first
            done = since / a.iterations if a.iterations else minutes / a.minutes
            if done >= 1:
                break
            for group in optimiser.param_groups:
                group["lr"] = a.lr * rate(progress.iteration, since, done)
            learns = taught and progress.iteration % 2
            if learns:
                dice = augment.Dice(a.seed * 1_000_003 + progress.iteration, device)
                x, target, mask = map(torch.cat, zip(*(taught_example(taught, patch, dice) for _ in range(size))))
                x, shapes = x.contiguous(memory_format=torch.channels_last_3d), None
            else:
                x, target, mask, shapes, known = batch_of(volumes, settings, look, size, a.seed, progress.iteration, device)
            with torch.autocast(device, torch.bfloat16, enabled=half):
                logits, described = net(x)
            loss = parts = soft(logits, target, mask) if learns else balanced(logits, target, mask)
            if shapes is not None:
                off = ((torch.sigmoid(described.float()) - shapes) ** 2).mean(1) * known
                parts = torch.stack([loss, off.sum() / known.sum().clamp(min=1)])
                loss = parts[0] + a.shapes * parts[1]
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimiser.step()
            checkpoint.average(mean, net, progress.iteration)
            progress.iteration += 1
            if not learns:
                losses.append(parts.detach())
            this.update(minutes=round((time.monotonic() - began) / 60, 2), iterations=progress.iteration - first)
            if progress.iteration % 20 == 0:
                row = {"iteration": progress.iteration, "minutes": this["minutes"]}
                row["loss"] = [round(v, 4) for v in torch.stack(losses).mean(0).view(-1).tolist()]
                losses = []
                print(json.dumps(row), flush=True)
                print(json.dumps(row), file=log, flush=True)
            if time.monotonic() - saved > 60:
                checkpoint.save(a.out, settings, progress, net, mean, optimiser)
                saved = time.monotonic()
    checkpoint.save(a.out, settings, progress, net, mean, optimiser)
    print(f"{a.out}: iteration {progress.iteration}, {this.get('minutes', 0)} minutes of this run", flush=True)


if __name__ == "__main__":
    main()
