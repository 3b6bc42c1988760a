"""Exports the mean weights of a run as a model folder: model.onnx, checked against PyTorch, and card.json.

    export.py runs/fib/weights.pt OUT_FOLDER --data data/pack.npz [--name fib-affinity --version 2]

The halo of the card is measured: by how much the middle of a piece of the first packed volume changes with less around it. The graph
gives what lies inside of it, and no more is computed; nothing is written unless that equals the middle of what the whole graph gives.
"""
import argparse, copy, hashlib, json, math, pathlib, tempfile, warnings

import numpy as np
import onnx
import onnxruntime
import torch
from torch.utils.flop_counter import FlopCounterMode

import checkpoint, data, targets
from net import POOLS
from served import Cropped, Served, folded

MULTIPLE, OPSET = 16, 18
CORE = 32  # edge of the middle piece by which the halo is judged
TOLERANCE = 0.3  # mean difference in units of 1/255 that a halo may leave
# Training weighs both classes of a channel alike, though most neighbours belong together. Four times the odds of affinities brings the
# threshold that is best in folds to the default of the product.
ODDS = {"affinity": 4, "synapse": 1}
KINDS = {
    "isotropic": {"voxelSizeNm": [10, 10, 10], "voxelSizeRangeNm": [8, 12]},
    "anisotropic": {"voxelSizeNm": [6, 6, 40], "voxelSizeRangeNm": [[4, 8], [4, 8], [30, 50]]},
}


def network(path):
    settings, progress, content = checkpoint.load(path)
    net = settings.net()
    net.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in content["mean"].items()})
    return settings, progress, folded(net.eval())


