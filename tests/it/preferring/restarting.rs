//! A panel and a form work whatever has become of the bot since they were opened.

use serde_json::json;

use super::lines;
use crate::world::World;

#[tokio::test(start_paused = true)]
async fn each_control_of_an_old_panel_does_what_it_says() {
    for command in ["settings", "editstreamer"] {
        let (mut world, cats) = World::with_follower().await;
        let options = if command == "settings" { json!({}) } else { json!({ "streamer": "ann" }) };
        let panel = world.slash(&world.admin, cats, command, options).await;
        let target = if command == "settings" { "server".to_owned() } else { world.id("ann") };
        world.stop().await.expect("a clean stop");
        world.wake().await;
        let stage = world.channel(cats, "stage").to_string();
        let role = world.discord.add_role(cats.guild, "Fans").to_string();
        for (control, value, expected) in [
            ("channel", &stage, "**Channel** #stage".to_owned()),
            ("mention", &role, format!("**Mentions** <@&{role}>")),
        ] {
            let id = format!("panel:v1:{target}:{control}:pick");
            let words = world.words(cats, &world.chooses_in(cats, &panel, &id, &[value]).await);
            assert!(words.contains("(changed)") && words.contains(&expected), "{control}: {words}");
        }
        for label in panel.buttons() {
            let pressed = world.presses(cats, &panel, &label).await;
            if label.ends_with('…') {
                assert_eq!(pressed.kind, 9, "{label} opens a form");
            } else {
                assert!(pressed.text().contains("(changed)"), "{label}: {}", pressed.text());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_form_that_was_opened_before_a_restart_is_taken_after_it() {
    let (mut world, cats) = World::with_follower().await;
    let panel = world.slash(&world.admin, cats, "settings", json!({})).await;
    let text = world.presses(cats, &panel, "Text…").await;
    let more = world.presses(cats, &panel, "More filters…").await;
    world.kill().await;
    world.wake().await;
    let written = json!({ "message": "{streamer} \u{1f3ae}" });
    let written = world.discord.submit(&world.admin, cats.guild, cats.live, &text, written).await;
    let words = world.words(cats, &written.reply().await);
    assert_eq!(lines(&words, &["**Text"]), ["**Text** `{streamer} \u{1f3ae}`"]);
    let preview = written.followup().await;
    assert!(preview.text().starts_with("A streamer \u{1f3ae}"), "{}", preview.text());
    let words = world.words(cats, &world.fills_in(cats, &more, json!({ "tags_any": "Speedrun" })).await);
    assert_eq!(lines(&words, &["**With a tag of"]), ["**With a tag of** Speedrun"]);
}

#[tokio::test(start_paused = true)]
async fn a_list_with_commas_in_its_entries_can_be_edited_in_a_form() {
    let (world, cats) = World::with_follower().await;
    world.says(cats, "settings", json!({ "title_has": "ready, set, go; any%" })).await;
    for (more, expected) in [("; wr", "ready, set, go, any%, wr"), ("", "ready, set, go, any%, wr")] {
        let panel = world.slash(&world.admin, cats, "settings", json!({})).await;
        let form = world.presses(cats, &panel, "Filters…").await;
        let inputs = form.raw["components"].as_array().expect("rows");
        let input =
            inputs.iter().map(|row| &row["components"][0]).find(|input| input["custom_id"] == "title_has");
        let value = input.expect("an input")["value"].as_str().expect("a text").to_owned();
        let panel = world.fills_in(cats, &form, json!({ "title_has": value + more })).await;
        assert_eq!(lines(&panel.text(), &["**Title has"]), [format!("**Title has** {expected}")]);
    }
    let stored: String = world
        .database()
        .query_row("SELECT preferences ->> 'title_has' FROM guild", [], |row| row.get(0))
        .expect("a server");
    assert_eq!(stored, r#"["ready, set, go","any%","wr"]"#);
}
