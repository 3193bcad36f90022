"""Answers to the exercises of lesson 02."""

from collections import defaultdict
from itertools import accumulate, zip_longest

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

from mmcourse.data.text import lengths
from mmcourse.models import pooling
from mmcourse.models.rnn import SentenceClassifier

from . import right, wrong

# 02.1 encode


@right("02.1", "a comprehension with get")
def encode(sentence: str, index: dict[str, int]) -> list[int]:
    return [index.get(word, index["<unk>"]) for word in sentence.lower().split()]


@right("02.1", "a loop with if and else")
def encode(sentence, index):
    numbers = []
    for word in sentence.lower().split():
        if word in index:
            numbers.append(index[word])
        else:
            numbers.append(index["<unk>"])
    return numbers


@right("02.1", "try and except")
def encode(sentence, index):
    result = []
    for word in sentence.split():
        try:
            result += [index[word.lower()]]
        except KeyError:
            result += [index["<unk>"]]
    return result


@right("02.1", "map with a helper function")
def encode(sentence, index):
    def number(word):
        return index[word if word in index else "<unk>"]

    return list(map(number, str.split(sentence.lower())))


@right("02.1", "recursion over the words")
def encode(sentence, index):
    def numbers(words):
        if not words:
            return []
        return [index[words[0]] if words[0] in index else index["<unk>"]] + numbers(words[1:])

    return numbers(sentence.casefold().split())


@wrong("02.1", "not lower-cased", says=r"lower|capital|upper|\bcase")
def encode(sentence, index):
    return [index.get(word, index["<unk>"]) for word in sentence.split()]


@wrong("02.1", "split at each single space", says=r"white ?space|several spaces|two spaces|space|tab|empty|line break")
def encode(sentence, index):
    return [index.get(word, index["<unk>"]) for word in sentence.lower().split(" ")]


@wrong("02.1", "1 hard-coded for unknown words", says=r"<unk>|hard|index\[|\b1\b")
def encode(sentence, index):
    return [index.get(word, 1) for word in sentence.lower().split()]


@wrong("02.1", "unknown words become 0", says=r"<unk>|unknown|\b0\b|not in")
def encode(sentence, index):
    return [index.get(word, 0) for word in sentence.lower().split()]


@wrong("02.1", "unknown words left out", says=r"<unk>|unknown|left out|skip|drop|missing|length|number of")
def encode(sentence, index):
    return [index[word] for word in sentence.lower().split() if word in index]


@wrong("02.1", "unknown words become None", says=r"<unk>|unknown|None|not in")
def encode(sentence, index):
    return [index.get(word) for word in sentence.lower().split()]


@wrong("02.1", "stops at an unknown word", says=r"<unk>|unknown|not in|KeyError")
def encode(sentence, index):
    return [index[word] for word in sentence.lower().split()]


@wrong("02.1", "or in place of a default, so that number 0 counts as missing", says=r"\b0\b|zero|<pad>")
def encode(sentence, index):
    return [index.get(word) or index["<unk>"] for word in sentence.lower().split()]


@wrong("02.1", "punctuation removed", says=r"punctuation|comma|white ?space|stripped|only split|full stop|split")
def encode(sentence, index):
    words = sentence.lower().replace(",", " ").replace(".", " ").replace("!", " ").split()
    return [index.get(word, index["<unk>"]) for word in words]


@wrong("02.1", "characters in place of words", says=r"character|letter|word|split")
def encode(sentence, index):
    return [index.get(word, index["<unk>"]) for word in sentence.lower()]


@wrong("02.1", "a tensor in place of a list", says=r"list|tensor")
def encode(sentence, index):
    return torch.tensor([index.get(word, index["<unk>"]) for word in sentence.lower().split()])


@wrong("02.1", "new words get new numbers", says=r"<unk>|unknown|new number|index.*changed")
def encode(sentence, index):
    return [index.setdefault(word, len(index)) for word in sentence.lower().split()]


@wrong("02.1", "each word once", says=r"twice|repeat|set|once|order|duplicate|length|number of|more than")
def encode(sentence, index):
    return [index.get(word, index["<unk>"]) for word in set(sentence.lower().split())]


@wrong("02.1", "return inside the loop", says=r"return|loop|first word|only|length|number of|one")
def encode(sentence, index):
    numbers = []
    for word in sentence.lower().split():
        numbers.append(index.get(word, index["<unk>"]))
        return numbers


@wrong("02.1", "the words in place of their numbers", says=r"number|words|str|text|int")
def encode(sentence, index):
    return [word if word in index else "<unk>" for word in sentence.lower().split()]


@wrong(
    "02.1",
    "a list as default argument that grows from call to call",
    says=r"call|earlier|previous|default|again|length|remember|list|new",
)
def encode(sentence, index, numbers=[]):
    for word in sentence.lower().split():
        numbers.append(index.get(word, index["<unk>"]))
    return numbers


@right("02.1", "a dictionary with a default")
def encode(sentence, index):
    numbers = defaultdict(lambda: index["<unk>"], index)
    return [numbers[word] for word in sentence.lower().split()]


@right("02.1", "a generator")
def encode(sentence, index):
    def numbers():
        unknown = index["<unk>"]
        for word in sentence.split():
            yield index.get(word.lower(), unknown)

    return list(numbers())


@wrong("02.1", "the key unk without brackets", says=r"<unk>|KeyError|unk\b")
def encode(sentence, index):
    return [index[word] if word in index else index["unk"] for word in sentence.lower().split()]


@wrong("02.1", "the position in the dictionary", says=r"position|number|look|value|order|index\[")
def encode(sentence, index):
    words = list(index)
    return [words.index(word) if word in words else words.index("<unk>") for word in sentence.lower().split()]


@wrong("02.1", "from the last word to the first", says=r"order|revers|last")
def encode(sentence, index):
    return [index.get(word, index["<unk>"]) for word in reversed(sentence.lower().split())]


@wrong("02.1", "the first letter alone in lower case", says=r"lower|case|capital|letter")
def encode(sentence, index):
    return [index.get(word[0].lower() + word[1:], index["<unk>"]) for word in sentence.split()]


@wrong("02.1", "at most eight words", says=r"cut|long|end|missing|every word|words? (is|are)|length|eight")
def encode(sentence, index):
    return [index.get(word, index["<unk>"]) for word in sentence.lower().split()[:8]]


# 02.2 pad


@right("02.2", "zeros filled row by row")
def pad_batch(sequences: list[list[int]]) -> Tensor:
    T = max(len(sequence) for sequence in sequences)
    result = torch.zeros(len(sequences), T, dtype=torch.long)
    for i, sequence in enumerate(sequences):
        result[i, : len(sequence)] = torch.tensor(sequence)
    return result


@right("02.2", "lists extended in a comprehension")
def pad_batch(sequences):
    longest = max(map(len, sequences))
    return torch.tensor([sequence + [0] * (longest - len(sequence)) for sequence in sequences])


@right("02.2", "PyTorch's pad_sequence")
def pad_batch(sequences):
    return pad_sequence([torch.tensor(s, dtype=torch.long) for s in sequences], batch_first=True)


@right("02.2", "zip_longest and transpose")
def pad_batch(sequences):
    return torch.tensor(list(zip_longest(*sequences, fillvalue=0)), dtype=torch.long).T


@right("02.2", "numpy")
def pad_batch(sequences):
    array = np.zeros((len(sequences), max(len(s) for s in sequences)), dtype=np.int64)
    for row, sequence in zip(array, sequences):
        row[: len(sequence)] = sequence
    return torch.from_numpy(array)


@right("02.2", "F.pad and stack")
def pad_batch(sequences):
    T = max(len(s) for s in sequences)
    return torch.stack([F.pad(torch.tensor(s, dtype=torch.long), (0, T - len(s))) for s in sequences])


