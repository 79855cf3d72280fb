//! The table of settings, and the three texts that are printed from it.

use std::fmt::Write as _;

/// One setting as people see it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Setting {
    /// The environment variable.
    pub name: &'static str,
    /// What counts when it is not set; nothing for a required one, an empty text for one that only some need.
    pub default: Option<&'static str>,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// What is allowed, in the words of an error message.
    pub allowed: &'static str,
    /// What it is for.
    pub meaning: &'static str,
}

impl Setting {
    const fn secret(name: &'static str, meaning: &'static str) -> Self {
        Self { name, default: None, secret: true, allowed: "a text without spaces", meaning }
    }

    const fn plain(
        name: &'static str,
        default: &'static str,
        allowed: &'static str,
        meaning: &'static str,
    ) -> Self {
        Self { name, default: Some(default), secret: false, allowed, meaning }
    }
}

/// The default of a setting that only some need.
pub(super) const NOTHING: &str = "";

const URL: &str = "an http:// or https:// address";

/// Every setting there is.
pub const TABLE: [Setting; 17] = [
    Setting::secret("DISCORD_TOKEN", "Token of the bot, from Discord's developer portal"),
    Setting::secret("TWITCH_CLIENT_ID", "Client id of the application, from Twitch's developer console"),
    Setting::secret("TWITCH_CLIENT_SECRET", "Client secret of the same application"),
    Setting::plain(
        "CHECK_INTERVAL_SECONDS",
        "30",
        "a whole number from 1 to 3600",
        "Seconds between two looks at every streamer",
    ),
    Setting::plain(
        "OFFLINE_GRACE_SECONDS",
        "300",
        "a whole number from 0 to 86400",
        "Seconds a stream may be gone and still count as the same stream",
    ),
    Setting::plain(
        "EVENTSUB",
        "auto",
        "auto, conduit, webhook or off",
        "How Twitch pushes that streams begin, seconds after they do; auto is conduit, webhook needs PUBLIC_URL and \
         EVENTSUB_SECRET, off leaves everything to the looks",
    ),
    Setting::plain(
        "PUBLIC_URL",
        NOTHING,
        "an https:// address on port 443 (http:// for a loopback address), required with EVENTSUB=webhook",
        "Where the HTTP server is reached from the internet; Twitch pushes to /twitch below it",
    ),
    Setting {
        secret: true,
        ..Setting::plain(
            "EVENTSUB_SECRET",
            NOTHING,
            "10 to 100 ASCII characters, required with EVENTSUB=webhook",
            "What Twitch signs with what it pushes to PUBLIC_URL; make it up at random",
        )
    },
    Setting::plain(
        "ENRICH_WAIT_SECONDS",
        "3",
        "a whole number from 0 to 30",
        "Seconds that an announcement waits for viewers and picture of a stream that Twitch has pushed; they are added later \
         else",
    ),
    Setting::plain(
        "DATABASE_PATH",
        "data/livebell.db",
        "a file that can be written; its folder is created",
        "The SQLite file that holds everything",
    ),
    Setting::plain(
        "HTTP_BIND",
        "0.0.0.0:8080",
        "an address and a port, such as 0.0.0.0:8080, or off",
        "Where /healthz answers; off turns it off",
    ),
    Setting::plain("LOG_FORMAT", "text", "text or json", "How log lines are written"),
    Setting::plain(
        "RUST_LOG",
        "info",
        "a level (error, warn, info, debug, trace) or filters such as livebell=debug,warn",
        "How much is logged",
    ),
    Setting::plain("DISCORD_API_URL", "https://discord.com", URL, "Discord, or a proxy in front of it"),
    Setting::plain(
        "TWITCH_API_URL",
        "https://api.twitch.tv/helix",
        URL,
        "Twitch's API, or a proxy in front of it",
    ),
    Setting::plain(
        "TWITCH_AUTH_URL",
        "https://id.twitch.tv/oauth2",
        URL,
        "Twitch's token endpoint, or a proxy in front of it",
    ),
    Setting::plain(
        "TWITCH_EVENTSUB_URL",
        "wss://eventsub.wss.twitch.tv/ws",
        "a ws:// or wss:// address",
        "Where Twitch pushes, or a proxy in front of it",
    ),
];

/// The settings for `--help`.
#[must_use]
pub fn help() -> String {
    let mut text =
        String::from("Settings (environment variables, or lines of a file .env in the working directory):\n");
    for setting in TABLE {
        let default = match setting.default {
            None => "required".to_owned(),
            Some(NOTHING) => "no default".to_owned(),
            Some(default) => format!("default {default}"),
        };
        let _ =
            writeln!(text, "  {}\n      {} ({default}; {})", setting.name, setting.meaning, setting.allowed);
    }
    text
}

/// The settings as a table for the README.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from("| variable | default | meaning | allowed |\n|---|---|---|---|\n");
    for setting in TABLE {
        let default = match setting.default {
            None => "required".to_owned(),
            Some(NOTHING) => "none".to_owned(),
            Some(default) => format!("`{default}`"),
        };
        let _ =
            writeln!(text, "| `{}` | {default} | {} | {} |", setting.name, setting.meaning, setting.allowed);
    }
    text
}

/// The settings as `.env.example`: what is required is to be filled in, the rest stands there with its default.
#[must_use]
pub fn env_example() -> String {
    let mut text = String::from(
        "# Copy this file to .env and fill in the first three. Lines like `# NAME=value` show a default; remove the # to \
         change it.\n",
    );
    for setting in TABLE {
        let _ = writeln!(text, "\n# {}: {}.", setting.meaning, setting.allowed);
        let _ = match setting.default {
            None => writeln!(text, "{}=", setting.name),
            Some(default) => writeln!(text, "# {}={default}", setting.name),
        };
    }
    text
}
