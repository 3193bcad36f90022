import torch


def test_next_token_pair(judged):
    def by_slices(sentence, start, end):
        framed = [start] + sentence + [end]
        return framed[:-1], framed[1:]

    def by_loop(sentence, start, end):
        inputs, targets = [start], []
        for token in sentence:
            inputs.append(token)
            targets.append(token)
        targets.append(end)
        return inputs, targets

    judged(
        "05.1",
        {
            "slices": by_slices,
            "loop": by_loop,
            "stars": lambda s, a, b: ([a, *s], [*s, b]),
            "tensors": lambda s, a, b: (torch.tensor([a, *s]), torch.tensor([*s, b])),
            "a list of two": lambda s, a, b: [[a, *s], [*s, b]],
        },
        {
            "no start": (lambda s, a, b: (s, s + [b]), "the inputs lack the start token"),
            "no end": (lambda s, a, b: ([a] + s, s), "never learns when to stop"),
            "no end, same length": (lambda s, a, b: ([a] + s[:-1], s), "the target of the last word"),
            "copy": (lambda s, a, b: ([a] + s + [b], [a] + s + [b]), "would learn to copy its input"),
            "plain copy": (lambda s, a, b: (s, s), None),
            "swapped": (lambda s, a, b: (s + [b], [a] + s), "they are swapped"),
            "end among the inputs": (lambda s, a, b: ([a] + s + [b], s + [b]), "no target belongs to it"),
            "padded": (lambda s, a, b: ([a] + s + [b], s + [b] + [0]), "padding is its target"),
            "target with start": (lambda s, a, b: ([a] + s, [a] + s + [b]), "the targets begin with the start token"),
            "words alone": (lambda s, a, b: (s[:-1], s[1:]), "the words alone are shifted"),
            "start and end swapped": (lambda s, a, b: ([b] + s, s + [a]), "start and end are swapped"),
            "from the second": (lambda s, a, b: ([a] + s, s[1:] + [b]), "the targets begin with the second word"),
            "numbers": (lambda s, a, b: ([2] + s, s + [3]), "2 and 3 are written down"),
            "one list": (lambda s, a, b: [a, *s, b], None),
            "longer": (lambda s, a, b: ([a, a, *s], [*s, b]), "each position has one of each"),
            "text": (lambda s, a, b: (str(s), s + [b]), "inputs is a str"),
            "floats": (lambda s, a, b: ([a, *s], [float(x) for x in s] + [b]), "targets is a list"),
        },
    )
