"""Sokoban's rules on boards worked out by hand and by a slow program; its levels are solvable."""

import numpy as np
import pytest

from pipeline.puzzles import PUZZLES, sokoban

SOKOBAN = PUZZLES["sokoban"]
FLOOR, WALL, BOX, PLAYER = range(4)
SIGNS = ".#$@"  # floor, wall, box, player


def board(rows):
    """Read a state from rows of signs: put into the upper left corner, the rest is wall."""
    cells = np.full((10, 10), WALL, np.uint8)
    for y, row in enumerate(rows.split()):
        cells[y, : len(row)] = [SIGNS.index(sign) for sign in row]
    return cells.reshape(1, 100)


def as_signs(state):
    return "\n".join("".join(SIGNS[cell] for cell in row) for row in state.reshape(10, 10))


def move(states, name):
    return SOKOBAN.step(states, np.full(len(states), SOKOBAN.actions.index(name), np.uint8))


@pytest.fixture(scope="module")
def levels():
    """Give 3,000 levels: the positions to begin from and the solved ones."""
    return SOKOBAN.levels(np.random.default_rng(0), 3000)


HAND_WORKED = {  # what it shows: (the board before, an action, the board after)
    "walk right": ("##### #@..# #####", "right", "##### #.@.# #####"),
    "walk left": ("##### #.@.# #####", "left", "##### #@..# #####"),
    "walk up": ("### #.# #@# ###", "up", "### #@# #.# ###"),
    "walk down": ("### #@# #.# ###", "down", "### #.# #@# ###"),
    "walk into a wall": ("##### #@.$# #####", "left", "##### #@.$# #####"),
    "push right": ("###### #@$..# ######", "right", "###### #.@$.# ######"),
    "push left": ("###### #.$@.# ######", "left", "###### #$@..# ######"),
    "push up": ("### #.# #$# #@# ###", "up", "### #$# #@# #.# ###"),
    "push down": ("### #@# #$# #.# ###", "down", "### #.# #@# #$# ###"),
    "push against a wall": ("##### #.@$# #####", "right", "##### #.@$# #####"),
    "push against an upper wall": ("### #$# #@# ###", "up", "### #$# #@# ###"),
    "push against a second box": ("###### #@$$.# ######", "right", "###### #@$$.# ######"),
    "push down against a second box": ("### #@# #$# #$# #.# ###", "down", "### #@# #$# #$# #.# ###"),
    "leave a box behind": ("###### #$@..# ######", "right", "###### #$.@.# ######"),
    "walk past a box": ("##### #@..# #.$.# #####", "right", "##### #.@.# #.$.# #####"),
    "push between boxes": ("##### #$$.# #@$.# #$..# #####", "right", "##### #$$.# #.@$# #$..# #####"),
    "push into a corner": ("##### #@$.# ##### #####", "right", "##### #.@$# ##### #####"),
}


@pytest.mark.parametrize("case", HAND_WORKED)
def test_boards_worked_out_by_hand(case):
    before, action, after = HAND_WORKED[case]
    assert as_signs(move(board(before), action)) == as_signs(board(after))


def test_the_far_corner_of_the_board_is_safe():
    cells = np.full((10, 10), WALL, np.uint8)
    cells[8, 7], cells[8, 8] = PLAYER, BOX
    state = cells.reshape(1, 100)
    assert np.array_equal(move(state, "right"), state)
    cells[8, 7], cells[7, 8] = FLOOR, PLAYER
    assert np.array_equal(move(state, "down"), state)
    cells[7, 8], cells[8, 8] = FLOOR, PLAYER  # two cells on, the board has ended
    assert np.array_equal(move(state, "right"), state)
    assert np.array_equal(move(state, "down"), state)


def slow_step(state, action):
    """Make one move in plain Python: an independent telling of the rules."""
    grid = [list(row) for row in as_signs(state).split("\n")]
    ((y, x),) = [(y, x) for y in range(10) for x in range(10) if grid[y][x] == "@"]
    dy, dx = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}[action]
    if grid[y + dy][x + dx] == "$" and grid[y + 2 * dy][x + 2 * dx] == ".":
        grid[y + 2 * dy][x + 2 * dx] = "$"
        grid[y + dy][x + dx] = "."
    if grid[y + dy][x + dx] == ".":
        grid[y][x], grid[y + dy][x + dx] = ".", "@"
    return np.array([SIGNS.index(sign) for row in grid for sign in row], np.uint8)


def test_a_slow_program_agrees_on_random_moves(levels):
    rng, states = np.random.default_rng(1), levels[0][:500]
    moved = pushed = 0
    for _ in range(60):  # 30,000 moves
        actions = rng.integers(0, 4, len(states)).astype(np.uint8)
        after = SOKOBAN.step(states, actions)
        for state, action, new in zip(states, actions, after):
            assert np.array_equal(slow_step(state, SOKOBAN.actions[action]), new)
        moved += (after != states).any(axis=1).sum()
        pushed += ((after == BOX) != (states == BOX)).any(axis=1).sum()
        states = after
    assert moved > 10_000
    assert pushed > 1_000


