"""Points the real ``huggingface_hub`` client at another hub: a new process by its environment, this one for a while."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock


def client_variables(url: str, home: Path, *, token: str, is_offline: bool) -> dict[str, str]:
    """The environment variables of a process whose client asks ``url``; set over the present ones, "" where unset."""
    return {
        "HF_ENDPOINT": url,
        "HF_HOME": str(home),
        "HF_HUB_CACHE": str(home / "hub"),
        "HF_TOKEN": token,
        "HF_TOKEN_PATH": str(home / "token"),
        "HF_HUB_OFFLINE": "1" if is_offline else "0",
        "TRANSFORMERS_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",  # the stand-in speaks plain HTTP alone
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HTTP_PROXY": "",
        "http_proxy": "",
        "NO_PROXY": "127.0.0.1",
    }


@contextmanager
def pointed_client(url: str, home: Path, *, token: str, is_offline: bool) -> Iterator[None]:
    """The same for this process, whose client may have read its environment already; all is as before afterwards."""
    import huggingface_hub
    from huggingface_hub import constants, hf_api

    values: dict[str, Any] = {
        "ENDPOINT": url,
        "HUGGINGFACE_CO_URL_TEMPLATE": url + "/{repo_id}/resolve/{revision}/{filename}",
        "HF_HOME": str(home),
        "HF_HUB_CACHE": str(home / "hub"),
        "HF_TOKEN_PATH": str(home / "token"),
        "HF_HUB_OFFLINE": is_offline,
        "HF_HUB_DISABLE_XET": True,
        "HF_HUB_DISABLE_TELEMETRY": True,
    }
    variables = client_variables(url, home, token=token, is_offline=is_offline)
    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, variables))
        for name, value in values.items():
            stack.enter_context(mock.patch.object(constants, name, value))
        # made when the client was imported, with the endpoint of that moment
        stack.enter_context(mock.patch.object(hf_api.api, "endpoint", url))
        huggingface_hub.close_session()  # it may keep connections to another hub
        stack.callback(huggingface_hub.close_session)
        yield
