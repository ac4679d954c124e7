"""The chance that a deal is won: calibrated, explained, watched for leaks and drift."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from .._frames import as_dates, check_bool, check_column, check_int, check_seed, warn
from ..errors import InputError
from ._features import Features, as_outcome, as_table
from .leaks import find_drift, find_leaks

__all__ = ["WinModel"]

_FOLDS = 5


class WinModel(ClassifierMixin, BaseEstimator):
    """Probability of winning from mixed columns, never wilder than the data allow.

    A linear model on knots and values and a boosted model are blended by how well each scores
    later rows from earlier ones; the blend is recalibrated on those, and where it is no better
    than the share won, it *is* the share won. The level follows as many of the latest outcomes
    as would have predicted best.

    Parameters
    ----------
    date : str, optional
        Column of ``X`` with the time order of the rows; it is no predictor. Without, rows are
        taken to be in time order.
    exclude_leaks : bool, default=False
        Leave the columns of ``leaks_`` out of the model. They are always reported.
    min_outcomes : int, default=50
        With fewer won or fewer lost deals the score is the share won for everybody.
    window : int, optional
        Number of latest outcomes that set the level. Default: of all, 2000, 1000, 500 and 250
        the one that would have predicted best.
    random_state : int, default=0
        Seed of folds and boosting.

    Attributes
    ----------
    classes_ : ndarray
        Lost, won: the two values of ``y``; ascending, where they do not say which is which.
    base_rate_ : float
        Share won in the data: (won + 0.5) / (deals + 1), so never 0 or 1.
    window_ : int
        Number of latest outcomes that set the level of a model, and of later updates.
    status_ : str
        ``"model"``, ``"no signal"`` or ``"too few outcomes"`` (the latter two: base rate).
    leaks_ : DataFrame
        Columns that know the outcome: ``column``, ``kind``, ``auc``, ..., ``evidence``.
    drift_ : DataFrame
        Change from the first to the last third of the rows: ``column``, ``psi``, ``alarm`` (it
        is large, and more than chance; never of dates, which move on by themselves); its first
        row is the share won.
    scores_ : DataFrame
        Out-of-sample rows: ``probability``, ``won``, in the order of the fit.
    n_features_in_ : int
        Number of columns.

    References
    ----------
    .. [1] J. H. Friedman, "Greedy Function Approximation: A Gradient Boosting Machine", Annals of
       Statistics 29 (2001), 1189-1232.
    .. [2] J. Platt, "Probabilistic Outputs for Support Vector Machines", Advances in Large
       Margin Classifiers, MIT Press, 1999, 61-74 (calibration).

    Examples
    --------
    >>> import pandas as pd
    >>> deals = pd.DataFrame({"source": ["web", "fair"] * 200, "size": range(400)})
    >>> model = WinModel().fit(deals, [1, 0, 1, 1, 0, 0, 1, 0] * 50)
    >>> web, fair = model.predict_proba(deals.head(2))[:, 1]
    >>> bool(web > 0.6 > 0.4 > fair)
    True
    >>> parts = model.explain(deals.head(2))
    >>> bool((parts.groupby("row")["contribution"].sum() - parts.groupby("row")["log_odds"].first()
    ... ).abs().max() < 1e-9)
    True
    """

    def __init__(
        self,
        *,
        date: str | None = None,
        exclude_leaks: bool = False,
        min_outcomes: int = 50,
        window: int | None = None,
        random_state: int = 0,
    ):
        self.date = date
        self.exclude_leaks = exclude_leaks
        self.min_outcomes = min_outcomes
        self.window = window
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> WinModel:
        """Learn from closed deals.

        Parameters
        ----------
        X : DataFrame or matrix
            One row a closed deal, as it was known when the score would have been asked for.
        y : array-like
            1/0, True/False, ``"won"``/``"lost"``, or any two values (what says won, else the
            larger, is won).

        Returns
        -------
        WinModel
            Self.
        """
        caller = "WinModel.fit"
        check_int(self.min_outcomes, "min_outcomes", caller=caller, low=1)
        check_bool(self.exclude_leaks, "exclude_leaks", caller=caller)
        check_seed(self.random_state, caller=caller)
        if self.window is not None:
            check_int(self.window, "window", caller=caller, low=1)
        table = as_table(X, caller)
        won, self.classes_ = as_outcome(y, len(table), caller)
        self.n_features_in_ = table.shape[1]
        if isinstance(X, pd.DataFrame):
            self.feature_names_in_ = np.asarray(table.columns, dtype=object)
        table, won = self._in_order(table, won, caller)
        self.leaks_ = find_leaks(table, won)
        self.drift_ = self._drift(table, won)
        if self.exclude_leaks:
            table = table.drop(columns=self.leaks_["column"])
        self.columns_ = list(table.columns)
        self._set_level(np.zeros(len(won)), won)
        self.shift_ = _level(np.zeros(len(won)), won)  # without a model: all outcomes
        self.features_ = Features(table)
        self.reference_ = table
        self._learn(table, won)
        self._tell(caller)
        return self

    def _in_order(
        self, table: pd.DataFrame, won: np.ndarray, caller: str
    ) -> tuple[pd.DataFrame, np.ndarray]:
        if self.date is None:
            return table, won
        check_column(self.date, "date", caller=caller)
        if self.date not in table.columns:
            raise InputError(f"{caller}(): X has no column {self.date!r} (date=).")
        when = table[self.date]
        if not pd.api.types.is_numeric_dtype(when.dtype):  # a running number is an order, too
            when = as_dates(when, name=self.date, caller=caller)
        elif when.isna().any():
            raise InputError(
                f"{caller}(): column {self.date!r} is missing in {int(when.isna().sum())} row(s); "
                "fill it in, or leave them out."
            )
        order = np.argsort(np.asarray(when), kind="stable")
        return table.drop(columns=self.date).iloc[order].reset_index(drop=True), won[order]

    def _drift(self, table: pd.DataFrame, won: np.ndarray) -> pd.DataFrame:
        third = max(len(won) // 3, 1)
        early, late = float(won[:third].mean()), float(won[-third:].mean())
        return find_drift(table.iloc[:third], table.iloc[-third:], early, late)

    def _learn(self, table: pd.DataFrame, won: np.ndarray) -> None:
        """Models, their blend and its calibration from rows that a fold has not seen."""
        self.blend_, self.slope_ = 0.5, 0.0
        self.base_rate_ = float(_expit(np.array(self.shift_)))
        self.models_: tuple[Any, Any] | None = None
        few = min(won.sum(), len(won) - won.sum()) < self.min_outcomes
        self.status_ = "too few outcomes" if few else "no signal"
        unseen = np.zeros(len(won), dtype=bool)
        logits = np.zeros((len(won), 2))
        if not few and table.shape[1]:
            codes = self.features_.codes(table)
            for train, test in self._folds(len(won), won):
                models = self._train(codes[train], won[train])
                logits[test] = self._raw(models, codes[test])
                unseen[test] = True
            self._calibrate(logits[unseen], won[unseen])
            if self.status_ == "model":
                self.models_ = self._train(codes, won)
        score = self._scaled(logits) if self.status_ == "model" else np.full(len(won), self.shift_)
        shown = unseen if unseen.any() else np.ones(len(won), dtype=bool)
        self.scores_ = pd.DataFrame({"probability": _expit(score[shown]), "won": won[shown]})

    def _folds(self, n: int, won: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Later rows from earlier ones; shuffled where the rows are sorted by outcome."""
        edges = np.linspace(0, n, _FOLDS + 2).astype(int)
        parts = [(np.arange(a), np.arange(a, b)) for a, b in zip(edges[1:-1], edges[2:])]
        mixed = [all(0 < won[i].sum() < len(i) for i in part) for part in parts]
        if self.date is not None or all(mixed):
            return [part for part, fine in zip(parts, mixed) if fine]
        from sklearn.model_selection import StratifiedKFold

        fold = StratifiedKFold(_FOLDS, shuffle=True, random_state=self.random_state)
        return list(fold.split(np.zeros(n), won))

    def _train(self, codes: np.ndarray, won: np.ndarray) -> tuple[Any, Any]:
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.linear_model import LogisticRegression

        linear = LogisticRegression(C=1.0, max_iter=500)
        boosted = HistGradientBoostingClassifier(
            learning_rate=0.06,
            max_iter=150,
            max_leaf_nodes=15,
            min_samples_leaf=20,
            l2_regularization=5.0,
            categorical_features=self.features_.is_value,
            early_stopping=False,
            random_state=self.random_state,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a linear model that is nearly there is good enough
            linear.fit(self.features_.design(codes), won)
        known = ~np.isnan(codes).all(axis=0)  # a column without any value tells nothing
        boosted.fit(np.where(known, codes, 0.0), won)
        return linear, boosted

    def _raw(self, models: tuple[Any, Any], codes: np.ndarray) -> np.ndarray:
        linear, boosted = models
        return np.column_stack(
            [
                linear.decision_function(self.features_.design(codes)),
                boosted.decision_function(codes),
            ]
        )

    def _calibrate(self, logits: np.ndarray, won: np.ndarray) -> None:
        """Blend, slope and level on unseen rows; the share won unless clearly better."""
        if not len(won):
            return
        best = np.inf
        for blend in np.linspace(0, 1, 11):
            mixed = blend * logits[:, 0] + (1 - blend) * logits[:, 1]
            slope, shift = _platt(mixed, won)
            loss = _loss(slope * mixed + shift, won).mean()
            if loss < best - 1e-9:
                best = loss
                self.blend_, self.slope_, self.shift_ = float(blend), slope, shift
        score = self._scaled(logits)
        flat = np.full(len(won), _logit(np.array(won.mean())))
        gain = _loss(flat, won) - _loss(score, won)
        error = gain.std() / np.sqrt(len(gain))
        if self.slope_ <= 0 or gain.mean() < 2 * error:
            self.slope_, self.shift_ = 0.0, float(_logit(np.array(self.base_rate_)))
            return
        self.status_ = "model"
        self._set_level(score - self.shift_, won)

    def _set_level(self, ranks: np.ndarray, won: np.ndarray) -> None:
        """Choose the window that would have set the level best, and set it."""
        self.window_ = self.window or _best_window(ranks, won)
        self.recent_ = np.column_stack([ranks, won])[-self.window_ :]
        self.shift_ = _level(self.recent_[:, 0], self.recent_[:, 1])

    def _scaled(self, logits: np.ndarray) -> np.ndarray:
        mixed = self.blend_ * logits[:, 0] + (1 - self.blend_) * logits[:, 1]
        return self.slope_ * mixed + self.shift_

    def _tell(self, caller: str) -> None:
        if self.status_ == "too few outcomes":
            warn(
                f"{caller}(): fewer than min_outcomes={self.min_outcomes} won or lost deals; "
                f"every score is the share won, {self.base_rate_:.3f}."
            )
        if len(self.leaks_) and not self.exclude_leaks:
            names = ", ".join(repr(c) for c in self.leaks_["column"][:6])
            warn(
                f"{caller}(): {len(self.leaks_)} column(s) may know the outcome: {names}. See "
                "leaks_; leave out what is filled in later (or exclude_leaks=True)."
            )

    # ----------------------------------------------------------------------------------
    # Scores

    def predict_proba(self, X: Any) -> np.ndarray:
        """Probability of lost and won, shape (rows, 2).

        Parameters
        ----------
        X : DataFrame or matrix
            Deals, with the columns of the fit.

        Returns
        -------
        ndarray of shape (rows, 2)
        """
        p = _expit(self._log_odds(self._table(X, "WinModel.predict_proba")))
        return np.column_stack([1 - p, p])

    def predict(self, X: Any) -> np.ndarray:
        """The second class (won, 1) where winning is more likely than losing, else the first.

        Parameters
        ----------
        X : DataFrame or matrix
            Deals, with the columns of the fit.

        Returns
        -------
        ndarray of shape (rows,)
        """
        likely = self.predict_proba(X)[:, 1] > 0.5
        return self.classes_[likely.astype(np.int64)]

    def _table(self, X: Any, caller: str) -> pd.DataFrame:
        check_is_fitted(self)
        table = as_table(X, caller)
        if not isinstance(X, pd.DataFrame) and table.shape[1] != self.n_features_in_:
            raise InputError(
                f"{caller}(): X has {table.shape[1]} features, but WinModel is expecting "
                f"{self.n_features_in_} features as input."
            )
        absent = [c for c in self.columns_ if c not in table.columns]
        if absent:
            raise InputError(
                f"{caller}(): X has no column {absent[0]!r}, which the model was fitted with."
            )
        return self.features_.read(table[self.columns_], caller)

    def _log_odds(self, table: pd.DataFrame) -> np.ndarray:
        if self.models_ is None:
            return np.full(len(table), self.shift_)
        return self._scaled(self._raw(self.models_, self.features_.codes(table)))

    def explain(self, X: Any) -> pd.DataFrame:
        """What each column adds to the log-odds of each deal; adds up to the score exactly.

        Columns are switched from a typical deal (medians and commonest values) to the deal's
        own, forwards and backwards in several orders, and each column's steps are averaged:
        sampled Shapley values, which add up whatever the number of orders.

        Parameters
        ----------
        X : DataFrame or matrix
            Deals, with the columns of the fit.

        Returns
        -------
        DataFrame
            One row a deal and column, and one ``(base)`` a deal: ``row`` (position in ``X``),
            ``column``, ``value``, ``contribution``; ``log_odds`` and ``probability`` of the
            deal. Largest contribution first.
        """
        table = self._table(X, "WinModel.explain")
        total = self._log_odds(table)
        parts, base = self._shapley(table, total)
        frames = [
            pd.DataFrame(
                {"row": np.arange(len(table)), "column": "(base)", "value": None, "part": base}
            )
        ]
        for j, name in enumerate(self.columns_):
            frames.append(
                pd.DataFrame(
                    {
                        "row": np.arange(len(table)),
                        "column": name,
                        "value": table[name].astype(object).array,
                        "part": parts[:, j],
                    }
                )
            )
        out = pd.concat([f.astype({"value": object}) for f in frames], ignore_index=True)
        out["log_odds"] = total[out["row"]]
        out["probability"] = _expit(out["log_odds"].to_numpy())
        out["_size"] = np.where(out["column"] == "(base)", np.inf, out["part"].abs())
        out = out.sort_values(["row", "_size"], ascending=[True, False], kind="stable")
        out = out.rename(columns={"part": "contribution"}).drop(columns="_size")
        front = ["row", "column", "value", "contribution", "log_odds", "probability"]
        return out[front].reset_index(drop=True)

    def _shapley(self, table: pd.DataFrame, total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        size, wide = len(table), len(self.columns_)
        if self.models_ is None:
            return np.zeros((size, wide)), total
        own = self.features_.codes(table)
        typical = np.broadcast_to(self.typical_, own.shape)
        base = self._scaled(self._raw(self.models_, typical[:1]))
        rng = np.random.default_rng(self.random_state)
        orders = [rng.permutation(wide) for _ in range(3)]
        parts = np.zeros((size, wide))
        for order in [o for p in orders for o in (p, p[::-1])]:
            now, before = typical.copy(), np.full(size, base[0])
            for step, j in enumerate(order):
                now[:, j] = own[:, j]
                last = step == wide - 1
                after = total if last else self._scaled(self._raw(self.models_, now))
                parts[:, j] += after - before
                before = after
        return parts / (2 * len(orders)), np.full(size, base[0])

    @property
    def typical_(self) -> np.ndarray:
        """Codes of a typical deal: the median knot of a number, the commonest value."""
        out = []
        for name in self.columns_:
            if name in self.features_.numbers:
                knots = self.features_.numbers[name]
                out.append(knots[len(knots) // 2])
            else:
                out.append(0.0)
        return np.array(out)

    # ----------------------------------------------------------------------------------
    # Later

    def update(self, X: Any, y: Any) -> WinModel:
        """Let the level follow newly closed deals; the ranking of deals stays.

        Parameters
        ----------
        X : DataFrame or matrix
            Newly closed deals, in time order.
        y : array-like
            Their outcomes.

        Returns
        -------
        WinModel
            Self.
        """
        table = self._table(X, "WinModel.update")
        won, _ = as_outcome(y, len(table), "WinModel.update", self.classes_)
        new = np.column_stack([self._log_odds(table) - self.shift_, won])
        self.recent_ = np.vstack([self.recent_, new])[-self.window_ :]
        self.shift_ = _level(self.recent_[:, 0], self.recent_[:, 1])
        return self

    def predict_rolling(self, X: Any, y: Any, *, block: int = 100) -> np.ndarray:
        """Scores of deals in time order, each block made with the outcomes before it.

        Parameters
        ----------
        X : DataFrame or matrix
            Deals in time order.
        y : array-like
            Their outcomes; those of a block move the level for the next one.
        block : int, default=100
            Deals a block.

        Returns
        -------
        ndarray of shape (rows,)
            Probability of won. The model itself is not changed.
        """
        caller = "WinModel.predict_rolling"
        check_int(block, "block", caller=caller, low=1)
        table = self._table(X, caller)
        won, _ = as_outcome(y, len(table), caller, self.classes_)
        ranks = self._log_odds(table) - self.shift_
        recent, level, out = self.recent_, self.shift_, np.empty(len(table))
        for start in range(0, len(table), block):
            part = slice(start, start + block)
            out[part] = _expit(ranks[part] + level)
            recent = np.vstack([recent, np.column_stack([ranks[part], won[part]])])[-self.window_ :]
            level = _level(recent[:, 0], recent[:, 1])
        return out

    def drift(self, X: Any) -> pd.DataFrame:
        """How far new deals are from those of the fit: the alarm before the outcomes are in.

        Parameters
        ----------
        X : DataFrame or matrix
            New deals.

        Returns
        -------
        DataFrame
            ``column``, ``psi``, ``rate_before`` (mean score of the fit), ``rate_after`` (of the
            new deals), ``alarm``.
        """
        table = self._table(X, "WinModel.drift")
        p = _expit(self._log_odds(table))
        return find_drift(
            self.reference_, table, float(self.scores_["probability"].mean()), float(p.mean())
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        tags.classifier_tags.multi_class = False
        return tags


def _logit(p: np.ndarray) -> np.ndarray:
    return np.log(p) - np.log1p(-p)


def _expit(x: np.ndarray) -> np.ndarray:
    from scipy.special import expit

    return expit(x)


def _loss(log_odds: np.ndarray, won: np.ndarray) -> np.ndarray:
    return np.logaddexp(0, log_odds) - won * log_odds


def _platt(x: np.ndarray, won: np.ndarray) -> tuple[float, float]:
    """Slope and level of a logistic regression on one score, by Newton's method."""
    slope, shift = 1.0, 0.0
    for _ in range(50):
        p = _expit(slope * x + shift)
        w = np.maximum(p * (1 - p), 1e-12)
        g = np.array([((won - p) * x).sum(), (won - p).sum()])
        h = np.array([[(w * x * x).sum() + 1e-6, (w * x).sum()], [(w * x).sum(), w.sum()]])
        step = np.linalg.solve(h, g)
        slope, shift = slope + step[0], shift + step[1]
        if np.abs(step).max() < 1e-10:
            break
    return float(slope), float(shift)


def _best_window(ranks: np.ndarray, won: np.ndarray) -> int:
    """How many of the latest outcomes to go by: the number with the least loss on the tenths of
    rows that follow, fewer than all only where that is better beyond noise."""
    n = len(won)
    edges = np.linspace(0, n, 11).astype(int)[3:]
    losses = {}
    for window in (n, 2000, 1000, 500, 250):
        if window > n:
            continue
        parts = []
        for a, b in zip(edges[:-1], edges[1:]):
            seen = slice(max(a - window, 0), a)
            level = _level(ranks[seen], won[seen])
            parts.append(_loss(ranks[a:b] + level, won[a:b]))
        losses[window] = parts
    best = n
    for window, parts in losses.items():
        gains = [old - new for old, new in zip(losses[best], parts)]
        gain = np.concatenate(gains)
        if gain.mean() > gain.std() / np.sqrt(len(gain)):
            best = window
    return best


def _level(ranks: np.ndarray, won: np.ndarray) -> float:
    """The shift at which the scores add up to the outcomes (one outcome's worth of doubt)."""
    target = (won.sum() + 0.5) / (len(won) + 1) * len(won)
    low, high = -40.0 - ranks.max(initial=0), 40.0 - ranks.min(initial=0)
    for _ in range(80):
        middle = (low + high) / 2
        if _expit(ranks + middle).sum() < target:
            low = middle
        else:
            high = middle
    return (low + high) / 2
