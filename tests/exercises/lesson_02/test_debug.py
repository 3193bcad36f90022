import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from mmcourse.data.text import lengths
from mmcourse.exercises.checks import judge
from mmcourse.exercises.lesson_02 import debug
from mmcourse.models.pooling import last_states, max_over_time
from mmcourse.models.rnn import LSTMCell, SentenceClassifier
from mmcourse.models.textcnn import BagOfWords

WIDTH = 32


class Network(nn.Module):
    """The lesson's network; `read` says how the recurrent layer is called, `pool` what the head gets of its states."""

    def __init__(self, vocabulary_size, read=None, width=WIDTH, batch_first=True, after=None, pool=last_states):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, width, padding_idx=0)
        self.lstm = nn.LSTM(width, width, batch_first=batch_first)
        self.head = nn.Linear(width, 2)
        self.read, self.after, self.pool = read or (lambda self, x: self.lstm(x)[0]), after or (lambda z: z), pool
        self.state = None

    def forward(self, tokens):
        states = self.read(self, self.embedding(tokens))
        if self.pool and states.ndim == 3 and states.shape[:2] == tokens.shape:
            states = self.pool(states, lengths(tokens))
        return self.after(self.head(states))


def adam(parameters):
    return torch.optim.AdamW(parameters, lr=3e-3)


def cured(make=Network, optimiser=adam):
    def fixed(vocabulary_size):
        model = make(vocabulary_size)
        return model, optimiser(model.parameters())

    return fixed


def reading(read, **options):
    return cured(lambda size: Network(size, read, **options))


def zeros(batch):
    return torch.zeros(1, batch, WIDTH)


def fresh_zeros(self, x):
    return self.lstm(x, (zeros(len(x)), zeros(len(x))))[0]


def fixed(batch):
    return lambda self, x: self.lstm(x, (zeros(batch), zeros(batch)))[0]


def carried(detach, when=lambda self: True):
    def read(self, x):
        if self.state is None or self.state[0].shape[1] != len(x) or not when(self):
            self.state = zeros(len(x)), zeros(len(x))
        states, state = self.lstm(x, self.state)
        self.state = tuple(s.detach() for s in state) if detach else state
        return states

    return read


def time_first(self, x):
    return self.lstm(x.transpose(0, 1))[0].transpose(0, 1)


def one_by_one(self, x):
    return torch.cat([self.lstm(row[None])[0] for row in x])


def hidden_result(self, x):
    return self.lstm(x)[1][0][-1]


def mixing(self, x):
    return self.lstm(x)[0]


def mixing_with_state(self, x):
    return self.lstm(x, (zeros(len(x)), zeros(len(x))))[0]


def pooled(pool):
    return cured(lambda size: Network(size, pool=pool))


class MaximumOfWords(Network):
    def forward(self, tokens):
        states = self.lstm(self.embedding(tokens))[0]
        return self.head(max_over_time(states.transpose(1, 2), tokens))


class DropoutBefore(Network):
    def forward(self, tokens):
        states = self.lstm(nn.functional.dropout(self.embedding(tokens), 0.3, self.training))[0]
        return self.head(last_states(states, lengths(tokens)))


