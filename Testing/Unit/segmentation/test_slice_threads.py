"""Work on slices in threads: in order, told in the caller's thread, and ended at once."""

from __future__ import annotations

import threading
import time

import pytest

from CTDoseSegLib.segmentation.slice_threads import for_each_slice, workers


@pytest.mark.parametrize("threads", [1, 3])
def test_each_slice_is_told_of_in_order_in_the_callers_thread(threads):
    worked, told = [], []

    def work(k):
        time.sleep(0.002 * (k % 3))
        worked.append(k)

    for_each_slice(
        work, range(3, 11), lambda k: told.append((k, threading.current_thread())), threads
    )
    assert sorted(worked) == list(range(3, 11))
    assert told == [(k, threading.current_thread()) for k in range(3, 11)]


@pytest.mark.parametrize("threads", [1, 2])
def test_no_slice_is_begun_after_the_caller_has_cancelled(threads):
    worked = []

    def work(k):
        time.sleep(0.005)
        worked.append(k)

    def cancel(k):
        if k == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        for_each_slice(work, range(200), cancel, threads)
    assert len(worked) < 20


def test_what_fails_in_a_slice_fails_for_the_caller():
    def work(k):
        if k == 5:
            raise ValueError("slice 5")

    with pytest.raises(ValueError, match="slice 5"):
        for_each_slice(work, range(9), threads=2)


def test_there_is_always_a_worker_and_never_a_crowd():
    assert [workers(n) for n in (0, 1, 2, 64)] == [1, 1, 2, 4]
