/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * Children and the thread pool. A child is over when it has ended and its pipe is empty; its last
 * callback comes when the last of its handles is closed, so that none can fire afterwards. */
#include "core/jobs.h"
#include "core/limits.h"
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

struct Jobs {
    uv_loop_t *loop;
    JobsOptions options;
    char *worker;
    GQueue waiting; /* Job */
    GHashTable *running;
    guint works; /* in the thread pool */
    uint64_t ended_total, failed_total;
    bool is_closing;
    void (*on_closed)(void *data);
    void *closed_data;
    uv_idle_t farewell; /* so that on_closed never comes from inside jobs_close() */
};

struct Job {
    Jobs *jobs;
    char **argv;
    uv_process_t process;
    uv_pipe_t lines;
    uv_timer_t deadline;
    int handles_open;
    GByteArray *line; /* what has come of the next line */
    char *read_buffer;
    char *message; /* why it failed; the first reason stays */
    bool has_child, has_ended, is_read, is_ending;
    void (*on_line)(const json_t *line, void *data);
    void (*on_exit)(bool ok, const char *message, void *data);
    void *data;
};

typedef struct {
    uv_work_t request;
    Jobs *jobs;
    void (*work)(void *data);
    void (*done)(void *data);
    void *data;
    GDestroyNotify free_data;
} Work;

#define READ_BYTES 65536

static void start_waiting(Jobs *jobs);
static void close_if_over(Jobs *jobs);

/* --- The end of a child --------------------------------------------------------------------------
 */

