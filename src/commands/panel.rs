//! The panel: how announcements are wanted, to be seen and changed with selects, buttons and forms. Everything that they need
//! stands in their ids, so they outlive a restart, and a press says what is to be so, not what is to change: pressed twice, it
//! is the same.

use poise::serenity_prelude as serenity;
use serenity::{
    ActionRowComponent, ButtonStyle, ComponentInteractionDataKind, CreateActionRow, CreateButton,
    CreateInputText, CreateSelectMenu, CreateSelectMenuKind, CreateSelectMenuOption, InputTextStyle,
};

use super::{CommandError, options, preferences, reply, settings, trial};
use crate::control::{Asker, Control, ForumTag, Preferred, Setting, SettingsChange, Whose, Wish};
use crate::domain::{
    BroadcasterId, ChannelId, ForumTagId, MAX_TEMPLATE, Mention, OnEnd, Preferences, Reruns, RoleId, text,
};

/// Longest text that a form takes (Discord, Component Reference, "Text Input").
const LONGEST_INPUT: u16 = 4_000;

/// The word that takes a setting back to what stands above it.
const RESET: &str = "reset";

/// A control of a panel, as its id says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Handle {
    /// Whose announcements it is about.
    pub target: Target,
    /// What it does.
    pub deed: Deed,
}

/// Whose announcements a panel is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// All of the server.
    Server,
    /// One streamer's.
    Account(BroadcasterId),
}

/// What a control does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Deed {
    /// Sets this to that.
    Set(Setting, String),
    /// Sets this to what is chosen.
    Pick(Setting),
    /// Opens a form.
    Open(Form),
    /// Takes over what is written in a form.
    Fill(Form),
}

/// A form with several things to be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// The text above the card, and its colour.
    Message,
    /// What the stream has to be about.
    Filters,
    /// What else it has to be.
    More,
}

impl Form {
    const ALL: [Self; 3] = [Self::Message, Self::Filters, Self::More];

    const fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Filters => "filters",
            Self::More => "more",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Message => "Text and colour",
            Self::Filters => "Announce only…",
            Self::More => "Announce only… (more)",
        }
    }

    /// What is written in it: at most five things (Discord, Interactions, "Modal").
    const fn settings(self) -> &'static [Setting] {
        match self {
            Self::Message => &[Setting::Message, Setting::Color],
            Self::Filters => &[
                Setting::OnlyCategory,
                Setting::NeverCategory,
                Setting::TitleHas,
                Setting::TitleNot,
                Setting::TitleRegex,
            ],
            Self::More => &[Setting::Language, Setting::TagsAny, Setting::TagsNone, Setting::MinViewers],
        }
    }
}

impl Target {
    /// Whose announcements that are, for `control`.
    pub(super) fn whose(&self) -> Whose {
        match self {
            Self::Server => Whose::Server,
            Self::Account(broadcaster) => Whose::Account(broadcaster.clone()),
        }
    }

    fn of(preferred: &Preferred) -> Self {
        let account = preferred.streamer.as_ref();
        account.map_or(Self::Server, |profile| Self::Account(profile.broadcaster.clone()))
    }

    fn name(&self) -> &str {
        match self {
            Self::Server => "server",
            Self::Account(broadcaster) => broadcaster.as_str(),
        }
    }
}

impl Handle {
    /// The id of the control. The version allows for another form later.
    fn id(&self) -> String {
        let target = self.target.name();
        match &self.deed {
            Deed::Set(setting, word) => format!("panel:v1:{target}:{}:{word}", setting.as_str()),
            Deed::Pick(setting) => format!("panel:v1:{target}:{}:pick", setting.as_str()),
            Deed::Open(form) => format!("panel:v1:{target}:open:{}", form.name()),
            Deed::Fill(form) => format!("panel:v1:{target}:fill:{}", form.name()),
        }
    }

