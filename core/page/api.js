// SPDX-License-Identifier: Apache-2.0
// SPDX-FileCopyrightText: 2026 The Serambi authors
//
// Asks the server: JSON there, JSON back, errors as codes that the catalogues know.

const PATIENCE_MILLISECONDS = 20000;

export class ApiError extends Error {
  /** status 0: the server could not be reached. */
  constructor(status, code, message) {
    super(message ?? code);
    this.status = status;
    this.code = code;
  }
}

/** path is below /api/: api('POST', 'queue/tickets', {...}). */
export async function api(method, path, body) {
  let response;
  let answer = null;
  try {
    response = await fetch(`/api/${path}`, {
      method,
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: 'same-origin',
      cache: 'no-store',
      signal: patience(),
    });
    const text = await response.text();
    answer = text ? JSON.parse(text) : null;
  } catch (error) {
    if (!response) throw new ApiError(0, 'error.offline', String(error));
    answer = null;
  }
  if (response.ok) return answer;
  throw new ApiError(response.status, answer?.error?.code ?? `error.${response.status}`,
    answer?.error?.message);
}

function patience() {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), PATIENCE_MILLISECONDS);
  return controller.signal;
}
