import torch


def test_page_shape(judged):
    def in_steps(pages, size):
        shape = (pages,)
        shape += (3,)
        return shape + (size,) * 2

    judged(
        "00.1",
        {"tuple": lambda n, s: (n, 3, s, s), "steps": in_steps, "shape": lambda n, s: torch.empty(n, 3, s, s).shape},
        {
            "channels last": (lambda n, s: (n, s, s, 3), "channels come last"),
            "no channels": (lambda n, s: (n, s, s), "channels are missing"),
            "batch last": (lambda n, s: (3, s, s, n), "batch axis comes last"),
            "one image": (lambda n, s: (3, s, s), "the shape of one image"),
            "grey": (lambda n, s: (n, 1, s, s), "greyscale image"),
            "channels first": (lambda n, s: (3, n, s, s), "channels come first"),
            "swapped": (lambda n, s: (s, 3, n, n), "are swapped"),
            "one size": (lambda n, s: (n, 3, s), "one `size` is missing"),
            "always 48": (lambda n, s: (n, 3, 48, 48), "not always 48 pixels"),
            "always 32": (lambda n, s: (n, 3, 32, 32), "not always 32 pixels"),
            "list": (lambda n, s: [n, 3, s, s], "returned a list"),
            "tensor": (lambda n, s: torch.zeros(n, 3, s, s), "returned a tensor"),
            "number": (lambda n, s: n * 3 * s * s, "returned an int"),
            "fixed": (lambda n, s: (1, 3, 32, 32), None),
            "text": (lambda n, s: f"({n}, 3, {s}, {s})", "returned a str"),
            "floats": (lambda n, s: (n, 3, s / 1, s / 1), "a float"),
            "too long": (lambda n, s: (1, n, 3, s, s), None),
        },
    )
