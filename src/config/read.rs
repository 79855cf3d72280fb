//! From text to valid settings, or to everything that is wrong with it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;

use super::table::{NOTHING, TABLE};
use super::{EventSub, LogFormat, Settings};
use crate::store::StoreOptions;
use crate::twitch::MAX_IDS;

/// The longest value that an error message repeats.
const SHOWN: usize = 60;

/// Something that is wrong with one setting.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    /// Which.
    pub variable: &'static str,
    /// What was found, never a secret.
    pub found: String,
    /// What is allowed.
    pub allowed: &'static str,
}

/// Everything that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Problem { variable, found, allowed }) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{variable} is {found}; it must be {allowed}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// The environment, with a file `.env` in that folder behind it: what is set outside counts more.
///
/// Fails with one problem when the file is there and cannot be read.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn environment(folder: &Path) -> Result<BTreeMap<String, String>, String> {
    let mut values = BTreeMap::new();
    let file = folder.join(".env");
    if file.is_file() {
        let lines = dotenvy::from_path_iter(&file).map_err(|_| "the file .env cannot be read".to_owned())?;
        for line in lines {
            // The error would repeat the line, and there may be a secret in it.
            let (name, value) =
                line.map_err(|_| "the file .env has a line that is not NAME=value".to_owned())?;
            values.insert(name, value);
        }
    }
    for setting in TABLE {
        // An empty variable is one that is not set; it hides no line of the file.
        if let Some(value) = std::env::var_os(setting.name).filter(|value| !value.is_empty()) {
            values.insert(setting.name.to_owned(), value.to_string_lossy().into_owned());
        }
    }
    Ok(values)
}

/// Reads all settings from their texts.
pub fn read(values: &BTreeMap<String, String>) -> Result<Settings, Problems> {
    let mut reader = Reader { values, problems: Vec::new() };
    let settings = Settings {
        discord_token: reader.secret("DISCORD_TOKEN"),
        twitch_client_id: reader.secret("TWITCH_CLIENT_ID"),
        twitch_client_secret: reader.secret("TWITCH_CLIENT_SECRET"),
        check_interval: reader.seconds("CHECK_INTERVAL_SECONDS", 1, 3600),
        poll_batch: MAX_IDS,
        offline_grace: reader.seconds("OFFLINE_GRACE_SECONDS", 0, 86_400),
        eventsub: reader.eventsub(),
        enrich_wait: reader.seconds("ENRICH_WAIT_SECONDS", 0, 30),
        database: StoreOptions::at(
            &reader.parse("DATABASE_PATH", |text| Some(PathBuf::from(text))).unwrap_or_default(),
        ),
        http_bind: reader.parse("HTTP_BIND", bind).flatten(),
        log_format: reader.parse("LOG_FORMAT", log_format).unwrap_or(LogFormat::Text),
        log_filter: reader
            .parse("RUST_LOG", |text| {
                text.parse::<tracing_subscriber::filter::Targets>().is_ok().then(|| text.to_owned())
            })
            .unwrap_or_default(),
        discord_api_url: reader.parse("DISCORD_API_URL", url).unwrap_or_default(),
        twitch_api_url: reader.parse("TWITCH_API_URL", url).unwrap_or_default(),
        twitch_auth_url: reader.parse("TWITCH_AUTH_URL", url).unwrap_or_default(),
        twitch_eventsub_url: reader.parse("TWITCH_EVENTSUB_URL", websocket).unwrap_or_default(),
    };
    if reader.problems.is_empty() { Ok(settings) } else { Err(Problems(reader.problems)) }
}