@wrong("02.2", "zeros on the left", says=r"right|left|behind|after|end")
def pad_batch(sequences):
    T = max(len(s) for s in sequences)
    return torch.tensor([[0] * (T - len(s)) + s for s in sequences], dtype=torch.long)


@wrong("02.2", "floats, since the dtype is missing", says=r"integer|long|float|dtype|whole")
def pad_batch(sequences):
    T = max(len(s) for s in sequences)
    result = torch.zeros(len(sequences), T)
    for i, s in enumerate(sequences):
        result[i, : len(s)] = torch.tensor(s)
    return result


@wrong("02.2", "length of the first sequence", says=r"longest|first|length|max|width|cut|shape")
def pad_batch(sequences):
    T = len(sequences[0])
    return torch.tensor([(s + [0] * T)[:T] for s in sequences], dtype=torch.long)


@wrong("02.2", "cut to the shortest", says=r"longest|cut|short|lost|missing|length|shape")
def pad_batch(sequences):
    T = min(len(s) for s in sequences)
    return torch.tensor([s[:T] for s in sequences], dtype=torch.long)


@wrong("02.2", "length of 20 hard-coded", says=r"longest|length|shape|columns|fixed|hard|too (many|wide|long)")
def pad_batch(sequences):
    return torch.tensor([(s + [0] * 20)[:20] for s in sequences], dtype=torch.long)


@wrong("02.2", "padded with 1", says=r"\b0\b|zero|padd?(ing|ed)|\b1\b")
def pad_batch(sequences):
    T = max(len(s) for s in sequences)
    return torch.tensor([s + [1] * (T - len(s)) for s in sequences], dtype=torch.long)


@wrong("02.2", "last word repeated", says=r"\b0\b|zero|padd?(ing|ed)|repeat")
def pad_batch(sequences):
    T = max(len(s) for s in sequences)
    return torch.tensor([s + s[-1:] * (T - len(s)) for s in sequences], dtype=torch.long)


@wrong("02.2", "time first", says=r"transpos|\(B, T\)|batch_first|rows|shape|column")
def pad_batch(sequences):
    return pad_sequence([torch.tensor(s) for s in sequences])


@wrong("02.2", "one column too many", says=r"longest|one (column|more|too)|length|shape|width|columns")
def pad_batch(sequences):
    T = max(len(s) for s in sequences) + 1
    return torch.tensor([s + [0] * (T - len(s)) for s in sequences], dtype=torch.long)


@wrong("02.2", "lists in place of a tensor", says=r"tensor|list")
def pad_batch(sequences):
    T = max(len(s) for s in sequences)
    return [s + [0] * (T - len(s)) for s in sequences]


@wrong("02.2", "all rows are the same list", says=r"row|same|list|last|each|\*|copy")
def pad_batch(sequences):
    T = max(len(s) for s in sequences)
    rows = [[0] * T] * len(sequences)
    for i, s in enumerate(sequences):
        for j, token in enumerate(s):
            rows[i][j] = token
    return torch.tensor(rows, dtype=torch.long)


@wrong("02.2", "sorted by length", says=r"order|sort|row|length")
def pad_batch(sequences):
    sequences = sorted(sequences, key=len, reverse=True)
    return pad_sequence([torch.tensor(s) for s in sequences], batch_first=True)


@wrong("02.2", "squeeze removes a batch of one", says=r"squeeze|batch of one|batch is gone|single")
def pad_batch(sequences):
    return pad_sequence([torch.tensor(s) for s in sequences], batch_first=True).squeeze()


@right("02.2", "rows concatenated and reshaped")
def pad_batch(sequences):
    rows = [torch.tensor(s, dtype=torch.long) for s in sequences]
    T = max(len(row) for row in rows)
    return torch.cat([torch.cat([row, row.new_zeros(T - len(row))]) for row in rows]).reshape(len(rows), T)


@right("02.2", "two loops over all positions")
def pad_batch(sequences):
    T = max([len(s) for s in sequences])
    result = torch.zeros((len(sequences), T)).long()
    for b in range(len(sequences)):
        for t in range(T):
            if t < len(sequences[b]):
                result[b, t] = sequences[b][t]
    return result


_longest = 0


@wrong(
    "02.2",
    "as long as the longest of all calls so far",
    says=r"longest|this batch|one (column|too)|columns|earlier|call|length|too many",
)
def pad_batch(sequences):
    global _longest
    _longest = max([_longest, *(len(s) for s in sequences)])
    return torch.tensor([s + [0] * (_longest - len(s)) for s in sequences], dtype=torch.long)


@wrong(
    "02.2", "one zero more after every sentence", says=r"one (column|too|zero)|longest|too many|length|shape|columns"
)
def pad_batch(sequences):
    return pad_sequence([torch.tensor([*s, 0]) for s in sequences], batch_first=True)


@wrong("02.2", "zeros in the middle of the row, every sentence ends at the right", says=r"right|left|behind|after")
def pad_batch(sequences):
    T = max(len(s) for s in sequences)
    result = torch.zeros(len(sequences), T, dtype=torch.long)
    for row, s in zip(result, sequences):
        row[T - len(s) :] = torch.tensor(s)
    return result


@wrong("02.2", "32-bit floats converted from integers by a product", says=r"integer|long|float|dtype|int64")
def pad_batch(sequences):
    return pad_sequence([torch.tensor(s) for s in sequences], batch_first=True) * 1.0


@wrong("02.2", "each sequence as a batch of its own", says=r"shape|\(B, T\)|list|tensor|one tensor|axes")
def pad_batch(sequences):
    return [torch.tensor([s], dtype=torch.long) for s in sequences]


# 02.3 an RNN


@right("02.3", "a loop, a list and stack")
def rnn(x: Tensor, W: Tensor, U: Tensor, b: Tensor) -> Tensor:
    h = torch.zeros(U.shape[0])
    states = []
    for t in range(len(x)):
        h = torch.tanh(W @ x[t] + U @ h + b)
        states.append(h)
    return torch.stack(states)


@right("02.3", "inputs projected at once")
def rnn(x, W, U, b):
    projected = x @ W.T + b
    h, states = torch.zeros_like(b), []
    for row in projected:
        h = (row + h @ U.T).tanh()
        states += [h]
    return torch.stack(states, dim=0)


@right("02.3", "states written into a tensor")
def rnn(x, W, U, b):
    T, H = x.shape[0], W.shape[0]
    states = torch.zeros(T, H)
    h = torch.zeros(H)
    for t in range(T):
        h = torch.tanh(torch.mv(W, x[t]) + torch.mv(U, h) + b)
        states[t] = h
    return states


@right("02.3", "PyTorch's layer with these weights")
def rnn(x, W, U, b):
    layer = nn.RNN(W.shape[1], W.shape[0], batch_first=True)
    weights = {"weight_ih_l0": W, "weight_hh_l0": U, "bias_ih_l0": b, "bias_hh_l0": torch.zeros_like(b)}
    return torch.func.functional_call(layer.to(x.dtype), weights, (x[None],))[0][0]


@right("02.3", "recursion over the time")
def rnn(x, W, U, b):
    def state(t):
        if t == 0:
            return torch.zeros(len(U))
        return torch.tanh(F.linear(x[t - 1], W, b) + F.linear(state(t - 1), U))

    return torch.stack([state(t) for t in range(1, len(x) + 1)])


@right("02.3", "numpy")
def rnn(x, W, U, b):
    x, W, U, b = (part.detach().numpy() for part in (x, W, U, b))
    h, states = np.zeros_like(b), []
    for word in x:
        h = np.tanh(W @ word + U @ h + b)
        states.append(h)
    return torch.from_numpy(np.array(states))


@wrong("02.3", "previous state ignored", says=r"previous|state|U\b|h_\{?t")
def rnn(x, W, U, b):
    return torch.tanh(x @ W.T + b)


@wrong("02.3", "the state is never updated", says=r"previous|updat|state|U\b|h_\{?t|carried")
def rnn(x, W, U, b):
    h, states = torch.zeros(len(b)), []
    for word in x:
        states.append(torch.tanh(W @ word + U @ h + b))
    return torch.stack(states)


