"""Language models: a Transformer with logits of a token at every position. Lesson 05."""

from torch import Tensor, nn

from mmcourse.models.transformer import TokenEncoder


class LanguageModel(nn.Module):
    """A TokenEncoder and an output layer that shares the embedding's weights (Press and Wolf 2017).

    causal  True: each position attends to itself and to earlier ones, for next-token prediction, as in GPT.
            False: to all of them, for masked-token prediction, as in BERT
    Other arguments are those of TokenEncoder; positions are rotary and embeddings start with a standard deviation of
    0.1 unless given. `encoder.state_dict()` fits the encoder of a TransformerClassifier or a TransformerTagger.
    """

    def __init__(self, vocabulary_size: int, width: int = 64, causal: bool = True, **encoder):
        super().__init__()
        encoder = {"positions": "rotary", "std": 0.1, **encoder}
        self.encoder = TokenEncoder(vocabulary_size, width, causal=causal, **encoder)
        self.bias = nn.Parameter(self.encoder.embedding.weight.new_zeros(vocabulary_size))

    def forward(self, tokens: Tensor, chosen: Tensor | None = None) -> Tensor:
        """(B, T) int64, 0 = padding -> logits (B, T, V)

        With `chosen` (B, T) bool, only the logits of those positions are computed, (N, V): with a large vocabulary the
        output layer costs more than all blocks, and a masked language model needs it at masked positions only.
        """
        states = self.encoder.states(tokens)
        if chosen is not None:
            states = states[chosen]  # (N, D)
        return states @ self.encoder.embedding.weight.T + self.bias

    def attention_maps(self, tokens: Tensor) -> Tensor:
        """Attention weights of each layer and head.   (B, T) -> (layers, B, heads, T, T)"""
        return self.encoder.attention_maps(tokens)
