"""GroupViT's entry in the table of families; transformers is imported when one is opened, and no earlier."""

from dataclasses import dataclass, replace

from tagalign.backbones.family import FoundModel
from tagalign.backbones.groupvit.names import MODEL_TYPE
from tagalign.backbones.preprocess import Preprocessing
from tagalign.backbones.processor_files import read_preprocessing
from tagalign.backbones.protocols import Backbone
from tagalign.backbones.text import TextRule, Tokenizer
from tagalign.errors import ModelError


@dataclass(frozen=True, kw_only=True)
class GroupViTFamily:
    """See ``family.Family``."""

    model_type: str = MODEL_TYPE
    title: str = "GroupViT"

    def open(self, source: FoundModel) -> Backbone:
        """A frozen GroupViT: a whole published one, or a tower that we trained beside another encoder's texts.

        Raises:
            ModelError: if weights are missing, left over, or of another shape.
        """
        if "backbone" in source.config:
            from tagalign.backbones.groupvit.beside import open_beside

            return open_beside(source)
        from tagalign.backbones.groupvit.encoder import GroupViT
        from tagalign.backbones.groupvit.whole import text_of, whole_model

        model = whole_model(source)
        text = model.config.text_config
        if not text.vocab_size > 0:
            raise ModelError(
                f"{source.folder}: vocab_size: expected a positive whole number, got {text.vocab_size}"
            )
        tokenizer = Tokenizer.from_folder(
            source.folder,
            context=text.max_position_embeddings,
            rule=TextRule(),
            vocabulary=text.vocab_size,
            end_id=None if text.eos_token_id == 2 else text.eos_token_id,
        )
        size = model.config.vision_config.image_size
        return GroupViT(
            text_of(model, tokenizer),
            read_preprocessing(source.folder, default=replace(PIXELS, image_size=size)),
            vision=model.vision_model,
            projection=model.visual_projection,
            weights=source.weights,
        ).to(source.device)


PIXELS = Preprocessing(image_size=224)
FAMILY = GroupViTFamily()
