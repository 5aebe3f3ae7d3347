#include "handlers/rpc/call.h"

#include "handlers/rpc/message.h"
#include "handlers/rpc/rpc.h"
#include "reactor/container.h"
#include "reactor/loop.h"
#include "reactor/posts.h"

#include <pthread.h>
#include <stdlib.h>

struct job *rpc_job(struct rpc_call *call, enum job_kind kind, enum job_pool pool) {
    struct job *job = offload_job(call->batch->rpc->loop->offload, kind, pool);
    if (!job)
        rpc_fail(call, STATUS_BUSY, "too much work in hand (queue_depth); try again");
    return job;
}

void rpc_submit(struct rpc_call *call, struct job *job, void (*done)(struct job *job)) {
    job->context = call;
    job->done = done;
    call->job = job;
    offload_submit(call->batch->rpc->loop->offload, job);
}

struct rpc_call *rpc_call_of_job(struct job *job) {
    struct rpc_call *call = job->context;
    call->job = NULL;
    return call;
}

void rpc_cancel(struct rpc_call *call) {
    if (call->cancelled)
        return;
    call->cancelled = true;
    call->batch->rpc->stats.rpc_cancelled++;
    if (call->job)
        offload_cancel(call->batch->rpc->loop->offload, call->job);
    else if (call->waiting)
        call->waiting(call);
}

/* The work of a call on a thread: owned by the job until it is done, and by the post while that is on its way.
 *
 *     thread: notify -> notes -> post ---> loop: notes -> client
 *             work ends -> job --------> loop: the rest of the notes, then the answer */
struct running_work {
    struct rpc_work work; /* first */
    struct post post;
    struct posts *posts;
    const struct rpc_method *method;
    struct rpc_call *call; /* NULL: answered */
    json_t *params;
    char *token; /* of work.progress; owned */
    pthread_mutex_t lock;
    struct text notes; /* each one, and a NUL; an empty one: rpc_pause() */
    bool posted;
};

static void free_running(struct running_work *running) {
    posts_leave(running->posts);
    pthread_mutex_destroy(&running->lock);
    text_free(&running->notes);
    json_decref(running->work.result);
    json_decref(running->work.asks);
    free(running->work.text);
    free(running->token);
    free(running);
}

/* Passes on the notes so far. */
static void deliver(struct running_work *running) {
    pthread_mutex_lock(&running->lock);
    struct text notes = running->notes;
    running->notes = (struct text){0};
    pthread_mutex_unlock(&running->lock);
    for (size_t at = 0; at < notes.n && running->call;) {
        struct span note = span_text(notes.p + at);
        if (note.n > 0)
            rpc_notify(running->call, note);
        else
            rpc_pause(running->call);
        at += note.n + 1;
    }
    text_free(&notes);
}

static void noted(struct post *post) {
    struct running_work *running = CONTAINER_OF(post, struct running_work, post);
    pthread_mutex_lock(&running->lock);
    running->posted = false;
    pthread_mutex_unlock(&running->lock);
    if (running->call)
        deliver(running);
    else
        free_running(running);
}

void rpc_work_notify(struct rpc_work *work, struct span text) {
    struct running_work *running = (struct running_work *)(void *)work;
    pthread_mutex_lock(&running->lock);
    size_t before = running->notes.n;
    text_add(&running->notes, text);
    text_add(&running->notes, span_of("", 1));
    text_is_whole(&running->notes, before); /* for one without its end there is no memory: it is lost */
    bool post = !running->posted;
    running->posted = true;
    pthread_mutex_unlock(&running->lock);
    if (post && !posts_send(running->posts, &running->post)) { /* the loop has ended */
        pthread_mutex_lock(&running->lock);
        running->posted = false;
        pthread_mutex_unlock(&running->lock);
    }
}

void rpc_work_pause(struct rpc_work *work) {
    rpc_work_notify(work, span_of("", 0));
}

static void work_in_thread(struct job *job) {
    struct running_work *running = job->call.argument;
    running->method->work(&running->work, running->params);
}

static void answer(struct rpc_call *call, struct running_work *running, int error) {
    struct rpc_work *work = &running->work;
    struct rpc *rpc = call->batch->rpc;
    json_t *asks = work->asks;
    if (error) {
        rpc_fail_errno(call, error);
    } else if (work->code) {
        rpc_error(call, work->code, work->message, NULL);
    } else if (work->status != STATUS_OK) {
        rpc_fail(call, work->status, work->message);
    } else if (work->text) {
        rpc_result_text(call, span_text(work->text));
    } else if (work->result || !asks) {
        rpc_result(call, json_incref(work->result));
    } else if (rpc->ask && !call->cancelled) {
        work->asks = NULL;
        rpc->ask(call, asks);
    } else {
        rpc_error(call, MESSAGE_INTERNAL_ERROR, "the client cannot be asked", NULL);
    }
}

static void worked(struct job *job) {
    struct rpc_call *call = rpc_call_of_job(job);
    struct running_work *running = job->call.argument;
    deliver(running);
    answer(call, running, job->error);
    pthread_mutex_lock(&running->lock);
    bool posted = running->posted;
    running->call = NULL;
    pthread_mutex_unlock(&running->lock);
    if (!posted)
        free_running(running);
}

static struct running_work *new_running(struct rpc_call *call) {
    struct rpc *rpc = call->batch->rpc;
    struct running_work *running = calloc(1, sizeof(*running));
    if (!running)
        return NULL;
    if (!posts_join(rpc->loop->posts)) {
        free(running);
        return NULL;
    }
    pthread_mutex_init(&running->lock, NULL);
    running->posts = rpc->loop->posts;
    running->post.run = noted;
    running->method = call->method;
    running->call = call;
    running->params = call->params;
    running->work.context = call->method->context;
    running->work.answers = call->answers;
    running->work.level = -1;
    running->work.called = true;
    const json_t *token = json_object_get(call->meta, "progressToken");
    if (token)
        running->work.progress = running->token = json_dumps(token, JSON_COMPACT | JSON_ENCODE_ANY);
    if (rpc->prepare)
        rpc->prepare(call, &running->work);
    return running;
}

void rpc_work_start(struct rpc_call *call) {
    struct job *job = rpc_job(call, JOB_CALL, JOB_POOL_HANDLERS);
    struct running_work *running = job ? new_running(call) : NULL;
    if (!job)
        return;
    if (!running) {
        offload_release(call->batch->rpc->loop->offload, job);
        rpc_fail(call, STATUS_BUSY, "no memory; try again");
        return;
    }
    running->work.cancelled = &job->cancelled;
    job->call.run = work_in_thread;
    job->call.argument = running;
    rpc_submit(call, job, worked);
}
