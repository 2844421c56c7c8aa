"""Bodies made from the OpenAPI page, right and wrong ones: nothing but answers and 4xx may come back."""

import pytest

pytest.importorskip("fastapi", reason="the serve extra is not installed")
pytest.importorskip("schemathesis", reason="schemathesis is not installed")
import schemathesis
from hypothesis import HealthCheck, settings
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

# not "positive data is accepted": the page says "base64", and most base64 is no image
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
)


def search(query: str, top: int) -> Ranking:
    return Ranking(query=query, hits=[Hit(key="a.jpg", score=0.5, tags=(query,))][:top])


app = create_app(stub_model(), limits=Limits(max_bytes=200_000, max_pixels=10_000, workers=2), search=search)
config = schemathesis.Config.from_dict({"generation": {"mode": "all"}})
schema = schemathesis.openapi.from_asgi("/openapi.json", app, config=config)


@schema.parametrize()
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_comes_the_answer_is_documented(case: "schemathesis.Case") -> None:
    case.call_and_validate(checks=CHECKS)


def test_every_path_is_tried() -> None:
    tried = {operation.ok().path for operation in schema.get_all_operations()}
    paths = ("tag", "segment", "refer", "caption", "ask", "search")
    assert tried == {"/health", "/metrics", *(f"/v1/{name}" for name in paths)}
