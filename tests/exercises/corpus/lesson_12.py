"""Learners' answers for lesson 12, captioning: written from the lesson alone, without its checks and their texts."""

import math
from collections import Counter

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics.functional.text import bleu_score

from mmcourse import metrics, predict
from mmcourse.models import decoding
from mmcourse.picturebook.sentence import END, PAD, START, decode, facts_of, parse

from . import right, wrong


@right("12.1", "two slices")
def shift_right(tokens: Tensor) -> tuple[Tensor, Tensor]:
    return tokens[:, :-1], tokens[:, 1:]


@right("12.1", "narrow")
def shift_right(tokens):
    n = tokens.size(1) - 1
    return tokens.narrow(1, 0, n), tokens.narrow(1, 1, n)


@right("12.1", "a loop over the positions")
def shift_right(tokens):
    inputs, targets = torch.empty_like(tokens[:, 1:]), torch.empty_like(tokens[:, 1:])
    for t in range(tokens.shape[1] - 1):
        inputs[:, t] = tokens[:, t]
        targets[:, t] = tokens[:, t + 1]
    return inputs, targets


@right("12.1", "lists of rows")
def shift_right(tokens):
    rows = tokens.tolist()
    return torch.tensor([row[:-1] for row in rows]), torch.tensor([row[1:] for row in rows])


@right("12.1", "windows of two")
def shift_right(tokens):
    return tokens.unfold(1, 2, 1).unbind(dim=-1)


@wrong("12.1", "targets and inputs exchanged", says=r"exchang|swap|order|input.*target|first")
def shift_right(tokens):
    return tokens[:, 1:], tokens[:, :-1]


@wrong("12.1", "the input is the target: nothing to predict", says=r"same|next|target|shift|equal|read")
def shift_right(tokens):
    return tokens[:, :-1], tokens[:, :-1]


@wrong("12.1", "inputs without <start>", says=r"start|input|first")
def shift_right(tokens):
    return tokens[:, 1:], tokens[:, 1:]


@wrong("12.1", "cuts sentences instead of positions", says=r"axis|dim|row|sentence|position|shape|batch")
def shift_right(tokens):
    return tokens[:-1], tokens[1:]


@wrong("12.1", "rolled: as long as before", says=r"shorter|length|shape|L - 1|roll|as long as|one too many")
def shift_right(tokens):
    return tokens, tokens.roll(-1, dims=1)


@wrong("12.1", "two positions apart", says=r"two|next|apart|shape|shorter|one position|length")
def shift_right(tokens):
    return tokens[:, :-2], tokens[:, 2:]


@wrong("12.1", "the first word is never a target", says=r"start|first|shape|shorter|length|input")
def shift_right(tokens):
    return tokens[:, 1:-1], tokens[:, 2:]


@wrong("12.1", "sentences of nine words", says=r"length|shape|hard|fixed|long|position")
def shift_right(tokens):
    return tokens[:, :9], tokens[:, 1:10]


@wrong("12.1", "squeezes the result", says=r"squeeze|shape|one (sentence|row)|single|\(1,|axis|axes")
def shift_right(tokens):
    return tokens[:, :-1].squeeze(), tokens[:, 1:].squeeze()


@wrong("12.1", "the inputs alone", says=r"two|both|target|pair|tuple|unpack")
def shift_right(tokens):
    return tokens[:, :-1]


@wrong("12.1", "floats", says=r"float|int|dtype|integer")
def shift_right(tokens):
    return tokens[:, :-1].float(), tokens[:, 1:].float()


@wrong("12.1", "<start> put in front once more", says=r"start|shape|shorter|length|twice|target|L - 1")
def shift_right(tokens):
    return torch.cat([tokens[:, :1], tokens[:, :-1]], dim=1), tokens


@wrong("12.1", "padding removed: lists of different lengths", says=r"tensor|list|padd|shape")
def shift_right(tokens):
    rows = [[word for word in row if word != 0] for row in tokens.tolist()]
    return [row[:-1] for row in rows], [row[1:] for row in rows]


@wrong("12.1", "returns after the first sentence", says=r"shape|loop|return|every|each|first|row")
def shift_right(tokens):
    for row in tokens:
        return row[:-1], row[1:]


@wrong(
    "12.1",
    "shifted over the flat batch: words of the next sentence",
    says=r"next (sentence|row)|flatten|shape|row|other sentence|each",
)
def shift_right(tokens):
    flat = tokens.flatten()
    B, L = tokens.shape
    return flat[: B * (L - 1)].view(B, L - 1), flat[1 : B * (L - 1) + 1].view(B, L - 1)


# 12.2


@right("12.2", "for loop with break")
def generate(step, state, start: int, end: int, longest: int) -> list[int]:
    words, word = [], start
    for _ in range(longest):
        logits, state = step(state, word)
        word = int(logits.argmax())
        if word == end:
            break
        words.append(word)
    return words


@right("12.2", "while with two conditions")
def generate(step, state, start, end, longest):
    sentence = [start]
    while len(sentence) <= longest:
        scores, state = step(state, sentence[-1])
        best = scores.softmax(dim=-1).topk(1).indices.item()
        if best == end:
            return sentence[1:]
        sentence += [best]
    return sentence[1:]


@right("12.2", "recursion")
def generate(step, state, start, end, longest):
    def caption(state, word, left):
        if left == 0:
            return []
        logits, state = step(state, word)
        word = logits.argmax().item()
        return [] if word == end else [word, *caption(state, word, left - 1)]

    return caption(state, start, longest)


@right("12.2", "a generator function inside")
def generate(step, state, start, end, longest, pick=torch.argmax):
    def words(state, word):
        for _ in range(longest):
            logits, state = step(state, word)
            word = pick(logits).item()
            if word == end:
                return
            yield word

    return list(words(state, start))


@right("12.2", "numpy for the maximum, cut at the end word")
def generate(step, state, start, end, longest):
    found, word = [], start
    for _ in range(longest):
        logits, state = step(state, word)
        word = int(np.argmax(logits.detach().numpy()))
        found.append(word)
        if word == end:
            break
    return found[: found.index(end)] if end in found else found


