"""``tagalign.load(NAME, method="proxy")``: an encoder and its companion."""

from tagalign.backbones.companion import load_companion
from tagalign.methods.opened import Opened
from tagalign.methods.proxy.method import ProxyMethod
from tagalign.methods.proxy.options import ProxyOptions
from tagalign.methods.resources import Resources


def build(opened: Opened, options: ProxyOptions, resources: Resources) -> ProxyMethod:
    """Proxy attention on the encoder of a model."""
    companion = load_companion(options.companion, device=opened.device)
    return ProxyMethod(opened.backbone(), options, companion=companion, resources=resources)
