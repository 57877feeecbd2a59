"""A file that CMake does not list is silently missing from the installed module."""

from __future__ import annotations

from cmake_listing import MODULE_FOLDER, files_in_the_tree, listed_files


def test_every_file_of_the_module_is_installed():
    assert files_in_the_tree() - listed_files() == set()


def test_nothing_is_installed_that_is_not_there():
    assert listed_files() - files_in_the_tree() == set()


def test_every_pattern_takes_something():
    text = (MODULE_FOLDER / "CMakeLists.txt").read_text(encoding="utf-8")
    endings = {name.rpartition(".")[2] for name in listed_files()}
    for ending in ("py", "csv", "json", "md", "ui", "png", "txt"):
        assert ending in endings, text
