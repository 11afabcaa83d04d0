"""Reports: results with captions and where they come from, as one page or one archive."""
