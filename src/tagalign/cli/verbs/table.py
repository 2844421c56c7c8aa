"""The table of verbs: the command line, its completion and its help are made from it. It imports no verb."""

VERBS: dict[str, tuple[str, str]] = {
    "demo": (
        "tagalign.cli.verbs.demo",
        "see everything work on drawn scenes, in a few minutes, without a download",
    ),
    "tag": ("tagalign.cli.verbs.tag", "tags for photos, from any list of labels"),
    "look": ("tagalign.cli.verbs.look", "learn from a folder without labels what is ordinary in it"),
    "labels": ("tagalign.cli.verbs.labels.verb", "check a list of labels: words, model and photos"),
    "suggest": ("tagalign.cli.verbs.suggest", "labels for a folder of photos that nobody typed yet"),
    "segment": ("tagalign.cli.verbs.segment.verb", "a label for every pixel of photos"),
    "refer": ("tagalign.cli.verbs.refer", "the region a phrase means, as mask and box"),
    "caption": ("tagalign.cli.verbs.caption", "a sentence for photos, guided by tags"),
    "ask": ("tagalign.cli.verbs.ask", "answer a question about a photo"),
    "search": ("tagalign.cli.verbs.search", "find photos by words, or words by photo"),
    "parse": ("tagalign.cli.verbs.parse", "captions to tags: objects, attributes and more"),
    "vocabulary": ("tagalign.cli.verbs.vocabulary", "the most frequent tags of parsed captions"),
    "label": ("tagalign.cli.verbs.label", "tags to vocabulary indices, for training"),
    "distil": ("tagalign.cli.verbs.distil", "a small fast parser from any parser's output"),
    "train": ("tagalign.cli.verbs.train.tagalign.verb", "train on your own image-caption pairs"),
    "evaluate": ("tagalign.cli.verbs.evaluate.verb", "score a model on a benchmark"),
    "reproduce": (
        "tagalign.cli.verbs.reproduce.verb",
        "published numbers, measured again on your copy of the data",
    ),
    "compare": ("tagalign.cli.verbs.compare.verb", "do two results, or two parses, differ?"),
    "data": ("tagalign.cli.verbs.data", "list benchmarks, check a copy of one, or draw one"),
    "models": ("tagalign.cli.verbs.models", "published checkpoints: list, fetch ahead, check"),
    "methods": ("tagalign.cli.verbs.methods", "what each method can do, needs and costs, and its options"),
    "export": ("tagalign.cli.verbs.export.verb", "masks and tags in the formats of other tools"),
    "import": ("tagalign.cli.verbs.imports.verb", "a released checkpoint, or annotations of other tools"),
    "app": ("tagalign.cli.verbs.app", "a web page: look, compare, review a folder"),
    "serve": ("tagalign.cli.verbs.serve", "an HTTP server"),
}
"""Verb to module and one line of help. A module has ``run(settings) -> int``, and its settings are a dataclass."""
