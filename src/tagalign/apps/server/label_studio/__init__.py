"""The machine-learning backend of Label Studio, as paths of the server."""
