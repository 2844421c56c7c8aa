"""Someone else's pretrained encoders, behind one Protocol."""
