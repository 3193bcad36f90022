"""Learners' answers to the exercises of lesson 08, fusing features."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence

from mmcourse.data.text import lengths
from mmcourse.models import pooling

from . import right, wrong

# 08.1


@right("08.1", "the formula")
def weighted_sum(image, text, alpha):
    return alpha * image + (1 - alpha) * text


@right("08.1", "torch.lerp from text to image")
def weighted_sum(image, text, alpha):
    return torch.lerp(text, image, alpha)


@right("08.1", "the text moved towards the image")
def weighted_sum(image: Tensor, text: Tensor, alpha: float) -> Tensor:
    difference = image - text
    return text + alpha * difference


@right("08.1", "two loops")
def weighted_sum(image, text, alpha):
    mixed = torch.zeros_like(image)
    for b in range(image.shape[0]):
        for d in range(image.shape[1]):
            mixed[b, d] = alpha * image[b, d] + (1 - alpha) * text[b, d]
    return mixed


@right("08.1", "stacked, with einsum over the modality")
def weighted_sum(image, text, alpha):
    weights = torch.tensor([alpha, 1 - alpha], dtype=image.dtype)
    return torch.einsum("m,mbd->bd", weights, torch.stack([image, text]))


@wrong("08.1", "numpy's average", says=r"gradient")
def weighted_sum(image, text, alpha):
    return torch.from_numpy(alpha * image.detach().numpy() + (1 - alpha) * text.detach().numpy())


@wrong("08.1", "alpha on the text", says=r"swap|exchanged|alpha|image|other way")
def weighted_sum(image, text, alpha):
    return alpha * text + (1 - alpha) * image


@wrong("08.1", "alpha times the sum", says=r"1 - alpha|alpha|text")
def weighted_sum(image, text, alpha):
    return alpha * (image + text)


@wrong("08.1", "the text whole", says=r"1 - alpha|text|whole")
def weighted_sum(image, text, alpha):
    return alpha * image + text


@wrong("08.1", "alpha + 1 for the text", says=r"1 - alpha|text|sign|\+")
def weighted_sum(image, text, alpha):
    return alpha * image + (1 + alpha) * text


@wrong("08.1", "the text subtracted: alpha - 1", says=r"1 - alpha|text|sign|minus|negative|subtract")
def weighted_sum(image, text, alpha):
    return alpha * image + (alpha - 1) * text


@wrong("08.1", "the mean of both, whatever alpha", says=r"alpha|half|0\.5|mean")
def weighted_sum(image, text, alpha):
    return (image + text) / 2


@wrong("08.1", "the example's 0.75 written in", says=r"0\.75|ignor|not used|whatever|constant|fixed|independent of")
def weighted_sum(image, text, alpha):
    return 0.75 * image + 0.25 * text


@wrong("08.1", "concatenated", says=r"shape|concat|cat\b|add|width|sum")
def weighted_sum(image, text, alpha):
    return torch.cat([alpha * image, (1 - alpha) * text], dim=1)


@wrong("08.1", "summed over the features", says=r"shape|sum|feature|\(B, D\)|ax[ei]s")
def weighted_sum(image, text, alpha):
    return (alpha * image + (1 - alpha) * text).sum(dim=1)


@wrong("08.1", "multiplied instead of added", says=r"product|multipl|add|sum|\*")
def weighted_sum(image, text, alpha):
    return alpha * image * (1 - alpha) * text


@wrong("08.1", "features normalised to length 1 first", says=r"normali|\bnorm\b|length|scaled|as they are|unchanged")
def weighted_sum(image, text, alpha):
    image, text = F.normalize(image, dim=1), F.normalize(text, dim=1)
    return alpha * image + (1 - alpha) * text


@wrong("08.1", "alpha passed through a sigmoid", says=r"sigmoid|alpha (itself|as it is|unchanged)|changed")
def weighted_sum(image, text, alpha):
    alpha = 1 / (1 + math.exp(-alpha))
    return alpha * image + (1 - alpha) * text


@wrong(
    "08.1",
    "return inside the loop: the first example",
    says=r"first example|loop|only (the first|one)|first row|one example",
)
def weighted_sum(image, text, alpha):
    for i, t in zip(image, text, strict=True):
        return alpha * i + (1 - alpha) * t


@wrong("08.1", "averaged over the batch", says=r"over the batch|mean over|averag|every example|its own")
def weighted_sum(image, text, alpha):
    return (alpha * image + (1 - alpha) * text).mean(dim=0)


@wrong("08.1", "divided by two at the end", says=r"hal[fv]|factor|twice|too small|/ ?2")
def weighted_sum(image, text, alpha):
    return (alpha * image + (1 - alpha) * text) / 2


@wrong("08.1", "the batch's mean text for every example", says=r"batch|mean|every example|own text|its own")
def weighted_sum(image, text, alpha):
    return alpha * image + (1 - alpha) * text.mean(dim=0)


@wrong("08.1", "squeezed at the end", says=r"squeeze|batch of one|size 1")
def weighted_sum(image, text, alpha):
    return (alpha * image + (1 - alpha) * text).squeeze()


@wrong("08.1", "the text's weight is minus alpha", says=r"1 - alpha")
def weighted_sum(image, text, alpha):
    return alpha * (image - text)


# 08.2


@right("08.2", "the formula")
def gate(image, text, W, b):
    z = torch.sigmoid(torch.cat([image, text], dim=1) @ W.T + b)
    return z * image + (1 - z) * text


@right("08.2", "F.linear and lerp")
def gate(image, text, W, b):
    z = F.linear(torch.cat((image, text), dim=-1), W, b).sigmoid()
    return torch.lerp(text, image, z)


@right("08.2", "the matrix split into its two halves")
def gate(image, text, W, b):
    D = image.shape[1]
    z = torch.sigmoid(image @ W[:, :D].T + text @ W[:, D:].T + b)
    return text + z * (image - text)


@right("08.2", "a loop over the examples")
def gate(image, text, W, b):
    rows = []
    for i, t in zip(image, text, strict=True):
        z = 1 / (1 + torch.exp(-(W @ torch.cat([i, t]) + b)))
        rows.append(z * i + (1 - z) * t)
    return torch.stack(rows)


@right("08.2", "einsum, and the sigmoid of minus for 1 - z")
def gate(image, text, W, b):
    logits = torch.einsum("ke,be->bk", W, torch.hstack([image, text])) + b[None]
    return logits.sigmoid() * image + (-logits).sigmoid() * text


@wrong("08.2", "no sigmoid", says=r"sigmoid|σ|between 0")
def gate(image, text, W, b):
    z = torch.cat([image, text], dim=1) @ W.T + b
    return z * image + (1 - z) * text


@wrong("08.2", "softmax over the features", says=r"softmax|sigmoid|σ")
def gate(image, text, W, b):
    z = (torch.cat([image, text], dim=1) @ W.T + b).softmax(dim=1)
    return z * image + (1 - z) * text


@wrong("08.2", "the text first in the concatenation", says=r"order|first|concat|cat\b|\[text")
def gate(image, text, W, b):
    z = torch.sigmoid(torch.cat([text, image], dim=1) @ W.T + b)
    return z * image + (1 - z) * text


@wrong("08.2", "z on the text", says=r"swap|exchanged|1 - z|other way|multiplies the text|belongs|weight of the image")
def gate(image, text, W, b):
    z = torch.sigmoid(torch.cat([image, text], dim=1) @ W.T + b)
    return (1 - z) * image + z * text


@wrong("08.2", "the bias forgotten", says=r"bias|\bb\b")
def gate(image, text, W, b):
    z = torch.sigmoid(torch.cat([image, text], dim=1) @ W.T)
    return z * image + (1 - z) * text


@wrong("08.2", "the bias outside the sigmoid", says=r"bias|\bb\b|inside|sigmoid")
def gate(image, text, W, b):
    z = torch.sigmoid(torch.cat([image, text], dim=1) @ W.T) + b
    return z * image + (1 - z) * text


@wrong("08.2", "W without transpose", says=r"transpos|\.T\b|shape|multipl|mat1")
def gate(image, text, W, b):
    z = torch.sigmoid(torch.cat([image, text], dim=1) @ W + b)
    return z * image + (1 - z) * text


@wrong("08.2", "tanh for the sigmoid", says=r"tanh|sigmoid|σ|negative")
def gate(image, text, W, b):
    z = torch.tanh(torch.cat([image, text], dim=1) @ W.T + b)
    return z * image + (1 - z) * text


@wrong(
    "08.2",
    "one weight for each example",
    says=r"(every|each) feature|one (weight|number|z)|mean|averag|same (z|weight)",
)
def gate(image, text, W, b):
    z = torch.sigmoid((torch.cat([image, text], dim=1) @ W.T + b).mean(dim=1, keepdim=True))
    return z * image + (1 - z) * text


@wrong("08.2", "z from the image alone", says=r"text|both|concat|half")
def gate(image, text, W, b):
    z = torch.sigmoid(image @ W[:, : image.shape[1]].T + b)
    return z * image + (1 - z) * text


@wrong("08.2", "the text whole", says=r"1 - z|text|whole")
def gate(image, text, W, b):
    z = torch.sigmoid(torch.cat([image, text], dim=1) @ W.T + b)
    return z * image + text


@wrong("08.2", "concatenated along the batch", says=r"dim=1|ax[ei]s|along the|batch")
def gate(image, text, W, b):
    z = torch.sigmoid(torch.cat([image, text], dim=0) @ W.T + b)
    return z * image + (1 - z) * text


@wrong(
    "08.2",
    "sign in the written-out sigmoid",
    says=r"sign|minus|sigmoid|exp\(|swap|exchanged|multiplies the text|weight of the image",
)
def gate(image, text, W, b):
    z = 1 / (1 + torch.exp(torch.cat([image, text], dim=1) @ W.T + b))
    return z * image + (1 - z) * text


@wrong("08.2", "tanh of both features as in the paper", says=r"tanh|feature|as they are|unchanged")
def gate(image, text, W, b):
    z = torch.sigmoid(torch.cat([image, text], dim=1) @ W.T + b)
    return z * image.tanh() + (1 - z) * text.tanh()


@wrong("08.2", "the gate rounded to 0 or 1", says=r"round|0 or 1|threshold|between|> ?0\.5|one of")
def gate(image, text, W, b):
    z = torch.sigmoid(torch.cat([image, text], dim=1) @ W.T + b)
    return torch.where(z > 0.5, image, text)


@wrong("08.2", "one gate for the whole batch", says=r"batch|each example|every example|own|share|same")
def gate(image, text, W, b):
    z = torch.sigmoid(W @ torch.cat([image, text], dim=1).mean(dim=0) + b)
    return z * image + (1 - z) * text


@wrong("08.2", "the gate returned", says=r"gate|z\b|mix|return|feature")
def gate(image, text, W, b):
    return torch.sigmoid(torch.cat([image, text], dim=1) @ W.T + b)


@wrong("08.2", "squeezed at the end", says=r"squeeze|batch of one|size 1")
def gate(image, text, W, b):
    z = torch.sigmoid(torch.cat([image, text], dim=1) @ W.T + b)
    return (z * image + (1 - z) * text).squeeze()


@wrong("08.2", "the image forgotten", says=r"image is left out")
def gate(image, text, W, b):
    z = torch.sigmoid(torch.cat([image, text], dim=1) @ W.T + b)
    return (1 - z) * text


# 08.3


@right("08.3", "identity matrices and a threshold of one half")
def equal_by_product(n):
    return torch.eye(n), torch.eye(n), torch.ones(n), -0.5


@right("08.3", "points on a circle: two products")
def equal_by_product(n):
    angles = 2 * math.pi * torch.arange(n, dtype=torch.float64) / n
    points = torch.stack([angles.cos(), angles.sin()])
    threshold = (1 + math.cos(2 * math.pi / n)) / 2
    return points, points.clone(), torch.ones(2, dtype=torch.float64), -threshold


@right("08.3", "binary digits as signs")
def equal_by_product(n):
    D = math.ceil(math.log2(n))
    bits = torch.tensor([[1.0 if k >> d & 1 else -1.0 for k in range(n)] for d in range(D)])
    return bits, bits, torch.ones(D), 1.0 - D


@right("08.3", "minus the squared difference of the class numbers")
def equal_by_product(n):
    k = torch.arange(n, dtype=torch.float32)
    one = torch.ones(n)
    return torch.stack([k * k, k, one]), torch.stack([one, k, k * k]), torch.tensor([-1.0, 2.0, -1.0]), 0.5


@right("08.3", "loops, and more products than needed")
def equal_by_product(n: int) -> tuple[Tensor, Tensor, Tensor, float]:
    D = 2 * n
    U, V = torch.zeros(D, n), torch.zeros(D, n)
    for i in range(D):
        U[i, i % n] = 3.0
        V[i, i % n] = 2.0
    return U, V, torch.full((D,), 1 / 12), -0.25


@right("08.3", "numpy, with a sign in w")
def equal_by_product(n):
    U = torch.from_numpy(-np.eye(n, dtype=np.float32))
    return U, -U, -torch.ones(n), -0.9


@wrong("08.3", "no bias: the score is 0 where they differ", says=r"negative|bias|\bb\b|zero|\b0\b|differ")
def equal_by_product(n):
    return torch.eye(n), torch.eye(n), torch.ones(n), 0.0


@wrong("08.3", "bias -1: the score is 0 where they are equal", says=r"positive|bias|\bb\b|zero|\b0\b|equal")
def equal_by_product(n):
    return torch.eye(n), torch.eye(n), torch.ones(n), -1.0


@wrong("08.3", "bias of the wrong sign: always positive", says=r"negative|bias|\bb\b|differ|sign|positive")
def equal_by_product(n):
    return torch.eye(n), torch.eye(n), torch.ones(n), 0.5


@wrong("08.3", "positive where they differ", says=r"sign|swap|revers|exchanged|negative|positive|other way")
def equal_by_product(n):
    return torch.eye(n), torch.eye(n), -torch.ones(n), 0.5


@wrong("08.3", "y ignored", says=r"`?y`?\b|depend|differ|V\b|negative|positive")
def equal_by_product(n):
    return torch.eye(n), torch.ones(n, n), torch.ones(n), -0.5


@wrong("08.3", "three classes written in", says=r"\bn\b|shape|classes|\b3\b|size|column")
def equal_by_product(n):
    return torch.eye(3), torch.eye(3), torch.ones(3), -0.5


@wrong("08.3", "product of the class numbers", says=r"class .* stated .* score")
def equal_by_product(n):
    k = torch.arange(1.0, n + 1)[None]
    return k, k, torch.ones(1), -0.5


@wrong("08.3", "classes as rows: U of shape (n, D)", says=r"shape|\(D, n\)|transpos|column|row|size")
def equal_by_product(n):
    angles = 2 * math.pi * torch.arange(n) / n
    points = torch.stack([angles.cos(), angles.sin()], dim=1)
    return points, points, torch.ones(2), -(1 + math.cos(2 * math.pi / n)) / 2


@wrong("08.3", "w as a column", says=r"shape|\bw\b|\(D,?\)")
def equal_by_product(n):
    return torch.eye(n), torch.eye(n), torch.ones(n, 1), -0.5


@wrong(
    "08.3",
    "one product of alternating signs: two classes only",
    says=r"\bn\b|differ|positive|negative|\b3\b|two|class|equal",
)
def equal_by_product(n):
    signs = torch.tensor([[(-1.0) ** k for k in range(n)]])
    return signs, signs, torch.ones(1), -0.5


@wrong("08.3", "binary digits, one too few", says=r"\bn\b|differ|positive|class|\b3\b|negative|equal")
def equal_by_product(n):
    D = max(1, math.floor(math.log2(n)))
    bits = torch.tensor([[1.0 if k >> d & 1 else -1.0 for k in range(n)] for d in range(D)])
    return bits, bits, torch.ones(D), 1.0 - D


@wrong(
    "08.3",
    "a circle with the threshold 0.9 for any n",
    says=r"\bn\b|differ|positive|class|larg|threshold|negative|equal",
)
def equal_by_product(n):
    angles = 2 * math.pi * torch.arange(n) / n
    points = torch.stack([angles.cos(), angles.sin()])
    return points, points, torch.ones(2), -0.9


@wrong("08.3", "codes of 1 and -1 with a bias for small n", says=r"\bn\b|differ|positive|class|larg|negative|equal")
def equal_by_product(n):
    codes = 2 * torch.eye(n) - 1
    return codes, codes, torch.ones(n), -0.5


@wrong("08.3", "the bias forgotten in the result", says=r"four|\b4\b|\bb\b|bias|three|\b3\b|tuple|unpack|return")
def equal_by_product(n):
    return torch.eye(n), torch.eye(n), torch.ones(n) - 0.5


@wrong("08.3", "random matrices that differ", says=r"equal|positive|negative|differ|random|x = ")
def equal_by_product(n):
    return torch.randn(n, n), torch.randn(n, n), torch.ones(n), -0.5


@wrong("08.3", "the bias scaled by n", says=r"equal|positive|bias|\bb\b|x = |larg|small")
def equal_by_product(n):
    return torch.eye(n), torch.eye(n), torch.ones(n), -n / 2


# 08.4


@right("08.4", "logsumexp of both log-softmaxes, minus ln 2")
def late_fusion(logits_image, logits_sound):
    both = torch.stack([logits_image.log_softmax(dim=1), logits_sound.log_softmax(dim=1)])
    return torch.logsumexp(both, dim=0) - math.log(2)


@right("08.4", "logaddexp")
def late_fusion(logits_image, logits_sound):
    return torch.logaddexp(F.log_softmax(logits_image, dim=-1), F.log_softmax(logits_sound, dim=-1)) - np.log(2.0)


@right("08.4", "normalised at the end instead of ln 2")
def late_fusion(logits_image, logits_sound):
    total = torch.logaddexp(logits_image.log_softmax(1), logits_sound.log_softmax(1))
    return total.log_softmax(1)


@right("08.4", "maximum taken out by hand")
def late_fusion(logits_image, logits_sound):
    def log_probability(logits):
        shifted = logits - logits.amax(dim=1, keepdim=True)
        return shifted - shifted.exp().sum(dim=1, keepdim=True).log()

    a, b = log_probability(logits_image), log_probability(logits_sound)
    high, low = torch.maximum(a, b), torch.minimum(a, b)
    return high + torch.log1p(torch.exp(low - high)) - math.log(2)


@right("08.4", "a loop over the examples, weights as an extra argument")
def late_fusion(logits_image, logits_sound, weights=(0.5, 0.5)):
    rows = []
    for i, s in zip(logits_image, logits_sound, strict=True):
        terms = [i - i.logsumexp(0) + math.log(weights[0]), s - s.logsumexp(0) + math.log(weights[1])]
        rows.append(torch.stack(terms).logsumexp(0))
    return torch.stack(rows)


@wrong("08.4", "logarithm of the mean of the softmaxes", says=r"inf|finite|underflow|overflow|zero|logsumexp")
def late_fusion(logits_image, logits_sound):
    return ((logits_image.softmax(dim=1) + logits_sound.softmax(dim=1)) / 2).log()


@wrong("08.4", "an epsilon in the logarithm", says=r"exact|epsilon|clamp|small|1e-|add|underflow|logsumexp|zero")
def late_fusion(logits_image, logits_sound):
    return ((logits_image.softmax(dim=1) + logits_sound.softmax(dim=1)) / 2 + 1e-9).log()


@wrong("08.4", "logarithm clamped at -100", says=r"exact|clamp|-?100|small|underflow|logsumexp|zero|limit")
def late_fusion(logits_image, logits_sound):
    return ((logits_image.softmax(dim=1) + logits_sound.softmax(dim=1)) / 2).log().clamp(min=-100)


@wrong("08.4", "mean of the log-softmaxes", says=r"mean of (the |both )?log|logarithm|product|geometric|probabilit")
def late_fusion(logits_image, logits_sound):
    return (logits_image.log_softmax(dim=1) + logits_sound.log_softmax(dim=1)) / 2


@wrong("08.4", "log-softmax of the mean logits", says=r"logits|product|geometric|probabilit|mean of")
def late_fusion(logits_image, logits_sound):
    return ((logits_image + logits_sound) / 2).log_softmax(dim=1)


@wrong("08.4", "sum of the logits: product of the probabilities", says=r"logits|product|probabilit|sum of")
def late_fusion(logits_image, logits_sound):
    return (logits_image + logits_sound).log_softmax(dim=1)


@wrong("08.4", "ln 2 forgotten", says=r"log ?\(?2|ln 2|half|1/2|½|mean|sum|0\.69|twice")
def late_fusion(logits_image, logits_sound):
    return torch.logaddexp(logits_image.log_softmax(dim=1), logits_sound.log_softmax(dim=1))


@wrong("08.4", "ln 2 added", says=r"log ?\(?2|ln 2|half|sign|subtract|minus|twice|mean|add")
def late_fusion(logits_image, logits_sound):
    return torch.logaddexp(logits_image.log_softmax(dim=1), logits_sound.log_softmax(dim=1)) + math.log(2)


@wrong("08.4", "log2 of 2 subtracted", says=r"log ?\(?2|ln 2|natural|half|base|sum to")
def late_fusion(logits_image, logits_sound):
    return torch.logaddexp(logits_image.log_softmax(dim=1), logits_sound.log_softmax(dim=1)) - math.log2(2)


@wrong("08.4", "halved instead of minus ln 2", says=r"log ?\(?2|ln 2|half|logarithm|0\.5|divid")
def late_fusion(logits_image, logits_sound):
    return 0.5 * torch.logaddexp(logits_image.log_softmax(dim=1), logits_sound.log_softmax(dim=1))


@wrong("08.4", "log-softmax over the batch", says=r"dim|ax[ei]s|batch|class|example|sum to")
def late_fusion(logits_image, logits_sound):
    return torch.logaddexp(logits_image.log_softmax(dim=0), logits_sound.log_softmax(dim=0)) - math.log(2)


@wrong("08.4", "logits taken for log-probabilities", says=r"softmax|normali|sum to|logits|probabilit")
def late_fusion(logits_image, logits_sound):
    return torch.logsumexp(torch.stack([logits_image, logits_sound]), dim=0) - math.log(2)


@wrong("08.4", "logsumexp over the classes", says=r"\bdim\b|ax[ei]s|over the classes|stack")
def late_fusion(logits_image, logits_sound):
    both = torch.stack([logits_image.log_softmax(dim=1), logits_sound.log_softmax(dim=1)])
    return torch.logsumexp(both, dim=2).T - math.log(2)


@wrong("08.4", "the probabilities", says=r"\blog|logarithm|probabilit|ln")
def late_fusion(logits_image, logits_sound):
    return (logits_image.softmax(dim=1) + logits_sound.softmax(dim=1)) / 2


@wrong("08.4", "maximum of both", says=r"\bmax|mean|averag|larger|both")
def late_fusion(logits_image, logits_sound):
    return torch.maximum(logits_image.log_softmax(dim=1), logits_sound.log_softmax(dim=1))


@wrong("08.4", "softmax written out without the maximum", says=r"overflow|inf|nan|finite|exp|large")
def late_fusion(logits_image, logits_sound):
    a = logits_image.exp() / logits_image.exp().sum(dim=1, keepdim=True)
    b = logits_sound.exp() / logits_sound.exp().sum(dim=1, keepdim=True)
    return torch.log((a + b) / 2)


@wrong("08.4", "one maximum for the whole batch", says=r"row|example|max|underflow|inf|nan|finite|batch|each")
def late_fusion(logits_image, logits_sound):
    def log_softmax(logits):
        logits = logits - logits.max()
        return logits - logits.exp().sum(dim=1, keepdim=True).log()

    return torch.logaddexp(log_softmax(logits_image), log_softmax(logits_sound)) - math.log(2)


@wrong("08.4", "the image alone", says=r"sound|both|second|two")
def late_fusion(logits_image, logits_sound):
    return logits_image.log_softmax(dim=1)


@wrong(
    "08.4",
    "logits shifted by the maximum but exponentials summed naively",
    says=r"inf|finite|underflow|zero|log|nan",
)
def late_fusion(logits_image, logits_sound):
    a = (logits_image - logits_image.amax(1, keepdim=True)).exp()
    b = (logits_sound - logits_sound.amax(1, keepdim=True)).exp()
    return (a / a.sum(1, keepdim=True) / 2 + b / b.sum(1, keepdim=True) / 2).log()


@wrong("08.4", "logits limited to 50", says=r"limits the logits")
def late_fusion(logits_image, logits_sound):
    a, b = (logits.clamp(-50, 50).log_softmax(1) for logits in (logits_image, logits_sound))
    return torch.logaddexp(a, b) - math.log(2)


@wrong("08.4", "squeezed at the end", says=r"squeeze|batch of one|size 1")
def late_fusion(logits_image, logits_sound):
    both = torch.stack([logits_image.log_softmax(dim=1), logits_sound.log_softmax(dim=1)])
    return (both.logsumexp(dim=0) - math.log(2)).squeeze()


@wrong("08.4", "the logarithm to base 2 of 2 subtracted", says=r"too small by 0\.307|natural")
def late_fusion(logits_image, logits_sound):
    both = torch.stack([logits_image.log_softmax(dim=1), logits_sound.log_softmax(dim=1)])
    return both.logsumexp(dim=0) - math.log2(2)


@wrong("08.4", "logsumexp of probabilities", says=r"expects their logarithms")
def late_fusion(logits_image, logits_sound):
    both = torch.stack([logits_image.softmax(dim=1), logits_sound.softmax(dim=1)])
    return both.logsumexp(dim=0) - math.log(2)


# 08.debug


class Buggy(nn.Module):
    """The lesson's."""

    def __init__(self, channels: int, vocabulary_size: int, width: int = 64):
        super().__init__()
        self.convolution = nn.Conv2d(channels, 32, kernel_size=3, padding=1)
        self.embedding = nn.Embedding(vocabulary_size, width, padding_idx=0)
        self.recurrent = nn.GRU(width, width, batch_first=True)
        self.head = nn.Sequential(nn.Linear(32 + width, 128), nn.ReLU(), nn.Linear(128, 2))

    def encode_text(self, tokens: Tensor) -> Tensor:
        text_features = self.embedding(tokens)
        return text_features[:, -1]
        states = self.recurrent(text_features)[0]
        return pooling.last_states(states, lengths(tokens))

    def encode_image(self, maps: Tensor) -> Tensor:
        encoded = F.relu(self.convolution(maps))
        return encoded[:, :, 0, 0]

    def forward(self, maps: Tensor, tokens: Tensor) -> Tensor:
        return self.head(torch.cat([self.encode_image(maps), self.encode_text(tokens)], dim=1))


