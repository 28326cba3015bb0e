/* SPDX-License-Identifier: Apache-2.0
 * SPDX-FileCopyrightText: 2026 The Serambi authors
 *
 * The words that a deck and its worker exchange.
 *
 * The control line is a SOCK_SEQPACKET pair: one packet is one JSON object on one line.
 *
 *   deck -> worker   {"cue":{"clip":7}}       with the open file as SCM_RIGHTS; replaces the clip
 *                    {"stop":{}}
 *   worker -> deck   {"hello":{"version":2,"layers":127}}                  once, inside the jail
 *                    {"stopped":{}}                                        answers stop
 *                    {"opened":{"clip":7}}                                 answers cue, see below
 *                    {"ready":{"clip":7,"width":1920,"height":1080,"fps_n":25,"fps_d":1,
 *                              "has_video":true,"has_audio":true}}         four frames, or all
 *                    {"ended":{"clip":7,"frames":250,"samples":480000,"corrupted":0}}
 *                    {"failed":{"clip":7,"code":"not_media","message":"..."}}
 *
 * Each command has its answer, in order, and it comes when the clip before is gone: until a clip is
 * opened, whatever goes wrong is not its fault.
 *
 * The end of the line, on either side, ends the worker. */
#pragma once

#define PLAY_VERSION      2
#define PLAY_MESSAGE_MAX  4096 /* bytes of a packet */
#define PLAY_READY_FRAMES 4    /* pictures that must be decoded before a clip may go on air */
