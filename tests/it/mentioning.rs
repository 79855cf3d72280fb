//! Members who asked to be pinged: mentioned in the announcement, and in replies to it where that has no room.

use std::collections::BTreeSet;
use std::time::Duration;

use livebell_fakes::discord::permissions::{READ_MESSAGE_HISTORY, SEND_MESSAGES};
use livebell_fakes::discord::{Fault, Member, Message, Place};
use livebell_fakes::twitch::Stream;
use serde_json::json;

use crate::routes::chooses;
use crate::world::{A_LOOK, GRACE, Server, World};

/// Long enough for a change to be seen and for the edit that waits for more of them.
const AN_EDIT: Duration = Duration::from_mins(2);

/// Long after Discord has forgotten every nonce.
const HOURS: Duration = Duration::from_hours(3);

impl World {
    /// So many members of a server who want to be pinged for everybody it follows.
    fn who_asked(&self, server: Server, count: usize) -> Vec<Member> {
        let members: Vec<Member> =
            (0..count).map(|number| Member::named(&format!("member {number}"))).collect();
        for (number, member) in members.iter().enumerate() {
            self.discord.member_joins(server.guild, member);
            self.chose(server, member, "on", number);
        }
        members
    }

    /// A member has chosen, as the so-manieth.
    fn chose(&self, server: Server, member: &Member, choice: &str, when: usize) {
        let sql = "INSERT INTO member_choice (guild_id, broadcaster_id, user_id, choice, chosen_at)
                   SELECT guild_id, broadcaster_id, ?2, ?3, ?4 FROM watch WHERE guild_id = ?1
                   ON CONFLICT DO UPDATE SET choice = excluded.choice";
        let [guild, user] = [server.guild, member.id].map(|id| i64::try_from(id).expect("a snowflake"));
        let when = i64::try_from(when).expect("small");
        let chosen = self.database().execute(sql, (guild, user, choice, when));
        assert!(chosen.expect("written") > 0);
    }

    /// Ann goes live, and everything that follows from it has time to happen.
    async fn ann_goes_live(&self) {
        self.goes_live("ann");
        self.pass(A_LOOK + Duration::from_secs(30)).await;
    }

    /// Fails unless the announcement and its replies have pinged exactly these, each of them once.
    #[track_caller]
    fn expect_pinged(&self, server: Server, members: &[Member]) -> Vec<Message> {
        let posts = self.posts(server);
        let pinged: Vec<u64> =
            posts.iter().flat_map(|post| &post.notified.users).map(|(id, _)| *id).collect();
        let once: BTreeSet<u64> = pinged.iter().copied().collect();
        assert_eq!(pinged.len(), once.len(), "somebody was pinged twice");
        assert_eq!(once, members.iter().map(|member| member.id).collect());
        posts
    }
}

/// How many members each message pings.
fn shares(posts: &[Message]) -> Vec<usize> {
    posts.iter().map(|post| post.notified.users.len()).collect()
}

#[tokio::test(start_paused = true)]
async fn who_asked_for_it_is_pinged_by_the_announcement() {
    let (world, cats) = World::with_follower().await;
    let members = world.who_asked(cats, 3);
    world.ann_goes_live().await;
    let posts = world.expect_pinged(cats, &members);
    let marks: Vec<String> = members.iter().map(|member| format!("<@{}>", member.id)).collect();
    assert_eq!(posts.len(), 1);
    assert_eq!(posts[0].content(), marks.join(" "));
}

