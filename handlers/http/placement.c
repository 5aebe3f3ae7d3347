#include "handlers/http/placement.h"

static void begin_window(struct placement *placement) {
    placement->calls = placement->slow = 0;
}

bool placement_note(struct placement *placement, int64_t ns, int64_t limit_ns) {
    int64_t bound = placement->workers ? limit_ns / 2 : limit_ns;
    placement->calls++;
    placement->slow += ns > bound;
    bool over = placement->slow > PLACEMENT_SLOW, full = placement->calls == PLACEMENT_WINDOW;
    bool moves = placement->workers ? full && !over : over;
    if (moves)
        placement->workers = !placement->workers;
    if (moves || full)
        begin_window(placement);
    return moves;
}
