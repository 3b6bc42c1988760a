"""Trains and scores one model per fold of the first volume, with the same choices, and prints the mean and the spread.

    crossvalidate.py --data data/pack.npz --out runs/cv --folds 4 --minutes 10 [options of train.py]

What has been trained already goes on for so many minutes more; --minutes 0 scores only. Choices are made on these figures;
what is reported elsewhere comes from data that no choice was made on.
"""
import argparse, json, os, pathlib, statistics, subprocess, sys

from evaluate import evaluate

HERE = pathlib.Path(__file__).parent

if __name__ == "__main__":
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--data", required=True)
    p.add_argument("--out", required=True)
    p.add_argument("--folds", type=int, default=4)
    p.add_argument("--minutes", type=float, default=10)
    p.add_argument("--threads", type=int, default=1)
    a, options = p.parse_known_args()
    by_threshold = {}
    oracles = []
    for k in range(a.folds):
        fold, out = f"{k}/{a.folds}", os.path.join(a.out, f"fold{k}")
        if a.minutes > 0:
            command = [sys.executable, HERE / "train.py", "--data", a.data, "--out", out, "--fold", fold]
            command += ["--minutes", str(a.minutes), "--threads", str(a.threads), *options]
            subprocess.run(command, check=True)
        scored = evaluate(os.path.join(out, "weights.pt"), a.data, fold=fold, threads=a.threads)
        print(fold, json.dumps({k: scored[k] for k in ("fragments", "oracle", "best")}), flush=True)
        oracles.append(scored["oracle"]["voi"])
        for row in scored["thresholds"]:
            by_threshold.setdefault(row["threshold"], []).append(row)
    print("threshold  VOI mean (spread)  split  merge  border ignored  ARAND")
    for threshold, rows in by_threshold.items():
        mean = {k: statistics.mean(r[k] for r in rows) for k in rows[0]}
        spread = statistics.stdev([r["voi"] for r in rows]) if len(rows) > 1 else 0
        print(
            f"{threshold:9}  {mean['voi']:8.3f} ({spread:.3f})  {mean['split']:5.3f}  {mean['merge']:5.3f}"
            f"  {mean['voiInner']:14.3f}  {mean['arand']:5.3f}"
        )
    print(f"oracle of the fragments {statistics.mean(oracles):.3f}")