@wrong("02.3", "bias forgotten", says=r"bias|\bb\b")
def rnn(x, W, U, b):
    h, states = torch.zeros(len(b)), []
    for word in x:
        h = torch.tanh(W @ word + U @ h)
        states.append(h)
    return torch.stack(states)


@wrong("02.3", "bias after the tanh", says=r"bias|\bb\b|inside|tanh")
def rnn(x, W, U, b):
    h, states = torch.zeros(len(b)), []
    for word in x:
        h = torch.tanh(W @ word + U @ h) + b
        states.append(h)
    return torch.stack(states)


@wrong("02.3", "bias added twice", says=r"bias|\bb\b|twice")
def rnn(x, W, U, b):
    h, states = torch.zeros(len(b)), []
    for word in x:
        h = torch.tanh((W @ word + b) + (U @ h + b))
        states.append(h)
    return torch.stack(states)


@wrong("02.3", "no tanh", says=r"tanh")
def rnn(x, W, U, b):
    h, states = torch.zeros(len(b)), []
    for word in x:
        h = W @ word + U @ h + b
        states.append(h)
    return torch.stack(states)


@wrong("02.3", "sigmoid in place of tanh", says=r"tanh|sigmoid")
def rnn(x, W, U, b):
    h, states = torch.zeros(len(b)), []
    for word in x:
        h = torch.sigmoid(W @ word + U @ h + b)
        states.append(h)
    return torch.stack(states)


@wrong("02.3", "tanh of the input part alone", says=r"tanh|bracket|whole sum|inside|parenthes")
def rnn(x, W, U, b):
    h, states = torch.zeros(len(b)), []
    for word in x:
        h = torch.tanh(W @ word + b) + U @ h
        states.append(h)
    return torch.stack(states)


@wrong("02.3", "U transposed", says=r"transpos|U @ h|h @ U|U\.T|U\b")
def rnn(x, W, U, b):
    h, states = torch.zeros(len(b)), []
    for word in x:
        h = torch.tanh(W @ word + h @ U + b)
        states.append(h)
    return torch.stack(states)


@wrong("02.3", "starts from ones", says=r"h_0|zero|start|initial|first state")
def rnn(x, W, U, b):
    h, states = torch.ones(len(b)), []
    for word in x:
        h = torch.tanh(W @ word + U @ h + b)
        states.append(h)
    return torch.stack(states)


@wrong("02.3", "starts from random numbers", says=r"h_0|zero|start|initial|random|first state|same")
def rnn(x, W, U, b):
    h, states = torch.randn(len(b)), []
    for word in x:
        h = torch.tanh(W @ word + U @ h + b)
        states.append(h)
    return torch.stack(states)


@wrong("02.3", "the last state only", says=r"all states|last|every|shape|\(T, H\)|each")
def rnn(x, W, U, b):
    h = torch.zeros(len(b))
    for word in x:
        h = torch.tanh(W @ word + U @ h + b)
    return h


@wrong("02.3", "h_0 is among the states", says=r"h_0|zero|first|shape|initial|one (row|state|too)|T \+ 1|\(T, H\)")
def rnn(x, W, U, b):
    states = [torch.zeros(len(b))]
    for word in x:
        states.append(torch.tanh(W @ word + U @ states[-1] + b))
    return torch.stack(states)


@wrong("02.3", "states from before each step", says=r"h_0|before|first|zero|one step|shift|late|initial|after")
def rnn(x, W, U, b):
    h, states = torch.zeros(len(b)), []
    for word in x:
        states.append(h)
        h = torch.tanh(W @ word + U @ h + b)
    return torch.stack(states)


@wrong("02.3", "from right to left", says=r"order|left|revers|first|backward|direction|last word")
def rnn(x, W, U, b):
    h, states = torch.zeros(len(b)), []
    for word in x.flip(0):
        h = torch.tanh(W @ word + U @ h + b)
        states.append(h)
    return torch.stack(states[::-1])


@wrong("02.3", "return inside the loop", says=r"return|loop|first|all states|shape|only|\(T, H\)")
def rnn(x, W, U, b):
    h, states = torch.zeros(len(b)), []
    for word in x:
        h = torch.tanh(W @ word + U @ h + b)
        states.append(h)
        return torch.stack(states)


@wrong("02.3", "squeeze removes an axis of one", says=r"squeeze|one word|single|axis")
def rnn(x, W, U, b):
    h, states = torch.zeros(len(b)), []
    for word in x:
        h = torch.tanh(W @ word + U @ h + b)
        states.append(h)
    return torch.stack(states).squeeze()


@wrong("02.3", "a list of states", says=r"list|tensor|stack")
def rnn(x, W, U, b):
    h, states = torch.zeros(len(b)), []
    for word in x:
        h = torch.tanh(W @ word + U @ h + b)
        states.append(h)
    return states


@right("02.3", "itertools.accumulate")
def rnn(x, W, U, b):
    steps = accumulate(x, lambda h, word: torch.tanh(W @ word + U @ h + b), initial=torch.zeros(len(b)))
    return torch.stack(list(steps)[1:])


@right("02.3", "columns and one matrix for input and state")
def rnn(x, W, U, b):
    both = torch.cat([W, U], dim=1)
    h = torch.zeros(U.shape[0], 1)
    rows = []
    for t in range(x.shape[0]):
        h = torch.tanh(both @ torch.cat([x[t].unsqueeze(1), h]) + b.unsqueeze(1))
        rows.append(h.T)
    return torch.cat(rows)


@wrong(
    "02.3", "the input before in place of the state before", says=r"earlier states|previous input|one step|word before"
)
def rnn(x, W, U, b):
    states = []
    for t in range(len(x)):
        before = torch.tanh(W @ x[t - 1] + b) if t else torch.zeros(len(b))
        states.append(torch.tanh(W @ x[t] + U @ before + b))
    return torch.stack(states)


@wrong("02.3", "the last word is left out", says=r"last word|one (state|row|too)|shape|missing|T\b")
def rnn(x, W, U, b):
    h, states = torch.zeros(len(b)), [torch.zeros(len(b))]
    for t in range(len(x) - 1):
        h = torch.tanh(W @ x[t] + U @ h + b)
        states.append(h)
    return torch.stack(states)


@wrong("02.3", "states in columns", says=r"transpos|shape|column|row|\(T, H\)")
def rnn(x, W, U, b):
    h, states = torch.zeros(len(b)), []
    for word in x:
        h = torch.tanh(W @ word + U @ h + b)
        states.append(h)
    return torch.stack(states, dim=1)


@wrong("02.3", "the state is added to, not replaced", says=r"add|\+=|replac|residual|sum|previous")
def rnn(x, W, U, b):
    h, states = torch.zeros(len(b)), []
    for word in x:
        h = h + torch.tanh(W @ word + U @ h + b)
        states.append(h)
    return torch.stack(states)


@wrong(
    "02.3",
    "one tensor changed in place and stored again and again",
    says=r"same|in place|copy|clone|last state|every row|all rows|equal",
)
def rnn(x, W, U, b):
    h, states = torch.zeros(len(b)), []
    for word in x:
        h.copy_(torch.tanh(W @ word + U @ h + b))
        states.append(h)
    return torch.stack(states)


_state = {}


@wrong(
    "02.3",
    "the state of the sentence before is kept",
    says=r"h_0|zero|start|call|sentence before|carried|initial|again|twice",
)
def rnn(x, W, U, b):
    h = _state.get(len(b), torch.zeros(len(b)))
    states = []
    for word in x:
        h = torch.tanh(W @ word + U @ h + b)
        states.append(h)
    _state[len(b)] = h
    return torch.stack(states)


# 02.4 one step of an LSTM


