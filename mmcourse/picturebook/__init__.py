"""The Picture Book: the course's own world of pictures, words and voices that tell the same page."""
