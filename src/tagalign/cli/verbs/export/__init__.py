"""``tagalign export``: results in the formats of other tools, and models as ONNX or on the hub."""