    /// What an id says; nothing when it is none of a panel's.
    #[must_use]
    pub fn read(id: &str) -> Option<Self> {
        let mut parts = id.strip_prefix("panel:v1:")?.split(':');
        let (target, what, word) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() || target.is_empty() {
            return None;
        }
        let target =
            if target == "server" { Target::Server } else { Target::Account(BroadcasterId::new(target)) };
        let form = || Form::ALL.into_iter().find(|form| form.name() == word);
        let deed = match (what, word) {
            ("open", _) => Deed::Open(form()?),
            ("fill", _) => Deed::Fill(form()?),
            (_, "pick") => Deed::Pick(Setting::from_word(what)?),
            _ => Deed::Set(Setting::from_word(what)?, word.to_owned()),
        };
        Some(Self { target, deed })
    }
}

/// What is asked for by pressing a button or choosing in a select.
pub(super) fn wish(deed: &Deed, chosen: &ComponentInteractionDataKind) -> Wish {
    let mut wish = Wish::default();
    match (deed, chosen) {
        (Deed::Set(setting, word), _) => set(&mut wish, *setting, word),
        (Deed::Pick(Setting::Channel), ComponentInteractionDataKind::ChannelSelect { values }) => {
            match values.first() {
                Some(channel) => wish.channel = ChannelId::new(channel.get()),
                None => wish.reset.push(Setting::Channel),
            }
        }
        (Deed::Pick(Setting::Mention), ComponentInteractionDataKind::RoleSelect { values }) => {
            match values.first() {
                Some(role) => wish.mention = RoleId::new(role.get()),
                None => wish.here = Some(false),
            }
        }
        (Deed::Pick(Setting::ForumTag), ComponentInteractionDataKind::StringSelect { values }) => {
            match values.first() {
                Some(tag) => wish.forum_tag = tag.parse().ok().and_then(ForumTagId::new),
                None => wish.reset.push(Setting::ForumTag),
            }
        }
        _ => {}
    }
    wish
}

fn set(wish: &mut Wish, setting: Setting, word: &str) {
    let switch = match word {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    };
    match (setting, word) {
        (_, RESET) => wish.reset.push(setting),
        (Setting::Mention, "here") => wish.here = Some(true),
        (Setting::Mention, _) => wish.here = Some(false),
        (Setting::Preview, _) => wish.preview = switch,
        (Setting::Button, _) => wish.button = switch,
        (Setting::Notify, _) => wish.notify = switch,
        (Setting::Publish, _) => wish.publish = switch,
        (Setting::OnEnd, _) => wish.on_end = OnEnd::from_word(word),
        (Setting::Reruns, _) => wish.reruns = Reruns::from_word(word),
        _ => {}
    }
}

/// What is asked for by what is written in a form. What is as it was is not asked for, and what is empty is taken back.
pub(super) fn written(form: Form, rows: &[serenity::ActionRow], own: &Preferences) -> Wish {
    let mut wish = Wish::default();
    let inputs = rows.iter().flat_map(|row| &row.components).filter_map(|component| match component {
        ActionRowComponent::InputText(input) => Some(input),
        _ => None,
    });
    for input in inputs {
        let named = |setting: &&Setting| setting.as_str() == input.custom_id;
        let Some(setting) = form.settings().iter().copied().find(|setting| named(&setting)) else { continue };
        let typed = input.value.as_deref().unwrap_or_default().trim();
        if typed == preferences::typed(setting, own) {
            continue;
        }
        if typed.is_empty() {
            wish.reset.push(setting);
        } else {
            options::set_text(&mut wish, setting, typed.to_owned());
        }
    }
    wish
}