@right("12.2", "a loop over the vocabulary")
def generate(step, state, start, end, longest):
    words, word, n = [], start, 0
    while n < longest:
        logits, state = step(state, word)
        best = 0
        for v in range(len(logits)):
            if logits[v] > logits[best]:
                best = v
        word = best
        n += 1
        if word == end:
            break
        words.append(word)
    return words


@wrong("12.2", "end is part of the caption", says=r"end\b|last")
def generate(step, state, start, end, longest):
    words, word = [], start
    for _ in range(longest):
        logits, state = step(state, word)
        word = logits.argmax().item()
        words.append(word)
        if word == end:
            break
    return words


@wrong("12.2", "start is part of the caption", says=r"start")
def generate(step, state, start, end, longest):
    words = [start]
    for _ in range(longest):
        logits, state = step(state, words[-1])
        word = logits.argmax().item()
        if word == end:
            break
        words.append(word)
    return words


@wrong("12.2", "the new state is thrown away", says=r"state")
def generate(step, state, start, end, longest):
    words, word = [], start
    for _ in range(longest):
        logits, _ = step(state, word)
        word = logits.argmax().item()
        if word == end:
            break
        words.append(word)
    return words


@wrong("12.2", "always reads start", says=r"start|feed|fed|previous|input|read|back")
def generate(step, state, start, end, longest):
    words = []
    for _ in range(longest):
        logits, state = step(state, start)
        word = logits.argmax().item()
        if word == end:
            break
        words.append(word)
    return words


@wrong("12.2", "draws a word at random", says=r"random|sampl|most probable|greedy|argmax|drawn|differ|twice")
def generate(step, state, start, end, longest):
    words, word = [], start
    for _ in range(longest):
        logits, state = step(state, word)
        word = torch.multinomial(logits.softmax(dim=0), 1).item()
        if word == end:
            break
        words.append(word)
    return words


@wrong("12.2", "the least probable word", says=r"least|argmin|smallest|most probable|largest|argmax|lowest")
def generate(step, state, start, end, longest):
    words, word = [], start
    for _ in range(longest):
        logits, state = step(state, word)
        word = logits.argmin().item()
        if word == end:
            break
        words.append(word)
    return words


@wrong("12.2", "no limit: may never stop", says=r"longest|stop|forever|limit|endless|never ends|too many")
def generate(step, state, start, end, longest):
    words, word = [], start
    while True:
        logits, state = step(state, word)
        word = logits.argmax().item()
        if word == end:
            return words
        words.append(word)


@wrong("12.2", "one word too many", says=r"longest|too many|too long|one word|more than|at most|limit")
def generate(step, state, start, end, longest):
    words, word = [], start
    for _ in range(longest + 1):
        logits, state = step(state, word)
        word = logits.argmax().item()
        if word == end:
            break
        words.append(word)
    return words


@wrong("12.2", "one word too few", says=r"longest|too (few|short|early)|one word|up to|exactly|limit")
def generate(step, state, start, end, longest):
    words, word = [], start
    for _ in range(1, longest):
        logits, state = step(state, word)
        word = logits.argmax().item()
        if word == end:
            break
        words.append(word)
    return words


@wrong("12.2", "tensors instead of ints", says=r"\bint|tensor|item")
def generate(step, state, start, end, longest):
    words, word = [], start
    for _ in range(longest):
        logits, state = step(state, word)
        word = logits.argmax()
        if word == end:
            break
        words.append(word)
    return words


@wrong("12.2", "one tensor instead of a list", says=r"list|tensor|\bint")
def generate(step, state, start, end, longest):
    words, word = [], start
    for _ in range(longest):
        logits, state = step(state, word)
        word = logits.argmax().item()
        if word == end:
            break
        words.append(word)
    return torch.tensor(words)


@wrong("12.2", "returns inside the loop", says=r"return|loop|first word|one word|too (few|short|early)|stop")
def generate(step, state, start, end, longest):
    words, word = [], start
    for _ in range(longest):
        logits, state = step(state, word)
        word = logits.argmax().item()
        if word != end:
            words.append(word)
        return words


@wrong("12.2", "skips end and goes on", says=r"stop|end\b|after")
def generate(step, state, start, end, longest):
    words, word = [], start
    for _ in range(longest):
        logits, state = step(state, word)
        word = logits.argmax().item()
        if word == end:
            continue
        words.append(word)
    return words


@wrong(
    "12.2",
    "the list is a default argument, kept between calls",
    says=r"call|default|global|before|previous|again|twice|second",
)
def generate(step, state, start, end, longest, words=[]):
    word = start
    for _ in range(longest):
        logits, state = step(state, word)
        word = logits.argmax().item()
        if word == end:
            break
        words.append(word)
    return words


@wrong("12.2", "takes the state apart, as if it were always an LSTM's", says=r"state|unpack|tuple")
def generate(step, state, start, end, longest):
    h, c = state
    words, word = [], start
    for _ in range(longest):
        logits, (h, c) = step((h, c), word)
        word = logits.argmax().item()
        if word == end:
            break
        words.append(word)
    return words


@wrong("12.2", "end is always word 2, as in the book", says=r"hard|always|fixed|argument|whatever")
def generate(step, state, start, end, longest):
    words, word = [], start
    for _ in range(longest):
        logits, state = step(state, word)
        word = logits.argmax().item()
        if word == 2:
            break
        words.append(word)
    return words


@wrong("12.2", "stops when a word repeats", says=r"repeat|same word|twice|stop|early|too (few|short)")
def generate(step, state, start, end, longest):
    words, word = [], start
    for _ in range(longest):
        logits, state = step(state, word)
        before, word = word, logits.argmax().item()
        if word in (end, before):
            break
        words.append(word)
    return words


@wrong("12.2", "logits and state exchanged", says=r"order|exchang|swap|comes? first|logits, state")
def generate(step, state, start, end, longest):
    words, word = [], start
    for _ in range(longest):
        state, logits = step(state, word)
        word = logits.argmax().item()
        if word == end:
            break
        words.append(word)
    return words


@wrong("12.2", "never says a word twice", says=r"repeat|twice|again|most probable|already")
def generate(step, state, start, end, longest):
    words, word = [], start
    for _ in range(longest):
        logits, state = step(state, word)
        logits = logits.clone()
        logits[words] = -math.inf
        word = logits.argmax().item()
        if word == end:
            break
        words.append(word)
    return words


