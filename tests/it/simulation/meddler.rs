//! Somebody between the product and Discord who makes the world look as it would if the product were broken. It changes
//! requests in place, so that their lengths stay what they are.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use livebell_fakes::discord::{ChannelKind, Discord};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// What is done to requests.
#[derive(Clone, Copy, Debug)]
pub(super) enum Meddling {
    /// Every attempt gets a nonce of its own: Discord recognises none of them.
    NoncePerAttempt,
    /// Some messages are taken and never shown: the product believes that it has delivered them.
    TakenAndLost,
}

/// One message of so many is lost.
const LOST: usize = 3;

/// Larger than any request of the bot's.
const BUFFER: usize = 64 * 1024;

/// Where a nonce begins in a body.
const NONCE: &[u8] = b"\"nonce\":\"";

/// Where the channel stands in a request for a message.
const POST: &[u8] = b"POST /api/v10/channels/";

#[derive(Debug)]
struct Meddler {
    meddling: Meddling,
    /// A channel that nobody looks at.
    nowhere: String,
    seen: AtomicUsize,
}

/// Stands between the product and Discord, and returns the address to use instead of Discord's.
#[expect(clippy::disallowed_methods, reason = "this is a part of the world, not of the product")]
pub(super) async fn between(discord: &Discord, meddling: Meddling) -> String {
    let nowhere = discord.add_channel(discord.add_guild("Nowhere"), "nowhere", ChannelKind::Text).to_string();
    let meddler = Arc::new(Meddler { meddling, nowhere, seen: AtomicUsize::new(0) });
    let there: SocketAddr = discord.url().trim_start_matches("http://").parse().expect("an address");
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback");
    let here = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(carry(Arc::clone(&meddler), client, there));
        }
    });
    format!("http://{here}")
}

/// Carries everything between the two until one of them goes.
async fn carry(meddler: Arc<Meddler>, client: TcpStream, there: SocketAddr) -> Option<()> {
    let discord = TcpStream::connect(there).await.ok()?;
    // Or everything would wait for an acknowledgement that takes real time.
    client.set_nodelay(true).ok()?;
    discord.set_nodelay(true).ok()?;
    let (from_client, to_client) = client.into_split();
    let (from_discord, to_discord) = discord.into_split();
    tokio::select! {
        there = pump(from_client, to_discord, |bytes| meddler.meddle(bytes)) => there,
        back = pump(from_discord, to_client, |_| {}) => back,
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, change: impl Fn(&mut [u8])) -> Option<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = from.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
        change(&mut buffer[..read]);
        to.write_all(&buffer[..read]).await.ok()?;
    }
}

impl Meddler {
    fn meddle(&self, bytes: &mut [u8]) {
        if !bytes.starts_with(POST) {
            return;
        }
        let seen = self.seen.fetch_add(1, Ordering::Relaxed);
        let (place, words) = match self.meddling {
            Meddling::NoncePerAttempt => (after(bytes, NONCE), format!("{seen:06}")),
            Meddling::TakenAndLost if seen.is_multiple_of(LOST) => (after(bytes, POST), self.nowhere.clone()),
            Meddling::TakenAndLost => return,
        };
        if let Some(place) = place.and_then(|place| bytes.get_mut(place..place + words.len())) {
            place.copy_from_slice(words.as_bytes());
        }
    }
}

/// Where the bytes after these begin.
fn after(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).position(|window| window == mark).map(|at| at + mark.len())
}
