"""Rules in words read like the rules of the game, and say how often each was seen and contradicted."""

import numpy as np
import pytest
from rules.worlds import world

from pipeline.pictures import rules as pictures
from pipeline.rules.language import HERE, CopyRules, LocalRules, Rule, Somewhere, Test
from pipeline.rules.parts import colours_of, parts_of, tiles_of
from pipeline.rules.words import copy_sentences, cycles_of, local_sentences, place_name, rule_sentence, values_in_words
from pipeline.show.rules import told


def sentences(found) -> list[str]:
    tiles = tiles_of(found.pixels, found.rules)
    return list(local_sentences(found.rules, found.puzzle.actions, values_in_words(tiles)))


def test_sokoban_is_told_as_sokoban():
    lines = sentences(world("sokoban", "tiles", 9000))
    told_of = {line.split(" (seen")[0] for line in lines[lines.index("left:") + 1 : lines.index("right:")]}
    floor, box, player = "v1 (beige)", "v3 (brown)", "v4 (blue and beige)"
    assert told_of == {
        f"  - where this cell is {player} and the cell to the left is {floor}, this cell becomes {floor}",
        f"  - where this cell is {floor} and the cell to the right is {player}, this cell becomes {player}",
        f"  - where this cell is {floor}, the cell to the right is {box} and the cell 2 to the right is {player}, "
        f"this cell becomes {box}",
        f"  - where this cell is {box}, the cell to the left is {floor} and the cell to the right is {player}, "
        f"this cell becomes {player}",
        f"  - where this cell is {player}, the cell to the left is {box} and the cell 2 to the left is {floor}, "
        f"this cell becomes {floor}",
        "  - else a cell stays as it is",
    }
    assert all("never contradicted" in line for line in lines if "where" in line)


def test_a_slide_puzzle_is_told_as_the_blank_that_changes_places():
    lines = [line.split(" (seen")[0] for line in sentences(world("slidepuzzle_3x3", "tiles", 2000))]
    for way, back in (("above", "below"), ("below", "above"), ("to the left", "to the right")):
        blank = "v9 (dark grey)"
        assert f"  - where the cell {back} is {blank}, this cell becomes {blank}" in lines
        where = f"this cell is {blank} and the cell {way} is on the board"
        assert f"  - where {where}, this cell becomes what the cell {way} was" in lines


@pytest.mark.parametrize(("name", "kind"), [("lightsout_4x4", "tiles"), ("lightsout_4x4", "pixels")])
def test_a_press_flips_the_lights_that_it_flips(name, kind):
    found = world(name, kind, 1500)
    parts = parts_of(found.rules, found.pixels)
    for action, line in enumerate(copy_sentences(found.rules, found.puzzle.actions, parts)):
        *first, last = (str(light + 1) for light in np.flatnonzero(found.puzzle.toggles[action]))
        assert line.startswith(f"{found.puzzle.actions[action]}: flips parts {', '.join(first)} and {last}; the other ")


def test_a_turn_of_the_cube_moves_five_cycles_of_four_stickers_that_its_opposite_moves_back():
    found = world("rubikscube", "pixels", 3000)
    parts = parts_of(found.rules, found.pixels)
    assert len(parts) == 48 and {len(bits) for bits in parts.bits} == {4}
    lines = list(copy_sentences(found.rules, found.puzzle.actions, parts))
    cycles = [line.split("moves ")[1].split("; the other 28 parts stay")[0].split(", ") for line in lines]
    assert all(len(of_turn) == 5 and all(cycle.count("→") == 4 for cycle in of_turn) for of_turn in cycles)
    for turn, back in zip(cycles[::2], cycles[1::2]):
        assert sorted(" → ".join(reversed(cycle.split(" → "))) for cycle in turn) == sorted(back)