struct Reader<'a> {
    values: &'a BTreeMap<String, String>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn secret(&mut self, name: &'static str) -> SecretString {
        let secret = self.parse(name, |text| {
            let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
            plain.then(|| SecretString::from(text))
        });
        secret.unwrap_or_default()
    }

    fn seconds(&mut self, name: &'static str, least: u64, most: u64) -> Duration {
        let seconds = self.parse(name, |text| {
            let seconds: u64 = text.parse().ok()?;
            (least..=most).contains(&seconds).then_some(seconds)
        });
        Duration::from_secs(seconds.unwrap_or(least))
    }

    /// How Twitch pushes, with what belongs to that.
    fn eventsub(&mut self) -> EventSub {
        let word = self.parse("EVENTSUB", |text| {
            ["auto", "conduit", "webhook", "off"].into_iter().find(|word| *word == text)
        });
        let is_webhook = word == Some("webhook");
        let public_url = self.needed_if(is_webhook, "PUBLIC_URL", public_url);
        let secret = self.needed_if(is_webhook, "EVENTSUB_SECRET", callback_secret);
        if is_webhook && self.text("HTTP_BIND") == Some("off") {
            self.problem("HTTP_BIND", "an address and a port with EVENTSUB=webhook, for Twitch pushes there");
        }
        match (word, public_url, secret) {
            (Some("webhook"), Some(public_url), Some(secret)) => EventSub::Webhook { public_url, secret },
            (Some("auto" | "conduit"), ..) => EventSub::Conduit,
            _ => EventSub::Off,
        }
    }

    /// The value of a setting that is needed only under a condition. One that is set has to be valid in any case.
    fn needed_if<T>(
        &mut self,
        needed: bool,
        name: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        if needed || self.text(name).is_some() { self.parse(name, parse) } else { None }
    }

    /// The text of a setting. An empty one is one that is not set.
    fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }

    /// The value of a setting, or nothing with a problem noted.
    fn parse<T>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let setting = TABLE.iter().find(|setting| setting.name == name)?;
        let default = setting.default.filter(|default| *default != NOTHING);
        let parsed = self.text(name).or(default).and_then(parse);
        if parsed.is_none() {
            self.problem(name, setting.allowed);
        }
        parsed
    }

    /// Notes that a setting is not what it must be.
    fn problem(&mut self, variable: &'static str, allowed: &'static str) {
        let secret = TABLE.iter().any(|setting| setting.name == variable && setting.secret);
        let found = found(secret, self.text(variable));
        self.problems.push(Problem { variable, found, allowed });
    }
}

fn found(secret: bool, text: Option<&str>) -> String {
    match text {
        None => "not set".to_owned(),
        // An address may carry a password before its @.
        Some(text) if secret || text.contains('@') => "not usable (its value is not shown)".to_owned(),
        Some(text) => format!("{:?}", crate::domain::text::cut(text, SHOWN)),
    }
}

/// `off` is a valid value of its own.
#[expect(
    clippy::option_option,
    reason = "the outer one says whether the text is valid, the inner one what it says"
)]
fn bind(text: &str) -> Option<Option<SocketAddr>> {
    if text == "off" { Some(None) } else { text.parse().ok().map(Some) }
}

fn log_format(text: &str) -> Option<LogFormat> {
    match text {
        "text" => Some(LogFormat::Text),
        "json" => Some(LogFormat::Json),
        _ => None,
    }
}

/// What Twitch takes for a secret (Twitch, API Reference, "Create `EventSub` Subscription").
fn callback_secret(text: &str) -> Option<SecretString> {
    let fits = (10..=100).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    fits.then(|| SecretString::from(text))
}

/// An address that Twitch pushes to: HTTPS on its usual port (Twitch, `EventSub`, "Handling Webhook Events"). On the machine
/// itself, where a stand-in of Twitch may run, it needs no encryption.
fn public_url(text: &str) -> Option<String> {
    let parsed = reqwest::Url::parse(&url(text)?).ok()?;
    let host = parsed.host_str()?;
    let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
    let is_loopback = host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback());
    let is_public = parsed.scheme() == "https" && parsed.port_or_known_default() == Some(443);
    // As it is always written, so that another way to write it is no other address: Twitch lists subscriptions by it.
    (is_loopback || is_public).then(|| parsed.as_str().trim_end_matches('/').to_owned())
}

