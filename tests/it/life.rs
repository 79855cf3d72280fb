//! The life of a message: it follows its stream now and then, and when that is over it tells how it went, is deleted, or stays.

mod publishing;

use std::time::Duration;

use livebell_fakes::discord::permissions::SEND_MESSAGES;
use livebell_fakes::discord::{Fault, Message, Place};
use livebell_fakes::twitch::{Fault as TwitchFault, Path};
use serde_json::json;

use crate::world::{A_LOOK, GRACE, Server, World};

/// Long enough for a change to be seen and for the edit that waits for more of them.
const AN_EDIT: Duration = Duration::from_secs(30 + 60 + 10);

/// Long enough for somebody who has left to be believed gone, and for what is told of it.
const THE_END: Duration = Duration::from_secs(5 * 60 + 30 + 30 + 40);

fn minutes(minutes: u64) -> Duration {
    Duration::from_mins(minutes)
}

impl World {
    /// A world in which Ann is live and announced.
    async fn with_announcement() -> (Self, Server, String) {
        let (world, server) = Self::with_follower().await;
        let stream = world.goes_live("ann");
        world.pass(A_LOOK).await;
        world.expect_announced(server, &["Ann"]);
        (world, server, stream)
    }

    /// The one announcement of a server, edited so often.
    #[track_caller]
    fn expect_edits(&self, server: Server, edits: u32) -> Message {
        let posts = self.posts(server);
        assert_eq!(posts.len(), 1, "there is one message");
        assert_eq!(posts[0].edits, edits, "{}", posts[0].body);
        assert_eq!(self.discord.message_posts(), 1);
        posts.into_iter().next().expect("one")
    }

    fn titles(&self, title: &str) {
        self.twitch.set_title(&self.id("ann"), title);
    }

    /// What servers want for the streamers that they watch.
    fn prefer(&self, preferences: &str) {
        let changed = self.database().execute("UPDATE watch SET preferences = ?1", [preferences]);
        assert!(changed.expect("written") > 0);
    }

    fn fail_edits(&self, times: u32, fault: Fault) {
        self.discord.fail(Place::Request { method: "PATCH", prefix: "/channels/".to_owned() }, times, fault);
    }

    async fn why(&self, server: Server, login: &str) -> String {
        self.slash(&self.admin, server, "why", json!({ "streamer": login })).await.text()
    }

    fn edits(&self) -> usize {
        self.discord.requests().iter().filter(|request| request.method == "PATCH").count()
    }
}

fn says(message: &Message, words: &str) -> bool {
    message.body.to_string().to_lowercase().contains(&words.to_lowercase())
}

fn is_over(message: &Message) -> bool {
    says(message, "was live for")
}

