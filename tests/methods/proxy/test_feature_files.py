"""Features of a companion on disk: found again, never of other weights or pixels, replaced where damaged."""

import pytest
import torch

from tagalign.backbones.companion import load_companion
from tagalign.errors import InputError
from tagalign.methods.load import load_method
from tagalign.methods.proxy.feature_files import kept_features
from tagalign.testing.companion_folder import make_companion_folder


def test_what_was_seen_is_not_seen_again(tmp_path, monkeypatch):
    companion = load_companion(str(make_companion_folder(tmp_path / "a")))
    other = load_companion(str(make_companion_folder(tmp_path / "b", seed=1)))
    pixels = torch.randn(3, 3, 14, 21, generator=torch.Generator().manual_seed(0))
    plain = companion.features(pixels)
    cache = tmp_path / "cache"
    # the same products in batches of another size: rounding of float32
    torch.testing.assert_close(kept_features(companion, pixels[:2], cache), plain[:2], atol=1e-5, rtol=0)
    torch.testing.assert_close(kept_features(companion, pixels, cache), plain, atol=1e-5, rtol=0)
    assert len(list(cache.rglob("*.safetensors"))) == 3
    torch.testing.assert_close(kept_features(other, pixels, cache), other.features(pixels), atol=1e-5, rtol=0)
    first = next(cache.rglob("*.safetensors"))
    first.write_bytes(first.read_bytes()[:20])
    for one in (companion, other):
        kept_features(one, pixels, cache)
    monkeypatch.setattr(type(companion), "features", lambda *_: pytest.fail("seen again"))
    torch.testing.assert_close(kept_features(companion, pixels, cache), plain, atol=1e-5, rtol=0)


def test_other_methods_have_no_companion(clip_folder, tmp_path):
    with pytest.raises(InputError, match="belongs to method 'proxy'"):
        load_method(str(clip_folder), method="maskclip", companion_cache=tmp_path)
