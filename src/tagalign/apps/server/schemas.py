"""What requests and responses hold; the OpenAPI page is made of these."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from tagalign.tasks.regions.options import MIN_AREA
from tagalign.tasks.search.weights import TAG_WEIGHT

MaskForm = Literal["png", "url", "rle", "polygons"]
EXAMPLE_LABELS = ["dog", "frisbee", "grass"]
EXAMPLE_BOX = [120, 80, 310, 295]


def is_whole(text: str) -> bool:
    """JSON can write half of a character pair, which no tokenizer and no response can."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


def _is_text(text: str) -> str:
    if not is_whole(text):
        raise ValueError("expected text, got half of a surrogate pair")
    if not text.strip():
        raise ValueError("expected text, got an empty string")
    return text


AT_FIRST = Field(fail_fast=True)
"""The first item that is wrong ends the look: each would be an error of its own, and a request may hold a million."""
Text = Annotated[str, AfterValidator(_is_text), Field(min_length=1)]
Texts = Annotated[list[Text], AT_FIRST]


class LabelWords(BaseModel):
    """A label with other words for it, words for what it is not, and the group it competes in."""

    model_config = ConfigDict(extra="forbid")

    name: Text
    aliases: Texts = Field(default_factory=list)
    negatives: Texts = Field(default_factory=list)
    group: Text | None = None


LabelEntry = Annotated[
    Text | LabelWords,
    Field(description="A name, a line such as `cup: mug, coffee cup; not trophy`, or the same as an object."),
]


def label_entries(labels: list[str | LabelWords]) -> list[str | dict[str, Any]]:
    """As ``load_label_set`` takes them."""
    return [one if isinstance(one, str) else one.model_dump() for one in labels]


OptionValue = bool | int | float | Text | Annotated[list[int | float | Text], AT_FIRST] | None
PolygonLists = Annotated[list[Annotated[list[float], AT_FIRST]], AT_FIRST]


class ImageRequest(BaseModel):
    """An image, as base64 or, where the server allows it, by address; or as the upload ``image`` of a form."""

    model_config = ConfigDict(extra="forbid")

    image_base64: str | None = Field(None, description="The file (JPEG, PNG, WebP ...) in base64.")
    image_url: str | None = Field(None, description="Its address; off unless the server lists the host.")
    options: dict[str, OptionValue] | None = Field(
        None,
        description="Options of the method for this request, by name (`tagalign methods NAME` lists them). None may name a "
        "file or a model. In a form: lines of `name=value`.",
    )


class ThresholdRequest(ImageRequest):
    """A question whose answer has a threshold."""

    threshold: float | Text | None = Field(
        None,
        description="As `--threshold` of the command line: which labels are chosen (`0.3`, `relative:0.5`, `top:5`), where "
        "background is (with the option `background_rule`), where the phrase is, which tags count as recognised.",
    )


class TagRequest(ThresholdRequest):
    """Which of these labels are in the image?"""

    labels: Annotated[list[LabelEntry], AT_FIRST] = Field(min_length=1, examples=[EXAMPLE_LABELS])
    top: int | None = Field(None, ge=1, description="Return the best ones only.")


class SegmentRequest(ThresholdRequest):
    """Which label has each pixel?"""

    labels: Annotated[list[LabelEntry], AT_FIRST] = Field(min_length=1, examples=[EXAMPLE_LABELS])
    masks: MaskForm = Field(
        "png",
        description="`png`: one palette image; `url`: its address, for ever the same; `rle`, `polygons`: "
        "one mask per region.",
    )
    min_area: int | None = Field(
        None,
        ge=0,
        description="Leave out smaller regions (`rle` and `polygons`) and instances, in pixels; by default all regions are "
        f"there, and instances from {MIN_AREA}.",
    )
    instances: bool = Field(
        False,
        description="Also tell objects apart: each connected part of a label comes as an instance (label, score, box, "
        "mask as run-length code). With `regions` every region is one already.",
    )
    regions: Annotated[list[dict[str, Any] | PolygonLists], AT_FIRST] | None = Field(
        None,
        description="Masks of others (COCO run-length code or polygons) that each take one label; each comes back as a "
        "region of its own.",
    )


