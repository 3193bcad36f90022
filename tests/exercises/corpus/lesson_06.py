"""Learners' answers to the exercises of lesson 06, autoencoders."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.models import autoencoder, vae

from . import right, wrong

# 06.1


@right("06.1", "numbers of the first example and of its code")
def compression_factor(x, code):
    return x[0].numel() / code[0].numel()


@right("06.1", "products of the shapes without the batch axis")
def compression_factor(x, code):
    return math.prod(x.shape[1:]) / math.prod(code.shape[1:])


@right("06.1", "both batches whole: their size cancels out")
def compression_factor(x, code):
    return x.numel() / code.numel()


@right("06.1", "a loop over the axes")
def compression_factor(x, code):
    n_inputs, n_codes = 1, 1
    for size in x.shape[1:]:
        n_inputs *= size
    for size in code.shape[1:]:
        n_codes *= size
    return n_inputs / n_codes


@right("06.1", "numpy, with a helper")
def compression_factor(x, code):
    def per_example(tensor):
        return np.prod(tensor.shape[1:])

    return float(per_example(x) / per_example(code))


@right("06.1", "flattened, with a reshape to the batch size")
def compression_factor(x: Tensor, code: Tensor) -> float:
    x, code = x.reshape(len(x), -1), code.reshape(len(code), -1)
    return x.size(1) / code.size(1)


@wrong(
    "06.1",
    "code divided by input",
    says=r"upside|invers|invert|swap|revers|other way|wrong way|divid|reciprocal|exchanged",
)
def compression_factor(x, code):
    return code[0].numel() / x[0].numel()


@wrong("06.1", "integer division", says=r"integer|whole|round|//|floor|fraction")
def compression_factor(x, code):
    return x[0].numel() // code[0].numel()


@wrong("06.1", "rounded", says=r"round|whole|integer|fraction")
def compression_factor(x, code):
    return float(round(x[0].numel() / code[0].numel()))


@wrong("06.1", "the input's batch axis counted, the code's not", says=r"batch")
def compression_factor(x, code):
    return x.numel() / code[0].numel()


@wrong("06.1", "the lesson's 6 for every input", says=r"3,?072|\b6\b|constant|always|same|depend|hard|any (shape|size)")
def compression_factor(x, code):
    return 3072 / 512


@wrong("06.1", "channels alone", says=r"channel|ax[ei]s|all (the )?(number|ax|dimension)|every ax|product|last|second")
def compression_factor(x, code):
    return x.shape[1] / code.shape[1]


@wrong("06.1", "height times width without the channels", says=r"channel|ax[ei]s|every|product|IndexError|index")
def compression_factor(x, code):
    return (x.shape[-2] * x.shape[-1]) / (code.shape[-2] * code.shape[-1])


@wrong("06.1", "three axes after the batch assumed", says=r"ax[ei]s|number of|IndexError|index|unpack|dimension|shape")
def compression_factor(x, code):
    return (x.shape[1] * x.shape[2] * x.shape[3]) / (code.shape[1] * code.shape[2] * code.shape[3])


@wrong("06.1", "the shape unpacked into four names", says=r"unpack|ax[ei]s|any number|shape|dimension")
def compression_factor(x, code):
    b, c, h, w = x.shape
    _, d, k, m = code.shape
    return c * h * w / (d * k * m)


@wrong("06.1", "numbers of examples compared", says=r"batch|example|number of|len|count")
def compression_factor(x, code):
    return len(x) / len(code)


@wrong("06.1", "sizes of the axes added", says=r"product|multipl|sum|add")
def compression_factor(x, code):
    return sum(x.shape[1:]) / sum(code.shape[1:])


@wrong(
    "06.1",
    "squeeze loses the batch axis of a batch of one",
    says=r"squeeze|batch of (one|1)|single|one example|1 example",
)
def compression_factor(x, code):
    return math.prod(x.squeeze().shape[1:]) / math.prod(code.squeeze().shape[1:])


@wrong("06.1", "fraction of the numbers that is saved", says=r"saved|1 -|fraction|divid|how many")
def compression_factor(x, code):
    return 1 - code[0].numel() / x[0].numel()


@wrong("06.1", "memory instead of numbers", says=r"byte|dtype")
def compression_factor(x, code):
    return (x[0].numel() * x.element_size()) / (code[0].numel() * code.element_size())


@wrong("06.1", "numbers that are not zero", says=r"values|\b0\b")
def compression_factor(x, code):
    return (x[0] != 0).sum().item() / max((code[0] != 0).sum().item(), 1)


# 06.2


@right("06.2", "the formula with randn_like")
def reparameterise(mean, log_variance):
    return mean + (log_variance / 2).exp() * torch.randn_like(mean)


@right("06.2", "rsample of PyTorch's normal distribution")
def reparameterise(mean, log_variance):
    return torch.distributions.Normal(mean, torch.exp(0.5 * log_variance)).rsample()


@right("06.2", "numpy's generator for the noise")
def reparameterise(mean, log_variance):
    epsilon = torch.from_numpy(np.random.default_rng().standard_normal(tuple(mean.shape))).to(mean.dtype)
    return mean + torch.exp(log_variance / 2) * epsilon


@right("06.2", "two nested loops, a normal number for each")
def reparameterise(mean, log_variance):
    rows = []
    for m, v in zip(mean, log_variance, strict=True):
        rows.append(torch.stack([m[d] + torch.exp(0.5 * v[d]) * torch.randn(()) for d in range(len(m))]))
    return torch.stack(rows)


@right("06.2", "root of the variance, noise filled in by normal_, addcmul")
def reparameterise(mean: Tensor, log_variance: Tensor) -> Tensor:
    std = log_variance.exp().sqrt()
    noise = torch.empty_like(mean).normal_()
    return torch.addcmul(mean, std, noise)


@right("06.2", "an extra argument for the generator")
def reparameterise(mean, log_variance, generator=None):
    noise = torch.randn(mean.shape, generator=generator, dtype=mean.dtype)
    return mean + noise * math.e ** (0.5 * log_variance)


@wrong(
    "06.2",
    "variance in place of the standard deviation",
    says=r"half|/ ?2|0\.5|variance|square root|root|twice|standard dev",
)
def reparameterise(mean, log_variance):
    return mean + log_variance.exp() * torch.randn_like(mean)


@wrong("06.2", "log variance in place of the standard deviation", says=r"exp|logarithm|\blog")
def reparameterise(mean, log_variance):
    return mean + log_variance * torch.randn_like(mean)


@wrong("06.2", "root of the log variance", says=r"exp|logarithm|\blog|nan|root")
def reparameterise(mean, log_variance):
    return mean + log_variance.abs().sqrt() * torch.randn_like(mean)


@wrong("06.2", "uniform noise", says=r"uniform|randn|normal|gauss|rand\b|0 (and|to) 1")
def reparameterise(mean, log_variance):
    return mean + (log_variance / 2).exp() * torch.rand_like(mean)


@wrong(
    "06.2",
    "one number of noise per example",
    says=r"(every|each) (number|dimension|value|one)|same (noise|eps|ε|number|random)|share|column",
)
def reparameterise(mean, log_variance):
    return mean + (log_variance / 2).exp() * torch.randn(len(mean), 1)


@wrong(
    "06.2",
    "one row of noise for the whole batch",
    says=r"(every|each|all) (example|row)|example|batch|share|same (noise|eps|ε)",
)
def reparameterise(mean, log_variance):
    return mean + (log_variance / 2).exp() * torch.randn(mean.shape[1])


@wrong(
    "06.2",
    "one number of noise for everything",
    says=r"(every|each) (number|dimension|example|value)|one (number|draw)|same (noise|eps|ε|number|"
    r"random)|share",
)
def reparameterise(mean, log_variance):
    epsilon = torch.randn(1).item()
    return mean + (log_variance / 2).exp() * epsilon


@wrong("06.2", "torch.normal, which has no gradient", says=r"gradient|backprop|rsample|through")
def reparameterise(mean, log_variance):
    return torch.normal(mean, (log_variance / 2).exp())


@wrong("06.2", "sample instead of rsample", says=r"gradient|rsample|through")
def reparameterise(mean, log_variance):
    return torch.distributions.Normal(mean, (log_variance / 2).exp()).sample()


@wrong("06.2", "the standard deviation under no_grad", says=r"gradient|log_variance")
def reparameterise(mean, log_variance):
    with torch.no_grad():
        std = (log_variance / 2).exp()
    return mean + std * torch.randn_like(mean)


@wrong(
    "06.2",
    "a seed in the function: the same noise in each call",
    says=r"seed|anew|same|each call|every call|fresh|again|two calls|twice|second call|repeat",
)
def reparameterise(mean, log_variance):
    torch.manual_seed(0)
    return mean + (log_variance / 2).exp() * torch.randn_like(mean)


@wrong(
    "06.2",
    "noise kept in a default argument",
    says=r"anew|same|each call|every call|fresh|again|two calls|twice|second call|repeat|default",
)
def reparameterise(mean, log_variance, cache={}):  # noqa: B006
    if mean.shape not in cache:
        cache[mean.shape] = torch.randn(mean.shape)
    return mean + (log_variance / 2).exp() * cache[mean.shape]


@wrong("06.2", "the mean forgotten", says=r"\bmean|μ|mu\b|shift|add")
def reparameterise(mean, log_variance):
    return (log_variance / 2).exp() * torch.randn_like(mean)


@wrong("06.2", "the mean returned, without noise", says=r"noise|random|sample|same|epsilon|ε|draw|anew")
def reparameterise(mean, log_variance):
    return mean + 0 * log_variance


@wrong(
    "06.2",
    "log variance changed in place",
    says=r"in.?place|chang|modif|leave|as (they are|it is)|overwr|mul_|exp_",
)
def reparameterise(mean, log_variance):
    with torch.no_grad():
        log_variance.mul_(0.5)
    return mean + log_variance.exp() * torch.randn_like(mean)


@wrong("06.2", "noise of one sign", says=r"negative|sign|below|positive|abs|symmetr|normal|mean")
def reparameterise(mean, log_variance):
    return mean + (log_variance / 2).exp() * torch.randn_like(mean).abs()


@wrong("06.2", "minus in the exponent", says=r"sign|minus|invers|exp|deviation|1 /")
def reparameterise(mean, log_variance):
    return mean + (-log_variance / 2).exp() * torch.randn_like(mean)


@wrong(
    "06.2",
    "noise in place of the standard deviation added",
    says=r"scale|multipl|standard dev|times|log_variance|deviation",
)
def reparameterise(mean, log_variance):
    return mean + (log_variance / 2).exp() + torch.randn_like(mean)


# 06.3


@right("06.3", "the formula")
def kl_divergence(mean, log_variance):
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1)


@right("06.3", "as it is written in many repositories")
def kl_divergence(mean, log_variance):
    return -0.5 * torch.sum(1 + log_variance - mean.pow(2) - log_variance.exp(), dim=-1)


@right("06.3", "PyTorch's distributions")
def kl_divergence(mean, log_variance):
    q = torch.distributions.Normal(mean, torch.exp(log_variance / 2))
    p = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
    return torch.distributions.kl_divergence(q, p).sum(dim=1)


@right("06.3", "a loop over the dimensions")
def kl_divergence(mean, log_variance):
    total = 0
    for d in range(mean.shape[1]):
        mu, variance = mean[:, d], log_variance[:, d].exp()
        total = total + (mu * mu + variance - 1 - torch.log(variance)) / 2
    return total


@right("06.3", "a list of examples, stacked, with a helper")
def kl_divergence(mean, log_variance):
    def of_one(mu, logvar):
        return torch.sum(mu.square() + torch.expm1(logvar) - logvar) * 0.5

    return torch.stack([of_one(mu, logvar) for mu, logvar in zip(mean, log_variance, strict=True)])


@right("06.3", "a dot product with itself, einsum")
def kl_divergence(mean, log_variance):
    squares = torch.einsum("bd,bd->b", mean, mean)
    rest = (log_variance.exp() - log_variance).sum(1) - mean.size(1)
    return (squares + rest) / 2


@wrong("06.3", "the factor one half forgotten", says=r"half|0\.5|1/2|½|twice|double|factor")
def kl_divergence(mean, log_variance):
    return (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1)


@wrong(
    "06.3",
    "summed over the batch too",
    says=r"batch|each example|per example|shape|\(B,?\)|one number|dim=1|everything",
)
def kl_divergence(mean, log_variance):
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum()


@wrong("06.3", "summed over the examples, axis 0", says=r"ax[ei]s|dim|shape|each example|batch")
def kl_divergence(mean, log_variance):
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=0)


@wrong("06.3", "mean over the dimensions", says=r"mean|averag|sum")
def kl_divergence(mean, log_variance):
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean(dim=1)


@wrong("06.3", "averaged over the batch as a loss", says=r"batch|each example|per example|shape|\(B,?\)|one number")
def kl_divergence(mean, log_variance):
    return (0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1)).mean()


@wrong("06.3", "log variance taken for the variance", says=r"\bexp\b|exp\(|exponent|nan|logarithm")
def kl_divergence(mean, log_variance):
    return 0.5 * (mean**2 + log_variance - 1 - log_variance.log()).sum(dim=1)


@wrong(
    "06.3",
    "exponential of the last term forgotten: variance in place of its logarithm",
    says=r"logarithm|\blog\b|\blog_variance|\bln\b",
)
def kl_divergence(mean, log_variance):
    variance = log_variance.exp()
    return 0.5 * (mean**2 + variance - 1 - variance).sum(dim=1)


@wrong("06.3", "standard deviation in place of the variance", says=r"variance|half|/ ?2|0\.5|squar|standard dev|σ")
def kl_divergence(mean, log_variance):
    std = (log_variance / 2).exp()
    return 0.5 * (mean**2 + std - 1 - log_variance).sum(dim=1)


@wrong(
    "06.3",
    "ln of the standard deviation in the last term",
    says=r"variance|half|/ ?2|0\.5|squar|standard dev|σ|ln|log",
)
def kl_divergence(mean, log_variance):
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance / 2).sum(dim=1)


@wrong("06.3", "the 1 forgotten", says=r"\b1\b|one\b|zero|\b0\b|prior|constant")
def kl_divergence(mean, log_variance):
    return 0.5 * (mean**2 + log_variance.exp() - log_variance).sum(dim=1)


@wrong(
    "06.3",
    "the 1 subtracted once per example instead of once per dimension",
    says=r"\b1\b|once|each dimension|every dimension|zero|\b0\b|prior",
)
def kl_divergence(mean, log_variance):
    return 0.5 * ((mean**2 + log_variance.exp() - log_variance).sum(dim=1) - 1)


@wrong("06.3", "sign of the last term", says=r"sign|minus|subtract|plus|add|negative")
def kl_divergence(mean, log_variance):
    return 0.5 * (mean**2 + log_variance.exp() - 1 + log_variance).sum(dim=1)


@wrong("06.3", "sign of the whole", says=r"sign|minus|negative|positive")
def kl_divergence(mean, log_variance):
    return -0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1)


@wrong(
    "06.3",
    "the divergence in the other direction",
    says=r"direction|other way|revers|swap|order|KL\(p|prior|exchanged|wrong way",
)
def kl_divergence(mean, log_variance):
    return 0.5 * (log_variance + (1 + mean**2) / log_variance.exp() - 1).sum(dim=1)


@wrong("06.3", "the mean is not squared", says=r"squar|\*\* ?2|²|mean")
def kl_divergence(mean, log_variance):
    return 0.5 * (mean + log_variance.exp() - 1 - log_variance).sum(dim=1)


@wrong("06.3", "the mean detached", says=r"gradient|detach|mean")
def kl_divergence(mean, log_variance):
    mu = mean.detach()
    return 0.5 * (mu**2 + log_variance.exp() - 1 - log_variance).sum(dim=1)


@wrong("06.3", "through Python numbers", says=r"gradient|item|tolist|graph")
def kl_divergence(mean, log_variance):
    rows = []
    for mu, logvar in zip(mean.tolist(), log_variance.tolist(), strict=True):
        rows.append(sum(0.5 * (m * m + math.exp(v) - 1 - v) for m, v in zip(mu, logvar, strict=True)))
    return torch.tensor(rows)


@wrong("06.3", "under no_grad", says=r"gradient|no_grad|graph")
@torch.no_grad()
def kl_divergence(mean, log_variance):
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1)


@wrong("06.3", "in bits", says=r"\bbits?\b|nats?\b|log2|ln 2|base")
def kl_divergence(mean, log_variance):
    return 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1) / math.log(2)


@wrong(
    "06.3",
    "= for += in the loop: only the last dimension counts",
    says=r"only the last|last dimension|overwr|\+=|every dimension|all dimensions",
)
def kl_divergence(mean, log_variance):
    for d in range(mean.shape[1]):
        total = 0.5 * (mean[:, d] ** 2 + log_variance[:, d].exp() - 1 - log_variance[:, d])
    return total


@wrong(
    "06.3",
    "return inside the loop: only the first dimension counts",
    says=r"only the first|first dimension|inside the loop|every dimension|all dimensions",
)
def kl_divergence(mean, log_variance):
    total = 0
    for d in range(mean.shape[1]):
        total = total + 0.5 * (mean[:, d] ** 2 + log_variance[:, d].exp() - 1 - log_variance[:, d])
        return total


# 06.4


@right("06.4", "weights from linspace, one more axis for each of the code")
def interpolate(start, end, steps):
    t = torch.linspace(0, 1, steps).reshape(steps, *[1] * start.ndim)
    return start + t * (end - start)


@right("06.4", "a list of weighted sums, stacked")
def interpolate(start, end, steps):
    codes = []
    for i in range(steps):
        alpha = i / (steps - 1)
        codes.append((1 - alpha) * start + alpha * end)
    return torch.stack(codes)


@right("06.4", "numpy's linspace, which takes arrays")
def interpolate(start, end, steps):
    return torch.from_numpy(np.linspace(start.detach().numpy(), end.detach().numpy(), steps)).to(start.dtype)


@right("06.4", "torch.lerp")
def interpolate(start, end, steps):
    return torch.stack([torch.lerp(start, end, float(t)) for t in np.linspace(0, 1, steps)], dim=0)


@right("06.4", "outer product of weights and flat codes")
def interpolate(start, end, steps):
    t = torch.arange(steps, dtype=start.dtype) / (steps - 1)
    flat = torch.outer(1 - t, start.flatten()) + torch.outer(t, end.flatten())
    return flat.view(steps, *start.shape)


@right("06.4", "ends put in unchanged, a recursion for those between")
def interpolate(start, end, steps):
    def after(i):
        return [end] if i == steps - 1 else [start + (end - start) * (i / (steps - 1)), *after(i + 1)]

    return torch.stack(after(0))


@wrong("06.4", "the end never reached", says=r"\bend\b|last|steps - 1|includ|both")
def interpolate(start, end, steps):
    return torch.stack([start + (end - start) * i / steps for i in range(steps)])


@wrong("06.4", "the start left out", says=r"start|first|includ|both")
def interpolate(start, end, steps):
    return torch.stack([start + (end - start) * (i + 1) / steps for i in range(steps)])


@wrong("06.4", "one code too many", says=r"steps|shape|number of|how many|too many|one more")
def interpolate(start, end, steps):
    return torch.stack([start + (end - start) * i / steps for i in range(steps + 1)])


@wrong("06.4", "neither end included", says=r"includ|start|end|both")
def interpolate(start, end, steps):
    return torch.stack([start + (end - start) * (i + 1) / (steps + 1) for i in range(steps)])


@wrong("06.4", "from end to start", says=r"swap|direction|revers|order|backward|from `?end|first|exchanged|other way")
def interpolate(start, end, steps):
    t = torch.linspace(0, 1, steps).reshape(steps, *[1] * start.ndim)
    return t * start + (1 - t) * end


@wrong("06.4", "weights as a column: codes of one axis only", says=r"shape|ax[ei]s|dimension|broadcast|size")
def interpolate(start, end, steps):
    t = torch.linspace(0, 1, steps)[:, None]
    return start + t * (end - start)


@wrong("06.4", "weights for codes of three axes only", says=r"ax[ei]s|broadcast|any shape|number of")
def interpolate(start, end, steps):
    t = torch.linspace(0, 1, steps)[:, None, None, None]
    return start + t * (end - start)


@wrong("06.4", "random points on the line", says=r"equal|distance|random|even|spac|apart|same step")
def interpolate(start, end, steps):
    t = torch.cat([torch.zeros(1), torch.rand(steps - 2).sort().values, torch.ones(1)])
    return torch.stack([start + (end - start) * w for w in t])


@wrong("06.4", "eased in and out", says=r"equal|distance|even|spac|apart|same step|linear|middle|quarter")
def interpolate(start, end, steps):
    t = torch.linspace(0, 1, steps)
    t = t * t * (3 - 2 * t)
    return torch.stack([start + (end - start) * w for w in t])


@wrong("06.4", "spherical interpolation", says=r"straight|line\b|sum of|linear|sphere|norm")
def interpolate(start, end, steps):
    a, b = start.flatten(), end.flatten()
    omega = torch.arccos((a / a.norm() @ (b / b.norm())).clamp(-0.9999, 0.9999))
    t = torch.linspace(0, 1, steps)[:, None]
    codes = (torch.sin((1 - t) * omega) * a + torch.sin(t * omega) * b) / torch.sin(omega)
    return codes.view(steps, *start.shape)


@wrong("06.4", "concatenated instead of stacked", says=r"shape|ax[ei]s|stack|cat")
def interpolate(start, end, steps):
    return torch.cat([start + (end - start) * i / (steps - 1) for i in range(steps)])


@wrong("06.4", "stacked along the last axis", says=r"shape|ax[ei]s|first|stack|dim")
def interpolate(start, end, steps):
    return torch.stack([start + (end - start) * i / (steps - 1) for i in range(steps)], dim=-1)


@wrong(
    "06.4",
    "one code moved in place and appended again and again",
    says=r"in.?place|chang|same|clone|equal|every code|all codes|\+=",
)
def interpolate(start, end, steps):
    code, codes = start.clone(), []
    step = (end - start) / (steps - 1)
    for _ in range(steps):
        codes.append(code)
        code += step
    return torch.stack(codes)


@wrong("06.4", "integer division of the weight", says=r"integer|whole|//|between|equal|distance|spac|line|same|start")
def interpolate(start, end, steps):
    return torch.stack([start + (end - start) * (i // (steps - 1)) for i in range(steps)])


@wrong("06.4", "always eight codes", says=r"steps|shape|\b8\b|how many|number of")
def interpolate(start, end, steps=8):
    t = torch.linspace(0, 1, 8).reshape(8, *[1] * start.ndim)
    return start + t * (end - start)


@wrong(
    "06.4",
    "the end added whole, without subtracting the start",
    says=r"end|last|subtract|straight|line|minus|difference|1 -",
)
def interpolate(start, end, steps):
    return torch.stack([start + end * i / (steps - 1) for i in range(steps)])


@wrong(
    "06.4",
    "arange of a fractional step: rounding sometimes adds a code",
    says=r"one (code )?too many|steps|how many|arange|linspace|number of",
)
def interpolate(start, end, steps):
    gap = 1 / (steps - 1)
    t = torch.arange(0, 1 + gap, gap).reshape(-1, *[1] * start.ndim)
    return start + t * (end - start)


# 06.debug


@right("06.debug", "the encoder's last layer gives code numbers")
class FixedAutoencoder(nn.Module):
    def __init__(self, n_inputs: int, code: int):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(n_inputs, 64), nn.ReLU(), nn.Linear(64, code))
        self.decoder = nn.Sequential(nn.Linear(code, 64), nn.ReLU(), nn.Linear(64, n_inputs))

    def encode(self, x):
        return self.encoder(x)

    def decode(self, codes):
        return self.decoder(codes)

    def forward(self, x):
        return self.decode(self.encode(x))


@right("06.debug", "one linear layer each")
class FixedAutoencoder(nn.Module):
    def __init__(self, n_inputs, code):
        super().__init__()
        self.down = nn.Linear(n_inputs, code)
        self.up = nn.Linear(code, n_inputs)

    def encode(self, x):
        return self.down(x)

    def decode(self, codes):
        return self.up(codes)

    def forward(self, x):
        z = self.encode(x)
        return self.decode(z)


@right("06.debug", "the package's dense autoencoder inside")
class FixedAutoencoder(nn.Module):
    def __init__(self, n_inputs: int, code: int):
        super().__init__()
        self.inner = autoencoder.DenseAutoencoder(n_inputs, code)

    def encode(self, x):
        return self.inner.encoder(x)

    def decode(self, codes):
        return self.inner.decoder(codes)

    def forward(self, x):
        return self.decode(self.encode(x))


@right("06.debug", "weights as parameters, matrix products written out")
class FixedAutoencoder(nn.Module):
    def __init__(self, n_inputs, code, width=32):
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(n_inputs, width) / n_inputs**0.5)
        self.w2 = nn.Parameter(torch.randn(width, code) / width**0.5)
        self.w3 = nn.Parameter(torch.randn(code, width) / code**0.5)
        self.w4 = nn.Parameter(torch.randn(width, n_inputs) / width**0.5)

    def encode(self, x):
        return torch.tanh(x @ self.w1) @ self.w2

    def decode(self, codes):
        return torch.tanh(codes @ self.w3) @ self.w4

    def forward(self, x):
        return self.decode(self.encode(x))


@right("06.debug", "both halves of the wide output averaged into one code")
class FixedAutoencoder(nn.Module):
    def __init__(self, n_inputs: int, code: int):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(n_inputs, 64), nn.ReLU(), nn.Linear(64, 2 * code))
        self.decoder = nn.Sequential(nn.Linear(code, 64), nn.ReLU(), nn.Linear(64, n_inputs))

    def encode(self, x):
        first, second = self.encoder(x).chunk(2, dim=1)
        return (first + second) / 2

    def decode(self, codes):
        return self.decoder(codes)

    def forward(self, x):
        return self.decode(self.encode(x))


@right("06.debug", "deeper, with layer norm and GELU")
class FixedAutoencoder(nn.Module):
    def __init__(self, n_inputs: int, code: int):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(n_inputs, 96), nn.LayerNorm(96), nn.GELU(), nn.Linear(96, code))
        self.decoder = nn.Sequential(nn.Linear(code, 96), nn.LayerNorm(96), nn.GELU(), nn.Linear(96, n_inputs))

    def encode(self, x):
        return self.encoder(x)

    def decode(self, codes):
        return self.decoder(codes)

    def forward(self, x):
        return self.decode(self.encode(x))


class _Base(nn.Module):
    """The first right answer, for wrong ones that differ in one method."""

    def __init__(self, n_inputs: int, code: int):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(n_inputs, 64), nn.ReLU(), nn.Linear(64, code))
        self.decoder = nn.Sequential(nn.Linear(code, 64), nn.ReLU(), nn.Linear(64, n_inputs))

    def encode(self, x):
        return self.encoder(x)

    def decode(self, codes):
        return self.decoder(codes)

    def forward(self, x):
        return self.decode(self.encode(x))


class _Wide(_Base):
    """The buggy model's encoder of twice the width."""

    def __init__(self, n_inputs: int, code: int):
        super().__init__(n_inputs, code)
        self.encoder = nn.Sequential(nn.Linear(n_inputs, 64), nn.ReLU(), nn.Linear(64, 2 * code))


