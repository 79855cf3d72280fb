//! The life of messages: moderators delete some, and in the end each one has to read as its stream was seen at last.

use std::collections::BTreeMap;
use std::time::Duration;

use livebell_fakes::discord::{Message, Request};
use serde_json::{Value, json};

use super::SERVERS;
use super::oracle::Shown;
use super::shows;
use super::stage::{Server, Stage};

/// What a server may want of announcements whose stream is over, as an admin says it.
pub(super) const ON_END: [&str; 3] = ["edit", "delete", "keep"];

/// How long a wish to edit a message may wait when nothing is in its way: half an hour between two edits of an old one.
const EDITED: Duration = Duration::from_mins(35);

/// How long a search for recordings may take that is under way.
const SEARCHED: Duration = Duration::from_secs(10);

/// How long edits take that wait for nothing: with the pauses that Discord's limits impose on so many.
const ANEW: Duration = Duration::from_secs(30);

/// The numbers of what messages have shown, by message.
#[derive(Default)]
pub(super) struct Newest(BTreeMap<u64, u32>);

impl Newest {
    /// An edit arrived. What is wrong with it?
    pub(super) fn edited(&mut self, edit: &Request) -> Option<String> {
        let message: u64 = edit.path.rsplit('/').next()?.parse().ok()?;
        let number = shows::number(edit.body["embeds"][0]["title"].as_str()?)?;
        let newest = self.0.entry(message).or_insert(number);
        let is_older = number < *newest;
        let complaint = format!("message {message} was to show {number} after {newest}");
        *newest = number.max(*newest);
        is_older.then_some(complaint)
    }
}

impl Stage {
    /// What is wanted at the end of a stream, said once, before anything happens.
    pub(super) async fn choose_endings(&mut self) {
        for server in 0..SERVERS {
            let chosen = self.servers[server].on_end;
            let answer = self.command(server, "settings", json!({ "on_end": chosen })).await;
            assert!(answer.is_some_and(|answer| answer.contains("(changed)")), "nothing is in the way yet");
        }
    }

    /// A moderator deletes a message. What nobody knows to be there, the server may be told again.
    pub(super) fn moderate(&mut self, server: usize) -> String {
        if self.ends.disk.is_some() {
            return "nobody moderates".to_owned();
        }
        let messages = self.discord.messages(self.servers[server].live);
        if messages.is_empty() {
            return format!("server {server} has nothing to moderate");
        }
        let message = messages[self.chance.usize(..messages.len())].clone();
        self.discord.delete_message(message.channel, message.id);
        let is_known =
            self.count(&format!("SELECT COUNT(*) FROM delivery WHERE message_id = {}", message.id)) > 0;
        let line = format!("server {server} deletes message {}, known: {is_known}", message.id);
        let Server { moderated, deleted, .. } = &mut self.servers[server];
        let kept = if is_known { moderated } else { deleted };
        kept.push(message);
        line
    }

    /// Waits until every message has been brought up to date for which that is wished.
    pub(super) async fn wait_for_edits(&mut self) {
        let deadline = self.elapsed() + EDITED;
        while self.unedited() > 0 && self.elapsed() < deadline {
            self.pass(Duration::from_secs(10)).await;
        }
        let left = self.unedited();
        if left > 0 {
            self.complaints.push(format!("{left} messages are not brought up to date"));
        }
    }

    /// How many messages are to be brought up to date, those aside whose channel is no more.
    fn unedited(&self) -> usize {
        let channels: Vec<String> = self.servers.iter().map(|server| server.live.to_string()).collect();
        self.count(&format!(
            "SELECT COUNT(*) FROM revision JOIN delivery USING (delivery_id) WHERE channel_id IN ({})",
            channels.join(", ")
        ))
    }

    /// Everything that stands is rendered anew from what is recorded, and reads as before.
    pub(super) async fn render_anew(&mut self) {
        // What is found just now would make a difference that is none.
        self.database().execute_batch("DELETE FROM recording_look").expect("nobody looks for recordings");
        self.pass(SEARCHED).await;
        self.wait_for_edits().await;
        let before = self.standing();
        let wished = "INSERT INTO revision (delivery_id, due_at, pressing)
                      SELECT delivery_id, 0, 1 FROM delivery WHERE part = 0 AND message_id IS NOT NULL
                      ON CONFLICT DO UPDATE SET due_at = 0";
        self.database().execute_batch(wished).expect("wished for");
        self.pass(ANEW).await;
        let left = self.unedited();
        if left > 0 {
            self.complaints.push(format!("{left} messages are not rendered anew"));
        }
        let after = self.standing();
        for (id, message) in before {
            let server =
                self.servers.iter().position(|server| server.live == message.channel).unwrap_or_default();
            let now = after.get(&id).map(reading).unwrap_or_default();
            let was = reading(&message);
            if was != now && self.oracle.is_kept_up_to_date(server, &self.shown(&message)) {
                self.note(&format!("message {id} reads {was}, and rendered anew {now}"));
                self.complaints.push(format!("message {id} reads otherwise when it is rendered anew"));
            }
        }
    }

    /// What is wrong with how the messages read that stand.
    pub(super) fn misread(&self) -> Vec<String> {
        let evidence = self.evidence();
        let all = evidence.shown.iter().zip(&self.servers).enumerate();
        all.flat_map(|(number, (shown, server))| {
            shown.iter().filter_map(move |shown| self.oracle.misread(number, shown, server.on_end))
        })
        .collect()
    }

    /// A message as somebody in the server sees it, or saw it.
    pub(super) fn shown(&self, message: &Message) -> Shown {
        let embed = &message.body["embeds"][0];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let number = embed["url"].as_str().and_then(|url| url.rsplit("streamer").next()?.parse().ok());
        let fields = embed["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
        let category = fields.iter().find(|field| text(&field["name"]).starts_with("Categor"));
        Shown {
            who: number.unwrap_or(usize::MAX),
            started_at: text(&embed["timestamp"]),
            at: message.at - self.since_epoch(Duration::ZERO),
            title: text(&embed["title"]),
            category: category.map(|field| text(&field["value"])).unwrap_or_default(),
            is_over: text(&embed["description"]).starts_with("Was live for"),
            stands: true,
            deleted: false,
        }
    }

    fn standing(&self) -> BTreeMap<u64, Message> {
        let live = self.servers.iter().map(|server| server.live);
        let all = live.flat_map(|channel| self.discord.messages(channel));
        all.map(|message| (message.id, message)).collect()
    }
}

/// What a message says, without what is not brought up to date: the picture's address and how late it was tell when it was
/// rendered, and viewers are not chased.
fn reading(message: &Message) -> Value {
    let mut embed = message.body["embeds"][0].clone();
    if let Some(embed) = embed.as_object_mut() {
        embed.remove("image");
        embed.remove("footer");
    }
    if let Some(fields) = embed["fields"].as_array_mut() {
        fields.retain(|field| field["name"] != "Viewers");
    }
    json!([message.body["content"], embed, message.body["components"]])
}
