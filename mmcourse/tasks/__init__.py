"""Learning tasks made from the Picture Book and the real data: examples with their targets, and batches of them.

relation.py            word order: is the first object left of, above ... the second?
titles.py              the two objects of a page in reading order, as text
entities.py            named entities: tags of words, targets of subwords, a baseline that memorises training entities
statement.py           is the sentence true of the image?
corrupted_pages.py     classify the object where the image or the spoken word is corrupted
naming.py              classify the object from image, spoken word and sentence
question_answering.py  an image, a spoken word, a written question -> the answer
meaning.py             pages of the same meaning, as targets of a shared space
captions.py            captions for teacher forcing, and their augmentation
matching.py            pairs of the same class or not, and partners by class
strips.py              three images in a row, and a recording of one of them
"""