# 12.3


@right("12.3", "matrix products")
def attend(state: Tensor, positions: Tensor, W: Tensor) -> tuple[Tensor, Tensor]:
    query = state @ W.T
    scores = (positions @ query[:, :, None])[:, :, 0]
    weights = scores.softmax(dim=1)
    return (weights[:, None] @ positions)[:, 0], weights


@right("12.3", "einsum")
def attend(state, positions, W):
    weights = torch.einsum("btd,dh,bh->bt", positions, W, state).softmax(-1)
    return torch.einsum("bt,btd->bd", weights, positions), weights


@right("12.3", "a loop over the batch")
def attend(state, positions, W):
    contexts, all_weights = [], []
    for h, x in zip(state, positions):
        weights = torch.softmax(x @ (W @ h), dim=0)
        contexts.append(weights @ x)
        all_weights.append(weights)
    return torch.stack(contexts), torch.stack(all_weights)


@right("12.3", "F.linear, products summed, softmax by hand")
def attend(state, positions, W):
    scores = (F.linear(state, W).unsqueeze(1) * positions).sum(dim=2)
    e = torch.exp(scores - scores.max(dim=1, keepdim=True).values)
    weights = e / e.sum(dim=1, keepdim=True)
    return (weights.unsqueeze(2) * positions).sum(dim=1), weights


@right("12.3", "the context by PyTorch's attention")
def attend(state, positions, W):
    query = (W @ state.T).T.unsqueeze(1)
    context = F.scaled_dot_product_attention(query, positions, positions, scale=1.0)
    return context.squeeze(1), torch.bmm(query, positions.mT).squeeze(1).softmax(dim=-1)


@wrong("12.3", "scores divided by the root of the width", says=r"root|sqrt|scal|divid|width")
def attend(state, positions, W):
    scores = torch.einsum("btd,dh,bh->bt", positions, W, state) / math.sqrt(positions.shape[2])
    weights = scores.softmax(dim=1)
    return torch.einsum("bt,btd->bd", weights, positions), weights


@wrong("12.3", "softmax over the batch", says=r"dim|axis|batch|sum|positions")
def attend(state, positions, W):
    weights = torch.einsum("btd,dh,bh->bt", positions, W, state).softmax(dim=0)
    return torch.einsum("bt,btd->bd", weights, positions), weights


@wrong("12.3", "weights and context exchanged", says=r"order|exchang|swap|first|shape")
def attend(state, positions, W):
    weights = torch.einsum("btd,dh,bh->bt", positions, W, state).softmax(dim=1)
    return weights, torch.einsum("bt,btd->bd", weights, positions)


@wrong("12.3", "scores used as weights", says=r"softmax|sum|normalis")
def attend(state, positions, W):
    scores = torch.einsum("btd,dh,bh->bt", positions, W, state)
    return torch.einsum("bt,btd->bd", scores, positions), scores


@wrong("12.3", "the context is the mean of all positions", says=r"mean|weight|average")
def attend(state, positions, W):
    weights = torch.einsum("btd,dh,bh->bt", positions, W, state).softmax(dim=1)
    return positions.mean(dim=1), weights


@wrong("12.3", "the context is the unweighted sum", says=r"weight|sum")
def attend(state, positions, W):
    weights = torch.einsum("btd,dh,bh->bt", positions, W, state).softmax(dim=1)
    return positions.sum(dim=1), weights


@wrong("12.3", "weights keep a third axis", says=r"shape|axis|axes|\(B, T\)")
def attend(state, positions, W):
    weights = (positions @ (state @ W.T)[:, :, None]).softmax(dim=1)
    return (weights * positions).sum(dim=1), weights


@wrong(
    "12.3",
    "squeezes all axes of size 1",
    says=r"squeeze|shape|batch of (one|1)|single|\(1,|axis|size|one (example|image|position)|dim",
)
def attend(state, positions, W):
    scores = (positions @ (state @ W.T)[:, :, None]).squeeze()
    weights = scores.softmax(dim=-1)
    return (weights.unsqueeze(-1) * positions).sum(dim=-2), weights


@wrong("12.3", "W transposed", says=r"transpos|\bW\b|W\.T|shape|mat1")
def attend(state, positions, W):
    weights = (positions @ (state @ W)[:, :, None])[:, :, 0].softmax(dim=1)
    return torch.einsum("bt,btd->bd", weights, positions), weights


@wrong("12.3", "W is not used", says=r"\bW\b")
def attend(state, positions, W):
    weights = (positions @ state[:, :, None])[:, :, 0].softmax(dim=1)
    return torch.einsum("bt,btd->bd", weights, positions), weights


@wrong("12.3", "exponentials overflow for large scores", says=r"overflow|nan|\binf|large|softmax|finite|maximum")
def attend(state, positions, W):
    e = torch.einsum("btd,dh,bh->bt", positions, W, state).exp()
    weights = e / e.sum(dim=1, keepdim=True)
    return torch.einsum("bt,btd->bd", weights, positions), weights


@wrong("12.3", "the best position alone", says=r"argmax|best|only|single|sum|hard|one position|largest|weight")
def attend(state, positions, W):
    scores = torch.einsum("btd,dh,bh->bt", positions, W, state)
    return positions[torch.arange(len(positions)), scores.argmax(dim=1)], scores.softmax(dim=1)


@wrong("12.3", "cosines as scores", says=r"norm|cosine|length|scal")
def attend(state, positions, W):
    query = F.normalize(state @ W.T, dim=1)
    weights = torch.einsum("btd,bd->bt", F.normalize(positions, dim=2), query).softmax(dim=1)
    return torch.einsum("bt,btd->bd", weights, positions), weights


@wrong("12.3", "tanh of the scores, from the additive formula", says=r"tanh|additive|score|limit|squash")
def attend(state, positions, W):
    weights = torch.einsum("btd,dh,bh->bt", positions, W, state).tanh().softmax(dim=1)
    return torch.einsum("bt,btd->bd", weights, positions), weights


