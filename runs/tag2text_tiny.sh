#!/bin/sh
# The packaged tiny Tag2Text and the tables of docs/results/tag2text.md. One core, about 50 minutes, 1 GB of memory.
# Needs the final tiny CLIP (runs/train_tiny_clip.sh). Expected numbers: docs/results/tag2text.md.
set -eu
out=${1:-tag2text_tiny}
python runs/tag2text_tiny.py "$out/ship"
python runs/tag2text_tables.py "$out/tables"
