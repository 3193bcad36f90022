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
# **A page of a picture book comes in three modalities: an image, a sentence, and a voice that reads the sentence. In
# this course you build networks that convert each of them into any other.** This lesson shows the data and how the
# course works.
#
# Runs in half a minute · takes 20 minutes to work through · before this: a little Python

# %%
from mmcourse import PictureBook, begin, check, download_progress, expect, hint, progress, quiz, show
from mmcourse.lesson import cpu_seconds_since_begin
from mmcourse.models.decoding import captions
from mmcourse.picturebook.image import draw
from mmcourse.picturebook.scene import COLOURS, KINDS, SIZES, Scene, SceneObject
from mmcourse.picturebook.sentence import VOCABULARY, decode, describe, parse
from mmcourse.picturebook.speech import speak, voices
from mmcourse.retrieval import nearest
from mmcourse.show import diagrams
from mmcourse.training import shipped

begin("00")
book = PictureBook("train", pages=200, objects=2)
show.show_pages(book, rows=2, columns=4, sentences=book.sentences)
expect("00.first_image", cpu_seconds_since_begin())

# %% [markdown]
# This data set is the **Picture Book**. A page shows one or two objects; the pages above show two. The course generates
# the pages, so it needs no download, and the content of every page is known. The course can therefore tell you at once
# whether a prediction is correct.

# %%
page = 5                                     # the sixth page: Python counts from 0
print(book.sentences[page])
show.play(book.sound(page), words=book.sentences[page], title=f"page {page}, read by {book.voice(page)}")

# %% [markdown]
# The same sentence can be read by many voices. Some voices belong to the training set. Others are **held out**: they
# show whether a model generalises to speakers that are not in its training data. A third group comes from another
# speech synthesis engine. Can you hear which of the four voices below that is?

# %%
words = "a big yellow moon over a small blue boat"
chosen = [voices("train")[0], voices("train")[7], voices("held_out")[0], voices("far")[0]]
show.play_many([speak(words, voice) for voice in chosen], words=[f"{voice}: {words}" for voice in chosen])

# %% [markdown]
# ## Make a page
#
# Choose objects, colours, sizes and a relation. The image, the sentence and the sound change with your choice.

# %%
show.make_a_page()

# %% [markdown]
# ## Three modalities, three kinds of tensor
#
# A **modality** is a kind of data, such as images, text or sound. A network receives each modality as a tensor, which
# is an array of numbers. The shape of the tensor depends on the modality.

# %% tags=["nbval-check-output"]
show.shape_of(book.images, "BCHW", "images")
show.shape_of(book.tokens, "BT", "text    ")
show.shape_of(book.sound(page), "S", "sound   ")

# %% [markdown]
# An image holds the brightness of each pixel in three colour channels. A sentence is a sequence of **tokens**: each
# word is represented by its index in a list, the **vocabulary**. Sentences differ in length, so shorter ones are filled
# up with 0, which is called **padding**.

# %%
print(len(VOCABULARY), "words in the vocabulary, among them", VOCABULARY[5:17])
print(book.tokens[page].tolist())
print(decode(book.tokens[page]))

# %% [markdown]
# Sound is air pressure, measured 16,000 times per second. Plotted over time, these numbers form the **waveform**, which
# shows little of what was said. The **spectrogram** below shows how much of each frequency the sound contains at each
# time. Where does each word begin?

# %%
show.show_spectrogram(book.sound(page), words=book.sentences[page])

# %% [markdown]
# ## Three kinds of learning
#
# - **Unimodal** learning uses one modality: an image comes in, the network predicts *fish*. Lessons 01 to 07.
# - **Multimodal** learning uses several at once: an image and a sentence come in, the network predicts whether they
#   match. Neither modality alone is sufficient. Lessons 08 to 10.
# - **Cross-modal** learning goes from one modality to another: an image comes in, a sentence comes out. Lessons 11 to
#   15; 16 and 17 are planned.

# %%
diagrams.course_map()

# %% [markdown]
# Here is one example of each, on a page with a red apple. No training page shows a red apple: this combination of
# object and colour is held out. The network below cannot have memorised it.

# %%
scene = Scene((SceneObject("apple", "red", "big", x=0.45, y=0.5, radius=0.34),), time="morning")
show.show_pages([scene], rows=1, columns=1, sentences=[describe(scene, 1)])

# %% [markdown]
# **Unimodal.** A small network that comes with the course classifies the image by object, colour and size. You will
# build a similar one in lesson 01.

# %%
classifier = shipped.load("image_encoder")
image = draw(scene, size=32, seed=3)                                     # (3, 32, 32)
kind, colour, size = classifier.predict(image[None])[0].tolist()
predicted = f"a {SIZES[size]} {COLOURS[colour]} {KINDS[kind]}"
print("prediction:", predicted)

# %% [markdown]
# **Multimodal.** Do an image and a sentence match? Here a rule compares the prediction for the image with the meaning
# of each sentence. From lesson 08 on, a network learns this task.

# %%
for statement in ("a big red apple", "there is a small green fish", "the apple is large and red"):
    print(f"{statement:30}", "true" if parse(statement) == parse(predicted) else "false")

# %% [markdown]
# **Cross-modal.** The prediction for the image is read aloud: image to text to sound. The words come from the network,
# the voice from the Picture Book.

# %%
show.play(speak(predicted, voices("held_out")[0]), words=predicted, title="the prediction for the image, read aloud")

# %% [markdown]
# ## Networks from later lessons
#
# The course ships trained networks. Here are five of them. The first two are applied to pages of the test split, on
# which neither was trained.
#
# **Image captioning.** This network generates a sentence word by word and attends to a part of the image for each word
# (lesson 12). About 88% of its captions for such pages have the correct meaning. How many of the ten below are correct?

