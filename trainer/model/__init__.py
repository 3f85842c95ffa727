"""Qwen3 and Qwen3-MoE, written for training."""
