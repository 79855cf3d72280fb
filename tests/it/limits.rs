//! Discord's limits, kept whatever a streamer writes: from what Twitch sends, through the real client, to the body that
//! arrives. The fake refuses what it knows to be too much, and a referee of its own looks once more.

pub(crate) mod checker;
mod refusing;

use std::cell::RefCell;

use livebell::clock::Clock;
use livebell::discord::{Announcing, DiscordOptions, Line, Queueing, Rest};
use livebell::domain::{
    Category, ChannelId, Chapter, DeliveryId, Ending, ForumTagId, Login, Matter, Mention, MessageId,
    Permission, Permissions, Preferences, Profile, Recording, Refusal, RoleId, Stream, Template, Timestamp,
    UserId,
};
use livebell::outbox::nonce;
use livebell::render::{self, Manner, Message};
use livebell::twitch::{StreamsPage, UsersPage};
use livebell_fakes::discord::{ChannelKind, Discord};
use livebell_fakes::twitch;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::{A_LOOK, World};
use checker::{breaches, breaches_mentioning, breaches_of_answer};

/// Streamers that are tried. Each makes twenty-two messages.
const CASES: u32 = 200;

/// Lengths at which something changes: Discord's limits, and halves of them for what is escaped or counts twice.
const EDGES: [usize; 11] = [0, 1, 60, 80, 100, 128, 256, 512, 1024, 2000, 4096];

/// What texts are made of: letters, what counts as two, what belongs together, what cannot be seen, what is markup, and
/// what mentions.
const PIECES: [&str; 26] = [
    "a",
    "Ä",
    "\u{1d54f}",
    "e\u{301}",
    "\u{301}",
    "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{200d}\u{1f466}",
    "\u{1f1e9}\u{1f1ea}",
    "\u{200b}",
    "\u{200d}",
    "\u{2060}",
    "\u{feff}",
    "\u{3000}",
    "\u{a0}",
    "\u{2028}",
    " ",
    "\n",
    "\t",
    "\0",
    "\u{1c}",
    "\u{202e}",
    "*",
    "\\",
    "`",
    "||",
    "@everyone",
    "<@&1150000000000000001>",
];

/// What is nearly an address.
const ODD_ADDRESSES: [&str; 7] =
    ["", "http://", "https:///a.png", "https://?", "https://a b.example", "https://.", "javascript:alert(1)"];

/// A text as nobody should write it.
fn wild() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(&PIECES[..]);
    let near = (prop::sample::select(&EDGES[..]), 0_usize..4);
    prop_oneof![
        // One piece, again and again, about as often as a limit allows.
        (piece.clone(), near).prop_map(|(piece, (edge, more))| {
            let units = piece.encode_utf16().count();
            piece.repeat(((edge + more).saturating_sub(1) / units).max(1))
        }),
        (piece.clone(), prop::sample::select(&EDGES[..]), piece.clone())
            .prop_map(|(first, edge, last)| format!("{first}{}{last}", "x".repeat(edge))),
        prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat()),
        prop::collection::vec(any::<char>(), 0..400).prop_map(String::from_iter),
        any::<String>(),
    ]
}

/// What Twitch may send as the address of a picture.
fn picture() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!("https://pictures.example/ann-{width}x{height}.jpg")),
        Just(Value::Null),
        prop::sample::select(&ODD_ADDRESSES[..]).prop_map(|odd| json!(odd)),
        (480_usize..520).prop_map(|length| json!(format!("https://pictures.example/{}", "x".repeat(length)))),
        wild().prop_map(|text| json!(format!("https://{text}"))),
        wild().prop_map(|text| json!(format!("https://pictures.example/{text}"))),
        wild().prop_map(|text| json!(text)),
    ]
}

fn text() -> impl Strategy<Value = Value> {
    prop_oneof![6 => wild().prop_map(|text| json!(text)), 1 => Just(Value::Null)]
}

