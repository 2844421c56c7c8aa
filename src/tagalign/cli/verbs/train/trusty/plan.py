"""The flags of ``tagalign train --method trusty`` and the papers' choices as the plan of the trainer."""

from typing import TYPE_CHECKING

from tagalign.cli.verbs.train.trusty.presets import OWN, PRESETS
from tagalign.cli.verbs.train.trusty.settings import TrainTrustySettings

if TYPE_CHECKING:
    from tagalign.train.trusty.plan import TrustyPlan


def make_plan(settings: TrainTrustySettings, *, default_crop: int) -> "TrustyPlan":
    """The settings and the papers' choices for what was not given."""
    from tagalign.data.trusty.augment import Augmentation
    from tagalign.methods.trusty.profiles import trusty_profile
    from tagalign.ops.mask_losses import MaskLossWeights
    from tagalign.tags.label_sets import template_set
    from tagalign.train.trusty.plan import TrustyPlan

    own = trusty_profile(settings.profile)
    preset = OWN if settings.data is None else PRESETS[settings.data]
    return TrustyPlan(
        setting=settings.setting,
        trusty_target=settings.trusty_target,
        profile=settings.profile,
        steps=settings.steps or preset.steps,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        weight_decay=settings.weight_decay,
        warmup=preset.warmup if settings.warmup is None else settings.warmup,
        num_prompts=preset.prompts if settings.prompts is None else settings.prompts,
        hidden=settings.hidden,
        dropout=settings.dropout,
        trusty_token=settings.token,
        learner=settings.learner,
        ignored=settings.ignored,
        min_score=settings.min_score,
        weights=MaskLossWeights(
            mask=settings.mask_weight,
            dice=settings.dice_weight,
            trusty=settings.trusty_weight,
            cls=own.cls_weight if settings.cls_weight is None else settings.cls_weight,
        ),
        augmentation=Augmentation(crop=settings.size or default_crop),
        templates=template_set(settings.templates or preset.templates),
        seed=settings.seed,
        precision=settings.precision,
        validate_every=settings.validate_every,
        **settings.plan_numbers(),
    )
