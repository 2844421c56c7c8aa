#!/bin/sh
# Every number of docs/results/tagclip.md: TagCLIP, CLS-SEG and gating on drawn scenes with both packaged encoders.
# About 25 minutes of one CPU core; a stopped run goes on. Settings of all tables: runs/tagclip/settings.py.
set -e
cd "$(dirname "$0")/../.."
exec python runs/tagclip/run.py "$@"
