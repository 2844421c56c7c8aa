"""Words of alt text that say nothing about the picture, with a long tail: persons, places, goods, sites.

The lists are short; names are put together from their parts, a few of them often and most of them rarely.
"""

from functools import lru_cache
from random import Random

from tagalign.data.tiny_world.laws import pick, zipf_weights

FIRST_NAMES = (
    "Maria Keller", "Tom", "Anna", "Peter", "Lucia", "Omar", "Ivy", "Hans", "Nora", "Felix", "Greta", "Hugo", "Ida",
    "Jonas", "Karin", "Leo", "Mina", "Nils", "Olga", "Paul", "Rosa", "Sven", "Tilda", "Uma", "Viktor", "Wanda",
    "Yara", "Zeno", "Alma", "Bruno", "Clara", "Dario", "Elsa", "Fritz", "Gina", "Heidi", "Igor", "Jana", "Kofi", "Lena",
)  # fmt: skip
NAME_STARTS = (
    "Bal", "Ber", "Bran", "Cal", "Cor", "Dal", "Dun", "El", "Fal", "Fen", "Gar", "Gren", "Hal", "Har", "Il", "Jor",
    "Kal", "Kel", "Kor", "Lan", "Lor", "Mal", "Mer", "Mor", "Nel", "Nor", "Os", "Pel", "Per", "Quin", "Ral", "Ron",
    "Sal", "Sel", "Tal", "Tor", "Ul", "Val", "Ver", "Wal", "Wen", "Yar", "Zan", "Zel",
)  # fmt: skip
NAME_ENDS = (
    "berg", "bury", "by", "castra", "dale", "den", "feld", "ford", "gate", "ham", "haven", "holm", "ia", "ington",
    "kirk", "land", "ley", "mere", "mond", "mouth", "ness", "port", "rath", "rock", "shire", "stad", "stead", "stow",
    "ton", "vale", "ville", "wick", "worth",
)  # fmt: skip
MATERIALS = (
    "paper", "cotton", "ceramic", "vinyl", "leather", "canvas", "metal", "glass", "wool", "silk", "linen", "rubber",
    "bamboo", "copper", "denim", "felt", "marble", "plastic", "satin", "velvet",
)  # fmt: skip
GOODS = (
    "poster", "mug", "sticker", "calendar", "print", "card", "pillow", "shirt", "puzzle", "magnet", "notebook", "bag",
    "frame", "towel", "blanket", "badge", "button", "keychain", "lampshade", "tray", "apron", "banner", "basket",
    "bookmark", "box", "bracelet", "brochure", "candle", "carton", "clock", "coaster", "cushion", "envelope", "folder",
    "helmet", "jacket", "kettle", "label", "mirror", "napkin", "necklace", "pencil", "plate", "postcard", "purse",
    "ribbon", "ring", "rug", "scarf", "stamp", "tie", "tile", "toy", "umbrella", "vase", "wallet", "watch", "wrapper",
)  # fmt: skip
PREFIXES = (
    "a photo of {}", "photo of {}", "picture of {}", "an image of {}", "a drawing of {}", "a close-up photo of {}",
    "a cropped photo of {}", "a rendition of {}", "itap of {}", "art of {}", "a good photo of {}", "a bad photo of {}",
    "an origami of {}", "a painting of {}", "there is {} in the scene", "this is {}", "{} in a video game",
    "a bright photo of {}", "a low resolution photo of {}", "my {}", "look at {}", "one {}", "a nice {}",
)  # fmt: skip
SUFFIXES = (
    "stock photo", "royalty free", "for sale", "high resolution", "wallpaper", "free download", "illustration",
    "vector art", "best price", "on a sunny day", "at the weekend", "new arrival", "in the morning", "close up",
    "gift idea", "lovely view", "made with love", "holiday memories", "school project", "limited edition",
    "from our trip", "nature series", "print on demand", "photo contest winner", "no people", "copy space",
    "side view", "summer collection", "weekly newsletter", "press release",
)  # fmt: skip
SITES = (
    "stockpix",
    "photohub",
    "imagebarn",
    "clipnest",
    "snapdeal",
    "picworld",
    "artbay",
    "fotolia",
    "drawly",
)


@lru_cache(maxsize=1)
def invented_names() -> tuple[str, ...]:
    """Return all names that can be put together; neighbours in the list have nothing in common."""
    names = [start + end for start in NAME_STARTS for end in NAME_ENDS]
    Random(0).shuffle(names)  # noqa: S311 - a fixed order, not a secret
    return tuple(names)


@lru_cache(maxsize=8)
def _weights(count: int) -> list[float]:
    return zipf_weights(count, 1.0)


def invented_name(rng: Random) -> str:
    """Draw the name of a place or a person that exists nowhere."""
    return pick(rng, invented_names(), _weights(len(invented_names())))


def goods(rng: Random) -> str:
    """Draw an article a shop would sell, sometimes with its material."""
    article = pick(rng, GOODS, _weights(len(GOODS)))
    return f"{rng.choice(MATERIALS)} {article}" if rng.random() < 0.4 else article


def noise(rng: Random) -> str:
    """Draw words that say nothing about the picture."""
    kind = rng.randrange(7)
    if kind == 0:
        return f"by {pick(rng, FIRST_NAMES, _weights(len(FIRST_NAMES)))} {invented_name(rng)}"
    if kind == 1:
        return f"{rng.choice(('in', 'near', 'at', 'from'))} {invented_name(rng)}"
    if kind == 2:
        return f"{goods(rng)} {rng.choice(('sale', 'shop', 'design', 'set'))}"
    if kind == 3:
        return f"{rng.choice(('IMG', 'DSC', 'scan', 'no'))} {rng.randrange(10000)}"
    if kind == 4:
        return f"{pick(rng, SITES, _weights(len(SITES)))} {rng.choice(SUFFIXES)}"
    if kind == 5:
        return f"{goods(rng)} from {invented_name(rng)}"
    return rng.choice(SUFFIXES)
