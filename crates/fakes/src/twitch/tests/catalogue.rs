//! What Twitch knows besides who is live: categories, videos, and what a running stream is changed to.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Fault, Path, Stream, world};

fn names(answer: &(u16, Value)) -> Vec<&str> {
    assert_eq!(answer.0, 200, "{}", answer.1);
    answer.1["data"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_running_stream_can_be_changed() {
    let (twitch, client, ids) = world(&["ann", "bob"]).await;
    let ann = ids[0].as_str();
    twitch.go_live(ann);
    twitch.set_title(ann, "Endgames");
    twitch.set_category(ann, "Chess");
    twitch.set_viewers(ann, 7);
    twitch.set_tags(ann, &["Deutsch", "Entspannt"]);
    twitch.set_language(ann, "de");
    let (_, body) = client.get("streams?user_id=1001").await;
    let stream = &body["data"][0];
    assert_eq!((&stream["game_id"], &stream["game_name"]), (&json!("743"), &json!("Chess")));
    assert_eq!((&stream["title"], &stream["viewer_count"]), (&json!("Endgames"), &json!(7)));
    assert_eq!((&stream["tags"], &stream["language"]), (&json!(["Deutsch", "Entspannt"]), &json!("de")));
    twitch.go_offline(ann);
    // Somebody offline stays as they were, and their channel says what they did last.
    twitch.set_title(ann, "Openings");
    twitch.set_tags(&ids[1], &["English"]);
    let (_, body) = client.get("channels?broadcaster_id=1001").await;
    let channel = &body["data"][0];
    assert_eq!((&channel["tags"], &channel["title"]), (&stream["tags"], &json!("Endgames")));
    assert_eq!((&channel["broadcaster_language"], &channel["game_id"]), (&json!("de"), &json!("743")));
    assert_eq!(client.get("streams").await.1["data"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn categories_are_searched_and_looked_up() {
    let (twitch, client, ids) = world(&["ann"]).await;
    assert_eq!(twitch.add_category("Celeste"), "492535");
    let id = twitch.add_category("Celestial Chess");
    assert_eq!(twitch.add_category("Celestial Chess"), id);
    let found = client.get("search/categories?query=cELEST").await;
    assert_eq!(names(&found), ["Celeste", "Celestial Chess"]);
    assert_eq!(found.1["data"][1]["id"], id);
    assert!(found.1["data"][0]["box_art_url"].as_str().unwrap().contains("/492535-"));
    assert_eq!(names(&client.get("search/categories?query=chess+celest").await), ["Celestial Chess"]);
    assert!(names(&client.get("search/categories?query=nothing").await).is_empty());
    let (_, page) = client.get("search/categories?query=c&first=1").await;
    let cursor = page["pagination"]["cursor"].as_str().unwrap();
    let next = client.get(&format!("search/categories?query=c&first=1&after={cursor}")).await;
    assert_eq!(names(&next), ["Celeste"]);
    assert_eq!(client.get("search/categories").await.0, 400);

    let found = client.get(&format!("games?id={id}&id=7&name=Just%20Chatting&name=celeste&id=509658")).await;
    assert_eq!(names(&found), ["Celestial Chess", "Just Chatting"]);
    assert_eq!((&found.1["data"][1]["id"], &found.1["data"][1]["igdb_id"]), (&json!("509658"), &json!("")));
    assert_eq!(client.get("games").await.0, 400);
    assert_eq!(client.get(&format!("games?{}", "id=1&".repeat(101))).await.0, 400);

    twitch.go_live_with(
        &ids[0],
        Stream { game_id: "77".into(), game_name: "Tetris".into(), ..Stream::default() },
    );
    assert_eq!(names(&client.get("games?id=77").await), ["Tetris"]);
    assert_eq!((twitch.request_count(Path::Games), twitch.request_count(Path::SearchCategories)), (4, 6));
}

#[tokio::test(start_paused = true)]
async fn recordings_are_found_by_user_and_by_id() {
    let (twitch, client, ids) = world(&["ann", "bob"]).await;
    let stream = twitch.go_live(&ids[0]);
    tokio::time::sleep(Duration::from_hours(4)).await;
    let length = Duration::from_secs(3 * 3600 + 12 * 60 + 8);
    let older = twitch.add_recording(&ids[0], &stream, length);
    let newer = twitch.add_recording(&ids[0], &stream, Duration::from_secs(8));
    let highlight = twitch.add_highlight(&ids[0], Duration::from_mins(2));
    twitch.add_recording(&ids[1], "1", length);

    let (status, body) = client.get("videos?user_id=1001&type=archive&first=100").await;
    assert_eq!((status, &body["pagination"]), (200, &json!({})));
    let created = twitch.now().saturating_sub(length);
    let created = crate::clock::rfc3339(created);
    let expected = json!({
        "id": older, "stream_id": stream, "user_id": "1001", "user_login": "ann", "user_name": "Ann",
        "title": "Playing", "description": "", "created_at": created, "published_at": created,
        "url": format!("https://www.twitch.tv/videos/{older}"), "viewable": "public", "view_count": 0,
        "thumbnail_url": format!("https://static-cdn.jtvnw.net/cf_vods/fake/{older}/thumb/thumb0-%{{width}}x%{{height}}.jpg"),
        "language": "en", "type": "archive", "duration": "3h12m8s", "muted_segments": null,
    });
    assert_eq!((body["data"].as_array().unwrap().len(), &body["data"][1]), (2, &expected));
    assert_eq!((&body["data"][0]["id"], &body["data"][0]["duration"]), (&json!(newer), &json!("8s")));

    let (_, body) = client.get("videos?user_id=1001&first=2").await;
    let cursor = body["pagination"]["cursor"].as_str().unwrap();
    assert_eq!((&body["data"][1]["id"], &body["data"][1]["stream_id"]), (&json!(highlight), &Value::Null));
    assert_eq!(body["data"][1]["duration"], "2m0s");
    let (_, body) = client.get(&format!("videos?user_id=1001&first=2&after={cursor}")).await;
    assert_eq!((body["data"].as_array().unwrap().len(), &body["data"][0]["id"]), (1, &json!(older)));

    let (_, body) = client.get(&format!("videos?id={older}&id=5")).await;
    assert_eq!((body["data"].as_array().unwrap().len(), &body["data"][0]["id"]), (1, &json!(older)));
    twitch.delete_video(&older);
    assert_eq!(client.get(&format!("videos?id={older}")).await.0, 404);
    twitch.vanish(&ids[0]);
    assert_eq!(client.get("videos?user_id=1001").await.1["data"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn videos_are_refused_and_fail_as_others_do() {
    let (twitch, client, _) = world(&["ann"]).await;
    for query in
        ["", "id=1&user_id=1", "id=x", "user_id=1&first=0", "user_id=1&type=clip", "user_id=1&sort=x"]
    {
        assert_eq!(client.get(&format!("videos?{query}")).await.0, 400, "{query}");
    }
    assert_eq!(client.get("videos?user_id=7").await.1["data"], json!([]));
    twitch.fail(Path::Videos, 1, Fault::Status(503));
    twitch.fail(Path::Games, 1, Fault::Status(500));
    assert_eq!(client.get("users?login=ann").await.0, 200);
    assert_eq!(client.get("videos?user_id=1001").await.0, 503);
    assert_eq!((client.get("videos?user_id=1001").await.0, client.get("games?id=1").await.0), (200, 500));
    assert_eq!(twitch.request_count(Path::Videos), 9);
}
