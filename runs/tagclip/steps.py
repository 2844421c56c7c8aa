"""One image, step by step (Fig. 5)."""

from pathlib import Path

from bench import Bench, global_scores
from PIL import Image
from scenes import Scenes

from tagalign.data.tiny_world import OBJECTS


def step_page(bench: Bench, scenes: Scenes, out: Path) -> str:
    """The first scene with four kinds of objects; the labels with the highest scores anywhere."""
    index = next(i for i, s in enumerate(scenes.scenes) if len(s.tags.objects) == 4)
    scene, picture = scenes.scenes[index], scenes.images[index]
    picture.resize((320, 320), Image.Resampling.NEAREST).save(out / "tagclip_scene.png")
    tagger = bench.tagger()
    image = tagger.encode_images([picture])[0]
    labels = tagger.encode_labels(bench.objects)
    coarse = bench.tagger(dual_masking=False, reidentify=False).tag(image, labels).scores
    step = tagger.steps([image], labels)[0][0]
    class_token = global_scores(bench, scenes.take([index]))[1][0].tolist()
    seen = dict(
        zip(step.scores.candidates[step.regions.filled()].tolist(), step.global_scores.tolist(), strict=True)
    )
    chosen = set(tagger.tag(image, labels).chosen)
    order = sorted(range(len(OBJECTS)), key=lambda i: -max(class_token[i], coarse[i], float(step.final[i])))[
        :10
    ]
    lines = [
        "# One scene, step by step",
        "",
        "![the scene](tagclip_scene.png)",
        "",
        f"In the scene: {', '.join(scene.tags.objects)} on {scene.background}. Profile `{tagger.profile.name}`.",
        "",
        "| label | in the scene | class token | coarse | after DMAR | second look (CWR) | final | tagged |",
        "|---|---|--:|--:|--:|--:|--:|---|",
    ]
    for i in order:
        second = f"{seen[i]:.2f}" if i in seen else ""
        present, tagged = (
            "yes" if known else "" for known in (OBJECTS[i] in scene.tags.objects, i in chosen)
        )
        lines.append(
            f"| {OBJECTS[i]} | {present} | {class_token[i]:.2f} | {coarse[i]:.2f} | "
            f"{float(step.scores.local[i]):.2f} | {second} | {float(step.final[i]):.2f} | {tagged} |"
        )
    return "\n".join(lines) + "\n"
