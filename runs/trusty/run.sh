#!/usr/bin/env bash
# TrustyCLIP's tables on the tiny world (docs/results/trusty.md). No download.
# Expected duration: three CPU-hours of one core, and two more for the rows with prompts; a stopped run goes on.
set -euo pipefail
cd "$(dirname "$0")/../.."
OMP_NUM_THREADS=1 python runs/trusty/run.py --out "${1:-trusty-rows}"
