"""How much one request, one client and all of them together may ask for."""

from dataclasses import dataclass, fields

from tagalign.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of the server; every one is checked before the work starts.

    Attributes:
        max_bytes: of a request's body.
        max_pixels: of an image, checked before it is decoded.
        max_images: of a request for many.
        max_labels: of a request.
        max_text: characters of a label, phrase, question or query.
        max_queue: requests that wait for the model; more get 503.
        max_per_client: requests of one address or key at a time; more get 429.
        timeout_s: from the last byte of the request to the answer; later is 503.
        max_batch: images encoded together.
        max_wait_ms: how long the first image of a batch waits for others.
        workers: batches that are done at the same time; they share the processor's cores.
        max_mask_bytes: of masks that are kept under an address; the oldest go.
    """

    max_bytes: int = 20_000_000
    max_pixels: int = 25_000_000
    max_images: int = 1000
    max_labels: int = 1000
    max_text: int = 1000
    max_queue: int = 256
    max_per_client: int = 256
    timeout_s: float = 30.0
    max_batch: int = 8
    max_wait_ms: float = 2.0
    workers: int = 1
    max_mask_bytes: int = 256_000_000

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) <= 0:
                raise InputError(f"limit {field.name} must be above 0, got {getattr(self, field.name)}")
