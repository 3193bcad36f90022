import numpy as np
import torch


def answer(states, durations):
    return states.repeat_interleave(durations, dim=0)


def by_loop(states, durations):
    rows = [state for state, n in zip(states, durations.tolist(), strict=True) for _ in range(n)]
    return torch.stack(rows) if rows else states[:0]


def by_index(states, durations):
    return states[[i for i, n in enumerate(durations) for _ in range(int(n))]]


def by_cat(states, durations):
    return torch.cat([state.expand(int(n), -1) for state, n in zip(states, durations, strict=True)])


def by_matrix(states, durations):
    ends = durations.cumsum(0)
    frames = torch.arange(int(ends[-1]))[:, None]
    return ((frames < ends) & (frames >= ends - durations)).to(states) @ states


def filled(states, durations):
    result = torch.zeros(int(durations.sum()), states.shape[1], dtype=states.dtype)
    start = 0
    for state, n in zip(states, durations.tolist(), strict=True):
        result[start : start + n] = state
        start += n
    return result


def each_round(states, durations):
    return torch.cat([states[durations > i] for i in range(int(durations.max()))] or [states[:0]])


def return_inside(states, durations):
    for state, n in zip(states, durations, strict=True):
        return state.expand(int(n), -1)


def padded(states, durations):
    rows = [state.expand(int(n), -1) for state, n in zip(states, durations, strict=True)]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)


def test_expand(judged):
    judged(
        "15.1",
        {
            "repeat_interleave": answer,
            "loop": by_loop,
            "index": by_index,
            "cat": by_cat,
            "matrix": by_matrix,
            "filled": filled,
        },
        {
            "turns": (
                lambda s, d: s.repeat(int(d.sum()), 1)[: int(d.sum())],
                "the letters follow each other in turn",
            ),
            "rounds": (each_round, "the frames are in rounds"),
            "at least one": (lambda s, d: answer(s, d.clamp(min=1)), "a duration of 0 has become 1"),
            "one more": (lambda s, d: answer(s, d + 1), "every letter has one frame too many"),
            "last letter": (lambda s, d: answer(s[:-1], d[:-1]), None),
            "return": (return_inside, None),
            "flat": (lambda s, d: answer(s, d).flatten(), "all is in one row"),
            "columns": (lambda s, d: answer(s, d).T, None),
            "padded": (padded, None),
            "maximum": (lambda s, d: s.repeat_interleave(int(d.max()), dim=0), None),
            "numpy": (lambda s, d: torch.from_numpy(np.repeat(s.numpy(), d.numpy(), axis=0)), "no gradient passes"),
            "detached": (lambda s, d: answer(s.detach(), d), "no gradient reaches `s`"),
            "list": (lambda s, d: list(answer(s, d)), "expected a tensor: `torch.stack`"),
            "dtype": (lambda s, d: answer(s.float(), d), "for float64 tensors the result"),
            "multiplied": (lambda s, d: answer(s * d[:, None], d), "multiplied by their durations"),
            "stack of none": (
                lambda s, d: torch.stack([x for x, n in zip(s, d, strict=True) for _ in range(n)]),
                "ll durations can be 0",
            ),
            "reversed": (lambda s, d: answer(s, d).flip(0), "the frames are in reverse order"),
            "in place": (lambda s, d: answer(s.mul_(2), d) / 2, "was changed in place"),
        },
    )
