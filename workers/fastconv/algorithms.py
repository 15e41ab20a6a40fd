"""Computes the tables of short convolutions that need few multiplications, as exact fractions. Knows nothing of graphs.

Computed directly, a tile of m outputs of a filter of k taps, y[i] = Σ g[j]·x[i+j], takes m·k multiplications. The
method of Toom and Cook needs n, far fewer: y = Aᵀ[(G g) ∘ (Bᵀ x)], where Aᵀ, G and Bᵀ are constant tables. They follow
in three steps:

1. Multiplying polynomials is multiplying their values. With u of degree < m and g of degree < k, the product has
   degree < N = m+k-1, so N points determine it: evaluate u and g there, multiply point by point, interpolate.
   As matrices: u·g = E_N⁻¹ [(E_k g) ∘ (E_m u)], where E_l evaluates a polynomial of l coefficients at the N points.
2. A filter is the transpose of that product, taken as a linear map of u: y = E_mᵀ [(E_k g) ∘ (E_N⁻ᵀ x)].
3. The choice of points decides the rounding error. Powers of real points other than 0, ±1 and ∞ grow or vanish, so
   large tiles of them lose all digits. Powers of points on the unit circle have magnitude one, as in a Fourier
   transform, but the points are complex: a conjugate pair counts as two points and costs three real products (Gauss)
   instead of two. Eight real points and the rest on the circle are cheap, and as exact as float32 allows.

The points on the circle are rational, such as (3+4i)/5. So all entries of the tables are fractions, and
tests/unit/test_fastconv_algorithms.py proves the identity by arithmetic without rounding.
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
# The tangent of half the angle is rounded to a fraction with at most this denominator. Points then deviate from even
# spacing by 1/40 at most.
_FINENESS = 20
_ZERO, _ONE = Fraction(0), Fraction(1)


@dataclass(frozen=True, kw_only=True)
class Gaussian:
    """A complex number whose real and imaginary parts are fractions."""

    re: Fraction
    im: Fraction

    def __add__(self, other: "Gaussian") -> "Gaussian":
        return Gaussian(re=self.re + other.re, im=self.im + other.im)

    def __mul__(self, other: "Gaussian") -> "Gaussian":
        return Gaussian(re=self.re * other.re - self.im * other.im, im=self.re * other.im + self.im * other.re)

    def inverse(self) -> "Gaussian":
        """The reciprocal."""
        size = self.re * self.re + self.im * self.im
        return Gaussian(re=self.re / size, im=-self.im / size)


@dataclass(frozen=True, kw_only=True)
class Points:
    """The points at which polynomials are evaluated, in addition to infinity, which is always one of them."""

    real: Row
    circle: tuple[Gaussian, ...]
    """Of each conjugate pair on the unit circle, the point above the real axis."""

    @property
    def count(self) -> int:
        """The number of points, infinity included; as many coefficients can be determined."""
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
    """The index of the product whose column of Aᵀ is all ones. A value added to this product is added to every
    output."""

    @property
    def products(self) -> int:
        """Multiplications per tile and pair of channels."""
        return len(self.g)

    @property
    def window(self) -> int:
        """The number of inputs that a tile reads."""
        return self.outputs + self.kernel - 1


def points(count: int) -> Points:
    """The points for a window of this many inputs: some real ones, the rest in conjugate pairs on the unit circle."""
    reals = min(count, MOST_REAL_POINTS)
    reals -= (count - reals) % 2
    stretch = _stretch(count)
    real = (_ZERO, _ONE, -_ONE, stretch, -1 / stretch, -stretch, 1 / stretch)
    return Points(real=real[: reals - 1], circle=on_the_circle((count - reals) // 2))


def _stretch(count: int) -> Fraction:
    """The real point beside 0, ±1 and ∞: the higher the powers that occur, the nearer to one it must be."""
    return Fraction(2) if count <= MOST_REAL_POINTS else Fraction(3, 2) if count <= 24 else Fraction(4, 3)  # noqa: PLR2004


def on_the_circle(pairs: int) -> tuple[Gaussian, ...]:
    """Rational points on the unit circle above the real axis, spread as evenly as small fractions allow.

    With t rational, ((1-t²) + 2ti) / (1+t²) lies on the unit circle at the angle 2·atan(t).
    """
    return tuple(_at_angle(math.pi * (pair + 1) / (pairs + 1)) for pair in range(pairs))


def _at_angle(angle: float) -> Gaussian:
    if angle > math.pi / 2:  # mirror the points of the right half, so that the set is symmetric
        mirrored = _at_angle(math.pi - angle)
        return Gaussian(re=-mirrored.re, im=mirrored.im)
    tangent = Fraction(math.tan(angle / 2)).limit_denominator(_FINENESS)
    return Gaussian(re=(1 - tangent**2) / (1 + tangent**2), im=2 * tangent / (1 + tangent**2))


@cache
def algorithm(kernel: int, outputs: int) -> Algorithm:
    """The tables for a filter of `kernel` taps and a tile of `outputs` outputs."""
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
    """One multiplication: its weights of the taps (`g`), of the inputs (`bt`), and in the outputs (`at`)."""

    at: Row
    g: Row
    bt: Row

    def scaled(self) -> "_Product":
        """The same product, scaled so that the largest input weight is one; the taps take the factor in advance."""
        scale = max(map(abs, self.bt))
        return _Product(at=self.at, g=tuple(scale * one for one in self.g), bt=tuple(one / scale for one in self.bt))


def _infinity(kernel: int, outputs: int, chosen: Points) -> _Product:
    """The product at infinity: a polynomial's value there is its leading coefficient, which multiplies Π(t - point)."""
    bt = tuple(one.re for one in _expanded(_all(chosen)))
    return _Product(at=_last(outputs), g=_last(kernel), bt=bt)


def _real(kernel: int, outputs: int, chosen: Points, point: Fraction) -> _Product:
    bt = tuple(one.re for one in _lagrange(chosen, Gaussian(re=point, im=_ZERO)))
    return _Product(at=_powers(point, outputs), g=_powers(point, kernel), bt=bt)


def _pair(kernel: int, outputs: int, chosen: Points, point: Gaussian) -> list[_Product]:
    """The products of a conjugate pair: the two points give conjugate values, whose sum is twice the real part of one.

    The complex product (p+qi)(a+bi) takes three real products (Gauss): p(a+b), (q-p)a, (p+q)b.
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
    """The coefficients of the polynomial that is one at this point and zero at all others: a row of E_N⁻ᵀ."""
    others = [one for one in _all(chosen) if one != point]
    value = Gaussian(re=_ONE, im=_ZERO)
    for other in others:
        value = value * (point + Gaussian(re=-other.re, im=-other.im))
    scale = value.inverse()
    return [one * scale for one in _expanded(others)] + [Gaussian(re=_ZERO, im=_ZERO)]


def _expanded(roots: Iterable[Gaussian]) -> list[Gaussian]:
    """The coefficients of Π(t - root), beginning with the constant term."""
    coefficients = [Gaussian(re=_ONE, im=_ZERO)]
    none = Gaussian(re=_ZERO, im=_ZERO)
    for root in roots:
        minus = Gaussian(re=-root.re, im=-root.im)
        shifted = [none, *coefficients]
        coefficients = [high + low * minus for high, low in zip(shifted, [*coefficients, none], strict=True)]
    return coefficients


def _all(chosen: Points) -> list[Gaussian]:
    """All finite points, with both points of each conjugate pair."""
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
    """The matrix with each fraction rounded to the nearest double."""
    return np.array([[float(one) for one in row] for row in matrix], np.float64)
