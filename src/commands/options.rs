//! The options that `/settings`, `/addstreamer` and `/editstreamer` have in common: how announcements are wanted. One table
//! says what they are called, and one function reads them.

use poise::serenity_prelude as serenity;
use serenity::{ChannelType, CommandOptionType, CreateCommandOption, ResolvedValue};

use super::{CommandError, Context, Data};
use crate::control::{Setting, Wish};
use crate::domain::{ChannelId, MAX_TEMPLATE, OnEnd, Reruns, RoleId};

/// Longest text of an option that is a list, in characters.
const LONGEST_LIST: u16 = 1_000;

/// An option in the table: its name, what it is for, and what can be given.
type Row = (&'static str, &'static str, fn(CreateCommandOption) -> CreateCommandOption);

const TABLE: [Row; 20] = [
    ("channel", "Where announcements go", channel),
    ("mention", "A role to be mentioned; @everyone mentions all members", role),
    ("here", "Mention @here; false mentions nobody", boolean),
    (
        "message",
        "Text above the card, such as: {streamer} plays {category} {mention}; none for no text",
        template,
    ),
    ("color", "Colour of the card's edge, such as #9146ff", short),
    ("preview", "Whether the card shows a picture of the stream", boolean),
    ("button", "Whether there is a button that leads to the stream", boolean),
    ("notify", "Whether there is a button with which members choose to be mentioned", boolean),
    ("publish", "Whether announcements in announcement channels are published to their followers", boolean),
    ("on_end", "What becomes of an announcement when the stream is over", on_end),
    ("reruns", "What is done about reruns", reruns),
    ("only_category", "Announce only these categories, separated by commas; none for all", list),
    ("never_category", "Never announce these categories, separated by commas; none for no such", list),
    ("title_has", "Announce only when the title has one of these words, separated by commas", list),
    ("title_not", "Never announce when the title has one of these words, separated by commas", list),
    ("title_regex", "Announce only when the title matches this regular expression", list),
    ("language", "Announce only streams in these languages: en, de, fr, other", list),
    ("tags_any", "Announce only with one of these tags, separated by commas", list),
    ("tags_none", "Never announce with one of these tags, separated by commas", list),
    ("min_viewers", "Announce only when so many watch", viewers),
];

fn channel(option: CreateCommandOption) -> CreateCommandOption {
    option.kind(CommandOptionType::Channel).channel_types(CHANNELS.to_vec())
}

/// The channels that take announcements. The last one is for media channels, which are forums and which serenity does not name.
pub(super) const CHANNELS: [ChannelType; 7] = [
    ChannelType::Text,
    ChannelType::News,
    ChannelType::NewsThread,
    ChannelType::PublicThread,
    ChannelType::PrivateThread,
    ChannelType::Forum,
    ChannelType::Unknown(16),
];

/// The command with every channel to choose from that takes announcements, as its first parameter.
pub(super) fn with_channels(
    mut command: poise::Command<Data, CommandError>,
) -> poise::Command<Data, CommandError> {
    for parameter in command.parameters.iter_mut().take(1) {
        parameter.channel_types = Some(CHANNELS.to_vec().into());
    }
    command
}

fn role(option: CreateCommandOption) -> CreateCommandOption {
    option.kind(CommandOptionType::Role)
}

fn boolean(option: CreateCommandOption) -> CreateCommandOption {
    option.kind(CommandOptionType::Boolean)
}

fn short(option: CreateCommandOption) -> CreateCommandOption {
    option.kind(CommandOptionType::String).max_length(10)
}

fn list(option: CreateCommandOption) -> CreateCommandOption {
    option.kind(CommandOptionType::String).max_length(LONGEST_LIST)
}

fn template(option: CreateCommandOption) -> CreateCommandOption {
    option.kind(CommandOptionType::String).max_length(u16::try_from(MAX_TEMPLATE).unwrap_or(u16::MAX))
}

