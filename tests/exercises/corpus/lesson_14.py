"""Learners' answers for lesson 14, text to image: written from the lesson alone, without its checks and their texts."""

import random
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from . import right, wrong


def column(t: Tensor) -> Tensor:
    return t[:, None, None, None]


@right("14.1", "times with three axes more")
def flow_pair(noise: Tensor, data: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    t = t[:, None, None, None]
    return (1 - t) * noise + t * data, data - noise


@right("14.1", "lerp")
def flow_pair(noise, data, t):
    return torch.lerp(noise, data, t.view(-1, *[1] * (data.dim() - 1))), torch.sub(data, noise)


@right("14.1", "a loop over the examples")
def flow_pair(noise, data, t):
    points, velocities = [], []
    for x0, x1, time in zip(noise, data, t):
        points.append((1 - time) * x0 + time * x1)
        velocities.append(x1 - x0)
    return torch.stack(points), torch.stack(velocities)


@right("14.1", "einsum, from the noise along the velocity")
def flow_pair(noise, data, t):
    velocity = data - noise
    return noise + torch.einsum("b,bchw->bchw", t, velocity), velocity


@right("14.1", "flat rows")
def flow_pair(noise, data, t):
    a, b = noise.flatten(1), data.flatten(1)
    x = (1 - t).unsqueeze(1) * a + t.unsqueeze(1) * b
    return x.view_as(noise), (b - a).reshape(noise.shape)


@wrong(
    "14.1",
    "noise and data exchanged in the point",
    says=r"exchang|swap|t = 0|t=0|noise at|data at|revers|1 - t|direction",
)
def flow_pair(noise, data, t):
    t = column(t)
    return t * noise + (1 - t) * data, data - noise


@wrong(
    "14.1",
    "the velocity points to the noise",
    says=r"sign|direction|data - noise|opposite|noise - data|towards|backward",
)
def flow_pair(noise, data, t):
    t = column(t)
    return (1 - t) * noise + t * data, noise - data


@wrong("14.1", "the velocity times t", says=r"velocity|depend|constant|times")
def flow_pair(noise, data, t):
    t = column(t)
    return (1 - t) * noise + t * data, t * (data - noise)


@wrong("14.1", "the velocity from the point to the data", says=r"velocity|remaining|point|data - noise")
def flow_pair(noise, data, t):
    t = column(t)
    x = (1 - t) * noise + t * data
    return x, data - x


@wrong(
    "14.1",
    "the velocity from the point to the data, for the remaining time: NaN at t = 1",
    says=r"nan|finite|t = 1|divi|\b1\b",
)
def flow_pair(noise, data, t):
    t = column(t)
    x = (1 - t) * noise + t * data
    return x, (data - x) / (1 - t)


@wrong("14.1", "times along the last axis", says=r"axis|shape|broadcast|own t|each example|width|last|size of tensor")
def flow_pair(noise, data, t):
    return (1 - t) * noise + t * data, data - noise


@wrong("14.1", "times along the channels", says=r"axis|shape|broadcast|own t|each example|channel|size of tensor")
def flow_pair(noise, data, t):
    t = t[None, :, None, None]
    return (1 - t) * noise + t * data, data - noise


@wrong("14.1", "one time for all examples", says=r"own|each example|first|every example|same t|all examples")
def flow_pair(noise, data, t):
    return (1 - t[0]) * noise + t[0] * data, data - noise


@wrong("14.1", "the mean time for all examples", says=r"own|each example|mean|every example|same t|all examples")
def flow_pair(noise, data, t):
    return (1 - t.mean()) * noise + t.mean() * data, data - noise


@wrong("14.1", "velocity and point exchanged", says=r"order|exchang|swap|first")
def flow_pair(noise, data, t):
    t = column(t)
    return data - noise, (1 - t) * noise + t * data


@wrong("14.1", "draws its own times", says=r"\bt\b|time|random|given|draw")
def flow_pair(noise, data, t):
    t = torch.rand(len(noise), 1, 1, 1, dtype=noise.dtype)
    return (1 - t) * noise + t * data, data - noise


@wrong("14.1", "always float32", says=r"dtype|float64|double|float32|precision")
def flow_pair(noise, data, t):
    noise, data, t = noise.float(), data.float(), column(t).float()
    return (1 - t) * noise + t * data, data - noise


@wrong("14.1", "without gradients", says=r"gradient|no_grad|graph|detach")
@torch.no_grad()
def flow_pair(noise, data, t):
    t = column(t)
    return (1 - t) * noise + t * data, data - noise


@wrong("14.1", "only the point has gradients", says=r"gradient|detach|velocity|graph")
def flow_pair(noise, data, t):
    t = column(t)
    return (1 - t) * noise + t * data, (data - noise).detach()


@wrong("14.1", "through numpy, no gradients", says=r"gradient|numpy|detach|graph")
def flow_pair(noise, data, t):
    a, b, time = noise.detach().numpy(), data.detach().numpy(), column(t).numpy()
    return torch.from_numpy((1 - time) * a + time * b), torch.from_numpy(b - a)


@wrong(
    "14.1",
    "changes the noise before the velocity is computed",
    says=r"in place|changed|unchanged|velocity|modif|input|copy",
)
def flow_pair(noise, data, t):
    values = noise.data
    values *= column(1 - t)
    return noise + column(t) * data, data - noise


@wrong("14.1", "adds the whole noise", says=r"1 - t|noise")
def flow_pair(noise, data, t):
    return noise + column(t) * data, data - noise


@wrong("14.1", "square roots, as in diffusion", says=r"root|sqrt|straight|diffusion|line|linear")
def flow_pair(noise, data, t):
    t = column(t)
    return (1 - t).sqrt() * noise + t.sqrt() * data, data - noise


@wrong("14.1", "squeezes the result", says=r"squeeze|shape|one example|one channel|single|axis|axes|size 1")
def flow_pair(noise, data, t):
    t = column(t)
    return ((1 - t) * noise + t * data).squeeze(), (data - noise).squeeze()


@wrong("14.1", "points limited to pixels from 0 to 1", says=r"clamp|limit|range|0 and 1|between|clip|outside|negativ")
def flow_pair(noise, data, t):
    t = column(t)
    return ((1 - t) * noise + t * data).clamp(0, 1), data - noise


@wrong("14.1", "returns after the first example", says=r"shape|loop|return|each|every|first|batch")
def flow_pair(noise, data, t):
    for x0, x1, time in zip(noise, data, t):
        return (1 - time) * x0 + time * x1, x1 - x0


@wrong("14.1", "the noise's weight is 1 + t", says=r"weight|1 - t")
def flow_pair(noise, data, t):
    t = t[:, None, None, None]
    return (1 + t) * noise + t * data, data - noise


# 14.2


@right("14.2", "for loop")
def euler(velocity: Callable[[Tensor, Tensor], Tensor], noise: Tensor, steps: int) -> Tensor:
    x = noise
    for i in range(steps):
        t = torch.full((len(noise),), i / steps, dtype=noise.dtype)
        x = x + velocity(x, t) / steps
    return x


@right("14.2", "times by linspace, without the last")
def euler(velocity, noise, steps):
    times = torch.linspace(0, 1, steps + 1, dtype=noise.dtype)
    x = noise.clone()
    for now, then in zip(times[:-1], times[1:]):
        x += (then - now) * velocity(x.clone(), now.expand(x.shape[0]))
    return x


@right("14.2", "recursion")
def euler(velocity, noise, steps):
    def after(n):
        if n == 0:
            return noise
        x = after(n - 1)
        return x + velocity(x, noise.new_full((noise.size(0),), (n - 1) / steps)) / steps

    return after(steps)


@right("14.2", "while, time as a vector")
def euler(velocity, noise, steps):
    x, n = noise, 0
    while n < steps:
        t = torch.ones(x.shape[0], dtype=x.dtype, device=x.device) * n / steps
        x = torch.add(x, velocity(x, t), alpha=1 / steps)
        n += 1
    return x


@right("14.2", "arange, one column of times")
def euler(velocity, noise, steps, start=0.0):
    grid = (torch.arange(steps, dtype=noise.dtype) / steps)[:, None].expand(-1, len(noise))
    x = noise
    for t in grid:
        x = x + (1 - start) / steps * velocity(x, t)
    return x


@wrong("14.2", "velocity at the end of each step", says=r"begin|end of|t = 0|t=0|first|start|late")
def euler(velocity, noise, steps):
    x = noise
    for i in range(steps):
        x = x + velocity(x, torch.full((len(x),), (i + 1) / steps, dtype=x.dtype)) / steps
    return x


@wrong("14.2", "velocity in the middle of each step", says=r"begin|middle|mid|t = 0|t=0|first|start")
def euler(velocity, noise, steps):
    x = noise
    for i in range(steps):
        x = x + velocity(x, torch.full((len(x),), (i + 0.5) / steps, dtype=x.dtype)) / steps
    return x


@wrong("14.2", "the size of the step is forgotten", says=r"size|1/n|divid|/ ?steps|step|1 /")
def euler(velocity, noise, steps):
    x = noise
    for i in range(steps):
        x = x + velocity(x, torch.full((len(x),), i / steps, dtype=x.dtype))
    return x


@wrong("14.2", "one number as the time", says=r"shape|one time|per example|each example|\(B,\)|axis|axes")
def euler(velocity, noise, steps):
    x = noise
    for i in range(steps):
        x = x + velocity(x, torch.tensor(i / steps, dtype=x.dtype)) / steps
    return x


@wrong("14.2", "times with four axes", says=r"shape|\(B,\)|axis|axes|one time")
def euler(velocity, noise, steps):
    x = noise
    for i in range(steps):
        t = torch.full((len(x), *[1] * (x.dim() - 1)), i / steps, dtype=x.dtype)
        x = x + velocity(x, t) / steps
    return x


@wrong("14.2", "times always in float32", says=r"dtype|float64|double|float32|precision")
def euler(velocity, noise, steps):
    x = noise
    for i in range(steps):
        x = x + velocity(x, torch.full((len(x),), i / steps)) / steps
    return x


@wrong("14.2", "the samples become float32", says=r"dtype|float64|double|float32|precision")
def euler(velocity, noise, steps):
    x = noise.float()
    for i in range(steps):
        x = x + velocity(x, torch.full((len(x),), i / steps)) / steps
    return x


@wrong("14.2", "changes the noise", says=r"noise|in place|unchanged|chang|clone")
def euler(velocity, noise, steps):
    for i in range(steps):
        noise += velocity(noise, torch.full((len(noise),), i / steps, dtype=noise.dtype)) / steps
    return noise


@wrong("14.2", "one step too many", says=r"too many|steps|times|evaluat|more")
def euler(velocity, noise, steps):
    x = noise
    for i in range(steps + 1):
        x = x + velocity(x, torch.full((len(x),), i / steps, dtype=x.dtype)) / steps
    return x


@wrong("14.2", "one step too few", says=r"too few|steps|times|evaluat|missing|less|t = 0|first")
def euler(velocity, noise, steps):
    x = noise
    for i in range(1, steps):
        x = x + velocity(x, torch.full((len(x),), i / steps, dtype=x.dtype)) / steps
    return x


@wrong("14.2", "the last time is 1", says=r"begin|1 - 1/n|linspace|spac|last|equal|n - 1|evaluat|t =|times?")
def euler(velocity, noise, steps):
    x = noise
    for t in torch.linspace(0, 1, steps, dtype=noise.dtype):
        x = x + velocity(x, t.expand(len(x))) / steps
    return x


@wrong("14.2", "minus the velocity", says=r"sign|minus|subtract|direction|opposite|add|backward")
def euler(velocity, noise, steps):
    x = noise
    for i in range(steps):
        x = x - velocity(x, torch.full((len(x),), i / steps, dtype=x.dtype)) / steps
    return x


@wrong("14.2", "from t = 1 back to 0", says=r"order|backward|revers|from 0|t = 0|t=0|begin|first|direction")
def euler(velocity, noise, steps):
    x = noise
    for i in reversed(range(steps)):
        x = x + velocity(x, torch.full((len(x),), i / steps, dtype=x.dtype)) / steps
    return x


@wrong("14.2", "Heun's method: two evaluations", says=r"once|two|twice|heun|evaluat|euler")
def euler(velocity, noise, steps):
    x = noise
    for i in range(steps):
        now, then = (torch.full((len(x),), j / steps, dtype=x.dtype) for j in (i, i + 1))
        first = velocity(x, now)
        x = x + (first + velocity(x + first / steps, then)) / (2 * steps)
    return x


@wrong("14.2", "always steps from the noise", says=r"noise|current|accumul|previous|where|last|each step|sum")
def euler(velocity, noise, steps):
    x = noise
    for i in range(steps):
        x = noise + velocity(x, torch.full((len(x),), i / steps, dtype=x.dtype)) / steps
    return x


@wrong("14.2", "velocities always of the noise", says=r"noise|current|previous|where|each step|moved|same")
def euler(velocity, noise, steps):
    x = noise
    for i in range(steps):
        x = x + velocity(noise, torch.full((len(x),), i / steps, dtype=x.dtype)) / steps
    return x


@wrong("14.2", "the time stays 0", says=r"time|\bt\b|advance|0")
def euler(velocity, noise, steps):
    x, t = noise, torch.zeros(len(noise), dtype=noise.dtype)
    for _ in range(steps):
        x = x + velocity(x, t) / steps
    return x


@wrong("14.2", "the number of the step as the time", says=r"time|\bt\b|divid|/ ?n|/ ?steps|between")
def euler(velocity, noise, steps):
    x = noise
    for i in range(steps):
        x = x + velocity(x, torch.full((len(x),), float(i), dtype=x.dtype)) / steps
    return x


@wrong("14.2", "returns inside the loop", says=r"return|loop|one step|first step|steps|too few|evaluat")
def euler(velocity, noise, steps):
    x = noise
    for i in range(steps):
        x = x + velocity(x, torch.full((len(x),), i / steps, dtype=x.dtype)) / steps
        return x


@wrong("14.2", "images only: four axes", says=r"axes|axis|shape|dim|unpack|images")
def euler(velocity, noise, steps):
    B, C, H, W = noise.shape
    x = noise
    for i in range(steps):
        x = x + velocity(x, torch.full((B,), i / steps, dtype=x.dtype)) / steps
    return x


@wrong("14.2", "rounding adds a step: the time is summed up to 1", says=r"round|too many|steps|evaluat|more|float|sum")
def euler(velocity, noise, steps):
    x, t = noise, 0.0
    while t < 1:
        x = x + velocity(x, torch.full((len(x),), t, dtype=x.dtype)) / steps
        t += 1 / steps
    return x


@wrong("14.2", "limits the samples to pixels", says=r"clamp|limit|range|between|clip|outside|0 and 1")
def euler(velocity, noise, steps):
    x = noise
    for i in range(steps):
        x = (x + velocity(x, torch.full((len(x),), i / steps, dtype=x.dtype)) / steps).clamp(0, 1)
    return x


@wrong("14.2", "new noise in every step", says=r"random|noise|differ|twice|same")
def euler(velocity, noise, steps):
    x = noise
    for i in range(steps):
        x = x + velocity(x, torch.full((len(x),), i / steps, dtype=x.dtype)) / steps + 0.1 * torch.randn_like(x)
    return x


@wrong("14.2", "x and t exchanged", says=r"argument|order|exchang|swap|shape|velocity\(")
def euler(velocity, noise, steps):
    x = noise
    for i in range(steps):
        x = x + velocity(torch.full((len(x),), i / steps, dtype=x.dtype), x) / steps
    return x


# 14.3


@right("14.3", "from the unconditional one along the difference")
def guided(conditional: Tensor, unconditional: Tensor, scale: float) -> Tensor:
    return unconditional + scale * (conditional - unconditional)


@right("14.3", "weights that sum to 1")
def guided(conditional, unconditional, scale):
    return (1 - scale) * unconditional + scale * conditional


@right("14.3", "lerp")
def guided(conditional, unconditional, scale):
    return torch.lerp(unconditional, conditional, float(scale))


@right("14.3", "a loop over the examples")
def guided(conditional, unconditional, scale):
    return torch.stack([u + (c - u) * scale for c, u in zip(conditional, unconditional)])


@right("14.3", "a matrix product of stacked velocities")
def guided(conditional, unconditional, scale):
    both = torch.stack([unconditional, conditional])
    weights = torch.tensor([1 - scale, scale], dtype=both.dtype)
    return torch.tensordot(weights, both, dims=1)


@wrong("14.3", "begins at the conditional one", says=r"scale (of )?0|scale=0|uncondition|s = 0|begin|start|scale of 1")
def guided(conditional, unconditional, scale):
    return conditional + scale * (conditional - unconditional)


@wrong("14.3", "conditional and unconditional exchanged", says=r"exchang|swap|uncondition|revers|scale 0|order")
def guided(conditional, unconditional, scale):
    return conditional + scale * (unconditional - conditional)


@wrong(
    "14.3", "the difference has the wrong sign", says=r"sign|difference|direction|minus|opposite|revers|subtract|away"
)
def guided(conditional, unconditional, scale):
    return unconditional + scale * (unconditional - conditional)


@wrong("14.3", "the scaled difference alone", says=r"uncondition|add|difference|scale 0|alone|missing|forgot|begin")
def guided(conditional, unconditional, scale):
    return scale * (conditional - unconditional)


@wrong("14.3", "the scaled conditional one alone", says=r"uncondition|difference|multipl|scale 0")
def guided(conditional, unconditional, scale):
    return scale * conditional


@wrong("14.3", "the sum, the conditional one scaled", says=r"difference|subtract|uncondition|1 - |sum|scale 1|line")
def guided(conditional, unconditional, scale):
    return unconditional + scale * conditional


@wrong(
    "14.3", "the paper's weights: 1 + s and -s", says=r"1 \+|scale 0|uncondition|paper|off by|one more|scale (of )?1"
)
def guided(conditional, unconditional, scale):
    return (1 + scale) * conditional - scale * unconditional


@wrong("14.3", "the scale is limited to 1", says=r"beyond|above 1|clamp|limit|larger|> 1|more than 1|exceed|greater")
def guided(conditional, unconditional, scale):
    s = min(max(scale, 0.0), 1.0)
    return unconditional + s * (conditional - unconditional)


@wrong("14.3", "the mean of both", says=r"mean|half|scale|average")
def guided(conditional, unconditional, scale):
    return (conditional + unconditional) / 2


@wrong("14.3", "the unconditional one is detached", says=r"gradient|detach|graph")
def guided(conditional, unconditional, scale):
    base = unconditional.detach()
    return base + scale * (conditional - base)


@wrong("14.3", "without gradients", says=r"gradient|no_grad|graph")
@torch.no_grad()
def guided(conditional, unconditional, scale):
    return unconditional + scale * (conditional - unconditional)


@wrong("14.3", "always float32", says=r"dtype|float64|double|float32|precision")
def guided(conditional, unconditional, scale):
    return (unconditional + scale * (conditional - unconditional)).float()


@wrong("14.3", "a scale in float64 makes a result in float64", says=r"dtype|float64|double|float32|float16")
def guided(conditional, unconditional, scale):
    s = torch.full(conditional.shape, scale, dtype=torch.float64)
    return unconditional + s * (conditional - unconditional)


@wrong("14.3", "the difference is normalised", says=r"\bnorm|length of")
def guided(conditional, unconditional, scale):
    return unconditional + scale * F.normalize(conditional - unconditional, dim=-1)


@wrong("14.3", "the scale as a whole number", says=r"whole|integer|\bint|fraction|round|0\.5|between")
def guided(conditional, unconditional, scale):
    return unconditional + int(scale) * (conditional - unconditional)


@wrong("14.3", "squeezes the result", says=r"squeeze|shape|one example|single|axis|axes|size 1")
def guided(conditional, unconditional, scale):
    return (unconditional + scale * (conditional - unconditional)).squeeze()


@wrong("14.3", "four axes, as images have", says=r"axes|axis|shape|dim|unpack|images")
def guided(conditional, unconditional, scale):
    B, C, H, W = conditional.shape
    s = torch.tensor(scale, dtype=conditional.dtype).view(1, 1, 1, 1).expand(B, C, H, W)
    return unconditional + s * (conditional - unconditional)


@wrong("14.3", "the mean difference of the batch", says=r"batch|mean|own|each example|other examples|average")
def guided(conditional, unconditional, scale):
    return unconditional + scale * (conditional - unconditional).mean(dim=0, keepdim=True)


@wrong("14.3", "changes the conditional velocity", says=r"in place|in-place|inplace|chang|gradient|leaf|input")
def guided(conditional, unconditional, scale):
    conditional -= unconditional
    conditional *= scale
    conditional += unconditional
    return conditional


@wrong("14.3", "the scale squared", says=r"squar|scale|line|proportion|twice")
def guided(conditional, unconditional, scale):
    return unconditional + scale**2 * (conditional - unconditional)


@wrong("14.3", "the sum of both in the place of the difference", says=r"weight")
def guided(conditional, unconditional, scale):
    return unconditional + scale * (conditional + unconditional)


# 14.4


@right("14.4", "a mask, where")
def drop_conditions(tokens: Tensor, probability: float, empty: Tensor) -> Tensor:
    dropped = torch.rand(len(tokens)) < probability
    return torch.where(dropped[:, None], empty, tokens)


@right("14.4", "a copy, rows assigned")
def drop_conditions(tokens, probability, empty):
    result = tokens.clone()
    result[torch.rand(tokens.shape[0], device=tokens.device) < probability] = empty
    return result


@right("14.4", "a loop with python's random numbers")
def drop_conditions(tokens, probability, empty):
    return torch.stack([empty if random.random() < probability else sentence for sentence in tokens])


@right("14.4", "Bernoulli numbers, products")
def drop_conditions(tokens, probability, empty):
    keep = torch.bernoulli(torch.full((len(tokens), 1), 1.0 - probability)).long()
    return keep * tokens + (1 - keep) * empty


@right("14.4", "numpy")
def drop_conditions(tokens, probability, empty, rng=np.random.default_rng()):
    dropped = torch.from_numpy(rng.random(len(tokens)) < probability)
    return tokens.masked_scatter(dropped[:, None].expand_as(tokens), empty.repeat(int(dropped.sum())))


@right("14.4", "a binomial number of sentences, chosen at random")
def drop_conditions(tokens, probability, empty):
    n = int(np.random.binomial(len(tokens), probability))
    result = tokens.clone()
    result[torch.randperm(len(tokens))[:n]] = empty
    return result


@wrong("14.4", "one decision for the whole batch", says=r"batch|independen|each sentence|together|all or")
def drop_conditions(tokens, probability, empty):
    if random.random() < probability:
        return empty.expand_as(tokens).clone()
    return tokens.clone()


@wrong("14.4", "a decision for each word", says=r"word|whole|token|part")
def drop_conditions(tokens, probability, empty):
    return torch.where(torch.rand(tokens.shape) < probability, empty, tokens)


@wrong("14.4", "changes the sentences of the caller", says=r"unchanged|in place|chang|copy|clone")
def drop_conditions(tokens, probability, empty):
    tokens[torch.rand(len(tokens)) < probability] = empty
    return tokens


@wrong(
    "14.4",
    "keeps with the probability",
    says=r"keep(s|ing)|\bkept with|invert|opposite|exchang|revers|1 - p",
)
def drop_conditions(tokens, probability, empty):
    return torch.where((torch.rand(len(tokens)) < probability)[:, None], tokens, empty)


@wrong(
    "14.4",
    "exactly the expected number of sentences",
    says=r"independen|number|exact|always|same count|fixed|vary|varies",
)
def drop_conditions(tokens, probability, empty):
    result = tokens.clone()
    result[torch.randperm(len(tokens))[: round(probability * len(tokens))]] = empty
    return result


@wrong("14.4", "the first sentences of the batch", says=r"first|random|independen|position|same|anew|always|every call")
def drop_conditions(tokens, probability, empty):
    result = tokens.clone()
    result[: round(probability * len(tokens))] = empty
    return result


@wrong("14.4", "sets a seed", says=r"seed|anew|same|every call|each call|again")
def drop_conditions(tokens, probability, empty):
    torch.manual_seed(0)
    return torch.where((torch.rand(len(tokens)) < probability)[:, None], empty, tokens)


@wrong("14.4", "a generator of its own with a fixed seed", says=r"seed|anew|same|every call|each call|again")
def drop_conditions(tokens, probability, empty):
    numbers = torch.rand(len(tokens), generator=torch.Generator().manual_seed(0))
    return torch.where((numbers < probability)[:, None], empty, tokens)


DECISIONS = {}


@wrong("14.4", "decides once and remembers it", says=r"anew|same|every call|each call|again|once|seed")
def drop_conditions(tokens, probability, empty):
    numbers = DECISIONS.setdefault(len(tokens), torch.rand(len(tokens)))
    return torch.where((numbers < probability)[:, None], empty, tokens)


@wrong("14.4", "zeros instead of the empty sentence", says=r"empty|zero|0")
def drop_conditions(tokens, probability, empty):
    keep = torch.rand(len(tokens), 1) >= probability
    return tokens * keep


@wrong("14.4", "floats", says=r"float|int64|dtype|integer")
def drop_conditions(tokens, probability, empty):
    drop = (torch.rand(len(tokens), 1) < probability).float()
    return (1 - drop) * tokens + drop * empty


@wrong("14.4", "every second sentence, whatever the probability", says=r"half|ignor|0\.5|\bround")
def drop_conditions(tokens, probability, empty):
    return torch.where(torch.rand(len(tokens), 1).round().bool(), empty, tokens)


@wrong("14.4", "normal random numbers", says=r"normal|uniform|randn")
def drop_conditions(tokens, probability, empty):
    return torch.where(torch.randn(len(tokens), 1) < probability, empty, tokens)


@wrong("14.4", "returns inside the loop", says=r"shape|return|loop|every|first|each|all sentences|whole batch")
def drop_conditions(tokens, probability, empty):
    result = tokens.clone()
    for i in range(len(tokens)):
        if torch.rand(()) < probability:
            result[i] = empty
        return result


@wrong(
    "14.4",
    "the mask lies along the words",
    says=r"shape|axis|broadcast|same (positions|words)|along|\(B, 1\)|per sentence",
)
def drop_conditions(tokens, probability, empty):
    return torch.where(torch.rand(tokens.shape[1]) < probability, empty, tokens)


@wrong("14.4", "sentences are removed", says=r"shape|remov|replace|fewer|length")
def drop_conditions(tokens, probability, empty):
    return tokens[torch.rand(len(tokens)) >= probability]


@wrong("14.4", "tenths only: smaller probabilities become 0", says=r"round|tenth|\bint\b|whole")
def drop_conditions(tokens, probability, empty):
    return torch.where((torch.randint(10, (len(tokens),)) < int(probability * 10))[:, None], empty, tokens)


@wrong(
    "14.4",
    "two neighbours share a decision",
    says=r"independen|neighbour|pair|together|each sentence|number|vary|varies",
)
def drop_conditions(tokens, probability, empty):
    numbers = torch.rand((len(tokens) + 1) // 2).repeat_interleave(2)[: len(tokens)]
    return torch.where((numbers < probability)[:, None], empty, tokens)


@wrong("14.4", "another sentence of the batch instead of the empty one", says=r"empty|other|another|shuffl")
def drop_conditions(tokens, probability, empty):
    shuffled = tokens[torch.randperm(len(tokens))]
    return torch.where((torch.rand(len(tokens)) < probability)[:, None], shuffled, tokens)


@wrong("14.4", "always 10%, as in the lesson", says=r"ignor|0\.1\b|10%|argument|fixed")
def drop_conditions(tokens, probability, empty):
    return torch.where((torch.rand(len(tokens)) < 0.1)[:, None], empty, tokens)


@wrong("14.4", "the first word becomes the empty sentence's", says=r"whole|word|first|part|rest")
def drop_conditions(tokens, probability, empty):
    result = tokens.clone()
    result[torch.rand(len(tokens)) < probability, 0] = empty[0]
    return result


@wrong("14.4", "never the last sentence", says=r"last|never|every sentence|each sentence|position|independen")
def drop_conditions(tokens, probability, empty):
    result = tokens.clone()
    for i in range(len(tokens) - 1):
        if torch.rand(()) < probability:
            result[i] = empty
    return result


# 14.debug


class BuggyGenerator(nn.Module):
    """As the lesson has it."""

    def __init__(self, vocabulary_size: int, noise_size: int = 16, width: int = 32):
        super().__init__()
        self.sentence = nn.EmbeddingBag(vocabulary_size, width, padding_idx=0)
        self.film = nn.Linear(width, 2 * width)
        self.start = nn.Linear(noise_size, width * 8 * 8)
        self.norm = nn.InstanceNorm2d(width)
        self.layers = nn.Sequential(
            nn.ReLU(),
            nn.ConvTranspose2d(width, width, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(width, 3, 4, 2, 1),
            nn.Sigmoid(),
        )

    def forward(self, z: Tensor, tokens: Tensor) -> Tensor:
        scale, shift = self.film(self.sentence(tokens)).chunk(2, dim=1)
        maps = self.start(z).unflatten(1, (-1, 8, 8))
        maps = (1 + scale)[:, :, None, None] * maps + shift[:, :, None, None]
        return self.layers(self.norm(maps))


@right("14.debug", "normalise first, then modulate")
class FixedGenerator(BuggyGenerator):
    def forward(self, z, tokens):
        scale, shift = self.film(self.sentence(tokens)).chunk(2, dim=1)
        maps = self.norm(self.start(z).unflatten(1, (-1, 8, 8)))
        maps = (1 + scale)[:, :, None, None] * maps + shift[:, :, None, None]
        return self.layers(maps)


@right("14.debug", "no normalisation")
class FixedGenerator(BuggyGenerator):
    def forward(self, z, tokens):
        film = self.film(self.sentence(tokens))[..., None, None]
        scale, shift = film[:, : film.shape[1] // 2], film[:, film.shape[1] // 2 :]
        maps = self.start(z).view(len(z), -1, 8, 8)
        return self.layers(maps + scale * maps + shift)


@right("14.debug", "batch normalisation, which uses no other example in evaluation mode")
class FixedGenerator(BuggyGenerator):
    def __init__(self, vocabulary_size, noise_size=16, width=32):
        super().__init__(vocabulary_size, noise_size, width)
        self.norm = nn.BatchNorm2d(width, affine=False)

    def forward(self, z, tokens):
        scale, shift = self.film(self.sentence(tokens)).chunk(2, dim=1)
        maps = self.norm(self.start(z).unflatten(1, (-1, 8, 8)))
        return self.layers((1 + scale)[:, :, None, None] * maps + shift[:, :, None, None])


@right("14.debug", "layer normalisation over all channels keeps the sentence")
class FixedGenerator(BuggyGenerator):
    def __init__(self, vocabulary_size, noise_size=16, width=32):
        super().__init__(vocabulary_size, noise_size, width)
        self.norm = nn.GroupNorm(1, width)

    def forward(self, z, tokens):
        scale, shift = self.film(self.sentence(tokens)).chunk(2, dim=1)
        maps = self.start(z).unflatten(1, (-1, 8, 8))
        maps = (1 + scale)[:, :, None, None] * maps + shift[:, :, None, None]
        return self.layers(self.norm(maps))


@right("14.debug", "from scratch: noise and sentence side by side")
class FixedGenerator(nn.Module):
    def __init__(self, vocabulary_size, noise_size=16, width=32):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, width, padding_idx=0)
        self.start = nn.Linear(noise_size + width, 64 * width)
        self.layers = nn.Sequential(
            nn.GELU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GELU(),
            nn.Upsample(scale_factor=2),
            nn.Conv2d(width, 3, 3, padding=1),
            nn.Sigmoid(),
        )

    def forward(self, z, tokens):
        sentence = self.embedding(tokens).sum(dim=1)
        return self.layers(self.start(torch.cat([z, sentence], dim=1)).view(len(z), -1, 8, 8))


@right("14.debug", "a loop over the examples")
class FixedGenerator(BuggyGenerator):
    def forward(self, z, tokens):
        images = []
        for noise, sentence in zip(z, tokens):
            scale, shift = self.film(self.sentence(sentence[None]))[0].chunk(2)
            maps = self.norm(self.start(noise).view(1, -1, 8, 8))[0]
            maps = (1 + scale)[:, None, None] * maps + shift[:, None, None]
            images.append(self.layers(maps[None])[0])
        return torch.stack(images)


@wrong("14.debug", "nothing changed", says=r"norm|standard deviation|removes")
class FixedGenerator(BuggyGenerator):
    def forward(self, z, tokens):
        return super().forward(z, tokens)


@wrong("14.debug", "normalised before and again after", says=r"norm|standard deviation|removes")
class FixedGenerator(BuggyGenerator):
    def forward(self, z, tokens):
        scale, shift = self.film(self.sentence(tokens)).chunk(2, dim=1)
        maps = self.norm(self.start(z).unflatten(1, (-1, 8, 8)))
        maps = (1 + scale)[:, :, None, None] * maps + shift[:, :, None, None]
        return self.layers(self.norm(maps))


@wrong("14.debug", "ten times the modulation before the norm", says=r"norm|standard deviation|removes")
class FixedGenerator(BuggyGenerator):
    def forward(self, z, tokens):
        scale, shift = (10 * self.film(self.sentence(tokens))).chunk(2, dim=1)
        maps = self.start(z).unflatten(1, (-1, 8, 8))
        maps = (1 + scale)[:, :, None, None] * maps + shift[:, :, None, None]
        return self.layers(self.norm(maps))


@wrong("14.debug", "statistics of the batch", says=r"batch|other (example|image)|alone|neighbour")
class FixedGenerator(BuggyGenerator):
    def forward(self, z, tokens):
        scale, shift = self.film(self.sentence(tokens)).chunk(2, dim=1)
        maps = self.start(z).unflatten(1, (-1, 8, 8))
        maps = F.batch_norm(maps, None, None, training=True)
        return self.layers((1 + scale)[:, :, None, None] * maps + shift[:, :, None, None])


@wrong("14.debug", "the batch's mean is subtracted", says=r"batch|other (example|image)|alone|neighbour")
class FixedGenerator(BuggyGenerator):
    def forward(self, z, tokens):
        scale, shift = self.film(self.sentence(tokens)).chunk(2, dim=1)
        maps = self.start(z).unflatten(1, (-1, 8, 8))
        maps = (1 + scale)[:, :, None, None] * maps + shift[:, :, None, None]
        return self.layers(maps - maps.mean(dim=0, keepdim=True))


@wrong("14.debug", "only the first word", says=r"every word|first word|word")
class FixedGenerator(BuggyGenerator):
    def forward(self, z, tokens):
        scale, shift = self.film(self.sentence(tokens[:, :1])).chunk(2, dim=1)
        maps = self.norm(self.start(z).unflatten(1, (-1, 8, 8)))
        return self.layers((1 + scale)[:, :, None, None] * maps + shift[:, :, None, None])


@wrong("14.debug", "only the last position, often padding", says=r"every word|last|padding|word")
class FixedGenerator(BuggyGenerator):
    def forward(self, z, tokens):
        scale, shift = self.film(self.sentence(tokens[:, -1:])).chunk(2, dim=1)
        maps = self.norm(self.start(z).unflatten(1, (-1, 8, 8)))
        return self.layers((1 + scale)[:, :, None, None] * maps + shift[:, :, None, None])


@wrong("14.debug", "the mean over padding too", says=r"padding|zeros at the end|\b0\b")
class FixedGenerator(BuggyGenerator):
    def forward(self, z, tokens):
        sentence = F.embedding(tokens, self.sentence.weight).mean(dim=1)
        scale, shift = self.film(sentence).chunk(2, dim=1)
        maps = self.norm(self.start(z).unflatten(1, (-1, 8, 8)))
        return self.layers((1 + scale)[:, :, None, None] * maps + shift[:, :, None, None])


@wrong("14.debug", "padding has a vector", says=r"padding|zeros at the end|\b0\b")
class FixedGenerator(BuggyGenerator):
    def __init__(self, vocabulary_size, noise_size=16, width=32):
        super().__init__(vocabulary_size, noise_size, width)
        self.sentence = nn.EmbeddingBag(vocabulary_size, width)

    def forward(self, z, tokens):
        scale, shift = self.film(self.sentence(tokens)).chunk(2, dim=1)
        maps = self.norm(self.start(z).unflatten(1, (-1, 8, 8)))
        return self.layers((1 + scale)[:, :, None, None] * maps + shift[:, :, None, None])


@wrong("14.debug", "the noise is not used", says=r"noise|\bz\b")
class FixedGenerator(BuggyGenerator):
    def forward(self, z, tokens):
        scale, shift = self.film(self.sentence(tokens)).chunk(2, dim=1)
        maps = self.start(torch.zeros_like(z)).unflatten(1, (-1, 8, 8))
        return self.layers((1 + scale)[:, :, None, None] * maps + shift[:, :, None, None])


@wrong("14.debug", "noise of its own", says=r"noise|\bz\b|random|differ|twice|same input|own")
class FixedGenerator(BuggyGenerator):
    def forward(self, z, tokens):
        scale, shift = self.film(self.sentence(tokens)).chunk(2, dim=1)
        maps = self.norm(self.start(torch.randn_like(z)).unflatten(1, (-1, 8, 8)))
        return self.layers((1 + scale)[:, :, None, None] * maps + shift[:, :, None, None])


@wrong("14.debug", "the sentence is detached", says=r"gradient|detach|parameter")
class FixedGenerator(BuggyGenerator):
    def forward(self, z, tokens):
        scale, shift = self.film(self.sentence(tokens).detach()).chunk(2, dim=1)
        maps = self.norm(self.start(z).unflatten(1, (-1, 8, 8)))
        return self.layers((1 + scale)[:, :, None, None] * maps + shift[:, :, None, None])


@wrong("14.debug", "scale and shift without gradients", says=r"gradient|no_grad|parameter")
class FixedGenerator(BuggyGenerator):
    def forward(self, z, tokens):
        with torch.no_grad():
            scale, shift = self.film(self.sentence(tokens)).chunk(2, dim=1)
        maps = self.norm(self.start(z).unflatten(1, (-1, 8, 8)))
        return self.layers((1 + scale)[:, :, None, None] * maps + shift[:, :, None, None])


@wrong("14.debug", "a layer that is never used", says=r"gradient|parameter|unused|not used|never")
class FixedGenerator(BuggyGenerator):
    def __init__(self, vocabulary_size, noise_size=16, width=32):
        super().__init__(vocabulary_size, noise_size, width)
        self.gate = nn.Linear(width, width)

    def forward(self, z, tokens):
        scale, shift = self.film(self.sentence(tokens)).chunk(2, dim=1)
        maps = self.norm(self.start(z).unflatten(1, (-1, 8, 8)))
        return self.layers((1 + scale)[:, :, None, None] * maps + shift[:, :, None, None])


@wrong("14.debug", "no sigmoid at the end", says=r"between 0 and 1|pixel|sigmoid|range|0 (to|and) 1")
class FixedGenerator(BuggyGenerator):
    def forward(self, z, tokens):
        scale, shift = self.film(self.sentence(tokens)).chunk(2, dim=1)
        maps = self.norm(self.start(z).unflatten(1, (-1, 8, 8)))
        return self.layers[:-1]((1 + scale)[:, :, None, None] * maps + shift[:, :, None, None])


@wrong(
    "14.debug",
    "the sentence added to the finished image",
    says=r"between 0 and 1|pixel|sigmoid|range|0 (to|and) 1|above 1|gradient",
)
class FixedGenerator(BuggyGenerator):
    def forward(self, z, tokens):
        scale, shift = self.film(self.sentence(tokens)).chunk(2, dim=1)
        images = self.layers(self.norm(self.start(z).unflatten(1, (-1, 8, 8))))
        return images + scale.sum(dim=1)[:, None, None, None] + shift.sum(dim=1)[:, None, None, None]


@wrong("14.debug", "the mean sentence of the batch", says=r"batch|own sentence|other (example|image|sentence)|alone")
class FixedGenerator(BuggyGenerator):
    def forward(self, z, tokens):
        sentence = self.sentence(tokens).mean(dim=0, keepdim=True)
        scale, shift = self.film(sentence).chunk(2, dim=1)
        maps = self.norm(self.start(z).unflatten(1, (-1, 8, 8)))
        return self.layers((1 + scale)[:, :, None, None] * maps + shift[:, :, None, None])


@wrong(
    "14.debug",
    "the first sentence for all",
    says=r"batch|own sentence|other (example|image|sentence)|first|alone|its own",
)
class FixedGenerator(BuggyGenerator):
    def forward(self, z, tokens):
        scale, shift = self.film(self.sentence(tokens[:1])).chunk(2, dim=1)
        maps = self.norm(self.start(z).unflatten(1, (-1, 8, 8)))
        return self.layers((1 + scale)[:, :, None, None] * maps + shift[:, :, None, None])


@wrong("14.debug", "squeezes a batch of one", says=r"squeeze|shape|one example|single|axis|axes|batch of (one|1)")
class FixedGenerator(BuggyGenerator):
    def forward(self, z, tokens):
        scale, shift = self.film(self.sentence(tokens)).chunk(2, dim=1)
        maps = self.norm(self.start(z).unflatten(1, (-1, 8, 8)))
        return self.layers((1 + scale)[:, :, None, None] * maps + shift[:, :, None, None]).squeeze()


@wrong("14.debug", "a width of 32", says=r"width|shape|size|hard|fixed|32|view|channels")
class FixedGenerator(BuggyGenerator):
    def forward(self, z, tokens):
        film = self.film(self.sentence(tokens))
        scale, shift = film[:, :32], film[:, 32:]
        maps = self.norm(self.start(z).view(-1, 32, 8, 8))
        return self.layers((1 + scale)[:, :, None, None] * maps + shift[:, :, None, None])


@wrong("14.debug", "shift left out", says=r"shift")
class FixedGenerator(BuggyGenerator):
    def forward(self, z, tokens):
        scale, _ = self.film(self.sentence(tokens)).chunk(2, dim=1)
        maps = self.norm(self.start(z).unflatten(1, (-1, 8, 8)))
        return self.layers((1 + scale)[:, :, None, None] * maps)


# Answers whose message once blamed something else, or showed an example alone


@wrong("14.3", "norm kept", says=r"rescaled to the norm")
def guided(conditional, unconditional, scale):
    v = unconditional + scale * (conditional - unconditional)
    shape = (-1, *[1] * (v.ndim - 1))
    return v * (conditional.flatten(1).norm(dim=1) / v.flatten(1).norm(dim=1).clamp(min=1e-12)).view(shape)


@wrong("14.3", "scale 0 taken for none", says=r"for scale 0 it is the conditional")
def guided(conditional, unconditional, scale):
    if not scale:
        return conditional
    return unconditional + scale * (conditional - unconditional)


@wrong("14.4", "probability 1 keeps one", says=r"0\.[89]\d times")
def drop_conditions(tokens, probability, empty):
    return torch.where(torch.rand(len(tokens), 1) < probability * 0.9, empty, tokens)


@wrong("14.debug", "the last position is cut off", says=r"word 4 of 4.*cut off")
class FixedGenerator(BuggyGenerator):
    def forward(self, z, tokens):
        scale, shift = self.film(self.sentence(tokens[:, : max(tokens.shape[1] - 1, 1)])).chunk(2, dim=1)
        maps = self.norm(self.start(z).unflatten(1, (-1, 8, 8)))
        return self.layers((1 + scale)[:, :, None, None] * maps + shift[:, :, None, None])