@wrong("12.3", "the first state queries for the whole batch", says=r"\bown\b|\bfirst\b|each example|whole batch")
def attend(state, positions, W):
    weights = (positions @ (W @ state[0])).softmax(dim=1)
    return torch.einsum("bt,btd->bd", weights, positions), weights


@wrong("12.3", "sigmoid instead of softmax", says=r"sigmoid|softmax|sum")
def attend(state, positions, W):
    weights = torch.einsum("btd,dh,bh->bt", positions, W, state).sigmoid()
    return torch.einsum("bt,btd->bd", weights, positions), weights


@wrong("12.3", "scores divided by their sum", says=r"softmax|exp|negativ|sum")
def attend(state, positions, W):
    scores = torch.einsum("btd,dh,bh->bt", positions, W, state)
    weights = scores / scores.sum(dim=1, keepdim=True)
    return torch.einsum("bt,btd->bd", weights, positions), weights


@wrong("12.3", "softmax over the features before the sum", says=r"softmax|feature|dim|axis|position|sum")
def attend(state, positions, W):
    weights = ((state @ W.T)[:, None] * positions).softmax(dim=2).sum(dim=2)
    return torch.einsum("bt,btd->bd", weights, positions), weights


@wrong("12.3", "returns after the first example", says=r"loop|return|every example|first example|batch")
def attend(state, positions, W):
    for h, x in zip(state, positions):
        weights = torch.softmax(x @ (W @ h), dim=0)
        return weights @ x, weights


@wrong("12.3", "scores clamped", says=r"clamp|limited")
def attend(state, positions, W):
    e = torch.einsum("btd,dh,bh->bt", positions, W, state).clamp(-20, 20).exp()
    weights = e / e.sum(dim=1, keepdim=True)
    return torch.einsum("bt,btd->bd", weights, positions), weights


# 12.4


@right("12.4", "flat topk, quotient and remainder")
def beam_step(scores: Tensor, log_p: Tensor, width: int) -> tuple[Tensor, Tensor, Tensor]:
    V = log_p.shape[1]
    best, index = (scores[:, None] + log_p).flatten().topk(width)
    return best, index // V, index % V


@right("12.4", "python lists, sorted")
def beam_step(scores, log_p, width):
    candidates = []
    for parent in range(len(scores)):
        for word in range(log_p.shape[1]):
            candidates.append((scores[parent] + log_p[parent, word], parent, word))
    candidates.sort(key=lambda candidate: candidate[0], reverse=True)
    values, parents, words = zip(*candidates[:width])
    return torch.stack(values), torch.tensor(parents), torch.tensor(words)


@right("12.4", "sort and unravel_index")
def beam_step(scores, log_p, width):
    total = scores.unsqueeze(1).expand_as(log_p) + log_p
    values, order = total.reshape(-1).sort(descending=True)
    parents, words = torch.unravel_index(order[:width], total.shape)
    return values[:width], parents, words


@right("12.4", "topk for each beginning, then topk of those")
def beam_step(scores, log_p, width):
    k = min(width, log_p.shape[1])
    some, words = log_p.topk(k, dim=1)
    best, index = (some + scores[:, None]).flatten().topk(width)
    return best, torch.div(index, k, rounding_mode="floor"), words.flatten()[index]


@right("12.4", "the maximum, width times")
def beam_step(scores, log_p, width):
    total, found = (scores.view(-1, 1) + log_p).clone(), []
    for _ in range(width):
        parent, word = divmod(total.argmax().item(), total.shape[1])
        found.append((total[parent, word].item(), parent, word))
        total[parent, word] = -torch.inf
    values, parents, words = zip(*found)
    return torch.tensor(values), torch.tensor(parents), torch.tensor(words)


@right("12.4", "numpy and back")
def beam_step(scores, log_p, width):
    total = scores.numpy()[:, None] + log_p.numpy()
    order = np.argsort(-total, axis=None)[:width]
    parents, words = np.unravel_index(order, total.shape)
    return torch.from_numpy(total[parents, words]), torch.from_numpy(parents), torch.from_numpy(words)


@wrong("12.4", "scores of the beginnings are forgotten", says=r"scores|beginning|add")
def beam_step(scores, log_p, width):
    best, index = log_p.flatten().topk(width)
    return best, index // log_p.shape[1], index % log_p.shape[1]


@wrong("12.4", "returns log_p of the new word only", says=r"scores|sum|beginning|add|total")
def beam_step(scores, log_p, width):
    index = (scores[:, None] + log_p).flatten().topk(width).indices
    parents, words = index // log_p.shape[1], index % log_p.shape[1]
    return log_p[parents, words], parents, words


@wrong("12.4", "the best words of every beginning", says=r"all|together|each beginning|shape|flatten|over")
def beam_step(scores, log_p, width):
    best, words = (scores[:, None] + log_p).topk(width, dim=1)
    parents = torch.arange(len(scores))[:, None].expand_as(words)
    return best, parents, words


@wrong("12.4", "logarithms are multiplied", says=r"add|sum|multipl|product|\+")
def beam_step(scores, log_p, width):
    best, index = (scores[:, None] * log_p).flatten().topk(width)
    return best, index // log_p.shape[1], index % log_p.shape[1]


@wrong("12.4", "quotient and remainder exchanged", says=r"exchang|swap|order|//|%|parent|remainder")
def beam_step(scores, log_p, width):
    best, index = (scores[:, None] + log_p).flatten().topk(width)
    return best, index % log_p.shape[1], index // log_p.shape[1]


@wrong(
    "12.4",
    "divides by the number of beginnings",
    says=r"\bV\b|vocabulary|number of (words|beginnings)|parent|divid|//|index",
)
def beam_step(scores, log_p, width):
    best, index = (scores[:, None] + log_p).flatten().topk(width)
    return best, index // log_p.shape[0], index % log_p.shape[0]


@wrong("12.4", "divides by the width", says=r"\bV\b|vocabulary|number of words|parent|divid|//|index|width")
def beam_step(scores, log_p, width):
    best, index = (scores[:, None] + log_p).flatten().topk(width)
    return best, index // width, index % width