@right("02.4", "chunk")
def lstm_step(x: Tensor, h: Tensor, c: Tensor, W: Tensor, U: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@right("02.4", "separate matrices")
def lstm_step(x, h, c, W, U, b):
    W_i, W_f, W_g, W_o = W.chunk(4)
    U_i, U_f, U_g, U_o = U.chunk(4)
    b_i, b_f, b_g, b_o = b.chunk(4)
    i = torch.sigmoid(x @ W_i.T + h @ U_i.T + b_i)
    f = torch.sigmoid(x @ W_f.T + h @ U_f.T + b_f)
    g = torch.tanh(x @ W_g.T + h @ U_g.T + b_g)
    o = torch.sigmoid(x @ W_o.T + h @ U_o.T + b_o)
    new_c = f * c + i * g
    return o * new_c.tanh(), new_c


@right("02.4", "slices by the width, and a helper function")
def lstm_step(x, h, c, W, U, b):
    H = h.shape[1]

    def gate(n, activation):
        rows = slice(n * H, (n + 1) * H)
        return activation(F.linear(x, W[rows], b[rows]) + F.linear(h, U[rows]))

    c_new = gate(1, torch.sigmoid) * c + gate(0, torch.sigmoid) * gate(2, torch.tanh)
    return gate(3, torch.sigmoid) * torch.tanh(c_new), c_new


@right("02.4", "PyTorch's cell")
def lstm_step(x, h, c, W, U, b):
    cell = nn.LSTMCell(x.shape[1], h.shape[1]).to(x.dtype)
    weights = {"weight_ih": W, "weight_hh": U, "bias_ih": b, "bias_hh": torch.zeros_like(b)}
    return torch.func.functional_call(cell, weights, (x, (h, c)))


@right("02.4", "sentence by sentence")
def lstm_step(x, h, c, W, U, b):
    new_h, new_c = [], []
    for n in range(len(x)):
        z = W @ x[n] + U @ h[n] + b
        i, f, g, o = z.view(4, -1)
        cell = f.sigmoid() * c[n] + i.sigmoid() * g.tanh()
        new_c.append(cell)
        new_h.append(o.sigmoid() * cell.tanh())
    return torch.stack(new_h), torch.stack(new_c)


@wrong("02.4", "order i, f, o, g", says=r"order|i, f, g, o|W_g|output gate|candidate|stack|rows")
def lstm_step(x, h, c, W, U, b):
    i, f, o, g = (x @ W.T + h @ U.T + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@wrong("02.4", "order f, i, g, o", says=r"order|i, f, g, o|swap|forget|exchang|stack|rows")
def lstm_step(x, h, c, W, U, b):
    f, i, g, o = (x @ W.T + h @ U.T + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@wrong("02.4", "cell state returned first", says=r"order|swap|first|exchang|h before|h, c|new h")
def lstm_step(x, h, c, W, U, b):
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return c, torch.sigmoid(o) * torch.tanh(c)


@wrong("02.4", "h from the old cell state", says=r"old|new c|c_t|updated|previous|cell")
def lstm_step(x, h, c, W, U, b):
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, dim=1)
    new_c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), new_c


@wrong("02.4", "no tanh around the cell state", says=r"tanh")
def lstm_step(x, h, c, W, U, b):
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * c, c


@wrong("02.4", "sigmoid for the candidate", says=r"tanh|\bg\b|candidate|sigmoid")
def lstm_step(x, h, c, W, U, b):
    i, f, g, o = torch.sigmoid(x @ W.T + h @ U.T + b).chunk(4, dim=1)
    c = f * c + i * g
    return o * torch.tanh(c), c


@wrong("02.4", "tanh for every gate", says=r"sigmoid|σ|gate|tanh")
def lstm_step(x, h, c, W, U, b):
    i, f, g, o = torch.tanh(x @ W.T + h @ U.T + b).chunk(4, dim=1)
    c = f * c + i * g
    return o * torch.tanh(c), c


@wrong("02.4", "gates without an activation", says=r"sigmoid|σ|gate|between 0 and 1")
def lstm_step(x, h, c, W, U, b):
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, dim=1)
    c = f * c + i * torch.tanh(g)
    return o * torch.tanh(c), c


@wrong("02.4", "input gate forgotten", says=r"input gate|\bi\b|i_t|written")
def lstm_step(x, h, c, W, U, b):
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@wrong("02.4", "forget gate forgotten", says=r"forget gate|\bf\b|f_t|kept")
def lstm_step(x, h, c, W, U, b):
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, dim=1)
    c = c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@wrong("02.4", "old cell state dropped, = for +=", says=r"forget|old|c_\{?t|previous|\bf\b|cell state|kept")
def lstm_step(x, h, c, W, U, b):
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, dim=1)
    c = torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@wrong("02.4", "forget gate reversed, as in a GRU", says=r"1 - f|forget|\bf\b|revers|GRU|kept|gate")
def lstm_step(x, h, c, W, U, b):
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, dim=1)
    c = (1 - torch.sigmoid(f)) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@wrong("02.4", "bias forgotten", says=r"bias|\bb\b")
def lstm_step(x, h, c, W, U, b):
    i, f, g, o = (x @ W.T + h @ U.T).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@wrong("02.4", "old state h forgotten", says=r"\bh\b|h_\{?t|U\b|state")
def lstm_step(x, h, c, W, U, b):
    i, f, g, o = (x @ W.T + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@wrong(
    "02.4",
    "U applied to the cell state",
    says=r"U .*cell|cell state|\bc\b (is )?(used|multiplied|instead)|instead of h|old state h",
)
def lstm_step(x, h, c, W, U, b):
    i, f, g, o = (x @ W.T + c @ U.T + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@wrong("02.4", "only h returned", says=r"two|pair|tuple|c\b|both|cell")
def lstm_step(x, h, c, W, U, b):
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c)


@wrong("02.4", "squeeze removes a batch of one", says=r"squeeze|shape|one sentence|batch|axis|single|\(B, H\)")
def lstm_step(x, h, c, W, U, b):
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return (torch.sigmoid(o) * torch.tanh(c)).squeeze(), c.squeeze()


@wrong("02.4", "interleaved gates", says=r"order|stack|rows|i, f, g, o|chunk|interleav")
def lstm_step(x, h, c, W, U, b):
    z = (x @ W.T + h @ U.T + b).view(len(x), -1, 4)
    i, f, g, o = z.unbind(2)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@right("02.4", "torch.addmm and split by size")
def lstm_step(x, h, c, W, U, b):
    H = h.size(-1)
    z = torch.addmm(torch.addmm(b, x, W.t()), h, U.t())
    i, f, g, o = torch.split(z, H, dim=-1)
    i, f, o = (gate.sigmoid() for gate in (i, f, o))
    cell = f.mul(c).add(i.mul(g.tanh()))
    return o.mul(cell.tanh()), cell


@right("02.4", "numpy")
def lstm_step(x, h, c, W, U, b):
    x, h, c, W, U, b = (part.detach().numpy() for part in (x, h, c, W, U, b))
    i, f, g, o = np.split(x @ W.T + h @ U.T + b, 4, axis=1)

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    new = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return torch.from_numpy(sigmoid(o) * np.tanh(new)), torch.from_numpy(new)


@wrong("02.4", "the old cell state returned with the new h", says=r"old|new c|updated|second|\bc\b")
def lstm_step(x, h, c, W, U, b):
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, dim=1)
    new = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(new), c


@wrong("02.4", "the tanh is stored in the cell state", says=r"tanh")
def lstm_step(x, h, c, W, U, b):
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, dim=1)
    c = torch.tanh(torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g))
    return torch.sigmoid(o) * c, c


@wrong("02.4", "input gate and forget gate add up to 1", says=r"forget|1 - |input gate|own|\bf\b|\bi\b")
def lstm_step(x, h, c, W, U, b):
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, dim=1)
    f = torch.sigmoid(f)
    c = f * c + (1 - f) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@wrong("02.4", "bias added for input and for state", says=r"bias|twice|\bb\b")
