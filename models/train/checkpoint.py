"""What a run leaves: state.pt to go on from, and weights.pt, a sixth of its size, to export or to start the next run from."""
import os
from dataclasses import asdict, dataclass, field

import torch

from net import POOLS, UNet, WIDTHS
from targets import OFFSETS, SITES


@dataclass
class Settings:
    """What a checkpoint must agree on with the run that goes on from it."""

    task: str = "affinity"
    kind: str = "isotropic"
    widths: tuple = WIDTHS
    fold: str | None = None
    without: tuple = ()

    def outputs(self):
        return len(OFFSETS[self.kind]) if self.task == "affinity" else len(SITES)

    def net(self):
        return UNet(self.outputs(), self.widths, POOLS[self.kind])


@dataclass
class Progress:
    iteration: int = 0
    slices: list = field(default_factory=list)  # one entry per run: device, minutes, iterations, batch, patch, data


def average(mean, net, iteration):
    """Exponential moving average of the weights, over few steps at first."""
    d = min(0.999, (1 + iteration) / (10 + iteration))
    with torch.no_grad():
        for m, v in zip(mean.state_dict().values(), net.state_dict().values()):
            if m.is_floating_point():
                m.lerp_(v.to(m.dtype), 1 - d)
            else:
                m.copy_(v)


def write(path, content):
    torch.save(content, f"{path}.tmp")
    os.replace(f"{path}.tmp", path)


def save(folder, settings, progress, net, mean, optimiser):
    about = {"settings": asdict(settings), "progress": asdict(progress)}
    write(
        os.path.join(folder, "state.pt"),
        {**about, "net": net.state_dict(), "mean": mean.state_dict(), "optimiser": optimiser.state_dict()},
    )
    # Kernels as half precision: that changes an output by less than its rounding to 1/255.
    half = {k: v.half() if v.dim() == 5 else v for k, v in mean.state_dict().items()}
    write(os.path.join(folder, "weights.pt"), {**about, "mean": half})


def load(path):
    """Settings, progress and the file's content."""
    content = torch.load(path, map_location="cpu", weights_only=True)
    return Settings(**content["settings"]), Progress(**content["progress"]), content


def resume(folder, start, settings, net, mean, optimiser):
    """Goes on from state.pt of the folder, else from the weights `start`, else from nothing."""
    path = os.path.join(folder, "state.pt")
    if not os.path.exists(path):
        path = start
    if not path:
        mean.load_state_dict(net.state_dict())
        return Progress()
    was, progress, content = load(path)
    # Who holds nothing out may start from what has seen a part of the data.
    same = {"fold": None, "without": ()} if path == start and not settings.fold and not settings.without else {}
    if asdict(was) | same != asdict(settings):
        raise SystemExit(f"{path} is of {was}, this run is of {settings}: name another --out")
    mean.load_state_dict(content["mean"])
    net.load_state_dict(content.get("net", content["mean"]))
    if "optimiser" in content:
        optimiser.load_state_dict(content["optimiser"])
    return progress
