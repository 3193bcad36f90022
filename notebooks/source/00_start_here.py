# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 00 · Start here
#
# **A page of a picture book reaches you three ways: you see it, you read it, you hear it. By the end of this course you will
# have built machines that go from any of the three to any other.** This lesson shows you the book, and how the course works.
#
# Runs in half a minute · takes 20 minutes to look around · before this: a little Python

# %%
from mmcourse import PictureBook, begin, check, download_progress, draw, expect, hint, progress, quiz, tell, understand
from mmcourse.lesson import cpu_seconds_since_begin
from mmcourse.models.decoding import captions
from mmcourse.picturebook.scene import COLOURS, KINDS, SIZES, Scene, SceneObject
from mmcourse.picturebook.sentence import VOCABULARY, decode
from mmcourse.picturebook.speech import speak, voices
from mmcourse.retrieval import nearest
from mmcourse.show import make_a_page, play, play_many, shape_of, show_conversions, show_pages, show_spectrogram
from mmcourse.training import shipped

begin("00")
book = PictureBook("train", pages=200, objects=2)
show_pages(book, rows=2, columns=4, sentences=book.sentences)
expect("00.first_image", cpu_seconds_since_begin())

# %% [markdown]
# A page shows one or two things; these show two. It has a sentence about it, and a voice that reads the sentence. The
# course makes the book itself, page by page, so it needs no download, and it knows the truth about every page: that is
# how it can tell you at once whether your model was right.

# %%
page = 5                                     # the sixth: Python counts from 0
print(book.sentences[page])
play(book.sound(page), words=book.sentences[page], title=f"page {page}, read by {book.voice(page)}")

# %% [markdown]
# The same words can come in many voices. Some are in the training set, some are held out, to see whether a model understands
# people it never heard; and some come from another speech engine altogether.

# %%
words = "a big yellow moon over a small blue boat"
chosen = [voices("train")[0], voices("train")[7], voices("held_out")[0], voices("far")[0]]
play_many([speak(words, voice) for voice in chosen], words=[f"{voice}: {words}" for voice in chosen])

# %% [markdown]
# ## Make a page
#
# Choose what shall be on it. Picture, words and sound follow.

# %%
make_a_page()

# %% [markdown]
# ## Three modalities, three kinds of tensor
#
# A **modality** is a way in which something reaches you. For a network each becomes a tensor, an array of numbers, of a
# shape of its own.

# %% tags=["nbval-check-output"]
shape_of(book.images, "BCHW", "images")
shape_of(book.tokens, "BT", "text    ")
shape_of(book.sound(page), "S", "sound   ")

# %% [markdown]
# A picture is brightness at places. A sentence is a row of numbers as well, one for each word of a vocabulary; 0 fills up
# what is missing at the end, since sentences differ in length.

# %%
print(len(VOCABULARY), "words in the vocabulary, among them", VOCABULARY[5:17])
print(book.tokens[page].tolist())
print(decode(book.tokens[page]))

# %% [markdown]
# Sound is air pressure, 16,000 times a second. Seen as pressure it says little; sorted by pitch, from low at the bottom to
# high at the top, you can see the words. Can you find where each one begins?

# %%
show_spectrogram(book.sound(page), words=book.sentences[page])

# %% [markdown]
# ## Three kinds of learning
#
# - **Unimodal**: one modality. A picture comes in, the network says *fish*. Lessons 01 to 07.
# - **Multimodal**: several at once. A picture and a sentence come in, the network says whether they fit. Neither alone could
#   tell. Lessons 08 to 10.
# - **Cross-modal**: from one to another. A picture comes in, a sentence comes out, and a voice reads it. Lessons 11 to 17.
#
# Here is one example of each on a page that no network here has seen: a red apple. No training page shows one, so it
# cannot have been learned by heart.

# %%
scene = Scene((SceneObject("apple", "red", "big", x=0.45, y=0.5, radius=0.34),), time="morning")
show_pages([scene], rows=1, columns=1, sentences=[tell(scene, 1)])

# %% [markdown]
# **Unimodal.** A small network that comes with the course reads the picture. You will build one like it in lesson 01.

# %%
classifier = shipped.load("image_encoder")
kind, colour, size = classifier.predict(draw(scene, size=32, seed=3)[None])[0].tolist()
predicted = f"a {SIZES[size]} {COLOURS[colour]} {KINDS[kind]}"
print("the network sees:", predicted)

# %% [markdown]
# **Multimodal.** Picture and sentence together: do they say the same? Here the two are compared by rule, fact by fact. From
# lesson 08 on a network learns to do it.

