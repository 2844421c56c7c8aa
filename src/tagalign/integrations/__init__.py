"""Live work inside other people's tools: CVAT and FiftyOne ask, the library answers in their own types."""