#[tokio::test(start_paused = true)]
async fn whoever_finds_no_room_is_pinged_by_a_reply() {
    for (count, expected) in [(80, vec![80]), (81, vec![80, 1]), (250, vec![80, 80, 80, 10])] {
        let (world, cats) = World::with_follower().await;
        let members = world.who_asked(cats, count);
        world.ann_goes_live().await;
        let mut posts = world.expect_pinged(cats, &members);
        // Replies go out beside each other.
        posts[1..].sort_by_key(|post| std::cmp::Reverse(post.notified.users.len()));
        assert_eq!(shares(&posts), expected);
        for reply in &posts[1..] {
            assert_eq!(reply.reply_to, Some(posts[0].id));
            assert!(reply.body.get("embeds").is_none() && reply.body.get("components").is_none());
            assert_eq!(reply.body["allowed_mentions"]["parse"], json!([]));
        }
        // One delivery with its parts is one announcement, for whoever asks.
        let why = world.slash(&world.admin, cats, "why", json!({ "streamer": "ann" })).await.text();
        assert!(why.contains(&posts[0].id.to_string()), "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_text_leaves_less_room_and_pings_everybody_all_the_same() {
    let (world, cats) = World::with_follower().await;
    let members = world.who_asked(cats, 81);
    let long = json!({ "streamer": "ann", "message": "x".repeat(1_500) });
    world.slash(&world.admin, cats, "editstreamer", long).await;
    world.ann_goes_live().await;
    let posts = world.expect_pinged(cats, &members);
    assert!(shares(&posts)[0] < 40 && posts.len() == 2, "{:?}", shares(&posts));
}

#[tokio::test(start_paused = true)]
async fn whoever_turned_a_streamer_off_is_not_pinged() {
    let (world, cats) = World::with_follower().await;
    let mut members = world.who_asked(cats, 82);
    for gone in [members.remove(81), members.remove(0)] {
        world.chose(cats, &gone, "off", 0);
    }
    // The last one turns it off while their reply waits.
    let fault = Fault::Status { status: 500, code: 0, message: "later".to_owned() };
    world.who_asked(cats, 0);
    let late = Member::named("late");
    world.discord.member_joins(cats.guild, &late);
    world.chose(cats, &late, "on", 1_000);
    world.goes_live("ann");
    world.discord.wait_for_effect(1).await;
    world.discord.fail(Place::Channel(cats.live), 1, fault);
    world.pass(Duration::from_millis(500)).await;
    world.chose(cats, &late, "off", 1_000);
    world.pass(A_LOOK).await;
    let posts = world.expect_pinged(cats, &members);
    assert_eq!(posts.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_wants_nothing_late_is_not_pinged_late_by_a_reply_either() {
    for (policy, expected) in [("post", vec![80, 1]), ("quiet", vec![80]), ("skip", vec![80])] {
        let (world, cats) = World::with_follower().await;
        world.database().execute("UPDATE guild SET late = ?1", [policy]).expect("written");
        world.who_asked(cats, 81);
        world.goes_live("ann");
        world.discord.wait_for_effect(1).await;
        world.discord.deny(cats.live, SEND_MESSAGES);
        world.pass(HOURS).await;
        world.discord.allow_again(cats.live);
        world.pass(A_LOOK).await;
        assert_eq!(shares(&world.posts(cats)), expected, "{policy}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_edit_names_nobody_who_has_turned_the_streamer_off_meanwhile() {
    let (world, cats) = World::with_follower().await;
    let members = world.who_asked(cats, 2);
    world.ann_goes_live().await;
    world.chose(cats, &members[0], "off", 0);
    world.twitch.set_title(&world.id("ann"), "Any% again");
    world.pass(AN_EDIT).await;
    let posts = world.posts(cats);
    assert_eq!((posts.len(), posts[0].edits), (1, 1));
    assert_eq!(posts[0].content(), format!("<@{}>", members[1].id));
}

#[tokio::test(start_paused = true)]
async fn a_name_in_the_text_pings_nobody_and_costs_nobody_the_reply() {
    let (world, cats) = World::with_follower().await;
    let members = world.who_asked(cats, 81);
    let text = format!("For <@{}>!", members[80].id);
    world.slash(&world.admin, cats, "editstreamer", json!({ "streamer": "ann", "message": text })).await;
    world.ann_goes_live().await;
    let posts = world.expect_pinged(cats, &members);
    assert_eq!(shares(&posts), [80, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_reply_whose_answer_was_lost_is_shown_once() {
    for (fault, wait) in [(Fault::CutAfter, A_LOOK), (Fault::HangAfter, Duration::from_mins(4))] {
        let (world, cats) = World::with_follower().await;
        let members = world.who_asked(cats, 81);
        world.goes_live("ann");
        world.discord.wait_for_effect(1).await;
        world.discord.fail(Place::Channel(cats.live), 3, fault);
        world.pass(wait).await;
        let posts = world.expect_pinged(cats, &members);
        assert_eq!(shares(&posts), [80, 1]);
        assert!(world.discord.absorbed_duplicates() > 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_is_killed_in_between_pings_everybody_once() {
    for away in [Duration::from_secs(10), HOURS] {
        for effects in [1, 2] {
            let (mut world, cats) = World::with_follower().await;
            let members = world.who_asked(cats, 81);
            world.discord.set_latency(Duration::from_millis(400));
            world.goes_live("ann");
            // The announcement, or its reply, is there, and the bot does not hear so.
            world.discord.wait_for_effect(effects).await;
            world.kill().await;
            world.discord.set_latency(Duration::ZERO);
            // Meanwhile the list has changed: what stands in the channel counts.
            world.chose(cats, &members[3], "off", 0);
            world.pass(away).await;
            world.wake().await;
            world.pass(A_LOOK).await;
            let posts = world.expect_pinged(cats, &members);
            assert_eq!(shares(&posts), [80, 1], "after {away:?}, with {effects} there");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_answers_an_announcement_that_is_deleted() {
    let (world, cats) = World::with_follower().await;
    world.who_asked(cats, 200);
    let fault = Fault::Status { status: 500, code: 0, message: "later".to_owned() };
    world.goes_live("ann");
    world.discord.wait_for_effect(1).await;
    world.discord.fail(Place::Channel(cats.live), 2, fault);
    world.pass(Duration::from_millis(500)).await;
    world.discord.delete_message(cats.live, world.posts(cats)[0].id);
    world.pass(Duration::from_mins(3)).await;
    assert_eq!(world.posts(cats).len(), 0);
    // Discord has refused the two, and that is no reason to close the channel or to post anything else there.
    assert_eq!(world.told(cats.live), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn replies_wait_for_a_right_that_was_taken_away_and_not_for_a_channel_that_nobody_wants() {
    for moves in [false, true] {
        let (world, cats) = World::with_follower().await;
        let members = world.who_asked(cats, 81);
        world.goes_live("ann");
        world.discord.wait_for_effect(1).await;
        world.discord.deny(cats.live, SEND_MESSAGES);
        world.pass(A_LOOK).await;
        assert_eq!(shares(&world.posts(cats)), [80]);
        if moves {
            let other = world.channel(cats, "other");
            world.slash(&world.admin, cats, "setchannel", json!({ "channel": other.to_string() })).await;
            world.pass(Duration::from_mins(5)).await;
            assert_eq!(world.discord.messages(other).len(), 0, "an answer stands where its question stands");
            world.expect_pinged(cats, &members[..80]);
        } else {
            world.discord.allow_again(cats.live);
            world.pass(A_LOOK).await;
            world.expect_pinged(cats, &members);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_the_bot_may_not_read_it_pings_without_answering() {
    let (world, cats) = World::with_follower().await;
    let members = world.who_asked(cats, 81);
    world.discord.deny(cats.live, READ_MESSAGE_HISTORY);
    world.ann_goes_live().await;
    let posts = world.expect_pinged(cats, &members);
    assert_eq!((posts[1].reply_to, posts.len()), (None, 2));
    assert_eq!(world.told(cats.live).len(), 2, "no admin is told of anything");
}

#[tokio::test(start_paused = true)]
async fn an_edit_keeps_the_mentions_and_pings_nobody() {
    let (world, cats) = World::with_follower().await;
    let members = world.who_asked(cats, 81);
    world.ann_goes_live().await;
    let before = world.posts(cats);
    let late = Member::named("late");
    world.discord.member_joins(cats.guild, &late);
    world.chose(cats, &late, "on", 1_000);
    world.twitch.set_title(&world.id("ann"), "100%");
    world.pass(Duration::from_mins(6)).await;
    let after = world.expect_pinged(cats, &members);
    assert_eq!((after[0].edits, after[0].body["embeds"][0]["title"].as_str()), (1, Some("100%")));
    let named =
        |post: &Message| post.content().split_whitespace().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(named(&after[0]), named(&before[0]));
    assert_eq!(after[1].edits, 0);
    // When it is over nobody is mentioned any more, and nobody's id is kept beside it.
    world.goes_offline("ann");
    world.pass(GRACE + AN_EDIT).await;
    let over = world.expect_pinged(cats, &members);
    assert_eq!((over.len(), over[0].content()), (2, ""));
    let kept: i64 =
        world.database().query_row("SELECT COUNT(*) FROM mentioned", [], |row| row.get(0)).expect("a count");
    assert_eq!(kept, 0);
}

#[tokio::test(start_paused = true)]
async fn an_announcement_that_is_deleted_at_the_end_takes_its_replies_along() {
    let (world, cats) = World::with_follower().await;
    world.who_asked(cats, 170);
    world.slash(&world.admin, cats, "settings", json!({ "on_end": "delete" })).await;
    world.ann_goes_live().await;
    assert_eq!(world.posts(cats).len(), 3);
    world.goes_offline("ann");
    world.pass(GRACE + AN_EDIT).await;
    assert_eq!(world.posts(cats).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_announcement_pings_nobody_and_owes_nobody() {
    let (world, cats) = World::with_follower().await;
    world.who_asked(cats, 100);
    world.slash(&world.admin, cats, "settings", json!({ "reruns": "quiet" })).await;
    let rerun = Stream { tags: vec!["Rerun".to_owned()], ..Stream::default() };
    world.twitch.go_live_with(&world.id("ann"), rerun);
    world.pass(A_LOOK * 2).await;
    let posts = world.expect_pinged(cats, &[]);
    assert_eq!(posts.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_stands_there_quietly_is_not_answered_though_it_would_be_loud_by_now() {
    // Discord knows its nonce again, or it is found in the channel.
    for away in [Duration::from_secs(20), HOURS] {
        let (mut world, cats) = World::with_follower().await;
        world.who_asked(cats, 100);
        world.slash(&world.admin, cats, "settings", json!({ "reruns": "quiet" })).await;
        world.discord.set_latency(Duration::from_millis(400));
        let rerun = Stream { tags: vec!["Rerun".to_owned()], ..Stream::default() };
        world.twitch.go_live_with(&world.id("ann"), rerun);
        world.discord.wait_for_effect(1).await;
        world.kill().await;
        world.discord.set_latency(Duration::ZERO);
        world.twitch.set_tags(&world.id("ann"), &["English"]);
        // The first look shows that it is a rerun no more, and only then Discord answers.
        let later = Fault::Status { status: 500, code: 0, message: "later".to_owned() };
        world.discord.fail(Place::Channel(cats.live), 2, later);
        world.pass(away).await;
        world.wake().await;
        world.pass(A_LOOK * 2).await;
        let posts = world.expect_pinged(cats, &[]);
        assert_eq!((posts.len(), posts[0].is_silent()), (1, true), "after {away:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_stands_there_loudly_is_answered_though_it_would_be_quiet_by_now() {
    let mut world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    chooses(&world, cats, "late", "quiet").await;
    let members = world.who_asked(cats, 81);
    world.pass(A_LOOK).await;
    world.stop().await.expect("stopped in order");
    world.goes_live("ann");
    world.pass(Duration::from_secs(14 * 60 + 40)).await;
    // It goes out in time, and the answer comes when it would be late.
    world.discord.fail(Place::Channel(cats.live), 2, Fault::HangAfter);
    world.wake().await;
    world.pass(Duration::from_mins(2)).await;
    assert!(world.discord.absorbed_duplicates() > 0);
    let posts = world.expect_pinged(cats, &members);
    assert_eq!(shares(&posts), [80, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_late_reply_that_may_be_there_is_not_sent_again_where_late_is_not_wanted() {
    for (policy, times) in [("post", 2), ("quiet", 1), ("skip", 1)] {
        let (mut world, cats) = World::with_follower().await;
        world.database().execute("UPDATE guild SET late = ?1, doubt = 'twice'", [policy]).expect("written");
        world.who_asked(cats, 81);
        world.discord.deny(cats.live, READ_MESSAGE_HISTORY);
        world.discord.set_latency(Duration::from_millis(400));
        world.goes_live("ann");
        world.discord.wait_for_effect(2).await;
        world.kill().await;
        world.discord.set_latency(Duration::ZERO);
        world.pass(HOURS).await;
        world.wake().await;
        world.pass(A_LOOK).await;
        let replies = shares(&world.posts(cats)).into_iter().filter(|pinged| *pinged == 1).count();
        assert_eq!(replies, times, "{policy}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_over_pings_nobody_any_more() {
    let (world, cats) = World::with_follower().await;
    let members = world.who_asked(cats, 81);
    world.goes_live("ann");
    world.discord.wait_for_effect(1).await;
    let fault = Fault::Status { status: 500, code: 0, message: "later".to_owned() };
    world.discord.fail(Place::Channel(cats.live), 1_000, fault);
    world.goes_offline("ann");
    world.pass(GRACE * 2 + AN_EDIT).await;
    world.discord.clear_faults();
    world.pass(AN_EDIT).await;
    world.expect_pinged(cats, &members[..80]);
}

#[tokio::test(start_paused = true)]
async fn replies_go_behind_the_announcements_of_other_servers() {
    // More than Discord takes in a second, so that there is a queue.
    const SERVERS: usize = 60;
    let world = World::start().await;
    let mut servers = Vec::new();
    for number in 0..SERVERS {
        let server = world.server(&format!("Server {number}")).await;
        world.follow(server, "ann").await;
        servers.push(server);
    }
    let sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 81)
               INSERT INTO member_choice SELECT guild_id, broadcaster_id, i, 'on', i FROM watch, n";
    world.database().execute(sql, []).expect("written");
    world.pass(A_LOOK).await;
    world.ann_goes_live().await;
    let posts: Vec<Message> = servers.iter().flat_map(|server| world.posts(*server)).collect();
    assert_eq!(posts.len(), SERVERS * 2);
    let (replies, announcements): (Vec<_>, Vec<_>) = posts.iter().partition(|post| post.reply_to.is_some());
    let first_reply = replies.iter().map(|post| post.at).min();
    let last_announcement = announcements.iter().map(|post| post.at).max();
    assert!(last_announcement <= first_reply, "{last_announcement:?} is after {first_reply:?}");
}