# %%
for claim in ("a big red apple", "there is a small green fish", "the apple is large and red"):
    print(f"{claim:30}", "true" if understand(claim) == understand(predicted) else "false")

# %% [markdown]
# **Cross-modal.** The picture, read aloud: image → text → sound. The words come from the network, the voice from the
# book.

# %%
play(speak(predicted, voices("held_out")[0]), words=predicted, title="what the network saw")

# %% [markdown]
# ## What works already
#
# Three things that the second half of the course builds, done by networks that come with it, on 60 pages of the test split.
# None of them was trained on these pages.
#
# **A picture described.** This one looks at a place, says a word, looks again (lesson 12). It is right on about 88 of 100
# such pages. On these ten?

# %%
pages = PictureBook("test", pages=60, objects=2)
captioner = shipped.load("captioner")
show_pages(pages, rows=2, columns=5, sentences=captions(captioner, pages.images[:10]))

# %% [markdown]
# When this was stored, all ten were told rightly. About one in eight is not: it sounds the same and is not so, with one
# thing told twice, say, or a size that changed its owner. Lesson 12 says how that comes, and how to measure it.
#
# **A sentence found by its picture.** Another network gives every picture, every sentence and every voice a point in one
# space, so that what means the same lies together (lesson 11). Nothing is said here: of the book's 60 sentences, the one
# nearest to the picture is taken.

# %%
space = shipped.load("shared_space")
sentences = space.embed_text(pages.sentences)                           # (60, 128)
_, found = nearest(space.embed("image", pages.images[:4]), sentences, k=1)
show_pages(pages, rows=1, columns=4, sentences=[pages.sentences[i] for i in found.flatten()])

# %% [markdown]
# **Speech found by its words.** Sixty voices, and one sentence to find. Change the words: the voice that comes nearest
# answers. (Ask for what is in none of the 60, and it still answers.)

# %%
words = pages.sentences[3]
voices_of_pages = space.embed_sound([pages.sound(i) for i in range(60)])    # (60, 128)
_, found = nearest(space.embed_text([words]), voices_of_pages, k=1)
answer = int(found)
play(pages.sound(answer), words=pages.sentences[answer], title=f"the voice of page {answer}, found by: {words}")

# %% [markdown]
# ## Where this goes
#
# Three modalities make nine conversions, if you count a modality to itself (a picture drawn again from a few numbers, say).
# At the end of the course you fill every cell of this table with something you trained. Today two cells use the shipped
# network that names one thing and three go by rule, without any learning; the others name the lesson that builds them.

# %%
show_conversions(scene)

# %% [markdown]
# ## How the course works
#
# **Checks.** You write a function, then hand it to `check`. It tries your function on random inputs, and when something is
# wrong it says what. Try it: leave the exercise as it is first, then write something wrong on purpose.
#
# ### Exercise 00.1: the shape of a pile of pages  ●○○ · 2 minutes
#
# You have some pages, each a colour picture of `size` × `size` pixels. What shape has the tensor that holds them all?
# The order is the one printed above: batch, channels, height, width.

# %%
def page_shape(pages: int, size: int) -> tuple[int, int, int, int]:
    """The shape of that many colour pictures, stacked."""
    ### BEGIN SOLUTION
    return pages, 3, size, size
    ### END SOLUTION


# %%
check("00.1", page_shape)

# %% [markdown]
# Stuck? `hint("00.1")` gives one hint at a time.
#
# **Quizzes** ask whether an idea has landed. Every option explains itself.

# %%
quiz("00")

# %% [markdown]
# **Your progress** is kept beside your copy of the lessons, together with your right answers, and no update of the course
# ever touches it. On Colab or Binder the machine goes away after a while: `download_progress()` gives you a file to keep.

# %%
progress()

# %% [markdown]
# **Promises.** Lessons state figures: *right on 95 of 100 pages*. Each is measured in front of you, on pages that the model
# never saw, by a line that begins with `expect`. Here is one that this lesson makes:

# %%
expect("00.runs_in", cpu_seconds_since_begin())

# %% [markdown]
# ## What you have now
#
# - A book whose pages can be seen, read and heard, and whose truth is known.
# - Three kinds of tensor: `(B, C, H, W)`, `(B, T)`, and a row of samples.
# - Three words, unimodal, multimodal and cross-modal, each with an example that you ran.
# - A check that answers, a quiz, and a record of what you did.
#
# Next: [01 Pictures](01_images.ipynb). You will build a network that sees, and catch it cheating.
