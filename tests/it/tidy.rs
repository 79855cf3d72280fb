//! The laws of the house, kept by reading the sources: who may name whom, that every file says what it is, and that the
//! settings stand in the documents as they stand in the program.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use livebell::config;

/// Which modules each module may name. What is not listed may be named by nobody but `app`.
const MAY_NAME: [(&str, &[&str]); 19] = [
    ("domain", &[]),
    ("detect", &["domain"]),
    ("audience", &["domain"]),
    ("render", &["domain"]),
    ("clock", &["domain"]),
    ("http", &[]),
    ("twitch", &["domain", "clock", "http"]),
    ("discord", &["domain", "clock", "http", "render"]),
    ("store", &["domain", "clock"]),
    ("sinks", &["domain", "discord", "render", "clock"]),
    ("sources", &["domain", "twitch", "store", "clock"]),
    ("outbox", &["domain", "store", "render", "sinks", "clock"]),
    ("pipeline", &["domain", "detect", "audience", "store", "clock"]),
    ("control", &["domain", "store", "audience", "twitch", "discord", "render", "clock"]),
    ("commands", &["domain", "control", "render"]),
    ("gateway", &["domain", "control", "commands", "discord", "store", "clock"]),
    ("telemetry", &["domain", "store", "clock", "discord", "sources", "gateway"]),
    ("web", &["domain", "control", "http", "sources", "telemetry"]),
    ("config", &["domain", "store", "twitch"]),
];

/// Modules and files that decide or word and do nothing else: no asynchrony, no clock, no store, no crate that reaches out.
const PURE: [&str; 22] = [
    "domain/",
    "detect/",
    "audience/",
    "render/",
    "outbox/doubt.rs",
    "outbox/late.rs",
    "outbox/retry.rs",
    "outbox/nonce.rs",
    "sources/pace.rs",
    "sources/subscriptions.rs",
    "sources/tiers.rs",
    "sources/verdict.rs",
    "twitch/budget.rs",
    "twitch/eventsub.rs",
    "twitch/posted.rs",
    "twitch/signature.rs",
    "discord/breaker.rs",
    "discord/buckets.rs",
    "discord/limits.rs",
    "discord/permissions.rs",
    "discord/turns.rs",
    "gateway/identify.rs",
];

/// What would make a pure file impure.
const IMPURE: [&str; 9] =
    ["async ", ".await", "tokio::", "reqwest::", "rusqlite::", "serenity", "Clock", "fastrand", "std::fs"];

/// Modules that may speak to the world in its own words, and so name serde.
const DOORS: [&str; 7] = ["twitch", "discord", "web", "store", "config", "commands", "control"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The Rust files below a folder, by their path in it, with their text up to the tests inside them.
fn sources(folder: &str) -> BTreeMap<String, String> {
    fn walk(folder: &Path, top: &Path, found: &mut BTreeMap<String, String>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, top, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(top).expect("below it").to_str().expect("a name").to_owned();
                found.insert(name, std::fs::read_to_string(&path).expect("a text"));
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&root().join(folder), &root().join(folder), &mut found);
    assert!(!found.is_empty(), "no sources in {folder}");
    found
}

fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text)
}

/// The modules of the crate that a text names as `crate::name`, in braces as well.
fn named(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for after in text.split("crate::").skip(1) {
        let list = after.strip_prefix('{').and_then(|rest| rest.split('}').next());
        for item in list.unwrap_or(after).split(',') {
            let name: String = item.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            names.insert(name);
            if list.is_none() {
                break;
            }
        }
    }
    names.remove("");
    names
}