class _Good(Buggy):
    """Right, for wrong answers that differ in one method."""

    def encode_text(self, tokens):
        states = self.recurrent(self.embedding(tokens))[0]
        return pooling.last_states(states, lengths(tokens))

    def encode_image(self, maps):
        return F.relu(self.convolution(maps)).amax(dim=(2, 3))


@right("08.debug", "last states and the maximum over positions")
class Fixed(Buggy):
    def encode_text(self, tokens):
        text_features = self.embedding(tokens)
        states = self.recurrent(text_features)[0]
        return pooling.last_states(states, lengths(tokens))

    def encode_image(self, maps):
        encoded = F.relu(self.convolution(maps))
        return encoded.amax(dim=(2, 3))


@right("08.debug", "index of the last word, mean over positions")
class Fixed(Buggy):
    def encode_text(self, tokens):
        states, _ = self.recurrent(self.embedding(tokens))
        last = (tokens != 0).sum(dim=1) - 1
        return states[torch.arange(len(tokens)), last]

    def encode_image(self, maps):
        return self.convolution(maps).relu().flatten(2).mean(dim=2)


@right("08.debug", "packed sequence, adaptive pooling")
class Fixed(Buggy):
    def encode_text(self, tokens):
        packed = pack_padded_sequence(
            self.embedding(tokens), (tokens != 0).sum(1).cpu(), batch_first=True, enforce_sorted=False
        )
        return self.recurrent(packed)[1][0]

    def encode_image(self, maps):
        return F.adaptive_max_pool2d(F.relu(self.convolution(maps)), 1).flatten(1)