fn viewers(option: CreateCommandOption) -> CreateCommandOption {
    option.kind(CommandOptionType::Integer).min_int_value(0)
}

fn on_end(option: CreateCommandOption) -> CreateCommandOption {
    let choices = OnEnd::ALL.map(|choice| (choice.as_str(), on_end_words(choice)));
    with_choices(option, choices)
}

fn reruns(option: CreateCommandOption) -> CreateCommandOption {
    let choices = Reruns::ALL.map(|choice| (choice.as_str(), reruns_words(choice)));
    with_choices(option, choices)
}

fn reset(option: CreateCommandOption) -> CreateCommandOption {
    let choice = |option: CreateCommandOption, setting: Setting| {
        option.add_string_choice(setting.as_str(), setting.as_str())
    };
    Setting::ALL
        .into_iter()
        .fold(option.kind(CommandOptionType::String), choice)
        .add_string_choice(EVERYTHING, EVERYTHING)
}

/// The word for all settings at once.
pub(super) const EVERYTHING: &str = "everything";

fn with_choices<const N: usize>(
    option: CreateCommandOption,
    choices: [(&'static str, &'static str); N],
) -> CreateCommandOption {
    choices.into_iter().fold(option.kind(CommandOptionType::String), |option, (word, words)| {
        option.add_string_choice(format!("{word}: {words}"), word)
    })
}

/// What each end means.
pub(super) const fn on_end_words(choice: OnEnd) -> &'static str {
    match choice {
        OnEnd::Edit => "say how long it was, with the recording",
        OnEnd::Delete => "delete it",
        OnEnd::Keep => "leave it as it is",
    }
}

/// What each treatment of reruns means.
pub(super) const fn reruns_words(choice: Reruns) -> &'static str {
    match choice {
        Reruns::Skip => "do not announce them",
        Reruns::Quiet => "announce them without notifying anybody",
        Reruns::Announce => "announce them like any other stream",
    }
}

/// The command with these options behind its own. `take_back` says what taking back leads to.
pub(super) fn with_options(
    mut command: poise::Command<Data, CommandError>,
    take_back: &'static str,
) -> poise::Command<Data, CommandError> {
    for (name, description, type_setter) in TABLE {
        command.parameters.push(parameter(name, description, type_setter));
    }
    command.parameters.push(parameter("reset", take_back, reset));
    command
}

fn parameter(
    name: &'static str,
    description: &'static str,
    type_setter: fn(CreateCommandOption) -> CreateCommandOption,
) -> poise::CommandParameter<Data, CommandError> {
    let completes = [Setting::OnlyCategory.as_str(), Setting::NeverCategory.as_str()].contains(&name);
    poise::CommandParameter {
        name: name.into(),
        name_localizations: Vec::new().into(),
        description: Some(description.into()),
        description_localizations: Vec::new().into(),
        required: false,
        channel_types: None,
        choices: Vec::new().into(),
        type_setter: Some(type_setter),
        autocomplete_callback: completes
            .then_some(|ctx, typed| Box::pin(suggest_categories(ctx.into(), typed))),
        __non_exhaustive: (),
    }
}

async fn suggest_categories(ctx: Context<'_>, typed: &str) -> serenity::CreateAutocompleteResponse {
    let found = ctx.data().control.suggest_categories(typed).await;
    let choices = found.into_iter().map(|choice| serenity::AutocompleteChoice::new(choice.clone(), choice));
    serenity::CreateAutocompleteResponse::new().set_choices(choices.collect())
}

/// What an admin asks for with the options of a command.
pub(super) fn read(ctx: Context<'_>) -> Wish {
    let poise::Context::Application(application) = ctx else { return Wish::default() };
    application.args.iter().fold(Wish::default(), |wish, option| add(wish, option.name, &option.value))
}

