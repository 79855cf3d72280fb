//! What `/why` says of an announcement that is held back, or was.

use livebell_fakes::twitch::Stream;
use serde_json::{Value, json};

use super::{becomes, only_celeste, plays, prefers, that_wants};
use crate::explaining::why;
use crate::world::{A_LOOK, GRACE, Server, World};

/// The line of the answer that says what became of the announcement.
async fn result(world: &World, server: Server) -> String {
    let answer = why(world, server).await;
    let line = answer.lines().find(|line| line.starts_with('⏸') || line.starts_with('🔕'));
    line.expect(&answer).to_owned()
}

#[tokio::test(start_paused = true)]
async fn it_says_what_is_wanted_and_what_the_stream_has_instead() {
    let (world, cats) = that_wants(&only_celeste()).await;
    world.goes_live("ann");
    world.pass(A_LOOK).await;
    insta::assert_snapshot!(why(&world, cats).await, @"
    Ann
    🟣 Live, began (time).
    - Seen by the poll (time), (so long) after the start
    - Recorded (time), (so long) after that
    ⏸️ Held back: the category is Just Chatting, and here only Celeste is announced. It is announced if that changes while the stream is on.
    On this server's list since (day).
    ");
    plays(&world, "7", "Celeste").await;
    insta::assert_snapshot!(why(&world, cats).await, @"
    Ann
    🟣 Live, began (time).
    - Seen by the poll (time), (so long) after the start
    - Wanted here since (time), (so long) after that
    - Sent (time), (so long) after that
    - Acknowledged by Discord (time), (so long) after that
    ✅ Announced: (link)
    On this server's list since (day).
    ");
}

#[tokio::test(start_paused = true)]
async fn of_a_stream_that_is_over_it_says_what_was_missing() {
    let (world, cats) = that_wants(&only_celeste()).await;
    world.goes_live("ann");
    plays(&world, "8", "Hades").await;
    world.goes_offline("ann");
    world.pass(GRACE + A_LOOK * 2).await;
    insta::assert_snapshot!(why(&world, cats).await, @"
    Ann
    ⚫ Not live. Twitch was last looked at (time).
    Last stream: (time) to (time) (so long).
    - Seen by the poll (time), (so long) after the start
    - Recorded (time), (so long) after that
    🔕 Not announced: the category was Hades, and here only Celeste is announced.
    On this server's list since (day).
    ");
    // What is set today may be something else.
    prefers(&world, cats, &json!({}));
    insta::assert_snapshot!(result(&world, cats).await, @"🔕 Not announced: the category was Hades, and a filter wanted something else that has been changed since.");
}

#[tokio::test(start_paused = true)]
async fn each_filter_has_words_of_its_own() {
    let (world, cats) = that_wants(&json!({})).await;
    let stream = Stream { title: "Any% *rerun*".to_owned(), viewers: 1, ..Stream::default() };
    world.twitch.go_live_with(&world.id("ann"), stream);
    world.pass(A_LOOK).await;
    let mut said = vec![result(&world, cats).await];
    let filters = [
        json!({ "never_category": [{ "id": "509658", "name": "Just Chatting" }] }),
        json!({ "language": ["de", "fr"] }),
        json!({ "tags_any": ["Speedrun"] }),
        json!({ "tags_none": ["English"] }),
        json!({ "title_has": ["a", "b", "c", "d", "e", "f", "g"] }),
        json!({ "title_not": ["any%"] }),
        json!({ "title_regex": r"^100%\s" }),
        json!({ "min_viewers": 1_000 }),
    ];
    for (number, mut wanted) in filters.into_iter().enumerate() {
        wanted["reruns"] = Value::from("quiet");
        prefers(&world, cats, &wanted);
        world.follow(cats, &format!("friend{number}")).await;
        world.pass(A_LOOK).await;
        said.push(result(&world, cats).await);
    }
    world.expect_announced(cats, &[]);
    let said: Vec<_> = said
        .iter()
        .map(|line| {
            let line = line.strip_prefix("⏸️ Held back: ").expect(line);
            line.strip_suffix(" It is announced if that changes while the stream is on.").expect(line)
        })
        .collect();
    insta::assert_snapshot!(said.join("\n"), @r"
    it is a rerun, and none is announced here.
    the category is Just Chatting, which is not announced here.
    the language is en, and here only de or fr is announced.
    it is tagged English, and here only what is tagged Speedrun is announced.
    it is tagged English, and what is tagged English is not announced here.
    the title is “Any% \*rerun\*”, and here only titles with a, b, c, d, e or 2 more are announced.
    the title is “Any% \*rerun\*”, and titles with any% are not announced here.
    the title is “Any% \*rerun\*”, and here only titles that match ^100%\\s are announced.
    1 person watches, and here it is announced from 1,000 on.
    ");
    becomes(&world, |stream| stream.viewers = 950).await;
    insta::assert_snapshot!(result(&world, cats).await, @"⏸️ Held back: 950 people watch, and here it is announced from 1,000 on. It is announced if that changes while the stream is on.");
}
