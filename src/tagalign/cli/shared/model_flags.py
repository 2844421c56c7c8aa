"""Flags of every verb that runs a model, and the warning about embedded encoders."""

import dataclasses
import sys
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from tagalign.backbones.models import AUTO, photo_model
from tagalign.backbones.packaged import PACKAGED
from tagalign.cli.shared.choices import DeviceChoice, MethodName, PrecisionChoice, Profile
from tagalign.errors import InputError

if TYPE_CHECKING:
    from tagalign.option_fields import Verb

PHOTO_MODEL = photo_model()


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncoderFlags:
    """Flags about the frozen encoder that a part is trained on."""

    model: str = AUTO
    """`auto` (the photo model, fetched at the first use), a folder or a hub id of an encoder, `tiny` or `tiny-plain`
    (drawn scenes only)."""

    def __post_init__(self) -> None:
        if self.model == AUTO:
            object.__setattr__(self, "model", self.auto_model())  # what is recorded is what was used

    def auto_model(self) -> str:
        """What ``auto`` means here."""
        return PHOTO_MODEL

    def refuse_missing_model(self) -> None:
        """Refuse a model that is not there, before anything heavy is imported.

        Raises:
            ModelError: naming it.
        """
        from tagalign.backbones.catalog import hub_config

        hub_config(self.model)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelFlags:
    """Flags about the model."""

    model: str = AUTO
    """`auto` (the photo model, fetched at the first use), a model folder, a hub id (name@revision too), `tiny` or
    `tiny-plain` (drawn scenes only)."""
    allow_pickle: bool = False
    """Open weights that are there as a pickle alone, of a repository not in `tagalign models`; nothing in it is run."""
    method: MethodName = None
    """How it answers (`tagalign methods` lists all); by default what the folder was trained for, else the verb's own."""
    profile: Profile | None = None
    """Switches of the method, as its paper or its release has them, or mended; by default the method's own."""
    option: Annotated[tuple[str, ...], tyro.conf.UseAppendAction] = ()
    """name=value of an option of the method, as often as needed (`tagalign methods NAME` lists them)."""
    device: DeviceChoice = "auto"
    """Where it runs; `auto` is CUDA where there is one."""
    batch_size: int = 8
    """Images encoded at a time."""
    precision: PrecisionChoice = "fp32"
    """Of the vision tower's products: `bf16` is faster on GPUs and on processors with AMX or AVX512-BF16, much slower on
    others, and moves scores in the third digit; `auto` takes it where it is faster."""
    compile: bool = False
    """Compile the encoder (torch.compile): half a minute once at the first photo, later runs find what was made."""

    def __post_init__(self) -> None:
        if self.model == AUTO:
            object.__setattr__(self, "model", self.auto_model())  # what is recorded is what was used
        if self.batch_size < 1:
            raise InputError(f"--batch-size must be at least 1, got {self.batch_size}")

    def auto_model(self) -> str:
        """What ``auto`` means here."""
        return PHOTO_MODEL

    def options(self, verb: "Verb", **flags: Any) -> dict[str, Any]:
        """Keyword arguments for ``tagalign.load``: the method that answers the verb, and its options.

        Args:
            verb: what is asked.
            flags: options of the method that the verb has flags for; None where the flag was not given.

        Raises:
            InputError: for a method that cannot answer, or an option that is given twice.
        """
        from tagalign.methods.request import trained_type
        from tagalign.methods.table import method_for

        method = method_for(verb, asked=self.method, trained=trained_type(self.model))
        return {"method": method, **self._opening()} | self.method_options(**flags)

    def job_facts(self, verb: "Verb", **flags: Any) -> dict[str, Any]:
        """Fields of a ``JobSpec`` that the flags of the model decide; see ``options``.

        Raises:
            InputError: also for an option that the method does not have, or a value that it does not take.
        """
        options = self.options(verb, **flags)
        self.check_options(options["method"], **flags)
        taken = {name: options.pop(name) for name in ("method", "device", "batch_size")}
        return {"model": self.model, "options": options, **taken}

    def whole_model_options(self, **flags: Any) -> dict[str, Any]:
        """Keyword arguments for ``tagalign.load`` of verbs that ask everything: without a method, each verb's default."""
        from tagalign.methods.request import trained_type

        self.check_options(self.method or trained_type(self.model), **flags)
        given = self._opening() | self.method_options(**flags)
        return given if self.method is None else given | {"method": self.method}

    def check_options(self, method: str | None, **flags: Any) -> None:
        """Refuse what the method does not take, before anything heavy is imported; None for each verb's default.

        Raises:
            InputError: naming the option.
        """
        from tagalign.methods.request import options_by_method

        options_by_method(method, self.method_options(**flags))

    def _opening(self) -> dict[str, Any]:
        """Keyword arguments that are no options of a method."""
        given: dict[str, Any] = {"device": self.device, "batch_size": self.batch_size}
        given |= {"precision": self.precision} if self.precision != "fp32" else {}
        given |= {"compile": True} if self.compile else {}
        return given | ({"allow_pickle": True} if self.allow_pickle else {})

    def method_options(self, **flags: Any) -> dict[str, Any]:
        """What ``--profile``, ``--option`` and the verb's own flags say about the method; nothing that was not given.

        Raises:
            InputError: for an option that is given twice.
        """
        from tagalign.methods.options import split_assignments

        given = {
            name: value for name, value in {"profile": self.profile, **flags}.items() if value is not None
        }
        named = split_assignments(self.option)
        if twice := given.keys() & named.keys():
            name = min(twice)
            raise InputError(f"option {name!r} is given by its flag and by --option; leave one out")
        return given | named


def warn_tiny(model: str, instead: str = PHOTO_MODEL) -> None:
    """Say on standard error that an embedded encoder is not for photos and what is; it never labels one silently."""
    if model in PACKAGED:
        print(
            f"warning: model {model!r} knows drawn scenes only; for photos use --model {instead}",
            file=sys.stderr,
        )


def note_of_packaged(model: object) -> list[tuple[str, str]]:
    """What a page says about an embedded encoder, a fact of its run; nothing of others."""
    if model not in PACKAGED:
        return []
    return [("note", f"{model} knows drawn scenes only; for photos use --model {PHOTO_MODEL}")]
