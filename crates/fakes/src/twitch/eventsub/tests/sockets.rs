//! The websocket: handshake, keepalives, reconnects, losses.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::{Ear, SECOND, bind, kind, listening, make_conduit, subscribe, to_conduit, world};
use crate::twitch::{Fault, Path};

#[tokio::test(start_paused = true)]
async fn tells_at_once_who_went_live() {
    let (twitch, client, ann, mut ear, conduit) = listening().await;
    twitch.wait_for_shard().await;
    twitch.wait_until_enabled(&ann).await;
    let start = Instant::now();
    let stream_id = twitch.go_live(&ann);
    let message = ear.hear().await;
    assert!(start.elapsed() < SECOND);
    let metadata = &message["metadata"];
    assert_eq!(
        (kind(&message), &metadata["subscription_type"], &metadata["subscription_version"]),
        ("notification", &json!("stream.online"), &json!("1"))
    );
    let started_at = twitch.stream_of(&ann).unwrap().started_at;
    let event = json!({
        "id": stream_id, "broadcaster_user_id": "1001", "broadcaster_user_login": "ann",
        "broadcaster_user_name": "Ann", "type": "live", "started_at": started_at,
    });
    assert_eq!(message["payload"]["event"], event);
    assert_eq!(message["payload"]["subscription"]["transport"], to_conduit(&conduit));
    twitch.go_live(&twitch.add_user("bob"));
    let sent_at = metadata["message_timestamp"].as_str().unwrap();
    assert_eq!((sent_at.len(), &sent_at[29..]), (30, "Z"));
    assert_eq!((twitch.events_sent(), twitch.events_dropped()), (1, 0));
    assert_eq!(kind(&ear.hear().await), "session_keepalive");
    assert_eq!(client.get("eventsub/subscriptions").await.1["total"], 1);
}

#[tokio::test(start_paused = true)]
async fn an_unused_session_is_closed_after_ten_seconds() {
    let (twitch, client, _) = world().await;
    let start = Instant::now();
    let mut ear = Ear::dial(&format!("{}?keepalive_timeout_seconds=30", twitch.eventsub_url())).await;
    let session = ear.welcome().await;
    assert_eq!((twitch.sockets()[0].keepalive, twitch.sockets()[0].bound), (30 * SECOND, false));
    assert_eq!(ear.hear().await, 4003);
    assert_eq!((start.elapsed().as_secs(), twitch.sockets().len()), (10, 0));
    assert_eq!(ear.hear().await, Value::Null);
    let conduit = make_conduit(&client).await;
    assert_eq!(bind(&client, &conduit, &session).await["errors"][0]["code"], "invalid_parameter");
    for bad in ["keepalive_timeout_seconds=9", "keepalive_timeout_seconds=601", "keepalive_timeout_seconds=x"]
    {
        assert!(Ear::try_dial(&format!("{}?{bad}", twitch.eventsub_url())).await.is_err());
    }
    twitch.refuse_sockets(true);
    assert!(Ear::try_dial(&twitch.eventsub_url()).await.is_err());
    twitch.refuse_sockets(false);
    twitch.fail(Path::Socket, 1, Fault::Status(502));
    assert!(Ear::try_dial(&twitch.eventsub_url()).await.is_err());
    assert_eq!((twitch.request_count(Path::Socket), twitch.sockets_opened()), (6, 1));
}

