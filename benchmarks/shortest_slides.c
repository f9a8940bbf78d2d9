/* Lengths of the shortest solutions of 15-puzzles, by IDA* (Korf, 1985) and walking distance (Takahashi, 2001).

   Reads 16 numbers for each, 0 for the blank; solved is 1 ... 15 0. Writes a length for each.

   The walking distance of rows is how many vertical moves at least bring all tiles into their rows, where tiles of one
   goal row are alike; that of columns likewise. The 24,964 arrangements are numbered, with their distances and what
   moves make of them, before anything is solved. */

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define MOST 24964
#define SLOTS (1 << 18)
#define FOUND -1

typedef struct { int tiles[4][4], blank; } Lines; /* tiles in line i whose goal is line j; the blank's line */

static uint64_t keys[MOST];
static int distance[MOST], after[MOST][2][4], slots[SLOTS], count;
static int board[16];

static uint64_t key_of(const Lines *lines) {
    uint64_t key = lines->blank;
    for (int i = 0; i < 16; i++) key = key << 3 | lines->tiles[i / 4][i % 4];
    return key;
}

static Lines lines_of(uint64_t key) {
    Lines lines;
    for (int i = 15; i >= 0; i--, key >>= 3) lines.tiles[i / 4][i % 4] = key & 7;
    lines.blank = (int)key;
    return lines;
}

/* The number of an arrangement, which gets one if it has none yet. */
static int number_of(const Lines *lines, int steps) {
    uint64_t key = key_of(lines), slot = (key * 0x9E3779B97F4A7C15ULL) >> 46;
    for (; slots[slot] >= 0; slot = (slot + 1) % SLOTS)
        if (keys[slots[slot]] == key) return slots[slot];
    keys[count] = key;
    distance[count] = steps;
    return slots[slot] = count++;
}

static void number_all(void) {
    Lines solved = {{{4, 0, 0, 0}, {0, 4, 0, 0}, {0, 0, 4, 0}, {0, 0, 0, 3}}, 3};
    memset(slots, -1, sizeof slots);
    number_of(&solved, 0);
    for (int at = 0; at < count; at++)
        for (int way = 0; way < 2; way++) /* the blank goes to the line before, or to the one after */
            for (int goal = 0; goal < 4; goal++) {
                Lines lines = lines_of(keys[at]);
                int to = lines.blank + 2 * way - 1;
                if (to < 0 || to > 3 || !lines.tiles[to][goal]) continue;
                lines.tiles[to][goal]--;
                lines.tiles[lines.blank][goal]++;
                lines.blank = to;
                after[at][way][goal] = number_of(&lines, distance[at] + 1);
            }
}

/* FOUND, or the least length above the bound. */
static int search(int blank, int rows, int columns, int steps, int bound, int last) {
    static const int moves[4] = {-4, 4, -1, 1};
    int left = distance[rows] + distance[columns], least = 1000;
    if (steps + left > bound) return steps + left;
    if (!left) return FOUND;
    for (int move = 0; move < 4; move++) {
        int to = blank + moves[move];
        if (move == (last ^ 1) || to < 0 || to > 15 || (move > 1 && to / 4 != blank / 4)) continue;
        int tile = board[to], goal = tile - 1, found;
        board[blank] = tile;
        if (move < 2) found = search(to, after[rows][move][goal / 4], columns, steps + 1, bound, move);
        else found = search(to, rows, after[columns][move - 2][goal % 4], steps + 1, bound, move);
        board[to] = tile;
        if (found == FOUND) return FOUND;
        if (found < least) least = found;
    }
    return least;
}

int main(void) {
    number_all();
    for (;;) {
        Lines rows = {{{0}}, 0}, columns = {{{0}}, 0};
        int blank = 0;
        for (int i = 0; i < 16; i++) {
            if (scanf("%d", &board[i]) != 1) return 0;
            if (!board[i]) blank = i;
            else rows.tiles[i / 4][(board[i] - 1) / 4]++, columns.tiles[i % 4][(board[i] - 1) % 4]++;
        }
        rows.blank = blank / 4, columns.blank = blank % 4;
        int down = number_of(&rows, 0), across = number_of(&columns, 0), bound = distance[down] + distance[across];
        for (int found = bound; found != FOUND; found = search(blank, down, across, 0, bound, 9)) bound = found;
        printf("%d\n", bound);
        fflush(stdout);
    }
}
