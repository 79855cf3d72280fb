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
const SELECTS: [u64; 5] = [3, 5, 6, 7, 8];
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
                Some(kind) if SELECTS.contains(&kind) => self.select(checker, &path, item),
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
            self.custom_id(checker, path, button);
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

    fn select(&mut self, checker: &mut Checker, path: &str, select: &'v Value) {
        self.custom_id(checker, path, select);
        checker.text(&join(path, "placeholder"), select.get("placeholder"), 0, 150);
        let options = checker.list(&join(path, "options"), select.get("options"), OPTIONS);
        if options.is_empty() && kind(select) == Some(3) {
            checker.problem(&join(path, "options"), "BASE_TYPE_REQUIRED", "This field is required");
        }
        for (index, option) in options.iter().enumerate() {
            let path = format!("{path}.options.{index}");
            checker.required(&join(&path, "label"), option.get("label"), 100);
            checker.required(&join(&path, "value"), option.get("value"), 100);
            checker.text(&join(&path, "description"), option.get("description"), 0, 100);
        }
    }

    fn custom_id(&mut self, checker: &mut Checker, path: &str, component: &'v Value) {
        let path = join(path, "custom_id");
        checker.required(&path, component.get("custom_id"), CUSTOM_ID);
        if let Some(id) = component.get("custom_id").and_then(Value::as_str) {
            if self.ids.contains(&id) {
                checker.problem(
                    &path,
                    "COMPONENT_CUSTOM_ID_DUPLICATED",
                    "Component custom id cannot be duplicated",
                );
            }
            self.ids.push(id);
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
