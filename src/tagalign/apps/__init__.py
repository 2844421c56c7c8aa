"""The web page and the server: a model answers people and programs."""
