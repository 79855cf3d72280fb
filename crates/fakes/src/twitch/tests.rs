//! That the fake does what a client may rely on, seen through a real HTTP client on paused time. Not tests of Livebell.

mod catalogue;

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Fault, Path, Stream, Twitch, User};

const SECOND: Duration = Duration::from_secs(1);

/// A client with a token, as plain as possible.
pub(super) struct Client {
    pub(super) http: reqwest::Client,
    twitch: Twitch,
    token: String,
}

impl Client {
    pub(super) async fn of(twitch: &Twitch) -> Self {
        let http = reqwest::Client::builder().timeout(60 * SECOND).build().unwrap();
        let mut client = Self { http, twitch: twitch.clone(), token: String::new() };
        let (status, body) = client.token(&twitch.client_id(), &twitch.client_secret()).await;
        assert_eq!((status, &body["token_type"]), (200, &json!("bearer")));
        body["access_token"].as_str().unwrap().clone_into(&mut client.token);
        client
    }

    async fn token(&self, id: &str, secret: &str) -> (u16, Value) {
        let form = [("client_id", id), ("client_secret", secret), ("grant_type", "client_credentials")];
        let url = format!("{}/token", self.twitch.auth_url());
        let response = self.http.post(url).form(&form).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn send(&self, path: &str) -> reqwest::Result<reqwest::Response> {
        let request = self.http.get(format!("{}/{path}", self.twitch.api_url()));
        request.bearer_auth(&self.token).header("Client-Id", self.twitch.client_id()).send().await
    }

    pub(super) async fn get(&self, path: &str) -> (u16, Value) {
        let response = self.send(path).await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Any method with a JSON body; an answer without a body is null.
    pub(super) async fn ask(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/{path}", self.twitch.api_url());
        let request = self.http.request(method.parse().unwrap(), url).json(&body);
        let request = request.bearer_auth(&self.token).header("Client-Id", self.twitch.client_id());
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or_default())
    }

    async fn logins(&self, path: &str) -> Vec<String> {
        let (status, body) = self.get(path).await;
        assert_eq!(status, 200, "{body}");
        let items = body["data"].as_array().unwrap();
        let login =
            |item: &Value| item.get("user_login").or(item.get("login")).unwrap().as_str().unwrap().into();
        items.iter().map(login).collect()
    }
}

fn batch(ids: &[String]) -> String {
    ids.iter().fold("streams?first=100".into(), |query, id| query + "&user_id=" + id)
}

async fn world(logins: &[&str]) -> (Twitch, Client, Vec<String>) {
    let twitch = Twitch::start().await;
    let client = Client::of(&twitch).await;
    let ids = logins.iter().map(|login| twitch.add_user(login)).collect();
    (twitch, client, ids)
}

#[tokio::test(start_paused = true)]
async fn tells_who_is_live() {
    let (twitch, client, ids) = world(&["ann", "bob", "cyd"]).await;
    assert_eq!((ids[0].as_str(), twitch.add_user("Ann")), ("1001", "1001".into()));
    let stream_id = twitch.go_live(&ids[0]);
    twitch.go_live_with(&ids[1], Stream { viewers: 9000, title: "Ü \"1\"".into(), ..Stream::default() });

    let (status, body) = client.get(&(batch(&ids) + "&user_id=5")).await;

    assert_eq!((status, &body["pagination"]), (200, &json!({"cursor": "IA"})));
    let started_at = twitch.stream_of(&ids[0]).unwrap().started_at;
    assert_eq!(body["data"][0]["title"], "Ü \"1\"");
    let ann = json!({
        "id": stream_id, "user_id": "1001", "user_login": "ann", "user_name": "Ann", "game_id": "509658",
        "game_name": "Just Chatting", "type": "live", "title": "Playing", "tags": ["English"], "viewer_count": 42,
        "started_at": started_at, "language": "en", "tag_ids": [], "is_mature": false,
        "thumbnail_url": "https://static-cdn.jtvnw.net/previews-ttv/live_user_ann-{width}x{height}.jpg",
    });
    assert_eq!(body["data"][1], ann);
    assert_eq!(client.get("streams?user_id=1001&after=IA").await.1["data"], json!([]));

    assert_ne!(twitch.go_live(&ids[0]), stream_id);
    twitch.go_offline(&ids[1]);
    assert_eq!(client.logins(&batch(&ids)).await, ["ann"]);
    assert_eq!((twitch.request_count(Path::Streams), twitch.tokens_issued()), (3, 1));
    let request = &twitch.requests()[1];
    assert_eq!((request.method.as_str(), request.path.as_str()), ("GET", "/helix/streams"));
    assert_eq!(request.query[1], ("user_id".into(), "1001".into()));
}

#[tokio::test(start_paused = true)]
async fn sends_twenty_unless_asked_for_more() {
    let (twitch, client, _) = world(&[]).await;
    let ids = twitch.add_users(101);
    for (id, viewers) in ids.iter().zip(0..) {
        twitch.go_live_with(id, Stream { viewers, ..Stream::default() });
    }

    let full = batch(&ids[..100]);
    assert_eq!(client.logins(&full).await.len(), 100);
    assert_eq!(client.logins(&full.replace("first=100&", "")).await.len(), 20);
    assert_eq!(client.get(&batch(&ids)).await.0, 400);
    assert_eq!(client.get("streams?first=101").await.0, 400);

    let (_, page) = client.get("streams?first=100&game_id=509658").await;
    assert_eq!(page["data"][0]["viewer_count"], 100);
    let cursor = page["pagination"]["cursor"].as_str().unwrap();
    let (_, last) = client.get(&format!("streams?first=100&game_id=509658&after={cursor}")).await;
    assert_eq!((&last["data"][0]["viewer_count"], &last["pagination"]), (&json!(0), &json!({})));
}

#[tokio::test(start_paused = true)]
async fn refuses_what_twitch_refuses() {
    let (twitch, client, _) = world(&["ann"]).await;
    assert_eq!(client.logins("users?login=ann&login=nobody&id=77").await, ["ann"]);
    let (status, body) = client.get("users?login=ann&login=a%20b").await;
    let message = "Invalid login names, emails or IDs in request";
    assert_eq!((status, body), (400, json!({"error": "Bad Request", "status": 400, "message": message})));
    assert_eq!(client.get("streams?user_login=ann").await.0, 200);
    let (status, body) = client.get("streams?user_login=ann&user_login=nobody").await;
    assert_eq!((status, &body["message"]), (400, &json!("Malformed query params.")));

    let without_headers = client.http.get(format!("{}/users?id=1", twitch.api_url()));
    let response = without_headers.try_clone().unwrap().send().await.unwrap();
    assert_eq!(
        (response.status(), response.headers()["ratelimit-limit"].as_bytes()),
        (StatusCode::UNAUTHORIZED, &b"800"[..])
    );
    let body: Value = response.json().await.unwrap();
    assert_eq!(body, json!({"error": "Unauthorized", "status": 401, "message": "OAuth token is missing"}));
    let response = without_headers.bearer_auth(&client.token).send().await.unwrap();
    assert_eq!(response.status(), 401);
}

#[tokio::test(start_paused = true)]
async fn gives_tokens_only_for_the_right_pair_in_the_body() {
    let (twitch, client, _) = world(&[]).await;
    let (id, secret) = (twitch.client_id(), twitch.client_secret());
    assert_eq!(client.token("x", &secret).await, (400, json!({"status": 400, "message": "invalid client"})));
    assert_eq!(
        client.token(&id, "x").await,
        (403, json!({"status": 403, "message": "invalid client secret"}))
    );
    let leaking = format!(
        "{}/token?client_id={id}&client_secret={secret}&grant_type=client_credentials",
        twitch.auth_url()
    );
    assert_eq!(client.http.post(leaking).send().await.unwrap().status(), 400);
    twitch.refuse_credentials(true);
    assert_eq!(client.token(&id, &secret).await.0, 403);
    assert_eq!(twitch.tokens_issued(), 1);
}

#[tokio::test(start_paused = true)]
async fn tokens_end_with_time_or_revocation() {
    let (twitch, _, _) = world(&["ann"]).await;
    twitch.set_token_lifetime(60 * SECOND);
    let client = Client::of(&twitch).await;
    let validate = || async {
        let request = client.http.get(format!("{}/validate", twitch.auth_url()));
        let answer = request.header("Authorization", format!("OAuth {}", client.token)).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    tokio::time::sleep(20 * SECOND).await;
    let (status, body) = validate().await;
    assert_eq!((status, &body["client_id"]), (200, &json!(twitch.client_id())));
    assert!((35..=40).contains(&body["expires_in"].as_u64().unwrap()), "{body}");
    assert_eq!(client.get("users?id=1001").await.0, 200);
    tokio::time::sleep(40 * SECOND).await;
    assert_eq!((client.get("users?id=1001").await.0, validate().await.0), (401, 401));

    let client = Client::of(&twitch).await;
    twitch.revoke_tokens();
    let (status, body) = client.get("users?id=1001").await;
    assert_eq!((status, &body["message"]), (401, &json!("Invalid OAuth token")));
}

#[tokio::test(start_paused = true)]
async fn limits_and_refills() {
    let (twitch, client, _) = world(&["ann"]).await;
    twitch.set_rate_limit(2);
    let budget = |response: &reqwest::Response| {
        let number = |name| response.headers()[name].to_str().unwrap().parse::<u64>().unwrap();
        (number("ratelimit-limit"), number("ratelimit-remaining"), number("ratelimit-reset"))
    };
    let first = budget(&client.send("users?id=1001").await.unwrap());
    assert_eq!((first.0, first.1), (2, 1));
    assert_eq!(client.get("users?id=1001").await.0, 200);
    let refused = client.send("users?id=1001").await.unwrap();
    assert_eq!((refused.status().as_u16(), budget(&refused).1), (429, 0));
    let wait = Duration::from_secs(budget(&refused).2).saturating_sub(twitch.now());
    assert!((59 * SECOND..=61 * SECOND).contains(&wait), "{wait:?}");
    tokio::time::sleep(30 * SECOND).await;
    assert_eq!(client.get("users?id=1001").await.0, 200);
    assert_eq!(client.get("users?id=1001").await.0, 429);
}

#[tokio::test(start_paused = true)]
async fn fails_as_told() {
    let (twitch, client, ids) = world(&["ann", "bob"]).await;
    twitch.go_live(&ids[0]);
    let ann = batch(&ids[..1]);

    twitch.fail(Path::Streams, 2, Fault::Status(503));
    twitch.fail(Path::Any, 1, Fault::Html(502));
    let service_unavailable = json!("Service Unavailable");
    for _ in 0..2 {
        let (status, body) = client.get(&ann).await;
        assert_eq!((status, &body["error"]), (503, &service_unavailable));
    }
    let page = client.send(&ann).await.unwrap();
    assert_eq!((page.status().as_u16(), page.headers()["content-type"].as_bytes()), (502, &b"text/html"[..]));

    twitch.fail(Path::Streams, 1, Fault::Hang);
    let before = Instant::now();
    assert!(client.send(&ann).await.unwrap_err().is_timeout());
    assert_eq!(before.elapsed().as_secs(), 60);

    twitch.fail(Path::Streams, 1, Fault::SlowBody(7 * SECOND));
    let before = Instant::now();
    let slow = client.send(&ann).await.unwrap();
    assert!(before.elapsed() < SECOND);
    assert_eq!(slow.json::<Value>().await.unwrap()["data"][0]["user_login"], "ann");
    assert_eq!(before.elapsed().as_secs(), 7);

    twitch.fail(Path::Streams, 1, Fault::BrokenJson);
    let broken = client.send(&ann).await.unwrap().bytes().await.unwrap();
    assert!(serde_json::from_slice::<Value>(&broken).is_err() && broken.starts_with(b"{\"data\":[{"));
    twitch.fail(Path::Streams, 1, Fault::TruncatedBody);
    let truncated = client.send(&ann).await.unwrap();
    assert!(truncated.content_length().unwrap() > 300 && truncated.status() == 200);
    assert!(truncated.bytes().await.is_err());
    twitch.fail(Path::Streams, 1, Fault::EmptyPage);
    assert_eq!(client.logins(&ann).await.len(), 0);

    twitch.fail(Path::Streams, 1, Fault::RateLimited { reset_in: 5 * SECOND });
    let limited = client.send(&ann).await.unwrap();
    let reset: u64 = limited.headers()["ratelimit-reset"].to_str().unwrap().parse().unwrap();
    assert_eq!(limited.status(), 429);
    assert!((4..=6).contains(&(reset - twitch.now().as_secs())));
    twitch.fail(Path::Streams, u32::MAX, Fault::Unauthorized);
    assert_eq!((client.get(&ann).await.0, client.get(&ann).await.0), (401, 401));
    twitch.clear_faults();

    twitch.fail_batches_with(&ids[1], 1, Fault::Status(500));
    assert_eq!((client.get(&ann).await.0, client.get(&batch(&ids)).await.0), (200, 500));
    assert_eq!(client.logins(&ann).await, ["ann"]);
}

#[tokio::test(start_paused = true)]
async fn cuts_connections_when_told_and_when_dropped() {
    let (twitch, client, _) = world(&["ann"]).await;
    twitch.fail(Path::Any, u32::MAX, Fault::CutConnection);
    let error = client.send("users?id=1001").await.unwrap_err();
    assert!(error.is_request() && !error.is_timeout(), "{error:?}");
    twitch.clear_faults();
    assert_eq!(client.get("users?id=1001").await.0, 200);

    let address = twitch.address();
    let Client { http, twitch: last_handle, .. } = client;
    drop((twitch, last_handle));
    let next = Twitch::start_on(address).await.unwrap();
    assert_eq!(http.get(format!("{}/users", next.api_url())).send().await.unwrap().status(), 401);
    assert_eq!(next.request_count(Path::Any), 1, "the old connection must not reach the old fake");
    drop(next);
    tokio::task::yield_now().await;
    assert!(http.get(format!("http://{address}/helix/users")).send().await.unwrap_err().is_connect());
}

#[tokio::test(start_paused = true)]
async fn people_change_names_and_disappear() {
    let (twitch, client, ids) = world(&["ann", "bob"]).await;
    for id in &ids {
        twitch.go_live(id);
    }
    twitch.rename(&ids[0], "annie", "AnNie");
    let (_, body) = client.get(&batch(&ids[..1])).await;
    assert_eq!(
        (&body["data"][0]["user_login"], &body["data"][0]["user_name"]),
        (&json!("annie"), &json!("AnNie"))
    );
    assert!(body["data"][0]["thumbnail_url"].as_str().unwrap().contains("user_annie-{width}x"));
    assert_eq!((twitch.id_of("ann"), twitch.id_of("ANNIE")), (None, Some(ids[0].clone())));
    assert_eq!(client.logins("users?login=ann&login=annie").await, ["annie"]);

    twitch.hide(&ids[0]);
    assert_eq!(client.logins(&batch(&ids)).await, ["bob"]);
    assert_eq!(client.logins("users?login=annie").await, ["annie"]);
    twitch.unhide(&ids[0]);
    twitch.vanish(&ids[1]);
    assert_eq!(client.logins(&batch(&ids)).await, ["annie"]);
    assert_eq!(client.logins("users?login=bob&id=1002").await.len(), 0);
    twitch.reappear(&ids[1]);
    assert_eq!(client.logins("streams").await, ["annie", "bob"]);

    let heir = User {
        id: "7".into(),
        login: "ann".into(),
        display_name: "Ann".into(),
        profile_image_url: "x".into(),
    };
    twitch.add_user_with(heir);
    twitch.update(&ids[0], |stream| stream.title = "Chess".into());
    let (_, found) = client.get("search/channels?query=An&first=5").await;
    assert_eq!(found["data"].as_array().unwrap().len(), 2);
    assert_eq!((&found["data"][0]["id"], &found["data"][0]["is_live"]), (&json!("7"), &json!(false)));
    assert_eq!((&found["data"][1]["title"], &found["data"][1]["is_live"]), (&json!("Chess"), &json!(true)));
}

#[tokio::test(start_paused = true)]
async fn items_can_be_incomplete_or_strange() {
    let (twitch, client, ids) = world(&["ann", "bob"]).await;
    twitch.go_live(&ids[0]);
    twitch.omit_field("is_mature");
    twitch.add_raw_stream_item(&ids[1], json!({"user_id": ids[1], "type": "premiere"}));
    let (_, body) = client.get(&batch(&ids)).await;
    assert_eq!(body["data"][0]["is_mature"], Value::Null);
    assert_eq!(body["data"][1], json!({"user_id": ids[1], "type": "premiere"}));
    twitch.go_offline(&ids[1]);
    assert_eq!(client.logins(&batch(&ids)).await, ["ann"]);
}

#[tokio::test(start_paused = true)]
async fn latency_follows_paused_time() {
    let (twitch, client, _) = world(&["ann"]).await;
    twitch.set_latency(Duration::from_millis(250));
    twitch.record_requests(false);
    twitch.clear_requests();
    let before = Instant::now();
    for _ in 0..100 {
        assert_eq!(client.get("users?login=ann").await.0, 200);
    }
    let took = before.elapsed();
    assert!((25 * SECOND..26 * SECOND).contains(&took), "{took:?}");
    assert_eq!((twitch.request_count(Path::Users), twitch.requests().len()), (100, 0));
}

#[tokio::test(start_paused = true)]
async fn a_request_is_noticed_before_it_is_answered() {
    let twitch = Twitch::start().await;
    let client = Client::of(&twitch).await;
    twitch.set_latency(SECOND);
    let start = Instant::now();
    let asking = tokio::spawn(async move {
        client.send("streams?user_id=1").await.unwrap();
        client.send("streams?user_id=1").await.unwrap();
    });
    twitch.wait_for_request(Path::Streams, 2).await;
    assert!((SECOND..2 * SECOND).contains(&start.elapsed()), "{:?}", start.elapsed());
    assert!(!asking.is_finished());
    twitch.wait_for_request(Path::Streams, 1).await;
    asking.await.unwrap();
    assert!(start.elapsed() >= 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn streams_can_lag_behind_channels() {
    let (twitch, client, ids) = world(&["ann"]).await;
    twitch.set_helix_lag(30 * SECOND);
    twitch.go_live_with(&ids[0], Stream { title: "Chess".into(), ..Stream::default() });
    let (status, body) =
        client.get("channels?broadcaster_id=1001&broadcaster_id=7&broadcaster_id=1001").await;
    let ann = json!({
        "broadcaster_id": "1001", "broadcaster_login": "ann", "broadcaster_name": "Ann",
        "broadcaster_language": "en", "game_id": "509658", "game_name": "Just Chatting", "title": "Chess",
        "delay": 0, "tags": ["English"], "content_classification_labels": [], "is_branded_content": false,
    });
    assert_eq!((status, body), (200, json!({"data": [ann]})));
    assert_eq!(
        (client.get("channels").await.0, client.get("channels?broadcaster_id=ann").await.0),
        (400, 400)
    );
    assert_eq!(client.logins(&batch(&ids)).await.len(), 0);
    tokio::time::sleep(31 * SECOND).await;
    assert_eq!(client.logins(&batch(&ids)).await, ["ann"]);
    twitch.go_offline(&ids[0]);
    assert_eq!(client.get("channels?broadcaster_id=1001").await.1["data"][0]["title"], "Chess");
    assert_eq!(twitch.request_count(Path::Channels), 4);
}