@right("08.debug", "maps flattened, a head that expects them")
class Fixed(Buggy):
    def __init__(self, channels, vocabulary_size, width=64):
        super().__init__(channels, vocabulary_size, width)
        self.head = nn.Sequential(nn.Linear(32 * 4 * 4 + width, 128), nn.ReLU(), nn.Linear(128, 2))

    def encode_text(self, tokens):
        return pooling.last_states(self.recurrent(self.embedding(tokens))[0], lengths(tokens))

    def encode_image(self, maps):
        return F.relu(self.convolution(maps)).flatten(1)


@right("08.debug", "mean of the states of real words, mean over positions")
class Fixed(Buggy):
    def encode_text(self, tokens):
        states = self.recurrent(self.embedding(tokens))[0]
        mask = (tokens != 0).unsqueeze(-1)
        return (states * mask).sum(dim=1) / mask.sum(dim=1)

    def encode_image(self, maps):
        return torch.relu(self.convolution(maps)).mean(dim=(-2, -1))


@right("08.debug", "a loop over sentences, each without its padding")
class Fixed(Buggy):
    def encode_text(self, tokens):
        rows = []
        for sentence in tokens:
            words = sentence[sentence != 0]
            rows.append(self.recurrent(self.embedding(words)[None])[1][0, 0])
        return torch.stack(rows)

    def encode_image(self, maps):
        encoded = F.relu(self.convolution(maps))
        return torch.stack([encoded[:, :, i, j] for i in range(4) for j in range(4)]).max(dim=0).values


