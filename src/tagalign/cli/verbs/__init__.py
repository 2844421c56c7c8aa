"""One module or folder per verb: its flags as a dataclass, and ``run(settings)``."""
