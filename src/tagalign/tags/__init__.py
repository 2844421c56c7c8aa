"""Words: captions to tags, tags to a vocabulary, captions to labels. Nothing here ever sees an image."""

from tagalign.tags.normalize import normalize_parse, normalize_tag
from tagalign.tags.parsers import load_parser, parse_captions
from tagalign.tags.parses import ParsedCaption, Parser
from tagalign.tags.vocabulary import TagLabels, TagVocabulary

__all__ = [
    "ParsedCaption",
    "Parser",
    "TagLabels",
    "TagVocabulary",
    "load_parser",
    "normalize_parse",
    "normalize_tag",
    "parse_captions",
]
