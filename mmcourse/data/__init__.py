"""From raw material to tensors, and back.

batches.py       mini-batches sliced from tensors on their device
conversion.py    tensors of lists, arrays and table columns, or how to make them
shapes.py        the shapes and types of a batch in words
augment.py       changes to training examples that keep what they mean
audio.py         sound: files, log-mels and the way back
spoken.py        the book's words, spoken one by one by groups of voices
spoken_pages.py  the book's pages, spoken, as log-mels
griffin_lim.py   log-mels back to sound: frequencies from bands, phases by Griffin and Lim
letters.py       words as letters, for models that spell
read_aloud.py    sentences as log-mels in other voices each time, for training
text.py          words, a vocabulary, padding, batches of sentences of similar length
language.py      targets made from text alone: next tokens, masked tokens
subwords.py      byte-pair encoding by the tokenizers library
real.py          public data sets (MNIST, spoken digits, movie reviews, named entities): the door to the three below
catalogue.py     what each of them is, and where the hub keeps it
hub.py           whether the Hugging Face hub is there, and single files from it
parquet.py       read and check the files
"""
