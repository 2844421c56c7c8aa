#!/bin/sh
# The packaged tiny Tag2Text, the tables of docs/results/tag2text.md, and recall of search. One core, about 25 CPU-minutes,
# 1 GB of memory. Needs the final tiny CLIP (runs/tiny_clip/train.sh tiny). Expected numbers: docs/results/tag2text.md.
set -eu
cd "$(dirname "$0")/.."
out=${1:-tag2text_tiny}
export OMP_NUM_THREADS=1
python runs/tag2text_tiny.py "$out"
python runs/tag2text_tables.py "$out"
python runs/tag2text_report.py "$out/results.json"
python runs/search_recall.py tiny:clip tagalign "$out/model"