fn add(mut wish: Wish, name: &str, value: &ResolvedValue<'_>) -> Wish {
    match (name, value) {
        ("channel", ResolvedValue::Channel(channel)) => wish.channel = ChannelId::new(channel.id.get()),
        ("mention", ResolvedValue::Role(role)) => wish.mention = RoleId::new(role.id.get()),
        ("min_viewers", ResolvedValue::Integer(viewers)) => wish.min_viewers = Some(*viewers),
        (name, ResolvedValue::Boolean(value)) => match name {
            "here" => wish.here = Some(*value),
            "preview" => wish.preview = Some(*value),
            "button" => wish.button = Some(*value),
            "notify" => wish.notify = Some(*value),
            "publish" => wish.publish = Some(*value),
            _ => {}
        },
        (name, ResolvedValue::String(typed)) => add_text(&mut wish, name, typed),
        _ => {}
    }
    wish
}

fn add_text(wish: &mut Wish, name: &str, typed: &str) {
    if name == "reset" {
        wish.reset = match Setting::from_word(typed) {
            Some(setting) => vec![setting],
            None => Setting::ALL.to_vec(),
        };
        return;
    }
    // An option has one line; whoever wants several says so as everywhere.
    let typed = if name == "message" { typed.replace("\\n", "\n") } else { typed.to_owned() };
    if let Some(setting) = Setting::from_word(name) {
        set_text(wish, setting, typed);
    }
}

/// Puts what was typed where it belongs. Numbers and choices are read from their words.
pub(super) fn set_text(wish: &mut Wish, setting: Setting, typed: String) {
    let typed = Some(typed);
    match setting {
        Setting::Message => wish.message = typed,
        Setting::Color => wish.color = typed,
        Setting::OnEnd => wish.on_end = typed.as_deref().and_then(OnEnd::from_word),
        Setting::Reruns => wish.reruns = typed.as_deref().and_then(Reruns::from_word),
        Setting::OnlyCategory => wish.only_category = typed,
        Setting::NeverCategory => wish.never_category = typed,
        Setting::TitleHas => wish.title_has = typed,
        Setting::TitleNot => wish.title_not = typed,
        Setting::TitleRegex => wish.title_regex = typed,
        Setting::Language => wish.language = typed,
        Setting::TagsAny => wish.tags_any = typed,
        Setting::TagsNone => wish.tags_none = typed,
        // What is no number is refused like one that is too small.
        Setting::MinViewers => wish.min_viewers = typed.map(|typed| typed.trim().parse().unwrap_or(-1)),
        Setting::Channel
        | Setting::Mention
        | Setting::Preview
        | Setting::Button
        | Setting::Notify
        | Setting::Publish
        | Setting::ForumTag => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_can_be_set_has_an_option_but_the_tag() {
        let named = |setting: &Setting| TABLE.iter().any(|(name, ..)| *name == setting.as_str());
        let missing: Vec<_> = Setting::ALL.into_iter().filter(|setting| !named(setting)).collect();
        // The tags of a forum are chosen where they can be seen.
        assert_eq!(missing, [Setting::ForumTag]);
    }

    #[test]
    fn what_is_typed_into_an_option_is_wished_for() {
        let option = |name, value: ResolvedValue<'_>| add(Wish::default(), name, &value);
        let text = |name, typed| option(name, ResolvedValue::String(typed));
        assert_eq!(text("on_end", "delete").on_end, Some(OnEnd::Delete));
        assert_eq!(text("message", r"a\nb").message.as_deref(), Some("a\nb"));
        assert_eq!(text("reset", "color").reset, [Setting::Color]);
        assert_eq!(text("reset", EVERYTHING).reset, Setting::ALL);
        assert_eq!(option("here", ResolvedValue::Boolean(true)).here, Some(true));
        assert_eq!(option("min_viewers", ResolvedValue::Integer(7)).min_viewers, Some(7));
        assert!(text("streamer", "ann").is_empty());
    }
}
