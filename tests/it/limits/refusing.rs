//! That the referee refuses: a body that is in order, and for each rule one that breaks just that.

use serde_json::{Value, json};

use super::checker::{breaches, breaches_mentioning};

/// A body with something of everything, all in order.
fn in_order() -> Value {
    json!({
        "content": "ann is live!", "nonce": "k3V9d0bQ2mZr8sT1uXyA5e", "enforce_nonce": true, "flags": 4096,
        "allowed_mentions": {"parse": [], "roles": []},
        "embeds": [{
            "title": "Speedrun", "url": "https://www.twitch.tv/ann", "description": "about", "color": 9_520_895,
            "author": {"name": "Ann", "url": "https://www.twitch.tv/ann", "icon_url": "https://pictures.example/a.png"},
            "fields": [{"name": "Game", "value": "Celeste", "inline": true}],
            "image": {"url": "http://pictures.example:8080/b.jpg?t=1"}, "footer": {"text": "late"},
        }],
        "components": [{"type": 1, "components": [
            {"type": 2, "style": 5, "label": "Watch", "url": "https://www.twitch.tv/ann"},
            {"type": 2, "style": 2, "label": "Mute", "custom_id": "mute:1"},
        ]}],
    })
}

/// The body with something else at a place; everything else stays in order.
fn with(pointer: &str, value: Value) -> Value {
    let mut body = in_order();
    let (parent, name) = pointer.rsplit_once('/').expect("a place");
    let parent = body.pointer_mut(parent).expect("a place");
    match parent {
        Value::Array(items) => items[name.parse::<usize>().expect("a number")] = value,
        parent => parent[name] = value,
    }
    body
}

fn check(pointer: &str, value: Value, expected: &str) {
    let found = breaches(&with(pointer, value));
    assert_eq!(found.len(), 1, "{pointer}: {found:?}");
    assert!(found[0].contains(expected), "{pointer}: {found:?}");
}

fn allowed(pointer: &str, value: Value) {
    assert_eq!(breaches(&with(pointer, value)), Vec::<String>::new(), "{pointer}");
}

/// A text with one of its longest length is fine, and with one unit more it is not.
fn check_length(pointer: &str, most: usize) {
    allowed(pointer, json!("x".repeat(most)));
    check(pointer, json!("x".repeat(most + 1)), &format!("{} units, {most} are allowed", most + 1));
    // Two units each, so one character more than half as many is too much.
    check(pointer, json!("\u{1d54f}".repeat(most / 2 + 1)), "are allowed");
}

fn check_not_empty(pointer: &str) {
    for empty in [json!(""), json!(" \n"), json!("\u{3000}\u{feff}"), json!("\u{1c}"), Value::Null] {
        check(pointer, empty, "is empty");
    }
}

#[test]
fn a_body_in_order_passes() {
    assert_eq!(breaches(&in_order()), Vec::<String>::new());
}

#[test]
fn texts_have_their_lengths() {
    check_length("/content", 2000);
    check_length("/embeds/0/title", 256);
    check_length("/embeds/0/description", 4096);
    check_length("/embeds/0/fields/0/name", 256);
    check_length("/embeds/0/fields/0/value", 1024);
    check_length("/embeds/0/footer/text", 2048);
    check_length("/embeds/0/author/name", 256);
    check_length("/components/0/components/0/label", 80);
    check_length("/components/0/components/1/custom_id", 100);
    check_length("/nonce", 25);
    check("/content", json!(7), "no text");
}

#[test]
fn what_must_say_something_says_something() {
    check_not_empty("/embeds/0/fields/0/name");
    check_not_empty("/embeds/0/fields/0/value");
    check_not_empty("/embeds/0/footer/text");
    check_not_empty("/embeds/0/author/name");
    check_not_empty("/components/0/components/0/label");
    let bare = json!({
        "content": " ", "nonce": "1", "enforce_nonce": true, "allowed_mentions": {"parse": []}, "embeds": [],
    });
    assert_eq!(breaches(&bare), ["there is nothing to see"]);
}

#[test]
fn lists_have_their_lengths() {
    let many = |item: Value, count: usize| Value::Array(vec![item; count]);
    let field = json!({"name": "a", "value": "b"});
    allowed("/embeds/0/fields", many(field.clone(), 25));
    check("/embeds/0/fields", many(field, 26), "26 items, 25 are allowed");
    allowed("/embeds", many(json!({"title": "a"}), 10));
    check("/embeds", many(json!({"title": "a"}), 11), "11 items, 10 are allowed");
    let button = json!({"type": 2, "style": 5, "label": "a", "url": "https://a.example"});
    let row = |buttons: usize| json!({"type": 1, "components": many(button.clone(), buttons)});
    allowed("/components", many(row(5), 5));
    check("/components", many(row(1), 6), "6 items, 5 are allowed");
    check("/components", json!([row(6)]), "6 items, 5 are allowed");
    check("/components", json!([row(0)]), "is empty");
    check("/components", json!("a"), "no list");
}

