"""Tag2Text: tags recognised from an image guide captions, retrieval and answers.

``model`` holds the network, ``method`` what users call, ``folder`` reads and writes it, ``released`` maps the
published checkpoint. Huang et al., arXiv:2303.05657.
"""