class ReferRequest(ThresholdRequest):
    """Which region does a phrase mean?"""

    phrase: Text = Field(examples=["the brown dog"])
    masks: MaskForm = "png"


class CaptionRequest(ThresholdRequest):
    """A sentence about the image."""

    tags: Texts | None = Field(None, description="Guide the sentence; recognised tags by default.")
    both: bool = Field(False, description="Add recognised tags to those of `tags`.")


class AskRequest(ThresholdRequest):
    """An answer to a question about the image."""

    question: Text = Field(examples=["what is the dog catching?"])
    use_tags: bool = Field(True, description="Join the recognised tags to the question.")


class SearchRequest(ImageRequest):
    """Images of the server's index that fit words, or an image."""

    query: Text | None = Field(
        None, description="Words to search by; or send an image.", examples=["a dog that catches a frisbee"]
    )
    top: int = Field(10, ge=1, le=1000)
    tag_weight: float | None = Field(
        None,
        ge=0,
        allow_inf_nan=False,
        description=f"Of matching tags beside the similarity; by default {TAG_WEIGHT}. Refused for an index without tags.",
    )
    rerank: int = Field(
        0,
        ge=0,
        le=100,
        description="Look again at so many of the best photos (an index of Tag2Text, by words).",
    )


class TagScore(BaseModel):
    """A label and its score."""

    name: str
    score: float = Field(description="In [0, 1]; comparable within one method only.")


class ImageResponse(BaseModel):
    """An answer about an image.

    Attributes:
        options: those of the request.
    """

    options: dict[str, Any] | None = Field(
        default=None, description="Options of the request as they acted; left out where it gave none."
    )


class TagResponse(ImageResponse):
    """All labels, or the best, by score; and those above the method's threshold."""

    tags: list[TagScore]
    chosen: list[str]


class RegionMask(BaseModel):
    """One connected part of a label, or one of the regions that were sent."""

    name: str
    box: list[int] = Field(description="XYXY in pixels, ends exclusive.", examples=[EXAMPLE_BOX])
    area: int = Field(description="In pixels.")
    score: float
    segmentation: dict[str, Any] | list[list[float]] = Field(description="COCO run-length code or polygons.")


class SegmentResponse(ImageResponse):
    """Masks of all labels that occur."""

    size: list[int] = Field(description="Height and width in pixels.")
    names: list[str] = Field(description="Pixel values of the PNG are positions in this list.")
    shares: dict[str, float] = Field(description="Of the pixels, by label; largest first.")
    mask_png: str | None = Field(None, description="Palette PNG in base64.")
    mask_url: str | None = Field(
        None, description="Address of the palette PNG on this server, by its content."
    )
    regions: list[RegionMask] | None = None
    instances: list[RegionMask] | None = Field(
        None, description="Objects one by one, where they were asked for."
    )


class ReferResponse(ImageResponse):
    """The region of a phrase; no box when nothing was found."""

    size: list[int]
    box: list[int] | None
    score: float
    mask_png: str | None = None
    mask_url: str | None = None
    segmentation: dict[str, Any] | list[list[float]] | None = None


class CaptionResponse(ImageResponse):
    """A sentence, and the tags that guided it."""

    caption: str
    tags: dict[str, float]


class AskResponse(ImageResponse):
    """A free-form answer."""

    answer: str


class HitResponse(BaseModel):
    """One image of the index, and the tags that speak for it."""

    key: str
    score: float
    tags: list[str]


class SearchResponse(BaseModel):
    """Best first."""

    hits: list[HitResponse]


class HealthResponse(BaseModel):
    """Whether the server takes requests, and what answers them."""

    status: Literal["ok"]
    model: dict[str, Any]


class ErrorDetail(BaseModel):
    """What went wrong."""

    type: str
    message: str


class ErrorResponse(BaseModel):
    """The body of every response that is not a success."""

    error: ErrorDetail
