//! A websocket session of `EventSub`: Twitch speaks, and we only listen (Twitch, `EventSub`, "Handling WebSocket Events").

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{self, protocol::WebSocketConfig};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::eventsub::Message;

/// How long it may take until the connection stands and Twitch has said welcome.
const WELCOME_WITHIN: Duration = Duration::from_secs(10);

/// The keepalive that is asked for, in seconds: how soon a dead connection shows. The shortest that Twitch has.
const KEEPALIVE_SECONDS: &str = "10";

/// How much later than announced a keepalive may come: the way from Twitch takes its time.
const KEEPALIVE_SLACK: Duration = Duration::from_secs(5);

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// The longest message that is read; a notification is below 2 kB.
const MAX_MESSAGE: usize = 64 * 1024;

/// Why a session is over.
#[derive(Debug, thiserror::Error)]
pub enum SessionEnd {
    /// The address does not answer, or the connection broke.
    #[error("the connection to Twitch broke: {0}")]
    Broken(String),
    /// Twitch closed it, with this code and these words.
    #[error("Twitch closed the connection with {code}: {words}")]
    Closed {
        /// The code.
        code: u16,
        /// Twitch's words.
        words: String,
    },
    /// Nothing was heard for longer than agreed, or no welcome came.
    #[error("Twitch has been silent for longer than agreed")]
    Silent,
}

/// An open session.
#[derive(Debug)]
pub struct Session {
    /// Its id, to which a shard is bound.
    pub id: String,
    keepalive: Duration,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Session {
    /// Opens a session at Twitch's address.
    pub async fn open(url: &str) -> Result<Self, SessionEnd> {
        let mark = if url.contains('?') { '&' } else { '?' };
        Self::dial(&format!("{url}{mark}keepalive_timeout_seconds={KEEPALIVE_SECONDS}")).await
    }

    /// Opens the session that Twitch asks to go on with, at the address that it gave, as it is.
    pub async fn go_on(url: &str) -> Result<Self, SessionEnd> {
        Self::dial(url).await
    }

    async fn dial(url: &str) -> Result<Self, SessionEnd> {
        let welcomed = tokio::time::timeout(WELCOME_WITHIN, async {
            let limits = WebSocketConfig {
                max_message_size: Some(MAX_MESSAGE),
                max_frame_size: Some(MAX_MESSAGE),
                ..WebSocketConfig::default()
            };
            let (mut socket, _) = tokio_tungstenite::connect_async_with_config(url, Some(limits), true)
                .await
                .map_err(|error| broken(&error))?;
            loop {
                if let Message::Welcome { session: id, keepalive } = hear(&mut socket).await? {
                    return Ok(Self { id, keepalive, socket });
                }
            }
        });
        welcomed.await.unwrap_or(Err(SessionEnd::Silent))
    }

    /// The next message. A session that fails is over. May be dropped while it waits.
    pub async fn next(&mut self) -> Result<Message, SessionEnd> {
        let patience = self.keepalive + KEEPALIVE_SLACK;
        tokio::time::timeout(patience, hear(&mut self.socket)).await.unwrap_or(Err(SessionEnd::Silent))
    }

    /// Says goodbye, as far as that is quick.
    pub async fn close(mut self) {
        let _ = tokio::time::timeout(GOODBYE, self.socket.close(None)).await;
    }
}

/// The next message of Twitch's own form; what else goes over a websocket is answered by the library.
async fn hear(socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) -> Result<Message, SessionEnd> {
    loop {
        let frame = socket.next().await.ok_or_else(|| SessionEnd::Broken("it has ended".to_owned()))?;
        match frame.map_err(|error| broken(&error))? {
            tungstenite::Message::Text(text) => {
                if let Some(message) = Message::read(&text) {
                    return Ok(message);
                }
                tracing::warn!(length = text.len(), "a message of Twitch's cannot be read");
            }
            tungstenite::Message::Close(frame) => {
                let (code, words) = frame
                    .map_or((1005, String::new()), |frame| (frame.code.into(), frame.reason.into_owned()));
                return Err(SessionEnd::Closed { code, words });
            }
            _ => {}
        }
    }
}

/// What went wrong, without the address: that of a reconnect is as good as a password.
fn broken(error: &tungstenite::Error) -> SessionEnd {
    SessionEnd::Broken(match error {
        tungstenite::Error::Io(error) => error.to_string(),
        tungstenite::Error::Http(answer) => format!("it answers {}", answer.status()),
        tungstenite::Error::Url(_) => "the address is no address of a websocket".to_owned(),
        tungstenite::Error::Tls(_) => "the encrypted connection fails".to_owned(),
        _ => "it is no websocket any more".to_owned(),
    })
}