@wrong("12.4", "the worst continuations", says=r"largest|highest|best|worst|lowest|smallest|least|descending")
def beam_step(scores, log_p, width):
    best, index = (scores[:, None] + log_p).flatten().topk(width, largest=False)
    return best, index // log_p.shape[1], index % log_p.shape[1]


@wrong("12.4", "ascending order", says=r"descend|order|sort|best first|ascend")
def beam_step(scores, log_p, width):
    best, index = (scores[:, None] + log_p).flatten().topk(width)
    best, index = best.flip(0), index.flip(0)
    return best, index // log_p.shape[1], index % log_p.shape[1]


@wrong("12.4", "sorted by beginning", says=r"descend|order|sort|best first")
def beam_step(scores, log_p, width):
    total = (scores[:, None] + log_p).flatten()
    index = total.topk(width).indices.sort().values
    return total[index], index // log_p.shape[1], index % log_p.shape[1]


@wrong("12.4", "the word is the flat index", says=r"%|remainder|flat|table|vocabulary")
def beam_step(scores, log_p, width):
    best, index = (scores[:, None] + log_p).flatten().topk(width)
    return best, index // log_p.shape[1], index


@wrong("12.4", "probabilities instead of logarithms", says=r"log|exp|probabilit")
def beam_step(scores, log_p, width):
    best, index = (scores.exp()[:, None] * log_p.exp()).flatten().topk(width)
    return best, index // log_p.shape[1], index % log_p.shape[1]


@wrong(
    "12.4",
    "one continuation for each beginning",
    says=r"several|more than one|same (beginning|parent)|best word|all (words|pairs|continuations)",
)
def beam_step(scores, log_p, width):
    some, words = log_p.max(dim=1)
    best, parents = (scores + some).topk(width)
    return best, parents, words[parents]


@wrong("12.4", "each word once only", says=r"same word|each word|word.*(twice|once|several)|several|all|beginnings")
def beam_step(scores, log_p, width):
    some, parents = (scores[:, None] + log_p).max(dim=0)
    best, words = some.topk(width)
    return best, parents[words], words


@wrong("12.4", "squeezes a width of 1", says=r"squeeze|shape|width (of )?1|axis|axes|\(1,")
def beam_step(scores, log_p, width):
    best, index = (scores[:, None] + log_p).flatten().topk(width)
    best, index = best.squeeze(), index.squeeze()
    return best, index // log_p.shape[1], index % log_p.shape[1]


@wrong("12.4", "scores added along the words", says=r"broadcast|None|\baxis\b|\brow|column|each beginning")
def beam_step(scores, log_p, width):
    best, index = (scores + log_p).flatten().topk(width)
    return best, index // log_p.shape[1], index % log_p.shape[1]


@wrong("12.4", "words and parents exchanged", says=r"order|exchang|swap|parent|first")
def beam_step(scores, log_p, width):
    best, index = (scores[:, None] + log_p).flatten().topk(width)
    return best, index % log_p.shape[1], index // log_p.shape[1]


@wrong("12.4", "parents are fractions", says=r"integer|\bint|//|float|whole|fraction|dtype")
def beam_step(scores, log_p, width):
    best, index = (scores[:, None] + log_p).flatten().topk(width)
    return best, index / log_p.shape[1], index % log_p.shape[1]


@wrong("12.4", "always a beam of four", says=r"width|4|four|shape|length")
def beam_step(scores, log_p, width):
    best, index = (scores[:, None] + log_p).flatten().topk(4)
    return best, index // log_p.shape[1], index % log_p.shape[1]


@wrong("12.4", "the mean of both logarithms", says=r"mean|half|sum|divid|add|/ ?2")
def beam_step(scores, log_p, width):
    best, index = ((scores[:, None] + log_p) / 2).flatten().topk(width)
    return best, index // log_p.shape[1], index % log_p.shape[1]


# 12.5


@wrong("12.5", "an empty caption divides by 0", says=r"empty")
def precision(generated: str, reference: str) -> float:
    words = generated.split()
    return sum((Counter(words) & Counter(reference.split())).values()) / len(words)


@right("12.5", "crosses words off a copy of the reference")
def precision(generated, reference):
    left, correct = reference.split(), 0
    for word in generated.split():
        if word in left:
            left.remove(word)
            correct += 1
    return correct / max(1, len(generated.split()))


@right("12.5", "minimum of the counts of each distinct word")
def precision(generated, reference):
    words, truth = generated.split(), reference.split()
    clipped = [min(words.count(word), truth.count(word)) for word in set(words)]
    return sum(clipped) / len(words) if words else 0.0


@right("12.5", "dictionaries by hand")
def precision(generated, reference):
    allowed = {}
    for word in reference.split():
        allowed[word] = allowed.get(word, 0) + 1
    hits, total = 0, 0
    for word in generated.split():
        total += 1
        if allowed.get(word, 0) > 0:
            allowed[word] -= 1
            hits += 1
    return 0.0 if total == 0 else hits / total


@right("12.5", "numpy's unique")
def precision(generated, reference, sep=None):
    words, truth = np.array(generated.split(sep)), np.array(reference.split(sep))
    kinds, counts = np.unique(words, return_counts=True)
    return float(np.minimum(counts, [(truth == kind).sum() for kind in kinds]).sum() / max(len(words), 1))


@right("12.5", "recursion")
def precision(generated, reference):
    def hits(words, truth):
        if not words:
            return 0
        if words[0] in truth:
            i = truth.index(words[0])
            return 1 + hits(words[1:], truth[:i] + truth[i + 1 :])
        return hits(words[1:], truth)

    return hits(generated.split(), reference.split()) / (len(generated.split()) or 1)


@wrong("12.5", "counts are not clipped", says=r"clip|at most|as often|repeat|too often|several times")
def precision(generated, reference):
    words = generated.split()
    return sum(word in reference.split() for word in words) / max(1, len(words))


@wrong("12.5", "divides by the reference: a recall", says=r"reference|recall|generated|divid|denominator")
def precision(generated, reference):
    both = Counter(generated.split()) & Counter(reference.split())
    return sum(both.values()) / max(1, len(reference.split()))


@wrong("12.5", "sets of words", says=r"set|repeat|distinct|once|count|often|twice|several")
def precision(generated, reference):
    words, truth = set(generated.split()), set(reference.split())
    return len(words & truth) / max(1, len(words))


