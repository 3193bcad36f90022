import torch
import torch.nn.functional as F


def hinge(r, f):
    return F.relu(1 - r).mean() + F.relu(1 + f).mean()


def detached(generator, discriminator, optimizer, real, z):
    fake = generator(z).detach()
    loss = hinge(discriminator(real), discriminator(fake))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def without_gradients(generator, discriminator, optimizer, real, z):
    discriminator.zero_grad()
    with torch.no_grad():
        fake = generator(z)
    real_loss = torch.clamp(1 - discriminator(real), min=0).mean()
    real_loss.backward()
    fake_loss = torch.clamp(1 + discriminator(fake), min=0).mean()
    fake_loss.backward()
    optimizer.step()
    return float((real_loss + fake_loss).detach())


def by_closure(generator, discriminator, optimizer, real, z):
    fake = generator(z).data

    def closure():
        optimizer.zero_grad()
        r, f = discriminator(torch.cat([real, fake])).split(len(real))
        loss = torch.maximum(torch.zeros(()), 1 - r).mean() + torch.maximum(torch.zeros(()), 1 + f).mean()
        loss.backward()
        return loss

    return optimizer.step(closure).item()


def frozen_meanwhile(generator, discriminator, optimizer, real, z):
    for p in generator.parameters():
        p.requires_grad_(False)
    loss = hinge(discriminator(real), discriminator(generator(z)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    for p in generator.parameters():
        p.requires_grad_(True)
    return loss.item()


def by_gradients(generator, discriminator, optimizer, real, z):
    loss = hinge(discriminator(real), discriminator(generator(z)))
    parameters = list(discriminator.parameters())
    for p, g in zip(parameters, torch.autograd.grad(loss, parameters), strict=True):
        p.grad = g
    optimizer.step()
    return loss.item()


def with_loss(loss_of, before="zero"):
    def step(generator, discriminator, optimizer, real, z):
        loss = loss_of(discriminator(real), discriminator(generator(z).detach()))
        if before == "zero":
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def not_detached(generator, discriminator, optimizer, real, z):
    loss = hinge(discriminator(real), discriminator(generator(z)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def erased(generator, discriminator, optimizer, real, z):
    loss = not_detached(generator, discriminator, optimizer, real, z)
    generator.zero_grad()
    return loss


def no_step(generator, discriminator, optimizer, real, z):
    loss = hinge(discriminator(real), discriminator(generator(z).detach()))
    optimizer.zero_grad()
    loss.backward()
    return loss.item()


def zero_late(generator, discriminator, optimizer, real, z):
    loss = hinge(discriminator(real), discriminator(generator(z).detach()))
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


def step_early(generator, discriminator, optimizer, real, z):
    loss = hinge(discriminator(real), discriminator(generator(z).detach()))
    optimizer.step()
    loss.backward()
    return loss.item()


def twice(generator, discriminator, optimizer, real, z):
    detached(generator, discriminator, optimizer, real, z)
    return detached(generator, discriminator, optimizer, real, z)


def own_optimizer(generator, discriminator, optimizer, real, z):
    return detached(generator, discriminator, torch.optim.Adam(discriminator.parameters()), real, z)


def both_networks(generator, discriminator, optimizer, real, z):
    other = torch.optim.SGD(generator.parameters(), lr=0.1)
    loss = hinge(discriminator(real), discriminator(generator(z)))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    other.step()
    return loss.item()


def scores_detached(generator, discriminator, optimizer, real, z):
    loss = hinge(discriminator(real).detach(), discriminator(generator(z)).detach())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def fake_scores_detached(generator, discriminator, optimizer, real, z):
    loss = hinge(discriminator(real), discriminator(generator(z)).detach())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def own_noise(generator, discriminator, optimizer, real, z):
    return detached(generator, discriminator, optimizer, real, torch.randn_like(z))


def a_tensor(generator, discriminator, optimizer, real, z):
    loss = hinge(discriminator(real), discriminator(generator(z).detach()))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


def loss_afterwards(generator, discriminator, optimizer, real, z):
    detached(generator, discriminator, optimizer, real, z)
    return hinge(discriminator(real), discriminator(generator(z).detach())).item()


def part_returned(generator, discriminator, optimizer, real, z):
    value = F.relu(1 - discriminator(real)).mean().item()
    detached(generator, discriminator, optimizer, real, z)
    return value


def left_frozen(generator, discriminator, optimizer, real, z):
    generator.requires_grad_(False)
    return detached(generator, discriminator, optimizer, real, z)


def left_in_evaluation(generator, discriminator, optimizer, real, z):
    generator.eval()
    return detached(generator, discriminator, optimizer, real, z)


def item_early(generator, discriminator, optimizer, real, z):
    loss = hinge(discriminator(real), discriminator(generator(z).detach())).item()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


def clipped(generator, discriminator, optimizer, real, z):
    loss = hinge(discriminator(real), discriminator(generator(z).detach()))
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(discriminator.parameters(), 0.01)
    optimizer.step()
    return loss.item()


def test_discriminator_step(judged):
    judged(
        "07.3",
        {
            "detach": detached,
            "no_grad": without_gradients,
            "closure": by_closure,
            "frozen meanwhile": frozen_meanwhile,
            "autograd.grad": by_gradients,
        },
        {
            "not detached": (not_detached, "gradients have reached the generator's parameters"),
            "erased": (erased, "the generator's gradients were erased"),
            "no zero_grad": (with_loss(hinge, "none"), "`optimizer.zero_grad()` is missing"),
            "no step": (no_step, "`optimizer.step()` is missing"),
            "zero_grad late": (zero_late, "since there were no gradients"),
            "step early": (step_early, "`backward` comes before `step`"),
            "twice": (twice, "the optimizer took 2 steps"),
            "own optimizer": (own_optimizer, "without a step of `optimizer`"),
            "both networks": (both_networks, "the generator's parameters have changed"),
            "scores detached": (scores_detached, "belongs to the generator's images, and the discriminator's"),
            "fake scores detached": (fake_scores_detached, None),
            "fake alone": (with_loss(lambda r, f: F.relu(1 + f).mean()), "the real images have no part in it"),
            "generator's loss": (with_loss(lambda r, f: -f.mean()), "that is the generator's loss"),
            "swapped": (with_loss(lambda r, f: hinge(f, r)), "real and generated images are swapped"),
            "real reversed": (
                with_loss(lambda r, f: F.relu(r - 1).mean() + F.relu(1 + f).mean()),
                "the signs in the term of the real images are reversed",
            ),
            "fake reversed": (
                with_loss(lambda r, f: F.relu(1 - r).mean() + F.relu(-1 - f).mean()),
                "the signs in the term of the generated images are reversed",
            ),
            "margin at 1": (
                with_loss(lambda r, f: F.relu(1 - r).mean() + F.relu(f - 1).mean()),
                "the step follows another loss: the generated images have no part",
            ),
            "both up": (with_loss(lambda r, f: hinge(r, -f)), "it raises the scores of generated images too"),
            "no maximum": (with_loss(lambda r, f: (1 - r).mean() + (1 + f).mean()), "the maximum with 0 is missing"),
            "no margin": (with_loss(lambda r, f: F.relu(-r).mean() + F.relu(f).mean()), "the margin of 1 is missing"),
            "mean first": (
                with_loss(lambda r, f: F.relu(1 - r.mean()) + F.relu(1 + f.mean())),
                "the mean is taken before the maximum",
            ),
            "summed": (
                with_loss(lambda r, f: F.relu(1 - r).sum() + F.relu(1 + f).sum()),
                "it is summed over the batch",
            ),
            "half": (with_loss(lambda r, f: hinge(r, f) / 2), "it is half as large"),
            "sign": (with_loss(lambda r, f: -hinge(r, f)), "the sign: the loss grows"),
            "cross-entropy": (
                with_loss(lambda r, f: F.softplus(-r).mean() + F.softplus(f).mean()),
                "the cross-entropy of exercise 07.2",
            ),
            "other noise": (own_noise, "the generator gets other noise than `z`"),
            "no generator": (lambda g, d, o, real, z: detached(lambda z: real, d, o, real, z), "is never called"),
            "a tensor": (a_tensor, "it returns a tensor"),
            "loss afterwards": (loss_afterwards, "that is the loss after the step"),
            "part returned": (part_returned, "the number returned is another loss: the generated images"),
            "left frozen": (left_frozen, "left with frozen parameters"),
            "left in evaluation mode": (left_in_evaluation, "is left in another mode"),
            "item early": (item_early, "`.item()` comes last"),
            "clipped": (clipped, "times as long"),
            "nothing returned": (lambda *arguments: detached(*arguments) and None, "returned None"),
        },
    )
