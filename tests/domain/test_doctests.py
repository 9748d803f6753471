"""The examples in the docstrings of domain/ are true."""

import doctest
import importlib
import pkgutil

import pytest

import seeme.domain

MODULES = [found.name for found in pkgutil.iter_modules(seeme.domain.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_the_docstrings_are_true(name):
    """Every >>> of a module of domain/ gives what stands under it."""
    outcome = doctest.testmod(importlib.import_module(f"seeme.domain.{name}"))
    assert outcome.failed == 0
