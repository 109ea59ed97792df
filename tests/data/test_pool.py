import os
import signal
import time

import pytest

from bit_transformer.codecs import registry
from bit_transformer.data import pool as pool_module
from bit_transformer.data.compression import Job, do_job
from bit_transformer.data.pool import InThread, Workers, open_pool
from bit_transformer.data.views import COMPRESSED, DIRECT
from bit_transformer.data.worker import (
    Message,
    answer,
    jobs_in,
    message_of_jobs,
    read_message,
    rows_in,
    write_message,
)
from bit_transformer.errors import TrainingError
from tests.data.test_compression import NOISE, TEXT, Forgetful

JOBS = [
    Job(view, codec, source[:size], 512)
    for source in (TEXT, NOISE)
    for view, size in ((COMPRESSED, 64), (DIRECT, 1024))
    for codec in ("stored", "rle", "lz")
]


def plain(rows):
    return [(row.bits.data.tobytes(), row.bits.num_bits, *row[1:]) for row in rows]


@pytest.fixture
def workers():
    pool = Workers(2)
    yield pool
    pool.close()


def test_any_number_of_workers_makes_the_rows_that_a_thread_makes(workers):
    expected = plain(InThread().rows(JOBS))
    for num_jobs in (len(JOBS), 3, 1, 0):
        assert plain(workers.rows(JOBS[:num_jobs])) == expected[:num_jobs]


def test_more_than_a_pipe_holds_goes_through(workers):
    jobs = [Job(COMPRESSED, "stored", NOISE * 40, 512)] * 3  # 320 KB each, a pipe holds 64
    assert all(row.bits.data.tobytes() == NOISE * 40 for row in workers.rows(jobs))


def test_an_error_in_a_worker_reaches_the_training_and_the_worker_lives_on(workers):
    with pytest.raises(TrainingError, match="there is no codec 'rel'"):
        workers.rows([Job(COMPRESSED, "rel", b"x", 512)])
    assert len(workers.rows(JOBS[:1])) == 1


def test_a_worker_that_is_killed_is_missed(workers):
    workers.rows(JOBS[:2])
    for process in workers._processes:
        process.kill()
        process.wait()
    with pytest.raises(TrainingError, match="ended with code -9.*loader_workers to 0"):
        workers.rows(JOBS)


def test_workers_end_when_they_are_closed_and_leave_ctrl_c_to_the_training(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(pool_module, "_ENDING_S", 100.0)  # by themselves, on any machine
    pool = Workers(1)
    (process,) = pool._processes
    pool.rows(JOBS[:1])
    os.kill(process.pid, signal.SIGINT)
    time.sleep(0.05)
    assert len(pool.rows(JOBS[:1])) == 1
    pool.close()
    assert process.returncode == 0
    pool.close()


def test_the_thread_does_the_work_where_workers_could_not(monkeypatch):
    monkeypatch.setitem(registry._loaded, "forgetful", Forgetful())
    for pool in (open_pool(0, ["rle"]), open_pool(3, ["rle", "forgetful"])):
        assert isinstance(pool, InThread)
        pool.close()
    pool = open_pool(1, ["auto", "rle"])
    assert isinstance(pool, Workers)
    pool.close()


def test_jobs_and_rows_survive_their_way(tmp_path):
    path = tmp_path / "pipe"
    with path.open("wb") as pipe:
        write_message(pipe, message_of_jobs(JOBS))
        write_message(pipe, answer(message_of_jobs(JOBS)))
    with path.open("rb") as pipe:
        there, back = read_message(pipe), read_message(pipe)
        assert read_message(pipe) is None
    assert there is not None
    assert back is not None
    assert jobs_in(there) == JOBS
    assert plain(rows_in(back)) == plain(map(do_job, JOBS))


def test_a_message_that_is_cut_is_none(tmp_path):
    path = tmp_path / "pipe"
    with path.open("wb") as pipe:
        write_message(pipe, Message({"jobs": []}, b"12345"))
    content = path.read_bytes()
    for size in range(len(content)):
        path.write_bytes(content[:size])
        with path.open("rb") as pipe:
            assert read_message(pipe) is None


def test_no_jobs_are_an_answer_too():
    assert rows_in(answer(message_of_jobs([]))) == []
    assert InThread().rows([]) == []