@wrong("08.debug", "masked sum divided by the padded length", says=r"divided by the number of columns")
class Fixed(_Good):
    def encode_text(self, tokens):
        states = self.recurrent(self.embedding(tokens))[0]
        return (states * (tokens != 0)[..., None]).mean(dim=1)


@wrong("08.debug", "words reversed together with their padding", says=r"padding is read before the words")
class Fixed(_Good):
    def encode_text(self, tokens):
        return self.recurrent(self.embedding(tokens.flip(1)))[0][:, -1]


@wrong("08.debug", "the state after the padding", says=r"padding")
class Fixed(_Good):
    def encode_text(self, tokens):
        return self.recurrent(self.embedding(tokens))[0][:, -1]


@wrong("08.debug", "the GRU's final state, after the padding", says=r"padding")
class Fixed(_Good):
    def encode_text(self, tokens):
        return self.recurrent(self.embedding(tokens))[1][0]


@wrong("08.debug", "mean over all states, padding included", says=r"padding")
class Fixed(_Good):
    def encode_text(self, tokens):
        return self.recurrent(self.embedding(tokens))[0].mean(dim=1)


@wrong("08.debug", "maximum over all states, padding included", says=r"padding")
class Fixed(_Good):
    def encode_text(self, tokens):
        return self.recurrent(self.embedding(tokens))[0].amax(dim=1)


