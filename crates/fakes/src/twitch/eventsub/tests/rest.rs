//! Conduits, shards and subscriptions over Helix.

use serde_json::json;

use super::{Ear, bind, make_conduit, subscribe, to_conduit, world};
use crate::twitch::{Fault, Path, Transport};

#[tokio::test(start_paused = true)]
async fn there_are_at_most_five_conduits() {
    let (twitch, client, _) = world().await;
    let id = make_conduit(&client).await;
    let foreign = twitch.add_foreign_conduit();
    for _ in 0..3 {
        make_conduit(&client).await;
    }
    let (status, body) = client.ask("POST", "eventsub/conduits", json!({"shard_count": 1})).await;
    let refused = json!({"error": "Too Many Requests", "status": 429, "message": "Conduit limit reached"});
    assert_eq!((status, body), (429, refused));
    let (_, list) = client.get("eventsub/conduits").await;
    assert_eq!(list["data"].as_array().unwrap().len(), 5);
    assert_eq!(list["data"][0], json!({"id": id, "shard_count": 1}));
    assert_eq!((twitch.conduits()[1].foreign, &twitch.conduits()[1].id), (true, &foreign));

    let wider = json!({"id": id, "shard_count": 4});
    assert_eq!(
        client.ask("PATCH", "eventsub/conduits", wider.clone()).await,
        (200, json!({"data": [wider]}))
    );
    assert_eq!(client.ask("PATCH", "eventsub/conduits", json!({"id": id, "shard_count": 0})).await.0, 400);
    let address = format!("eventsub/conduits?id={id}");
    assert_eq!(client.ask("DELETE", &address, json!(null)).await, (204, json!(null)));
    let unknown = json!({"error": "Not Found", "status": 404, "message": "not found"});
    assert_eq!(client.ask("DELETE", &address, json!(null)).await, (404, unknown.clone()));
    assert_eq!(client.get(&format!("eventsub/conduits/shards?conduit_id={id}")).await, (404, unknown));
    let nothing = json!({"conduit_id": id, "shards": []});
    assert_eq!(client.ask("PATCH", "eventsub/conduits/shards", nothing).await.0, 404);
    make_conduit(&client).await;
    assert_eq!(twitch.request_count(Path::CreateConduit), 6);
}

#[tokio::test(start_paused = true)]
async fn shards_are_bound_one_by_one() {
    let (twitch, client, _) = world().await;
    let conduit = make_conduit(&client).await;
    client.ask("PATCH", "eventsub/conduits", json!({"id": conduit, "shard_count": 3})).await;
    let mut ear = Ear::dial(&twitch.eventsub_url()).await;
    let session = ear.welcome().await;
    let shard = |id, session| json!({"id": id, "transport": {"method": "websocket", "session_id": session}});
    let shards = [shard("0", &session), shard("1", &session), shard("2", &"x".into()), shard("3", &session)];
    let body = json!({"conduit_id": conduit, "shards": shards});
    let (status, answer) = client.ask("PATCH", "eventsub/conduits/shards", body).await;
    let outside = "The shard id is outside the conduit's range";
    let errors = json!([
        {"id": "2", "message": "The websocket session is not connected.", "code": "invalid_parameter"},
        {"id": "3", "message": outside, "code": "invalid_parameter"},
    ]);
    assert_eq!((status, &answer["errors"]), (202, &errors));
    assert_eq!(answer["data"].as_array().unwrap().len(), 2);
    assert_eq!((&answer["data"][0]["id"], &answer["data"][0]["status"]), (&json!("0"), &json!("enabled")));

    twitch.set_eventsub_page_size(1);
    let address = format!("eventsub/conduits/shards?conduit_id={conduit}");
    let (_, first) = client.get(&address).await;
    assert_eq!(first["data"], json!([answer["data"][0]]));
    let cursor = first["pagination"]["cursor"].as_str().unwrap();
    let (_, second) = client.get(&format!("{address}&after={cursor}")).await;
    assert_eq!((&second["data"][0]["id"], &second["pagination"]), (&json!("1"), &json!({})));
    assert_eq!(client.get(&format!("{address}&after=x")).await.0, 400);
}

#[tokio::test(start_paused = true)]
async fn the_same_subscription_is_a_conflict_and_a_fourth_alike_too_many() {
    let (twitch, client, ann) = world().await;
    let conduit = make_conduit(&client).await;
    let (status, body) = subscribe(&client, &ann, to_conduit(&conduit)).await;
    let ours = &body["data"][0];
    assert_eq!(
        (status, &body["total"], &body["total_cost"], &body["max_total_cost"]),
        (202, &json!(1), &json!(1), &json!(10_000))
    );
    assert_eq!(
        (&ours["type"], &ours["cost"], &ours["condition"]),
        (&json!("stream.online"), &json!(1), &json!({"broadcaster_user_id": ann}))
    );
    assert_eq!(ours["transport"], to_conduit(&conduit));
    assert_eq!(subscribe(&client, &ann, to_conduit(&conduit)).await.0, 409);
    assert_eq!(subscribe(&client, "7", to_conduit(&conduit)).await.0, 400);
    assert_eq!(subscribe(&client, &ann, to_conduit("7")).await.0, 400);
    assert_eq!(subscribe(&client, &ann, json!({"method": "websocket", "session_id": "x"})).await.0, 400);

    for _ in 0..2 {
        let id = twitch.add_foreign_conduit();
        twitch.add_foreign_subscription(&ann, Transport::Conduit { id });
    }
    let (status, body) = subscribe(&client, &ann, to_conduit(&make_conduit(&client).await)).await;
    assert_eq!(
        (status, &body["message"]),
        (429, &json!("maximum subscriptions with type and condition exceeded"))
    );

    let id = ours["id"].as_str().unwrap();
    let address = format!("eventsub/subscriptions?id={id}");
    assert_eq!(client.ask("DELETE", &address, json!(null)).await, (204, json!(null)));
    assert_eq!(client.ask("DELETE", &address, json!(null)).await.0, 404);
    assert!(!twitch.enabled_for(&ann));
    assert_eq!(subscribe(&client, &ann, to_conduit(&conduit)).await.0, 202);
    assert!(twitch.enabled_for(&ann));
}