def lstm_step(x, h, c, W, U, b):
    i, f, g, o = (F.linear(x, W, b) + F.linear(h, U, b)).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@wrong("02.4", "candidate without tanh", says=r"tanh|\bg\b|candidate")
def lstm_step(x, h, c, W, U, b):
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * g
    return torch.sigmoid(o) * torch.tanh(c), c


@wrong("02.4", "output gate forgotten", says=r"output gate|\bo\b|o_t")
def lstm_step(x, h, c, W, U, b):
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.tanh(c), c


@wrong("02.4", "input forgotten", says=r"\bx\b|x_t|input|W\b")
def lstm_step(x, h, c, W, U, b):
    i, f, g, o = (h @ U.T + b).chunk(4, dim=1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


@wrong("02.4", "chunks along the batch", says=r"dim|axis|chunk|batch|columns|shape")
def lstm_step(x, h, c, W, U, b):
    i, f, g, o = (x @ W.T + h @ U.T + b).chunk(4)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


# 02.5 the state after the last word


@right("02.5", "two index tensors")
def last_states(states: Tensor, lengths: Tensor) -> Tensor:
    return states[torch.arange(len(states)), lengths - 1]


@right("02.5", "a loop")
def last_states(states, lengths):
    rows = []
    for sentence, length in zip(states, lengths):
        rows.append(sentence[length - 1])
    return torch.stack(rows)


@right("02.5", "gather")
def last_states(states, lengths):
    index = (lengths - 1).view(-1, 1, 1).expand(-1, 1, states.shape[2])
    return states.gather(1, index).squeeze(1)


@right("02.5", "a one-hot product")
def last_states(states, lengths):
    is_last = F.one_hot(lengths - 1, states.shape[1]).to(states.dtype)
    return torch.einsum("bt,bth->bh", is_last, states)


@right("02.5", "a boolean mask")
def last_states(states, lengths):
    return states[torch.arange(states.shape[1]) == (lengths - 1)[:, None]]


@right("02.5", "numpy")
def last_states(states, lengths):
    array = states.detach().numpy()
    return torch.from_numpy(array[np.arange(len(array)), lengths.numpy() - 1])


@wrong("02.5", "the last column", says=r"last column|padding|own|length|-1")
def last_states(states, lengths):
    return states[:, -1]


@wrong("02.5", "minus 1 forgotten", says=r"- ?1|length|one (too|further|step)|index|start|position|bounds")
def last_states(states, lengths):
    return states[torch.arange(len(states)), lengths]


@wrong(
    "02.5",
    "minus 1 forgotten, and the index limited",
    says=r"- ?1|one (too|further|step|later)|after|padding|position|length",
)
def last_states(states, lengths):
    T = states.shape[1]
    return states[torch.arange(len(states)), lengths.clamp(max=T - 1)]


@wrong("02.5", "minus 2", says=r"- ?1|one (too|earlier|step)|before|last word|position|length")
def last_states(states, lengths):
    return states[torch.arange(len(states)), lengths - 2]


@wrong("02.5", "every length for every sentence", says=r"shape|\(B, H\)|every|each|arange|own|row|axes|axis")
def last_states(states, lengths):
    return states[:, lengths - 1]


@wrong("02.5", "the longest length for all", says=r"own|longest|padding|each|length")
def last_states(states, lengths):
    return states[:, lengths.max() - 1]


@wrong("02.5", "the first sentence's length for all", says=r"first sentence|each has its own|own length")
def last_states(states, lengths):
    return states[:, lengths[0].item() - 1]


@wrong("02.5", "the mean over the words", says=r"mean|averag|last|state after")
def last_states(states, lengths):
    return torch.stack([s[:n].mean(dim=0) for s, n in zip(states, lengths)])


@wrong("02.5", "the maximum over the words", says=r"max|last|state after|one state")
def last_states(states, lengths):
    return torch.stack([s[:n].amax(dim=0) for s, n in zip(states, lengths)])


@wrong("02.5", "the first state", says=r"first|last")
def last_states(states, lengths):
    return states[:, 0]


@wrong("02.5", "the time axis stays", says=r"shape|\(B, H\)|axis|axes|squeeze|dimension")
def last_states(states, lengths):
    return states.gather(1, (lengths - 1).view(-1, 1, 1).expand(-1, 1, states.shape[2]))


@wrong("02.5", "squeeze of every axis", says=r"squeeze|shape|\(B, H\)|one sentence|single|batch|axis|axes")
def last_states(states, lengths):
    return states.gather(1, (lengths - 1).view(-1, 1, 1).expand(-1, 1, states.shape[2])).squeeze()


@wrong("02.5", "sorted by length", says=r"order|sort|row|sentence")
def last_states(states, lengths):
    order = lengths.argsort(descending=True)
    return states[order, lengths[order] - 1]


@wrong("02.5", "sentence and time swapped", says=r"axis|axes|time|swap|index|\(B, T, H\)|order|batch")
def last_states(states, lengths):
    return states[lengths - 1, torch.arange(len(lengths))]


@right("02.5", "one long axis of states")
def last_states(states, lengths):
    B, T, H = states.shape
    return states.reshape(B * T, H)[torch.arange(B) * T + lengths - 1]


@right("02.5", "take_along_dim")
def last_states(states, lengths):
    return torch.take_along_dim(states, (lengths - 1)[:, None, None], dim=1).squeeze(dim=1)


@right("02.5", "a product with a mask, summed")
def last_states(states, lengths):
    T = states.size(1)
    last = torch.arange(1, T + 1).eq(lengths.unsqueeze(-1))
    return (states * last.unsqueeze(-1)).sum(dim=1)


@wrong("02.5", "counted from the end", says=r"end|negative|-lengths|from the (left|start|begin)|position")
def last_states(states, lengths):
    return states[torch.arange(len(states)), -lengths]


@wrong("02.5", "as if padding stood on the left", says=r"left|right|padding|position|T - ")
def last_states(states, lengths):
    return states[torch.arange(len(states)), states.shape[1] - lengths]


@wrong("02.5", "always the first sentence's states", says=r"sentence 0|first sentence|own|row")
def last_states(states, lengths):
    return torch.stack([states[0, n - 1] for n in lengths])


@wrong("02.5", "the number of states that are not 0", says=r"lengths|padding|zero|last column|position")
def last_states(states, lengths):
    n = (states.abs().sum(dim=2) > 0).sum(dim=1)
    return states[torch.arange(len(states)), n - 1]


@wrong("02.5", "the sum of all states up to the last word", says=r"sum|last|one state|select")
def last_states(states, lengths):
    is_word = torch.arange(states.shape[1]) < lengths[:, None]
    return (states * is_word[:, :, None]).sum(dim=1)


@wrong("02.5", "a list of vectors", says=r"list|tensor|stack")
def last_states(states, lengths):
    return [sentence[n - 1] for sentence, n in zip(states, lengths)]


@wrong("02.5", "the mean length for all", says=r"mean|average|own length")
def last_states(states, lengths):
    return states[:, int(lengths.float().mean()) - 1]


# 02.6 maximum over the real words


@right("02.6", "masked_fill with minus infinity")
def max_over_time(features: Tensor, tokens: Tensor) -> Tensor:
    return features.masked_fill((tokens == 0)[:, None], float("-inf")).amax(dim=2)


@right("02.6", "torch.where")
def max_over_time(features, tokens):
    real = (tokens != 0).unsqueeze(1)
    return torch.where(real, features, torch.tensor(-torch.inf)).max(dim=-1).values


@right("02.6", "a loop over the sentences")
def max_over_time(features, tokens):
    rows = []
    for feature, token in zip(features, tokens):
        rows.append(feature[:, token != 0].max(dim=1)[0])
    return torch.stack(rows)


@right("02.6", "the smallest number of the type")
def max_over_time(features, tokens):
    padding = tokens.eq(0).unsqueeze(1).expand_as(features)
    filled = features.clone()
    filled[padding] = torch.finfo(features.dtype).min
    return filled.max(2)[0]


@right("02.6", "minus infinity added")
def max_over_time(features, tokens):
    penalty = torch.zeros(tokens.shape).masked_fill(tokens == 0, float("-inf"))
    return (features + penalty[:, None, :]).amax(-1)


@right("02.6", "numpy's masked maximum")
def max_over_time(features, tokens):
    real = np.broadcast_to((tokens != 0).numpy()[:, None], features.shape)
    return torch.from_numpy(np.max(features.detach().numpy(), axis=2, where=real, initial=-np.inf))


@wrong("02.6", "padding set to 0", says=r"\b0\b|zero|negative")
def max_over_time(features, tokens):
    return features.masked_fill((tokens == 0)[:, None], 0).amax(dim=2)


@wrong("02.6", "multiplied by the mask", says=r"\b0\b|zero|negative")
def max_over_time(features, tokens):
    return (features * (tokens != 0)[:, None]).amax(dim=2)


@wrong("02.6", "padding included", says=r"padding|mask|real words")
def max_over_time(features, tokens):
    return features.amax(dim=2)


@wrong("02.6", "mask reversed", says=r"revers|invert|opposite|real words|padding|mask|wrong way|~")
def max_over_time(features, tokens):
    return features.masked_fill((tokens != 0)[:, None], float("-inf")).amax(dim=2)


@wrong("02.6", "padding set to -1", says=r"-1|smaller than every|inf|negative|small enough|-∞|finite")
def max_over_time(features, tokens):
    return features.masked_fill((tokens == 0)[:, None], -1.0).amax(dim=2)


@wrong("02.6", "padding set to -100", says=r"-100|smaller than every|inf|negative|small enough|-∞|finite|large")
def max_over_time(features, tokens):
    return features.masked_fill((tokens == 0)[:, None], -100.0).amax(dim=2)


@wrong("02.6", "1e-9 in place of -1e9", says=r"\b0\b|1e-9|zero|negative|smaller than|inf|-∞")
def max_over_time(features, tokens):
    return features.masked_fill((tokens == 0)[:, None], 1e-9).amax(dim=2)


@wrong("02.6", "minus infinity times the mask gives NaN", says=r"nan|not a number")
def max_over_time(features, tokens):
    return (features + (tokens == 0)[:, None] * float("-inf")).amax(dim=2)


@wrong("02.6", "values and indices returned", says=r"tuple|values|indices|pair|tensor|\[0\]")
def max_over_time(features, tokens):
    return features.masked_fill((tokens == 0)[:, None], float("-inf")).max(dim=2)


@wrong("02.6", "the position of the maximum", says=r"position|argmax|value|index|where")
def max_over_time(features, tokens):
    return features.masked_fill((tokens == 0)[:, None], float("-inf")).argmax(dim=2)


@wrong("02.6", "maximum over the channels", says=r"channel|time|axis|dim|shape|\(B, C\)")
def max_over_time(features, tokens):
    return features.masked_fill((tokens == 0)[:, None], float("-inf")).amax(dim=1)


@wrong(
    "02.6",
    "cut to the shortest sentence",
    says=r"short|cut|own|each|words are missing|ignored|left out|length|real words|later",
)
def max_over_time(features, tokens):
    shortest = (tokens != 0).sum(dim=1).min()
    return features[:, :, :shortest].amax(dim=2)


@wrong("02.6", "the first sentence's length for all", says=r"own|each|first|padding|real words|length")
def max_over_time(features, tokens):
    length = (tokens[0] != 0).sum()
    return features[:, :, :length].amax(dim=2)


@wrong("02.6", "mean in place of maximum", says=r"mean|averag|max|largest")
def max_over_time(features, tokens):
    real = (tokens != 0)[:, None]
    return (features * real).sum(dim=2) / real.sum(dim=2)


@wrong("02.6", "ReLU before the maximum", says=r"negative|relu|\b0\b|zero")
def max_over_time(features, tokens):
    return F.relu(features).masked_fill((tokens == 0)[:, None], float("-inf")).amax(dim=2)


@wrong("02.6", "squeeze removes a batch of one", says=r"squeeze|shape|\(B, C\)|one sentence|single|batch|axis|axes")
def max_over_time(features, tokens):
    return features.masked_fill((tokens == 0)[:, None], float("-inf")).amax(dim=2).squeeze()


@right("02.6", "sorted, with padding at the end")
def max_over_time(features, tokens):
    hidden = features.masked_fill(tokens.eq(0).unsqueeze(1), -torch.inf)
    return hidden.sort(dim=2, descending=True).values[:, :, 0]


@right("02.6", "a running maximum over the words")
def max_over_time(features, tokens):
    best = torch.full(features.shape[:2], float("-inf"))
    for t in range(features.shape[2]):
        is_word = (tokens[:, t] != 0)[:, None]
        best = torch.where(is_word, torch.maximum(best, features[:, :, t]), best)
    return best


@right("02.6", "padding takes the smallest value of the batch")
def max_over_time(features, tokens):
    return torch.where((tokens != 0)[:, None], features, features.min()).amax(dim=2)


@wrong("02.6", "<unk> counts as padding", says=r"unk|\b1\b|> 1|real word|only 0")
def max_over_time(features, tokens):
    return features.masked_fill((tokens <= 1)[:, None], float("-inf")).amax(dim=2)


@wrong("02.6", "the last word is left out", says=r"last word|- ?1|one word|left out|missing")
def max_over_time(features, tokens):
    lengths = (tokens != 0).sum(dim=1)
    hidden = torch.arange(tokens.shape[1]) >= (lengths - 1).clamp(min=1)[:, None]
    return features.masked_fill(hidden[:, None], float("-inf")).amax(dim=2)


@wrong("02.6", "the first word is left out", says=r"first word|position 0|word 0|left out|missing")
def max_over_time(features, tokens):
    hidden = tokens == 0
    hidden[:, 0] = tokens.shape[1] > 1
    return features.masked_fill(hidden[:, None], float("-inf")).amax(dim=2)


@wrong("02.6", "the largest absolute value", says=r"absolut|abs|sign|negative")
def max_over_time(features, tokens):
    return features.abs().masked_fill((tokens == 0)[:, None], float("-inf")).amax(dim=2)


@wrong("02.6", "one maximum for the whole batch", says=r"batch|each sentence|own|shape")
def max_over_time(features, tokens):
    hidden = features.masked_fill((tokens == 0)[:, None], float("-inf"))
    return hidden.amax(dim=(0, 2)).expand(len(features), -1)


@wrong("02.6", "minimum in place of maximum", says=r"minim|smallest|max|largest")
def max_over_time(features, tokens):
    return features.masked_fill((tokens == 0)[:, None], float("inf")).amin(dim=2)


@wrong("02.6", "features of value 0 are taken for padding", says=r"tokens|features|padding|where tokens")
def max_over_time(features, tokens):
    return features.masked_fill(features == 0, float("-inf")).amax(dim=2)


# 02.debug


class Layers(nn.Module):
    """What the lesson gives of `Fixed`."""

    def __init__(self, vocabulary_size: int):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, 32, padding_idx=0)
        self.lstm = nn.LSTM(32, 32, batch_first=True)
        self.head = nn.Linear(32, 2)


