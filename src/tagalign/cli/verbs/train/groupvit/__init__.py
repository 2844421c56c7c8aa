"""``tagalign train --method groupvit``: a vision tower with groups from image-caption pairs."""
