"""Segments of speech and their vectors, computed without words or labels."""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

SHORTEST = 0.08  # seconds between two estimated boundaries, at least
FRAMES = 4  # read from each part of a segment, at equal distances
EDGE = 0.03  # seconds before the first and after the last boundary that contain no word


def relative_cepstra(mel: Tensor, coefficients: int = 13, floor: float = 0.01) -> Tensor:
    """Mel-frequency cepstral coefficients, independent of the level.   (n_mels, T) log-mel -> (coefficients, T)

    Each power is divided by the recording's mean power, and `floor` is added, so that faint noise has little influence.
    The discrete cosine transform (Davis and Mermelstein 1980) then keeps the coarse shape of each spectrum: the first
    coefficients hold little of the pitch.
    """
    from torchaudio.functional import create_dct

    power = mel.exp()
    return create_dct(coefficients, len(mel), "ortho").T @ (power / power.mean() + floor).log()


def segment_vectors(frames: Tensor, times: Tensor, hop: float = 0.01, parts: int = 8) -> Tensor:
    """The mean of `parts` equal parts of each segment, and 4 times the logarithm of its duration in seconds.

    frames (D, T), e.g. relative cepstra; times (S, 2), first and last second of each segment -> (S, D * parts + 1). The
    factor gives durations about as much variance as a cepstral coefficient has.
    """
    check_times(times)
    start, duration = times[:, :1], times[:, 1:] - times[:, :1]  # (S, 1)
    within = (torch.arange(FRAMES * parts) + 0.5) / (FRAMES * parts)
    positions = ((start + within * duration) / hop).long().clamp(max=frames.shape[1] - 1)  # (S, FRAMES * parts)
    means = frames[:, positions].unflatten(2, (parts, FRAMES)).mean(dim=3)  # (D, S, parts)
    return torch.cat([means.transpose(0, 1).flatten(1), 4 * duration.log()], dim=1)


def centred_by_voice(vectors: Sequence[Tensor], voices: Sequence[str]) -> list[Tensor]:
    """The vectors of each recording minus their mean over all recordings of the same voice.   N of (S_i, D) -> the same

    It needs to know which recordings share a voice, not which voice or which words.
    """
    if len(vectors) != len(voices):
        raise ValueError(f"{len(vectors)} recordings and {len(voices)} voices; expected the same number of each")
    means = {
        voice: torch.cat([v for v, by in zip(vectors, voices, strict=True) if by == voice]).mean(dim=0)
        for voice in set(voices)
    }
    return [v - means[voice] for v, voice in zip(vectors, voices, strict=True)]


class SegmentClusters:
    """Segments as one-hot vectors of their k-means cluster, after PCA; fitted without labels.

    `fit` takes the vectors of all recordings, N of (S_i, D); calling it gives N of (S_i, clusters).
    """

    def __init__(self, clusters: int = 128, components: int = 40, seed: int = 0):
        self.clusters, self.components, self.seed = clusters, components, seed

    def fit(self, vectors: Sequence[Tensor]) -> "SegmentClusters":
        from sklearn.cluster import KMeans
        from sklearn.decomposition import PCA

        rows = torch.cat(list(vectors)).numpy()
        if len(rows) < self.clusters:
            raise ValueError(f"{len(rows)} segments for {self.clusters} clusters; expected as many at least")
        self.pca = PCA(min(self.components, rows.shape[1]), random_state=self.seed).fit(rows)
        self.kmeans = KMeans(self.clusters, n_init=2, random_state=self.seed).fit(self.pca.transform(rows))
        return self

    def __call__(self, vectors: Sequence[Tensor]) -> list[Tensor]:
        labels = [torch.from_numpy(self.kmeans.predict(self.pca.transform(v.numpy()))).long() for v in vectors]
        return [F.one_hot(row, self.clusters).float() for row in labels]


def check_times(times: Tensor) -> None:
    """ValueError unless times are (S, 2), one segment or more, each with its start before its end."""
    if times.dim() != 2 or times.shape[1] != 2 or len(times) == 0:
        raise ValueError(f"times have shape {tuple(times.shape)}; expected (S, 2): start and end of each segment")
    if (times[:, 0] < 0).any() or (times[:, 0] >= times[:, 1]).any():
        raise ValueError("times hold a segment that starts below 0 or ends before its start; expected seconds")


def loudness(mel: Tensor, width: int = 5) -> Tensor:
    """Mean log power of a frame's bands, as a moving average over `width` frames.   (n_mels, T) -> (T,)"""
    return F.avg_pool1d(mel.mean(dim=0)[None, None], width, stride=1, padding=width // 2, count_include_pad=False)[0, 0]


def estimated_times(mel: Tensor, prominence: float, hop: float = 0.01) -> Tensor:
    """Segments between the valleys of the loudness, (S, 2) in seconds.   (n_mels, T) log-mel, not normalised

    A valley counts when the loudness rises by `prominence` or more on both sides before a deeper valley (scipy's
    find_peaks). `fitted_prominence` chooses the threshold.
    """
    from scipy.signal import find_peaks

    curve = loudness(mel).numpy()
    valleys, _ = find_peaks(-curve, prominence=prominence, distance=round(SHORTEST / hop))
    edge = round(EDGE / hop)
    inner = valleys[(valleys > 2 * edge) & (valleys < len(curve) - 2 * edge)]
    bounds = hop * torch.from_numpy(np.concatenate([[edge], inner, [len(curve) - 1 - edge]])).float()
    return torch.stack([bounds[:-1], bounds[1:]], dim=1)


def fitted_prominence(mels: Sequence[Tensor], words_per_sentence: float, hop: float = 0.01) -> float:
    """The threshold with which these recordings have as many segments on average as a text has words in a sentence.

    The text may be another one, so no recording needs a transcript. Found by bisection.
    """
    low, high = 0.0, 10.0
    for _ in range(12):
        middle = (low + high) / 2
        mean = sum(len(estimated_times(mel, middle, hop)) for mel in mels) / len(mels)
        low, high = (middle, high) if mean > words_per_sentence else (low, middle)
    return (low + high) / 2
