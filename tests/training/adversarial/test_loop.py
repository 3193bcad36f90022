"""fit_adversarial: each step is that of a loop by hand and leaves the other player alone; a stop loses nothing."""

import copy
import signal

import numpy
import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, TensorDataset

from mmcourse import fit_adversarial
from mmcourse.data.batches import Batches
from mmcourse.training import (
    AdversarialLoss,
    Checkpoint,
    NonFiniteLoss,
    TrainingInterrupted,
    Wasserstein,
    fit,
    load_model,
)
from mmcourse.training.checkpoint import save_run
from mmcourse.training.device import prepare

IMAGES = torch.rand(60, 1, 4, 4, generator=torch.Generator().manual_seed(1))
LABELS = torch.arange(60) % 3


class Generator(nn.Module):
    latent_size = 5

    def __init__(self, n_classes=None, end=nn.Sigmoid):
        super().__init__()
        self.n_classes = n_classes
        self.embedding = nn.Embedding(n_classes, 8) if n_classes else None
        self.linear = nn.Linear(5, 8)
        self.layers = nn.Sequential(nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 16), nn.Unflatten(1, (1, 4, 4)), end())

    def forward(self, z, labels=None):
        hidden = self.linear(z)
        return self.layers(hidden if labels is None else hidden + self.embedding(labels))


class Discriminator(nn.Module):
    def __init__(self, n_classes=None):
        super().__init__()
        self.n_classes = n_classes
        self.embedding = nn.Embedding(n_classes, 8) if n_classes else None
        self.features = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.LeakyReLU(0.2), nn.Dropout(0.1))
        self.score = nn.Linear(8, 1)

    def forward(self, images, labels=None):
        features = self.features(images)
        score = self.score(features).squeeze(1)
        return score if labels is None else score + (self.embedding(labels) * features).sum(1)


def players(seed=0, n_classes=None):
    torch.manual_seed(seed)
    return Generator(n_classes), Discriminator(n_classes)


def batches(**options):
    return Batches(IMAGES, **({"size": 20, "seed": 3} | options))


def state(network):
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def same(a, b):
    a, b = (x if isinstance(x, dict) else x.state_dict() for x in (a, b))
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize(("loss", "lr", "betas"), [("hinge", 2e-4, (0.5, 0.999)), ("wasserstein", 1e-4, (0.0, 0.9))])
def test_each_step_is_the_step_of_a_loop_by_hand(loss, lr, betas):
    generator, discriminator = players()
    by_hand = [prepare(network).train() for network in players()]
    seen = []
    torch.manual_seed(7)
    history = fit_adversarial(
        generator,
        discriminator,
        batches(),
        loss,
        discriminator_steps=2,
        callbacks=[lambda run: seen.append((state(run.generator), state(run.discriminator)))],
    )
    torch.manual_seed(7)
    g, d = by_hand
    optimisers = [torch.optim.Adam(network.parameters(), lr=lr, betas=betas, fused=True) for network in by_hand]
    taken = [[images for (images,) in batches()][:2], [images for (images,) in batches()][2:]]
    for step, of_step in enumerate(taken):
        for images in of_step:
            fake = g(torch.randn(20, 5))
            real_scores, fake_scores = d(images), d(fake.detach())
            if loss == "hinge":
                value = (1 - real_scores).relu().mean() + (1 + fake_scores).relu().mean()
            else:
                value = fake_scores.mean() - real_scores.mean()
                value = value + Wasserstein().penalty(d, images, fake)
            d.zero_grad()
            value.backward()
            optimisers[1].step()
        g.zero_grad()
        value = -d(fake).mean()
        value.backward()
        optimisers[0].step()
        assert same(seen[step][0], g) and same(seen[step][1], d), step
        assert history.per_step["generator_loss"][step] == value.item()
    assert history.steps == len(seen) == 2


