//! Forums: each stream gets a post of its own, which is edited, ended and found again like a message, though Discord knows none
//! again that is made twice.

use std::time::Duration;

use livebell_fakes::discord::permissions::{MANAGE_THREADS, READ_MESSAGE_HISTORY, SEND_MESSAGES};
use livebell_fakes::discord::{Channel, ChannelKind, Fault, Member, Message, Place, Reply};
use serde_json::{Value, json};

use crate::routes::{asks, chooses};
use crate::world::{A_LOOK, Server, World};

/// Long enough for a change to be seen and for the edit that waits for more of them.
const AN_EDIT: Duration = Duration::from_secs(30 + 60 + 10);

/// Long enough for somebody who has left to be believed gone, and for what is told of it.
const THE_END: Duration = Duration::from_secs(5 * 60 + 30 + 30 + 40);

/// Long enough for every attempt that an answer was lost of.
const DOUBTS: Duration = Duration::from_mins(3);

/// A server that follows Ann in a forum with these tags.
async fn forum(tags: &[&str], requires_tag: bool) -> (World, Server) {
    let world = World::start().await;
    let server = world.bare_server("Cats");
    let live = world.discord.add_forum(server.guild, "streams", tags, requires_tag);
    let system = world.channel(server, "general");
    world.discord.set_system_channel(server.guild, Some(system));
    let cats = Server { live, ..server };
    asks(&world, cats, "setchannel", json!({ "channel": live.to_string() })).await;
    world.follow(cats, "ann").await;
    world.pass(A_LOOK).await;
    (world, cats)
}

/// The posts of a server that stand, each with its first message if that stands.
fn posts(world: &World, server: Server) -> Vec<(Channel, Option<Message>)> {
    let threads =
        world.discord.threads(server.guild).into_iter().filter(|one| one.parent == Some(server.live));
    threads.map(|post| (post.clone(), world.discord.messages(post.id).into_iter().next())).collect()
}

#[track_caller]
fn the_post(world: &World, server: Server) -> (Channel, Message) {
    let mut posts = posts(world, server);
    assert_eq!(posts.len(), 1, "there is one post");
    let (post, message) = posts.remove(0);
    (post, message.expect("its first message stands"))
}

async fn why(world: &World, server: Server) -> String {
    asks(world, server, "why", json!({ "streamer": "ann" })).await
}

fn told(world: &World, server: Server) -> Vec<String> {
    let channels = world.discord.channels(server.guild);
    let system = channels.iter().find(|channel| channel.name == "general").expect("it is there");
    world.told(system.id)
}

async fn panel(world: &World, server: Server, command: &str, options: Value) -> Reply {
    world.slash(&world.admin, server, command, options).await
}

/// Chooses a tag in the panel of a command.
async fn picks(world: &World, server: Server, command: &str, options: Value, tag: &str) -> Reply {
    let panel = panel(world, server, command, options).await;
    let rows = panel.raw["components"].as_array().expect("rows").clone();
    let ids = rows.iter().filter_map(|row| row["components"][0]["custom_id"].as_str());
    let id = ids.clone().find(|id| id.contains("forum_tag")).expect("a select for the tag").to_owned();
    let known = world.discord.tags(server.live);
    let tag = known.iter().find(|known| known.name == tag).expect("a tag").id.to_string();
    let by = &world.admin;
    let values = [tag.as_str()];
    world.discord.select(by, server.guild, server.live, panel.raw.clone(), &id, &values).await.reply().await
}

