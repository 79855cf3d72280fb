//! Preferences in words: what counts for a server or a streamer, and whether that is set there or taken over.

use super::options::{on_end_words, reruns_words};
use super::reply;
use crate::control::{Giving, Preferred, Setting};
use crate::domain::{Category, Mention, Permission, Permissions, Preferences, Refusal, Reruns, text};
use crate::render;

/// Longest list or text in a line of an answer; the whole stands in the panel's forms.
const LONGEST: usize = 150;

/// Longest list of what is set, in the units of Discord's limits: what has no room stands in the forms. With what is wrong and
/// what filters would do, all of it stays below the limits of a message.
pub(super) const MOST_SET: usize = 1_900;

/// Longest list of what is wrong.
pub(super) const MOST_WRONG: usize = 1_700;

/// What counts, a line for each thing that is not as usual; the channel and the mention always.
pub(super) fn lines(preferred: &Preferred) -> Vec<String> {
    let Preferred { channel, has_own_channel, own, counts, streamer, .. } = preferred;
    let is_streamer = streamer.is_some();
    // What a streamer's announcements have from the server is told apart from what was chosen for them.
    let mark = |is_own: bool| if is_streamer && is_own { " (own)" } else { "" };
    let place = channel.map_or_else(|| "none".to_owned(), |channel| format!("<#{channel}>"));
    let mut lines = vec![format!("**Channel** {place}{}", mark(*has_own_channel))];
    for setting in Setting::ALL {
        let words = match setting {
            Setting::ForumTag => tag(preferred),
            Setting::Notify => {
                words(setting, counts).or_else(|| Some(giving_words(preferred.giving?, counts)))
            }
            _ => words(setting, counts),
        };
        // What is as usual goes without saying, unless it was chosen for this streamer: the server may want it otherwise.
        let words =
            words.or_else(|| (is_streamer && is_set(setting, own)).then(|| usual(setting).to_owned()));
        let Some(words) = words else { continue };
        lines.push(format!("**{}** {words}{}", title(setting), mark(is_set(setting, own))));
    }
    lines
}

/// What a setting is called in an answer.
pub(super) const fn title(setting: Setting) -> &'static str {
    match setting {
        Setting::Channel => "Channel",
        Setting::Mention => "Mentions",
        Setting::Message => "Text",
        Setting::Color => "Colour",
        Setting::Preview => "Picture",
        Setting::Button => "Watch button",
        Setting::Notify => "Notify button",
        Setting::Publish => "Published",
        Setting::OnEnd => "At the end",
        Setting::ForumTag => "Tag of the post",
        Setting::Reruns => "Reruns",
        Setting::OnlyCategory => "Only in",
        Setting::NeverCategory => "Never in",
        Setting::TitleHas => "Title has",
        Setting::TitleNot => "Title has not",
        Setting::TitleRegex => "Title matches",
        Setting::Language => "Languages",
        Setting::TagsAny => "With a tag of",
        Setting::TagsNone => "Without the tags",
        Setting::MinViewers => "Viewers at least",
    }
}

/// Whether it is set there.
fn is_set(setting: Setting, own: &Preferences) -> bool {
    match setting {
        Setting::Channel => false,
        Setting::Mention => own.mention.is_some(),
        Setting::Message => own.message.is_some(),
        Setting::Color => own.color.is_some(),
        Setting::Preview => own.preview.is_some(),
        Setting::Button => own.button.is_some(),
        Setting::Notify => own.notify.is_some(),
        Setting::Publish => own.publish.is_some(),
        Setting::OnEnd => own.on_end.is_some(),
        Setting::ForumTag => own.forum_tag.is_some(),
        Setting::Reruns => own.reruns.is_some(),
        Setting::OnlyCategory => own.only_category.is_some(),
        Setting::NeverCategory => own.never_category.is_some(),
        Setting::TitleHas => own.title_has.is_some(),
        Setting::TitleNot => own.title_not.is_some(),
        Setting::TitleRegex => own.title_regex.is_some(),
        Setting::Language => own.language.is_some(),
        Setting::TagsAny => own.tags_any.is_some(),
        Setting::TagsNone => own.tags_none.is_some(),
        Setting::MinViewers => own.min_viewers.is_some(),
    }
}

