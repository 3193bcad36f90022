"""From raw material to tensors, and back.

batches.py       mini-batches sliced from tensors on their device
conversion.py    tensors from lists, arrays and table columns, or advice on how to make them
shapes.py        the shapes and types of a batch in words
augment.py       changes to training examples that keep what they mean
audio.py         sound: files, resampling, log-mels and their inverse
spoken.py        the book's words, spoken one by one by groups of voices
spoken_pages.py  the book's pages, spoken, as log-mels
griffin_lim.py   log-mels back to sound: frequencies from bands, phases by the Griffin-Lim algorithm
letters.py       words as letters, for text to speech
read_aloud.py    sentences as log-mels in voices drawn at random, for training
text.py          words, a vocabulary, padding, batches of sentences of similar length
language.py      targets made from text alone: next tokens, masked tokens
subwords.py      byte-pair encoding by the tokenizers library
real.py          public data sets (MNIST, spoken digits, film reviews, named entities); uses the three below
catalogue.py     each data set's columns, licence and address on the hub
hub.py           single files of the Hugging Face hub, and whether it can be reached
parquet.py       read and check the files
"""
