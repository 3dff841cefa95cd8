"""The page's plain tables and charts: what a browser without scripts shows, and what needs no choosing."""
