"""Reconciliation of forecasts that must add up: projections by sparse and low-rank algebra.

Nodes are rows, ``S`` (sparse, zeros and ones) says which leaves a node sums. Errors of the base
forecasts have covariance ``W = diag(d) + U U'`` with few columns of ``U``, so that nothing of
size nodes by nodes is ever formed.

References
----------
S. L. Wickramasuriya, G. Athanasopoulos, R. J. Hyndman, "Optimal forecast reconciliation for
hierarchical and grouped time series through trace minimization", Journal of the American
Statistical Association 114 (2019), 804-819.
J. Schäfer, K. Strimmer, "A shrinkage approach to large-scale covariance matrix estimation",
Statistical Applications in Genetics and Molecular Biology 4 (2005), article 32.
C. L. Lawson, R. J. Hanson, "Solving Least Squares Problems", Prentice-Hall 1974, chapter 23.
J. Kim, H. Park, "Fast nonnegative matrix factorization: an active-set-like method", SIAM
Journal on Scientific Computing 33 (2011), 3261-3281 (block principal pivoting).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg, optimize, sparse
from scipy.sparse import linalg as linalg_sparse

__all__ = ["Covariance", "Projection", "loosened", "shrink", "winsorised"]

DENSE = 400  # sums up to which a dense factor does
_LEAST = 1e-4
_TOLD = 1e-18  # of the largest variance: with less nothing is left of it in sums
_PLAIN = 1e-12  # the same where not even that can be told
_ODD = 2.5  # robust standard deviations
_CONTRADICTS = 5.0  # standard errors of a sum and all its leaves that a sum may lie away
_MET = 1e-4  # standard errors by which optimality conditions may be missed
_ROUGH, _FINE, _FINAL = 1e-4, 1e-12, 1e-15  # squared errors of multipliers: search, check, answer


@dataclass(slots=True)
class Covariance:
    """``diag(diagonal) + factor factor'``; ``factor`` is (nodes, few) or None."""

    diagonal: np.ndarray
    factor: np.ndarray | None = None

    @property
    def variance(self) -> np.ndarray:
        """Variance of each node."""
        if self.factor is None:
            return self.diagonal
        return self.diagonal + (self.factor**2).sum(axis=1)

    def of(self, nodes: np.ndarray) -> Covariance:
        """That of some nodes."""
        factor = None if self.factor is None else self.factor[nodes]
        return Covariance(self.diagonal[nodes], factor)

    def draw(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Normal errors, (nodes, count)."""
        out = np.sqrt(self.diagonal)[:, None] * rng.standard_normal((len(self.diagonal), count))
        if self.factor is not None:
            out += self.factor @ rng.standard_normal((self.factor.shape[1], count))
        return out


def shrink(residuals: np.ndarray, together: np.ndarray | None = None) -> tuple[Covariance, float]:
    """Sample covariance of ``residuals`` shrunk towards its diagonal, and by how much.

    Parameters
    ----------
    residuals : (nodes, time) array
        Errors of the base forecasts, NaN where there is none. Not centred: a base forecast that
        is biased errs by its bias.
    together : (time,) int array, optional
        Columns with one number are not independent of each other (errors of one origin at
        several horizons). None: all are.

    Returns
    -------
    Covariance, float
        Variances are kept; correlations are multiplied by one minus the intensity.
    """
    known = np.isfinite(residuals)
    count = np.maximum(known.sum(axis=1), 1)
    e = np.where(known, residuals, 0.0)
    variance = _no_zeros((e * e).sum(axis=1) / count)
    x = e / np.sqrt(variance)[:, None]
    x *= np.sqrt(residuals.shape[1] / count)[:, None]
    intensity = _intensity(x, together)
    factor = x * np.sqrt(variance * (1 - intensity) / x.shape[1])[:, None]
    return Covariance(intensity * variance, factor), intensity


def winsorised(residuals: np.ndarray) -> np.ndarray:
    """Errors with none further from zero than 2.5 robust standard deviations of its row.

    Where most errors of a row are next to nothing, 2.5 of its standard deviations.
    """
    known = np.isfinite(residuals)
    e = np.where(known, residuals, 0.0)
    plain = np.sqrt((e * e).sum(axis=1) / np.maximum(known.sum(axis=1), 1))
    size = np.where(known, np.abs(residuals), np.inf)
    robust = 1.4826 * _median(size, known.sum(axis=1))
    bound = _ODD * np.where(robust > 0.1 * plain, robust, plain)[:, None]
    return np.where(known, np.clip(e, -bound, bound), np.nan)


def _median(size: np.ndarray, count: np.ndarray) -> np.ndarray:
    """Of the lowest ``count`` values of each row; zero where there are none."""
    ordered = np.sort(size, axis=1)
    low, high = (np.maximum(k, 0)[:, None] for k in ((count - 1) // 2, count // 2 - (count == 0)))
    middle = [np.take_along_axis(ordered, np.minimum(k, size.shape[1] - 1), 1) for k in (low, high)]
    return np.where(count > 0, (middle[0] + middle[1])[:, 0] / 2, 0.0)


def loosened(
    errors: Covariance, summing: sparse.csr_array, own: np.ndarray, base: np.ndarray
) -> Covariance:
    """The covariance with sums that contradict their leaves taken for as wrong as they are.

    A sum that lies much further from its leaves than all of them together can err has a variance
    that few or odd errors have made too small. Its contradiction counts as many standard errors,
    and every node correlated with it would be moved by as many of its own. Such a sum gets the
    variance that its distance shows, and is tied to nobody.
    """
    if errors.factor is None:
        return errors
    sd = np.sqrt(errors.variance)
    apart = np.abs((base - summing @ base[own]).mean(axis=1))
    wrong = apart > _CONTRADICTS * (sd + summing @ sd[own])
    if not wrong.any():
        return errors
    diagonal = np.where(wrong, np.maximum(errors.variance, apart**2), errors.diagonal)
    return Covariance(diagonal, np.where(wrong[:, None], 0.0, errors.factor))


def _no_zeros(variance: np.ndarray) -> np.ndarray:
    """A series without any error (all zeros, say) is nearly, not wholly, certain.

    Nor is one that errs by less than arithmetic can tell beside the largest.
    """
    some = variance > 0
    if not some.any():
        return np.ones_like(variance)
    least = _TOLD * variance.max()
    return np.maximum(np.where(some, variance, 1e-6 * np.median(variance[some])), least)


def _intensity(x: np.ndarray, together: np.ndarray | None) -> float:
    """Optimal shrinkage of the correlations of standardised rows, in time x time algebra.

    The sampling variance of a correlation comes from the sums of products over each group.
    """
    t = x.shape[1]
    group = np.arange(t) if together is None else together
    order = np.argsort(group, kind="stable")
    x = x if together is None else x[:, order]
    _, starts, size = np.unique(group[order], return_index=True, return_counts=True)
    if len(size) < (3 if together is None else 2) or len(x) < 2:
        return 1.0
    gram = np.add.reduceat((x.T @ x) ** 2, starts, axis=0)
    parts = x**2 if together is None else np.add.reduceat(x**2, starts, axis=1)
    own = parts.sum(axis=1)  # each row's product with itself, to be left out below
    squares = (gram.sum() - (own**2).sum()) / t**2
    if squares <= 0:
        return 1.0
    within = np.add.reduceat(gram, starts, axis=1).trace() - (parts**2).sum()
    shared = gram.sum(axis=1) - own @ parts
    spread = within - 2 * (shared @ size) / t + squares * (size**2).sum()
    noise = spread * len(size) / (len(size) - 1) / t**2
    return float(np.clip(noise / squares, _LEAST, 1.0))


class Projection:
    """Generalised least squares of leaves on the base forecasts of all nodes.

    The leaves' covariance after reconciliation, ``V = (S' W^-1 S)^-1``, is applied, not formed:
    for a diagonal ``W`` through a sparse factor of the constraints' covariance (as many rows as
    there are sums), then corrected for the few columns of the factor.

    Parameters
    ----------
    summing : (nodes, leaves) sparse array
        Which leaves each node adds up; row ``own[j]`` is leaf ``j`` itself.
    own : (leaves,) int array
    errors : Covariance
        Of the base forecasts of the nodes.
    """

    def __init__(self, summing: sparse.csr_array, own: np.ndarray, errors: Covariance):
        try:
            self._build(summing, own, errors)
        except np.linalg.LinAlgError:  # what is next to nothing beside the largest is lost in sums
            least = _PLAIN * errors.diagonal.max()
            bounded = Covariance(np.maximum(errors.diagonal, least), errors.factor)
            self._build(summing, own, bounded)

    def _build(self, summing: sparse.csr_array, own: np.ndarray, errors: Covariance) -> None:
        self.errors = errors
        self._back = sparse.csr_array(summing.T)
        self._inverse = 1.0 / errors.diagonal
        self._prior = errors.diagonal[own]
        sums = np.setdiff1d(np.arange(summing.shape[0]), own)
        self._sums = sparse.csr_array(summing[sums])
        self._sums_back = sparse.csr_array(self._sums.T)
        scaled = sparse.csr_array(self._sums.multiply(self._prior[None]))
        inner = sparse.diags_array(errors.diagonal[sums]) + scaled @ self._sums_back
        self._constraint = _factor(inner) if len(sums) else None
        self._core = self._gain = None
        if errors.factor is not None:
            self._add_factor(errors.factor)

    def leaves(self, base: np.ndarray, *, non_negative: bool = False) -> np.ndarray:
        """Reconciled leaves, (leaves, columns), of base forecasts (nodes, columns)."""
        out = self._spread(self._back @ self._weigh(base))
        if non_negative:
            negative = np.flatnonzero((out < 0).any(axis=0))
            if len(negative):
                out[:, negative] = self._nearest(out[:, negative], base[:, negative])
        return out

    def _nearest(self, free: np.ndarray, base: np.ndarray) -> np.ndarray:
        """The nearest leaves at or above zero to those that are ``free`` to be below."""
        if len(free) > DENSE:
            return self._pivot(free)
        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                found = self._pivot(free)
        except ValueError:  # steps that grew beyond all numbers
            found = np.full_like(free, np.nan)
        return self._checked(found, self._back @ self._weigh(base))

    def _checked(self, x: np.ndarray, score: np.ndarray) -> np.ndarray:
        """The same where it meets the optimality conditions, else by Lawson and Hanson's method.

        ``score`` is ``S' W^-1 base``. Errors of very unlike size make the steps of conjugate
        gradients too rough; conditions are met in conditional standard errors of each leaf.
        """
        information = _symmetric(self._back @ self._weigh(self._back.T.toarray()))
        sd = 1 / np.sqrt(np.diag(information))[:, None]
        slope = (information @ x - score) * sd
        off = np.abs(np.minimum(x / sd, slope)).max(axis=0)
        wrong = np.flatnonzero(
            ~(off <= _MET * np.maximum(1.0, np.abs(score * sd).max(axis=0) * 1e-8))
        )
        if not len(wrong):
            return x
        upper = linalg.cholesky(information * sd * sd.T)
        goal = linalg.solve_triangular(upper, (score * sd)[:, wrong], trans="T")
        x = x.copy()
        for j, z in zip(wrong, goal.T):
            x[:, j] = sd[:, 0] * optimize.nnls(upper, z, maxiter=30 * len(x))[0]
        return x

    def _add_factor(self, u: np.ndarray) -> None:
        """Woodbury's identity twice: for ``W^-1``, and for ``V``."""
        scaled = u * self._inverse[:, None]
        inner = np.eye(u.shape[1]) + u.T @ scaled
        self._core = linalg.cho_factor(inner)
        p = self._back @ scaled
        gain = self._spread(p)
        lower = linalg.cholesky(_symmetric(inner - p.T @ gain), lower=True)
        self._gain = linalg.solve_triangular(lower, gain.T, lower=True).T

    def _weigh(self, z: np.ndarray) -> np.ndarray:
        """``W^-1 z``."""
        out = z * self._inverse[:, None]
        if self._core is not None:
            u = self.errors.factor
            out -= (u * self._inverse[:, None]) @ linalg.cho_solve(self._core, u.T @ out)
        return out

    def _spread(self, z: np.ndarray) -> np.ndarray:
        """``V z``."""
        out = z * self._prior[:, None]
        if self._constraint is not None:
            found = self._constraint(self._sums @ out)
            out -= self._prior[:, None] * (self._sums_back @ found)
        if self._gain is not None:
            out += self._gain @ (self._gain.T @ z)
        return out

    def _pivot(self, b: np.ndarray) -> np.ndarray:
        """The nearest leaves at or above zero, by block principal pivoting on the multipliers.

        Leaves held at zero have multipliers ``m >= 0`` with ``b + V m`` zero there.
        """
        held = b < 0
        m = np.zeros_like(b)
        size = np.sqrt((b * b).mean(axis=0)) + 1e-300
        fewest = np.full(b.shape[1], b.shape[0] + 1)
        patience = np.full(b.shape[1], 3)
        precision = _ROUGH
        for _ in range(100):
            m = self._multipliers(held, b, m, precision)
            x = b + self._spread(m)
            least = (1e-6 if precision == _FINE else 1e-3) * size
            wrong = np.where(held, m * self._prior[:, None] < -least, x < -least)
            count = wrong.sum(axis=0)
            if not count.any() and precision == _FINE:
                break
            precision = _ROUGH if count.sum() > 1e-3 * b.size else _FINE
            patience = np.where(count < fewest, 3, patience - 1)
            fewest = np.minimum(fewest, np.maximum(count, 1))
            for j in np.flatnonzero((patience < 0) & (count > 0)):
                last = np.flatnonzero(wrong[:, j])[-1]  # one at a time cannot cycle
                wrong[:, j] = False
                wrong[last, j] = True
            held ^= wrong
        x = b + self._spread(self._multipliers(held, b, m, _FINAL))
        return np.maximum(np.where(held, 0.0, x), 0.0)

    def _multipliers(
        self, held: np.ndarray, b: np.ndarray, start: np.ndarray, precision: float
    ) -> np.ndarray:
        """``V m = -b`` on the leaves held, ``m = 0`` elsewhere: conjugate gradients.

        Only leaves held in some column are carried along.
        """
        rows = np.flatnonzero(held.any(axis=1))
        part, mask, base = self._part(rows), held[rows], b[rows]
        scale = self._prior[rows, None].copy()
        if part._gain is not None:
            scale += (part._gain**2).sum(axis=1)[:, None]
        m = np.where(mask, start[rows], 0.0)
        r = np.where(mask, -base - part._spread(m), 0.0)
        z = r / scale
        p = z.copy()
        rho = (r * z).sum(axis=0)
        goal = precision * np.maximum((np.where(mask, base, 0.0) ** 2 / scale).sum(axis=0), 1e-300)
        for _ in range(500):
            active = rho > goal
            if not active.any():
                break
            going: Any = slice(None) if active.all() else np.flatnonzero(active)  # views are free
            q = np.where(mask[:, going], part._spread(p[:, going]), 0.0)
            step = rho[going] / np.maximum((p[:, going] * q).sum(axis=0), 1e-300)
            m[:, going] += step * p[:, going]
            r[:, going] -= step * q
            z = r[:, going] / scale
            new = (r[:, going] * z).sum(axis=0)
            p[:, going] = z + p[:, going] * (new / np.maximum(rho[going], 1e-300))
            rho[going] = new
        out = np.zeros_like(b)
        out[rows] = m
        return out

    def _part(self, rows: np.ndarray) -> Projection:
        """The same covariance for some of the leaves."""
        part = copy.copy(self)
        part._prior = self._prior[rows]
        part._sums = sparse.csr_array(self._sums[:, rows])
        part._sums_back = sparse.csr_array(part._sums.T)
        part._gain = self._gain[rows] if self._gain is not None else None
        return part


def _symmetric(a: np.ndarray) -> np.ndarray:
    return (a + a.T) / 2


def _factor(inner: Any) -> Callable[[np.ndarray], np.ndarray]:
    """A solver of the symmetric positive definite system."""
    if inner.shape[0] <= DENSE:
        factor = linalg.cho_factor(inner.toarray())
        return lambda z: linalg.cho_solve(factor, z)
    sparse_factor = linalg_sparse.splu(
        sparse.csc_array(inner),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    return lambda z: sparse_factor.solve(np.ascontiguousarray(z))