/// A form, filled in with what is set.
pub(super) fn form(target: &Target, form: Form, own: &Preferences) -> serenity::CreateModal {
    let handle = Handle { target: target.clone(), deed: Deed::Fill(form) };
    let rows = form.settings().iter().map(|setting| {
        let is_text = *setting == Setting::Message;
        let style = if is_text { InputTextStyle::Paragraph } else { InputTextStyle::Short };
        let longest =
            if is_text { u16::try_from(MAX_TEMPLATE).unwrap_or(LONGEST_INPUT) } else { LONGEST_INPUT };
        let input = CreateInputText::new(style, label(*setting), setting.as_str())
            .required(false)
            .max_length(longest)
            .placeholder(placeholder(*setting))
            .value(preferences::typed(*setting, own));
        CreateActionRow::InputText(input)
    });
    serenity::CreateModal::new(handle.id(), form.title()).components(rows.collect())
}

/// What stands above an input: at most 45 characters (Discord, Component Reference, "Text Input").
const fn label(setting: Setting) -> &'static str {
    match setting {
        Setting::Message => "Text above the card",
        Setting::OnlyCategory => "Only in these categories",
        Setting::NeverCategory => "Never in these categories",
        Setting::TitleHas => "The title has one of these words",
        Setting::TitleNot => "The title has none of these words",
        Setting::TitleRegex => "The title matches this regular expression",
        Setting::Language => "Only in these languages",
        Setting::TagsAny => "With one of these tags",
        Setting::TagsNone => "With none of these tags",
        _ => preferences::title(setting),
    }
}

/// What stands in an empty input: at most 100 characters.
const fn placeholder(setting: Setting) -> &'static str {
    match setting {
        Setting::Message => "{streamer} plays {category}: {title} {mention}",
        Setting::Color => "#9146ff",
        Setting::OnlyCategory | Setting::NeverCategory => "Celeste, Just Chatting",
        Setting::TitleHas | Setting::TitleNot => "any%, 100%",
        Setting::TitleRegex => r"\b(any|100)%",
        Setting::Language => "en, de, fr, other",
        Setting::TagsAny | Setting::TagsNone => "Speedrun, English",
        Setting::MinViewers => "10",
        _ => "",
    }
}

/// What is shown with a panel that comes after a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum After {
    /// Nothing was changed.
    Nothing,
    /// Something was.
    Change,
    /// A filter was: what it would do is told as well.
    Filter,
}

impl After {
    /// What this has changed.
    pub(super) fn of(wish: &Wish) -> Self {
        match (wish.is_empty(), wish.is_about_filters()) {
            (true, _) => Self::Nothing,
            (false, false) => Self::Change,
            (false, true) => Self::Filter,
        }
    }
}

/// The panel as it stands.
pub(super) async fn show(
    control: &Control,
    asker: Asker,
    whose: &Whose,
    after: After,
) -> Result<(Vec<serenity::CreateEmbed>, Vec<CreateActionRow>), CommandError> {
    let changed = after != After::Nothing;
    let (card, controls) = if *whose == Whose::Server {
        let settings = control.settings(asker, SettingsChange::default()).await?;
        (settings::embed(&settings, changed), controls(&settings.preferred()))
    } else {
        let preferred = control.preferred(asker, whose).await?;
        (embed(&preferred, changed), controls(&preferred))
    };
    let mut cards = vec![card];
    if after == After::Filter {
        cards.push(trial::card(control, asker, whose, false).await?);
    }
    Ok((cards, controls))
}

/// What stands on a panel.
fn embed(preferred: &Preferred, changed: bool) -> serenity::CreateEmbed {
    let changed = if changed { " (changed)" } else { "" };
    let name = preferred.streamer.as_ref().map_or("everybody", |profile| profile.display_name.as_str());
    let title = format!("How {} is announced{changed}", reply::name(name));
    let mut lines = vec![reply::fitting(&preferences::lines(preferred), preferences::MOST_SET)];
    lines.push("What is not marked as own follows the server's `/settings`.".to_owned());
    lines.extend(problems(preferred));
    reply::embed().title(title).description(lines.join("\n"))
}

