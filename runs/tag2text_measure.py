"""What the Tag2Text tables measure: tags, captions, retrieval, answers, control. Numbers in percent."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float
from tag2text_world import OBJECT_IDS, WORDS, Split
from torch import Tensor

from tagalign.evaluate.captioning import caption_scores
from tagalign.evaluate.retrieval import recalls
from tagalign.evaluate.tagging import average_precisions, mean_average_precision, precision_recall
from tagalign.evaluate.vqa import vqa_accuracy
from tagalign.methods.tag2text.image_value import Tag2TextImage
from tagalign.methods.tag2text.method import Tag2TextMethod
from tagalign.methods.tag2text.tag_choice import TagChoice
from tagalign.tasks.answering import answer_questions
from tagalign.tasks.search.scores import pair_scores, rerank, tag_overlap

BATCH = 64


@torch.no_grad()
def encode(method: Tag2TextMethod, split: Split) -> list[Tag2TextImage]:
    """Encoded images from cached tokens, as ``encode_images`` would make them."""
    found = []
    for start in range(0, len(split.scenes), BATCH):
        tokens = split.tokens[start : start + BATCH].float()
        logits = method.model.tag_logits(tokens)
        size = (split.scenes[0].size, split.scenes[0].size)
        found += [
            Tag2TextImage(method="tag2text", size=size, tokens=t, tag_logits=x)
            for t, x in zip(tokens, logits, strict=True)
        ]
    return found


def probs_of(images: Sequence[Tag2TextImage]) -> Float[Tensor, "images tags"]:
    return torch.stack([image.tag_logits for image in images]).sigmoid()


def tag_scores(
    scores: Float[Tensor, "images tags"], chosen: Bool[Tensor, "images tags"], split: Split
) -> dict[str, float]:
    """Mean AP over tags that occur, and micro precision and recall of the chosen ones."""
    truth = split.truth.long()
    result = precision_recall(chosen, truth, average="micro")
    return {
        "map": 100 * mean_average_precision(average_precisions(scores, truth)),
        "precision": 100 * result.precision,
        "recall": 100 * result.recall,
    }


def tagging(method: Tag2TextMethod, images: Sequence[Tag2TextImage], split: Split) -> dict[str, float]:
    logits = torch.stack([image.tag_logits for image in images])
    return tag_scores(logits.sigmoid(), method.choice.chosen(logits), split)


def calibrate(method: Tag2TextMethod, split: Split) -> TagChoice:
    """Thresholds with the best F1 on held-out scenes; call with a split that is not the test split."""
    return method.choice.calibrated(probs_of(encode(method, split)), split.truth)


def caption_all(
    method: Tag2TextMethod,
    images: Sequence[Tag2TextImage],
    tags: Sequence[Sequence[str] | None] | None = None,
) -> list[str]:
    tags = [None] * len(images) if tags is None else tags
    texts = []
    for start in range(0, len(images), BATCH):
        part = slice(start, start + BATCH)
        texts += [caption.text for caption in method.captions(images[part], tags[part])]
    return texts


def named(texts: Sequence[str]) -> Bool[Tensor, "texts tags"]:
    """Tags that each text names."""
    rows = torch.zeros(len(texts), len(WORDS), dtype=torch.bool)
    for row, text in enumerate(texts):
        rows[row, WORDS.mentioned(text)] = True
    return rows


def captioning(texts: Sequence[str], split: Split) -> dict[str, float]:
    """CIDEr, BLEU-4, and how well the tags named in the captions fit the scene; objects alone too."""
    scores = caption_scores(list(texts), [list(scene.captions) for scene in split.scenes])
    found = named(texts)
    every = precision_recall(found, split.truth.long(), average="micro")
    objects = list(OBJECT_IDS)
    own = precision_recall(found[:, objects], split.truth[:, objects].long(), average="micro")
    return {
        "cider": 100 * scores["cider"],
        "bleu4": 100 * scores["bleu4"],
        "tag_precision": 100 * every.precision,
        "tag_recall": 100 * every.recall,
        "object_precision": 100 * own.precision,
        "object_recall": 100 * own.recall,
        "words": sum(len(text.split()) for text in texts) / len(texts),
    }


def retrieval(
    method: Tag2TextMethod, images: Sequence[Tag2TextImage], split: Split, *, tag_weight: float, match: bool
) -> dict[str, float]:
    """Recall at 1 and 5 both ways over the first caption of each scene."""
    texts = [scene.captions[0] for scene in split.scenes]
    overlap = None
    if tag_weight > 0:
        logits = torch.stack([image.tag_logits for image in images])
        probs = logits.sigmoid() * method.choice.chosen(logits)
        overlap = tag_overlap(probs, [WORDS.mentioned(text) for text in texts])
    scores = pair_scores(
        method.embed_images(images), method.embed_texts(texts), overlap=overlap, tag_weight=tag_weight
    )
    to_text = to_image = scores
    if match:
        both = lambda i, t: method.match([images[k] for k in i], [texts[k] for k in t])  # noqa: E731
        to_text = rerank(scores, both, to="text", shortlist=16)
        to_image = rerank(scores, both, to="image", shortlist=16)
    owners = torch.arange(len(images))
    found = recalls(to_text, owners, ks=(1, 5))
    back = recalls(to_image, owners, ks=(1, 5))
    return {
        **{k: 100 * v for k, v in found.items() if k.startswith("text")},
        **{k: 100 * v for k, v in back.items() if k.startswith("image")},
    }


def answering(
    method: Tag2TextMethod, images: Sequence[Tag2TextImage], split: Split, *, use_tags: bool, limit: int = 3
) -> dict[str, float]:
    """Exact match and VQA accuracy over up to ``limit`` questions per scene, spread over its list."""
    rows = [(i, q) for i, scene in enumerate(split.scenes) for q in spread(scene.questions, limit)]
    found = answer_questions(
        method, [images[i] for i, _ in rows], [q for _, (q, _) in rows], use_tags=use_tags, batch_size=BATCH
    )
    truths = [answer for _, (_, answer) in rows]
    exact = [a == t for a, t in zip(found, truths, strict=True)]
    people = [vqa_accuracy(a, [t]) for a, t in zip(found, truths, strict=True)]
    return {
        "exact": 100 * sum(exact) / len(exact),
        "vqa_accuracy": 100 * sum(people) / len(people),
        "questions": len(rows),
    }


def spread(items: Sequence, count: int) -> list:
    """``count`` items at even distances."""
    step = max(1, len(items) / count)
    return [items[int(i * step)] for i in range(min(count, len(items)))]


def control(method: Tag2TextMethod, images: Sequence[Tag2TextImage], split: Split) -> dict[str, float]:
    """How often a caption names an object it is told to name.

    For every scene with at least two kinds: the caption guided by the first kind alone; of the kinds it does not name, one
    is added to the tags. ``absent`` adds a kind that is not in the scene instead.
    """
    objects = [[WORDS.names[i] for i in OBJECT_IDS if split.truth[row, i]] for row in range(len(images))]
    rows = [row for row, kinds in enumerate(objects) if len(kinds) >= 2]
    chosen = [images[row] for row in rows]
    first = [objects[row][row % len(objects[row])] for row in rows]
    base = named(caption_all(method, chosen, [[name] for name in first]))
    cases = []
    for place, row in enumerate(rows):
        silent = [name for name in objects[row] if not base[place, WORDS.find(name)].any()]
        missing = [WORDS.names[i] for i in OBJECT_IDS if not split.truth[row, i]]
        if silent:
            cases.append((place, silent[row % len(silent)], missing[row % len(missing)]))
    asked = [chosen[place] for place, _, _ in cases]
    present = named(caption_all(method, asked, [[first[p], name] for p, name, _ in cases]))
    absent = named(caption_all(method, asked, [[first[p], name] for p, _, name in cases]))
    hits = [bool(present[i, WORDS.find(name)].any()) for i, (_, name, _) in enumerate(cases)]
    invented = [bool(absent[i, WORDS.find(name)].any()) for i, (_, _, name) in enumerate(cases)]
    return {
        "present": 100 * sum(hits) / len(hits),
        "absent": 100 * sum(invented) / len(invented),
        "cases": len(cases),
    }