def test_a_step_of_one_player_leaves_the_other_alone():
    generator, discriminator = players()
    before, moments = [], []

    def optimiser(parameters, lr):
        made = torch.optim.SGD(parameters, lr=lr)
        own = {id(parameter) for parameter in parameters}
        mine, other = (generator, discriminator) if id(generator.linear.weight) in own else (discriminator, generator)

        def stepping(*_):
            before.append((state(mine), state(other), [p.grad for p in other.parameters()]))

        def stepped(*_):
            was_mine, was_other, gradients = before.pop()
            assert same(was_other, other) and not same(was_mine, mine)
            moments.append((mine is generator, gradients))

        made.register_step_pre_hook(stepping)
        made.register_step_post_hook(stepped)
        return made

    fit_adversarial(generator, discriminator, batches(), lr=0.1, optimiser=optimiser, discriminator_steps=3)
    assert [of_generator for of_generator, _ in moments] == [False, False, False, True]
    for of_generator, gradients in moments[:3]:
        assert not of_generator and all(gradient is None for gradient in gradients), "the generator got gradients"


def test_the_discriminators_gradients_are_not_changed_by_the_generators_step():
    generator, discriminator = players()
    gradients = []

    class Loss(AdversarialLoss):
        def discriminator(self, real, fake):
            return fake.mean() - real.mean()

        def generator(self, fake):
            gradients.append([p.grad.clone() for p in discriminator.parameters()])
            return -fake.mean()

    fit_adversarial(generator, discriminator, batches(size=60), Loss())
    assert all(torch.equal(a, p.grad) for a, p in zip(gradients[0], discriminator.parameters(), strict=True))


def test_frozen_parameters_stay():
    generator, discriminator = players()
    generator.linear.requires_grad_(False)
    before = state(generator.linear)
    fit_adversarial(generator, discriminator, batches(), lr=0.1)
    assert same(before, generator.linear) and generator.linear.weight.grad is None


def test_a_small_gan_learns_the_mean_of_a_gaussian():
    class Shift(nn.Module):
        latent_size = 1

        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(1, 1)

        def forward(self, z):
            return self.linear(z)

    torch.manual_seed(0)
    critic = nn.Sequential(nn.Linear(1, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1), nn.Flatten(0))
    generator = Shift()
    real = 3 + torch.randn(1000, 1)
    fit_adversarial(generator, critic, Batches(real, size=50), "non_saturating", epochs=15, lr=0.02)
    with torch.no_grad():
        assert abs(generator(torch.randn(2000, 1)).mean() - 3) < 0.5


@pytest.mark.parametrize("n_classes", [None, 3])
@pytest.mark.parametrize("loss", ["non_saturating", "minimax", "hinge", "wasserstein"])
def test_history_has_both_losses_and_scores(loss, n_classes):
    generator, discriminator = players(n_classes=n_classes)
    history = fit_adversarial(generator, discriminator, Batches(IMAGES, LABELS, size=20), loss, epochs=2)
    columns = [
        "generator_loss",
        "discriminator_loss",
        *["penalty"] * (loss == "wasserstein"),
        "real_score",
        "fake_score",
    ]
    assert list(history[-1]) == ["epoch", *columns, "seconds"] and len(history) == 2 and history.steps == 6
    assert history is generator.history and not generator.training and not discriminator.training
    per_step = history.dataframe(per="step")
    assert list(per_step) == columns and len(per_step) == 6
    for name in columns:
        assert history["epoch"] == [1, 2]
        assert history[name][1] == pytest.approx(per_step[name][3:].mean(), rel=1e-6)
    with pytest.raises(ValueError, match="'epoch' or 'step'"):
        history.dataframe(per="batch")


def test_images_alone_pairs_loaders_and_lists():
    for given in (
        batches(),
        Batches(IMAGES, LABELS, size=20),
        DataLoader(TensorDataset(IMAGES), batch_size=20),
        DataLoader(list(IMAGES), batch_size=20),
        DataLoader(TensorDataset(IMAGES, LABELS), batch_size=20),
        [(images,) for images in IMAGES.split(20)],
        [(IMAGES[:20], LABELS[:20])] * 3,
    ):
        assert fit_adversarial(*players(), given).steps == 3