/// What keeps announcements from being as they are wanted.
fn problems(preferred: &Preferred) -> Vec<String> {
    let mut problems = Vec::new();
    match (preferred.channel, preferred.check) {
        (None, _) => problems.push(reply::no_channel()),
        (Some(channel), Some(check)) => problems.extend(reply::problem(check, channel)),
        (Some(_), None) => {}
    }
    problems.extend(preferences::tag_problem(preferred));
    problems.extend(preferences::mention_problem(preferred));
    problems.iter().map(|problem| format!("⚠️ {problem}")).collect()
}

/// The selects and buttons of a panel: at most five rows (Discord, Component Reference, "Legacy Message Component Behavior").
fn controls(preferred: &Preferred) -> Vec<CreateActionRow> {
    let target = Target::of(preferred);
    let id = |deed: Deed| Handle { target: target.clone(), deed }.id();
    let set = |setting, word: &str| id(Deed::Set(setting, word.to_owned()));
    let channels = CreateSelectMenuKind::Channel {
        channel_types: Some(options::CHANNELS.to_vec()),
        default_channels: preferred.channel.map(|channel| vec![serenity::ChannelId::new(channel.get())]),
    };
    let role = match preferred.counts.mention {
        Some(Mention::Role(role)) => Some(vec![serenity::RoleId::new(role.get())]),
        _ => None,
    };
    let roles = CreateSelectMenuKind::Role { default_roles: role };
    let channel = CreateSelectMenu::new(id(Deed::Pick(Setting::Channel)), channels)
        .placeholder("The channel for announcements")
        .min_values(0);
    let mention = CreateSelectMenu::new(id(Deed::Pick(Setting::Mention)), roles)
        .placeholder("A role to be mentioned")
        .min_values(0);
    let button = |id: String, label: &str| CreateButton::new(id).label(label).style(ButtonStyle::Secondary);
    let forms = [("Text…", Form::Message), ("Filters…", Form::Filters), ("More filters…", Form::More)];
    let forms = forms.into_iter().map(|(label, form)| button(id(Deed::Open(form)), label));
    let on_end =
        next(&OnEnd::ALL, preferred.own.on_end, preferred.counts.on_end.unwrap_or_default(), &target);
    let reruns =
        next(&Reruns::ALL, preferred.own.reruns, preferred.counts.reruns.unwrap_or_default(), &target);
    let choices = [
        button(
            set(Setting::OnEnd, on_end.map_or(RESET, OnEnd::as_str)),
            &labelled(
                "At the end",
                preferred.counts.on_end.unwrap_or_default().as_str(),
                preferred.own.on_end.is_some(),
                &target,
            ),
        ),
        button(
            set(Setting::Reruns, reruns.map_or(RESET, Reruns::as_str)),
            &labelled(
                "Reruns",
                preferred.counts.reruns.unwrap_or_default().as_str(),
                preferred.own.reruns.is_some(),
                &target,
            ),
        ),
    ];
    let (own, counts) = (&preferred.own, &preferred.counts);
    let switches = [
        ("Picture", Setting::Preview, own.preview, counts.preview.unwrap_or(true)),
        ("Watch button", Setting::Button, own.button, counts.button.unwrap_or(true)),
        ("Notify button", Setting::Notify, own.notify, counts.notify.unwrap_or(true)),
        ("Publish", Setting::Publish, own.publish, counts.publish.unwrap_or(false)),
    ];
    let switches = switches.into_iter().map(|(label, setting, own, counts)| {
        let word = match next(&[true, false], own, counts, &target) {
            Some(true) => "on",
            Some(false) => "off",
            None => RESET,
        };
        let state = if counts { "on" } else { "off" };
        button(set(setting, word), &labelled(label, state, own.is_some(), &target))
    });
    let here = match (counts.mention, own.mention) {
        (Some(Mention::Here), _) => button(set(Setting::Mention, "nobody"), "@here: on"),
        // That nobody is mentioned was chosen for this streamer: the next press leads back to what the server wants.
        (_, Some(Mention::Nobody)) if target != Target::Server => {
            button(set(Setting::Mention, RESET), "Mentions: nobody")
        }
        _ => button(set(Setting::Mention, "here"), "@here: off"),
    };
    let mut rows = vec![CreateActionRow::SelectMenu(channel), CreateActionRow::SelectMenu(mention)];
    rows.extend(tags(preferred, id(Deed::Pick(Setting::ForumTag))).map(CreateActionRow::SelectMenu));
    rows.push(CreateActionRow::Buttons(choices.into_iter().chain(forms).collect()));
    rows.push(CreateActionRow::Buttons(switches.chain([here]).collect()));
    rows
}

