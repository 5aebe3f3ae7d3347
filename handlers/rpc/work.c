#include "handlers/rpc/call.h"

#include "handlers/rpc/rpc.h"
#include "handlers/rpc/message.h"
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

/* A call on its way through a thread: the job's until it is done, and the post's while that is under way.
 *
 *     thread: notify -> notes -> post ---> loop: notes -> client
 *             work ends -> job --------> loop: the rest of the notes, then the answer */
struct passage {
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

static void free_passage(struct passage *passage) {
    posts_leave(passage->posts);
    pthread_mutex_destroy(&passage->lock);
    text_free(&passage->notes);
    json_decref(passage->work.result);
    json_decref(passage->work.asks);
    free(passage->work.text);
    free(passage->token);
    free(passage);
}

/* Hands over what has been noted. */
static void deliver(struct passage *passage) {
    pthread_mutex_lock(&passage->lock);
    struct text notes = passage->notes;
    passage->notes = (struct text){0};
    pthread_mutex_unlock(&passage->lock);
    for (size_t at = 0; at < notes.n && passage->call;) {
        struct span note = span_text(notes.p + at);
        if (note.n > 0)
            rpc_notify(passage->call, note);
        else
            rpc_pause(passage->call);
        at += note.n + 1;
    }
    text_free(&notes);
}

static void noted(struct post *post) {
    struct passage *passage = CONTAINER_OF(post, struct passage, post);
    pthread_mutex_lock(&passage->lock);
    passage->posted = false;
    pthread_mutex_unlock(&passage->lock);
    if (passage->call)
        deliver(passage);
    else
        free_passage(passage);
}

void rpc_work_notify(struct rpc_work *work, struct span text) {
    struct passage *passage = (struct passage *)(void *)work;
    pthread_mutex_lock(&passage->lock);
    text_add(&passage->notes, text);
    text_add(&passage->notes, span_of("", 1));
    bool post = !passage->posted;
    passage->posted = true;
    pthread_mutex_unlock(&passage->lock);
    if (post && !posts_send(passage->posts, &passage->post)) { /* the loop has ended */
        pthread_mutex_lock(&passage->lock);
        passage->posted = false;
        pthread_mutex_unlock(&passage->lock);
    }
}

void rpc_work_pause(struct rpc_work *work) {
    rpc_work_notify(work, span_of("", 0));
}

static void work_in_thread(struct job *job) {
    struct passage *passage = job->call.argument;
    passage->method->work(&passage->work, passage->params);
}

static void answer(struct rpc_call *call, struct passage *passage, int error) {
    struct rpc_work *work = &passage->work;
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
    struct passage *passage = job->call.argument;
    deliver(passage);
    answer(call, passage, job->error);
    pthread_mutex_lock(&passage->lock);
    bool posted = passage->posted;
    passage->call = NULL;
    pthread_mutex_unlock(&passage->lock);
    if (!posted)
        free_passage(passage);
}

static struct passage *new_passage(struct rpc_call *call) {
    struct rpc *rpc = call->batch->rpc;
    struct passage *passage = calloc(1, sizeof(*passage));
    if (!passage)
        return NULL;
    if (!posts_join(rpc->loop->posts)) {
        free(passage);
        return NULL;
    }
    pthread_mutex_init(&passage->lock, NULL);
    passage->posts = rpc->loop->posts;
    passage->post.run = noted;
    passage->method = call->method;
    passage->call = call;
    passage->params = call->params;
    passage->work.context = call->method->context;
    passage->work.answers = call->answers;
    passage->work.level = -1;
    passage->work.called = true;
    const json_t *token = json_object_get(call->meta, "progressToken");
    if (token)
        passage->work.progress = passage->token = json_dumps(token, JSON_COMPACT | JSON_ENCODE_ANY);
    if (rpc->prepare)
        rpc->prepare(call, &passage->work);
    return passage;
}

void rpc_work_start(struct rpc_call *call) {
    struct job *job = rpc_job(call, JOB_CALL, JOB_POOL_HANDLERS);
    struct passage *passage = job ? new_passage(call) : NULL;
    if (!job)
        return;
    if (!passage) {
        offload_release(call->batch->rpc->loop->offload, job);
        rpc_fail(call, STATUS_BUSY, "no memory; try again");
        return;
    }
    passage->work.cancelled = &job->cancelled;
    job->call.run = work_in_thread;
    job->call.argument = passage;
    rpc_submit(call, job, worked);
}
