"""What is learned from a folder without labels: running moments, standardised scores, Gaussians of patches, experts."""
