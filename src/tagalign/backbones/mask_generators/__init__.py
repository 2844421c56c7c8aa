"""Models that find regions in a photo by themselves: SAM and SAM 2 by a grid of points, panoptic heads by their queries."""
