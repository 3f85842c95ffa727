"""A mixture whose tokens were made again is not read as if nothing had happened."""

import json
from pathlib import Path

import pytest
from command_line import mixture
from conftest import Built

from mixtures.reader import MixtureReader
from sources.errors import BabelmixError


def test_tokens_that_were_made_again_are_refused(built: Built, tmp_path: Path) -> None:
    workspace = built.copy(tmp_path)
    place = mixture(workspace)
    assert len(MixtureReader(place, 512)) > 0
    manifest = workspace / "tokens" / "multilingual" / "fineweb-2" / "ell_Grek" / "manifest.json"
    content = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps({**content, "fingerprint": "0" * 64}), encoding="utf-8")
    with pytest.raises(
        BabelmixError, match=r"multilingual/fineweb-2/ell_Grek: made again since .*; build the mixture"
    ):
        MixtureReader(place, 512)
    # Whoever copies tokens without their manifests knows what they do.
    manifest.unlink()
    assert len(MixtureReader(place, 512)) > 0
