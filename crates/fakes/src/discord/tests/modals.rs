//! Modals: which ones Discord takes, how they are filled in, and what may answer them.

use serde_json::{Value, json};

use super::super::{Interaction, Member, Reply};
use super::ear::{Ear, register, respond};
use super::{Client, Discord, small_world};

fn input(fields: &Value) -> Value {
    let mut input = json!({"type": 4, "custom_id": "text", "style": 2});
    for (name, value) in fields.as_object().unwrap() {
        input[name] = value.clone();
    }
    input
}

fn in_row(fields: &Value) -> Value {
    let mut input = input(fields);
    if input.get("label").is_none() {
        input["label"] = json!("Text");
    }
    json!({"type": 1, "components": [input]})
}

fn labelled(component: &Value) -> Value {
    json!({"type": 18, "label": "Label", "component": component})
}

fn modal(rows: &Value) -> Value {
    json!({"type": 9, "data": {"title": "Wording", "custom_id": "wording:7", "components": rows}})
}

/// Somebody uses a command, which is to be answered.
async fn ask(discord: &Discord, ear: &mut Ear, place: (u64, u64)) -> (Interaction, Value) {
    let asked = discord.slash(&Member::admin(), place.0, place.1, "wording", json!({})).await;
    (asked, ear.interaction().await)
}

async fn world() -> (Discord, Client, Ear, (u64, u64)) {
    let (discord, client, guild, channel) = small_world().await;
    register(&client, &discord, json!({"name": "wording", "description": "Words"})).await;
    let ear = Ear::dial(&discord).await;
    (discord, client, ear, (guild, channel))
}

async fn opened(client: &Client, discord: &Discord, ear: &mut Ear, place: (u64, u64), rows: &Value) -> Reply {
    let (asked, heard) = ask(discord, ear, place).await;
    assert_eq!(respond(client, &heard, &modal(rows)).await.status, 204, "{rows}");
    asked.reply().await
}

