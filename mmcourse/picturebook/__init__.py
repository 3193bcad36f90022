"""The Picture Book: the course's synthetic data set of images, sentences and speech that describe the same scene."""