def test_labels_reach_both_players():
    labels = torch.stack([torch.arange(60) % 3, torch.arange(60) % 2], dim=1)
    seen = {"generator": set(), "discriminator": set()}

    class Sees(nn.Module):
        def __init__(self, network, name):
            super().__init__()
            self.network, self.name = network, name
            self.n_classes, self.latent_size = (3, 2), 5

        def forward(self, value, labels):
            seen[self.name] |= {tuple(label) for label in labels.tolist()}
            return self.network(value)

    generator, discriminator = players()
    networks = Sees(generator, "generator"), Sees(discriminator, "discriminator")
    fit_adversarial(*networks, Batches(IMAGES, labels, size=20))
    assert seen["generator"] == seen["discriminator"] == {(a, b) for a in range(3) for b in range(2)}


def test_learning_rates_schedule_and_own_optimiser():
    rates = []
    fit_adversarial(
        *players(),
        batches(),
        lr=(0.1, 0.4),
        optimiser=torch.optim.SGD,
        schedule=lambda done: 1 - done,
        callbacks=[lambda run: rates.append([t.optimiser.param_groups[0]["lr"] for t in run.trained.values()])],
    )
    assert rates == [[0.1, 0.4], pytest.approx([0.2 / 3, 0.8 / 3]), pytest.approx([0.1 / 3, 0.4 / 3])]


def averaged(generator, decay=0.9):
    return AveragedModel(generator, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)


def test_the_average_follows_the_generator(tmp_path):
    generator, discriminator = players()
    average, seen, path = averaged(generator), [], tmp_path / "gan.safetensors"
    fit_adversarial(
        generator,
        discriminator,
        batches(),
        lr=0.05,
        average=average,
        checkpoint=path,
        callbacks=[lambda run: seen.append(run.generator.linear.weight.detach().clone())],
    )
    expected = seen[0]
    for weight in seen[1:]:
        expected = 0.9 * expected + 0.1 * weight
    torch.testing.assert_close(average.module.linear.weight.detach(), expected)
    fresh = players(seed=9)[0]
    assert same(load_model(averaged(fresh), path, part="average"), average)
    assert same(load_model(fresh, path, part="average.module"), average.module)


def test_samples_are_of_the_same_latents_and_use_up_no_random_numbers():
    samples = []

    def sampled(run):
        samples.append((run.samples(), run.generator.training))

    watched_run, plain = players(n_classes=3), players(n_classes=3)
    for networks, callbacks in ((watched_run, [sampled]), (plain, [])):
        torch.manual_seed(2)
        fit_adversarial(*networks, Batches(IMAGES, LABELS, size=20), lr=0.05, callbacks=callbacks)
    assert same(watched_run[0], plain[0]) and same(watched_run[1], plain[1])
    assert all(images.shape == (16, 1, 4, 4) and training for images, training in samples)
    assert not torch.equal(samples[0][0], samples[1][0])


def test_fast_mode_takes_three_steps(monkeypatch):
    monkeypatch.setenv("MMCOURSE_FAST", "1")
    history = fit_adversarial(*players(), batches(size=5), discriminator_steps=2, epochs=9)
    assert history.steps == 3 and history[-1].keys() == {"epoch", "seconds", *history.per_step}


def run_of(networks, epochs=3, average=True, **options):
    generator, discriminator = networks
    more = {"average": averaged(generator)} if average else {}
    history = fit_adversarial(
        generator,
        discriminator,
        batches(size=10),
        "wasserstein",
        epochs,
        0.02,
        discriminator_steps=4,
        **more,
        **options,
    )
    return history, more.get("average")


class Pressing(nn.Module):
    """A player in whose forward pass the stop button is pressed, at one call or at two that follow."""

    def __init__(self, network, call, times=1):
        super().__init__()
        self.network, self.left, self.times = network, call, times
        if hasattr(network, "latent_size"):
            self.latent_size = network.latent_size

    def forward(self, *inputs):
        self.left -= 1
        if -self.times <= self.left < 0:
            signal.raise_signal(signal.SIGINT)
        return self.network(*inputs)


