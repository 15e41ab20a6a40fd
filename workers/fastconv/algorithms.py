"""Short convolutions with few multiplications: their tables, as exact fractions. Knows nothing of graphs.

A tile of m outputs of a filter of k taps, y[i] = Σ g[j]·x[i+j], costs m·k multiplications as it is written. Toom and
Cook make it n, far fewer: y = Aᵀ[(G g) ∘ (Bᵀ x)], where Aᵀ, G and Bᵀ are constant tables. Three facts give the tables:

1. Multiplying polynomials is multiplying their values. With u of degree < m and g of degree < k, the product has
   degree < N = m+k-1, so N points determine it: evaluate u and g there, multiply point by point, interpolate.
   As matrices: u·g = E_N⁻¹ [(E_k g) ∘ (E_m u)], where E_l evaluates a polynomial of l coefficients at the N points.
2. A filter is that product transposed. Read as linear in u, turned upside down: y = E_mᵀ [(E_k g) ∘ (E_N⁻ᵀ x)].
3. Which points is a question of rounding. Real points other than 0, ±1 and ∞ have powers that grow or vanish, so large
   tiles of them lose all digits. Points on the unit circle have powers of size one, as in a Fourier transform, but are
   complex: a conjugate pair stands for two points and costs three real products (Gauss) instead of two. Eight real
   points and the rest on the circle is both cheap and as exact as float32 allows.

The points on the circle are rational ones, (3+4i)/5 and its like. So every table is a table of fractions, and that the
identity holds is proved by arithmetic without rounding (tests/unit/test_fastconv_algorithms.py), not measured.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np
from numpy.typing import NDArray

Row = tuple[Fraction, ...]
Matrix = tuple[Row, ...]

MOST_REAL_POINTS = 8
# Half an angle's tangent is rounded to a fraction of at most this denominator: points stay within 1/40 of even spacing.
_FINENESS = 20
_ZERO, _ONE = Fraction(0), Fraction(1)


@dataclass(frozen=True, kw_only=True)
class Gaussian:
    """A complex number of two fractions."""

    re: Fraction
    im: Fraction

    def __add__(self, other: "Gaussian") -> "Gaussian":
        return Gaussian(re=self.re + other.re, im=self.im + other.im)

    def __mul__(self, other: "Gaussian") -> "Gaussian":
        return Gaussian(re=self.re * other.re - self.im * other.im, im=self.re * other.im + self.im * other.re)

    def inverse(self) -> "Gaussian":
        """One divided by it."""
        size = self.re * self.re + self.im * self.im
        return Gaussian(re=self.re / size, im=-self.im / size)


@dataclass(frozen=True, kw_only=True)
class Points:
    """Where polynomials are evaluated, besides infinity, which is always among the points."""

    real: Row
    circle: tuple[Gaussian, ...]
    """One of each conjugate pair on the unit circle: the one above the real axis."""

    @property
    def count(self) -> int:
        """How many coefficients they determine."""
        return 1 + len(self.real) + 2 * len(self.circle)


@dataclass(frozen=True, kw_only=True)
class Algorithm:
    """y = Aᵀ[(G g) ∘ (Bᵀ x)] for a filter of `kernel` taps and a tile of `outputs`, exactly."""

    kernel: int
    outputs: int
    at: Matrix
    """outputs × products"""
    g: Matrix
    """products × kernel"""
    bt: Matrix
    """products × window; no entry is larger than one"""
    constant: int
    """The product whose column of Aᵀ is all ones: what is added to it is added to every output."""

    @property
    def products(self) -> int:
        """Multiplications in a tile, for each pair of channels."""
        return len(self.g)

    @property
    def window(self) -> int:
        """Inputs that a tile reads."""
        return self.outputs + self.kernel - 1


def points(count: int) -> Points:
    """The points for a window of this many inputs: real ones first, the rest in pairs on the unit circle."""
    reals = min(count, MOST_REAL_POINTS)
    reals -= (count - reals) % 2
    stretch = _stretch(count)
    real = (_ZERO, _ONE, -_ONE, stretch, -1 / stretch, -stretch, 1 / stretch)
    return Points(real=real[: reals - 1], circle=on_the_circle((count - reals) // 2))


def _stretch(count: int) -> Fraction:
    """The larger the powers that occur, the nearer to one the real points must be."""
    return Fraction(2) if count <= MOST_REAL_POINTS else Fraction(3, 2) if count <= 24 else Fraction(4, 3)  # noqa: PLR2004


def on_the_circle(pairs: int) -> tuple[Gaussian, ...]:
    """Rational points above the real axis, as evenly spread between 1 and -1 as small fractions allow.

    With t rational, ((1-t²) + 2ti) / (1+t²) lies on the unit circle at the angle 2·atan(t).
    """
    return tuple(_at_angle(math.pi * (pair + 1) / (pairs + 1)) for pair in range(pairs))


def _at_angle(angle: float) -> Gaussian:
    if angle > math.pi / 2:  # the mirror image, so that the set is as symmetric as the circle
        mirrored = _at_angle(math.pi - angle)
        return Gaussian(re=-mirrored.re, im=mirrored.im)
    tangent = Fraction(math.tan(angle / 2)).limit_denominator(_FINENESS)
    return Gaussian(re=(1 - tangent**2) / (1 + tangent**2), im=2 * tangent / (1 + tangent**2))


@cache
def algorithm(kernel: int, outputs: int) -> Algorithm:
    """The tables for a filter of so many taps and a tile of so many outputs."""
    if kernel < 2 or outputs < 2:  # noqa: PLR2004
        raise ValueError(f"A tile of {outputs} outputs of {kernel} taps saves nothing: both must be two or more.")
    window = outputs + kernel - 1
    chosen = points(window)
    rows = [_infinity(kernel, outputs, chosen)]
    rows += [_real(kernel, outputs, chosen, point) for point in chosen.real]
    rows += [row for point in chosen.circle for row in _pair(kernel, outputs, chosen, point)]
    scaled = [row.scaled() for row in rows]
    return Algorithm(
        kernel=kernel,
        outputs=outputs,
        at=tuple(zip(*(row.at for row in scaled), strict=True)),
        g=tuple(row.g for row in scaled),
        bt=tuple(row.bt for row in scaled),
        constant=1 + chosen.real.index(_ONE),
    )


@dataclass(frozen=True, kw_only=True)
class _Product:
    """What one multiplication takes from the taps (`g`) and the inputs (`bt`), and gives to the outputs (`at`)."""

    at: Row
    g: Row
    bt: Row

    def scaled(self) -> "_Product":
        """With the largest input weight one; the scale moves to the taps, where it is multiplied in beforehand."""
        scale = max(map(abs, self.bt))
        return _Product(at=self.at, g=tuple(scale * one for one in self.g), bt=tuple(one / scale for one in self.bt))


def _infinity(kernel: int, outputs: int, chosen: Points) -> _Product:
    """At infinity a polynomial's value is its leading coefficient, and interpolation adds it times Π(t - point)."""
    bt = tuple(one.re for one in _expanded(_all(chosen)))
    return _Product(at=_last(outputs), g=_last(kernel), bt=bt)


