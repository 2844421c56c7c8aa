"""The trusty learner: every row of Table 1 (c) and both forms of Fig. 4, value by value in a plain loop."""

import math

import pytest
import torch
import torch.nn.functional as F

from tagalign.methods.trusty.head import TrustyHead

DIM, HEADS = 6, 2

# the paper's (Q, K, V) and how a learner is asked for it; H has as many rows as patches, and where it stands beside keys or
# values of another number it can only be the class token, once per name
TABLE_1 = {
    "H, H, T": "image,image,text",
    "T, H, H": "text,patches,patches",
    "T, H, T": "text,image,text",
    "T, T, H": "text,text,image",
    "T, T, T*H": "text,text,product",
    "[T, H], [T, H], [T, H]": "concat",
    "T*H, H, H": "product,patches,patches",
    "T*H, T, T": "product,text,text",
    "T*H, T, T*H": "product,text,product",
    "T*H, T*H, H": "product,product,image",
    "T*H, T*H, T": "product,product,text",
    "T*H, T*H, T*H": "product",
    "T^, T^, T^": "relation",
}


@pytest.fixture(scope="module")
def scene():
    """Four names, an image of 2 x 3 patches and its class token."""
    generator = torch.Generator().manual_seed(0)
    text, patches, cls = (
        F.normalize(torch.randn(n, DIM, generator=generator, dtype=torch.float64), dim=1) for n in (4, 6, 1)
    )
    return text, patches, cls[0]


def new_head(learner):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        return TrustyHead(DIM, num_heads=HEADS, learner=learner).double().eval()


def linear(weight, bias, x):
    return [sum(w * v for w, v in zip(row, x, strict=True)) + b for row, b in zip(weight, bias, strict=True)]


def rows_of(symbol, text, patches, cls, head):
    """The rows that a symbol of the table stands for; T is the names and the trusty token."""
    names = [*text.tolist(), *head.trusty_token.tolist()]
    image = cls.tolist()
    wide = {
        "[T, H]": [[*name, *image] for name in names],
        "T^": [[*(a * b for a, b in zip(image, name, strict=True)), *name] for name in names],
    }
    if symbol in wide:
        weight, bias = head.relation.weight.tolist(), head.relation.bias.tolist()
        return [linear(weight, bias, row) for row in wide[symbol]]
    if symbol == "H as rows":
        return [image for _ in names]
    return {
        "T": names,
        "T*H": [[a * b for a, b in zip(image, name, strict=True)] for name in names],
        "H": patches.tolist(),
    }[symbol]


def symbols_of(row):
    """Query, key and value; H beside something that is not H is the class token."""
    if row.startswith("["):
        return ["[T, H]"] * 3
    query, key, value = row.split(", ")
    is_patches = key == value == "H" and query != "H"
    return [
        s if s != "H" or (is_patches and i > 0) else "H as rows" for i, s in enumerate((query, key, value))
    ]


def attention(learner, query, key, value):
    """Softmax(q k^T / sqrt(d)) v in each head, joined, projected, added to the query and normalised (Eq. 5)."""
    weights = learner.attn.in_proj_weight.tolist()
    biases = learner.attn.in_proj_bias.tolist()
    q, k, v = (
        [linear(weights[i * DIM : (i + 1) * DIM], biases[i * DIM : (i + 1) * DIM], row) for row in rows]
        for i, rows in enumerate((query, key, value))
    )
    size, found = DIM // HEADS, []
    for i, own in enumerate(query):
        joined = []
        for head in range(HEADS):
            part = range(head * size, (head + 1) * size)
            powers = [math.exp(sum(q[i][d] * row[d] for d in part) / math.sqrt(size)) for row in k]
            joined += [sum(p * row[d] for p, row in zip(powers, v, strict=True)) / sum(powers) for d in part]
        mixed = linear(learner.attn.out_proj.weight.tolist(), learner.attn.out_proj.bias.tolist(), joined)
        total = [a + b for a, b in zip(own, mixed, strict=True)]
        mean = sum(total) / DIM
        spread = math.sqrt(sum((x - mean) ** 2 for x in total) / DIM + learner.norm.eps)
        found.append([(x - mean) / spread for x in total])
    return found


@pytest.mark.parametrize("row", TABLE_1)
def test_a_row_of_table_1_is_the_attention_of_its_three_inputs(scene, row):
    text, patches, cls = scene
    head = new_head(TABLE_1[row])
    inputs = [rows_of(symbol, text, patches, cls, head) for symbol in symbols_of(row)]
    expected = torch.tensor(attention(head.learner, *inputs), dtype=torch.float64)
    found = head.learn(head.token_rows(text), cls[None], patches[None])[0]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)  # float64, sums of at most 12 numbers


def test_the_rows_differ(scene):
    """Thirteen questions, thirteen answers: no row is another one under a new name."""
    text, patches, cls = scene
    answers = []
    for learner in TABLE_1.values():
        head = new_head(learner)
        answers.append(head.learn(head.token_rows(text), cls[None], patches[None])[0])
    for i, one in enumerate(answers):
        assert all((one - other).abs().max() > 1e-3 for other in answers[:i])


def test_fig_4_joins_the_text_after_the_attention(scene):
    text, patches, cls = scene
    head = new_head("concat-after")
    rows = rows_of("T*H", text, patches, cls, head)
    names = rows_of("T", text, patches, cls, head)
    learned = attention(head.learner, rows, rows, rows)
    weight, bias = head.relation.weight.tolist(), head.relation.bias.tolist()
    expected = [linear(weight, bias, [*a, *b]) for a, b in zip(learned, names, strict=True)]
    found = head.learn(head.token_rows(text), cls[None], patches[None])[0]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-12)
