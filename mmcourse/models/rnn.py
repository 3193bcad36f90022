"""Recurrent networks for sentences: the three cells by hand, and an encoder on PyTorch's own, as in lesson 02.

RNN: Elman 1990. LSTM: Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000. GRU: Cho et al. 2014.
"""

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mmcourse.data.text import PAD, UNKNOWN, check_tokens, lengths
from mmcourse.models.pooling import last_states, max_over_time, mean_over_time
from mmcourse.renamed import old_keywords

CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
POOLINGS = ("last", "max", "mean")


class Cell(nn.Module):
    """Base class of the three cells: weights with PyTorch's names and order, and the loop over a sequence."""

    gates = 1

    def __init__(self, in_features: int, width: int):
        super().__init__()
        self.in_features, self.width = in_features, width
        bound = width**-0.5
        for name, shape in (
            ("weight_ih", (self.gates * width, in_features)),
            ("weight_hh", (self.gates * width, width)),
            ("bias_ih", (self.gates * width,)),
            ("bias_hh", (self.gates * width,)),
        ):
            setattr(self, name, nn.Parameter(torch.empty(shape).uniform_(-bound, bound)))

    def initial_state(self, batch: int) -> Tensor | tuple[Tensor, Tensor]:
        """The state before the first word: zeros, for a batch of any size.   -> (B, H)"""
        return self.weight_hh.new_zeros(batch, self.width)

    def step(self, x: Tensor, state):
        """The state after one more input.   (B, D), state -> state"""
        raise NotImplementedError

    def forward(self, x: Tensor, state=None) -> Tensor:
        """All states h_1 ... h_T, from `state` or from zeros.   (B, T, D) -> (B, T, H)"""
        if x.dim() != 3 or x.shape[2] != self.in_features or 0 in x.shape:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; expected (B, T, {self.in_features}), not empty. "
                "Likely cause: a batch axis that is missing, or features of another width"
            )
        state = self.initial_state(len(x)) if state is None else state
        states = []
        for t in range(x.shape[1]):
            state = self.step(x[:, t], state)
            states.append(state[0] if isinstance(state, tuple) else state)
        return torch.stack(states, dim=1)


class RNNCell(Cell):
    """h' = tanh(W x + U h + b)"""

    def step(self, x: Tensor, state: Tensor) -> Tensor:
        """(B, D), (B, H) -> (B, H)"""
        return torch.tanh(x @ self.weight_ih.T + self.bias_ih + state @ self.weight_hh.T + self.bias_hh)