def pressing(which, call, seed=0, times=1):
    networks = list(players(seed))
    networks = [Pressing(network, call if i == which else 10**6, times) for i, network in enumerate(networks)]
    return networks


# a step of 4 batches calls the generator 4 times; the discriminator 3 times for each, with its penalty, and once more
@pytest.mark.parametrize(
    ("which", "call", "steps"), [(0, 0, 1), (0, 2, 1), (0, 5, 2), (1, 4, 1), (1, 12, 1), (1, 13, 2), (1, 25, 3)]
)
def test_an_interrupt_within_a_step_finishes_it_for_both_and_the_run_goes_on(tmp_path, which, call, steps):
    path = tmp_path / "gan.safetensors"
    straight, stopped, resumed = pressing(0, 10**6), pressing(which, call), pressing(0, 10**6, seed=8)
    torch.manual_seed(2)
    whole, average = run_of(straight)
    torch.manual_seed(2)
    with pytest.raises(
        TrainingInterrupted, match="both networks keep their weights.*holds the run after step"
    ) as caught:
        run_of(stopped, checkpoint=path)
    assert caught.value.history.steps == steps
    assert stopped[0].history.interrupted and not stopped[0].training and not stopped[1].training
    assert same(load_model(pressing(0, 0, seed=5)[0], path, part="generator"), stopped[0])
    assert same(load_model(pressing(0, 0, seed=5)[1], path, part="discriminator"), stopped[1])
    torch.manual_seed(99)
    rest, average_of_rest = run_of(resumed, checkpoint=path, resume=True)
    assert same(straight[0], resumed[0]) and same(straight[1], resumed[1]) and same(average, average_of_rest)
    assert rest.per_step == whole.per_step
    assert rest[-1]["generator_loss"] == whole[-1]["generator_loss"]


@pytest.mark.parametrize(("which", "call"), [(0, 4), (1, 16), (1, 18)])
def test_a_second_interrupt_breaks_off_at_once_and_the_last_checkpoint_goes_on(tmp_path, which, call):
    path = tmp_path / "gan.safetensors"
    straight, stopped, resumed = pressing(0, 10**6), pressing(which, call, times=2), pressing(0, 10**6, seed=8)
    torch.manual_seed(2)
    run_of(straight)
    torch.manual_seed(2)
    with pytest.raises(TrainingInterrupted, match="after step 1 of 6.*holds the run after step 1"):
        run_of(stopped, callbacks=[Checkpoint(path, steps=1)])
    run_of(resumed, resume=path)
    assert same(straight[0], resumed[0]) and same(straight[1], resumed[1])


def test_weights_kept_in_memory_train_on_after_an_interrupt():
    networks = pressing(1, 14, times=2)
    with pytest.raises(TrainingInterrupted, match="fit_adversarial.* trains these weights on"):
        run_of(networks)
    assert run_of(networks)[0].steps == 6


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_run_goes_on_bit_for_bit(tmp_path, step):
    path = tmp_path / "gan.safetensors"
    straight, first, resumed = players(), players(), players(seed=8)
    torch.manual_seed(2)
    whole, average = run_of(straight)
    torch.manual_seed(2)

    def stop(run):
        run.stop = run.step == step

    run_of(first, checkpoint=path, callbacks=[stop])
    rest, average_of_rest = run_of(resumed, resume=path)
    assert same(straight[0], resumed[0]) and same(straight[1], resumed[1]) and same(average, average_of_rest)
    assert rest.per_step == whole.per_step


@pytest.mark.parametrize("step", [3, 6])
def test_a_run_saved_after_the_last_step_of_an_epoch_goes_on_though_that_step_took_fewer_batches(tmp_path, step):
    path = tmp_path / "gan.safetensors"
    straight, resumed = players(), players(seed=8)

    def save(run):
        if run.step == step:
            save_run(run, path)

    options = {"discriminator_steps": 2, "epochs": 3}
    torch.manual_seed(2)
    fit_adversarial(straight[0], straight[1], batches(size=12), callbacks=[save], **options)  # 2, 2 and 1 batches
    rest = fit_adversarial(resumed[0], resumed[1], batches(size=12), resume=path, **options)
    assert rest.steps == 9 and same(straight[0], resumed[0]) and same(straight[1], resumed[1])


