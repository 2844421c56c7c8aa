#!/usr/bin/env bash
# Measures every part of the product on a GPU in at most eight minutes; a JSON line a part, written as it comes.
#
#   benchmarks/gpu.sh [OUT.jsonl]     each part in a process and a time limit of its own
#   benchmarks/gpu.sh --toy           all parts at toy size in one process, on a CPU too: shows that the script works
#
# PYTHON names the interpreter. Exit 1 where a part failed or took too long; its line says so.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=${PYTHON:-python}
if [ "${1:-}" = --toy ]; then
  exec timeout -k 5 600 "$python" "$here/gpu.py" --toy
fi
out=${1:-gpu.jsonl}
: >"$out" || exit 2
failed=0
# seconds of all together: 480
while read -r part limit; do
  timeout -k 5 "$limit" "$python" "$here/gpu.py" "$part" | tee -a "$out"
  code=${PIPESTATUS[0]}
  if [ "$code" -gt 1 ]; then # it printed no line: out of time (124, 137), or killed
    printf '{"part": "%s", "error": "ended with %d; its limit is %d s"}\n' "$part" "$code" "$limit" | tee -a "$out"
  fi
  [ "$code" -eq 0 ] || failed=1
done <<'PARTS'
encode 50
segment 50
tagclip 80
cls-seg 60
piaa 60
tag-loss-1e5 30
tag-loss-1e6 50
train 60
caption 40
PARTS
exit "$failed"
