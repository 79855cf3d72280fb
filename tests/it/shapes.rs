//! Every message that tells of a stream, as it goes over the wire. The shapes are looked over by the fake, by its check of
//! messages, and by the referee of the limits.

use std::fmt::Write as _;
use std::time::Duration;

use livebell::domain::{
    BroadcasterId, Category, Chapter, Ending, Login, Mention, MessageId, Preferences, Profile, Recording,
    RoleId, Stream, StreamId, Template, Timestamp, UserId,
};
use livebell::render::{self, Manner, Message};
use livebell_fakes::discord::check_message;
use serde_json::{Value, json};

use crate::limits::Wire;
use crate::limits::checker::{breaches_mentioning, breaches_of_post};

/// 2026-11-21T08:00:00Z.
const START: Timestamp = Timestamp::from_millis(1_795_248_000_000);

const USUAL: Manner = Manner { late: None, is_silent: false };

fn at(minutes: u64) -> Timestamp {
    START.after(Duration::from_mins(minutes))
}

fn category(id: &str, name: &str) -> Category {
    Category { id: id.to_owned(), name: name.to_owned() }
}

fn stream() -> Stream {
    Stream {
        id: StreamId::new("9"),
        broadcaster: BroadcasterId::new("1"),
        login: Login::new("ann").expect("a login"),
        display_name: "Ann".to_owned(),
        title: Some("Any% *blind*".to_owned()),
        category: Some(category("7", "Celeste")),
        viewers: Some(1_234),
        tags: vec!["Speedrun".to_owned()],
        language: Some("en".to_owned()),
        started_at: START,
        thumbnail: Some("https://cdn.example/ann-{width}x{height}.jpg".to_owned()),
    }
}

fn profile() -> Profile {
    let image = Some("https://cdn.example/ann.png".to_owned());
    let (broadcaster, login) = (BroadcasterId::new("1"), Login::new("ann").expect("a login"));
    Profile { broadcaster, login, display_name: "Ann".to_owned(), image }
}

fn wanted() -> Preferences {
    Preferences {
        mention: RoleId::new(77).map(Mention::Role),
        message: Template::parse("{mention} **{streamer}** plays {category} for {viewers}: {title}").ok(),
        color: Some(0x12_34_56),
        ..Preferences::default()
    }
}

fn announcement(stream: &Stream, wanted: &Preferences, manner: Manner) -> Message {
    render::announcement(stream, &profile(), wanted, at(1), manner)
}

fn ending(parts: usize) -> Ending {
    let chapter = |category, minutes| Chapter { category, since: at(minutes) };
    let url = |part| format!("https://www.twitch.tv/videos/{part}");
    Ending {
        ended_at: at(192),
        peak_viewers: Some(12_345),
        average_viewers: Some(8_000),
        chapters: vec![
            chapter(Some(category("8", "Just Chatting")), 0),
            chapter(Some(category("7", "Celeste")), 20),
            chapter(Some(category("8", "Just Chatting")), 180),
        ],
        recordings: (1..=parts).map(|part| Recording { id: part.to_string(), url: url(part) }).collect(),
    }
}

fn ended(parts: usize) -> Message {
    render::ended(&stream(), &profile(), &wanted(), &ending(parts), USUAL)
}

fn role() -> Value {
    json!({"parse": [], "roles": ["77"]})
}

/// A body, a line for each part, and one for each field of its card.
fn lines(body: &Value) -> String {
    let mut lines = String::new();
    for (name, value) in body.as_object().expect("an object") {
        if name != "embeds" {
            writeln!(lines, "{name}: {value}").expect("written");
            continue;
        }
        for (part, value) in value[0].as_object().into_iter().flatten() {
            if part == "fields" {
                for field in value.as_array().expect("a list") {
                    writeln!(lines, "  field: {field}").expect("written");
                }
            } else {
                writeln!(lines, "  {part}: {value}").expect("written");
            }
        }
    }
    lines
}

/// The shape of a message that is posted and may mention these.
fn posted(wire: &mut Wire, message: &Message, mentioned: &Value) -> String {
    let (mut body, taken) = wire.posted(message);
    assert_eq!((taken, check_message(&body)), (Ok(()), Ok(())), "{body}");
    assert_eq!(breaches_mentioning(&body, mentioned), Vec::<String>::new(), "{body}");
    body["nonce"] = json!("(nonce)");
    lines(&body)
}

