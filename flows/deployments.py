"""The deployments that `babelmix serve` serves."""

from typing import cast

from prefect.deployments.runner import RunnerDeployment

from flows.build_mix import build_mix
from flows.single_steps import (
    collect_sources,
    curate_sources,
    mine_bitext,
    rephrase,
    synthesise_culture,
    synthesise_questions,
    tokenise_buckets,
    translate,
)


def deployments() -> list[RunnerDeployment]:
    """`build-stage1-mix` to `build-stage4-mix`, and the single steps' flows under their own names."""
    found = [
        build_mix.to_deployment(
            f"build-stage{stage}-mix",
            parameters={"stage": f"stage{stage}"},
            description=f"Builds the mixture of stage {stage}.",
            tags=["babelmix"],
        )
        for stage in (1, 2, 3, 4)
    ]
    written = (synthesise_questions, synthesise_culture, translate, rephrase)
    steps = (collect_sources, curate_sources, mine_bitext, *written, tokenise_buckets)
    found += [flow.to_deployment(flow.name, tags=["babelmix"]) for flow in steps]
    # Coroutines are for asynchronous callers.
    return cast(list[RunnerDeployment], found)
