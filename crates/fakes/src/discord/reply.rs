//! What a user sees as the answer to an interaction, in a form tests can read. Decides nothing.

use serde_json::Value;

/// The final answer to an interaction.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The type of the first response: 4 message, 5 or 6 deferred, 7 update, 8 choices, 9 modal.
    pub kind: u64,
    /// Whether only the user sees it.
    pub ephemeral: bool,
    /// The text.
    pub content: String,
    /// The embeds.
    pub embeds: Vec<Value>,
    /// The rows of buttons and selects.
    pub components: Vec<Value>,
    /// The choices of an autocompletion: name and value.
    pub choices: Vec<(String, String)>,
    /// The message with its id; for choices and modals, the data as it was sent.
    pub raw: Value,
}

impl Reply {
    pub(super) fn new(kind: u64, ephemeral: bool, raw: Value) -> Self {
        let list = |name: &str| raw[name].as_array().cloned().unwrap_or_default();
        Self {
            kind,
            ephemeral,
            content: raw["content"].as_str().unwrap_or_default().to_owned(),
            embeds: list("embeds"),
            components: list("components"),
            choices: list("choices")
                .iter()
                .map(|choice| (plain(&choice["name"]), plain(&choice["value"])))
                .collect(),
            raw,
        }
    }

    /// Everything readable: the content, every text of every embed, and text components, a line each.
    #[must_use]
    pub fn text(&self) -> String {
        let mut lines = vec![self.content.clone()];
        for embed in &self.embeds {
            lines.extend([
                plain(&embed["author"]["name"]),
                plain(&embed["title"]),
                plain(&embed["description"]),
            ]);
            for field in embed["fields"].as_array().into_iter().flatten() {
                lines.push(format!("{}: {}", plain(&field["name"]), plain(&field["value"])));
            }
            lines.push(plain(&embed["footer"]["text"]));
        }
        for component in &self.components {
            texts(component, &mut lines);
        }
        lines.retain(|line| !line.is_empty());
        lines.join("\n")
    }

    /// The labels of all buttons, in order.
    #[must_use]
    pub fn buttons(&self) -> Vec<String> {
        let items = |row: &Value| row["components"].as_array().cloned().unwrap_or_default();
        let buttons = self.components.iter().flat_map(items).filter(|item| item["type"] == 2);
        buttons.map(|button| plain(&button["label"])).collect()
    }

    /// The custom id of the button with this label.
    #[must_use]
    pub fn custom_id(&self, label: &str) -> Option<String> {
        let items = self.components.iter().filter_map(|row| row["components"].as_array()).flatten();
        items
            .filter(|item| item["label"] == label)
            .find_map(|item| item["custom_id"].as_str().map(str::to_owned))
    }
}

fn texts(component: &Value, lines: &mut Vec<String>) {
    if component["type"] == 10 {
        lines.push(plain(&component["content"]));
    }
    for child in component["components"].as_array().into_iter().flatten() {
        texts(child, lines);
    }
}

/// A value as a person reads it.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
