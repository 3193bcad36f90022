"""Exercises 08.1, 08.2 and 08.4 on right answers and on the wrong ones that people give."""

import math

import torch
import torch.nn.functional as F

from mmcourse.exercises.checks import judge
from mmcourse.models.fusion import LateFusion, WeightedSum


def by_the_package(image, text, alpha):
    fusion = WeightedSum(
        {"image": image.shape[1], "text": image.shape[1]}, image.shape[1], {"image": alpha, "text": 1 - alpha}, False
    )
    return fusion({"image": image, "text": text})


def in_place(image, text, alpha):
    image *= alpha
    image += (1 - alpha) * text
    return image


def filled(image, text, alpha):
    mixed = torch.empty_like(image)
    for i in range(len(image)):
        mixed[i] = alpha * image[i]
        mixed[i] += (1 - alpha) * text[i]
    return mixed


def test_weighted_sum(judged):
    judged(
        "08.1",
        {
            "formula": lambda x, y, a: a * x + (1 - a) * y,
            "lerp": lambda x, y, a: torch.lerp(y, x, a),
            "towards": lambda x, y, a: y + a * (x - y),
            "package": by_the_package,
            "stacked": lambda x, y, a: torch.einsum("mbd,m->bd", torch.stack([x, y]), torch.tensor([a, 1 - a])),
        },
        {
            "exchanged": (
                lambda x, y, a: a * y + (1 - a) * x,
                "alpha` is the image's weight; here it weights the text",
            ),
            "sum": (lambda x, y, a: x + y, "`alpha` is not used"),
            "mean": (lambda x, y, a: (x + y) / 2, "whatever `alpha` is"),
            "text whole": (lambda x, y, a: a * x + y, "the text is unweighted: its weight is 1 - alpha"),
            "image whole": (lambda x, y, a: x + (1 - a) * y, "its weight is alpha"),
            "alpha for text": (lambda x, y, a: x + a * y, "the image is unweighted, and `alpha` weights the text"),
            "alpha for both": (lambda x, y, a: a * x + a * y, "alpha` weights both: the text's weight is 1 - alpha"),
            "bracket": (lambda x, y, a: a * x + 1 - a * y, "parentheses are missing"),
            "added": (lambda x, y, a: a * x + (1 - a) + y, "1 - alpha is added"),
            "difference": (lambda x, y, a: a * x - (1 - a) * y, None),
            "image alone": (lambda x, y, a: a * x, "the text is left out"),
            "text alone": (lambda x, y, a: (1 - a) * y, "the image is left out"),
            "product": (lambda x, y, a: (a * x) * ((1 - a) * y), "that is a product"),
            "halved": (lambda x, y, a: (a * x + (1 - a) * y) / 2, "the sum is halved"),
            "switch": (lambda x, y, a: x if a > 0.5 else y, "only one of the two is used; F is a mixture of both"),
            "concatenated": (lambda x, y, a: torch.cat([a * x, (1 - a) * y], 1), "that is a concatenation of both"),
            "below each other": (lambda x, y, a: torch.cat([a * x, (1 - a) * y]), "F is a sum, entry by entry"),
            "summed": (lambda x, y, a: (a * x + (1 - a) * y).sum(1), "a sum over the features"),
            "summed over the batch": (lambda x, y, a: (a * x + (1 - a) * y).sum(0), "a sum over the batch"),
            "dot product": (lambda x, y, a: (a * x) @ ((1 - a) * y).T, "`@` is a matrix product"),
            "all": (lambda x, y, a: (a * x + (1 - a) * y).sum(), "a single number: F keeps batch"),
            "list": (lambda x, y, a: (a * x + (1 - a) * y).tolist(), "makes one of a list"),
            "in place": (in_place, "`image` was changed in place"),
            "normalised": (lambda x, y, a: F.normalize(a * x + (1 - a) * y), None),
            "sign": (lambda x, y, a: a * x + (a - 1) * y, "not alpha - 1"),
            "one plus": (lambda x, y, a: a * x + (1 + a) * y, "weight is 1 + alpha"),
            "powers": (lambda x, y, a: x**a * y ** (1 - a), "the weights are used as exponents, and such a power of"),
            "powers added": (lambda x, y, a: x**a + y ** (1 - a), None),
            "roots": (lambda x, y, a: a * x.sqrt() + (1 - a) * y, "is there a division by zero, a root"),
            "detached": (lambda x, y, a: (a * x + (1 - a) * y).detach(), "reaches `x` and `y`, so"),
            "one detached": (lambda x, y, a: a * x + (1 - a) * y.detach(), "reaches `y`, so"),
            "without gradients": (torch.no_grad()(lambda x, y, a: a * x + (1 - a) * y), None),
            "anew": (lambda x, y, a: a * x + (1 - a) * torch.tensor(y.tolist()), None),
            "by numpy": (lambda x, y, a: torch.from_numpy(a * x.numpy() + (1 - a) * y.numpy()), "through numpy"),
            "softmax": (lambda x, y, a: (a * x + (1 - a) * y).softmax(1), None),
        },
        draws=3,
    )


