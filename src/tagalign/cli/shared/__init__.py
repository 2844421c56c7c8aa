"""What several verbs need: flags, progress, records of runs, help pages, completion."""
