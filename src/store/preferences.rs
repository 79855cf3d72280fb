//! Preferences in rows: a JSON shape of our own, in which only what is set stands.

use serde::{Deserialize, Serialize};

use super::StoreError;
use super::facts::CategoryRow;
use crate::domain::{ForumTagId, Mention, OnEnd, Pattern, Preferences, Reruns, RoleId, Template};

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct Row {
    /// `nobody`, `here`, `everyone`, or the id of a role.
    #[serde(skip_serializing_if = "Option::is_none")]
    mention: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    color: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preview: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    button: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notify: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    publish: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_end: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forum_tag: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reruns: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    only_category: Option<Vec<CategoryRow>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    never_category: Option<Vec<CategoryRow>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title_has: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title_not: Option<Vec<String>>,
    /// Empty when a watch wants none although its server does.
    #[serde(skip_serializing_if = "Option::is_none")]
    title_regex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags_any: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags_none: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_viewers: Option<u64>,
}

/// The preferences as a row's text; nothing when nothing is set.
pub(super) fn write(preferences: &Preferences) -> Option<String> {
    if *preferences == Preferences::default() {
        return None;
    }
    let set = preferences.clone();
    let categories = |list: Vec<_>| list.into_iter().map(CategoryRow::from).collect();
    let row = Row {
        mention: set.mention.map(|mention| match mention {
            Mention::Nobody => "nobody".to_owned(),
            Mention::Here => "here".to_owned(),
            Mention::Everyone => "everyone".to_owned(),
            Mention::Role(role) => role.to_string(),
        }),
        message: set.message.map(|template| template.as_str().to_owned()),
        color: set.color,
        preview: set.preview,
        button: set.button,
        notify: set.notify,
        publish: set.publish,
        on_end: set.on_end.map(|choice| choice.as_str().to_owned()),
        forum_tag: set.forum_tag.map(ForumTagId::get),
        reruns: set.reruns.map(|choice| choice.as_str().to_owned()),
        only_category: set.only_category.map(categories),
        never_category: set.never_category.map(categories),
        title_has: set.title_has,
        title_not: set.title_not,
        title_regex: set
            .title_regex
            .map(|wanted| wanted.map_or_else(String::new, |pattern| pattern.as_str().to_owned())),
        language: set.language,
        tags_any: set.tags_any,
        tags_none: set.tags_none,
        min_viewers: set.min_viewers,
    };
    serde_json::to_string(&row).ok()
}

/// The preferences of a row's text. What a later version wrote and this one does not understand counts as not set: it is
/// better announced in the usual way than not at all.
pub(super) fn read(text: Option<&str>) -> Result<Preferences, StoreError> {
    let Some(text) = text else { return Ok(Preferences::default()) };
    let row: Row = serde_json::from_str(text).map_err(|_| StoreError::Unreadable("preferences"))?;
    let categories = |list: Vec<CategoryRow>| list.into_iter().map(Into::into).collect();
    Ok(Preferences {
        mention: row.mention.and_then(|mention| match mention.as_str() {
            "nobody" => Some(Mention::Nobody),
            "here" => Some(Mention::Here),
            "everyone" => Some(Mention::Everyone),
            role => role.parse().ok().and_then(RoleId::new).map(Mention::Role),
        }),
        message: row.message.and_then(|source| Template::parse(&source).ok()),
        color: row.color,
        preview: row.preview,
        button: row.button,
        notify: row.notify,
        publish: row.publish,
        on_end: row.on_end.as_deref().and_then(OnEnd::from_word),
        forum_tag: row.forum_tag.and_then(ForumTagId::new),
        reruns: row.reruns.as_deref().and_then(Reruns::from_word),
        only_category: row.only_category.map(categories),
        never_category: row.never_category.map(categories),
        title_has: row.title_has,
        title_not: row.title_not,
        title_regex: row.title_regex.map(|source| (!source.is_empty()).then(|| Pattern::remembered(&source))),
        language: row.language,
        tags_any: row.tags_any,
        tags_none: row.tags_none,
        min_viewers: row.min_viewers,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Category;

    #[test]
    fn what_is_written_is_read_again() {
        let all = Preferences {
            mention: RoleId::new(77).map(Mention::Role),
            message: Template::parse("{streamer} {{!}} {mention}").ok(),
            color: Some(0x12_34_56),
            preview: Some(false),
            button: Some(true),
            notify: Some(false),
            publish: Some(true),
            on_end: Some(OnEnd::Delete),
            forum_tag: ForumTagId::new(5),
            reruns: Some(Reruns::Quiet),
            only_category: Some(vec![Category { id: "7".to_owned(), name: "Celeste".to_owned() }]),
            never_category: Some(Vec::new()),
            title_has: Some(vec!["any%".to_owned()]),
            title_not: Some(vec!["rerun".to_owned()]),
            title_regex: Some(Pattern::parse("a|b").ok()),
            language: Some(vec!["de".to_owned()]),
            tags_any: Some(vec!["Speedrun".to_owned()]),
            tags_none: Some(vec!["Drops".to_owned()]),
            min_viewers: Some(3),
        };
        assert_eq!(read(write(&all).as_deref()).expect("readable"), all);
        let none_wanted = Preferences { title_regex: Some(None), ..Preferences::default() };
        assert_eq!(read(write(&none_wanted).as_deref()).expect("readable"), none_wanted);
        assert_eq!(write(&Preferences::default()), None);
    }

    #[test]
    fn what_is_not_understood_counts_as_not_set() {
        let text =
            r#"{"mention":"somebody","on_end":"frame","message":"{nonsense}","new":1,"min_viewers":3}"#;
        let expected = Preferences { min_viewers: Some(3), ..Preferences::default() };
        assert_eq!(read(Some(text)).expect("readable"), expected);
    }
}
