import random

import numpy as np
import torch


def by_loop(images):
    return torch.stack([image[torch.randperm(3)] for image in images])


def at_once(images):
    orders = torch.rand(len(images), 3).argsort(dim=1)
    return images[torch.arange(len(images))[:, None], orders]


def in_place(images):
    for image in images:
        image.copy_(image[torch.randperm(3)])
    return images


def fixed_seed(images):
    torch.manual_seed(0)
    return by_loop(images)


def own_generator(images):
    generator = torch.Generator()
    return torch.stack([image[torch.randperm(3, generator=generator)] for image in images])


def sometimes(images):
    return torch.stack([image[torch.randperm(3)] if torch.rand(()) < 0.5 else image for image in images])


def neighbours(images):
    order = torch.rand((len(images) + 1) // 2, 3).argsort(1).repeat_interleave(2, 0)[: len(images)]
    return images.gather(1, order[:, :, None, None].expand_as(images))


def across(images):
    pool = images.flatten(0, 1)
    return pool[torch.randperm(len(pool))].view_as(images)


def with_replacement(images):
    return torch.stack([image[torch.randint(0, 3, (3,))] for image in images])


def pixels_within(images):
    flat = images.flatten(1)
    return torch.stack([row[torch.randperm(flat.shape[1])] for row in flat]).view_as(images)


def per_pixel(images):
    return images.gather(1, torch.rand(images.shape).argsort(1))


def test_permute_colours(judged):
    judged(
        "01.6",
        {
            "loop": by_loop,
            "at once": at_once,
            "random": lambda x: torch.stack([image[random.sample(range(3), 3)] for image in x]),
            "numpy": lambda x: torch.stack([image[np.random.permutation(3).tolist()] for image in x]),
        },
        {
            "one order": (lambda x: x[:, torch.randperm(3)], "got the same order"),
            "rows": (lambda x: x[:, :, torch.randperm(x.shape[2])], "rows of pixels"),
            "columns": (lambda x: x[:, :, :, torch.randperm(x.shape[3])], "columns of pixels"),
            "height indexed": (lambda x: x[:, :, torch.randperm(3)], "indexes axis 2"),
            "width indexed": (lambda x: x[..., torch.randperm(3)], "indexes axis 3"),
            "images shuffled": (lambda x: x[torch.randperm(len(x))], "channels moved from one image to another"),
            "across": (across, None),
            "identity": (lambda x: x, "unchanged"),
            "copy": (lambda x: x.clone(), None),
            "in place": (in_place, "`images` was changed in place"),
            "fixed seed": (fixed_seed, "two calls returned the same orders"),
            "own generator": (own_generator, None),
            "shared by neighbours": (neighbours, "images 1 apart have the same order"),
            "rolled": (
                lambda x: torch.stack([image.roll(int(torch.randint(0, 3, ())), 0) for image in x]),
                "3 of the 6 orders",
            ),
            "flipped": (
                lambda x: torch.stack([i.flip(0) if torch.rand(()) < 0.5 else i for i in x]),
                "2 of the 6 orders",
            ),
            "sometimes": (sometimes, "not equally likely"),
            "with replacement": (with_replacement, "one colour channel twice"),
            "pixels": (pixels_within, "pixels moved within their image: only"),
            "per pixel": (per_pixel, None),
            "brighter": (lambda x: by_loop(x) * 0.9, "pixel values changed"),
            "noise": (lambda x: torch.rand_like(x), None),
            "grey": (lambda x: x.mean(1, keepdim=True).expand_as(x), None),
            "channels last": (lambda x: by_loop(x).permute(0, 2, 3, 1), "axes are exchanged"),
            "list": (lambda x: [image[torch.randperm(3)] for image in x], "returned a list"),
            "one image": (lambda x: by_loop(x)[0], "the shape is (3, 6, 5), expected (1, 3, 6, 5)"),
            "orders": (lambda x: torch.stack([torch.randperm(3) for _ in x]), None),
        },
        draws=3,
    )