static void fail(Job *job, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void fail(Job *job, const char *format, ...)
{
    if (job->message)
        return;
    va_list values;
    va_start(values, format);
    job->message = g_strdup_vprintf(format, values);
    va_end(values);
}

static void free_job(Job *job)
{
    g_strfreev(job->argv);
    g_clear_pointer(&job->line, g_byte_array_unref);
    g_free(job->read_buffer);
    g_free(job->message);
    g_free(job);
}

static void on_handle_closed(uv_handle_t *handle)
{
    Job *job = handle->data;
    Jobs *jobs = job->jobs;
    if (--job->handles_open > 0)
        return;
    (void)g_hash_table_remove(jobs->running, job);
    jobs->ended_total++;
    jobs->failed_total += job->message != NULL;
    job->on_exit(job->message == NULL, job->message, job->data);
    free_job(job);
    start_waiting(jobs);
    close_if_over(jobs);
}

static void end_job(Job *job)
{
    if (job->is_ending)
        return;
    job->is_ending = true;
    uv_close((uv_handle_t *)&job->deadline, on_handle_closed);
    if (!job->has_child)
        return;
    uv_close((uv_handle_t *)&job->process, on_handle_closed);
    uv_close((uv_handle_t *)&job->lines, on_handle_closed);
}

static void end_if_over(Job *job)
{
    if (job->has_ended && job->is_read)
        end_job(job);
}

/* The whole group: ffmpeg is a child of our child. */
static void kill_job(Job *job)
{
    if (job->has_child && !job->has_ended && job->process.pid > 0)
        (void)kill(-job->process.pid, SIGKILL);
}

static void on_ended(uv_process_t *process, int64_t status, int signal_number)
{
    Job *job = process->data;
    /* Grandchildren that kept the pipe open go too. */
    (void)kill(-process->pid, SIGKILL);
    job->has_ended = true;
    if (signal_number)
        fail(job, "it was ended by signal %d", signal_number);
    else if (status)
        fail(job, "it ended with status %d", (int)status);
    end_if_over(job);
}

static void on_deadline(uv_timer_t *deadline)
{
    Job *job = deadline->data;
    fail(job, "it took longer than %d seconds", job->jobs->options.seconds);
    kill_job(job);
}

/* --- Lines ---------------------------------------------------------------------------------------
 */

static void take_line(Job *job)
{
    json_error_t reason;
    json_auto_t *line =
        json_loadb((const char *)job->line->data, job->line->len, JSON_REJECT_DUPLICATES, &reason);
    if (json_is_object(line)) {
        if (job->on_line)
            job->on_line(line, job->data);
    } else if (job->line->len > 0) {
        g_log_structured(G_LOG_DOMAIN, G_LOG_LEVEL_MESSAGE, "MESSAGE",
                         "worker '%s': dropping a line that is no JSON object: %.*s", job->argv[1],
                         (int)MIN(job->line->len, 200), (const char *)job->line->data);
    }
    g_byte_array_set_size(job->line, 0);
}

static void take_bytes(Job *job, const char *bytes, size_t size)
{
    while (size > 0) {
        const char *end = memchr(bytes, '\n', size);
        size_t part = end ? (size_t)(end - bytes) : size;
        if (job->line->len + part > LIMIT_JOB_LINE_BYTES) {
            fail(job, "it printed a line of more than %d bytes", LIMIT_JOB_LINE_BYTES);
            g_byte_array_set_size(job->line, 0);
            kill_job(job);
            return;
        }
        g_byte_array_append(job->line, (const guint8 *)bytes, (guint)part);
        if (!end)
            return;
        take_line(job);
        bytes = end + 1;
        size -= part + 1;
    }
}

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *ret_buffer)
{
    Job *job = handle->data;
    *ret_buffer = uv_buf_init(job->read_buffer, READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
    Job *job = stream->data;
    if (size > 0 && !job->message)
        take_bytes(job, buffer->base, (size_t)size);
    if (size >= 0)
        return;
    if (job->line->len > 0 && !job->message)
        take_line(job);
    (void)uv_read_stop(stream);
    job->is_read = true;
    end_if_over(job);
}

/* --- Starting ------------------------------------------------------------------------------------
 */

/* A child sees only what names files of its libraries, and the sanitizers' wishes in tests. */
static char **clean_environment(void)
{
    static const char *const passed[] = {
        "HOME",         "TZ",           "XDG_CACHE_HOME", "GST_REGISTRY", "GST_PLUGIN_PATH",
        "ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS",  "TMPDIR",       NULL,
    };
    GPtrArray *list = g_ptr_array_new();
    g_ptr_array_add(list, g_strdup("PATH=/usr/local/bin:/usr/bin:/bin"));
    g_ptr_array_add(list, g_strdup("LANG=C.UTF-8"));
    for (guint i = 0; passed[i]; i++)
        if (g_getenv(passed[i]))
            g_ptr_array_add(list, g_strconcat(passed[i], "=", g_getenv(passed[i]), NULL));
    g_ptr_array_add(list, NULL);
    return (char **)g_ptr_array_free(list, FALSE);
}

static int spawn(Job *job)
{
    g_auto(GStrv) environment = clean_environment();
    uv_stdio_container_t streams[] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&job->lines},
        {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
    };
    uv_process_options_t options = {
        .file = job->argv[0],
        .args = job->argv,
        .env = environment,
        .exit_cb = on_ended,
        .stdio = streams,
        .stdio_count = G_N_ELEMENTS(streams),
        .flags = UV_PROCESS_DETACHED, /* a group of its own, see kill_job() */
    };
    /* Whatever a library opened without the flag stays with us. */
    (void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    return uv_spawn(job->jobs->loop, &job->process, &options);
}

static void start_job(Job *job)
{
    Jobs *jobs = job->jobs;
    (void)g_hash_table_add(jobs->running, job);
    (void)uv_pipe_init(jobs->loop, &job->lines, 0);
    job->lines.data = job->process.data = job;
    job->has_child = true;
    job->handles_open = 3;
    job->read_buffer = g_malloc(READ_BYTES);
    int code = spawn(job);
    job->process.data = job;
    if (code == 0)
        code = uv_read_start((uv_stream_t *)&job->lines, on_allocate, on_read);
    if (code != 0) {
        fail(job, "could not start '%s': %s", job->argv[0], uv_strerror(code));
        end_job(job);
        return;
    }
    uint64_t milliseconds = (uint64_t)jobs->options.seconds * 1000;
    (void)uv_timer_start(&job->deadline, on_deadline, milliseconds, 0);
}

static void start_waiting(Jobs *jobs)
{
    while (!jobs->is_closing && jobs->waiting.length > 0 &&
           g_hash_table_size(jobs->running) < (guint)jobs->options.parallel)
        start_job(g_queue_pop_head(&jobs->waiting));
}

static char **full_argv(const Jobs *jobs, const char *const *argv)
{
    GPtrArray *list = g_ptr_array_new();
    g_ptr_array_add(list, g_strdup(jobs->worker));
    for (guint i = 0; argv[i]; i++)
        g_ptr_array_add(list, g_strdup(argv[i]));
    g_ptr_array_add(list, NULL);
    return (char **)g_ptr_array_free(list, FALSE);
}

Job *jobs_spawn(Jobs *jobs, const char *const *argv,
                void (*on_line)(const json_t *line, void *data),
                void (*on_exit)(bool ok, const char *message, void *data), void *data)
{
    if (jobs->is_closing || jobs->waiting.length >= LIMIT_JOBS_WAITING)
        return NULL;
    Job *job = g_new0(Job, 1);
    job->jobs = jobs;
    job->argv = full_argv(jobs, argv);
    job->line = g_byte_array_new();
    job->on_line = on_line;
    job->on_exit = on_exit;
    job->data = data;
    (void)uv_timer_init(jobs->loop, &job->deadline);
    job->deadline.data = job;
    g_queue_push_tail(&jobs->waiting, job);
    start_waiting(jobs);
    return job;
}

void jobs_cancel(Job *job)
{
    Jobs *jobs = job->jobs;
    fail(job, "it was cancelled");
    if (job->has_child) {
        kill_job(job);
        return;
    }
    if (!g_queue_remove(&jobs->waiting, job))
        return;
    /* Only its timer is there; on_exit comes when that is closed. */
    (void)g_hash_table_add(jobs->running, job);
    job->handles_open = 1;
    end_job(job);
}

/* --- Threads -------------------------------------------------------------------------------------
 */

static void run_work(uv_work_t *request)
{
    Work *work = request->data;
    work->work(work->data);
}

static void on_worked(uv_work_t *request, int status)
{
    Work *work = request->data;
    Jobs *jobs = work->jobs;
    jobs->works--;
    if (!jobs->is_closing && work->done)
        work->done(work->data);
    if (work->free_data)
        work->free_data(work->data);
    g_free(work);
    close_if_over(jobs);
}

void jobs_run(Jobs *jobs, void (*work)(void *data), void (*done)(void *data), void *data,
              GDestroyNotify free_data)
{
    Work *entry = g_new0(Work, 1);
    entry->jobs = jobs;
    entry->work = work;
    entry->done = done;
    entry->data = data;
    entry->free_data = free_data;
    entry->request.data = entry;
    jobs->works++;
    /* Fails only without a work function. */
    (void)uv_queue_work(jobs->loop, &entry->request, run_work, on_worked);
}

/* --- All of them ---------------------------------------------------------------------------------
 */

Jobs *jobs_new(uv_loop_t *loop, const JobsOptions *options)
{
    Jobs *jobs = g_new0(Jobs, 1);
    jobs->loop = loop;
    jobs->options = *options;
    jobs->options.parallel = MAX(options->parallel, 1);
    jobs->options.seconds = options->seconds > 0 ? options->seconds : LIMIT_JOB_SECONDS;
    jobs->worker = g_strdup(options->worker);
    jobs->running = g_hash_table_new(NULL, NULL);
    return jobs;
}

bool jobs_is_idle(const Jobs *jobs)
{
    return jobs->works == 0 && jobs->waiting.length == 0 && g_hash_table_size(jobs->running) == 0;
}

JobsCounters jobs_counters(const Jobs *jobs)
{
    return (JobsCounters){.ended_total = jobs->ended_total,
                          .failed_total = jobs->failed_total,
                          .running = g_hash_table_size(jobs->running),
                          .waiting = jobs->waiting.length,
                          .works = jobs->works};
}

static void on_farewell_closed(uv_handle_t *handle)
{
    Jobs *jobs = handle->data;
    if (jobs->on_closed)
        jobs->on_closed(jobs->closed_data);
    g_hash_table_unref(jobs->running);
    g_free(jobs->worker);
    g_free(jobs);
}

static void close_if_over(Jobs *jobs)
{
    if (!jobs->is_closing || !jobs_is_idle(jobs) || uv_is_closing((uv_handle_t *)&jobs->farewell))
        return;
    uv_close((uv_handle_t *)&jobs->farewell, on_farewell_closed);
}

void jobs_close(Jobs *jobs, void (*on_closed)(void *data), void *data)
{
    jobs->is_closing = true;
    jobs->on_closed = on_closed;
    jobs->closed_data = data;
    (void)uv_idle_init(jobs->loop, &jobs->farewell);
    jobs->farewell.data = jobs;
    Job *job;
    while ((job = g_queue_peek_head(&jobs->waiting)))
        jobs_cancel(job);
    g_autoptr(GList) running = g_hash_table_get_keys(jobs->running);
    for (GList *item = running; item; item = item->next)
        jobs_cancel(item->data);
    close_if_over(jobs);
}
