"""Which packages are installed: the folders of `pipeline/`, under the project's own import name."""

from setuptools import find_packages, setup

NAME = "discrete_world_model"  # as in pyproject.toml, which says everything else

setup(packages=[NAME, *(f"{NAME}.{package}" for package in find_packages("pipeline"))])
