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
# # 15 · Text to speech
#
# **You will train a model that reads sentences aloud in twelve voices. A speech recogniser that was trained on other
# voices gets about 11% of its words wrong; for the recordings themselves, the word error rate is about 5%.**
#
# Runs in 5 to 9 minutes · takes 120 minutes to work through · before this: [03 Sound](03_sound.ipynb): log-mels;
# [06 Autoencoders](06_autoencoders.ipynb): codes; [13 Speech recognition](13_speech_recognition.ipynb): the word error
# rate.

# %% [markdown]
# ## Goals
#
# Afterwards you can
#
# 1. turn a log-mel spectrogram back into a waveform with the Griffin-Lim algorithm, written by hand;
# 2. train a text encoder into the latent space of a speech autoencoder, a **cross-modal** autoencoder;
# 3. predict how long each letter lasts, and expand a text to the length of its speech;
# 4. give one model several voices by an embedding;
# 5. evaluate generated speech with a recogniser, beside a baseline and recordings.

# %%
import difflib

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchaudio.transforms import GriffinLim
from torchmetrics.functional.text import word_error_rate

from mmcourse import Batches, PictureBook, begin, check, expect, fit, predict, quiz, show, steps
from mmcourse.data import audio, griffin_lim, letters, real
from mmcourse.models import durations, speech, text_to_speech
from mmcourse.picturebook import sentence
from mmcourse.picturebook import speech as voices
from mmcourse.show import diagrams
from mmcourse.tasks import speaking, transcripts
from mmcourse.training import shipped

begin("15")

# %% [markdown]
# ## Look and listen
#
# Of the three modalities, speech has the most numbers: the sentence below has 32 letters and lasts three seconds, or
# 48,000 samples. Every letter has to become about 1,500 numbers. Twelve of the Picture Book's training voices will
# speak in this lesson. They differ in pitch, accent and pace. They are synthetic themselves; their original sound is
# called a recording below.

# %%
SPEAKERS = voices.SPEAKING_VOICES
line = "a small red fish above a big yellow moon"
spoken = [voices.speak(line, speaker, varied=False) for speaker in SPEAKERS]
show.play_many(spoken[::4], words=[line] * 3, titles=SPEAKERS[::4])

# %% [markdown]
# As in lesson 03, a model sees speech as a log-mel spectrogram. For speech that people will listen to, the settings are
# finer: 80 bands instead of 40, and a window of 64 ms, which separates the harmonics of a low voice. The hop between
# frames is 16 ms. Each band is scaled to mean 0 and standard deviation 1.

# %%
word_sounds = [voices.clip(word, speaker) for speaker in SPEAKERS for word in sentence.WORDS[::4]]
log_mel = audio.LogMel(16_000, n_mels=80, window=0.064, hop=0.016).fit(word_sounds)
mels = log_mel(spoken[0][None])                                                                     # (1, 80, T)
print("samples", len(spoken[0]), "  log-mel", tuple(mels.shape), "  letters", len(line.replace(" ", "")))
two_voices = torch.cat([mels, log_mel(spoken[8][None])[..., : mels.shape[2]]])                      # (2, 80, T)
show.show_log_mels(two_voices, titles=[SPEAKERS[0], SPEAKERS[8]], hop=0.016)

# %% [markdown]
# ## From letters to frames
#
# A text has one vector per letter, its speech one per frame. How long does each letter last? The Picture Book's speech
# is concatenated from words, so the frames of every *word* are known. The boundaries between letters are not. We divide
# the frames of a word evenly among its letters: these are the **durations**.
#
# The **length regulator** of FastSpeech (Ren et al. 2019) repeats each letter's vector once per frame.

# %%
diagrams.length_regulator()

# %% [markdown]
# With numbers: the vectors $(1, 0)$, $(0, 1)$ and $(2, 2)$ with the durations 2, 0 and 1 become the three frames
# $(1, 0), (1, 0), (2, 2)$. A letter of duration 0 disappears.

# %% [markdown]
# ### Exercise 15.1: expand letters to frames  ●○○ · 5 minutes
#
# Repeat row $i$ of `states` `durations[i]` times, in order. The result has as many rows as all durations together. A
# duration can be 0; if all of them are, the result has the shape $(0, D)$. Keep the dtype; gradients reach `states`.

# %%
def expand(states: Tensor, durations: Tensor) -> Tensor:
    """Every letter's vector once for each of its frames.   (T, D), (T,) int64 -> (sum of the durations, D)"""
    ### BEGIN SOLUTION
    return states.repeat_interleave(durations, dim=0)
    ### END SOLUTION


# %%
check("15.1", expand)

# %% [markdown]
# `Clips` holds every word in every voice: its letters, its voice, its durations and its log-mel, with silence after the
# shorter words.

# %%
WORDS = sentence.WORDS
pairs = [(word, speaker) for speaker in range(len(SPEAKERS)) for word in WORDS]
sounds = [voices.clip(word, SPEAKERS[speaker]) for word, speaker in pairs]
clips = speaking.Clips([word for word, _ in pairs], [speaker for _, speaker in pairs], sounds, log_mel)
fish = clips.words.index("fish")
print(len(clips), "clips   letters", clips.letters[fish].tolist(), "  durations", clips.durations[fish].tolist())

# %% [markdown]
# **Baseline.** The simplest model of speech has one spectrum for each letter: the mean of all frames that belong to
# it. To speak, look up the spectrum of each letter and repeat it. Predict: which letters will be recognisable?

