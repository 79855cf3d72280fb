//! Routes that are paused: which refusals do it, who is told what, and how quiet the bot is meanwhile. No setting of
//! anybody's is touched.

mod resuming;

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use livebell_fakes::discord::permissions::{EMBED_LINKS, ORDINARY, SEND_MESSAGES, VIEW_CHANNEL};
use livebell_fakes::discord::{Fault, Place, Reply};
use serde_json::{Value, json};

use crate::world::{A_LOOK, Server, World};

/// A server that follows Ann, and the channel in which Discord greets its newcomers.
pub(crate) async fn with_system_channel(world: &World, name: &str) -> (Server, u64) {
    let server = world.server(name).await;
    let system = world.channel(server, "general");
    world.discord.set_system_channel(server.guild, Some(system));
    world.follow(server, "ann").await;
    world.pass(A_LOOK).await;
    (server, system)
}

/// A server's channel is closed to the bot, which finds out when Ann goes live.
pub(crate) async fn shut_out(world: &World, server: Server) {
    world.discord.deny(server.live, SEND_MESSAGES);
    world.goes_live("ann");
    world.pass(A_LOOK).await;
}

/// What an admin reads who types a command.
pub(crate) async fn asks(world: &World, server: Server, command: &str, options: Value) -> String {
    let reply = world.slash(&world.admin, server, command, options).await;
    assert!(reply.ephemeral, "/{command} is nobody else's business");
    world.words(server, &reply)
}

/// An admin chooses something in `/settings`, and reads how it stands then.
pub(crate) async fn chooses(world: &World, server: Server, option: &str, choice: &str) -> String {
    let commands = world.discord.commands();
    let named = |list: &Value, name: &str| {
        let list = list.as_array().expect("a list").iter();
        list.clone().find(|item| item["name"].as_str().is_some_and(|found| found.starts_with(name))).cloned()
    };
    let settings = named(&json!(commands), "settings").expect("the command");
    let choices = named(&settings["options"], option).expect(option)["choices"].clone();
    let value = named(&choices, &format!("{choice}: ")).expect(choice)["value"].clone();
    asks(world, server, "settings", json!({ option: value })).await
}

/// A text with channels by their names.
pub(crate) fn reads(world: &World, server: Server, text: &str) -> String {
    let (content, none) = (text.to_owned(), Vec::new);
    let raw = Value::Null;
    let text = Reply {
        kind: 4,
        ephemeral: false,
        content,
        embeds: none(),
        components: none(),
        choices: Vec::new(),
        raw,
    };
    world.words(server, &text)
}

/// What Discord says when it refuses.
pub(crate) fn refusal(status: u16, code: u64) -> Fault {
    Fault::Status { status, code, message: "No.".to_owned() }
}

/// How often something was posted, or tried to be, in a channel.
pub(crate) fn attempts(world: &World, channel: u64) -> usize {
    world.count("POST", &format!("/channels/{channel}/messages"))
}

/// How often the rights in the channels of a server were looked up.
fn looks(world: &World, guild: u64) -> usize {
    world.count("GET", &format!("/guilds/{guild}/channels"))
}

/// How many requests were about a server or its channel.
fn requests_about(world: &World, server: Server) -> usize {
    let ids = [server.guild, server.live].map(|id| format!("/{id}"));
    let about = |path: &str| ids.iter().any(|id| path.contains(id.as_str()));
    world.discord.requests().iter().filter(|request| about(&request.path)).count()
}

