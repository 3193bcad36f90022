import torch
from torchaudio.transforms import GriffinLim

from mmcourse.data.audio import FLOOR, LogMel


def answer(sound, autoencoder, log_mel):
    with torch.no_grad():
        return log_mel.inverse(autoencoder(log_mel(sound[None])))[0]


def by_hand(sound, autoencoder, log_mel):
    mels = (log_mel.raw(sound.unsqueeze(0)) - log_mel.mean) / log_mel.std
    mels = autoencoder(mels)
    powers = ((mels * log_mel.std + log_mel.mean).exp() - FLOOR).clamp(min=0)
    spectrum = (torch.linalg.pinv(log_mel.filters.T) @ powers).clamp(min=0)
    length = len(log_mel.window)
    return GriffinLim(length, 32, hop_length=log_mel.hop, power=2)(spectrum).squeeze(0)


def few_rounds(sound, autoencoder, log_mel):
    return log_mel.inverse(autoencoder.eval()(log_mel(sound[None])), rounds=16).detach().flatten()


def analysed(transform):
    """The mels by another transform."""

    def changed(sound, autoencoder, log_mel):
        return log_mel.inverse(autoencoder(transform(sound, log_mel)))[0]

    return changed


def like(log_mel, rate=None, **settings):
    rate = rate or log_mel.rate
    options = {"window": len(log_mel.window) / log_mel.rate, "hop": log_mel.hop / log_mel.rate} | settings
    return LogMel(rate, log_mel.n_mels, **options)


def own_statistics(sound, log_mel):
    raw = log_mel.raw(sound[None])
    return (raw - raw.mean(2, keepdim=True)) / raw.std(2, keepdim=True)


def skipped(sound, autoencoder, log_mel):
    mels = log_mel(sound[None])
    autoencoder(mels)
    return log_mel.inverse(mels)[0]


def other_way_back(sound, autoencoder, log_mel):
    return like(log_mel).inverse(autoencoder(log_mel(sound[None])))[0]


def other_hop_back(sound, autoencoder, log_mel):
    back = like(log_mel, hop=0.4 * len(log_mel.window) / log_mel.rate)
    back.mean, back.std = log_mel.mean, log_mel.std
    return back.inverse(autoencoder(log_mel(sound[None])))[0]


def unscaled(sound, autoencoder, log_mel):
    mels = autoencoder(log_mel(sound[None])) * log_mel.std + log_mel.mean
    return log_mel.inverse(mels)[0]


def fitted(sound, autoencoder, log_mel):
    log_mel.fit([sound])
    return answer(sound, autoencoder, log_mel)


def test_resynthesis(judged):
    judged(
        "15.debug",
        {"inverse": answer, "by hand": by_hand, "few rounds": few_rounds},
        {
            "buggy": (analysed(lambda s, m: LogMel(16_000, n_mels=80)(s[None])), None),
            "bands": (analysed(lambda s, m: LogMel(16_000, n_mels=12)(s[None])), "another number of bands"),
            "other hop": (analysed(lambda s, m: like(m, hop=0.7 * m.hop / m.rate)(s[None])), "Is it another hop"),
            "other window": (analysed(lambda s, m: like(m, window=0.9 * len(m.window) / m.rate)(s[None])), None),
            "unfitted": (analysed(lambda s, m: like(m)(s[None])), "the statistics of the training are missing"),
            "fitted to the sound": (analysed(lambda s, m: like(m).fit([s])(s[None])), None),
            "own": (analysed(own_statistics), "normalised by the sound's own mean"),
            "mean only": (analysed(lambda s, m: m.raw(s[None]) - m.mean), "only the training's mean is subtracted"),
            "twice": (analysed(lambda s, m: (m(s[None]) - m.mean) / m.std), "they are normalised twice"),
            "powers": (analysed(lambda s, m: m.raw(s[None]).exp()), "those are powers without the logarithm"),
            "no batch": (analysed(lambda s, m: m(s[None])[0]), "with `sound[None]` the log-mel gives one"),
            "skipped": (skipped, "the sound is that of the mels before the autoencoder"),
            "never": (lambda s, a, m: m.inverse(m(s[None]))[0], "the autoencoder is never called"),
            "back": (other_way_back, "on the way back the statistics of `log_mel` are missing"),
            "unscaled": (unscaled, None),
            "hop back": (other_hop_back, "another hop on the way back gives another length"),
            "fitted": (fitted, "`log_mel` was fitted anew"),
            "batch kept": (lambda s, a, m: m.inverse(a(m(s[None]))), "take the one sound out of its batch"),
            "mels": (lambda s, a, m: a(m(s[None])), "it returned mels; a sound is asked for"),
            "silent": (lambda s, a, m: 0 * answer(s, a, m), "but the sound is silent"),
        },
        draws=1,
    )