class LSTMCell(Cell):
    """Gates i, f, o and a candidate g:   c' = f c + i g,   h' = o tanh(c')"""

    gates = 4

    def initial_state(self, batch: int) -> tuple[Tensor, Tensor]:
        return super().initial_state(batch), super().initial_state(batch)

    def step(self, x: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """(B, D), (h (B, H), c (B, H)) -> (h, c)"""
        h, c = state
        i, f, g, o = (x @ self.weight_ih.T + self.bias_ih + h @ self.weight_hh.T + self.bias_hh).chunk(4, dim=1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh(), c


class GRUCell(Cell):
    """Reset r, update z, candidate n = tanh(W x + r (U h)):   h' = (1 - z) n + z h"""

    gates = 3

    def step(self, x: Tensor, state: Tensor) -> Tensor:
        """(B, D), (B, H) -> (B, H)"""
        from_x = (x @ self.weight_ih.T + self.bias_ih).chunk(3, dim=1)
        from_h = (state @ self.weight_hh.T + self.bias_hh).chunk(3, dim=1)
        r, z = (from_x[0] + from_h[0]).sigmoid(), (from_x[1] + from_h[1]).sigmoid()
        n = torch.tanh(from_x[2] + r * from_h[2])
        return (1 - z) * n + z * state


class SentenceEncoder(nn.Module):
    """Tokens to a feature vector: embedding, a recurrent network, one vector from its states.

    cell           'rnn', 'lstm' or 'gru'
    width          features of embedding and output; bidirectional, each direction has half of them
    pooling        'last': the state after the last word (each direction's own last); 'max', 'mean': over all words
    dropout        fraction of features set to 0 in training: of the embeddings, between layers and of the output
    std            standard deviation of the initial embeddings; 0.1 overfits less where words are rare
    Padding (0, on the right) changes no output; a bidirectional network processes packed sentences.
    """

    @old_keywords
    def __init__(
        self,
        vocabulary_size: int,
        width: int = 64,
        cell: str = "gru",
        layers: int = 1,
        bidirectional: bool = False,
        pooling: str = "last",
        dropout: float = 0.0,
        std: float = 1.0,
    ):
        super().__init__()
        if cell not in CELLS or pooling not in POOLINGS:
            raise ValueError(
                f"cell is {cell!r}, pooling {pooling!r}; expected one of {', '.join(CELLS)} and {', '.join(POOLINGS)}"
            )
        if bidirectional and width % 2:
            raise ValueError(f"width is {width}; expected an even number, half for each direction")
        self.vocabulary_size, self.width, self.pooling, self.bidirectional = (
            vocabulary_size,
            width,
            pooling,
            bidirectional,
        )
        self.embedding = nn.Embedding(vocabulary_size, width, padding_idx=PAD)
        with torch.no_grad():
            self.embedding.weight *= std
        self.recurrent = CELLS[cell](
            width,
            width // 2 if bidirectional else width,
            layers,
            batch_first=True,
            bidirectional=bidirectional,
            dropout=dropout if layers > 1 else 0.0,
        )
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("known", torch.ones(vocabulary_size, dtype=torch.bool))

    def restrict_vocabulary(self, tokens: Tensor) -> None:
        """Replace words that are not among these by '<unk>' from now on, since their embeddings were not trained."""
        check_tokens(tokens, self.vocabulary_size)
        self.known[:] = False
        self.known[tokens.unique().to(self.known.device)] = True
        self.known[[PAD, UNKNOWN]] = True

    def embed(self, tokens: Tensor) -> Tensor:
        """The embedding of every token.   (B, T) -> (B, T, D)"""
        check_tokens(tokens, self.vocabulary_size)
        return self.dropout(self.embedding(torch.where(self.known[tokens], tokens, UNKNOWN)))

    def states(self, tokens: Tensor) -> Tensor:
        """The state after every word, 0 at padding.   (B, T) -> (B, T, D)"""
        embedded = self.embed(tokens)
        if not self.bidirectional:  # padding on the right cannot affect a state; three times as fast as packed
            return self.recurrent(embedded)[0] * (tokens != PAD)[:, :, None]
        packed = pack_padded_sequence(embedded, lengths(tokens).cpu(), batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.recurrent(packed)[0], batch_first=True, total_length=tokens.shape[1])[0]

    def pool(self, states: Tensor, tokens: Tensor) -> Tensor:
        """One vector per sentence.   (B, T, D), (B, T) -> (B, D)"""
        if self.pooling == "max":
            return max_over_time(states.transpose(1, 2), tokens)
        if self.pooling == "mean":
            return mean_over_time(states.transpose(1, 2), tokens)
        last = last_states(states, lengths(tokens))
        if not self.bidirectional:
            return last
        half = self.width // 2  # the backward direction has processed all words at the first one
        return torch.cat([last[:, :half], states[:, 0, half:]], dim=1)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, T) int64, 0 is padding -> (B, D)"""
        return self.dropout(self.pool(self.states(tokens), tokens))


class SentenceClassifier(nn.Module):
    """Sentences to logits: an encoder and one linear layer; options as SentenceEncoder's.   (B, T) -> (B, n_classes)"""

    def __init__(self, n_classes: int, vocabulary_size: int, width: int = 64, **options):
        super().__init__()
        self.encoder = SentenceEncoder(vocabulary_size, width, **options)
        self.head = nn.Linear(width, n_classes)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.encoder(tokens))