fn picture(message: &Message) -> &str {
    message.body["embeds"][0]["image"]["url"].as_str().unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn another_title_is_shown_once_after_a_minute() {
    let (world, server, _) = World::with_announcement().await;
    let before = world.expect_edits(server, 0);
    world.titles("Second try");
    world.pass(A_LOOK).await;
    world.expect_edits(server, 0);
    world.pass(AN_EDIT - A_LOOK).await;
    let after = world.expect_edits(server, 1);
    assert!(says(&after, "Second try"));
    assert_ne!(picture(&before), picture(&after), "the picture is that of now");
    world.pass(minutes(30)).await;
    world.expect_edits(server, 1);
}

#[tokio::test(start_paused = true)]
async fn viewers_come_and_go_and_the_message_stays() {
    let (world, server, _) = World::with_announcement().await;
    for viewers in [10, 5_000, 70] {
        world.twitch.set_viewers(&world.id("ann"), viewers);
        world.pass(minutes(10)).await;
    }
    world.expect_edits(server, 0);
}

#[tokio::test(start_paused = true)]
async fn three_changes_in_five_minutes_make_two_edits_and_the_last_one_stands() {
    let (world, server, _) = World::with_announcement().await;
    for title in ["One", "Two", "Three"] {
        world.titles(title);
        world.pass(minutes(1) + A_LOOK).await;
    }
    assert!(world.posts(server)[0].edits <= 1);
    world.pass(minutes(7)).await;
    assert!(says(&world.expect_edits(server, 2), "Three"));
}

#[tokio::test(start_paused = true)]
async fn a_title_that_changes_all_the_time_is_shown_every_five_minutes_and_seldom_after_an_hour() {
    let (world, server, _) = World::with_announcement().await;
    let change = async |minutes: u64| {
        for half in 0..minutes * 2 {
            world.titles(&format!("Try {half} of {minutes}"));
            world.pass(Duration::from_secs(30)).await;
        }
    };
    change(56).await;
    let in_the_first_hour = world.posts(server)[0].edits;
    assert!((9..=12).contains(&in_the_first_hour), "{in_the_first_hour}");
    change(124).await;
    let later = world.posts(server)[0].edits - in_the_first_hour;
    assert!((3..=6).contains(&later), "{later}");
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_told_at_once_tells_what_is_on_when_it_can_be() {
    let (world, server) = World::with_follower().await;
    world.discord.deny(server.live, SEND_MESSAGES);
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.titles("Any% at last");
    world.pass(minutes(5)).await;
    world.discord.allow_again(server.live);
    world.pass(AN_EDIT).await;
    let [message] = &world.posts(server)[..] else { panic!("there is one message") };
    assert!(says(message, "Any% at last"), "{}", message.body);
    assert_eq!(message.edits, 0);
}

#[tokio::test(start_paused = true)]
async fn a_drop_leaves_the_message_as_it_is() {
    let (world, server, _) = World::with_announcement().await;
    world.goes_offline("ann");
    world.pass(GRACE / 2).await;
    world.goes_live("ann");
    world.pass(minutes(30)).await;
    world.expect_edits(server, 0);
}

#[tokio::test(start_paused = true)]
async fn at_the_end_it_tells_how_it_went() {
    let (world, server, _) = World::with_announcement().await;
    let ann = world.id("ann");
    world.twitch.set_category(&ann, "Celeste");
    world.twitch.set_viewers(&ann, 2_000);
    world.pass(minutes(96)).await;
    world.twitch.set_category(&ann, "Chess");
    world.twitch.set_viewers(&ann, 1_000);
    world.pass(minutes(96) - Duration::from_secs(30)).await;
    let live = world.posts(server)[0].clone();
    assert!(!is_over(&live));
    world.goes_offline("ann");
    world.pass(THE_END).await;
    let over = world.expect_edits(server, live.edits + 1);
    // The grace is no part of it.
    assert!(is_over(&over) && says(&over, "3 h 12 min"), "{}", over.body);
    let average = ["1,49", "1,50"].iter().any(|average| says(&over, average));
    assert!(says(&over, "2,000") && average, "peak and average: {}", over.body);
    assert!(says(&over, "Celeste") && says(&over, "Chess") && says(&over, "1 h 3"), "{}", over.body);
    assert!(!says(&over, "/videos/"), "{}", over.body);
    world.pass(minutes(60)).await;
    world.expect_edits(server, live.edits + 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_may_want_it_deleted() {
    let (world, server, _) = World::with_announcement().await;
    world.prefer(r#"{"on_end":"delete"}"#);
    world.goes_offline("ann");
    world.pass(THE_END).await;
    assert!(world.posts(server).is_empty());
    assert_eq!(world.twitch.request_count(Path::Videos), 0);
    world.pass(minutes(60)).await;
    assert_eq!((world.edits(), world.discord.message_posts()), (0, 1));
    assert!(world.why(server, "ann").await.contains("I deleted the message"));
}

#[tokio::test(start_paused = true)]
async fn a_server_may_want_it_kept() {
    let (world, server, _) = World::with_announcement().await;
    world.prefer(r#"{"on_end":"keep"}"#);
    world.goes_offline("ann");
    world.pass(THE_END + minutes(60)).await;
    assert!(!is_over(&world.expect_edits(server, 0)));
    assert_eq!((world.edits(), world.twitch.request_count(Path::Videos)), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_a_moderator_has_deleted_stays_deleted() {
    for preferences in ["{}", r#"{"on_end":"delete"}"#] {
        let (world, server, _) = World::with_announcement().await;
        world.prefer(preferences);
        world.discord.delete_message(server.live, world.posts(server)[0].id);
        world.titles("Second try");
        world.pass(AN_EDIT).await;
        assert_eq!(world.edits(), 1, "it is found out");
        world.goes_offline("ann");
        world.pass(THE_END + minutes(60)).await;
        assert_eq!((world.edits(), world.discord.message_posts()), (1, 1));
        assert!(world.posts(server).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_that_could_not_be_told_is_told_by_the_next_process() {
    for killed in [false, true] {
        let (mut world, server, _) = World::with_announcement().await;
        world.fail_edits(u32::MAX, Fault::Html(502));
        world.goes_offline("ann");
        world.pass(THE_END).await;
        world.expect_edits(server, 0);
        if killed {
            world.kill().await;
        } else {
            world.stop().await.expect("stopped in order");
        }
        world.discord.clear_faults();
        world.wake().await;
        world.pass(minutes(3)).await;
        assert!(is_over(&world.expect_edits(server, 1)));
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_that_could_not_be_told_for_hours_is_told_all_the_same() {
    let (world, server, _) = World::with_announcement().await;
    world.fail_edits(u32::MAX, Fault::Html(502));
    world.goes_offline("ann");
    world.pass(THE_END + minutes(180)).await;
    world.expect_edits(server, 0);
    world.discord.clear_faults();
    world.pass(minutes(3)).await;
    assert!(is_over(&world.expect_edits(server, 1)));
}

#[tokio::test(start_paused = true)]
async fn a_killed_process_may_tell_the_end_twice_and_in_one_message() {
    let (mut world, server, _) = World::with_announcement().await;
    world.fail_edits(1, Fault::HangAfter);
    world.goes_offline("ann");
    while world.edits() == 0 {
        world.pass(Duration::from_secs(1)).await;
    }
    world.kill().await;
    world.wake().await;
    world.pass(A_LOOK).await;
    assert!(is_over(&world.expect_edits(server, 2)));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_ended_while_nobody_looked_is_over_at_the_first_look() {
    let (mut world, server, _) = World::with_announcement().await;
    world.pass(minutes(60)).await;
    world.stop().await.expect("stopped in order");
    world.goes_offline("ann");
    world.pass(minutes(600)).await;
    world.wake().await;
    world.pass(A_LOOK).await;
    let over = world.expect_edits(server, 1);
    // It was seen for the last time when the bot was stopped, as far as is known.
    assert!(is_over(&over) && says(&over, "1 h"), "{}", over.body);
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_waits_when_the_stream_ends_is_dropped() {
    let (world, server, _) = World::with_announcement().await;
    world.fail_edits(1, Fault::WriteLimited);
    world.titles("Second try");
    world.pass(AN_EDIT).await;
    world.goes_offline("ann");
    world.pass(minutes(15)).await;
    assert_eq!(world.edits(), 1, "Discord wants twenty minutes");
    world.pass(minutes(10)).await;
    assert!(is_over(&world.expect_edits(server, 1)));
    assert_eq!(world.edits(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_goes_on_after_all_says_so() {
    let (world, server, _) = World::with_announcement().await;
    let ann = world.id("ann");
    world.twitch.hide(&ann);
    world.pass(THE_END).await;
    assert!(is_over(&world.expect_edits(server, 1)));
    world.twitch.unhide(&ann);
    world.pass(AN_EDIT).await;
    assert!(!is_over(&world.expect_edits(server, 2)));
    world.goes_offline("ann");
    world.pass(THE_END).await;
    assert!(is_over(&world.expect_edits(server, 3)));
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_deleted_at_the_end_is_not_posted_again() {
    let (world, server, _) = World::with_announcement().await;
    world.prefer(r#"{"on_end":"delete"}"#);
    let ann = world.id("ann");
    world.twitch.hide(&ann);
    world.pass(THE_END).await;
    assert!(world.posts(server).is_empty());
    world.twitch.unhide(&ann);
    world.pass(minutes(30)).await;
    assert_eq!(world.discord.message_posts(), 1);
    assert!(world.posts(server).is_empty());
}

/// Ann ends; her recording is there after so long.
async fn recorded(after: Duration) -> (World, Server, Message) {
    let (world, server, stream) = World::with_announcement().await;
    world.goes_offline("ann");
    world.pass(THE_END).await;
    let over = world.expect_edits(server, 1);
    assert!(is_over(&over) && !says(&over, "/videos/"));
    world.pass(after).await;
    let video = world.twitch.add_recording(&world.id("ann"), &stream, minutes(6));
    world.pass(minutes(40)).await;
    let linked = world.expect_edits(server, 2);
    assert!(says(&linked, &format!("https://www.twitch.tv/videos/{video}")), "{}", linked.body);
    (world, server, linked)
}

#[tokio::test(start_paused = true)]
async fn a_recording_that_is_there_already_is_told_with_the_end() {
    let (world, server, stream) = World::with_announcement().await;
    let ann = world.id("ann");
    world.twitch.add_recording(&ann, "another stream", minutes(60));
    world.twitch.add_highlight(&ann, minutes(1));
    let video = world.twitch.add_recording(&ann, &stream, minutes(1));
    world.goes_offline("ann");
    world.pass(THE_END).await;
    let over = world.expect_edits(server, 1);
    assert!(says(&over, &format!("https://www.twitch.tv/videos/{video}")), "{}", over.body);
    world.pass(minutes(60)).await;
    world.expect_edits(server, 1);
    assert_eq!(world.twitch.request_count(Path::Videos), 1, "who has found all looks no more");
}

#[tokio::test(start_paused = true)]
async fn a_recording_that_comes_later_is_added() {
    for after in [Duration::ZERO, minutes(5), minutes(20)] {
        recorded(after).await;
    }
}

#[tokio::test(start_paused = true)]
async fn all_parts_of_a_stream_that_dropped_are_linked() {
    let (world, server, first) = World::with_announcement().await;
    let ann = world.id("ann");
    let one = world.twitch.add_recording(&ann, &first, minutes(1));
    world.goes_offline("ann");
    world.pass(minutes(1)).await;
    let second = world.goes_live("ann");
    world.pass(minutes(10)).await;
    world.goes_offline("ann");
    world.pass(THE_END).await;
    assert!(says(&world.expect_edits(server, 1), &one));
    let two = world.twitch.add_recording(&ann, &second, minutes(10));
    world.pass(minutes(10)).await;
    let over = world.expect_edits(server, 2);
    let places = [&one, &two].map(|video| over.body.to_string().find(&format!("/videos/{video}")));
    assert!(places[0].is_some() && places[0] < places[1], "{}", over.body);
}

#[tokio::test(start_paused = true)]
async fn who_keeps_no_recordings_is_asked_four_times() {
    let (world, server, _) = World::with_announcement().await;
    world.goes_offline("ann");
    world.pass(THE_END + minutes(120)).await;
    assert_eq!(world.twitch.request_count(Path::Videos), 4);
    assert!(!says(&world.expect_edits(server, 1), "/videos/"));
}

#[tokio::test(start_paused = true)]
async fn whoever_twitch_cannot_tell_of_holds_up_nobody_else() {
    let (world, server, _) = World::with_announcement().await;
    world.follow(server, "bob").await;
    world.goes_live("bob");
    world.pass(A_LOOK).await;
    world.twitch.fail(Path::Videos, 9_999, TwitchFault::Status(500));
    world.goes_offline("ann");
    world.goes_offline("bob");
    world.pass(THE_END + minutes(3)).await;
    let requests = world.twitch.requests();
    let asked_for = |login: &str| {
        let id = world.id(login);
        let looks = requests.iter().filter(|request| request.path.ends_with("/videos"));
        looks.filter(|request| request.query.iter().any(|(_, value)| *value == id)).count()
    };
    assert!(asked_for("ann") > 0 && asked_for("bob") > 0, "{} and {}", asked_for("ann"), asked_for("bob"));
}

#[tokio::test(start_paused = true)]
async fn a_recording_is_found_when_twitch_answers_again_and_by_the_next_process() {
    let (mut world, server, stream) = World::with_announcement().await;
    let ann = world.id("ann");
    let video = world.twitch.add_recording(&ann, &stream, minutes(1));
    world.twitch.fail(Path::Videos, 9_999, TwitchFault::Status(500));
    world.goes_offline("ann");
    world.pass(THE_END + minutes(60)).await;
    assert!(!says(&world.expect_edits(server, 1), "/videos/"));
    world.stop().await.expect("stopped in order");
    world.twitch.clear_faults();
    world.wake().await;
    world.pass(A_LOOK).await;
    assert!(says(&world.expect_edits(server, 2), &video));
}
