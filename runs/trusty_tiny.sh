#!/usr/bin/env bash
# TrustyCLIP's tables on the tiny world (docs/results/trusty.md). No download.
# Expected: the numbers of docs/results/trusty.md, bit for bit on the same CPU type. Duration: about 15 CPU-minutes, one core.
set -euo pipefail
cd "$(dirname "$0")/.."
OMP_NUM_THREADS=1 python runs/trusty_tiny.py --choose-rate --out "${1:-trusty-rows}"
