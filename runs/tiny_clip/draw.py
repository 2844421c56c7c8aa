"""Draw the training scenes of the tiny CLIP once, into memory-mapped arrays, and train its tokenizer.

python runs/tiny_clip/draw.py DIR --easy 90000 --roomy 170000 --dense 120000
"""

import argparse
import json
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, trainers
from transformers import CLIPTokenizer

from tagalign.data.tiny_world import SIZE, TinyWorld

OTHER_SHARE = 8  # one scene in eight is drawn with the palette `other`: the encoder has seen both worlds
CHUNK = 2000
VOCABULARY = 2048
CONTEXT = 32
START, END = "<|startoftext|>", "<|endoftext|>"


KINDS = {
    "easy": {"crowded": 0.0},
    "roomy": {"crowded": 1.0, "roomy": True},
    "dense": {"crowded": 1.0},
}
"""Kind of training scene to arguments of TinyWorld."""


def draw_chunk(job: tuple[str, str, int]) -> list[str]:
    """Draw scenes start ... start + CHUNK - 1 into the array of their kind; return their alt text."""
    folder, kind, start = job
    images = np.load(Path(folder) / f"{kind}.npy", mmap_mode="r+")
    worlds = [TinyWorld(seed=0, split="pretrain", palette=p, **KINDS[kind]) for p in ("default", "other")]
    texts = []
    for index in range(start, min(start + CHUNK, len(images))):
        scene = worlds[index % OTHER_SHARE == 0][index]
        images[index] = scene.image
        texts.append(scene.alt_text)
    return texts


def draw(folder: Path, kind: str, count: int, workers: int) -> list[str]:
    np.lib.format.open_memmap(folder / f"{kind}.npy", "w+", np.uint8, (count, SIZE, SIZE, 3)).flush()
    jobs = [(str(folder), kind, start) for start in range(0, count, CHUNK)]
    with get_context("spawn").Pool(workers) as pool:
        texts = [text for chunk in pool.map(draw_chunk, jobs) for text in chunk]
    (folder / f"{kind}.json").write_text(json.dumps(texts))
    return texts


def train_tokenizer(texts: list[str]) -> CLIPTokenizer:
    """Train a byte-level BPE with the word pieces of CLIP: 256 bytes, 256 bytes that end a word, merges, marks."""
    shell = CLIPTokenizer()
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>", continuing_subword_prefix=""))
    learner.normalizer = shell.backend_tokenizer.normalizer
    learner.pre_tokenizer = shell.backend_tokenizer.pre_tokenizer
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, end_of_word_suffix="</w>", show_progress=False)
    learner.train_from_iterator(texts, trainer)
    learned = [tuple(merge) for merge in json.loads(learner.to_str())["model"]["merges"]]
    merges = learned[: VOCABULARY - 2 - 512]
    alphabet = byte_alphabet()
    words = (
        alphabet
        + [letter + "</w>" for letter in alphabet]
        + ["".join(merge) for merge in merges]
        + [START, END]
    )
    words = list(dict.fromkeys(words))
    vocabulary = {word: index for index, word in enumerate(words)}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=CONTEXT)


def byte_alphabet() -> list[str]:
    from tokenizers.pre_tokenizers import ByteLevel

    return sorted(ByteLevel.alphabet())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--easy", type=int, default=90_000, help="scenes with one object")
    parser.add_argument("--roomy", type=int, default=170_000, help="scenes with some objects, far apart")
    parser.add_argument("--dense", type=int, default=120_000, help="scenes with two to five objects")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    if args.dense:
        draw(args.folder, "dense", args.dense, args.workers)
    if not args.easy + args.roomy:
        return
    texts = draw(args.folder, "easy", args.easy, args.workers)
    texts += draw(args.folder, "roomy", args.roomy, args.workers)
    train_tokenizer(texts[:: max(1, len(texts) // 100_000)]).save_pretrained(args.folder / "tokenizer")


if __name__ == "__main__":
    main()