class Fixed(Layers):
    def forward(self, tokens: Tensor) -> Tensor:
        states, _ = self.lstm(self.embedding(tokens))
        return self.head(pooling.last_states(states, lengths(tokens)))


@right("02.debug", "no initial state, AdamW")
def fixed(vocabulary_size: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    model = Fixed(vocabulary_size)
    return model, torch.optim.AdamW(model.parameters(), lr=3e-3)


@right("02.debug", "Adam with its default learning rate")
def fixed(vocabulary_size):
    model = Fixed(vocabulary_size)
    optimiser = torch.optim.Adam(model.parameters())
    return model, optimiser


class Packed(Layers):
    def forward(self, tokens):
        packed = pack_padded_sequence(
            self.embedding(tokens), lengths(tokens).cpu(), batch_first=True, enforce_sorted=False
        )
        _, (h, _) = self.lstm(packed)
        return self.head(h[-1])


@right("02.debug", "a packed sequence and its last state")
def fixed(vocabulary_size):
    model = Packed(vocabulary_size)
    return model, torch.optim.Adam(model.parameters(), lr=0.01)


class ExplicitZeros(Layers):
    def forward(self, tokens):
        B = tokens.size(0)
        zeros = torch.zeros(1, B, 32, device=tokens.device)
        states, _ = self.lstm(self.embedding(tokens), (zeros, zeros.clone()))
        n_words = (tokens > 0).sum(dim=1)
        return self.head(states[torch.arange(B), n_words - 1])


@right("02.debug", "explicit zeros for every sentence, RMSprop")
def fixed(vocabulary_size):
    model = ExplicitZeros(vocabulary_size)
    return model, torch.optim.RMSprop(model.parameters(), lr=3e-3)


@right("02.debug", "the package's classifier")
def fixed(vocabulary_size):
    model = SentenceClassifier(2, vocabulary_size, width=32, cell="lstm")
    return model, torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=0.01)


