"""Tags from the class token alone: the rows that TagCLIP is compared with."""
