"""Tags of drawn scenes by a look with and without compound prompts: mAP in both profiles, three seeds.

Prompts: all pairs of the kinds of objects, "A and B". The folder is the scenes that are scored; no label of theirs is seen.
Run: python runs/looks_compounds_tiny.py --model tiny
"""

import argparse
import itertools
import statistics

import torch

from tagalign.data.benchmarks.tiny import TinyTags, tiny_labels
from tagalign.data.tiny_world import TinyWorld
from tagalign.evaluate.tagging import average_precisions, mean_average_precision
from tagalign.methods.load import load_method
from tagalign.methods.looks.look import lay_prompts, lay_scores
from tagalign.methods.looks.profiles import PROFILES
from tagalign.ops.looks.moments import Moments
from tagalign.ops.looks.standardise import standardise_columns
from tagalign.tasks.folder_look.weighing import weigh

METHODS = ("clip", "surgery")
SEEDS = (0, 1, 2)


def rows_of(model: str, name: str, seed: int, scenes: int) -> dict[str, float]:
    """MAP in percent of one seed, by profile, without and with compound prompts."""
    method, labels = load_method(model, method=name), tiny_labels("objects")
    prompts = tuple(f"{a} and {b}" for a, b in itertools.combinations(labels.names, 2))
    encoded = method.with_compounds(method.encode_labels(labels), prompts)  # type: ignore[attr-defined]
    world = TinyTags(name="tags", world=TinyWorld(seed=seed, split="test"), scenes=scenes)
    truth = torch.stack([torch.from_numpy(world.truth(i)).long() for i in range(scenes)])
    images = method.encode_images([world.image(i) for i in range(scenes)])
    own = torch.tensor([method.tag(image, encoded).scores for image in images])  # type: ignore[attr-defined]
    pairs = torch.tensor([method.compound_scores(image, encoded) for image in images])  # type: ignore[attr-defined]
    found = {}
    for profile_name, profile in PROFILES.items():
        single, compound = lay_scores(own, profile), lay_prompts(pairs, own, profile)
        blocks = [(single, compound)]
        compounds = weigh(prompts, labels, blocks.copy, Moments.of(single.numpy()))
        alone = standardise_columns(single)
        versions = {
            profile_name: alone,
            f"{profile_name} + compounds": compounds.standard(alone, compound),
        }
        for version, scores in versions.items():
            found[version] = 100 * mean_average_precision(average_precisions(scores.float(), truth))
    return found


def main() -> None:
    """Print mean and deviation over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--scenes", type=int, default=100)
    given = parser.parse_args()
    for name in METHODS:
        seeds = [rows_of(given.model, name, seed, given.scenes) for seed in SEEDS]
        for row in seeds[0]:
            values = [one[row] for one in seeds]
            print(f"{name}, {row:<24}{statistics.fmean(values):6.1f} +- {statistics.stdev(values):.1f}")


if __name__ == "__main__":
    main()