def gate(
    squash=torch.sigmoid,
    scores=lambda x, y, W, b: torch.cat([x, y], 1) @ W.T + b,
    mix=lambda z, x, y: z * x + (1 - z) * y,
):
    return lambda x, y, W, b: mix(squash(scores(x, y, W, b)), x, y)


def test_gate(judged):
    judged(
        "08.2",
        {
            "formula": gate(),
            "linear": gate(scores=lambda x, y, W, b: F.linear(torch.hstack([x, y]), W, b)),
            "cut": gate(scores=lambda x, y, W, b: x @ W[:, : x.shape[1]].T + y @ W[:, x.shape[1] :].T + b),
            "lerp": gate(mix=lambda z, x, y: torch.lerp(y, x, z)),
            "by exp": gate(squash=lambda s: 1 / (1 + torch.exp(-s))),
            "softmax of two": gate(squash=lambda s: torch.stack([s, torch.zeros_like(s)]).softmax(0)[0]),
        },
        {
            "no sigmoid": (gate(squash=lambda s: s), "the sigmoid is missing"),
            "tanh": (gate(squash=torch.tanh), "z comes from a tanh"),
            "relu": (gate(squash=torch.relu), "z comes from a ReLU"),
            "softmax": (gate(squash=lambda s: s.softmax(1)), "the softmax makes the weights of an example's features"),
            "softmax over the batch": (gate(squash=lambda s: s.softmax(0)), "the softmax runs over the batch"),
            "switch": (
                gate(squash=lambda s: (s.sigmoid() > 0.5).float()),
                "z is rounded to 0 or 1, and has no gradient then",
            ),
            "text first": (
                gate(scores=lambda x, y, W, b: torch.cat([y, x], 1) @ W.T + b),
                "the text comes first in the concatenation; the weights",
            ),
            "text's share": (
                gate(mix=lambda z, x, y: (1 - z) * x + z * y),
                "z is the weight of the image; here it multiplies the",
            ),
            "z for both": (
                gate(mix=lambda z, x, y: z * (x + y)),
                "both are multiplied by z; the text's weight is 1 - z",
            ),
            "text whole": (gate(mix=lambda z, x, y: z * x + y), "the text is added unweighted; its weight is 1 - z"),
            "image whole": (
                gate(mix=lambda z, x, y: x + (1 - z) * y),
                "the image is added unweighted; its weight is z",
            ),
            "image alone": (gate(mix=lambda z, x, y: z * x), "left out of the sum"),
            "difference": (gate(mix=lambda z, x, y: z * x - (1 - z) * y), "the text is subtracted; F is a sum"),
            "z alone": (gate(mix=lambda z, x, y: z), "z itself is returned; it weights the two features"),
            "no bias": (gate(scores=lambda x, y, W, b: torch.cat([x, y], 1) @ W.T), "the bias `b` is missing"),
            "image decides": (
                gate(scores=lambda x, y, W, b: x @ W[:, : x.shape[1]].T + b),
                "z is computed from the image alone; a gate depends on",
            ),
            "text decides": (
                gate(scores=lambda x, y, W, b: y @ W[:, x.shape[1] :].T + b),
                "z is computed from the text alone; a gate depends on",
            ),
            "not turned": (
                gate(scores=lambda x, y, W, b: torch.cat([x, y], 1) @ W + b),
                "multiply the concatenation of both by `W.T",
            ),
            "one input": (gate(scores=lambda x, y, W, b: x @ W.T + b), None),
            "one share": (
                gate(scores=lambda x, y, W, b: (torch.cat([x, y], 1) @ W.T + b).mean(1, keepdim=True)),
                "one weight for a whole example: each of the D features",
            ),
            "squeezed sum": (
                lambda x, y, W, b: gate()(x, y, W, b).sigmoid(),
                "the sigmoid is applied to F too: it belongs to z alone",
            ),
            "side by side": (
                gate(mix=lambda z, x, y: torch.cat([z * x, (1 - z) * y], 1)),
                "a product with the concatenation has this shape",
            ),
            "with z": (
                lambda x, y, W, b: (gate()(x, y, W, b), torch.sigmoid(b)),
                "several results were returned; only F is expected",
            ),
            "overflow": (gate(squash=lambda s: s.exp() / (1 + s.exp())), "for large features"),
            "summed": (lambda x, y, W, b: gate()(x, y, W, b).sum(1), "one number per example: F keeps all features"),
            "doubled": (lambda x, y, W, b: 2 * gate()(x, y, W, b), None),
            "mean of z": (
                gate(mix=lambda z, x, y: z.mean(1, True) * x + (1 - z.mean(1, True)) * y),
                "the mean of z is one weight for all features of an",
            ),
            "mean of z over the batch": (
                gate(mix=lambda z, x, y: z.mean(0) * x + (1 - z.mean(0)) * y),
                "the mean of z over the batch",
            ),
            "mean of all z": (gate(mix=lambda z, x, y: z.mean() * x + (1 - z.mean()) * y), "the mean of all z"),
            "both exchanged": (
                lambda x, y, W, b: gate()(y, x, W, b),
                "two things are swapped: z is computed from [image;",
            ),
            "one plus": (
                gate(mix=lambda z, x, y: z * x + (1 + z) * y),
                "the text's weight is 1 + z; the two weights sum to 1,",
            ),
            "tanh on the features": (
                gate(mix=lambda z, x, y: z * x.tanh() + (1 - z) * y.tanh()),
                "a tanh is applied to the features first. The paper",
            ),
            "tanh before all": (
                lambda x, y, W, b: gate()(x.tanh(), y.tanh(), W, b),
                "a tanh is applied to the features before z is",
            ),
            "bias taken away": (
                gate(scores=lambda x, y, W, b: torch.cat([x, y], 1) @ W.T - b),
                "the bias is subtracted: the scores are W … + b",
            ),
            "bias outside": (
                lambda x, y, W, b: torch.lerp(y, x, torch.sigmoid(torch.cat([x, y], 1) @ W.T) + b),
                "the bias is added after the sigmoid, so z leaves 0 to",
            ),
            "bias last": (
                lambda x, y, W, b: gate(scores=lambda x, y, W, b: torch.cat([x, y], 1) @ W.T)(x, y, W, b) + b,
                "the bias is added to F; it belongs inside the sigmoid",
            ),
            "detached": (lambda x, y, W, b: gate()(x, y, W, b).detach(), "reaches `x`, `y`, `W` and `b`"),
            "shares detached": (
                lambda image, text, W, b: gate(squash=lambda s: s.sigmoid().detach())(image, text, W, b),
                "reaches `W` and `b`, so",
            ),
        },
        draws=3,
    )