@wrong("06.debug", "reconstructions twice as wide, cut to size", says=r"of the 60 outputs .* a part is .*cut off")
class FixedAutoencoder(_Base):
    def __init__(self, n_inputs: int, code: int):
        super().__init__(n_inputs, code)
        self.n_inputs = n_inputs
        self.decoder = nn.Sequential(nn.Linear(code, 64), nn.ReLU(), nn.Linear(64, 2 * n_inputs))

    def decode(self, codes):
        return self.decoder(codes)[:, : self.n_inputs]


@wrong("06.debug", "the buggy model unchanged", says=r"shape|code|example|row|mix|other")
class FixedAutoencoder(_Wide):
    def decode(self, codes):
        return self.decoder(codes.reshape(-1, self.decoder[0].in_features))

    def forward(self, x):
        return self.decode(self.encode(x))[: len(x)]


@wrong("06.debug", "second half of the encoder's output cut off", says=r"cut|gradient|learn|unused|never|weights")
class FixedAutoencoder(_Wide):
    def __init__(self, n_inputs: int, code: int):
        super().__init__(n_inputs, code)
        self.code = code

    def encode(self, x):
        return self.encoder(x)[:, : self.code]


@wrong(
    "06.debug",
    "reshape kept, every second reconstruction taken",
    says=r"cut|shape|code|gradient|learn|unused|never|weights",
)
class FixedAutoencoder(_Wide):
    def decode(self, codes):
        return self.decoder(codes.reshape(-1, self.decoder[0].in_features))[::2]