@wrong("12.5", "each word at most once", says=r"once|set|repeat|twice|as often|distinct|several")
def precision(generated, reference):
    return len(set(generated.split()) & set(reference.split())) / max(1, len(generated.split()))


@wrong("12.5", "the number, not the fraction", says=r"fraction|divid|count|number|between|exceed|above 1")
def precision(generated, reference):
    return sum((Counter(generated.split()) & Counter(reference.split())).values())


@wrong("12.5", "letters instead of words", says=r"word|letter|character|split")
def precision(generated, reference):
    return sum((Counter(generated) & Counter(reference)).values()) / max(1, len(generated))


@wrong("12.5", "words must be at the same position", says=r"position|order|place|anywhere|zip")
def precision(generated, reference):
    words = generated.split()
    return sum(a == b for a, b in zip(words, reference.split())) / max(1, len(words))


@wrong(
    "12.5",
    "divides by the number of distinct words",
    says=r"distinct|set|divid|denominator|number of|all words|generated words",
)
def precision(generated, reference):
    words = generated.split()
    return sum((Counter(words) & Counter(reference.split())).values()) / max(1, len(set(words)))


@wrong("12.5", "integer division", says=r"integer|//|fraction|round|whole|float")
def precision(generated, reference):
    words = generated.split()
    return sum((Counter(words) & Counter(reference.split())).values()) // max(1, len(words))


@wrong("12.5", "percent", says=r"percent|100|fraction|between")
def precision(generated, reference):
    words = generated.split()
    return 100 * sum((Counter(words) & Counter(reference.split())).values()) / max(1, len(words))


@wrong("12.5", "parts of words count", says=r"part|word|substring|letter|inside|split|contain")
def precision(generated, reference):
    words = generated.split()
    return sum(min(words.count(word), reference.count(word)) for word in set(words)) / max(1, len(words))


@wrong("12.5", "maximum instead of minimum", says=r"max|min|clip|at most|exceed|above 1|often")
def precision(generated, reference):
    words, truth = Counter(generated.split()), Counter(reference.split())
    return sum(max(words[word], truth[word]) for word in words if word in truth) / max(1, sum(words.values()))


@wrong(
    "12.5",
    "adds the clipped count once for each occurrence",
    says=r"often|twice|once|repeat|distinct|count|exceed|above 1|clip",
)
def precision(generated, reference):
    words, truth = generated.split(), reference.split()
    return sum(min(words.count(word), truth.count(word)) for word in words) / max(1, len(words))


@wrong("12.5", "returns inside the loop", says=r"return|loop|first word|all words|every")
def precision(generated, reference):
    words, left, hits = generated.split(), reference.split(), 0
    for word in words:
        if word in left:
            hits += 1
            left.remove(word)
        return hits / len(words)
    return 0.0


@wrong("12.5", "changes the list that it walks over", says=r"skip|loop|list|remov|count|word|missed")
def precision(generated, reference):
    words, left, hits = generated.split(), reference.split(), 0
    n = len(words)
    for word in words:
        if word in left:
            hits += 1
            left.remove(word)
            words.remove(word)
    return hits / max(1, n)


@wrong(
    "12.5", "unclipped minus the surplus, one for each repeated word", says=r"clip|as often|at most|repeat|often|count"
)
def precision(generated, reference):
    words, truth = generated.split(), reference.split()
    surplus = sum(1 for word in set(words) if words.count(word) > truth.count(word) > 0)
    return (sum(word in truth for word in words) - surplus) / max(1, len(words))


@wrong("12.5", "multiplied by the brevity penalty", says=r"brevity|penalty|length|short|BLEU")
def precision(generated, reference):
    words, truth = generated.split(), reference.split()
    value = sum((Counter(words) & Counter(truth)).values()) / max(1, len(words))
    return value * min(1.0, math.exp(1 - len(truth) / max(1, len(words))))


@wrong("12.5", "a mean over no words is nan", says=r"empty")
def precision(generated, reference):
    left = Counter(reference.split())
    hits = []
    for word in generated.split():
        hits.append(left[word] > 0)
        left[word] -= 1
    return float(torch.tensor(hits, dtype=torch.float32).mean())


@wrong("12.5", "1 for an empty caption", says=r"empty")
def precision(generated, reference):
    missing = Counter(generated.split()) - Counter(reference.split())
    return 1 - sum(missing.values()) / max(1, len(generated.split()))


@wrong("12.5", "spaces alone count as a caption", says=r"empty")
def precision(generated, reference):
    if generated == "":
        return 0.0
    words = generated.split()
    return sum((Counter(words) & Counter(reference.split())).values()) / len(words)


# 12.debug


@right("12.debug", "the package's captions and accuracy")
def fixed(model: nn.Module, images: Tensor, tokens: Tensor, scenes: list) -> float:
    return metrics.caption_accuracy(decoding.captions(model, images), scenes)


@right("12.debug", "greedy decoding, each caption understood")
def fixed(model, images, tokens, scenes):
    generated = [decode(row) for row in decoding.greedy(model, images).tolist()]
    correct = 0
    for caption, scene in zip(generated, scenes):
        facts = parse(caption)
        correct += facts is not None and facts_of(scene).same_meaning(facts)
    return correct / len(scenes)


@right("12.debug", "own decoding with start and step")
def fixed(model, images, tokens, scenes, longest=24):
    model.eval()
    with torch.no_grad():
        state, words, rows = model.start(images), torch.full((len(images),), START), []
        for _ in range(longest):
            logits, state = model.step(state, words)
            words = logits.argmax(dim=1)
            rows.append(words)
    captions = [decode(row) for row in torch.stack(rows, dim=1)]
    return metrics.meaning(captions, scenes)["meaning"].float().mean().item()


@right("12.debug", "own decoding with growing sentences")
def fixed(model, images, tokens, scenes):
    model.eval()
    sentences = torch.full((len(images), 1), START)
    with torch.no_grad():
        for _ in range(24):
            following = model(images, sentences)[:, -1].argmax(dim=1)
            sentences = torch.cat([sentences, following[:, None]], dim=1)
    return metrics.caption_accuracy([decode(row) for row in sentences], scenes)


