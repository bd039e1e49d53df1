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