@wrong("08.debug", "bag of words", says=r"order|swapping|GRU")
class Fixed(_Good):
    def encode_text(self, tokens):
        real = (tokens != 0)[..., None]
        return (self.embedding(tokens) * real).sum(dim=1) / real.sum(dim=1)


@wrong(
    "08.debug",
    "embedding of the last word",
    says=r"order|earlier|other word|recurrent|all (of the )?words|every word|word 0|one word|GRU",
)
class Fixed(_Good):
    def encode_text(self, tokens):
        return pooling.last_states(self.embedding(tokens), lengths(tokens))


@wrong("08.debug", "the text's bug left in", says=r"order|padding|word|text|recurrent|GRU")
class Fixed(_Good):
    def encode_text(self, tokens):
        return self.embedding(tokens)[:, -1]


@wrong("08.debug", "the first state", says=r"order|first|later|word|last|text")
class Fixed(_Good):
    def encode_text(self, tokens):
        return self.recurrent(self.embedding(tokens))[0][:, 0]


@wrong(
    "08.debug",
    "one position past the last word",
    says=r"off by one|too far|one past|next column|first column of padding|- 1\b",
)
class Fixed(_Good):
    def encode_text(self, tokens):
        states = self.recurrent(self.embedding(tokens))[0]
        return states[torch.arange(len(tokens)), (lengths(tokens)).clamp(max=tokens.shape[1] - 1)]


