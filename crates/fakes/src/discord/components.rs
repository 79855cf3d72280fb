//! Checks the components of a message: rows, buttons and selects, and roughly the newer layout components.

use serde_json::Value;

use super::validate::{Checker, is_url, join};

const ROWS: usize = 5;
const BUTTONS: usize = 5;
const LABEL: usize = 80;
const BUTTON_URL: usize = 512;
const CUSTOM_ID: usize = 100;
const OPTIONS: usize = 25;
/// How many components a message with `IS_COMPONENTS_V2` may have, nested ones included.
const MODERN: usize = 40;
const MODERN_TEXT: usize = 4000;

const ROW: u64 = 1;
const BUTTON: u64 = 2;
pub(super) const SELECTS: [u64; 5] = [3, 5, 6, 7, 8];
const STRING_SELECT: u64 = 3;
const CHANNEL_SELECT: u64 = 8;
const SECTION: u64 = 9;
const TEXT: u64 = 10;
const LAYOUT: [u64; 7] = [ROW, SECTION, TEXT, 12, 13, 14, 17];
const LINK: u64 = 5;
const PREMIUM: u64 = 6;

/// Checks `components`; `modern` is whether the message has the flag for layout components.
pub(super) fn check(checker: &mut Checker, value: Option<&Value>, modern: bool) {
    let rows = checker.list("components", value, if modern { MODERN } else { ROWS });
    let mut tree = Tree::default();
    for (index, component) in rows.iter().enumerate() {
        let path = format!("components.{index}");
        match kind(component) {
            Some(ROW) => tree.row(checker, &path, component),
            Some(kind) if modern && LAYOUT.contains(&kind) => tree.layout(checker, &path, component),
            _ => checker.problem(&path, "UNION_TYPE_CHOICES", "This component cannot stand at the top."),
        }
    }
    if modern {
        if tree.count == 0 {
            checker.problem("components", "BASE_TYPE_REQUIRED", "This field is required");
        }
        if tree.count > MODERN || tree.text > MODERN_TEXT {
            checker.problem(
                "components",
                "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
                "Too much for one message.",
            );
        }
    }
}

fn kind(component: &Value) -> Option<u64> {
    component.get("type").and_then(Value::as_u64)
}

/// What is counted over the whole message.
#[derive(Default)]
struct Tree<'v> {
    ids: Vec<&'v str>,
    count: usize,
    text: usize,
}

impl<'v> Tree<'v> {
    fn row(&mut self, checker: &mut Checker, path: &str, row: &'v Value) {
        self.count += 1;
        let path = join(path, "components");
        let items = checker.list(&path, row.get("components"), BUTTONS);
        if items.is_empty() {
            checker.problem(&path, "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.");
        }
        let buttons = items.iter().filter(|item| kind(item) == Some(BUTTON)).count();
        if buttons != items.len() && items.len() > 1 {
            checker.problem(&path, "COMPONENT_LAYOUT_WIDTH_EXCEEDED", "A select needs a row of its own.");
        }
        for (index, item) in items.iter().enumerate() {
            let path = format!("{path}.{index}");
            self.count += 1;
            match kind(item) {
                Some(BUTTON) => self.button(checker, &path, item),
                Some(kind) if SELECTS.contains(&kind) => select(checker, &path, item, &mut self.ids),
                _ => checker.problem(&path, "UNION_TYPE_CHOICES", "A row holds buttons or a select."),
            }
        }
    }

    fn button(&mut self, checker: &mut Checker, path: &str, button: &'v Value) {
        let style = button.get("style").and_then(Value::as_u64).unwrap_or_default();
        let has = |name: &str| button.get(name).is_some_and(|value| !value.is_null());
        checker.text(&join(path, "label"), button.get("label"), 0, LABEL);
        checker.boolean(&join(path, "disabled"), button.get("disabled"));
        let labelled =
            button.get("label").and_then(Value::as_str).is_some_and(|label| !label.trim().is_empty());
        if style != PREMIUM && !labelled && !has("emoji") {
            checker.problem(
                &join(path, "label"),
                "BUTTON_COMPONENT_INVALID",
                "A label or an emoji is required.",
            );
        }
        if style == LINK {
            let address = join(path, "url");
            checker.required(&address, button.get("url"), BUTTON_URL);
            let url = button.get("url").and_then(Value::as_str).unwrap_or_default();
            if !url.is_empty() && !url.starts_with("discord://") && !is_url(url) {
                checker.problem(
                    &address,
                    "URL_TYPE_INVALID_SCHEME",
                    "Scheme must be one of http, https, discord.",
                );
            }
            if has("custom_id") {
                let message = "A custom id and url cannot both be specified";
                checker.problem(
                    &join(path, "custom_id"),
                    "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
                    message,
                );
            }
        } else if (1..LINK).contains(&style) {
            custom_id(checker, path, button, &mut self.ids);
            if has("url") {
                checker.problem(
                    &join(path, "url"),
                    "BUTTON_COMPONENT_INVALID",
                    "Only link buttons have a url.",
                );
            }
        } else if style != PREMIUM {
            checker.problem(&join(path, "style"), "BASE_TYPE_CHOICES", "Must be one of 1, 2, 3, 4, 5, 6.");
        }
    }