/// What is set, in words; nothing when it is as usual.
fn words(setting: Setting, counts: &Preferences) -> Option<String> {
    let shown = |text: &str| text::cut(&text::escape_markdown(text), LONGEST);
    let list = |list: &Option<Vec<String>>| {
        list.as_ref().filter(|list| !list.is_empty()).map(|list| shown(&list.join(", ")))
    };
    let switch = |set: Option<bool>, usual: bool| {
        set.filter(|set| *set != usual).map(|set| if set { "yes" } else { "no" }.to_owned())
    };
    match setting {
        Setting::Channel | Setting::ForumTag => None,
        Setting::Mention => Some(words_of(counts.mention.unwrap_or_default())),
        Setting::Message => counts.message.as_ref().map(|template| format!("`{}`", code(template.as_str()))),
        Setting::Color => counts.color.map(|color| format!("#{color:06x}")),
        Setting::Preview => switch(counts.preview, true),
        Setting::Button => switch(counts.button, true),
        Setting::Notify => switch(counts.notify, true),
        Setting::Publish => switch(counts.publish, false),
        Setting::OnEnd => Some(on_end_words(counts.on_end.unwrap_or_default()).to_owned()),
        Setting::Reruns => counts
            .reruns
            .filter(|reruns| *reruns != Reruns::default())
            .map(|reruns| reruns_words(reruns).to_owned()),
        Setting::OnlyCategory => categories(counts.only_category.as_deref()),
        Setting::NeverCategory => categories(counts.never_category.as_deref()),
        Setting::TitleHas => list(&counts.title_has),
        Setting::TitleNot => list(&counts.title_not),
        Setting::TitleRegex => counts
            .title_regex
            .as_ref()
            .and_then(|pattern| pattern.as_ref().map(|pattern| format!("`{}`", code(pattern.as_str())))),
        Setting::Language => list(&counts.language),
        Setting::TagsAny => list(&counts.tags_any),
        Setting::TagsNone => list(&counts.tags_none),
        Setting::MinViewers => counts.min_viewers.filter(|least| *least > 0).map(text::grouped),
    }
}

/// What is usual, in words, where that is not said by itself.
const fn usual(setting: Setting) -> &'static str {
    match setting {
        Setting::Preview | Setting::Button | Setting::Notify => "yes",
        Setting::Publish => "no",
        Setting::Reruns => reruns_words(Reruns::Skip),
        Setting::OnlyCategory | Setting::Language | Setting::TagsAny => "all",
        Setting::TitleHas | Setting::TitleRegex => "anything",
        Setting::TitleNot => "nothing",
        Setting::MinViewers => "0",
        _ => "none",
    }
}

/// The tag that posts get, if the forum has it.
fn tag(preferred: &Preferred) -> Option<String> {
    let chosen = preferred.tags.iter().find(|tag| Some(tag.id) == preferred.counts.forum_tag);
    chosen.map(|tag| reply::name(&tag.name))
}

/// That the forum wants a tag and none of its tags is chosen, and what to do about it.
pub(super) fn tag_problem(preferred: &Preferred) -> Option<String> {
    let channel = preferred.channel?;
    let is_missing = preferred.check?.requires_tag() && tag(preferred).is_none();
    is_missing.then(|| render::closed(channel, Refusal::TagRequired, Permissions::default()))
}

/// Whom announcements mention. The answer is private and allows no mention, so this only names them.
fn words_of(mention: Mention) -> String {
    match mention {
        Mention::Nobody => "nobody".to_owned(),
        Mention::Role(role) => format!("<@&{role}>"),
        Mention::Here => "@here".to_owned(),
        Mention::Everyone => "@everyone".to_owned(),
    }
}