#[tokio::test(start_paused = true)]
async fn keepalives_fill_the_silence() {
    let (twitch, _, ann, mut ear, _) = listening().await;
    let start = Instant::now();
    assert_eq!(kind(&ear.hear().await), "session_keepalive");
    tokio::time::sleep(4 * SECOND).await;
    twitch.go_live(&ann);
    ear.online().await;
    assert_eq!(kind(&ear.hear().await), "session_keepalive");
    assert_eq!(start.elapsed().as_secs(), 24);
    twitch.go_silent();
    twitch.go_live(&ann);
    assert_eq!(ear.hear().await, "nothing for an hour");
    assert_eq!((twitch.events_dropped(), twitch.sockets().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_reconnect_loses_nothing() {
    let (twitch, _, ann, mut old, _) = listening().await;
    let session = twitch.sockets()[0].session_id.clone();
    twitch.reconnect_sockets();
    let notice = old.hear().await;
    assert_eq!(
        (kind(&notice), &notice["payload"]["session"]["status"]),
        ("session_reconnect", &json!("reconnecting"))
    );
    let url = notice["payload"]["session"]["reconnect_url"].as_str().unwrap().to_owned();
    let first = twitch.go_live(&ann);
    assert_eq!(old.online().await, first);
    let mut new = Ear::dial(&url).await;
    assert_eq!(new.welcome().await, session);
    let second = twitch.go_live(&ann);
    assert_eq!(new.online().await, second);
    old.0.close(None).await.unwrap();
    tokio::time::sleep(SECOND).await;
    assert_eq!(new_online(&twitch, &ann, &mut new).await, (2, 0));
    assert_eq!(twitch.sockets().len(), 1);
    let mut late = Ear::dial(&url).await;
    assert_eq!(late.hear().await, 4007);
}

async fn new_online(twitch: &crate::twitch::Twitch, ann: &str, ear: &mut Ear) -> (usize, usize) {
    let counts = (twitch.events_sent(), twitch.events_dropped());
    let stream_id = twitch.go_live(ann);
    assert_eq!(ear.online().await, stream_id);
    counts
}

#[tokio::test(start_paused = true)]
async fn an_old_connection_may_stay_half_a_minute() {
    let (twitch, client, ann, mut old, conduit) = listening().await;
    let start = Instant::now();
    twitch.reconnect_sockets();
    let notice = old.hear().await;
    let url = notice["payload"]["session"]["reconnect_url"].as_str().unwrap().to_owned();
    let mut new = Ear::dial(&url).await;
    new.welcome().await;
    let last = loop {
        let message = old.hear().await;
        if kind(&message) != "session_keepalive" {
            break message;
        }
    };
    assert_eq!((last, start.elapsed().as_secs()), (json!(4004), 30));
    assert_eq!(twitch.sockets().len(), 1);
    twitch.go_live(&ann);
    while kind(&new.hear().await) == "session_keepalive" {}
    assert_eq!(twitch.events_sent(), 1);

    // Now nobody follows the call.
    twitch.reconnect_sockets();
    tokio::time::sleep(31 * SECOND).await;
    let (_, shards) = client.get(&format!("eventsub/conduits/shards?conduit_id={conduit}")).await;
    assert_eq!(shards["data"][0]["status"], "websocket_failed_to_reconnect");
    assert!(twitch.sockets().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_lost_shard_drops_events() {
    let (twitch, client, ann, mut ear, conduit) = listening().await;
    let shards = format!("eventsub/conduits/shards?conduit_id={conduit}");
    ear.0.close(None).await.unwrap();
    tokio::time::sleep(SECOND).await;
    let (_, body) = client.get(&shards).await;
    assert_eq!(body["data"][0]["status"], "websocket_disconnected");
    assert!(body["data"][0]["transport"]["disconnected_at"].is_string());
    twitch.go_live(&ann);
    assert_eq!((twitch.events_sent(), twitch.events_dropped()), (0, 1));
    assert!(twitch.enabled_for(&ann), "the subscription outlives the socket");

    let statuses = [(Some(4000), "websocket_internal_error"), (None, "websocket_network_error")];
    for (code, expected) in statuses {
        let mut ear = Ear::dial(&twitch.eventsub_url()).await;
        let session = ear.welcome().await;
        bind(&client, &conduit, &session).await;
        match code {
            Some(code) => twitch.close_sockets(code),
            None => twitch.cut_sockets(),
        }
        assert_eq!(ear.hear().await, code.map_or(Value::Null, Value::from));
        assert_eq!(client.get(&shards).await.1["data"][0]["status"], expected);
    }
    let mut ear = Ear::dial(&twitch.eventsub_url()).await;
    let session = ear.welcome().await;
    bind(&client, &conduit, &session).await;
    twitch.disable_shard();
    twitch.go_live(&ann);
    assert_eq!((twitch.events_dropped(), kind(&ear.hear().await)), (2, "session_keepalive"));
    bind(&client, &conduit, &session).await;
    let stream_id = twitch.go_live(&ann);
    assert_eq!(ear.online().await, stream_id);
    ear.say(Message::text("hello")).await;
    assert_eq!(ear.hear().await, 4001);
    assert_eq!(twitch.conduits()[0].shards[&0].status, "websocket_received_inbound_traffic");
}

#[tokio::test(start_paused = true)]
async fn the_sockets_end_with_the_fake() {
    let (twitch, client, _, mut ear, _) = listening().await;
    drop((twitch, client));
    assert_eq!(ear.hear().await, Value::Null);
}

#[tokio::test(start_paused = true)]
async fn events_are_lost_doubled_delayed_and_reordered() {
    let (twitch, _, ann, mut ear, _) = listening().await;
    twitch.lose_events(1);
    twitch.go_live(&ann);
    twitch.double_events(true);
    let twice = twitch.go_live(&ann);
    let (first, second) = (ear.hear().await, ear.hear().await);
    assert_eq!(first["payload"]["event"]["id"], twice);
    assert_eq!(first, second);
    twitch.double_events(false);

    twitch.hold_events();
    let held = [twitch.go_live(&ann), twitch.go_live(&ann)];
    assert_eq!(kind(&ear.hear().await), "session_keepalive");
    twitch.release_events(true);
    assert_eq!([ear.online().await, ear.online().await], [held[1].clone(), held[0].clone()]);

    twitch.delay_events(9 * SECOND);
    let start = Instant::now();
    let late = twitch.go_live(&ann);
    assert_eq!((ear.online().await, start.elapsed().as_secs()), (late, 9));
    twitch.delay_events(Duration::ZERO);

    twitch.send_event(&ann, "9001", "2020-10-11T10:11:12.123Z", "premiere");
    assert_eq!(ear.hear().await["payload"]["event"]["type"], "premiere");
    twitch.send_raw(json!({"odd": true}));
    assert_eq!(ear.hear().await, json!({"odd": true}));
    twitch.send_message("session_news", json!({"n": 1}));
    let message = ear.hear().await;
    assert_eq!((kind(&message), &message["payload"]), ("session_news", &json!({"n": 1})));

    let id = twitch.subscriptions()[0].id.clone();
    twitch.revoke(&id, "authorization_revoked");
    let message = ear.hear().await;
    assert_eq!(
        (kind(&message), &message["payload"]["subscription"]["status"]),
        ("revocation", &json!("authorization_revoked"))
    );
    twitch.go_live(&ann);
    assert_eq!(kind(&ear.hear().await), "session_keepalive");
    assert_eq!(twitch.events_dropped(), 0);
}

#[tokio::test(start_paused = true)]
async fn another_shard_takes_over_and_a_slot_can_be_re_pointed() {
    let (twitch, client, ann, mut ear, conduit) = listening().await;
    client.ask("PATCH", "eventsub/conduits", json!({"id": conduit, "shard_count": 2})).await;
    let bob = twitch.add_user("bob");
    subscribe(&client, &bob, to_conduit(&conduit)).await;
    for user in [&ann, &bob] {
        let stream_id = twitch.go_live(user);
        assert_eq!(ear.online().await, stream_id);
    }
    let mut next = Ear::dial(&twitch.eventsub_url()).await;
    let session = next.welcome().await;
    bind(&client, &conduit, &session).await;
    let stream_id = twitch.go_live(&ann);
    assert_eq!(next.online().await, stream_id);
    ear.0.close(None).await.unwrap();
    tokio::time::sleep(SECOND).await;
    assert_eq!(twitch.conduits()[0].shards[&0].status, "enabled");
}
