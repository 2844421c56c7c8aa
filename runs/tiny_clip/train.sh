#!/usr/bin/env bash
# Train a CLIP that ships in src/tagalign/backbones/packaged, on pictures and alt text of the tiny world alone.
#
#   runs/tiny_clip/train.sh NAME WORK        (NAME: tiny or tiny-plain; WORK: a folder, 7 GB of drawn scenes)
#
# The same command goes on where it stopped. Expected: the tables in docs/tiny-world.md, printed by the last line.
# Duration on two cores of a Xeon with AMX (bfloat16): `tiny` an hour and a half, `tiny-plain` three quarters of an hour;
# several times longer without it (float32).
set -euo pipefail
cd "$(dirname "$0")/../.."
name=${1:?give tiny or tiny-plain}
work=${2:?give a folder for the drawn scenes}
python=${PYTHON:-.venv/bin/python}
# One thread in each of two processes: threads of one process spin while they wait, which costs most of a busy machine.
export OMP_NUM_THREADS=1

if [ ! -d "$work/data/tokenizer" ]; then
  "$python" runs/tiny_clip/draw.py "$work/data" --easy 90000 --roomy 170000 --dense 120000
fi
"$python" runs/tiny_clip/train.py "$name" "$work"
"$python" runs/tiny_clip/measure.py "$work/$name" --scenes 1000
