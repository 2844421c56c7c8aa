"""The families are modules of the checker, not tests; one of them has the name of the package."""

collect_ignore_glob = ["families/*"]
