"""Projects that `rulekit init` writes: a module for each, with `ABOUT` and `FILES` (path → text)."""
