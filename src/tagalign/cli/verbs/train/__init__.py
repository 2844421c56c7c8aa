"""``tagalign train``: a module for each method that can be trained."""
