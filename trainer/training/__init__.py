"""Trains the model on mixtures: stages, schedules, optimisers, checkpoints, signals."""
