"""Text parts that start from a BERT on disk give BERT's own hidden states."""

import pytest
import torch
from transformers import BertConfig, BertForMaskedLM

from tagalign.errors import ModelError
from tagalign.methods.tag2text.bert import init_from_bert
from tagalign.methods.tag2text.build import build_tag2text
from tagalign.methods.tag2text.text_layers import encode_text


@pytest.fixture
def bert(tmp_path):
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=23, hidden_size=24, num_hidden_layers=3, num_attention_heads=6, intermediate_size=32,
        max_position_embeddings=96, hidden_act="gelu", initializer_range=0.3,
    )  # fmt: skip
    model = BertForMaskedLM(config).eval()
    model.save_pretrained(tmp_path / "bert")
    return model, tmp_path / "bert"


@torch.no_grad()
def test_the_text_encoder_computes_what_bert_computes(bert, sizes):
    theirs, folder = bert
    model = build_tag2text(num_tags=8, **sizes()).eval()
    added = model.tag_encoder.embeddings.word_embeddings.weight[23:].clone()
    assert init_from_bert(model, folder) > 0
    ids = torch.tensor([[2, 7, 9, 11, 3]])
    hidden = theirs.bert(ids, output_hidden_states=True).hidden_states[2]  # ours has two of its three layers
    for text in (model.tag_encoder, model.text_decoder.bert, model.alignment.text):
        # float32, two layers: 1e-5 is another order of sums
        torch.testing.assert_close(encode_text(text, ids, ids > 0), hidden, atol=1e-5, rtol=1e-4)
    assert torch.equal(model.tag_encoder.embeddings.word_embeddings.weight[23:], added)
    head = theirs.cls.predictions.transform.dense.weight
    assert torch.equal(model.text_decoder.cls.predictions.transform.dense.weight, head)


def test_cross_attention_is_not_touched(bert, sizes):
    model = build_tag2text(num_tags=8, **sizes())
    before = {n: p.clone() for n, p in model.named_parameters() if "crossattention" in n}
    init_from_bert(model, bert[1])
    assert all(torch.equal(before[n], p) for n, p in model.named_parameters() if n in before)


def test_another_width_is_refused(bert, sizes):
    values = sizes(alignment=False)
    values["tag_encoder"]["hidden_size"] = 12
    values["text_decoder"] |= {"hidden_size": 12, "encoder_hidden_size": 12}
    model = build_tag2text(num_tags=8, **values)
    with pytest.raises(ModelError, match="the model needs"):
        init_from_bert(model, bert[1])


def test_a_folder_without_bert_is_refused(tmp_path, sizes):
    model = build_tag2text(num_tags=8, **sizes(alignment=False))
    (tmp_path / "x").mkdir()
    with pytest.raises(ModelError):
        init_from_bert(model, tmp_path / "x")
