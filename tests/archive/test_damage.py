"""What can still be had from archives that were damaged."""

from pathlib import Path

import pytest

from bit_transformer.archive import coding, compress
from bit_transformer.archive.container import BLOCK_MARK, END_MARK
from bit_transformer.archive.unpacking import salvage
from bit_transformer.errors import ArchiveError, InputError
from tests.archive.simple_coder import random_bytes

pytestmark = pytest.mark.usefixtures("simple_coder")

LINES = b"".join(b"line %05d of the text\n" % number for number in range(1000))
BLOCK = 4096


@pytest.fixture
def damaged(tmp_path: Path):
    """Makes an archive of three files, and damages it."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.txt").write_bytes(LINES)
    (root / "b.txt").write_bytes(random_bytes(9000))
    (root / "c.txt").write_bytes(b"c" * 10)

    def make(*places: int, cut: int | None = None) -> Path:
        compress(root, block_bytes=BLOCK, force=True)
        whole = bytearray((tmp_path / "root.btz").read_bytes())
        for place in places:
            whole[place] ^= 0x10
        path = tmp_path / "damaged.btz"
        path.write_bytes(whole[:cut])
        return path

    return make


def block_places(path: Path) -> list[int]:
    whole = path.read_bytes()
    places, place = [], whole.find(BLOCK_MARK)
    while place >= 0:
        places.append(place)
        place = whole.find(BLOCK_MARK, place + 1)
    return places


def test_an_intact_archive_is_salvaged_whole(damaged, tmp_path: Path):
    restored = {one.name: one for one in salvage(damaged(), tmp_path / "out")}
    assert all(one.is_complete for one in restored.values())
    assert (tmp_path / "out" / "root" / "a.txt").read_bytes() == LINES
    assert (tmp_path / "out" / "root" / "b.txt").read_bytes() == random_bytes(9000)
    assert (tmp_path / "out" / "root" / "c.txt").read_bytes() == b"c" * 10


@pytest.mark.parametrize("offset", [1, 6, 9, 20, 60, 200])
def test_the_other_blocks_survive_a_damaged_one(damaged, tmp_path: Path, offset: int):
    places = block_places(damaged())
    path = damaged(places[2] + offset)
    restored = {one.name: one for one in salvage(path, tmp_path / "out")}
    broken = restored["root/a.txt"]
    assert broken.ranges == [(0, 2 * BLOCK), (3 * BLOCK, len(LINES))]
    assert broken.path.name == "a.txt.partial"
    kept = broken.path.read_bytes()
    assert kept[: 2 * BLOCK] == LINES[: 2 * BLOCK]
    assert kept[2 * BLOCK : 3 * BLOCK] == bytes(BLOCK)
    assert kept[3 * BLOCK :] == LINES[3 * BLOCK :]
    assert restored["root/b.txt"].is_complete
    assert restored["root/c.txt"].is_complete


def test_a_lost_beginning_is_made_up_for_by_the_end(damaged, tmp_path: Path):
    path = damaged(5)
    assert all(one.is_complete for one in salvage(path, tmp_path / "out"))


def test_a_cut_archive_gives_what_came_before(damaged, tmp_path: Path):
    places = block_places(damaged())
    path = damaged(cut=places[4] + 5)
    (restored,) = salvage(path, tmp_path / "out")
    assert restored.ranges == [(0, 4 * BLOCK)]
    assert not restored.is_complete
    assert restored.path.read_bytes() == LINES[: 4 * BLOCK]


def test_without_beginning_and_end_nothing_can_be_salvaged(damaged, tmp_path: Path):
    path = damaged(5)
    whole = path.read_bytes()
    path.write_bytes(whole[: whole.rfind(END_MARK)])
    with pytest.raises(ArchiveError, match="neither its beginning nor its end"):
        salvage(path, tmp_path / "out")


def test_a_short_archive_is_one_piece(tmp_path: Path):
    path = tmp_path / "s.btz"
    path.write_bytes(compress(LINES))
    with pytest.raises(ArchiveError, match="as a whole or not at all"):
        salvage(path)


def test_nothing_at_all_is_refused(tmp_path: Path):
    (tmp_path / "s.btz").touch()
    with pytest.raises(ArchiveError, match="empty"):
        salvage(tmp_path / "s.btz")


def test_bytes_without_a_name_keep_their_places(tmp_path: Path):
    path = tmp_path / "stream.btz"
    whole = bytearray(compress(LINES, block_bytes=BLOCK))
    path.write_bytes(whole)
    whole[block_places(path)[0] + 40] ^= 1
    path.write_bytes(whole)
    (restored,) = salvage(path)
    assert restored.path == tmp_path / "stream.partial"
    assert restored.path.read_bytes() == bytes(BLOCK) + LINES[BLOCK:]


def test_an_archive_inside_is_not_mistaken_for_the_one_around_it(tmp_path: Path, monkeypatch):
    inner = compress(random_bytes(3 * BLOCK), block_bytes=1024)
    monkeypatch.setattr(coding, "encode_blocks", lambda blocks, *_a, **_o: [b"x" + blocks[0]])
    path = tmp_path / "outer.btz"
    whole = bytearray(compress(inner + bytes(140_000), block_bytes=1 << 20))
    path.write_bytes(whole)
    assert len(block_places(path)) > 5
    whole[block_places(path)[0] + 9] ^= 1
    path.write_bytes(whole)
    assert salvage(path) == []


def test_what_is_there_is_not_replaced(damaged, tmp_path: Path):
    path = damaged(200)
    out = tmp_path / "out"
    salvage(path, out)
    with pytest.raises(InputError, match="exists"):
        salvage(path, out)
    assert salvage(path, out, force=True)


def test_the_right_model_is_needed(tmp_path: Path, model, other_model):
    path = tmp_path / "m.btz"
    path.write_bytes(compress(LINES, block_bytes=BLOCK, model=model))
    assert salvage(path, tmp_path / "right", model=model)
    with pytest.raises(ArchiveError, match="give the right one"):
        salvage(path, tmp_path / "wrong", model=other_model)
