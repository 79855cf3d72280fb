//! Every option on each command that has it: set for all, otherwise for one, and taken back.

use serde_json::{Value, json};

use super::lines;
use crate::world::{A_LOOK, World};

/// An option with what is said for all and for one, each with what is shown then, behind which heading.
type Row = (&'static str, &'static str, Value, &'static str, Value, &'static str);

fn table(guild: u64, [fans, friends]: &[String; 2], [stage, side]: [u64; 2]) -> Vec<Row> {
    vec![
        ("mention", "Mentions", json!(fans), "<@&Fans>", json!(friends), "<@&Friends>"),
        ("mention", "Mentions", json!(guild.to_string()), "@everyone", json!(fans), "<@&Fans>"),
        ("here", "Mentions", json!(true), "@here", json!(false), "nobody"),
        ("message", "Text", json!("{streamer}!"), "`{streamer}!`", json!("none"), "`{mention}`"),
        ("color", "Colour", json!("#010203"), "#010203", json!("AbCdEf"), "#abcdef"),
        ("preview", "Picture", json!(false), "no", json!(true), "yes"),
        ("button", "Watch button", json!(false), "no", json!(true), "yes"),
        ("notify", "Notify button", json!(false), "no", json!(true), "yes"),
        ("publish", "Published", json!(true), "yes", json!(false), "no"),
        ("on_end", "At the end", json!("delete"), "delete it", json!("keep"), "leave it as it is"),
        (
            "reruns",
            "Reruns",
            json!("quiet"),
            "announce them without notifying anybody",
            json!("announce"),
            "announce them like any other stream",
        ),
        ("only_category", "Only in", json!("celeste"), "Celeste", json!("chess; celeste"), "Chess; Celeste"),
        ("never_category", "Never in", json!("chess"), "Chess", json!("none"), "none"),
        ("title_has", "Title has", json!("any%, 100%"), "any%, 100%", json!("wr"), "wr"),
        ("title_not", "Title has not", json!("drops"), "drops", json!("-"), "nothing"),
        ("title_regex", "Title matches", json!(r"\bany%"), r"`\bany%`", json!("none"), "anything"),
        ("language", "Languages", json!("DE, fr"), "de, fr", json!("zh-hk"), "zh-hk"),
        ("tags_any", "With a tag of", json!("Speedrun"), "Speedrun", json!("Chill, Cozy"), "Chill, Cozy"),
        ("tags_none", "Without the tags", json!("AI"), "AI", json!("none"), "none"),
        ("min_viewers", "Viewers at least", json!(1_000), "1,000", json!(0), "0"),
        // Without a channel of the server's there is nothing more to be seen, so this comes last.
        ("channel", "Channel", json!(stage.to_string()), "#stage", json!(side.to_string()), "#side"),
    ]
}

#[tokio::test(start_paused = true)]
async fn each_setting_is_made_for_all_otherwise_for_one_and_taken_back() {
    let (world, cats) = World::with_follower().await;
    for name in ["Celeste", "Chess"] {
        world.twitch.add_category(name);
    }
    let channels = ["stage", "side"].map(|name| world.channel(cats, name));
    let roles = ["Fans", "Friends"].map(|name| world.discord.add_role(cats.guild, name).to_string());
    let named = |words: &str| words.replace(&roles[0], "Fans").replace(&roles[1], "Friends");
    for (option, heading, for_all, all, for_one, one) in table(cats.guild, &roles, channels) {
        let heading = format!("**{heading}** ");
        let shown = |words: String| -> String {
            let line = lines(&named(&words), &[&heading]).pop().unwrap_or_default();
            line.strip_prefix(&heading).unwrap_or_default().to_owned()
        };
        let own = |shown: &str| format!("{shown} (own)");
        let reset = if option == "here" { "mention" } else { option };
        let says = async |command: &str, options: Value| shown(world.says(cats, command, options).await);
        let usual = says("settings", json!({})).await;
        assert_eq!(says("settings", json!({ option: for_all })).await, all, "{option} for all");
        let view = async || says("editstreamer", json!({ "streamer": "ann" })).await;
        assert_eq!(view().await, all, "{option} taken over");
        let edited = says("editstreamer", json!({ "streamer": "ann", option: for_one })).await;
        assert_eq!(edited, own(one), "{option} for one");
        world.says(cats, "addstreamer", json!({ "streamer": "ann", option: for_all })).await;
        assert_eq!(view().await, own(all), "{option} for one who is added once more");
        world.says(cats, "addstreamer", json!({ "streamer": "ann", "reset": reset })).await;
        assert_eq!(view().await, all, "{option} taken back by adding once more");
        says("editstreamer", json!({ "streamer": "ann", option: for_one })).await;
        let back = says("editstreamer", json!({ "streamer": "ann", "reset": reset })).await;
        assert_eq!(back, all, "{option} taken back for one");
        let back = says("settings", json!({ "reset": reset })).await;
        let expected = if option == "channel" { "none" } else { &usual };
        assert_eq!(back, expected, "{option} taken back for all");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_adds_a_streamer_is_told_what_the_mention_and_the_filters_would_do() {
    let (world, cats) = World::with_follower().await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    let options = json!({ "streamer": "ann", "here": true, "title_has": "any%" });
    insta::assert_snapshot!(world.says(cats, "addstreamer", options).await, @"
    Ann
    **Ann** is on the list already, announced in #live.
    ⚠️ My mention of @here notifies nobody in #live: allow **Mention @everyone, @here, and All Roles** for me or one of my roles.
    What that would do
    ⏸️ **Ann** is live and held back: the title is “Playing”, and here only titles with any% are announced.
    The one stream of the last 14 days would not have been announced.
    ");
    // Of somebody new nobody knows yet.
    world.twitch.add_user("bob");
    insta::assert_snapshot!(world.says(cats, "addstreamer", json!({ "streamer": "bob", "min_viewers": 5 })).await, @"
    Bob
    **Bob** is announced in #live from now on.
    What that would do
    The next look at Twitch tells whether that is to be announced now.
    No stream of the last 14 days is remembered to try this on.
    ");
}

#[tokio::test(start_paused = true)]
async fn a_category_with_a_comma_is_suggested_so_that_it_can_be_read_again() {
    let (world, cats) = World::with_follower().await;
    for name in ["Celeste", "Warhammer 40,000: Darktide"] {
        world.twitch.add_category(name);
    }
    for (typed, suggested, shown) in [
        ("Warhammer 40,0", "Warhammer 40,000: Darktide", "Warhammer 40,000: Darktide"),
        ("Celeste, war", "Celeste; Warhammer 40,000: Darktide", "Celeste; Warhammer 40,000: Darktide"),
        (
            "Celeste; Warhammer 40,0",
            "Celeste; Warhammer 40,000: Darktide",
            "Celeste; Warhammer 40,000: Darktide",
        ),
        (
            "Warhammer 40,000: Darktide; cel",
            "Warhammer 40,000: Darktide; Celeste",
            "Warhammer 40,000: Darktide; Celeste",
        ),
    ] {
        let options = json!({ "never_category": typed });
        let (guild, channel, option) = (cats.guild, cats.live, "never_category");
        let completion =
            world.discord.autocomplete(&world.admin, guild, channel, "settings", options, option).await;
        let choices = completion.reply().await.choices;
        assert!(choices.iter().any(|(_, value)| value == suggested), "{typed}: {choices:?}");
        let words = world.says(cats, "settings", json!({ "never_category": suggested })).await;
        assert_eq!(lines(&words, &["**Never in"]), [format!("**Never in** {shown}")]);
    }
}
