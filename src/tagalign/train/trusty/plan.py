"""Everything that decides the numbers of a TrustyCLIP run, as one frozen value that a checkpoint can be compared with."""

from dataclasses import asdict, dataclass, field
from typing import Any

from tagalign.data.trusty.augment import Augmentation
from tagalign.errors import InputError
from tagalign.methods.trusty.learner import learner_shape
from tagalign.methods.trusty.method import DEFAULT_TEMPLATES
from tagalign.methods.trusty.profiles import trusty_profile
from tagalign.ops.mask_losses import Ignored, MaskLossWeights
from tagalign.ops.precision import Precision
from tagalign.train.loop.plan import TrainPlan
from tagalign.train.trusty.step import Phase, UnseenSetting, phase_of, poly_rate
from tagalign.train.trusty.targets import TrustyTarget


@dataclass(frozen=True, kw_only=True)
class TrustyPlan(TrainPlan):
    """Everything that decides the numbers of a run.

    Attributes:
        setting: see ``Setting``.
        trusty_target: see ``TrustyTarget``; named wherever a result is printed.
        profile: a name in ``methods.trusty.profiles``.
        steps: updates of the whole run; paper: 20,000 for VOC, 80,000 for COCO-Stuff.
        batch_size: crops per update; paper: 16.
        self_training_from: first step with pseudo labels of a transductive run; half of the steps when None.
        learning_rate: of all trained parameters.
        weight_decay: of all trained parameters; the release decays norms too, against its own config's intention.
        warmup: updates.
        dropout: in prompts and head.
        num_prompts: per block; the release has 10 for VOC and 100 for COCO-Stuff.
        prompt_depth: blocks with prompts; all when None.
        num_heads: of the head's attentions.
        hidden: width of the head's feed-forward networks; four times the joint space when None.
        trusty_token: with a trusty token; full supervision has none in any case.
        learner: input of the trusty learner (``methods.trusty.learner``), or ``none``.
        ignored: see ``ops.mask_losses.Ignored``.
        min_score: of pseudo labels.
        weights: of the losses; None takes the paper's, with L_cls where the profile has it.
        augmentation: of the crops.
        templates: prompts of the class names.
        seed: of weights, order, crops and dropout.
        checkpoint_every: see ``TrainPlan``, like what is not named here.
        log_every: likewise.
    """

    setting: UnseenSetting = "inductive"
    trusty_target: TrustyTarget = "strict"
    profile: str = "fixed"
    steps: int = 20_000
    batch_size: int = 16
    self_training_from: int | None = None
    learning_rate: float = 2e-4
    weight_decay: float = 0.01
    warmup: int = 1500
    dropout: float = 0.1
    num_prompts: int = 10
    prompt_depth: int | None = None
    num_heads: int = 8
    hidden: int | None = None
    trusty_token: bool = True
    learner: str = "relation"
    ignored: Ignored = "released"
    min_score: float = 0.0
    weights: MaskLossWeights | None = None
    augmentation: Augmentation = field(default_factory=Augmentation)
    templates: tuple[str, ...] = DEFAULT_TEMPLATES
    checkpoint_every: int = 1000
    log_every: int = 50

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in {"warmup": 0, "num_prompts": 0}.items():
            if getattr(self, name) < least:
                raise InputError(f"{name} must be at least {least}, got {getattr(self, name)}")
        learner_shape(self.learner)  # refused before any image is read
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout is a share from 0 to below 1, got {self.dropout}")
        if self.hidden is not None and self.hidden < 1:
            raise InputError(f"hidden must be at least 1, got {self.hidden}")
        if self.learning_rate <= 0:
            raise InputError(f"learning_rate must be positive, got {self.learning_rate}")
        if not 0 <= self.half <= self.steps:
            raise InputError(f"self_training_from must lie in 0..{self.steps}, got {self.half}")

    @property
    def loss_weights(self) -> MaskLossWeights:
        """Weights that act."""
        return self.weights or MaskLossWeights(cls=trusty_profile(self.profile).cls_weight)

    @property
    def half(self) -> int:
        """First step with pseudo labels of a transductive run."""
        return self.steps // 2 if self.self_training_from is None else self.self_training_from

    @property
    def has_token(self) -> bool:
        """Whether the network has a trusty token."""
        return self.trusty_token and self.setting != "supervised"

    def phase(self, step: int) -> Phase:
        """The phase of a step."""
        return phase_of(self.setting, step, self_training_from=self.half)

    def rate(self, step: int) -> float:
        """Learning rate of a step; self-training has a schedule of its own, as a run that starts from a checkpoint."""
        # the warm-up too begins again: the optimiser is new
        first, steps = (
            (self.half, self.steps - self.half) if self.phase(step) == "self-training" else (0, self.steps)
        )
        return poly_rate(self.learning_rate, step - first, steps=steps, warmup=self.warmup)

    def facts(self, precision: Precision) -> dict[str, Any]:
        """What a resumed run must agree in; ``precision`` is the plan's, resolved on the device."""
        facts = self.deciding() | {"precision": precision, "weights": asdict(self.loss_weights)}
        if precision == "fp32":
            del facts["precision"]  # what runs stored before there was a choice
        return facts
