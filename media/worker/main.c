/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * serambi-media: finds the job that the command line names and becomes it. */
#include "jobs.h"
#include <glib.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

/* One line per job; the last line ends the table. */
static const Job JOBS[] = {
    {"probe", job_probe, "--input FILE"},
    {"prepare", job_prepare, "--input FILE --output DIR [--seconds N] [--title TEXT]"},
    {"speak", job_speak, "--language id|en|ar --output FILE.wav -- TEXT"},
    {"compose", job_compose, "STORYBOARD --output DIR [--language id]"},
    {"shrink", job_shrink, "--input MASTER --output DIR"},
    {"prove", job_prove, "--input FILE --frames N"},
    {"play", job_play, "--ring FD --control FD"},
    {NULL, NULL, NULL},
};

static void print_usage(FILE *stream)
{
    (void)fprintf(stream, "usage: serambi-media JOB [OPTIONS]\n\njobs:\n");
    for (const Job *job = JOBS; job->name; job++)
        (void)fprintf(stream, "  %s %s\n", job->name, job->usage);
}

int main(int argc, char **argv)
{
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    if (argc >= 2 && strcmp(argv[1], "--help") == 0) {
        print_usage(stdout);
        return 0;
    }
    if (argc >= 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf("serambi-media %s\n", SERAMBI_VERSION);
        return 0;
    }
    for (const Job *job = JOBS; argc >= 2 && job->name; job++)
        if (strcmp(job->name, argv[1]) == 0)
            return job->run(argc - 1, argv + 1);
    print_usage(stderr);
    return 2;
}
