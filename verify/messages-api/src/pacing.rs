//! The body of a streamed answer: its events, at the pace and with the fault that the script wants.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame};
use tokio::time::{Sleep, sleep};

use crate::reply::Fault;
use crate::sse::{Event, EventResult};

pub(crate) struct PacedEvents {
    events: Box<dyn Iterator<Item = EventResult> + Send>,
    sent: usize,
    between_deltas: Duration,
    fault: Option<Fault>,
    /// A delta that waits for its time.
    waiting: Option<(Event, Pin<Box<Sleep>>)>,
    /// Whether the server got a chance to write out what was sent, before the cut.
    flushed: bool,
}

impl PacedEvents {
    pub(crate) fn new(
        events: impl Iterator<Item = EventResult> + Send + 'static,
        between_deltas: Duration,
        fault: Option<Fault>,
    ) -> Self {
        PacedEvents {
            events: Box::new(events),
            sent: 0,
            between_deltas,
            fault,
            waiting: None,
            flushed: false,
        }
    }

    fn fail(&mut self, context: &Context<'_>, fault: Fault) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match fault {
            // Nothing will wake this up but the client's leaving, which the server sees for itself.
            Fault::HangAfterEvents(_) => Poll::Pending,
            Fault::CutAfterEvents(_) if self.flushed => Poll::Ready(Some(Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "cut as the script wants",
            )))),
            Fault::CutAfterEvents(_) => {
                self.flushed = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn send(&mut self, event: Event) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.sent += 1;
        Poll::Ready(Some(Ok(Frame::data(event.bytes.into()))))
    }
}

impl Body for PacedEvents {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if let Some((_, timer)) = &mut self.waiting {
            ready!(timer.as_mut().poll(context));
        }
        if let Some((event, _)) = self.waiting.take() {
            return self.send(event);
        }

        let fault = self.fault;
        if let Some(fault) = fault
            && self.sent == fault.after_events()
        {
            return self.fail(context, fault);
        }
        match (self.events.next().transpose()?, fault) {
            (Some(event), _) if event.is_delta && !self.between_deltas.is_zero() => {
                let mut timer = Box::pin(sleep(self.between_deltas));
                match timer.as_mut().poll(context) {
                    Poll::Ready(()) => self.send(event),
                    Poll::Pending => {
                        self.waiting = Some((event, timer));
                        Poll::Pending
                    }
                }
            }
            (Some(event), _) => self.send(event),
            (None, Some(fault)) => self.fail(context, fault),
            (None, None) => Poll::Ready(None),
        }
    }
}