def test_every_kind_of_test_outcome_and_count_has_its_words():
    tests = (Test((2, -1), None), Test((0, 1), 0), Test(HERE, 3))
    nothing = LocalRules((1, 1, 1), 1, (), (frozenset(),))
    assert rule_sentence(Rule(0, tests, (0, 1), None, 1234, 2), {3: "v3 (red)"}, nothing) == (
        "where this cell is v3 (red), the cell to the right is off the board and the cell 2 below and to the left is "
        "on the board, this cell becomes what the cell to the right was (seen in 1,234 cells, contradicted by 2)"
    )
    comes = Rule(0, (Test(HERE, 1), Test((0, 1), 3), Test((0, -2), 2, (1,))), None, 2, 5, 0, (Somewhere(2, False),))
    assert rule_sentence(comes, {}, LocalRules((1, 4, 3), 1, (), (frozenset(),), 0, (2, 2))) == (
        "where layer 1 of this cell is v1, layer 2 of this cell is v3, layer 1 of the cell to the left is v2 or v1 "
        "and no cell shows v2, layer 1 of this cell becomes v2 (seen in 5 cells, never contradicted)"
    )
    copies = Rule(0, (Test((0, 1), 3), Test((0, 2), 0)), (0, 2), None)
    assert rule_sentence(copies, {}, LocalRules((1, 4, 3), 1, (), (frozenset(),), 0, (2, 2))).startswith(
        "where layer 2 of this cell is v3 and layer 1 of the cell to the right is off the board, layer 1 of this cell"
    )
    assert place_name((-1, 2)) == "the cell above and 2 to the right"
    assert list(local_sentences(nothing, ["wait"], {})) == [
        "wait:", "  - every cell stays as it is",
    ]  # fmt: skip


def test_copies_that_are_no_cycles_opposites_and_what_no_rule_says_have_their_words():
    source, flipped = np.array([[0, 0, 3, 2, -1]]), np.array([[True, False, True, False, False]])
    rules = CopyRules(source, flipped, np.full((1, 5, 2), 3), np.array([[0, 0, 1, 0, 0]]))
    eye = np.eye(5)[:, None, :, None]  # a pixel for each bit
    parts = parts_of(rules, lambda codes: np.tile((codes @ eye.reshape(5, -1)).reshape(-1, 1, 5, 1), 3))
    assert list(copy_sentences(rules, ["act"], parts)) == [
        "act: flips part 1; part 2 becomes what part 1 was; part 3 becomes the opposite of what part 4 was; "
        "part 4 becomes what part 3 was; no rule says what becomes of part 5 (seen in 6 steps, contradicted by 1)"
    ]


def test_cycles_go_from_where_a_part_comes_to_where_it_goes():
    moves = [(2, False), (0, False), (1, False), (3, False), (5, False), (4, False)]  # what is in 0 came from 2
    assert cycles_of(moves) == [[0, 1, 2], [4, 5]]


def test_colours_are_named_and_only_where_they_tell_values_apart():
    red, half = np.full((4, 4, 3), (230, 20, 20), np.uint8), np.zeros((4, 4, 3), np.uint8)
    half[:2] = 255
    assert colours_of(red) == "red" and colours_of(half) == "black and white"
    assert values_in_words(np.stack([red, half, red])) == {1: "v1", 2: "v2 (black and white)", 3: "v3"}


@pytest.mark.parametrize(
    ("name", "kind", "transitions"), [("sokoban", "tiles", 9000), ("lightsout_4x4", "tiles", 1500)]
)
def test_rules_are_told_with_what_is_learned_and_drawn_the_same_each_time(name, kind, transitions, tmp_path):
    found = world(name, kind, transitions)
    text, draw = told(found.rules, True, found.puzzle.actions, found.pixels)
    assert text.startswith("rules: ") and "the whole transition" in text.splitlines()[1]
    for number in (1, 2):
        draw(tmp_path / f"{number}.png")
    assert (tmp_path / "1.png").read_bytes() == (tmp_path / "2.png").read_bytes()


def test_every_kind_of_rule_can_be_drawn(tmp_path):
    tests = (Test((2, -1), None), Test((0, 1), 0), Test(HERE, 4))
    rules = LocalRules((3, 3, 2), 2, (Rule(0, tests, (0, 2), None, 5, 1), Rule(0, (), None, 2)), (frozenset(),) * 2)
    pictures.local_rules(rules, ["act", "wait"], np.zeros((3, 2, 2, 3), np.uint8), tmp_path / "rules.png")
    assert (tmp_path / "rules.png").stat().st_size > 1000
