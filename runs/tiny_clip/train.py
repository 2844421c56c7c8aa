"""Train the tiny CLIP on pictures and alt text of the tiny world, and on nothing else.

python runs/train_tiny_clip.py DATA OUT --steps 2000      (DATA from runs/tiny_clip_data.py)

The second phase starts from the folder of the first (`--start`): it draws denser scenes, and the second image head,
which is thrown away, reads the patches that a text finds instead of their mean. The third (`--mosaic`) glues two
pictures together: each part has a text of its own, so a patch that speaks of the other part is wrong.
"""

import argparse
import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F
from transformers import AttentionInterface, CLIPConfig, CLIPModel, CLIPTokenizer

from tagalign.data.tiny_world import BACKGROUNDS, COLORS, OBJECTS, SIZE, TinyWorld
from tagalign.ops.precision import PRECISIONS, resolve_precision

WIDTH, LAYERS, TEXT_LAYERS, HEADS, PATCH, CONTEXT = 128, 7, 2, 4, 8, 32
# of pixel values in [0, 255]; the preprocessing config holds the same, divided by 255
MEAN, STD = 127.5, 64.0
FOCUS = 10.0  # how sharply a text looks for its patches: softmax over patches of FOCUS times their cosine
PATCHES = (SIZE // PATCH) ** 2
# share of crowded scenes in a batch: first, last, rise
CROWDED_START, CROWDED_END, CROWDED_STEPS = 0.2, 0.7, 4000
WARM_UP, WEIGHT_DECAY, CLIP_NORM, MAX_SCALE = 300, 0.05, 1.0, 100.0
# bfloat16 where the processor has matrix units for it; elsewhere it is many times slower than float32
COMPUTE = PRECISIONS[resolve_precision("auto", torch.device("cpu"))] or torch.float32


class Reach:
    """What share of their attention patches give to the class token and to patches further than `STEPS` away.

    Attributes:
        far: 1 where a patch (row) should not look, with the class token as first column; None: nothing is measured.
        shares: one per layer of the last forward pass.
    """

    STEPS = 2

    def __init__(self) -> None:
        self.far: Tensor | None = None
        self.shares: list[Tensor] = []

    def measure(self, order: Tensor | None) -> None:
        """Start a new measurement for the kept patches `order` (pictures x patches), or stop measuring."""
        self.shares = []
        if order is None:
            self.far = None
            return
        side = SIZE // PATCH
        place = torch.stack([order // side, order % side], -1)
        distance = (place[:, :, None] - place[:, None]).abs().amax(-1)
        self.far = F.pad((distance > self.STEPS).to(COMPUTE), (1, 0), value=1.0)

    def add(self, weights: Tensor) -> None:
        """Weights of one layer: pictures x heads x tokens x tokens."""
        if self.far is not None:
            self.shares.append((weights[:, :, 1:] * self.far[:, None]).sum(-1).float().mean())


REACH = Reach()


def plain_attention(module, query, key, value, attention_mask, scaling, is_causal=False, **_):  # type: ignore[no-untyped-def]
    """Attention by two matrix products: in bfloat16 on a CPU its backward pass is four times faster than sdpa's."""
    scores = query @ key.transpose(-1, -2) * scaling
    if is_causal:
        tokens = scores.shape[-1]
        scores = scores + torch.full((tokens, tokens), -1e4, dtype=scores.dtype).triu(1)
    weights = scores.softmax(-1)
    if not is_causal:
        REACH.add(weights)
    return (weights @ value).transpose(1, 2).contiguous(), None


def new_model(tokenizer: CLIPTokenizer) -> CLIPModel:
    AttentionInterface.register("plain", plain_attention)
    shared = {
        "hidden_size": WIDTH,
        "intermediate_size": 4 * WIDTH,
        "num_attention_heads": HEADS,
        "hidden_act": "gelu",
    }
    marks = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    text = {
        "vocab_size": len(tokenizer), "num_hidden_layers": TEXT_LAYERS, "max_position_embeddings": CONTEXT,
        "pad_token_id": tokenizer.eos_token_id, **marks,
    }  # fmt: skip
    vision = {"num_hidden_layers": LAYERS, "image_size": SIZE, "patch_size": PATCH}
    config = CLIPConfig(text_config=shared | text, vision_config=shared | vision, projection_dim=WIDTH)
    config._attn_implementation = "plain"
    return CLIPModel(config)


class Trainee(nn.Module):
    """The CLIP and a second image head that is thrown away: it reads the patches.

    The head makes the patches hold what the caption says, in directions of its own: the class token alone leaves them
    nearly empty in so small a model. The shipped projection has never seen a patch.
    """

    def __init__(self, clip: CLIPModel) -> None:
        super().__init__()
        self.clip = clip
        self.pooled_norm = nn.LayerNorm(WIDTH)
        self.pooled_head = nn.Linear(WIDTH, WIDTH, bias=False)
        self.pooled_scale = nn.Parameter(clip.logit_scale.detach().clone())

    def forward(self, pixels: Tensor, ids: Tensor, order: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Embeddings of the class token, of the patches in `order` (by the second head) and of the texts."""
        vision = self.clip.vision_model
        tokens = self.embed(pixels)
        if order.shape[1] < tokens.shape[1] - 1:  # fewer patches: twice the pictures in the same time
            kept = tokens.gather(1, order[..., None].expand(-1, -1, WIDTH) + 1)
            tokens = torch.cat([tokens[:, :1], kept], dim=1)
        hidden = vision.encoder(inputs_embeds=vision.pre_layrnorm(tokens)).last_hidden_state
        image = self.clip.visual_projection(vision.post_layernorm(hidden[:, 0]))
        patches = self.pooled_head(self.pooled_norm(hidden[:, 1:]))
        return image, patches, self.text(ids)

    def embed(self, pixels: Tensor) -> Tensor:
        """The embeddings of CLIP; its convolution written as a product, whose gradient is cheaper."""
        parts = self.clip.vision_model.embeddings
        rows = SIZE // PATCH
        blocks = pixels.reshape(len(pixels), 3, rows, PATCH, rows, PATCH).permute(0, 2, 4, 1, 3, 5)
        patches = F.linear(
            blocks.reshape(len(pixels), rows * rows, -1), parts.patch_embedding.weight.flatten(1)
        )
        cls = parts.class_embedding.expand(len(pixels), 1, -1)
        return torch.cat([cls, patches], dim=1) + parts.position_embedding.weight

    def text(self, ids: Tensor) -> Tensor:
        """Text embeddings, read at the first end mark."""
        text = self.clip.text_model
        hidden = text.embeddings(input_ids=ids)
        hidden = text.final_layer_norm(text.encoder(inputs_embeds=hidden, is_causal=True).last_hidden_state)
        ends = (ids == self.clip.config.text_config.eos_token_id).int().argmax(1)
        return self.clip.text_projection(hidden[torch.arange(len(ids)), ends])


def contrast(cosine: Tensor, log_scale: Tensor, fits: Tensor) -> Tensor:
    """Contrastive loss in both directions; all texts that fit a picture share its probability, and the other way round."""
    logits = log_scale.exp().clamp(max=MAX_SCALE) * cosine
    texts = F.cross_entropy(logits, fits / fits.sum(1, keepdim=True))
    return (texts + F.cross_entropy(logits.T, fits.T / fits.sum(0)[:, None])) / 2


def mean_cosine(patches: Tensor, text: Tensor) -> Tensor:
    """Cosine of the mean of every picture's patches with every text."""
    return F.normalize(patches.mean(1), dim=-1) @ text.T


def found_cosine(patches: Tensor, text: Tensor, where: Tensor) -> Tensor:
    """Cosine of the patches that a text finds in a part of a picture: pictures x texts.

    `where` is 1 for patches of the part and 0 elsewhere.
    """
    each = F.normalize(patches, dim=-1) @ text.T  # (pictures, patches, texts)
    outside = (where[..., None] - 1) * 1e4
    return ((FOCUS * each + outside).softmax(1) * each).sum(1)


def glue(pixels: Tensor, plain: float, rng: torch.Generator) -> tuple[Tensor, Tensor, int]:
    """Two pictures in one, cut along a row or a column of patches: mosaics, 1 where a patch is the picture's own, shift.

    The other part comes from the picture `shift` places further on. A share `plain` of the pictures stays whole.
    """
    rows = SIZE // PATCH
    count = len(pixels)
    shift = int(torch.randint(1, count, (), generator=rng))
    cut = torch.randint(3, rows - 2, (count, 1), generator=rng)
    before = (torch.arange(rows)[None] < cut) ^ (torch.rand(count, 1, generator=rng) < 0.5)
    own = before[:, :, None].expand(-1, rows, rows)
    own = torch.where(torch.rand(count, 1, 1, generator=rng) < 0.5, own, own.transpose(1, 2))
    own = own | (torch.rand(count, 1, 1, generator=rng) < plain)
    fine = own.repeat_interleave(PATCH, 1).repeat_interleave(PATCH, 2)[:, None]
    return torch.where(fine, pixels, pixels.roll(-shift, 0)), own.flatten(1).float(), shift


class Batches:
    """Random batches of easy and crowded scenes; the share of crowded ones rises over the run."""

    def __init__(self, folder: Path, crowd: str, tokenizer: CLIPTokenizer) -> None:
        kinds = ("easy", crowd)
        self.images = [np.load(folder / f"{kind}.npy", mmap_mode="r") for kind in kinds]
        self.ids = [self._encode(folder / f"{kind}.json", tokenizer) for kind in kinds]

    def _encode(self, path: Path, tokenizer: CLIPTokenizer) -> Tensor:
        cache = path.with_suffix(".ids.npy")
        if not cache.exists():
            rows = tokenizer(json.loads(path.read_text()), truncation=True, max_length=CONTEXT)["input_ids"]
            ids = np.full((len(rows), CONTEXT), tokenizer.eos_token_id, np.int64)
            for index, row in enumerate(rows):
                ids[index, : len(row)] = row
            part = cache.with_suffix(f".{os.getpid()}.npy")  # the other process may be writing the same file
            np.save(part, ids)
            part.replace(cache)
        return torch.from_numpy(np.load(cache))

    def draw(self, size: int, seed: int, number: int, step: int) -> tuple[Tensor, Tensor]:
        """Pictures and the ids of their texts, padded with the end mark."""
        # A batch depends on its number alone: a resumed run is the same run.
        rng = np.random.default_rng((seed, number))
        rise = min(step / CROWDED_STEPS, 1.0)
        crowded = round(size * (CROWDED_START + (CROWDED_END - CROWDED_START) * rise))
        images, ids = [], []
        for kind, count in enumerate((size - crowded, crowded)):
            rows = np.sort(rng.integers(0, len(self.images[kind]), count))
            images.append(self.images[kind][rows])
            ids.append(self.ids[kind][rows])
        return to_pixels(np.concatenate(images)), torch.cat(ids)


def to_pixels(images: np.ndarray) -> Tensor:
    return (torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2).float() - MEAN) / STD


def trim(ids: Tensor) -> Tensor:
    """Drop the columns behind the longest text of a batch."""
    return ids[:, : int((ids != ids[0, -1]).sum(1).max()) + 1]


def learning_rate(step: int, args: argparse.Namespace) -> float:
    """Rise, stay, and fall in a straight line over the last `cooling` steps."""
    falling = (args.steps - step) / args.cooling if args.cooling else 1.0
    return float(args.lr * min(1.0, (step - args.first + 1) / WARM_UP, falling))


def save_state(path: Path, trainee: Trainee, optimizer: torch.optim.Optimizer, step: int) -> None:
    tensors = {f"model.{name}": value for name, value in trainee.state_dict().items()}
    for name, weight in trainee.named_parameters():
        state = optimizer.state[weight]
        tensors |= {f"first.{name}": state["exp_avg"], f"second.{name}": state["exp_avg_sq"]}
    save_file(tensors, path.with_suffix(".part"), metadata={"step": str(step)})
    path.with_suffix(".part").replace(path)


def load_state(path: Path, trainee: Trainee, optimizer: torch.optim.Optimizer) -> int:
    tensors = load_file(path)
    with safe_open(path, "pt") as file:
        step = int(file.metadata()["step"])
    trainee.load_state_dict(
        {k.removeprefix("model."): v for k, v in tensors.items() if k.startswith("model.")}
    )
    for name, weight in trainee.named_parameters():
        moments = {"exp_avg": tensors[f"first.{name}"], "exp_avg_sq": tensors[f"second.{name}"]}
        optimizer.state[weight] = {"step": torch.tensor(float(step)), **moments}
    return step


@torch.no_grad()
def zero_shot(trainee: Trainee, tokenizer: CLIPTokenizer, count: int = 400) -> dict[str, float]:
    """Accuracy on scenes kept aside: the object, colour and background of easy scenes, the top object of crowded ones."""
    trainee.eval()

    def embed(names: tuple[str, ...]) -> Tensor:
        ids = tokenizer([f"a photo of a {name}" for name in names], padding=True, return_tensors="pt")[
            "input_ids"
        ]
        return F.normalize(trainee.text(ids), dim=-1)

    def image(scenes: list) -> tuple[Tensor, Tensor]:  # type: ignore[type-arg]
        hidden = trainee.clip.vision_model(to_pixels(np.stack([s.image for s in scenes]))).last_hidden_state
        return trainee.clip.visual_projection(trainee.clip.vision_model.post_layernorm(hidden[:, 0])), hidden[
            :, 1:
        ]

    easy = list(TinyWorld(seed=0, split="val", crowded=0.0).take(count))
    crowded = list(TinyWorld(seed=0, split="val-crowded", crowded=1.0).take(count))
    scores: dict[str, float] = {}
    embeds, _ = image(easy)
    for key, names, of in (
        ("object", OBJECTS, lambda s: s.layout.placed[0].name),
        ("color", COLORS, lambda s: s.layout.placed[0].color),
        ("background", BACKGROUNDS["default"], lambda s: s.background),
    ):
        best = (embeds @ embed(names).T).argmax(1).tolist()
        scores[key] = sum(names[b] == of(s) for b, s in zip(best, easy, strict=True)) / count
    embeds, patches = image(crowded)
    names = embed(OBJECTS)
    best = (embeds @ names.T).argmax(1).tolist()
    scores["crowded"] = sum(OBJECTS[b] in s.tags.objects for b, s in zip(best, crowded, strict=True)) / count
    everything = embed(OBJECTS + BACKGROUNDS["default"])
    cells = np.stack([s.label_map("all")[PATCH // 2 :: PATCH, PATCH // 2 :: PATCH].ravel() for s in crowded])
    on_object = torch.from_numpy(cells) < len(OBJECTS)
    heads = {
        "patch_clip": trainee.clip.visual_projection(trainee.clip.vision_model.post_layernorm(patches)),
        "patch_pooled": trainee.pooled_head(trainee.pooled_norm(patches)),
    }
    for key, dense in heads.items():
        right = (dense @ everything.T).argmax(-1) == torch.from_numpy(cells)
        scores[key] = float(right[on_object].float().mean())
    trainee.train()
    return {key: round(value, 3) for key, value in scores.items()}


def export(trainee: Trainee, tokenizer: CLIPTokenizer, out: Path) -> None:
    """Write a Hugging Face folder with float16 weights."""
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(out)
    weights = {name: value.half().contiguous() for name, value in trainee.clip.state_dict().items()}
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    config = trainee.clip.config.to_dict() | {"architectures": ["CLIPModel"], "torch_dtype": "float16"}
    (out / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    processor = {
        "image_processor_type": "CLIPImageProcessor", "do_convert_rgb": True, "do_resize": True,
        "size": {"shortest_edge": SIZE}, "resample": 3, "do_center_crop": True, "crop_size": {"height": SIZE, "width": SIZE},
        "do_rescale": True, "rescale_factor": 1 / 255, "do_normalize": True,
        "image_mean": [MEAN / 255] * 3, "image_std": [STD / 255] * 3,
    }  # fmt: skip
    (out / "preprocessor_config.json").write_text(json.dumps(processor, indent=2) + "\n")


def train(rank: int, args: argparse.Namespace) -> None:
    """Train in one of `args.workers` processes of one thread each; on a busy machine threads wait for one another."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{args.meeting}", rank=rank, world_size=args.workers)
    torch.manual_seed(args.seed)
    tokenizer = CLIPTokenizer.from_pretrained(args.start or args.data / "tokenizer", model_max_length=CONTEXT)
    batches = Batches(args.data, "dense" if args.start else "roomy", tokenizer)
    clip = new_model(tokenizer)
    if args.start:
        clip.load_state_dict({k: v.float() for k, v in load_file(args.start / "model.safetensors").items()})
    trainee = Trainee(clip).train()
    groups = [
        {"params": [p for p in trainee.parameters() if p.ndim > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [p for p in trainee.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=args.lr, betas=(0.9, 0.98), eps=1e-6, fused=True)
    state = args.data / f"{args.out.name}.state.safetensors"
    kept = args.data / f"{args.resume}.state.safetensors"
    first = load_state(kept, trainee, optimizer) if args.resume else args.first
    started, totals = time.time(), [0.0] * (3 if args.near else 2)
    for step in range(first, args.steps):
        losses = train_step(trainee, optimizer, batches, args, step, rank)
        totals = [0.98 * total + 0.02 * loss for total, loss in zip(totals, losses, strict=True)]
        if rank == 0 and (step + 1) % 50 == 0:
            minutes = round((time.time() - started) / 60, 2)
            print(
                json.dumps({"step": step + 1, "minutes": minutes, "loss": [round(t, 3) for t in totals]}),
                flush=True,
            )
        if rank == 0 and ((step + 1) % args.every == 0 or step + 1 == args.steps):
            print(json.dumps({"step": step + 1} | zero_shot(trainee, tokenizer)), flush=True)
            export(trainee, tokenizer, args.out)
            save_state(state, trainee, optimizer, step + 1)
    dist.destroy_process_group()


def train_step(
    trainee: Trainee,
    optimizer: torch.optim.Optimizer,
    batches: Batches,
    args: argparse.Namespace,
    step: int,
    rank: int,
) -> list[float]:
    own = args.batch // args.workers
    pixels, ids = batches.draw(own, args.seed, step * args.workers + rank, step)
    rng = torch.Generator().manual_seed((args.seed * 1_000_003 + step) * args.workers + rank)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(step, args)
    pixels, where, shift = glue(pixels, args.plain if args.mosaic else 1.0, rng)
    keep = PATCHES if step >= args.steps - args.whole else args.keep
    order = torch.rand(own, PATCHES, generator=rng).argsort(1)[:, :keep]
    # float32 weights, everything computed in bfloat16: a quarter faster here than autocast
    rounded = {name: weight.to(COMPUTE) for name, weight in trainee.named_parameters()}
    everything = torch.arange(PATCHES).expand(own, -1)
    REACH.measure((everything if keep == PATCHES else order) if args.near else None)
    outputs = functional_call(trainee, rounded, (pixels.to(COMPUTE), trim(ids), order))
    image, patches, text = (gathered(output.float(), rank, args.workers) for output in outputs)
    everyone, others = (gathered(i, rank, args.workers) for i in (ids, ids.roll(-shift, 0)))
    where = gathered(where if keep == PATCHES else where.gather(1, order), rank, args.workers)
    losses = step_losses(
        trainee, image, patches, text, where, same(everyone, everyone), same(others, everyone), args
    )
    if args.near:
        losses.append(torch.stack(REACH.shares).mean())
        REACH.measure(None)
    weights = (1.0, args.pooled, args.near)
    sum(weight * loss for weight, loss in zip(weights, losses, strict=False)).backward()
    add_gradients(trainee, args.workers)
    nn.utils.clip_grad_norm_(trainee.parameters(), CLIP_NORM)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return [loss.item() for loss in losses]


def step_losses(
    trainee: Trainee,
    image: Tensor,
    patches: Tensor,
    text: Tensor,
    where: Tensor,
    fits: Tensor,
    fits_other: Tensor,
    args: argparse.Namespace,
) -> list[Tensor]:
    """The losses of the class token and of the second head.

    `fits` says which texts belong to a picture, `fits_other` which to the one that was glued to it.
    """
    text = F.normalize(text, dim=-1)
    image_cosine, scale = F.normalize(image, dim=-1) @ text.T, trainee.clip.logit_scale
    if not args.start:
        parts = contrast(mean_cosine(patches, text), trainee.pooled_scale, fits)
        return [contrast(image_cosine, scale, fits), parts]
    glued = where.min(1).values < 1
    cosine = torch.cat(
        [found_cosine(patches, text, where), found_cosine(patches[glued], text, 1 - where[glued])]
    )
    parts = contrast(cosine, trainee.pooled_scale, torch.cat([fits, fits_other[glued]]))
    return [contrast(image_cosine, scale, (fits + fits_other * glued[:, None]).clamp(max=1)), parts]


def same(one: Tensor, other: Tensor) -> Tensor:
    """1 where two texts are equal: len(one) x len(other)."""
    return (one[:, None] == other[None]).all(-1).float()


def gathered(own: Tensor, rank: int, workers: int) -> Tensor:
    """Rows of all processes; gradients flow into the own ones, so that summing them over processes is exact."""
    rows = [torch.empty_like(own) for _ in range(workers)]
    dist.all_gather(rows, own.detach().contiguous())
    rows[rank] = own
    return torch.cat(rows)


def add_gradients(trainee: Trainee, workers: int) -> None:
    for scale in (trainee.clip.logit_scale, trainee.pooled_scale):
        scale.grad /= workers  # every process holds the whole gradient of the scales
    flat = torch.cat([p.grad.flatten() for p in trainee.parameters()])
    dist.all_reduce(flat)
    for weight, grad in zip(
        trainee.parameters(), flat.split([p.numel() for p in trainee.parameters()]), strict=True
    ):
        weight.grad = grad.view_as(weight)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, required=True, help="number of the step to stop before")
    parser.add_argument(
        "--cooling", type=int, default=0, help="last steps, over which the learning rate falls"
    )
    parser.add_argument("--whole", type=int, default=0, help="last steps, which see all patches")
    parser.add_argument("--start", type=Path, help="folder of the first phase: this is the second one")
    parser.add_argument("--first", type=int, default=0, help="number of the first step")
    parser.add_argument(
        "--resume", metavar="NAME", help="go on from the state of a folder's run, kept beside the data"
    )
    parser.add_argument("--batch", type=int, default=192, help="pictures of a step, all processes together")
    parser.add_argument("--lr", type=float, default=1.2e-3)
    parser.add_argument("--keep", type=int, default=40, help="patches of 100 that a training step sees")
    parser.add_argument(
        "--pooled", type=float, default=0.5, help="weight of the loss on the mean of the patches"
    )
    parser.add_argument("--mosaic", action="store_true", help="glue two pictures together: the third phase")
    parser.add_argument(
        "--plain", type=float, default=0.3, help="share of pictures that a mosaic leaves whole"
    )
    parser.add_argument(
        "--near", type=float, default=0.0, help="weight of the share of attention that goes far away"
    )
    parser.add_argument("--every", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread each")
    args = parser.parse_args()
    with TemporaryDirectory() as folder:
        args.meeting = Path(folder) / "meeting"
        mp.spawn(train, (args,), nprocs=args.workers)


if __name__ == "__main__":
    main()