#[tokio::test(start_paused = true)]
async fn a_modal_is_filled_in() {
    let (discord, client, mut ear, place) = world().await;
    let rows = json!([
        in_row(&json!({"value": "old", "max_length": 10})),
        in_row(&json!({"custom_id": "more", "required": false}))
    ]);
    let reply = opened(&client, &discord, &mut ear, place, &rows).await;
    assert_eq!((reply.is_modal(), reply.title(), reply.kind), (true, "Wording", 9));
    assert_eq!(reply.input("text").unwrap()["value"], "old");
    assert!(reply.input("other").is_none());

    let ada = Member::admin();
    let sent = discord.submit(&ada, place.0, place.1, &reply, json!({"text": "new"})).await;
    let heard = ear.interaction().await;
    assert_eq!((&heard["type"], heard.get("message")), (&json!(5), None));
    let data = json!({"custom_id": "wording:7", "components": [
        {"type": 1, "id": 1, "components": [{"type": 4, "id": 2, "custom_id": "text", "value": "new"}]},
        {"type": 1, "id": 3, "components": [{"type": 4, "id": 4, "custom_id": "more", "value": ""}]},
    ]});
    assert_eq!(heard["data"], data);
    assert_eq!(
        respond(&client, &heard, &modal(&rows)).await.error(),
        (400, 50_035),
        "no modal after a modal"
    );
    assert_eq!(
        respond(&client, &heard, &json!({"type": 7, "data": {"content": "x"}})).await.error(),
        (400, 50_035)
    );
    assert_eq!(respond(&client, &heard, &json!({"type": 4, "data": {"content": "saved"}})).await.status, 204);
    assert_eq!(sent.reply().await.content, "saved");

    // What nobody touches stays as it was.
    discord.submit(&ada, place.0, place.1, &reply, json!({})).await;
    assert_eq!(ear.interaction().await["data"]["components"][0]["components"][0]["value"], "old");
    for values in [json!({"text": ""}), json!({"text": "longer than ten"}), json!({"else": "x"})] {
        let (discord, ada, reply) = (discord.clone(), ada.clone(), reply.clone());
        let wrong = values.to_string();
        let sending =
            tokio::spawn(async move { discord.submit(&ada, place.0, place.1, &reply, values).await.id() });
        assert!(sending.await.is_err(), "{wrong}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_modal_from_a_button_can_change_its_message() {
    let (discord, client, mut ear, (guild, channel)) = world().await;
    let button = json!({"type": 2, "style": 1, "label": "Edit", "custom_id": "edit"});
    client.post(channel, &json!({"content": "x", "components": [{"type": 1, "components": [button]}]})).await;
    let message = discord.message(channel, discord.messages(channel)[0].id);
    let pressed = discord.press(&Member::admin(), guild, channel, message.clone(), "edit").await;
    let heard = ear.interaction().await;
    respond(&client, &heard, &modal(&json!([in_row(&json!({}))]))).await;
    let reply = pressed.reply().await;
    let sent = discord.submit(&Member::admin(), guild, channel, &reply, json!({"text": "y"})).await;
    let heard = ear.interaction().await;
    assert_eq!((&heard["type"], &heard["message"]), (&json!(5), &message));
    assert_eq!(respond(&client, &heard, &json!({"type": 7, "data": {"content": "y"}})).await.status, 204);
    assert_eq!((sent.reply().await.content.as_str(), discord.messages(channel)[0].content()), ("y", "y"));
}

#[tokio::test(start_paused = true)]
async fn labels_hold_inputs_and_selects() {
    let (discord, client, mut ear, place) = world().await;
    let rows = json!([
        labelled(&input(&json!({"required": false, "min_length": 3}))),
        labelled(&json!({"type": 8, "custom_id": "where", "required": false})),
        {"type": 10, "content": "Thank you"},
    ]);
    let reply = opened(&client, &discord, &mut ear, place, &rows).await;
    let channel = place.1.to_string();
    let values = json!({"text": "", "where": [channel]});
    discord.submit(&Member::admin(), place.0, place.1, &reply, values).await;
    // Not through serenity, whose modals have only rows.
    let heard = ear.hears("INTERACTION_CREATE").await;
    let label = &heard["data"]["components"][1];
    assert_eq!((&label["type"], &label["component"]["values"]), (&json!(18), &json!([channel])));
    assert_eq!(heard["data"]["resolved"]["channels"][&channel]["name"], "live");
    assert_eq!(heard["data"]["components"][0]["component"]["value"], "");
    assert_eq!(heard["data"]["components"][2], json!({"type": 10, "id": 5}));
}

#[tokio::test(start_paused = true)]
async fn bad_modals_are_refused_with_their_place() {
    let (discord, client, mut ear, place) = world().await;
    let x = |count: usize| "x".repeat(count);
    let (row, first) = (in_row(&json!({})), "components.0.components.0");
    let two = json!({"type": 1, "components": [input(&json!({"label": "a"})), input(&json!({"label": "b", "custom_id": "b"}))]});
    let (_, heard) = ask(&discord, &mut ear, place).await;
    for (path, rows) in [
        ("components".to_owned(), json!([])),
        ("components".to_owned(), json!(vec![row.clone(); 6])),
        ("components.0".to_owned(), json!([{"type": 2, "style": 1, "label": "l", "custom_id": "c"}])),
        ("components.0.components".to_owned(), json!([two])),
        ("components.1.components.0.custom_id".to_owned(), json!([row, row])),
        (format!("{first}.custom_id"), json!([in_row(&json!({"custom_id": x(101)}))])),
        (format!("{first}.label"), json!([in_row(&json!({"label": x(46)}))])),
        (format!("{first}.label"), json!([in_row(&json!({"label": ""}))])),
        (format!("{first}.style"), json!([in_row(&json!({"style": 3}))])),
        (format!("{first}.value"), json!([in_row(&json!({"value": x(4001)}))])),
        (format!("{first}.value"), json!([in_row(&json!({"value": x(11), "max_length": 10}))])),
        (format!("{first}.placeholder"), json!([in_row(&json!({"placeholder": x(101)}))])),
        (format!("{first}.max_length"), json!([in_row(&json!({"max_length": 4001}))])),
        (format!("{first}.min_length"), json!([in_row(&json!({"min_length": 9, "max_length": 8}))])),
        (format!("{first}.requird"), json!([in_row(&json!({"requird": true}))])),
        ("components.0.label".to_owned(), json!([{"type": 18, "component": input(&json!({}))}])),
        ("components.0.component.label".to_owned(), json!([labelled(&input(&json!({"label": "twice"})))])),
        ("components.0.component".to_owned(), json!([labelled(&json!({"type": 2}))])),
        (
            "components.0.component.options".to_owned(),
            json!([labelled(&json!({"type": 3, "custom_id": "s"}))]),
        ),
    ] {
        let refused = respond(&client, &heard, &modal(&rows)).await;
        assert_eq!(refused.error(), (400, 50_035), "{path}");
        let mut place = &refused.body["errors"]["data"];
        for step in path.split('.') {
            place = &place[step];
        }
        assert!(place["_errors"][0]["code"].is_string(), "{path}: {}", refused.body);
    }
    let mut long = modal(&json!([row]));
    long["data"]["title"] = json!(x(46));
    assert_eq!(respond(&client, &heard, &long).await.error(), (400, 50_035));
    assert_eq!(
        respond(&client, &heard, &modal(&json!([in_row(&json!({"value": x(4000)}))]))).await.status,
        204
    );
}
