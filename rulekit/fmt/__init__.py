"""A stable layout for rule files: `format_text` for one text, `files` for files on disk."""
