//! Filters in words: what one wants, and what the stream has instead.

use crate::domain::{Category, HeldBy, Preferences, Stream, text};

/// Entries of a list that are named; the others are counted. Nobody reads more in one sentence.
const NAMED: usize = 5;

/// Longest title or expression that is repeated, in the units of Discord's limits.
const REPEATED: usize = 150;

/// Whether a stream is told of that is on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Told {
    /// It is on.
    Now,
    /// It is over.
    Then,
}

/// Why that filter holds that stream back: a part of a sentence, without a full stop.
pub(super) fn held(by: HeldBy, wanted: &Preferences, stream: &Stream, told: Told) -> String {
    let is = if told == Told::Now { "is" } else { "was" };
    let shown = |text: &str| text::escape_markdown(&text::cut(text, REPEATED));
    let title = match &stream.title {
        Some(title) => format!("the title {is} \u{201c}{}\u{201d}", shown(title)),
        None if stream.is_shown() => format!("there {is} no title"),
        None => "nobody knows the title yet".to_owned(),
    };
    let category = match &stream.category {
        Some(category) => format!("the category {is} {}", shown(&category.name)),
        None if stream.is_shown() => format!("no category {is} set"),
        None => "nobody knows the category yet".to_owned(),
    };
    match by {
        HeldBy::Reruns => format!("it {is} a rerun, and none is announced here"),
        HeldBy::OnlyCategory => match categories(wanted.only_category.as_ref()) {
            Some(list) => format!("{category}, and here only {list} is announced"),
            None => changed(&category),
        },
        HeldBy::NeverCategory => match categories(wanted.never_category.as_ref()) {
            Some(_) if stream.category.is_some() => format!("{category}, which is not announced here"),
            Some(list) => format!("{category}, and {list} is not announced here"),
            None => changed(&category),
        },
        HeldBy::Language => {
            let language = match stream.language.as_deref() {
                Some(language) => format!("the language {is} {}", shown(language)),
                None => format!("no language {is} known"),
            };
            match words(wanted.language.as_ref(), "or") {
                Some(list) => format!("{language}, and here only {list} is announced"),
                None => changed(&language),
            }
        }
        HeldBy::TagsAny => {
            let tags = match words(Some(&stream.tags), "and") {
                Some(list) => format!("it {is} tagged {list}"),
                None => format!("it {is} not tagged"),
            };
            match words(wanted.tags_any.as_ref(), "or") {
                Some(list) => format!("{tags}, and here only what is tagged {list} is announced"),
                None => changed(&tags),
            }
        }
        HeldBy::TagsNone => {
            let tags = match words(Some(&stream.tags), "and") {
                Some(list) => format!("it {is} tagged {list}"),
                None => "nobody knows its tags yet".to_owned(),
            };
            match words(wanted.tags_none.as_ref(), "or") {
                Some(list) => format!("{tags}, and what is tagged {list} is not announced here"),
                None => changed(&tags),
            }
        }
        HeldBy::TitleHas => match words(wanted.title_has.as_ref(), "or") {
            Some(list) => format!("{title}, and here only titles with {list} are announced"),
            None => changed(&title),
        },
        HeldBy::TitleNot => match words(wanted.title_not.as_ref(), "or") {
            Some(list) => format!("{title}, and titles with {list} are not announced here"),
            None => changed(&title),
        },
        HeldBy::TitleRegex => match wanted.title_regex.as_ref().and_then(Option::as_ref) {
            Some(pattern) => {
                format!("{title}, and here only titles that match {} are announced", shown(pattern.as_str()))
            }
            None => changed(&title),
        },
        HeldBy::MinViewers => viewers(wanted.min_viewers, stream, told),
    }
}

fn viewers(least: Option<u64>, stream: &Stream, told: Told) -> String {
    let watching = match (stream.viewers, told) {
        (Some(1), Told::Now) => "1 person watches".to_owned(),
        (Some(viewers), Told::Now) => format!("{} people watch", text::grouped(viewers)),
        (None, Told::Now) => "nobody knows yet how many people watch".to_owned(),
        // What is remembered of it is older than its end.
        (_, Told::Then) => "too few people watched".to_owned(),
    };
    match least {
        Some(least) => format!("{watching}, and here it is announced from {} on", text::grouped(least)),
        None => changed(&watching),
    }
}

/// What is said when the filter is not there any more that held something back.
fn changed(stream: &str) -> String {
    format!("{stream}, and a filter wanted something else that has been changed since")
}

fn categories(list: Option<&Vec<Category>>) -> Option<String> {
    let names: Vec<String> = list?.iter().map(|category| category.name.clone()).collect();
    words(Some(&names), "or")
}

/// A list in words; nothing when there is nothing on it.
fn words(list: Option<&Vec<String>>, and: &str) -> Option<String> {
    let list = list.filter(|list| !list.is_empty())?;
    let mut said: Vec<String> = list.iter().take(NAMED).map(|word| text::escape_markdown(word)).collect();
    if list.len() > NAMED {
        said.push(format!("{} more", list.len() - NAMED));
    }
    let end = said.pop()?;
    Some(if said.is_empty() { end } else { format!("{} {and} {end}", said.join(", ")) })
}