/// A stream and an account as the client reads them from what Twitch sends.
fn streamer() -> impl Strategy<Value = (Stream, Profile)> {
    let texts = (text(), text(), text());
    let started_at = -62_135_596_800_i64..253_402_207_200;
    (texts, "[a-z0-9_]{1,25}", any::<u64>(), started_at, picture(), picture()).prop_map(
        |((name, title, category), login, viewers, started_at, thumbnail, image)| {
            let started_at = jiff::Timestamp::from_second(started_at).expect("a time").to_string();
            let live = json!({"data": [{
                "id": "9", "user_id": "1", "user_login": login, "user_name": name, "type": "live", "title": title,
                "game_id": "7", "game_name": category, "viewer_count": viewers, "started_at": started_at,
                "thumbnail_url": thumbnail,
            }]});
            let user =
                json!({"data": [{"id": "1", "login": login, "display_name": name, "profile_image_url": image}]});
            let live = StreamsPage::read(live.to_string().as_bytes()).expect("a page").live;
            let users = UsersPage::read(user.to_string().as_bytes()).expect("a page").profiles;
            (live.into_iter().next().expect("it is live"), users.into_iter().next().expect("it is there"))
        },
    )
}

/// What an admin may want of announcements.
fn wishes() -> impl Strategy<Value = Preferences> {
    let mentions = [
        Mention::Nobody,
        Mention::Here,
        Mention::Everyone,
        Mention::Role(RoleId::new(i64::MAX.unsigned_abs()).expect("an id")),
    ];
    let all = "{mention} {streamer} {title} {category} {url} {viewers} {started} {language} {tags} ";
    let templates = [
        "{streamer} is live".to_owned(),
        "{title}".to_owned(),
        all.to_owned(),
        all.repeat(1_500 / all.len()),
        "{mention}".repeat(166),
        "x".repeat(1_500),
        format!("{}{{title}}{{category}}", "\u{1d54f}".repeat(740)),
        "@here@everyone".repeat(100),
    ];
    let template = prop::option::of(prop::sample::select(templates.to_vec()));
    let wanted =
        (prop::sample::select(mentions.to_vec()), template, any::<Option<u32>>(), any::<Option<bool>>());
    wanted.prop_map(|(mention, template, color, button)| Preferences {
        mention: Some(mention),
        message: template.map(|source| Template::parse(&source).expect("a template")),
        color,
        preview: button.map(|button| !button),
        button,
        ..Preferences::default()
    })
}

/// How a stream may have ended, with what it was about often.
fn ending(stream: &Stream, at: Timestamp, parts: u32) -> Ending {
    let category = |number: u32| {
        let name = stream.category.as_ref().map_or("none", |category| category.name.as_str());
        Category { id: number.to_string(), name: name.to_owned() }
    };
    let chapter =
        |number| Chapter { category: Some(category(number)), since: at.shifted(i64::from(number) * 60_000) };
    let url = |number: u32| format!("https://www.twitch.tv/videos/{number}");
    Ending {
        ended_at: at,
        peak_viewers: stream.viewers,
        average_viewers: stream.viewers,
        chapters: (0..parts).map(chapter).collect(),
        recordings: (0..parts).map(|number| Recording { id: number.to_string(), url: url(number) }).collect(),
    }
}

/// What a message may mention, as Discord is to be told.
fn mentioned(wanted: &Preferences, is_silent: bool, users: &[UserId]) -> Value {
    let users: Vec<String> = users.iter().map(ToString::to_string).collect();
    match wanted.mention {
        _ if is_silent => json!({"parse": []}),
        Some(Mention::Role(role)) => json!({"parse": [], "roles": [role.to_string()], "users": users}),
        Some(Mention::Here | Mention::Everyone) => json!({"parse": ["everyone"], "users": users}),
        _ => json!({"parse": [], "users": users}),
    }
}

/// Everything that the product can post because of a streamer, in every manner, with what it may mention.
fn messages(
    stream: &Stream,
    profile: &Profile,
    wanted: &Preferences,
    at: Timestamp,
) -> Vec<(Message, Value)> {
    let nobody = json!({"parse": []});
    let mut messages = vec![
        (render::sample(Some(profile), wanted, at), nobody.clone()),
        (render::preview(Some(profile), wanted, at), nobody.clone()),
    ];
    let members: Vec<UserId> =
        (0..81).filter_map(|less| UserId::new(i64::MAX.unsigned_abs() - less)).collect();
    let late = [None, Some(at.since(stream.started_at))];
    for (late, is_silent) in late.into_iter().zip([false, true]).chain(late.into_iter().zip([true, false])) {
        let manner = Manner { late, is_silent };
        for message in [
            render::announcement(stream, profile, wanted, at, manner),
            render::reduced(stream, wanted, manner),
        ] {
            let mut with_members = message.clone();
            let rest = render::mention_members(&mut with_members, &members);
            let fitting = &members[..members.len() - rest.len()];
            messages.push((message, mentioned(wanted, is_silent, &[])));
            messages.push((with_members, mentioned(wanted, is_silent, fitting)));
        }
    }
    let manner = Manner::default();
    for parts in [0, 1, 60] {
        let ended = render::ended(stream, profile, wanted, &ending(stream, at, parts), manner);
        messages.push((ended, nobody.clone()));
    }
    let reply = render::reply(&members, MessageId::new(5));
    messages.push((reply, mentioned(&Preferences::default(), false, &members[..80])));
    let (name, login) = (profile.display_name.clone(), profile.login.clone());
    let to = Login::new(&"w".repeat(25)).expect("a login");
    let renamed = Matter::Renamed { name: name.clone(), from: login.clone(), to };
    messages.push((render::notice(&renamed, None), nobody.clone()));
    messages.push((render::notice(&Matter::Vanished { name, login }, None), nobody));
    messages
}