def test_moves_keep_walls_boxes_and_the_one_player(levels):
    rng, before = np.random.default_rng(2), levels[0]
    states = before
    for _ in range(200):
        states = SOKOBAN.step(states, rng.integers(0, 4, len(states)).astype(np.uint8))
    assert np.array_equal(states == WALL, before == WALL)
    assert ((states == BOX).sum(axis=1) == 4).all()
    assert ((states == PLAYER).sum(axis=1) == 1).all()


# The levels.


def test_a_level_has_four_boxes_one_player_and_a_closed_border(levels):
    for positions in levels:
        assert ((positions == BOX).sum(axis=1) == 4).all()
        assert ((positions == PLAYER).sum(axis=1) == 1).all()
        cells = positions.reshape(-1, 10, 10)
        for border in (cells[:, 0], cells[:, -1], cells[:, :, 0], cells[:, :, -1]):
            assert (border == WALL).all()


def test_the_start_and_the_solution_have_the_same_walls(levels):
    start, solved = levels
    assert np.array_equal(start == WALL, solved == WALL)


def test_a_levels_room_is_connected_and_large_enough(levels):
    for state in levels[0]:
        room = set(np.flatnonzero(state != WALL).tolist())
        assert len(room) >= 24
        todo = [min(room)]
        while todo:
            cell = todo.pop()
            if cell in room:
                room.remove(cell)
                todo += [cell - 10, cell + 10, cell - 1, cell + 1]
        assert not room


def test_levels_differ(levels):
    assert len(np.unique(levels[0] == WALL, axis=0)) == len(levels[0])


def test_most_levels_begin_with_a_box_away_from_where_it_ends(levels):
    away = ((levels[0] == BOX) & (levels[1] != BOX)).sum(axis=1)
    assert (away >= 1).mean() > 0.8
    assert set(away) == {0, 1, 2, 3, 4}


def test_start_gives_the_levels_and_solved_their_solutions():
    for where, expected in zip(("anywhere", "solved"), SOKOBAN.levels(np.random.default_rng(4), 50)):
        assert np.array_equal(SOKOBAN.start(np.random.default_rng(4), 50, where), expected)


def test_every_level_is_solved_by_its_backward_moves_in_reverse(monkeypatch):
    # The same levels played back by 0, 1, 2 … moves: each is at most one move behind the one before, so the
    # puzzle's own `step` must lead from the last through all of them to the solution.
    positions, n, pulls = [], 300, sokoban.PULLS
    for k in range(pulls + 1):
        monkeypatch.setattr(sokoban, "PULLS", k)
        start, solved = SOKOBAN.levels(np.random.default_rng(6), n)
        positions.append(start)
    assert np.array_equal(positions[0], solved)
    state = positions[pulls]
    for nearer in reversed(positions[:-1]):
        choices = np.stack([state] + [move(state, name) for name in SOKOBAN.actions])  # (5, n, 100); or to wait
        leads = (choices == nearer).all(axis=2)
        assert leads.any(axis=0).all()
        state = choices[leads.argmax(axis=0), np.arange(n)]
    assert np.array_equal(state, solved)
    assert (positions[pulls] != solved).any(axis=1).mean() > 0.9


def test_a_forward_search_finds_the_solution_of_levels_made_with_few_moves(monkeypatch, breadth_first):
    monkeypatch.setattr(sokoban, "PULLS", 14)
    starts, solutions = SOKOBAN.levels(np.random.default_rng(8), 40)
    for start, solved in zip(starts, solutions):
        found = breadth_first(SOKOBAN, start[None], depth=14)
        assert any((layer == solved).all(axis=1).any() for layer in found)


# The picture.


def test_floor_wall_box_and_player_look_different_at_every_size():
    # A board's picture is made of its cells' pictures, so this makes any two states look different.
    one_kind = np.repeat(np.arange(4, dtype=np.uint8), 100).reshape(4, 100)
    smallest = SOKOBAN.smallest_img_size[0]
    for height in [*range(smallest, 64), 90, 128]:
        for width in [*range(smallest, 64, 3), 90, 128]:
            images = SOKOBAN.render(one_kind, (height, width))
            middle = images[:, height // 2 - height // 10 : height // 2, width // 2 - width // 10 : width // 2]
            assert len({cell.tobytes() for cell in middle}) == 4, (height, width)


def test_a_cell_is_drawn_where_it_lies_and_the_margin_is_grey():
    state = board("##### #@..# #.$.# #####")
    for img_size in ((32, 32), (47, 64), (20, 33)):
        image = SOKOBAN.render(state, img_size)[0]
        high, wide = img_size[0] // 10, img_size[1] // 10
        top, left = (img_size[0] - 10 * high) // 2, (img_size[1] - 10 * wide) // 2
        expected = np.full_like(image, 24)
        for kind in range(4):
            uniform = SOKOBAN.render(np.full((1, 100), kind, np.uint8), img_size)[0]
            for y, x in np.argwhere(state.reshape(10, 10) == kind):
                cell = np.s_[top + y * high : top + (y + 1) * high, left + x * wide : left + (x + 1) * wide]
                expected[cell] = uniform[cell]
        assert np.array_equal(image, expected)
