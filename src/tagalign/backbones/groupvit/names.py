"""What GroupViT is called: by checkpoints, and its one dense mode."""

MODEL_TYPE = "groupvit"
MODE = "groups"
