"""Runs a list of datatrove steps on this machine."""

from collections.abc import Sequence

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep
from datatrove.utils.stats import PipelineStats


def run_pipeline(pipeline: Sequence[PipelineStep], logs: str, tasks: int = 1, workers: int = 1) -> PipelineStats:
    """Runs `pipeline` as `tasks` shards, `workers` at a time, and returns datatrove's merged statistics.

    `logs` is a folder or fsspec URL of this run's own: datatrove skips a task whose completion marker stands
    there, without looking at the configuration, so it must never be shared by two different runs.
    """
    executor = LocalPipelineExecutor(
        pipeline=list(pipeline), tasks=tasks, workers=min(workers, tasks), logging_dir=logs
    )
    stats: PipelineStats = executor.run()
    return stats
