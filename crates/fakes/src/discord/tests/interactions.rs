//! Interactions as the bot receives them: who, on which message, with which values and what these refer to.

use serde_json::{Value, json};

use super::super::Member;
use super::super::permissions::{ALL, EMBED_LINKS, ORDINARY};
use super::ear::{Ear, respond};
use super::{ChannelKind, small_world};

fn row(component: &Value) -> Value {
    json!({"content": "x", "components": [{"type": 1, "components": [component]}]})
}

#[test]
fn people_are_known_by_their_names() {
    let (cleo, dora) = (Member::named("cleo"), Member::named("dora"));
    assert_eq!((cleo.id, cleo.permissions), (Member::named("cleo").id, ORDINARY));
    assert!(cleo.id != dora.id && cleo.id != Member::admin().id);
    assert_eq!((Member::named("ada").id, Member::named("ben")), (Member::admin().id, Member::plain()));
    assert_eq!(cleo.with(ALL).permissions, ALL);
}

#[tokio::test(start_paused = true)]
async fn a_button_on_an_announcement_can_be_pressed() {
    let (discord, client, guild, channel) = small_world().await;
    let mut ear = Ear::dial(&discord).await;
    let button = json!({"type": 2, "style": 2, "label": "Remind me", "custom_id": "remind:7"});
    client.post(channel, &row(&button)).await;
    let id = discord.messages(channel)[0].id;
    let message = discord.message(channel, id);
    assert_eq!(message["id"], id.to_string());
    assert!(discord.message(7, id).is_null());

    let cleo = Member::named("cleo");
    let press = discord.press(&cleo, guild, channel, json!({"id": id.to_string()}), "remind:7").await;
    let heard = ear.interaction().await;
    assert_eq!((&heard["type"], &heard["message"]), (&json!(3), &message));
    assert_eq!(
        (&heard["guild_id"], &heard["channel_id"]),
        (&json!(guild.to_string()), &json!(channel.to_string()))
    );
    assert_eq!(
        (&heard["member"]["user"]["username"], &heard["member"]["roles"]),
        (&json!("cleo"), &json!([]))
    );
    assert_eq!(heard["data"], json!({"custom_id": "remind:7", "component_type": 2}));
    assert!(discord.is_member(guild, cleo.id));

    // A private answer leaves the announcement as it is, an update changes it for everybody.
    let private = json!({"type": 4, "data": {"content": "I will", "flags": 64}});
    assert_eq!(respond(&client, &heard, &private).await.status, 204);
    assert_eq!((press.reply().await.ephemeral, discord.messages(channel)[0].content()), (true, "x"));
    discord.press(&cleo, guild, channel, message, "remind:7").await;
    let heard = ear.interaction().await;
    assert_eq!(respond(&client, &heard, &json!({"type": 7, "data": {"content": "y"}})).await.status, 204);
    let changed = &discord.messages(channel)[0];
    assert_eq!((changed.content(), changed.edits, changed.edited.is_some()), ("y", 0, true));
    assert_eq!(changed.body["components"][0]["components"][0]["custom_id"], "remind:7");
    let path = format!(
        "/webhooks/{}/{}/messages/@original",
        discord.application_id(),
        heard["token"].as_str().unwrap()
    );
    assert_eq!(client.try_call("PATCH", &path, Some(&json!({"content": "z"}))).await.unwrap().status, 200);
    assert_eq!(discord.messages(channel)[0].content(), "z");
}

#[tokio::test(start_paused = true)]
async fn selects_carry_what_was_chosen() {
    let (discord, _, guild, channel) = small_world().await;
    let mut ear = Ear::dial(&discord).await;
    let ada = Member::admin();
    discord.deny(channel, EMBED_LINKS);
    let select = row(&json!({"type": 8, "custom_id": "where", "channel_types": [0, 5]}));
    discord.select(&ada, guild, channel, select, "where", &[&channel.to_string()]).await;
    let heard = ear.interaction().await;
    let data = &heard["data"];
    assert_eq!((&data["values"], &data["component_type"]), (&json!([channel.to_string()]), &json!(8)));
    let object = &data["resolved"]["channels"][channel.to_string()];
    assert_eq!((&object["name"], &object["permissions"]), (&json!("live"), &json!(ALL.to_string())));
    assert_eq!(object["app_permissions"], discord.permissions(channel).to_string());

    let role = (guild + 1).to_string();
    let select = row(&json!({"type": 6, "custom_id": "whom", "min_values": 0, "max_values": 2}));
    discord.select(&ada, guild, channel, select.clone(), "whom", &[&role]).await;
    let heard = ear.interaction().await;
    assert_eq!(heard["data"]["resolved"]["roles"][&role]["name"], "Bell");
    discord.select(&ada, guild, channel, select, "whom", &[]).await;
    let heard = ear.interaction().await;
    assert_eq!((&heard["data"]["values"], &heard["data"]["resolved"]), (&json!([]), &Value::Null));

    let cleo = Member::named("cleo");
    discord.member_joins(guild, &cleo);
    let select = row(&json!({"type": 5, "custom_id": "who"}));
    discord.select(&ada, guild, channel, select, "who", &[&cleo.id.to_string()]).await;
    let heard = ear.interaction().await;
    assert_eq!(heard["data"]["resolved"]["users"][cleo.id.to_string()]["username"], "cleo");
    assert_eq!(heard["data"]["resolved"]["members"][cleo.id.to_string()]["roles"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn nobody_can_choose_what_is_not_offered() {
    let (discord, _, guild, channel) = small_world().await;
    let voice = discord.add_channel(guild, "talk", ChannelKind::Voice).to_string();
    let options = json!([{"label": "A", "value": "a"}, {"label": "B", "value": "b"}]);
    let strings = row(&json!({"type": 3, "custom_id": "s", "options": options, "max_values": 2}));
    let channels = row(&json!({"type": 8, "custom_id": "s", "channel_types": [0]}));
    let off = row(&json!({"type": 3, "custom_id": "s", "options": options, "disabled": true}));
    for (message, values) in [
        (&strings, vec![]),
        (&strings, vec!["a", "b", "a"]),
        (&strings, vec!["a", "a"]),
        (&strings, vec!["c"]),
        (&channels, vec![voice.as_str()]),
        (&channels, vec!["7"]),
        (&row(&json!({"type": 6, "custom_id": "s"})), vec!["7"]),
        (&off, vec!["a"]),
        (&row(&json!({"type": 3, "custom_id": "t", "options": options})), vec!["a"]),
    ] {
        let (discord, message, text) = (discord.clone(), message.clone(), format!("{message} {values:?}"));
        let values: Vec<String> = values.into_iter().map(str::to_owned).collect();
        let choosing = tokio::spawn(async move {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            discord.select(&Member::plain(), guild, channel, message, "s", &values).await;
        });
        assert!(choosing.await.is_err(), "{text}");
    }
    let chosen = discord.select(&Member::plain(), guild, channel, strings, "s", &["b", "a"]).await;
    assert_eq!(chosen.first_response_after(), None);
}
