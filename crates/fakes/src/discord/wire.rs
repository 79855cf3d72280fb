//! The sockets under the fake: without Nagle's delay, and each with a switch that cuts it. Knows nothing of HTTP.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

#[derive(Debug, Default)]
struct Switch {
    over: AtomicBool,
    reset: AtomicBool,
    waker: AtomicWaker,
}

/// The switch of one connection.
#[derive(Clone, Debug)]
pub(super) struct Line(Arc<Switch>);

impl Line {
    /// Aborts the connection: the peer sees a reset, without an answer and without a close frame.
    pub(super) fn cut(&self) {
        self.0.reset.store(true, Ordering::SeqCst);
        self.end();
    }

    /// Closes the connection, as the end of a process does.
    fn end(&self) {
        self.0.over.store(true, Ordering::SeqCst);
        self.0.waker.wake();
    }

    /// Whether the connection is over; if it is not, the task that asks is woken when it will be.
    fn is_over(&self, context: &Context<'_>) -> bool {
        self.0.waker.register(context.waker());
        self.0.over.load(Ordering::SeqCst)
    }
}

/// Every connection that is open, so that all of them end with the server.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines(Arc<Mutex<Vec<Weak<Switch>>>>);

impl Lines {
    fn open(&self) -> Line {
        let switch = Arc::new(Switch::default());
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.retain(|line| line.strong_count() > 0);
        lines.push(Arc::downgrade(&switch));
        Line(switch)
    }

    pub(super) fn end_all(&self) {
        let lines = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for switch in lines.iter().filter_map(Weak::upgrade) {
            Line(switch).end();
        }
    }
}

/// A listener whose connections can be cut.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) listener: TcpListener,
    pub(super) lines: Lines,
}

impl Listener for Door {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (stream, peer) = Listener::accept(&mut self.listener).await;
        // serenity writes its frames in small pieces: with Nagle's delay its 500 ms read timeout passes first.
        let _ = stream.set_nodelay(true);
        (Wire { stream, line: self.lines.open() }, peer)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// One accepted connection.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    line: Line,
}

impl Wire {
    fn check(&self, context: &Context<'_>) -> io::Result<()> {
        if !self.line.is_over(context) {
            return Ok(());
        }
        Err(io::Error::from(io::ErrorKind::ConnectionAborted))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.line.0.reset.load(Ordering::SeqCst) {
            // Without lingering, closing sends a reset, which is what a broken network looks like to the client.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        wire.check(cx)?;
        Pin::new(&mut wire.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let wire = self.get_mut();
        wire.check(cx)?;
        Pin::new(&mut wire.stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let wire = self.get_mut();
        wire.check(cx)?;
        Pin::new(&mut wire.stream).poll_shutdown(cx)
    }
}

impl Connected<IncomingStream<'_, Door>> for Line {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.io().line.clone()
    }
}
