"""What Label Studio's connector sends: a config, tasks with their photos, a request."""

import base64
import io
from typing import Any

from PIL import Image

CONFIG = (
    '<View><Image name="image" value="$image"/><Choices name="tags" toName="image" choice="multiple">'
    '<Choice value="dog"/><Choice value="cat"/></Choices>'
    '<RectangleLabels name="boxes" toName="image"><Label value="dog"/><Label value="cat"/></RectangleLabels>'
    '<TextArea name="phrase" toName="image" value="$say"/></View>'
)


def png(width: int = 40, height: int = 30) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, format="PNG")
    return file.getvalue()


def data_address(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


def tasks(count: int = 12) -> list[dict[str, Any]]:
    return [{"id": i, "data": {"image": f"/data/upload/1/{i}%20a.png"}} for i in range(count)]


def body(some: Any, config: str = CONFIG, **params: Any) -> dict[str, Any]:
    """As Label Studio's connector writes it."""
    params = {"login": None, "password": None, "context": None} | params
    return {"tasks": some, "project": "1.1700000000", "label_config": config, "params": params}
