"""Weights of criteria: from judgements (AHP) or from the data's own spread."""

from __future__ import annotations

import numpy as np

__all__ = [
    "RANDOM_INDEX",
    "ahp_column_means",
    "ahp_completion",
    "ahp_eigenvector",
    "ahp_log_least_squares",
    "consistency_ratio",
    "critic",
    "entropy",
    "group_judgements",
    "merec",
    "principal_components",
]

#: Mean consistency index of random judgements by number of criteria: Saaty 1980 (from 11 on as
#: in Saaty 2000), his later table (2005, p. 31), and those of more draws by Alonso and Lamata
#: (2006) and by Donegan and Dodd (1991).
RANDOM_INDEX = {
    "saaty": (0, 0, 0, 0.58, 0.90, 1.12, 1.24, 1.32, 1.41, 1.45, 1.49,
              1.51, 1.48, 1.56, 1.57, 1.59),
    "alonso_lamata": (0, 0, 0, 0.5245, 0.8815, 1.1086, 1.2479, 1.3417, 1.4056, 1.4499, 1.4854,
                      1.5141, 1.5365, 1.5551, 1.5713, 1.5838),
    "saaty_2005": (0, 0, 0, 0.52, 0.89, 1.11, 1.25, 1.35, 1.40, 1.45, 1.49,
                   1.52, 1.54, 1.56, 1.58, 1.59),
    "donegan_dodd": (0, 0, 0, 0.4914, 0.8286, 1.0591, 1.1797, 1.2519, 1.3171, 1.3733, 1.4055,
                     1.4213, 1.4497, 1.4643, 1.4822, 1.4969),
}  # fmt: skip


def ahp_eigenvector(judgements: np.ndarray) -> tuple[np.ndarray, float]:
    """Principal right eigenvector (sums to 1) and eigenvalue of a pairwise matrix.

    Missing judgements are NaN; Harker (1987): a zero in their place, and on the diagonal one
    plus the number of missing judgements of the row.
    """
    lost = np.isnan(judgements)
    filled = np.where(lost, 0.0, judgements)
    np.fill_diagonal(filled, 1.0 + lost.sum(axis=1))
    vector = np.ones(len(filled)) / len(filled)
    for _ in range(100_000):
        following = filled @ vector
        following /= following.sum()
        if np.abs(following - vector).max() < 1e-15:
            break
        vector = following
    return vector, float((filled @ vector).sum() / vector.sum())


def ahp_log_least_squares(judgements: np.ndarray) -> tuple[np.ndarray, float]:
    """Logarithmic least squares weights (row geometric means, if complete) and eigenvalue.

    With missing judgements the normal equations run over those that are there (Bozóki, Fülöp
    and Rónyai 2010).
    """
    n = len(judgements)
    there = ~np.isnan(judgements) & ~np.eye(n, dtype=bool)
    logs = np.where(there, np.log(np.where(there, judgements, 1.0)), 0.0)
    laplacian = np.diag(there.sum(axis=1)) - there
    logw = np.linalg.lstsq(laplacian.astype(float), logs.sum(axis=1), rcond=None)[0]
    weights = np.exp(logw - logw.max())
    weights /= weights.sum()
    filled = np.where(there, judgements, weights[:, None] / weights[None, :])
    return weights, float((filled @ weights / weights).mean())


def ahp_column_means(judgements: np.ndarray) -> tuple[np.ndarray, float]:
    """Mean of the columns, each divided by its sum (additive normalisation), and eigenvalue.

    The eigenvalue is the mean of ``(A w)_i / w_i``, as the tables that use these weights have it.
    """
    weights = (judgements / judgements.sum(axis=0)).mean(axis=1)
    return weights, float((judgements @ weights / weights).mean())


def ahp_completion(judgements: np.ndarray) -> tuple[np.ndarray, float]:
    """Principal eigenvector of the completed matrix whose eigenvalue is the least.

    Bozóki, Fülöp and Rónyai (2010). The eigenvalue is convex in the logarithms of the missing
    judgements, and stationary where ``u_i a_ij v_j = u_j a_ji v_i`` with the left and the right
    eigenvector: that is iterated.
    """
    lost = np.isnan(judgements)
    start, _ = ahp_log_least_squares(judgements)
    filled = np.where(lost, start[:, None] / start[None, :], judgements)
    for _ in range(10_000):
        (right, value), (left, _) = ahp_eigenvector(filled), ahp_eigenvector(filled.T)
        ratio = right / left
        best = np.sqrt(ratio[:, None] / ratio[None, :])
        moved = np.abs(np.log(best / filled))[lost].max(initial=0.0)
        filled = np.where(lost, best, filled)
        if moved < 1e-12:
            break
    return right, value


