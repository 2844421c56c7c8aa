"""What a printed number must name of an encoder."""

from tagalign.backbones.protocols import Backbone


def facts_of(backbone: Backbone) -> dict[str, object]:
    """Name, weights, family, and the constants that turn its cosines into scores; commit and bias where there are any."""
    facts: dict[str, object] = {
        "model": backbone.name,
        "weight_hash": backbone.weight_hash,
        "family": backbone.family,
        "logit_scale": round(backbone.logit_scale, 4),
    }
    if backbone.logit_bias:
        facts["logit_bias"] = round(backbone.logit_bias, 4)
    if backbone.precision != "fp32":
        facts["precision"] = backbone.precision
    if backbone.revision:
        facts["revision"] = backbone.revision
    return facts


def pinned_name(backbone: Backbone) -> str:
    """The name under which a trained folder finds the same files again: of a hub id, with the commit behind it."""
    commit = backbone.revision.partition(",")[0]
    return f"{backbone.name}@{commit}" if commit and "@" not in backbone.name else backbone.name