@wrong(
    "08.debug",
    "sorted by length and never sorted back",
    says=r"rows|mixed|another (example|sentence)|other (example|sentence)s?|its own|in a batch|sorted",
)
class Fixed(_Good):
    def encode_text(self, tokens):
        size, index = lengths(tokens).sort(descending=True)
        packed = pack_padded_sequence(self.embedding(tokens[index]), size.cpu(), batch_first=True)
        return self.recurrent(packed)[1][0]


@wrong(
    "08.debug",
    "time as the batch: axes exchanged before the GRU",
    says=r"ax[ei]s|batch_first|other (example|sentence)s?|another (example|sentence)|in a batch|transpos",
)
class Fixed(_Good):
    def encode_text(self, tokens):
        states = self.recurrent(self.embedding(tokens).transpose(0, 1))[0].transpose(0, 1)
        return pooling.last_states(states, lengths(tokens))


@wrong("08.debug", "the image's bug left in: one corner", says=r"position|corner|maps|every|\[:, :, 0, 0\]")
class Fixed(_Good):
    def encode_image(self, maps):
        return F.relu(self.convolution(maps))[:, :, 0, 0]


@wrong("08.debug", "the last corner instead of the first", says=r"position|corner|maps|every")
class Fixed(_Good):
    def encode_image(self, maps):
        return F.relu(self.convolution(maps))[:, :, -1, -1]


