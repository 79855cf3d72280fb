//! How announcements are wanted: said with the options of commands, or in a panel.

mod options;
mod restarting;

use livebell_fakes::discord::Reply;
use serde_json::{Value, json};

use crate::world::{A_LOOK, GRACE, Server, World};

impl World {
    /// An admin uses a command. Returns what it says.
    async fn says(&self, server: Server, command: &str, options: Value) -> String {
        let reply = self.slash(&self.admin, server, command, options).await;
        self.words(server, &reply)
    }

    /// An admin chooses in a select of a panel.
    async fn chooses_in(&self, server: Server, panel: &Reply, id: &str, values: &[&str]) -> Reply {
        let chosen =
            self.discord.select(&self.admin, server.guild, server.live, panel.raw.clone(), id, values);
        chosen.await.reply().await
    }

    /// An admin presses a button whose label begins so.
    async fn presses(&self, server: Server, panel: &Reply, label: &str) -> Reply {
        let labels = panel.buttons();
        let full = labels.iter().find(|full| full.starts_with(label));
        let full = full.unwrap_or_else(|| panic!("no button {label}: {labels:?}"));
        let id = panel.custom_id(full).expect("a custom id");
        let pressed = self.discord.press(&self.admin, server.guild, server.live, panel.raw.clone(), &id);
        pressed.await.reply().await
    }

    /// An admin fills in a form.
    async fn fills_in(&self, server: Server, form: &Reply, values: Value) -> Reply {
        self.discord.submit(&self.admin, server.guild, server.live, form, values).await.reply().await
    }
}

