"""Static figures and tables: images, curves, matrices, spectrograms."""