fn module_of(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

/// What a file breaks of a law.
type Law = fn(&str, &str) -> Vec<String>;

/// Whom a file names that it may not name.
fn names_too_much(file: &str, text: &str) -> Vec<String> {
    let module = module_of(file);
    if matches!(module, "app" | "main" | "cli" | "lib") {
        return Vec::new();
    }
    let Some((_, allowed)) = MAY_NAME.iter().find(|(name, _)| *name == module) else {
        return vec![format!("{file}: the module {module} is not in the table")];
    };
    let names = named(without_tests(text)).into_iter();
    let forbidden = names.filter(|name| name != module && !allowed.contains(&name.as_str()));
    forbidden.map(|name| format!("{file} names {name}")).collect()
}

/// What a file that has to be pure does besides.
fn is_impure(file: &str, text: &str) -> Vec<String> {
    if !PURE.iter().any(|pure| file.starts_with(pure)) {
        return Vec::new();
    }
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let code: Vec<&str> = without_tests(text).lines().filter(is_code).collect();
    let words = IMPURE.into_iter().filter(|word| code.iter().any(|line| line.contains(word)));
    words.map(|word| format!("{file}: {word}")).collect()
}

/// Whether a file names serde that is no door.
fn names_serde(file: &str, text: &str) -> Vec<String> {
    let breaks = !DOORS.contains(&module_of(file)) && text.contains("serde");
    breaks.then(|| format!("{file} names serde")).into_iter().collect()
}

/// Fails if any file of the product breaks a law.
#[track_caller]
fn check(law: Law) {
    let broken: Vec<String> = sources("src").iter().flat_map(|(file, text)| law(file, text)).collect();
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn a_module_names_only_those_below_it() {
    check(names_too_much);
}

#[test]
fn what_decides_does_nothing_else() {
    check(is_impure);
    for pure in PURE {
        assert!(root().join("src").join(pure).exists(), "there is no {pure} that could be pure");
    }
}

#[test]
fn serde_lives_at_the_doors() {
    check(names_serde);
}

#[test]
fn the_laws_bite() {
    let cases: [(Law, &str, &str, &[&str]); 12] = [
        (names_too_much, "render/message.rs", "use crate::domain::Stream;", &[]),
        (
            names_too_much,
            "render/message.rs",
            "use crate::{domain, store};",
            &["render/message.rs names store"],
        ),
        (names_too_much, "sinks/mod.rs", "crate::store::Store::open()", &["sinks/mod.rs names store"]),
        (names_too_much, "news.rs", "", &["news.rs: the module news is not in the table"]),
        (names_too_much, "app/time.rs", "use crate::store::Store;", &[]),
        (names_too_much, "domain/id.rs", "#[cfg(test)]\nmod tests {\n use crate::store; }", &[]),
        (is_impure, "outbox/retry.rs", "pub async fn wait() {}", &["outbox/retry.rs: async "]),
        (
            is_impure,
            "detect/mod.rs",
            "fn a(c: &Clock) {}\nuse tokio::time;",
            &["detect/mod.rs: tokio::", "detect/mod.rs: Clock"],
        ),
        (is_impure, "outbox/retry.rs", "// No Clock here.", &[]),
        (is_impure, "outbox/worker.rs", "pub async fn run() {}", &[]),
        (names_serde, "domain/stream.rs", "#[derive(serde::Serialize)]", &["domain/stream.rs names serde"]),
        (names_serde, "store/facts.rs", "#[derive(serde::Serialize)]", &[]),
    ];
    for (law, file, text, broken) in cases {
        assert_eq!(law(file, text), broken, "{file}: {text}");
    }
    assert_eq!(
        named("use crate::store::Store; crate::{clock, domain::Login}"),
        ["clock", "domain", "store"].map(String::from).into()
    );
    assert_eq!(module_of("store/sqlite/mod.rs"), "store");
    assert_eq!(module_of("clock.rs"), "clock");
}

#[test]
fn every_file_says_what_it_is() {
    for folder in ["src", "crates/fakes/src", "tests", "benches", "examples", "fuzz/src", "fuzz/fuzz_targets"]
    {
        for (file, text) in sources(folder) {
            assert!(text.starts_with("//! "), "{folder}/{file} does not begin with a //! sentence");
        }
    }
}

#[test]
fn no_file_has_become_a_building() {
    for folder in ["src", "crates/fakes/src", "tests", "examples", "fuzz/src"] {
        for (file, text) in sources(folder) {
            let lines = text.lines().count();
            assert!(lines <= 600, "{folder}/{file} has {lines} lines");
        }
    }
}

#[test]
fn the_settings_stand_in_the_documents_as_in_the_program() {
    let read = |name: &str| std::fs::read_to_string(root().join(name)).expect(name);
    assert_eq!(read(".env.example"), config::env_example());
    assert!(
        read("README.md").contains(&config::markdown()),
        "the README's table of settings is not the program's"
    );
    let help = config::help();
    for setting in config::TABLE {
        assert!(help.contains(setting.name), "{}", setting.name);
    }
}
