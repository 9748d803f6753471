"""The HTTP edge: routes, keys, limits, pages. It knows HTTP, and holds neither rules nor SQL."""