@wrong("06.debug", "the decoder takes twice the code", says=r"shape|code|width|\(B, code\)|numbers")
class FixedAutoencoder(_Wide):
    def __init__(self, n_inputs: int, code: int):
        super().__init__(n_inputs, code)
        self.decoder = nn.Sequential(nn.Linear(2 * code, 64), nn.ReLU(), nn.Linear(64, n_inputs))


@wrong("06.debug", "the batch's mean subtracted from the input", says=r"other example|depends|mean|example|batch")
class FixedAutoencoder(_Base):
    def forward(self, x):
        return self.decode(self.encode(x - x.mean(dim=0)))


@wrong("06.debug", "softmax of the codes over the batch", says=r"other example|depends|example|batch|dim|ax[ei]s")
class FixedAutoencoder(_Base):
    def encode(self, x):
        return self.encoder(x).softmax(dim=0)


@wrong("06.debug", "forward returns the codes", says=r"shape|decod|reconstruct|code")
class FixedAutoencoder(_Base):
    def forward(self, x):
        return self.encode(x)


@wrong("06.debug", "forward returns reconstruction and codes", says=r"tuple|tensor|two|pair|reconstruct")
class FixedAutoencoder(_Base):
    def forward(self, x):
        codes = self.encode(x)
        return self.decode(codes), codes