#[tokio::test(start_paused = true)]
async fn a_refused_channel_is_paused_and_its_admins_read_what_to_do() {
    let world = World::start().await;
    let (cats, system) = with_system_channel(&world, "Cats").await;
    shut_out(&world, cats).await;
    assert_eq!(world.discord.messages(system).len(), 1);
    insta::assert_snapshot!(reads(&world, cats, &world.told(system)[0]), @"
    ⚠️ I cannot announce streams in #live for now. I lack **Send Messages** in #live. Open the settings of the channel, then Permissions, and allow it for me or one of my roles.
    I go on by myself as soon as that is settled, and announce who is still live then. `/settings` shows how it stands.
    ");
    insta::assert_snapshot!(asks(&world, cats, "streamers", json!({})).await, @"
    Streamers (1)
    🟣 **[Ann](https://www.twitch.tv/ann)** in #live · since (day) · live, began (time)
    ⚠️ I lack **Send Messages** in #live. Open the settings of the channel, then Permissions, and allow it for me or one of my roles.
    ");
    // Nothing is repeated, and nobody is told again, however long it lasts.
    world.pass(Duration::from_hours(5)).await;
    assert_eq!(world.told(system).len(), 1);
    assert_eq!(attempts(&world, cats.live), 1);
    world.expect_announced(cats, &[]);
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_is_named_exactly() {
    for (denied, expected) in [
        (VIEW_CHANNEL, "I lack **View Channel** in #live"),
        (SEND_MESSAGES, "I lack **Send Messages** in #live"),
        (EMBED_LINKS, "I lack **Embed Links** in #live"),
        (SEND_MESSAGES | EMBED_LINKS, "I lack **Send Messages**, **Embed Links** in #live"),
    ] {
        let world = World::start().await;
        let (cats, system) = with_system_channel(&world, "Cats").await;
        world.discord.deny(cats.live, denied);
        world.goes_live("ann");
        world.pass(A_LOOK).await;
        let told = world.told(system);
        assert_eq!(told.len(), 1, "{expected}: {told:?}");
        assert!(reads(&world, cats, &told[0]).contains(expected), "{told:?}");
        world.discord.allow_again(cats.live);
        world.pass(A_LOOK).await;
        world.expect_announced(cats, &["Ann"]);
    }
}

#[tokio::test(start_paused = true)]
async fn every_refusal_of_the_place_pauses_whatever_the_rights_look_like() {
    for (status, code, expected) in [
        (403, 50001, "I cannot see #live."),
        (403, 50013, "though my permissions there look right"),
        (404, 10003, "The channel does not exist any more."),
        (404, 10004, "Discord says that I am not in this server."),
        (400, 50008, "#live takes no plain messages."),
        (403, 50009, "does not say which right is missing"),
    ] {
        let world = World::start().await;
        let (cats, system) = with_system_channel(&world, "Cats").await;
        world.discord.fail(Place::Channel(cats.live), u32::MAX, refusal(status, code));
        world.goes_live("ann");
        world.pass(A_LOOK).await;
        let told = world.told(system);
        assert_eq!(told.len(), 1, "{code}: {told:?}");
        assert!(reads(&world, cats, &told[0]).contains(expected), "{code}: {told:?}");
        let before = attempts(&world, cats.live);
        world.pass(Duration::from_mins(30)).await;
        assert_eq!(attempts(&world, cats.live), before, "{code}");
        world.discord.clear_faults();
        world.discord.update_bot_member(cats.guild);
        world.pass(Duration::from_secs(5)).await;
        world.expect_announced(cats, &["Ann"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_nobody_can_see_through_is_told_once_a_day_at_most_and_tried_once_an_hour() {
    let world = World::start().await;
    let (cats, system) = with_system_channel(&world, "Cats").await;
    world.discord.fail(Place::Channel(cats.live), u32::MAX, refusal(403, 50013));
    world.goes_live("ann");
    world.pass(Duration::from_hours(24)).await;
    assert_eq!(world.told(system).len(), 1, "{:?}", world.told(system));
    let attempts = attempts(&world, cats.live);
    assert!((20..=29).contains(&attempts), "{attempts}");
    world.discord.clear_faults();
    world.pass(Duration::from_mins(67)).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_paused_route_is_looked_at_hourly_and_otherwise_left_alone() {
    let world = World::start().await;
    let (cats, _) = with_system_channel(&world, "Cats").await;
    world.follow(cats, "bob").await;
    world.discord.deny(cats.live, VIEW_CHANNEL);
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    assert_eq!(attempts(&world, cats.live), 1);
    let refused = world.discord.invalid_requests();
    world.discord.clear_requests();
    for _ in 0..24 {
        world.pass(Duration::from_hours(1)).await;
        world.goes_live("bob");
    }
    // Bob begins anew all day long, and none of it is tried.
    assert_eq!(attempts(&world, cats.live), 0);
    let looks = looks(&world, cats.guild);
    assert!((21..=27).contains(&looks), "{looks}");
    // Nothing that Discord would count against the bot, although it cannot see the channel.
    assert_eq!(world.discord.invalid_requests(), refused);
    assert!(requests_about(&world, cats) <= 3 * looks);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_channel_is_told_at_once_and_nothing_is_posted_elsewhere() {
    let world = World::start().await;
    let (cats, system) = with_system_channel(&world, "Cats").await;
    let stage = world.channel(cats, "stage");
    world.discord.delete_channel(cats.live);
    world.pass(Duration::from_secs(2)).await;
    insta::assert_snapshot!(reads(&world, cats, &world.told(system)[0]), @"
    ⚠️ I cannot announce streams in #gone for now. The channel does not exist any more. Choose another one with `/setchannel`, or with `/addstreamer` for a streamer with a channel of its own.
    I go on by myself as soon as that is settled, and announce who is still live then. `/settings` shows how it stands.
    ");
    world.goes_live("ann");
    world.pass(Duration::from_hours(3)).await;
    assert_eq!(world.discord.all_messages().len(), 1);
    assert_eq!(attempts(&world, cats.live), 0);
    asks(&world, cats, "setchannel", json!({ "channel": stage.to_string() })).await;
    world.pass(Duration::from_secs(5)).await;
    let stage = Server { live: stage, ..cats };
    world.expect_announced(stage, &["Ann"]);
    let mark = world.announcements(stage)[0].body["embeds"][0]["footer"]["text"].clone();
    assert!(mark.as_str().is_some_and(|mark| mark.starts_with("Late: live for 3 h")), "{mark}");
    assert_eq!(world.told(system).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_channel_that_nobody_uses_is_no_news() {
    let world = World::start().await;
    let (cats, system) = with_system_channel(&world, "Cats").await;
    let stage = world.channel(cats, "stage");
    world.discord.delete_channel(stage);
    world.pass(Duration::from_mins(1)).await;
    assert!(world.told(system).is_empty());
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_pause_changes_nobodys_settings() {
    let world = World::start().await;
    let (cats, _) = with_system_channel(&world, "Cats").await;
    chooses(&world, cats, "late", "quiet").await;
    let kept = || {
        let sql = "SELECT COALESCE(watch.channel_id, guild.channel_id) || late FROM watch JOIN guild USING (guild_id)";
        let kept = world.database().query_row(sql, [], |row| row.get::<_, String>(0));
        kept.expect("a setting")
    };
    let before = kept();
    world.discord.delete_channel(cats.live);
    world.goes_live("ann");
    world.pass(Duration::from_hours(2)).await;
    assert_eq!(kept(), before);
}

#[tokio::test(start_paused = true)]
async fn a_flapping_permission_is_told_once_within_the_hour() {
    let world = World::start().await;
    let (cats, system) = with_system_channel(&world, "Cats").await;
    let mut announced = Vec::new();
    for number in 0..6 {
        let login = format!("s{number}");
        world.follow(cats, &login).await;
        world.discord.deny(cats.live, SEND_MESSAGES);
        world.goes_live(&login);
        world.pass(Duration::from_mins(4)).await;
        world.discord.allow_again(cats.live);
        world.pass(Duration::from_mins(4)).await;
        announced.push(format!("S{number}"));
    }
    assert_eq!(world.told(system).len(), 1);
    assert_eq!(world.announced(cats), announced);
    // Another day it is another trouble.
    world.pass(Duration::from_hours(24)).await;
    shut_out(&world, cats).await;
    assert_eq!(world.told(system).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_removed_bot_is_told_nothing_and_asks_nothing() {
    let world = World::start().await;
    let (cats, system) = with_system_channel(&world, "Cats").await;
    world.discord.deny(cats.live, SEND_MESSAGES);
    // Discord is down, so the notice waits.
    world.discord.fail(Place::Channel(system), u32::MAX, Fault::Html(503));
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.discord.kick(cats.guild);
    world.pass(Duration::from_secs(20)).await;
    world.discord.clear_faults();
    world.discord.clear_requests();
    world.pass(Duration::from_hours(3)).await;
    assert_eq!(requests_about(&world, cats), 0);
    assert!(world.told(system).is_empty());
    // Who invites it again is told how it is now, once.
    world.discord.invite(cats.guild);
    world.pass(Duration::from_mins(10)).await;
    assert_eq!(world.told(system).len(), 1);
    world.expect_announced(cats, &[]);
}

#[tokio::test(start_paused = true)]
async fn who_is_still_live_is_announced_when_the_bot_is_invited_again() {
    let world = World::start().await;
    let (cats, _) = with_system_channel(&world, "Cats").await;
    world.follow(cats, "bob").await;
    world.discord.deny(cats.live, SEND_MESSAGES);
    world.goes_live("ann");
    world.goes_live("bob");
    world.pass(A_LOOK).await;
    world.discord.kick(cats.guild);
    world.discord.allow_again(cats.live);
    world.goes_offline("bob");
    world.pass(Duration::from_mins(30)).await;
    world.discord.invite(cats.guild);
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
    // Nobody could have told a server without the bot, so it is not late.
    assert!(world.announcements(cats)[0].body["embeds"][0]["footer"].is_null());
}

/// What is written, line by line.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("the log").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn the_log_names_the_channel_and_what_is_missing() {
    // Once without anybody who reads it: a line that another test logs for the first time just when somebody begins to listen
    // may be noted as of no interest. From here on every line is known.
    let world = World::start().await;
    let (cats, _) = with_system_channel(&world, "Cats").await;
    shut_out(&world, cats).await;
    drop(world);
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    tracing::callsite::rebuild_interest_cache();
    let world = World::start().await;
    let (cats, _) = with_system_channel(&world, "Cats").await;
    shut_out(&world, cats).await;
    // What is missing is found out after the refusal, which may have come at the end of that look.
    world.pass(A_LOOK).await;
    let text = String::from_utf8(log.0.lock().expect("the log").clone()).expect("text");
    let line = text.lines().find(|line| line.contains("the channel is closed to the bot")).expect(&text);
    for part in [
        format!("channel={}", cats.live),
        format!("guild={}", cats.guild),
        "missing=\"Send Messages\"".to_owned(),
    ] {
        assert!(line.contains(&part), "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn rights_of_the_whole_server_count_as_those_of_the_channel() {
    let world = World::start().await;
    let (cats, _) = with_system_channel(&world, "Cats").await;
    world.discord.set_everyone(cats.guild, ORDINARY & !SEND_MESSAGES);
    world.discord.revoke(cats.guild, SEND_MESSAGES);
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &[]);
    let settings = asks(&world, cats, "settings", json!({})).await;
    assert!(settings.contains("I lack **Send Messages** in #live."), "{settings}");
    world.discord.grant(cats.guild, SEND_MESSAGES);
    world.pass(Duration::from_secs(5)).await;
    world.expect_announced(cats, &["Ann"]);
}
