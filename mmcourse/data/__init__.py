"""From raw material to tensors, and back.

batches.py   mini-batches sliced from tensors on their device
text.py      words to token numbers
audio.py     waveforms to spectrograms, and back
real.py      public data sets (MNIST, spoken digits, movie reviews, named entities)
hub.py       how real.py finds and fetches files on the Hugging Face hub
"""