/// The shape of what takes the place of an announcement.
fn edited(message: &Message) -> String {
    let mut wire = Wire::new();
    posted(&mut wire, &announcement(&stream(), &wanted(), USUAL), &role());
    let (body, taken) = wire.edited(message);
    assert_eq!((taken, check_message(&body)), (Ok(()), Ok(())), "{body}");
    lines(&body)
}

fn posted_once(message: &Message, mentioned: &Value) -> String {
    posted(&mut Wire::new(), message, mentioned)
}

#[test]
fn a_stream_begins() {
    // Published to other servers it is the same message.
    insta::assert_snapshot!(posted_once(&announcement(&stream(), &wanted(), USUAL), &role()), @r#"
    allowed_mentions: {"parse":[],"roles":["77"]}
    components: [{"components":[{"label":"Watch","style":5,"type":2,"url":"https://www.twitch.tv/ann"},{"custom_id":"notify:v1:1","emoji":{"name":"🔔"},"label":"Notify me","style":2,"type":2}],"type":1}]
    content: "<@&77> **Ann** plays Celeste for 1,234: Any% \\*blind\\*"
      author: {"icon_url":"https://cdn.example/ann.png","name":"Ann","url":"https://www.twitch.tv/ann"}
      color: 1193046
      field: {"inline":true,"name":"Category","value":"Celeste"}
      field: {"inline":true,"name":"Viewers","value":"1,234"}
      field: {"inline":true,"name":"Started","value":"<t:1795248000:R>"}
      image: {"url":"https://cdn.example/ann-1280x720.jpg?t=1795248060"}
      timestamp: "2026-11-21T08:00:00Z"
      title: "Any% \\*blind\\*"
      url: "https://www.twitch.tv/ann"
    enforce_nonce: true
    nonce: "(nonce)"
    "#);
}

#[test]
fn a_stream_begins_in_a_forum() {
    let message = announcement(&stream(), &wanted(), USUAL);
    let (mut body, taken) = Wire::new().posted_in_forum(&message, &render::forum_title(&stream()));
    assert_eq!((taken, breaches_of_post(&body, &role())), (Ok(()), Vec::new()), "{body}");
    body["applied_tags"][0] = json!("(tag)");
    insta::assert_snapshot!(lines(&body["message"]), @r#"
    allowed_mentions: {"parse":[],"roles":["77"]}
    components: [{"components":[{"label":"Watch","style":5,"type":2,"url":"https://www.twitch.tv/ann"},{"custom_id":"notify:v1:1","emoji":{"name":"🔔"},"label":"Notify me","style":2,"type":2}],"type":1}]
    content: "<@&77> **Ann** plays Celeste for 1,234: Any% \\*blind\\*"
      author: {"icon_url":"https://cdn.example/ann.png","name":"Ann","url":"https://www.twitch.tv/ann"}
      color: 1193046
      field: {"inline":true,"name":"Category","value":"Celeste"}
      field: {"inline":true,"name":"Viewers","value":"1,234"}
      field: {"inline":true,"name":"Started","value":"<t:1795248000:R>"}
      image: {"url":"https://cdn.example/ann-1280x720.jpg?t=1795248060"}
      timestamp: "2026-11-21T08:00:00Z"
      title: "Any% \\*blind\\*"
      url: "https://www.twitch.tv/ann"
    "#);
    body["message"] = json!("(as above)");
    insta::assert_snapshot!(lines(&body), @r#"
    applied_tags: ["(tag)"]
    auto_archive_duration: 1440
    message: "(as above)"
    name: "Ann: Any% *blind*"
    "#);
}

#[test]
fn a_stream_begins_as_it_does_where_nothing_is_set() {
    let message = announcement(&stream(), &Preferences::default(), Manner::default());
    insta::assert_snapshot!(posted_once(&message, &json!({"parse": []})), @r#"
    allowed_mentions: {"parse":[]}
    components: [{"components":[{"label":"Watch","style":5,"type":2,"url":"https://www.twitch.tv/ann"},{"custom_id":"notify:v1:1","emoji":{"name":"🔔"},"label":"Notify me","style":2,"type":2}],"type":1}]
      author: {"icon_url":"https://cdn.example/ann.png","name":"Ann","url":"https://www.twitch.tv/ann"}
      color: 9520895
      field: {"inline":true,"name":"Category","value":"Celeste"}
      field: {"inline":true,"name":"Viewers","value":"1,234"}
      field: {"inline":true,"name":"Started","value":"<t:1795248000:R>"}
      image: {"url":"https://cdn.example/ann-1280x720.jpg?t=1795248060"}
      timestamp: "2026-11-21T08:00:00Z"
      title: "Any% \\*blind\\*"
      url: "https://www.twitch.tv/ann"
    enforce_nonce: true
    nonce: "(nonce)"
    "#);
}

#[test]
fn a_stream_changes() {
    let changed = Stream { category: Some(category("9", "Hades")), title: None, ..stream() };
    insta::assert_snapshot!(edited(&announcement(&changed, &wanted(), USUAL)), @r#"
    allowed_mentions: {"parse":[],"roles":["77"]}
    components: [{"components":[{"label":"Watch","style":5,"type":2,"url":"https://www.twitch.tv/ann"},{"custom_id":"notify:v1:1","emoji":{"name":"🔔"},"label":"Notify me","style":2,"type":2}],"type":1}]
    content: "<@&77> **Ann** plays Hades for 1,234: Live on Twitch"
      author: {"icon_url":"https://cdn.example/ann.png","name":"Ann","url":"https://www.twitch.tv/ann"}
      color: 1193046
      field: {"inline":true,"name":"Category","value":"Hades"}
      field: {"inline":true,"name":"Viewers","value":"1,234"}
      field: {"inline":true,"name":"Started","value":"<t:1795248000:R>"}
      image: {"url":"https://cdn.example/ann-1280x720.jpg?t=1795248060"}
      timestamp: "2026-11-21T08:00:00Z"
      title: "Live on Twitch"
      url: "https://www.twitch.tv/ann"
    "#);
}

#[test]
fn a_stream_ends_with_recordings() {
    insta::assert_snapshot!(edited(&ended(2)), @r#"
    allowed_mentions: {"parse":[]}
    components: [{"components":[{"label":"Part 1","style":5,"type":2,"url":"https://www.twitch.tv/videos/1"},{"label":"Part 2","style":5,"type":2,"url":"https://www.twitch.tv/videos/2"},{"custom_id":"notify:v1:1","emoji":{"name":"🔔"},"label":"Notify me","style":2,"type":2}],"type":1}]
    content: null
      author: {"icon_url":"https://cdn.example/ann.png","name":"Ann","url":"https://www.twitch.tv/ann"}
      color: 1193046
      description: "Was live for 3 h 12 min"
      field: {"inline":true,"name":"Peak viewers","value":"12,345"}
      field: {"inline":true,"name":"Average viewers","value":"8,000"}
      field: {"inline":false,"name":"Categories","value":"Just Chatting · 32 min\nCeleste · 2 h 40 min"}
      thumbnail: {"url":"https://cdn.example/ann.png"}
      timestamp: "2026-11-21T08:00:00Z"
      title: "Any% \\*blind\\*"
      url: "https://www.twitch.tv/ann"
    "#);
    // With six, one stands in a field and the other button in a second row.
    let many = edited(&ended(6));
    assert!(many.contains(
        r#"{"inline":false,"name":"More parts","value":"[Part 6](https://www.twitch.tv/videos/6)"}"#
    ));
    assert_eq!(many.matches(r#""type":1}"#).count(), 2, "{many}");
}

#[test]
fn a_stream_ends_without_a_recording() {
    let ending = Ending { peak_viewers: None, average_viewers: None, chapters: Vec::new(), ..ending(0) };
    let message = render::ended(&stream(), &profile(), &wanted(), &ending, Manner::default());
    insta::assert_snapshot!(edited(&message), @r#"
    allowed_mentions: {"parse":[]}
    components: [{"components":[{"custom_id":"notify:v1:1","emoji":{"name":"🔔"},"label":"Notify me","style":2,"type":2}],"type":1}]
    content: null
      author: {"icon_url":"https://cdn.example/ann.png","name":"Ann","url":"https://www.twitch.tv/ann"}
      color: 1193046
      description: "Was live for 3 h 12 min"
      field: {"inline":true,"name":"Category","value":"Celeste"}
      thumbnail: {"url":"https://cdn.example/ann.png"}
      timestamp: "2026-11-21T08:00:00Z"
      title: "Any% \\*blind\\*"
      url: "https://www.twitch.tv/ann"
    "#);
}

#[test]
fn a_rerun_notifies_nobody() {
    let quiet = Manner { is_silent: true, ..Manner::default() };
    let wanted = Preferences { preview: Some(false), button: Some(false), ..wanted() };
    insta::assert_snapshot!(posted_once(&announcement(&stream(), &wanted, quiet), &json!({"parse": []})), @r#"
    allowed_mentions: {"parse":[]}
    components: [{"components":[{"custom_id":"notify:v1:1","emoji":{"name":"🔔"},"label":"Notify me","style":2,"type":2}],"type":1}]
    content: "<@&77> **Ann** plays Celeste for 1,234: Any% \\*blind\\*"
      author: {"icon_url":"https://cdn.example/ann.png","name":"Ann","url":"https://www.twitch.tv/ann"}
      color: 1193046
      field: {"inline":true,"name":"Category","value":"Celeste"}
      field: {"inline":true,"name":"Viewers","value":"1,234"}
      field: {"inline":true,"name":"Started","value":"<t:1795248000:R>"}
      timestamp: "2026-11-21T08:00:00Z"
      title: "Any% \\*blind\\*"
      url: "https://www.twitch.tv/ann"
    enforce_nonce: true
    flags: 4096
    nonce: "(nonce)"
    "#);
}

#[test]
fn a_stream_is_late() {
    let late = Manner { late: Some(Duration::from_mins(125)), ..Manner::default() };
    let shape = posted_once(&announcement(&stream(), &wanted(), late), &role());
    let in_time = posted_once(&announcement(&stream(), &wanted(), Manner::default()), &role());
    let more: Vec<&str> = shape.lines().filter(|line| !in_time.contains(line)).collect();
    assert_eq!(more, [r#"  footer: {"text":"Late: live for 2 h 5 min, I could not post earlier"}"#]);
}

#[test]
fn what_discord_does_not_take_becomes_a_link() {
    insta::assert_snapshot!(posted_once(&render::reduced(&stream(), &wanted(), USUAL), &role()), @r#"
    allowed_mentions: {"parse":[],"roles":["77"]}
    content: "<@&77> **ann** went live <t:1795248000:R>: https://www.twitch.tv/ann"
    enforce_nonce: true
    nonce: "(nonce)"
    "#);
}

#[test]
fn eighty_members_are_mentioned_at_once_and_the_next_in_a_reply() {
    let all: Vec<UserId> = (0..81).filter_map(|less| UserId::new(i64::MAX.unsigned_abs() - less)).collect();
    let ids = |members: &[UserId]| members.iter().map(ToString::to_string).collect::<Vec<_>>();
    let plain = Preferences { message: None, ..wanted() };
    for (count, left) in [(80, 0), (81, 1)] {
        let mut message = announcement(&stream(), &plain, USUAL);
        let rest = render::mention_members(&mut message, &all[..count]);
        assert_eq!(rest, &all[80..80 + left]);
        let mentioned = json!({"parse": [], "roles": ["77"], "users": ids(&all[..80])});
        let shape = posted_once(&message, &mentioned);
        assert!(
            shape.contains(r#"content: "<@&77>\n<@9223372036854775807> <@9223372036854775806> <@"#),
            "{shape}"
        );
        if !rest.is_empty() {
            let mentioned = json!({"parse": [], "users": ids(rest)});
            insta::assert_snapshot!(posted_once(&render::reply(rest, MessageId::new(5)), &mentioned), @r#"
            allowed_mentions: {"parse":[],"users":["9223372036854775727"]}
            content: "<@9223372036854775727>"
            enforce_nonce: true
            message_reference: {"fail_if_not_exists":true,"message_id":"5"}
            nonce: "(nonce)"
            "#);
        }
    }
}
