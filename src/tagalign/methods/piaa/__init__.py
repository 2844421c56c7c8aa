"""PIAA: a Gaussian per label, fitted to the surest patches of an unlabelled folder; a tagger and a segmenter."""
