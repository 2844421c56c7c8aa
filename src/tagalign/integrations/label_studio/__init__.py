"""Label Studio: its labelling configs, tasks and annotations read, answers written as its predictions."""
