"""From patch and text embeddings to one mask per class and one trusty mask: relation, trusty learner, segmentor."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from tagalign.errors import InputError
from tagalign.methods.trusty.cosine import CosineStart
from tagalign.methods.trusty.learner import WIDE, TrustyLearner, learner_input, learner_shape
from tagalign.ops.attention import merge_heads, split_heads
from tagalign.ops.grid import map_to_tokens

LearnerRows = Float[Tensor, "batch rows dim"]
Patches = Float[Tensor, "batch patches dim"]


class MaskLayer(nn.Module):
    """Attention to mask: class rows attend to patches, and the attention logits are masks.

    Reference:
        Zhang et al., SegViT, arXiv:2210.05844, attention-to-mask.
    """

    def __init__(self, dim: int, *, num_heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.rate = dropout
        self.q, self.k, self.v, self.out = (nn.Linear(dim, dim) for _ in range(4))
        self.ffn_in, self.ffn_out = nn.Linear(dim, hidden), nn.Linear(hidden, dim)
        self.norm_attn, self.norm_ffn = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, rows: LearnerRows, patches: Patches) -> LearnerRows:
        """Rows after attention and feed-forward network, norms behind the residuals."""
        q, k, v = (split_heads(x, self.num_heads) for x in (self.q(rows), self.k(patches), self.v(patches)))
        mixed = F.scaled_dot_product_attention(q, k, v, dropout_p=self.rate if self.training else 0.0)
        rows = self.norm_attn(rows + self.dropout(self.out(merge_heads(mixed))))
        hidden = self.ffn_out(self.dropout(F.relu(self.ffn_in(rows))))
        return self.norm_ffn(rows + self.dropout(hidden))

    def mask_logits(self, rows: LearnerRows, patches: Patches) -> Float[Tensor, "batch rows patches"]:
        """Head mean of the attention logits before the softmax, ``q_h k_h^T / sqrt(head_dim)``."""
        q, k = self.q(rows), self.k(patches)
        # the heads' dot products add up to the dot product of the whole vectors: one product instead of one per head
        scale = self.num_heads * (q.shape[-1] / self.num_heads) ** 0.5
        return q @ k.transpose(1, 2) / scale

    def after_masks(self) -> Iterator[nn.Parameter]:
        """Parameters that act only on what comes after the masks; without use in the last layer."""
        for module in (self.v, self.out, self.ffn_in, self.ffn_out, self.norm_attn, self.norm_ffn):
            yield from module.parameters()


class TrustyHead(nn.Module):
    """The trainable head: class names and an image in, mask logits on the patch grid out.

    ``[text; trusty token] -> relation to the class token -> trusty learner -> three mask layers -> logits of the last``

    The last layer's value path, norms and feed-forward network get no gradient, as in the release: they are kept (frozen)
    so that its checkpoints fit.

    Args:
        dim: of the joint space.
        num_heads: of all attentions.
        num_layers: mask layers.
        hidden: width of the feed-forward networks; ``4 * dim`` by default.
        dropout: rate while training.
        has_token: with the trusty token. Self-training and full supervision of the release go without.
        learner: see ``learner_shape``.
        starts_at_cosine: masks are CLIP's own cosines plus a gate times what is described above, and the gate starts at 0
            (``CosineStart``). Not in the paper: its head starts from random weights and has to learn anew what the
            encoder knows, from seen classes alone.

    Reference:
        Li et al., TagCLIP, section 3.2. Eq. 7 and 8 multiply masks with class vectors of another shape; like the release we
        use the masks alone.
    """

    def __init__(
        self,
        dim: int,
        *,
        num_heads: int = 8,
        num_layers: int = 3,
        hidden: int | None = None,
        dropout: float = 0.1,
        has_token: bool = True,
        learner: str = "relation",
        starts_at_cosine: bool = False,
    ) -> None:
        super().__init__()
        self.shape = learner_shape(learner)
        _check(dim, num_heads, num_layers)
        self.learner_name = learner
        self.trusty_token = nn.Parameter(torch.empty(1, dim)) if has_token else None
        self.relation = nn.Linear(2 * dim, dim) if self.shape.has_projection else None
        has_learner = self.shape.inputs is not None
        self.learner = TrustyLearner(dim, num_heads=num_heads, dropout=dropout) if has_learner else None
        self.layers = nn.ModuleList(
            MaskLayer(dim, num_heads=num_heads, hidden=hidden or 4 * dim, dropout=dropout)
            for _ in range(num_layers)
        )
        for parameter in self.parameters():
            # xavier is defined for matrices alone: biases and norms keep torch's own start
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)
        for parameter in self.layers[-1].after_masks():  # type: ignore[operator]
            parameter.requires_grad_(False)
        self.cosine = CosineStart() if starts_at_cosine else None

    def forward(
        self,
        patches: Float[Tensor, "batch dim rows cols"],
        cls: Float[Tensor, "batch dim"],
        text: Float[Tensor, "classes dim"],
        *,
        drop_token: bool = False,
    ) -> Float[Tensor, "batch masks rows cols"]:
        """Mask logits on the patch grid: one map per class, then the trusty map (high = not a seen class).

        Args:
            patches: unit-length patch embeddings.
            cls: unit-length class-token embeddings.
            text: unit-length embeddings of the class names.
            drop_token: leave the trusty token out, for cross-dataset use.
        """
        tokens = map_to_tokens(patches)
        rows = self.learn(self.token_rows(text, drop_token=drop_token), cls, tokens)
        for layer in self.layers[:-1]:
            rows = layer(rows, tokens)
        logits = self.layers[-1].mask_logits(rows, tokens)  # type: ignore[operator]
        if self.cosine is not None:
            logits = self.cosine(logits, text, tokens)
        return logits.unflatten(2, patches.shape[2:])

    def token_rows(
        self, text: Float[Tensor, "classes dim"], *, drop_token: bool = False
    ) -> Float[Tensor, "rows dim"]:
        """The class names, followed by the trusty token where there is one."""
        return text if self.trusty_token is None or drop_token else torch.cat([text, self.trusty_token])

    def relate(self, rows: Float[Tensor, "rows dim"], cls: Float[Tensor, "batch dim"]) -> LearnerRows:
        """Eq. 4 and its projection: ``Linear([cls * t, t])``.

        Raises:
            InputError: if the learner of this head has other inputs.
        """
        if self.relation is None:
            raise InputError(f"a head with learner {self.learner_name!r} has no relation projection")
        return self.relation(learner_input("relation", rows, cls, cls[:, None]))

    def learn(
        self, rows: Float[Tensor, "rows dim"], cls: Float[Tensor, "batch dim"], tokens: Patches
    ) -> LearnerRows:
        """Queries of the first mask layer: the trusty learner's output, or the relation alone."""
        kinds = self.shape.inputs
        if self.learner is None or kinds is None:
            return self.relate(rows, cls)
        inputs = {kind: self._narrow(kind, learner_input(kind, rows, cls, tokens)) for kind in set(kinds)}
        learned: LearnerRows = self.learner(*(inputs[kind] for kind in kinds))
        if self.relation is not None and self.shape.joins_after:
            return self.relation(torch.cat([learned, rows.expand_as(learned)], dim=-1))
        return learned

    def _narrow(self, kind: str, x: Float[Tensor, "batch rows features"]) -> LearnerRows:
        return self.relation(x) if self.relation is not None and kind in WIDE else x


def _check(dim: int, num_heads: int, num_layers: int) -> None:
    if dim % num_heads:
        raise InputError(f"the joint space of {dim} dimensions cannot be divided into {num_heads} heads")
    if num_layers < 1:
        raise InputError(f"expected at least one mask layer, got {num_layers}")
