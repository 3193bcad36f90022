"""From a lesson's source to its notebooks: read it, run it, tidy what it shows."""