/// The tags that posts may have, if announcements go to a forum that has some.
fn tags(preferred: &Preferred, id: String) -> Option<CreateSelectMenu> {
    /// Choices of a select (Discord, Component Reference, "String Select"). A forum has 20 tags at most.
    const MOST: usize = 25;
    /// Longest label of a choice.
    const LONGEST: usize = 100;
    let choice = |tag: &ForumTag| {
        let label =
            if tag.is_moderated { format!("{} (for moderators)", tag.name) } else { tag.name.clone() };
        CreateSelectMenuOption::new(text::cut(&label, LONGEST), tag.id.to_string())
            .default_selection(preferred.counts.forum_tag == Some(tag.id))
    };
    let options: Vec<_> = preferred.tags.iter().take(MOST).map(choice).collect();
    let has_tags = !options.is_empty();
    has_tags.then(|| {
        CreateSelectMenu::new(id, CreateSelectMenuKind::String { options })
            .placeholder("The tag of posts in the forum")
            .min_values(0)
    })
}

/// What a press on a button leads to that goes round all choices; for a streamer, also back to what the server wants.
fn next<T: Copy + PartialEq>(all: &[T], own: Option<T>, counts: T, target: &Target) -> Option<T> {
    let is_server = *target == Target::Server;
    let at = all.iter().position(|choice| *choice == counts).unwrap_or_default();
    match own {
        None if !is_server => all.first().copied(),
        _ if at + 1 < all.len() => all.get(at + 1).copied(),
        _ if is_server => all.first().copied(),
        _ => None,
    }
}

/// A button's label, which says how it stands and, for a streamer, whether that is taken over.
fn labelled(what: &str, state: &str, is_own: bool, target: &Target) -> String {
    let from = if *target == Target::Server || is_own { "" } else { " (as server)" };
    format!("{what}: {state}{from}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_says_what_its_control_does() {
        let ann = Target::Account(BroadcasterId::new("12345"));
        for target in [Target::Server, ann] {
            for deed in [
                Deed::Set(Setting::Preview, "off".to_owned()),
                Deed::Set(Setting::OnEnd, RESET.to_owned()),
                Deed::Pick(Setting::Channel),
                Deed::Open(Form::Filters),
                Deed::Fill(Form::Message),
            ] {
                let handle = Handle { target: target.clone(), deed };
                assert!(handle.id().len() <= 100, "{}", handle.id());
                assert_eq!(Handle::read(&handle.id()), Some(handle));
            }
        }
    }

    #[test]
    fn other_ids_are_left_alone() {
        for id in [
            "",
            "panel:v1:",
            "panel:v1::preview:on",
            "panel:v1:server:frame:on",
            "panel:v1:server:open:x",
            "panel:v2:server:preview:on",
            "panel:v1:server:preview:on:x",
            "live:v1:1",
        ] {
            assert_eq!(Handle::read(id), None, "{id}");
        }
    }

    #[test]
    fn a_button_goes_round_all_choices_and_for_a_streamer_back_to_the_server() {
        let ann = Target::Account(BroadcasterId::new("1"));
        let all = [true, false];
        assert_eq!(next(&all, None, true, &ann), Some(true));
        assert_eq!(next(&all, Some(true), true, &ann), Some(false));
        assert_eq!(next(&all, Some(false), false, &ann), None);
        assert_eq!(next(&all, None, true, &Target::Server), Some(false));
        assert_eq!(next(&all, Some(false), false, &Target::Server), Some(true));
    }
}
