//! What must hold of everything that others send, whatever it is: one function for each door, which panics when a promise
//! is broken. The fuzz targets and `tests/it/fuzz.rs` call the same ones.

use std::time::Duration;

use livebell::commands::{self, Asked, Handle};
use livebell::control::Chooser;
use livebell::discord::{DiscordError, Failure, failure};
use livebell::domain::{BroadcasterId, GuildId, Login, Outcome, Profile, Refusal, RoleId, Stream, text};
use livebell::sinks::meaning;
use livebell::twitch::{StreamsPage, UsersPage};
use poise::serenity_prelude as serenity;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

/// Longest text of Discord's that is kept. Texts of others go into logs, the database and answers.
const MAX_WORDS: usize = 200;

/// Longest pause that is believed.
const MAX_PAUSE: Duration = Duration::from_hours(1);

/// The pause that is made when none is stated.
const UNSTATED_PAUSE: Duration = Duration::from_secs(1);

/// Discord's codes that say of a channel that it takes nothing (Discord, Opcodes and Status Codes, "JSON Error Codes").
const CLOSED: [u64; 9] = [10003, 10004, 50001, 50008, 50013, 50024, 40058, 40067, 160_005];

/// Cloudflare's code for a bot that it does not let through: it says nothing of the channel.
const BLOCKED_BEFORE: u64 = 40333;

/// A body of `/streams`, `/users` or `/search/channels`.
pub fn helix_page(body: &[u8]) {
    let items = || {
        let page: Value = serde_json::from_slice(body).unwrap_or_default();
        page["data"].as_array().map(Vec::len)
    };
    if let Ok(page) = StreamsPage::read(body) {
        page.live.iter().for_each(stream_holds);
        for broadcaster in &page.unclear {
            assert!(text::filled(broadcaster.as_str()).is_some(), "an unclear entry is about nobody");
        }
        let told = page.live.len() + page.unclear.len();
        if let Some(items) = items() {
            assert!(told <= items, "{told} entries of {items}");
            assert_eq!(page.has_unreadable, told < items, "what cannot be read is not owned up to");
        }
    }
    if let Ok(page) = UsersPage::read(body) {
        page.profiles.iter().for_each(profile_holds);
        if let Some(items) = items() {
            assert_eq!(page.has_unreadable, page.profiles.len() < items);
        }
    }
}

fn stream_holds(stream: &Stream) {
    login_holds(&stream.login);
    assert!(text::filled(stream.id.as_str()).is_some(), "a stream without an id");
    assert!(text::filled(stream.broadcaster.as_str()).is_some(), "a stream of nobody");
    is_trimmed(&stream.display_name);
    stream.title.iter().for_each(|title| is_trimmed(title));
    stream.category.iter().for_each(|category| is_trimmed(&category.name));
    stream.thumbnail.iter().for_each(|thumbnail| is_trimmed(thumbnail));
}

fn profile_holds(profile: &Profile) {
    login_holds(&profile.login);
    assert!(text::filled(profile.broadcaster.as_str()).is_some(), "an account without an id");
    is_trimmed(&profile.display_name);
    profile.image.iter().for_each(|image| is_trimmed(image));
}

/// A text that is there says something, and has nothing around it.
fn is_trimmed(text: &str) {
    assert_eq!(text::filled(text), Some(text));
}

/// Twitch's rule, said once more in another way.
fn login_holds(login: &Login) {
    let text = login.as_str();
    let known = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_';
    assert!((1..=25).contains(&text.chars().count()) && text.chars().all(known), "{text:?} is no login");
    assert_eq!(Login::new(text).as_ref(), Ok(login));
}

/// An answer of Discord's: a line with the status, a line for each header, an empty line, and the body.
pub fn discord_error(answer: &[u8]) {
    let end = answer.windows(2).position(|two| two == b"\n\n");
    let (head, body) = end.map_or((answer, &b""[..]), |end| (&answer[..end], &answer[end + 2..]));
    let mut lines = head.split(|byte| *byte == b'\n');
    let status = lines.next().and_then(|line| StatusCode::from_bytes(line).ok());
    let Some(status) = status.filter(|status| !status.is_success()) else { return };
    let mut headers = HeaderMap::new();
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(&line[colon + 1..])) {
            headers.insert(name, value);
        }
    }
    answer_holds(status, &headers, body);
    // Written anew, so that serde and this file agree about what stands in it: a name that stands twice, for example.
    if let Ok(body @ Value::Object(_)) = serde_json::from_slice::<Value>(body) {
        let wait = answer_holds(status, &headers, body.to_string().as_bytes());
        if let Some(wait) = wait {
            wanted_pause_holds(&headers, &body, wait);
        }
    }
}