/// Everything that the product can post because of a channel.
fn messages_about(channel: ChannelId) -> Vec<Message> {
    let paused = Matter::Paused(channel);
    let sample = render::sample(None, &Preferences::default(), Timestamp::from_millis(1));
    let mut messages = vec![sample, render::notice(&paused, None)];
    for refusal in Refusal::ALL {
        // Every set of the rights that have a name, with and without bits that have none.
        for bits in 0..1 << Permission::USEFUL.len() {
            let named = Permission::USEFUL.into_iter().enumerate();
            let named: Vec<_> = named.filter(|(at, _)| bits >> at & 1 == 1).map(|(_, right)| right).collect();
            for missing in [Permissions::of(&named), Permissions(!Permissions::of(&named).0)] {
                let closed = render::closed(channel, refusal, missing);
                messages.push(render::notice(&paused, Some(&closed)));
            }
        }
    }
    messages
}

/// The real client and a Discord with one channel, in time that passes only when everybody waits.
pub(crate) struct Wire {
    runtime: tokio::runtime::Runtime,
    discord: Discord,
    rest: Rest,
    channel: ChannelId,
    sent: i64,
}

impl Wire {
    pub(crate) fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .expect("a runtime");
        let (discord, rest, channel) = runtime.block_on(async {
            let discord = Discord::start().await;
            discord.unlimited();
            let guild = discord.add_guild("Cats");
            let channel = discord.add_channel(guild, "live", ChannelKind::Text);
            let options = DiscordOptions { api_url: discord.url(), token: discord.token().into() };
            let rest = Rest::new(options, Clock::system(), fastrand::Rng::with_seed(1)).expect("a client");
            (discord, rest, ChannelId::new(channel).expect("an id"))
        });
        Self { runtime, discord, rest, channel, sent: 0 }
    }

    /// Posts a message under a nonce as the outbox makes it, and says what arrived and whether it was taken.
    pub(crate) fn posted(&mut self, message: &Message) -> (Value, Result<(), String>) {
        self.sent += 1;
        let nonce =
            nonce::nonce("installation", DeliveryId(self.sent), self.channel, Timestamp::from_millis(1));
        let queueing = Queueing { line: Line::Errand, not_after: None };
        self.discord.clear_requests();
        // What is answered has to stand there.
        let answers =
            message.answers.map(|_| self.discord.says(self.channel.get(), "?")).and_then(MessageId::new);
        let posted = self.runtime.block_on(self.rest.create_message(
            self.channel,
            &Message { answers, ..message.clone() },
            &nonce,
            queueing,
            std::future::ready(true),
        ));
        let mut body = self.discord.requests().pop().expect("a request").body;
        if let (Some(meant), Some(answered)) = (message.answers, answers) {
            let named = &mut body["message_reference"]["message_id"];
            assert_eq!(*named, answered.to_string());
            *named = meant.to_string().into();
        }
        (body, posted.map(drop).map_err(|error| error.to_string()))
    }

    /// Makes a post in a forum with a tag, and says what arrived and whether it was taken.
    pub(crate) fn posted_in_forum(&mut self, message: &Message, title: &str) -> (Value, Result<(), String>) {
        let guild = self.discord.add_guild("Dogs");
        let forum = self.discord.add_forum(guild, "streams", &["Chess"], true);
        let wanted = Announcing {
            channel: ChannelId::new(forum).expect("an id"),
            message,
            nonce: "n",
            title,
            tag: ForumTagId::new(self.discord.tags(forum)[0].id),
            is_repeated: false,
        };
        let queueing = Queueing { line: Line::Errand, not_after: None };
        let posted = self.runtime.block_on(self.rest.announce(wanted, queueing, std::future::ready(true)));
        let body = self.discord.requests().pop().expect("a request").body;
        (body, posted.map(drop).map_err(|error| error.to_string()))
    }

    /// Puts a message in place of the one that was posted last, and says what arrived and whether it was taken.
    pub(crate) fn edited(&mut self, message: &Message) -> (Value, Result<(), String>) {
        let last = self.discord.messages(self.channel.get()).pop().expect("a message");
        let id = MessageId::new(last.id).expect("an id");
        let edited = self.rest.edit_message(self.channel, id, message, std::future::ready(true));
        let edited = self.runtime.block_on(edited);
        let body = self.discord.requests().pop().expect("a request").body;
        (body, edited.map_err(|error| error.to_string()))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn whatever_a_streamer_writes_no_message_breaks_a_limit(
        (stream, profile) in streamer(), wanted in wishes(), at in any::<i64>(),
    ) {
        thread_local! {
            // Connections are made once, for all cases.
            static WIRE: RefCell<Wire> = RefCell::new(Wire::new());
        }
        for (message, mentioned) in messages(&stream, &profile, &wanted, Timestamp::from_millis(at)) {
            let (body, taken) = WIRE.with_borrow_mut(|wire| wire.posted(&message));
            prop_assert_eq!(breaches_mentioning(&body, &mentioned), Vec::<String>::new(), "{}", body);
            prop_assert_eq!(taken, Ok(()), "{}", body);
        }
    }
}

