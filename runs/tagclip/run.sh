#!/bin/sh
# Every number of docs/results/tagclip.md: TagCLIP, CLS-SEG and gating on drawn scenes with the embedded model.
# About 10 minutes of one CPU core. Settings of all tables: SETTINGS in runs/tagclip/settings.py.
set -e
cd "$(dirname "$0")/../.."
exec python runs/tagclip/run.py --out docs/results "$@"