@wrong("06.debug", "the lesson's sizes written in", says=r"shape|size|n_inputs|192|any|hard|width|mat1|multiplied")
class FixedAutoencoder(_Base):
    def __init__(self, n_inputs: int, code: int):
        super().__init__(192, 16)


@wrong("06.debug", "the code detached in forward", says=r"gradient|learn|detach|encoder")
class FixedAutoencoder(_Base):
    def forward(self, x):
        return self.decode(self.encode(x).detach())


@wrong("06.debug", "layers in a plain list", says=r"regist|ModuleList|\blist\b|no parameters")
class FixedAutoencoder(nn.Module):
    def __init__(self, n_inputs: int, code: int):
        super().__init__()
        self.layers = [nn.Linear(n_inputs, 64), nn.Linear(64, code), nn.Linear(code, 64), nn.Linear(64, n_inputs)]

    def encode(self, x):
        return self.layers[1](self.layers[0](x).relu())

    def decode(self, codes):
        return self.layers[3](self.layers[2](codes).relu())

    def forward(self, x):
        return self.decode(self.encode(x))


@wrong(
    "06.debug",
    "squeeze loses the axis of a batch of one",
    says=r"squeeze|shape|batch of (one|1)|single|one example|1 example",
)
class FixedAutoencoder(_Base):
    def decode(self, codes):
        return self.decoder(codes).squeeze()


