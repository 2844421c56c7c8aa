"""From a name to the files of a model: list, choose one set of weights, fetch it, and read it under one set of names.

    locate      a name becomes a ModelSource: small files, weight files, layout, commits
    listing     what a repository, a folder or the cache holds
    choose      a listing becomes exactly one set of weights (pure)
    fetch       the chosen files, through huggingface_hub, with one bar
    pickles     state dicts out of pickles, without running them
    open_clip   open_clip's names and config become those of transformers

Building encoders from these files is the business of the rest of ``backbones``.
"""