@wrong("08.debug", "maximum over rows, then the first column", says=r"position|column|maps|every|ax[ei]s")
class Fixed(_Good):
    def encode_image(self, maps):
        return F.relu(self.convolution(maps)).amax(dim=2)[:, :, 0]


@wrong("08.debug", "flattened, the head unchanged", says=r"head|shape|expect|multipl|mat1|32")
class Fixed(_Good):
    def encode_image(self, maps):
        return F.relu(self.convolution(maps)).flatten(1)


@wrong(
    "08.debug",
    "mean over the channels: reshaped to fit",
    says=r"channel|shape|position|feature|head|multipl|mat1|32",
)
class Fixed(_Good):
    def encode_image(self, maps):
        return F.relu(self.convolution(maps)).mean(dim=1).flatten(1)


@wrong("08.debug", "the convolution's result detached", says=r"gradient|detach|learn|convolution")
class Fixed(_Good):
    def encode_image(self, maps):
        with torch.no_grad():
            encoded = F.relu(self.convolution(maps))
        return encoded.amax(dim=(2, 3))


@wrong("08.debug", "maximum over the batch too", says=r"batch|example|own|other|shape|ax[ei]s")
class Fixed(_Good):
    def encode_image(self, maps):
        encoded = F.relu(self.convolution(maps)).amax(dim=(0, 2, 3))
        return encoded.expand(len(maps), -1)


