"""TrustyCLIP: open-vocabulary segmentation with a trusty token that tells known classes from new ones."""
