"""The course's models: plain modules, one screen each, of the parts that the lessons build by hand."""
