//! How a stream is written into a row: JSON that later versions may add to. Not the shape that Twitch sends.

use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::domain::{BroadcasterId, Category, Login, Stream, StreamId, Timestamp};

#[derive(Serialize, Deserialize)]
struct Row {
    id: String,
    login: String,
    display_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    category: Option<CategoryRow>,
    #[serde(default)]
    viewers: u64,
    started_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    thumbnail: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct CategoryRow {
    id: String,
    name: String,
}

/// The stream as a row's text.
pub(super) fn write(stream: &Stream) -> String {
    let row = Row {
        id: stream.id.as_str().to_owned(),
        login: stream.login.as_str().to_owned(),
        display_name: stream.display_name.clone(),
        title: stream.title.clone(),
        category: stream
            .category
            .as_ref()
            .map(|category| CategoryRow { id: category.id.clone(), name: category.name.clone() }),
        viewers: stream.viewers,
        started_at: stream.started_at.as_millis(),
        thumbnail: stream.thumbnail.clone(),
    };
    serde_json::to_string(&row).unwrap_or_default()
}

/// The stream of a row's text.
pub(super) fn read(broadcaster: &BroadcasterId, text: &str) -> Result<Stream, StoreError> {
    let row: Row = serde_json::from_str(text).map_err(|_| StoreError::Unreadable("stream"))?;
    Ok(Stream {
        id: StreamId::new(&row.id),
        broadcaster: broadcaster.clone(),
        login: Login::new(&row.login).map_err(|_| StoreError::Unreadable("login"))?,
        display_name: row.display_name,
        title: row.title,
        category: row.category.map(|category| Category { id: category.id, name: category.name }),
        viewers: row.viewers,
        started_at: Timestamp::from_millis(row.started_at),
        thumbnail: row.thumbnail,
    })
}
