"""From the bytes of a request to a checked question and an opened image."""

import base64
import binascii
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import Request
from PIL import Image
from starlette.datastructures import FormData, UploadFile

from tagalign.apps.server.limits import Limits
from tagalign.apps.server.refusals import Refusal, disk_full, invalid, too_large
from tagalign.apps.server.schemas import ImageRequest, SearchRequest
from tagalign.backbones.preprocess import open_image
from tagalign.errors import ImageError
from tagalign.tags.label_lines import is_plain
from tagalign.tags.same_label import split_names

Fetch = Callable[[str], bytes]
Source = bytes | str
"""An encoded image, or its address."""

JSON = "application/json"
FORM = "multipart/form-data"
LIST_FIELDS = ("labels", "tags")
OPTIONS = "options"
_TO_STANDARD = str.maketrans("-_", "+/")
MAX_FIELDS = 1100
"""Parts of a form; labels may also stand in one field with commas between them."""


@dataclass(frozen=True, kw_only=True)
class Upload:
    """What came: the question, and the files beside it if it was a form."""

    fields: dict[str, Any]
    files: tuple[bytes, ...] = ()

    @property
    def file(self) -> bytes | None:
        """The only file; None where there is none."""
        return self.files[0] if self.files else None


async def read_upload(request: Request, *, most_files: int = 1) -> Upload:
    """Fields of a JSON body or of a form.

    Args:
        request: whose body is read.
        most_files: of a form.

    Raises:
        Refusal: 415 for another kind of body, 422 for one that is damaged.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == JSON:
        return Upload(fields=json_object(await request.body()))
    if kind == FORM:
        return await _read_form(request, most_files)
    raise Refusal(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        f"expected a body of type {JSON} or {FORM}, got {kind or 'none':.100}",
    )


def json_object(body: bytes) -> dict[str, Any]:
    """The fields of a JSON body.

    Raises:
        Refusal: 422 if it is not an object of JSON.
    """
    try:
        values = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise invalid(f"the body is not JSON ({str(error)[:200]})") from None
    if not isinstance(values, dict):
        raise invalid(f"expected a JSON object, got {type(values).__name__}")
    # the command line takes "dog,car", so people send it here too
    return {
        name: _listed(v) if name in LIST_FIELDS and isinstance(v, str) else v for name, v in values.items()
    }


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


async def _read_form(request: Request, most_files: int) -> Upload:
    try:
        form = await request.form(max_files=most_files, max_fields=MAX_FIELDS)
    except (LookupError, ValueError) as error:  # an unknown or a wrong character set
        raise invalid(f"the form is damaged ({type(error).__name__})") from None
    except OSError as error:  # parts above a megabyte lie in files
        raise disk_full("the upload", error) from None
    try:
        return await _sort(form)
    finally:
        await form.close()


async def _sort(form: FormData) -> Upload:
    files: list[bytes] = []
    fields: dict[str, Any] = {}
    lists: dict[str, list[str]] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            if name != "image":
                raise invalid("the form has a file under another name than 'image'")
            files.append(await value.read())
        elif name in (*LIST_FIELDS, OPTIONS):
            lists.setdefault(name, []).append(value)
        else:
            fields[name] = value
    if OPTIONS in lists:
        fields[OPTIONS] = _assigned(lists.pop(OPTIONS))
    named = {name: _names(values) for name, values in lists.items()}
    return Upload(fields=fields | named, files=tuple(files))


def _assigned(texts: list[str]) -> dict[str, str]:
    """Options of a form: lines of ``name=value``, in one field or in several."""
    found: dict[str, str] = {}
    for line in filter(None, map(str.strip, "\n".join(texts).splitlines())):
        name, sign, value = (part.strip() for part in line.partition("="))
        if not sign or not name:
            raise invalid(f"options: each line is name=value, such as short_side=336, got {line[:100]!r}")
        if name in found:
            raise invalid(f"options: {name!r} is given twice; leave one out")
        found[name] = value
    return found


def _names(values: list[str]) -> Any:
    """A form has no lists: the field is repeated, or holds names with commas between them, or a list in JSON.

    Only the second of these splits at commas, so that a label may hold one.
    """
    if len(values) > 1:
        return values
    if not values[0].lstrip().startswith("["):
        return _listed(values[0])
    try:
        return json.loads(values[0])
    except (ValueError, RecursionError):
        return _listed(values[0])


def _listed(value: str) -> list[str]:
    if not all(map(is_plain, value.split("\n"))):  # lines of a label file
        return list(filter(None, map(str.strip, value.split("\n"))))
    return list(filter(None, split_names(value)))


def image_bytes(question: ImageRequest, file: bytes | None, fetch: Fetch | None) -> bytes | str:
    """The encoded image, or the address it is to be fetched from.

    Raises:
        Refusal: 422 unless there is exactly one image, or for an address that is not allowed.
    """
    given = [v for v in (question.image_base64, question.image_url, file) if v is not None]
    if len(given) != 1:
        raise invalid(f"expected one image (upload 'image', 'image_base64' or 'image_url'), got {len(given)}")
    if file is not None:
        return file
    if question.image_url is not None and question.image_url[:5].lower() == "data:":
        return data_bytes(question.image_url)
    if question.image_url is not None:
        if fetch is None:
            raise invalid("image_url: this server fetches nothing; send the image itself")
        return question.image_url
    return _decode_base64(question.image_base64 or "", "image_base64")


def search_source(question: SearchRequest, file: bytes | None, fetch: Fetch | None) -> bytes | str | None:
    """The image to search by; None for a search by words.

    Raises:
        Refusal: 422 unless there is either a query or exactly one image, or for a second look at an image.
    """
    has_image = any(v is not None for v in (question.image_base64, question.image_url, file))
    if has_image == (question.query is not None):
        raise invalid("expected either a query or an image to search by")
    if not has_image:
        return None
    if question.rerank:
        raise invalid("rerank: looks at photos together with words; leave it out with an image")
    return image_bytes(question, file, fetch)


def data_bytes(address: str) -> bytes:
    """What stands in a ``data:`` address.

    Raises:
        Refusal: 422 if it is not base64.
    """
    return _decode_base64(address, "image_url")


def _decode_base64(text: str, field: str) -> bytes:
    """Either alphabet, with or without line breaks and filling, or the address that browsers make of a file."""
    head, comma, rest = text.partition(",")
    is_address = comma and head[:5].lower() == "data:" and head.lower().endswith(";base64")
    data = "".join((rest if is_address else text).split()).translate(_TO_STANDARD).rstrip("=")
    try:
        return base64.b64decode(data + "=" * (-len(data) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise invalid(f"{field}: not base64") from None


def decode_image(data: bytes, limits: Limits) -> Image.Image:
    """An upright RGB image; runs in a thread.

    Raises:
        ImageError: if it cannot be read.
        Refusal: 413 for too many pixels.
    """
    try:
        image = Image.open(io.BytesIO(data))
    except Image.DecompressionBombError:
        raise too_large(f"image: at most {limits.max_pixels:,} pixels are taken") from None
    except Exception as error:  # Pillow's readers raise many kinds on damaged files
        raise ImageError(f"image: not an image that can be read ({type(error).__name__})") from None
    if image.width * image.height > limits.max_pixels:
        raise too_large(
            f"image: {image.width} x {image.height} pixels, at most {limits.max_pixels:,} are taken"
        )
    return open_image(image, max_pixels=limits.max_pixels)