fn url(text: &str) -> Option<String> {
    address(text, ["http", "https"])
}

fn websocket(text: &str) -> Option<String> {
    address(text, ["ws", "wss"])
}

fn address(text: &str, schemes: [&str; 2]) -> Option<String> {
    let url = reqwest::Url::parse(text).ok()?;
    let web = schemes.contains(&url.scheme()) && url.has_host();
    let bare = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    (web && bare).then(|| text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(changes: &[(&str, &str)]) -> BTreeMap<String, String> {
        let mut values: BTreeMap<_, _> = ["DISCORD_TOKEN", "TWITCH_CLIENT_ID", "TWITCH_CLIENT_SECRET"]
            .into_iter()
            .map(|name| (name.to_owned(), "s3cret".to_owned()))
            .collect();
        values.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        values
    }

    #[test]
    fn three_secrets_are_enough() {
        let settings = read(&values(&[])).expect("valid");
        assert_eq!(settings.check_interval, Duration::from_secs(30));
        assert_eq!(settings.offline_grace, Duration::from_mins(5));
        assert_eq!(settings.http_bind, Some(([0, 0, 0, 0], 8080).into()));
        assert_eq!(settings.discord_api_url, "https://discord.com");
    }

    #[test]
    fn every_problem_is_told_at_once_and_no_secret() {
        let wrong = values(&[
            ("DISCORD_TOKEN", ""),
            ("TWITCH_CLIENT_SECRET", "hush hush"),
            ("CHECK_INTERVAL_SECONDS", "0"),
            ("OFFLINE_GRACE_SECONDS", "86401"),
            ("HTTP_BIND", "8080"),
            ("LOG_FORMAT", "xml"),
            ("RUST_LOG", "livebell=loud"),
            ("TWITCH_API_URL", "ftp://example.com"),
            ("DISCORD_API_URL", "https://discord.com/?a=b"),
        ]);
        insta::assert_snapshot!(read(&wrong).expect_err("invalid"), @r#"
        DISCORD_TOKEN is not set; it must be a text without spaces
        TWITCH_CLIENT_SECRET is not usable (its value is not shown); it must be a text without spaces
        CHECK_INTERVAL_SECONDS is "0"; it must be a whole number from 1 to 3600
        OFFLINE_GRACE_SECONDS is "86401"; it must be a whole number from 0 to 86400
        HTTP_BIND is "8080"; it must be an address and a port, such as 0.0.0.0:8080, or off
        LOG_FORMAT is "xml"; it must be text or json
        RUST_LOG is "livebell=loud"; it must be a level (error, warn, info, debug, trace) or filters such as livebell=debug,warn
        DISCORD_API_URL is "https://discord.com/?a=b"; it must be an http:// or https:// address
        TWITCH_API_URL is "ftp://example.com"; it must be an http:// or https:// address
        "#);
    }

    #[test]
    fn the_bounds_are_those_of_the_table() {
        let fits = |name: &str, value: &str| read(&values(&[(name, value)])).is_ok();
        assert!(fits("CHECK_INTERVAL_SECONDS", "1") && fits("CHECK_INTERVAL_SECONDS", "3600"));
        assert!(!fits("CHECK_INTERVAL_SECONDS", "0") && !fits("CHECK_INTERVAL_SECONDS", "3601"));
        assert!(fits("OFFLINE_GRACE_SECONDS", "0") && fits("OFFLINE_GRACE_SECONDS", "86400"));
        assert!(!fits("OFFLINE_GRACE_SECONDS", "-1") && !fits("OFFLINE_GRACE_SECONDS", "86401"));
    }

    #[test]
    fn webhooks_need_an_address_a_secret_and_the_server() {
        let told = |changes: &[(&str, &str)]| {
            let mut all = vec![("EVENTSUB", "webhook")];
            all.extend(changes);
            read(&values(&all)).expect_err("invalid").to_string()
        };
        insta::assert_snapshot!(told(&[("HTTP_BIND", "off")]), @r#"
        PUBLIC_URL is not set; it must be an https:// address on port 443 (http:// for a loopback address), required with EVENTSUB=webhook
        EVENTSUB_SECRET is not set; it must be 10 to 100 ASCII characters, required with EVENTSUB=webhook
        HTTP_BIND is "off"; it must be an address and a port with EVENTSUB=webhook, for Twitch pushes there
        "#);
        let wrong = told(&[("PUBLIC_URL", "http://livebell.example"), ("EVENTSUB_SECRET", "too-short")]);
        assert!(wrong.contains("PUBLIC_URL is \"http://livebell.example\""), "{wrong}");
        assert!(wrong.contains("EVENTSUB_SECRET is not usable") && !wrong.contains("too-short"), "{wrong}");
        // What is set has to be right also when nothing needs it.
        assert!(read(&values(&[("EVENTSUB_SECRET", "short")])).is_err());
        assert!(matches!(read(&values(&[])).expect("valid").eventsub, EventSub::Conduit));
        assert!(matches!(read(&values(&[("EVENTSUB", "off")])).expect("valid").eventsub, EventSub::Off));
    }

    #[test]
    fn a_public_address_is_encrypted_but_on_the_machine_itself() {
        for (text, taken) in [
            ("https://livebell.example", Some("https://livebell.example")),
            ("https://livebell.example:443/bot/", Some("https://livebell.example/bot")),
            // As others write it.
            ("HTTPS://LiveBell.Example/Bot/", Some("https://livebell.example/Bot")),
            ("http://127.0.0.1:8080/", Some("http://127.0.0.1:8080")),
            ("http://localhost:8080", Some("http://localhost:8080")),
            ("http://[::1]:8080", Some("http://[::1]:8080")),
            ("https://livebell.example:8443", None),
            ("http://livebell.example", None),
            ("http://127.0.0.1.livebell.example", None),
            ("http://10.0.0.1", None),
            ("https://user:hush@livebell.example", None),
            ("https://livebell.example/?a=b", None),
            ("livebell.example", None),
        ] {
            assert_eq!(public_url(text).as_deref(), taken, "{text}");
        }
        for (length, fits) in [(9, false), (10, true), (100, true), (101, false)] {
            assert_eq!(callback_secret(&"x".repeat(length)).is_some(), fits, "{length}");
        }
        assert!(callback_secret("with an é in it").is_none());
    }

    #[test]
    fn a_password_in_an_address_is_refused_and_not_shown() {
        let problems = read(&values(&[("DISCORD_API_URL", "http://:hush@host")])).expect_err("refused");
        assert!(!problems.to_string().contains("hush"), "{problems}");
    }

    #[test]
    fn a_secret_is_not_in_the_debug_output() {
        let settings = read(&values(&[
            ("EVENTSUB", "webhook"),
            ("PUBLIC_URL", "https://livebell.example"),
            ("EVENTSUB_SECRET", "another s3cret"),
        ]))
        .expect("valid");
        assert!(!format!("{settings:?}").contains("s3cret"));
    }

    #[test]
    fn values_are_taken_as_people_write_them() {
        let settings = read(&values(&[
            ("HTTP_BIND", "off"),
            ("CHECK_INTERVAL_SECONDS", " 1 "),
            ("DISCORD_API_URL", "http://127.0.0.1:9/"),
            ("LOG_FORMAT", ""),
        ]))
        .expect("valid");
        assert_eq!(settings.http_bind, None);
        assert_eq!(settings.check_interval, Duration::from_secs(1));
        assert_eq!(settings.discord_api_url, "http://127.0.0.1:9");
        assert_eq!(settings.log_format, LogFormat::Text);
    }
}
