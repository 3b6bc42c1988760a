"""Trains and scores one model per fold of the first volume, with the same choices, and prints the mean and the spread.

    crossvalidate.py --data data/pack.npz --out weights --folds 2 --minutes 0 [--combine minimum]
    crossvalidate.py --data data/pack.npz --out runs/cv --folds 4 --minutes 10 [--without NAME] [options of train.py]

What has been trained already goes on for so many minutes more; --minutes 0 scores only. Volumes that no fold was trained on
(--without) are scored by the model of each fold. Choices are made on these figures; what is reported elsewhere comes from
data that no choice was made on.
"""
import argparse, json, os, pathlib, statistics, subprocess, sys

import checkpoint
from evaluate import evaluate

HERE = pathlib.Path(__file__).parent



def table(scored):
    """Prints mean and spread over the models, by threshold, of what `evaluate` gives."""
    print("threshold  VOI mean (spread)  split  merge  border ignored  ARAND")
    for rows in zip(*(s["thresholds"] for s in scored)):
        mean = {k: statistics.mean(r[k] for r in rows) for k in rows[0]}
        spread = statistics.stdev([r["voi"] for r in rows]) if len(rows) > 1 else 0
        print(
            f"{mean['threshold']:9.2f}  {mean['voi']:8.3f} ({spread:.3f})  {mean['split']:5.3f}  {mean['merge']:5.3f}"
            f"  {mean['voiInner']:14.3f}  {mean['arand']:5.3f}"
        )
    oracles = [statistics.mean(s["oracle"][k] for s in scored) for k in ("voi", "voiInner")]
    print(f"best of the fragments {oracles[0]:.3f}, border ignored {oracles[1]:.3f}", flush=True)


if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--folds", type=int, default=4)
    p.add_argument("--minutes", type=float, default=10)
    p.add_argument("--combine", choices=["minimum", "mean"], help="show each model all mirror images")
    p.add_argument("--threads", type=int, default=1)
    a, options = p.parse_known_args()
    scored = {}
    for k in range(a.folds):
        fold, out = f"{k}/{a.folds}", os.path.join(a.out, f"fold{k}")
        if a.minutes > 0:
            command = [sys.executable, HERE / "train.py", "--data", a.data, "--out", out, "--fold", fold]
            command += ["--minutes", str(a.minutes), "--threads", str(a.threads), *options]
            subprocess.run(command, check=True)
        weights = os.path.join(out, "weights.pt")
        settings = checkpoint.load(weights)[0]
        if settings.fold != fold:
            sys.exit(f"{weights} was trained without fold {settings.fold}, not {fold}: its figures would not be held out")
        for volume in (None, *settings.without):
            found = evaluate(weights, a.data, volume, None if volume else fold, a.threads, a.combine)
            print(volume or fold, json.dumps({k: found[k] for k in ("fragments", "oracle", "best")}), flush=True)
            scored.setdefault(volume or "folds of the first volume", []).append(found)
    for name, each in scored.items():
        print(f"\n{name}, {len(each)} models that have not seen it")
        table(each)