#[tokio::test(start_paused = true)]
async fn each_stream_gets_a_post_that_follows_it_to_its_end() {
    let (world, cats) = forum(&[], false).await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    let (post, message) = the_post(&world, cats);
    assert!(post.name.starts_with("Ann: "), "{}", post.name);
    assert_eq!(post.thread.as_ref().map(|thread| thread.auto_archive), Some(1_440));
    let link = format!("https://discord.com/channels/{}/{}/{}", cats.guild, post.id, message.id);
    assert!(why(&world, cats).await.contains(&format!("✅ Announced: {link}")));

    world.twitch.set_title(&world.id("ann"), "Second run");
    world.pass(AN_EDIT + Duration::from_mins(5)).await;
    let (same, message) = the_post(&world, cats);
    assert_eq!((same.id, message.body["embeds"][0]["title"].as_str()), (post.id, Some("Second run")));
    assert_eq!(same.name, post.name, "Discord lets a post be renamed twice in ten minutes only");
    world.goes_offline("ann");
    world.pass(THE_END).await;
    assert!(the_post(&world, cats).1.body.to_string().to_lowercase().contains("was live for"));
    assert!(why(&world, cats).await.contains(&link));

    world.goes_live("ann");
    world.pass(A_LOOK).await;
    assert_eq!(posts(&world, cats).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_forum_is_known_again_after_a_restart_and_found_out_without_a_pause() {
    let (mut world, cats) = forum(&[], false).await;
    world.stop().await.expect("it stops");
    world.wake().await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    the_post(&world, cats);
    assert_eq!(told(&world, cats), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn whatever_becomes_of_a_channel_the_announcement_goes_there_as_it_is_taken() {
    let (world, cats) = forum(&[], false).await;
    world.discord.set_kind(cats.live, ChannelKind::Text);
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
    world.goes_offline("ann");
    world.pass(THE_END).await;
    world.discord.set_kind(cats.live, ChannelKind::Media);
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    the_post(&world, cats);
    assert_eq!(told(&world, cats), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_forum_that_wants_a_tag_asks_for_one_and_what_waits_goes_out_when_it_is_chosen() {
    let (world, cats) = forum(&["Chess", "Music"], true).await;
    let answer = asks(&world, cats, "setchannel", json!({ "channel": cats.live.to_string() })).await;
    insta::assert_snapshot!(answer, @"
    Announcements go to #streams from now on.
    Each stream gets a post of its own there. This forum wants a tag on every post: `/settings` shows which one is chosen.
    ");
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    let wanted = "wants a tag on every post, and none is chosen. Choose one with `/settings`";
    assert_eq!(told(&world, cats).len(), 1);
    assert!(told(&world, cats)[0].contains(wanted), "{:?}", told(&world, cats));
    for (command, options) in [("settings", json!({})), ("why", json!({ "streamer": "ann" }))] {
        let answer = asks(&world, cats, command, options).await;
        assert_eq!(answer.matches(wanted).count(), 1, "{answer}");
    }
    // An hour later it is looked at again, and is no more open than before.
    world.pass(Duration::from_mins(70)).await;
    assert_eq!((posts(&world, cats).len(), told(&world, cats).len()), (0, 1));
    let shown = picks(&world, cats, "settings", json!({}), "Chess").await;
    assert!(shown.text().contains("**Tag of the post** Chess"), "{}", shown.text());
    world.pass(Duration::from_secs(5)).await;
    let tag = world.discord.tags(cats.live)[0].id;
    assert_eq!(the_post(&world, cats).0.thread.expect("a thread").tags, [tag]);
}

#[tokio::test(start_paused = true)]
async fn who_has_a_tag_does_not_wait_for_those_who_have_none() {
    let (world, cats) = forum(&["Chess"], true).await;
    world.follow(cats, "bea").await;
    picks(&world, cats, "editstreamer", json!({ "streamer": "bea" }), "Chess").await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.goes_live("bea");
    world.pass(A_LOOK).await;
    assert!(the_post(&world, cats).0.name.starts_with("Bea"), "Ann's waits, Bea's does not");
    world.goes_offline("bea");
    world.pass(THE_END).await;
    assert!(the_post(&world, cats).1.body.to_string().to_lowercase().contains("was live for"));
    world.discord.set_requires_tag(cats.live, false);
    world.discord.update_bot_member(cats.guild);
    world.pass(A_LOOK).await;
    assert_eq!(posts(&world, cats).len(), 2, "no tag is wanted any more");
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_is_gone_is_left_out_or_asked_for_anew() {
    for requires_tag in [false, true] {
        let (world, cats) = forum(&["Chess", "Music"], requires_tag).await;
        picks(&world, cats, "settings", json!({}), "Chess").await;
        world.discord.remove_tag(cats.live, world.discord.tags(cats.live)[0].id);
        world.goes_live("ann");
        world.pass(A_LOOK).await;
        assert_eq!(posts(&world, cats).len(), usize::from(!requires_tag));
        assert_eq!(told(&world, cats).len(), usize::from(requires_tag));
        picks(&world, cats, "settings", json!({}), "Music").await;
        world.pass(A_LOOK).await;
        assert_eq!(the_post(&world, cats).0.thread.expect("a thread").tags.len(), usize::from(requires_tag));
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_looked_for_at_once_and_the_post_is_there_once() {
    for fault in [Fault::CutAfter, Fault::HangAfter, Fault::CutBefore, Fault::Slow(Duration::from_secs(18))] {
        let (world, cats) = forum(&[], false).await;
        world.discord.fail(Place::Channel(cats.live), 1, fault.clone());
        world.goes_live("ann");
        world.pass(DOUBTS).await;
        let (post, message) = the_post(&world, cats);
        let why = why(&world, cats).await;
        assert!(why.contains(&format!("/{}/{}", post.id, message.id)), "{fault:?}: {why}");
        let is_there = matches!(fault, Fault::CutAfter | Fault::HangAfter);
        assert!(!is_there || why.contains("I found the announcement"), "{fault:?}: {why}");
        world.goes_offline("ann");
        world.pass(THE_END).await;
        assert!(
            the_post(&world, cats).1.body.to_string().to_lowercase().contains("was live for"),
            "{fault:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn killed_before_the_answer_the_bot_finds_the_post_open_or_put_away() {
    for (away, is_archived) in [(1, false), (20, true), (3_600, true)] {
        let (mut world, cats) = forum(&[], false).await;
        world.discord.set_latency(Duration::from_millis(400));
        world.goes_live("ann");
        world.discord.wait_for_effect(1).await;
        world.kill().await;
        world.discord.set_latency(Duration::ZERO);
        if is_archived {
            world.discord.set_archived(the_post(&world, cats).0.id, true);
        }
        world.pass(Duration::from_secs(away)).await;
        world.wake().await;
        world.pass(DOUBTS).await;
        let (post, _) = the_post(&world, cats);
        let why = why(&world, cats).await;
        assert!(
            why.contains("I found the announcement") && why.contains(&post.id.to_string()),
            "{away}: {why}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn where_nobody_may_look_the_server_chooses() {
    for (choice, shown) in [("twice", 2), ("never", 1)] {
        let (world, cats) = forum(&[], false).await;
        chooses(&world, cats, "doubt", choice).await;
        world.discord.deny(cats.live, READ_MESSAGE_HISTORY);
        world.discord.fail(Place::Channel(cats.live), 1, Fault::CutAfter);
        world.goes_live("ann");
        world.pass(DOUBTS).await;
        assert_eq!(posts(&world, cats).len(), shown, "{choice}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_streams_post_is_not_taken_for_the_one_that_is_looked_for() {
    let (world, cats) = forum(&[], false).await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.goes_offline("ann");
    world.pass(THE_END).await;
    world.discord.add_thread(cats.guild, cats.live, "Ann is live, says somebody");
    world.discord.fail(Place::Channel(cats.live), 1, Fault::CutBefore);
    world.goes_live("ann");
    world.pass(DOUBTS).await;
    assert_eq!(posts(&world, cats).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_post_that_was_put_away_comes_back_to_be_edited_unless_it_is_locked() {
    for is_locked in [false, true] {
        let (world, cats) = forum(&[], false).await;
        world.goes_live("ann");
        world.pass(A_LOOK).await;
        let (post, _) = the_post(&world, cats);
        world.discord.set_archived(post.id, true);
        world.discord.set_locked(post.id, is_locked);
        world.goes_offline("ann");
        world.pass(THE_END).await;
        let (post, message) = the_post(&world, cats);
        assert_eq!(post.thread.expect("a thread").archived, is_locked);
        assert_eq!(message.body.to_string().to_lowercase().contains("was live for"), !is_locked);
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_end_the_whole_post_is_deleted_where_the_bot_may() {
    for may_manage in [false, true] {
        let (world, cats) = forum(&[], false).await;
        if may_manage {
            world.discord.grant(cats.guild, MANAGE_THREADS);
        }
        chooses(&world, cats, "on_end", "delete").await;
        world.goes_live("ann");
        world.pass(A_LOOK).await;
        world.discord.says(the_post(&world, cats).0.id, "so good");
        world.goes_offline("ann");
        world.pass(THE_END).await;
        let left = posts(&world, cats);
        assert_eq!(left.len(), usize::from(!may_manage));
        assert!(left.iter().all(|(_, message)| message.is_none()));
        assert!(why(&world, cats).await.contains("I deleted the message when the stream was over"));
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_forum_the_replies_stand_in_the_post() {
    let (world, cats) = forum(&[], false).await;
    world.discord.grant(cats.guild, MANAGE_THREADS);
    chooses(&world, cats, "on_end", "delete").await;
    let members: Vec<Member> = (0..81).map(|number| Member::named(&format!("member {number}"))).collect();
    for member in &members {
        world.discord.member_joins(cats.guild, member);
        world.notify(member, cats, "ann", "on").await;
    }
    world.goes_live("ann");
    world.discord.wait_for_effect(1).await;
    world.discord.fail(Place::Messages, 1, Fault::CutAfter);
    world.pass(A_LOOK).await;
    let (post, announcement) = the_post(&world, cats);
    let there = world.discord.messages(post.id);
    let shares: Vec<usize> = there.iter().map(|message| message.notified.users.len()).collect();
    assert_eq!(shares, [80, 1]);
    assert_eq!(there[1].reply_to, Some(announcement.id));
    // With the post they are gone as well, and nobody takes that for a channel that refuses.
    world.goes_offline("ann");
    world.pass(THE_END).await;
    assert_eq!(posts(&world, cats).len(), 0);
    let standing = "SELECT COUNT(*) FROM delivery WHERE message_id IS NOT NULL";
    let standing: i64 = world.database().query_row(standing, [], |row| row.get(0)).expect("a count");
    assert_eq!(standing, 0);
}

#[tokio::test(start_paused = true)]
async fn a_post_that_a_moderator_deletes_is_never_made_again() {
    let (world, cats) = forum(&[], false).await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.discord.delete_channel(the_post(&world, cats).0.id);
    world.twitch.set_title(&world.id("ann"), "Second run");
    world.pass(AN_EDIT + Duration::from_mins(5)).await;
    assert!(why(&world, cats).await.contains("has been deleted since"));
    world.goes_offline("ann");
    world.pass(THE_END).await;
    assert_eq!((posts(&world, cats).len(), told(&world, cats)), (0, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn a_right_that_is_missing_in_a_forum_is_named_and_what_waits_goes_out_when_it_is_given() {
    let (world, cats) = forum(&[], false).await;
    world.discord.deny(cats.live, SEND_MESSAGES);
    let settings = asks(&world, cats, "settings", json!({})).await;
    assert!(settings.contains("I lack **Send Messages** in #streams"), "{settings}");
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    assert!(told(&world, cats)[0].contains("I lack **Send Messages**"), "{:?}", told(&world, cats));
    world.discord.allow_again(cats.live);
    world.pass(Duration::from_secs(5)).await;
    the_post(&world, cats);
}

#[tokio::test(start_paused = true)]
async fn a_test_in_a_forum_is_a_post() {
    let (world, cats) = forum(&["Chess"], true).await;
    let answer = asks(&world, cats, "test", json!({})).await;
    assert!(answer.contains("wants a tag on every post"), "{answer}");
    picks(&world, cats, "settings", json!({}), "Chess").await;
    let answer = asks(&world, cats, "test", json!({})).await;
    let (post, message) = the_post(&world, cats);
    assert!(answer.contains(&format!("{}/{}/{}", cats.guild, post.id, message.id)), "{answer}");
}
