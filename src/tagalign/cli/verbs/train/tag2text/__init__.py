"""``tagalign train --method tag2text``: Tag2Text from captions and tags."""
