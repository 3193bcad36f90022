"""Learners' answers for lesson 15, text to speech: written from the lesson alone, without its checks."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.data import audio, griffin_lim

from . import right, wrong


@right("15.1", "repeat_interleave")
def expand(states: Tensor, durations: Tensor) -> Tensor:
    return states.repeat_interleave(durations, dim=0)


@right("15.1", "a list of indices")
def expand(states, durations):
    index = [i for i, n in enumerate(durations.tolist()) for _ in range(n)]
    return states[torch.tensor(index, dtype=torch.int64)]


@right("15.1", "repeated rows, concatenated")
def expand(states, durations):
    return torch.cat([state.expand(int(n), -1) for state, n in zip(states, durations)])


@right("15.1", "a matrix of zeros and ones")
def expand(states, durations):
    ends = durations.cumsum(0)
    frames = torch.arange(int(durations.sum()))[:, None]
    owner = (frames >= ends - durations) & (frames < ends)
    return owner.to(states.dtype) @ states


@right("15.1", "a binary search for the owner of each frame")
def expand(states, durations):
    frames = torch.arange(durations.sum().item())
    return states.index_select(0, torch.searchsorted(durations.cumsum(dim=0), frames, right=True))


@right("15.1", "recursion")
def expand(states, durations):
    def frames(i):
        if i == len(durations):
            return states[:0]
        return torch.vstack([states[i : i + 1].repeat(durations[i].item(), 1), frames(i + 1)])

    return frames(0)


@right("15.1", "filled row by row")
def expand(states, durations):
    frames, t = states.new_zeros(int(durations.sum()), states.shape[1]), 0
    for i in range(len(states)):
        for _ in range(durations[i]):
            frames[t] = states[i]
            t += 1
    return frames


@wrong("15.1", "repeats along the features", says=r"dim|axis|row|feature|shape")
def expand(states, durations):
    return torch.cat([state.repeat(int(n)) for state, n in zip(states, durations)])


@wrong("15.1", "repeat_interleave without an axis", says=r"dim|axis|row|flat|shape|size")
def expand(states, durations):
    return states.repeat_interleave(durations)


@wrong("15.1", "the whole text is repeated", says=r"order|each|whole|row|letter|shape|own")
def expand(states, durations):
    return states.repeat(int(durations.sum()), 1)[: int(durations.sum())]


@wrong("15.1", "at least one frame for each letter", says=r"\b0\b|zero|duration 0|disappear|at least")
def expand(states, durations):
    return states.repeat_interleave(durations.clamp(min=1), dim=0)


@wrong("15.1", "all durations 0 are an error", says=r"all.*0|zero|empty|no frame|\(0")
def expand(states, durations):
    return torch.stack([state for state, n in zip(states, durations) for _ in range(n)])


@wrong("15.1", "all durations 0 lose the axis of features", says=r"all.*0|zero|empty|shape|\(0")
def expand(states, durations):
    rows = [state for state, n in zip(states, durations) for _ in range(n)]
    return torch.stack(rows) if rows else torch.tensor([], dtype=states.dtype)


@wrong("15.1", "all durations 0 become float32", says=r"dtype|float64|double|float32|zero|empty")
def expand(states, durations):
    rows = [state for state, n in zip(states, durations) for _ in range(n)]
    return torch.stack(rows) if rows else torch.zeros(0, states.shape[1])


@wrong("15.1", "lists of numbers: no gradients", says=r"gradient|tolist|detach|graph|list")
def expand(states, durations):
    rows = [row for row, n in zip(states.tolist(), durations.tolist()) for _ in range(n)]
    return torch.tensor(rows, dtype=states.dtype).view(-1, states.shape[1])


@wrong("15.1", "detached rows", says=r"gradient|detach|graph")
def expand(states, durations):
    return states.detach().repeat_interleave(durations, dim=0)


@wrong("15.1", "through numpy: no gradients", says=r"gradient|numpy|detach|graph")
def expand(states, durations):
    return torch.from_numpy(np.repeat(states.detach().numpy(), durations.numpy(), axis=0))


@wrong("15.1", "always float32", says=r"dtype|float64|double|float32|precision")
def expand(states, durations):
    frames = torch.zeros(int(durations.sum()), states.shape[1])
    t = 0
    for state, n in zip(states, durations.tolist()):
        frames[t : t + n] = state
        t += n
    return frames


@wrong("15.1", "one frame too many for each letter", says=r"too many|one (frame )?(more|too)|shape|rows|as many|sum")
def expand(states, durations):
    return states.repeat_interleave(durations + 1, dim=0)


@wrong(
    "15.1", "one frame too few for each letter", says=r"too few|one (frame )?(less|fewer|too)|shape|rows|as many|sum"
)
def expand(states, durations):
    return states.repeat_interleave((durations - 1).clamp(min=0), dim=0)


@wrong("15.1", "the first duration for all", says=r"own|each|first|same|shape|rows|as many|sum")
def expand(states, durations):
    return states.repeat_interleave(int(durations[0]), dim=0)


@wrong("15.1", "the mean duration for all", says=r"\bmean\b|\bown\b|average")
def expand(states, durations):
    return states.repeat_interleave(int(durations.float().mean().round()), dim=0)


@wrong("15.1", "multiplied by the durations", says=r"repeat|multipl|shape|rows|as many|sum")
def expand(states, durations):
    return states * durations[:, None]


@wrong("15.1", "round robin: one frame of each letter in turn", says=r"order|turn|row|together|sort")
def expand(states, durations):
    index = [i for k in range(int(durations.max())) for i, n in enumerate(durations.tolist()) if k < n]
    return states[torch.tensor(index, dtype=torch.int64)]


@wrong("15.1", "padded to the longest letter", says=r"pad|longest|shape|rows|as many|sum|max")
def expand(states, durations):
    n = int(durations.max())
    mask = torch.arange(n)[None] < durations[:, None]
    return (states[:, None].expand(-1, n, -1) * mask[..., None]).flatten(0, 1)


@wrong("15.1", "a row of zeros in front", says=r"first row|zeros|in front|extra row|begin")
def expand(states, durations):
    frames = states.new_zeros(1, states.shape[1])
    for state, n in zip(states, durations.tolist()):
        frames = torch.cat([frames, state.repeat(n, 1)])
    return frames


@wrong("15.1", "the last letter is left out", says=r"last|shape|rows|as many|sum|missing|left out")
def expand(states, durations):
    frames = [states[:0]]
    for i in range(len(states) - 1):
        frames.append(states[i : i + 1].repeat(int(durations[i]), 1))
    return torch.cat(frames)


@wrong("15.1", "squeezes a single frame", says=r"squeeze|one (frame|row|feature) is|single|axis|axes|size 1")
def expand(states, durations):
    return states.repeat_interleave(durations, dim=0).squeeze()


@wrong("15.1", "returns inside the loop", says=r"return|loop|first|every|shape|rows|as many|sum")
def expand(states, durations):
    frames = states[:0]
    for state, n in zip(states, durations.tolist()):
        frames = torch.cat([frames, state.repeat(n, 1)])
        return frames


@wrong("15.1", "= instead of +=: the last letter alone", says=r"last|every|shape|rows|as many|sum|\+=|overwrit")
def expand(states, durations):
    frames = states[:0]
    for state, n in zip(states, durations.tolist()):
        frames = state.repeat(n, 1)
    return frames


# 15.2


def rebuilt(magnitude, phase, n_fft, hop, window):
    sound = torch.istft(magnitude * phase, n_fft, hop, window=window)
    return torch.stft(sound, n_fft, hop, window=window, return_complex=True)


@right("15.2", "divided by the absolute value, at least a tiny number")
def griffin_lim_step(magnitude: Tensor, phase: Tensor, n_fft: int, hop: int, window: Tensor) -> Tensor:
    sound = torch.istft(magnitude * phase, n_fft, hop, window=window)
    X = torch.stft(sound, n_fft, hop, window=window, return_complex=True)
    return X / X.abs().clamp(min=1e-12)


@right("15.2", "polar with the angle")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    spectrum = torch.polar(magnitude, phase.angle())
    sound = torch.istft(spectrum, n_fft=n_fft, hop_length=hop, window=window)
    X = torch.stft(sound, n_fft=n_fft, hop_length=hop, window=window, return_complex=True)
    return torch.polar(torch.ones_like(magnitude), X.angle())


@right("15.2", "exponential of the angle")
def griffin_lim_step(magnitude, phase, n_fft, hop, window, win_length=None):
    X = rebuilt(magnitude, phase, n_fft, hop, window)
    return torch.exp(1j * torch.angle(X))


@right("15.2", "the complex sign")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    return rebuilt(magnitude, phase, n_fft, hop, window).sgn()


@right("15.2", "where")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    X = rebuilt(magnitude, phase, n_fft, hop, window)
    size = X.abs()
    return torch.where(size > 0, X / torch.where(size > 0, size, torch.ones_like(size)), torch.ones_like(X))


@right("15.2", "real and imaginary part")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    given = torch.complex(magnitude * phase.real, magnitude * phase.imag)
    X = rebuilt(torch.ones_like(magnitude), given, n_fft, hop, window)
    angle = torch.atan2(X.imag, X.real)
    return torch.complex(angle.cos(), angle.sin())


@wrong("15.2", "the spectrum itself, with its magnitude", says=r"absolute value|magnitude|divid|norm|1\b")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    return rebuilt(magnitude, phase, n_fft, hop, window)


@wrong("15.2", "angles, real numbers", says=r"angle|complex|real|polar|radian")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    return rebuilt(magnitude, phase, n_fft, hop, window).angle()


@wrong("15.2", "NaN where the spectrum is 0", says=r"nan|\b0\b|zero|silen|finite")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    X = rebuilt(magnitude, phase, n_fft, hop, window)
    return X / X.abs()


@wrong("15.2", "the given magnitude is put back already", says=r"absolute value|magnitude|1\b")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    return magnitude * rebuilt(magnitude, phase, n_fft, hop, window).sgn()


@wrong("15.2", "the old phases are ignored", says=r"phase|ignor")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    return rebuilt(magnitude, torch.ones_like(phase), n_fft, hop, window).sgn()


@wrong("15.2", "the magnitude is ignored", says=r"magnitude|ignor")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    return rebuilt(torch.ones_like(magnitude), phase, n_fft, hop, window).sgn()


@wrong("15.2", "phases are added, not multiplied", says=r"multipl|add|product|phase")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    sound = torch.istft(magnitude + phase, n_fft, hop, window=window)
    return torch.stft(sound, n_fft, hop, window=window, return_complex=True).sgn()


@wrong("15.2", "no window on the way back", says=r"window")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    sound = torch.istft(magnitude * phase, n_fft, hop, window=window)
    return torch.stft(sound, n_fft, hop, return_complex=True).sgn()


@wrong("15.2", "no window on the way to the waveform", says=r"window")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    sound = torch.istft(magnitude * phase, n_fft, hop)
    return torch.stft(sound, n_fft, hop, window=window, return_complex=True).sgn()


@wrong("15.2", "a Hann window of its own", says=r"window")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    hann = torch.hann_window(n_fft, dtype=magnitude.dtype)
    return rebuilt(magnitude, phase, n_fft, hop, hann).sgn()


@wrong("15.2", "the default hop, a quarter of the window", says=r"hop")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    sound = torch.istft(magnitude * phase, n_fft, window=window)
    return torch.stft(sound, n_fft, window=window, return_complex=True).sgn()


@wrong("15.2", "frames that are not centred", says=r"cent(re|er)|default|shape|frames|error|raise")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    sound = torch.istft(magnitude * phase, n_fft, hop, window=window)
    return torch.stft(sound, n_fft, hop, window=window, center=False, return_complex=True).sgn()


@wrong("15.2", "zeros beyond the ends: another padding than the default", says=r"pad|default|edge|end|first|border")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    sound = torch.istft(magnitude * phase, n_fft, hop, window=window)
    return torch.stft(sound, n_fft, hop, window=window, pad_mode="constant", return_complex=True).sgn()


@wrong("15.2", "n_fft of 1024, as in the lesson", says=r"n_fft|1024|shape|window|size|hard|fixed")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    return rebuilt(magnitude, phase, 1024, 256, torch.hann_window(1024)).sgn()


@wrong("15.2", "always complex64", says=r"dtype|complex128|complex64|float64|double|precision")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    return rebuilt(magnitude, phase, n_fft, hop, window).sgn().to(torch.complex64)


@wrong(
    "15.2",
    "a constant that is too large is added to the absolute value",
    says=r"absolute value|1\b|quiet|small|constant|eps",
)
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    X = rebuilt(magnitude, phase, n_fft, hop, window)
    return X / (X.abs() + 0.1)


@wrong("15.2", "divides by the largest value", says=r"absolute value|max|own|each|1\b|largest")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    X = rebuilt(magnitude, phase, n_fft, hop, window)
    return X / X.abs().max().clamp(min=1e-12)


@wrong("15.2", "two rounds", says=r"round|twice|two|once|one")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    for _ in range(2):
        phase = rebuilt(magnitude, phase, n_fft, hop, window).sgn()
    return phase


@wrong("15.2", "the complex conjugate", says=r"conjug|sign|angle|imag|opposite")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    return rebuilt(magnitude, phase, n_fft, hop, window).sgn().conj()


@wrong(
    "15.2",
    "the phases of the given spectrum, without the way to the waveform",
    says=r"waveform|istft|stft|same|unchanged|given|back|came in",
)
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    return (magnitude * phase).sgn()


@wrong("15.2", "the waveform", says=r"spectrum|stft|shape|complex|waveform|real")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    return torch.istft(magnitude * phase, n_fft, hop, window=window)


@wrong("15.2", "powers instead of magnitudes", says=r"power|squar|magnitude")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    return rebuilt(magnitude**2, phase, n_fft, hop, window).sgn()


@wrong("15.2", "divided by itself", says=r"itself|absolute value")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    sound = torch.istft(magnitude * phase, n_fft, hop, window=window)
    spectrum = torch.stft(sound, n_fft, hop, window=window, return_complex=True)
    return spectrum / spectrum


# 15.3


@right("15.3", "real letters selected by the mask")
def duration_loss(log_durations: Tensor, durations: Tensor, mask: Tensor) -> Tensor:
    return F.mse_loss(log_durations[mask], durations[mask].to(log_durations.dtype).log())


@right("15.3", "durations of 1 on the padding")
def duration_loss(log_durations, durations, mask):
    target = durations.masked_fill(~mask, 1).to(log_durations).log()
    return ((log_durations - target).square() * mask).sum() / mask.sum()


@right("15.3", "a loop over letters")
def duration_loss(log_durations, durations, mask):
    total, n = log_durations.new_zeros(()), 0
    for row in range(mask.shape[0]):
        for i in range(mask.shape[1]):
            if mask[row, i]:
                target = math.log(durations[row, i].item())
                total = total + (log_durations[row, i] - target) ** 2
                n += 1
    return total / n


@right("15.3", "where before the logarithm")
def duration_loss(log_durations, durations, mask):
    safe = torch.where(mask, durations, torch.ones_like(durations)).to(log_durations.dtype)
    error = torch.where(mask, log_durations - torch.log(safe), 0.0)
    return (error**2).sum() / mask.to(error.dtype).sum()


@right("15.3", "masked_select, the mean by hand")
def duration_loss(log_durations, durations, mask):
    predicted, real = (torch.masked_select(x, mask) for x in (log_durations, durations))
    difference = predicted - real.type_as(predicted).log()
    return difference @ difference / len(difference)


@right("15.3", "joined from the rows")
def duration_loss(log_durations, durations, mask, reduction="mean"):
    pairs = [(p[m], d[m].to(p.dtype)) for p, d, m in zip(log_durations, durations, mask)]
    predicted, real = (torch.cat(part) for part in zip(*pairs))
    return nn.MSELoss(reduction=reduction)(predicted, real.log())


@wrong("15.3", "the mean over padding too", says=r"padd|mask|real letters|mean|divid|number")
def duration_loss(log_durations, durations, mask):
    target = durations.masked_fill(~mask, 1).to(log_durations).log()
    return ((log_durations - target).square() * mask).mean()


@wrong("15.3", "errors on the padding count", says=r"padd|mask|real letters")
def duration_loss(log_durations, durations, mask):
    return F.mse_loss(log_durations, durations.clamp(min=1).to(log_durations).log())


@wrong("15.3", "where after the logarithm: NaN gradients", says=r"nan|gradient|-?inf|finite|\b0\b")
def duration_loss(log_durations, durations, mask):
    error = (log_durations - durations.to(log_durations).log()).square()
    return torch.where(mask, error, torch.zeros_like(error)).sum() / mask.sum()


@wrong("15.3", "times the mask: infinity times 0 is NaN", says=r"nan|\binf|finite")
def duration_loss(log_durations, durations, mask):
    error = (log_durations - durations.to(log_durations).log()).square()
    return (error * mask).sum() / mask.sum()


@wrong("15.3", "one added before the logarithm", says=r"log1p|\+ 1|add|1 |logarithm of")
def duration_loss(log_durations, durations, mask):
    return F.mse_loss(log_durations[mask], durations[mask].to(log_durations).log1p())


@wrong("15.3", "frames compared instead of logarithms", says=r"log|exp")
def duration_loss(log_durations, durations, mask):
    return F.mse_loss(log_durations[mask].exp(), durations[mask].to(log_durations))


@wrong("15.3", "the logarithm is forgotten", says=r"log")
def duration_loss(log_durations, durations, mask):
    return F.mse_loss(log_durations[mask], durations[mask].to(log_durations))


@wrong("15.3", "the logarithm of the prediction too", says=r"log|already|twice|nan")
def duration_loss(log_durations, durations, mask):
    return F.mse_loss(log_durations[mask].clamp(min=1e-3).log(), durations[mask].to(log_durations).log())


@wrong("15.3", "the mean of the words' means", says=r"word|together|mean of|all letters|each|long")
def duration_loss(log_durations, durations, mask):
    target = durations.masked_fill(~mask, 1).to(log_durations).log()
    error = (log_durations - target).square() * mask
    return (error.sum(dim=1) / mask.sum(dim=1).clamp(min=1)).mean()


@wrong("15.3", "the sum", says=r"mean|sum|divid|number")
def duration_loss(log_durations, durations, mask):
    return F.mse_loss(log_durations[mask], durations[mask].to(log_durations).log(), reduction="sum")


@wrong("15.3", "divided by the number of words", says=r"letters|number|divid|words|mean|len")
def duration_loss(log_durations, durations, mask):
    return F.mse_loss(log_durations[mask], durations[mask].to(log_durations).log(), reduction="sum") / len(mask)


@wrong("15.3", "the absolute error", says=r"absolute|squar")
def duration_loss(log_durations, durations, mask):
    return F.l1_loss(log_durations[mask], durations[mask].to(log_durations).log())


@wrong("15.3", "the root of the mean", says=r"root|sqrt|squar")
def duration_loss(log_durations, durations, mask):
    return F.mse_loss(log_durations[mask], durations[mask].to(log_durations).log()).sqrt()


@wrong("15.3", "the padding instead of the letters", says=r"mask|padd|invert|opposite|real letters|~|false|nan|\binf")
def duration_loss(log_durations, durations, mask):
    return F.mse_loss(log_durations[~mask], durations[~mask].clamp(min=1).to(log_durations).log())


@wrong("15.3", "a number, no gradients", says=r"gradient|item|tensor|float|number")
def duration_loss(log_durations, durations, mask):
    return F.mse_loss(log_durations[mask], durations[mask].to(log_durations).log()).item()


@wrong("15.3", "detached predictions", says=r"gradient|detach|graph")
def duration_loss(log_durations, durations, mask):
    return F.mse_loss(log_durations.detach()[mask], durations[mask].to(log_durations).log())


@wrong("15.3", "always float32", says=r"dtype|float64|double|float32|precision|float16|half")
def duration_loss(log_durations, durations, mask):
    return F.mse_loss(log_durations[mask].float(), durations[mask].float().log())


@wrong("15.3", "a decimal logarithm", says=r"log10|decimal|natural|base|ln")
def duration_loss(log_durations, durations, mask):
    return F.mse_loss(log_durations[mask], durations[mask].to(log_durations).log10())


@wrong("15.3", "returns after the first word", says=r"first|return|loop|every|all words|each|together")
def duration_loss(log_durations, durations, mask):
    for predicted, real, m in zip(log_durations, durations, mask):
        return F.mse_loss(predicted[m], real[m].to(predicted).log())


@wrong("15.3", "NaN replaced by 0 in the value, not in the gradient", says=r"nan|gradient|\binf|finite")
def duration_loss(log_durations, durations, mask):
    error = (log_durations - durations.to(log_durations).log()).square() * mask
    return error.nan_to_num(0.0).sum() / mask.sum()


@wrong("15.3", "one loss for each letter", says=r"mean|shape|scalar|axes|\(\)|one number")
def duration_loss(log_durations, durations, mask):
    return (log_durations[mask] - durations[mask].to(log_durations).log()).square()


@wrong("15.3", "writes into the predictions", says=r"in place|in-place|leaf|chang|gradient|input")
def duration_loss(log_durations, durations, mask):
    log_durations[~mask] = 0
    target = durations.masked_fill(~mask, 1).to(log_durations).log()
    return (log_durations - target).square().sum() / mask.sum()


# 15.4


@right("15.4", "pseudo-inverse of the transposed filters")
def spectrum_from_mels(mel_powers: Tensor, filters: Tensor) -> Tensor:
    return (torch.linalg.pinv(filters.T) @ mel_powers).clamp(min=0)


@right("15.4", "transposed pseudo-inverse")
def spectrum_from_mels(mel_powers, filters):
    return F.relu(torch.pinverse(filters).T @ mel_powers)


@right("15.4", "least squares, the driver of smallest norm")
def spectrum_from_mels(mel_powers, filters):
    solution = torch.linalg.lstsq(filters.T, mel_powers, driver="gelsd").solution
    return torch.maximum(solution, torch.zeros_like(solution))


@right("15.4", "singular values by hand")
def spectrum_from_mels(mel_powers, filters):
    U, S, V = torch.linalg.svd(filters.T, full_matrices=False)
    keep = S > S.max() * max(filters.shape) * torch.finfo(S.dtype).eps
    inverse = torch.where(keep, 1 / S, torch.zeros_like(S))
    powers = V.mT @ (inverse[:, None] * (U.mT @ mel_powers))
    return torch.where(powers > 0, powers, 0)


@right("15.4", "numpy, frame by frame")
def spectrum_from_mels(mel_powers, filters):
    W = filters.numpy().T
    frames = [np.linalg.lstsq(W, frame, rcond=None)[0] for frame in mel_powers.numpy().T]
    return torch.from_numpy(np.stack(frames, axis=1).clip(min=0))


@wrong("15.4", "filters times bands", says=r"inverse|pinv|filters @|spread|transpos")
def spectrum_from_mels(mel_powers, filters):
    return filters @ mel_powers


@wrong("15.4", "negative powers are kept", says=r"negativ|clamp|below 0|zero")
def spectrum_from_mels(mel_powers, filters):
    return torch.linalg.pinv(filters.T) @ mel_powers


@wrong("15.4", "absolute values instead of 0", says=r"negativ|absolute|abs|set to 0|zero|sign")
def spectrum_from_mels(mel_powers, filters):
    return (torch.linalg.pinv(filters.T) @ mel_powers).abs()


@wrong("15.4", "filters not transposed", says=r"transpos|axes|axis|shape|mat1")
def spectrum_from_mels(mel_powers, filters):
    return (torch.linalg.pinv(filters) @ mel_powers).clamp(min=0)


@wrong("15.4", "bands of bands: the transposed filters themselves", says=r"inverse|transpos|axes|axis|shape|mat1|pinv")
def spectrum_from_mels(mel_powers, filters):
    return (filters.T @ mel_powers).clamp(min=0)


@wrong("15.4", "weighted mean of the bands", says=r"inverse|pinv|mean|average|divid|least|fit")
def spectrum_from_mels(mel_powers, filters):
    return filters @ mel_powers / filters.sum(dim=1, keepdim=True).clamp(min=1e-8)


@wrong("15.4", "filters divided by their sums, no inverse", says=r"inverse|pinv|divid|sum|least|fit")
def spectrum_from_mels(mel_powers, filters):
    return (filters / filters.sum(dim=0).clamp(min=1e-8)) @ mel_powers


@wrong(
    "15.4",
    "the best spectrum without negative powers, by updates",
    says=r"smallest norm|update|first step|least squares",
)
def spectrum_from_mels(mel_powers, filters):
    powers = (torch.linalg.pinv(filters.T) @ mel_powers).clamp(min=1e-8)
    for _ in range(50):
        powers = powers * (filters @ mel_powers) / (filters @ (filters.T @ powers)).clamp(min=1e-12)
    return powers


@wrong("15.4", "at least 0.01: silence is not silent", says=r"silen|floor|clamp|minimum")
def spectrum_from_mels(mel_powers, filters):
    return (torch.linalg.pinv(filters.T) @ mel_powers).clamp(min=1e-2)


@wrong("15.4", "always float32", says=r"dtype|float64|double|float32|precision")
def spectrum_from_mels(mel_powers, filters):
    return (torch.linalg.pinv(filters.T.float()) @ mel_powers.float()).clamp(min=0)


@wrong(
    "15.4",
    "negative weights of the inverse are cut off first",
    says=r"order|before|after|negativ|inverse|product|clamp",
)
def spectrum_from_mels(mel_powers, filters):
    return torch.linalg.pinv(filters.T).clamp(min=0) @ mel_powers


@wrong("15.4", "bands are cut off, the result is not", says=r"negativ|clamp|below 0|result")
def spectrum_from_mels(mel_powers, filters):
    return torch.linalg.pinv(filters.T) @ mel_powers.clamp(min=0)


@wrong(
    "15.4", "divided by the loudest value: NaN for silence, another scale", says=r"nan|silen|scale|loud|max|divid|norm"
)
def spectrum_from_mels(mel_powers, filters):
    powers = (torch.linalg.pinv(filters.T) @ mel_powers).clamp(min=0)
    return powers / powers.max()


@wrong("15.4", "magnitudes: the square root", says=r"root|sqrt|magnitude|power")
def spectrum_from_mels(mel_powers, filters):
    return (torch.linalg.pinv(filters.T) @ mel_powers).clamp(min=0).sqrt()


@wrong("15.4", "ridge regression: it does not fit best", says=r"fit|least squares|ridge|regular|best|eye|pinv|inverse")
def spectrum_from_mels(mel_powers, filters):
    M = filters.shape[1]
    gram = filters.T @ filters + torch.eye(M, dtype=filters.dtype)
    return (filters @ torch.linalg.solve(gram, mel_powers)).clamp(min=0)


@wrong(
    "15.4",
    "a basic solution: one frequency for each band, not the smallest norm",
    says=r"smallest norm|norm|shortest|pinv",
)
def spectrum_from_mels(mel_powers, filters):
    M = filters.shape[1]
    order = torch.linalg.lu(filters)[0].argmax(dim=0)[:M]
    result = torch.zeros(len(filters), mel_powers.shape[1], dtype=mel_powers.dtype)
    result[order] = torch.linalg.lstsq(filters[order].T, mel_powers, driver="gelsd").solution
    return result.clamp(min=0)


@wrong("15.4", "the smallest value is subtracted", says=r"negativ|shift|subtract|set to 0|zero|clamp")
def spectrum_from_mels(mel_powers, filters):
    powers = torch.linalg.pinv(filters.T) @ mel_powers
    return powers - powers.min().clamp(max=0)


@wrong("15.4", "time before frequency", says=r"transpos|shape|axes|axis|\(F, T\)")
def spectrum_from_mels(mel_powers, filters):
    return (torch.linalg.pinv(filters.T) @ mel_powers).clamp(min=0).T


@wrong("15.4", "the first frame for all", says=r"each frame|every frame|first frame|all frames|own")
def spectrum_from_mels(mel_powers, filters):
    inverse = torch.linalg.pinv(filters.T)
    for frame in mel_powers.T:
        return (inverse @ frame).clamp(min=0)[:, None].expand(-1, mel_powers.shape[1])


@wrong("15.4", "logarithms of the bands", says=r"\blog")
def spectrum_from_mels(mel_powers, filters):
    return (torch.linalg.pinv(filters.T) @ (mel_powers + 1e-5).log()).clamp(min=0)


@wrong("15.4", "inverse of the bands' products", says=r"pinv|dependent|inverse")
def spectrum_from_mels(mel_powers, filters):
    return (filters @ torch.linalg.inv(filters.T @ filters) @ mel_powers).clamp(min=0)


@right("15.4", "numpy's pseudo-inverse")
def spectrum_from_mels(mel_powers, filters):
    powers = np.linalg.pinv(filters.numpy().T) @ mel_powers.numpy()
    return torch.from_numpy(np.maximum(powers, 0))


# 15.debug


@right("15.debug", "log_mel both ways")
def resynthesise(sound: Tensor, autoencoder: nn.Module, log_mel: nn.Module) -> Tensor:
    with torch.no_grad():
        mels = log_mel(sound[None])
        return griffin_lim.to_sound(autoencoder(mels), log_mel)[0]


@right("15.debug", "raw values, statistics by hand")
def resynthesise(sound, autoencoder, log_mel):
    with torch.inference_mode():
        raw = log_mel.raw(sound.unsqueeze(0))
        return griffin_lim.to_sound(autoencoder((raw - log_mel.mean) / log_mel.std), log_mel).squeeze(0)


@right("15.debug", "the log-mel's own inverse")
def resynthesise(sound, autoencoder, log_mel):
    with torch.no_grad():
        return log_mel.inverse(autoencoder(log_mel(sound[None])))[0]


@right("15.debug", "step by step to powers, magnitudes and phases, padded to whole hops")
def resynthesise(sound, autoencoder, log_mel, rounds=32):
    n = len(log_mel.window)
    with torch.no_grad():
        mels = autoencoder(log_mel(sound[None]))[0]
        powers = ((mels * log_mel.std + log_mel.mean).exp() - audio.FLOOR).clamp(min=0)
        edge = n // log_mel.hop + 1
        magnitude = griffin_lim.spectrum_from_mels(F.pad(powers, (edge, edge)), log_mel.filters).sqrt()
        found = griffin_lim.griffin_lim(magnitude, n, log_mel.hop, log_mel.window, rounds)
    return found[edge * log_mel.hop : edge * log_mel.hop + len(sound)]


@right("15.debug", "a copy of the settings and the statistics")
def resynthesise(sound, autoencoder, log_mel):
    analysis = audio.LogMel(
        log_mel.rate, log_mel.n_mels, window=len(log_mel.window) / log_mel.rate, hop=log_mel.hop / log_mel.rate
    )
    analysis.load_state_dict(log_mel.state_dict())
    analysis.filters.copy_(log_mel.filters)
    with torch.no_grad():
        return griffin_lim.to_sound(autoencoder(analysis(sound[None])), analysis, rounds=64)[0]


@wrong("15.debug", "nothing changed", says=r"window|hop|setting|statistic|mean|analysis|long|length|log_mel")
def resynthesise(sound, autoencoder, log_mel):
    analysis = audio.LogMel(16_000, n_mels=80)
    with torch.no_grad():
        return griffin_lim.to_sound(autoencoder(analysis(sound[None])), log_mel)[0]


@wrong(
    "15.debug",
    "window and hop of the lesson, no statistics",
    says=r"statistic|mean|std|standard|scal|hop|window|any log_mel|setting",
)
def resynthesise(sound, autoencoder, log_mel):
    analysis = audio.LogMel(16_000, n_mels=80, window=0.064, hop=0.016)
    with torch.no_grad():
        return griffin_lim.to_sound(autoencoder(analysis(sound[None])), log_mel)[0]


@wrong("15.debug", "settings of log_mel, no statistics", says=r"statistic|mean|std|standard|scal")
def resynthesise(sound, autoencoder, log_mel):
    with torch.no_grad():
        return griffin_lim.to_sound(autoencoder(log_mel.raw(sound[None])), log_mel)[0]


@wrong(
    "15.debug",
    "statistics of this sound, learned with the lesson's settings",
    says=r"statistic|mean|std|setting|hop|window|fit|any log_mel",
)
def resynthesise(sound, autoencoder, log_mel):
    analysis = audio.LogMel(16_000, n_mels=80, window=0.064, hop=0.016).fit([sound])
    with torch.no_grad():
        return griffin_lim.to_sound(autoencoder(analysis(sound[None])), analysis)[0]


@wrong("15.debug", "log_mel is fitted anew to this sound", says=r"statistic|fit|chang|mean|std|unchanged")
def resynthesise(sound, autoencoder, log_mel):
    log_mel.fit([sound])
    with torch.no_grad():
        return griffin_lim.to_sound(autoencoder(log_mel(sound[None])), log_mel)[0]


@wrong("15.debug", "the mels are normalised by themselves", says=r"statistic|mean|std|standard|scal|norm")
def resynthesise(sound, autoencoder, log_mel):
    with torch.no_grad():
        mels = log_mel.raw(sound[None])
        mels = (mels - mels.mean()) / mels.std()
        return griffin_lim.to_sound(autoencoder(mels), log_mel)[0]


@wrong("15.debug", "only the statistics are taken over", says=r"window|hop|setting|long|length|band")
def resynthesise(sound, autoencoder, log_mel):
    analysis = audio.LogMel(log_mel.rate, n_mels=log_mel.n_mels)
    analysis.load_state_dict(log_mel.state_dict())
    with torch.no_grad():
        return griffin_lim.to_sound(autoencoder(analysis(sound[None])), log_mel)[0]


@wrong(
    "15.debug",
    "another log-mel on the way back",
    says=r"back|to_sound|setting|hop|window|statistic|length|short|long|log_mel",
)
def resynthesise(sound, autoencoder, log_mel):
    with torch.no_grad():
        return griffin_lim.to_sound(autoencoder(log_mel(sound[None])), audio.LogMel(16_000, n_mels=log_mel.n_mels))[0]


@wrong("15.debug", "the autoencoder is left out", says=r"autoencoder")
def resynthesise(sound, autoencoder, log_mel):
    with torch.no_grad():
        return griffin_lim.to_sound(log_mel(sound[None]), log_mel)[0]


@wrong("15.debug", "the autoencoder twice", says=r"autoencoder|twice|once")
def resynthesise(sound, autoencoder, log_mel):
    with torch.no_grad():
        return griffin_lim.to_sound(autoencoder(autoencoder(log_mel(sound[None]))), log_mel)[0]


@wrong("15.debug", "the recording itself", says=r"autoencoder|same|recording|input|unchanged")
def resynthesise(sound, autoencoder, log_mel):
    return sound


@wrong("15.debug", "a batch of one comes back", says=r"shape|batch|axis|axes|\(1,|\[0\]")
def resynthesise(sound, autoencoder, log_mel):
    with torch.no_grad():
        return griffin_lim.to_sound(autoencoder(log_mel(sound[None])), log_mel)


@wrong("15.debug", "the autoencoder gets no batch", says=r"shape|batch|axis|axes|\(1,|None|3")
def resynthesise(sound, autoencoder, log_mel):
    with torch.no_grad():
        return griffin_lim.to_sound(autoencoder(log_mel(sound[None])[0])[None], log_mel)[0]


@wrong("15.debug", "the statistics are undone twice", says=r"statistic|mean|std|twice|scal|loud|undo")
def resynthesise(sound, autoencoder, log_mel):
    with torch.no_grad():
        mels = autoencoder(log_mel(sound[None])) * log_mel.std + log_mel.mean
        return griffin_lim.to_sound(mels, log_mel)[0]


@wrong("15.debug", "80 bands, whatever log_mel has", says=r"band|n_mels|80|shape|any")
def resynthesise(sound, autoencoder, log_mel):
    with torch.no_grad():
        mels = log_mel(sound[None])
        mels = F.pad(mels, (0, 0, 0, max(0, 80 - mels.shape[1])))[:, :80]
        return griffin_lim.to_sound(autoencoder(mels), log_mel)[0]


@wrong("15.debug", "mels instead of a sound", says=r"sound|shape|samples|mel|waveform|axis|axes")
def resynthesise(sound, autoencoder, log_mel):
    with torch.no_grad():
        return autoencoder(log_mel(sound[None]))[0]


@wrong("15.debug", "only the first half second", says=r"whole|cut|half|truncat|\bshort")
def resynthesise(sound, autoencoder, log_mel):
    with torch.no_grad():
        return griffin_lim.to_sound(autoencoder(log_mel(sound[None])), log_mel)[0][:8_000]


@wrong(
    "15.debug",
    "window and hop from log_mel, the rate is 16,000",
    says=r"rate|filter|16|setting|frequenc|statistic|mean",
)
def resynthesise(sound, autoencoder, log_mel):
    analysis = audio.LogMel(16_000, log_mel.n_mels, len(log_mel.window) / 16_000, log_mel.hop / 16_000)
    with torch.no_grad():
        return griffin_lim.to_sound(autoencoder(analysis(sound[None])), log_mel)[0]


# Answers whose message once blamed something else, or showed an example alone


@wrong("15.1", "empty result without D", says=r"states\[:0\]")
def expand(states, durations):
    rows = [state for state, n in zip(states, durations.tolist()) for _ in range(n)]
    return torch.stack(rows) if rows else torch.tensor([])


@wrong("15.1", "stops at duration 0", says=r"first duration of 0")
def expand(states, durations):
    pieces = [states[:0]]
    for state, n in zip(states, durations.tolist()):
        if n == 0:
            break
        pieces.append(state.expand(n, -1))
    return torch.cat(pieces)


@wrong("15.1", "multiplied", says=r"multiplied by their durations")
def expand(states, durations):
    return states * durations[:, None].to(states.dtype)


@wrong("15.1", "position not increased", says=r"\+=")
def expand(states, durations):
    result = states.new_zeros(int(durations.sum()), states.shape[1])
    position = 0
    for state, n in zip(states, durations.tolist()):
        result[position : position + n] = state
        position = n
    return result


@wrong("15.1", "search on the wrong side", says=r"right=True")
def expand(states, durations):
    ends = torch.cumsum(durations, dim=0)
    return states[torch.searchsorted(ends, torch.arange(int(ends[-1])))]


@wrong("15.2", "momentum", says=r"momentum")
def griffin_lim_step(magnitude, phase, n_fft, hop, window):
    x = torch.istft(magnitude * phase, n_fft, hop, window=window)
    X = torch.stft(x, n_fft, hop, window=window, return_complex=True)
    X = X + 0.99 * (X - magnitude * phase)
    return torch.polar(torch.ones_like(X.real), X.angle())


@wrong("15.3", "logarithm of the prediction as well", says=r"logarithm of the prediction")
def duration_loss(log_durations, durations, mask):
    return F.mse_loss(log_durations[mask].abs().clamp(min=1e-6).log(), durations[mask].to(log_durations.dtype).log())


@wrong("15.3", "mask inverted", says=r"wrong way round")
def duration_loss(log_durations, durations, mask):
    chosen = ~mask
    return (
        (log_durations - durations.clamp(min=1).to(log_durations.dtype).log()) ** 2 * chosen
    ).sum() / chosen.sum().clamp(min=1)


@wrong("15.4", "small singular values dropped", says=r"singular values")
def spectrum_from_mels(mel_powers, filters):
    return (torch.linalg.pinv(filters.T, rtol=0.5) @ mel_powers).clamp(min=0)


@wrong("15.debug", "scaling undone twice", says=r"undone twice")
def resynthesise(sound, autoencoder, log_mel):
    with torch.no_grad():
        mels = autoencoder(log_mel(sound[None])) * log_mel.std + log_mel.mean
        return griffin_lim.to_sound(mels, log_mel)[0]
