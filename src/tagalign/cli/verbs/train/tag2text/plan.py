"""The flags of ``tagalign train --method tag2text`` as the plan and the tasks of the trainer."""

from typing import TYPE_CHECKING

from tagalign.cli.verbs.train.tag2text.settings import Tag2TextTrainSettings

if TYPE_CHECKING:
    from tagalign.methods.tag2text.method import Tag2TextMethod
    from tagalign.train.tag2text.losses import Tasks
    from tagalign.train.tag2text.momentum import MomentumPlan
    from tagalign.train.tag2text.plan import Tag2TextPlan


def make_plan(settings: Tag2TextTrainSettings) -> "Tag2TextPlan":
    """How long and how fast is trained."""
    from tagalign.train.tag2text.plan import Tag2TextPlan

    return Tag2TextPlan(
        steps=settings.steps,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        tower_rate_share=settings.tower_rate_share,
        warmup=settings.warmup,
        schedule=settings.schedule,
        weight_decay=settings.weight_decay,
        clip_norm=settings.clip_norm,
        profile=settings.profile,
        seed=settings.seed,
        precision=settings.precision,
        validate_every=settings.validate_every,
        **settings.plan_numbers(),
    )


def make_tasks(settings: Tag2TextTrainSettings, method: "Tag2TextMethod") -> "Tasks":
    """What is learned, and how much each task weighs; answers only where there are questions."""
    from tagalign.train.tag2text.losses import Tasks

    names = ["tagging", "captioning", "contrastive", "matching"]
    names += ["answering"] if settings.questions is not None else []
    weights = {name: getattr(settings, name) for name in names}
    return Tasks(
        weights={name: weight for name, weight in weights.items() if weight},
        use_tags=settings.use_tags,
        recognised_share=settings.recognised_share,
        all_captions=settings.all_captions,
        prompt=method.decoding.prompt,
        momentum=_momentum(settings),
    )


def _momentum(settings: Tag2TextTrainSettings) -> "MomentumPlan | None":
    """Of the contrastive loss; what is not given is ALBEF's."""
    from tagalign.train.tag2text.momentum import MomentumPlan

    given = {"momentum": settings.momentum, "soft_targets": settings.soft_targets}
    numbers = {name: value for name, value in given.items() if value is not None}
    return MomentumPlan(queue=settings.momentum_queue, **numbers) if settings.momentum_queue else None
