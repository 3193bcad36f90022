import torch
import torch.nn.functional as F


def bce(s, label):
    return F.binary_cross_entropy_with_logits(s, torch.full_like(s, label))


def softplus(real, fake):
    return F.softplus(-real).mean() + F.softplus(fake).mean(), F.softplus(-fake).mean()


def cross_entropy(real, fake):
    return bce(real, 1.0) + bce(fake, 0.0), bce(fake, 1.0)


def logsigmoid(real, fake):
    return [-F.logsigmoid(real).mean() - F.logsigmoid(-fake).mean(), -F.logsigmoid(fake).mean()]


def concatenated(real, fake):
    labels = torch.cat([torch.ones_like(real), torch.zeros_like(fake)])
    return 2 * F.binary_cross_entropy_with_logits(torch.cat([real, fake]), labels), bce(fake, 1.0)


def by_logaddexp(real, fake):
    zero = torch.zeros((), dtype=real.dtype)
    high = [torch.logaddexp(zero, -s) for s in fake]
    low = [torch.logaddexp(zero, s) for s in fake]
    return sum(torch.logaddexp(zero, -s) for s in real) / len(real) + sum(low) / len(low), sum(high) / len(high)


def generator(loss):
    return lambda real, fake: (softplus(real, fake)[0], loss(real, fake))


def discriminator(loss):
    return lambda real, fake: (loss(real, fake), softplus(real, fake)[1])


def naive(real, fake):
    d, g = real.sigmoid(), fake.sigmoid()
    return -d.log().mean() - (1 - g).log().mean(), -g.log().mean()


def with_small_number(real, fake):
    d, g = real.sigmoid(), fake.sigmoid()
    return -(d + 1e-8).log().mean() - (1 - g + 1e-8).log().mean(), -(g + 1e-8).log().mean()


def of_probabilities(real, fake):
    d, g = real.sigmoid(), fake.sigmoid()
    one, zero = torch.ones_like(d), torch.zeros_like(d)
    return F.binary_cross_entropy(d, one) + F.binary_cross_entropy(g, zero), F.binary_cross_entropy(g, one)


def nan_gradient(real, fake):
    def stable(s):
        return torch.where(s > 30, s, torch.log(1 + torch.exp(s)))

    return stable(-real).mean() + stable(fake).mean(), stable(-fake).mean()


def numbers(real, fake):
    return tuple(loss.item() for loss in softplus(real, fake))


def fixed_batch(real, fake):
    return (F.softplus(-real).sum() + F.softplus(fake).sum()) / 4, F.softplus(-fake).sum() / 4


def test_gan_losses(judged):
    judged(
        "07.2",
        {
            "softplus": softplus,
            "cross-entropy": cross_entropy,
            "logsigmoid": logsigmoid,
            "concatenated": concatenated,
            "logaddexp": by_logaddexp,
        },
        {
            "saturating": (generator(lambda r, f: -F.softplus(f).mean()), "that is the saturating loss"),
            "recognised": (generator(lambda r, f: bce(f, 0.0)), "learns to be recognised"),
            "generator's sign": (generator(lambda r, f: F.logsigmoid(f).mean()), "is what the generator maximises"),
            "real scores": (generator(lambda r, f: bce(r, 1.0)), "which the generator does not change"),
            "two terms": (generator(lambda r, f: bce(f, 1.0) + bce(r, 0.0)), "a term of real scores is added"),
            "zero-sum": (generator(lambda r, f: -softplus(r, f)[0]), "minus the discriminator's loss"),
            "generator hinge": (generator(lambda r, f: -f.mean()), "in the hinge and Wasserstein forms"),
            "probability": (generator(lambda r, f: (1 - f.sigmoid()).mean()), "that is a probability"),
            "half": (discriminator(lambda r, f: softplus(r, f)[0] / 2), "not the mean over both batches"),
            "swapped labels": (discriminator(lambda r, f: bce(r, 0.0) + bce(f, 1.0)), "the labels are swapped"),
            "both real": (discriminator(lambda r, f: bce(r, 1.0) + bce(f, 1.0)), "generated images are labelled real"),
            "real alone": (discriminator(lambda r, f: bce(r, 1.0)), "term of the generated images is missing"),
            "discriminator's sign": (
                discriminator(lambda r, f: -softplus(r, f)[0]),
                "the discriminator maximises",
            ),
            "hinge": (discriminator(lambda r, f: F.relu(1 - r).mean() + F.relu(1 + f).mean()), "the hinge loss; here"),
            "Wasserstein": (discriminator(lambda r, f: f.mean() - r.mean()), "that is the Wasserstein loss"),
            "subtracted": (discriminator(lambda r, f: bce(r, 1.0) - bce(f, 0.0)), "the two terms are subtracted"),
            "no logarithm": (
                discriminator(lambda r, f: -r.sigmoid().mean() - (1 - f.sigmoid()).mean()),
                "those are negative probabilities",
            ),
            "sigmoid twice": (lambda r, f: cross_entropy(r.sigmoid(), f.sigmoid()), "the sigmoid is applied twice"),
            "summed": (lambda r, f: tuple(len(r) * loss for loss in softplus(r, f)), None),
            "mean before the logarithm": (
                lambda r, f: (
                    -r.sigmoid().mean().log() - (1 - f.sigmoid()).mean().log(),
                    -f.sigmoid().mean().log(),
                ),
                "each example has its own logarithm",
            ),
            "exchanged": (lambda r, f: softplus(r, f)[::-1], "the two losses have changed places"),
            "sigmoid left out": (lambda r, f: (-r.log().mean() - (1 - f).log().mean(), -f.log().mean()), None),
            "no logits": (
                lambda r, f: (F.binary_cross_entropy(r, torch.ones_like(r)), bce(f, 1.0)),
                "takes probabilities",
            ),
            "naive": (naive, "has become exactly 0 or 1"),
            "small number": (with_small_number, None),
            "of probabilities": (of_probabilities, "limited on the way"),
            "NaN gradient": (nan_gradient, "the gradient of the discriminator's loss holds NaN"),
            "one per image": (lambda r, f: (F.softplus(-r) + F.softplus(f), F.softplus(-f)), "one loss for each image"),
            "numbers": (numbers, "no gradient passes through it"),
            "one loss": (lambda r, f: softplus(r, f)[0], "expected two losses"),
            "detached scores": (
                lambda r, f: softplus(r, f.detach()),
                "the discriminator's loss: correct, but no gradient reaches",
            ),
            "no graph": (lambda r, f: tuple(x.detach() for x in softplus(r, f)), None),
            "fixed batch": (fixed_batch, None),
            "float32": (lambda r, f: softplus(r.float(), f.float()), "for float64 tensors the result is torch.float32"),
        },
    )