def test_a_checkpoint_is_resumed_by_the_loop_that_wrote_it_alone(tmp_path):
    of_gan, of_fit = tmp_path / "gan.safetensors", tmp_path / "fit.safetensors"
    model = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    fit(model, Batches(IMAGES, LABELS), checkpoint=of_fit)
    run_of(players(), epochs=1, average=False, checkpoint=of_gan)
    with pytest.raises(ValueError, match="run of fit_adversarial, which fit cannot resume"):
        fit(model, Batches(IMAGES, LABELS), resume=of_gan)
    with pytest.raises(ValueError, match="run of fit, which fit_adversarial cannot resume"):
        run_of(players(), resume=of_fit)
    with pytest.raises(ValueError, match="average.n_averaged is missing"):
        run_of(players(), resume=of_gan)
    with pytest.raises(ValueError, match="discriminator_steps"):
        fit_adversarial(*players(), batches(size=10), "wasserstein", 3, 0.02, resume=of_gan)
    with pytest.raises(ValueError, match=r"discriminator, generator of a run.*part='generator'"):
        load_model(players()[0], of_gan)
    with pytest.raises(ValueError, match="part='critic'"):
        load_model(players()[0], of_gan, part="critic")
    with pytest.raises(ValueError, match="a single model"):
        load_model(model, of_fit, part="generator")


def test_a_loss_that_is_not_finite_stops_before_the_step():
    generator, discriminator = players()
    before = []

    class Breaks(AdversarialLoss):
        def discriminator(self, real, fake):
            return real.mean() * (float("nan") if len(before) == 2 else 1)

        def generator(self, fake):
            return -fake.mean()

    def note(run):
        before.append((state(run.generator), state(run.discriminator)))

    with pytest.raises(NonFiniteLoss, match="discriminator loss is NaN at step 2.*real_score.*spectral_norm") as caught:
        fit_adversarial(generator, discriminator, batches(), Breaks(), callbacks=[note])
    assert caught.value.step == 2 and caught.value.history.steps == 2
    assert same(before[-1][1], discriminator)


class Penalised(AdversarialLoss):
    def __init__(self, penalty):
        self.of = penalty

    def discriminator(self, real, fake):
        return fake.mean() - real.mean()

    def generator(self, fake):
        return -fake.mean()

    def penalty(self, discriminator, real, fake, labels=None):
        return self.of(discriminator)


@pytest.mark.parametrize("later", [False, True])
def test_a_penalty_that_is_not_finite_stops_before_the_step(later):
    generator, discriminator = players()
    before = state(discriminator)
    loss = Penalised(lambda network: network.score.weight.sum() * float("inf"))
    with pytest.raises(NonFiniteLoss, match="The penalty is -?inf at step 0"):
        fit_adversarial(generator, discriminator, batches(), loss, callbacks=[Rarely()] if later else [])
    assert later or same(before, discriminator)


@pytest.mark.parametrize(
    ("penalty", "said"),
    [
        (lambda network: 0.0, "The loss is float; expected a tensor with one number"),
        (lambda network: network.score.weight, r"The loss is \(1, 8\)"),
        (lambda network: torch.zeros(()), "does not depend on the discriminator's parameters"),
    ],
)
def test_a_penalty_that_cannot_be_minimised_is_named(penalty, said):
    with pytest.raises(ValueError, match=said):
        fit_adversarial(*players(), batches(), Penalised(penalty))


def test_a_latent_size_may_be_numpys():
    generator, discriminator = players()
    generator.latent_size = numpy.int64(5)
    assert fit_adversarial(generator, discriminator, batches()).steps == 3