/// The lines of an answer that begin with one of these.
fn lines(words: &str, beginnings: &[&str]) -> Vec<String> {
    let wanted = |line: &&str| beginnings.iter().any(|beginning| line.starts_with(beginning));
    words.lines().filter(wanted).map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn a_streamer_is_wanted_as_the_server_wants_all_until_something_else_is_said() {
    let (world, cats) = World::with_follower().await;
    let role = world.discord.add_role(cats.guild, "Fans");
    let all =
        json!({ "mention": role.to_string(), "color": "#102030", "on_end": "delete", "min_viewers": 5 });
    let words = world.says(cats, "settings", all).await;
    insta::assert_snapshot!(lines(&words, &["Settings", "**M", "**Col", "**At", "**View"]).join("\n").replace(&role.to_string(), "Fans"), @"
    Settings (changed)
    **Mentions** <@&Fans>
    **Colour** #102030
    **At the end** delete it
    **Viewers at least** 5
    ");
    let own = json!({ "streamer": "ann", "here": false, "min_viewers": 0, "title_has": "any%, 100%" });
    let words = world.says(cats, "editstreamer", own).await;
    insta::assert_snapshot!(words, @"
    How Ann is announced (changed)
    **Channel** #live
    **Mentions** nobody (own)
    **Colour** #102030
    **At the end** delete it
    **Title has** any%, 100% (own)
    **Viewers at least** 0 (own)
    What is not marked as own follows the server's `/settings`.
    What that would do
    Nobody whom this is about is live now.
    No stream of the last 14 days is remembered to try this on.
    ");
    let words = world.says(cats, "editstreamer", json!({ "streamer": "ann", "reset": "mention" })).await;
    assert_eq!(lines(&words, &["**Mentions"]), [format!("**Mentions** <@&{role}>")]);
    let words = world.says(cats, "editstreamer", json!({ "streamer": "ann", "reset": "everything" })).await;
    assert!(!words.contains("(own)"), "{words}");
    assert_eq!(lines(&words, &["**Viewers"]), ["**Viewers at least** 5"]);
}

#[tokio::test(start_paused = true)]
async fn the_role_of_everybody_means_everybody_and_here_who_is_online() {
    let (world, cats) = World::with_follower().await;
    for (options, expected) in [
        (json!({ "mention": cats.guild.to_string() }), "**Mentions** @everyone"),
        (json!({ "here": true }), "**Mentions** @here"),
        (json!({ "here": false }), "**Mentions** nobody"),
    ] {
        let words = world.says(cats, "settings", options).await;
        assert_eq!(lines(&words, &["**Mentions"]), [expected]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_addition_takes_nothing_back() {
    let (world, cats) = World::with_follower().await;
    let stage = world.channel(cats, "stage").to_string();
    world.says(cats, "editstreamer", json!({ "streamer": "ann", "channel": stage })).await;
    world.database().execute("UPDATE guild SET channel_id = NULL", []).expect("written");
    let refused = world.says(cats, "addstreamer", json!({ "streamer": "ann", "reset": "channel" })).await;
    assert!(refused.contains("channel"), "{refused}");
    let words = world.says(cats, "editstreamer", json!({ "streamer": "ann" })).await;
    assert_eq!(lines(&words, &["**Channel"]), ["**Channel** #stage (own)"], "after: {refused}");
}

#[tokio::test(start_paused = true)]
async fn a_streamers_mention_can_be_taken_back_in_the_panel() {
    let (world, cats) = World::with_follower().await;
    let role = world.discord.add_role(cats.guild, "Fans");
    world.says(cats, "settings", json!({ "mention": role.to_string() })).await;
    let mut panel = world.slash(&world.admin, cats, "editstreamer", json!({ "streamer": "ann" })).await;
    for (button, expected) in [
        ("@here: off", "**Mentions** @here (own)".to_owned()),
        ("@here: on", "**Mentions** nobody (own)".to_owned()),
        ("Mentions: nobody", format!("**Mentions** <@&{role}>")),
    ] {
        panel = world.presses(cats, &panel, button).await;
        assert_eq!(lines(&world.words(cats, &panel), &["**Mentions"]), [expected], "{button}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_never_too_long_for_discord() {
    let (world, cats) = World::with_follower().await;
    for number in 0..12 {
        let login = format!("streamer{number}");
        world.follow(cats, &login).await;
        world.goes_live(&login);
        world.twitch.set_title(&world.id(&login), &"*_".repeat(70));
    }
    world.pass(A_LOOK).await;
    let words: Vec<String> = (b'a'..b'm').map(|letter| char::from(letter).to_string().repeat(90)).collect();
    let long = words.join(", ");
    let filters = json!({
        "title_regex": format!("x{}", r"\*".repeat(140)), "title_has": long, "title_not": long, "tags_any": long,
        "tags_none": long, "message": "{title}".repeat(200),
    });
    let reply = world.slash(&world.admin, cats, "settings", filters.clone()).await;
    assert!(reply.text().contains("Settings (changed)"), "{}", reply.text());
    assert!(reply.text().contains("more"), "what has no room is counted: {}", reply.text());
    let mut own = filters;
    own["streamer"] = json!("streamer1");
    let reply = world.slash(&world.admin, cats, "editstreamer", own).await;
    assert!(reply.text().contains("(changed)"), "{}", reply.text());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_meant_is_refused_and_changes_nothing() {
    let (world, cats) = World::with_follower().await;
    let before = world.says(cats, "settings", json!({})).await;
    for (options, expected) in [
        (
            json!({ "color": "purple" }),
            "`color`: a colour is written like `#9146ff`: two digits each of red, green and blue. Nothing was changed.",
        ),
        (
            json!({ "title_regex": "(a", "color": "#ffffff" }),
            "`title_regex`: unclosed group. Nothing was changed.",
        ),
        (
            json!({ "title_regex": r"(?:\w{99}){99}" }),
            "`title_regex`: the expression is too large; repetitions such as `{100}` make it so. Nothing was changed.",
        ),
        (
            json!({ "title_regex": "a".repeat(301) }),
            "`title_regex`: the expression has 301 characters; the longest that is taken has 300. Nothing was changed.",
        ),
        (
            json!({ "title_regex": r"(a)\1" }),
            "`title_regex`: backreferences are not supported. Nothing was changed.",
        ),
        (
            json!({ "message": "{name} is live" }),
            "`message`: `{name}` at character 1 is none of `{streamer}`, `{title}`, `{category}`, `{url}`, `{viewers}`, `{started}`, `{language}`, `{tags}`, `{mention}`. Nothing was changed.",
        ),
        (
            json!({ "language": "english" }),
            "`language`: \\`english\\` is no language of Twitch's; they are written like \\`en\\`, \\`de\\`, \\`pt\\`, and \\`other\\`. Nothing was changed.",
        ),
    ] {
        assert_eq!(world.says(cats, "settings", options).await, expected);
    }
    let nobody = json!({ "streamer": "bob", "color": "#ffffff" });
    assert_eq!(
        world.says(cats, "editstreamer", nobody).await,
        "`bob` is not on this server's list. `/streamers` shows who is."
    );
    assert_eq!(world.says(cats, "settings", json!({})).await, before);
}

#[tokio::test(start_paused = true)]
async fn categories_are_looked_up_on_twitch_also_those_with_a_comma() {
    let (world, cats) = World::with_follower().await;
    for name in ["Celeste", "Just Chatting", "Warhammer 40,000: Darktide"] {
        world.twitch.add_category(name);
    }
    let only = async |typed: &str| world.says(cats, "settings", json!({ "only_category": typed })).await;
    let shown = |words: &str| lines(words, &["**Only in"]);
    assert_eq!(shown(&only("celeste, JUST CHATTING").await), ["**Only in** Celeste; Just Chatting"]);
    assert_eq!(shown(&only("Warhammer 40,000: Darktide").await), ["**Only in** Warhammer 40,000: Darktide"]);
    let both = only("Warhammer 40,000: Darktide; Celeste").await;
    assert_eq!(shown(&both), ["**Only in** Warhammer 40,000: Darktide; Celeste"]);
    assert_eq!(
        only("Celest").await,
        "`only_category`: Twitch has no category called Celest. It has Celeste. Nothing was changed."
    );
    let typed = json!({ "only_category": "Just Chatting, cel" });
    let completion =
        world.discord.autocomplete(&world.admin, cats.guild, cats.live, "settings", typed, "only_category");
    let choices = completion.await.reply().await.choices;
    assert_eq!(choices, [("Just Chatting, Celeste".to_owned(), "Just Chatting, Celeste".to_owned())]);
    assert_eq!(shown(&only("none").await), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_streamer_is_added_with_what_is_wanted() {
    let world = World::start().await;
    let cats = world.server("Cats").await;
    let stage = world.channel(cats, "stage");
    world.twitch.add_user("ann");
    let options =
        json!({ "streamer": "ann", "channel": stage.to_string(), "preview": false, "reruns": "quiet" });
    assert!(world.says(cats, "addstreamer", options).await.contains("is announced in #stage from now on"));
    // Added once more, what is not said stays as it was.
    world.says(cats, "addstreamer", json!({ "streamer": "ann", "publish": true })).await;
    insta::assert_snapshot!(world.says(cats, "editstreamer", json!({ "streamer": "ann" })).await, @"
    How Ann is announced
    **Channel** #stage (own)
    **Mentions** nobody
    **Picture** no (own)
    **Published** yes (own)
    **At the end** say how long it was, with the recording
    **Reruns** announce them without notifying anybody (own)
    What is not marked as own follows the server's `/settings`.
    ");
    let back = json!({ "streamer": "ann", "reset": "channel" });
    assert_eq!(lines(&world.says(cats, "editstreamer", back).await, &["**Channel"]), ["**Channel** #live"]);
    // A wish that cannot be meant adds nobody.
    world.twitch.add_user("bob");
    world.says(cats, "addstreamer", json!({ "streamer": "bob", "color": "red" })).await;
    assert!(!world.list(cats).await.contains("Bob"));
}

#[tokio::test(start_paused = true)]
async fn a_panel_works_after_a_restart() {
    let (mut world, cats) = World::with_follower().await;
    let stage = world.channel(cats, "stage");
    let role = world.discord.add_role(cats.guild, "Fans");
    world.discord.set_role(cats.guild, role, |role| role.mentionable = true);
    let panel = world.slash(&world.admin, cats, "editstreamer", json!({ "streamer": "ann" })).await;
    assert!(panel.ephemeral);
    insta::assert_snapshot!(panel.buttons().join(" | "), @"At the end: edit (as server) | Reruns: skip (as server) | Text… | Filters… | More filters… | Picture: on (as server) | Watch button: on (as server) | Notify button: on (as server) | Publish: off (as server) | @here: off");
    world.stop().await.expect("a clean stop");
    world.wake().await;
    let id = world.id("ann");
    let panel =
        world.chooses_in(cats, &panel, &format!("panel:v1:{id}:channel:pick"), &[&stage.to_string()]).await;
    let panel =
        world.chooses_in(cats, &panel, &format!("panel:v1:{id}:mention:pick"), &[&role.to_string()]).await;
    let panel = world.presses(cats, &panel, "Picture").await;
    let panel = world.presses(cats, &panel, "Picture").await;
    let panel = world.presses(cats, &panel, "At the end").await;
    insta::assert_snapshot!(world.words(cats, &panel).replace(&role.to_string(), "Fans"), @"
    How Ann is announced (changed)
    **Channel** #stage (own)
    **Mentions** <@&Fans> (own)
    **Picture** no (own)
    **Notify button** mentions members by name: I cannot give them <@&Fans>, because I lack **Manage Roles**
    **At the end** say how long it was, with the recording (own)
    What is not marked as own follows the server's `/settings`.
    ");
    assert_eq!(panel.buttons()[0], "At the end: edit");
    // The last choice leads back to what the server wants.
    let panel = world.presses(cats, &panel, "Picture").await;
    assert!(panel.buttons().contains(&"Picture: on (as server)".to_owned()), "{:?}", panel.buttons());
    // An old panel says what is to be so, not what is to change: pressed twice, it is the same.
    let here = world.presses(cats, &panel, "@here").await;
    assert!(here.buttons().contains(&"@here: on".to_owned()));
    let again = world.presses(cats, &panel, "@here").await;
    assert!(again.buttons().contains(&"@here: on".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_form_sets_takes_back_and_refuses() {
    let (world, cats) = World::with_follower().await;
    world.twitch.add_category("Celeste");
    let panel = world.slash(&world.admin, cats, "settings", json!({})).await;
    let form = world.presses(cats, &panel, "Filters…").await;
    let values = json!({ "only_category": "celeste", "title_not": "rerun", "title_regex": "any%|100%" });
    let panel = world.fills_in(cats, &form, values).await;
    let filters = ["**Only", "**Title"];
    insta::assert_snapshot!(lines(&world.words(cats, &panel), &filters).join("\n"), @"
    **Only in** Celeste
    **Title has not** rerun
    **Title matches** `any%|100%`
    ");
    // What is left empty is taken back, what is broken is refused with everything else.
    let form = world.presses(cats, &panel, "Filters…").await;
    let refused = world.fills_in(cats, &form, json!({ "only_category": "", "title_regex": "(" })).await;
    insta::assert_snapshot!(refused.text(), @"`title_regex`: unclosed group. Nothing was changed.");
    let values = json!({ "only_category": "", "title_not": "rerun", "title_regex": "any%|100%" });
    let panel = world.fills_in(cats, &form, values).await;
    assert_eq!(
        lines(&world.words(cats, &panel), &filters),
        ["**Title has not** rerun", "**Title matches** `any%|100%`"]
    );
    let form = world.presses(cats, &panel, "More filters…").await;
    let panel = world.fills_in(cats, &form, json!({ "language": "de", "min_viewers": "10" })).await;
    let more = ["**Lang", "**View"];
    assert_eq!(lines(&world.words(cats, &panel), &more), ["**Languages** de", "**Viewers at least** 10"]);
    let refused = world.fills_in(cats, &form, json!({ "min_viewers": "many" })).await;
    insta::assert_snapshot!(refused.text(), @"`min_viewers`: a number of viewers is written in digits only, and at most 100000000. Nothing was changed.");
}

#[tokio::test(start_paused = true)]
async fn whoever_words_an_announcement_sees_how_it_will_read() {
    let (world, cats) = World::with_follower().await;
    world.says(cats, "settings", json!({ "mention": cats.guild.to_string() })).await;
    let panel = world.slash(&world.admin, cats, "settings", json!({})).await;
    let form = world.presses(cats, &panel, "Text…").await;
    let values = json!({ "message": "{streamer} plays {category}\n{mention} {{soon}}", "color": "#ffffff" });
    let written = world.discord.submit(&world.admin, cats.guild, cats.live, &form, values).await;
    let panel = written.reply().await;
    let words = lines(&world.words(cats, &panel), &["**Text", "**Colour"]);
    assert_eq!(words, ["**Text** `{streamer} plays {category} {mention} {{soon}}`", "**Colour** #ffffff"]);
    let preview = written.followup().await;
    assert!(preview.ephemeral);
    assert_eq!(preview.embeds[0]["color"], 0xff_ff_ff);
    insta::assert_snapshot!(world.words(cats, &preview), @"
    A streamer plays Whatever is played
    @everyone {soon}
    A streamer
    First try, no glitches
    Category: Whatever is played
    Viewers: 1,234
    Started: (time)
    ");
    assert!(world.announcements(cats).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_mention_that_notifies_nobody_is_told_when_it_is_set_and_later() {
    let (world, cats) = World::with_follower().await;
    let role = world.discord.add_role(cats.guild, "Fans");
    let words = world.says(cats, "settings", json!({ "mention": role.to_string() })).await;
    insta::assert_snapshot!(lines(&words, &["⚠️"]).join("\n").replace(&role.to_string(), "Fans"), @"⚠️ My mention of <@&Fans> notifies nobody in #live: allow **Mention @everyone, @here, and All Roles** for me or one of my roles, or make the role mentionable by everybody in the server's settings.");
    let words = world.says(cats, "editstreamer", json!({ "streamer": "ann", "here": true })).await;
    insta::assert_snapshot!(lines(&words, &["⚠️"]).join("\n"), @"⚠️ My mention of @here notifies nobody in #live: allow **Mention @everyone, @here, and All Roles** for me or one of my roles.");
    world.discord.set_role(cats.guild, role, |role| role.mentionable = true);
    assert_eq!(lines(&world.says(cats, "settings", json!({})).await, &["⚠️"]), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_panel_is_for_those_who_may_manage_the_server() {
    let (world, cats) = World::with_follower().await;
    let panel = world.slash(&world.admin, cats, "settings", json!({})).await;
    for label in ["Picture: on", "Text…"] {
        let id = panel.custom_id(label).expect("a button");
        let pressed = world.discord.press(&world.member, cats.guild, cats.live, panel.raw.clone(), &id);
        let reply = pressed.await.reply().await;
        insta::allow_duplicates! {
            insta::assert_snapshot!(reply.text(), @"You need the **Manage Server** permission for that. Nothing was changed.");
        }
    }
    // Nor does a panel bring back a streamer who is not on the list any more.
    let panel = world.slash(&world.admin, cats, "editstreamer", json!({ "streamer": "ann" })).await;
    world.unfollow(cats, "ann").await;
    insta::assert_snapshot!(world.presses(cats, &panel, "Picture").await.text(), @"This streamer is not on this server's list any more. `/streamers` shows who is.");
}

#[tokio::test(start_paused = true)]
async fn a_filter_is_tried_out_when_it_is_saved() {
    let (world, cats) = World::with_follower().await;
    world.follow(cats, "bob").await;
    // Ann has streamed twice, once in another category for a while.
    for category in ["Celeste", "Chess"] {
        world.goes_live("ann");
        world.twitch.set_category(&world.id("ann"), category);
        world.pass(A_LOOK).await;
        world.goes_offline("ann");
        world.pass(GRACE + A_LOOK * 2).await;
    }
    for name in ["ann", "bob"] {
        world.goes_live(name);
    }
    world.twitch.set_category(&world.id("ann"), "Chess");
    world.twitch.set_category(&world.id("bob"), "Celeste");
    world.pass(A_LOOK).await;
    let tried = async |command: &str, options: Value| {
        let reply = world.slash(&world.admin, cats, command, options).await;
        reply.embeds.get(1).map(|card| card["description"].as_str().unwrap_or_default().to_owned())
    };
    let words = tried("settings", json!({ "only_category": "Celeste" })).await.expect("a trial");
    insta::assert_snapshot!(words, @"
    ⏸️ **Ann** is live and held back: the category is Chess, and here only Celeste is announced.
    ✅ **Bob** is live and fits.
    Of the 4 streams of the last 14 days, 2 would have been announced.
    ");
    let words =
        tried("editstreamer", json!({ "streamer": "ann", "only_category": "none" })).await.expect("a trial");
    insta::assert_snapshot!(words, @"
    ✅ **Ann** is live and fits.
    Of the 3 streams of the last 14 days, 3 would have been announced.
    ");
    // What is no filter is not tried.
    assert_eq!(tried("settings", json!({ "preview": false })).await, None);
}
