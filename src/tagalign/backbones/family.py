"""A family of encoders: how its ``config.json``, names, texts and pixels become an ``Encoder``. One file per family."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from tagalign.backbones.encoder import Encoder
from tagalign.backbones.preprocess import Preprocessing
from tagalign.backbones.processor_files import read_preprocessing
from tagalign.backbones.protocols import Backbone, Weights
from tagalign.backbones.text import TextRule, Tokenizer
from tagalign.backbones.text_encoder import TextEncoder
from tagalign.backbones.tokenizer_files import tokenizer_config
from tagalign.backbones.towers.shapes import TextShape, VisionShape
from tagalign.backbones.towers.text import TextTower
from tagalign.backbones.towers.vision import VisionTower
from tagalign.backbones.weights import Rules, fill, renamed
from tagalign.errors import ModelError

Config = Mapping[str, Any]
Tensors = Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True, eq=False)
class FoundModel:
    """A model folder that has been found, before anything is built.

    Attributes:
        config: of ``config.json``, or made of an ``open_clip_config.json``.
        folder: with tokenizer and image processor files.
        tensors: under transformers' names.
        weights: where they came from.
        image_processor: in the form of ``preprocessor_config.json``, where another file than that says it.
        dtype: wanted.
        device: wanted.
        open_other: opens another encoder by name; for folders that stand on one.
    """

    config: Config
    folder: Path
    tensors: Tensors
    weights: Weights
    image_processor: Config | None = None
    dtype: torch.dtype = torch.float32
    device: torch.device | str = "cpu"
    open_other: Callable[[str], Backbone] | None = None


@runtime_checkable
class Family(Protocol):
    """An entry of the table.

    Attributes:
        model_type: as ``config.json`` says.
        title: for people.
    """

    @property
    def model_type(self) -> str:
        """As ``config.json`` says."""
        ...

    @property
    def title(self) -> str:
        """For people."""
        ...

    def open(self, source: FoundModel) -> Backbone:
        """Build the encoder."""
        ...


def exponent(tensors: dict[str, Tensor], config: Config) -> tuple[float, float]:
    """CLIP's scale ``exp(logit_scale)``, at most 100 as in its training, and no bias.

    Raises:
        ModelError: if the file has no scale.
    """
    if "logit_scale" not in tensors:
        raise ModelError("logit_scale is missing; the weights do not fit the config")
    return min(float(tensors.pop("logit_scale").float().exp()), 100.0), 0.0


def same_rule(rule: TextRule) -> Callable[[Config, Config], TextRule]:
    """One text rule for every folder of a family."""
    return lambda config, tokenizer: rule


@dataclass(frozen=True, kw_only=True)
class TowerFamily:
    """A family that our towers can be.

    Attributes:
        model_type: as ``config.json`` says.
        title: for people.
        shapes: sizes and switches of both towers from the config; refuses what the family cannot be.
        names: from transformers' names to those of our towers, ``vision.`` and ``text.`` before them.
        scales: takes what is no part of a tower out of the tensors: scale and bias of the cosines.
        text_rule: from config and ``tokenizer_config.json``.
        pixels: where a folder says nothing; its ``image_size`` is replaced.
        prepare: changes tensors before they are renamed (packed or foreign ones).
    """

    model_type: str
    title: str
    shapes: Callable[[Config], tuple[VisionShape, TextShape]]
    names: Rules
    text_rule: Callable[[Config, Config], TextRule]
    pixels: Preprocessing
    scales: Callable[[dict[str, Tensor], Config], tuple[float, float]] = exponent
    prepare: Callable[[Tensors], Tensors] = field(default=lambda tensors: tensors)

    def open(self, source: FoundModel) -> Encoder:
        """The encoder of a folder.

        Raises:
            ModelError: if a part is missing, damaged, or belongs to another model.
        """
        try:
            vision, text = self.shapes(source.config)
        except ModelError as error:
            raise ModelError(f"{source.folder}: {error}") from error
        tokenizer = Tokenizer.from_folder(
            source.folder,
            context=text.context,
            rule=self.text_rule(source.config, tokenizer_config(source.folder)),
            vocabulary=text.vocabulary,
            end_id=text.end_id if text.read == "end" else None,
        )
        native = replace(self.pixels, image_size=vision.image_size)
        pixels = read_preprocessing(source.folder, default=native, said=source.image_processor)
        return self.build(
            source.config, source.tensors, tokenizer=tokenizer, preprocessing=pixels,
            weights=source.weights, dtype=source.dtype,
        ).to(source.device)  # fmt: skip

    def build(
        self,
        config: Config,
        tensors: Tensors,
        *,
        tokenizer: Tokenizer | None = None,
        preprocessing: Preprocessing | None = None,
        weights: Weights = Weights(),  # noqa: B008  frozen
        dtype: torch.dtype = torch.float32,
    ) -> Encoder:
        """The encoder from values in memory.

        Args:
            config: of ``config.json``.
            tensors: under transformers' names; float32 ones are used as they are, without a copy.
            tokenizer: None where nothing but ids is ever given.
            preprocessing: the family's own at the config's size when None.
            weights: where they came from.
            dtype: of the parameters.

        Raises:
            ModelError: if config and tensors do not fit.
        """
        vision_shape, text_shape = self.shapes(config)
        named = renamed(self.prepare(tensors), self.names)
        where = weights.name
        try:
            scale, bias = self.scales(named, config)
        except ModelError as error:
            raise ModelError(f"{where}: {error}") from error
        vision, text = VisionTower(vision_shape), TextTower(text_shape)
        for tower, prefix in ((vision, "vision."), (text, "text.")):
            own = {k.removeprefix(prefix): named.pop(k) for k in list(named) if k.startswith(prefix)}
            fill(tower, own, dtype=dtype, where=f"{where}: {prefix.removesuffix('.')} tower")
        if named:
            raise ModelError(
                f"{where}: weights do not fit the config; first of {len(named)}: {min(named)} is left over"
            )
        return Encoder(
            vision,
            TextEncoder(text, tokenizer, dim=text_shape.dim, scale=scale, bias=bias),
            preprocessing or replace(self.pixels, image_size=vision_shape.image_size),
            weights=weights,
            family=self.model_type,
        )
