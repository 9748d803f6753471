"""SQL, drivers and files: the verbs of storing, and no rules."""
