//! Modals: what one may look like, and people filling it in. That a modal may be an answer at all is decided in `answers`.

use serde_json::{Map, Value, json};

use super::errors::Problem;
use super::interactions::{Content, Interaction, MODAL_SUBMIT, Place};
use super::members::Member;
use super::pressing::choose;
use super::resolved::Resolved;
use super::state::State;
use super::validate::{Checker, join, length};
use super::{Discord, Reply, components};

const TITLE: usize = 45;
const CUSTOM_ID: usize = 100;
const ROWS: usize = 5;
const LABEL: usize = 45;
const DESCRIPTION: usize = 100;
const PLACEHOLDER: usize = 100;
/// The longest text of a text input.
const VALUE: usize = 4000;

const ROW: u64 = 1;
const TEXT_INPUT: u64 = 4;
const TEXT: u64 = 10;
const LABELLED: u64 = 18;
/// File upload, radio group, checkbox group and checkbox: they may stand in a modal, but nobody fills them in here.
const OTHERS: [u64; 4] = [19, 21, 22, 23];
const INPUT: &[&str] = &[
    "type",
    "id",
    "custom_id",
    "style",
    "label",
    "min_length",
    "max_length",
    "required",
    "value",
    "placeholder",
];

/// The type of the answer that is a modal.
pub(super) const MODAL: u64 = 9;

impl Reply {
    /// Whether the answer is a modal, to be filled in with [`Discord::submit`].
    #[must_use]
    pub fn is_modal(&self) -> bool {
        self.kind == MODAL
    }

    /// The title of a modal; empty for any other answer.
    #[must_use]
    pub fn title(&self) -> &str {
        self.raw["title"].as_str().filter(|_| self.is_modal()).unwrap_or_default()
    }

    /// An input of a modal as it was sent.
    #[must_use]
    pub fn input(&self, custom_id: &str) -> Option<&Value> {
        inputs(&self.raw).find(|input| input["custom_id"] == custom_id)
    }
}

impl Discord {
    /// Somebody fills in a modal and sends it off. `values` maps the custom ids of inputs to a text, or of selects to a
    /// list of values; what is not there stays as the modal had it.
    ///
    /// # Panics
    /// If the answer is no modal, has no such inputs, or its own rules would not let this be sent.
    #[expect(clippy::unused_async, reason = "used side by side with the other interactions")]
    pub async fn submit(
        &self,
        by: &Member,
        guild: u64,
        channel: u64,
        modal: &Reply,
        values: Value,
    ) -> Interaction {
        assert!(modal.is_modal(), "this is no modal: {modal:?}");
        let place = Place { by, guild, channel };
        let none = Map::new();
        let values = values.as_object().unwrap_or(&none);
        for name in values.keys() {
            assert!(modal.input(name).is_some(), "the modal has no input {name}: {}", modal.raw);
        }
        let what = format!("the modal {}", modal.title());
        self.interact_with(MODAL_SUBMIT, place, what, |state, now| {
            let mut resolved = Resolved::new(state, &place, now);
            let mut number = 0;
            let rows = modal.raw["components"].as_array().into_iter().flatten();
            let rows: Vec<_> =
                rows.map(|row| filled(state, row, values, &mut resolved, &mut number)).collect();
            let mut data = json!({"custom_id": modal.raw["custom_id"], "components": rows});
            resolved.fill(&mut data);
            Content { data, message: opened_on(state, modal) }
        })
    }
}

/// The message whose component opened a modal; none if a command did.
fn opened_on(state: &State, modal: &Reply) -> Option<Value> {
    let opened = |pending: &&super::interactions::Pending| {
        pending.reply.as_ref().is_some_and(|reply| reply.is_modal() && reply.raw == modal.raw)
    };
    let pending = state.interactions.values().rev().find(opened)?;
    Some(pending.original.clone()).filter(|message| !message.is_null())
}

/// The inputs of a modal, in rows and in labels.
fn inputs(modal: &Value) -> impl Iterator<Item = &Value> {
    let rows = modal["components"].as_array().into_iter().flatten();
    rows.flat_map(|row| row["components"].as_array().into_iter().flatten().chain(row.get("component")))
}

/// A row or a label as it is sent off.
fn filled(
    state: &State,
    row: &Value,
    values: &Map<String, Value>,
    resolved: &mut Resolved<'_>,
    number: &mut u64,
) -> Value {
    *number += 1;
    let mut sent =
        json!({"type": row["type"], "id": row.get("id").cloned().unwrap_or_else(|| json!(*number))});
    let mut fill = |input: &Value| {
        *number += 1;
        let id = input.get("id").cloned().unwrap_or_else(|| json!(*number));
        let mut sent = json!({"type": input["type"], "id": id, "custom_id": input["custom_id"]});
        let given = input["custom_id"].as_str().and_then(|id| values.get(id));
        if input["type"] == TEXT_INPUT {
            sent["value"] = json!(typed(input, given));
        } else {
            let chosen: Vec<_> = given.and_then(Value::as_array).into_iter().flatten().collect();
            let chosen: Vec<_> = chosen.iter().filter_map(|value| value.as_str()).collect();
            // A select that need not be answered may be left empty, whatever its least number.
            if !chosen.is_empty() || input["required"] != false {
                choose(state, input, &chosen, resolved);
            }
            sent["values"] = json!(chosen);
        }
        sent
    };
    if let Some(inputs) = row["components"].as_array() {
        sent["components"] = inputs.iter().map(fill).collect();
    } else if let Some(input) = row.get("component") {
        sent["component"] = fill(input);
    }
    sent
}

