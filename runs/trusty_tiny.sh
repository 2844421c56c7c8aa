#!/usr/bin/env bash
# TrustyCLIP's tables on the tiny world (docs/results/trusty.md). No download.
# Not run to its end yet (docs/LOG.md). Expected duration: 40 CPU-minutes, one core; a stopped run goes on.
set -euo pipefail
cd "$(dirname "$0")/.."
OMP_NUM_THREADS=1 python runs/trusty_tiny.py --choose-rate --out "${1:-trusty-rows}"
