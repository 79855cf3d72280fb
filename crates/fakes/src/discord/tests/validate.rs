//! The table of bodies Discord takes and refuses.

use serde_json::{Value, json};

use super::super::check_message;

fn embed(fields: &Value) -> Value {
    json!({"embeds": [fields]})
}

fn buttons(items: &Value) -> Value {
    json!({"content": "x", "components": [{"type": 1, "components": items}]})
}

fn x(count: usize) -> String {
    "x".repeat(count)
}

#[test]
fn good_bodies_pass() {
    let link = json!({"type": 2, "style": 5, "label": x(80), "url": "https://example.org"});
    for body in [
        json!({"content": x(2000), "nonce": x(25), "enforce_nonce": true, "flags": 4096, "tts": false}),
        json!({"content": format!("  {}  ", x(2000))}),
        json!({"content": "ä".repeat(2000), "nonce": 17}),
        json!({"content": "x", "allowed_mentions": {"parse": ["users"], "roles": ["1"], "users": []}}),
        json!({"embeds": vec![json!({"title": "t"}); 10]}),
        embed(
            &json!({"title": x(256), "description": x(4096), "url": "https://example.org/a", "color": 16_777_215,
            "timestamp": "2026-11-21T08:00:00Z", "author": {"name": x(256), "icon_url": "https://example.org/i"},
            "footer": {"text": x(100)}, "image": {"url": "http://example.org/p.jpg?t=1"}}),
        ),
        embed(&json!({"fields": vec![json!({"name": "n", "value": "v", "inline": true}); 25]})),
        buttons(
            &json!([link, link, link, link, {"type": 2, "style": 1, "emoji": {"name": "x"}, "custom_id": x(100)}]),
        ),
        json!({"flags": 32768, "components": [{"type": 17, "components": [{"type": 10, "content": "x"}]}]}),
    ] {
        assert_eq!(check_message(&body), Ok(()), "{body}");
    }
}