# %%
pages = PictureBook("test", pages=60, objects=2)
captioner = shipped.load("captioner")
show.show_pages(pages, rows=2, columns=5, sentences=captions(captioner, pages.images[:10]))

# %% [markdown]
# Since only about 12% of the captions are wrong, all ten may be correct. Wrong captions are usually fluent: they name
# one object twice, for example, or assign a size to the wrong object. Lesson 12 shows how to measure and explain these
# errors.
#
# **Retrieval of a sentence by an image.** Another network maps images, sentences and recordings to vectors in a shared
# space, where examples with the same meaning are close together (lesson 11). It generates nothing: it selects the
# nearest of the 60 sentences.

# %%
space = shipped.load("shared_space")
text_embeddings = space.embed_text(pages.sentences)                      # (60, 128)
_, nearest_pages = nearest(space.embed("image", pages.images[:4]), text_embeddings, k=1)
show.show_pages(pages, rows=1, columns=4, sentences=[pages.sentences[i] for i in nearest_pages.flatten()])

# %% [markdown]
# **Retrieval of speech by text.** There are 60 recordings and one sentence as the query. Change the words and run the
# cell again: it plays the nearest recording. Even if none of the 60 matches, it plays one, since one vector is always
# the nearest.

# %%
query = pages.sentences[3]
sound_embeddings = space.embed_sound([pages.sound(i) for i in range(60)])  # (60, 128)
_, nearest_page = nearest(space.embed_text([query]), sound_embeddings, k=1)
answer = int(nearest_page)
show.play(pages.sound(answer), words=pages.sentences[answer], title=f"page {answer}, nearest to the query: {query}")

# %% [markdown]
# **Text to image.** A generator turns a sentence into an image (lesson 14). It starts from random numbers, so another
# `seed` gives other images. They are small, and some are hard to recognise. One sentence names a held-out combination.
# Change a sentence and run the cell again.

# %%
generator = shipped.load("text_to_image")
prompts = ["a big red apple", "a big yellow moon", "there is a small blue fish", "a large green boat"]
show.show_images(generator.draw(prompts, seed=0), titles=prompts, columns=4)

# %% [markdown]
# **Text to speech.** Another network reads a sentence aloud in one of twelve voices (lesson 15). Its speech sounds
# rough; the lesson explains why.

# %%
sentence = "a big yellow moon over a small blue boat"
synthesiser = shipped.load("text_to_speech")
generated = {voice: synthesiser.speak(sentence, voice) for voice in synthesiser.voices[:3]}
show.play_many(list(generated.values()), words=[sentence] * 3, titles=list(generated))

# %% [markdown]
# **Speech to text.** A recogniser transcribes speech letter by letter (lesson 13). The first three voices below do not
# occur in its training data. The last recording was generated by the text-to-speech network above. Which words are
# wrong?

# %%
recordings = [speak(sentence, voice) for voice in voices("held_out")[:3]] + [generated[synthesiser.voices[0]]]
for text in shipped.load("recogniser").transcribe(recordings):
    print(text)

# %% [markdown]
# ## Nine conversions
#
# Three modalities give nine conversions, including those of a modality to itself, such as the reconstruction of an
# image from a few numbers. By the end of the course, a model that you can train fills every cell of this table. For
# now, five cells use shipped networks and one uses a rule. Each of the others names its lesson; lesson 16 is planned.

# %%
show.show_conversions(scene)

# %% [markdown]
# ## How the course works
#
# **Checks.** In an exercise you write a function and pass it to `check`. The check calls your function with random
# inputs; if a result is wrong, it names the mistake. In all lessons, a function must leave its arguments unchanged, and
# a second call must give the same result unless the function is random. Try it: run the exercise as it is, then write
# something wrong on purpose.
#
# ### Exercise 00.1: the shape of a batch of images  ●○○ · 5 minutes
#
# A batch holds `pages` colour images of `size` × `size` pixels. What is the shape of this tensor? The order of the axes
# is the one printed above: batch, channels, height, width.

# %%
def page_shape(pages: int, size: int) -> tuple[int, int, int, int]:
    """The shape of a batch of colour images."""
    ### BEGIN SOLUTION
    return pages, 3, size, size
    ### END SOLUTION


# %%
check("00.1", page_shape)

# %% [markdown]
# Stuck? `hint("00.1")` shows one hint at a time.
#
# **Quizzes** test whether you understood an idea. Every option comes with an explanation.

# %%
quiz("00")

# %% [markdown]
# **Your progress** is stored next to your copies of the lessons, together with your correct answers. Updates of the
# course never change it. On Colab and Binder the machine is deleted after a while; `download_progress()` gives you a
# file to keep.

# %%
progress()

# %% [markdown]
# **Promises.** Lessons state results, such as "95% of the test pages are classified correctly". Each result is
# measured in the notebook, on data that were not used in training, by a line that begins with `expect`. This lesson
# makes a promise about its running time:

# %%
expect("00.runs_in", cpu_seconds_since_begin())

# %% [markdown]
# ## Summary
#
# - Each page of the Picture Book is an image, a sentence and a sound, and its content is known.
# - Batches of images have the shape `(B, C, H, W)`, sentences `(B, T)`, and a sound is a vector of samples.
# - Unimodal, multimodal and cross-modal learning differ in the modalities that come in and go out.
# - Checks, quizzes and progress tell you what you have learned.
#
# Next: [01 Images](01_images.ipynb), where you build a convolutional network and find out which shortcut it takes.
