//! The least HTTP client that can call a webhook on loopback: one connection for one POST.

use std::fmt::Write;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// "A few seconds" is all that Twitch gives an answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Far above any answer to a webhook.
const MAX_ANSWER_BYTES: u64 = 64 * 1024;

/// Host and port of a callback, and its path; `None` for what the fake will not call.
pub(super) fn authority(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    let (authority, path) = rest.find('/').map_or((rest, "/"), |slash| rest.split_at(slash));
    let is_loopback = ["127.0.0.1:", "localhost:", "[::1]:"].iter().any(|host| authority.starts_with(host));
    is_loopback.then_some((authority, path))
}

/// The status and body of the answer.
pub(super) async fn post(
    url: &str,
    headers: &[(&'static str, &str)],
    body: &str,
) -> io::Result<(u16, Vec<u8>)> {
    let answer = tokio::time::timeout(PATIENCE, exchange(url, headers, body)).await;
    answer.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn exchange(url: &str, headers: &[(&'static str, &str)], body: &str) -> io::Result<(u16, Vec<u8>)> {
    let (authority, path) = authority(url).ok_or(io::ErrorKind::InvalidInput)?;
    let mut stream = TcpStream::connect(authority).await?;
    stream.set_nodelay(true)?;
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        let _ = write!(request, "{name}: {value}\r\n");
    }
    request.push_str("\r\n");
    request.push_str(body);
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(MAX_ANSWER_BYTES).read_to_end(&mut answer).await?;
    parse(&answer).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn parse(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some((status, answer[end + 4..].to_vec()))
}