#[test]
fn bad_bodies_are_refused_with_their_place() {
    let field = |name: &str, value: &str| embed(&json!({"fields": [{"name": name, "value": value}]}));
    let button = |fields: Value| {
        let mut button = json!({"type": 2, "style": 1, "label": "l", "custom_id": "c"});
        for (name, value) in fields.as_object().unwrap() {
            button[name] = value.clone();
        }
        buttons(&json!([button]))
    };
    let row = json!({"type": 1, "components": [{"type": 2, "style": 5, "label": "l", "url": "https://a.b"}]});
    let many = vec![json!({"type": 2, "style": 5, "label": "l", "url": "https://a.b"}); 6];
    for (place, body) in [
        ("", json!({})),
        ("", json!([])),
        ("", json!({"content": " ", "embeds": []})),
        ("content", json!({"content": x(2001)})),
        ("content", json!({"content": 5})),
        ("contents", json!({"content": "x", "contents": "typo"})),
        ("nonce", json!({"content": "x", "nonce": x(26)})),
        ("flags", json!({"content": "x", "flags": 64})),
        ("enforce_nonce", json!({"content": "x", "enforce_nonce": "yes"})),
        ("embeds", json!({"embeds": vec![json!({"title": "t"}); 11]})),
        ("embeds", json!({"embeds": [{"description": x(4000)}, {"description": x(2001)}]})),
        ("embeds.0.title", embed(&json!({"title": x(257)}))),
        ("embeds.0.description", embed(&json!({"description": x(4097)}))),
        ("embeds.0.url", embed(&json!({"title": "t", "url": "twitch.tv/x"}))),
        ("embeds.0.image.url", embed(&json!({"image": {"url": "ftp://a.b/c"}}))),
        ("embeds.0.color", embed(&json!({"title": "t", "color": 16_777_216}))),
        ("embeds.0.timestamp", embed(&json!({"title": "t", "timestamp": "yesterday"}))),
        ("embeds.0.titel", embed(&json!({"titel": "t"}))),
        ("embeds.0.footer.text", embed(&json!({"footer": {"text": x(2049)}}))),
        ("embeds.0.author.name", embed(&json!({"author": {"name": x(257)}}))),
        ("embeds.0.author.name", embed(&json!({"author": {"url": "https://a.b"}}))),
        ("embeds.0.fields", embed(&json!({"fields": vec![json!({"name": "n", "value": "v"}); 26]}))),
        ("embeds.0.fields.0.name", field("", "v")),
        ("embeds.0.fields.0.value", field("n", " ")),
        ("embeds.0.fields.0.name", field(&x(257), "v")),
        ("embeds.0.fields.0.value", field("n", &x(1025))),
        (
            "allowed_mentions",
            json!({"content": "x", "allowed_mentions": {"parse": ["roles"], "roles": ["1"]}}),
        ),
        ("allowed_mentions.parse.0", json!({"content": "x", "allowed_mentions": {"parse": ["here"]}})),
        ("allowed_mentions.roles", json!({"content": "x", "allowed_mentions": {"roles": ["everyone"]}})),
        ("components", json!({"content": "x", "components": vec![row; 6]})),
        ("components.0", json!({"content": "x", "components": [{"type": 2, "style": 5}]})),
        ("components.0.components", buttons(&json!([]))),
        ("components.0.components", buttons(&json!(many))),
        ("components.0.components.0.label", button(json!({"label": x(81)}))),
        ("components.0.components.0.label", button(json!({"label": ""}))),
        ("components.0.components.0.custom_id", button(json!({"custom_id": ""}))),
        ("components.0.components.0.custom_id", button(json!({"custom_id": x(101)}))),
        ("components.0.components.0.custom_id", button(json!({"style": 5, "url": "https://a.b"}))),
        ("components.0.components.0.url", button(json!({"style": 5, "custom_id": null}))),
        ("components.0.components.0.url", button(json!({"style": 5, "custom_id": null, "url": "a.b"}))),
        ("components.0.components.0.url", button(json!({"url": "https://a.b"}))),
        ("components.0.components.0.style", button(json!({"style": 9}))),
        ("flags", json!({"flags": 32768, "content": "x", "components": [{"type": 10, "content": "x"}]})),
        ("components.0", json!({"components": [{"type": 10, "content": "x"}]})),
    ] {
        let found = check_message(&body).expect_err(&body.to_string());
        assert!(found.iter().any(|problem| problem.starts_with(&format!("{place}: "))), "{body}: {found:?}");
    }
    let twice = json!({"type": 2, "style": 1, "label": "l", "custom_id": "c"});
    assert_eq!(check_message(&buttons(&json!([twice, twice]))).unwrap_err().len(), 1);
    assert_eq!(
        check_message(&buttons(&json!([twice, {"type": 3, "custom_id": "s", "options": []}])))
            .unwrap_err()
            .len(),
        2
    );
    let long = json!({"type": 2, "style": 5, "label": "l", "url": format!("https://{}", x(510))});
    assert_eq!(check_message(&buttons(&json!([long]))).unwrap_err().len(), 1);
}

#[test]
fn selects_have_limits_of_their_own() {
    let options = |count: usize| -> Vec<Value> {
        (0..count).map(|number| json!({"label": "l", "value": number.to_string(), "default": true})).collect()
    };
    let twice = json!([{"label": "a", "value": "v"}, {"label": "b", "value": "v"}]);
    for (place, select) in [
        ("min_values", json!({"type": 6, "min_values": 26})),
        ("max_values", json!({"type": 6, "max_values": 0})),
        ("min_values", json!({"type": 6, "min_values": 3, "max_values": 2})),
        ("options", json!({"type": 3, "options": options(26)})),
        ("options", json!({"type": 3, "options": options(2), "max_values": 3})),
        ("options", json!({"type": 3, "options": options(2)})),
        ("options.1.value", json!({"type": 3, "options": twice})),
        ("channel_types", json!({"type": 6, "channel_types": [0]})),
        (
            "default_values",
            json!({"type": 8, "default_values": [{"id": "1", "type": "channel"}, {"id": "2", "type": "channel"}]}),
        ),
        ("placeholder", json!({"type": 8, "placeholder": x(151)})),
    ] {
        let mut select = select;
        select["custom_id"] = json!("s");
        let found = check_message(&buttons(&json!([select]))).expect_err(&select.to_string());
        let place = format!("components.0.components.0.{place}: ");
        assert!(found.iter().any(|problem| problem.starts_with(&place)), "{select}: {found:?}");
    }
    for select in [
        json!({"type": 8, "custom_id": "s", "channel_types": [0, 5, 15], "min_values": 0}),
        json!({"type": 3, "custom_id": "s", "options": options(25), "max_values": 25}),
    ] {
        assert_eq!(check_message(&buttons(&json!([select]))), Ok(()));
    }
}
