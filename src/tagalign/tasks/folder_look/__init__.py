"""One look at a folder without labels: scores of all photos, then what they say of each other; resumable, in shards."""
