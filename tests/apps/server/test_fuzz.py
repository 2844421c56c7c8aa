"""Bodies made from the OpenAPI page, right and wrong ones: nothing but answers and 4xx may come back."""

from collections.abc import Callable

import pytest

pytest.importorskip("fastapi", reason="the serve extra is not installed")
pytest.importorskip("schemathesis", reason="schemathesis is not installed")
import schemathesis
from hypothesis import HealthCheck, settings
from PIL import Image
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tagalign.apps.server.app import create_app
from tagalign.apps.server.limits import Limits
from tagalign.testing.stub_method import stub_model
from tagalign.types import Hit, Ranking

# Hypothesis compares the global random state around each drawing; a thread of the server's may use it in between
pytestmark = pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module inside:hypothesis.errors.HypothesisDeprecationWarning"
)

# not "positive data is accepted": the page says "base64", and most base64 is no image
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)


class Search:
    """One hit for every question."""

    def by_text(self, query: str, *, count: int, tag_weight: float, rerank: int) -> Ranking:
        return Ranking(query=query, hits=[Hit(key="a.jpg", score=0.5, tags=(query,))][:count])

    def by_photo(self, photo: Image.Image, *, count: int, tag_weight: float) -> Ranking:
        return Ranking(query="", hits=[Hit(key="b.jpg", score=0.5, tags=())][:count])


app = create_app(
    stub_model(), limits=Limits(max_bytes=200_000, max_pixels=10_000, workers=2), search=Search()
)
config = schemathesis.Config.from_dict({"generation": {"mode": "all"}})
schema = schemathesis.openapi.from_asgi("/openapi.json", app, config=config)


PATHS = (
    "/health",
    "/metrics",
    *(f"/label-studio/{name}" for name in ("health", "versions", "setup", "predict", "webhook")),
    *(f"/v1/{name}" for name in ("tag", "segment", "refer", "caption", "ask", "search")),
    *(f"/v1/{name}/many" for name in ("tag", "segment", "refer", "caption", "ask")),
    "/v1/masks/{name}.png",
)


def answers_are_documented(path: str) -> Callable[..., None]:
    """A test of one path, whatever comes. With a name of its own: by one name for all of them xdist would run only one."""

    @schema.include(path=path).parametrize()
    @settings(
        max_examples=4 if path.endswith("/many") else 15,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    def test(case: "schemathesis.Case") -> None:
        case.call_and_validate(checks=CHECKS)

    return test


for path in PATHS:
    globals()[f"test_{path.strip('/').replace('/', '_').replace('-', '_')}"] = answers_are_documented(path)


def test_every_path_is_tried() -> None:
    assert {operation.ok().path for operation in schema.get_all_operations()} == set(PATHS)
