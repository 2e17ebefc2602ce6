// The stand-in's HTTP API: what a person sees, and what they do.

import { t } from "./words.js";

/** A refusal, with the sentence to show. */
export class Refused extends Error {}

export async function fetchState(member) {
  const response = await fetch(`/sandbox/state?member=${encodeURIComponent(member)}`);
  return readAnswer(response);
}

export function openEvents(member) {
  return new EventSource(`/sandbox/events?member=${encodeURIComponent(member)}`);
}

/** Sends a command; `files` maps option names to files. */
export const sendCommand = (payload, files) => sendForm("/sandbox/interactions/command", payload, files);

/** Sends a modal; `files` maps custom ids to lists of files. */
export const submitModal = (payload, files) => sendForm("/sandbox/interactions/modal", payload, files);

async function sendForm(address, payload, files) {
  const form = new FormData();
  form.append("payload", JSON.stringify(payload));
  for (const [name, given] of Object.entries(files)) for (const file of [given].flat()) form.append(name, file, file.name);
  return send(address, { body: form });
}

export const fetchChoices = (payload) => sendJson("/sandbox/interactions/autocomplete", payload);
export const pressComponent = (payload) => sendJson("/sandbox/interactions/component", payload);
export const useMessageCommand = (payload) => sendJson("/sandbox/interactions/context", payload);
export const chooseLocale = (payload) => sendJson("/sandbox/locale", payload);
export const postMessage = (payload) => sendJson("/sandbox/messages", payload);

function sendJson(address, payload) {
  return send(address, {
    body: JSON.stringify(payload),
    headers: { "Content-Type": "application/json" },
  });
}

async function send(address, options) {
  let response;
  try {
    response = await fetch(address, { method: "POST", ...options });
  } catch {
    throw new Refused(t("The demo does not answer. Is it still running?"));
  }
  return readAnswer(response);
}

async function readAnswer(response) {
  let answer = null;
  try {
    answer = await response.json();
  } catch {
    answer = null;
  }
  if (!response.ok || answer === null) {
    throw new Refused(answer?.error ?? t("The demo answered with status {status}.", { status: response.status }));
  }
  return answer;
}
