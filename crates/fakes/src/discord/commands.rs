//! Registered slash commands: the bulk overwrite with its checks, and what the tests may ask about them.

use std::time::Duration;

use serde_json::{Value, json};

use super::Discord;
use super::errors::{Problem, Refusal};
use super::members::Member;
use super::models;
use super::state::{APPLICATION, State};

const COMMANDS: usize = 100;
const OPTIONS: usize = 25;
const CHOICES: usize = 25;
/// Names, descriptions and values of one command together.
const COMMAND_TEXT: usize = 8000;

impl Discord {
    /// The commands that are registered.
    #[must_use]
    pub fn commands(&self) -> Vec<Value> {
        self.shared.state().commands.clone()
    }

    /// How often all commands were overwritten.
    #[must_use]
    pub fn command_puts(&self) -> usize {
        self.shared.state().counts.command_puts
    }

    /// Whether Discord would offer a command to somebody: its default permissions are all granted.
    #[must_use]
    pub fn offers(&self, command: &str, to: &Member) -> bool {
        let state = self.shared.state();
        let root = command.split(' ').next().unwrap_or_default();
        state.commands.iter().find(|known| known["name"] == root).is_some_and(|known| {
            let needed = &known["default_member_permissions"];
            let needed = needed.as_str().and_then(|bits| bits.parse().ok()).unwrap_or(0_u64);
            models::granted(to) & needed == needed
        })
    }
}

pub(super) fn list(state: &State, application: u64) -> Result<Value, Refusal> {
    known(application)?;
    Ok(state.commands.clone().into())
}

/// Replaces all commands; those whose name stays keep their id.
pub(super) fn overwrite(
    state: &mut State,
    application: u64,
    body: &[u8],
    now: Duration,
) -> Result<Value, Refusal> {
    known(application)?;
    let body: Value = serde_json::from_slice(body).map_err(|_| Refusal::bad_json())?;
    let mut problems = Problems::default();
    let commands = body.as_array().ok_or_else(Refusal::bad_json)?;
    problems.check(commands.len() <= COMMANDS, "", "APPLICATION_COMMANDS_MAX_SIZE", "Too many commands.");
    for (index, command) in commands.iter().enumerate() {
        problems.command(&index.to_string(), command);
        let twice = commands[..index].iter().any(|other| other["name"] == command["name"]);
        problems.check(
            !twice,
            &format!("{index}.name"),
            "APPLICATION_COMMANDS_DUPLICATE_NAME",
            "Names must be unique.",
        );
    }
    if !problems.0.is_empty() {
        return Err(Refusal::invalid_form(&problems.0));
    }
    let registered = commands.iter().map(|command| registered(state, command, now)).collect();
    state.commands = registered;
    state.counts.command_puts += 1;
    Ok(state.commands.clone().into())
}

fn known(application: u64) -> Result<(), Refusal> {
    if application == APPLICATION { Ok(()) } else { Err(Refusal::new(404, 10_002, "Unknown Application")) }
}

fn registered(state: &mut State, command: &Value, now: Duration) -> Value {
    let old = state.commands.iter().find(|old| old["name"] == command["name"]).map(|old| old["id"].clone());
    let id = old.unwrap_or_else(|| json!(state.next_id(now).to_string()));
    let mut command = command.clone();
    for (name, value) in [
        ("type", json!(1)),
        ("options", json!([])),
        ("nsfw", json!(false)),
        ("integration_types", json!([0])),
        ("contexts", Value::Null),
        ("default_member_permissions", Value::Null),
    ] {
        if command.get(name).is_none() {
            command[name] = value;
        }
    }
    command["id"] = id;
    command["application_id"] = json!(APPLICATION.to_string());
    command["version"] = json!(state.next_id(now).to_string());
    command
}

#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn check(&mut self, holds: bool, path: &str, code: &'static str, message: &str) {
        if !holds {
            self.0.push(Problem { path: path.to_owned(), code, message: message.to_owned() });
        }
    }

    fn length(&mut self, path: &str, value: &Value, least: usize, most: usize) {
        let length = value.as_str().map_or(0, |text| text.chars().count());
        let message = format!("Must be between {least} and {most} in length.");
        self.check((least..=most).contains(&length), path, "BASE_TYPE_BAD_LENGTH", &message);
    }

    fn command(&mut self, path: &str, command: &Value) {
        if matches!(command["type"].as_u64(), Some(2 | 3)) {
            // Context menu entries have free names and neither description nor options.
            return self.length(&format!("{path}.name"), &command["name"], 1, 32);
        }
        self.name(&format!("{path}.name"), &command["name"]);
        self.length(&format!("{path}.description"), &command["description"], 1, 100);
        let bits = &command["default_member_permissions"];
        let fits = bits.is_null() || bits.as_str().is_some_and(|bits| bits.parse::<u64>().is_ok());
        let place = format!("{path}.default_member_permissions");
        self.check(fits, &place, "BITFIELD_TYPE_INVALID", "Must be a bit set as a string.");
        self.options(path, &command["options"]);
        let sum = text_sum(command);
        self.check(
            sum <= COMMAND_TEXT,
            path,
            "APPLICATION_COMMAND_TOO_LARGE",
            "Command exceeds maximum size (8000)",
        );
    }

    fn name(&mut self, path: &str, name: &Value) {
        let text = name.as_str().unwrap_or_default();
        let spelled = text.chars().all(|char| char.is_alphanumeric() || "-_'".contains(char));
        let fits = (1..=32).contains(&text.chars().count()) && spelled && text == text.to_lowercase();
        self.check(fits, path, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid");
    }

    fn options(&mut self, path: &str, options: &Value) {
        let options = options.as_array().map(Vec::as_slice).unwrap_or_default();
        let path = format!("{path}.options");
        self.check(options.len() <= OPTIONS, &path, "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.");
        let mut optional_before = false;
        for (index, option) in options.iter().enumerate() {
            let path = format!("{path}.{index}");
            self.name(&format!("{path}.name"), &option["name"]);
            self.length(&format!("{path}.description"), &option["description"], 1, 100);
            let kind = option["type"].as_u64();
            let known = kind.is_some_and(|kind| (1..=11).contains(&kind));
            self.check(known, &format!("{path}.type"), "BASE_TYPE_CHOICES", "Unknown option type.");
            let required = option["required"] == true;
            let message = "Required options must be placed before non-required options";
            self.check(
                !(required && optional_before),
                &path,
                "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                message,
            );
            optional_before |= !required;
            let choices = option["choices"].as_array().map_or(0, Vec::len);
            self.check(
                choices <= CHOICES,
                &format!("{path}.choices"),
                "BASE_TYPE_MAX_LENGTH",
                "Must be 25 or fewer.",
            );
            let both = choices > 0 && option["autocomplete"] == true;
            let message = "Choices and autocomplete exclude each other";
            self.check(!both, &path, "APPLICATION_COMMAND_AUTOCOMPLETE_INVALID", message);
            self.options(&path, &option["options"]);
        }
    }
}

/// The characters of a command that count towards its size, without translations.
fn text_sum(value: &Value) -> usize {
    let own = ["name", "description", "value"]
        .map(|name| value[name].as_str().map_or(0, |text| text.chars().count()));
    let nested = ["options", "choices"]
        .map(|name| value[name].as_array().map_or(0, |items| items.iter().map(text_sum).sum()));
    own.iter().sum::<usize>() + nested.iter().sum::<usize>()
}