/// What is in a text input when it is sent off.
fn typed(input: &Value, given: Option<&Value>) -> String {
    let text = given.or(input.get("value")).and_then(Value::as_str).unwrap_or_default();
    let (name, count) = (&input["custom_id"], text.chars().count());
    let number = |name: &str, otherwise: usize| {
        input[name].as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or(otherwise)
    };
    assert!(!text.is_empty() || input["required"] == false, "the input {name} is required");
    let allowed = number("min_length", 0)..=number("max_length", VALUE);
    assert!(text.is_empty() || allowed.contains(&count), "{name} takes {allowed:?} characters, not {count}");
    text.to_owned()
}

/// Everything that is wrong with a modal.
pub(super) fn problems(data: &Value) -> Vec<Problem> {
    let mut checker = Checker::default();
    if let Some(fields) = data.as_object() {
        checker.known("", fields, &["title", "custom_id", "components"]);
    }
    checker.required("title", data.get("title"), TITLE);
    checker.required("custom_id", data.get("custom_id"), CUSTOM_ID);
    let rows = checker.list("components", data.get("components"), ROWS);
    if rows.is_empty() {
        checker.problem("components", "BASE_TYPE_REQUIRED", "This field is required");
    }
    let mut ids = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        let path = format!("components.{index}");
        match row["type"].as_u64() {
            Some(ROW) => in_row(&mut checker, &path, row, &mut ids),
            Some(LABELLED) => in_label(&mut checker, &path, row, &mut ids),
            Some(TEXT) => {
                checker.required(&join(&path, "content"), row.get("content"), VALUE);
            }
            _ => checker.problem(&path, "UNION_TYPE_CHOICES", "This component cannot stand in a modal."),
        }
    }
    checker.found
}

fn in_row<'v>(checker: &mut Checker, path: &str, row: &'v Value, ids: &mut Vec<&'v str>) {
    let path = join(path, "components");
    let inputs = checker.list(&path, row.get("components"), 1);
    if inputs.is_empty() {
        checker.problem(&path, "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 1 in length.");
    }
    for (index, input) in inputs.iter().enumerate() {
        let path = format!("{path}.{index}");
        if input["type"] == TEXT_INPUT {
            text_input(checker, &path, input, ids);
            checker.required(&join(&path, "label"), input.get("label"), LABEL);
        } else {
            checker.problem(&path, "UNION_TYPE_CHOICES", "A row of a modal holds a text input.");
        }
    }
}

fn in_label<'v>(checker: &mut Checker, path: &str, label: &'v Value, ids: &mut Vec<&'v str>) {
    if let Some(fields) = label.as_object() {
        checker.known(path, fields, &["type", "id", "label", "description", "component"]);
    }
    checker.required(&join(path, "label"), label.get("label"), LABEL);
    checker.text(&join(path, "description"), label.get("description"), 0, DESCRIPTION);
    let path = join(path, "component");
    let input = &label["component"];
    match input["type"].as_u64() {
        Some(TEXT_INPUT) => {
            text_input(checker, &path, input, ids);
            if input.get("label").is_some_and(|label| !label.is_null()) {
                let message = "The label around it is its label.";
                checker.problem(&join(&path, "label"), "COMPONENT_LABEL_NOT_ALLOWED", message);
            }
        }
        Some(kind) if components::SELECTS.contains(&kind) => components::select(checker, &path, input, ids),
        Some(kind) if OTHERS.contains(&kind) => components::custom_id(checker, &path, input, ids),
        _ => checker.problem(&path, "UNION_TYPE_CHOICES", "This component cannot stand in a label."),
    }
}

fn text_input<'v>(checker: &mut Checker, path: &str, input: &'v Value, ids: &mut Vec<&'v str>) {
    if let Some(fields) = input.as_object() {
        checker.known(path, fields, INPUT);
    }
    components::custom_id(checker, path, input, ids);
    if !matches!(input["style"].as_u64(), Some(1 | 2)) {
        checker.problem(&join(path, "style"), "BASE_TYPE_CHOICES", "Must be one of 1, 2.");
    }
    checker.boolean(&join(path, "required"), input.get("required"));
    checker.text(&join(path, "placeholder"), input.get("placeholder"), 0, PLACEHOLDER);
    let least = checker.number(&join(path, "min_length"), input.get("min_length"), 0..=VALUE, 0);
    let most = checker.number(&join(path, "max_length"), input.get("max_length"), 1..=VALUE, VALUE);
    if least > most {
        checker.problem(&join(path, "min_length"), "NUMBER_TYPE_MAX", "It is more than max_length.");
    }
    checker.text(&join(path, "value"), input.get("value"), 0, VALUE);
    let prefilled = input["value"].as_str().map_or(0, length);
    if prefilled > most {
        let message = format!("Must be {most} or fewer in length.");
        checker.problem(&join(path, "value"), "BASE_TYPE_MAX_LENGTH", &message);
    }
}