# %%
letter_of_frame, mask = durations.expand_batch(clips.letters[:, :, None].float(), clips.durations)  # (N, T, 1), (N, T)
letter_of_frame = letter_of_frame[mask][:, 0]                                                       # (frames,)
frames = clips.mels.transpose(1, 2)[mask]                                                           # (frames, 80)
spectra = torch.stack([frames[letter_of_frame == letter].mean(dim=0) for letter in range(letters.N_LETTERS)])
spectra = spectra.nan_to_num(-1)                                                                    # unused letters


def letter_by_letter(line: str) -> Tensor:
    """The mean spectrum of each letter, for six frames each.   -> (80, T)"""
    ids = letters.letters(sentence.split_words(line))
    ids = ids[ids != 0]                                                                             # (letters,)
    return durations.expand(spectra[ids], torch.full_like(ids, 6)).T


show.show_log_mels(letter_by_letter(line)[None], titles=["one spectrum for each letter"], hop=0.016)

# %% [markdown]
# The baseline ignores context: the *o* of *moon* is the *o* of *yellow*, and nothing changes within a letter. To hear
# it, we need a waveform.

# %% [markdown]
# ## From a log-mel to a waveform
#
# A log-mel has lost two things. Eighty bands replace 513 frequencies; a pseudo-inverse gives a spectrum with these
# bands, and the section "What the vocoder loses" improves it. The second loss is larger: the **phases**. The spectrum
# $X = |X| e^{i\varphi}$ is complex, and the log-mel keeps its magnitude alone.

# %% [markdown]
# Phases cannot be chosen freely. The windows of neighbouring frames overlap, so both frames describe the same samples.
# A spectrum that belongs to some waveform is called **consistent**. With random phases no such waveform exists; the
# inverse transform then gives a compromise, whose spectrum has other magnitudes.

# %% [markdown]
# Griffin and Lim (1984) repeat two steps. Transform to a waveform $x$ and back to a spectrum. Keep the phases, and
# put the given magnitudes $|S|$ back:
#
# $$x = \mathrm{ISTFT}\big(|S| \, e^{i\varphi}\big), \qquad X = \mathrm{STFT}(x), \qquad e^{i\varphi} \leftarrow
# \frac{X}{|X|}$$

# %%
diagrams.griffin_lim()

# %% [markdown]
# With numbers, for one frequency of one frame: let $X = 3 + 4i$ and the given magnitude be 2. Then $|X| = 5$, the phase
# is $X / |X| = 0.6 + 0.8i$, and the next iteration begins with $2 \cdot (0.6 + 0.8i) = 1.2 + 1.6i$. `torch.polar` gives
# the same number from magnitude and angle.

# %% tags=["nbval-check-output"]
X = torch.tensor([3 + 4j])
print(f"{(2 * X / X.abs()).item():.1f}   {torch.polar(torch.tensor([2.0]), X.angle()).item():.1f}")

# %% [markdown]
# ### Exercise 15.2: one iteration of Griffin-Lim  ●●○ · 15 minutes
#
# `torch.istft` gives the waveform of a spectrum, `torch.stft` with `return_complex=True` the spectrum of a waveform.
# Both take `n_fft`, the hop and `window=`, the same in both; leave the rest at its defaults. Return the new phases,
# complex numbers of absolute value 1. Drop the magnitude of $X$. Where $X$ is 0, return any finite number. A magnitude
# in float64 gives complex128.

# %%
def griffin_lim_step(magnitude: Tensor, phase: Tensor, n_fft: int, hop: int, window: Tensor) -> Tensor:
    """The phases of the waveform that this spectrum becomes.   (F, T) real, (F, T) complex -> (F, T) complex"""
    ### BEGIN SOLUTION
    sound = torch.istft(magnitude * phase, n_fft, hop, window=window)                              # (samples,)
    spectrum = torch.stft(sound, n_fft, hop, window=window, return_complex=True)                   # (F, T)
    return spectrum / (spectrum.abs() + 1e-16)
    ### END SOLUTION


# %%
check("15.2", griffin_lim_step)

# %% [markdown]
# How far are the magnitudes of $x$ from the given ones? The **inconsistency** is $\lVert \, |X| - |S| \, \rVert /
# \lVert S \rVert$. Griffin and Lim proved that no iteration raises it. Perraudin et al. (2013) add momentum, which
# finds better phases in the same number of iterations; torchaudio and the package do so too. Without momentum, and with
# all phases 0 at the start, torchaudio gives the same result as our code.

# %%
n_fft, hop, window = 1024, 256, torch.hann_window(1024)
magnitude = torch.stft(F.pad(spoken[0], (n_fft, n_fft)), n_fft, hop, window=window, return_complex=True).abs()  # (F, T)
phase, distances = torch.ones_like(magnitude) + 0j, []
for _ in range(32):
    distances.append(griffin_lim.inconsistency(magnitude, phase, n_fft, hop, window).item())
    phase = griffin_lim.griffin_lim_step(magnitude, phase, n_fft, hop, window)
by_hand = torch.istft(magnitude * phase, n_fft, hop, window=window)
by_torchaudio = GriffinLim(n_fft, 32, hop_length=hop, power=1, momentum=0, rand_init=False)(magnitude)
print("largest difference from torchaudio", (by_hand - by_torchaudio).abs().max().item())
show.plot_lines({"Griffin-Lim": distances}, x=range(32), xlabel="iteration", ylabel="inconsistency")

# %%
estimates = [griffin_lim.griffin_lim(magnitude, n_fft, hop, window, n_iterations) for n_iterations in (0, 4, 32)]
show.play_many(estimates, words=[line] * 3, titles=["random phases", "4 iterations", "32 iterations"])

# %% [markdown]
# Random phases sound reverberant. After a few iterations the voice is clear, though some roughness remains. `to_sound`
# inverts the whole analysis: it undoes the scaling, the logarithm and the filters, then estimates the phases. Listen to
# the baseline, and to the original's log-mel turned back into sound, which is called **copy synthesis**.

