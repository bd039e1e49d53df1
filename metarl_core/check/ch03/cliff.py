"""The cliff of the exercise, apart from the notebook's own code: tables are played with exploration."""

import numpy as np

ROWS, COLUMNS, START, GOAL, LIMIT = 4, 12, 36, 47, 500
MOVES = ((-1, 0), (0, 1), (1, 0), (0, -1))  # up, right, down, left


def _next_cells():
    cells, rewards = np.zeros((ROWS * COLUMNS, 4), dtype=int), np.full((ROWS * COLUMNS, 4), -1.0)
    for cell in range(ROWS * COLUMNS):
        for action, (down, right) in enumerate(MOVES):
            row = min(max(cell // COLUMNS + down, 0), ROWS - 1)
            column = min(max(cell % COLUMNS + right, 0), COLUMNS - 1)
            if row == ROWS - 1 and 0 < column < COLUMNS - 1:
                cells[cell, action], rewards[cell, action] = START, -100.0
            else:
                cells[cell, action] = row * COLUMNS + column
    return cells, rewards


NEXT, REWARD = _next_cells()


def play(tables, episodes, epsilon, seed):
    """Returns `[agent, episode]` of ε-greedy agents with the values `[agent, cell, action]`."""
    random = np.random.default_rng(seed)
    agents = np.repeat(np.arange(len(tables)), episodes)
    best = tables.argmax(-1)
    cell, total, going = np.full(len(agents), START), np.zeros(len(agents)), np.ones(len(agents), dtype=bool)
    for _ in range(LIMIT):
        explores = random.random(len(agents)) < epsilon
        action = np.where(explores, random.integers(4, size=len(agents)), best[agents, cell])
        total += np.where(going, REWARD[cell, action], 0.0)
        cell = NEXT[cell, action]
        going &= cell != GOAL
        if not going.any():
            break
    return total.reshape(len(tables), episodes)


def epsilon_of(table):
    """The ε of equation (1) that the values `[cell, action]` fit best along their own greedy path; NaN for no path.

    At a fixed point Q(s, a) = r + max − ε (max − mean) of the values at s', which is linear in ε.
    """
    cell, pairs = START, set()
    while cell != GOAL and len(pairs) < ROWS * COLUMNS:
        action = int(table[cell].argmax())
        if (cell, action) in pairs:
            break
        pairs.add((cell, action))
        cell = int(NEXT[cell, action])
    steps = [(s, a, NEXT[s, a]) for s, a in pairs if NEXT[s, a] != GOAL]
    gap = np.array([table[f].max() - table[f].mean() for _, _, f in steps])
    lost = np.array([REWARD[s, a] + table[f].max() - table[s, a] for s, a, f in steps])
    scale = float(np.sum(gap**2))
    return float(np.sum(gap * lost)) / scale if scale > 0 else float("nan")