class OneByOne(Layers):
    def forward(self, tokens):
        logits = []
        for sentence in tokens:
            words = sentence[sentence != 0]
            states, _ = self.lstm(self.embedding(words)[None])
            logits.append(self.head(states[0, -1]))
        return torch.stack(logits)


@right("02.debug", "one sentence after the other")
def fixed(vocabulary_size):
    model = OneByOne(vocabulary_size)
    return model, torch.optim.AdamW(model.parameters(), lr=3e-3)


@wrong("02.debug", "the optimiser is still SGD at 0.01", says=r"SGD|optimiser|learn|Adam")
def fixed(vocabulary_size):
    model = Fixed(vocabulary_size)
    return model, torch.optim.SGD(model.parameters(), lr=0.01)


class Carried(Layers):
    def __init__(self, vocabulary_size):
        super().__init__(vocabulary_size)
        self.state = None

    def forward(self, tokens):
        if self.state is not None and self.state[0].shape[1] != len(tokens):
            self.state = None
        states, state = self.lstm(self.embedding(tokens), self.state)
        self.state = state[0].detach(), state[1].detach()
        return self.head(pooling.last_states(states, lengths(tokens)))


@wrong(
    "02.debug",
    "state carried over between batches of the same size",
    says=r"state|carried|previous|earlier|before|call",
)
def fixed(vocabulary_size):
    model = Carried(vocabulary_size)
    return model, torch.optim.AdamW(model.parameters(), lr=3e-3)


class BatchOfOne(Layers):
    def forward(self, tokens):
        states, _ = self.lstm(self.embedding(tokens), (torch.zeros(1, 1, 32), torch.zeros(1, 1, 32)))
        return self.head(pooling.last_states(states, lengths(tokens)))


@wrong("02.debug", "zero state for a batch of one only", says=r"batch|size|state|more than one|several")
def fixed(vocabulary_size):
    model = BatchOfOne(vocabulary_size)
    return model, torch.optim.AdamW(model.parameters(), lr=3e-3)


class LastColumn(Layers):
    def forward(self, tokens):
        states, _ = self.lstm(self.embedding(tokens))
        return self.head(states[:, -1])


@wrong("02.debug", "state of the last column", says=r"padding|last (word|column)")
def fixed(vocabulary_size):
    model = LastColumn(vocabulary_size)
    return model, torch.optim.AdamW(model.parameters(), lr=3e-3)


class FinalState(Layers):
    def forward(self, tokens):
        _, (h, _) = self.lstm(self.embedding(tokens))
        return self.head(h[-1])


@wrong("02.debug", "the LSTM's final state without packing", says=r"padding|last (word|column)")
def fixed(vocabulary_size):
    model = FinalState(vocabulary_size)
    return model, torch.optim.AdamW(model.parameters(), lr=3e-3)


class RandomState(Layers):
    def forward(self, tokens):
        state = torch.randn(1, len(tokens), 32), torch.randn(1, len(tokens), 32)
        states, _ = self.lstm(self.embedding(tokens), state)
        return self.head(pooling.last_states(states, lengths(tokens)))


@wrong("02.debug", "random initial state", says=r"random|zero|initial|state|same|differ|twice")
def fixed(vocabulary_size):
    model = RandomState(vocabulary_size)
    return model, torch.optim.AdamW(model.parameters(), lr=3e-3)


class MeanOverTime(Layers):
    def forward(self, tokens):
        states, _ = self.lstm(self.embedding(tokens))
        return self.head(states.mean(dim=1))


@wrong("02.debug", "mean over all columns", says=r"padding|last word|mean")
def fixed(vocabulary_size):
    model = MeanOverTime(vocabulary_size)
    return model, torch.optim.AdamW(model.parameters(), lr=3e-3)


class TimeFirst(nn.Module):
    def __init__(self, vocabulary_size):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, 32, padding_idx=0)
        self.lstm = nn.LSTM(32, 32)
        self.head = nn.Linear(32, 2)

    def forward(self, tokens):
        states, _ = self.lstm(self.embedding(tokens))
        return self.head(pooling.last_states(states, lengths(tokens)))


@wrong("02.debug", "batch_first forgotten", says=r"batch_first|batch|other sentences|depend|time")
def fixed(vocabulary_size):
    model = TimeFirst(vocabulary_size)
    return model, torch.optim.AdamW(model.parameters(), lr=3e-3)


@wrong("02.debug", "the optimiser trains the head alone", says=r"parameters|head|optimiser|embedding|all of|missing")
def fixed(vocabulary_size):
    model = Fixed(vocabulary_size)
    return model, torch.optim.AdamW(model.head.parameters(), lr=3e-3)


@wrong("02.debug", "the optimiser belongs to another model", says=r"parameters|another|other|optimiser|own|belong")
def fixed(vocabulary_size):
    return Fixed(vocabulary_size), torch.optim.AdamW(Fixed(vocabulary_size).parameters(), lr=3e-3)


@wrong("02.debug", "the model alone", says=r"optimiser|two|pair|tuple|both")
def fixed(vocabulary_size):
    return Fixed(vocabulary_size)


@wrong("02.debug", "optimiser before model", says=r"order|first|swap|model|module")
def fixed(vocabulary_size):
    model = Fixed(vocabulary_size)
    return torch.optim.AdamW(model.parameters(), lr=3e-3), model


class Detached(Layers):
    def forward(self, tokens):
        with torch.no_grad():
            states, _ = self.lstm(self.embedding(tokens))
        return self.head(pooling.last_states(states, lengths(tokens)))


@wrong("02.debug", "LSTM and embedding without gradients", says=r"gradient|no_grad|detach|embedding")
def fixed(vocabulary_size):
    model = Detached(vocabulary_size)
    return model, torch.optim.AdamW(model.parameters(), lr=3e-3)


class FirstLength(Layers):
    def forward(self, tokens):
        states, _ = self.lstm(self.embedding(tokens))
        n = int((tokens[0] != 0).sum())
        return self.head(states[:, n - 1])


@wrong(
    "02.debug", "the first sentence's length for all", says=r"own|each|padding|last word|first|batch|other sentences"
)
def fixed(vocabulary_size):
    model = FirstLength(vocabulary_size)
    return model, torch.optim.AdamW(model.parameters(), lr=3e-3)


class Squeezed(Layers):
    def forward(self, tokens):
        states, _ = self.lstm(self.embedding(tokens))
        return self.head(pooling.last_states(states, lengths(tokens))).squeeze()


@wrong("02.debug", "squeeze removes a batch of one", says=r"squeeze|shape|one sentence|batch|single|\(B, 2\)")
def fixed(vocabulary_size):
    model = Squeezed(vocabulary_size)
    return model, torch.optim.AdamW(model.parameters(), lr=3e-3)