class ByHandLastColumn(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.embedding, self.cell, self.head = nn.Embedding(size, WIDTH), LSTMCell(WIDTH, WIDTH), nn.Linear(WIDTH, 2)

    def forward(self, tokens):
        return self.head(self.cell(self.embedding(tokens))[:, -1])


class Packed(Network):
    def forward(self, tokens):
        packed = pack_padded_sequence(self.embedding(tokens), lengths(tokens), batch_first=True, enforce_sorted=False)
        return self.head(self.lstm(packed)[1][0][-1])


class LearnedStart(Network):
    def __init__(self, size):
        super().__init__(size)
        self.start = nn.Parameter(torch.zeros(1, 1, WIDTH))

    def forward(self, tokens):
        start = self.start.expand(-1, len(tokens), -1).contiguous()
        return self.head(last_states(self.lstm(self.embedding(tokens), (start, start))[0], lengths(tokens)))


class ByHand(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.embedding, self.cell, self.head = nn.Embedding(size, WIDTH), LSTMCell(WIDTH, WIDTH), nn.Linear(WIDTH, 2)

    def forward(self, tokens):
        return self.head(last_states(self.cell(self.embedding(tokens)), lengths(tokens)))


def others_parameters(size):
    return Network(size), adam(Network(size).parameters())


def head_only(size):
    model = Network(size)
    return model, adam(model.head.parameters())


def frozen(size):
    model = Network(size)
    model.embedding.requires_grad_(False)
    return model, adam(model.parameters())


def sgd(rate, **options):
    return cured(optimiser=lambda parameters: torch.optim.SGD(parameters, lr=rate, **options))


RIGHT = {
    "no state": cured(),
    "zeros of the batch's size": reading(fresh_zeros),
    "time first": reading(time_first, batch_first=False),
    "one by one": reading(one_by_one),
    "the largest over the words": cured(MaximumOfWords),
    "dropout": cured(DropoutBefore),
    "packed": cured(Packed),
    "learned start": cured(LearnedStart),
    "by hand": cured(ByHand),
    "the package's": cured(lambda size: SentenceClassifier(2, size, width=64, cell="lstm", dropout=0.5)),
    "more classes": cured(lambda size: SentenceClassifier(5, size, width=32)),
    "wide": cured(lambda size: Network(size, width=96)),
    "Adam at 0.001": cured(optimiser=lambda parameters: torch.optim.Adam(parameters)),
    "Adam at 0.01": cured(optimiser=lambda parameters: torch.optim.Adam(parameters, 1e-2)),
    "Adam at 0.03": cured(optimiser=lambda parameters: torch.optim.Adam(parameters, 0.03)),
    "Adagrad": cured(optimiser=lambda parameters: torch.optim.Adagrad(parameters)),
    "SGD at 1": sgd(1.0),
    "RMSprop": cured(optimiser=lambda parameters: torch.optim.RMSprop(parameters, 3e-3)),
    "SGD with momentum": sgd(1.0, momentum=0.9),
    "log_softmax": cured(lambda size: Network(size, after=lambda logits: logits.log_softmax(1))),
}


def test_cures(judged):
    judged("02.debug", RIGHT, {}, draws=1)


def test_what_is_not_cured(judged):
    judged(
        "02.debug",
        {},
        {
            "batch of 1": (reading(fixed(1)), "the state is made for a batch of 1".replace("the", "The", 1)),
            "batch of 64": (reading(fixed(64)), "The state is made for a batch of 64"),
            "carried on": (reading(carried(True)), "the second time: is the state"),
            "mixing": (reading(mixing, batch_first=False), "different results alone and among others"),
            "mixing with a state": (
                reading(mixing_with_state, batch_first=False),
                "the number of words, for the batch",
            ),
            "carried on in training": (
                reading(carried(True, lambda self: self.training)),
                "in training the same batch",
            ),
            "last column": (pooled(lambda states, n: states[:, -1]), "the head gets the state of the last column"),
            "last hidden state": (reading(hidden_result), None),
            "mean over all": (pooled(lambda states, n: states.mean(1)), "a mean over all columns"),
            "sum over all": (pooled(lambda states, n: states.sum(1)), "a sum over all columns"),
            "largest over all": (pooled(lambda states, n: states.amax(1)), "the largest over all columns"),
            "last column, by hand": (cured(ByHandLastColumn), "padding is processed, and it affects"),
            "plain SGD": (sgd(0.01), "this is still plain SGD, at 0.01"),
            "SGD with momentum": (sgd(0.01, momentum=0.9), "momentum 0.9 makes its steps up to 10 times"),
            "Adam at 1": (cured(optimiser=lambda p: torch.optim.AdamW(p, 1.0)), "AdamW moves every weight by about 1"),
            "Adam at 0.1": (
                cured(optimiser=lambda p: torch.optim.Adam(p, 0.1)),
                "Adam moves every weight by about 0.1",
            ),
            "too small a rate": (cured(optimiser=lambda p: torch.optim.Adam(p, 1e-5)), "is too small"),
            "Adam at 30": (cured(optimiser=lambda p: torch.optim.Adam(p, 30.0)), None),
            "too large a rate": (sgd(30.0), "rate 30 is too large"),
            "another model's": (others_parameters, "of another model"),
            "head only": (head_only, "does not update `embedding.weight`"),
            "frozen": (frozen, "is frozen"),
            "softmax": (
                cured(lambda size: Network(size, after=lambda z: z.softmax(1))),
                "there is a softmax at the end",
            ),
            "squashed": (cured(lambda size: Network(size, after=lambda z: z.sigmoid() * 0.01)), "a softmax follow"),
            "no optimiser": (Network, "a model alone"),
            "reversed": (lambda size: cured()(size)[::-1], "the optimiser comes first"),
            "classes": (lambda size: (Network, torch.optim.Adam), "the first of the two is a class"),
            "optimiser's class": (lambda size: (Network(size), torch.optim.Adam), "the second of the two is a class"),
            "a number": (lambda size: (Network(size), 0.01), "expected an optimiser"),
            "a string": (lambda size: "model", "expected a model and"),
            "fixed vocabulary": (cured(lambda size: Network(20)), "is `vocabulary_size` used"),
            "bag of words": (cured(lambda size: BagOfWords(2, size)), "is the recurrent layer still used"),
            "detached": (cured(lambda size: Network(size, after=lambda z: z.detach())), "no gradient leaves"),
            "embedding detached": (reading(lambda self, x: self.lstm(x.detach())[0] * 0), None),
            "squeezed": (cured(lambda size: Network(size, after=torch.squeeze)), "does a `squeeze`"),
            "chosen": (cured(lambda size: Network(size, after=lambda z: z.argmax(1))), "those are chosen classes"),
            "every word": (cured(lambda size: Network(size, pool=None)), "logits after every word"),
            "one logit": (cured(lambda size: Network(size, after=lambda z: z[:, :1])), "expected (1, 2)"),
            "batch as time": (reading(lambda self, x: self.lstm(x)[0][-1]), None),
        },
        draws=1,
    )


def test_a_graph_carried_on_is_refused():
    """In evaluation it looks as the detached one does; the state must not be there a second time either way."""
    assert judge("02.debug", reading(carried(False))).state == "wrong"


def test_a_model_in_place_of_the_function_is_named():
    verdict = judge("02.debug", Network(30))
    assert verdict.state == "wrong" and "this is a model" in verdict.message


def test_a_network_whose_forward_is_the_stub_is_untried():
    class Untouched(Network):
        def forward(self, tokens):
            # YOUR CODE HERE
            raise NotImplementedError()

    assert judge("02.debug", cured(Untouched)).state == "untried"


@pytest.mark.parametrize("seed", range(3))
def test_the_toy_task_is_learned_from_which_words_there_are(seed):
    tokens, labels = debug.toy(torch.Generator().manual_seed(seed))
    half = (tokens - 2) // ((debug.WORDS - 2) // 2)
    assert tokens.min() >= 2 and tokens.max() < debug.WORDS
    assert (half == labels[:, None]).all() and 10 < labels.sum() < 54