/// Gives the pause, if there is to be one.
fn answer_holds(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<Duration> {
    match failure(status, headers, body) {
        Failure::Pause { wait, .. } => {
            assert_eq!(status, StatusCode::TOO_MANY_REQUESTS);
            assert!(wait <= MAX_PAUSE, "{wait:?}");
            Some(wait)
        }
        Failure::Error(error) => {
            error_holds(status, error);
            None
        }
    }
}

/// No pause is shorter than what is wanted, as far as that is sensible, and none is forgotten.
fn wanted_pause_holds(headers: &HeaderMap, body: &Value, wait: Duration) {
    let header = headers.get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse::<f64>().ok());
    let is = |name: &str, fits: fn(&Value) -> bool| body.get(name).is_none_or(fits);
    // A body with a part of another kind is not believed at all.
    let is_sound =
        is("code", Value::is_u64) && is("message", Value::is_string) && is("global", Value::is_boolean);
    let stated = header.into_iter().chain(body["retry_after"].as_f64().filter(|_| is_sound));
    let longest = stated.filter(|seconds| *seconds >= 0.0).reduce(f64::max);
    let least = longest
        .map_or(UNSTATED_PAUSE, |seconds| Duration::from_secs_f64(seconds.min(MAX_PAUSE.as_secs_f64())));
    assert!(wait >= least, "{longest:?} s are wanted, and {wait:?} waited");
}

fn error_holds(status: StatusCode, error: DiscordError) {
    let code = match &error {
        DiscordError::Refused { status: told, code, message } => {
            assert_eq!(*told, status.as_u16());
            assert!(text::length(message) <= MAX_WORDS, "{} units are kept", text::length(message));
            *code
        }
        DiscordError::Unauthorized => {
            assert_eq!(status, StatusCode::UNAUTHORIZED);
            0
        }
        DiscordError::Unavailable { perhaps_done, .. } => {
            assert!(status.is_server_error() && *perhaps_done, "{status}");
            0
        }
        other => panic!("{status} is no {other:?}"),
    };
    match meaning(error) {
        Outcome::Refused(refusal) if refusal.pauses_route() => {
            let without_rights = refusal == Refusal::Forbidden && status == StatusCode::FORBIDDEN;
            let by_discord = code != 0 && code != BLOCKED_BEFORE;
            assert!(
                CLOSED.contains(&code) || (without_rights && by_discord),
                "{status}, code {code} closes a channel as {refusal}"
            );
        }
        Outcome::Refused(_) => assert_ne!(code, 0, "{status} ends a delivery without Discord's word"),
        Outcome::Delivered(message) => assert_eq!((message, code), (None, 10008)),
        Outcome::Unauthorized => assert!(status == StatusCode::UNAUTHORIZED || code == 50014),
        Outcome::RetryAfter { why, .. } => assert!(text::length(&why) <= MAX_WORDS),
        other @ (Outcome::Skipped | Outcome::KeptBack | Outcome::Over) => {
            panic!("Discord does not decide about {other:?}")
        }
    }
}