@wrong(
    "08.debug",
    "sentences of ten words assumed",
    says=r"fixed|any (length|number)|longer|written|always the same column|column 9",
)
class Fixed(_Good):
    def encode_text(self, tokens):
        return self.recurrent(self.embedding(tokens))[0][:, min(9, tokens.shape[1] - 1)]


@wrong("08.debug", "half of the maps discarded", says=r"16 of the 32 maps")
class Fixed(_Good):
    def encode_image(self, maps):
        best = F.relu(self.convolution(maps)).amax(dim=(2, 3))
        return torch.cat([best[:, :16], best[:, :16]], dim=1)


@wrong("08.debug", "centre of the maps", says=r"position")
class Fixed(Buggy):
    def encode_text(self, tokens):
        return pooling.last_states(self.recurrent(self.embedding(tokens))[0], lengths(tokens))

    def encode_image(self, maps):
        return F.relu(self.convolution(maps))[:, :, 1:3, 1:3].amax(dim=(2, 3))


@wrong("08.debug", "every second position", says=r"position")
class Fixed(Buggy):
    def encode_text(self, tokens):
        return pooling.last_states(self.recurrent(self.embedding(tokens))[0], lengths(tokens))

    def encode_image(self, maps):
        return F.relu(self.convolution(maps))[:, :, ::2, ::2].amax(dim=(2, 3))
