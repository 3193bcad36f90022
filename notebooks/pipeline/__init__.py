"""Make a lesson's notebooks: read the source, run it, clean its outputs."""
