"""The names of searches, and what each is. Imports nothing."""

AUTO = "auto"
BY_HEURISTIC = ("beam", "astar", "qstar")
SEARCHES = {
    AUTO: "whichever the world's tables allow, the first that is sure to find shortest plans; solve says which",
    "beam": "the best so many states of each layer, by a learned heuristic",
    "astar": "weighted A*, by a learned heuristic",
    "qstar": "weighted Q*, by a learned heuristic that tells of all actions of a state at once",
    "blind": "A* by the exact distances around the goal alone; plans are shortest",
}