def test_parameters_may_be_frozen_on_the_way():
    generator, discriminator = players()
    weights = []

    def freeze(run):
        generator.linear.requires_grad_(False)
        weights.append(generator.linear.weight.clone())

    fit_adversarial(generator, discriminator, batches(), lr=0.1, callbacks=[freeze])
    assert torch.equal(weights[0], weights[-1])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda g, d, x: x.fill_(float("nan")), "images of this batch already hold"),
        (lambda g, d, x: nn.init.constant_(g.linear.weight, float("inf")), "weights of the generator were not finite"),
        (lambda g, d, x: nn.init.constant_(d.score.weight, float("nan")), "weights of the discriminator were not"),
    ],
)
def test_causes_of_a_loss_that_is_not_finite(spoil, said):
    (generator, discriminator), images = players(), IMAGES.clone()
    spoil(generator, discriminator, images)
    with pytest.raises(NonFiniteLoss, match=f"discriminator loss is NaN at step 0.*{said}"):
        fit_adversarial(generator, discriminator, Batches(images, size=20), "non_saturating")


class Rarely:
    """Reads the losses every few steps, as on a GPU."""

    def on_start(self, run):
        run.look_every = 4


def test_losses_read_later_are_the_same_and_one_that_is_not_finite_is_found(tmp_path):
    at_once, later = players(), players()
    histories = []
    for networks, callbacks in ((at_once, ()), (later, [Rarely(), Checkpoint(tmp_path / "gan.safetensors", steps=2)])):
        torch.manual_seed(2)
        histories.append(run_of(networks, callbacks=callbacks)[0])
    assert same(at_once[0], later[0]) and same(at_once[1], later[1])
    assert histories[0].per_step.keys() == histories[1].per_step.keys()
    for name, values in histories[0].per_step.items():
        assert histories[1].per_step[name] == pytest.approx(values, rel=1e-5)
    images = IMAGES.clone()
    images[30:] = float("inf")
    with pytest.raises(NonFiniteLoss, match="loss is (NaN|inf) at step 1.*no longer finite.*go back to a checkpoint"):
        fit_adversarial(*players(), Batches(images, size=20, shuffle=False), epochs=2, callbacks=[Rarely()])


def with_attributes(network, **attributes):
    for name, value in attributes.items():
        setattr(network, name, value)
    return network


def shared_embedding():
    generator, discriminator = players(n_classes=3)
    discriminator.embedding = generator.embedding
    return generator, discriminator


def ends_in(layer):
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 1), nn.Flatten(0), layer)


def scores(shape):
    return nn.Sequential(nn.Flatten(), nn.Linear(16, shape[-1] if shape else 1), Reshape(shape))