def consistency_ratio(eigenvalue: float, n: int, table: str | float = "saaty") -> float:
    """(lambda - n) / (n - 1), as a share of that of random judgements (or of a number given)."""
    if n < 3:
        return 0.0
    index = RANDOM_INDEX[table] if isinstance(table, str) else (table,)
    return max(0.0, (eigenvalue - n) / (n - 1) / index[min(n, len(index) - 1)])


def group_judgements(matrices: np.ndarray) -> np.ndarray:
    """Judgements of several people as one: geometric means of those who judged (Aczél, Saaty)."""
    there = ~np.isnan(matrices)
    logs = np.where(there, np.log(np.where(there, matrices, 1.0)), 0.0).sum(axis=0)
    count = there.sum(axis=0)
    return np.where(count > 0, np.exp(logs / np.maximum(count, 1)), np.nan)


def entropy(x: np.ndarray, higher: np.ndarray | None = None) -> np.ndarray:
    """Entropy weights of criteria (columns): the less even, the heavier.

    Values >= 0 as they are; with ``higher`` (which way is good) any values, brought to 0 worst
    and 1 best first.
    """
    even = np.ptp(x, axis=0) == 0  # tells nothing: exactly no weight, not 1e-16
    if higher is not None:
        low, high = x.min(axis=0), x.max(axis=0)
        x = np.where(even, 1.0, np.where(higher, x - low, high - x) / np.where(even, 1, high - low))
    share = x / x.sum(axis=0)
    logs = np.log(np.where(share > 0, share, 1.0))
    divergence = 1 + (share * logs).sum(axis=0) / np.log(len(x))
    return _normal(np.where(even, 0.0, np.maximum(divergence, 0.0)))


def critic(x: np.ndarray, higher: np.ndarray, *, spearman: bool = False) -> np.ndarray:
    """CRITIC (Diakoulaki, Mavrotas and Papayannakis 1995): spread times conflict."""
    span = np.ptp(x, axis=0)
    low, high = x.min(axis=0), x.max(axis=0)
    flat = span == 0
    scaled = np.where(higher, x - low, high - x) / np.where(flat, 1.0, span)
    base = _ranks(scaled) if spearman else scaled
    centred = base - base.mean(axis=0)
    norm = np.sqrt((centred**2).sum(axis=0))
    norm = np.where(norm == 0, 1.0, norm)
    correlation = (centred / norm).T @ (centred / norm)
    conflict = (1 - correlation).sum(axis=0)
    return _normal(np.where(flat, 0.0, scaled.std(axis=0) * conflict))


def merec(x: np.ndarray, higher: np.ndarray) -> np.ndarray:
    """MEREC (Keshavarz-Ghorabaee et al. 2021): what removing a criterion changes; values > 0."""
    scaled = np.where(higher, x.min(axis=0) / x, x / x.max(axis=0))
    size = np.abs(np.log(scaled)) / x.shape[1]
    total = size.sum(axis=1, keepdims=True)
    effect = np.abs(np.log1p(total - size) - np.log1p(total)).sum(axis=0)
    return _normal(effect)


def principal_components(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Loadings (criteria, components) of standardised columns, and shares of variance.

    The sign of each component is such that its largest loading is positive.
    """
    z = (x - x.mean(axis=0)) / x.std(axis=0, ddof=1)
    values, vectors = np.linalg.eigh(np.corrcoef(z, rowvar=False).reshape(x.shape[1], -1))
    order = np.argsort(values)[::-1]
    values, vectors = np.maximum(values[order], 0), vectors[:, order]
    largest = np.abs(vectors).argmax(axis=0)
    sign = np.sign(vectors[largest, np.arange(len(values))])
    return vectors * sign, values / values.sum()


def _normal(raw: np.ndarray) -> np.ndarray:
    """Sum 1; all the same where nothing tells the criteria apart."""
    total = raw.sum()
    return raw / total if total > 0 else np.full(len(raw), 1.0 / len(raw))


def _ranks(x: np.ndarray) -> np.ndarray:
    """Average ranks by column."""
    out = np.empty(x.shape)
    for j in range(x.shape[1]):
        ordered = np.sort(x[:, j])
        low = np.searchsorted(ordered, x[:, j], side="left")
        out[:, j] = (low + np.searchsorted(ordered, x[:, j], side="right") - 1) / 2
    return out
