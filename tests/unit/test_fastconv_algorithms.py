"""The tables of fast convolution are exact: the tests compare fractions and round nothing."""

import math
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.fastconv.algorithms import Algorithm, algorithm, floats, on_the_circle, points
from workers.fastconv.selection import tile_sizes

USED = [(kernel, tile) for kernel in (2, 3, 5, 7, 8, 11) for tile in tile_sizes(kernel)]


def whole(matrix: list[tuple[Fraction, ...]]) -> tuple[NDArray[np.object_], list[int]]:
    """Rows as whole numbers, and what each was multiplied by."""
    scales = [math.lcm(*(one.denominator for one in row)) for row in matrix]
    return np.array(
        [[int(one * scale) for one in row] for row, scale in zip(matrix, scales, strict=True)], object
    ), scales


def responses(tables: Algorithm) -> tuple[NDArray[np.object_], int]:
    """Output i when tap j and input l are one and all others zero, for every i, j, l; times a whole number."""
    columns, a = whole(list(zip(*tables.at, strict=True)))
    taps, g = whole(list(tables.g))
    inputs, b = whole(list(tables.bt))
    common = math.lcm(*(x * y * z for x, y, z in zip(a, g, b, strict=True)))
    shares = np.array([common // (x * y * z) for x, y, z in zip(a, g, b, strict=True)], object)
    both = (taps[:, :, None] * inputs[:, None, :]).reshape(tables.products, -1)
    return ((columns * shares[:, None]).T @ both).reshape(tables.outputs, tables.kernel, tables.window), common


@pytest.mark.parametrize(("kernel", "tile"), USED)
def test_a_tile_computes_the_filter_exactly(kernel: int, tile: int) -> None:
    """Both sides are linear in the taps and in the inputs: equal for every pair of ones, they are equal."""
    tables = algorithm(kernel, tile)
    found, one = responses(tables)
    wanted = np.zeros_like(found)
    for output in range(tile):
        for tap in range(kernel):
            wanted[output, tap, output + tap] = one
    assert (found == wanted).all()


@pytest.mark.parametrize(("kernel", "tile"), [(3, 8), (7, 16)])
def test_one_wrong_digit_is_detected(kernel: int, tile: int) -> None:
    tables = algorithm(kernel, tile)
    first, *others = tables.g
    spoilt = Algorithm(
        kernel=kernel, outputs=tile, at=tables.at, bt=tables.bt, constant=tables.constant,
        g=((first[0] + Fraction(1, 10**12), *first[1:]), *others),
    )  # fmt: skip
    found, one = responses(spoilt)
    assert any(found[output, 0, output] != one for output in range(tile)) or (found[:, 0, :] != 0).sum() > tile


@pytest.mark.parametrize(("kernel", "tile", "products"), [(3, 4, 6), (3, 8, 11), (7, 16, 29), (11, 24, 47)])
def test_a_tile_has_the_stated_number_of_products(kernel: int, tile: int, products: int) -> None:
    tables = algorithm(kernel, tile)
    assert tables.products == products < kernel * tile
    assert len(tables.bt) == len(tables.g) == products
    assert {len(row) for row in tables.at} == {products}
    assert {len(row) for row in tables.bt} == {tables.window} == {tile + kernel - 1}


@pytest.mark.parametrize(("kernel", "tile"), USED)
def test_a_value_added_to_the_constant_product_is_added_to_every_output(kernel: int, tile: int) -> None:
    tables = algorithm(kernel, tile)
    assert {row[tables.constant] for row in tables.at} == {1}


@pytest.mark.parametrize("pairs", range(1, 20))
def test_points_on_the_circle_are_exact_and_distinct(pairs: int) -> None:
    found = on_the_circle(pairs)
    assert all(one.re**2 + one.im**2 == 1 and one.im > 0 for one in found)
    assert len(set(found)) == pairs


@pytest.mark.parametrize("count", range(3, 45))
def test_there_are_as_many_points_as_inputs_in_the_window(count: int) -> None:
    chosen = points(count)
    assert chosen.count == count
    assert len(set(chosen.real)) == len(chosen.real)


@pytest.mark.parametrize(("kernel", "tile"), USED)
def test_the_rounding_error_is_near_that_of_plain_convolution(kernel: int, tile: int) -> None:
    """In float32, as the graph computes it, on noise and summed over channels."""
    chance = np.random.default_rng(kernel * 100 + tile)
    tables, channels = algorithm(kernel, tile), 64
    signal = chance.standard_normal((channels, tables.window))
    taps = chance.standard_normal((channels, kernel))
    exact = np.array([(signal[:, at : at + kernel] * taps).sum() for at in range(tile)])
    products = (taps @ floats(tables.g).T).astype(np.float32) * (
        signal.astype(np.float32) @ floats(tables.bt).T.astype(np.float32)
    )
    found = floats(tables.at).astype(np.float32) @ products.sum(axis=0, dtype=np.float32)
    assert np.abs(found - exact).max() / np.sqrt(channels * kernel) < 1e-5


@pytest.mark.parametrize(("kernel", "tile"), [(1, 8), (3, 1), (0, 0)])
def test_a_size_that_saves_nothing_is_refused(kernel: int, tile: int) -> None:
    with pytest.raises(ValueError, match="saves nothing"):
        algorithm(kernel, tile)