def write_onnx(model, path, output, halo):
    x = torch.randint(0, 255, (1, 1, *(2 * halo + n for n in (32, 48, 64))), dtype=torch.uint8)
    axes, made = ({2: f"z{n}", 3: f"y{n}", 4: f"x{n}"} for n in ("", "_out"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (x,), str(path), input_names=["em"], output_names=[output], opset_version=OPSET,
            dynamic_axes={"em": axes, output: made}, dynamo=False,
        )  # fmt: skip
    onnx.checker.check_model(str(path))


def runner(path, threads=1):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda em: session.run(None, {session.get_inputs()[0].name: em[None, None]})[0][0]


def largest_difference(model, run, whole, halo):
    """Between PyTorch and ONNX Runtime, of 255, on noise of a shape that the export has not seen; the whole graph gives the same bytes."""
    em = np.random.default_rng(0).integers(0, 256, [2 * halo + n for n in (48, 32, 80)], np.uint8)
    here = run(em)
    if not np.array_equal(here, whole(em)[(slice(None), *(slice(halo - 1, 1 - halo),) * 3)]):
        raise SystemExit("the cropped graph does not give what the whole one does")
    with torch.no_grad():
        there = model(torch.from_numpy(em)[None, None])[0].numpy()
    return int(np.abs(there.astype(int) - here).max())


def multiply_adds(model, halo=0, block=(128, 256, 256)):
    """For each voxel of a block (z, y, x), with its halo; counted from shapes, nothing is computed."""
    em = torch.empty(1, 1, *(n + 2 * halo for n in block), dtype=torch.uint8, device="meta")
    with FlopCounterMode(display=False) as counted, torch.no_grad():
        copy.deepcopy(model).to("meta")(em)
    return round(counted.get_total_flops() / 2 / math.prod(block))


def halo_table(run, em):
    """Mean difference to all the context there is, of 255, by halo."""
    halos = [h for h in range(8, 65, 8) if all(CORE + 2 * h <= n for n in em.shape)]
    middle = [n // 2 // MULTIPLE * MULTIPLE for n in em.shape]
    views = []
    for h in halos:
        # Sides a multiple of what the pooling needs, as the product pads them; the core stands where it stood.
        low = [m - h for m in middle]
        block = em[tuple(slice(l, l + CORE + 2 * h) for l in low)]
        pad = [(0, -n % MULTIPLE) for n in block.shape]
        views.append(run(np.pad(block, pad, "reflect"))[(slice(None), *(slice(h, h + CORE),) * 3)].astype(float))
    return {h: round(float(np.abs(v - views[-1]).mean()), 2) for h, v in zip(halos[:-1], views)}


def card(a, settings, progress, net, path, halos, halo, adds, difference):
    affinity = settings.task == "affinity"
    channels = {"offsetsZYX": targets.OFFSETS[settings.kind]} if affinity else {"sites": targets.SITES}
    meaning = "channel c at voxel v: probability that v and v + offset[c] belong to the same neuron"
    return {
        "name": a.name,
        "version": a.version,
        "task": "voxel affinities" if affinity else "synaptic clefts and the sides before and behind them",
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "opset": OPSET,
        "parameters": sum(p.numel() for n, p in net.named_parameters() if not n.startswith("shapes")),
        "input": {
            **{"name": "em", "type": "uint8", "axes": list("nczyx"), "channels": 1, "spatialMultipleOf": MULTIPLE},
            "scaling": "none outside: the model divides by 255",
        },
        "output": {
            **{"name": settings.task, "type": "uint8", "axes": list("nczyx"), "channels": settings.outputs()},
            **{"cropped": halo - 1, "scaling": "probability = value / 255"},
        },
        **channels,
        **({"offsetMeaning": meaning} if affinity else {}),
        "halo": {
            "recommended": halo,
            "note": "voxels of real context on each side; mean difference to the largest context tried, of 255, by halo",
            "meanDifference": halos,
        },
        "multiplyAdds": {"note": "per voxel kept, of a block of 256 x 256 x 128 and of a volume without halo", **adds},
        **KINDS[settings.kind],
        "licence": a.licence,
        "architecture": f"3-D residual U-Net, {'/'.join(map(str, settings.widths))} channels, pooling {POOLS[settings.kind]}, "
        "batch normalisation folded at export, mean of the weights over training",
        "training": {
            "code": "models/train",
            "odds": ODDS[settings.task],
            "from": "random weights",
            "iterations": progress.iteration,
            "minutes": round(sum(s.get("minutes", 0) for s in progress.slices), 1),
            "fold": settings.fold,
            "without": list(settings.without),
            "runs": progress.slices,
        },
        "agreement": {"onnxruntime": onnxruntime.__version__, "largestDifferenceToPyTorch": difference},
    }


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("weights")
    p.add_argument("out", type=pathlib.Path)
    p.add_argument("--data", required=True, help="what pack.py wrote")
    p.add_argument("--name", default="fib-affinity")
    p.add_argument("--version", default="2")
    p.add_argument("--licence", default="that of the project; credit the authors of the data")
    a = p.parse_args()
    settings, progress, net = network(a.weights)
    odds = ODDS[settings.task]
    path = a.out / "model.onnx"
    with tempfile.TemporaryDirectory() as folder:
        made = [pathlib.Path(folder, name) for name in ("whole.onnx", path.name)]
        write_onnx(Served(net, odds), made[0], settings.task, 0)
        whole = runner(made[0])
        halos = halo_table(whole, data.load(a.data)[0].em.numpy())
        halo = next((h for h, d in halos.items() if d <= TOLERANCE), max(halos, default=8))
        # A voxel beyond the block stays: a mirror image says there what it has to say of pairs that begin in the block.
        model = Cropped(net, odds, halo - 1)
        write_onnx(model, made[1], settings.task, halo)
        difference = largest_difference(model, runner(made[1]), whole, halo)
        if difference > 1:
            raise SystemExit(f"ONNX Runtime and PyTorch differ by {difference} of 255")
        a.out.mkdir(parents=True, exist_ok=True)
        path.write_bytes(made[1].read_bytes())
    adds = {"block": multiply_adds(model, halo), "withoutHalo": multiply_adds(Served(net, odds))}
    about = card(a, settings, progress, net, path, halos, halo, adds, difference)
    (a.out / "card.json").write_text(json.dumps(about, indent=2) + "\n")
    print(f"{path}: {path.stat().st_size / 2**20:.1f} MiB,", json.dumps(about["agreement"]), json.dumps(about["halo"]))
