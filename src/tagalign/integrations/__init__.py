"""Live work inside other people's tools.

Label Studio, CVAT and FiftyOne ask; the library answers in their own types.
"""