    /// The newer components are only counted and walked through: their own limits are looser than their count.
    fn layout(&mut self, checker: &mut Checker, path: &str, component: &'v Value) {
        self.count += 1;
        if kind(component) == Some(TEXT) {
            self.text += checker.required(&join(path, "content"), component.get("content"), MODERN_TEXT);
        }
        let children = checker.list(&join(path, "components"), component.get("components"), MODERN);
        for (index, child) in children.iter().enumerate() {
            let path = format!("{path}.components.{index}");
            match kind(child) {
                Some(ROW) => self.row(checker, &path, child),
                _ => self.layout(checker, &path, child),
            }
        }
        if let Some(accessory) = component.get("accessory") {
            self.count += 1;
            if kind(accessory) == Some(BUTTON) {
                self.button(checker, &join(path, "accessory"), accessory);
            }
        }
    }
}

/// Checks a select, on a message or in a modal.
pub(super) fn select<'v>(checker: &mut Checker, path: &str, select: &'v Value, ids: &mut Vec<&'v str>) {
    custom_id(checker, path, select, ids);
    checker.text(&join(path, "placeholder"), select.get("placeholder"), 0, 150);
    checker.boolean(&join(path, "disabled"), select.get("disabled"));
    let least = checker.number(&join(path, "min_values"), select.get("min_values"), 0..=OPTIONS, 1);
    let most = checker.number(&join(path, "max_values"), select.get("max_values"), 1..=OPTIONS, 1);
    if least > most {
        checker.problem(&join(path, "min_values"), "NUMBER_TYPE_MAX", "It is more than max_values.");
    }
    let kind = kind(select);
    if kind == Some(STRING_SELECT) {
        options(checker, path, select, most);
    } else {
        let defaults = checker.list(&join(path, "default_values"), select.get("default_values"), most);
        for (index, default) in defaults.iter().enumerate() {
            let path = format!("{path}.default_values.{index}");
            checker.required(&join(&path, "id"), default.get("id"), 20);
            checker.required(&join(&path, "type"), default.get("type"), 10);
        }
    }
    let kinds = checker.list(&join(path, "channel_types"), select.get("channel_types"), OPTIONS);
    if kind != Some(CHANNEL_SELECT) && !kinds.is_empty() {
        let message = "Only a select of channels has types of channels.";
        checker.problem(&join(path, "channel_types"), "UNKNOWN_FIELD", message);
    }
}

fn options(checker: &mut Checker, path: &str, select: &Value, most: usize) {
    let path = join(path, "options");
    let options = checker.list(&path, select.get("options"), OPTIONS);
    if options.is_empty() {
        checker.problem(&path, "BASE_TYPE_REQUIRED", "This field is required");
    } else if options.len() < most {
        let message = format!("Must be between {most} and {OPTIONS} in length.");
        checker.problem(&path, "BASE_TYPE_BAD_LENGTH", &message);
    }
    for (index, option) in options.iter().enumerate() {
        let path = format!("{path}.{index}");
        checker.required(&join(&path, "label"), option.get("label"), 100);
        checker.required(&join(&path, "value"), option.get("value"), 100);
        checker.text(&join(&path, "description"), option.get("description"), 0, 100);
        checker.boolean(&join(&path, "default"), option.get("default"));
        if options[..index].iter().any(|other| other["value"] == option["value"]) {
            let message = "The specified option value is already used";
            checker.problem(&join(&path, "value"), "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED", message);
        }
    }
    if options.iter().filter(|option| option["default"] == true).count() > most {
        checker.problem(&path, "SELECT_COMPONENT_TOO_MANY_DEFAULTS", "More defaults than max_values.");
    }
}

/// Checks that a component has an id of its own.
pub(super) fn custom_id<'v>(checker: &mut Checker, path: &str, component: &'v Value, ids: &mut Vec<&'v str>) {
    let path = join(path, "custom_id");
    checker.required(&path, component.get("custom_id"), CUSTOM_ID);
    if let Some(id) = component.get("custom_id").and_then(Value::as_str) {
        if ids.contains(&id) {
            checker.problem(
                &path,
                "COMPONENT_CUSTOM_ID_DUPLICATED",
                "Component custom id cannot be duplicated",
            );
        }
        ids.push(id);
    }
}
