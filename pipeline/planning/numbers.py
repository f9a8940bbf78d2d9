"""A set of 64-bit numbers that stand for states, a hash table on whole arrays."""

import numpy as np

FIRST_SIZE = 2**12
FREE = np.uint64(0)


class Numbers:
    """Numbers (N,) uint64, each with its place: the how-manyth it was. 0 counts as 1.

    Open addressing: all numbers of a batch look at their slot at once, and those whose slot holds another go on to the
    next.
    """

    def __init__(self):
        self.count = 0
        self._make(FIRST_SIZE)

    def __len__(self) -> int:
        return self.count

    def add(self, numbers: np.ndarray) -> np.ndarray:
        """Add numbers (N,) uint64; tells which are new, (N,) bool, of equal ones a single one."""
        while 2 * (self.count + len(numbers)) > len(self.held):
            self._grow()
        is_new = self._put(numbers, None)
        self.count += int(is_new.sum())
        return is_new

    def find(self, numbers: np.ndarray) -> np.ndarray:
        """Give the places (N,) int32 of numbers (N,) uint64; -1 where one isn't held."""
        numbers = np.maximum(numbers, np.uint64(1))
        places, waiting, slots = np.full(len(numbers), -1, np.int32), np.arange(len(numbers)), self._slots(numbers)
        while len(waiting):
            held = self.held[slots]
            same = held == numbers[waiting]
            places[waiting[same]] = self.places[slots[same]]
            goes_on = ~same & (held != FREE)
            waiting, slots = waiting[goes_on], (slots[goes_on] + 1) & self.last
        return places

    def _put(self, numbers: np.ndarray, places: np.ndarray | None) -> np.ndarray:
        """Write numbers that aren't held yet; tells which these are."""
        numbers = np.maximum(numbers, np.uint64(1))
        is_new, waiting, slots = np.zeros(len(numbers), bool), np.arange(len(numbers)), self._slots(numbers)
        own = slots.copy()
        while len(waiting):
            free = np.flatnonzero(self.held[slots] == FREE)
            wanted, claims = slots[free], waiting[free].astype(np.int32)
            self.places[wanted] = claims  # of several that want a slot one gets it
            won = free[self.places[wanted] == claims]
            self.held[slots[won]] = numbers[waiting[won]]
            is_new[waiting[won]], own[waiting[won]] = True, slots[won]
            goes_on = self.held[slots] != numbers[waiting]
            waiting, slots = waiting[goes_on], (slots[goes_on] + 1) & self.last
        new = np.flatnonzero(is_new)
        self.places[own[new]] = np.arange(self.count, self.count + len(new)) if places is None else places[new]
        return is_new

    def _make(self, size: int):
        self.held, self.places = np.zeros(size, np.uint64), np.full(size, -1, np.int32)
        self.last, self.shift = size - 1, np.uint64(64 - (size.bit_length() - 1))

    def _grow(self):
        used = np.flatnonzero(self.held)
        held, places = self.held[used], self.places[used]
        self._make(4 * len(self.held))
        self._put(held, places)

    def _slots(self, numbers: np.ndarray) -> np.ndarray:
        mixed = numbers * np.uint64(0x9E3779B97F4A7C15)  # Fibonacci hashing: the upper bits depend on all
        return (mixed >> self.shift).astype(np.int64)