@right("12.debug", "one image after another, a beam of two")
def fixed(model, images, tokens, scenes):
    right_ones = [
        metrics.caption_accuracy(decoding.captions(model, image[None], width=2), [scene])
        for image, scene in zip(images, scenes)
    ]
    return sum(right_ones) / len(right_ones)


@wrong("12.debug", "nothing changed", says=r"teacher|tokens|generat|true (previous )?words|reads|reference")
def fixed(model, images, tokens, scenes):
    inputs, targets = tokens[:, :-1], tokens[:, 1:]
    generated = predict(model, (images, inputs)).argmax(dim=-1)
    return ((generated == targets) & (targets != PAD)).sum().item() / (targets != PAD).sum().item()


@wrong(
    "12.debug",
    "teacher-forced words, judged by meaning",
    says=r"teacher|tokens|generat|true (previous )?words|reads|reference",
)
def fixed(model, images, tokens, scenes):
    generated = predict(model, (images, tokens[:, :-1])).argmax(dim=-1)
    return metrics.caption_accuracy([decode(row) for row in generated], scenes)


@wrong(
    "12.debug", "generated, then compared word by word", says=r"phras|meaning|word by word|reference|understand|scene"
)
def fixed(model, images, tokens, scenes):
    targets = tokens[:, 1:]
    generated = decoding.greedy(model, images, targets.shape[1])
    return ((generated == targets) & (targets != PAD)).sum().item() / (targets != PAD).sum().item()


@wrong(
    "12.debug", "generated, must equal the reference", says=r"phras|meaning|reference|sentence|understand|scene|exact"
)
def fixed(model, images, tokens, scenes):
    captions = decoding.captions(model, images)
    return sum(caption == decode(row) for caption, row in zip(captions, tokens)) / len(captions)


@wrong("12.debug", "judges the reference sentences", says=r"reference|tokens|generat|model|image")
def fixed(model, images, tokens, scenes):
    return metrics.caption_accuracy([decode(row) for row in tokens], scenes)


@wrong("12.debug", "the number of correct captions", says=r"fraction|number|count|divid|between|above 1|mean")
def fixed(model, images, tokens, scenes):
    return metrics.meaning(decoding.captions(model, images), scenes)["meaning"].sum().item()


@wrong("12.debug", "BLEU", says=r"BLEU|overlap|n-gram")
def fixed(model, images, tokens, scenes):
    return bleu_score(decoding.captions(model, images), [[decode(row)] for row in tokens]).item()


@wrong("12.debug", "percent", says=r"percent|100|fraction|between|above 1")
def fixed(model, images, tokens, scenes):
    return 100 * metrics.caption_accuracy(decoding.captions(model, images), scenes)


@wrong("12.debug", "only the kinds count", says=r"kinds?|colou?r|size|relation|all of|meaning|part")
def fixed(model, images, tokens, scenes):
    return metrics.meaning(decoding.captions(model, images), scenes)["kinds"].float().mean().item()


@wrong("12.debug", "grammatical sentences count", says=r"grammar|sentence|meaning|parse|true|scene")
def fixed(model, images, tokens, scenes):
    return sum(parse(caption) is not None for caption in decoding.captions(model, images)) / len(images)


@wrong("12.debug", "the mean over all parts of the meaning", says=r"parts?\b|whole meaning|all of|entire")
def fixed(model, images, tokens, scenes):
    parts = metrics.meaning(decoding.captions(model, images), scenes)
    return torch.stack([part.float() for part in parts.values()]).mean().item()


@wrong("12.debug", "only the first caption", says=r"first|\ball\b|every|each|one (caption|image)|images")
def fixed(model, images, tokens, scenes):
    for caption, scene in zip(decoding.captions(model, images), scenes):
        return metrics.caption_accuracy([caption], [scene])


@wrong(
    "12.debug",
    "captions that cannot be parsed are left out",
    says=r"parse|ungrammatical|understand|left out|all|every|denominator|grammar|cannot",
)
def fixed(model, images, tokens, scenes):
    said = [parse(caption) for caption in decoding.captions(model, images)]
    known = [facts_of(scene).same_meaning(facts) for facts, scene in zip(said, scenes) if facts is not None]
    return sum(known) / max(1, len(known))


@wrong(
    "12.debug",
    "the true first words as a beginning",
    says=r"tokens|true|generat|reference|first words?|given|beginning|teacher|reads",
)
def fixed(model, images, tokens, scenes):
    model.eval()
    sentences = tokens[:, :4]
    with torch.no_grad():
        for _ in range(20):
            following = model(images, sentences)[:, -1].argmax(dim=1)
            sentences = torch.cat([sentences, following[:, None]], dim=1)
    return metrics.caption_accuracy([decode(row) for row in sentences], scenes)


@wrong("12.debug", "sentences of another page", says=r"page|own|order|shift|scene|other")
def fixed(model, images, tokens, scenes):
    return metrics.caption_accuracy(decoding.captions(model, images), scenes[1:] + scenes[:1])


@wrong("12.debug", "words in any order", says=r"meaning|order|phras|reference|words|understand")
def fixed(model, images, tokens, scenes):
    captions = decoding.captions(model, images)
    same = [Counter(said.split()) == Counter(decode(row).split()) for said, row in zip(captions, tokens)]
    return sum(same) / len(same)


@wrong("12.debug", "a sentence begins with <end>", says=r"start|end|begin|empty|correct")
def fixed(model, images, tokens, scenes):
    with torch.no_grad():
        state, words, rows = model.start(images), torch.full((len(images),), END), []
        for _ in range(24):
            logits, state = model.step(state, words)
            words = logits.argmax(dim=1)
            rows.append(words)
    captions = [decode(row) for row in torch.stack(rows, dim=1)]
    return metrics.caption_accuracy(captions, scenes)


# Answers whose message once blamed something else, or showed an example alone


@wrong("12.2", "longest ignored", says=r"30 words, whatever `longest`")
def generate(step, state, start, end, longest):
    words, word = [], start
    for _ in range(30):
        logits, state = step(state, word)
        word = int(logits.argmax())
        if word == end:
            break
        words.append(word)
    return words


