"""The HTTP server: images in, tags, masks, regions, captions, answers and hits out."""
