#!/usr/bin/env bash
# Train the tiny CLIP that ships in src/tagalign/backbones/tiny, on pictures and alt text of the tiny world alone.
#
#   runs/train_tiny_clip.sh WORK        (WORK: a new folder, 7 GB of drawn scenes)
#
# Expected: see the table in docs/tiny-world.md, printed by the last line.
# Duration: about an hour and a half on two cores of a Xeon with AMX (bfloat16); several times longer without it (float32).
set -euo pipefail
cd "$(dirname "$0")/.."
work=${1:?give a new folder for the drawn scenes}
python=${PYTHON:-.venv/bin/python}
# One thread in each of two processes: threads of one process spin while they wait, which costs most of a busy machine.
export OMP_NUM_THREADS=1

"$python" runs/tiny_clip_data.py "$work/data" --easy 90000 --roomy 170000 --dense 120000
"$python" runs/train_tiny_clip.py "$work/data" "$work/phase1" --steps 2000
"$python" runs/train_tiny_clip.py "$work/data" "$work/phase2" --start "$work/phase1" \
  --first 2000 --steps 3800 --cooling 1200 --whole 300
"$python" runs/train_tiny_clip.py "$work/data" "$work/phase3" --start "$work/phase2" --resume phase2 \
  --mosaic --pooled 1 --steps 4500 --workers 1
"$python" runs/train_tiny_clip.py "$work/data" "$work/phase4" --start "$work/phase3" --resume phase3 \
  --mosaic --pooled 1 --near 3 --steps 5500 --cooling 600 --workers 1
"$python" runs/measure_tiny_clip.py "$work/phase4" --scenes 1000
