// A command's options: what they are called, and turning what was typed into values.

import { t } from "./words.js";

export const SUB_COMMAND = 1;
export const SUB_COMMAND_GROUP = 2;
export const STRING = 3;
export const INTEGER = 4;
export const BOOLEAN = 5;
export const USER = 6;
export const CHANNEL = 7;
export const ROLE = 8;
export const MENTIONABLE = 9;
export const NUMBER = 10;
export const ATTACHMENT = 11;

const NESTING = [SUB_COMMAND, SUB_COMMAND_GROUP];
const LONGEST_TEXT = 6000;

/** A value that cannot be sent, with the sentence to show. */
export class Invalid extends Error {}

/** A command in the language of a person's client, as far as the bot has translated it. */
export function localize(node, locale) {
  const description = node.description_localizations?.[locale] ?? node.description;
  const options = node.options?.map((option) => localize(option, locale));
  const choices = node.choices?.map((choice) => ({ ...choice, name: choice.name_localizations?.[locale] ?? choice.name }));
  return { ...node, description, ...(options && { options }), ...(choices && { choices }) };
}

/** Reads `/command option: value option: value`; null where no command begins so. */
export function parseCommand(text, uses) {
  const typed = text.trim().slice(1);
  const fitting = uses.filter(({ name }) => typed === name || typed.startsWith(`${name} `));
  const use = fitting.sort((a, b) => b.name.length - a.name.length)[0];
  if (!use) return null;
  const rest = typed.slice(use.name.length);
  const names = use.options.map((option) => option.name).join("|");
  const parts = names ? rest.split(new RegExp(`(?:^|\\s)(${names}):\\s*`)) : [rest];
  const values = new Map();
  const first = use.options.find((option) => option.required);
  if (parts[0].trim() && first) values.set(first.name, parts[0].trim());
  for (let at = 1; at < parts.length; at += 2) values.set(parts[at], parts[at + 1].trim());
  return { use, values };
}

/** Lists what can be typed after `/`: commands, and each of their sub-commands. */
export function listUses(commands) {
  return commands.flatMap((command) => usesOf(command, command.name, []));
}

function usesOf(node, name, path, command = node) {
  const nested = (node.options ?? []).filter((option) => NESTING.includes(option.type));
  if (nested.length) {
    return nested.flatMap((option) => usesOf(option, `${name} ${option.name}`, [...path, option], command));
  }
  return [{ command, name, path, description: node.description, options: node.options ?? [] }];
}

/** Puts options inside the sub-command they belong to. */
export function nest(use, options) {
  return use.path.reduceRight((inner, { name, type }) => [{ name, type, options: inner }], options);
}

/** The choices an option offers without asking the bot; null where any value may be typed. */
export function fixedChoices(option, state) {
  if (option.choices) return option.choices;
  switch (option.type) {
    case BOOLEAN:
      return [{ name: t("True"), value: true }, { name: t("False"), value: false }];
    case USER:
      return peopleOf(state);
    case ROLE:
      return rolesOf(state);
    case MENTIONABLE:
      return [...peopleOf(state), ...rolesOf(state)];
    case CHANNEL:
      return state.channels.filter((channel) => channel.name).map((channel) => ({ name: `#${channel.name}`, value: channel.id }));
    default:
      return null;
  }
}

function peopleOf(state) {
  return [...state.members.values()].map((member) => ({ name: `@${member.display_name}`, value: member.id }));
}

function rolesOf(state) {
  return state.guild.roles.map((role) => ({ name: `@${role.name.replace(/^@/, "")}`, value: role.id }));
}

/** Reads what was typed for an option; throws `Invalid`. */
export function parseValue(option, text) {
  if (option.type === STRING) return parseText(option, text);
  const number = Number(text.trim().replace(",", "."));
  if (!text.trim() || !Number.isFinite(number)) throw new Invalid(t("Enter a number."));
  if (option.type === INTEGER && !Number.isSafeInteger(number)) throw new Invalid(t("Enter a whole number."));
  const { min_value: least, max_value: most } = option;
  if (least !== undefined && number < least) throw new Invalid(t("Enter a number of {least} or more.", { least }));
  if (most !== undefined && number > most) throw new Invalid(t("Enter a number of {most} or less.", { most }));
  return number;
}

function parseText(option, text) {
  const length = [...text].length;
  const { min_length: least = 0, max_length: most = LONGEST_TEXT } = option;
  if (length < least) throw new Invalid(t("Enter at least {least} characters.", { least }));
  if (length > most) throw new Invalid(t("Enter at most {most} characters; these are {length}.", { most, length }));
  return text;
}
