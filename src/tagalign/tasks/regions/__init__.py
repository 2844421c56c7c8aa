"""Masks of others on top of label maps: where they come from, the vote, and the instances that they become."""
