//! The door of the server: so many guests at once, and whoever says nothing for too long, or does not get to the end of it,
//! has to go. What is public may be called by anybody.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

/// Connections that are open at once. A proxy shares a few among all it serves; each takes a few tens of kilobytes.
const MAX_GUESTS: usize = 512;

/// How long a connection may be silent between two requests. Proxies keep theirs open for up to two minutes in case something
/// comes, and one that is closed just then would cost a message.
const SILENCE: Duration = Duration::from_secs(150);

/// How long a request may take from its first byte until the last byte of the answer has been handed over. The longest that
/// is served takes nine seconds: a body that comes in slowly, and a database that is written to by others.
const REQUEST_WITHIN: Duration = Duration::from_secs(30);

/// The door.
pub(super) struct Door {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl Door {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(MAX_GUESTS)) }
    }
}

impl Listener for Door {
    type Io = Guest;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Guest, SocketAddr) {
        // It is never closed, so there is always a place sooner or later.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // Small answers would wait for the other side's acknowledgement otherwise.
        let _ = stream.set_nodelay(true);
        let patience = Box::pin(tokio::time::sleep(SILENCE));
        (Guest { stream, patience, asks: false, answers: false, _place: place }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection, with its place and how long it is waited for.
pub(super) struct Guest {
    stream: TcpStream,
    /// Begins anew with a request and with the end of an answer, and not with whatever else comes or goes: who says or takes
    /// one byte now and then is waited for no longer than who does nothing.
    patience: Pin<Box<Sleep>>,
    /// Whether a request has begun that is not answered.
    asks: bool,
    /// Whether an answer has begun that is not handed over.
    answers: bool,
    _place: Option<OwnedSemaphorePermit>,
}

impl Guest {
    /// Lets the patience begin anew, and be woken by its end: nobody may come by before that.
    fn wait_anew(&mut self, context: &mut Context<'_>, within: Duration) {
        self.patience = Box::pin(tokio::time::sleep(within));
        let _ = self.patience.as_mut().poll(context);
    }

    /// What has come of something, unless it is still waited for and has been for too long.
    fn unless_too_long<T>(
        &mut self,
        context: &mut Context<'_>,
        came: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if came.is_ready() {
            return came;
        }
        self.patience.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }

    fn wrote(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        self.answers |= written.is_ready();
        self.unless_too_long(context, written)
    }
}

impl AsyncRead for Guest {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() && !self.asks {
            self.asks = true;
            self.wait_anew(context, REQUEST_WITHIN);
        }
        self.unless_too_long(context, read)
    }
}

impl AsyncWrite for Guest {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, buffer);
        self.wrote(context, written)
    }

    /// The server flushes when it has written everything that it has.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready() && self.answers {
            self.asks = false;
            self.answers = false;
            self.wait_anew(context, SILENCE);
        }
        self.unless_too_long(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.unless_too_long(context, shut)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.wrote(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
