"""Train a packaged CLIP on pictures and alt text of the tiny world, and on nothing else; the same command goes on.

python runs/tiny_clip/train.py NAME WORK        (NAME of plan.py; WORK/data from draw.py; the model is in WORK/NAME)

Each phase starts from the one before. All switches stand in `plan.py`.
"""

import argparse
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from batches import Batches, trim
from losses import glue, same, step_losses
from model import COMPUTE, CONTEXT, PATCHES, REACH, Trainee, new_model
from plan import PLANS, Phase
from safetensors.torch import load_file
from state import export, load_state, save_state, state_step
from torch import Tensor, nn
from torch.func import functional_call
from transformers import CLIPTokenizer
from zero_shot import zero_shot

WARM_UP, WEIGHT_DECAY, CLIP_NORM = 300, 0.05, 1.0
SAY, SAVE = 50, 500  # steps between lines of the log, and between states


def learning_rate(step: int, phase: Phase) -> float:
    """Rise where the optimiser is new, stay, and fall in a straight line over the last `cooling` steps."""
    falling = (phase.steps - step) / phase.cooling if phase.cooling else 1.0
    rising = (step - (phase.first if phase.fresh else 0) + 1) / WARM_UP
    return phase.lr * min(1.0, rising, falling)


def train(rank: int, phase: Phase, work: Path, out: Path, before: Path | None, meeting: str) -> None:
    """Train in one of `phase.workers` processes of one thread each; on a busy machine threads wait for one another."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=phase.workers)
    torch.manual_seed(phase.seed)
    tokenizer = CLIPTokenizer.from_pretrained(work / "data" / "tokenizer", model_max_length=CONTEXT)
    batches = Batches(work / "data", phase.scenes, tokenizer)
    clip = new_model(tokenizer)
    if before is not None:
        clip.load_state_dict({k: v.float() for k, v in load_file(before / "model.safetensors").items()})
    trainee = Trainee(clip, patch_head=phase.patch_head is not None).train()
    optimizer = optimizer_of(trainee, phase)
    state = state_of(out)
    first = start(trainee, optimizer, phase, state, before)
    started, totals = time.time(), [0.0] * (1 + (phase.patch_head is not None) + bool(phase.near))
    for step in range(first, phase.steps):
        losses = train_step(trainee, optimizer, batches, phase, step, rank)
        totals = [0.98 * total + 0.02 * loss for total, loss in zip(totals, losses, strict=True)]
        if rank == 0 and (step + 1) % SAY == 0:
            minutes = round((time.time() - started) / 60, 2)
            say(step=step + 1, minutes=minutes, loss=[round(total, 3) for total in totals])
        if rank == 0 and ((step + 1) % SAVE == 0 or step + 1 == phase.steps):
            say(step=step + 1, **zero_shot(trainee, tokenizer))
            export(trainee, tokenizer, out)
            save_state(state, trainee, optimizer, step + 1)
    dist.destroy_process_group()


def say(**values: object) -> None:
    print(json.dumps(values), flush=True)


def state_of(out: Path) -> Path:
    return out.with_name(f"{out.name}.state.safetensors")


def optimizer_of(trainee: Trainee, phase: Phase) -> torch.optim.Optimizer:
    groups = [
        {"params": [p for p in trainee.parameters() if p.ndim > 1], "weight_decay": WEIGHT_DECAY},
        {"params": [p for p in trainee.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=phase.lr, betas=(0.9, 0.98), eps=1e-6, fused=True)


def start(
    trainee: Trainee, optimizer: torch.optim.Optimizer, phase: Phase, state: Path, before: Path | None
) -> int:
    """The first step to do: of a run that was broken off, else of the phase."""
    if state.exists():
        return load_state(state, trainee, optimizer)
    if before is not None and not phase.fresh:
        return load_state(state_of(before), trainee, optimizer)
    return phase.first


def train_step(
    trainee: Trainee,
    optimizer: torch.optim.Optimizer,
    batches: Batches,
    phase: Phase,
    step: int,
    rank: int,
) -> list[float]:
    own = phase.batch // phase.workers
    pixels, ids = batches.draw(own, phase.seed, step * phase.workers + rank, step)
    rng = torch.Generator().manual_seed((phase.seed * 1_000_003 + step) * phase.workers + rank)
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(step, phase)
    pixels, where, shift = glue(pixels, phase.stay_whole if phase.mosaic else 1.0, rng)
    keep = PATCHES if step >= phase.steps - phase.whole else phase.keep
    order = torch.rand(own, PATCHES, generator=rng).argsort(1)[:, :keep]
    # float32 weights, everything computed in bfloat16: a quarter faster here than autocast
    rounded = {name: weight.to(COMPUTE) for name, weight in trainee.named_parameters()}
    everything = torch.arange(PATCHES).expand(own, -1)
    REACH.measure((everything if keep == PATCHES else order) if phase.near else None)
    outputs = functional_call(trainee, rounded, (pixels.to(COMPUTE), trim(ids), order))
    image, patches, text = (gathered(output.float(), rank, phase.workers) for output in outputs)
    everyone, others = (gathered(i, rank, phase.workers) for i in (ids, ids.roll(-shift, 0)))
    where = gathered(where if keep == PATCHES else where.gather(1, order), rank, phase.workers)
    losses = step_losses(
        trainee, image, patches, text, where, same(everyone, everyone), same(others, everyone), phase
    )
    if phase.near:
        losses.append(torch.stack(REACH.shares).mean())
        REACH.measure(None)
    weights = [1.0, *([phase.head_weight] if phase.patch_head else []), phase.near]
    sum(weight * loss for weight, loss in zip(weights, losses, strict=False)).backward()
    add_gradients(trainee, phase.workers)
    nn.utils.clip_grad_norm_(trainee.parameters(), CLIP_NORM)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return [loss.item() for loss in losses]


def gathered(own: Tensor, rank: int, workers: int) -> Tensor:
    """Rows of all processes; gradients flow into the own ones, so that summing them over processes is exact."""
    rows = [torch.empty_like(own) for _ in range(workers)]
    dist.all_gather(rows, own.detach().contiguous())
    rows[rank] = own
    return torch.cat(rows)


def add_gradients(trainee: Trainee, workers: int) -> None:
    for scale in trainee.scales():
        scale.grad /= workers  # every process holds the whole gradient of the scales
    flat = torch.cat([p.grad.flatten() for p in trainee.parameters()])
    dist.all_reduce(flat)
    for weight, grad in zip(
        trainee.parameters(), flat.split([p.numel() for p in trainee.parameters()]), strict=True
    ):
        weight.grad = grad.view_as(weight)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=PLANS)
    parser.add_argument("work", type=Path)
    args = parser.parse_args()
    before: Path | None = None
    for number, phase in enumerate(PLANS[args.name], 1):
        last = number == len(PLANS[args.name])
        out = args.work / (args.name if last else f"{args.name}-{number}")
        if state_step(state_of(out)) < phase.steps:
            with TemporaryDirectory() as folder:
                meeting = f"{folder}/meeting"
                mp.spawn(train, (phase, args.work, out, before, meeting), nprocs=phase.workers)
        before = out


if __name__ == "__main__":
    main()
