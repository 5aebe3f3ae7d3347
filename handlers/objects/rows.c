#include "handlers/objects/rows.h"

#include "proto/memory_file.h"
#include "reactor/loop.h"
#include "reactor/request.h"

#include <stdlib.h>

#define EACH_TURN 256

FILE *rows_row(struct rows *rows) {
    if (rows->any)
        fputc(',', rows->out);
    rows->any = true;
    return rows->out;
}

static void end(struct rows *rows, struct request *request) {
    if (rows->out) {
        fputc(']', rows->out);
        rows->failed |= fclose(rows->out) != 0;
    }
    if (rows->failed || !request) {
        free(rows->text);
        rows->text = NULL;
    }
    if (request)
        rows->done(request, rows->text, rows->text ? rows->n : 0);
    free(rows);
}

/* Opens the buffer when the task's turn comes: tasks that wait have none. */
static void begin(struct rows *rows) {
    rows->out = memory_file_open(&rows->text, &rows->n);
    rows->failed = !rows->out || fputc('[', rows->out) == EOF;
}

static bool step(struct task *task) {
    struct rows *rows = (struct rows *)(void *)task;
    struct request *request = request_find(rows->loop, rows->request);
    bool more = request != NULL;
    if (more && !rows->out)
        begin(rows);
    for (int i = 0; i < EACH_TURN && more && !rows->failed; i++)
        more = rows->next(rows);
    if (more && !rows->failed)
        return true;
    end(rows, request);
    return false;
}

void rows_start(struct rows *rows, struct request *request, rows_next *next, rows_done *done) {
    if (!rows) {
        done(request, NULL, 0);
        return;
    }
    rows->task.step = step;
    rows->loop = request_loop(request);
    rows->request = request_handle(request);
    rows->next = next;
    rows->done = done;
    tasks_add(&rows->loop->tasks, &rows->task);
}