/// What stands as `d` in an event `INTERACTION_CREATE` of the gateway.
pub fn interaction(payload: &[u8]) {
    let Ok(interaction) = serde_json::from_slice::<serenity::Interaction>(payload) else { return };
    if let serenity::Interaction::Command(command) | serenity::Interaction::Autocomplete(command) =
        &interaction
    {
        options_hold(&command.data.options());
        let _ = command.data.target();
    }
    let guild_of = |guild: Option<serenity::GuildId>| guild.and_then(|guild| GuildId::new(guild.get()));
    match (commands::asked(&interaction), &interaction) {
        (
            Ok(Asked::Command(asker)),
            serenity::Interaction::Command(command) | serenity::Interaction::Autocomplete(command),
        ) => {
            assert_eq!(Some(asker.guild), guild_of(command.guild_id));
            assert_eq!(asker.user.get(), command.user.id.get());
            // Rights are never taken from anything but what Discord computed for this member.
            let rights = command.member.as_ref().and_then(|member| member.permissions).unwrap_or_default();
            let manages = serenity::Permissions::MANAGE_GUILD | serenity::Permissions::ADMINISTRATOR;
            assert_eq!(asker.may_manage, rights.intersects(manages));
        }
        (Ok(Asked::Page(press)), serenity::Interaction::Component(component)) => {
            assert_eq!(Some(press.guild), guild_of(component.guild_id));
            let id = &component.data.custom_id;
            let page = id.rsplit(':').next().and_then(|page| page.parse().ok());
            assert_eq!(page, Some(press.page), "{id}");
        }
        (Ok(Asked::Panel(asker, handle)), serenity::Interaction::Component(component)) => {
            assert_eq!(Some(asker.guild), guild_of(component.guild_id));
            assert_eq!(Handle::read(&component.data.custom_id), Some(handle));
        }
        (Ok(Asked::Panel(asker, handle)), serenity::Interaction::Modal(form)) => {
            assert_eq!(Some(asker.guild), guild_of(form.guild_id));
            assert_eq!(Handle::read(&form.data.custom_id), Some(handle));
        }
        (Ok(Asked::Notify(chooser, broadcaster)), serenity::Interaction::Component(component)) => {
            chooser_holds(&chooser, component);
            assert_eq!(component.data.custom_id, format!("notify:v1:{broadcaster}"));
            assert!(!broadcaster.as_str().is_empty(), "a button of nobody's");
        }
        (Ok(Asked::TurnOff(chooser, broadcasters, page)), serenity::Interaction::Component(component)) => {
            chooser_holds(&chooser, component);
            let id = &component.data.custom_id;
            assert_eq!(id.rsplit(':').next().and_then(|page| page.parse().ok()), Some(page), "{id}");
            let serenity::ComponentInteractionDataKind::StringSelect { values } = &component.data.kind else {
                panic!("nothing is chosen in {:?}", component.data.kind);
            };
            assert!(broadcasters.iter().map(BroadcasterId::as_str).eq(values.iter().map(String::as_str)));
        }
        (Ok(Asked::Nothing) | Err(_), _) => {}
        (asked, interaction) => panic!("{asked:?} is read of {interaction:?}"),
    }
}

/// Who chooses is who pressed, there, and with the roles that Discord says.
fn chooser_holds(chooser: &Chooser, component: &serenity::ComponentInteraction) {
    let member = component.member.as_ref().expect("a member");
    assert_eq!(Some(chooser.guild.get()), component.guild_id.map(serenity::GuildId::get));
    assert_eq!(chooser.user.get(), member.user.id.get());
    let has = |role: &RoleId| member.roles.iter().any(|known| known.get() == role.get());
    assert!(chooser.roles.iter().all(has), "{:?} of {:?}", chooser.roles, member.roles);
}

/// Options as serenity resolves them for poise. Text that is meant for Twitch is a login or nothing.
fn options_hold(options: &[serenity::ResolvedOption<'_>]) {
    for option in options {
        match &option.value {
            serenity::ResolvedValue::SubCommand(inner) | serenity::ResolvedValue::SubCommandGroup(inner) => {
                options_hold(inner);
            }
            serenity::ResolvedValue::String(typed)
            | serenity::ResolvedValue::Autocomplete { value: typed, .. } => streamer_input(typed.as_bytes()),
            _ => {}
        }
    }
}

/// What people type as a streamer.
pub fn streamer_input(typed: &[u8]) {
    let typed = String::from_utf8_lossy(typed);
    let Ok(login) = Login::from_input(&typed) else { return };
    login_holds(&login);
    let ways = [
        login.to_string(),
        login.as_str().to_ascii_uppercase(),
        format!("  @{login}\n"),
        format!("twitch.tv/{login}"),
        format!("https://www.twitch.tv/{login}/videos?filter=all#top"),
    ];
    for way in ways {
        assert_eq!(Login::from_input(&way).as_ref(), Ok(&login), "{way:?}");
    }
    assert!(typed.to_ascii_lowercase().contains(login.as_str()), "{login} was not typed: {typed:?}");
}
