"""What annotations become: clicks of a review, a benchmark, masks to train on, thresholds."""
