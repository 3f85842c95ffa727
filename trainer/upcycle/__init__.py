"""A dense Qwen3 made into many small experts: sub-matrix splitting and Drop-Upcycling, as Marco-MoE does it."""
