"""A model hub on the loopback address, for tests of everything that fetches models by their ids.

Repositories are described in Python, with their commits and pull requests; the server speaks the hub's HTTP interface
to the real ``huggingface_hub`` client, counts what it sent, and fails in the ways that hubs and networks fail.
"""

from tagalign.testing.model_hub.faults import HubFault
from tagalign.testing.model_hub.log import HubLog, HubRequest
from tagalign.testing.model_hub.repository import HubRepository
from tagalign.testing.model_hub.server import StubHub

__all__ = ["HubFault", "HubLog", "HubRepository", "HubRequest", "StubHub"]