class Reshape(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.mean() if not self.shape else x.reshape(len(x), *self.shape)


class Detached(Generator):
    def forward(self, z, labels=None):
        return super().forward(z).detach()


G, D = Generator, Discriminator
WRONG = {
    "swapped": (lambda: (D(), G(), batches(), {}), "latent_size=None.*swapped"),
    "no latent size": (lambda: (with_attributes(G(), latent_size=None), D(), batches(), {}), "latent_size=None"),
    "half a latent size": (lambda: (with_attributes(G(), latent_size=2.5), D(), batches(), {}), "2.5.*divided with /"),
    "a class": (lambda: (Generator, D(), batches(), {}), "the class Generator"),
    "no network": (lambda: (G(), None, batches(), {}), r"discriminator=\.\.\.\) got a model of type NoneType"),
    "one conditional": (lambda: (G(3), D(), batches(), {}), "n_classes=3 and a discriminator with n_classes=None"),
    "shared": (lambda: (*shared_embedding(), Batches(IMAGES, LABELS), {}), "share 1 parameters.*'embedding.weight'"),
    "no labels": (lambda: (G(3), D(3), batches(), {}), "without labels.*n_classes=3"),
    "one-hot": (lambda: (G(3), D(3), Batches(IMAGES, torch.eye(3)[LABELS]), {}), "labels.*float32.*argmax"),
    "too many classes": (lambda: (G(3), D(3), Batches(IMAGES, LABELS + 1), {}), "from 1 to 3.*0 to 2.*from 1"),
    "column": (lambda: (G(), scores((1,)), batches(), {}), r"\(20, 1\).*scores \(20,\).*flatten"),
    "classifier": (lambda: (G(), scores((10,)), batches(), {}), "10 logits"),
    "mean": (lambda: (G(), scores(()), batches(), {}), "a mean over the batch"),
    "sigmoid": (lambda: (G(), ends_in(nn.Sigmoid()), batches(), {}), r"ends in Sigmoid\(\).*\[0, 1\].*remove"),
    "tanh": (lambda: (G(), ends_in(nn.Tanh()), batches(), {}), r"ends in Tanh\(\).*\[-1, 1\]"),
    "other size": (lambda: (G(), D(), Batches(torch.rand(40, 1, 8, 8)), {}), r"\(40, 1, 4, 4\).*\(40, 1, 8, 8\)"),
    "range": (lambda: (G(), D(), Batches(2 * IMAGES - 1), {}), r"from -0.99.* to 0.99.*Sigmoid\(\).*nn.Tanh"),
    "range of tanh": (lambda: (G(end=nn.Tanh), D(), Batches(3 * IMAGES - 1.5), {}), "standardised"),
    "bytes": (lambda: (G(), D(), Batches((255 * IMAGES).byte()), {}), "images.*uint8.*/ 255"),
    "bytes made floats": (lambda: (G(), D(), Batches((255 * IMAGES).round()), {}), "Likely cause: bytes"),
    "detached": (lambda: (Detached(), D(), batches(), {}), "generator got no gradient"),
    "steps": (lambda: (G(), D(), batches(), {"discriminator_steps": 0}), "discriminator_steps=0"),
    "rates": (lambda: (G(), D(), batches(), {"lr": (0.1, 0.1, 0.1)}), r"generator's, discriminator's"),
    "rate": (lambda: (G(), D(), batches(), {"lr": -1}), "lr=-1"),
    "average": (lambda: (G(), D(), batches(), {"average": 0.99}), r"average=0.99.*AveragedModel\(generator"),
    "loss": (lambda: (G(), D(), batches(), {"loss": "gan"}), "loss='gan'"),
    "optimiser": (lambda: (G(), D(), batches(), {"optimiser": "adam"}), "fit_adversarial got optimiser='adam'"),
    "one optimiser": (
        lambda: (g := G(), D(), batches(), {"optimiser": torch.optim.SGD(g.parameters())}),
        "two players",
    ),
    "epochs": (lambda: (G(), D(), batches(), {"epochs": 1.5}), "fit_adversarial got epochs=1.5"),
    "batches": (lambda: (G(), D(), list(IMAGES.split(20)), {}), r"a list of \(images,\) or \(images, labels\)"),
    "dict": (lambda: (G(), D(), [{"image": IMAGES}], {}), "images alone"),
    "callbacks": (lambda: (G(), D(), batches(), {"callbacks": 3}), "fit_adversarial got callbacks=3"),
    "channels": (
        lambda: (G(), nn.Sequential(nn.Conv2d(3, 1, 4), nn.Flatten(0)), batches(), {}),
        "discriminator.*channel",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_inputs_are_named(name):
    make, said = WRONG[name]
    generator, discriminator, given, options = make()
    with pytest.raises(ValueError, match=f"(?s){said}"):
        fit_adversarial(generator, discriminator, given, **options)


def test_an_own_loss_may_take_probabilities():
    class CrossEntropy(AdversarialLoss):
        def discriminator(self, real, fake):
            return -(real.log() + (1 - fake).log()).mean()

        def generator(self, fake):
            return -fake.log().mean()

    assert fit_adversarial(G(), ends_in(nn.Sigmoid()), batches(), CrossEntropy()).steps == 3


def test_no_epochs_leave_both_as_they_are():
    generator, discriminator = players()
    before = copy.deepcopy((generator.state_dict(), discriminator.state_dict()))
    history = fit_adversarial(generator, discriminator, batches(), epochs=0)
    assert history.steps == len(history) == 0
    assert same(before[0], generator) and same(before[1], discriminator)
