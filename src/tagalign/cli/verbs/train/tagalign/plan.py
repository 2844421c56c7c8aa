"""The flags of ``tagalign train`` as the plan of the trainer, and what it looks at on the way."""

from typing import TYPE_CHECKING

from tagalign.cli.verbs.train.tagalign.settings import TrainSettings

if TYPE_CHECKING:
    from tagalign.cli.verbs.train.tagalign.validation import Watched
    from tagalign.train.tagalign.plan import TagAlignPlan


def make_plan(settings: TrainSettings) -> "TagAlignPlan":
    """How long, how fast and on which losses is trained."""
    from tagalign.train.tagalign.plan import TagAlignPlan

    return TagAlignPlan(
        steps=settings.steps,
        batch_size=settings.batch_size,
        losses={"tag": settings.tag_loss_weight, "contrastive": settings.contrastive_weight}
        | settings.teacher_losses(),
        loss=loss_with_options(settings),
        profile=settings.profile,
        mode=settings.mode,
        num_blocks=settings.blocks,
        split_kinds=settings.split_kinds,
        learning_rate=settings.learning_rate,
        schedule=settings.schedule,
        warmup=settings.warmup,
        seed=settings.seed,
        precision=settings.precision,
        validate_every=settings.validate_every,
        best="miou" if settings.validate_on else "-held_out_loss",
        **settings.plan_numbers(),
    )


def loss_with_options(settings: TrainSettings) -> str | None:
    """``focal:gamma=1`` from both flags; None where the profile decides."""
    if settings.loss is None or not settings.loss_option:
        return settings.loss
    return f"{settings.loss}:{','.join(settings.loss_option)}"


def watched(settings: TrainSettings, *, writes: bool = True) -> "Watched":
    """What is looked at at every validation; one process of those that look writes the maps."""
    from tagalign.cli.verbs.train.tagalign.validation import Watched

    return Watched(
        benchmark=settings.validate_on,
        path=settings.validate_path,
        split=settings.validate_split,
        images=settings.validate_images,
        photos=settings.watch,
        labels=settings.watch_labels,
        out=settings.out / "maps" if writes else None,
    )
