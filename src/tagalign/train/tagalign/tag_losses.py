"""Tag losses by name and options, as ``loss=`` of a plan gives them: ``balanced``, ``focal:gamma=1``."""

from tagalign.methods.options import build_options, name_and_options
from tagalign.ops.tag_loss import TagLoss
from tagalign.ops.tag_losses import TAG_LOSSES


def open_tag_loss(text: str) -> TagLoss:
    """A tag loss with its options.

    Args:
        text: a name in ``TAG_LOSSES``, or ``NAME:option=value,option=value``.

    Raises:
        UnknownNameError: for an unknown name.
        InputError: for an unknown option, or a value that it does not take.
    """
    name, values = name_and_options(text)
    return build_options(TAG_LOSSES.find(name).kind, values, owner=f"tag loss {name!r}")
