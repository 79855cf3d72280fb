//! Slash commands: what people type, and what they are told.

mod lists;
mod removing;

use std::time::Duration;

use livebell_fakes::discord::permissions::{EMBED_LINKS, SEND_MESSAGES, VIEW_CHANNEL};
use livebell_fakes::discord::{Fault, Interaction, Place, Reply};
use livebell_fakes::twitch::{self, Path};
use serde_json::json;

use crate::world::{A_LOOK, Server, World};

/// Discord gives up on an interaction that has no first response by then.
const FIRST_RESPONSE: Duration = Duration::from_secs(3);

/// Often enough that it does not end within a test.
const ALWAYS: u32 = 10_000;

impl World {
    async fn set_channel(&self, server: Server, channel: u64) -> Reply {
        self.slash(&self.admin, server, "setchannel", json!({ "channel": channel.to_string() })).await
    }

    /// An admin adds a streamer as typed, who need not exist.
    async fn add(&self, server: Server, typed: &str) -> Reply {
        self.slash(&self.admin, server, "addstreamer", json!({ "streamer": typed })).await
    }

    /// An admin adds a streamer with a channel of its own.
    async fn add_to(&self, server: Server, typed: &str, channel: u64) -> Reply {
        let options = json!({ "streamer": typed, "channel": channel.to_string() });
        self.slash(&self.admin, server, "addstreamer", options).await
    }

    /// The list without its times.
    async fn list_words(&self, server: Server) -> String {
        let reply = self.slash(&self.admin, server, "streamers", json!({})).await;
        self.words(server, &reply)
    }

    async fn live(&self, server: Server) -> Reply {
        self.slash(&self.member, server, "live", json!({})).await
    }

    async fn live_words(&self, server: Server) -> String {
        let reply = self.live(server).await;
        self.words(server, &reply)
    }

    /// What is offered while an admin types a streamer into a command.
    async fn completes(&self, server: Server, command: &str, typed: &str) -> Interaction {
        let options = json!({ "streamer": typed });
        self.discord.autocomplete(&self.admin, server.guild, server.live, command, options, "streamer").await
    }

    async fn offered(&self, server: Server, command: &str, typed: &str) -> Vec<(String, String)> {
        self.completes(server, command, typed).await.reply().await.choices
    }

    /// Somebody presses the button with this label on an answer.
    async fn press(&self, server: Server, reply: &Reply, label: &str) -> Reply {
        let id = reply.custom_id(label).unwrap_or_else(|| panic!("no button {label}: {:?}", reply.buttons()));
        let pressed = self.discord.press(&self.admin, server.guild, server.live, reply.raw.clone(), &id);
        pressed.await.reply().await
    }

    /// Fails unless the interaction was answered as soon as Discord demands.
    #[track_caller]
    fn expect_in_time(interaction: &Interaction) {
        let took = interaction.first_response_after().expect("a first response");
        assert!(took < FIRST_RESPONSE, "the first response took {took:?}");
    }

    fn rename(&self, login: &str, new_login: &str, display_name: &str) {
        self.twitch.rename(&self.id(login), new_login, display_name);
    }
}

// /setchannel

#[tokio::test(start_paused = true)]
async fn announcements_go_to_the_channel_that_was_set_last() {
    let world = World::start().await;
    let cats = world.bare_server("Cats");
    let stage = world.channel(cats, "stage");
    let reply = world.set_channel(cats, cats.live).await;
    insta::assert_snapshot!(world.words(cats, &reply), @"Announcements go to #live from now on.");
    assert!(reply.ephemeral);
    world.follow(cats, "ann").await;
    world.follow(cats, "bob").await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.set_channel(cats, stage).await;
    world.goes_live("bob");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
    world.expect_announced(Server { live: stage, ..cats }, &["Bob"]);
}