@wrong("06.debug", "forward bypasses the code", says=r"code|encod|decod|one after the other|input|gradient|learn")
class FixedAutoencoder(_Base):
    def forward(self, x):
        self.encode(x)
        return x


@wrong("06.debug", "examples in reversed order", says=r"example|order|row|mix|other|depends")
class FixedAutoencoder(_Base):
    def encode(self, x):
        return self.encoder(x).flip(0)


@wrong(
    "06.debug",
    "the code padded with zeros that no weight computes",
    says=r"learn|gradient|unused|zero|weights|shape|code|never",
)
class FixedAutoencoder(_Base):
    def __init__(self, n_inputs: int, code: int):
        super().__init__(n_inputs, code)
        self.encoder = nn.Sequential(nn.Linear(n_inputs, 64), nn.ReLU(), nn.Linear(64, code - code // 2))
        self.code = code

    def encode(self, x):
        short = self.encoder(x)
        return F.pad(short, (0, self.code - short.shape[1]))


# 06.collapse


@right("06.collapse", "flattened, both terms for each example")
def negative_elbo(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    error = (x - reconstruction).flatten(1).square().sum(dim=1) / 2
    return (error + beta * vae.kl_divergence(mean, log_variance)).mean()


@right("06.collapse", "mse_loss with a sum, divided by the batch")
def negative_elbo(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    half = 0.5 * F.mse_loss(reconstruction, x, reduction="sum") / len(x)
    kl = 0.5 * (mean.pow(2) + log_variance.exp() - 1 - log_variance).sum(1).mean()
    return half + beta * kl


@right("06.collapse", "a loop over the examples")
def negative_elbo(outputs, x, beta):
    total = 0.0
    for target, output, mean, log_variance in zip(x, *outputs, strict=True):
        error = ((target - output) ** 2).sum() / 2
        total = total + error + beta * 0.5 * torch.sum(mean**2 + log_variance.exp() - 1 - log_variance)
    return total / len(x)


@right("06.collapse", "the mean times the numbers of one example")
def negative_elbo(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    return x[0].numel() / 2 * F.mse_loss(reconstruction, x) + beta * vae.kl_divergence(mean, log_variance).mean()


@right("06.collapse", "norms and PyTorch's distributions")
def negative_elbo(outputs, x, beta):
    output, mean, log_variance = outputs
    q = torch.distributions.Normal(mean, (log_variance / 2).exp())
    kl = torch.distributions.kl_divergence(q, torch.distributions.Normal(0.0, 1.0)).sum(-1)
    error = torch.cdist(x.reshape(len(x), 1, -1), output.reshape(len(x), 1, -1)).flatten() ** 2
    return torch.mean(error / 2 + beta * kl)


@wrong("06.collapse", "the buggy loss: mean over pixels", says=r"sum|averag|mean|squared error")
def negative_elbo(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    return F.mse_loss(reconstruction, x) + beta * vae.kl_divergence(mean, log_variance).mean()


@wrong("06.collapse", "half the mean over pixels", says=r"sum|averag|mean|squared error")
def negative_elbo(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    return 0.5 * F.mse_loss(reconstruction, x) + beta * vae.kl_divergence(mean, log_variance).mean()


@wrong("06.collapse", "one half forgotten", says=r"half|0\.5|1/2|½|twice|double|factor")
def negative_elbo(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    return ((x - reconstruction) ** 2).flatten(1).sum(1).mean() + beta * vae.kl_divergence(mean, log_variance).mean()


@wrong("06.collapse", "beta on the squared error", says=r"beta|β")
def negative_elbo(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    error = ((x - reconstruction) ** 2).flatten(1).sum(1) / 2
    return (beta * error + vae.kl_divergence(mean, log_variance)).mean()


@wrong("06.collapse", "beta on both terms", says=r"beta|β")
def negative_elbo(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    error = ((x - reconstruction) ** 2).flatten(1).sum(1) / 2
    return beta * (error + vae.kl_divergence(mean, log_variance)).mean()


@wrong("06.collapse", "beta ignored", says=r"beta|β")
def negative_elbo(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    error = ((x - reconstruction) ** 2).flatten(1).sum(1) / 2
    return (error + vae.kl_divergence(mean, log_variance)).mean()


@wrong("06.collapse", "both terms summed over the batch", says=r"batch|averag|mean|divid")
def negative_elbo(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    return F.mse_loss(reconstruction, x, reduction="sum") / 2 + beta * vae.kl_divergence(mean, log_variance).sum()


@wrong("06.collapse", "the error summed over the batch, the KL averaged", says=r"batch|averag|mean|divid|squared error")
def negative_elbo(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    return F.mse_loss(reconstruction, x, reduction="sum") / 2 + beta * vae.kl_divergence(mean, log_variance).mean()


@wrong("06.collapse", "KL averaged over the dimensions", says=r"KL|dimension|sum")
def negative_elbo(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    error = ((x - reconstruction) ** 2).flatten(1).sum(1) / 2
    kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean(1)
    return (error + beta * kl).mean()


@wrong("06.collapse", "3,072 written in", says=r"3,?072|1,?536|size|shape|numbers? of|values|hard|any")
def negative_elbo(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    return 1536 * F.mse_loss(reconstruction, x) + beta * vae.kl_divergence(mean, log_variance).mean()


@wrong("06.collapse", "1,536 for every image", says=r"multiplied by 1,536")
def negative_elbo(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    return 1536 * (x - reconstruction).square().mean() + beta * vae.kl_divergence(mean, log_variance).mean()


@wrong("06.collapse", "the error divided by the width of the code", says=r"divided by the number of dimensions")
def negative_elbo(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    error = 0.5 * F.mse_loss(reconstruction, x, reduction="sum") / mean.shape[1]
    return error + beta * vae.kl_divergence(mean, log_variance).mean()


@wrong("06.collapse", "summed over the channels only", says=r"ax[ei]s|sum|averag|mean|all")
def negative_elbo(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    error = ((x - reconstruction) ** 2).sum(dim=1).mean() / 2
    return error + beta * vae.kl_divergence(mean, log_variance).mean()


@wrong("06.collapse", "a number, without gradient", says=r"tensor|gradient|float|item|number")
def negative_elbo(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    error = ((x - reconstruction) ** 2).flatten(1).sum(1) / 2
    return (error + beta * vae.kl_divergence(mean, log_variance)).mean().item()


@wrong("06.collapse", "one loss for each example", says=r"batch|mean|averag|shape|one number|\(\)")
def negative_elbo(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    error = ((x - reconstruction) ** 2).flatten(1).sum(1) / 2
    return error + beta * vae.kl_divergence(mean, log_variance)


@wrong("06.collapse", "the reconstruction detached", says=r"gradient|detach|reconstruction")
def negative_elbo(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    error = ((x - reconstruction.detach()) ** 2).flatten(1).sum(1) / 2
    return (error + beta * vae.kl_divergence(mean, log_variance)).mean()


@wrong("06.collapse", "mean and log variance swapped", says=r"swap|order|log_variance|KL|exchanged")
def negative_elbo(outputs, x, beta):
    reconstruction, log_variance, mean = outputs
    error = ((x - reconstruction) ** 2).flatten(1).sum(1) / 2
    return (error + beta * vae.kl_divergence(mean, log_variance)).mean()


@wrong("06.collapse", "absolute error", says=r"squar|absolute|\*\* ?2")
def negative_elbo(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    error = (x - reconstruction).abs().flatten(1).sum(1) / 2
    return (error + beta * vae.kl_divergence(mean, log_variance)).mean()


@wrong("06.collapse", "the norm, not its square", says=r"squar|norm|root|\*\* ?2")
def negative_elbo(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    error = (x - reconstruction).flatten(1).norm(dim=1) / 2
    return (error + beta * vae.kl_divergence(mean, log_variance)).mean()


@wrong("06.collapse", "both terms halved", says=r"KL|beta|half|twice|0\.5|β")
def negative_elbo(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    error = ((x - reconstruction) ** 2).flatten(1).sum(1)
    return 0.5 * (error + beta * vae.kl_divergence(mean, log_variance)).mean()


@wrong("06.collapse", "the KL subtracted", says=r"sign|minus|subtract|plus|add|negative")
def negative_elbo(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    error = ((x - reconstruction) ** 2).flatten(1).sum(1) / 2
    return (error - beta * vae.kl_divergence(mean, log_variance)).mean()


@wrong("06.collapse", "the KL detached", says=r"gradient|detach|KL|mean")
def negative_elbo(outputs, x, beta):
    reconstruction, mean, log_variance = outputs
    error = ((x - reconstruction) ** 2).flatten(1).sum(1) / 2
    with torch.no_grad():
        kl = vae.kl_divergence(mean, log_variance)
    return (error + beta * kl).mean()