/// What the button for members does where announcements mention a role, and why if it is not what could be.
fn giving_words(giving: Giving, counts: &Preferences) -> String {
    let role = words_of(counts.mention.unwrap_or_default());
    let why = match giving {
        Giving::May => return format!("gives members {role}, and takes it"),
        Giving::Gone => "there is no such role any more".to_owned(),
        Giving::Nobody => "nobody can give that role".to_owned(),
        Giving::Privileged => "that would give them more rights than everybody has".to_owned(),
        Giving::NoRight => format!("I lack **{}**", Permission::ManageRoles),
        Giving::TooHigh => "it does not stand below my own role in the server's settings".to_owned(),
    };
    format!("mentions members by name: I cannot give them {role}, because {why}")
}

/// That a mention notifies nobody, and what to do about it.
pub(super) fn mention_problem(preferred: &Preferred) -> Option<String> {
    if preferred.may_mention != Some(false) {
        return None;
    }
    let channel = preferred.channel.map(|channel| format!(" in <#{channel}>")).unwrap_or_default();
    let mention = preferred.counts.mention.unwrap_or_default();
    let or_mentionable = match mention {
        Mention::Role(_) => ", or make the role mentionable by everybody in the server's settings",
        _ => "",
    };
    Some(format!(
        "My mention of {} notifies nobody{channel}: allow **Mention @everyone, @here, and All Roles** for me or one of my \
         roles{or_mentionable}.",
        words_of(mention)
    ))
}

fn categories(categories: Option<&[Category]>) -> Option<String> {
    let names: Vec<_> = categories?.iter().map(|category| reply::name(&category.name)).collect();
    (!names.is_empty()).then(|| text::cut(&names.join("; "), LONGEST))
}

/// A text between backticks, which would end it.
fn code(source: &str) -> String {
    text::cut(&source.replace('`', "\u{2019}").replace('\n', " "), LONGEST)
}

/// A setting as it is typed into a form again.
pub(super) fn typed(setting: Setting, own: &Preferences) -> String {
    let list = |list: &Option<Vec<String>>| list.as_ref().map(|list| or_none(entries(list)));
    let names = |list: &Option<Vec<Category>>| {
        let names =
            |list: &Vec<Category>| list.iter().map(|one| one.name.clone()).collect::<Vec<_>>().join("; ");
        list.as_ref().map(|list| or_none(names(list)))
    };
    let typed = match setting {
        Setting::Message => own.message.as_ref().map(|template| template.as_str().to_owned()),
        Setting::Color => own.color.map(|color| format!("#{color:06x}")),
        Setting::OnlyCategory => names(&own.only_category),
        Setting::NeverCategory => names(&own.never_category),
        Setting::TitleHas => list(&own.title_has),
        Setting::TitleNot => list(&own.title_not),
        Setting::TitleRegex => own.title_regex.as_ref().map(|pattern| {
            or_none(pattern.as_ref().map_or_else(String::new, |pattern| pattern.as_str().to_owned()))
        }),
        Setting::Language => list(&own.language),
        Setting::TagsAny => list(&own.tags_any),
        Setting::TagsNone => list(&own.tags_none),
        Setting::MinViewers => own.min_viewers.map(|least| least.to_string()),
        _ => None,
    };
    typed.unwrap_or_default()
}

/// A list as it can be read again: semicolons separate entries with commas, also a single one from none.
fn entries(list: &[String]) -> String {
    match list {
        [one] if one.contains(',') => format!("{one};"),
        list if list.iter().any(|entry| entry.contains(',')) => list.join("; "),
        list => list.join(", "),
    }
}

fn or_none(typed: String) -> String {
    if typed.is_empty() { "none".to_owned() } else { typed }
}
