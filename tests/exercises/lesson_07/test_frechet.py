import numpy as np
import torch


def roots(s, t):
    return torch.linalg.eigvals(s @ t).real.clamp(min=0).sqrt().sum()


def distance(between=None, spread=None, common=roots, cov=lambda x: torch.cov(x.T), factor=2):
    def computed(x, y):
        s, t = cov(x), cov(y)
        first = (x.mean(0) - y.mean(0)).square().sum() if between is None else between(x, y)
        second = s.trace() + t.trace() if spread is None else spread(s, t)
        return first + second - factor * common(s, t)

    return computed


answer = distance()


def root_of(s):
    values, vectors = torch.linalg.eigh(s)
    return vectors @ torch.diag(values.clamp(min=0).sqrt()) @ vectors.T


def by_symmetric_root(x, y):
    s, t = torch.cov(x.T), torch.cov(y.T)
    root = root_of(s)
    common = root_of(root @ t @ root).trace()
    return torch.dist(x.mean(0), y.mean(0)) ** 2 + torch.trace(s + t) - 2 * common


def by_singular_values(x, y):
    """tr((S^1/2 T S^1/2)^1/2) is the sum of the singular values of the product of the centred sets."""
    a, b = (x - x.mean(0)) / (len(x) - 1) ** 0.5, (y - y.mean(0)) / (len(y) - 1) ** 0.5
    return (
        (x.mean(0) - y.mean(0)).pow(2).sum() + a.pow(2).sum() + b.pow(2).sum() - 2 * torch.linalg.svdvals(a @ b.T).sum()
    )


def by_numpy(x, y):
    a, b = x.numpy(), y.numpy()
    s, t = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = np.sqrt(np.clip(np.linalg.eigvals(s @ t).real, 0, None)).sum()
    return torch.tensor(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(s) + np.trace(t) - 2 * root)


def complex_roots(x, y):
    return distance(common=lambda s, t: torch.linalg.eigvals(s @ t).sqrt().sum().real)(x, y)


def with_n(x, y):
    return distance(cov=lambda x: torch.cov(x.T, correction=0))(x, y)


def test_frechet_distance(judged):
    judged(
        "07.4",
        {
            "eigenvalues": answer,
            "symmetric root": by_symmetric_root,
            "singular values": by_singular_values,
            "numpy": by_numpy,
            "complex roots": complex_roots,
            "N in the denominator": with_n,
        },
        {
            "not squared": (distance(lambda x, y: (x.mean(0) - y.mean(0)).norm()), "the means is not squared"),
            "mean of squares": (
                distance(lambda x, y: (x.mean(0) - y.mean(0)).square().mean()),
                "the mean over the features is taken",
            ),
            "no means": (distance(lambda x, y: 0), "the distance between the means is missing"),
            "means alone": (
                lambda x, y: (x.mean(0) - y.mean(0)).square().sum(),
                "only the means are compared",
            ),
            "one mean": (distance(lambda x, y: (x.mean() - y.mean()).square()), "the means are single numbers"),
            "factor": (distance(factor=1), "the factor 2 before the last term is missing"),
            "added": (distance(factor=-2), "the last term is added"),
            "no traces": (distance(spread=lambda s, t: 0), "the traces of the two covariances are missing"),
            "all entries": (distance(spread=lambda s, t: (s + t).sum()), "all entries of the covariances are added"),
            "no roots": (
                distance(common=lambda s, t: (s @ t).trace()),
                "the eigenvalues are added without their roots",
            ),
            "root of the trace": (distance(common=lambda s, t: (s @ t).trace().sqrt()), None),
            "root of entries": (
                distance(common=lambda s, t: (s @ t).abs().sqrt().trace()),
                "is not the root of each of its entries",
            ),
            "NaN root of entries": (distance(common=lambda s, t: (s @ t).sqrt().sum()), None),
            "roots first": (
                distance(common=lambda s, t: (root_of(s) @ root_of(t)).trace()),
                "the root of each covariance is taken before the product",
            ),
            "entry by entry": (
                distance(common=lambda s, t: (s * t).diagonal().sqrt().sum()),
                "only the variances enter",
            ),
            "eigvalsh": (
                distance(common=lambda s, t: torch.linalg.eigvalsh(s @ t).clamp(min=0).sqrt().sum()),
                "are for symmetric matrices",
            ),
            "singular values of the product": (
                distance(common=lambda s, t: torch.linalg.svdvals(s @ t).sqrt().sum()),
                "singular values are not eigenvalues",
            ),
            "rows": (distance(cov=torch.cov), "`torch.cov` takes rows as features"),
            "moments": (distance(cov=lambda x: x.T @ x / len(x)), "the mean is not subtracted"),
            "scatter": (
                distance(cov=lambda x: (x - x.mean(0)).T @ (x - x.mean(0))),
                "not divided by the number of examples",
            ),
            "standard deviations": (
                lambda x, y: (x.mean(0) - y.mean(0)).square().sum() + (x.std(0) - y.std(0)).square().sum(),
                None,
            ),
            "correlations": (distance(cov=lambda x: torch.corrcoef(x.T)), "those are correlations"),
            "root of all": (lambda x, y: answer(x, y).clamp(min=0).sqrt(), "that is the root of the distance"),
            "no clamp": (
                distance(common=lambda s, t: torch.linalg.eigvals(s @ t).real.sqrt().sum()),
                "`clamp(min=0)` before the root",
            ),
            "complex": (
                distance(common=lambda s, t: torch.linalg.eigvals(s @ t).sqrt().sum()),
                "the result is complex",
            ),
            "a float": (lambda x, y: answer(x, y).item(), "expected a tensor"),
            "a matrix": (lambda x, y: torch.cov(x.T) + torch.cov(y.T), "a whole matrix"),
            "float32 alone": (
                distance(common=lambda s, t: roots(s @ torch.eye(len(s)), t)),
                "may be float32 or float64: new tensors",
            ),
            "of the same": (lambda x, y: answer(x, x), None),
        },
    )