#[tokio::test(start_paused = true)]
async fn the_two_kinds_of_too_many_differ() {
    let (twitch, client, ann) = world().await;
    let bob = twitch.add_user("bob");
    let cyd = twitch.add_user("cyd");
    let conduit = make_conduit(&client).await;
    twitch.set_max_total_cost(1);
    assert_eq!(subscribe(&client, &ann, to_conduit(&conduit)).await.0, 202);
    let (status, body) = subscribe(&client, &bob, to_conduit(&conduit)).await;
    assert_eq!((status, &body["error"]), (429, &json!("Too Many Requests")));
    assert_eq!(body["message"], "maximum total cost of subscriptions exceeded");
    twitch.authorise(&bob);
    let (status, body) = subscribe(&client, &bob, to_conduit(&conduit)).await;
    assert_eq!((status, &body["data"][0]["cost"], &body["total_cost"]), (202, &json!(0), &json!(1)));
    twitch.authorise(&ann);
    assert_eq!(subscribe(&client, &cyd, to_conduit(&conduit)).await.1["total_cost"], 1);

    twitch.set_rate_limit(1);
    assert_eq!(client.get("eventsub/conduits").await.0, 200);
    let (status, body) = subscribe(&client, &cyd, to_conduit(&conduit)).await;
    assert_eq!((status, &body["message"]), (429, &json!("Too many requests")));
    twitch.fail(Path::Subscriptions, 1, Fault::Status(503));
    assert_eq!(client.get("eventsub/subscriptions").await.0, 503);
}

#[tokio::test(start_paused = true)]
async fn lists_page_by_page_with_one_filter() {
    let (twitch, client, _) = world().await;
    let conduit = make_conduit(&client).await;
    let ids = twitch.add_users(5);
    for id in &ids {
        assert_eq!(subscribe(&client, id, to_conduit(&conduit)).await.0, 202);
    }
    twitch.set_eventsub_page_size(2);
    let (mut seen, mut query, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let (status, page) = client.get(&format!("eventsub/subscriptions{query}")).await;
        assert_eq!((status, &page["total"], &page["total_cost"]), (200, &json!(5), &json!(5)));
        pages += 1;
        for item in page["data"].as_array().unwrap() {
            seen.push(item["condition"]["broadcaster_user_id"].as_str().unwrap().to_owned());
        }
        let Some(cursor) = page["pagination"]["cursor"].as_str() else { break };
        query = format!("?after={cursor}");
    }
    assert_eq!((seen, pages), (ids.clone(), 3));

    let third = twitch.subscriptions()[2].id.clone();
    twitch.revoke(&third, "user_removed");
    let found = async |filter: String| {
        client.get(&format!("eventsub/subscriptions?{filter}")).await.1["data"].clone()
    };
    assert_eq!(found("status=user_removed".into()).await[0]["id"], third);
    assert_eq!(found(format!("user_id={}", ids[2])).await[0]["status"], "user_removed");
    assert_eq!(found(format!("subscription_id={third}")).await.as_array().unwrap().len(), 1);
    assert_eq!(found("type=stream.offline".into()).await, json!([]));
    assert_eq!(client.get("eventsub/subscriptions?status=enabled&type=stream.online").await.0, 400);
    assert_eq!(client.get("eventsub/subscriptions").await.1["total_cost"], 4);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_conduit_takes_its_subscriptions_along() {
    let (twitch, client, ann) = world().await;
    let bob = twitch.add_user("bob");
    let (first, second) = (make_conduit(&client).await, make_conduit(&client).await);
    subscribe(&client, &ann, to_conduit(&first)).await;
    subscribe(&client, &bob, to_conduit(&second)).await;
    twitch.delete_conduit(&first);
    assert_eq!(twitch.subscriptions()[0].status, "conduit_deleted");
    twitch.forget_conduit(&second);
    assert_eq!((twitch.subscriptions().len(), twitch.conduits().len()), (1, 0));
    assert!(!twitch.enabled_for(&ann));
    assert_eq!(bind_status(&client, &first).await, 404);
    let third = make_conduit(&client).await;
    assert_eq!(subscribe(&client, &ann, to_conduit(&third)).await.1["total_cost"], 1);
    assert_eq!(bind(&client, &third, "unknown").await["data"], json!([]));
}

async fn bind_status(client: &crate::twitch::tests::Client, conduit: &str) -> u16 {
    let body = json!({"conduit_id": conduit, "shards": []});
    client.ask("PATCH", "eventsub/conduits/shards", body).await.0
}
