//! The kinds of request that Discord limits apart from each other, and whose limit each counts against.

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// `POST /channels/{id}/messages`.
    PostMessage,
    /// `GET /channels/{id}/messages`.
    ListMessages,
    /// `GET /channels/{id}/messages/{id}`.
    ReadMessage,
    /// `PATCH /channels/{id}/messages/{id}`.
    EditMessage,
    /// `DELETE /channels/{id}/messages/{id}`.
    DeleteMessage,
    /// `POST /channels/{id}/messages/{id}/crosspost`.
    Crosspost,
    /// `POST /channels/{id}/threads`.
    CreateThread,
    /// `GET /guilds/{id}/threads/active`.
    ListThreads,
    /// `GET /channels/{id}/threads/archived/public`.
    ListArchived,
    /// `PATCH /channels/{id}`.
    EditChannel,
    /// `DELETE /channels/{id}`.
    DeleteChannel,
    /// `GET /channels/{id}`.
    ReadChannel,
    /// `GET /guilds/{id}`.
    ReadGuild,
    /// `GET /guilds/{id}/channels`.
    ListChannels,
    /// `GET /guilds/{id}/roles`.
    ListRoles,
    /// `GET /guilds/{id}/members/{id}`.
    ReadMember,
    /// `PUT /guilds/{id}/members/{id}/roles/{id}`.
    GiveRole,
    /// `DELETE /guilds/{id}/members/{id}/roles/{id}`.
    TakeRole,
    /// `GET /applications/{id}/commands`.
    ListCommands,
    /// `PUT /applications/{id}/commands`.
    PutCommands,
    /// `GET /users/@me`.
    ReadUser,
    /// `GET /applications/@me`, also by its older name.
    ReadApplication,
    /// `GET /gateway` and `GET /gateway/bot`.
    ReadGateway,
}

impl Route {
    /// The kind of a request with its top-level resource, which is zero for requests about none. Interactions are of
    /// no kind: they have limits of their own, which the fake does not imitate.
    pub(super) fn of(method: &str, segments: &[&str]) -> Option<(Self, u64)> {
        let (route, resource) = match (method, segments) {
            ("POST", ["channels", channel, "messages"]) => (Self::PostMessage, *channel),
            ("GET", ["channels", channel, "messages"]) => (Self::ListMessages, *channel),
            ("GET", ["channels", channel, "messages", _]) => (Self::ReadMessage, *channel),
            ("PATCH", ["channels", channel, "messages", _]) => (Self::EditMessage, *channel),
            ("DELETE", ["channels", channel, "messages", _]) => (Self::DeleteMessage, *channel),
            ("POST", ["channels", channel, "messages", _, "crosspost"]) => (Self::Crosspost, *channel),
            ("POST", ["channels", channel, "threads"]) => (Self::CreateThread, *channel),
            ("GET", ["guilds", guild, "threads", "active"]) => (Self::ListThreads, *guild),
            ("GET", ["channels", channel, "threads", "archived", "public"]) => (Self::ListArchived, *channel),
            ("PATCH", ["channels", channel]) => (Self::EditChannel, *channel),
            ("DELETE", ["channels", channel]) => (Self::DeleteChannel, *channel),
            ("GET", ["channels", channel]) => (Self::ReadChannel, *channel),
            ("GET", ["guilds", guild]) => (Self::ReadGuild, *guild),
            ("GET", ["guilds", guild, "channels"]) => (Self::ListChannels, *guild),
            ("GET", ["guilds", guild, "roles"]) => (Self::ListRoles, *guild),
            ("GET", ["guilds", guild, "members", _]) => (Self::ReadMember, *guild),
            ("PUT", ["guilds", guild, "members", _, "roles", _]) => (Self::GiveRole, *guild),
            ("DELETE", ["guilds", guild, "members", _, "roles", _]) => (Self::TakeRole, *guild),
            ("GET", ["applications", "@me"] | ["oauth2", "applications", "@me"]) => {
                (Self::ReadApplication, "0")
            }
            ("GET", ["applications", _, "commands"]) => (Self::ListCommands, "0"),
            ("PUT", ["applications", _, "commands"]) => (Self::PutCommands, "0"),
            ("GET", ["users", "@me"]) => (Self::ReadUser, "0"),
            ("GET", ["gateway"] | ["gateway", "bot"]) => (Self::ReadGateway, "0"),
            _ => return None,
        };
        Some((route, resource.parse().ok()?))
    }

    /// The text of `x-ratelimit-bucket`: the same for every resource, because clients add that to the key themselves.
    pub(super) fn bucket(self) -> String {
        // An odd factor keeps the texts apart and makes them look as meaningless as Discord's.
        let number = (self as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        format!("{number:016x}")
    }
}
