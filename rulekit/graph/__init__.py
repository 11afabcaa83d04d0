"""Pictures of the graph of jobs or rules: own layout, SVG, an HTML page, and text forms."""
