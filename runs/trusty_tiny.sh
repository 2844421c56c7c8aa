#!/usr/bin/env bash
# TrustyCLIP's tables on the tiny world (docs/results/trusty.md). No download.
# Expected duration: 50 CPU-minutes, one core; a stopped run goes on.
set -euo pipefail
cd "$(dirname "$0")/.."
OMP_NUM_THREADS=1 python runs/trusty_tiny.py --out "${1:-trusty-rows}"