#[test]
fn whatever_a_channel_refuses_no_notice_breaks_a_limit() {
    let mut wire = Wire::new();
    for channel in [1, i64::MAX.unsigned_abs()] {
        for message in messages_about(ChannelId::new(channel).expect("an id")) {
            let (body, taken) = wire.posted(&message);
            assert_eq!((breaches(&body), taken), (Vec::new(), Ok(())), "{body}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_is_on_the_list_every_command_is_answered_within_the_limits() {
    /// As many as stand on a page of a list.
    const PAGE: usize = 10;
    /// Longer than every limit in any piece, and short enough that Twitch's page is one that is read.
    const OFTEN: usize = 2_000;
    let pieces = ["*", "x", "\u{1d54f}", "\u{200b}", "@everyone ", "\u{1f469}\u{200d}\u{1f467}", "[a](b) "];
    for (round, piece) in pieces.into_iter().enumerate() {
        let world = World::start().await;
        let cats = world.server("Cats").await;
        let odd = piece.repeat(OFTEN);
        let logins: Vec<_> =
            (0..PAGE).map(|number| format!("{:x<25}", format!("streamer_{number}_"))).collect();
        for (number, login) in logins.iter().enumerate() {
            world.twitch.add_user_with(twitch::User {
                id: (1 + number).to_string(),
                login: login.clone(),
                display_name: odd.clone(),
                profile_image_url: ODD_ADDRESSES[round % ODD_ADDRESSES.len()].to_owned(),
            });
            let added = world.slash(&world.admin, cats, "addstreamer", json!({ "streamer": login })).await;
            assert_eq!(breaches_of_answer(&added.raw), Vec::<String>::new(), "{piece:?}");
            let stream = twitch::Stream {
                title: odd.clone(),
                game_name: odd.clone(),
                viewers: u64::MAX / 2,
                thumbnail_url: odd.clone(),
                ..twitch::Stream::default()
            };
            world.twitch.go_live_with(&(1 + number).to_string(), stream);
        }
        world.pass(A_LOOK).await;
        assert_eq!(world.announcements(cats).len(), PAGE, "{piece:?}");
        let one = json!({ "streamer": logins[0] });
        for (command, options) in [
            ("streamers", json!({})),
            ("live", json!({})),
            ("settings", json!({})),
            ("editstreamer", one.clone()),
            ("why", one.clone()),
            ("test", one.clone()),
            ("removestreamer", one),
        ] {
            let reply = world.slash(&world.admin, cats, command, options).await;
            assert_eq!(breaches_of_answer(&reply.raw), Vec::<String>::new(), "/{command} with {piece:?}");
        }
    }
}
