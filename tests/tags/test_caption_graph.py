"""Graphs of captions against graphs drawn by hand, as SPICE's paper writes them."""

import pytest

from tagalign.tags.caption_graph import CaptionGraph, GraphReader

# caption: its things; "thing is what"; "subject relation object", with words of one part joined by "_"
BY_HAND = {
    "a young girl standing on top of a tennis court": (
        "girl tennis_court", "girl young, girl stand", "girl on_top_of tennis_court",
    ),
    "a man riding a brown horse": ("man horse", "horse brown", "man ride horse"),
    "a man in a red shirt rides a horse": ("man shirt horse", "shirt red", "man in shirt, man ride horse"),
    "a dog runs": ("dog", "dog run", ""),
    "two dogs playing in the snow": ("dog snow", "dog play", "dog in snow"),
    "a cat sitting on a wooden chair": ("cat chair", "chair wooden, cat sit", "cat on chair"),
    "a woman holding an umbrella and walking a dog": (
        "woman umbrella dog", "", "woman hold umbrella, woman walk dog",
    ),
    "a plate of food on a table": ("plate food table", "", "plate of food, plate on table"),
    "a black and white cat on a bed": ("cat bed", "cat black, cat white", "cat on bed"),
    "the bus is parked next to the building": ("bus building", "bus park", "bus next_to building"),
    "a man wearing a hat": ("man hat", "", "man wear hat"),
    "a white plate topped with pizza": ("plate pizza", "plate white, plate top", "plate with pizza"),
    "a group of people standing around a table": ("person table", "person stand", "person around table"),
    "a bird sitting on a branch of a tree": (
        "bird branch tree", "bird sit", "bird on branch, branch of tree",
    ),
    "a kitchen with a stove and a refrigerator": (
        "kitchen stove refrigerator", "", "kitchen with stove, kitchen with refrigerator",
    ),
    "a train traveling down the tracks near a station": (
        "train track station", "train travel", "train down track, track near station",
    ),
    "a man in a suit is talking on a cell phone": (
        "man suit cell_phone", "man talk", "man in suit, man on cell_phone",
    ),
    "a small boat floating on a lake": ("boat lake", "boat small, boat float", "boat on lake"),
    "a bathroom with a white toilet": ("bathroom toilet", "toilet white", "bathroom with toilet"),
    "an elephant walks behind a fence": ("elephant fence", "elephant walk", "elephant behind fence"),
    "a red car is parked in front of a house": ("car house", "car red, car park", "car in_front_of house"),
    "three zebras grazing in a green field": ("zebra field", "field green, zebra graze", "zebra in field"),
    "a woman eating a slice of pizza": ("woman pizza", "", "woman eat pizza"),
    "a child brushing his teeth": ("child tooth", "", "child brush tooth"),
    "a clock tower in the middle of a city": ("clock_tower city", "", "clock_tower in_middle_of city"),
    "a baseball player swinging a bat": ("baseball_player bat", "", "baseball_player swing bat"),
    "a couple of giraffes standing under a tree": ("giraffe tree", "giraffe stand", "giraffe under tree"),
    "a man with glasses reading a book": ("man glasses book", "", "man with glasses, man read book"),
    "a vase filled with flowers": ("vase flower", "vase fill", "vase with flower"),
    "a stop sign on the corner of a street": ("stop_sign street", "", "stop_sign on_corner_of street"),
    "a girl who is wearing a blue dress": ("girl dress", "dress blue", "girl wear dress"),
    "a dog chasing a ball while a man watches": ("dog ball man", "man watch", "dog chase ball"),
    "a table with plates, cups and a vase": (
        "table plate cup vase", "", "table with plate, table with cup, table with vase",
    ),
    "a man sitting down on a bench, a dog lies on the grass": (
        "man bench dog grass", "man sit, dog lie", "man on bench, dog on grass",
    ),
    "a cow and a horse standing in a field": (
        "cow horse field", "cow stand, horse stand", "cow in field, horse in field",
    ),
    "a dog on a couch and a cat on a bed": ("dog couch cat bed", "", "dog on couch, cat on bed"),
    "a bowl of soup next to a spoon": ("bowl soup spoon", "", "bowl of soup, bowl next_to spoon"),
    "a woman with long hair wearing sunglasses": (
        "woman hair sunglasses", "hair long", "woman with hair, woman wear sunglasses",
    ),
    "a lady in a dress is cutting a cake": ("lady dress cake", "", "lady in dress, lady cut cake"),
    "a dog, a cat and a bird": ("dog cat bird", "", ""),
    "grass": ("grass", "", ""),
    "": ("", "", ""),
}  # fmt: skip


@pytest.fixture(scope="module")
def reader():
    return GraphReader()


def drawn(things, attributes, relations):
    def parts(text):
        return {tuple(word.replace("_", " ") for word in one.split()) for one in text.split(",") if one}

    return {(word.replace("_", " "),) for word in things.split()}, parts(attributes), parts(relations)


def test_graphs_are_those_drawn_by_hand(reader):
    assert len(BY_HAND) >= 30
    for caption, graph in zip(BY_HAND, reader.read(list(BY_HAND)), strict=True):
        found = {(name,) for name in graph.objects}, set(graph.attributes), set(graph.relations)
        assert found == drawn(*BY_HAND[caption]), caption


def test_a_batch_reads_as_one_by_one(reader):
    captions = list(BY_HAND)[:6]
    assert reader.read(captions) == [reader.read([caption])[0] for caption in captions]


def test_tuples_of_a_graph_are_its_three_kinds():
    graph = CaptionGraph(("a", "b"), (("a", "red"),), (("a", "on", "b"),))
    assert graph.tuples() == (("a",), ("b",), ("a", "red"), ("a", "on", "b"))


def test_attributes_and_relations_speak_of_things_of_the_graph(reader):
    odd = [
        "!!!",
        "and and and",
        "sitting on",
        ", , a dog,",
        "of the of a cat of",
        "a b c d",
        "it is very red",
    ]
    for graph in reader.read([*BY_HAND, *odd]):
        known = set(graph.objects)
        assert {thing for thing, _ in graph.attributes} <= known
        assert {thing for a, _, b in graph.relations for thing in (a, b)} <= known


def test_settings_name_the_model_and_the_rules(reader):
    assert {"model", "graph", "canonical_form"} <= reader.settings.keys()
