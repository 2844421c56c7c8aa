"""One road for photos: inputs -> list on disk -> stream through the model -> answers -> sinks, resumable."""