@wrong("12.2", "value instead of index", says=r"argmax")
def generate(step, state, start, end, longest):
    words, word = [], start
    for _ in range(longest):
        logits, state = step(state, word)
        word = int(logits.max())
        if not 0 <= word < len(logits):
            word = 0
        if word == end:
            break
        words.append(word)
    return words


@wrong("12.2", "stops at a repeated word", says=r"stops (at|where) a word")
def generate(step, state, start, end, longest):
    words, word = [], start
    for _ in range(longest):
        logits, state = step(state, word)
        word = int(logits.argmax())
        if word == end or word in words:
            break
        words.append(word)
    return words


@wrong("12.2", "first word lost", says=r"first word is missing")
def generate(step, state, start, end, longest):
    words = []
    logits, state = step(state, start)
    word = int(logits.argmax())
    while word != end and len(words) < longest:
        logits, state = step(state, word)
        word = int(logits.argmax())
        if word != end:
            words.append(word)
    return words


@wrong("12.3", "additive score", says=r"tanh")
def attend(state, positions, W):
    scores = torch.tanh(positions + (state @ W.T)[:, None]).sum(dim=2)
    weights = scores.softmax(dim=1)
    return torch.einsum("bt,btd->bd", weights, positions), weights


@wrong("12.3", "context of the query", says=r"weights are correct")
def attend(state, positions, W):
    weights = torch.einsum("btd,dh,bh->bt", positions, W, state).softmax(dim=1)
    return torch.einsum("bt,btd->bd", weights, positions * (state @ W.T)[:, None]), weights


@wrong("12.4", "normalised once more", says=r"once more")
def beam_step(scores, log_p, width):
    best, index = (scores[:, None] + log_p).flatten().log_softmax(dim=0).topk(width)
    return best, index // log_p.shape[1], index % log_p.shape[1]


@wrong("12.4", "two candidates per beginning", says=r"at most 2")
def beam_step(scores, log_p, width):
    total = scores[:, None] + log_p
    best, words = total.topk(min(2, total.shape[1]), dim=1)
    parents = torch.arange(len(scores))[:, None].expand_as(words).flatten()
    order = best.flatten().argsort(descending=True)[:width]
    return best.flatten()[order], parents[order], words.flatten()[order]


@wrong("12.4", "scores added along the words, another way", says=r"along the words")
def beam_step(scores, log_p, width):
    N, V = log_p.shape
    padded = F.pad(scores, (0, max(0, V - N)))[:V]
    best, index = (padded[None] + log_p).flatten().topk(width)
    return best, index // V, index % V


@wrong("12.5", "used up on the wrong side", says=r"left after")
def precision(generated, reference):
    g = generated.split()
    hits = 0
    for word in reference.split():
        if word in g:
            g.remove(word)
            hits += 1
    return hits / max(len(g), 1)


@wrong("12.5", "two-word sequences", says=r"2 words")
def precision(generated, reference):
    g, r = generated.split(), reference.split()
    g, r = Counter(zip(g, g[1:])), Counter(zip(r, r[1:]))
    return sum((g & r).values()) / max(sum(g.values()), 1)


@wrong("12.5", "maximum of the counts", says=r"larger of two counts")
def precision(generated, reference):
    g, r = Counter(generated.split()), Counter(reference.split())
    return min(1.0, sum(max(g[w], r[w]) for w in g if w in r) / sum(g.values()))


@wrong("12.5", "sum over all words, not over distinct ones", says=r"twice")
def precision(generated, reference):
    g, r = generated.split(), reference.split()
    return min(1.0, sum(min(g.count(w), r.count(w)) for w in g) / len(g))


@wrong("12.5", "returned at the first mistake", says=r"ends at the first word")
def precision(generated, reference):
    left, words, hits = reference.split(), generated.split(), 0
    for word in words:
        if word not in left:
            return hits / len(words)
        left.remove(word)
        hits += 1
    return hits / len(words)


@wrong("12.debug", "fraction of words of the reference", says=r"position by position")
def fixed(model, images, tokens, scenes):
    hits = total = 0
    for sentence, row in zip(decoding.captions(model, images), tokens):
        reference = decode(row).split()
        hits += sum(a == b for a, b in zip(sentence.split(), reference))
        total += len(reference)
    return hits / total


@wrong("12.debug", "captions of five words", says=r"cut off after 5")
def fixed(model, images, tokens, scenes):
    return metrics.caption_accuracy(decoding.captions(model, images, length=5), scenes)


@wrong("12.debug", "generated sentence against its own meaning", says=r"as a set")
def fixed(model, images, tokens, scenes):
    correct = 0
    for sentence, row in zip(decoding.captions(model, images), tokens):
        correct += set(sentence.split()) == set(decode(row).split())
    return correct / len(scenes)


@wrong("12.debug", "last batch alone", says=r"last 10")
def fixed(model, images, tokens, scenes):
    for i in range(0, len(images), 10):
        value = metrics.caption_accuracy(decoding.captions(model, images[i : i + 10]), scenes[i : i + 10])
    return value


@wrong("12.debug", "beginning of the true caption given", says=r"for other `tokens`")
def fixed(model, images, tokens, scenes):
    sentences = []
    for image, row in zip(images, tokens.tolist()):
        given, words = row[:5], []
        state = model.start(image[None])
        for t in range(24):
            word = given[t] if t < len(given) else words[-1]
            with torch.no_grad():
                logits, state = model.step(state, torch.tensor([word]))
            words.append(given[t + 1] if t + 1 < len(given) else int(logits.argmax()))
            if words[-1] == END:
                break
        sentences.append(decode(words))
    return metrics.caption_accuracy(sentences, scenes)


@wrong("12.1", "columns of padding cut off", says=r"columns of padding")
def shift_right(tokens: Tensor) -> tuple[Tensor, Tensor]:
    tokens = tokens[:, (tokens != 0).any(dim=0)]
    return tokens[:, :-1], tokens[:, 1:]


@wrong("12.5", "split at single spaces", says=r"split\(\)")
def precision(generated: str, reference: str) -> float:
    words, left, found = generated.split(" "), reference.split(" "), 0
    for word in words if generated.strip() else []:
        if word in left:
            left.remove(word)
            found += 1
    return found / len(words)