@wrong("02.debug", "AdamW with a learning rate of 0", says=r"learn|rate|lr|optimiser")
def fixed(vocabulary_size):
    model = Fixed(vocabulary_size)
    return model, torch.optim.AdamW(model.parameters(), lr=0.0)


class CellLoop(nn.Module):
    def __init__(self, vocabulary_size):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, 32, padding_idx=0)
        self.cell = nn.LSTMCell(32, 32)
        self.head = nn.Linear(32, 2)

    def forward(self, tokens):
        h = c = torch.zeros(len(tokens), 32)
        for column in tokens.T:
            new_h, new_c = self.cell(self.embedding(column), (h, c))
            is_word = (column != 0)[:, None]
            h, c = torch.where(is_word, new_h, h), torch.where(is_word, new_c, c)
        return self.head(h)


@right("02.debug", "a cell in a loop that stops at each sentence's end")
def fixed(vocabulary_size):
    model = CellLoop(vocabulary_size)
    return model, torch.optim.NAdam(model.parameters(), lr=3e-3)


@right("02.debug", "AdamW with its default learning rate")
def fixed(vocabulary_size):
    model = Fixed(vocabulary_size)
    return model, torch.optim.AdamW(model.parameters())


@right("02.debug", "parameter groups")
def fixed(vocabulary_size):
    model = Fixed(vocabulary_size)
    groups = [
        {"params": model.embedding.parameters(), "lr": 1e-2},
        {"params": [*model.lstm.parameters(), *model.head.parameters()]},
    ]
    return model, torch.optim.AdamW(groups, lr=3e-3)


class SortedNotBack(Layers):
    def forward(self, tokens):
        order = lengths(tokens).argsort(descending=True)
        packed = pack_padded_sequence(self.embedding(tokens[order]), lengths(tokens)[order].cpu(), batch_first=True)
        _, (h, _) = self.lstm(packed)
        return self.head(h[-1])


@wrong(
    "02.debug", "sentences sorted for packing, not put back", says=r"order|sort|other sentences|among others|mix|row"
)
def fixed(vocabulary_size):
    model = SortedNotBack(vocabulary_size)
    return model, torch.optim.AdamW(model.parameters(), lr=3e-3)


class BeforeLast(Layers):
    def forward(self, tokens):
        states, _ = self.lstm(self.embedding(tokens))
        return self.head(pooling.last_states(states, (lengths(tokens) - 1).clamp(min=1)))


@wrong("02.debug", "the state before the last word", says=r"last word|one (position|word|too)|before")
def fixed(vocabulary_size):
    model = BeforeLast(vocabulary_size)
    return model, torch.optim.AdamW(model.parameters(), lr=3e-3)


class ResetInEvaluation(Carried):
    def forward(self, tokens):
        if not self.training:
            self.state = None
        return super().forward(tokens)


@wrong(
    "02.debug", "state carried over in training mode only", says=r"state|carried|training|previous|earlier|second time"
)
def fixed(vocabulary_size):
    model = ResetInEvaluation(vocabulary_size)
    return model, torch.optim.AdamW(model.parameters(), lr=3e-3)


class SharedState(Layers):
    def forward(self, tokens):
        outputs, state = [], None
        for sentence in tokens:
            words = sentence[sentence != 0]
            states, state = self.lstm(self.embedding(words)[None], state)
            outputs.append(self.head(states[0, -1]))
        return torch.stack(outputs)


@wrong(
    "02.debug",
    "the state goes from sentence to sentence within a batch",
    says=r"state.*(carried|from sentence)|starts? (from|at) zero",
)
def fixed(vocabulary_size):
    model = SharedState(vocabulary_size)
    return model, torch.optim.AdamW(model.parameters(), lr=3e-3)


@wrong("02.debug", "the optimiser's class in place of an optimiser", says=r"class|optimiser|call|parameters|instance")
def fixed(vocabulary_size):
    return Fixed(vocabulary_size), torch.optim.AdamW


@wrong("02.debug", "Adam with a tiny learning rate", says=r"rate|lr|small|learn")
def fixed(vocabulary_size):
    model = Fixed(vocabulary_size)
    return model, torch.optim.Adam(model.parameters(), lr=1e-6)


@wrong("02.debug", "Adam with a learning rate of 10", says=r"rate|lr|large|diverg|learn")
def fixed(vocabulary_size):
    model = Fixed(vocabulary_size)
    return model, torch.optim.Adam(model.parameters(), lr=10.0)


@wrong("02.debug", "the embedding is frozen", says=r"embedding|frozen|requires_grad|gradient|parameters")
def fixed(vocabulary_size):
    model = Fixed(vocabulary_size)
    model.embedding.weight.requires_grad_(False)
    return model, torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=3e-3)


@wrong("02.debug", "vocabulary of 1000 words hard-coded", says=r"vocabulary|size|hard|1.?000|IndexError|index")
def fixed(vocabulary_size):
    model = Fixed(1_000)
    return model, torch.optim.AdamW(model.parameters(), lr=3e-3)


class LearnedStart(Layers):
    def __init__(self, vocabulary_size):
        super().__init__(vocabulary_size)
        self.start = nn.Parameter(torch.randn(2, 1, 1, 32))

    def forward(self, tokens):
        h, c = self.start.expand(2, 1, len(tokens), 32).contiguous()
        states, _ = self.lstm(self.embedding(tokens), (h, c))
        return self.head(pooling.last_states(states, lengths(tokens)))


@wrong("02.debug", "learned initial state", says=r"zeros|first state")
def fixed(vocabulary_size: int) -> tuple[nn.Module, torch.optim.Optimizer]:
    model = LearnedStart(vocabulary_size)
    return model, torch.optim.AdamW(model.parameters(), lr=5e-3)


# found by changing right answers


@wrong("02.2", "returned after the first row", says=r"first row|return")
def pad_batch(sequences):
    tokens = torch.zeros(len(sequences), max(map(len, sequences)), dtype=torch.long)
    for row, sequence in enumerate(sequences):
        tokens[row, : len(sequence)] = torch.tensor(sequence)
        return tokens


@wrong("02.2", "rows kept in a default argument", says=r"second call|default")
def pad_batch(sequences, rows=[]):  # noqa: B006
    longest = max(map(len, sequences))
    for sequence in sequences:
        rows.append(sequence + [0] * (longest - len(sequence)))
    return torch.tensor([row[:longest] + [0] * (longest - len(row)) for row in rows], dtype=torch.long)


@wrong("02.3", "every axis of size 1 is lost", says=r"squeeze|size 1")
def rnn(x, W, U, b):
    h, states = torch.zeros(len(U)), []
    for word in x:
        h = torch.tanh(W @ word + U @ h + b)
        states.append(h)
    return torch.stack(states).squeeze(1)


@wrong("02.5", "returned after the first sentence", says=r"return|one row")
def last_states(states, lengths):
    found = []
    for sentence, length in zip(states, lengths, strict=True):
        found.append(sentence[length - 1])
        return torch.stack(found)


@wrong("02.6", "the minimum, with -inf on padding", says=r"minimum")
def max_over_time(features, tokens):
    return features.masked_fill((tokens == 0)[:, None], float("-inf")).amin(dim=2)


# found where messages blamed what these answers do not do


@wrong("02.2", "last word repeated, once more", says=r"repeats the last token")
def pad_batch(sequences: list[list[int]]) -> Tensor:
    T = max(len(s) for s in sequences)
    return torch.tensor([s + s[-1:] * (T - len(s)) if s else [0] * T for s in sequences], dtype=torch.long)


@wrong("02.5", "gather without expanding", says=r"gather.*expand|all H")
def last_states(states: Tensor, lengths: Tensor) -> Tensor:
    return states.gather(1, (lengths - 1)[:, None, None])[:, 0]