# %%
copied, baseline = (griffin_lim.to_sound(x, log_mel)[0] for x in (mels, letter_by_letter(line)[None]))
show.play_many([baseline, copied], words=[line] * 2, titles=["one spectrum for each letter", "copy synthesis"])

# %% [markdown]
# ## Judge speech with a recogniser
#
# How good is generated speech? The standard measure is the **mean opinion score** of listeners, which is expensive.
# We measure only whether it is *intelligible*. Lesson 13's shipped recogniser transcribes it, and we compute the word
# error rate. It was trained on 34 other voices, so it cannot have learned any artefact of ours. It only evaluates: our
# model gets no gradient from it.
#
# Most of its training data were noisy, and it makes more errors where there is no noise at all. Every sound, recordings
# included, therefore gets faint noise before it is transcribed.

# %%
recogniser = shipped.load("recogniser")
books = PictureBook("test", pages=60), PictureBook("test", pages=60, objects=2)
lines = [line for pair in zip(books[0].sentences, books[1].sentences, strict=True) for line in pair]
lines = lines[: max(12, steps(120))]
texts = [transcripts.transcript(line) for line in lines]
speakers = [i // 2 % len(SPEAKERS) for i in range(len(lines))]


def transcribed(sounds: list[Tensor]) -> list[str]:
    """The recogniser's transcripts, with faint noise and a short silence around each sound."""
    quiet = torch.Generator().manual_seed(0)
    padded = [F.pad(audio.same_loudness(sound), (1_000, 1_000)) for sound in sounds]
    return recogniser.transcribe([sound + 0.002 * torch.randn(len(sound), generator=quiet) for sound in padded])


def word_errors(found: list[str]) -> float:
    return round(word_error_rate(found, texts).item(), 3)


# %% [markdown]
# The original recordings are the reference, and copy synthesis shows what the log-mel and its inversion cost. Both use
# the twelve speaking voices, ten test sentences each.

# %%
originals = [voices.speak(line, SPEAKERS[i], varied=False) for line, i in zip(lines, speakers, strict=True)]


def vocoded(mels: list[Tensor]) -> list[Tensor]:
    return [griffin_lim.to_sound(mel[None], log_mel, rounds=16)[0] for mel in mels]


with torch.no_grad():
    original_mels = [log_mel(sound[None])[0] for sound in originals]
recognised = {"recordings": transcribed(originals), "copy synthesis": transcribed(vocoded(original_mels)),
              "one spectrum for each letter": transcribed(vocoded([letter_by_letter(line) for line in lines]))}
print("word error rate", {name: word_errors(found) for name, found in recognised.items()})

# %% [markdown]
# Even recordings have a word error rate of about 5%: the recogniser was not trained on these voices. Compare every
# score below with this one. Copy synthesis adds about 3 percentage points. With one spectrum per letter almost no word
# is recognised. These are *word* error rates of a recogniser without a dictionary: one wrong letter makes a word wrong.

# %% [markdown]
# ## A cross-modal autoencoder
#
# Speech without a transcript is easy to find; speech with one is rare. First, an autoencoder learns from speech alone:
# encoder $f$, code $z$, decoder $g$. Then the text encoder $h$ takes the place of $f$. From letters $t$, a voice $v$
# and durations $d$ it computes a code. The *same* decoder, now frozen, turns this code into speech.
#
# $$\text{1: } \min_{f, g} \; \lVert x - g(f(x)) \rVert_1 \qquad\quad \text{2: } \min_{h} \; \lVert x - g(h(t, v, d)) \rVert_1$$

# %%
diagrams.cross_modal_autoencoder()

# %% [markdown]
# The code has 48 numbers per frame, 60% of the 80 bands. A frame of the code stands for the same moment as a frame of
# the log-mel. The blocks are convolutions over time with a residual connection, as in lesson 13's convolutional
# recogniser; a layer norm scales the channels of each frame.

# %%
class FrameBlock(nn.Module):
    """x + ReLU(norm(convolution over time)).   (B, C, T) -> (B, C, T)"""

    def __init__(self, channels: int, dilation: int):
        super().__init__()
        self.convolution = nn.Conv1d(channels, channels, 5, padding=2 * dilation, dilation=dilation, bias=False)
        self.norm = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(self.convolution(x).transpose(1, 2)).transpose(1, 2)                          # (B, C, T)
        return x + F.relu(y)


# %%
def frame_network(inputs: int, outputs: int, width: int = 128) -> nn.Sequential:
    """Convolutions over time, for the encoder and for the decoder.   (B, inputs, T) -> (B, outputs, T)"""
    return nn.Sequential(nn.Conv1d(inputs, width, 3, padding=1), FrameBlock(width, 1), FrameBlock(width, 2),
                         nn.Conv1d(width, outputs, 1))


encoder, decoder = frame_network(80, 48), frame_network(48, 80)
print("code", tuple(encoder(mels).shape), "  log-mel", tuple(decoder(encoder(mels)).shape))

# %% [markdown]
# The package's `SpeechAutoencoder` is the same pair. It is trained on the twelve voices and twelve more, with all words
# concatenated and cut into segments of 64 frames. It needs no text.
#
# The loss is the mean absolute error. Predict its size: if all numbers were predicted as 0, the mean, it would be
# about 0.8.

# %%
other_voices = [speaker for speaker in voices.voices("train") if speaker not in SPEAKERS][::3]
unlabelled = [voices.clip(word, speaker) for speaker in other_voices for word in WORDS]
no_words, no_voices = ["x"] * len(unlabelled), [0] * len(unlabelled)                                # not used
more_segments = speaking.Clips(no_words, no_voices, unlabelled, log_mel).stretches(64)
segments = torch.cat([clips.stretches(64), more_segments])                                          # (N, 80, 64)
model = text_to_speech.TextToSpeech(SPEAKERS)
model.log_mel.load_state_dict(log_mel.state_dict())
speech_batches = Batches(segments, segments, size=16)
history = fit(model.autoencoder, speech_batches, loss=F.l1_loss, metrics=(), epochs=15, lr=3e-3, clip=1.0)

# %%
def reconstructed(mel: Tensor) -> Tensor:
    return predict(model.autoencoder, mel[None])[0]


recognised["autoencoder"] = transcribed(vocoded([reconstructed(mel) for mel in original_mels]))
print("word error rate through the code", word_errors(recognised["autoencoder"]))
both = torch.stack([mels[0], reconstructed(mels[0])])                                               # (2, 80, T)
show.show_log_mels(both, titles=["original", "decoded from the code"], hop=0.016)

# %% [markdown]
# The code loses fine detail, and a little intelligibility: depending on the run, the word error rate is about half a
# point to two percentage points above that of copy synthesis (the standard error is 0.8 points for 1,100 words). The
# decoder now turns codes into speech. What is missing is a text encoder that computes codes.

# %% [markdown]
# ## The text encoder
#
# A bidirectional GRU encodes the letters of a word; its state at a letter depends on the letters on both sides. English
# spelling needs this: the *e* of *purple* is silent. The length regulator repeats each state. The **voice embedding**
# (Arik et al. 2017), 32 learned numbers per voice, is concatenated to every frame, and so is the position within the
# word. Convolutions over the frames compute the code.

# %%
diagrams.text_to_speech()

# %%
class TextEncoder(nn.Module):
    """Letters (B, L), voices (B,), durations (B, L) -> codes (B, C, T) and log-durations (B, L)"""

    def __init__(self, n_voices: int, channels: int = 48, width: int = 128, voice_width: int = 32):
        super().__init__()
        self.letters = nn.Embedding(letters.N_LETTERS, 64, padding_idx=0)
        self.voices = nn.Embedding(n_voices, voice_width)
        self.gru = nn.GRU(64, width // 2, batch_first=True, bidirectional=True)
        self.durations = nn.Sequential(nn.Linear(width + voice_width, 64), nn.ReLU(), nn.Linear(64, 1))
        self.to_frames = nn.Linear(width + voice_width + 16, width)
        self.blocks = nn.Sequential(*(FrameBlock(width, 1 + i % 2) for i in range(4)), nn.Conv1d(width, channels, 1))

    def forward(self, ids: Tensor, voice: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        states, _ = self.gru(self.letters(ids))                                                     # (B, L, D)
        voice = self.voices(voice)[:, None]                                                         # (B, 1, E)
        log_durations = self.durations(torch.cat([states, voice.expand(-1, ids.shape[1], -1)], dim=2))[..., 0]
        x, mask = durations.expand_batch(states, frames)                                            # (B, T, D), (B, T)
        place = text_to_speech.positions(frames, x.shape[1])                                        # (B, T, 16)
        x = self.to_frames(torch.cat([x, voice.expand(-1, x.shape[1], -1), place], dim=2))          # (B, T, D)
        return self.blocks((x * mask[..., None]).transpose(1, 2)), log_durations


few = clips.letters[:4], clips.voices[:4], clips.durations[:4]
print("letters", tuple(few[0].shape), "  codes", tuple(TextEncoder(12)(*few)[0].shape))

# %% [markdown]
# The package's encoder has the same layers, and sets the padding after short words to 0 after every layer.

# %% [markdown]
# **Durations.** In training they are known, at test time they are not. A small network predicts the logarithm of each
# letter's frames from its state and the voice. On a logarithmic scale an error of 2 frames in 4 counts as much as one
# of 10 in 20. For a predicted duration of 4 and a true one of 2 the squared error is $(\ln 4 - \ln 2)^2 = 0.48$.

# %% tags=["nbval-check-output"]
one = torch.ones(1, 1, dtype=torch.bool)
print(f"{durations.duration_loss(torch.tensor([[4.0]]).log(), torch.tensor([[2]]), one):.2f}   "
      f"{F.mse_loss(torch.tensor(4.0).log(), torch.tensor(2.0).log()):.2f}")

# %% [markdown]
# ### Exercise 15.3: the loss of the durations  ●●○ · 10 minutes
#
# Write the mean squared error between `log_durations` and the logarithm of `durations`, over real letters alone:
# those where `mask` is true. The mean is over the letters of all words together. Behind the last letter the durations
# are 0, and $\ln 0 = -\infty$. Gradients reach `log_durations`; at padded positions they are 0, not NaN. Keep the dtype
# of `log_durations`.

# %%
def duration_loss(log_durations: Tensor, durations: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error of the logarithms over real letters.   (B, L), (B, L) frames, (B, L) bool -> ()"""
    ### BEGIN SOLUTION
    return (log_durations[mask] - durations[mask].log()).square().mean()
    ### END SOLUTION


# %%
check("15.3", duration_loss)

# %% [markdown]
# ## Train the text encoder
#
# Each word is left out of the training data of one voice, so each voice lacks nine or ten words. These **held-out
# pairs** of voice and word show whether the model can combine a known voice with a known word. The loss is the sum of
# both parts; `mask` is 0 on the padding. Predict: will the held-out pairs be as intelligible as the others?

# %%
word_of = torch.tensor([WORDS.index(word) for word in clips.words])
held_out = (word_of + clips.voices) % len(SPEAKERS) == 0


def speech_loss(outputs: tuple[Tensor, ...], mels: Tensor) -> Tensor:
    predicted, log_durations, frames, mask = outputs                       # (B, 80, T), (B, L), (B, L), (B, 1, T)
    error = ((predicted - mels).abs() * mask).sum() / (mask.sum() * mels.shape[1])
    return error + 0.1 * durations.duration_loss(log_durations, frames, frames > 0)


model.freeze_autoencoder()
print("trained parameters", sum(p.numel() for p in model.text_encoder.parameters()),
      "  frozen parameters", sum(p.numel() for p in model.autoencoder.parameters()))
print("held-out pairs", int(held_out.sum()), "of", len(held_out))
history = fit(model, clips.batches(~held_out, size=48), loss=speech_loss, metrics=(), epochs=60, lr=4e-3, clip=1.0)

# %% [markdown]
# A sentence is generated word by word: predicted durations, codes, decoder, then Griffin-Lim over the whole sentence.
# The recogniser transcribes all 120 test sentences.

# %%
def spoken_by(model: nn.Module) -> list[Tensor]:
    return [model.speak(line, speaker, rounds=16) for line, speaker in zip(lines, speakers, strict=True)]


live = spoken_by(model)
recognised["text to speech"] = transcribed(live)
some = (1, 5, 9)
show.play_many([live[i] for i in some], words=[lines[i] for i in some], titles=[SPEAKERS[speakers[i]] for i in some])
print("word error rate", {name: word_errors(found) for name, found in recognised.items()})

# %%
expect("15.words", word_errors(recognised["text to speech"]))
recorded, generated = recognised["recordings"], recognised["text to speech"]
print("voice                  recorded  generated  first error")
for speaker in sorted(set(speakers)):
    chosen = [i for i in range(len(texts)) if speakers[i] == speaker]
    references = [texts[i] for i in chosen]
    recorded_rate = word_error_rate([recorded[i] for i in chosen], references).item()
    generated_rate = word_error_rate([generated[i] for i in chosen], references).item()
    errors = [f"{texts[i]} -> {generated[i]}" for i in chosen if texts[i] != generated[i]]
    print(f"{SPEAKERS[speaker]:22} {recorded_rate:8.3f}  {generated_rate:9.3f} ", *errors[:1])

# %% [markdown]
# Text to speech has a word error rate of 10 to 12%, two to four percentage points above that of copy synthesis. Some
# or all of this is lost in the autoencoder. The generated words are separated by short pauses, unlike those of the
# recordings, which may help the recogniser.
#
# The voices differ more than the models: *en+m5* has no error, *Andrea* and *Jacky* have many even in the recordings.
# Most wrong words differ in one or two letters, such as *gren* for *green*. The score says nothing about naturalness.
# The voices sound rough, and a sentence has no intonation.

# %% [markdown]
# ## Held-out pairs of voice and word
#
# Align each transcript with its sentence: which words are recognised? The words that were held out for the sentence's
# voice are counted separately.

# %%
def recognised_words(text: str, transcript: str) -> list[bool]:
    """For each word of a text, whether an alignment with the transcript finds it there."""
    reference, hypothesis = text.split(), transcript.split()
    correct = [False] * len(reference)
    for block in difflib.SequenceMatcher(None, reference, hypothesis, autojunk=False).get_matching_blocks():
        correct[block.a : block.a + block.size] = [True] * block.size
    return correct


# %%
def accuracy_by_pair(hypotheses: list[str]) -> dict[str, float]:
    """The fraction of words recognised, for training pairs and held-out pairs of voice and word."""
    correct = {"training pairs": [], "held-out pairs": []}
    for text, hypothesis, speaker in zip(texts, hypotheses, speakers, strict=True):
        for word, recognised_word in zip(text.split(), recognised_words(text, hypothesis), strict=True):
            is_held_out = (WORDS.index(word) + speaker) % len(SPEAKERS) == 0
            correct["held-out pairs" if is_held_out else "training pairs"].append(recognised_word)
    return {name: round(sum(values) / len(values), 3) for name, values in correct.items()}


pair_accuracy = {name: accuracy_by_pair(recognised[name]) for name in ("recordings", "text to speech")}
show.compare(pair_accuracy, label="fraction of words recognised")
expect("15.held_out_pairs", pair_accuracy["text to speech"]["held-out pairs"])

# %% [markdown]
# About 90% of the words are recognised, in held-out pairs as in training pairs: the model combines a pronunciation
# learned from eleven other voices with a voice learned from about a hundred other words. In the recordings, 98% of the
# words of the held-out pairs are recognised, and 94% of the others, so both lose about five percentage points. The test
# sentences have only 86 words from held-out pairs; the standard error is about 3 percentage points. For held-out
# *words* the result differs, as you will hear.

# %% [markdown]
# ## What is wrong with the speech
#
# Compare a word with its recording. Where several spectra are possible for the same letters, the mean squared error is
# smallest for their mean, and the mean absolute error for their median. Both blur: harmonics fade, and quick changes
# smear. Measure it: the mean difference of neighbouring frames shows how quickly a spectrogram changes.

# %%
chosen = torch.tensor([clips.words.index("rocket"), clips.words.index("umbrella")])
few = slice(0, 3 * len(WORDS))                                                                      # three voices
made, _, _, mask = predict(model, (clips.letters[few], clips.voices[few], clips.durations[few]), size=333)
recorded = clips.mels[few, :, : made.shape[2]]
movement = {name: ((x.diff(dim=2).abs() * mask[..., 1:]).sum() / (mask[..., 1:].sum() * 80)).item()
            for name, x in {"recorded": recorded, "generated": made}.items()}
print("mean difference of neighbouring frames", {name: round(value, 3) for name, value in movement.items()})
silenced = [x.masked_fill(mask == 0, recorded.min()) for x in (recorded, made)]                    # after each end
show.show_log_mels(torch.stack([x[i] for i in chosen for x in silenced]), hop=0.016,
                   titles=["rocket, recorded", "generated", "umbrella, recorded", "generated"])

# %% [markdown]
# The generated frames change by about a fifth less than the recorded ones. Each word was recorded once per voice, so
# the model could memorise it. With 420,000 parameters and a few minutes of training it fits the smooth part first.
# Sharper speech needs a loss that rewards plausible detail, such as that of a GAN, a normalising flow or a diffusion
# model.

# %% [markdown]
# **Unknown words.** The input consists of letters, so any word is possible. However, 111 words are too few to learn
# English spelling from; real systems use a pronunciation dictionary or far more speech. The recogniser was not trained
# on these words either, so its transcripts say little. Listen, and judge by ear.

# %%
unknown = ["hat", "silver", "train", "window"]
tries = [model.speak(word, "en-us+ed") for word in unknown]
titles = [f"recognised: {text or '(nothing)'}" for text in transcribed(tries)]
show.play_many(tries, words=unknown, titles=titles, columns=2)

# %% [markdown]
# The transcripts have little in common with the words. *hat* is the easiest of the four, since it is spelled like
# *cat*. The longer words are harder: no word of the training data is spelled like *silver*, and 111 examples do not
# teach the rules.
#
# What should happen with a text that cannot be spoken? The model should raise an error that says why.

# %%
for text in ("", "3 fish"):
    try:
        model.speak(text)
    except ValueError as error:
        print(error)

# %% [markdown]
# ## What the vocoder loses
#
# The part of a system that turns spectrograms into sound is called a **vocoder**. Ours begins by inverting the mel
# filters. A mel band is a weighted sum of powers: $m = W^\top p$ with $W$ of shape (F, M). There are more frequencies
# than bands, so many $p$ fit. The pseudo-inverse takes the one of the smallest norm: $p = (W^\top)^+ m$.

# %% [markdown]
# Let two bands cover three frequencies with weights $(1, 0.5, 0)$ and $(0, 0.5, 1)$. For $m = (3, 0)$ the
# pseudo-inverse gives $p = (2.5, 1, -0.5)$. A negative power has no meaning. If it is set to 0, the bands become $(3,
# 0.5)$, not the given ones.

# %% tags=["nbval-check-output"]
W = torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])                                              # (F, M)
p = torch.linalg.pinv(W.T) @ torch.tensor([3.0, 0.0])                                               # (F,)
print([round(value, 2) for value in p.tolist()], [round(value, 2) for value in (W.T @ p.clamp(min=0)).tolist()])

# %% [markdown]
# ### Exercise 15.4: from mel bands to frequencies  ●●● · 15 minutes
#
# Write the first step of the vocoder. Of all spectra whose bands fit best (least squares), take the one of the smallest
# norm, and set negative powers to 0. Bands may be linearly dependent, so use the pseudo-inverse. Mind the axes:
# transposed, `filters` turn frequencies into bands. Silence gives zeros. Keep the dtype. Why is `filters @ mel_powers`,
# which has the right shape as well, not the inverse?

# %%
def spectrum_from_mels(mel_powers: Tensor, filters: Tensor) -> Tensor:
    """Powers of all frequencies, none negative, from mel bands.   (M, T), filters (F, M) -> (F, T)"""
    ### BEGIN SOLUTION
    return (torch.linalg.pinv(filters.T) @ mel_powers).clamp(min=0)
    ### END SOLUTION


# %%
check("15.4", spectrum_from_mels)

# %% [markdown]
# torchaudio's `InverseMelScale` stops here. Multiplicative updates (Lee and Seung 2001) reduce the error that this
# causes: they multiply each power by a positive factor, $p \leftarrow p \cdot (W m) / (W W^\top p)$, and the bands come
# nearer to the given ones. How much does it help?

# %%
powers = (log_mel.raw(spoken[0][None])[0].exp() - audio.FLOOR).clamp(min=0)                         # (80, T)
for updates in (0, 1, 3, 10):
    spectrum = griffin_lim.spectrum_from_mels(powers, log_mel.filters, updates)
    wrong = ((log_mel.filters.T @ spectrum + audio.FLOOR).log() - (powers + audio.FLOOR).log()).abs().mean()
    print(f"{updates:2} updates   mean error of the log-mel {wrong:.3f}")

# %% [markdown]
# Three updates remove about two thirds of the error, mainly in quiet bands; `to_sound` makes three. The phases are
# still estimated. Practical systems use a neural network as the vocoder, such as HiFi-GAN (Kong et al. 2020), a GAN as
# in lesson 07.

# %% [markdown]
# ## Play
#
# Type a sentence, choose a voice, and listen. The shipped model was trained on all pairs, for longer. Its word error
# rate is about that of copy synthesis. Try the same sentence in two voices: what changes in the spectrogram? Then type
# a word outside the vocabulary.

# %%
shipped_model = shipped.load("text_to_speech")
recognised["shipped model"] = transcribed(spoken_by(shipped_model))
print("word error rate of the shipped model", word_errors(recognised["shipped model"]))
expect("15.shipped", word_errors(recognised["shipped model"]))
show.text_to_speech(shipped_model, recogniser=lambda sound: transcribed([sound])[0])

# %% [markdown]
# ## Debugging exercise: other settings
#
# Someone wants to hear what the autoencoder keeps of a recording. The function below runs without an error, since the
# shapes fit, but the sound is too long and unintelligible, however long the autoencoder is trained. Run it, and compare
# the lengths and the values with those that the autoencoder was trained on.

# %%
def buggy_resynthesis(sound: Tensor, autoencoder: nn.Module, log_mel: nn.Module) -> Tensor:
    """A recording through the autoencoder and back.   (samples,) -> (samples,)"""
    analysis = audio.LogMel(16_000, n_mels=80)
    with torch.no_grad():
        mels = analysis(sound[None])                                                                # (1, 80, T)
        return griffin_lim.to_sound(autoencoder(mels), log_mel)[0]


buggy = buggy_resynthesis(spoken[0], model.autoencoder, model.log_mel)
seconds = [round(len(sound) / 16_000, 2) for sound in (spoken[0], buggy)]
print("seconds", seconds[0], "became", seconds[1], "  recognised:", transcribed([buggy]))
show.play(buggy, words=line)

# %% [markdown]
# ### Exercise 15.debug: the settings of the training  ●●○ · 15 minutes
#
# Find every setting that differs between `analysis` and the log-mel of the training; print both. Then write the
# function so that it works for any `log_mel`: both ways, to mels and back, use its settings and its statistics.
# `autoencoder` takes and returns (1, n_mels, T), with any number of bands. The length may differ by one hop.

# %%
def resynthesise(sound: Tensor, autoencoder: nn.Module, log_mel: nn.Module) -> Tensor:
    """A recording through the autoencoder and back.   (samples,) -> (about as many samples,)"""
    ### BEGIN SOLUTION
    with torch.no_grad():
        return griffin_lim.to_sound(autoencoder(log_mel(sound[None])), log_mel)[0]
    ### END SOLUTION


# %%
check("15.debug", resynthesise)

# %% [markdown]
# The window, the hop and the scaling were different; each of them is a bug. Save the settings together with the
# weights, as `TextToSpeech` does: its `log_mel` is part of the model.

# %% [markdown]
# ## On real data: spoken digits
#
# Now the same model is trained on recordings of people: three speakers of the Free Spoken Digit Dataset say the ten
# digits, 45 times each (Jackson et al., as in lesson 03). No two takes are equal, and no input says which take is
# meant. Predict what the model will learn to say.
#
# The judge is a classifier trained on the *other three* speakers. Its accuracy on recordings of our speakers is the
# reference.

# %%
rows = {split: real.load_or_explain("free_spoken_digits", split) for split in ("train", "test")}
have_data = all(rows.values())
PEOPLE = ("george", "jackson", "lucas")
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
if have_data:
    takes = {split: [audio.same_loudness(real.sound(row)[0])[:6_000] for row in part] for split, part in rows.items()}
    model_rows = {split: [i for i, speaker in enumerate(part["speaker"]) if speaker in PEOPLE]
                  for split, part in rows.items()}
    judge_rows = [i for i, speaker in enumerate(rows["train"]["speaker"]) if speaker not in PEOPLE]
    print({"recordings to train the model": len(model_rows["train"]), "to train the judge": len(judge_rows)})

# %%
def digit_accuracy(sounds: list[Tensor], digits: list[int]) -> float:
    """Fraction of the sounds whose digit the judge predicts."""
    logits = predict(judge, judge_mel(audio.collate([audio.same_loudness(s) for s in sounds], samples=6_000)))
    return (logits.argmax(dim=1) == torch.tensor(digits)).float().mean().item()


if have_data:
    judge_mel = audio.LogMel(rate=8_000).fit([takes["train"][i] for i in judge_rows[::5]])
    judge = speech.SpeechClassifier(10)
    judge_inputs = judge_mel(audio.collate([takes["train"][i] for i in judge_rows], samples=6_000))  # (N, 40, 76)
    fit(judge, Batches(judge_inputs, torch.tensor(rows["train"]["label"])[judge_rows]), epochs=8, lr=5e-3)
    spoken_digits = [rows["test"]["label"][i] for i in model_rows["test"]]
    real_accuracy = digit_accuracy([takes["test"][i] for i in model_rows["test"]], spoken_digits)

# %%
if have_data:
    digit_model = text_to_speech.TextToSpeech(PEOPLE, rate=8_000, n_mels=64)
    model_takes = [takes["train"][i] for i in model_rows["train"]]
    digit_model.log_mel.fit(model_takes[::3])
    names = [NAMES[rows["train"]["label"][i]] for i in model_rows["train"]]
    people = [PEOPLE.index(rows["train"]["speaker"][i]) for i in model_rows["train"]]
    digit_clips = speaking.Clips(names, people, model_takes, digit_model.log_mel)
    segments = digit_clips.stretches(64)                                                            # (N, 64, 64)
    segment_batches, word_batches = Batches(segments, segments, size=16), digit_clips.batches(size=48)

# %%
if have_data:
    fit(digit_model.autoencoder, segment_batches, loss=F.l1_loss, metrics=(), epochs=6, lr=3e-3, clip=1.0)
    digit_model.freeze_autoencoder()
    fit(digit_model, word_batches, loss=speech_loss, metrics=(), epochs=15, lr=4e-3, clip=1.0)

# %%
if have_data:
    generated = [digit_model.speak(name, person) for person in range(3) for name in NAMES]
    generated_accuracy = digit_accuracy(generated, [*range(10)] * 3)
    print(f"recordings {real_accuracy:.1%}   generated {generated_accuracy:.1%} of 30   chance 10%")
    three_digits = [generated[3], generated[10 + 5], generated[20 + 7]]
    show.play_many(three_digits, rate=8_000, words=["three", "five", "seven"], titles=PEOPLE, columns=3)
    expect("15.digits", generated_accuracy)

# %% [markdown]
# About 70% of the thirty generated digits are recognised, and nearly 80% of the recordings: three speakers are too few
# to train a good judge. Thirty examples are also few: each is 3 percentage points. The takes of a digit differ in pace
# and pitch. The model learns something like their median, so its speech is more blurred than in the Picture Book. We
# know of no published result for this task.

# %% [markdown]
# ## Where this is used
#
# Text to speech is used in screen readers, navigation systems, voice assistants, audiobooks and announcements. Tacotron
# 2 (Shen et al. 2018) and FastSpeech are trained on about 24 hours of one speaker, on sentences rather than words, so
# that they learn intonation as well. Our model has none: it generates words one by one. **Voice cloning**, copying a
# person's voice from a few seconds of speech, is possible today, and needs that person's consent.

# %%
quiz("15")

# %% [markdown]
# ## Open-ended questions
#
# 1. Train the text encoder on the codes themselves, with $\lVert f(x) - h(t, v, d) \rVert$ as the loss, without the
#    decoder. Is the speech as clear? Which errors of a code does the decoder forgive?
# 2. Leave out the autoencoder, and train text encoder and decoder together on the twelve voices. What is gained by the
#    first phase, and how does the answer change if only two voices have text?
# 3. Double every predicted duration, or halve it. Up to which pace is the speech recognised?

# %% [markdown]
# ## Going further: a new voice from twenty words
#
# The embedding of a voice is 32 numbers. Take a held-out voice, freeze the whole model, and fit these numbers alone to
# twenty of its words, as Arik et al. (2018) did for real speakers. The error on its *other* words measures how close
# the fitted voice is; the baseline is the nearest of the twelve known voices.

# %%
newcomer = voices.voices("held_out")[0]
new_clips = speaking.Clips(WORDS, [0] * len(WORDS), [voices.clip(word, newcomer) for word in WORDS], log_mel)
every_word = torch.arange(len(WORDS))
adaptation = every_word[:100:5]                                                                     # (20,)
evaluation = every_word[~torch.isin(every_word, adaptation)]                                        # (91,)


def voice_error(vector: Tensor, chosen: Tensor) -> Tensor:
    outputs = model(new_clips.letters[chosen], vector.expand(len(chosen), -1), new_clips.durations[chosen])
    return text_to_speech.speech_loss(outputs, new_clips.mels[chosen][..., : outputs[0].shape[2]], duration_weight=0.0)


model.eval().requires_grad_(False)
table = model.text_encoder.voices.weight                                                            # (12, 32)
nearest = min(range(len(SPEAKERS)), key=lambda i: voice_error(table[i], adaptation).item())
print("nearest voice:", SPEAKERS[nearest])

# %%
vector = table[nearest].clone().requires_grad_()
optimiser = torch.optim.Adam([vector], lr=0.02)
for _ in range(100):
    optimiser.zero_grad()
    voice_error(vector, adaptation).backward()
    optimiser.step()
average = sum(voice_error(row, evaluation).item() for row in table) / len(table)
print(f"error on other words: nearest voice {voice_error(table[nearest], evaluation):.3f}   "
      f"fitted {voice_error(vector, evaluation):.3f}   mean of the twelve {average:.3f}")
two = voices.speak(line, newcomer, varied=False), model.speak(line, vector.detach())
show.play_many(two, words=[line] * 2, titles=["recorded", "fitted"])

# %% [markdown]
# On words that it was not fitted to, the fitted embedding has a smaller error than the nearest of the twelve voices.
# The error remains large: an embedding space learned from twelve voices cannot describe every other voice. More
# training voices would probably help more than a larger vector.

# %% [markdown]
# ## Summary
#
# - In a cross-modal autoencoder, a text encoder computes the codes that a frozen speech decoder turns into speech.
# - Durations expand letters to frames; at test time they are predicted, and the length regulator repeats states.
# - One embedding per voice gives one model several voices, and can be fitted to a new one.
# - Griffin-Lim finds phases for given magnitudes; no iteration raises the inconsistency.
# - A recogniser trained on other voices measures whether speech is intelligible, not whether it sounds natural.
#
# Next: 16 Any to any, where images, text and speech are converted into one another.

# %% [markdown]
# **References.** Griffin, Lim 1984, *Signal estimation from modified short-time Fourier transform*,
# [doi:10.1109/TASSP.1984.1164317](https://doi.org/10.1109/TASSP.1984.1164317). Perraudin, Balazs, Søndergaard 2013,
# *A fast Griffin-Lim algorithm*, [doi:10.1109/WASPAA.2013.6701851](https://doi.org/10.1109/WASPAA.2013.6701851). Ren
# et al. 2019, *FastSpeech: Fast, robust and controllable text to speech*,
# [arXiv:1905.09263](https://arxiv.org/abs/1905.09263): the length regulator; durations from a teacher's attention.
# Shen et al. 2018, *Natural TTS synthesis by conditioning WaveNet on mel spectrogram predictions*,
# [arXiv:1712.05884](https://arxiv.org/abs/1712.05884): Tacotron 2. Arik et al. 2017, *Deep Voice 2: Multi-speaker
# neural text-to-speech*, [arXiv:1705.08947](https://arxiv.org/abs/1705.08947): voices by embeddings. Arik et al.
# 2018, *Neural voice cloning with a few samples*, [arXiv:1802.06006](https://arxiv.org/abs/1802.06006). Kong, Kim,
# Bae 2020, *HiFi-GAN: Generative adversarial networks for efficient and high fidelity speech synthesis*,
# [arXiv:2010.05646](https://arxiv.org/abs/2010.05646). Lee, Seung 2001, *Algorithms for non-negative matrix
# factorization*, NeurIPS 13. Jackson et al., *Free Spoken Digit Dataset*,
# [doi:10.5281/zenodo.1342401](https://doi.org/10.5281/zenodo.1342401).
