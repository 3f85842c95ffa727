"""How a dense model becomes experts: what a person may choose, and whose choice the default is."""

from dataclasses import dataclass
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from trainer.configuration import ModelConfig
from trainer.errors import TrainerError

# What the seed and the upcycled model must have in common.
_SHARED = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "head_dim",
    "rope_theta",
    "rms_norm_eps",
    "tie_word_embeddings",
)


class UpcycleOptions(BaseModel):
    """The options of `babelmix upcycle`; N is the number of slices."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Marco-MoE: N^(1/3) on gate, up and down, which is NVIDIA's rule (arXiv 2410.07524) for routers that
    # normalise over the chosen experts. SiLU is not linear: the sum of a copy's slices misses the dense layer by
    # some percent. `down` (N on down) and `sqrt` (sqrt(N) on up and on down) hit it. `none` is for ablations.
    scale: Literal["cbrt", "down", "sqrt", "none"] = "cbrt"
    # Share of an expert's units drawn anew: the Drop-Upcycling paper's default (arXiv 2502.19261). Marco-MoE does
    # not publish its own.
    drop: float = Field(default=0.5, ge=0, le=1)
    # `shared`: a unit is dropped from gate, up and down together, as that paper has it; 1 - drop of the units
    # survive. `separate`: the indices are drawn for each matrix, as its published script does; only
    # (1 - drop)^3 survive whole.
    drop_indices: Literal["shared", "separate"] = "shared"
    # `random`: every row normal with the configuration's initializer_range, transformers' own way; the
    # Drop-Upcycling scripts draw uniformly with the same deviation. `shared`: one row for the slices of a copy,
    # NVIDIA's virtual groups, so that a token takes whole copies at first. Marco-MoE does not publish its own.
    router: Literal["random", "shared"] = "random"
    # The Drop-Upcycling script's.
    seed: int = Field(default=42, ge=0)


DEFAULTS: Final = UpcycleOptions()


@dataclass(frozen=True, slots=True)
class Split:
    """A dense layer's units cut into `slices` of `width`, each in `copies`; expert = copy x slices + slice."""

    slices: int
    copies: int
    width: int

    @classmethod
    def of(cls, seed: ModelConfig, target: ModelConfig) -> "Split":
        """How `seed` becomes `target`.

        Raises:
            TrainerError: `seed` has experts, `target` has none, or their sizes do not go together.
        """
        if seed.sparse:
            raise TrainerError("upcycle: the seed has experts already; name a dense model")
        if not target.sparse:
            raise TrainerError("upcycle: the model to be made has no experts; set num_experts")
        for name in _SHARED:
            if getattr(seed, name) != getattr(target, name):
                raise TrainerError(
                    f"upcycle: {name} is {getattr(seed, name)} in the seed and {getattr(target, name)} in the"
                    f" model to be made; write {getattr(seed, name)}"
                )
        if not target.norm_topk_prob:
            raise TrainerError("upcycle: norm_topk_prob is false, but the scale presumes that it is true")
        width, experts = target.moe_intermediate_size, target.num_experts
        slices = seed.intermediate_size // width
        if slices * width != seed.intermediate_size:
            raise TrainerError(
                f"upcycle: moe_intermediate_size {width} does not divide the seed's {seed.intermediate_size}"
            )
        if experts % slices:
            raise TrainerError(f"upcycle: num_experts {experts} is no multiple of the {slices} slices")
        return cls(slices, experts // slices, width)

    def factors(self, options: UpcycleOptions) -> tuple[float, float, float]:
        """What gate, up and down are multiplied with."""
        match options.scale:
            case "cbrt":
                root = self.slices ** (1 / 3)
                # 8 and 27 have whole roots, which floating point misses by a bit.
                root = float(round(root)) if round(root) ** 3 == self.slices else root
                return root, root, root
            case "down":
                return 1.0, 1.0, float(self.slices)
            case "sqrt":
                return 1.0, self.slices**0.5, self.slices**0.5
            case "none":
                return 1.0, 1.0, 1.0
