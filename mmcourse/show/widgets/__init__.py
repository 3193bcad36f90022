"""Interactive widgets, a module each; their JavaScript is in static/."""
