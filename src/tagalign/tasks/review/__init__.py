"""A person's judgement of a run: the order in which photos are shown, the clicks, and what these say of all photos."""
