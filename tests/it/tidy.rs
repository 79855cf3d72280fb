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
    ("control", &["domain", "store", "twitch", "discord", "render", "clock"]),
    ("commands", &["domain", "control", "render"]),
    ("gateway", &["domain", "control", "commands", "discord", "store", "clock"]),
    ("telemetry", &["domain", "store", "clock", "discord", "sources", "gateway"]),
    ("web", &["domain", "control", "http", "telemetry"]),
    ("config", &["domain", "store"]),
];

/// Modules and files that decide or word and do nothing else: no asynchrony, no clock, no store, no crate that reaches out.
const PURE: [&str; 14] = [
    "domain/",
    "detect/",
    "audience/",
    "render/",
    "outbox/doubt.rs",
    "outbox/late.rs",
    "outbox/retry.rs",
    "outbox/nonce.rs",
    "twitch/budget.rs",
    "discord/breaker.rs",
    "discord/buckets.rs",
    "discord/limits.rs",
    "discord/turns.rs",
    "gateway/identify.rs",
];

/// What would make a pure file impure.
const IMPURE: [&str; 9] =
    ["async ", ".await", "tokio::", "reqwest::", "rusqlite::", "serenity", "Clock", "fastrand", "std::fs"];

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

#[test]
fn a_module_names_only_those_below_it() {
    let laws: BTreeMap<_, _> = MAY_NAME.into_iter().collect();
    let mut broken = Vec::new();
    for (file, text) in sources("src") {
        let module = module_of(&file);
        if matches!(module, "app" | "main" | "cli" | "lib") {
            continue;
        }
        let Some(allowed) = laws.get(module) else {
            broken.push(format!("{file}: the module {module} is not in the table"));
            continue;
        };
        for name in named(without_tests(&text)) {
            if name != module && !allowed.contains(&name.as_str()) {
                broken.push(format!("{file} names {name}"));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn what_decides_does_nothing_else() {
    let mut broken = Vec::new();
    for (file, text) in sources("src") {
        if !PURE.iter().any(|pure| file.starts_with(pure)) {
            continue;
        }
        for word in IMPURE {
            let code = without_tests(&text).lines().filter(|line| !line.trim_start().starts_with("//"));
            if code.into_iter().any(|line| line.contains(word)) {
                broken.push(format!("{file}: {word}"));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn serde_lives_at_the_doors() {
    for (file, text) in sources("src") {
        let door = ["twitch", "discord", "web", "store", "config", "commands", "control"]
            .contains(&module_of(&file));
        assert!(door || !text.contains("serde"), "{file} names serde");
    }
}

#[test]
fn the_laws_bite() {
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