#[tokio::test(start_paused = true)]
async fn setchannel_names_each_missing_permission_and_stores_the_channel_all_the_same() {
    let world = World::start().await;
    let told = |denied: u64| {
        let world = &world;
        async move {
            let cats = world.bare_server("Cats");
            world.discord.deny(cats.live, denied);
            let reply = world.set_channel(cats, cats.live).await;
            assert!(reply.ephemeral);
            world.follow(cats, "ann").await;
            world.discord.allow_again(cats.live);
            (cats, world.words(cats, &reply))
        }
    };
    let (no_post, words) = told(SEND_MESSAGES).await;
    insta::assert_snapshot!(words, @"
    Announcements go to #live from now on.

    ⚠️ I cannot post there yet. I lack **Send Messages** in #live. Open the settings of the channel, then Permissions, and allow it for me or one of my roles.
    ");
    let (no_embed, words) = told(EMBED_LINKS).await;
    insta::assert_snapshot!(words, @"
    Announcements go to #live from now on.

    ⚠️ I cannot post there yet. I lack **Embed Links** in #live. Open the settings of the channel, then Permissions, and allow it for me or one of my roles.
    ");
    let (neither, words) = told(SEND_MESSAGES | EMBED_LINKS).await;
    insta::assert_snapshot!(words, @"
    Announcements go to #live from now on.

    ⚠️ I cannot post there yet. I lack **Send Messages**, **Embed Links** in #live. Open the settings of the channel, then Permissions, and allow them for me or one of my roles.
    ");
    // The others are there, and count again as soon as the channel can be seen.
    let (no_view, words) = told(VIEW_CHANNEL).await;
    insta::assert_snapshot!(words, @"
    Announcements go to #live from now on.

    ⚠️ I cannot post there yet. I lack **View Channel** in #live. Open the settings of the channel, then Permissions, and allow it for me or one of my roles.
    ");
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    for server in [no_post, no_embed, neither, no_view] {
        world.expect_announced(server, &["Ann"]);
    }
}

#[tokio::test(start_paused = true)]
async fn setchannel_answers_when_discord_does_not_say_what_the_bot_may_do() {
    let world = World::start().await;
    let cats = world.bare_server("Cats");
    world.discord.fail(Place::Route("/guilds"), ALWAYS, Fault::Hang);
    let options = json!({ "channel": cats.live.to_string() });
    let typed = world.typed(&world.admin, cats, "setchannel", options).await;
    let reply = typed.reply().await;
    World::expect_in_time(&typed);
    insta::assert_snapshot!(world.words(cats, &reply), @"
    Announcements go to #live from now on.

    I could not check my permissions there, because Discord did not say what I may do.
    ");
    world.discord.clear_faults();
    world.follow(cats, "ann").await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_member_without_manage_server_changes_nothing() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.follow(cats, "ann").await;
    world.twitch.add_user("bob");
    let stage = world.channel(cats, "stage");
    for (command, options) in [
        ("setchannel", json!({ "channel": stage.to_string() })),
        ("addstreamer", json!({ "streamer": "bob" })),
        ("addstreamer", json!({ "streamer": "ann", "channel": stage.to_string() })),
        ("removestreamer", json!({ "streamer": "ann" })),
    ] {
        let reply = world.slash(&world.member, cats, command, options).await;
        assert!(reply.ephemeral, "/{command}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(reply.text(), @"You need the **Manage Server** permission for that. Nothing was changed.");
        }
    }
    insta::assert_snapshot!(world.list_words(cats).await, @"
    Streamers (1)
    ⚫ **[Ann](https://www.twitch.tv/ann)** in #live · since (day)
    ");
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
}

// /addstreamer

#[tokio::test(start_paused = true)]
async fn a_streamer_may_be_named_in_many_ways() {
    let world = World::start().await;
    world.twitch.add_user("ann");
    for typed in ["ann", "ANN", "@ann", " @Ann ", "twitch.tv/ann", "https://www.twitch.tv/Ann/videos?x=1"] {
        let server = world.server(typed).await;
        let reply = world.add(server, typed).await;
        assert_eq!(world.words(server, &reply), "Ann\n**Ann** is announced in #live from now on.", "{typed}");
        assert!(reply.ephemeral, "{typed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_streamer_is_shown_with_name_channel_and_picture() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.twitch.add_user_with(twitch::User {
        id: "77".to_owned(),
        login: "ann_42".to_owned(),
        display_name: "Ann_42".to_owned(),
        profile_image_url: "https://cdn.example/ann.png".to_owned(),
    });
    let reply = world.add(cats, "ann_42").await;
    insta::assert_snapshot!(world.words(cats, &reply), @r"
    Ann\_42
    **Ann\_42** is announced in #live from now on.
    ");
    assert_eq!(reply.embeds[0]["thumbnail"]["url"], "https://cdn.example/ann.png");
    assert_eq!(reply.embeds[0]["url"], "https://www.twitch.tv/ann_42");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_a_name_is_refused_before_twitch_is_asked() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.twitch.clear_requests();
    for typed in ["ann smith", "änn", "https://www.youtube.com/ann", "@", &"a".repeat(26)] {
        let reply = world.add(cats, typed).await;
        assert!(reply.ephemeral, "{typed}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(reply.text(), @"That is not a Twitch name: a Twitch name has 1 to 25 characters: letters from a to z, digits and underscores. The address of the channel on twitch.tv works as well.");
        }
    }
    assert_eq!(world.twitch.requests(), []);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_twitch_does_not_know_is_refused() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    let reply = world.add(cats, "Nobody").await;
    insta::assert_snapshot!(reply.text(), @"Twitch knows nobody called `nobody`. Please check the spelling.");
    assert!(reply.ephemeral);
    insta::assert_snapshot!(world.list_words(cats).await, @"
    Streamers (0)
    No streamer is announced in this server yet. Add one with `/addstreamer`.
    ");
}

#[tokio::test(start_paused = true)]
async fn adding_again_says_so_and_moves_only_when_a_channel_is_given() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    let stage = world.channel(cats, "stage");
    world.follow(cats, "ann").await;
    let reply = world.add(cats, "ann").await;
    insta::assert_snapshot!(world.words(cats, &reply), @"
    Ann
    **Ann** is on the list already, announced in #live.
    ");
    assert!(reply.ephemeral);
    let reply = world.add_to(cats, "ann", stage).await;
    insta::assert_snapshot!(world.words(cats, &reply), @"
    Ann
    **Ann** was on the list already; announcements go to #stage now.
    ");
    let reply = world.add(cats, "ann").await;
    insta::assert_snapshot!(world.words(cats, &reply), @"
    Ann
    **Ann** is on the list already, announced in #stage.
    ");
    insta::assert_snapshot!(world.list_words(cats).await, @"
    Streamers (1)
    ⚫ **[Ann](https://www.twitch.tv/ann)** in #stage · since (day)
    ");
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &[]);
    world.expect_announced(Server { live: stage, ..cats }, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn without_any_channel_nothing_is_stored_and_the_way_out_is_told() {
    let world = World::start().await;
    let cats = world.bare_server("Cats");
    let reply = world.follow(cats, "ann").await;
    insta::assert_snapshot!(reply.text(), @"Where should announcements go? Choose a channel with `/setchannel`, or give one with `/addstreamer`.");
    assert!(reply.ephemeral);
    insta::assert_snapshot!(world.list_words(cats).await, @"
    Streamers (0)
    No streamer is announced in this server yet. Add one with `/addstreamer`.
    ");
    let reply = world.add_to(cats, "ann", cats.live).await;
    insta::assert_snapshot!(world.words(cats, &reply), @"
    Ann
    **Ann** is announced in #live from now on.
    ");
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn a_channel_of_its_own_is_checked_too() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    let stage = world.channel(cats, "stage");
    world.discord.deny(stage, EMBED_LINKS);
    world.twitch.add_user("ann");
    let reply = world.add_to(cats, "ann", stage).await;
    insta::assert_snapshot!(world.words(cats, &reply), @"
    Ann
    **Ann** is announced in #stage from now on.

    ⚠️ I cannot post there yet. I lack **Embed Links** in #stage. Open the settings of the channel, then Permissions, and allow it for me or one of my roles.
    ");
}

#[tokio::test(start_paused = true)]
async fn addstreamer_answers_while_twitch_hangs() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.twitch.add_user("ann");
    world.twitch.fail(Path::Any, u32::MAX, twitch::Fault::Hang);
    let typed = world.typed(&world.admin, cats, "addstreamer", json!({ "streamer": "ann" })).await;
    let reply = typed.reply().await;
    World::expect_in_time(&typed);
    assert!(reply.ephemeral);
    insta::assert_snapshot!(reply.text(), @"Twitch does not answer at the moment, so nothing was changed. Please try again in a minute.");
    insta::assert_snapshot!(world.list_words(cats).await, @"
    Streamers (0)
    No streamer is announced in this server yet. Add one with `/addstreamer`.
    ");
    world.twitch.clear_faults();
    let reply = world.add(cats, "ann").await;
    insta::assert_snapshot!(world.words(cats, &reply), @"
    Ann
    **Ann** is announced in #live from now on.
    ");
}

#[tokio::test(start_paused = true)]
async fn addstreamer_outlives_one_failure_of_twitch_and_tells_of_many() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.twitch.add_user("ann");
    world.twitch.fail(Path::Users, u32::MAX, twitch::Fault::Status(500));
    let typed = world.typed(&world.admin, cats, "addstreamer", json!({ "streamer": "ann" })).await;
    let reply = typed.reply().await;
    World::expect_in_time(&typed);
    insta::assert_snapshot!(reply.text(), @"Twitch does not answer at the moment, so nothing was changed. Please try again in a minute.");
    world.twitch.clear_faults();
    world.twitch.fail(Path::Users, 1, twitch::Fault::Status(500));
    let reply = world.add(cats, "ann").await;
    insta::assert_snapshot!(world.words(cats, &reply), @"
    Ann
    **Ann** is announced in #live from now on.
    ");
}

/// Fills a server's list with streamers nobody has heard of.
fn fill(world: &World, server: Server, count: usize) {
    let mut database = world.database();
    let tx = database.transaction().expect("a transaction");
    for number in 0..count {
        let (id, login) = (format!("9{number:06}"), format!("filler_{number:04}"));
        tx.execute(
            "INSERT INTO streamer (broadcaster_id, login, display_name, refreshed_at) VALUES (?1, ?2, ?2, 9e15)",
            [&id, &login],
        )
        .expect("a streamer");
        tx.execute(
            "INSERT INTO watch (guild_id, broadcaster_id, added_at, added_by, fresh) VALUES (?1, ?2, 0, 1, 0)",
            rusqlite::params![i64::try_from(server.guild).expect("an id"), id],
        )
        .expect("a watch");
    }
    tx.commit().expect("a commit");
}

#[tokio::test(start_paused = true)]
async fn a_server_holds_a_thousand_streamers_also_when_two_admins_hurry() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    let dogs = world.server("Dogs").await;
    fill(&world, cats, 999);
    for login in ["ann", "bob"] {
        world.twitch.add_user(login);
    }
    let (one, other) = tokio::join!(world.add(cats, "ann"), world.add(cats, "bob"));
    let mut both = [world.words(cats, &one), world.words(cats, &other)];
    both.sort();
    assert!(both[0].ends_with("is announced in #live from now on."), "{both:?}");
    insta::assert_snapshot!(both[1], @"This server's list is full: it holds 1000 streamers. Remove one with `/removestreamer` first.");
    assert!(one.ephemeral && other.ephemeral);
    let reply = world.follow(cats, "cleo").await;
    insta::assert_snapshot!(reply.text(), @"This server's list is full: it holds 1000 streamers. Remove one with `/removestreamer` first.");
    // Who is there already is no new one, and other servers have room.
    let there = if world.words(cats, &one).starts_with("Ann") { "ann" } else { "bob" };
    let reply = world.add(cats, there).await;
    assert!(world.words(cats, &reply).contains("is on the list already"), "{}", reply.text());
    let reply = world.add(dogs, "cleo").await;
    insta::assert_snapshot!(world.words(dogs, &reply), @"
    Cleo
    **Cleo** is announced in #live from now on.
    ");
    assert!(world.list(cats).await.starts_with("Streamers (1000)\n"));
    // One leaves, and there is room for one.
    world.unfollow(cats, there).await;
    let reply = world.add(cats, "cleo").await;
    insta::assert_snapshot!(world.words(cats, &reply), @"
    Cleo
    **Cleo** is announced in #live from now on.
    ");
}

#[tokio::test(start_paused = true)]
async fn a_double_click_adds_once_and_announces_once() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.twitch.add_user("ann");
    world.goes_live("ann");
    let (one, other) = tokio::join!(world.add(cats, "ann"), world.add(cats, "ann"));
    let mut both = [world.words(cats, &one), world.words(cats, &other)];
    both.sort();
    insta::assert_snapshot!(both.join("\n"), @"
    Ann
    **Ann** is announced in #live from now on.
    Ann
    **Ann** is on the list already, announced in #live.
    ");
    insta::assert_snapshot!(world.list_words(cats).await, @"
    Streamers (1)
    ⚫ **[Ann](https://www.twitch.tv/ann)** in #live · since (day)
    ");
    world.pass(A_LOOK).await;
    world.expect_announced(cats, &["Ann"]);
}

#[tokio::test(start_paused = true)]
async fn names_are_completed_from_twitch() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.twitch.add_user("annabel");
    world.twitch.add_user("bob");
    world.twitch.add_user_with(twitch::User {
        id: "77".to_owned(),
        login: "ann".to_owned(),
        display_name: "安".to_owned(),
        profile_image_url: String::new(),
    });
    let offered = world.offered(cats, "addstreamer", "@An").await;
    let ann = ("安 (ann)".to_owned(), "ann".to_owned());
    assert_eq!(offered, [ann, ("Annabel".to_owned(), "annabel".to_owned())]);
    // What matches half of Twitch, or cannot be a name, is not asked for.
    world.twitch.clear_requests();
    for typed in ["", "a", "an n"] {
        assert_eq!(world.offered(cats, "addstreamer", typed).await, [], "{typed:?}");
    }
    assert_eq!(world.twitch.request_count(Path::SearchChannels), 0);
}

#[tokio::test(start_paused = true)]
async fn at_most_as_many_names_are_offered_as_discord_shows() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    for number in 0..40 {
        world.follow(cats, &format!("streamer_{number:02}")).await;
    }
    assert_eq!(world.offered(cats, "addstreamer", "streamer").await.len(), 25);
    assert_eq!(world.offered(cats, "removestreamer", "streamer").await.len(), 25);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_offered_in_time_when_twitch_hangs() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    world.twitch.add_user("ann");
    world.twitch.fail(Path::SearchChannels, u32::MAX, twitch::Fault::Hang);
    let completion = world.completes(cats, "addstreamer", "ann").await;
    assert_eq!(completion.reply().await.choices, []);
    World::expect_in_time(&completion);
}

// What is registered

#[tokio::test(start_paused = true)]
async fn the_commands_are_registered_for_servers_only() {
    let world = World::start().await;
    let mut lines: Vec<String> = world
        .discord
        .commands()
        .iter()
        .map(|command| {
            let needs = &command["default_member_permissions"];
            let options = command["options"].as_array().into_iter().flatten();
            let options: Vec<_> = options.map(|option| option["name"].as_str().unwrap_or_default()).collect();
            let name = command["name"].as_str().unwrap_or_default();
            format!("/{name} {} in {} for {needs}", options.join(" "), command["contexts"])
        })
        .collect();
    lines.sort();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    /addstreamer streamer channel mention here message color preview button notify publish on_end reruns only_category never_category title_has title_not title_regex language tags_any tags_none min_viewers reset in [0] for "32"
    /editstreamer streamer channel mention here message color preview button notify publish on_end reruns only_category never_category title_has title_not title_regex language tags_any tags_none min_viewers reset in [0] for "32"
    /live  in [0] for null
    /notifications forget in [0] for null
    /notify streamer state in [0] for null
    /removestreamer streamer in [0] for "32"
    /setchannel channel in [0] for "32"
    /settings late doubt channel mention here message color preview button notify publish on_end reruns only_category never_category title_has title_not title_regex language tags_any tags_none min_viewers reset in [0] for "32"
    /streamers  in [0] for null
    /test streamer in [0] for "32"
    /why streamer in [0] for null
    "#);
    assert!(world.discord.offers("live", &world.member));
    assert!(!world.discord.offers("addstreamer", &world.member));
    assert!(world.discord.offers("addstreamer", &world.admin));
}

#[tokio::test(start_paused = true)]
async fn commands_are_registered_again_only_when_they_changed() {
    let mut world = World::start().await;
    assert_eq!(world.discord.command_puts(), 1);
    world.stop().await.expect("it stops in order");
    world.wake().await;
    assert_eq!(world.discord.command_puts(), 1);
    world.stop().await.expect("it stops in order");
    world.database().execute("UPDATE command_set SET hash = 'of another version'", []).expect("a change");
    world.wake().await;
    assert_eq!(world.discord.command_puts(), 2);
}
