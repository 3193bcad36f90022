import pytest
import torch


def along(t):
    return t[:, None, None, None]


def penalty(at=None, scores=torch.sum, norm=None, result=lambda n: (n - 1).square().mean(), graph=True):
    def computed(discriminator, real, fake, t):
        between = along(t) * real + (1 - along(t)) * fake if at is None else at(real, fake, t)
        between = between.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(
            scores(discriminator(between)), between, create_graph=graph, retain_graph=True
        )
        return result(gradient.flatten(1).norm(dim=1) if norm is None else norm(gradient))

    return computed


answer = penalty()


def with_ones(discriminator, real, fake, t):
    images = torch.lerp(fake, real, t.view(-1, 1, 1, 1))
    images.requires_grad = True
    scores = discriminator(images)
    gradient = torch.autograd.grad(scores, images, torch.ones_like(scores), create_graph=True)[0]
    return ((gradient.reshape(len(real), -1).pow(2).sum(1) + 1e-12).sqrt() - 1).pow(2).mean()


def by_loop(discriminator, real, fake, t):
    total = 0
    for i in range(len(real)):
        image = (t[i] * real[i] + (1 - t[i]) * fake[i]).requires_grad_(True)
        (gradient,) = torch.autograd.grad(discriminator(image[None]), image, create_graph=True)
        total = total + (gradient.norm() - 1) ** 2
    return total / len(real)


def by_backward(discriminator, real, fake, t):
    images = (along(t) * real + (1 - along(t)) * fake).requires_grad_()
    discriminator(images).sum().backward(create_graph=True)
    return (images.grad.flatten(1).norm(dim=1) - 1).square().mean()


def no_requires_grad(discriminator, real, fake, t):
    images = along(t) * real + (1 - along(t)) * fake
    (gradient,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def no_sum(discriminator, real, fake, t):
    images = (along(t) * real + (1 - along(t)) * fake).requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(images), images, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def tuple_kept(discriminator, real, fake, t):
    images = (along(t) * real + (1 - along(t)) * fake).requires_grad_()
    gradient = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    return (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def part_detached(discriminator, real, fake, t):
    images = (along(t) * real + (1 - along(t)) * fake).requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(images).sum(), images, create_graph=True)
    norm = gradient.flatten(1).norm(dim=1)
    return (norm.detach() - 1).mul(norm - 1).mean()


def own_t(discriminator, real, fake, t):
    return answer(discriminator, real, fake, torch.rand(len(real)))


@pytest.mark.filterwarnings("ignore:Using backward")
def test_gradient_penalty(judged):
    judged(
        "07.5",
        {"answer": answer, "grad_outputs": with_ones, "loop": by_loop},
        {
            "whole batch": (penalty(norm=torch.norm), "one norm over the whole batch"),
            "no graph": (penalty(graph=False), "`create_graph=True` keeps the graph"),
            "detached": (lambda *case: answer(*case).detach(), None),
            "part detached": (part_detached, "only a part of its gradient"),
            "not minus 1": (penalty(result=lambda n: n.square().mean()), "the norm is not compared with 1"),
            "mean of scores": (penalty(scores=torch.mean), "the gradient is B times too small"),
            "at real": (penalty(at=lambda r, f, t: r), "at the real images"),
            "at fake": (penalty(at=lambda r, f, t: f), "at the generated images"),
            "swapped": (penalty(at=lambda r, f, t: along(t) * f + (1 - along(t)) * r), "images are swapped"),
            "one t": (penalty(at=lambda r, f, t: t[0] * r + (1 - t[0]) * f), "the first `t` is used"),
            "own t": (own_t, "`t` is given, so nothing is drawn"),
            "t along the width": (penalty(at=lambda r, f, t: t * r + (1 - t) * f), "`t` has one number per example"),
            "channels": (penalty(norm=lambda g: g.norm(dim=1)), "over the channels alone"),
            "over the batch": (penalty(norm=lambda g: g.flatten(1).norm(dim=0)), "over the batch, so there is one"),
            "squared norm": (penalty(norm=lambda g: g.flatten(1).square().sum(1)), "the root is missing"),
            "absolute values": (penalty(norm=lambda g: g.flatten(1).abs().sum(1)), "the sum of absolute values"),
            "mean over pixels": (
                penalty(norm=lambda g: g.flatten(1).square().mean(1).sqrt()),
                "the mean of the squares is taken over the pixels",
            ),
            "not squared": (penalty(result=lambda n: (n - 1).mean()), "the deviation from 1 is not squared"),
            "absolute": (penalty(result=lambda n: (n - 1).abs().mean()), "the absolute deviation"),
            "mean first": (penalty(result=lambda n: (n.mean() - 1) ** 2), "the mean is taken before the square"),
            "one-sided": (penalty(result=lambda n: (n - 1).relu().square().mean()), "the one-sided penalty"),
            "summed": (penalty(result=lambda n: (n - 1).square().sum()), "it is summed over the batch"),
            "weighted": (penalty(result=lambda n: 10 * (n - 1).square().mean()), "the weight 10 belongs"),
            "per example": (penalty(result=lambda n: (n - 1).square()), "one number per example: the mean"),
            "backward": (by_backward, "`backward` has left gradients"),
            "no requires_grad": (no_requires_grad, "comes before the discriminator scores them"),
            "no sum": (no_sum, "sum the scores of the batch first"),
            "tuple": (tuple_kept, "a tuple of one gradient"),
            "a float": (lambda *case: answer(*case).item(), "no gradient passes through it"),
            "float32": (
                lambda d, r, f, t: answer(d.float(), r.float(), f.float(), t.float()),
                None,
            ),
        },
    )
