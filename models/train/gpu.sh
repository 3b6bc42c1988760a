#!/usr/bin/env bash
# Spends some minutes of a GPU on a run and leaves what is needed to go on in $OUT: gpu.sh MINUTES RUN [options of train.py].
# Goes on from runs/RUN/state.pt, else from weights/RUN.pt, if they are there. Files of at most 15 MiB each:
# `cat state.pt.* > runs/RUN/state.pt` puts the state together again.
set -euo pipefail
cd "$(dirname "$0")"
minutes=$1 run=$2
shift 2
out=${OUT:?the folder that comes back}
export PYTHONUNBUFFERED=1
python3 - <<'PY'
import torch
assert torch.cuda.is_available(), "no GPU that PyTorch sees"
print("torch", torch.__version__, torch.cuda.get_device_name(), f"{torch.cuda.mem_get_info()[1] / 2**30:.0f} GiB")
PY
start=()
if [ -f "weights/$run.pt" ]; then start=(--start "weights/$run.pt"); fi
python3 train.py --data data/pack.npz --out "runs/$run" --minutes "$minutes" "${start[@]}" "$@"
cp "runs/$run/weights.pt" "runs/$run/log.jsonl" "$out/"
split -b 15M "runs/$run/state.pt" "$out/state.pt."
python3 export.py "runs/$run/weights.pt" "$out/model" --data data/pack.npz
