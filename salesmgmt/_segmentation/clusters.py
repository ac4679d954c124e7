"""Clusters of customers: as many as are stable, ordered by value, the same in every run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from .._frames import (
    Amount,
    check_bool,
    check_lang,
    check_names,
    check_seed,
    take,
    to_pandas,
)
from ..errors import InputError

__all__ = ["Clusterer", "cluster"]

_MOST = 8
_SAMPLE = 1_500
_SLACK = 0.02
# What numbers are called that name things and measure nothing.
_IDS = re.compile(
    r"(?i:(.*[ _.-])?(id|no|nr|key|code|zip|postcode))|.*[a-z]I[dD]|.*(编号|编码|代码|号)"
)


class Clusterer(ClusterMixin, BaseEstimator):
    """k-means on evened-out features; clusters are numbered from the highest to the lowest.

    Skewed features that are not negative are taken in logarithms, all are put on one scale. The
    number of clusters is the largest that halves of the data agree on.

    Parameters
    ----------
    k : int or "auto", default="auto"
        Number of clusters; ``auto``: the largest up to 8 whose mean adjusted Rand index between
        fits on random halves is within 0.02 of the best.
    signs : sequence of float, optional
        One a feature: 1 where more is better, -1 where less is (recency), 0 to ignore it when
        clusters are put in order. None: all 1.
    log : bool, default=True
        Take logarithms of skewed features.
    random_state : int, default=0
        Seed of the starts and the halves.

    Attributes
    ----------
    labels_ : ndarray
        Cluster of each row of the fit, from 0, the highest first.
    k_ : int
        Number of clusters.
    centres_ : ndarray
        Cluster centres on the evened-out scale.
    stability_ : dict of int to float
        Mean adjusted Rand index by number of clusters; empty where ``k`` was given.
    n_features_in_ : int
        Number of features.

    References
    ----------
    .. [1] T. Lange, V. Roth, M. L. Braun and J. M. Buhmann, "Stability-Based Validation of
       Clustering Solutions", Neural Computation 16 (2004), 1299-1323.
    .. [2] L. Hubert and P. Arabie, "Comparing partitions", Journal of Classification 2 (1985),
       193-218.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.r_[np.full((20, 2), 1.0), np.full((20, 2), 9.0)] + np.arange(40)[:, None] / 100
    >>> Clusterer(k=2).fit(X).labels_[[0, -1]].tolist()
    [1, 0]
    """

    def __init__(
        self,
        k: int | str = "auto",
        *,
        signs: Sequence[float] | None = None,
        log: bool = True,
        random_state: int = 0,
    ):
        self.k = k
        self.signs = signs
        self.log = log
        self.random_state = random_state

    def fit(self, X: Any, y: object = None) -> Self:
        """Find the clusters.

        Parameters
        ----------
        X : array-like of shape (rows, features)
            Finite numbers.
        y : ignored
            For scikit-learn only.

        Returns
        -------
        Clusterer
            Itself.
        """
        X = validate_data(self, X, dtype=np.float64)
        self._learn_scale(X)
        even = self._even(X)
        self.stability_: dict[int, float] = {}
        self.k_ = self._choose(even)
        model = _kmeans(even, self.k_, self.random_state)
        signs = np.ones(X.shape[1]) if self.signs is None else np.asarray(self.signs, float)
        if signs.shape != (X.shape[1],):
            raise ValueError(f"Clusterer: signs must be one a feature ({X.shape[1]}).")
        order = np.lexsort((*model.cluster_centers_.T[::-1], -(model.cluster_centers_ @ signs)))
        self.centres_ = model.cluster_centers_[order]
        self.labels_ = self._nearest(even)[0]
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Cluster of each row.

        Parameters
        ----------
        X : array-like of shape (rows, features)
            Finite numbers.

        Returns
        -------
        ndarray
            Cluster numbers from 0, the highest first.
        """
        check_is_fitted(self, "centres_")
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return self._nearest(self._even(X))[0]

    def distance(self, X: Any) -> np.ndarray:
        """Distance of each row from the centre of its cluster, on the evened-out scale.

        Parameters
        ----------
        X : array-like of shape (rows, features)
            Finite numbers.

        Returns
        -------
        ndarray
            One number a row; 1 is one standard deviation of a feature.
        """
        check_is_fitted(self, "centres_")
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return self._nearest(self._even(X))[1]

    def _learn_scale(self, X: np.ndarray) -> None:
        centred = X - X.mean(axis=0)
        spread = X.std(axis=0)
        safe = np.where(spread > 0, spread, 1.0)
        skew = ((centred / safe) ** 3).mean(axis=0)
        self.logged_ = bool(self.log) & (X.min(axis=0) >= 0) & (skew > 1)
        self.unit_ = np.where(self.logged_, np.maximum(np.median(X, axis=0), 1e-12), 1.0)
        shown = self._shape(X)
        self.mean_ = shown.mean(axis=0)
        spread = shown.std(axis=0)
        self.scale_ = np.where(spread > 1e-12 * np.maximum(np.abs(self.mean_), 1e-300), spread, 1.0)

    def _shape(self, X: np.ndarray) -> np.ndarray:
        """Logarithms of 1 + x / median where a feature is skewed: free of its unit."""
        return np.where(self.logged_, np.log1p(np.maximum(X, 0.0) / self.unit_), X)

    def _even(self, X: np.ndarray) -> np.ndarray:
        return (self._shape(X) - self.mean_) / self.scale_

    def _nearest(self, even: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        square = ((even[:, None, :] - self.centres_[None, :, :]) ** 2).sum(axis=2)
        best = square.argmin(axis=1)
        return best, np.sqrt(square[np.arange(len(even)), best])

    def _choose(self, even: np.ndarray) -> int:
        """Number of clusters: given, or the largest that halves of the data agree on."""
        distinct = len(np.unique(even, axis=0))
        if self.k != "auto":
            odd = isinstance(self.k, bool) or not isinstance(self.k, int | np.integer)
            if odd or int(self.k) < 1:
                raise ValueError(
                    f'Clusterer: k must be a whole number >= 1 or "auto"; got {self.k!r}.'
                )
            if int(self.k) > distinct:
                raise ValueError(
                    f"Clusterer: k={self.k} clusters need as many distinct rows, there are only "
                    f"{distinct} (n_samples={len(even)})."
                )
            return int(self.k)
        most = min(_MOST, distinct - 1, len(even) // 10)
        if most < 2:
            return max(1, min(2, distinct))
        self.stability_ = {k: self._stability(even, k) for k in range(2, most + 1)}
        best = max(self.stability_.values())
        return max(k for k, s in self.stability_.items() if s >= best - _SLACK)

    def _stability(self, even: np.ndarray, k: int) -> float:
        """Mean agreement of fits on two random halves, judged on all rows."""
        from sklearn.metrics import adjusted_rand_score

        rng = np.random.default_rng(self.random_state)
        scores = []
        for _ in range(5):
            rows = rng.permutation(len(even))[: 2 * _SAMPLE]
            halves = np.array_split(rows, 2)
            fits = [_kmeans(even[h], k, self.random_state).predict(even[rows]) for h in halves]
            scores.append(adjusted_rand_score(*fits))
        return float(np.mean(scores))


def _kmeans(even: np.ndarray, k: int, seed: int) -> Any:
    from sklearn.cluster import KMeans

    return KMeans(k, n_init=10, random_state=seed).fit(even)


def cluster(
    features: pd.DataFrame,
    *,
    k: int | str = "auto",
    columns: Sequence[str] | None = None,
    lower_is_better: Sequence[str] = ("recency",),
    log: bool = True,
    random_state: int = 0,
    lang: str = "en",
) -> pd.DataFrame:
    """Cluster customers by their features; cluster 1 is the most valuable.

    Parameters
    ----------
    features : DataFrame
        One row a customer, for instance what :func:`rfm` returned; not modified.
    k : int or "auto", default="auto"
        As in :class:`Clusterer`.
    columns : sequence of str, optional
        The features. None: ``recency``, ``frequency`` and ``monetary`` if they are there, else
        all numeric columns but those whose name is that of an id (``customer_id``,
        ``CustomerID``, ``account_no``, ``客户编号``).
    lower_is_better : sequence of str, default=("recency",)
        Features of which less is better.
    log : bool, default=True
        Take logarithms of skewed features.
    random_state : int, default=0
        Seed; row order does not matter for given data.
    lang : {"en", "zh"}
        Language of ``label``.

    Returns
    -------
    DataFrame
        ``features`` with ``cluster`` (from 1), ``label`` (what sets the cluster apart) and
        ``distance`` (from its centre), same rows and index. ``attrs``: ``k``, ``stability``.

    Raises
    ------
    InputError
        A feature is missing, not numeric or not finite, or ``lower_is_better`` names no column.

    References
    ----------
    .. [1] T. Lange, V. Roth, M. L. Braun and J. M. Buhmann, "Stability-Based Validation of
       Clustering Solutions", Neural Computation 16 (2004), 1299-1323.

    Examples
    --------
    >>> import pandas as pd
    >>> few = pd.DataFrame({"recency": [3, 5, 90, 95], "monetary": [90.0, 80.0, 5.0, 6.0]})
    >>> cluster(few, k=2, columns=["recency", "monetary"])["cluster"].tolist()
    [1, 1, 2, 2]
    """
    check_lang(lang, caller="cluster")
    check_bool(log, "log", caller="cluster")
    check_seed(random_state, caller="cluster")
    worse = check_names(lower_is_better, "lower_is_better", caller="cluster")
    features = to_pandas(features, caller="cluster", arg="features")
    names = _features(features, columns)
    _check_known(worse, features)
    roles: dict[str, Any] = {
        f"feature{i}": Amount(c, option="columns") for i, c in enumerate(names)
    }
    rows = take(features, caller="cluster", arg="features", **roles)
    X = np.column_stack([rows[f"feature{i}"] for i in range(len(names))])
    # In a canonical order, so that the seed meets the same rows whatever their order.
    order = np.lexsort(X.T[::-1])
    signs = [-1.0 if c in worse else 1.0 for c in names]
    try:
        model = Clusterer(k, signs=signs, log=log, random_state=random_state).fit(X[order])
    except ValueError as err:
        raise InputError(f"cluster(): {err}") from None
    labels = _names(model.centres_, names, lang)
    at = model.predict(X)
    out = features.copy()
    out["cluster"] = at + 1
    out["label"] = pd.Series(labels).take(at).to_numpy()
    out["distance"] = model.distance(X)
    out.attrs |= {"k": model.k_, "stability": model.stability_}
    return out


def _check_known(worse: Sequence[str], features: pd.DataFrame) -> None:
    """Refuse names that no column has: the clusters would be put in the opposite order."""
    strange = [c for c in worse if c not in features.columns and c != "recency"]  # the default
    if strange:
        raise InputError(
            f"cluster(): lower_is_better: features has no column {strange[0]!r}; the columns are "
            f"{', '.join(map(repr, features.columns[:12]))}."
        )


def _features(features: pd.DataFrame, columns: Sequence[str] | None) -> list[str]:
    if columns is not None:
        if not (given := check_names(columns, "columns", caller="cluster")):
            raise InputError("cluster(): columns is empty; name at least one feature.")
        return given
    usual = [c for c in ("recency", "frequency", "monetary") if c in features.columns]
    numbers = features.select_dtypes("number").columns.tolist()
    names = usual or [c for c in numbers if not _IDS.fullmatch(str(c).strip())]
    if not names:
        ids = f" but {numbers}, which look like ids" if numbers else ""
        raise InputError(
            f"cluster(): features has no numeric column{ids}; name some with columns=."
        )
    return names


_WORDS = {
    "recency": ("recency", "距今天数"),
    "frequency": ("frequency", "频次"),
    "monetary": ("amount", "金额"),
}


def _names(centres: np.ndarray, names: list[str], lang: str) -> list[str]:
    """What sets each cluster apart: its features half a standard deviation off, at most two."""
    zh = lang == "zh"
    out = []
    for number, centre in enumerate(centres, start=1):
        order = np.argsort(-np.abs(centre), kind="stable")[:2]
        parts = []
        for i in order:
            if abs(centre[i]) < 0.5:
                continue
            word = _WORDS.get(names[i], (names[i], names[i]))[zh]
            high = centre[i] > 0
            parts.append(
                f"{word}{'高' if high else '低'}" if zh else f"{'high' if high else 'low'} {word}"
            )
        usual = "居中" if zh else "average"
        mark = "、" if zh else ", "
        out.append(f"{number}: {mark.join(parts) or usual}")
    return out