def late(a, b):
    return torch.stack([a.log_softmax(1), b.log_softmax(1)]).logsumexp(0) - math.log(2)


def test_late_fusion(judged):
    judged(
        "08.4",
        {
            "logsumexp": late,
            "logaddexp": lambda a, b: torch.logaddexp(a.log_softmax(-1), b.log_softmax(-1)) - math.log(2),
            "half inside": lambda a, b: torch.logaddexp(a.log_softmax(1) - math.log(2), b.log_softmax(1) - math.log(2)),
            "package": lambda a, b: LateFusion(("image", "sound"))({"image": a, "sound": b}),
            "double": lambda a, b: late(a.double(), b.double()),
            "normalised again": lambda a, b: late(a, b).log_softmax(1),
        },
        {
            "straight": (lambda a, b: ((a.softmax(1) + b.softmax(1)) / 2).log(), "its logarithm is lost"),
            "with a little": (lambda a, b: ((a.softmax(1) + b.softmax(1)) / 2 + 1e-9).log(), None),
            "by exp": (
                lambda a, b: ((a.exp() / a.exp().sum(1, True) + b.exp() / b.exp().sum(1, True)) / 2).log(),
                "exp(400)",
            ),
            "mean of logits": (lambda a, b: (a + b) / 2, "that is the mean of the logits"),
            "sum of logits": (lambda a, b: a + b, "that is the sum of the logits"),
            "softmax last": (lambda a, b: ((a + b) / 2).log_softmax(1), "the logits are averaged"),
            "softmax of the sum": (
                lambda a, b: (a + b).log_softmax(1),
                "the logits are added before the softmax: first the",
            ),
            "mean of logs": (
                lambda a, b: (a.log_softmax(1) + b.log_softmax(1)) / 2,
                "the mean comes before the logarithm",
            ),
            "sum of logs": (lambda a, b: a.log_softmax(1) + b.log_softmax(1), "log-probabilities are added"),
            "probabilities": (lambda a, b: (a.softmax(1) + b.softmax(1)) / 2, "these are the mean probabilities"),
            "not halved": (
                lambda a, b: torch.logaddexp(a.log_softmax(1), b.log_softmax(1)),
                "not their mean: subtract log 2",
            ),
            "sum of probabilities": (
                lambda a, b: a.softmax(1) + b.softmax(1),
                "the sum of the probabilities; the logarithm of their",
            ),
            "raw": (
                lambda a, b: torch.stack([a, b]).logsumexp(0) - math.log(2),
                "logsumexp was applied to the raw logits: a modality",
            ),
            "plus": (
                lambda a, b: torch.stack([a.log_softmax(1), b.log_softmax(1)]).logsumexp(0) + math.log(2),
                "log 2 is added",
            ),
            "halved log": (lambda a, b: (late(a, b) + math.log(2)) / 2, "the logarithm is halved"),
            "over the batch": (
                lambda a, b: ((a.softmax(0) + b.softmax(0)) / 2).log(),
                "the softmax runs over the batch",
            ),
            "maximum": (lambda a, b: torch.maximum(a.log_softmax(1), b.log_softmax(1)), "the larger of the two"),
            "softmax twice": (
                lambda a, b: ((a.softmax(1) + b.softmax(1)) / 2).log_softmax(1),
                "another softmax is applied to the mean of the",
            ),
            "negative": (lambda a, b: -late(a, b), "the sign is reversed: the most likely class has the"),
            "image alone": (lambda a, b: a.log_softmax(1), "the sound is not used"),
            "sound alone": (lambda a, b: b.log_softmax(1), "the image is not used"),
            "base 2": (lambda a, b: late(a, b) / math.log(2), "to base 2"),
            "base 10": (lambda a, b: late(a, b) / math.log(10), "to base 10"),
            "over classes": (
                lambda a, b: torch.stack([a.log_softmax(1), b.log_softmax(1)]).logsumexp(2),
                "it should run over the two modalities",
            ),
            "side by side": (
                lambda a, b: torch.cat([a.log_softmax(1), b.log_softmax(1)], 1),
                "the two are concatenated; average the same class of",
            ),
            "stack alone": (
                lambda a, b: torch.stack([a.log_softmax(1), b.log_softmax(1)]),
                "the two are stacked: sum over that first axis",
            ),
            "class": (lambda a, b: late(a, b).argmax(1), "one number per example: keep all K"),
            "doubled": (lambda a, b: 2 * late(a, b), "the probabilities of an example (exp of a row) sum to"),
            "one sum for both": (
                lambda a, b: torch.logaddexp(a, b).log_softmax(1),
                "both are normalised by one common sum: a modality with",
            ),
            "weighted": (
                lambda a, b: (0.6 * a.softmax(1) + 0.4 * b.softmax(1)).log(),
                "the image's probability has weight 0.60",
            ),
            "weighted too much": (lambda a, b: (0.5 * a.softmax(1) + b.softmax(1)).log(), "and the sound's 1.00"),
            "warmer": (lambda a, b: late(2 * a, 2 * b), None),
            "detached": (lambda a, b: late(a, b).detach(), "reaches `a` and `b`, so"),
        },
        draws=3,
    )


def test_a_row_that_sums_to_one_is_not_told_to():
    for _ in range(5):
        message = judge("08.4", lambda a, b: late(2 * a, 2 * b)).message
        assert "sum to" not in message and "expected" in message