def _real(kernel: int, outputs: int, chosen: Points, point: Fraction) -> _Product:
    bt = tuple(one.re for one in _lagrange(chosen, Gaussian(re=point, im=_ZERO)))
    return _Product(at=_powers(point, outputs), g=_powers(point, kernel), bt=bt)


def _pair(kernel: int, outputs: int, chosen: Points, point: Gaussian) -> list[_Product]:
    """Point and conjugate give conjugate products, so the sum of both is twice the real part of one.

    That one is complex, (p+qi)(a+bi), and Gauss finds it with three products: p(a+b), (q-p)a, (p+q)b.
    """
    inputs, taps = _lagrange(chosen, point), _complex_powers(point, kernel)
    twice = [Gaussian(re=2 * one.re, im=2 * one.im) for one in _complex_powers(point, outputs)]
    a, b = tuple(one.re for one in inputs), tuple(one.im for one in inputs)
    p, q = [one.re for one in taps], [one.im for one in taps]
    return [
        _Product(at=tuple(one.re - one.im for one in twice), g=tuple(p), bt=_sum(a, b)),
        _Product(at=tuple(-one.im for one in twice), g=tuple(y - x for x, y in zip(p, q, strict=True)), bt=a),
        _Product(at=tuple(-one.re for one in twice), g=_sum(p, q), bt=b),
    ]


def _lagrange(chosen: Points, point: Gaussian) -> list[Gaussian]:
    """Coefficients of the polynomial that is one at this point and zero at all others: a row of E_N⁻ᵀ."""
    others = [one for one in _all(chosen) if one != point]
    value = Gaussian(re=_ONE, im=_ZERO)
    for other in others:
        value = value * (point + Gaussian(re=-other.re, im=-other.im))
    scale = value.inverse()
    return [one * scale for one in _expanded(others)] + [Gaussian(re=_ZERO, im=_ZERO)]


def _expanded(roots: Iterable[Gaussian]) -> list[Gaussian]:
    """Coefficients of Π(t - root), the constant one first."""
    coefficients = [Gaussian(re=_ONE, im=_ZERO)]
    none = Gaussian(re=_ZERO, im=_ZERO)
    for root in roots:
        minus = Gaussian(re=-root.re, im=-root.im)
        shifted = [none, *coefficients]
        coefficients = [high + low * minus for high, low in zip(shifted, [*coefficients, none], strict=True)]
    return coefficients


def _all(chosen: Points) -> list[Gaussian]:
    """Every finite point, both of each pair."""
    pairs = [one for point in chosen.circle for one in (point, Gaussian(re=point.re, im=-point.im))]
    return [Gaussian(re=point, im=_ZERO) for point in chosen.real] + pairs


def _powers(point: Fraction, count: int) -> Row:
    return tuple(point**power for power in range(count))


def _complex_powers(point: Gaussian, count: int) -> list[Gaussian]:
    powers = [Gaussian(re=_ONE, im=_ZERO)]
    while len(powers) < count:
        powers.append(powers[-1] * point)
    return powers


def _last(count: int) -> Row:
    return (*[_ZERO] * (count - 1), _ONE)


def _sum(one: Sequence[Fraction], other: Sequence[Fraction]) -> Row:
    return tuple(x + y for x, y in zip(one, other, strict=True))


def floats(matrix: Matrix) -> NDArray[np.float64]:
    """The nearest double to each fraction."""
    return np.array([[float(one) for one in row] for row in matrix], np.float64)