#[test]
fn all_embeds_together_have_a_length() {
    let embed = |length: usize| json!({"description": "x".repeat(length)});
    allowed("/embeds", json!([embed(3000), embed(3000)]));
    check("/embeds", json!([embed(3000), embed(3001)]), "6001 units, 6000 are allowed");
    let everywhere = json!([{
        "title": "x".repeat(256), "description": "x".repeat(3000), "author": {"name": "x".repeat(256)},
        "footer": {"text": "x".repeat(2048)}, "fields": [{"name": "x".repeat(200), "value": "x".repeat(241)}],
    }]);
    check("/embeds", everywhere, "6001 units");
}

#[test]
fn two_embeds_with_one_url_are_one() {
    let embed = |url: &str| json!({"title": "a", "url": url});
    allowed("/embeds", json!([embed("https://a.example/1"), embed("https://a.example/2")]));
    check("/embeds", json!([embed("https://a.example"), embed("https://a.example")]), "one is not shown");
}

#[test]
fn addresses_are_addresses() {
    for pointer in
        ["/embeds/0/url", "/embeds/0/image/url", "/embeds/0/author/url", "/embeds/0/author/icon_url"]
    {
        for odd in [
            "",
            "ann",
            "ftp://a.example",
            "https://",
            "https:///a",
            "https://?t=1",
            "https://a b",
            "https://a.example/ä",
            "https://a..b",
        ] {
            check(pointer, json!(odd), "is no address");
        }
        check(pointer, json!(1), "is no address");
    }
    let long = |length: usize| json!(format!("https://a.example/{}", "x".repeat(length - 18)));
    allowed("/components/0/components/0/url", long(512));
    check("/components/0/components/0/url", long(513), "513 units, 512 are allowed");
}

#[test]
fn a_button_leads_somewhere_or_does_something() {
    let row = |button: Value| json!({"type": 1, "components": [button]});
    for odd in [
        json!({"type": 2, "style": 5, "label": "a"}),
        json!({"type": 2, "style": 5, "label": "a", "url": "https://a.example", "custom_id": "a"}),
        json!({"type": 2, "style": 2, "label": "a", "url": "https://a.example"}),
        json!({"type": 2, "style": 2, "label": "a", "custom_id": ""}),
    ] {
        check("/components/0", row(odd), "neither leads");
    }
    check("/components/0/type", json!(17), "no row");
    check("/components/0/components/0/type", json!(4), "no button");
    let twin = json!({"type": 2, "style": 2, "label": "a", "custom_id": "a"});
    check("/components/0/components", json!([twin, twin]), "one custom_id");
}

#[test]
fn a_nonce_is_there_and_counts() {
    check("/enforce_nonce", json!(false), "not enforced");
    check("/enforce_nonce", Value::Null, "not enforced");
    let without = breaches(&with("/nonce", Value::Null));
    assert_eq!(without, ["nonce is empty", "the nonce is not enforced"]);
}

#[test]
fn nobody_is_mentioned() {
    check("/allowed_mentions", Value::Null, "read from the texts");
    check("/allowed_mentions/parse", json!(["everyone"]), "read from the texts");
    check("/allowed_mentions", json!({"roles": []}), "read from the texts");
    check("/allowed_mentions/roles", json!(["1"]), "roles are mentioned");
    check("/allowed_mentions/users", json!(["1"]), "users are mentioned");
    check("/allowed_mentions/replied_user", json!(true), "replied to");
}

#[test]
fn who_is_to_be_mentioned_is_and_nobody_else() {
    let wanted = json!({"parse": ["everyone"], "users": ["1", "2"]});
    let found = |value: Value| breaches_mentioning(&with("/allowed_mentions", value), &wanted);
    assert_eq!(found(wanted.clone()), Vec::<String>::new());
    assert_eq!(found(json!({"parse": [], "users": ["1", "2"]})).len(), 1);
    assert_eq!(found(json!({"parse": ["everyone"], "users": ["1"]})).len(), 1);
    assert_eq!(found(json!({"parse": ["everyone"], "users": ["1", "2"], "roles": ["3"]})).len(), 1);
    let many = json!({"parse": ["users"], "users": vec!["1"; 101]});
    let found = breaches_mentioning(&with("/allowed_mentions", many.clone()), &many);
    assert_eq!(found, ["users has 101 items, 100 are allowed", "users are listed and read from the texts"]);
}

#[test]
fn only_some_flags_can_be_set() {
    allowed("/flags", json!(1 << 2 | 1 << 12));
    check("/flags", json!(1 << 6), "nobody may set");
    check("/flags", json!("4096"), "no number");
    check("/flags", json!(1 << 15), "newer components");
}
