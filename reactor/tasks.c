#include "reactor/tasks.h"

void tasks_step(struct tasks *tasks) {
    struct task *task = TAILQ_FIRST(tasks);
    if (!task)
        return;
    TAILQ_REMOVE(tasks, task, link);
    if (task->step(task))
        TAILQ_INSERT_HEAD(tasks, task, link);
}

void tasks_finish(struct tasks *tasks) {
    while (!TAILQ_EMPTY(tasks))
        tasks_step(tasks);
}
