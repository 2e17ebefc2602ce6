"""The pool of backends: choosing one for a run, and what each has installed."""
