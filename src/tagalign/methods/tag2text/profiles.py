"""Where the paper, the released code and we differ, as named switches."""

from dataclasses import dataclass

from tagalign.registry import find_entry


@dataclass(frozen=True, kw_only=True)
class Tag2TextProfile:
    """Switches; each is passed down by name, nothing below asks for the profile.

    Attributes:
        name: for reports.
        mask_padding: the caption decoder leaves padded tag positions out. The release attends to them.
        whole_tags: tags that do not fit into the tag tokens are left out whole, the least sure first. The release
            cuts the token row, so the highest indices (actions, attributes) go first, silently.
        sure_first: recognised tags are given in the order of their scores, else in ascending index.
        shuffle_tags: training gives tags in random order (paper, section 3.3), else in ascending index.
        prompt_in_training: training captions begin with the prompt that inference forces. The release masks the
            first tokens in the loss without ever writing the prompt.
        forced_prompt: captions begin with the prompt at inference. The paper prepends [BOS] alone.
        decay_all: weight decay acts on biases and norms too, as the release's does.
        rescale_tagging: the tagging loss takes the value of the language loss in every step (release), else
            losses are summed with named weights.
        repetition_penalty: of nucleus sampling; the release ignores its argument and takes 1.1.
    """

    name: str
    mask_padding: bool
    whole_tags: bool
    sure_first: bool
    shuffle_tags: bool
    prompt_in_training: bool
    forced_prompt: bool
    decay_all: bool
    rescale_tagging: bool
    repetition_penalty: float


PROFILES: dict[str, Tag2TextProfile] = {
    "paper": Tag2TextProfile(
        name="paper",
        mask_padding=True,
        whole_tags=True,
        sure_first=False,
        shuffle_tags=True,
        prompt_in_training=False,
        forced_prompt=False,
        decay_all=False,
        rescale_tagging=False,
        repetition_penalty=1.0,
    ),
    "released": Tag2TextProfile(
        name="released",
        mask_padding=False,
        whole_tags=False,
        sure_first=False,
        shuffle_tags=False,
        prompt_in_training=False,
        forced_prompt=True,
        decay_all=True,
        rescale_tagging=True,
        repetition_penalty=1.1,
    ),
    "fixed": Tag2TextProfile(
        name="fixed",
        mask_padding=True,
        whole_tags=True,
        sure_first=True,
        shuffle_tags=True,
        prompt_in_training=True,
        forced_prompt=True,
        decay_all=False,
        rescale_tagging=False,
        repetition_penalty=1.0,
    ),
}


def load_profile(name: str) -> Tag2TextProfile:
    """A profile by name.

    Raises:
        UnknownNameError: if it is not one of ``PROFILES``.
    """
    return find_entry("profile", name, PROFILES)
