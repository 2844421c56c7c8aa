"""``tagalign train --method trusty``: TrustyCLIP from masks of some classes."""
